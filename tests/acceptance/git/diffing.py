# SPDX-License-Identifier: Apache-2.0
"""sops diff."""
import json
import os
import pty
import re
import select
import time

from harness import ALICE, BOB, CAROL, check, line, need, want

TEXT = "db:\n    host: kanari-host\n    password: kanari-old\nport: 5432\nl:\n    - kanari-1\n    - kanari-2\nlast: kanari\n"


def two(box, new, text=TEXT, name="f.yaml", to=(ALICE,), *args):
    a, b = "a-" + name, "b-" + name
    box.seal(a, text, *args, to=to)
    box.write(b, box.read(a))
    if new is not None:
        box.edit(b, new)
    return a, b


def lines(r):
    return sorted(x for x in r.text.splitlines())


@check()
def diff_of_equal_files(box):
    a, b = two(box, None)
    want(box.sops("diff", a, b).out, b"", "stdout")
    box.sops("rotate", "-i", b)
    want(box.sops("diff", a, b).out, b"", "stdout after rotate: the same values, the same people")


@check()
def diff_without_values(box):
    a, b = two(box, TEXT.replace("kanari-old", "kanari-new").replace("port: 5432\n", "more: kanari\n").replace("last: kanari", "last: 5"))
    r = box.sops("diff", a, b, rc=1)
    want(lines(r), sorted(['~ ["db"]["password"] (str)', '- ["port"] (int)', '+ ["more"] (str)', '~ ["last"] (str -> int)']), "lines")


@check()
def diff_with_values(box):
    a, b = two(box, TEXT.replace("kanari-old", 'kanari "new"\\x').replace("port: 5432\n", "more: true\n"))
    r = box.sops("diff", "--show", a, b, rc=1, show=True)
    want(lines(r), sorted(['~ ["db"]["password"] "kanari-old" -> "kanari \\"new\\"\\\\x"', '- ["port"] 5432', '+ ["more"] true']), "lines")


