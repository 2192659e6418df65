# SPDX-License-Identifier: Apache-2.0
"""Kubernetes and running programs, each beside what it is measured by: `krm` over 200 sealed Secrets beside decrypting one
file of the same size (user time), `exec-env --redact` beside `cat | cat`, `render` beside `cat`, and what kubectl waits for
with 400 plain manifests. Beside cat it is the processor time of all processes, as a busy machine shows nothing else; what
has a limit in milliseconds (the second column) is the fastest run. The last two columns are peak memory, ours and (a
stream) its size."""
import os
import random
import statistics
import string
import subprocess
import time

SECRETS, PLAIN, OUTPUT, RUNS, SHORT_RUNS = 200, 400, 256 << 20, 5, 41
SECRET = "apiVersion: v1\nkind: Secret\nmetadata:\n    name: s%d\nstringData:\n" + "".join("    key%d: value-of-some-length-%d\n" % (i, i) for i in range(5))
LOG = b'2026-11-29T22:00:00Z INFO request id=abcdef0123456789 path=/api/v1/things/42 status=200 took=13ms user=alice\n'


def encrypted(b, name, text, *flags):
    done = subprocess.run([b.opts.ours, "encrypt", "--age", b.recipient, "--filename-override", name, *flags], input=text.encode(), env=b.env,
                          stdout=subprocess.PIPE, check=True)
    with open(b.path(name), "wb") as f:
        f.write(done.stdout)
    return done.stdout


def measured(b, command, stdin=os.devnull, runs=RUNS):
    """of a shell's command: the fastest run, medians of processor and user time, in seconds, and peak MiB"""
    took, total, user, peak = [], [], [], 0
    for _ in range(runs):
        # posix_spawn, as a fork of this interpreter would count as the program's memory.
        with open(stdin, "rb") as f, open(os.devnull, "wb") as out:
            begin = time.perf_counter()
            child = os.posix_spawn("/bin/sh", ["/bin/sh", "-c", "cd %s && %s" % (b.folder, command)], b.env,
                                   file_actions=[(os.POSIX_SPAWN_DUP2, f.fileno(), 0), (os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
            _, status, usage = os.wait4(child, 0)
            took.append(time.perf_counter() - begin)
        if status:
            raise SystemExit("%s: status %d" % (command, status))
        total.append(usage.ru_utime + usage.ru_stime)
        user.append(usage.ru_utime)
        peak = max(peak, usage.ru_maxrss / 1024)
    return min(took), statistics.median(total), statistics.median(user), peak


def krm(b, sops):
    sealed = [encrypted(b, "s%d.yaml" % i, SECRET % i, "--encrypted-regex", "^stringData$") for i in range(SECRETS)]
    size, one = sum(map(len, sealed)), "top:\n"
    for i in range(size // 400):
        one += "    k%d:\n        a: value-of-some-length-%d\n        b: value-of-some-length-%d\n" % (i, i, i)
    part = len(encrypted(b, "one.yaml", one)) / size
    with open(b.path("list"), "w") as f:
        f.write("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n")
        f.writelines("- " + text.decode().rstrip("\n").replace("\n", "\n  ") + "\n" for text in sealed)
    with open(b.path("generator"), "w") as f:
        f.write("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: sops/v1\n  kind: SopsSecrets\n  files: [%s]\n"
                % ", ".join("s%d.yaml" % i for i in range(SECRETS)))
    with open(b.path("stream"), "wb") as f:
        f.write(b"---\n".join(sealed))
        for _ in range(2000):
            f.write((b"---\n" + LOG.replace(b" ", b": ", 1)) * 100)
    _, _, user, memory = measured(b, "exec %s decrypt one.yaml" % sops, runs=SHORT_RUNS)
    for title, command, stdin in (("kube: krm, 200 sealed items", "krm", "list"), ("kube: krm, a generator of 200", "krm", "generator")):
        _, _, ours, mib = measured(b, "exec %s %s" % (sops, command), b.path(stdin), SHORT_RUNS)
        b.row(title + " (user)", ours, user / part, mib, memory)
    _, whole, _, mib = measured(b, "exec %s krm --stream" % sops, b.path("stream"))
    _, cat, _, _ = measured(b, "exec cat", b.path("stream"))
    b.row("kube: krm --stream (cpu)", whole, cat, mib, os.path.getsize(b.path("stream")) / (1 << 20))


def redact(b, sops):
    rng = random.Random(1)
    with open(b.path("log"), "wb") as f:
        for _ in range(OUTPUT // 8 // len(LOG) // 100):
            f.write(LOG * 100)
    feed = "cat log log log log log log log log"
    _, cat, _, _ = measured(b, "%s | cat | cat >/dev/null" % feed)
    for count in (50, 3000):
        encrypted(b, "v%d.env" % count, "".join("K%d=%s\n" % (i, "".join(rng.choice(string.ascii_letters) for _ in range(rng.choice((12, 24, 40)))))
                                                for i in range(count)))
        _, took, _, mib = measured(b, "%s exec-env --redact v%d.env -- %s >/dev/null" % (sops, count, feed))
        b.row("kube: --redact, %d values (cpu)" % count, took, cat, mib)
    start, _, _, mib = measured(b, "%s exec-env --redact v3000.env -- true x" % sops, runs=SHORT_RUNS)
    b.row("kube: --redact, start with 3,000", start, 0.1, mib)


def bench(b):
    sops = b.opts.ours
    krm(b, sops)
    redact(b, sops)
    os.mkdir(b.path("plain"))
    for i in range(PLAIN):
        b.put("plain/%d.yaml" % i, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d}\ndata: {a: b}\n" % i)
    b.env["SOPS_KUBECTL"] = "/bin/true"
    took, _, _, mib = measured(b, "exec %s kubectl apply -f plain" % sops, runs=SHORT_RUNS)
    b.row("kube: before kubectl, 400 manifests", took, 0.01, mib)
    encrypted(b, "small.yaml", "k1: hello\n")
    b.put("template", ("server {\n  listen 80; # a line of a configuration\n}\n" * 130000)[:6000000] + "\n{{ k1 }}\n")
    _, took, _, mib = measured(b, "exec %s render --from small.yaml template >filled" % sops, runs=SHORT_RUNS)
    _, cat, _, _ = measured(b, "exec cat template >filled", runs=SHORT_RUNS)
    b.row("kube: render, 6 MB (cpu)", took, cat, mib)
