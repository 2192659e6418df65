# SPDX-License-Identifier: Apache-2.0
"""Recipients, data keys, groups, rules: what a merge makes of the metadata."""
import os
import re

from harness import ALICE, BOB, CAROL, body, check, graft, line, need, no_nonce_twice, opens_by, recipients, stanzas, want

F = "s.enc.yaml"
TEXT = "a: kanari-value-a\nb: kanari-value-b\nc: kanari-value-c\nd: kanari-value-d\n"


def start(box, to, *args, text=TEXT):
    box.init()
    box.seal(F, text, *args, to=to)


def rekey(box, *groups, rule="", threshold=None):
    """updatekeys with these groups of recipients, from a configuration outside the repository."""
    cfg = os.path.join(box.top, "cfg.yaml")
    with open(cfg, "w") as f:
        f.write("creation_rules:\n  - key_groups:\n" + "".join("      - age: [%s]\n" % ", ".join(g) for g in groups))
        f.write("    shamir_threshold: %d\n" % threshold if threshold else "")
    box.sops("--config", cfg, "updatekeys", "-y", F)
    os.unlink(cfg)


def values(box, who="alice", **want_values):
    t = box.tree(F, who)
    want({k: t[k] for k in want_values}, want_values, "values as read by %s" % who)


@check()
def keys_added_on_both_sides(box):
    start(box, [ALICE])
    r = box.fork(lambda: (rekey(box, [ALICE, BOB]), box.set(F, '["a"]', "kanari-ours")), lambda: (rekey(box, [ALICE, CAROL]), box.set(F, '["b"]', "kanari-theirs")))
    m = box.read(F)
    want(recipients(m), sorted([ALICE, BOB, CAROL]), "recipients")
    for who in ("alice", "bob", "carol"):
        values(box, who, a="kanari-ours", b="kanari-theirs", c="kanari-value-c")
    need(re.search("recipient added by theirs: .*" + CAROL, r.said), "stderr does not name the recipient that theirs added: %r" % r.said)
    o, a, b = box.versions(F)
    want(line(m, "c"), line(o, "c"), "an untouched line")
    want((stanzas(m)[ALICE], stanzas(m)[BOB], stanzas(m)[CAROL]), (stanzas(a)[ALICE], stanzas(a)[BOB], stanzas(b)[CAROL]), "entries of the recipients, as they stood on the sides")
    want([x.decode() for x in re.findall(rb"recipient: (\S+)", m)], [ALICE, BOB, CAROL], "order of the recipients: ours, then what theirs added")


@check()
def keys_removed_on_one_side(box):
    start(box, [ALICE, BOB])
    r = box.fork(lambda: box.set(F, '["a"]', "kanari-ours"), lambda: rekey(box, [ALICE]))
    want(recipients(box.read(F)), [ALICE], "recipients")
    need(re.search("recipient removed by theirs: .*" + BOB, r.said), "stderr does not name the recipient that theirs removed: %r" % r.said)
    values(box, a="kanari-ours", b="kanari-value-b")
    want(line(box.read(F), "b"), line(box.versions(F)[0], "b"), "an untouched line: a removal without rotation keeps the data key")


@check()
def keys_removed_and_added(box):
    start(box, [ALICE, BOB])
    box.fork(lambda: (rekey(box, [ALICE]), box.set(F, '["a"]', "kanari-ours")), lambda: (rekey(box, [ALICE, BOB, CAROL]), box.set(F, '["b"]', "kanari-theirs")))
    want(recipients(box.read(F)), sorted([ALICE, CAROL]), "recipients")
    values(box, "carol", a="kanari-ours", b="kanari-theirs")


@check()
def keys_removed_until_nobody_is_left(box):
    start(box, [ALICE, BOB])
    box.env.update(both(box, "alice", "bob"))
    r = box.fork(lambda: rekey(box, [BOB]), lambda: (rekey(box, [ALICE]), box.set(F, '["a"]', "kanari-theirs")), rc=1)
    want(box.read(F), box.versions(F)[1], "the file of ours")
    need("not merged: " in r.said, "stderr: %r" % r.said)
    box.sops("git", "resolve", "--theirs", F, rc=1)
    want(box.read(F), box.versions(F)[1], "the file after git resolve")


