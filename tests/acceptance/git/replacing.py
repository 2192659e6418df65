# SPDX-License-Identifier: Apache-2.0
"""sops replace, and encrypt --reuse: clear text into an encrypted file, with every ciphertext kept that can be."""
import os
import time

from harness import ALICE, BOB, CAROL, body, check, line, need, no_nonce_twice, recipients, want

F = "s.yaml"
TEXT = "# kanari note\na: kanari-1\nb: kanari-2\nc:\n    - kanari-same\n    - kanari-same\n    - 7\n"


@check()
def replace_of_one_value(box):
    o = box.seal(F, TEXT)
    r = box.sops("replace", F, input=TEXT.replace("kanari-2", "kanari-new"))
    want(r.out, b"", "stdout")
    want(box.clear(F).decode(), TEXT.replace("kanari-2", "kanari-new"), "the clear text")
    m = box.read(F)
    want([x for x in body(m) if x not in body(o)], [line(m, "b")], "lines that changed: equal items of a list keep their own ciphertexts, too")
    no_nonce_twice(o, m)
    box.tree(F)


@check()
def replace_that_changes_nothing(box):
    box.seal(F, TEXT)
    st = os.stat(box.path(F))
    time.sleep(0.02)
    for text in (TEXT, "# kanari note\n\na:   'kanari-1'\nb: \"kanari-2\"\nc: [kanari-same, kanari-same, 7]\n"):
        r = box.sops("replace", F, input=text)
        need("unchanged" in r.said, "stderr does not say so: %r" % r.said)
        now = os.stat(box.path(F))
        want((now.st_ino, now.st_mtime_ns), (st.st_ino, st.st_mtime_ns), "inode and time of the file")


@check()
def replace_adds_and_removes(box):
    o = box.seal(F, TEXT)
    box.sops("replace", F, input="b: kanari-2\nnew: {x: kanari}\nc:\n    - 7\n    - kanari-same\n")
    want(box.tree(F), {"b": "kanari-2", "new": {"x": "kanari"}, "c": [7, "kanari-same"]}, "the tree")
    m = box.read(F)
    need(line(m, "b") in body(o) and [x for x in body(m) if x.startswith(b"    - ")][0] in body(o), "what stayed has new ciphertexts")


@check()
def replace_order_matters(box):
    o = box.seal(F, "a: kanari-1\nb: kanari-2\n")
    box.sops("replace", F, input="b: kanari-2\na: kanari-1\n")
    want(list(box.tree(F)), ["b", "a"], "the order")
    want(sorted(body(box.read(F))), sorted(body(o)), "lines")


@check()
def replace_keeps_keys_and_rules(box):
    box.write(F, box.sops("encrypt", "--age", ALICE + "," + BOB, "--encrypted-regex", "^a$", "--filename-override", F, input="a: kanari\nb: 1\n").out)
    box.write(".sops.yaml", "creation_rules:\n  - age: %s\n    unencrypted_suffix: _x\n" % CAROL)
    box.sops("replace", F, input="a: kanari-new\nb: 2\n", env={"SOPS_AGE_RECIPIENTS": CAROL})
    want(recipients(box.read(F)), sorted([ALICE, BOB]), "recipients")
    need(b"\nb: 2\n" in box.read(F) and b"encrypted_regex: ^a$" in box.read(F), "the rule")


@check()
def replace_in_all_formats(box):
    for n, old, new in (("s.json", '{\n\t"a": "kanari",\n\t"n": 1\n}\n', '{\n\t"a": "kanari",\n\t"n": 2\n}\n'), ("s.env", "A=kanari\nB=x\n", "A=kanari\nB=kanari-y\n"),
                        ("s.ini", "[s]\na = kanari\n", "[s]\na = kanari-2\n"), ("s.bin", b"kanari\0\xff", b"kanari\0\xff\xff"), ("s.yaml", "a: kanari\n---\nb: kanari\n", "a: kanari\n---\nb: kanari-2\n")):
        box.seal(n, old)
        box.sops("replace", n, input=new)
        want(box.clear(n), new if isinstance(new, bytes) else new.encode(), n)
    box.write("odd", box.read("s.env"))
    box.sops("replace", "--input-type", "dotenv", "odd", input="A=kanari-odd\n")
    want(box.sops("decrypt", "--input-type", "dotenv", "--output-type", "dotenv", "odd").out, b"A=kanari-odd\n", "--input-type")


@check()
def replace_errors(box):
    o = box.seal(F, TEXT)
    box.write("plain.yaml", "a: 1\n")
    box.write("mac.yaml", box.read(F).replace(line(box.read(F), "b") + b"\n", b""))
    for name, text, rc, kw in ((F, "a: [kanari\n", 2, {}), (F, "", 92, {}), (F, "a: 1\nsops: kanari\n", 203, {}), (F, "a: kanari\n", 128, {"who": ""}), ("nothing.yaml", "a: kanari\n", 100, {}),
                               ("plain.yaml", "a: kanari\n", 1, {}), ("mac.yaml", "a: kanari\n", 51, {}), (F, "1: kanari\n", 23, {})):
        r = box.sops("replace", name, input=text, rc=rc, **kw)
        want(r.out, b"", "stdout")
        need(not os.path.exists(box.path("nothing.yaml")), "a file was made")
    want((box.read(F), box.read("plain.yaml")), (o, b"a: 1\n"), "the files")
    box.sops("replace", rc=100, input="a: 1\n")


