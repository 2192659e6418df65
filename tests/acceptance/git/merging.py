# SPDX-License-Identifier: Apache-2.0
"""Merges that are clean: values, maps, lists, texts, comments, documents, all five formats; through a real git."""
import json

from harness import BOB, ALICE, body, check, line, need, no_nonce_twice, want

YAML = """\
# kanari heading
db:
    host: kanari-host
    # kanari about the password
    password: kanari-password
    port: 5432
api:
    token: kanari-token
    url: kanari-url
ratio: 1.5
debug: false
since: 2024-05-06T07:08:09Z
nothing: null
empty: ""
plain_unencrypted: visible
"""
F = "s.enc.yaml"


def yaml(box, text=YAML, *args, **kw):
    box.init()
    box.seal(F, text, *args, **kw)


@check()
def merge_disjoint_values(box):
    yaml(box)
    r = box.fork(lambda: box.set(F, '["api"]["token"]', "kanari-ours"), lambda: box.set(F, '["db"]["password"]', "kanari-theirs"))
    need("s.enc.yaml: merged" in r.said, "stderr does not say that s.enc.yaml was merged: %r" % r.said)
    t = box.tree(F)
    want((t["api"]["token"], t["db"]["password"], t["db"]["host"], t["db"]["port"]), ("kanari-ours", "kanari-theirs", "kanari-host", 5432), "the merged values")
    want(box.git("status", "--porcelain").text, "", "git status after the merge")


@check()
def merge_keeps_every_ciphertext(box):
    yaml(box)
    box.fork(lambda: box.set(F, '["api"]["token"]', "kanari-ours"), lambda: box.set(F, '["db"]["password"]', "kanari-theirs"))
    o, a, b = box.versions(F)
    m = box.read(F)
    want(line(m, "token"), line(a, "token"), "the line that ours changed")
    want(line(m, "password"), line(b, "password"), "the line that theirs changed")
    changed = [x for x in body(m) if x not in body(o)]
    want(len(changed), 2, "lines of the body that differ from the base")
    no_nonce_twice(o, a, b, m)


@check()
def merge_json(box):
    box.init()
    n = "s.enc.json"
    box.seal(n, '{"a": {"x": "kanari-1", "y": 2}, "b": [1, 2, 3], "c": true, "last": "kanari-3"}')
    box.fork(lambda: box.set(n, '["a"]["x"]', "kanari-ours"), lambda: (box.set(n, '["last"]', "kanari-theirs"), box.sops("unset", n, '["c"]')))
    want(box.tree(n), {"a": {"x": "kanari-ours", "y": 2}, "b": [1, 2, 3], "last": "kanari-theirs"}, "the merged values")


@check()
def merge_dotenv(box):
    box.init()
    n = "s.enc.env"
    box.seal(n, "# kanari one\nA=kanari-1\nB=kanari-2\n# kanari three\nC=kanari-3\n")
    box.fork(lambda: box.set(n, '["A"]', "kanari-ours"), lambda: (box.set(n, '["C"]', "kanari-theirs"), box.set(n, '["D"]', "kanari-new")))
    want(box.clear(n), b"# kanari one\nA=kanari-ours\nB=kanari-2\n# kanari three\nC=kanari-theirs\nD=kanari-new\n", "the merged text")
    box.tree(n)


@check()
def merge_ini(box):
    box.init()
    n = "s.enc.ini"
    box.seal(n, "[one]\na = kanari-1\nb = kanari-2\n\n[two]\nc = kanari-3\n")
    box.fork(lambda: box.set(n, '["one"]["a"]', "kanari-ours"), lambda: (box.set(n, '["two"]["c"]', "kanari-theirs"), box.set(n, '["two"]["d"]', "kanari-new")))
    t = box.tree(n)
    want((t["one"], t["two"]), ({"a": "kanari-ours", "b": "kanari-2"}, {"c": "kanari-theirs", "d": "kanari-new"}), "the merged sections")


@check()
def merge_binary_by_lines(box):
    box.init()
    n = "s.enc.conf"
    text = "".join("line %d kanari\n" % i for i in range(20))
    box.seal(n, text)
    box.fork(lambda: box.edit(n, text.replace("line 3 ", "ours 3 ")), lambda: box.edit(n, text.replace("line 15 ", "theirs 15 ") + "more kanari\n"))
    want(box.clear(n).decode(), text.replace("line 3 ", "ours 3 ").replace("line 15 ", "theirs 15 ") + "more kanari\n", "the merged text")


