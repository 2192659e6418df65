# SPDX-License-Identifier: Apache-2.0
"""The driver where it cannot do its work: no key, damaged files, clear text, hostile input. It never ends with another status than 0 or 1, and never loses ours."""
import os
import re

from harness import ALICE, BOB, CAROL, ENC, check, line, need, recipients, sections, stanzas, want

F = "s.enc.yaml"
TEXT = "a: kanari-value-a\nb: kanari-value-b\nc: kanari-value-c\nd: kanari-value-d\n"


def three(box, ours=None, theirs=None, to=(ALICE,), text=TEXT):
    """Three versions without git."""
    o = box.seal(F, text, to=to)
    (ours or (lambda: box.set(F, '["a"]', "kanari-ours")))()
    a = box.read(F)
    box.write(F, o)
    (theirs or (lambda: box.set(F, '["d"]', "kanari-theirs")))()
    b = box.read(F)
    os.unlink(box.path(F))
    return o, a, b


def opened(box, data):
    box.write(F, data)
    t = box.tree(F)
    os.unlink(box.path(F))
    return t


@check()
def fallback_equal_versions_need_no_key(box):
    o, a, b = three(box)
    for args, result in (((o, a, a), a), ((o, a, o), a), ((o, o, b), b), ((b"", a, a), a), ((b"x", a, b"x"), a)):
        want(box.driver(*args, F, who=""), result, "the result")


@check()
def fallback_without_the_key_is_a_merge_of_texts(box):
    o, a, b = three(box)
    t = box.driver(o, a, b, F, rc=1, who="")
    need(len(sections(t)[0]) >= 1 and line(t, "a") == line(a, "a") and line(t, "d") == line(b, "d"), "not what git merge-file makes of the ciphertexts")
    need(F in box.last.said and ALICE in box.last.said and "sops git resolve" in box.last.said, "stderr names not file, key and way out: %r" % box.last.said)


@check()
def fallback_without_the_key_is_never_clean(box):
    """Recipients on one side, a value on the other: the texts merge, but nobody has checked it."""
    def rekeyed():
        cfg = box.write("../cfg.yaml", "creation_rules:\n  - age: %s\n" % ALICE)
        box.sops("--config", cfg, "updatekeys", "-y", F)
    o, a, b = three(box, theirs=rekeyed, to=(BOB, ALICE))
    t = box.driver(o, a, b, F, rc=1, who="")
    need(b"<<<<<<<" not in t, "the texts do not merge as this check wants")
    want(recipients(t), [ALICE], "recipients of the merged text")
    want(opened(box, t)["a"], "kanari-ours", "the value (the merge of texts is right here)")


@check()
def fallback_resolved_later_with_the_key(box):
    box.init()
    box.seal(F, TEXT)
    box.fork(lambda: box.set(F, '["a"]', "kanari-ours"), lambda: (__import__("time").sleep(1.1), box.set(F, '["d"]', "kanari-theirs")), merge=False)
    box.git("merge", "-q", "topic", rc=1, who="")
    box.sops("git", "resolve", F, who="", rc=128)
    box.sops("git", "resolve", "--add", F)
    t = box.tree(F)
    want((t["a"], t["d"]), ("kanari-ours", "kanari-theirs"), "after git resolve")


def spoiled(box, spoil, side="theirs"):
    o, a, b = three(box)
    if side == "theirs":
        b = spoil(b)
    else:
        a = spoil(a)
    t = box.driver(o, a, b, F, rc=1)
    need(side in box.last.said, "stderr does not tell which side: %r" % box.last.said)
    return o, a, b, t


@check()
def fallback_wrong_mac(box):
    for side in ("ours", "theirs"):
        o, a, b, t = spoiled(box, lambda x: x.replace(line(x, "b") + b"\n", b""), side)
        need(b"<<<<<<<" in t, "no conflict in the text")


@check()
def fallback_damaged_value(box):
    def damage(x):
        y = line(x, "b")
        i = y.index(b"data:") + 6
        return x.replace(y, y[:i] + (b"A" if y[i:i + 1] != b"A" else b"B") + y[i + 1:])
    spoiled(box, damage)