@check()
def keys_only_metadata_changed(box):
    start(box, [ALICE])
    box.fork(lambda: rekey(box, [ALICE, BOB]), lambda: rekey(box, [ALICE, CAROL]))
    want(recipients(box.read(F)), sorted([ALICE, BOB, CAROL]), "recipients")
    want(body(box.read(F)), body(box.versions(F)[0]), "the values")
    values(box, "bob", a="kanari-value-a")


def rotated(box, side, more=lambda: None):
    start(box, [ALICE, BOB])
    rot = lambda: (box.sops("rotate", "-i", F), box.set(F, '["a"]', "kanari-rotated"))
    other = lambda: (box.set(F, '["b"]', "kanari-other"), more())
    box.fork(rot if side == 1 else other, other if side == 1 else rot)
    v = box.versions(F)
    m = box.read(F)
    for who in ("alice", "bob"):
        values(box, who, a="kanari-rotated", b="kanari-other", c="kanari-value-c")
    want((line(m, "a"), line(m, "c")), (line(v[side], "a"), line(v[side], "c")), "lines of the side that rotated")
    need(line(m, "b") != line(v[3 - side], "b"), "the other side's value has its old ciphertext, under the old data key")
    need(not opens_by(box, m, stanzas(v[0])[ALICE], "alice"), "the data key that was rotated away opens the merged file")
    no_nonce_twice(*v, m)


@check()
def keys_rotated_by_ours(box):
    rotated(box, 1)


@check()
def keys_rotated_by_theirs(box):
    rotated(box, 2)


@check()
def keys_rotated_by_ours_added_by_theirs(box):
    rotated(box, 1, lambda: rekey(box, [ALICE, BOB, CAROL]))
    want(recipients(box.read(F)), sorted([ALICE, BOB, CAROL]), "recipients")
    values(box, "carol", a="kanari-rotated", b="kanari-other")


@check()
def keys_rotated_by_theirs_added_by_ours(box):
    rotated(box, 2, lambda: rekey(box, [ALICE, BOB, CAROL]))
    values(box, "carol", a="kanari-rotated", b="kanari-other")


@check()
def keys_rotated_by_one_removed_by_the_other(box):
    start(box, [ALICE, BOB])
    box.fork(lambda: (rekey(box, [ALICE]), box.set(F, '["b"]', "kanari-ours")), lambda: (box.sops("rotate", "-i", F), box.set(F, '["a"]', "kanari-theirs")))
    o, a, b = box.versions(F)
    m = box.read(F)
    want(recipients(m), [ALICE], "recipients")
    values(box, a="kanari-theirs", b="kanari-ours")
    for v in (o, b):
        need(not opens_by(box, m, stanzas(v)[BOB], "bob"), "a data key that the removed recipient has opens the merged file")


@check()
def keys_rotated_on_both_sides(box):
    start(box, [ALICE, BOB])
    box.fork(lambda: (box.sops("rotate", "-i", F), box.set(F, '["a"]', "kanari-ours")), lambda: (box.sops("rotate", "-i", F), box.set(F, '["b"]', "kanari-theirs")))
    o, a, b = box.versions(F)
    m = box.read(F)
    for who in ("alice", "bob"):
        values(box, who, a="kanari-ours", b="kanari-theirs", c="kanari-value-c")
    want((line(m, "a"), line(m, "c")), (line(a, "a"), line(a, "c")), "lines of ours: both rotated, so the key of ours is kept")


