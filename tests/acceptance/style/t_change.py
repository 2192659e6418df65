# SPDX-License-Identifier: Apache-2.0
"""set, unset, edit, rotate, updatekeys, groups on YAML kept as written: what changes, and what does not."""
import json
import os
import re
import sys

from harness import ALICE, BOB, CHECKS, KEYS, body, check, ciphers, config, mask, must, want

BASE = """# app
db:
  user: 'kanari-u'   # who
  password: "kanari-p"

  port: 5432
list:
- one
- name: 'two'
  deep: {a: 1, b: [x, 'w']}
cert: |
  line
  more
# end
"""


def step(name, clear, op, path, value, after, lines=None, flags=(), obj=None):
    """set or unset on the sealed text; `after`: the clear text then; `lines`: what a diff of the sealed text shows"""
    def f(box):
        before = box.seal("f.yaml", clear)
        args = ["--preserve-style", *flags, "f.yaml", path] + ([value] if value is not None else [])
        r = box.sops(op, *args)
        must("style" not in r.said, "a warning: %r" % r.said[:300])
        sealed = box.text("f.yaml")
        want(box.open("f.yaml"), after, "decrypted")
        if lines is not None:
            want(box.changed(before, sealed), lines, "changed lines")
        lost = [c for c in ciphers(body(before)) if c not in ciphers(body(sealed))]
        gone = sum(l.count(x) for l in box.changed(before, sealed) if l[0] == "-" for x in "EIFBTC")
        must(len(lost) <= gone, "%d ciphertexts are gone" % len(lost))
        # the same values as without preserve style
        box.write("n.yaml", before)
        box.sops(op, *flags, "n.yaml", path, *([value] if value is not None else []))
        want(json.loads(box.sops("decrypt", "--output-type", "json", "f.yaml").text), json.loads(box.sops("decrypt", "--output-type", "json", "n.yaml").text), "values as without preserve style")
        if box.o.reference:
            want(json.loads(box.reference("decrypt", "--output-type", "json", "f.yaml").text), json.loads(box.sops("decrypt", "--output-type", "json", "f.yaml").text), "values in the reference")
        box.clean("kanari-u", "kanari-p", "kanari-new")
    CHECKS.append(("%s-%s" % (op, name), f))


def s(name, path, value, after, lines=None, clear=BASE, **k):
    step(name, clear, "set", path, value, after, lines, **k)


def u(name, path, after, lines=None, clear=BASE, **k):
    step(name, clear, "unset", path, None, after, lines, **k)


