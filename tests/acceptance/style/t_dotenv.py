# SPDX-License-Identifier: Apache-2.0
"""dotenv: kept as written, and as others read it."""
import json
import re

from harness import CHECKS, PEERS, body, check, config, mask, must, peer, want

Q = "{dotenv: {preserve_style: true, quote: true}}"
QN = "{dotenv: {quote: true}}"


def rows(cfg, group, *items):
    for it in items:
        def f(box, it=it):
            config(box, cfg)
            box.quote = "quote" in cfg
            box.trip("f.env", it[1], it[2], obj=it[3] if len(it) > 3 else None, preserve=False)
        CHECKS.append(("dotenv-%s-%s" % (group, it[0]), f))


rows("{dotenv: {preserve_style: true}}", "plain",
     ("lines", "# kanari-1\n\nA=x\nB=a b # c\n\n\n#\nC='q'\nD=\n", "#C\n\nA=E\nB=E\n\n\n#\nC=E\nD=\n", {"A": "x", "B": "a b # c", "C": "'q'", "D": ""}),
     ("newlines", "A=l1\\nl2\n", "A=E\n", {"A": "l1\nl2"}),
     ("clear", "A_unencrypted=x y\nB=z\n", "A_unencrypted=x y\nB=E\n", {"A_unencrypted": "x y", "B": "z"}),
     ("no-final-break", "A=x\nB=z", "A=E\nB=E"),
     ("crlf", "# c\r\nA=x\r\n\r\nB=z\r\n", "#C\nA=E\n\nB=E\n", {"A": "x", "B": "z"}),
     ("crlf-no-final-break", "A=x\r\nB=z", "A=E\nB=E", {"A": "x", "B": "z"}),
     ("bom", "\ufeffA=x\n", "A=E\n", {"A": "x"}),
     ("bom-crlf", "\ufeff# c\r\nA=x\r\n", "#C\nA=E\n", {"A": "x"}),
     )
rows(Q, "quoted",
     ("double", 'A="x"\nB="a b"\nC="#no"\n', "A=E\nB=E\nC=E\n", {"A": "x", "B": "a b", "C": "#no"}),
     ("single", "A='x'\nB='say \"x\"'\nC='a$HOME'\n", "A=E~\nB=E\nC=E\n", {"A": "x", "B": 'say "x"', "C": "a$HOME"}),
     ("bare", "A=x\nB=a b\nC=p@ss#word\nD=a\\nb\nE=  x  \n", "A=E~\nB=E~\nC=E~\nD=E~\nE=E~\n", {"A": "x", "B": "a b", "C": "p@ss#word", "D": "a\\nb", "E": "x"}),
     ("escapes", 'A="l1\\nl2\\t\\"q\\" \\\\ \\$x \\x41\\u00e9 \\q"\n', "A=E~\n", {"A": 'l1\nl2\t"q" \\ $x Aé \\q'}),
     ("lines", "A='l1\nl2\n\nl4'\nB=\"k1\nk2\"\nC=z\n", "A=E\nB=E~\nC=E~\n", {"A": "l1\nl2\n\nl4", "B": "k1\nk2", "C": "z"}),
     ("export", "export A=\"x\"\n  export B='$'\nC = \"z\"\n", "export A=E\n  export B=E\nC =E~\n"),
     ("inline-comments", "A=\"x\" # kanari-a\nB='$'# kanari-b\nC=z # kanari-c\n", "A=E~\nB=E~\nC=E~\n"),
     ("clear", "A_unencrypted=\"x y\" # c\nB=\"z\"\n", "A_unencrypted=\"x y\" # c\nB=E\n"),
     ("blank-line", "A=\"x\"\n\nB=\"z\"\n", "A=E\n\nB=E\n", {"A": "x", "B": "z"}),
     ("crlf", "A=\"x\"\r\nB='l1\r\nl2'\r\n", "A=E\nB=E\n", {"A": "x", "B": "l1\nl2"}),
     ("key-material", "K='-----BEGIN X-----\nabc+/=\n-----END X-----\n'\nL=\"z\"\n", "K=E\nL=E\n"),
     )


