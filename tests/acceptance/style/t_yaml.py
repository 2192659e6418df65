# SPDX-License-Identifier: Apache-2.0
"""YAML there and back: each row a clear text, and the sealed one with ciphertexts as letters (E string, I int, F float, B bool, T time, C comment, ~ a spelling)."""
import glob
import json
import os
import re

from harness import ALICE, CHECKS, TESTDATA, body, check, ciphers, config, mask, must, peer, want

ROWS = {}


def rows(group, *items):
    """(name, clear, sealed[, JSON])"""
    for it in items:
        def f(box, it=it):
            box.trip("f.yaml", it[1], it[2], obj=it[3] if len(it) > 3 else None)
        CHECKS.append(("yaml-%s-%s" % (group, it[0]), f))
        ROWS["%s-%s" % (group, it[0])] = it[1]


rows("scalar",
     ("plain", "a: x y\nb:  kanari-1\n", "a: E\nb:  E\n"),
     ("single", "a: 'x'\nb: 'it''s'\nc: '# no'\n", "a: 'E'\nb: 'E'\nc: 'E'\n", {"a": "x", "b": "it's", "c": "# no"}),
     ("double", 'a: "x"\nb: "say \\"x\\" \\\\ \\n \\t"\nc: "😀 é"\n', 'a: "E"\nb: "E"\nc: "E"\n', {"a": "x", "b": 'say "x" \\ \n \t', "c": "😀 é"}),
     ("double-spelled", 'a: "caf\\u00e9"\nb: "\\x41"\nc: "a\\/b"\n'.replace("\\/", "/"), 'a: "E~"\nb: "E~"\nc: "E"\n', {"a": "café", "b": "A", "c": "a/b"}),
     ("next-line", "a:\n  x\nb:\n    'y'\nc: # why\n  z\n", "a:\n  E\nb:\n    'E'\nc: #C\n  E\n"),
     ("lines-plain", "a: one\n  two\n\n  three\nb: 1\n", "a: E~\nb: I\n", {"a": "one two\nthree", "b": 1}),
     ("lines-quoted", "a: \"one\n  two \\\n  three\"\nb: 'x\n\n  y'\n", 'a: "E~"\nb: \'E~\'\n', {"a": "one two three", "b": "x\ny"}),
     ("spaces-in-quotes", "a: ' x '\nb: \"  \"\nc: '   '\n", "a: 'E'\nb: \"E\"\nc: 'E'\n"),
     ("looks-like", "a: 'true'\nb: \"12\"\nc: 'null'\nd: '~'\ne: \"0x1F\"\n", "a: 'E'\nb: \"E\"\nc: 'E'\nd: 'E'\ne: \"E\"\n", {"a": "true", "b": "12", "c": "null", "d": "~", "e": "0x1F"}),
     ("needs-no-quotes-but-has", "a: y\nb: 1.10.2\nc: 1:30\nd: yes\n", "a: E~\nb: E\nc: E~\nd: E~\n", {"a": "y", "b": "1.10.2", "c": "1:30", "d": "yes"}),
     ("empty-and-null", "a:\nb: ~\nc: null\nd: ''\ne: \"\"\nf: NULL\n", "a:\nb: ~\nc: null\nd: ''\ne: \"\"\nf: NULL\n", {"a": None, "b": None, "c": None, "d": "", "e": "", "f": None}),
     ("layout-around", "a :   x   \nb:\tz\t# c\n\"c\":  'y'  # d\n? d\n: e\n", "a :   E   \nb:\tE\t#C\n\"c\":  'E'  #C\n? d\n: E\n"),
     ("keys", "'k 1': x\n\"k\\t2\": q\nk:3: z\n\"\": w\n", "'k 1': E\n\"k\\t2\": E\nk:3: E\n\"\": E\n", {"k 1": "x", "k\t2": "q", "k:3": "z", "": "w"}),
     )
