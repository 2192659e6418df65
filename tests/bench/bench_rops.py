# SPDX-License-Identifier: Apache-2.0
"""Beside rops (`cargo install rops-cli`), which reads what the original writes: start, a small file, and 50,000 leaves of YAML and
JSON. It takes documents from stdin only where that is no terminal, so both get them there."""
import statistics

FAST_RUNS = 40


def bench(b, rops, programs, documents):
    """`programs`: (title, path) of ours; `documents`: (title, kind, clear, sealed, runs)"""
    with open(b.path("keys.txt")) as f:
        b.env["ROPS_AGE"] = [line.strip() for line in f if line.startswith("AGE-SECRET")][0]
    age = ["--age", b.recipient]
    rows = [("start", ["--help"], ["--help"], None, FAST_RUNS)]
    for title, kind, clear, sealed, runs in documents:
        ours, theirs = ["--filename-override", "x." + kind], ["-f", kind]
        rows += [(title + " encrypt", ["encrypt"] + age + ours, ["encrypt"] + age + theirs, clear, runs),
                 (title + " decrypt", ["decrypt"] + ours, ["decrypt"] + theirs, sealed, runs)]
    for title, ours, theirs, stdin, runs in rows:
        all_programs = programs + [("rops", rops)]
        took, peak = {name: [] for name, _ in all_programs}, dict.fromkeys((name for name, _ in all_programs), 0.0)
        for _ in range(runs):
            for name, program in all_programs:
                seconds, memory = b.run([program] + (theirs if name == "rops" else ours), b.path("out.rops"), stdin)
                took[name].append(seconds)
                peak[name] = max(peak[name], memory)
        for name, _ in programs:
            b.row("%s beside rops: %s" % (name, title), statistics.median(took[name]), statistics.median(took["rops"]), peak[name], peak["rops"])
