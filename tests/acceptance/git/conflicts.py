# SPDX-License-Identifier: Apache-2.0
"""Conflicts: the text that git finds, and the ways out of it: git resolve, edit, git mergetool, rerere."""
import itertools
import json
import os
import re

from harness import ALICE, BOB, CAROL, ENC, check, line, need, pick, recipients, sections, want

F = "s.enc.yaml"
TEXT = "db:\n    host: kanari-host\n    password: kanari-password\napi:\n    token: kanari-token\nother: kanari-other\nlast: kanari-last\n"


def start(box, text=TEXT, name=F, **kw):
    box.init()
    box.seal(name, text, **kw)


def clash(box, name=F):
    """One conflict, and a clean change on each side."""
    start(box)
    return box.fork(lambda: (box.set(name, '["db"]["password"]', "kanari-ours"), box.set(name, '["other"]', "kanari-other-o")),
                    lambda: (box.set(name, '["db"]["password"]', "kanari-theirs"), box.set(name, '["api"]["token"]', "kanari-token-t")), rc=1)


def state(box, name=F):
    return box.git("status", "--porcelain", name).text[:2]


def merged(password):
    return {"db": {"host": "kanari-host", "password": password}, "api": {"token": "kanari-token-t"}, "other": "kanari-other-o", "last": "kanari-last"}


@check()
def conflict_text_in_yaml(box):
    r = clash(box)
    o, a, b = box.versions(F)
    m = box.read(F)
    got, outside = sections(m)
    want(got, [([line(a, "password")], [line(b, "password")])], "the sections")
    want((line(m, "token"), line(m, "other"), line(m, "host")), (line(b, "token"), line(a, "other"), line(o, "host")), "the lines around it")
    want(state(box), "UU", "git status")
    need("<<<<<<< " in m.decode() and ">>>>>>> " in m.decode(), "markers of seven")
    need(re.search(r's\.enc\.yaml: 1 conflict', r.said) and '["db"]["password"]' in r.said and "changed on both sides" in r.said, "stderr does not tell file, number, path and kind: %r" % r.said)
    need("sops edit" in r.said and "sops git resolve" in r.said, "stderr does not tell the way out: %r" % r.said)


@check()
def conflict_holds_only_ciphertexts_of_the_sides(box):
    clash(box)
    known = {m[0] for v in box.versions(F) for m in ENC.finditer(v)}
    for m in ENC.finditer(box.read(F)):
        need(m[0] in known, "a ciphertext in the conflict text that stands on no side")


@check()
def conflict_metadata_are_those_of_ours(box):
    clash(box)
    a = box.versions(F)[1].split(b"\nsops:\n")[1]
    m = box.read(F).split(b"\nsops:\n")[1]
    need(b"    unresolved: 1\n" in m, "no unresolved: 1 in the metadata")
    want(m.replace(b"    unresolved: 1\n", b""), a, "the metadata")


@check()
def conflict_is_deterministic(box):
    clash(box)
    o, a, b = box.versions(F)
    first = box.driver(o, a, b, F, labels=("%S", "HEAD", "topic"), rc=1)
    want(box.driver(o, a, b, F, labels=("%S", "HEAD", "topic"), rc=1), first, "a second run of the driver")


@check()
def conflict_text_in_json(box):
    n = "s.enc.json"
    start(box, '{"a": "kanari-1", "b": {"c": "kanari-2"}, "z": "kanari-3"}', n)
    box.fork(lambda: box.set(n, '["z"]', "kanari-ours"), lambda: box.set(n, '["z"]', "kanari-theirs"), rc=1)
    o, a, b = box.versions(n)
    got, _ = sections(box.read(n))
    want(got, [([line(a, "z")], [line(b, "z")])], "the sections")
    for c, v in (("o", "kanari-ours"), ("t", "kanari-theirs")):
        json.loads(pick(box.read(n), c))


@check()
def conflict_text_in_dotenv(box):
    n = "s.enc.env"
    start(box, "A=kanari-1\nB=kanari-2\n", n)
    box.fork(lambda: box.set(n, '["A"]', "kanari-ours"), lambda: box.set(n, '["A"]', "kanari-theirs"), rc=1)
    o, a, b = box.versions(n)
    want(sections(box.read(n))[0], [([line(a, "A")], [line(b, "A")])], "the sections")
    need(b"sops_unresolved=1\n" in box.read(n), "sops_unresolved")
    box.write(n, pick(box.read(n), "t"))
    box.sops("git", "resolve", n)
    want(box.clear(n), b"A=kanari-theirs\nB=kanari-2\n", "resolved")


@check()
def conflict_text_in_ini(box):
    n = "s.enc.ini"
    start(box, "[s]\nkey_one = kanari-1\nkey_two = kanari-2\n", n)
    box.fork(lambda: box.set(n, '["s"]["key_one"]', "kanari-ours"), lambda: box.set(n, '["s"]["key_one"]', "kanari-theirs"), rc=1)
    o, a, b = box.versions(n)
    want(sections(box.read(n))[0], [([line(a, "key_one")], [line(b, "key_one")])], "the sections")
    box.write(n, pick(box.read(n), "t"))
    box.sops("git", "resolve", n)
    want(box.tree(n)["s"], {"key_one": "kanari-theirs", "key_two": "kanari-2"}, "resolved")