rows("number",
     ("int", "a: 5\nb: -7\nc: 0\n", "a: I\nb: I\nc: I\n", {"a": 5, "b": -7, "c": 0}),
     ("int-spelled", "a: 0x1F\nb: 0755\nc: 0o17\nd: 1_000\ne: +3\nf: 0b11\n", "a: I~\nb: I~\nc: I~\nd: I~\ne: I~\nf: I~\n", {"a": 31, "b": 493, "c": 15, "d": 1000, "e": 3, "f": 3}),
     ("float", "a: 1.5\nb: 1e+06\n", "a: F\nb: F\n", {"a": 1.5, "b": 1e6}),
     ("float-spelled", "version: 1.10\nb: 1.0\nc: 1e3\nd: .5\ne: 012345678912\nf: 123456789012345678901234567890\n", "version: F~\nb: F~\nc: F~\nd: F~\ne: F~\nf: F~\n", {"version": 1.1, "b": 1, "c": 1000, "d": 0.5, "e": 12345678912, "f": 1.2345678901234568e+29}),
     ("bool", "c: true\nd: False\ne: TRUE\n", "c: B\nd: B~\ne: B~\n", {"c": True, "d": False, "e": True}),
     ("time", "a: 2024-01-02\nb: 2024-01-02T03:04:05Z\nc: 2001-12-14 21:59:43.10\n", "a: T~\nb: T\nc: T~\n"),
     ("spelled-clear", "a_unencrypted: 1.10\nb_unencrypted: 0x1F\nc_unencrypted: 2024-01-02\n", "a_unencrypted: 1.10\nb_unencrypted: 0x1F\nc_unencrypted: 2024-01-02\n", {"a_unencrypted": 1.1, "b_unencrypted": 31, "c_unencrypted": "2024-01-02T00:00:00Z"}),
     )
rows("block",
     ("literal", "a: |\n  l1\n    l2\n\n  l3\nb: |-\n   x\nc: |+\n  k\n\n\nd: 1\n", "a: |\n  E\nb: |-\n   E\nc: |+\n  E\nd: I\n", {"a": "l1\n  l2\n\nl3\n", "b": "x", "c": "k\n\n\n", "d": 1}),
     ("blank-lines-behind", "a: |\n  x\n\n\nb: >-\n  y\n\nc: z\n", "a: |\n  E\n\n\nb: >-\n  E\n\nc: E\n", {"a": "x\n", "b": "y", "c": "z"}),
     ("folded", "a: >\n  one line\nb: >-\n  two\n  lines\nc: >+\n  k\n\n", "a: >\n  E\nb: >-\n  E~\nc: >+\n  E\n", {"a": "one line\n", "b": "two lines", "c": "k\n\n"}),
     ("digit", "a: |2-\n    deep\n  less\nb: |1\n  x\nc: |-2\n   y\n", "a: |2-\n  E\nb: |1\n E\nc: |-2\n  E\n", {"a": "  deep\nless", "b": " x\n", "c": " y"}),
     ("header-comment", "a: | # why\n  x\nb: >-  # kanari\n  y\n", "a: | #C\n  E\nb: >-  #C\n  E\n"),
     ("leading-blank-lines", "a: |\n\n\n  x\nb: |-\n  \n  y\n", "a: |\n  E~\nb: |-\n  E~\n", {"a": "\n\nx\n", "b": "\ny"}),
     ("trailing-blanks", "a: |\n  with blanks   \n  and\ttabs\t\n  end\n", "a: |\n  E\n", {"a": "with blanks   \nand\ttabs\t\nend\n"}),
     ("no-text", "a: |+\n\n\nb: |\n\nc: x\n", 'a: "E~"\nb: |\n\nc: E\n', {"a": "\n\n", "b": "", "c": "x"}),
     ("in-list", "l:\n- |\n  x\n  y\n- k: |-\n    z\n  m: 1\n", "l:\n- |\n  E\n- k: |-\n    E\n  m: I\n", {"l": ["x\ny\n", {"k": "z", "m": 1}]}),
     ("at-end-without-break", "a: 1\nb: |\n  x", "a: I\nb: |\n  E~", {"a": 1, "b": "x"}),
     ("certificate", "tls:\n    key: |\n        -----BEGIN PRIVATE KEY-----\n        kanari+/=\n        -----END PRIVATE KEY-----\n    n: 1\n", "tls:\n    key: |\n        E\n    n: I\n"),
     ("hash-inside", "a: |\n  # no comment\n  x # neither\nb: 1\n", "a: |\n  E\nb: I\n", {"a": "# no comment\nx # neither\n", "b": 1}),
     )
