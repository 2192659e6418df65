#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every hint of the program, looked up: an option that it names is one of the manual page, a command too, a variable is
read somewhere. Prints each hint that names what is not there. Which hints a command may show is sops_options_fit_hint."""
import glob
import re
import sys

SOURCES = [f for d in ("src", "formats", "keysources", "destinations") for f in glob.glob(d + "/**/*.c*", recursive=True)]
TEXT = r'"((?:[^"\\]|\\.)*)"'
# What others have: variables that other programs read.
OTHERS = {"PATH"}


def calls(text):
    """(start, arguments) of each call of sops_hint: the text up to the closing bracket."""
    for m in re.finditer(r"\bsops_hint\(", text):
        depth, at = 1, m.end()
        while depth:
            if text[at] == '"':
                at += len(re.match(TEXT, text[at:])[0])
                continue
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        yield m.start(), text[m.end():at]


def main():
    texts = {f: open(f, encoding="utf-8").read() for f in SOURCES}
    everything = "".join(texts.values())
    man = open("docs/sops.1", encoding="utf-8").read().replace("\\-", "-")
    options = set(re.findall(r"^\.B --([a-z0-9-]+)", man, re.M))
    commands = set(re.findall(r"^\.SS sops ([a-z-]+)", man, re.M))
    seen = 0
    for name, text in texts.items():
        for start, arguments in calls(text):
            # neighbours are one text
            for hint in re.findall(TEXT, re.sub(r'"\s*"', "", arguments)):
                seen += hint != ""
                hint = hint.replace("%s%s", "")
                wrong = ["--" + o for o in re.findall(r"--([a-z][a-z0-9-]*)", hint) if o not in options]
                wrong += ["sops " + c for c in re.findall(r"(?:`|'|^)sops ([a-z-]+)", hint) if c not in commands]
                wrong += [v for v in re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|\b[A-Z]{5,}\b", hint)
                          if v not in OTHERS and not re.search('"' + v + '[="]', everything) and v not in man
                          and not re.fullmatch("NAME|VALUE|FILE|OTHER", v)]
                for what in wrong:
                    line = text.count("\n", 0, start) + 1
                    print(f"{name}:{line}: the hint names '{what}', which is not there")
    if seen < 70:
        print(f"tests/lint/hints.py finds only {seen} hints: has sops_hint another name now?")


sys.exit(main())