@check()
def conflict_text_in_binary(box):
    n = "s.enc.bin"
    start(box, "one line kanari", n)
    box.fork(lambda: box.edit(n, "ours kanari"), lambda: box.edit(n, "theirs kanari"), rc=1)
    want(len(sections(box.read(n))[0]), 1, "number of sections")
    box.sops("git", "resolve", "--theirs", n)
    want(box.clear(n), b"theirs kanari", "resolved")


@check()
def conflict_between_deletion_and_change(box):
    for side, words in ((0, "deleted by ours, changed by theirs"), (1, "changed by ours, deleted by theirs")):
        n = "%d.enc.yaml" % side
        box.init() if side == 0 else None
        box.seal(n, TEXT)
    sides = lambda n, me: box.sops("unset", n, '["api"]') if me else box.set(n, '["api"]["token"]', "kanari-changed")
    r = box.fork(lambda: [sides("%d.enc.yaml" % i, i == 0) for i in (0, 1)], lambda: [sides("%d.enc.yaml" % i, i == 1) for i in (0, 1)], rc=1)
    for side, words in ((0, "deleted by ours, changed by theirs"), (1, "changed by ours, deleted by theirs")):
        n = "%d.enc.yaml" % side
        need(words in r.said, "stderr does not say %s: %r" % (words, r.said))
        got, _ = sections(box.read(n))
        want((len(got), got[0][side]), (1, []), "the section of the deletion")
        want(len(got[0][1 - side]), 2, "lines of the whole entry in the other section")
        text = box.read(n)
        for c in "ot":
            box.write(n, pick(text, c))
            box.sops("git", "resolve", n)
            want("api" in box.tree(n), (c == "o") == (side == 1), "the entry after choosing " + c)


@check()
def conflict_that_may_leave_a_map_empty(box):
    """The only entry of a mapping, deleted by ours: choosing the deletion leaves `{}`, not null."""
    for n, text in ((F, "m:\n    k: kanari\nx: kanari\n"), ("s.enc.json", '{"m": {"k": "kanari"}, "x": "kanari"}')):
        box.init() if n == F else None
        box.seal(n, text)
    box.fork(lambda: [box.sops("unset", n, '["m"]["k"]') for n in (F, "s.enc.json")], lambda: [box.set(n, '["m"]["k"]', "kanari-theirs") for n in (F, "s.enc.json")], rc=1)
    for n in (F, "s.enc.json"):
        conflict = box.read(n)
        for c, m in (("t", {"k": "kanari-theirs"}), ("o", {})):
            box.write(n, pick(conflict, c))
            box.sops("git", "resolve", n)
            want(box.tree(n), {"m": m, "x": "kanari"}, "%s after choosing %s" % (n, c))
        box.write(n, conflict)
        box.sops("edit", n, env={"SOPS_EDITOR": editor(box, OURS)})
        want(box.tree(n), {"m": {}, "x": "kanari"}, "%s after taking ours in the editor" % n)


@check()
def conflict_where_both_added(box):
    start(box)
    r = box.fork(lambda: box.set(F, '["new"]', "kanari-ours"), lambda: box.set(F, '["new"]', "kanari-theirs"), rc=1)
    need("added on both sides" in r.said, "stderr: %r" % r.said)
    box.sops("git", "resolve", "--theirs", F)
    want(box.tree(F)["new"], "kanari-theirs", "resolved")


def combinations(box, name, text, entries):
    """entries: path to (ours, theirs); None is a deletion. All choices of sections must resolve to what they say."""
    start(box, text, name)
    change = lambda side: [box.sops("unset", name, p) if v[side] is None else box.set(name, p, v[side]) for p, v in entries]
    box.fork(lambda: change(0), lambda: change(1), rc=1)
    conflict = box.read(name)
    n = len(sections(conflict)[0])
    seen = set()
    for choice in itertools.product("ot", repeat=n):
        box.write(name, pick(conflict, choice))
        box.sops("git", "resolve", name)
        t = box.tree(name)
        got = []
        for p, v in entries:
            x = t
            for step in re.findall(r'\["(.*?)"\]|\[(\d+)\]', p):
                x = x.get(step[0]) if step[0] and isinstance(x, dict) else x[int(step[1])] if step[1] else None
            need(x in v, "%s is %r after choosing %s" % (p, x, "".join(choice)))
            got.append(v.index(x))
        seen.add(tuple(got))
    want(len(seen), 2 ** n, "different results of the choices")
    return n


@check()
def conflict_choices_in_yaml(box):
    n = combinations(box, F, TEXT, [('["db"]["password"]', ("kanari-o1", "kanari-t1")), ('["api"]["token"]', ("kanari-o2", "kanari-t2")), ('["last"]', ("kanari-o3", "kanari-t3"))])
    want(n, 3, "number of sections")


