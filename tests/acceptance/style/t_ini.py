# SPDX-License-Identifier: Apache-2.0
"""INI kept as written."""
from harness import ALICE, CHECKS, check, config, must, want

P = "{ini: {preserve_style: true}}"


def rows(*items):
    for it in items:
        def f(box, it=it):
            config(box, P)
            box.trip("f.ini", it[1], it[2], preserve=False)
        CHECKS.append(("ini-" + it[0], f))


rows(
    ("layout", "x=1\n\n\n[a]\nk = v\nlong_key=w\n  indented : z\n\n[b]\n", "x=E\n\n\n[a]\nk = E\nlong_key=E\n  indented : E\n\n[b]\n"),
    ("comments", "; top kanari\nx=1\n# above\n[a]\n;  spaced   \nk=v\n", "; C\nx=E\n# C\n[a]\n;  C   \nk=E\n"),
    ("comment-lines", "; one\n; two\n# three\nk=v\n", "; C\nk=E\n"),
    ("comment-lines-apart", "; one\n\n; two\nk=v\n", "; C~\nk=E\n"),
    ("comment-at-the-end", "[a]\nk=v\n; kanari last\n", "[a]\nk=E\n; C\n"),
    ("quotes", "[a]\nk=\"v\"\nl='w'\nm=\"x y\"\nn=`a;b`\no=\"\"\"l1\nl2\"\"\"\n", "[a]\nk=E~\nl=E~\nm=E~\nn=E\no=E\n"),
    ("continued", "[a]\nk = v\\\n  w\nl = x\n", "[a]\nk = E~\nl = E\n"),
    ("hash", "[a]\npassword = p@ss#word;1\nk = v ; kanari\n", "[a]\npassword = E~\nk = E~\n"),
    ("clear-with-comment", "[a]\nk_unencrypted = v ; kanari\ne =\nf = ; kanari\n", "[a]\nk_unencrypted = v ; C\ne =\nf = ; C\n"),
    ("crlf", "[a]\r\nk = v\r\n\r\n[b]\r\nl = 'w'\r\n", "[a]\r\nk = E\r\n\r\n[b]\r\nl = E~\r\n"),
    ("bom", "\ufeff[a]\nk = v\n", "\ufeff[a]\nk = E\n"),
    ("no-final-break", "[a]\nk = v", "[a]\nk = E"),
    ("final-blank-lines", "[a]\nk = v\n\n\n", "[a]\nk = E\n\n\n"),
    ("suffix", "[pub_unencrypted]\n; clear\nk = \"v\"\n[b]\nl = w\n", "[pub_unencrypted]\n; clear\nk = \"v\"\n[b]\nl = E\n"),
)


def step(name, clear, op, path, value, after):
    def f(box):
        config(box, P)
        box.seal("f.ini", clear, preserve=False)
        box.sops(op, "f.ini", path, *([value] if value is not None else []))
        want(box.sops("decrypt", "f.ini").text, after, "decrypted")
        if box.o.reference:
            box.reference("decrypt", "f.ini")
    CHECKS.append(("ini-%s-%s" % (op, name), f))


I = "; top\n[a]\nk = \"v\"\nl=w ; c\n\n[b]\nm : z\n"
step("value", I, "set", '["a"]["k"]', '"new"', I.replace('"v"', "new"))
step("value-with-hash", I, "set", '["b"]["m"]', '"a#b"', I.replace("z\n", "`a#b`\n"))
step("new-key", I, "set", '["a"]["n"]', '"q"', I.replace("; c\n", "; c\nn=q\n"))
step("new-section", I, "set", '["s"]["n"]', '"q"', I + "\n[s]\nn = q\n")
step("key", I, "unset", '["a"]["k"]', None, I.replace('k = "v"\n', ""))


@check
def ini_set_changes_one_line(box):
    config(box, P)
    a = box.seal("f.ini", I, preserve=False)
    box.sops("set", "f.ini", '["a"]["k"]', '"new"')
    want(box.changed(a, box.text("f.ini"), "ini"), ["-k = E~", "+k = E"], "changed lines")


