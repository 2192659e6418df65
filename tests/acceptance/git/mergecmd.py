# SPDX-License-Identifier: Apache-2.0
"""sops merge: the same merge without git's driver; and the new words of the command line."""
import os

from harness import ALICE, check, line, need, sections, want

F = "s.yaml"
TEXT = "a: kanari-value-a\nb: kanari-value-b\nc: kanari-value-c\n"


def three(box, ours=("a", "kanari-ours"), theirs=("c", "kanari-theirs"), to=(ALICE,)):
    for n in ("base.yaml", "ours.yaml", "theirs.yaml"):
        box.write(n, box.seal("x.yaml", TEXT, to=to) if n == "base.yaml" else box.read("base.yaml"))
    os.unlink(box.path("x.yaml"))
    box.set("ours.yaml", '["%s"]' % ours[0], ours[1])
    box.set("theirs.yaml", '["%s"]' % theirs[0], theirs[1])
    return ["base.yaml", "ours.yaml", "theirs.yaml"]


@check()
def mergecmd_to_stdout(box):
    w = three(box)
    before = [box.read(n) for n in w]
    r = box.sops("merge", *w)
    box.write("m.yaml", r.out)
    want(box.tree("m.yaml"), {"a": "kanari-ours", "b": "kanari-value-b", "c": "kanari-theirs"}, "the merged tree")
    want([box.read(n) for n in w], before, "the three files")


@check()
def mergecmd_output_and_in_place(box):
    w = three(box)
    r = box.sops("merge", "--output", "m.yaml", *w)
    want((r.out, box.tree("m.yaml")["c"]), (b"", "kanari-theirs"), "--output")
    os.chmod(box.path("ours.yaml"), 0o640)
    r = box.sops("merge", "-i", *w)
    want((r.out, box.tree("ours.yaml")["c"], os.stat(box.path("ours.yaml")).st_mode & 0o777), (b"", "kanari-theirs", 0o640), "-i writes OURS and keeps its mode")
    box.sops("merge", "-i", "--output", "x.yaml", *w, rc=8)
    need(not os.path.exists(box.path("x.yaml")), "--output was made")


@check()
def mergecmd_conflict(box):
    w = three(box, theirs=("a", "kanari-theirs"))
    a, b = box.read("ours.yaml"), box.read("theirs.yaml")
    r = box.sops("merge", *w, rc=1)
    want(sections(r.out)[0], [([line(a, "a")], [line(b, "a")])], "the sections")
    need('["a"]' in r.said, "stderr does not name the path: %r" % r.said)
    r = box.sops("merge", "--output", "m.yaml", *w, rc=1)
    want(len(sections(box.read("m.yaml"))[0]), 1, "sections in --output")


@check()
def mergecmd_revisions(box):
    box.init()
    box.seal("s.enc.yaml", TEXT)
    box.fork(lambda: box.set("s.enc.yaml", '["a"]', "kanari-ours"), lambda: box.set("s.enc.yaml", '["c"]', "kanari-theirs"), merge=False)
    os.mkdir(box.path("sub"))
    box.sops("merge", "--output", "../m.yaml", "base:s.enc.yaml", "ours:./../s.enc.yaml", "theirs:s.enc.yaml", cwd=box.path("sub"))
    want(box.tree("m.yaml")["a"], "kanari-ours", "the merged tree")


@check()
def mergecmd_empty_base(box):
    w = three(box)
    r = box.sops("merge", "/dev/null", *w[1:], rc=1)
    want(len(sections(r.out)[0]), 2, "sections without a base")


@check()
def mergecmd_types(box):
    w = three(box)
    for n in w:
        os.rename(box.path(n), box.path(n[:-5]))
    box.sops("merge", "--input-type", "yaml", "--output", "m.yaml", *[n[:-5] for n in w])
    want(box.tree("m.yaml")["c"], "kanari-theirs", "the merged tree")


@check()
def mergecmd_bad_input(box):
    w = three(box)
    box.write("plain.yaml", "a: 1\n")
    box.write("broken.yaml", "a: [\n")
    box.write("mac.yaml", box.read("ours.yaml").replace(line(box.read("ours.yaml"), "b") + b"\n", b""))
    x = line(box.read("ours.yaml"), "b")
    box.write("damaged.yaml", box.read("ours.yaml").replace(x, b"b: " + line(box.read("ours.yaml"), "a")[3:]))
    for bad, rc in (("nothing.yaml", 100), ("plain.yaml", 2), ("broken.yaml", 2), ("mac.yaml", 51), ("damaged.yaml", 25)):
        for args in (("base.yaml", bad, "theirs.yaml"), ("base.yaml", "ours.yaml", bad)):
            r = box.sops("merge", "--output", "m.yaml", *args, rc=rc)
            need(bad in r.said and not os.path.exists(box.path("m.yaml")), "%s: not named in %r, or --output was made" % (bad, r.said))
    box.sops("merge", *w, who="", rc=128)
    box.sops("merge", *w[:2], rc=2)
    box.sops("merge", rc=2)
    box.sops("merge", *w, "more", rc=2)
    box.sops("merge", "--nonsense", *w, rc=2)


@check()
def mergecmd_whole_file_conflict_writes_nothing(box):
    w = three(box)
    enc = lambda rule: box.sops("encrypt", "--age", ALICE, "--encrypted-regex", rule, "--filename-override", F, input=TEXT).out
    box.write("ours.yaml", enc("^[ab]$"))
    box.write("theirs.yaml", enc("^[bc]$"))
    r = box.sops("merge", "--output", "m.yaml", *w, rc=1)
    need("not merged: " in r.said and "rule" in r.said and not os.path.exists(box.path("m.yaml")), "stderr: %r" % r.said)
    want(box.sops("merge", *w, rc=1).out, b"", "stdout")
    box.clear_ok.update(("ours.yaml", "theirs.yaml"))


@check()
def words_that_are_files(box):
    """A new word that is the last word while a file of that name exists is the file; `sops git` and the others still work with it there."""
    for n in ("merge", "diff", "replace", "git"):
        box.write(n, box.sops("encrypt", "--age", ALICE, "--input-type", "binary", "--filename-override", n, input="kanari in " + n).out)
        r = box.sops("-d", n)
        want(r.out.decode(), "kanari in " + n, "sops -d " + n)
        need("warning" in r.said.lower() and n in r.said, "no warning of -d: %r" % r.said)
        r = box.sops(n, env={"SOPS_EDITOR": "true"}, rc=200)
        need("warning" in r.said.lower() and n in r.said, "no warning: %r" % r.said)
    box.sops("diff", "diff", "diff")
    box.sops("git", "textconv", "merge")


@check()
def words_in_the_help(box):
    r = box.sops("help")
    need(all("\n" in r.text and any(x.split()[:1] == [w] for x in r.text.splitlines()) for w in ("merge", "diff", "replace", "git")), "a new command is not in the help")
    r = box.sops("git")
    need(all(w in r.text for w in ("install", "resolve", "textconv", "merge-driver", "filter-process")), "sops git alone does not list its commands")
    for c in (["merge"], ["diff"], ["replace"], ["git", "install"], ["git", "resolve"]):
        r = box.sops(*c, "--help")
        need(c[-1] in r.text and r.err == b"", "%s --help" % " ".join(c))
    need("--reuse" in box.sops("encrypt", "--help").text, "encrypt --help does not know --reuse")
    box.sops("git", "nonsense", rc=3)