s("double", '["db"]["password"]', '"kanari-new"', BASE.replace('"kanari-p"', '"kanari-new"'), ['-  password: "E"', '+  password: "E"'])
s("single", '["db"]["user"]', '"it\'s"', BASE.replace("'kanari-u'", "'it''s'"), ["-  user: 'E'   #C", "+  user: 'E'   #C"])
s("number-in-quotes", '["db"]["user"]', "7", BASE.replace("'kanari-u'", "7"), ["-  user: 'E'   #C", "+  user: 'I'   #C"])
s("null", '["db"]["user"]', "null", BASE.replace("'kanari-u'", "null"), ["-  user: 'E'   #C", "+  user: null   #C"])
s("bool", '["db"]["port"]', "true", BASE.replace("5432", "true"), ["-  port: I", "+  port: B"])
s("string-for-number", '["db"]["port"]', '"5433"', BASE.replace("5432", '"5433"'), ["-  port: I", "+  port: E"])
s("block", '["cert"]', '"other\\ntext\\n"', BASE.replace("  line\n  more\n", "  other\n  text\n"), ["-  E", "+  E"])
s("block-chomp", '["cert"]', '"no end"', BASE.replace("cert: |\n  line\n  more\n", "cert: |-\n  no end\n"), ["-  E", "+  E"])
s("block-that-cannot", '["cert"]', '"bell \\u0007"', BASE.replace("cert: |\n  line\n  more\n", 'cert: "bell \\a"\n'), ["-  E", "+  E"])
s("lines-into-plain", '["list"][0]', '"a\\nb\\n"', BASE.replace("- one\n", "- |\n  a\n  b\n"), ["-- E", "+- E"])
s("lines-into-flow", '["list"][1]["deep"]["b"][0]', '"a\\nb"', BASE.replace("[x,", '["a\\nb",'))
s("in-flow", '["list"][1]["deep"]["b"][0]', '"a, b"', BASE.replace("[x,", "['a, b',"), ["-  deep: {a: 'I', b: ['E', 'E~']}", "+  deep: {a: 'I', b: ['E', 'E~']}"])
s("same-value", '["db"]["password"]', '"kanari-p"', BASE, [])
s("new-key", '["db"]["kanari-new"]', '"v"', BASE.replace("  port: 5432\n", "  port: 5432\n  kanari-new: v\n"), ["+  kanari-new: E"])
s("new-key-at-the-top", '["zz"]', '"v"', BASE.replace("  more\n", "  more\nzz: v\n"), ["+zz: E"])
s("new-key-quoted", '["a: b"]', '"true"', BASE.replace("  more\n", "  more\n'a: b': \"true\"\n"), ["+'a: b': E"])
s("new-key-in-flow", '["list"][1]["deep"]["c"]', '"z"', BASE.replace("'w']}", "'w'], c: z}"), ["-  deep: {a: 'I', b: ['E', 'E~']}", "+  deep: {a: 'I', b: ['E', 'E~'], c: 'E'}"])
s("new-item", '["list"][9]', '"three"', BASE.replace("'w']}\n", "'w']}\n- three\n"), ["+- E"])
s("new-item-in-flow", '["list"][1]["deep"]["b"][5]', '"z"', BASE.replace("'w']}", "'w', z]}"))
s("new-nested", '["a"]["b"]["c"]', '"v"', BASE.replace("  more\n", "  more\na:\n  b:\n    c: v\n"), ["+a:", "+  b:", "+    c: E"])
s("new-item-in-new-list", '["a"][0]["c"]', '"v"', BASE.replace("  more\n", "  more\na:\n- c: v\n"), ["+a:", "+- c: E"])
s("object", '["o"]', '{"k": "v", "r": [1, {"x": true, "y": null}], "e": {}, "l": [], "m": {"q": 1.5}}', BASE.replace("  more\n", "  more\no:\n  k: v\n  r:\n  - 1\n  - x: true\n    \"y\": null\n  e: {}\n  l: []\n  m:\n    q: 1.5\n"))
s("object-for-scalar", '["db"]["user"]', '{"k": "v"}', BASE.replace("user: 'kanari-u'   # who\n", "user:   # who\n    k: v\n"), ["-  user: 'E'   #C", "+  user:   #C", "+    k: E"])
s("scalar-for-map", '["db"]', '"v"', "# app\ndb: v\n" + BASE[BASE.index("list:"):], None)
s("scalar-for-list", '["list"]', '"v"', BASE[:BASE.index("list:")] + "list: v\n" + BASE[BASE.index("cert:"):], None)
s("below-scalar", '["db"]["port"]["x"]', '"v"', BASE.replace("port: 5432\n", "port:\n    x: v\n"), ["-  port: I", "+  port:", "+    x: E"])
s("into-null", '["a"]["b"]', '"v"', "a:\n    b: v\nc: 1\n", ["+    b: E"], clear="a:\nc: 1\n", flags=())
s("into-empty-map", '["a"]["b"]', '"v"', "a: {b: v}\nc: 1\n", ["-a: {}", "+a: {b: 'E'}"], clear="a: {}\nc: 1\n")
s("into-empty-list", '["a"][0]', '"v"', "a: [v]\nc: 1\n", ["-a: []", "+a: ['E']"], clear="a: []\nc: 1\n")
s("clear-value-keeps-quotes", '["a_unencrypted"]', '"w"', "a_unencrypted: 'w' # c\nb: 1\n", ["-a_unencrypted: 'v' #C", "+a_unencrypted: 'w' #C"], clear="a_unencrypted: 'v' # c\nb: 1\n")
s("clear-number", '["a_unencrypted"]', "2.5", "a_unencrypted: 2.5\nb: 1\n", None, clear="a_unencrypted: '1'\nb: 1\n")
s("spelling-goes", '["v"]', '2.25', "v: 2.25\nw: 1.10\n", ["-v: F~", "+v: F"], clear="v: 1.10\nw: 1.10\n")
s("crlf", '["n"]["k"]', '"v"', "a: 'x'\r\nn:\r\n    k: v\r\n", None, clear="a: 'x'\r\nn:\r\n    k: u\r\n")
s("crlf-new", '["n"]["q"]', '"v"', "a: 'x'\r\nn:\r\n    k: u\r\n    q: v\r\n", ["+    q: E\r"], clear="a: 'x'\r\nn:\r\n    k: u\r\n")
s("no-final-break", '["a"]', '"w"', "a: w", None, clear="a: x")
s("no-final-break-new", '["b"]', '"w"', "a: x\nb: w", None, clear="a: x")
s("step-of-the-file", '["r"]["o"]["p"]', '"v"', "a:\n   - x\nm:\n   k: 1\nr:\n   o:\n      p: v\n", None, clear="a:\n   - x\nm:\n   k: 1\n")
s("list-step-of-the-file", '["r"]', '{"l": ["v"]}', "a:\n   - x\nm:\n   k: 1\nr:\n   l:\n      - v\n", None, clear="a:\n   - x\nm:\n   k: 1\n")
s("behind-comments", '["m"]["z"]', '"v"', "m:\n  k: 1\n  z: v\n  # foot\n\nn: 2\n", ["+  z: E"], clear="m:\n  k: 1\n  # foot\n\nn: 2\n")
s("first-document-only", '["a"]', '"y"', "a: 'y'\n---\na: 'x'\n", None, clear="a: 'x'\n---\na: 'x'\n")
s("flow-root", '["b"]', '"w"', "{a: 'x y', b: w}\n", None, clear="{a: 'x y'}\n")
s("custom-tag-stays", '["a"]', '"5"', "a: !Ref 5\nb: 1\n", ["-a: !Ref E", "+a: !Ref E"], clear="a: !Ref x\nb: 1\n")
s("equal-items-keep-theirs", '["l"][1]', '"new"', "l: [same, new, same]\n", None, clear="l: [same, other, same]\n")