@check()
def keys_both_sides_rotated_somebody_away(box):
    start(box, [ALICE, BOB, CAROL])
    box.fork(lambda: (box.sops("rotate", "-i", "--rm-age", BOB, F), box.set(F, '["a"]', "kanari-ours")),
             lambda: (box.sops("rotate", "-i", "--rm-age", CAROL, F), box.set(F, '["b"]', "kanari-theirs")))
    o, a, b = box.versions(F)
    m = box.read(F)
    want(recipients(m), [ALICE], "recipients")
    values(box, a="kanari-ours", b="kanari-theirs", c="kanari-value-c", d="kanari-value-d")
    need(not opens_by(box, m, stanzas(a)[CAROL], "carol"), "carol, whom theirs rotated away, opens the merged file with her key of ours")
    need(not opens_by(box, m, stanzas(b)[BOB], "bob"), "bob, whom ours rotated away, opens the merged file with his key of theirs")
    no_nonce_twice(o, a, b, m)


@check()
def keys_chosen_by_a_stranger_are_not_taken(box):
    """carol never could read the file. Her branch is a file of her own, wrapped for alice, too, under a data key that she kept."""
    start(box, [ALICE])

    def theirs():
        box.seal(F, "a: bogus-value-1\nb: bogus-value-2\nc: bogus-value-3\nd: bogus-value-4\n", to=(ALICE, CAROL))
        kept.update(stanzas(box.read(F)))
        box.write(F, graft(box.read(F), kept[ALICE]))
    kept = {}
    box.fork(lambda: box.set(F, '["token"]', "kanari-new-secret"), theirs)
    m = box.read(F)
    values(box, token="kanari-new-secret", a="bogus-value-1")
    need(not opens_by(box, m, kept[CAROL], "carol"), "the merged file, with the new secret of ours in it, is under a data key that a stranger chose")


@check()
def keys_chosen_by_a_stranger_upstream_are_not_taken(box):
    start(box, [ALICE])
    kept = {}

    def ours():
        box.seal(F, "a: bogus-value-1\nb: bogus-value-2\nc: bogus-value-3\nd: bogus-value-4\n", to=(ALICE, CAROL))
        kept.update(stanzas(box.read(F)))
        box.write(F, graft(box.read(F), kept[ALICE]))
    box.fork(ours, lambda: box.set(F, '["token"]', "kanari-new-secret"))
    values(box, token="kanari-new-secret")
    need(not opens_by(box, box.read(F), kept[CAROL], "carol"), "the merged file is under a data key that a stranger chose")


@check()
def keys_added_files_get_a_new_data_key(box):
    box.init()
    box.write("other", "x")
    box.fork(lambda: box.seal(F, "a: kanari-ours\n", to=(ALICE, BOB)), lambda: box.seal(F, "b: kanari-theirs\n", to=(ALICE, CAROL)))
    a, b = (box.git("cat-file", "blob", r + ":" + F).out for r in ("ours", "theirs"))
    m = box.read(F)
    want(recipients(m), sorted([ALICE, BOB, CAROL]), "recipients of a file that both sides added")
    for who in ("alice", "bob", "carol"):
        values(box, who, a="kanari-ours", b="kanari-theirs")
    for v in (a, b):
        need(not opens_by(box, m, stanzas(v)[ALICE], "alice"), "a data key of one side opens the merged file")


@check()
def keys_that_cannot_be_wrapped(box):
    """Theirs added a PGP key that nobody here has; ours rotated, so it would have to be wrapped for."""
    start(box, [ALICE])

    def theirs():
        box.set(F, '["b"]', "kanari-theirs")
        box.write(F, box.read(F).replace(b"\n    unencrypted_suffix:", b"\n    pgp:\n        - created_at: \"2026-01-01T00:00:00Z\"\n          enc: nothing\n          fp: " + b"ABCDEF0123" * 4 + b"\n    unencrypted_suffix:"))
    r = box.fork(lambda: (box.sops("rotate", "-i", F), box.set(F, '["a"]', "kanari-ours")), theirs, rc=1)
    want(box.read(F), box.versions(F)[1], "the file of ours after a merge that cannot be finished")
    need("ABCDEF0123" * 4 in r.said, "stderr does not name the key: %r" % r.said)
    box.sops("git", "resolve", F, rc=1)
    want(box.read(F), box.versions(F)[1], "the file after git resolve")