@check()
def fallback_broken_metadata(box):
    o, a, b, t = spoiled(box, lambda x: re.sub(rb"\n    lastmodified: .*", b"", x))
    need(b"<<<<<<<" in t, "no conflict in the text")


@check()
def fallback_markers_in_a_version(box):
    o, a, b = three(box)
    bad = a.replace(b"b: ", b"<<<<<<< x\nb: ", 1).replace(b"c: ", b"=======\nb: x\n>>>>>>> y\nc: ", 1)
    want(box.driver(o, a, bad, F, rc=1), a, "ours, when theirs holds markers")
    need("marker" in box.last.said, "stderr does not say so: %r" % box.last.said)
    want(box.driver(o, bad, b, F, rc=1), bad, "ours, when ours holds markers")


@check()
def fallback_clear_text_in_ours(box):
    o, a, b = three(box)
    t = box.driver(o, TEXT.encode(), b, F, rc=1)
    want(t, TEXT.encode(), "ours")
    need("ours" in box.last.said and "not encrypted" in box.last.said, "stderr: %r" % box.last.said)


@check()
def fallback_clear_text_in_theirs_is_never_copied(box):
    o, a, b = three(box)
    t = box.driver(o, a, TEXT.replace("kanari-value-d", "kanari-typed").encode(), F, rc=1)
    want(t, a, "ours")
    need("theirs" in box.last.said and "not encrypted" in box.last.said, "stderr: %r" % box.last.said)


@check()
def fallback_clear_text_in_theirs_with_git(box):
    box.init()
    box.history_clear = True
    box.seal(F, TEXT)
    box.fork(lambda: box.set(F, '["a"]', "kanari-ours"), lambda: box.write(F, TEXT), rc=1)
    want(box.read(F), box.versions(F)[1], "the file")
    r = box.sops("git", "resolve", F, rc=1)
    need("not encrypted" in r.said, "git resolve: %r" % r.said)


@check()
def fallback_first_encryption_on_both_sides(box):
    """The base is clear text; both sides encrypted it and changed something."""
    plain = "a: value-a\nb: value-b\nc: value-c\n"
    seal = lambda t: box.sops("encrypt", "--age", ALICE, "--filename-override", F, input=t).out
    a, b = seal(plain.replace("value-a", "value-ours")), seal(plain + "d: kanari-new\n")
    box.driver(plain.encode(), a, b, F, rc=1)
    need('["a"]' in box.last.said and '["b"]' not in box.last.said, "only what differs is a conflict: %r" % box.last.said)
    b2 = seal(plain.replace("value-a", "value-ours") + "d: kanari-new\n")
    want(opened(box, box.driver(plain.encode(), a, b2, F))["d"], "kanari-new", "an entry of one side")


@check()
def fallback_plain_files_merge_as_text(box):
    """*.yaml merge=sops does no harm to what is not encrypted: the same result as without it."""
    box.init(attributes="*.yaml merge=sops\n")
    for n in ("clean.yaml", "clash.yaml"):
        box.write(n, "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n")
    sub = lambda n, x, y: box.write(n, box.read(n).decode().replace(x, y))
    box.fork(lambda: (sub("clean.yaml", "a: 1", "a: ours"), sub("clash.yaml", "a: 1", "a: ours")), lambda: (sub("clean.yaml", "e: 5", "e: theirs"), sub("clash.yaml", "a: 1", "a: theirs")), rc=1)
    want(box.read("clean.yaml"), b"a: ours\nb: 2\nc: 3\nd: 4\ne: theirs\n", "merged")
    want(sections(box.read("clash.yaml"))[0], [([b"a: ours"], [b"a: theirs"])], "the conflict")
    want(box.git("status", "--porcelain", "clean.yaml").text[:2], "M ", "git status of the clean one")


