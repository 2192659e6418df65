# SPDX-License-Identifier: Apache-2.0
"""sops git filter-process: clear text in the work tree, ciphertext in git."""
import os

from harness import ALICE, BOB, body, check, line, need, recipients, want

F = "s.enc.yaml"
TEXT = "# kanari note\na: kanari-1\nb: kanari-2\nc: kanari-3\n"


def start(box, files=((F, TEXT),), rule=True):
    """A repository with the filter; `files` are committed."""
    box.init(install=False, attributes="*.enc.* merge=sops diff=sops filter=sops\n")
    box.sops("git", "install", "--merge", "--diff", "--filter")
    box.write(".gitattributes", "*.enc.* merge=sops diff=sops filter=sops\n")
    if rule:
        box.write(".sops.yaml", "creation_rules:\n  - path_regex: \\.enc\\.\n    age: %s\n" % ALICE)
    for n, t in files:
        box.write(n, t)
        box.clear_ok.add(n)
    box.git("add", "-A", timeout=120)
    box.commit("base")


def blob(box, name, rev="HEAD"):
    return box.git("cat-file", "blob", rev + ":" + name).out


def status(box):
    box.git("update-index", "-q", "--refresh", rc=None, timeout=120)
    return box.git("status", "--porcelain", timeout=120).text


@check()
def filter_commit_and_checkout(box):
    start(box)
    need(b"ENC[" in blob(box, F) and b"kanari" not in blob(box, F), "the blob is not encrypted")
    want(recipients(blob(box, F)), [ALICE], "recipients by the creation rule")
    os.unlink(box.path(F))
    box.git("checkout", "--", F)
    want(box.read(F), TEXT.encode(), "the work tree")
    want(status(box), "", "git status")


@check()
def filter_keeps_git_status_quiet(box):
    start(box)
    o = blob(box, F)
    os.utime(box.path(F), (1, 1))
    want(status(box), "", "git status after touch")
    box.write(F, TEXT)
    box.git("add", F)
    box.git("commit", "-q", "--allow-empty", "-m", "nothing")
    want(blob(box, F), o, "the blob")
    box.git("rm", "-q", "--cached", F)
    box.git("add", F)
    want(box.git("cat-file", "blob", ":" + F).out, o, "the blob of a file that was out of the index: that of HEAD")


@check()
def filter_change_of_one_value(box):
    start(box)
    o = blob(box, F)
    box.write(F, TEXT.replace("kanari-2", "kanari-new"))
    want(status(box), " M %s\n" % F, "git status")
    need("+b: kanari-new\n" in box.git("diff").text and box.git("diff").text.count("\n+") == 2, "git diff")
    box.commit("two")
    m = blob(box, F)
    want([x for x in body(m) if x not in body(o)], [line(m, "b")], "lines of the blob that changed")


@check()
def filter_two_hundred_files(box):
    files = [("d%d/f%d.enc.%s" % (i % 7, i, k), {"yaml": "a: kanari-%d\n", "json": '{\n\t"a": "kanari-%d"\n}\n', "env": "A=kanari-%d\n", "ini": "[s]\na = kanari-%d\n"}[k] % i)
             for i, k in enumerate(["yaml", "json", "env", "ini"] * 50)]
    start(box, files)
    for n, _ in files:
        os.utime(box.path(n), (1, 1))
    want(status(box), "", "git status of 200 touched files")
    box.git("rm", "-q", "-r", "--cached", ".")
    box.git("reset", "-q", "--hard", timeout=120)
    for n, t in files[:8]:
        want(box.read(n), t.encode(), n)
    want(status(box), "", "git status after a checkout of everything")


@check()
def filter_in_a_clone_without_a_key(box):
    start(box)
    box.git("clone", "-q", "--no-checkout", ".", "clone")
    c = box.path("clone")
    box.sops("git", "install", "--filter", cwd=c)
    r = box.git("checkout", "-q", "main", cwd=c, who="")
    want(box.read("clone", F), blob(box, F), "the work tree of the clone")
    need(F in r.said, "no warning: %r" % r.said)
    os.utime(box.path("clone", F), (1, 1))
    want(box.git("status", "--porcelain", cwd=c, who="").text, "", "git status there")


@check()
def filter_takes_no_text_that_it_cannot_encrypt(box):
    start(box)
    for bad in ("a: [kanari\n", "<<<<<<< ours\na: kanari\n=======\na: kanari-2\n>>>>>>> theirs\n"):
        box.write(F, bad)
        box.git("add", F, rc=(1, 128))
        want(box.git("cat-file", "blob", ":" + F).out, blob(box, F), "the index")


@check()
def filter_without_a_creation_rule(box):
    start(box)
    box.write("n.enc.yaml", "a: kanari\n")
    box.clear_ok.add("n.enc.yaml")
    box.write(".sops.yaml", "creation_rules:\n  - path_regex: ^nothing$\n    age: %s\n" % ALICE)
    box.git("add", "n.enc.yaml", rc=(1, 128))
    box.write(F, TEXT.replace("kanari-2", "kanari-new"))
    box.git("add", F)
    o, m = blob(box, F), box.git("cat-file", "blob", ":" + F).out
    want((recipients(m), [x for x in body(m) if x not in body(o)]), ([ALICE], [line(m, "b")]), "a file that was there keeps its own keys and ciphertexts")
    need(line(m, "b") != line(o, "b"), "the change is not in the index")


