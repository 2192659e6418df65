# SPDX-License-Identifier: Apache-2.0
"""TOML: read as toml-test says, sealed in place, the layout of rops."""
import base64
import json
import math
import os
import re

from harness import ALICE, BOB, CHECKS, KEYS, TESTDATA, body, check, ciphers, config, mask, must, peer, want
from t_change import editor

ON = "{toml: {enabled: true}}"
VECTORS = os.path.join(TESTDATA, "toml-test", "toml-1.0.0.json")


def rows(*items):
    for it in items:
        def f(box, it=it):
            config(box, ON)
            box.trip("f.toml", it[1], it[2], preserve=False, obj=it[3] if len(it) > 3 else None)
            want(box.sops("decrypt", "f.toml").text, it[1], "decrypted without the flag")
        CHECKS.append(("toml-" + it[0], f))


rows(
    ("strings", "a = \"x\"\nb = 'C:\\d'\nc = \"\"\"\nl1\nl2\"\"\"\nd = '''l1\nl2'''\ne = \"\"\n", "a = \"E\"\nb = 'E'\nc = \"\"\"E\"\"\"\nd = '''E~'''\ne = \"\"\n", {"a": "x", "b": "C:\\d", "c": "l1\nl2", "d": "l1\nl2", "e": ""}),
    ("strings-spelled", "a = \"\\u00e9\"\nb = \"\"\"x \\\n   y\"\"\"\nc = \"\\t\"\n", "a = \"E~\"\nb = \"\"\"E~\"\"\"\nc = \"E\"\n", {"a": "é", "b": "x y", "c": "\t"}),
    ("numbers", "a = 5\nb = 1.5\nc = true\nd = 1.0\ne = -0.0\nf = inf\ng = -inf\n", "a = \"I\"\nb = \"F\"\nc = \"B\"\nd = \"F\"\ne = \"F\"\nf = \"F\"\ng = \"F\"\n"),
    ("numbers-spelled", "a = 0x1F\nb = 1_000\nc = +3\nd = 1e3\ne = 1.50\nf = 0o17\n", "a = \"I~\"\nb = \"I~\"\nc = \"I~\"\nd = \"F~\"\ne = \"F~\"\nf = \"I~\"\n", {"a": 31, "b": 1000, "c": 3, "d": 1000, "e": 1.5, "f": 15}),
    ("dates", "a = 1979-05-27T07:32:00Z\nb = 1979-05-27T07:32:00\nc = 1979-05-27\nd = 07:32:00\ne = 1979-05-27 07:32:00.500+01:00\n", "a = 'E'\nb = 'E'\nc = 'E'\nd = 'E'\ne = 'E~'\n", {"a": "1979-05-27T07:32:00Z", "b": "1979-05-27T07:32:00", "c": "1979-05-27", "d": "07:32:00", "e": "1979-05-27T07:32:00.5+01:00"}),
    ("string-like-a-date", "a = '1979-05-27'\nb = \"1979-05-27\"\n", "a = \"E~\"\nb = \"E\"\n", {"a": "1979-05-27", "b": "1979-05-27"}),
    ("tables", "x = 1\n\n[a]\nk = \"v\"\n[a.b]\n  k = \"v\"\n\n[c.\"d e\"]\nf.g = \"v\"\n", "x = \"I\"\n\n[a]\nk = \"E\"\n[a.b]\n  k = \"E\"\n\n[c.\"d e\"]\nf.g = \"E\"\n", {"x": 1, "a": {"k": "v", "b": {"k": "v"}}, "c": {"d e": {"f": {"g": "v"}}}}),
    ("out-of-order", "[a]\nk = 1\n[b]\nk = 2\n[a.c]\nk = 3\n", "[a]\nk = \"I\"\n[b]\nk = \"I\"\n[a.c]\nk = \"I\"\n", {"a": {"k": 1, "c": {"k": 3}}, "b": {"k": 2}}),
    ("arrays", "a = [1, \"x\", [2], { b = 3 }]\nb = [\n  'y', # kanari\n  # kanari\n  \"z\",\n]\nc = []\n", "a = [\"I\", \"E\", [\"I\"], { b = \"I\" }]\nb = [\n  'E', #C\n  #C\n  \"E\",\n]\nc = []\n", {"a": [1, "x", [2], {"b": 3}], "b": ["y", "z"], "c": []}),
    ("array-of-tables", "[[t]]\nn = \"1\"\n\n[[t]]\nn = \"2\"\n[[t.u]]\nm = 3\n[[t]]\n", "[[t]]\nn = \"E\"\n\n[[t]]\nn = \"E\"\n[[t.u]]\nm = \"I\"\n[[t]]\n", {"t": [{"n": "1"}, {"n": "2", "u": [{"m": 3}]}, {}]}),
    ("inline-tables", "a = { b = \"x\", c.d = 1 }\ne = {}\n", "a = { b = \"E\", c.d = \"I\" }\ne = {}\n", {"a": {"b": "x", "c": {"d": 1}}, "e": {}}),
    ("comments", "# top kanari\na = 1 # kanari\n\n# about b\n[b] # kanari\n# in b\nk = 2\n# end\n", "#C\na = \"I\" #C\n\n#C\n[b] #C\n#C\nk = \"I\"\n#C\n"),
    ("layout", "a    =   \"x\"   \n\"k 1\" = 'y'\n'k.2'='z'\n\n\n   [ t . u ]\n\tv=\"w\"\n", "a    =   \"E\"   \n\"k 1\" = 'E'\n'k.2'='E'\n\n\n   [ t . u ]\n\tv=\"E\"\n"),
    ("crlf", "a = \"x\"\r\n\r\n[t]\r\nb = 1\r\n", "a = \"E\"\r\n\r\n[t]\r\nb = \"I\"\r\n"),
    ("no-final-break", "a = \"x\"", "a = \"E\""),
    ("empty", "# nothing\n", "#C\n"),
    ("suffix", "[pub_unencrypted]\nk = 0x1F\nl = 1979-05-27\n[b]\nm = \"v\"\n", "[pub_unencrypted]\nk = 0x1F\nl = 1979-05-27\n[b]\nm = \"E\"\n", {"pub_unencrypted": {"k": 31, "l": "1979-05-27"}, "b": {"m": "v"}}),
)