u("entry", '["db"]["port"]', BASE.replace("  port: 5432\n", ""), ["-  port: I"])
u("entry-with-comment", '["db"]["user"]', BASE.replace("  user: 'kanari-u'   # who\n", ""), ["-  user: 'E'   #C"])
u("nested", '["db"]', "# app\n" + BASE[BASE.index("list:"):])
u("block", '["cert"]', BASE.replace("cert: |\n  line\n  more\n", ""))
u("item", '["list"][0]', BASE.replace("- one\n", ""), ["-- E"])
u("first-of-item", '["list"][1]["name"]', BASE.replace("- name: 'two'\n  deep:", "- deep:"))
u("in-flow", '["list"][1]["deep"]["a"]', BASE.replace("{a: 1, b:", "{b:"))
u("in-flow-last", '["list"][1]["deep"]["b"][1]', BASE.replace("[x, 'w']", "[x]"))
u("only-one", '["m"]["k"]', "m: {}\nn: 1\n", clear="m:\n  k: 1\nn: 1\n")
u("only-item", '["m"][0]', "m: []\nn: 1\n", clear="m:\n- k\nn: 1\n")
u("only-in-flow", '["m"]["k"]', "m: {}\nn: 1\n", clear="m: {k: 1}\nn: 1\n")
u("comments-above-stay", '["b"]', "a: 1\n# about b\nc: 3\n", ["-b: I"], clear="a: 1\n# about b\nb: 2\nc: 3\n")
u("crlf", '["b"]', "a: 1\r\nc: 3\r\n", ["-b: I\r"], clear="a: 1\r\nb: 2\r\nc: 3\r\n")
u("comment-of-an-emptied-map", '["m"]["k"]', "m: {}\n  # foot\nz: 1\n", clear="m:\n  k: 1\n  # foot\nz: 1\n")
u("last-line-without-break", '["b"]', "a: 1", None, clear="a: 1\nb: 2")


@check
def set_below_alias(box):
    t = "a_unencrypted: &x\n  k: v\n  l: 'w'\nb_unencrypted: *x\nc: 1\n"
    box.seal("f.yaml", t)
    box.sops("set", "--preserve-style", "f.yaml", '["b_unencrypted"]["k"]', '"new"')
    want(box.open("f.yaml"), t.replace("b_unencrypted: *x\n", "b_unencrypted:\n  k: new\n  l: 'w'\n"), "decrypted")