@check()
def merge_text_of_several_lines(box):
    text = "conf: |\n    a=kanari\n    b=kanari\n    c=kanari\n    d=kanari\n    e=kanari\nx: kanari\n"
    yaml(box, text)
    box.fork(lambda: box.edit(F, text.replace("a=kanari", "a=kanari ours")), lambda: box.edit(F, text.replace("e=kanari", "e=kanari theirs")))
    want(box.tree(F)["conf"], "a=kanari ours\nb=kanari\nc=kanari\nd=kanari\ne=kanari theirs\n", "the merged text")


@check()
def merge_additions_on_both_sides(box):
    yaml(box)
    box.fork(lambda: (box.set(F, '["db"]["ours"]', "kanari-o"), box.set(F, '["zo"]', "kanari")),
             lambda: (box.set(F, '["db"]["theirs"]', "kanari-t"), box.set(F, '["zt"]', "kanari")))
    t = box.tree(F)
    want(list(t["db"]), ["host", "password", "port", "ours", "theirs"], "the order of the keys: ours first")
    want(list(t)[-2:], ["zo", "zt"], "the order of the keys at the top")


@check()
def merge_addition_in_the_middle(box):
    yaml(box, "a: kanari\nb: kanari\nc: kanari\n")
    box.fork(lambda: box.set(F, '["c"]', "kanari-ours"), lambda: box.edit(F, "a: kanari\nnew1: kanari\nnew2: kanari\nb: kanari\nc: kanari\n"))
    want(list(box.tree(F)), ["a", "new1", "new2", "b", "c"], "the order of the keys")


@check()
def merge_deletions(box):
    yaml(box)
    box.fork(lambda: box.sops("unset", F, '["api"]["url"]'), lambda: (box.sops("unset", F, '["debug"]'), box.set(F, '["db"]["host"]', "kanari-theirs")))
    t = box.tree(F)
    need("url" not in t["api"] and "debug" not in t, "a deleted entry is back")
    want(t["db"]["host"], "kanari-theirs", "the value that theirs changed")


@check()
def merge_deletion_on_both_sides(box):
    yaml(box)
    box.fork(lambda: (box.sops("unset", F, '["api"]'), box.set(F, '["x"]', "kanari")), lambda: (box.sops("unset", F, '["api"]'), box.set(F, '["y"]', "kanari")))
    t = box.tree(F)
    need("api" not in t and t["x"] == t["y"] == "kanari", "not both deletions and additions: %s" % list(t))


@check()
def merge_emptied_mapping_stays(box):
    yaml(box)
    box.fork(lambda: box.sops("unset", F, '["api"]["url"]'), lambda: box.sops("unset", F, '["api"]["token"]'))
    want(box.tree(F)["api"], {}, "a mapping emptied by both sides together")


@check()
def merge_same_change_on_both_sides(box):
    yaml(box)
    box.fork(lambda: (box.set(F, '["api"]["token"]', "kanari-same"), box.set(F, '["db"]["host"]', "kanari-ours")),
             lambda: (box.set(F, '["api"]["token"]', "kanari-same"), box.set(F, '["db"]["port"]', "kanari-theirs")))
    want(box.tree(F)["api"]["token"], "kanari-same", "the value that both sides set")
    want(line(box.read(F), "token"), line(box.versions(F)[1], "token"), "the ciphertext: that of ours")


@check()
def merge_types(box):
    yaml(box)
    box.fork(lambda: box.edit(F, YAML.replace("port: 5432", 'port: "5432"').replace("ratio: 1.5", "ratio: 2.5")),
             lambda: box.edit(F, YAML.replace("debug: false", "debug: true").replace("since: 2024-05-06", "since: 2025-05-06").replace('empty: ""', "empty: kanari").replace("nothing: null", "nothing: 7")))
    t = box.tree(F)
    want((t["db"]["port"], t["ratio"], t["debug"], t["empty"], t["nothing"]), ("5432", 2.5, True, "kanari", 7), "values of all types")
    need(b"2025-05-06T07:08:09Z" in box.clear(F), "the time")