@check
def toml_unset_of_the_last_line_without_a_break(box):
    config(box, ON)
    box.seal("f.toml", "[ t ]\r\nk = 'v'", preserve=False)
    box.sops("unset", "f.toml", '["t"]["k"]')
    want(box.sops("decrypt", "f.toml").text, "[ t ]", "decrypted")


@check
def toml_tables_that_become_other_things(box):
    """the text before, what is done, the text then"""
    config(box, ON)
    for clear, op, path, value, after in (
            ("x = 1\n\n[a.b] # c\nk = 2\n", "unset", '["a"]["b"]', None, "x = 1\n\n[a]\n"),
            ("x = 1\na . b = 2 # c\n", "unset", '["a"]["b"]', None, "x = 1\na = {} # c\n"),
            ("x = 1\n\n[a]\nk = 2\n\n[a.b]\nk = 3\n\n[c]\n", "set", '["a"]', '"n"', 'x = 1\na = "n"\n\n[c]\n'),
            ("x = 1\n\n[a]\nk = 2\n[b]\n", "set", '["a"]', '{"n": 1, "o": {"p": true}}', "x = 1\n\n[a]\nn = 1\no = { p = true }\n[b]\n"),
            ("x = 1\n[[a]] # c\n[[a]]\nk = 2\n", "set", '["a"][0]', '{"n": 1, "o": 2}', "x = 1\n[[a]] # c\nn = 1\no = 2\n[[a]]\nk = 2\n"),
            ("x = 1\n[a]\n", "set", '["a"]', "5", "x = 1\na = 5\n")):
        box.seal("f.toml", clear, preserve=False)
        box.sops(op, "--preserve-style=strict", "f.toml", path, *([value] if value else []))
        want(box.sops("decrypt", "f.toml").text, after, "%s %s" % (op, path))