@check
def ini_inline_comments_none(box):
    config(box, "{ini: {preserve_style: true, inline_comments: none}}")
    t = "[a]\npassword = p@ss#word;1\nk = v ; part of it\n"
    box.trip("f.ini", t, None, preserve=False)
    want(box.sops("decrypt", "--extract", '["a"]["password"]', "f.ini").text, "p@ss#word;1", "the value")
    want(box.sops("decrypt", "--extract", '["a"]["k"]', "f.ini").text, "v ; part of it", "the value")
    if box.o.reference:
        want(box.reference("decrypt", "--extract", '["a"]["password"]', "f.ini").text, "p@ss#word;1", "the value in the reference")


@check
def ini_inline_comments_spaced(box):
    config(box, "{ini: {inline_comments: spaced}}")
    box.seal("f.ini", "[a]\npassword = p@ss#word;1\nk = v ; kanari\n", preserve=False)
    must("kanari" not in box.text("f.ini"), "a clear comment")
    want(box.sops("decrypt", "--extract", '["a"]["password"]', "f.ini").text, "p@ss#word;1", "the value")
    want(box.sops("decrypt", "--extract", '["a"]["k"]', "f.ini").text, "v", "the value")


@check
def ini_inline_comments_any_warns(box):
    box.write("f.ini", "[a]\nk = v ; fine\npassword = p@ss#kanari\n")
    r = box.sops("encrypt", "--age", ALICE, "f.ini")
    must("line 3" in r.said and "inline_comments" in r.said and "line 2" not in r.said, "the warning: %r" % r.said)
    box.clean("kanari")


@check
def ini_inline_comments_clear_value(box):
    """a clear value that the reference would cut goes into backticks"""
    config(box, "{ini: {inline_comments: none}}")
    box.seal("f.ini", "[a]\nk_unencrypted = p@ss#word\nl = x\n", preserve=False)
    must("= `p@ss#word`\n" in box.text("f.ini"), "sealed: %r" % box.text("f.ini")[:60])
    if box.o.reference:
        box.reference("decrypt", "f.ini")
    config(box, "{ini: {preserve_style: strict, inline_comments: none}}")
    box.write("g.ini", "[a]\nk_unencrypted = p@ss#word\nl = x\n")
    box.sops("encrypt", "g.ini", rc=4)


@check
def ini_lost(box):
    config(box, P)
    for t in ("[a]\nk = kanari-first\nk = second\n", "[a] ; kanari-comment\nk = v\n", "[a] kanari-text\nk = v\n", "[a]\n`k` kanari-text = v\n"):
        box.write("f.ini", t)
        box.sops("encrypt", "--preserve-style=strict", "f.ini", rc=4)
        r = box.sops("encrypt", "f.ini")
        must("style cannot be kept" in r.said and "kanari" not in r.text, "left clear, or no warning: %r" % r.text[:80])


@check
def ini_metadata(box):
    config(box, P)
    s = box.seal("f.ini", "[a]\nk=v\n", preserve=False)
    must("]\n\n[sops]\nage__list_0__map_enc" in s and s.endswith("= 3.13.3\n"), "metadata: %r" % s[:200])
    n = box.seal("g.ini", "[a]\nk = v\n", preserve=False)
    box.write(".sops.yaml", box.text(".sops.yaml").replace("true", "false"))
    o = box.sops("encrypt", "--filename-override", "g.ini", input="[a]\nk = v\n").text
    want([l.split("=")[0] for l in n.split("\n")], [l.split("=")[0] for l in o.split("\n")], "as the normal writer")


@check
def ini_python_reads_the_same(box):
    import configparser
    config(box, P)
    t = "[a]\nk = v\nl=\"w\"\n\n[b]\nm : z\n"
    box.seal("f.ini", t, preserve=False)
    c = configparser.ConfigParser(interpolation=None)
    c.read_string(box.text("f.ini"))
    want(sorted(c.sections()), ["a", "b", "sops"], "sections of the sealed file")
    c = configparser.ConfigParser(interpolation=None)
    c.read_string(box.sops("decrypt", "f.ini").text)
    want(dict(c["a"]), {"k": "v", "l": '"w"'}, "values")