@check()
def merge_number_against_text_is_a_conflict(box):
    yaml(box, "n: 1\nk: kanari\n")
    box.fork(lambda: box.edit(F, "n: 2\nk: kanari\n"), lambda: box.edit(F, 'n: "2"\nk: kanari\n'), rc=1)


@check()
def merge_clear_values(box):
    yaml(box, "a_unencrypted: one\nb_unencrypted: two\nc: kanari\n")
    box.fork(lambda: box.set(F, '["a_unencrypted"]', "ours"), lambda: box.set(F, '["b_unencrypted"]', "theirs"))
    m = box.read(F)
    need(b"a_unencrypted: ours\n" in m and b"b_unencrypted: theirs\n" in m, "clear values")
    box.tree(F)


@check()
def merge_mac_only_encrypted(box):
    box.init()
    box.write(".sops.yaml", "creation_rules:\n  - age: %s\n    mac_only_encrypted: true\n" % ALICE)
    r = box.sops("encrypt", "--filename-override", F, input="a_unencrypted: one\nb: kanari\nc: kanari\n")
    box.write(F, r.out)
    box.fork(lambda: box.set(F, '["b"]', "kanari-ours"), lambda: box.set(F, '["a_unencrypted"]', "theirs"))
    t = box.tree(F)
    want((t["a_unencrypted"], t["b"]), ("theirs", "kanari-ours"), "the merged values")
    need(b"mac_only_encrypted: true" in box.read(F), "the setting is gone")


@check()
def merge_lists_of_scalars(box):
    text = "l:\n    - one kanari\n    - two kanari\n    - three kanari\n    - four kanari\n    - five kanari\n"
    yaml(box, text)
    box.fork(lambda: box.edit(F, text.replace("    - one kanari\n", "    - zero kanari\n    - one kanari\n")), lambda: box.edit(F, text.replace("    - four kanari\n", "")))
    o, a, b = box.versions(F)
    want(box.tree(F)["l"], ["zero kanari", "one kanari", "two kanari", "three kanari", "five kanari"], "the merged list")
    want([x for x in body(box.read(F)) if x not in body(a)], [], "lines that are not those of ours")


@check()
def merge_lists_by_name(box):
    text = "users:\n" + "".join("    - name: n%d\n      pw: kanari-%d\n" % (i, i) for i in range(3))
    yaml(box, text)
    box.fork(lambda: (box.set(F, '["users"][0]["pw"]', "kanari-ours"), box.edit(F, box.clear(F).decode() + "    - name: new-o\n      pw: kanari-o\n")),
             lambda: (box.set(F, '["users"][1]["pw"]', "kanari-theirs"), box.edit(F, box.clear(F).decode() + "    - name: new-t\n      pw: kanari-t\n"), box.sops("unset", F, '["users"][2]')))
    t = box.tree(F)["users"]
    want([(u["name"], u["pw"]) for u in t], [("n0", "kanari-ours"), ("n1", "kanari-theirs"), ("new-o", "kanari-o"), ("new-t", "kanari-t")], "the merged users")


@check()
def merge_lists_by_name_with_comments(box):
    """Both sides change items that touch, so the names must tell them apart; the comments above them go along."""
    text = "users:\n    # kanari about a\n    - name: a\n      pw: kanari-1\n    # kanari about b\n    - name: b\n      pw: kanari-2\n"
    new = "    # kanari about c\n    - name: c\n      pw: kanari-3\n"
    yaml(box, text)
    box.fork(lambda: box.edit(F, text.replace("kanari-1", "kanari-ours")), lambda: box.edit(F, text.replace("kanari-2", "kanari-theirs").replace("about b", "about b, theirs") + new))
    want(box.clear(F).decode(), text.replace("kanari-1", "kanari-ours").replace("kanari-2", "kanari-theirs").replace("about b", "about b, theirs") + new, "the merged users")
    box.tree(F)


@check()
def merge_lists_by_key_and_id(box):
    for ident in ("key", "id"):
        n = ident + ".enc.json"
        box.init() if ident == "key" else None
        box.seal(n, json.dumps({"l": [{ident: "a", "v": "kanari-1"}, {ident: "b", "v": "kanari-2"}]}))
    box.fork(lambda: [box.set(n + ".enc.json", '["l"][0]["v"]', "kanari-ours") for n in ("key", "id")],
             lambda: [box.set(n + ".enc.json", '["l"][1]["v"]', "kanari-theirs") for n in ("key", "id")])
    for ident in ("key", "id"):
        want([x["v"] for x in box.tree(ident + ".enc.json")["l"]], ["kanari-ours", "kanari-theirs"], "a list of maps told apart by " + ident)