@check
def toml_is_known_by_its_text(box):
    """without the switch: one file, folders, and what looks at files"""
    box.write("x.toml", "a = 1 # c\n")
    box.sops("encrypt", "-i", "--age", ALICE, "--input-type", "toml", "--output-type", "toml", "x.toml")
    config(box, "", "  - age: %s,%s\n" % (ALICE, BOB))
    want(json.loads(box.sops("filestatus", "x.toml").text), {"encrypted": True}, "filestatus")
    for args in (["updatekeys", "-y", "-r", "."], ["rotate", "-i", "-r", "."], ["recipients", "-r", "."], ["check", "."], ["diff", "x.toml", "x.toml"]):
        r = box.sops(*args)
        must(" as ini" not in r.said + r.text, "%s" % r)
    want(box.sops("decrypt", "x.toml").text, "a = 1 # c\n", "decrypted")
    must(BOB in box.text("x.toml"), "no new recipient")


@check
def toml_a_nan_stays_when_another_value_is_set(box):
    config(box, ON)
    s = box.seal("f.toml", "a = nan\nb = 1\n", preserve=False)
    box.sops("set", "f.toml", '["b"]', "2")
    want(ciphers(box.text("f.toml"))[0], ciphers(s)[0], "the ciphertext of nan")


@check
def toml_comment_above_a_header(box):
    """lines directly above a header are not the clear table's that ends there"""
    config(box, ON)
    s = box.seal("f.toml", "[pub_unencrypted]\nk = 1\n# still clear\n\n# kanari\n[b]\nl = 2\n", preserve=False)
    want(mask(body(s, "toml")), "[pub_unencrypted]\nk = 1\n# still clear\n\n#C\n[b]\nl = \"I\"\n", "sealed")


@check
def toml_metadata(box):
    config(box, ON)
    s = box.seal("f.toml", "a = 1\n", preserve=False)
    must(re.search(r'(?s)\A.*"\n\n\[sops\]\nlastmodified = "20[^"]*Z"\nmac = "ENC\[[^"]*"\nunencrypted_suffix = "_unencrypted"\nversion = "3\.13\.3"\n\n\[\[sops\.age\]\]\nenc = """\n-----BEGIN AGE ENCRYPTED FILE-----\n.*\n-----END AGE ENCRYPTED FILE-----\n"""\nrecipient = "%s"\n\Z' % ALICE, s), "metadata: %r" % s[-900:])
    box.write("g.toml", "")
    s = box.sops("encrypt", "g.toml").text
    must(s.startswith("[sops]\n"), "an empty text")
    box.write("g.toml", s)
    want(box.sops("decrypt", "g.toml").text, "", "decrypted")


@check
def toml_metadata_of_groups(box):
    config(box, ON, "  - shamir_threshold: 2\n    key_groups:\n      - age: [%s]\n      - age: [%s]\n" % (ALICE, ALICE))
    s = box.seal("f.toml", "a = 1\n", preserve=False)
    must(s.count("\n[[sops.key_groups]]\n") == 2 and s.count("\n[[sops.key_groups.age]]\n") == 2 and "\nshamir_threshold = 2\n" in s, "metadata: %r" % s[-300:])
    want(box.sops("decrypt", "f.toml").text, "a = 1\n", "decrypted")


@check
def toml_off_is_binary(box):
    box.write("f.toml", "a = \"x\"\n")
    s = box.sops("encrypt", "--age", ALICE, "f.toml").text
    must(s.startswith("{") and '"data": "ENC[' in s, "binary as ever")
    box.write("f.toml", s)
    want(box.sops("decrypt", "f.toml").text, "a = \"x\"\n", "decrypted")
    config(box, ON)
    want(box.sops("decrypt", "f.toml").text, "a = \"x\"\n", "an old file, with the switch on")
    box.sops("set", "f.toml", '["data"]', '"y = 1\\n"')
    want(box.sops("decrypt", "f.toml").text, "y = 1\n", "it stays binary")


@check
def toml_is_opened_without_the_switch(box):
    config(box, ON)
    box.seal("f.toml", "a = \"x\" # c\n", preserve=False)
    os.unlink(box.path(".sops.yaml"))
    want(box.sops("decrypt", "f.toml").text, "a = \"x\" # c\n", "decrypted")
    box.sops("set", "f.toml", '["a"]', '"y"')
    want(box.sops("decrypt", "f.toml").text, "a = \"y\" # c\n", "decrypted")