@check
def dotenv_style_line(box):
    config(box, "{dotenv: {preserve_style: true}}")
    for t, w in (("A=x\r\n", "crlf"), ("\ufeffA=x\n", "bom"), ("\ufeffA=x\r\nB=z\r\n", "bom,crlf")):
        s = box.seal("f.env", t, preserve=False)
        must("\nsops_style=%s\n" % w in s and "\r" not in s and not s.startswith("\ufeff"), "metadata: %r" % s[-200:])
        want(box.open("f.env"), t, "decrypted")
    s = box.seal("f.env", "A=x\n", preserve=False)
    must("sops_style" not in s, "a line too many")
    box.write("f.env", s + "sops_style=nonsense\n")
    want(box.open("f.env"), "A=x\n", "decrypted")


@check
def dotenv_sealed_crlf_is_read_without_any_switch(box):
    s = box.seal("f.env", "# c\nA=x\nB_unencrypted=z\n", preserve=False)
    box.write("f.env", s.replace("\n", "\r\n"))
    want(box.sops("decrypt", "f.env").text, "# c\nA=x\nB_unencrypted=z\n", "decrypted")
    box.sops("set", "f.env", '["A"]', '"n"')
    want(box.sops("decrypt", "f.env").text, "# c\nA=n\nB_unencrypted=z\n", "decrypted")
    box.write("g.env", s.replace("\n", "\r\n", 1))
    want(box.sops("decrypt", "g.env", rc=None).rc == 0, True, "one CR in a comment")


@check
def dotenv_mixed_line_ends_are_values(box):
    """only when every line break is CR LF it ends a line"""
    config(box, "{dotenv: {preserve_style: true}}")
    box.trip("f.env", "A=x\r\nB=z\n", "A=E\nB=E\n", obj={"A": "x\r", "B": "z"}, preserve=False)


@check
def dotenv_quote_written(box):
    """the table of what is written"""
    config(box, QN)
    v = {"A": "x", "B": "a b", "C": "it's", "D": 'say "x"', "E": "a$b", "F": "a\\b", "G": "l1\nl2", "H": "it's $5", "I": "end\\", "J": "", "K": "a`b", "L": "tab\there", "M": "it's\nl2", "N": "cr\r", "O": "a#b"}
    box.write("f.json", json.dumps(v))
    s = box.sops("encrypt", "--output-type", "dotenv", "--filename-override", "f.env", "--input-type", "json", input=json.dumps(v)).text
    box.write("f.env", s)
    must(re.search(r"(?m)^A=ENC\[", s), "sealed lines have no quotes")
    want(box.sops("decrypt", "f.env").text, 'A="x"\nB="a b"\nC="it\'s"\nD=\'say "x"\'\nE=\'a$b\'\nF=\'a\\b\'\nG=\'l1\nl2\'\nH="it\'s \\$5"\nI="end\\\\"\nJ=""\nK=\'a`b\'\nL=\'tab\there\'\nM="it\'s\nl2"\nN="cr\\r"\nO="a#b"\n', "decrypted")


@check
def dotenv_quote_without_preserve(box):
    config(box, QN)
    box.write("f.env", "# c\n\nexport A='x y' # why\nB=z\n")
    s = box.sops("encrypt", "f.env").text
    want(mask(body(s, "dotenv")), "#C\n#C\nexport A=E\nB=E\n", "sealed")
    box.write("f.env", s)
    want(box.sops("decrypt", "f.env").text, "# c\n# why\nexport A=\"x y\"\nB=\"z\"\n", "decrypted")


@check
def dotenv_quote_off_is_as_ever(box):
    box.seal("f.env", "A=\"x\"\nB='y' # c\n", preserve=False)
    want(json.loads(box.sops("decrypt", "--output-type", "json", "f.env").text), {"A": '"x"', "B": "'y' # c"}, "values")


@check
def dotenv_quote_errors(box):
    config(box, Q)
    for t, line, word in (('A="x\nB=z\n', "line 1", ""), ("A=x\nB='kanari\n", "line 2", ""), ('A="x" kanari\n', "line 1", "text after the closing quote"), ("A=x\nkanari\n", "line 2", "")):
        box.write("f.env", t)
        r = box.sops("encrypt", "f.env", rc=2)
        must(line in r.said and word in r.said, "the message: %r" % r.said)
    box.clean("kanari")