@check()
def fallback_plain_binaries(box):
    want(box.driver(b"1\n2\n3\n4\n", b"0\n2\n3\n4\n", b"1\n2\n3\n5\n", "x.enc.bin"), b"0\n2\n3\n5\n", "a plain text")
    o, a, b = b"\0base" * 100, b"\0ours" * 100, b"\0theirs" * 100
    want(box.driver(o, a, b, "x.enc.bin", rc=1), a, "ours")


@check()
def fallback_base_that_cannot_be_opened(box):
    """bob joined after the base: he merges all the same."""
    def joined(change):
        def f():
            cfg = box.write("../cfg.yaml", "creation_rules:\n  - age: %s,%s\n" % (ALICE, BOB))
            box.sops("--config", cfg, "updatekeys", "-y", F)
            change()
        return f
    o, a, b = three(box, joined(lambda: (box.set(F, '["a"]', "kanari-ours"), box.sops("unset", F, '["c"]'))), joined(lambda: (box.set(F, '["d"]', "kanari-theirs"), box.set(F, '["e"]', "kanari-new"))))
    t = box.driver(o, a, b, F, who="bob")
    box.env["SOPS_AGE_KEY_FILE"] = box.identity("bob")
    want(opened(box, t), {"a": "kanari-ours", "b": "kanari-value-b", "d": "kanari-theirs", "e": "kanari-new"}, "the merged tree")


@check()
def fallback_base_that_cannot_be_opened_and_a_conflict(box):
    def joined(change):
        def f():
            cfg = box.write("../cfg.yaml", "creation_rules:\n  - age: %s,%s\n" % (ALICE, BOB))
            box.sops("--config", cfg, "updatekeys", "-y", F)
            change()
        return f
    o, a, b = three(box, joined(lambda: box.set(F, '["a"]', "kanari-ours")), joined(lambda: (box.set(F, '["a"]', "kanari-theirs"), box.set(F, '["b"]', "kanari-t"))))
    t = box.driver(o, a, b, F, who="bob", rc=1)
    want(sections(t)[0], [([line(a, "a")], [line(b, "a")])], "the sections")


@check()
def fallback_base_with_a_wrong_mac(box):
    """A base that somebody merged by hand and committed broken: its values are still authentic, one by one."""
    o, a, b = three(box)
    bad = o.replace(line(o, "mac"), line(a, "mac"))
    want(opened(box, box.driver(bad, a, b, F)), {"a": "kanari-ours", "b": "kanari-value-b", "c": "kanari-value-c", "d": "kanari-theirs"}, "the merged tree")


@check()
def fallback_base_is_junk(box):
    o, a, b = three(box)
    for junk in (b"\xff\xfe\0garbage", b"{", b"<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n"):
        t = box.driver(junk, a, b, F, rc=1)
        need(len(sections(t)[0]) == 2, "not two conflicts without a usable base")


@check()
def fallback_forged_branch(box):
    """Somebody without a key: values renamed, swapped, taken from history, a recipient typed in."""
    o, a, b = three(box)
    box.driver(o, a, b, F)
    forged = [b.replace(b"a: ", b"x: ", 1), o.replace(line(o, "a"), b"a: " + line(o, "b")[3:]), a.replace(line(a, "a"), line(o, "a")), o.replace(line(o, "a"), b"a: evil")]
    for f in forged:
        t = box.driver(o, a, f, F, rc=1)
        box.write(F, t)
        r = box.sops("decrypt", F, rc=None)
        need(r.rc != 0 or t == a, "a forged branch was merged into a file that opens")
        os.unlink(box.path(F))


@check()
def fallback_ciphertext_spelt_otherwise_is_made_anew(box):
    """Text behind `]` opens all the same. Nothing of it gets into the merged file, and its nonce is not used again for what is made anew."""
    o, a, b = three(box)
    x = line(b, "d")
    t = box.driver(o, a, b.replace(x, x + b"junk"), F)
    need(b"junk" not in t, "text that stood behind a ciphertext is in the merged file")
    need(line(t, "d") != x and ENC.search(line(t, "d"))[1] != ENC.search(x)[1], "the ciphertext is not made anew")
    want(opened(box, t)["d"], "kanari-theirs", "the value of theirs")