@check
def toml_by_type(box):
    s = box.sops("encrypt", "--age", ALICE, "--input-type", "toml", "--output-type", "toml", "--filename-override", "x.conf", input="a = 'x'\n").text
    want(mask(body(s, "toml")), "a = 'E'\n", "sealed")
    want(box.sops("decrypt", "--input-type", "toml", "--output-type", "toml", input=s).text, "a = 'x'\n", "decrypted")


@check
def toml_vectors_valid(box):
    """each valid text of toml-test: its values, and there and back"""
    config(box, ON)
    v = json.load(open(VECTORS))["valid"]
    bad = []

    def plain(x):
        if isinstance(x, dict) and set(x) == {"type", "value"} and isinstance(x["value"], str):
            t, s = x["type"], x["value"]
            return {"integer": lambda: int(s), "float": lambda: float(s), "bool": lambda: s == "true", "string": lambda: s}.get(t, lambda: ("date", s))()
        return {k: plain(y) for k, y in x.items()} if isinstance(x, dict) else [plain(y) for y in x]

    def same(a, b):
        if isinstance(b, tuple):
            norm = lambda s: re.sub(r"(\.\d*?)0+(?=\D|$)", r"\1", s.upper().replace(" ", "T")).replace(".Z", "Z").rstrip(".").replace("+00:00", "Z").replace(".+", "+").replace(".-", "-")
            return isinstance(a, str) and norm(a)[:26] == norm(b[1])[:26]
        if isinstance(b, dict):
            return isinstance(a, dict) and sorted(a) == sorted(b) and all(same(a[k], b[k]) for k in b)
        if isinstance(b, list):
            return isinstance(a, list) and len(a) == len(b) and all(map(same, a, b))
        if isinstance(b, float) or isinstance(a, float):
            return not isinstance(a, (str, bool)) and (a == b or math.isclose(a, b, rel_tol=1e-15))
        return type(a) is type(b) and a == b

    def odd(x):
        return any(map(odd, x.values())) if isinstance(x, dict) else any(map(odd, x)) if isinstance(x, list) else isinstance(x, float) and not math.isfinite(x)

    for name, d in sorted(v.items()):
        text = d["toml"].encode() if "toml" in d else base64.b64decode(d["base64"])
        box.write("f.toml", text)
        r = box.sops("encrypt", "f.toml", rc=None)
        if r.rc:
            bad.append("%s: status %d" % (name, r.rc))
            continue
        box.write("f.toml", r.out)
        o = box.sops("decrypt", "f.toml", rc=None)
        if o.out != text:
            bad.append("%s: not as it was" % name)
        w = plain(d["json"])
        if not odd(w):
            j = box.sops("decrypt", "--output-type", "json", "f.toml", rc=None)
            if j.rc or not same(json.loads(j.text), w):
                bad.append("%s: other values" % name)
    must(len(v) > 150 and not bad, "%d of %d: %s" % (len(bad), len(v), "; ".join(bad[:8])))


@check
def toml_vectors_invalid(box):
    config(box, ON)
    v = json.load(open(VECTORS))["invalid"]
    bad = []
    for name, d in sorted(v.items()):
        box.write("f.toml", d["toml"].encode() if "toml" in d else base64.b64decode(d["base64"]))
        r = box.sops("encrypt", "f.toml", rc=None)
        if r.rc != 2 or r.out:
            bad.append("%s: status %d" % (name, r.rc))
    must(len(v) > 300 and not bad, "%d of %d: %s" % (len(bad), len(v), "; ".join(bad[:8])))


def step(name, clear, op, path, value, after, lines=None):
    def f(box):
        config(box, ON)
        a = box.seal("f.toml", clear, preserve=False)
        box.sops(op, "f.toml", path, *([value] if value is not None else []))
        want(box.sops("decrypt", "f.toml").text, after, "decrypted")
        if lines is not None:
            want(box.changed(a, box.text("f.toml"), "toml"), lines, "changed lines")
    CHECKS.append(("toml-%s-%s" % (op, name), f))