@check
def set_equal_items_keep_their_own_ciphertexts(box):
    s1 = box.seal("f.yaml", "l: [same, same, same]\nz: 1\n")
    three = ciphers(body(s1))[:3]
    want(len(set(three)), 3, "different ciphertexts")
    box.sops("set", "--preserve-style", "f.yaml", '["z"]', '2')
    want(ciphers(body(box.text("f.yaml")))[:3], three, "ciphertexts")


@check
def set_idempotent(box):
    box.seal("f.yaml", BASE)
    before = box.read("f.yaml")
    box.sops("set", "--idempotent", "--preserve-style", "f.yaml", '["db"]["password"]', '"kanari-p"')
    want(box.read("f.yaml"), before, "the file")
    box.sops("unset", "--idempotent", "--preserve-style", "f.yaml", '["nothing"]')
    want(box.read("f.yaml"), before, "the file")


@check
def set_errors_leave_the_file(box):
    box.seal("f.yaml", BASE)
    before = box.read("f.yaml")
    for args, rc in ((['["db"', '"x"'], 7), (['["db"]["user"]', "x"], 7), (['["list"]["x"]', '"y"'], 1), (['["sops"]', '"y"'], 203)):
        box.sops("set", "--preserve-style", "f.yaml", *args, rc=rc)
    for path in ('["nothing"]', '["list"][7]', '["db"]["user"]["x"]'):
        box.sops("unset", "--preserve-style", "f.yaml", path, rc=1)
    want(box.read("f.yaml"), before, "the file")
    box.clean("kanari-u", "kanari-p")


@check
def set_value_file_and_stdin(box):
    box.seal("f.yaml", "a: 'x'\nb: \"y\"\n")
    box.write("v", '"kanari-new"')
    box.sops("set", "--preserve-style", "--value-file", "f.yaml", '["a"]', "v")
    box.sops("set", "--preserve-style", "--value-stdin", "f.yaml", '["b"]', input='"z"')
    want(box.open("f.yaml"), "a: 'kanari-new'\nb: \"z\"\n", "decrypted")


@check
def set_by_configuration(box):
    config(box, "{yaml: {preserve_style: true}}")
    s = box.seal("f.yaml", BASE, preserve=False)
    box.sops("set", "f.yaml", '["db"]["password"]', '"n"')
    want(box.changed(s, box.text("f.yaml")), ['-  password: "E"', '+  password: "E"'], "changed lines")


@check
def set_old_form(box):
    s = box.seal("f.yaml", BASE)
    box.sops("--preserve-style", "--set", '["db"]["password"] "n"', "f.yaml")
    want(box.changed(s, box.text("f.yaml")), ['-  password: "E"', '+  password: "E"'], "changed lines")


@check
def set_removes_an_anchor_that_is_needed(box):
    """the text without the anchor would not parse: the normal writer, or nothing"""
    t = "a_unencrypted: &x 1\nb_unencrypted: *x\nc: 'z'\n"
    box.seal("f.yaml", t)
    before = box.read("f.yaml")
    box.sops("unset", "--preserve-style=strict", "f.yaml", '["a_unencrypted"]', rc=4)
    want(box.read("f.yaml"), before, "the file")
    r = box.sops("unset", "--preserve-style", "f.yaml", '["a_unencrypted"]')
    must("style cannot be kept" in r.said, "no warning: %r" % r.said)
    want(json.loads(box.sops("decrypt", "--output-type", "json", "f.yaml").text), {"b_unencrypted": 1, "c": "z"}, "values")


@check
def set_on_a_file_of_the_normal_writer(box):
    s = box.seal("f.yaml", BASE, preserve=False)
    box.sops("set", "--preserve-style", "f.yaml", '["db"]["password"]', '"n"')
    want(box.changed(s, box.text("f.yaml")), ["-    password: E", "+    password: E"], "changed lines")
    box.sops("set", "--preserve-style", "f.yaml", '["list"][7]', '"n"')
    must("    - ENC" in box.text("f.yaml"), "the list's indentation")
    if box.o.reference:
        box.reference("decrypt", "f.yaml")