@check
def dotenv_quote_empty_value(box):
    config(box, Q)
    s = box.seal("f.env", 'A=""\nB=\nC="x"\nD=\'\'\n', preserve=False)
    must("style" not in box.ran[-1].said, "a warning")
    want(mask(body(s, "dotenv")), "A=\nB=\nC=E\nD=\n", "sealed")
    want(box.sops("decrypt", "f.env").text, 'A=\nB=\nC="x"\nD=\n', "decrypted")
    for key in "C", "N":  # an empty value is put in without quotes, which would be its value for the reference
        box.sops("set", "--preserve-style=strict", "f.env", '["%s"]' % key, '""')
    want(box.sops("decrypt", "f.env").text, 'A=\nB=\nC=\nD=\nN=\n', "decrypted")


@check
def dotenv_quote_blanks_that_the_reference_refuses(box):
    """lines of blanks, blanks in front of a comment"""
    config(box, Q)
    s = box.seal("f.env", "   # kanari\nA=\"x\"\n \t\nB=\"z\"\n", preserve=False)
    want(mask(body(s, "dotenv")), "#C\nA=E\n\nB=E\n", "sealed")
    want(box.sops("decrypt", "f.env").text, "# kanari\nA=\"x\"\n\nB=\"z\"\n", "decrypted")
    if box.o.reference:
        box.reference("decrypt", "f.env")


@check
def dotenv_quote_lost(box):
    config(box, Q)
    for t in ('A="" # kanari\n', "A_unencrypted='l1\nl2'\nB=x\n"):
        box.write("f.env", t)
        box.sops("encrypt", "--preserve-style=strict", "f.env", rc=4)
        r = box.sops("encrypt", "f.env", rc=None)
        must("style cannot be kept" in r.said and "kanari" not in r.text, "left clear, or no warning: %r %r" % (r.said, r.text[:80]))


@check
def dotenv_quote_clear_values(box):
    """the MAC sees the line as the reference does; who uses the value gets it without quotes"""
    config(box, Q)
    box.seal("f.env", "A_unencrypted=\"x y\" # c\nB='z'\n", preserve=False)
    want(json.loads(box.sops("decrypt", "--output-type", "json", "f.env").text), {"A_unencrypted": "x y", "B": "z"}, "values")
    want(box.sops("decrypt", "--extract", '["A_unencrypted"]', "f.env").text, "x y", "--extract")
    want(box.sops("exec-env", "f.env", 'printf "%s,%s" "$A_unencrypted" "$B"').text, "x y,z", "exec-env")
    if box.o.reference:
        want(box.reference("decrypt", "f.env").text, "A_unencrypted=\"x y\" # c\nB=z\n", "the reference")
    box.sops("set", "f.env", '["A_unencrypted"]', '"it\'s $5\\nl2"')
    must('A_unencrypted="it\'s \\$5\\nl2"\n' in box.text("f.env"), "set: %r" % box.text("f.env")[:60])
    want(box.sops("decrypt", "--extract", '["A_unencrypted"]', "f.env").text, "it's $5\nl2", "--extract")
    if box.o.reference:
        box.reference("decrypt", "f.env")


@check
def dotenv_quote_exec_env_names(box):
    config(box, Q)
    box.seal("f.env", "export A=\"x\"\n  B = 'l1\nl2'\n", preserve=False)
    want(box.sops("exec-env", "f.env", 'printf "%s,%s" "$A" "$B"').text, "x,l1\nl2", "exec-env")
    want(json.loads(box.sops("decrypt", "--output-type", "json", "f.env").text), {"A": "x", "B": "l1\nl2"}, "values")


@check
def dotenv_quote_set_unset(box):
    config(box, Q)
    a = box.seal("f.env", "# c\nexport A='$x' # why\n\nB=\"l1\"\nC='m1\nm2'\n# end\n", preserve=False)
    box.sops("set", "f.env", '["B"]', '"new $"')
    want(box.changed(a, box.text("f.env"), "dotenv"), ["-B=E", "+B=E"], "changed lines")
    box.sops("set", "f.env", '["D"]', '"d"')
    box.sops("unset", "f.env", '["C"]')
    want(box.sops("decrypt", "f.env").text, "# c\nexport A='$x' # why\n\nB='new $'\nD=\"d\"\n# end\n", "decrypted")