@check()
def conflict_choices_in_json_with_deletions(box):
    text = '{"a": {"x": "kanari-1", "y": "kanari-2"}, "b": {"in": {"v": "kanari-3"}}, "c": "kanari-4", "d": {"v": "kanari-5"}}'
    n = combinations(box, "s.enc.json", text, [('["a"]["y"]', (None, "kanari-t1")), ('["b"]["in"]["v"]', ("kanari-o2", "kanari-t2")), ('["d"]["v"]', ("kanari-o3", "kanari-t3"))])
    want(n, 3, "number of sections")


@check()
def conflict_choices_at_the_end_of_json(box):
    text = '{"a": "kanari-1", "y": "kanari-2", "z": "kanari-3"}'
    combinations(box, "s.enc.json", text, [('["y"]', ("kanari-o", "kanari-t")), ('["z"]', (None, "kanari-t2"))])


@check()
def conflict_choices_of_neighbours(box):
    n = combinations(box, F, "a: kanari-1\nb: kanari-2\nc: kanari-3\n", [('["a"]', ("kanari-o1", "kanari-t1")), ('["b"]', ("kanari-o2", None)), ('["c"]', (None, "kanari-t3"))])
    need(n >= 1, "no sections")


@check()
def conflict_choices_in_ini(box):
    combinations(box, "s.enc.ini", "[s]\na = kanari-1\nlong_key = kanari-2\n\n[t]\nb = kanari-3\n", [('["s"]["a"]', ("kanari-o", "kanari-t")), ('["s"]["long_key"]', (None, "kanari-t2")), ('["t"]["b"]', ("kanari-o3", "kanari-t3"))])


@check()
def conflict_in_a_list(box):
    text = "l:\n    - kanari-1\n    - kanari-2\nk: kanari\n"
    start(box, text)
    r = box.fork(lambda: box.edit(F, text.replace("kanari-2", "kanari-ours")), lambda: box.edit(F, text.replace("kanari-2", "kanari-theirs")), rc=1)
    need('["l"]' in r.said, "stderr does not name the list: %r" % r.said)
    box.sops("git", "resolve", "--theirs-path", '["l"]', F)
    want(box.tree(F)["l"], ["kanari-1", "kanari-theirs"], "the list")


@check()
def conflict_where_both_append_to_a_list(box):
    text = "l:\n    - kanari-1\n"
    start(box, text)
    r = box.fork(lambda: box.edit(F, text + "    - kanari-ours\n"), lambda: box.edit(F, text + "    - kanari-theirs\n"), rc=1)
    need('["l"]' in r.said, "stderr does not name the list: %r" % r.said)
    box.sops("edit", F, env={"SOPS_EDITOR": editor(box, OURS + "\nt = t.replace('    - kanari-ours\\n', '    - kanari-ours\\n    - kanari-theirs\\n')")})
    want(box.tree(F)["l"], ["kanari-1", "kanari-ours", "kanari-theirs"], "both, kept in the editor")


@check()
def conflict_in_an_item_with_a_name(box):
    text = "users:\n    - name: a\n      pw: kanari-1\n    - name: b\n      pw: kanari-2\n"
    start(box, text)
    r = box.fork(lambda: (box.set(F, '["users"][1]["pw"]', "kanari-ours"), box.set(F, '["users"][0]["pw"]', "kanari-o")), lambda: box.set(F, '["users"][1]["pw"]', "kanari-theirs"), rc=1)
    need('["users"][1]["pw"]' in r.said, "stderr does not name the leaf: %r" % r.said)
    box.sops("git", "resolve", "--theirs-path", '["users"][1]["pw"]', F)
    want([u["pw"] for u in box.tree(F)["users"]], ["kanari-o", "kanari-theirs"], "the users")


@check()
def conflict_of_an_item_that_one_side_deleted(box):
    text = "users:\n    - name: a\n      pw: kanari-1\n    - name: b\n      pw: kanari-2\n"
    start(box, text)
    r = box.fork(lambda: box.sops("unset", F, '["users"][1]'), lambda: box.set(F, '["users"][1]["pw"]', "kanari-theirs"), rc=1)
    need('\n  ["users"]  ' in r.said, "stderr does not name the list as a whole: %r" % r.said)
    text = box.read(F)
    for c, n in (("o", ["a"]), ("t", ["a", "b"])):
        box.write(F, pick(text, c))
        box.sops("git", "resolve", F)
        want([u["name"] for u in box.tree(F)["users"]], n, "the users after choosing " + c)


@check("reference")
def conflict_mended_with_the_reference_alone(box):
    """Where nobody rotated: choose sections, then one `set --ignore-mac` makes the MAC right."""
    clash(box)
    box.write(F, pick(box.read(F), "t"))
    box.reference("set", "--ignore-mac", F, '["last"]', '"kanari-last"')
    want(box.tree(F), merged("kanari-theirs"), "the file")


@check()
def conflict_in_a_document(box):
    text = "a: kanari-1\n---\na: kanari-2\n"
    start(box, text)
    r = box.fork(lambda: box.edit(F, text.replace("kanari-2", "kanari-ours")), lambda: box.edit(F, text.replace("kanari-2", "kanari-theirs")), rc=1)
    need('document 2 ["a"]' in r.said, "stderr does not name the document: %r" % r.said)
    box.write(F, pick(box.read(F), "t"))
    box.sops("git", "resolve", F)
    want(box.clear(F), b"a: kanari-1\n---\na: kanari-theirs\n", "resolved")