rows("flow",
     ("list", "a: [x, 'q', \"z\", 1, true]\n", "a: ['E', 'E~', \"E\", 'I', 'B']\n", {"a": ["x", "q", "z", 1, True]}),
     ("single-that-must", "a: ['x, y', '[', 'it''s']\n", "a: ['E', 'E', 'E~']\n", {"a": ["x, y", "[", "it's"]}),
     ("map", "a: {b: x, 'c': \"y\", d: , e: null}\n", "a: {b: 'E', 'c': \"E\", d: , e: null}\n", {"a": {"b": "x", "c": "y", "d": None, "e": None}}),
     ("json-like", 'a: {"b":"x","c":[1,2,{"d":"y"}]}\n', 'a: {"b":"E","c":[\'I\',\'I\',{"d":"E"}]}\n', {"a": {"b": "x", "c": [1, 2, {"d": "y"}]}}),
     ("lines-and-comments", "a: [\n  x, # one kanari\n  # two\n  'y y',\n]\nb: {c: 1,\n    d: 2 # last\n}\n".replace("\n}\n", "\n   }\n"), "a: [\n  'E', #C\n  #C\n  'E~',\n]\nb: {c: 'I',\n    d: 'I' #C\n   }\n", {"a": ["x", "y y"], "b": {"c": 1, "d": 2}}),
     ("nested", "a: [[1, [x]], {b: [q]}, []]\nc: {}\n", "a: [['I', ['E']], {b: ['E']}, []]\nc: {}\n", {"a": [[1, ["x"]], {"b": ["q"]}, []], "c": {}}),
     ("pair", "a: [b: x, c]\n", "a: [b: 'E', 'E']\n", {"a": [{"b": "x"}, "c"]}),
     ("lines-plain", "a: [one\n  two, x]\n", "a: ['E~', 'E']\n", {"a": ["one two", "x"]}),
     )
rows("list",
     ("compact", "a:\n- x\n- 'y'\n-   z\nb:\n  - 1\n", "a:\n- E\n- 'E'\n-   E\nb:\n  - I\n"),
     ("of-maps", "a:\n  - b: x\n    c: q\n  -\n    d: z\n  - e:\n      f: w\n", "a:\n  - b: E\n    c: E\n  -\n    d: E\n  - e:\n      f: E\n"),
     ("of-lists", "a:\n  - - x\n    - q\n  -\n    - z\n", "a:\n  - - E\n    - E\n  -\n    - E\n"),
     ("comments", "a:\n  # head\n  - x # inline\n\n  # between\n  - q\n  # end\nb: 1\n", "a:\n  #C\n  - E #C\n\n  #C\n  - E\n  #C\nb: I\n", {"a": ["x", "q"], "b": 1}),
     )
rows("comment",
     ("everywhere", "# top kanari\n\n# head of a\na: 1 # inline\n\nm: # behind a key\n  # head\n  k: v\n  # foot\n\n# end\n", "#C\n\n#C\na: I #C\n\nm: #C\n  #C\n  k: E\n  #C\n\n#C\n"),
     ("behind-last-block", "services:\n  web:\n    image: x\n  # db:\n  #   image: kanari\n", "services:\n  web:\n    image: E\n  #C\n  #C\n"),
     ("behind-last-list", "a:\n  list:\n    - x\n  # note\n# root\n", "a:\n  list:\n    - E\n  #C\n#C\n"),
     ("empty-ones", "#\na: 1 #\n#\n#\nb: 2\n", "#\na: I #\n#\n#\nb: I\n"),
     ("spacing", "#x\n#   y   \n##z\na: 1     #w\n", "#C\n#C\n#C\na: I     #C\n"),
     ("lost-by-the-reader", "a: [ # kanari-a\n ]\nb: { # kanari-b\n }\nc: 1\n", "a: [ #C\n ]\nb: { #C\n }\nc: I\n", {"a": [], "b": {}, "c": 1}),
     ("in-item-of-map", "a:\n  - b: 1\n    # c: 2\n  - d: 3\n", "a:\n  - b: I\n    #C\n  - d: I\n"),
     ("before-and-behind-marker", "a: 1\n# kanari-1\n---\n# kanari-2\nb: 2\n# kanari-3\n", "a: I\n#C\n---\n#C\nb: I\n#C\n"),
     )