@check
def set_on_a_file_of_the_reference_with_foreign_metadata(box):
    s = box.seal("f.yaml", "a: x\nb: w\n", preserve=False)
    lines = s.split("\n")
    i = lines.index("sops:")
    t = "\n".join(["sops:", "    unknown_key: 7"] + lines[i + 1:-1] + ["# behind"] + lines[:i]) + "\n"
    box.write("f.yaml", t)
    box.sops("set", "--preserve-style", "f.yaml", '["a"]', '"z"')
    want(box.changed(t, box.text("f.yaml")), ["-a: E", "+a: E"], "changed lines")
    want(box.open("f.yaml"), "# behind\na: z\nb: w\n", "decrypted")


@check
def set_comment_index(box):
    """comments in a list count as items, in place or not"""
    box.seal("f.yaml", "l:\n  # c\n  - x\n  - w\n")
    box.sops("set", "--preserve-style", "f.yaml", '["l"][1]', '"z"')
    want(box.open("f.yaml"), "l:\n  # c\n  - z\n  - w\n", "decrypted")


@check
def mac_is_checked(box):
    s = box.seal("f.yaml", "a: 'x'\nb_unencrypted: 'y'\n")
    box.write("f.yaml", s.replace("'y'", "'z'"))
    r = box.sops("decrypt", "--preserve-style", "f.yaml", rc=51)
    want(r.out, b"", "stdout")
    box.sops("set", "--preserve-style", "f.yaml", '["a"]', '"q"', rc=51)
    want(box.open("f.yaml", "--ignore-mac"), "a: 'x'\nb_unencrypted: 'z'\n", "decrypted")


def editor(box, code):
    p = box.write("ed.py", "import sys\np=sys.argv[1]\nt=open(p,newline='').read()\n" + code + "\nopen(p,'w',newline='').write(t)\n")
    return {"EDITOR": "%s %s" % (sys.executable, p)}


@check
def edit_one_value(box):
    s = box.seal("f.yaml", BASE)
    box.sops("edit", "--preserve-style", "f.yaml", env=editor(box, "assert t==%r, t\nt=t.replace('kanari-p','kanari-new')" % BASE))
    want(box.changed(s, box.text("f.yaml")), ['-  password: "E"', '+  password: "E"'], "changed lines")
    want(box.open("f.yaml"), BASE.replace("kanari-p", "kanari-new"), "decrypted")
    box.clean("kanari-u", "kanari-p", "kanari-new")


@check
def edit_leaves_a_spelled_block_with_a_comment(box):
    """one line changes, though a comment stands between the header of another block and its text"""
    clear = "a: > # kanari-c\n  - x\n    deep\nb: kanari-p\nc: |+ # kanari-c\n\n\n"
    s = box.seal("f.yaml", clear)
    box.sops("edit", "--preserve-style", "f.yaml", env=editor(box, "t=t.replace('kanari-p','kanari-new')"))
    want([c for c in ciphers(body(s)) if c not in ciphers(body(box.text("f.yaml")))][1:], [], "other ciphertexts that are gone")
    want(box.open("f.yaml"), clear.replace("kanari-p", "kanari-new"), "decrypted")


@check
def replace_and_reuse_keep_the_layout(box):
    clear = "# c\na: 'x'   # kanari-c\nb: [1.10, 2]\n"
    s = box.seal("f.yaml", clear)
    box.write("old.yaml", s)
    same = box.sops("encrypt", "--preserve-style=strict", "--age", ALICE, "--reuse", "old.yaml", "--filename-override", "f.yaml", input=clear)
    want(same.text, s, "a text that did not change")
    for new, lost in ((clear.replace("'x'", "'kanari'"), 1), (clear.replace("[1.10", "[ 1.10"), 0)):
        r = box.sops("encrypt", "--preserve-style=strict", "--age", ALICE, "--reuse", "old.yaml", "--filename-override", "f.yaml", input=new)
        want(len([c for c in ciphers(body(s)) if c not in ciphers(body(r.text))]), lost, "ciphertexts that are gone after encrypt --reuse")
        box.write("f.yaml", r.out)
        want(box.open("f.yaml"), new, "after encrypt --reuse")
        box.write("f.yaml", s)
        box.sops("replace", "--preserve-style=strict", "f.yaml", input=new)
        want(len([c for c in ciphers(body(s)) if c not in ciphers(body(box.text("f.yaml")))]), lost, "ciphertexts that are gone after replace")
        want(box.open("f.yaml"), new, "after replace")
    box.sops("replace", "--preserve-style=strict", "f.yaml", input=new)
    must("unchanged" in box.ran[-1].said, "the same once more: %s" % box.ran[-1])


