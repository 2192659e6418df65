# SPDX-License-Identifier: Apache-2.0
"""Sealed Secrets beside kubeseal: one Secret, and 200 encrypted files for five clusters against a call of kubeseal for each.
What takes a call for each file is measured with a few files and reckoned up to all. Where TMPDIR is on a disk, most of
the time is that files are flushed to it: TMPDIR=/dev/shm."""
import os
import shutil
import statistics
import subprocess
import sys
import time

KEYS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "acceptance", "seal", "keys")
FILES, CLUSTERS, SAMPLE = 200, 5, 20
SECRET = """apiVersion: v1
kind: Secret
metadata:
  name: db-%d
  namespace: app
type: Opaque
stringData:
  user: admin
  password: hunter2-%d
  url: postgres://db.example.org:5432/app
"""


def key(name):
    return os.path.join(KEYS, name)


def piped(b, *commands):
    """seconds of a pipe of commands: (argv, file for stdin or None)"""
    begin, source, running = time.perf_counter(), None, []
    for argv, stdin in commands:
        with open(stdin or os.devnull) as f:
            p = subprocess.Popen(argv, env=b.env, stdin=source or f, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        running.append(p)
        source = p.stdout
    running[-1].stdout.read()
    if any(p.wait() for p in running):
        sys.exit("%s: it failed" % " ".join(commands[-1][0]))
    return time.perf_counter() - begin


def ours(b, args, before=None, runs=3):
    """median seconds and peak MiB of our program"""
    took = []
    for _ in range(runs):
        if before:
            before()
        took.append(b.run([b.opts.ours] + args, b.path("out.ours")))
    return statistics.median(t for t, _ in took), max(m for _, m in took)


def each(b, commands, count):
    """seconds that `count` calls would take, by a few of them; commands(i) is the pipe of call i"""
    return statistics.median(piped(b, *commands(i)) for i in range(SAMPLE)) * count


def one(b, kubeseal):
    clear = b.put("secret.yaml", SECRET % (0, 0))
    mine, theirs, peak = [], [], 0
    for _ in range(20):
        seconds, memory = b.run([b.opts.ours, "seal", "--cert", key("dev.pem"), clear], b.path("out.ours"))
        mine.append(seconds)
        peak = max(peak, memory)
        theirs.append(piped(b, ([kubeseal, "--cert", key("dev.pem"), "-o", "yaml"], clear)))
    b.row("seal one Secret of 3 items", statistics.median(mine), statistics.median(theirs), peak)


def tree(b):
    """200 encrypted files and a configuration of five clusters"""
    top = b.path("tree")
    os.makedirs(os.path.join(top, "secrets"))
    clusters = "".join("    %s: {cert: %s}\n" % (c, key(c + ".pem")) for c in ("dev", "prod", "stage", "new", "big"))
    with open(os.path.join(top, ".sops.yaml"), "w") as f:
        f.write("creation_rules:\n  - age: %s\n    encrypted_regex: ^(data|stringData)$\nsealing:\n  clusters:\n%s  rules:\n    - path_regex: ^secrets/\n"
                "      clusters: [dev, prod, stage, new, big]\n      output: sealed/{cluster}/{name}.yaml\n" % (b.recipient, clusters))
    os.chdir(top)
    for i in range(FILES):
        with open("secrets/%d.yaml" % i, "w") as f:
            f.write(SECRET % (i, i))
        b.run([b.opts.ours, "encrypt", "-i", "secrets/%d.yaml" % i], b.path("out.ours"))


def bench(b, kubeseal):
    """all rows; `b` has run(argv, out), put, path, row(title, ours, other seconds, peak) and env"""
    one(b, kubeseal)
    tree(b)

    def fresh():
        shutil.rmtree("sealed", ignore_errors=True)
    first, peak = ours(b, ["seal", "-r", "secrets"], fresh)
    calls = each(b, lambda i: (([b.opts.other, "decrypt", "secrets/%d.yaml" % i], None), ([kubeseal, "--cert", key("prod.pem"), "-o", "yaml"], None)),
                 FILES * CLUSTERS)
    b.row("seal -r, %d files, %d clusters" % (FILES, CLUSTERS), first, calls, peak)
    again, peak = ours(b, ["seal", "-r", "secrets"])
    b.row("seal -r again, beside the first", again, first, peak)
    shutil.copytree("sealed/big", "check")
    recover = [kubeseal, "--recovery-unseal", "--recovery-private-key", key("big.key"), "-o", "yaml"]
    calls = each(b, lambda i: ((recover, "check/db-%d.yaml" % i),), FILES)
    took, peak = ours(b, ["unseal", "--check", "--key", key("big.key"), "-r", "check"])
    b.row("unseal --check, %d files, 4096 bits" % FILES, took, calls, peak)

    def restore():
        shutil.rmtree("check")
        shutil.copytree("sealed/big", "check")
    took, peak = ours(b, ["reseal", "--key", key("big.key"), "--cert", key("new.pem"), "-r", "check"], restore)
    calls = each(b, lambda i: ((recover, "sealed/big/db-%d.yaml" % i), ([kubeseal, "--cert", key("new.pem"), "-o", "yaml"], None)), FILES)
    b.row("reseal -r, %d files, 4096 bits" % FILES, took, calls, peak)