@check()
def conflict_in_lines_of_a_text(box):
    text = "conf: |\n    a=kanari\n    b=kanari\n    c=kanari\nx: kanari\n"
    start(box, text)
    box.fork(lambda: box.edit(F, text.replace("b=kanari", "b=kanari ours")), lambda: box.edit(F, text.replace("b=kanari", "b=kanari theirs")), rc=1)
    o, a, b = box.versions(F)
    want(sections(box.read(F))[0], [([line(a, "conf")], [line(b, "conf")])], "the sections: the whole value, no markers inside")


@check()
def conflict_beside_a_merged_text(box):
    """A text that merges line by line is new, and nothing is encrypted at a conflict: it stands there as ours has it, and git resolve puts the merged one in."""
    text = "conf: |\n    a=kanari\n    b=kanari\n    c=kanari\n    d=kanari\nx: kanari\n"
    start(box, text)
    box.fork(lambda: box.edit(F, text.replace("a=kanari", "a=kanari ours").replace("x: kanari", "x: kanari-ours")), lambda: box.edit(F, text.replace("d=kanari", "d=kanari theirs").replace("x: kanari", "x: kanari-theirs")), rc=1)
    o, a, b = box.versions(F)
    m = box.read(F)
    need(b"kanari" not in m, "clear text in the conflict text")
    want(line(m, "conf"), line(a, "conf"), "the line of the merged text")
    merged_text = "a=kanari ours\nb=kanari\nc=kanari\nd=kanari theirs\n"
    box.write(F, pick(m, "t"))
    box.sops("git", "resolve", F)
    want(box.tree(F), {"conf": merged_text, "x": "kanari-theirs"}, "resolved by choosing a section")
    box.sops("git", "resolve", "--ours", F)
    want(box.tree(F), {"conf": merged_text, "x": "kanari-ours"}, "resolved by --ours")
    box.write(F, m)
    box.sops("edit", F, env={"SOPS_EDITOR": editor(box, THEIRS)})
    want(box.tree(F), {"conf": merged_text, "x": "kanari-theirs"}, "resolved in the editor")


@check()
def conflict_of_kinds(box):
    start(box)
    box.fork(lambda: box.set(F, '["api"]', "kanari-now-a-text"), lambda: box.set(F, '["api"]["token"]', "kanari-theirs"), rc=1)
    box.sops("git", "resolve", "--ours", F)
    want(box.tree(F)["api"], "kanari-now-a-text", "resolved")


@check()
def conflict_after_rotation(box):
    start(box, to=(ALICE, BOB))
    box.fork(lambda: (box.sops("rotate", "-i", F), box.set(F, '["last"]', "kanari-ours"), box.set(F, '["other"]', "kanari-o")), lambda: (box.set(F, '["last"]', "kanari-theirs"), box.set(F, '["api"]["token"]', "kanari-t")), rc=1)
    o, a, b = box.versions(F)
    text = box.read(F)
    want(sections(text)[0], [([line(a, "last")], [line(b, "last")])], "the sections")
    for c, v in (("t", "kanari-theirs"), ("o", "kanari-ours")):
        box.write(F, pick(text, c))
        box.sops("git", "resolve", F)
        t = box.tree(F, "bob")
        want((t["last"], t["other"], t["api"]["token"]), (v, "kanari-o", "kanari-t"), "resolved with " + c)
        want(line(box.read(F), "other"), line(a, "other"), "the line of the side that rotated")


# ---- closed until it is resolved ----------------------------------------------------------------------------------

@check()
def unresolved_text_does_not_open(box):
    clash(box)
    text = box.read(F)
    r = box.sops("decrypt", F, rc=None)
    need(r.rc != 0 and r.out == b"", "decrypt of a text with markers: %s" % r)
    need("sops git resolve" in r.said or "sops edit" in r.said, "decrypt does not tell the way out: %r" % r.said)
    box.write(F, pick(text, "t"))
    r = box.sops("decrypt", F, rc=None)
    need(r.rc in (25, 51) and r.out == b"", "decrypt after choosing a section: %s" % r)
    need("sops git resolve" in r.said, "decrypt does not tell the way out: %r" % r.said)
    box.write(F, text)


@check("reference")
def unresolved_text_does_not_open_with_the_reference(box):
    clash(box)
    text = box.read(F)
    for t in (text, pick(text, "t"), pick(text, "o")):
        box.write(F, t)
        r = box.reference("decrypt", F, rc=None)
        need(r.rc != 0 and r.out == b"", "the reference opens it: %s" % r)
    box.write(F, text)


@check()
def unresolved_entry_goes_away(box):
    clash(box)
    box.sops("git", "resolve", "--ours", F)
    need(b"unresolved" not in box.read(F), "unresolved stays in the metadata")


@check()
def unresolved_file_is_refused_by_commands_that_write(box):
    clash(box)
    text = pick(box.read(F), "t")
    box.write(F, text)
    for args in (["set", F, '["x"]', '"y"'], ["rotate", "-i", F], ["unset", F, '["other"]']):
        r = box.sops(*args, rc=None)
        need(r.rc in (25, 51), "%s: %s" % (args[0], r))
    want(box.read(F), text, "the file")