@check
def several_lines_above_a_comment(box):
    """the header of the block goes in front of the comment of the line"""
    box.seal("f.yaml", "a: x   # kanari-c\nb:\n  c_unencrypted: y # d\n  e: 'z' \n")
    box.sops("set", "--preserve-style=strict", "f.yaml", '["a"]', '"l1\\nl2"')
    box.sops("set", "--preserve-style=strict", "f.yaml", '["b"]["c_unencrypted"]', '"l1\\nl2\\n"')
    after = "a: |-   # kanari-c\n  l1\n  l2\nb:\n  c_unencrypted: | # d\n    l1\n    l2\n  e: 'z' \n"
    want(box.open("f.yaml"), after, "decrypted")
    # and an edit of another value leaves its ciphertext
    s = box.text("f.yaml")
    box.sops("edit", "--preserve-style=strict", "f.yaml", env=editor(box, "t=t.replace(\"'z'\", \"'kanari'\")"))
    want(box.open("f.yaml"), after.replace("'z'", "'kanari'"), "decrypted")
    want(box.changed(s, box.text("f.yaml")), ["-  e: 'E' ", "+  e: 'E' "], "changed lines")


@check
def set_of_an_empty_map(box):
    for clear, after in (("a:\n  b: 1\n  c: 2\nd: 3\n", "a: {}\nd: 3\n"), ("a: {b: 1, c: 2}\nd: 3\n", "a: {}\nd: 3\n")):
        box.seal("f.yaml", clear)
        box.sops("set", "--preserve-style=strict", "f.yaml", '["a"]', "{}")
        want(box.open("f.yaml"), after, "decrypted")


@check
def edit_of_documents_in_several_columns(box):
    clear = "  a: x\n---\nb: kanari-p\n---\n   c: y\n"
    box.seal("f.yaml", clear)
    box.sops("edit", "--preserve-style=strict", "f.yaml", env=editor(box, "t=t.replace('kanari-p','kanari-new')"))
    want(box.open("f.yaml"), clear.replace("kanari-p", "kanari-new"), "decrypted")


@check
def unset_of_all_there_is(box):
    for clear, after in (("a: x", "{}"), ("# c\na: x\n# d\n", "# c\n# d\n{}\n"), ("---\r\na: x\r\n", "---\r\n"), ("{a: x}\n", "{}\n"), ("a: x\n---\nb: 1\n", "{}\n---\nb: 1\n")):
        box.seal("f.yaml", clear)
        box.sops("unset", "--preserve-style=strict", "f.yaml", '["a"]')
        want(box.open("f.yaml"), after, "decrypted")
        box.sops("set", "--preserve-style=strict", "f.yaml", '["b"]', '"y"')
        must("b: y" in re.sub("[\"']", "", box.open("f.yaml")), "the new value: %r" % box.open("f.yaml"))


@check
def edit_layout_only(box):
    s = box.seal("f.yaml", BASE)
    new = BASE.replace("'kanari-u'   # who", '"kanari-u" # who').replace("\n  port", "\n\n\n  port")
    box.sops("edit", "--preserve-style", "f.yaml", env=editor(box, "t=%r" % new))
    a, b = ciphers(body(s)), ciphers(body(box.text("f.yaml")))
    want(b, a, "ciphertexts")
    want(box.open("f.yaml"), new, "decrypted")


@check
def edit_spelling_only(box):
    s = box.seal("f.yaml", "v: 1.10\nw: 2\n")
    box.sops("edit", "--preserve-style", "f.yaml", env=editor(box, "t=t.replace('1.10','1.100')"))
    a, b = ciphers(body(s)), ciphers(body(box.text("f.yaml")))
    want(b[0].split("~")[0], a[0].split("~")[0], "the ciphertext")
    must(b[0] != a[0] and "~" in b[0], "the spelling")
    want(b[1], a[1], "the other")
    want(box.open("f.yaml"), "v: 1.100\nw: 2\n", "decrypted")


@check
def edit_nothing(box):
    box.seal("f.yaml", BASE)
    before = box.read("f.yaml")
    box.sops("edit", "--preserve-style", "f.yaml", env=editor(box, ""), rc=200)
    want(box.read("f.yaml"), before, "the file")


