# SPDX-License-Identifier: Apache-2.0
"""check, beside what it cannot be faster than: grep over the same tree, filestatus for its start, git for what is staged."""
import os
import random
import shutil
import statistics

PLAIN, SEALED, SIZE, RUNS, STARTS = 10000, 500, 4096, 5, 40


def a_sealed_file():
    return next(os.path.join(folder, sorted(names)[0]) for folder, _, names in os.walk("secrets") if names)


def make(b):
    """a repository of PLAIN files of SIZE bytes and SEALED encrypted ones, all committed, and one change that is staged"""
    rng = random.Random(3)
    words = ["".join(rng.choice("abcdefghij") for _ in range(rng.randrange(2, 9))) for _ in range(500)]
    os.makedirs(b.path("check/clear"))
    os.chdir(b.path("check"))
    for i in range(PLAIN):
        if i % 100 == 0:
            os.makedirs("src/%d" % (i // 100))
        text = ""
        while len(text) < SIZE:
            text += " ".join(rng.choices(words, k=12)) + "\n"
        with open("src/%d/%d.txt" % (i // 100, i), "w") as f:
            f.write(text[:SIZE])
    for i in range(SEALED):
        with open("clear/%d.yaml" % i, "w") as f:
            f.write("".join("key%d: value %d of file %d\n" % (k, k, i) for k in range(20)))
    with open(".sops.yaml", "w") as f:
        f.write("creation_rules:\n  - path_regex: ^(clear|secrets)/\n    age: %s\n" % b.recipient)
    b.run([b.opts.ours, "encrypt", "-r", "--output-dir", "secrets", "clear"], b.path("out.ours"))
    shutil.rmtree("clear")
    git = [shutil.which("git"), "-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "gc.auto=0"]
    for args in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        b.run(git + args, b.path("out.other"))
    b.run([b.opts.ours, "set", a_sealed_file(), '["key3"]', '"new"'], b.path("out.ours"))
    b.run(git + ["add", "."], b.path("out.other"))


def beside(b, title, ours, other, runs=RUNS):
    """a row of two commands that take turns"""
    took, peak = ([], []), [0.0, 0.0]
    for _ in range(runs):
        for i, argv in enumerate(([b.opts.ours] + ours, other)):
            seconds, memory = b.run(argv, b.path("out.ours" if i == 0 else "out.other"))
            took[i].append(seconds)
            peak[i] = max(peak[i], memory)
    b.row(title, statistics.median(took[0]), statistics.median(took[1]), *peak)


def bench(b):
    make(b)
    git, grep = shutil.which("git"), shutil.which("grep")
    one = a_sealed_file()
    beside(b, "check: a file of git, beside filestatus", ["check", one], [b.opts.ours, "filestatus", one], STARTS)
    beside(b, "check: %d files, beside grep" % (PLAIN + SEALED), ["check", "."], [grep, "-rl", "ENC", "."])
    beside(b, "check: --scan, beside grep", ["check", "--scan", "."], [grep, "-rl", "ENC", "."])
    beside(b, "check: --staged, beside git", ["check", "--staged"], [git, "diff", "--cached", "--name-only"], STARTS)
    os.mkdir(b.path("alone"))
    shutil.copy(one, b.path("alone/one.yaml"))
    os.chdir(b.path("alone"))  # no repository: git is not asked
    beside(b, "check: start, beside filestatus", ["check", "one.yaml"], [b.opts.ours, "filestatus", "one.yaml"], STARTS)
