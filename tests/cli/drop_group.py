#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An editor that takes the second key group, and the threshold, out of the metadata that `edit -s` shows as YAML."""
import re
import sys

text = open(sys.argv[1]).read()
head, groups = text.split("    key_groups:\n")
items = re.split(r"(?m)^(?=        - )", groups)
last, rest = re.match(r"((?:        [^\n]*\n)+)((?s:.*))", items[-1]).groups()
rest = re.sub(r"    shamir_threshold: .*\n", "", rest)
open(sys.argv[1], "w").write(head + "    key_groups:\n" + items[1] + rest)