@check()
def diff_control_characters(box):
    a, b = two(box, TEXT.replace("kanari-old", '"kanari \\e[31m\\a\\n\\x7f\\x9b"'))
    r = box.sops("diff", "--show", a, b, rc=1, show=True)
    need('["db"]["password"]' in r.text, "no line of the change: %r" % r.text)
    need(not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", r.text), "control characters on stdout: %r" % r.out)


@check()
def diff_lists(box):
    a, b = two(box, TEXT.replace("    - kanari-1\n", "    - kanari-0\n    - kanari-1\n").replace("kanari-2", "kanari-two"))
    r = box.sops("diff", "--show", a, b, rc=1, show=True)
    want(lines(r), sorted(['+ ["l"][0] "kanari-0"', '~ ["l"][2] "kanari-2" -> "kanari-two"']), "lines")


@check()
def diff_whole_maps(box):
    a, b = two(box, TEXT.replace("db:\n    host: kanari-host\n    password: kanari-old\n", "new:\n    x: kanari\n    y: {}\n"))
    r = box.sops("diff", a, b, rc=1)
    want(lines(r), sorted(['- ["db"]["host"] (str)', '- ["db"]["password"] (str)', '+ ["new"]["x"] (str)', '+ ["new"]["y"] (map)']), "lines: one for each leaf")


@check()
def diff_comments(box):
    a, b = two(box, TEXT.replace("port:", "# kanari note\nport:"))
    want(lines(box.sops("diff", a, b, rc=1)), ["+ (comment)"], "without values")
    want(lines(box.sops("diff", "--show", a, b, rc=1, show=True)), ["+ # kanari note"], "with values")


@check()
def diff_texts_of_several_lines(box):
    a, b = two(box, "t: |\n    one kanari\n    2 kanari\n    three kanari\n", "t: |\n    one kanari\n    two kanari\n    three kanari\n")
    r = box.sops("diff", "--show", a, b, rc=1, show=True)
    want(r.text.splitlines(), ['~ ["t"]', '    - "two kanari"', '    + "2 kanari"'], "lines")
    want(lines(box.sops("diff", a, b, rc=1)), ['~ ["t"] (str)'], "without values")


@check()
def diff_documents(box):
    a, b = two(box, "a: kanari-1\n---\na: kanari-x\n", "a: kanari-1\n---\na: kanari-2\n")
    want(lines(box.sops("diff", a, b, rc=1)), ['~ document 2 ["a"] (str)'], "lines")


@check()
def diff_recipients_and_rules(box):
    a, b = two(box, None)
    box.sops("rotate", "-i", "--add-age", BOB, b)
    want(lines(box.sops("diff", a, b, rc=1)), ["+ recipient age " + BOB], "lines")
    want(lines(box.sops("diff", b, a, rc=1)), ["- recipient age " + BOB], "lines the other way")
    box.write(b, box.sops("encrypt", "--age", ALICE, "--encrypted-regex", "^(db|l|last|port)$", "--filename-override", b, input=TEXT).out)
    want(lines(box.sops("diff", a, b, rc=1)), ["~ rule unencrypted_suffix _unencrypted -> encrypted_regex ^(db|l|last|port)$"], "lines")


@check()
def diff_of_groups(box):
    with open(os.path.join(box.top, "ids"), "w") as f:
        f.write("".join(open(box.identity(w)).read() for w in ("alice", "bob")))
    box.env["SOPS_AGE_KEY_FILE"] = os.path.join(box.top, "ids")
    for n, g in (("a.yaml", [[ALICE], [BOB]]), ("b.yaml", [[ALICE, CAROL], [BOB]])):
        cfg = box.write("../cfg.yaml", "creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n" + "".join("      - age: [%s]\n" % ", ".join(x) for x in g))
        box.write(n, box.sops("--config", cfg, "encrypt", "--filename-override", n, input="a: kanari\n").out)
    want(lines(box.sops("diff", "a.yaml", "b.yaml", rc=1)), ["+ group 1 recipient age " + CAROL], "lines")
    cfg = box.write("../cfg.yaml", "creation_rules:\n  - shamir_threshold: 3\n    mac_only_encrypted: true\n    key_groups:\n" + "".join("      - age: [%s]\n" % x for x in (ALICE, BOB, CAROL)))
    box.write("c.yaml", box.sops("--config", cfg, "encrypt", "--filename-override", "c.yaml", input="a: kanari\n").out)
    box.env["SOPS_AGE_KEY_FILE"] = box.write("../ids", "".join(open(box.identity(w)).read() for w in ("alice", "bob", "carol")))
    want(lines(box.sops("diff", "a.yaml", "c.yaml", rc=1)), ["+ group 3 recipient age " + CAROL, "~ mac_only_encrypted false -> true", "~ threshold 2 -> 3"], "lines of settings")


@check()
def diff_json(box):
    a, b = two(box, TEXT.replace("kanari-old", "kanari-new").replace("port: 5432\n", "# kanari\n").replace("last: kanari\n", ""))
    box.sops("rotate", "-i", "--add-age", BOB, b)
    r = box.sops("diff", "--json", a, b, rc=1)
    need(r.text.startswith('{"schema":1') or r.text.startswith('{"schema": 1'), "the first key is not schema")
    d = json.loads(r.text)
    want((d["a"], d["b"], d["equal"]), (a, b, False), "a, b, equal")
    key = lambda c: (c["path"], c["op"])
    want(sorted(d["changes"], key=key), sorted([
        {"op": "change", "document": 1, "path": '["db"]["password"]', "kind_a": "str", "kind_b": "str"}, {"op": "remove", "document": 1, "path": '["port"]', "kind_a": "int"},
        {"op": "remove", "document": 1, "path": '["last"]', "kind_a": "str"}, {"op": "add", "document": 1, "path": "", "kind_b": "comment"}], key=key), "changes")
    want((d["recipients"], d["settings"]), ([{"op": "add", "group": 1, "type": "age", "id": BOB}], []), "recipients, settings")
    d = json.loads(box.sops("diff", "--json", "--show", a, b, rc=1, show=True).text)
    got = {(c["op"], c["path"]): (c.get("a"), c.get("b")) for c in d["changes"]}
    want(got, {("change", '["db"]["password"]'): ("kanari-old", "kanari-new"), ("remove", '["port"]'): (5432, None), ("remove", '["last"]'): ("kanari", None), ("add", ""): (None, " kanari")}, "values")
    d = json.loads(box.sops("diff", "--json", a, a).text)
    want((d["equal"], d["changes"]), (True, []), "of equal files")


@check()
def diff_against_the_last_commit(box):
    box.init()
    box.seal("s.enc.yaml", TEXT)
    os.mkdir(box.path("sub"))
    box.seal("sub/t.enc.yaml", TEXT)
    box.commit()
    box.sops("diff", "s.enc.yaml")
    box.set("s.enc.yaml", '["db"]["host"]', "kanari-new")
    box.set("sub/t.enc.yaml", '["last"]', "kanari-new")
    want(lines(box.sops("diff", "s.enc.yaml", rc=1)), ['~ ["db"]["host"] (str)'], "of the work tree")
    want(lines(box.sops("diff", "t.enc.yaml", rc=1, cwd=box.path("sub"))), ['~ ["last"] (str)'], "in a subfolder")
    want(lines(box.sops("diff", box.path("sub/t.enc.yaml"), rc=1, cwd=box.top)), ['~ ["last"] (str)'], "by its absolute path, from outside")
    box.write("new.yaml", box.read("s.enc.yaml"))
    box.sops("diff", "new.yaml", rc=100)
    os.unlink(box.path("new.yaml"))
    box.commit()
    want(lines(box.sops("diff", "HEAD~1:s.enc.yaml", "HEAD:s.enc.yaml", rc=1)), ['~ ["db"]["host"] (str)'], "of two commits")
    want(lines(box.sops("diff", "HEAD~1:./t.enc.yaml", "t.enc.yaml", rc=1, cwd=box.path("sub"))), ['~ ["last"] (str)'], "of a commit and a file")


@check()
def diff_of_versions_in_a_conflict(box):
    box.init()
    box.seal("s.enc.yaml", TEXT)
    box.fork(lambda: box.set("s.enc.yaml", '["last"]', "kanari-ours"), lambda: box.set("s.enc.yaml", '["last"]', "kanari-theirs"), rc=1)
    want(lines(box.sops("diff", "--show", ":1:s.enc.yaml", ":2:s.enc.yaml", rc=1, show=True)), ['~ ["last"] "kanari" -> "kanari-ours"'], "base and ours")


@check()
def diff_without_a_key(box):
    a, b = two(box, TEXT.replace("kanari-old", "kanari-new").replace("port: 5432\n", ""))
    r = box.sops("diff", "--no-key", a, b, rc=1, who="")
    want(lines(r), sorted(['~ ["db"]["password"] (str)', '- ["port"] (int)']), "lines, by the ciphertexts")
    want(box.sops("diff", "--no-key", a, a, who="").out, b"", "of equal files")
    box.sops("diff", "--no-key", "--show", a, b, rc=8, who="")
    box.sops("diff", "--redact", "--show", a, b, rc=8)


@check()
def diff_with_a_clear_file(box):
    a, b = two(box, None)
    box.write("clear.yaml", TEXT.replace("kanari-old", "kanari-new"))
    box.clear_ok.add("clear.yaml")
    want(lines(box.sops("diff", a, "clear.yaml", rc=1)), ['~ ["db"]["password"] (str)'], "lines")


@check()
def diff_in_all_formats(box):
    for name, old, new, path in (("f.json", '{"a": {"b": "kanari-1"}}', '{"a": {"b": "kanari-2"}}', '["a"]["b"]'), ("f.env", "A=kanari-1\n", "A=kanari-2\n", '["A"]'),
                                 ("f.ini", "[s]\na = kanari-1\n", "[s]\na = kanari-2\n", '["s"]["a"]'), ("f.bin", "kanari-1", "kanari-2", '["data"]')):
        a, b = two(box, new, old, name)
        want(lines(box.sops("diff", a, b, rc=1)), ["~ %s (str)" % path], name)


@check()
def diff_errors(box):
    a, b = two(box, None)
    box.write("broken.yaml", "a: [\n")
    box.write("mac.yaml", box.read(a).replace(line(box.read(a), "last") + b"\n", b""))
    for args, rc in (([], 100), (["nothing.yaml"], 100), ([a, "nothing.yaml"], 100), ([a, "HEAD:nothing.yaml"], 100), ([a, b, a], 2), ([a, "broken.yaml"], 2), (["mac.yaml", b], 51), (["--nonsense", a, b], 2)):
        r = box.sops("diff", *args, rc=rc)
        need(r.out == b"" or "--nonsense" in args, "stdout of diff %s" % args)
    box.sops("diff", a, b, who="", rc=128)
    box.sops("diff", a, "--upload-pack=touch x:y", rc=2)
    need(not os.path.exists(box.path("x:y")), "a word reached git as an option")


@check("pty")
def diff_shows_values_on_a_terminal(box):
    a, b = two(box, TEXT.replace("kanari-old", "kanari-new"))
    for flags, shown in (([], True), (["--redact"], False)):
        pid, fd = pty.fork()
        if pid == 0:
            try:
                os.chdir(box.dir)
                os.execvpe("sops", ["sops", "diff"] + flags + [a, b], dict(box.env, TERM="xterm"))
            finally:
                os._exit(127)
        out, end = b"", time.time() + 20
        while time.time() < end:
            if select.select([fd], [], [], 0.5)[0]:
                try:
                    more = os.read(fd, 65536)
                except OSError:
                    break
                if not more:
                    break
                out += more
        os.close(fd)
        _, st = os.waitpid(pid, 0)
        want((os.WEXITSTATUS(st), b'"kanari-old" -> "kanari-new"' in out), (1, shown), "status, and whether the values stand on the terminal with %s" % flags)