@check()
def keys_same_data_key_needs_no_wrapping(box):
    """The same PGP key, but the data key stays: nothing has to be wrapped, so it merges."""
    start(box, [ALICE])

    def theirs():
        box.set(F, '["b"]', "kanari-theirs")
        box.write(F, box.read(F).replace(b"\n    unencrypted_suffix:", b"\n    pgp:\n        - created_at: \"2026-01-01T00:00:00Z\"\n          enc: nothing\n          fp: " + b"ABCDEF0123" * 4 + b"\n    unencrypted_suffix:"))
    box.fork(lambda: box.set(F, '["a"]', "kanari-ours"), theirs)
    values(box, a="kanari-ours", b="kanari-theirs")
    need(b"fp: " + b"ABCDEF0123" * 4 in box.read(F) and b"enc: nothing" in box.read(F), "the added key")


def groups_start(box, *groups, threshold=2):
    box.init()
    cfg = box.write("../first.yaml", "creation_rules:\n  - shamir_threshold: %d\n    key_groups:\n%s" % (threshold, "".join("      - age: [%s]\n" % ", ".join(g) for g in groups)))
    box.write(F, box.sops("--config", cfg, "encrypt", "--filename-override", F, input=TEXT).out)
    os.unlink(cfg)


def both(box, *who):
    p = os.path.join(box.top, "ids")
    with open(p, "w") as f:
        for w in who:
            f.write(open(box.identity(w)).read())
    return {"SOPS_AGE_KEY_FILE": p}


@check()
def keys_groups_with_one_side_changed(box):
    groups_start(box, [ALICE], [BOB])
    box.env.update(both(box, "alice", "bob"))
    box.fork(lambda: box.set(F, '["a"]', "kanari-ours"), lambda: (rekey(box, [ALICE, CAROL], [BOB], threshold=2), box.set(F, '["b"]', "kanari-theirs")))
    for pair in (("alice", "bob"), ("carol", "bob")):
        box.env.update(both(box, *pair))
        values(box, None, a="kanari-ours", b="kanari-theirs")
    box.env.update(both(box, "alice", "carol"))
    box.sops("decrypt", F, rc=128)


@check()
def keys_groups_changed_on_both_sides_are_split_anew(box):
    groups_start(box, [ALICE], [BOB])
    box.env.update(both(box, "alice", "bob"))
    box.fork(lambda: (rekey(box, [ALICE, CAROL], [BOB], threshold=2), box.set(F, '["a"]', "kanari-ours")),
             lambda: (rekey(box, [ALICE], [BOB, CAROL], threshold=2), box.set(F, '["b"]', "kanari-theirs")))
    for pair in (("alice", "bob"), ("alice", "carol"), ("carol", "bob")):
        box.env.update(both(box, *pair))
        values(box, None, a="kanari-ours", b="kanari-theirs")
    box.env.update(both(box, "alice"))
    box.sops("decrypt", F, rc=128)


@check()
def keys_number_of_groups_changed_on_both_sides(box):
    groups_start(box, [ALICE], [BOB])
    box.env.update(both(box, "alice", "bob"))
    r = box.fork(lambda: rekey(box, [ALICE], [BOB], [CAROL], threshold=2), lambda: (rekey(box, [ALICE, CAROL], [BOB], threshold=2), box.set(F, '["b"]', "kanari-theirs")), rc=1)
    want(box.read(F), box.versions(F)[1], "the file of ours")
    need("group" in r.said, "stderr does not say that the groups do not fit: %r" % r.said)
    r = box.sops("git", "resolve", "--theirs", F, rc=1)
    need("group" in r.said, "git resolve does not say why: %r" % r.said)


@check()
def keys_groups_added_on_one_side(box):
    groups_start(box, [ALICE], [BOB])
    box.env.update(both(box, "alice", "bob"))
    box.fork(lambda: box.set(F, '["a"]', "kanari-ours"), lambda: rekey(box, [ALICE], [BOB], [CAROL], threshold=2))
    box.env.update(both(box, "alice", "carol"))
    values(box, None, a="kanari-ours", b="kanari-value-b")