# ---- git resolve --------------------------------------------------------------------------------------------------

@check()
def resolve_by_choosing_a_section(box):
    clash(box)
    text = box.read(F)
    for c, v in (("o", "kanari-ours"), ("t", "kanari-theirs")):
        box.write(F, pick(text, c))
        box.sops("git", "resolve", F)
        want(box.tree(F), merged(v), "resolved by choosing " + c)
    want(state(box), "UU", "git status: only --add stages")
    box.git("add", F)
    box.git("commit", "-q", "--no-edit")


@check()
def resolve_ours_theirs(box):
    clash(box)
    for flag, v in (("--ours", "kanari-ours"), ("--theirs", "kanari-theirs")):
        box.sops("git", "resolve", flag, F)
        want(box.tree(F), merged(v), "resolved by " + flag)
    o, a, b = box.versions(F)
    want(line(box.read(F), "password"), line(b, "password"), "the ciphertext of theirs")


@check()
def resolve_paths(box):
    start(box)
    box.fork(lambda: [box.set(F, p, "kanari-o") for p in ('["last"]', '["other"]', '["db"]["host"]')], lambda: [box.set(F, p, "kanari-t") for p in ('["last"]', '["other"]', '["db"]["host"]')], rc=1)
    box.sops("git", "resolve", "--theirs", "--ours-path", '["other"]', F)
    t = box.tree(F)
    want((t["last"], t["other"], t["db"]["host"]), ("kanari-t", "kanari-o", "kanari-t"), "theirs but one")
    box.sops("git", "resolve", "--ours-path", '["other"]', "--theirs-path", '["last"]', "--ours-path", '["db"]["host"]', F)
    t = box.tree(F)
    want((t["last"], t["other"], t["db"]["host"]), ("kanari-t", "kanari-o", "kanari-o"), "path by path")


@check()
def resolve_paths_that_leave_something(box):
    start(box)
    box.fork(lambda: [box.set(F, p, "kanari-o") for p in ('["last"]', '["other"]')], lambda: [box.set(F, p, "kanari-t") for p in ('["last"]', '["other"]')], rc=1)
    text = box.read(F)
    r = box.sops("git", "resolve", "--ours-path", '["other"]', F, rc=1)
    need('["last"]' in r.said, "stderr does not name what is left: %r" % r.said)
    r = box.sops("git", "resolve", "--ours-path", '["api"]["token"]', F, rc=1)
    need('["api"]["token"]' in r.said, "stderr does not name the path that is no conflict: %r" % r.said)
    want(box.read(F), text, "the file")


@check()
def resolve_ours_and_theirs(box):
    clash(box)
    text = box.read(F)
    box.sops("git", "resolve", "--ours", "--theirs", F, rc=8)
    want(box.read(F), text, "the file")


@check()
def resolve_with_markers_left(box):
    clash(box)
    text = box.read(F)
    r = box.sops("git", "resolve", F, rc=1)
    n = next(i for i, x in enumerate(text.splitlines(), 1) if x.startswith(b"<<<<<<<"))
    need(re.search(r"\b%d\b" % n, r.said) and '["db"]["password"]' in r.said, "stderr names neither line %d nor the path: %r" % (n, r.said))
    want(box.read(F), text, "the file")


def neither(box, change, named):
    clash(box)
    text = change(pick(box.read(F), "t"), *box.versions(F))
    box.write(F, text)
    r = box.sops("git", "resolve", F, rc=1)
    need(named in r.said, "stderr does not name %s: %r" % (named, r.said))
    want(box.read(F), text, "the file")


@check()
def resolve_refuses_a_value_of_neither_side(box):
    neither(box, lambda t, o, a, b: t.replace(line(t, "password"), line(o, "password")), '["db"]["password"]')


@check()
def resolve_refuses_typed_text(box):
    neither(box, lambda t, o, a, b: t.replace(line(t, "password"), b"    password: typed"), '["db"]["password"]')


@check()
def resolve_refuses_a_change_elsewhere(box):
    neither(box, lambda t, o, a, b: t.replace(line(t, "token"), line(o, "token")), '["api"]["token"]')


@check()
def resolve_refuses_a_value_from_another_place(box):
    neither(box, lambda t, o, a, b: t.replace(line(t, "last"), b"last:" + line(t, "other").split(b":", 1)[1]), '["last"]')


@check()
def resolve_refuses_an_added_entry(box):
    neither(box, lambda t, o, a, b: t.replace(b"\nlast:", b"\nadded: " + line(t, "other").split(b": ", 1)[1] + b"\nlast:"), '["added"]')


@check()
def resolve_refuses_a_missing_entry(box):
    neither(box, lambda t, o, a, b: t.replace(line(t, "last") + b"\n", b""), '["last"]')


@check()
def resolve_refuses_a_damaged_value(box):
    def damage(t, o, a, b):
        x = line(t, "last")
        i = x.index(b"data:") + 6
        return t.replace(x, x[:i] + (b"A" if x[i:i + 1] != b"A" else b"B") + x[i + 1:])
    neither(box, damage, '["last"]')