rows("documents",
     ("marker", "---\na: x\n", "---\na: E\n"),
     ("marker-comment", "--- # kanari\na: x\n", "--- #C\na: E\n"),
     ("several", "a: 1\n---\nb: 'x'\n---\nc: [q]\n", "a: I\n---\nb: 'E'\n---\nc: ['E']\n"),
     ("end-marker", "a: 1\n...\n", "a: I\n...\n"),
     ("end-and-start", "---\na: 1\n...\n---\nb: 2\n...\n", "---\na: I\n...\n---\nb: I\n...\n"),
     ("directive", "%YAML 1.1\n---\na: x\n", "%YAML 1.1\n---\na: E\n"),
     ("empty-one", "a: 1\n---\n---\nb: 2\n", "a: I\n---\n---\nb: I\n"),
     ("indented-root", "  a: 1\n  b:\n    c: x\n", "  a: I\n  b:\n    c: E\n"),
     ("flow-root", "{a: x, \"b\": [1]}\n", "{a: 'E', \"b\": ['I']}\n", {"a": "x", "b": [1]}),
     ("flow-root-lines", "{\n  \"a\": \"x\",\n  \"b\": {\"c\": 1}\n}\n", "{\n  \"a\": \"E\",\n  \"b\": {\"c\": 'I'}\n}\n", {"a": "x", "b": {"c": 1}}),
     )
rows("bytes",
     ("crlf", "# c\r\na: 'x'\r\n\r\nb: |\r\n  l1\r\n  l2\r\nl:\r\n- q\r\n", "#C\r\na: 'E'\r\n\r\nb: |\r\n  E\r\nl:\r\n- E\r\n"),
     ("cr", "a: x\rb: 'y'\r", "a: E\rb: 'E'\r"),
     ("bom", "\ufeffa: x\n", "\ufeffa: E\n"),
     ("bom-crlf", "\ufeff# c\r\na: x\r\n", "\ufeff#C\r\na: E\r\n"),
     ("no-final-break", "a: x\nb: q", "a: E\nb: E"),
     ("many-final-breaks", "a: x\n\n\n\n", "a: E\n\n\n\n"),
     ("blank-lines", "\n\na: x\n\n\n\nb: q\n   \nc: z\n", "\n\na: E\n\n\n\nb: E\n   \nc: E\n"),
     ("trailing-blanks", "a: x   \nb: 'y'\t\nc:   \n  d: z  \n", "a: E   \nb: 'E'\t\nc:   \n  d: E  \n"),
     ("wide-indent", "a:\n       b:\n         c: x\n", "a:\n       b:\n         c: E\n"),
     ("unicode", "ключ: 'значение'\n# кanari ü\né: \"日本\"\n", "ключ: 'E'\n#C\né: \"E\"\n"),
     )
rows("tags",
     ("custom", "a: !Ref x\nb: !Sub '${AWS::Region}'\nc: !secret 5\nd: !reference [.job, script]\n", "a: !Ref E\nb: !Sub 'E'\nc: !secret E\nd: !reference ['E', 'E']\n", {"a": "x", "b": "${AWS::Region}", "c": "5", "d": [".job", "script"]}),
     ("str", "a: !!str 123\nb: !!str\n", "a: !!str E\nb: !!str\n", {"a": "123", "b": ""}),
     ("core", "a: !!int \"5\"\nb: !!float 1\nc: !!binary aGFsbG8=\n", "a: I~\nb: F~\nc: E~\n", {"a": 5, "b": 1, "c": "hallo"}),
     ("bang", "a: ! 5\nb: ! 'x'\n", "a: ! I\nb: ! 'E'\n", {"a": 5, "b": "x"}),
     ("on-collections", "a: !!map {b: x}\nc: !set\n  d: q\n", "a: !!map {b: 'E'}\nc: !set\n  d: E\n", {"a": {"b": "x"}, "c": {"d": "q"}}),
     ("vault", "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\nb: 1\n", "a: !vault |\n  E\nb: I\n"),
     )