T = "# c\ntitle = 'x'\nn = 0x1F # d\n\n[a]\nk = \"v\"\nl = [1, 2]\np = { q = \"r\" }\n\n[a.b]\nm = 1979-05-27\n\n[[t]]\nu = 1\n"
step("string", T, "set", '["title"]', '"new"', T.replace("'x'", "'new'"), ["-title = 'E'", "+title = 'E'"])
step("string-that-cannot", T, "set", '["title"]', '"it\'s"', T.replace("'x'", '"it\'s"'))
step("number", T, "set", '["n"]', "2.5", T.replace("0x1F", "2.5"), ['-n = "I~" #C', '+n = "F" #C'])
step("date-to-string", T, "set", '["a"]["b"]["m"]', '"s"', T.replace("1979-05-27", "'s'"))
step("string-like-a-date", T, "set", '["title"]', '"1979-05-27"', T.replace("'x'", '"1979-05-27"'))
step("item", T, "set", '["a"]["l"][0]', '"s"', T.replace("[1, 2]", '["s", 2]'))
step("new-item", T, "set", '["a"]["l"][7]', '"s"', T.replace("[1, 2]", '[1, 2, "s"]'))
step("new-key", T, "set", '["a"]["z"]', '"s"', T.replace('{ q = "r" }\n', '{ q = "r" }\nz = "s"\n'), ['+z = "E"'])
step("new-key-at-the-top", T, "set", '["z"]', '"s"', T.replace("# d\n", '# d\nz = "s"\n'))
step("new-key-inline", T, "set", '["a"]["p"]["z"]', '"s"', T.replace('"r" }', '"r", z = "s" }'))
step("new-key-in-item", T, "set", '["t"][0]["z"]', '"s"', T + 'z = "s"\n')
step("new-key-quoted", T, "set", '["a"]["z z"]', '"s"', T.replace('{ q = "r" }\n', '{ q = "r" }\n"z z" = "s"\n'))
step("new-table", T, "set", '["z"]["y"]', '"s"', T.replace("# d\n", '# d\nz = { y = "s" }\n'))
step("object", T, "set", '["a"]["k"]', '{"x": 1, "y": ["z", {"w": true}]}', T.replace('"v"', '{ x = 1, y = ["z", { w = true }] }'))
step("same", T, "set", '["title"]', '"x"', T, [])
step("key", T, "unset", '["n"]', None, T.replace("n = 0x1F # d\n", ""), ['-n = "I~" #C'])
step("inline", T, "unset", '["a"]["p"]["q"]', None, T.replace('{ q = "r" }', "{}"))
step("item", T, "unset", '["a"]["l"][0]', None, T.replace("[1, 2]", "[2]"))
step("new-item-of-tables", T, "set", '["t"][7]', '{"u": true}', T + "\n[[t]]\nu = true\n")


@check
def toml_unset_tables(box):
    """all headers of a table and what is below them; an array's item; the last one"""
    config(box, ON)
    clear = T + "\n[[t]]\nu = 2 # second\n"
    rest = {"title": "x", "n": 31, "a": {"k": "v", "l": [1, 2], "p": {"q": "r"}, "b": {"m": "1979-05-27"}}, "t": [{"u": 1}, {"u": 2}]}
    for path, change in (('["a"]', lambda v: v.pop("a")), ('["a"]["b"]', lambda v: v["a"].pop("b")), ('["t"][0]', lambda v: v["t"].pop(0)), ('["t"][1]', lambda v: v["t"].pop(1)), ('["t"]', lambda v: v.pop("t"))):
        v = json.loads(json.dumps(rest))
        change(v)
        box.seal("f.toml", clear, preserve=False)
        box.sops("unset", "f.toml", path)
        want(json.loads(box.sops("decrypt", "--output-type", "json", "f.toml").text), v, "values without " + path)
        old = iter(clear.split("\n"))
        must(all(l in old for l in box.sops("decrypt", "f.toml").text.split("\n")), "lines that were not there, without %s" % path)
    box.seal("f.toml", T, preserve=False)
    box.sops("unset", "f.toml", '["t"][0]')
    o = box.sops("decrypt", "f.toml").text
    must("# d\nt = []\n" in o and "[[t]]" not in o, "the empty list: %r" % o)


@check
def toml_normal_writer(box):
    """the switch off: 8.6"""
    config(box, ON)
    t = "a   =  'x'\n\n\n[t]\n  k = 0x1F\n"
    s = box.seal("f.toml", t, "--preserve-style=false", preserve=False)
    want(mask(body(s, "toml")), 'a = "E"\n\n[t]\nk = "I"\n', "sealed")
    box.seal("f.toml", t, preserve=False)
    want(box.sops("decrypt", "--preserve-style=false", "f.toml").text, 'a = "x"\n\n[t]\nk = 31\n', "decrypted")