def rule_to(box, rule, value, text=None):
    """The file encrypted anew under another rule, for the same people: the values stay, the data key is new."""
    text = text or box.clear(F).decode()
    box.write(F, box.sops("encrypt", "--age", ALICE, "--" + rule, value, "--filename-override", F, input=text).out)


@check()
def keys_rule_changed_on_one_side(box):
    start(box, [ALICE])
    box.fork(lambda: box.set(F, '["a"]', "kanari-ours"), lambda: rule_to(box, "encrypted-regex", "^[abcd]$"))
    need(b'encrypted_regex: ^[abcd]$' in box.read(F) and b"unencrypted_suffix" not in box.read(F), "the rule of theirs")
    values(box, a="kanari-ours", b="kanari-value-b")


@check()
def keys_rule_changed_on_both_sides(box):
    start(box, [ALICE])
    r = box.fork(lambda: rule_to(box, "encrypted-regex", "^[abcd]$"), lambda: rule_to(box, "encrypted-regex", "^[a-z]$"), rc=1)
    want(box.read(F), box.versions(F)[1], "the file of ours")
    need("rule" in r.said, "stderr does not name the rule: %r" % r.said)


@check()
def keys_rule_never_uncovers_a_new_value(box):
    start(box, [ALICE], text="a: kanari-value-a\nb: plain enough\n")
    r = box.fork(lambda: rule_to(box, "encrypted-regex", "^a$"), lambda: box.set(F, '["token"]', "kanari-new"), rc=1)
    want(box.read(F), box.versions(F)[1], "the file of ours")
    need('["token"]' in r.said, "stderr does not name the value that would be uncovered: %r" % r.said)


@check()
def keys_rule_never_uncovers_a_changed_value(box):
    start(box, [ALICE], text="a: kanari-value-a\nb: plain enough\n")
    r = box.fork(lambda: rule_to(box, "encrypted-regex", "^a$"), lambda: box.set(F, '["b"]', "kanari-typed-where-it-was-encrypted"), rc=1)
    want(box.read(F), box.versions(F)[1], "the file of ours")
    need('["b"]' in r.said, "stderr does not name the value that would be uncovered: %r" % r.said)


@check()
def keys_comment_rule_never_uncovers_a_value(box):
    """The rule stays, but the comment that made a value encrypted goes on one side, and is changed or added on the other."""
    box.init()
    cfg = box.write("../cfg.yaml", "creation_rules:\n  - age: %s\n    encrypted_comment_regex: secret\n" % ALICE)
    text = "# secret\na: kanari-1\nb: seen\n"
    box.write(F, box.sops("--config", cfg, "encrypt", "--filename-override", F, input=text).out)
    box.fork(lambda: box.edit(F, "a: harmless\nb: seen\n"), lambda: box.set(F, '["b"]', "other"), rc=0)
    box.git("reset", "-q", "--hard", "ours")
    box.git("checkout", "-q", "-B", "topic2", "base")
    box.edit(F, text.replace("kanari-1", "kanari-2"))
    box.commit("theirs 2")
    box.git("checkout", "-q", "main")
    box.git("merge", "-q", "--no-edit", "topic2", rc=1)
    box.git("merge", "--abort")
    box.git("checkout", "-q", "-B", "topic3", "base")
    box.edit(F, "# secret\na: kanari-1\n# secret\nnew: kanari-3\nb: seen\n")
    box.commit("theirs 3")
    box.git("checkout", "-q", "main")
    box.git("merge", "-q", "--no-edit", "topic3")
    want(box.tree(F), {"a": "harmless", "new": "kanari-3", "b": "seen"}, "an encrypted value that theirs added")
    need(b"kanari" not in box.read(F), "clear text")


