# SPDX-License-Identifier: Apache-2.0
"""The large documents that bench works on, each of a fixed seed. What they look like changes the ratios: the original
takes time that grows with the square of the keys of one JSON object, and comments and types cost each reader something.

As a program it writes them all: bench_documents.py FOLDER LEAVES MIB. What the process of bench had in memory would count as
the memory of what it starts."""
import json
import os
import random
import string
import sys

KINDS = ("yaml", "json", "ini", "env")


class Words:
    def __init__(self):
        self.rng = random.Random(1)

    def __call__(self, n):
        return "".join(self.rng.choice(string.ascii_letters + string.digits) for _ in range(n))


def tree(leaves, each):
    """groups of `each` texts of 24 characters"""
    word = Words()
    return {"group%05d" % g: {"key_%d" % i: word(24) for i in range(each)} for g in range(leaves // each)}


def plain(leaves):
    """YAML, INI and dotenv in groups of 10, JSON in groups of 50: (kind, text)"""
    groups = tree(leaves, 10)
    yield "yaml", "".join("%s:\n%s" % (g, "".join("    %s: %s\n" % kv for kv in m.items())) for g, m in groups.items())
    yield "json", json.dumps(tree(leaves, 50), indent="\t") + "\n"
    yield "ini", "\n".join("[%s]\n%s" % (g, "".join("%s = %s\n" % kv for kv in m.items())) for g, m in groups.items())
    yield "env", "".join("%s_%s=%s\n" % (g, k, v) for g, m in groups.items() for k, v in m.items())


def mixed(leaves):
    """YAML in groups of 50 with a comment for each ten, texts plain and in quotes, integers, floats, bools, comments behind values"""
    word = Words()
    rng, out = word.rng, []
    for g in range(leaves // 50):
        out.append("# the settings of group %d\ngroup%05d:\n" % (g, g))
        for i in range(50):
            value = (word(24), rng.randrange(10**6), "%d.%d%d" % (rng.randrange(100), rng.randrange(100), rng.randrange(1, 10)),
                     rng.choice(("true", "false")), '"%s %s"' % (word(8), word(8)), word(12), "'%s'" % word(16), word(32),
                     "%s # %s" % (word(10), word(12)), word(20))[i % 10]
            out.append(("    # a note on key_%d: %s\n" % (i, word(16)) if i % 10 == 5 else "") + "    key_%d: %s\n" % (i, value))
    return "".join(out)


def main():
    folder, leaves, mib = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for kind, text in (*plain(leaves), ("mixed.yaml", mixed(leaves)), ("bin", random.Random(2).randbytes(mib << 20))):
        with open(os.path.join(folder, "big." + kind), "wb" if kind == "bin" else "w") as f:
            f.write(text)


if __name__ == "__main__":
    main()