@check
def edit_moved_lines_keep_ciphertexts(box):
    s = box.seal("f.yaml", "m:\n  a: 'x'\n  b: 'y'\nl: [p, q]\n")
    box.sops("edit", "--preserve-style", "f.yaml", env=editor(box, "t=\"m:\\n  b: 'y'\\n  a: 'x'\\nl: [q, p]\\n\""))
    want(sorted(ciphers(body(box.text("f.yaml")))), sorted(ciphers(body(s))), "ciphertexts")


@check
def edit_new_alias(box):
    box.seal("f.yaml", "a: 'x'\nb: 'y'\n")
    box.sops("edit", "--preserve-style", "f.yaml", env=editor(box, "t=\"a: &q 'x'\\nb: *q\\n\""))
    want(mask(body(box.text("f.yaml"))), "a: &q 'E'\nb: !*q 'E'\n", "sealed")
    want(box.open("f.yaml"), "a: &q 'x'\nb: *q\n", "decrypted")


@check
def edit_with_metadata(box):
    """-s: the metadata in their place, the rest as it is without"""
    s = box.seal("f.yaml", BASE)
    box.sops("edit", "-s", "--preserve-style", "f.yaml", env=editor(box, "assert t.startswith(%r + 'sops:\\n') and 'recipient: ' in t, t\nt=t.replace('kanari-p','kanari-new')" % BASE))
    want(box.changed(s, box.text("f.yaml")), ['-  password: "E"', '+  password: "E"'], "changed lines")
    want(box.open("f.yaml"), BASE.replace("kanari-p", "kanari-new"), "decrypted")


@check
def edit_new_file(box):
    config(box, "{yaml: {preserve_style: true}}")
    box.sops("edit", "new.yaml", env=editor(box, "t=\"x: 'y' # c\\n\\nl: [a]\\n\""))
    want(mask(body(box.text("new.yaml"))), "x: 'E' #C\n\nl: ['E']\n", "sealed")
    want(box.open("new.yaml"), "x: 'y' # c\n\nl: [a]\n", "decrypted")


@check
def edit_file_of_the_normal_writer(box):
    """its list comments are items; what is edited is the layout that it has, and ciphertexts stay"""
    s = box.seal("f.yaml", "a: x # c\nl:\n  # d\n  - w\n", preserve=False)
    box.sops("edit", "--preserve-style", "f.yaml", env=editor(box, "assert t=='a: x # c\\nl:\\n    # d\\n    - w\\n', repr(t)\nt=t.replace('- w','- z')"))
    want(mask(body(box.text("f.yaml"))), "a: E #C\nl:\n    #C\n    - E\n", "sealed")
    want(len([c for c in ciphers(body(box.text("f.yaml"))) if c in ciphers(body(s))]), 3, "ciphertexts kept")


@check
def edit_file_of_the_normal_writer_changes_one_line(box):
    """values that need quotes or a block in clear text stand plain in the sealed one, and stay so"""
    s = box.seal("f.yaml", "a: 'true'\nb: \"x: y\"\nc: |\n  l1\n  l2\nd:\n  - |-\n    m1\n    m2\n  - '5'\ne: one\n", preserve=False)
    box.sops("edit", "--preserve-style", "f.yaml", env=editor(box, "t=t.replace('one','two')"))
    want(box.changed(s, box.text("f.yaml")), ["-e: E", "+e: E"], "changed lines")
    want(json.loads(box.sops("decrypt", "--output-type", "json", "f.yaml").text), {"a": "true", "b": "x: y", "c": "l1\nl2\n", "d": ["m1\nm2", "5"], "e": "two"}, "values")


@check
def rotate_changes_only_ciphertexts(box):
    s = box.seal("f.yaml", "# c\na: 0x1F # d\nb: 'x'\nc: |\n  y\nd: &q z\ne: *q\n")
    box.sops("rotate", "-i", "--preserve-style", "f.yaml")
    r = box.text("f.yaml")
    want(mask(body(r)), mask(body(s)), "layout")
    must(not set(ciphers(s)) & set(ciphers(r)), "an old ciphertext")
    want(box.open("f.yaml"), "# c\na: 0x1F # d\nb: 'x'\nc: |\n  y\nd: &q z\ne: *q\n", "decrypted")
    if box.o.reference:
        box.reference("decrypt", "f.yaml")