@check()
def merge_lists_with_a_name_twice_by_items(box):
    text = "l:\n    - name: same\n      v: kanari-1\n    - name: same\n      v: kanari-2\n    - name: other\n      v: kanari-3\n"
    yaml(box, text)
    box.fork(lambda: box.set(F, '["l"][0]["v"]', "kanari-ours"), lambda: box.set(F, '["l"][2]["v"]', "kanari-theirs"))
    want([x["v"] for x in box.tree(F)["l"]], ["kanari-ours", "kanari-2", "kanari-theirs"], "the merged list")


@check()
def merge_equal_items_keep_their_own_ciphertexts(box):
    text = "l:\n    - same kanari\n    - same kanari\n    - other kanari\nx: kanari\ny: kanari\n"
    yaml(box, text)
    o = box.read(F)
    mid = lambda d: [x for x in body(d) if x.startswith(b"    - ")]
    need(mid(o)[0] != mid(o)[1], "encrypt gives two equal items one ciphertext")

    def change(key, value):  # as another program would: everything else stays
        new = box.sops("encrypt", "--age", ALICE, "--reuse", F, "--filename-override", F, input=text.replace(key + ": kanari", key + ": " + value)).out
        box.write(F, new)
    box.fork(lambda: change("x", "kanari-ours"), lambda: change("y", "kanari-theirs"))
    want(mid(box.read(F)), mid(o), "the items")
    box.tree(F)


@check()
def merge_theirs_order(box):
    yaml(box, "a: kanari\nb: kanari\nc: kanari\nd: kanari\n")
    box.fork(lambda: box.set(F, '["b"]', "kanari-ours"), lambda: box.edit(F, "d: kanari\nc: kanari\nb: kanari\na: kanari\n"))
    t = box.tree(F)
    want((list(t), t["b"]), (["d", "c", "b", "a"], "kanari-ours"), "the order of theirs, the value of ours")


@check()
def merge_ours_order(box):
    yaml(box, "a: kanari\nb: kanari\nc: kanari\n")
    box.fork(lambda: box.edit(F, "c: kanari\nb: kanari\na: kanari\n"), lambda: box.set(F, '["b"]', "kanari-theirs"))
    t = box.tree(F)
    want((list(t), t["b"]), (["c", "b", "a"], "kanari-theirs"), "the order of ours, the value of theirs")


@check()
def merge_comments(box):
    text = "# kanari top\na: kanari\n# kanari about b\nb: kanari\nc: kanari\n# kanari end\n"
    yaml(box, text)
    box.fork(lambda: box.edit(F, text.replace("a: kanari\n", "a: kanari-ours\n").replace("# kanari about b", "# kanari about b, ours")),
             lambda: box.edit(F, text.replace("c: kanari\n", "# kanari theirs\nc: kanari-theirs\n")))
    want(box.clear(F).decode(), "# kanari top\na: kanari-ours\n# kanari about b, ours\nb: kanari\n# kanari theirs\nc: kanari-theirs\n# kanari end\n", "text with comments")


@check()
def merge_comments_changed_on_both_sides(box):
    text = "# kanari old\na: kanari\nb: kanari\n"
    yaml(box, text)
    box.fork(lambda: box.edit(F, text.replace("# kanari old", "# kanari ours")), lambda: box.edit(F, text.replace("# kanari old", "# kanari theirs")))
    want(box.clear(F).decode(), "# kanari ours\n# kanari theirs\na: kanari\nb: kanari\n", "both comments, without a conflict")


@check()
def merge_comment_goes_with_its_entry(box):
    text = "# kanari a\na: kanari\n# kanari b\nb: kanari\nc: kanari\n"
    yaml(box, text)
    box.fork(lambda: box.edit(F, text.replace("# kanari b\nb: kanari\n", "")), lambda: box.set(F, '["c"]', "kanari-theirs"))
    want(box.clear(F).decode(), "# kanari a\na: kanari\nc: kanari-theirs\n", "text after a deletion")


