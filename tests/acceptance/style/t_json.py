# SPDX-License-Identifier: Apache-2.0
"""JSON kept as written."""
import json
import re

from harness import ALICE, BOB, CHECKS, body, check, config, mask, must, want


def rows(*items):
    for it in items:
        def f(box, it=it):
            box.trip("f.json", it[1], it[2], obj=json.loads(it[1]) if len(it) < 4 else it[3])
        CHECKS.append(("json-" + it[0], f))


rows(
    ("two-blanks", '{\n  "a": "x",\n  "b": {"c": [1, true, null]}\n}\n', '{\n  "a": "E",\n  "b": {"c": ["I", "B", null]}\n}\n'),
    ("compact", '{"a":"x","b":[1,{"c":"y"}]}', '{"a":"E","b":["I",{"c":"E"}]}'),
    ("compact-with-break", '{"a":"x"}\n', '{"a":"E"}\n'),
    ("odd-blanks", '{ "a" :"x" ,\n\n\t"b": [ 1 ,2 ]  ,"c":{}  }\n\n', '{ "a" :"E" ,\n\n\t"b": [ "I" ,"I" ]  ,"c":{}  }\n\n'),
    ("empty", "{}\n", "{}\n"),
    ("crlf", '{\r\n    "a": "x"\r\n}\r\n', '{\r\n    "a": "E"\r\n}\r\n'),
    ("no-final-break", '{\n\t"a": "x"\n}', '{\n\t"a": "E"\n}'),
    ("numbers", '{"a": 1, "b": 1.0, "c": 1e3, "d": -0.5, "e": 1.50, "f": 12345678901234567890}\n', '{"a": "I", "b": "F~", "c": "F~", "d": "F", "e": "F~", "f": "F~"}\n', {"a": 1, "b": 1.0, "c": 1e3, "d": -0.5, "e": 1.5, "f": 12345678901234567000}),
    ("strings", '{"a": "<x & y>", "b": "a/b", "c": "é 😀", "d": "\\"\\\\\\b\\f\\n\\r\\t\\u0001", "e": ""}\n', '{"a": "E", "b": "E", "c": "E", "d": "E", "e": ""}\n'),
    ("escapes", '{"a": "\\u00e9", "b": "a\\/b", "c": "\\u0041", "d": "\\ud83d\\ude00", "e": "\\u000a"}\n', '{"a": "E~", "b": "E~", "c": "E~", "d": "E~", "e": "E~"}\n'),
    ("keys", '{"a\\u00e9": "x", "": "y", "k:l": "z"}\n', '{"a\\u00e9": "E", "": "E", "k:l": "E"}\n'),
    ("clear-values", '{"a_unencrypted": 1.50, "b": {"c_unencrypted": "\\u00e9"}}\n', '{"a_unencrypted": 1.50, "b": {"c_unencrypted": "\\u00e9"}}\n'),
)


def step(name, clear, op, path, value, after):
    def f(box):
        box.seal("f.json", clear)
        box.sops(op, "--preserve-style", "f.json", path, *([value] if value is not None else []))
        want(box.open("f.json"), after, "decrypted")
        if box.o.reference:
            want(json.loads(box.reference("decrypt", "f.json").text), json.loads(after), "values in the reference")
    CHECKS.append(("json-%s-%s" % (op, name), f))


J = '{\n  "a": "x",\n  "m": {"k": 1, "l": [1, 2]},\n  "n": {\n    "p": true\n  }\n}\n'
step("value", J, "set", '["a"]', '"new"', J.replace('"x"', '"new"'))
step("number", J, "set", '["m"]["k"]', "2.5", J.replace('"k": 1', '"k": 2.5'))
step("new", J, "set", '["z"]', '"v"', J.replace("  }\n}", '  },\n  "z": "v"\n}'))
step("new-on-a-line", J, "set", '["m"]["z"]', '"v"', J.replace("[1, 2]", '[1, 2], "z": "v"'))
step("new-nested", J, "set", '["n"]["z"]', '{"k": [1, {}], "e": {}}', J.replace('"p": true\n', '"p": true,\n    "z": {\n      "k": [\n        1,\n        {}\n      ],\n      "e": {}\n    }\n'))
step("item", J, "set", '["m"]["l"][5]', '"v"', J.replace("[1, 2]", '[1, 2, "v"]'))
step("into-empty", '{"a": {}, "b": []}\n', "set", '["a"]["k"]', '"v"', '{"a": {"k": "v"}, "b": []}\n')
step("new-compact", '{"a":"x"}', "set", '["b"]', '"v"', '{"a":"x","b":"v"}')
step("member", J, "unset", '["a"]', None, J.replace('  "a": "x",\n', ""))
step("last", J, "unset", '["n"]', None, '{\n  "a": "x",\n  "m": {"k": 1, "l": [1, 2]}\n}\n')
step("item", J, "unset", '["m"]["l"][0]', None, J.replace("[1, 2]", "[2]"))
step("only-one", J, "unset", '["n"]["p"]', None, J.replace('{\n    "p": true\n  }', "{}"))