@check
def dotenv_quote_edit(box):
    from t_change import editor
    config(box, Q)
    a = box.seal("f.env", "# c\nA='$x' # why\nB=\"y\"\n", preserve=False)
    box.sops("edit", "f.env", env=editor(box, "t=t.replace('\"y\"','\"z z\"')"))
    want(box.changed(a, box.text("f.env"), "dotenv"), ["-B=E", "+B=E"], "changed lines")
    want(box.sops("decrypt", "f.env").text, "# c\nA='$x' # why\nB=\"z z\"\n", "decrypted")


@check
def dotenv_quoted_files_of_the_proposal_are_read(box):
    """#2174 quotes sealed lines and metadata: every value is a Go string"""
    s = box.seal("f.env", "A=x\\ny\nB=say \"z\"\n", preserve=False)
    go = "".join("%s=\"%s\"\n" % (l.split("=", 1)[0], l.split("=", 1)[1].replace('"', '\\"')) for l in s.rstrip("\n").split("\n"))
    box.write("g.env", go)
    want(json.loads(box.sops("decrypt", "--output-type", "json", "g.env").text), {"A": "x\ny", "B": 'say "z"'}, "values")
    box.sops("set", "g.env", '["A"]', '"n"')
    must(re.search(r"(?m)^sops_mac=ENC", box.text("g.env")), "written in the dialect of the reference")


@check
def dotenv_others_read_what_is_written(box):
    """sh, python-dotenv, npm's dotenv and docker compose, as far as they agree (chapter, 6.2)"""
    config(box, QN)
    v = {"A": "x", "B": "a b", "C": "it's", "D": 'say "x"', "E": "a$HOME", "F": "a\\b\\n", "G": "l1\nl2\n", "H": "a#b", "I": "a #b", "J": "", "K": "a`id`b", "L": " lead", "M": '{"k": "v"}', "N": "é 😀", "O": "a=b;c&d", "P": "it's\nl2"}
    s = box.sops("encrypt", "--output-type", "dotenv", "--filename-override", "f.env", "--input-type", "json", input=json.dumps(v)).text
    box.write("f.env", s)
    box.write("clear.env", box.sops("decrypt", "f.env").out)
    for k in v:
        want(box.call(["sh", "-c", '. ./clear.env; printf %%s "$%s"' % k]).text, v[k], "sh, %s" % k)
    if "node" in PEERS:
        got = json.loads(box.call(["node", "-e", "console.log(JSON.stringify(require(process.argv[1]).parse(require('fs').readFileSync('clear.env'))))", PEERS["node"]]).text)
        want({k: got.get(k) for k in v}, v, "npm's dotenv")
    py = peer("python")
    got = json.loads(box.call([py, "-c", "import json,dotenv;print(json.dumps(dict(dotenv.dotenv_values('clear.env', interpolate=False))))"]).text)
    want(got, v, "python-dotenv")
    got = json.loads(box.call([peer("compose"), "clear.env"]).text)
    want(got, v, "docker compose")


@check
def dotenv_we_read_what_others_do(box):
    """clear files as people write them: the same values as in python-dotenv and docker compose"""
    py, co = peer("python"), peer("compose")
    config(box, Q)
    t = "# shared\nA=plain\nexport B=exported\nC='single $x'\nD=\"double \\\"q\\\" \\n end\"\nE=bare value # comment\nF=bare#nohash\nG='multi\nline'\nH=\"multi\n  line\"\n\nI =  spaced  \nJ=\nK=''\nL=\"x\" # c\n"
    box.write("f.env", t)
    a = json.loads(box.call([py, "-c", "import json,dotenv;print(json.dumps(dict(dotenv.dotenv_values('f.env', interpolate=False))))"]).text)
    b = json.loads(box.call([co, "f.env"]).text)
    want(a, b, "the two agree")
    box.write("f.env", box.sops("encrypt", "f.env").out)
    want(json.loads(box.sops("decrypt", "--output-type", "json", "f.env").text), a, "ours")
    want(box.sops("decrypt", "f.env").text, t.replace("K=''\n", "K=\n"), "decrypted")
