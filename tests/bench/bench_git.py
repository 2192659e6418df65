# SPDX-License-Identifier: Apache-2.0
"""What git has this program do, beside decrypt (or set) of one version by the same program: no other program has it.
"other" is decrypt, and for replace set."""
import os
import shutil
import statistics

CHANGES = 50


def median(b, args, before=None, runs=5, status=0):
    """median seconds and peak MiB of our program"""
    took = []
    for _ in range(runs):
        if before:
            before()
        took.append(b.run(["/bin/sh", "-c", '"$0" "$@" 2>/dev/null; [ $? -eq %d ]' % status, b.opts.ours] + args, b.path("out.ours")))
    return statistics.median(t for t, _ in took), max(m for _, m in took)


def versions(b, leaves, start, name):
    """a large file, and it with some values changed, from `start` on"""
    lines = []
    for i in range(leaves):
        if i % 100 == 0:
            lines.append("group%d:" % (i // 100))
        changed = start is not None and start <= i < start + CHANGES * 100 and i % 100 == 7
        lines.append("    key%d: %s-%d" % (i % 100, "changed" if changed else "value", i))
    clear = b.put(name + ".clear.yaml", "\n".join(lines) + "\n")
    more = ["--reuse", b.path("git-o.yaml")] if start is not None else []
    return b.seal(["--age", b.recipient, *more, clear], b.path("git-%s.yaml" % name))


def beside(b, title, ours, base):
    b.row(title, ours[0], base[0], ours[1], base[1])


def bench(b, leaves):
    base = versions(b, leaves, None, "o")
    ours, theirs = versions(b, leaves, 0, "a"), versions(b, leaves, leaves // 2, "b")
    decrypt = median(b, ["decrypt", ours])
    beside(b, "git: merge, %d leaves" % leaves, median(b, ["merge", base, ours, theirs]), decrypt)
    beside(b, "git: diff, %d leaves" % leaves, median(b, ["diff", ours, theirs], status=1), decrypt)
    beside(b, "git: textconv, %d leaves" % leaves, median(b, ["git", "textconv", ours]), decrypt)
    work = b.path("git-work.yaml")
    fresh = lambda: shutil.copy(base, work)
    set_one = median(b, ["set", work, '["group3"]["key3"]', '"new"'], fresh)
    replace = []
    for _ in range(5):
        fresh()
        replace.append(b.run(["/bin/sh", "-c", 'exec "$0" replace "$1" <"$2"', b.opts.ours, work, b.path("a.clear.yaml")], b.path("out.ours")))
    beside(b, "git: replace, %d leaves" % leaves, (statistics.median(t for t, _ in replace), max(m for _, m in replace)), set_one)
    small = [b.path("git-%s.small.yaml" % n) for n in "oab"]
    b.seal(["--age", b.recipient, b.put("small.clear.yaml", "a: one\nb: two\nc: three\n")], small[0])
    for path, key in zip(small[1:], "ac"):
        shutil.copy(small[0], path)
        b.run([b.opts.ours, "set", path, '["%s"]' % key, '"new"'], b.path("out.ours"))
    mine = b.path("git-mine.yaml")
    driver = median(b, ["git", "merge-driver", small[0], mine, small[2], "7", "f.yaml"], lambda: shutil.copy(small[1], mine), 20)
    beside(b, "git: driver, a small file", driver, median(b, ["decrypt", small[1]], None, 20))
    os.unlink(mine)