@check
def json_metadata_follows_the_indentation(box):
    s = box.seal("f.json", '{\n  "a": "x"\n}\n')
    must('"ENC[' in s and '",\n  "sops": {\n    "age": [\n      {\n        "enc": "' in s and s.endswith('"version": "3.13.3"\n  }\n}\n'), "metadata: %r" % s[-300:])
    s = box.seal("g.json", '{"a":"x"}')
    must(',"sops":{"age":[{"enc":"' in s and s.endswith('"version":"3.13.3"}}'), "metadata: %r" % s[-200:])


@check
def json_set_changes_one_line(box):
    a = box.seal("f.json", J)
    box.sops("set", "--preserve-style", "f.json", '["a"]', '"new"')
    want(box.changed(a, box.text("f.json")), ['-  "a": "E",', '+  "a": "E",'], "changed lines")


@check
def json_rotate_and_updatekeys(box):
    a = box.seal("f.json", '{"a": 1.50,\n   "b": "x"}\n')
    box.sops("rotate", "-i", "--preserve-style", "f.json")
    want(mask(body(box.text("f.json"), "json")), mask(body(a, "json")), "layout")
    want(box.open("f.json"), '{"a": 1.50,\n   "b": "x"}\n', "decrypted")
    config(box, "{json: {preserve_style: true}}", "  - age: %s,%s\n" % (ALICE, BOB))
    b = box.text("f.json")
    box.sops("updatekeys", "-y", "f.json")
    want(body(box.text("f.json"), "json"), body(b, "json"), "text after updatekeys")
    must(BOB in box.text("f.json"), "the new key")


@check
def unset_beside_metadata_in_the_middle(box):
    for name, clear in (("f.json", '{"a": "x", "b": "y"}\n'), ("f.yaml", '{"a": "x", "b": "y"}\n')):
        s = box.seal(name, clear)
        entry = re.search(r'"sops": ?\{"age.*?"version": ?"[^"]*"\}', s)[0]
        middle = re.sub(r', ?(?="b")', ", %s, " % entry.replace("\\", "\\\\"), s.replace("," + entry, "").replace(", " + entry, ""))
        for key, left in (("a", '{"b": "y"}\n'), ("b", '{"a": "x"}\n')):
            box.write(name, middle)
            want(box.open(name), clear, "decrypted")
            box.sops("unset", "--preserve-style=strict", name, '["%s"]' % key)
            want(box.open(name), left, "decrypted")


@check
def json_repeated_keys(box):
    t = '{"a": "x", "a": "y"}\n'
    box.write("f.json", t)
    s = box.sops("encrypt", "--preserve-style", "--age", ALICE, "f.json").text
    want(mask(body(s, "json")), '{"a": "E", "a": "E"}\n', "sealed")
    box.write("f.json", s)
    want(box.open("f.json"), t, "decrypted")


@check
def json_text_behind_is_not_left_clear(box):
    box.write("f.json", '{"a": "x"}\n{"b": "kanari"}\n')
    box.sops("encrypt", "--preserve-style=strict", "--age", ALICE, "f.json", rc=4)
    r = box.sops("encrypt", "--preserve-style", "--age", ALICE, "f.json")
    must("style cannot be kept" in r.said and "kanari" not in r.text, "left clear: %r" % r.text[-100:])


@check
def json_bytes_that_are_not_utf8(box):
    t = b'{"a": "caf\xe9", "b": "\\ud83d"}\n'
    box.write("f.json", t)
    s = box.sops("encrypt", "--preserve-style", "--age", ALICE, "f.json").out
    want(mask(body(s, "json")), '{"a": "E~", "b": "E~"}\n', "sealed")
    box.write("f.json", s)
    want(box.sops("decrypt", "--preserve-style", "f.json").out, t, "decrypted")