@check
def rotate_adds_a_key(box):
    box.seal("f.yaml", "a: 'x' # c\n")
    box.sops("rotate", "-i", "--preserve-style", "--add-age", BOB, "f.yaml")
    env = {"SOPS_AGE_KEY_FILE": os.path.join(KEYS, "age", "bob.txt")}
    want(box.sops("decrypt", "--preserve-style", "f.yaml", env=env).text, "a: 'x' # c\n", "decrypted by bob")


@check
def updatekeys_changes_only_metadata(box):
    config(box, "{yaml: {preserve_style: true}}")
    s = box.seal("f.yaml", BASE, preserve=False)
    config(box, "{yaml: {preserve_style: true}}", "  - age: %s,%s\n" % (ALICE, BOB))
    box.sops("updatekeys", "-y", "f.yaml")
    r = box.text("f.yaml")
    want(body(r), body(s), "the text")
    must(BOB in r and re.search(r"mac: (.*)", s)[0] in r, "keys and mac")
    want(box.sops("decrypt", "f.yaml", env={"SOPS_AGE_KEY_FILE": os.path.join(KEYS, "age", "bob.txt")}).text, BASE, "decrypted by bob")
    before = box.read("f.yaml")
    box.sops("updatekeys", "-y", "f.yaml")
    want(box.read("f.yaml"), before, "nothing to do")


@check
def groups_change_only_metadata(box):
    box.env["SOPS_AGE_KEY"] = "".join(open(os.path.join(KEYS, "age", n)).read() for n in ("alice.txt", "bob.txt"))
    s = box.seal("f.yaml", BASE)
    box.sops("groups", "add", "--preserve-style", "-i", "-f", "f.yaml", "--age", BOB, "--shamir-secret-sharing-threshold", "2")
    want(body(box.text("f.yaml")), body(s), "the text")
    must("key_groups:" in box.text("f.yaml") and re.search(r"mac: (.*)", s)[0] in box.text("f.yaml"), "groups and MAC")
    want(box.open("f.yaml"), BASE, "decrypted")
    box.sops("groups", "delete", "--preserve-style", "-i", "-f", "f.yaml", "--shamir-secret-sharing-threshold", "1", "1")
    want(body(box.text("f.yaml")), body(s), "the text")
    want(box.open("f.yaml"), BASE, "decrypted")


@check
def files_mode_and_links_stay(box):
    box.seal("f.yaml", "a: 'x'\n")
    os.chmod(box.path("f.yaml"), 0o640)
    os.symlink("f.yaml", box.path("l.yaml"))
    box.sops("set", "--preserve-style", "l.yaml", '["a"]', '"y"')
    must(os.path.islink(box.path("l.yaml")), "the link is gone")
    want(os.stat(box.path("f.yaml")).st_mode & 0o777, 0o640, "mode")
    want(box.open("f.yaml"), "a: 'y'\n", "decrypted")


@check
def decrypt_in_place_and_back(box):
    box.seal("f.yaml", BASE)
    box.sops("decrypt", "-i", "--preserve-style", "f.yaml")
    want(box.text("f.yaml"), BASE, "in place")
    box.sops("encrypt", "-i", "--preserve-style", "--age", ALICE, "f.yaml")
    box.sops("decrypt", "--preserve-style", "--output", "out.yaml", "f.yaml")
    want(box.text("out.yaml"), BASE, "--output")


@check
def exec_file_gives_the_text(box):
    box.seal("f.yaml", BASE)
    r = box.sops("exec-file", "--preserve-style", "--no-fifo", "f.yaml", "cat {}")
    want(r.text, BASE, "what the command reads")


@check
def the_reference_sets_and_we_go_on(box):
    from harness import peer
    ref = peer("reference")
    box.seal("f.yaml", "a: 1.10\nb: 'x' # c\nd: &q z\ne: *q\n")
    box.call([ref, "set", "f.yaml", '["b"]', '"y"'])
    want(box.sops("decrypt", "--preserve-style", "f.yaml").text, "a: 1.1\n# c\nb: \"y\"\nd: z\ne: z\n", "decrypted")
    box.sops("set", "--preserve-style", "f.yaml", '["b"]', '"w"')
    box.call([ref, "decrypt", "f.yaml"])