@check()
def resolve_does_not_trust_the_metadata_of_the_work_tree(box):
    clash(box)
    stranger = box.sops("encrypt", "--age", ALICE + "," + CAROL, "--filename-override", F, input="x: y\n").out
    text = pick(box.read(F), "t")
    m = text.split(b"\nsops:\n")[0] + b"\nsops:\n" + stranger.split(b"\nsops:\n")[1].replace(b"    unencrypted_suffix:", b"    unresolved: 1\n    unencrypted_suffix:")
    box.write(F, m)
    box.sops("git", "resolve", F)
    want(recipients(box.read(F)), [ALICE], "recipients: those of the merged versions")
    want(box.tree(F), merged("kanari-theirs"), "resolved")
    want(line(box.read(F), "last"), line(box.versions(F)[0], "last"), "an untouched line")


@check()
def resolve_add(box):
    clash(box)
    box.sops("git", "resolve", "--ours", "--add", F)
    want(state(box), "M ", "git status")
    box.git("commit", "-q", "--no-edit")
    want(box.tree(F), merged("kanari-ours"), "committed")


@check()
def resolve_leaves_a_finished_file_alone(box):
    clash(box)
    box.sops("git", "resolve", "--ours", F)
    box.set(F, '["db"]["password"]', "kanari-third")
    text = box.read(F)
    box.sops("git", "resolve", "--add", F)
    want((box.read(F), state(box)), (text, "M "), "a file that was finished by hand, and git status")


@check()
def resolve_does_not_take_a_whole_side_for_an_answer(box):
    clash(box)
    for side in ("--ours", "--theirs"):
        box.git("checkout", "-q", side, F)
        text = box.read(F)
        r = box.sops("git", "resolve", "--add", F, rc=1)
        need(side in r.said and '["db"]["password"]' in r.said, "stderr tells neither conflict nor %s: %r" % (side, r.said))
        want((box.read(F), state(box)), (text, "UU"), "the file, and git status")


@check()
def resolve_with_ours_gives_the_bytes_of_ours(box):
    start(box)
    box.fork(lambda: box.set(F, '["last"]', "kanari-ours"), lambda: box.set(F, '["last"]', "kanari-theirs"), rc=1)
    text = box.read(F)
    for how in (["--ours"], []):
        box.write(F, pick(text, "o"))
        box.sops("git", "resolve", *how, F)
        want(box.read(F), box.versions(F)[1], "the file, where nothing but the choice of ours is left")


@check()
def resolve_without_a_conflict(box):
    start(box)
    box.commit()
    r = box.sops("git", "resolve", F, rc=2)
    need(F in r.said, "stderr does not name the file: %r" % r.said)
    box.sops("git", "resolve", "nothing.enc.yaml", rc=100)
    box.sops("git", "resolve", rc=100)


@check()
def resolve_outside_of_a_repository(box):
    box.seal(F, "a: kanari\n")
    box.sops("git", "resolve", F, rc=2)


@check()
def resolve_where_one_side_deleted_the_file(box):
    start(box)
    box.fork(lambda: box.set(F, '["last"]', "kanari-ours"), lambda: os.unlink(box.path(F)), rc=1)
    r = box.sops("git", "resolve", F, rc=2)
    need("git rm" in r.said or "git add" in r.said, "stderr does not tell what to do: %r" % r.said)


@check()
def resolve_from_a_subfolder(box):
    n = "deep/er/s.enc.yaml"
    box.init()
    box.seal(n, "a: kanari\n") if os.makedirs(box.path("deep/er")) is None else None
    box.fork(lambda: box.set(n, '["a"]', "kanari-ours"), lambda: box.set(n, '["a"]', "kanari-theirs"), rc=1)
    box.sops("git", "resolve", "--theirs", "--add", "er/s.enc.yaml", cwd=box.path("deep"))
    want(box.tree(n)["a"], "kanari-theirs", "resolved")
    want(state(box, n), "M ", "git status")


@check()
def resolve_from_outside(box):
    clash(box)
    box.sops("git", "resolve", "--theirs", "--add", box.path(F), cwd=box.top)
    want(box.tree(F), merged("kanari-theirs"), "resolved")
    want(state(box), "M ", "git status")


@check()
def resolve_several_files(box):
    box.init()
    names = ["a.enc.yaml", "b.enc.json", "c.enc.env"]
    for n in names:
        box.seal(n, '{"k": "kanari"}' if "json" in n else "k=kanari\n" if "env" in n[5:] else "k: kanari\n")
    box.fork(lambda: [box.set(n, '["k"]', "kanari-ours") for n in names], lambda: [box.set(n, '["k"]', "kanari-theirs") for n in names], rc=1)
    r = box.sops("git", "resolve", *names, rc=1)
    need(all(n in r.said for n in names), "stderr does not name all files: %r" % r.said)
    box.sops("git", "resolve", "--theirs", "--add", *names)
    want([box.tree(n)["k"] for n in names], ["kanari-theirs"] * 3, "resolved")