@check
def toml_edit_new_file(box):
    config(box, ON)
    box.sops("edit", "new.toml", env=editor(box, "assert '# Example comment\\n' in t and 'example_number = 1234.56789\\n' in t, t\nt='a = 0x1F # c\\n'"))
    want(mask(body(box.text("new.toml"), "toml")), 'a = "I~" #C\n', "sealed")
    want(box.sops("decrypt", "new.toml").text, "a = 0x1F # c\n", "decrypted")


@check
def toml_set_null(box):
    config(box, ON)
    box.seal("f.toml", T, preserve=False)
    before = box.read("f.toml")
    for value, path in (("null", '["a"]["k"]'), ('{"x": null}', '["a"]["k"]["x"]')):
        r = box.sops("set", "f.toml", '["a"]["k"]', value, rc=4)
        must(path in r.said, "the path: %r" % r.said)
    want(box.read("f.toml"), before, "the file")


@check
def toml_errors(box):
    config(box, ON)
    for t, line in (("a = 1\nb = kanari\n", "line 2"), ("a = \"kanari\n", "line 1"), ("a = 1\na = 2\n", "line 2"), ("a = 9223372036854775808\n", "line 1")):
        box.write("f.toml", t)
        r = box.sops("encrypt", "f.toml", rc=2)
        must(line in r.said, "the message: %r" % r.said)
    s = box.seal("g.toml", "a = \"x\"\nb = \"z\"\n", preserve=False)
    box.write("g.toml", s.replace("a = \"ENC", "a = \"kanari ENC", 1))
    box.sops("decrypt", "g.toml", rc=25)
    c = ciphers(body(s, "toml"))
    box.write("g.toml", s.replace(c[0], c[1], 1))
    box.sops("decrypt", "g.toml", rc=25)
    box.write("g.toml", re.sub(r'(?m)^b = .*\n', "", s))
    box.sops("decrypt", "g.toml", rc=51)
    box.write("g.toml", s.replace("[sops]", "[sops", 1))
    box.sops("decrypt", "g.toml", rc=None)
    must(box.ran[-1].rc == 1 and not box.ran[-1].out, "a broken file: %d" % box.ran[-1].rc)
    box.write("g.toml", "a = 1\n")
    box.sops("decrypt", "g.toml", rc=1)
    box.write("g.toml", "sops = 1\n")
    box.sops("encrypt", "g.toml", rc=203)
    box.clean("kanari")


@check
def toml_other_formats(box):
    config(box, ON)
    box.seal("f.toml", "a = \"x\"\nb = 1979-05-27\n[c]\nd = [1, 2.5]\n", preserve=False)
    want(box.sops("decrypt", "--output-type", "yaml", "f.toml").text, "a: x\nb: \"1979-05-27\"\nc:\n    d:\n        - 1\n        - 2.5\n", "as YAML")
    want(box.sops("decrypt", "--extract", '["a"]', "f.toml").text, "x", "--extract")
    want(box.sops("decrypt", "--extract", '["c"]["d"][1]', "f.toml").text, "2.5\n", "--extract")


@check
def toml_writer(box):
    """from YAML, in the order of the tree"""
    box.write("f.yaml", "# head\na: x\nb: {c: 1, d: {e: 1.5}}\nf: [1, \"l1\\nl2\"]\n\"g h\": true\nt: 2024-01-02T03:04:05Z\n# table\ni:\n  j: k\n  l:\n    - m: 1\n    - m: 2\nempty: {}\nz:\n  y: 1\n")
    s = box.sops("encrypt", "--age", ALICE, "--encrypted-regex", "^never$", "--output-type", "toml", "f.yaml").text
    w = '# head\na = "x"\nb = { c = 1, d = { e = 1.5 } }\nf = [1, """\nl1\nl2"""]\n"g h" = true\nt = 2024-01-02T03:04:05Z\n# table\ni = { j = "k", l = [{ m = 1 }, { m = 2 }] }\nempty = {}\n\n[z]\ny = 1\n'
    want(body(s, "toml"), w, "as TOML")
    box.write("f.toml", s)
    want(json.loads(box.sops("decrypt", "--output-type", "json", "f.toml").text)["i"], {"j": "k", "l": [{"m": 1}, {"m": 2}]}, "values")
    box.write("n.yaml", "a: {b: null}\n")
    r = box.sops("encrypt", "--age", ALICE, "--output-type", "toml", "n.yaml", rc=4)
    must('["a"]["b"]' in r.said, "the path: %r" % r.said)