@check()
def filter_new_recipients(box):
    start(box)
    box.write(".sops.yaml", "creation_rules:\n  - path_regex: \\.enc\\.\n    age: %s,%s\n" % (ALICE, BOB))
    box.git("add", "--renormalize", ".")
    m = box.git("cat-file", "blob", ":" + F).out
    want(recipients(m), sorted([ALICE, BOB]), "recipients")
    need(not set(x for x in body(m) if b"ENC[" in x) & set(body(blob(box, F))), "the old data key is kept for other people")
    box.git("commit", "-q", "-m", "two")
    os.utime(box.path(F), (1, 1))
    want(status(box), "", "git status afterwards")


@check()
def filter_encrypted_text_stays(box):
    start(box)
    o = blob(box, F)
    box.write(F, o)
    box.git("add", F)
    want((status(box), box.git("cat-file", "blob", ":" + F).out), ("", o), "git status and the index, with the ciphertext in the work tree")
    box.set(F, '["a"]', "kanari-set")
    t = box.read(F)
    box.git("add", F)
    want(box.git("cat-file", "blob", ":" + F).out, t, "the index")


@check()
def filter_and_merges(box):
    start(box)
    put = lambda old, new: box.write(F, TEXT.replace(old, new))
    box.fork(lambda: put("kanari-1", "kanari-ours"), lambda: put("kanari-3", "kanari-theirs"))
    want(box.read(F).decode(), TEXT.replace("kanari-1", "kanari-ours").replace("kanari-3", "kanari-theirs"), "the work tree after a merge")
    want(status(box), "", "git status")
    o, a, b = box.versions(F)
    want((line(blob(box, F), "a"), line(blob(box, F), "c"), line(blob(box, F), "b")), (line(a, "a"), line(b, "c"), line(o, "b")), "the lines of the blob")


@check()
def filter_and_conflicts(box):
    start(box)
    box.fork(lambda: box.write(F, TEXT.replace("kanari-1", "kanari-ours")), lambda: box.write(F, TEXT.replace("kanari-1", "kanari-theirs")), rc=1)
    need(b"<<<<<<<" in box.read(F) and b"kanari" not in box.read(F), "markers around ciphertexts")
    box.git("add", F, rc=(1, 128))
    box.sops("git", "resolve", "--theirs", "--add", F)
    box.git("commit", "-q", "--no-edit")
    os.unlink(box.path(F))
    box.git("checkout", "--", F)
    want(box.read(F).decode(), TEXT.replace("kanari-1", "kanari-theirs"), "the work tree")


@check()
def filter_stash(box):
    start(box)
    box.write(F, TEXT.replace("kanari-1", "kanari-stashed"))
    box.git("stash", "-q")
    want((box.read(F).decode(), status(box)), (TEXT, ""), "after git stash")
    box.git("stash", "pop", "-q")
    want(box.read(F).decode(), TEXT.replace("kanari-1", "kanari-stashed"), "after git stash pop")


@check()
def filter_protocol(box):
    """The process itself: several requests, packets of the largest size, an unknown capability, an error in between, the end."""
    box.init()
    box.write(".sops.yaml", "creation_rules:\n  - age: %s\n" % ALICE)
    big = "".join("k%d: kanari-%d\n" % (i, i) for i in range(9000))
    sealed = box.sops("encrypt", "--age", ALICE, "--filename-override", "x.yaml", input=big).out
    pkt = lambda *xs: b"".join(b"0000" if x is None else b"%04x" % (len(x) + 4) + x for x in xs)

    def req(command, name, data):
        parts = [data[i:i + 65516] for i in range(0, len(data), 65516)]
        return pkt(b"command=" + command + b"\n", b"pathname=" + name + b"\n", b"ref=refs/heads/main\n", None, *parts, None)
    hello = pkt(b"git-filter-client\n", b"version=2\n", None, b"capability=clean\n", b"capability=smudge\n", b"capability=delay\n", None)
    r = box.sops("git", "filter-process", input=hello + req(b"smudge", b"x.yaml", sealed) + req(b"clean", b"bad.yaml", b"a: [") + req(b"clean", b"y.yaml", big.encode()) + req(b"smudge", b"p.yaml", b"a: 1\n") + req(b"clean", b"empty.yaml", b""))
    packets, at = [], 0
    while at < len(r.out):
        n = int(r.out[at:at + 4], 16)
        packets.append(r.out[at + 4:at + n] if n else None)
        need(n == 0 or 4 < n <= 65520, "a packet of %d bytes" % n)
        at += n or 4
    lists, cur = [], []
    for p in packets:
        if p is None:
            lists.append(cur)
            cur = []
        else:
            cur.append(p)
    want([x.strip() for x in lists[0]], [b"git-filter-server", b"version=2"], "the greeting")
    want(sorted(x.strip() for x in lists[1]), [b"capability=clean", b"capability=smudge"], "capabilities")
    rest = lists[2:]
    want((rest[0], b"".join(rest[1]).decode(), rest[2]), ([b"status=success\n"], big, []), "smudge")
    want(rest[3], [b"status=error\n"], "clean of what does not parse")
    want((rest[4], b"ENC[" in b"".join(rest[5]), b"kanari" in b"".join(rest[5])), ([b"status=success\n"], True, False), "clean")
    want((rest[7], rest[8]), ([b"status=success\n"], [b"a: 1\n"]), "smudge of a plain file")
    want((rest[10], rest[11]), ([b"status=success\n"], []), "clean of nothing")
    r = box.sops("git", "filter-process", input=b"hello", rc=2)
    need(r.err, "not started by git: no message")
    box.sops("git", "filter-process", input=hello + pkt(b"command=smudge\n"), rc=2)
    box.sops("git", "filter-process", input=hello + b"zzzz", rc=2)