@check()
def resolve_without_the_key(box):
    clash(box)
    text = box.read(F)
    box.sops("git", "resolve", "--ours", F, who="", rc=128)
    want(box.read(F), text, "the file")


@check()
def resolve_names_with_odd_characters(box):
    n = "-dash 'quote' \"x\" $HOME.enc.yaml"
    box.init()
    box.write(n, box.sops("encrypt", "--age", ALICE, "--filename-override", "x.yaml", input="a: kanari\n").out)
    box.fork(lambda: box.sops("set", "./" + n, '["a"]', '"kanari-ours"'), lambda: box.sops("set", "./" + n, '["a"]', '"kanari-theirs"'), rc=1)
    want(len(sections(box.read(n))[0]), 1, "number of sections")
    box.sops("git", "resolve", "--theirs", "--add", "--", n)
    want(json.loads(box.sops("decrypt", "--output-type", "json", "./" + n).out), {"a": "kanari-theirs"}, "resolved")


# ---- edit, mergetool, rerere ----------------------------------------------------------------------------------------

def editor(box, body):
    """An editor that does `body` (Python) with the text `t` of the file; it logs what it saw."""
    return box.script("editor", "#!/usr/bin/env python3\nimport os, re, sys\np = sys.argv[-1]\nt = open(p).read()\nopen(%r, 'a').write(t + '\\0')\n"
                      "open(%r, 'w').write(oct(os.stat(p).st_mode & 0o777) + ' ' + oct(os.stat(os.path.dirname(p)).st_mode & 0o777))\n%s\nopen(p, 'w').write(t)\n"
                      % (os.path.join(box.top, "seen"), os.path.join(box.top, "modes"), body))


OURS = r"t = re.sub(r'(?ms)^<<<<<<< [^\n]*\n(.*?)^=======\n.*?^>>>>>>> [^\n]*\n', r'\1', t)"
THEIRS = r"t = re.sub(r'(?ms)^<<<<<<< [^\n]*\n.*?^=======\n(.*?)^>>>>>>> [^\n]*\n', r'\1', t)"


@check()
def edit_of_a_conflict(box):
    clash(box)
    ed = editor(box, THEIRS)
    box.sops("edit", F, env={"SOPS_EDITOR": ed})
    want(box.tree(F), merged("kanari-theirs"), "the file")
    seen = open(os.path.join(box.top, "seen")).read().split("\0")[0]
    need("<<<<<<< " in seen and "    password: kanari-ours\n" in seen and "    password: kanari-theirs\n" in seen and "ENC[" not in seen and "sops:" not in seen, "the editor was not given both sides in clear text")
    need("token: kanari-token-t" in seen and "other: kanari-other-o" in seen, "the editor was not given the merged rest")
    want(open(os.path.join(box.top, "modes")).read(), "0o600 0o700", "modes of the text and its folder")
    o, a, b = box.versions(F)
    want((line(box.read(F), "password"), line(box.read(F), "host")), (line(b, "password"), line(o, "host")), "ciphertexts")
    want(state(box), "UU", "git status")


@check()
def edit_of_a_conflict_in_the_old_form(box):
    clash(box)
    box.sops(F, env={"SOPS_EDITOR": editor(box, THEIRS)})
    want(box.tree(F), merged("kanari-theirs"), "the file")


@check()
def edit_of_a_conflict_to_a_third_value(box):
    clash(box)
    box.sops("edit", F, env={"SOPS_EDITOR": editor(box, THEIRS + "\nt = t.replace('kanari-theirs', 'kanari-third') + 'more: kanari\\n'")})
    t = merged("kanari-third")
    t["more"] = "kanari"
    want(box.tree(F), t, "the file")


@check()
def edit_with_markers_left_comes_back(box):
    clash(box)
    ed = editor(box, "if os.path.exists(%r):\n    %s\nelse:\n    open(%r, 'w')\n    t += 'x: kanari\\n'" % (os.path.join(box.top, "second"), THEIRS, os.path.join(box.top, "second")))
    r = box.sops("edit", F, input="\n", env={"SOPS_EDITOR": ed})
    want(len(open(os.path.join(box.top, "seen")).read().split("\0")), 3, "how often the editor was opened, plus one")
    need("marker" in r.said, "stderr does not say that markers are left: %r" % r.said)
    t = merged("kanari-theirs")
    t["x"] = "kanari"
    want(box.tree(F), t, "the file")


@check()
def edit_that_changes_nothing(box):
    clash(box)
    text = box.read(F)
    box.sops("edit", F, rc=200, env={"SOPS_EDITOR": editor(box, "")})
    want(box.read(F), text, "the file")


@check()
def edit_whose_editor_fails(box):
    clash(box)
    text = box.read(F)
    box.sops("edit", F, rc=201, env={"SOPS_EDITOR": editor(box, "sys.exit(3)")})
    want(box.read(F), text, "the file")


@check()
def edit_ended_by_a_signal(box):
    clash(box)
    text = box.read(F)
    for n in (15, 1):
        box.sops("edit", F, rc=1, env={"SOPS_EDITOR": editor(box, "import signal, time\nos.kill(os.getppid(), %d)\ntime.sleep(1)\n" % n)})
        want((box.read(F), os.listdir(box.tmp)), (text, []), "the file, and TMPDIR, after signal %d" % n)