@check()
def merge_comments_of_ini_stay_with_their_keys(box):
    box.init()
    n = "s.enc.ini"
    text = "[s]\n; kanari about a\na = kanari\n; kanari about b\nb = kanari\n; kanari about c\nc = kanari\n"
    box.seal(n, text)
    box.fork(lambda: box.edit(n, text.replace("; kanari about b\nb = kanari\n", "")), lambda: box.set(n, '["s"]["c"]', "kanari-theirs"))
    want(box.clear(n).decode(), "[s]\n; kanari about a\na = kanari\n; kanari about c\nc = kanari-theirs\n", "text of the section")


@check()
def merge_comments_of_ini_belong_to_the_key_before(box):
    box.init()
    n = "s.enc.ini"
    text = "[s]\n; kanari about a\na = kanari\n; kanari about b\nb = kanari\n; kanari about c\nc = kanari\n"
    box.seal(n, text)
    box.fork(lambda: box.edit(n, text.replace("; kanari about b\nb = kanari\n", "")), lambda: box.edit(n, text.replace("about a", "changed a")))
    want(box.clear(n).decode(), "[s]\n; kanari changed a\na = kanari\n; kanari about c\nc = kanari\n", "text of the section")


@check()
def merge_documents_by_place(box):
    text = "a: kanari-1\n---\na: kanari-2\nb: kanari\n---\nc: kanari\n"
    yaml(box, text)
    box.fork(lambda: box.edit(F, text.replace("kanari-1", "kanari-ours")), lambda: box.edit(F, text.replace("kanari-2", "kanari-theirs")))
    want(box.clear(F).decode(), "a: kanari-ours\n---\na: kanari-theirs\nb: kanari\n---\nc: kanari\n", "three documents")
    box.tree(F)


@check()
def merge_document_appended(box):
    text = "a: kanari-1\n---\nb: kanari-2\n---\nc: kanari-3\n"
    yaml(box, text)
    box.fork(lambda: box.edit(F, text.replace("kanari-1", "kanari-ours")), lambda: box.edit(F, text + "---\nd: kanari-4\n"))
    want(box.clear(F).decode(), "a: kanari-ours\n---\nb: kanari-2\n---\nc: kanari-3\n---\nd: kanari-4\n", "four documents")


@check()
def merge_maps_replaced_and_deep(box):
    yaml(box, "a:\n    b:\n        c:\n            d: kanari\n            e: kanari\nk: kanari\n")
    box.fork(lambda: box.set(F, '["a"]["b"]["c"]["d"]', "kanari-ours"), lambda: (box.set(F, '["a"]["b"]["c"]["f"]["g"]', "kanari-theirs"), box.set(F, '["k"]', '{"now": "kanari"}')))
    want(box.tree(F), {"a": {"b": {"c": {"d": "kanari-ours", "e": "kanari", "f": {"g": "kanari-theirs"}}}}, "k": {"now": "kanari"}}, "the merged tree")


@check()
def merge_map_added_on_both_sides(box):
    yaml(box, "k: kanari\n")
    box.fork(lambda: box.set(F, '["new"]', '{"a": "kanari-1", "same": "kanari"}'), lambda: box.set(F, '["new"]', '{"same": "kanari", "b": "kanari-2"}'))
    want(box.tree(F)["new"], {"a": "kanari-1", "same": "kanari", "b": "kanari-2"}, "a mapping that both sides added")


@check()
def merge_unicode_and_odd_keys(box):
    doc = {"ключ": "kanari-1", "a.b": "kanari-2", "with space": {"\"quoted\"": "kanari-3", "[x]": "kanari-4"}, "emoji 🔑": "kanari-5"}
    box.init()
    n = "s.enc.json"
    box.seal(n, json.dumps(doc))
    box.fork(lambda: box.set(n, '["a.b"]', "kanari-ours"), lambda: box.set(n, '["emoji 🔑"]', "kanari-theirs 🔐"))
    doc.update({"a.b": "kanari-ours", "emoji 🔑": "kanari-theirs 🔐"})
    want(box.tree(n), doc, "the merged tree")


@check()
def merge_repeated_keys_are_one_value(box):
    box.init()
    n = "s.enc.json"
    box.seal(n, '{"m": {"x": "kanari-1", "x": "kanari-2"}, "k": "kanari-3"}')
    box.fork(lambda: box.set(n, '["k"]', "kanari-ours"), lambda: box.set(n, '["m"]["x"]', "kanari-theirs"))
    need(box.clear(n).count(b'"x"') == 2 and b"kanari-theirs" in box.clear(n) and b"kanari-ours" in box.clear(n), "both entries of a repeated key")