rows("alias",
     ("scalar", "a: &x secret\nb: *x\n", "a: &x E\nb: !*x E\n", {"a": "secret", "b": "secret"}),
     ("under-a-clear-path", "a: &x 'secret'\nb_unencrypted: *x\nc: &m\n  u: x\n  q: 5\nd_unencrypted: *m\ne_unencrypted: &y z\nf_unencrypted: *y\n", "a: &x 'E'\nb_unencrypted: !*x 'secret'\nc: &m\n  u: E\n  q: I\nd_unencrypted: !*m\n  u: x\n  q: 5\ne_unencrypted: &y z\nf_unencrypted: *y\n", {"a": "secret", "b_unencrypted": "secret", "c": {"u": "x", "q": 5}, "d_unencrypted": {"u": "x", "q": 5}, "e_unencrypted": "z", "f_unencrypted": "z"}),
     ("quoted", "a: &x 'secret'\nb: [*x]\n", "a: &x 'E'\nb: [!*x 'E']\n", {"a": "secret", "b": ["secret"]}),
     ("merge", "d: &d\n  u: x\n  m: 1\nw:\n  <<: *d\n  k: v\n", "d: &d\n  u: E\n  m: I\nw:\n  <<: !*d\n    u: E\n    m: I\n  k: E\n", {"d": {"u": "x", "m": 1}, "w": {"<<": {"u": "x", "m": 1}, "k": "v"}}),
     ("merge-list", "a: &a {x: 1}\nb: &b\n  q: 2\nc:\n  <<: [*a, *b]\n", "a: &a {x: 'I'}\nb: &b\n  q: I\nc:\n  <<: [!*a {x: 'I'}, !*b {q: 'I'}]\n"),
     ("list", "a: &x\n- p\n- 'q'\nb: *x\nc:\n- *x\n", "a: &x\n- E\n- 'E'\nb: !*x\n- E\n- 'E'\nc:\n- !*x\n  - E\n  - 'E'\n", {"a": ["p", "q"], "b": ["p", "q"], "c": [["p", "q"]]}),
     ("clear-stays", "d_unencrypted: &d\n  u: 1\nw_unencrypted:\n  <<: *d\nz: s\n", "d_unencrypted: &d\n  u: 1\nw_unencrypted:\n  <<: *d\nz: E\n"),
     ("clear-anchor-sealed-alias", "d_unencrypted: &d v\nz: *d\n", "d_unencrypted: &d v\nz: !*d E\n", {"d_unencrypted": "v", "z": "v"}),
     ("redefined", "a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "a: &x I\nb: !*x I\nc: &x I\nd: !*x I\n", {"a": 1, "b": 1, "c": 2, "d": 2}),
     ("inside-alias", "a: &a {b: &b x}\nc: *a\nd: *b\n", "a: &a {b: &b 'E'}\nc: !*a\n    b: E\nd: !*b E\n", {"a": {"b": "x"}, "c": {"b": "x"}, "d": "x"}),
     ("null-and-empty", "a: &x\nb: *x\nc: &y ''\nd: *y\n", "a: &x\nb: *x\nc: &y ''\nd: *y\n", {"a": None, "b": None, "c": "", "d": ""}),
     )


@check
def yaml_alias_changed_is_not_restored(box):
    box.seal("f.yaml", "a: &x secret\nb: *x\nc: *x\n")
    box.sops("set", "--preserve-style", "f.yaml", '["b"]', '"other"')
    want(box.open("f.yaml"), "a: &x secret\nb: other\nc: *x\n", "decrypted")
    box.sops("set", "--preserve-style", "f.yaml", '["a"]', '"new"')
    want(box.open("f.yaml"), "a: &x new\nb: other\nc: secret\n", "decrypted")


@check
def yaml_alias_map_changed_is_not_restored(box):
    box.seal("f.yaml", "d: &d\n  u: x\n  v: 'y'\nw:\n  <<: *d\n")
    box.sops("set", "--preserve-style", "f.yaml", '["w"]["<<"]["u"]', '"z"')
    want(box.open("f.yaml"), "d: &d\n  u: x\n  v: 'y'\nw:\n  <<:\n    u: z\n    v: 'y'\n", "decrypted")


@check
def yaml_foreign_star_tag_without_anchor(box):
    """a tag like ours on a node whose anchor is not there is dropped, not trusted"""
    s = box.seal("f.yaml", "a: x\nb: q\n")
    box.write("f.yaml", s.replace("b: ENC", "b: !*gone ENC", 1))
    want(box.open("f.yaml"), "a: x\nb: q\n", "decrypted")


@check
def yaml_rules_regex(box):
    config(box, rules="  - encrypted_regex: ^(data|stringData)$\n    age: %s\n" % ALICE)
    t = "# clear comment\napiVersion: v1\nkind: Secret   # clear, too\nmetadata: {name: 'n'}\nstringData:\n  # sealed comment\n  a: \"x\"\n  b: |\n    y\ntype: Opaque\n"
    s = box.trip("f.yaml", t, "# clear comment\napiVersion: v1\nkind: Secret   # clear, too\nmetadata: {name: 'n'}\nstringData:\n  #C\n  a: \"E\"\n  b: |\n    E\ntype: Opaque\n")
    must("sealed comment" not in s, "a comment stays clear")


@check
def yaml_rules_suffix(box):
    t = "a_unencrypted:\n  - 'x' # c\n  - [1.10]\nb: 'y' # d\n"
    box.trip("f.yaml", t, "a_unencrypted:\n  - 'x' # c\n  - [1.10]\nb: 'E' #C\n")


@check
def yaml_rules_mac_only_encrypted(box):
    config(box, rules="  - mac_only_encrypted: true\n    unencrypted_regex: ^pub\n    age: %s\n" % ALICE)
    box.trip("f.yaml", "pub: 1.10\nb: 'y'\n", "pub: 1.10\nb: 'E'\n")
    box.write("f.yaml", box.text("f.yaml").replace("pub: 1.10", "pub:   'edited'"))
    want(box.open("f.yaml"), "pub:   'edited'\nb: 'y'\n", "decrypted")


@check
def yaml_rules_comment_rule(box):
    config(box, rules="  - encrypted_comment_regex: sops:enc\n    age: %s\n" % ALICE)
    t = "# sops:enc\na: 'x'\nb: 'y'\nl:\n  - p\n  # sops:enc\n  - \"q\"\nm: # sops:enc\n  k: [v]\n"
    box.trip("f.yaml", t, "# sops:enc\na: 'E'\nb: 'y'\nl:\n  - p\n  # sops:enc\n  - \"E\"\nm: # sops:enc\n  k: ['E']\n", obj={"a": "x", "b": "y", "l": ["p", "q"], "m": {"k": ["v"]}})


@check
def yaml_comment_opens_in_the_reference(box):
    """also those that the normal writer loses: behind the last nested block, in lists"""
    ref = peer("reference")
    t = "services:\n  web:\n    image: x\n  # kanari-1\nl:\n  # kanari-2\n  - q # kanari-3\n# kanari-4\nz:\n  q:\n    - 1\n    # kanari-5\n  # kanari-6\n"
    box.trip("f.yaml", t)
    out = box.call([ref, "decrypt", "f.yaml"]).text
    for i in range(1, 7):
        must("kanari-%d" % i in out, "the reference does not show comment %d: %r" % (i, out[-400:]))


@check
def yaml_ciphertext_is_in_the_text_once(box):
    s = box.seal("f.yaml", "a: 1.10\nb: x\n")
    want(len([c for c in ciphers(body(s)) if c]), 2, "ciphertexts")
    must("1.10" not in s, "the spelling is clear")
    want(sorted(json.loads(box.sops("decrypt", "--output-type", "json", "f.yaml").text).items()), [("a", 1.1), ("b", "x")], "values")


@check
def yaml_utf16(box):
    t = "# c\na: 'x'\n"
    for enc, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
        box.write("f.yaml", mark + t.encode(enc))
        s = box.sops("encrypt", "--preserve-style", "--age", ALICE, "f.yaml").text
        want(mask(body(s)), "#C\na: 'E'\n", "sealed")
        box.write("f.yaml", s)
        want(box.open("f.yaml"), t, "decrypted")


@check
def yaml_stdin_and_filename_override(box):
    t = "a: 'x' # c\n"
    s = box.sops("encrypt", "--preserve-style", "--age", ALICE, "--filename-override", "f.yaml", input=t).text
    want(mask(body(s)), "a: 'E' #C\n", "sealed")
    want(box.sops("decrypt", "--preserve-style", "--filename-override", "f.yaml", input=s).text, t, "decrypted")


@check
def yaml_metadata_entry_is_the_normal_one(box):
    s = box.seal("f.yaml", "a: x\n")
    n = box.seal("g.yaml", "a: x\n", preserve=False)
    cut = lambda t: re.sub(r"(?m)^( *)[A-Za-z0-9+/=]{10,}$", r"\1BASE64", re.sub(r'"20.*Z"', "TIME", mask(t[t.index("sops:"):])))
    want(cut(s), cut(n), "the entry")
    must(s.endswith("version: 3.13.3\n"), "the end of the entry")


@check
def yaml_metadata_indentation(box):
    config(box, "{yaml: {preserve_style: true, indent: 2}}")
    s = box.seal("f.yaml", "a:\n      b: x\n", preserve=False)
    must("\nsops:\n  age:\n    - enc: |\n        -----BEGIN" in s, "the entry has another indentation: %r" % s[s.index("sops:"):][:80])
    must(s.startswith("a:\n      b: ENC["), "the text has another indentation")


@check
def yaml_infinity(box):
    s = box.seal("f.yaml", "a: .inf\nb: -.Inf\nc: .NaN\n")
    want(mask(body(s)), "a: F\nb: F~\nc: F~\n", "sealed")
    want(box.open("f.yaml"), "a: .inf\nb: -.Inf\nc: .NaN\n", "decrypted")


@check
def yaml_each_document_has_the_entry(box):
    s = box.seal("f.yaml", "a: 1\n---\nb: 2\n")
    want(s.count("\nsops:\n"), 2, "entries")
    a, b = s.split("\n---\n")
    want(a[a.index("sops:"):].rstrip(), b[b.index("sops:"):].rstrip(), "entries of the two documents")


@check
def yaml_lost_explicit_null_document(box):
    lost(box, "~\n", "f.yaml", ok="{}\n")


def lost(box, clear, name, ok=None, flags=()):
    """a warning and the normal writer; strict: 4 and nothing"""
    box.write(name, clear)
    r = box.sops("encrypt", "--preserve-style=strict", "--age", ALICE, *flags, name, rc=4)
    must("style" in r.said and "hint:" in r.said and name in r.said, "the message: %r" % r.said)
    want(r.out, b"", "stdout")
    want(box.read(name), clear.encode("utf8", "surrogateescape"), "the file")
    r = box.sops("encrypt", "--preserve-style", "--age", ALICE, *flags, name)
    want(r.said.count("the style cannot be kept"), 1, "warnings in %r" % r.said)
    box.write(name, r.out)
    got = box.sops("decrypt", name).text
    if ok is not None:
        want(got, ok, "decrypted")
    n = box.sops("encrypt", "--age", ALICE, *flags, "--filename-override", name, input=clear).out
    box.write("normal-" + name, n)
    want(box.sops("decrypt", "normal-" + name).text, got, "as the normal writer")


@check
def yaml_lost_alias_under_comment_rule(box):
    config(box, rules="  - encrypted_comment_regex: enc\n    age: %s\n" % ALICE)
    t = "# enc\na: &x kanari\n# enc\nb: *x\n"
    box.write("f.yaml", t)
    box.sops("encrypt", "--preserve-style=strict", "f.yaml", rc=4)
    r = box.sops("encrypt", "--preserve-style", "f.yaml")
    must("style cannot be kept" in r.said, "no warning")
    must("kanari" not in r.text, "clear text")


@check
def yaml_lost_list_of_comments_only(box):
    """made by the normal writer: an emptied list keeps its comments as items"""
    box.write("f.yaml", "l:\n  # one\n  - x\nb: 1\n")
    s = box.sops("encrypt", "--age", ALICE, "f.yaml").text
    box.write("f.yaml", s)
    box.sops("unset", "f.yaml", '["l"][1]')
    r = box.sops("decrypt", "--preserve-style", "f.yaml")
    must("style cannot be kept" in r.said, "no warning: %r" % r.said)
    want(r.out, box.sops("decrypt", "f.yaml").out, "as the normal writer")
    box.sops("decrypt", "--preserve-style=strict", "f.yaml", rc=4)


@check
def yaml_file_of_the_normal_writer_keeps_its_layout(box):
    t = "# top\na: 'x' # inline\nl:\n- p # q\n- 'r'\n"
    box.seal("f.yaml", t, preserve=False)
    want(box.open("f.yaml"), "# top\na: x # inline\nl:\n    # q\n    - p\n    - r\n", "decrypted")


@check
def yaml_ruamel_reads_the_same(box):
    """another YAML reader sees in the sealed file the same shape, with ciphertexts"""
    py = peer("python")
    code = """import sys, json
from ruamel.yaml import YAML
def shape(n):
    if isinstance(n, dict):
        return {k: shape(v) for k, v in n.items() if k != "sops"}
    return [shape(v) for v in n] if isinstance(n, list) else "E" if str(getattr(n, "value", n)).startswith("ENC[AES256_GCM,") else str(n)
print(json.dumps(shape(YAML().load(open(sys.argv[1])))))"""
    for t, w in (("a: [x, 'y']\nb: {c: \"z\"}\nl:\n- |\n  t\n- 'it''s'\n", {"a": ["E", "E"], "b": {"c": "E"}, "l": ["E", "E"]}), ("d: &d {u: x}\ne: {v: *d}\nf: !Ref q\ng: 0x1F\n", {"d": {"u": "E"}, "e": {"v": {"u": "E"}}, "f": "E", "g": "E"})):
        box.seal("f.yaml", t)
        want(json.loads(box.call([py, "-c", code, "f.yaml"]).text), w, "shape")


@check
def yaml_conformance_inputs(box):
    """every clear YAML text of the recorded cases: there and back to the byte, or a warning and the normal writer; the same values"""
    n = kept = 0
    for p in sorted(glob.glob(os.path.join(TESTDATA, "conformance", "yaml", "*", "in", "*.y*ml"))):
        t = open(p, "rb").read()
        if b"sops:" in t or b"ENC[" in t or len(t) > 20000 or t[:2] in (b"\xff\xfe", b"\xfe\xff") or os.path.basename(p) == ".sops.yaml":
            continue
        box.write("f.yaml", t)
        a = box.sops("encrypt", "--age", ALICE, "f.yaml", rc=None)
        if a.rc:
            want(box.sops("encrypt", "--preserve-style", "--age", ALICE, "f.yaml", rc=None).rc, a.rc, "status for %s" % p)
            continue
        b = box.sops("encrypt", "--preserve-style", "--age", ALICE, "f.yaml")
        box.write("n.yaml", a.out)
        box.write("s.yaml", b.out)
        x, y = box.sops("decrypt", "--output-type", "json", "n.yaml", rc=None), box.sops("decrypt", "--output-type", "json", "s.yaml", rc=None)
        if x.rc:
            continue
        n += 1
        want(y.out, x.out, "values of %s" % os.path.relpath(p, TESTDATA))
        if "style cannot be kept" in b.said:
            continue
        kept += 1
        want(box.open("s.yaml"), t.decode("utf8", "surrogateescape"), "decrypted %s" % os.path.relpath(p, TESTDATA))
        if box.o.reference:
            want(json.loads(box.reference("decrypt", "--output-type", "json", "s.yaml").text), json.loads(x.text), "values in the reference of %s" % os.path.relpath(p, TESTDATA))
    must(n >= 40 and kept >= n * 9 // 10, "%d texts, %d kept" % (n, kept))