@check
def toml_rotate_updatekeys_edit(box):
    config(box, ON)
    a = box.seal("f.toml", T, preserve=False)
    box.sops("rotate", "-i", "f.toml")
    want(mask(body(box.text("f.toml"), "toml")), mask(body(a, "toml")), "layout after rotate")
    must(not set(ciphers(a)) & set(ciphers(box.text("f.toml"))), "old ciphertexts")
    config(box, ON, "  - age: %s,%s\n" % (ALICE, BOB))
    b = box.text("f.toml")
    box.sops("updatekeys", "-y", "f.toml")
    want(body(box.text("f.toml"), "toml"), body(b, "toml"), "text after updatekeys")
    box.sops("edit", "f.toml", env=editor(box, "t=t.replace('\"v\"','\"w\"')"))
    want(box.changed(b, box.text("f.toml").split("\n\n[[sops.age]]")[0] + "\n\n[[sops.age]]" + b.split("\n\n[[sops.age]]")[1], "toml"), ['-k = "E"', '+k = "E"'], "changed lines after edit")
    want(box.sops("decrypt", "f.toml").text, T.replace('"v"', '"w"'), "decrypted")


@check
def toml_exec_env(box):
    config(box, ON)
    box.seal("f.toml", "A = \"x\"\nB = 1.5\n", preserve=False)
    want(box.sops("exec-env", "f.toml", 'printf "%s,%s" "$A" "$B"').text, "x,1.5", "exec-env")


def rops(box, text, *args):
    key = re.search(r"AGE-SECRET-KEY-1\w+", open(os.path.join(KEYS, "age", "alice.txt")).read())[0]
    return box.call([peer("rops")] + list(args), input=text, env={"ROPS_AGE": key}).text


@check
def toml_rops_reads_ours(box):
    config(box, ON)
    t = "a = \"x\"\nn = 5\nf = 1.5\nb = true\nd = 1979-05-27\n[t]\nk = \"v\" # c\nl = [1, \"y\"]\n[[u]]\nm = { o = \"p\" }\n[t.w]\nz = \"q\"\n"
    s = box.seal("f.toml", t, preserve=False)
    must("~" not in mask(body(s, "toml")), "spellings")
    out = rops(box, s, "decrypt", "--format", "toml")
    py = peer("python")
    got = json.loads(box.call([py, "-c", "import sys,json\ntry:\n import tomllib\nexcept ImportError:\n import tomli as tomllib\nprint(json.dumps(tomllib.loads(sys.stdin.read())))"], input=out).text)
    want(got, {"a": "x", "n": 5, "f": 1.5, "b": True, "d": "1979-05-27", "t": {"k": "v", "l": [1, "y"], "w": {"z": "q"}}, "u": [{"m": {"o": "p"}}]}, "values in rops")


@check
def toml_we_read_rops(box):
    t = "a = \"x\"\nn = 5\nf = 1.5\nb = true\ne = \"\"\nnul = \"null\"\nd = 1979-05-27\n[t]\nk = \"v\"\n[u]\nz = 1\n[t.w]\ny = [1, {q = \"r\"}]\n"
    out = rops(box, t, "encrypt", "--format", "toml", "--age", ALICE)
    must("version" not in out, "rops writes no version")
    box.write("g.toml", out)
    got = json.loads(box.sops("decrypt", "--output-type", "json", "g.toml").text)
    want(got, {"a": "x", "n": 5, "f": 1.5, "b": True, "e": "", "nul": None, "d": "1979-05-27", "t": {"k": "v", "w": {"y": [1, {"q": "r"}]}}, "u": {"z": 1}}, "values")
    box.sops("set", "g.toml", '["a"]', '"w"')
    must("version" in box.text("g.toml"), "a version from then on")
    must('a = "w"\n' in rops(box, box.read("g.toml"), "decrypt", "--format", "toml"), "read by rops after set")
