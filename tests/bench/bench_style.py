# SPDX-License-Identifier: Apache-2.0
"""Text as written: encrypt, decrypt and set with --preserve-style beside the same without it, and TOML beside JSON of the
same values, 20,000 leaves (--leaves: at most as many) with a comment for each ten. All of it is our own program."""
import shutil
import statistics

LEAVES, EACH = 20000, 10
KEY = '["group00077"]["key_3"]'
TOML = "stores: {toml: {enabled: true}}\n"


def value(g, i):
    return "v%05d-%d-%s" % (g, i, "x" * 16)


def written(b, kind, leaves):
    """a file as a person would write it; group by group, as the memory of this process counts as that of what it starts"""
    head, line = {"yaml": ("# group %s\n%s:\n", "  %s:   '%s'\n"), "toml": ("# group %s\n[%s]\n", '%s   = "%s"\n'), "ini": ("; group %s\n[%s]\n", "%s   = %s\n"),
                  "env": ("# group %s %s\n", "%s_%s='%s'\n")}.get(kind, ("", ""))
    with open(b.path("written." + kind), "w") as f:
        for g in range(leaves // EACH):
            name, pairs = "group%05d" % g, [("key_%d" % i, value(g, i)) for i in range(EACH)]
            if kind == "json":
                f.write("%s   \"%s\": {\n" % (",\n" if g else "{\n", name) + ",\n".join('      "%s": "%s"' % kv for kv in pairs) + "\n   }")
            else:
                f.write(head % (name, name) + "".join(line % ((name, *kv) if kind == "env" else kv) for kv in pairs) + "\n")
        f.write("\n}\n" if kind == "json" else "")


def turns(b, title, mine, beside, before=None):
    """one row: two lists of arguments of our program, in turn"""
    took, peak = ([], []), [0.0, 0.0]
    for _ in range(b.opts.runs):
        for n, args in enumerate((mine, beside)):
            if before:
                before(n)
            seconds, memory = b.run([b.opts.ours] + args, b.path("out.style"))
            took[n].append(seconds)
            peak[n] = max(peak[n], memory)
    ours, other = (statistics.median(t) for t in took)
    b.row(title, ours, other, peak[0], peak[1])


def sealed(b, name, flags):
    """a file that our program encrypted; its name"""
    out = b.path(("style." if flags else "plain.") + name)
    b.run([b.opts.ours, "encrypt", "--age", b.recipient, *flags, b.path(name)], out)
    return out


def with_and_without(b, kind):
    switch, off, name = ["--preserve-style=strict"], ["--preserve-style=false"], "written." + kind
    encrypt = ["encrypt", "--age", b.recipient]
    turns(b, "%s encrypt as written, beside encrypt" % kind, encrypt + switch + [b.path(name)], encrypt + off + [b.path(name)])
    kept, plain, work = sealed(b, name, switch), sealed(b, name, []), b.path("work." + kind)
    turns(b, "%s decrypt as written, beside decrypt" % kind, ["decrypt", *switch, kept], ["decrypt", *off, plain])
    key = '["group00077_key_3"]' if kind == "env" else KEY
    turns(b, "%s set as written, beside set" % kind, ["set", *switch, work, key, '"new"'], ["set", *off, work, key, '"new"'],
          lambda n: shutil.copy((kept, plain)[n], work))


def toml_beside_json(b):
    """both without the switch"""
    pair = [["encrypt", "--age", b.recipient, b.path("written." + kind)] for kind in ("toml", "json")]
    turns(b, "toml encrypt, beside json", *pair)
    files = [sealed(b, "written." + kind, []) for kind in ("toml", "json")]
    turns(b, "toml decrypt, beside json", *[["decrypt", f] for f in files])
    work = [b.path("work.toml"), b.path("work.json")]
    turns(b, "toml set, beside json", *[["set", w, KEY, '"new"'] for w in work], before=lambda n: shutil.copy(files[n], work[n]))


def bench(b):
    """all rows; `b` has run(argv, out), put, path, row(title, ours, other seconds, peaks), opts and recipient"""
    leaves = min(LEAVES, b.opts.leaves)
    b.put(".sops.yaml", TOML)
    for kind in ("yaml", "toml", "ini", "env", "json"):
        written(b, kind, leaves)
        if kind != "toml":  # always as written
            with_and_without(b, kind)
    toml_beside_json(b)
