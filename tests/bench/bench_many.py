# SPDX-License-Identifier: Apache-2.0
"""Many files at once: `-r` beside a run of the original for each of 500 files, and beside a run of our own for each. What takes a
run for each file is measured with a few files and reckoned up to all. Files are flushed to the disk in each way: put TMPDIR where
files usually are."""
import os
import shutil
import statistics

FILES, SAMPLE, RUNS = 500, 25, 3


def make(b, recipients):
    """a folder of FILES sealed files of 20 values, one of clear ones, and a configuration that wants one recipient less"""
    for folder in ("clear", "sealed"):
        os.makedirs(os.path.join(b.path("many"), folder))
    os.chdir(b.path("many"))
    for i in range(FILES):
        with open("clear/%d.yaml" % i, "w") as f:
            f.write("".join("key%d: value %d of file %d\n" % (k, k, i) for k in range(20)))
    with open(".sops.yaml", "w") as f:
        f.write("creation_rules:\n  - path_regex: ^(clear|sealed|now)/\n    age: %s\n" % ",".join(recipients))
    b.run([b.opts.ours, "encrypt", "-r", "--output-dir", "sealed", "clear"], b.path("out.ours"))
    with open(".sops.yaml", "w") as f:
        f.write("creation_rules:\n  - path_regex: ^(clear|sealed|now)/\n    age: %s\n" % recipients[0])


def fresh(source):
    shutil.rmtree("now", ignore_errors=True)
    shutil.copytree(source, "now")


def singly(b, program, args, source):
    """seconds that FILES runs would take, by a few of them"""
    fresh(source)
    return statistics.mean(b.run([program] + args + ["now/%d.yaml" % i], b.path("out.other"))[0] for i in range(SAMPLE)) * FILES


def together(b, args, source):
    took = []
    for _ in range(RUNS):
        fresh(source)
        took.append(b.run([b.opts.ours] + args + ["now"], b.path("out.ours")))
    return statistics.median(t for t, _ in took), max(m for _, m in took)


def bench(b, recipients):
    """all rows; `b` has run(argv, out), path, row(title, ours, other seconds, peak) and opts"""
    make(b, recipients)
    for command, flags, source in (("updatekeys", ["-y"], "sealed"), ("rotate", ["-i"], "sealed"), ("decrypt", ["-i"], "sealed"),
                                   ("encrypt", ["-i"], "clear")):
        seconds, peak = together(b, [command, "-r"] + flags, source)
        b.row("%s -r, %d files" % (command, FILES), seconds, singly(b, b.opts.other, [command] + flags, source), peak)
        b.row("%s -r, beside runs of our own" % command, seconds, singly(b, b.opts.ours, [command] + flags, source), peak)