@check()
def merge_gives_a_side_its_own_bytes(box):
    yaml(box)

    def theirs():
        box.set(F, '["api"]["token"]', "kanari-x")

    def ours():
        box.set(F, '["api"]["token"]', "kanari-x")
        box.set(F, '["db"]["host"]', "kanari-y")
    box.fork(ours, theirs)
    want(box.read(F), box.versions(F)[1], "the merged file, when ours holds all that theirs changed")


@check()
def merge_metadata(box):
    yaml(box)
    box.fork(lambda: box.set(F, '["x"]', "kanari"), lambda: box.set(F, '["y"]', "kanari"))
    m = box.read(F).split(b"\nsops:\n")[1]
    o = box.versions(F)[0].split(b"\nsops:\n")[1]
    strip = lambda t: [x for x in t.splitlines() if not x.strip().startswith((b"mac:", b"lastmodified:"))]
    want(strip(m), strip(o), "metadata other than mac and lastmodified")
    need(b"unresolved" not in m, "a clean merge says unresolved")


@check()
def merge_newer_version_wins(box):
    yaml(box)

    def ours():
        box.set(F, '["x"]', "kanari")
        box.write(F, box.read(F).replace(line(box.read(F), "version"), b"    version: 3.9.4"))
    box.fork(ours, lambda: box.set(F, '["y"]', "kanari"))
    want(line(box.read(F), "version"), line(box.versions(F)[0], "version"), "the higher version")


@check()
def merge_indentation_of_the_configuration(box):
    yaml(box)
    box.write(".sops.yaml", "stores: {yaml: {indent: 2}}\n")
    box.fork(lambda: box.set(F, '["x"]', "kanari"), lambda: box.set(F, '["y"]', "kanari"))
    need(b"\ndb:\n  host: ENC" in box.read(F), "the merged file is not indented as .sops.yaml says")


@check()
def merge_leaf_that_a_branch_moved_into_a_map(box):
    yaml(box, "pw: kanari-1\nk: kanari\n")
    box.fork(lambda: box.set(F, '["k"]', "kanari-ours"), lambda: box.edit(F, "db:\n    pw: kanari-1\nk: kanari\n"))
    want(box.tree(F), {"db": {"pw": "kanari-1"}, "k": "kanari-ours"}, "the merged tree")


@check()
def merge_recipients_do_not_matter_for_values(box):
    yaml(box, to=(ALICE, BOB))
    box.fork(lambda: box.set(F, '["x"]', "kanari-x"), lambda: box.set(F, '["y"]', "kanari-y"))
    want((box.tree(F, "bob")["x"], box.tree(F, "alice")["y"]), ("kanari-x", "kanari-y"), "read by both recipients")


@check()
def merge_dotenv_in_a_file_of_another_name(box):
    box.init(attributes=".env.* merge=sops\n")
    n = ".env.prod"
    box.seal(n, "A=kanari-1\nB=kanari-2\nC=kanari-3\n", kind="dotenv")
    kw = lambda k, v: box.sops("set", "--input-type", "dotenv", "--output-type", "dotenv", n, '["%s"]' % k, '"%s"' % v)
    box.fork(lambda: kw("A", "kanari-ours"), lambda: kw("C", "kanari-theirs"))
    r = box.sops("decrypt", "--input-type", "dotenv", "--output-type", "dotenv", n)
    want(r.out, b"A=kanari-ours\nB=kanari-2\nC=kanari-theirs\n", "a dotenv file that is not called so")


@check()
def merge_large_list_in_bounded_time(box):
    o = "l:\n" + "".join("    - v%d\n" % i for i in range(6000)) + "k: kanari\n"
    a = "l:\n" + "".join("    - a%d\n" % i for i in range(6000)) + "k: kanari\n"
    yaml(box, o, "--encrypted-regex", "^k$")
    box.fork(lambda: box.edit(F, a), lambda: box.set(F, '["k"]', "kanari-theirs"))
    want(box.tree(F)["k"], "kanari-theirs", "a list of 6,000 items that one side replaced")