@check()
def replace_keeps_mode_and_links(box):
    box.seal("real.yaml", TEXT)
    os.chmod(box.path("real.yaml"), 0o640)
    os.symlink("real.yaml", box.path(F))
    box.sops("replace", F, input=TEXT + "d: kanari\n")
    want((os.path.islink(box.path(F)), os.stat(box.path("real.yaml")).st_mode & 0o777), (True, 0o640), "link and mode")
    want(box.tree("real.yaml")["d"], "kanari", "the tree")


def reuse(box, text, *args, old=F, **kw):
    return box.sops("encrypt", *(args or ("--age", ALICE)), "--reuse", old, "--filename-override", F, input=text, **kw)


@check()
def reuse_of_an_equal_text(box):
    o = box.seal(F, TEXT)
    want(reuse(box, TEXT).out, o, "stdout: the old file, byte for byte")


@check()
def reuse_of_a_changed_text(box):
    o = box.seal(F, TEXT)
    m = reuse(box, TEXT.replace("kanari-2", "kanari-new")).out
    want([x for x in body(m) if x not in body(o)], [line(m, "b")], "lines that changed")
    want(m.split(b"lastmodified")[0].split(b"\nsops:\n")[1], o.split(b"lastmodified")[0].split(b"\nsops:\n")[1], "wrapped keys")
    box.write("m.yaml", m)
    want(box.tree("m.yaml")["b"], "kanari-new", "the tree")


@check()
def reuse_places(box):
    o = box.seal(F, TEXT)
    box.write("new.yaml", TEXT + "d: kanari\n")
    box.sops("encrypt", "--age", ALICE, "--reuse", F, "-i", "new.yaml")
    box.write("new2.yaml", TEXT)
    box.sops("encrypt", "--age", ALICE, "--reuse", F, "--output", "out.yaml", "new2.yaml")
    want((line(box.read("new.yaml"), "a"), box.read("out.yaml")), (line(o, "a"), o), "-i and --output")
    os.unlink(box.path("new2.yaml"))
    box.write(".sops.yaml", "creation_rules:\n  - path_regex: s.yaml$\n    age: %s\n" % ALICE)
    want(box.sops("encrypt", "--reuse", F, "--filename-override", F, input=TEXT).out, o, "with a creation rule")


@check()
def reuse_of_nothing(box):
    m = reuse(box, TEXT, old="missing.yaml").out
    box.write(F, m)
    want(box.clear(F).decode(), TEXT, "the clear text")


@check()
def reuse_with_other_keys_or_rules(box):
    o = box.seal(F, TEXT)
    for args in (("--age", ALICE + "," + BOB), ("--age", BOB), ("--age", ALICE, "--encrypted-regex", "^a$")):
        r = reuse(box, TEXT.replace("- 7", "- 8"), *args)
        need("warning" in r.said.lower() and F in r.said, "no warning: %r" % r.said)
        need(not set(x for x in body(r.out) if b"ENC[" in x) & set(body(o)), "old ciphertexts with %s" % (args,))
        need(line(r.out, "lastmodified") and recipients(r.out) == sorted(args[1].split(",")), "recipients")


@check()
def reuse_of_what_does_not_open(box):
    o = box.seal(F, TEXT)
    box.write("mac.yaml", box.read(F).replace(line(box.read(F), "b") + b"\n", b""))
    box.write("plain.yaml", "a: 1\n")
    for old, kw in ((F, {"who": ""}), ("mac.yaml", {}), ("plain.yaml", {})):
        r = reuse(box, TEXT, old=old, **kw)
        need("warning" in r.said.lower() and old in r.said, "no warning: %r" % r.said)
        need(not set(x for x in body(r.out) if b"ENC[" in x) & set(body(o)), "old ciphertexts from " + old)
        box.write("m.yaml", r.out)
        want(box.clear("m.yaml").decode(), TEXT, "the clear text")


@check()
def reuse_and_errors(box):
    box.seal(F, TEXT)
    reuse(box, "a: [kanari\n", rc=2)
    reuse(box, "a: 1\nsops: {}\n", rc=203)
    want(reuse(box, "", rc=92).out, b"", "stdout")


@check()
def reuse_never_takes_a_nonce_for_another_text(box):
    o = box.seal(F, TEXT)
    versions = [o]
    for i in range(6):
        t = TEXT.replace("kanari-2", "kanari-%d" % (i % 3)).replace("a: kanari-1", "a: kanari-%d" % (i % 2))
        box.write(F, reuse(box, t).out)
        versions.append(box.read(F))
    no_nonce_twice(*versions)