@check()
def fallback_recipient_typed_into_a_branch_is_told(box):
    o, a, b = three(box)
    s = stanzas(b)[ALICE]
    forged = b.replace(s, s + b"        - " + s.replace(ALICE.encode(), CAROL.encode()))
    t = box.driver(o, a, forged, F)
    need(CAROL in box.last.said and "added" in box.last.said, "stderr does not name the recipient: %r" % box.last.said)
    want(recipients(t), sorted([ALICE, CAROL]), "recipients")


@check()
def fallback_wrong_usage(box):
    box.driver(*three(box), F)
    for args in ((), ("x",), ("a", "b", "c", "7"), ("no1", "no2", "no3", "7", "f.yaml"), ("a", "b", "c", "seven", "f.yaml")):
        box.sops("git", "merge-driver", *args, rc=1)
    box.write(".a", b"ours")
    box.sops("git", "merge-driver", "nothing", ".a", "nothing", "7", "f.yaml", rc=1)
    want(box.read(".a"), b"ours", "ours")


@check()
def fallback_hostile_versions(box):
    o, a, b = three(box)
    box.driver(o, a, b, F)
    deep = b"a: " + b"[" * 20000 + b"]" * 20000 + b"\n" + b"\nsops:\n" + b.split(b"\nsops:\n")[1]
    bomb = b"a: &a [1,1]\n" + b"".join(b"%s: &%s [*%s,*%s]\n" % (y, y, x, x) for x, y in zip([b"a"] + [b"z%d" % i for i in range(40)], [b"z%d" % i for i in range(41)])) + b"sops:\n" + b.split(b"\nsops:\n")[1]
    for hostile in (deep, bomb, b"\0" * 100000, b.replace(b"unencrypted_suffix: _unencrypted", b"unencrypted_regex: (a*)*$"), b[:len(b) // 2]):
        t = box.driver(o, a, hostile, F, rc=1, timeout=20)
        need(t == a or b"<<<<<<<" in t, "neither ours nor a conflict")


@check()
def fallback_broken_configuration(box):
    o, a, b = three(box)
    box.write(".sops.yaml", "creation_rules: [")
    want(opened_without(box, box.driver(o, a, b, F)), "kanari-theirs", "the value of theirs")


def opened_without(box, data):
    os.unlink(box.path(".sops.yaml"))
    return opened(box, data)["d"]


@check()
def fallback_nothing_secret_in_argv(box):
    """What the driver, resolve, install and textconv give to git as words and as environment."""
    real = __import__("shutil").which("git")
    log = os.path.join(box.top, "git.log")
    box.script("git", "#!/bin/sh\n{ printf '%%s\\n' \"$@\"; env; } >>'%s'\nexec %s \"$@\"\n" % (log, real))
    box.init()
    box.seal(F, TEXT)
    box.commit("base")
    open(log, "w").close()
    t = box.sops("encrypt", "--age", ALICE, "--reuse", F, "--filename-override", F, input=TEXT.replace("kanari-value-a", "kanari-x")).out
    u = box.sops("encrypt", "--age", ALICE, "--reuse", F, "--filename-override", F, input=TEXT.replace("kanari-value-a", "kanari-y")).out
    box.write(F, u)
    box.commit("theirs")
    box.git("branch", "topic")
    box.git("reset", "-q", "--hard", "HEAD~1")
    box.write(F, t)
    box.commit("ours")
    box.git("merge", "-q", "topic", rc=1)
    box.sops("git", "resolve", "--theirs", "--add", F)
    box.git("commit", "-q", "--no-edit")
    need("kanari" in box.git("show", "--first-parent", "-m", "HEAD").text, "git show shows no values")
    with open(log, "rb") as f:
        data = f.read()
    need(b"kanari" not in data and b"AGE-SECRET-KEY" not in data, "a secret in the words or the environment of git")