@check()
def edit_of_markers_without_versions(box):
    start(box)
    box.commit()
    box.write(F, b"<<<<<<< ours\na: 1\n=======\na: 2\n>>>>>>> theirs\n" + box.read(F))
    text = box.read(F)
    r = box.sops("edit", F, rc=1, env={"SOPS_EDITOR": editor(box, "")})
    need("sops merge" in r.said, "stderr does not tell the way out: %r" % r.said)
    want(box.read(F), text, "the file")
    need(not os.path.exists(os.path.join(box.top, "seen")), "the editor was started")


@check()
def edit_of_a_conflict_in_metadata_only(box):
    """What a server leaves: git merged the text, and only mac and lastmodified conflict."""
    start(box)
    box.write(".gitattributes", "")
    box.fork(lambda: box.set(F, '["db"]["host"]', "kanari-o"), lambda: box.sops("set", F, '["last"]', '"kanari-t"') and __import__("time").sleep(1.1) or box.set(F, '["last"]', "kanari-t2"), rc=1)
    need(b"<<<<<<<" in box.read(F), "git had no conflict")
    box.sops("edit", F, env={"SOPS_EDITOR": editor(box, "")})
    t = box.tree(F)
    want((t["db"]["host"], t["last"]), ("kanari-o", "kanari-t2"), "the file after an edit that changed nothing")


@check()
def mergetool_is_the_editor(box):
    clash(box)
    box.git("mergetool", "--tool=sops", "--no-prompt", F, env={"SOPS_EDITOR": editor(box, THEIRS)})
    want(state(box), "M ", "git status after git mergetool")
    want(box.tree(F), merged("kanari-theirs"), "the file")
    if os.path.exists(box.path(F + ".orig")):
        os.unlink(box.path(F + ".orig"))


@check()
def mergetool_that_gives_up(box):
    clash(box)
    box.git("mergetool", "--tool=sops", "--no-prompt", F, rc=1, env={"SOPS_EDITOR": editor(box, "")})
    want(state(box), "UU", "git status after a git mergetool that was given up")


@check()
def rerere_finds_the_same_conflict_again(box):
    start(box)
    box.git("config", "rerere.enabled", "true")
    box.fork(lambda: box.set(F, '["last"]', "kanari-ours"), lambda: box.set(F, '["last"]', "kanari-theirs"), rc=1)
    box.sops("git", "resolve", "--theirs", "--add", F)
    box.git("commit", "-q", "--no-edit")
    box.git("reset", "-q", "--hard", "HEAD~1")
    box.git("merge", "topic", rc=1)
    want(box.tree(F)["last"], "kanari-theirs", "the file, resolved by git rerere")


# ---- markers --------------------------------------------------------------------------------------------------------

@check()
def markers_of_another_size(box):
    box.init(attributes="*.enc.* merge=sops conflict-marker-size=12\n")
    box.seal(F, TEXT)
    box.fork(lambda: box.set(F, '["last"]', "kanari-ours"), lambda: box.set(F, '["last"]', "kanari-theirs"), rc=1)
    t = box.read(F)
    need(b"\n" + b"<" * 12 + b" " in t and b"\n" + b"=" * 12 + b"\n" in t and b"\n" + b">" * 12 + b" " in t, "markers of twelve")
    box.sops("edit", F, env={"SOPS_EDITOR": editor(box, r"t = re.sub(r'(?ms)^<{7,} [^\n]*\n.*?^={7,}\n(.*?)^>{7,} [^\n]*\n', r'\1', t)")})
    want(box.tree(F)["last"], "kanari-theirs", "the file")


@check()
def markers_labels_that_git_does_not_know(box):
    clash(box)
    o, a, b = box.versions(F)
    for labels in ((), ("%S", "%X", "%Y"), ("", "", "")):
        t = box.driver(o, a, b, F, labels=labels, rc=1)
        need(b"\n<<<<<<< ours\n" in t and b"\n>>>>>>> theirs\n" in t, "labels %r" % (labels,))


@check()
def markers_labels(box):
    clash(box)
    o, a, b = box.versions(F)
    t = box.driver(o, a, b, F, labels=("base", "HEAD", "abc1234 (fix: x=y)"), rc=1)
    need(b"\n<<<<<<< HEAD\n" in t and b"\n>>>>>>> abc1234 (fix: x=y)\n" in t, "labels")
    t = box.driver(o, a, b, F, labels=("base", "evil\n=======\n\x1b[31m", "x" * 5000), rc=1)
    want(len(sections(t)[0]), 1, "number of sections under hostile labels")
    need(b"\x1b" not in t and all(len(x) < 400 for x in t.splitlines() if x[:1] in b"<>"), "control characters or an endless label")


@check("git2")
def markers_labels_of_a_newer_git(box):
    box.env["PATH"] = os.path.dirname(os.path.abspath(box.o.git)) + os.pathsep + box.env["PATH"]
    clash(box)
    t = box.read(F)
    need(b"\n<<<<<<< HEAD\n" in t and b"\n>>>>>>> topic\n" in t, "labels of git merge")