@check()
def keys_comment_that_goes_never_uncovers_a_value(box):
    """Ours takes the comment away, as its value is no secret; theirs put a secret there. Both changes merge, and would write it in clear."""
    box.init()
    cfg = box.write("../cfg.yaml", "creation_rules:\n  - age: %s\n    encrypted_comment_regex: secret\n" % ALICE)
    text = "# secret\na: first\nb: seen\n"
    box.write(F, box.sops("--config", cfg, "encrypt", "--filename-override", F, input=text).out)
    r = box.fork(lambda: box.edit(F, "a: first\nb: seen\n"), lambda: box.edit(F, text.replace("first", "kanari-2")), rc=1)
    want(box.read(F), box.versions(F)[1], "the file of ours")
    need('["a"]' in r.said, "stderr does not name the value that would be uncovered: %r" % r.said)


@check()
def keys_rule_uncovers_what_its_author_saw(box):
    start(box, [ALICE], text="a: kanari-value-a\nb: plain enough\n")
    box.fork(lambda: rule_to(box, "encrypted-regex", "^a$"), lambda: box.set(F, '["a"]', "kanari-theirs"))
    need(b"\nb: plain enough\n" in box.read(F), "b is not clear, as ours has it")
    values(box, a="kanari-theirs")


@check()
def keys_rule_never_uncovers_a_comment(box):
    start(box, [ALICE], text="a: kanari-value-a\nb: plain enough\n")
    box.fork(lambda: rule_to(box, "encrypted-regex", "^a$"), lambda: box.edit(F, "a: kanari-value-a\n# old password: kanari\nb: plain enough\n"), rc=1)
    want(box.read(F), box.versions(F)[1], "the file of ours")


@check()
def keys_threshold_changed_on_one_side(box):
    groups_start(box, [ALICE], [BOB], [CAROL], threshold=3)
    box.env.update(both(box, "alice", "bob", "carol"))

    def theirs():
        box.sops("groups", "add", "-i", "-f", F, "--age", BOB, "--shamir-secret-sharing-threshold", "2")
        box.sops("groups", "delete", "-i", "-f", F, "--shamir-secret-sharing-threshold", "2", "3")
    box.fork(lambda: box.set(F, '["a"]', "kanari-ours"), theirs)
    need(b"shamir_threshold: 2" in box.read(F), "the threshold")
    box.env.update(both(box, "alice", "carol"))
    values(box, None, a="kanari-ours", b="kanari-value-b")


@check("gpg")
def keys_one_unwrap_for_equal_ones(box):
    """Three versions, one wrapped data key: gpg is asked to decrypt once."""
    gnupg = os.path.join(box.tmp, "gpg")
    os.mkdir(gnupg, 0o700)
    real = __import__("shutil").which("gpg")
    wrapper = box.script("counting-gpg", "#!/bin/sh\ncase \" $* \" in *' --decrypt '*|*' -d '*) echo x >>'%s/count';; esac\nexec %s \"$@\"\n" % (box.top, real))
    box.env.update({"GNUPGHOME": gnupg, "SOPS_GPG_EXEC": wrapper, "SOPS_AGE_KEY_FILE": os.path.join(box.top, "nobody")})
    from harness import KEYS, PEOPLE
    try:
        box.run([real, "--batch", "-q", "--import", os.path.join(KEYS, "pgp", "curve.asc")])
        box.init()
        box.write(F, box.sops("encrypt", "--pgp", PEOPLE["FP_CURVE"], "--filename-override", F, input=TEXT).out)
        box.fork(lambda: box.set(F, '["a"]', "kanari-ours"), lambda: box.set(F, '["b"]', "kanari-theirs"), merge=False)
        if os.path.exists(os.path.join(box.top, "count")):
            os.unlink(os.path.join(box.top, "count"))
        box.git("merge", "-q", "--no-edit", "topic")
        n = len(open(os.path.join(box.top, "count")).read().split())
        want(n, 1, "how often gpg decrypted for one merge")
        values(box, None, a="kanari-ours", b="kanari-theirs")
    finally:
        box.run(["gpgconf", "--kill", "all"], rc=None)
        __import__("shutil").rmtree(gnupg, ignore_errors=True)
