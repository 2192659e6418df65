# SPDX-License-Identifier: Apache-2.0
"""Command line, selection, required files, findings, secrets."""
import base64
import os
import re
import shutil
import socket
import threading

from place import ALICE, BOB, CAROL, ENC, IDS, WHO, Failed, need, same

A = "age: [%s]" % ALICE
SEC = "path_regex: ^secrets/\n" + A
DB = "db:\n    user: admin\n    password: CANARY-hunter2\nport: 5432\n"
OLD = "2019-01-01T00:00:00Z"


def leaf(p, name, key):
    """the ENC[…] behind a key"""
    m = re.search(re.escape(key) + r'["\s]*[:=]\s*"?(ENC\[[^\]]*\])', p.get(name))
    if not m:
        raise Failed("the suite itself: no ciphertext behind %s in %s" % (key, name))
    return m.group(1)


def register(check, tool):
    # ---- command line ----------------------------------------------------------------------------------------------
    @check("cli-help")
    def _(p):
        r = p.sops("check", "--help").ok()
        for f in ("recursive", "staged", "tracked", "rev", "key", "no-key", "scan", "strict", "no-ignore", "format", "quiet", "decryption-order", "keyservice"):
            need("--" + f in r.text, "the help does not name --" + f)
        for cmd in (("config", "explain"), ("config", "check"), ("recipients",), ("doctor",), ("keys",)):
            p.sops(*cmd, "--help").ok()
        need(all(w in p.sops("help", watch=False).text for w in ("check", "config", "recipients", "doctor", "keys")), "sops help does not list the new commands")

    @check("cli-wrong-usage-is-2")
    def _(p):
        for words in (["--nonsense"], ["--format"], ["--strict=perhaps"], ["--format", "xml"], ["--format="[:-1] + "=yaml"]):
            r = p.sops("check", *words)
            same(r.status, 2, "status of check %s" % words)
        r = p.sops("check", "--nonsense")
        need("flag provided but not defined: -nonsense" in r.text, "the usual text is missing", r.text)
        same(p.sops("config", "check", "--nonsense").status, 2, "status of config check --nonsense")

    @check("cli-conflicts-are-8")
    def _(p):
        for words in (["--staged", "--tracked"], ["--staged", "--rev", "HEAD"], ["--tracked", "--rev", "HEAD"], ["--key", "--no-key"]):
            same(p.sops("check", *words, "no-such-file").status, 8, "status of check %s" % words)

    @check("cli-no-path-is-the-current-folder")
    def _(p):
        p.rules(SEC)
        p.put("secrets/a.yaml", DB)
        p.check(status=1).have(("not-encrypted", "secrets/a.yaml", 1, ""))
        p.check(cwd="secrets", status=1).have(("not-encrypted", "a.yaml", 1, ""))
        p.check("-r", ".", status=1).have(("not-encrypted", "secrets/a.yaml"))

    @check("cli-empty-folder")
    def _(p):
        r = p.sops("check").ok()
        same(r.text, "checked 0 files, 0 encrypted: nothing found\n", "stdout")
        same(r.errtext, "", "stderr")

    @check("cli-missing-path-is-2-and-the-others-are-checked")
    def _(p):
        p.rules(SEC)
        p.put("secrets/a.yaml", DB)
        f = p.check("gone.yaml", "secrets", status=2).have(("not-encrypted", "secrets/a.yaml"))
        same(f.summary["not_read"], 1, "not_read")
        need("gone.yaml" in f.r.errtext, "stderr does not name what was not read", f.r.errtext)
        p.check("-", status=2)
        p.put("-", "x")
        p.check("-", status=0)

    @check("cli-quiet")
    def _(p):
        p.rules(SEC)
        p.put("secrets/a.yaml", DB)
        for q in ("-q", "--quiet"):
            r = p.sops("check", q).ok(1)
            same(r.text + r.errtext, "", "output of check " + q)
        for f in ("json", "sarif", "github"):
            same(p.sops("check", "-q", "--format", f).ok(1).text, "", "stdout")

    @check("cli-strict-counts-warnings-not-notes")
    def _(p):
        p.seal("a.yaml", DB)
        p.rules("path_regex: ^other/\n" + A)
        p.check("--strict", status=0).have(("no-rule", "a.yaml"), only=False)
        p.rules("path_regex: ^a\n" + A + "\nunencrypted_suffix: _clear")
        p.check(status=0).have(("rule", "a.yaml"))
        p.check("--strict", status=1)

    @check("cli-config-named")
    def _(p):
        p.put("etc/c.yaml", "creation_rules:\n  - path_regex: \\.secret\\.yaml$\n    %s\n" % A)
        p.put("x.secret.yaml", DB)
        p.rules("path_regex: ^never/\n" + A)
        p.check(status=0)
        p.check("--config", "etc/c.yaml", status=1).have(("not-encrypted", "x.secret.yaml"), only=False)
        p.check(env={"SOPS_CONFIG": "etc/c.yaml"}, status=1).have(("not-encrypted", "x.secret.yaml"), only=False)
        same(p.sops("--config", "gone.yaml", "check").status, 2, "status with a config that is not there")

    @check("cli-key-variables-have-no-effect")
    def _(p):
        p.rules(SEC)
        p.seal("secrets/a.yaml", DB, config=True, recipients=None)
        p.check(env={"SOPS_AGE_RECIPIENTS": BOB, "SOPS_PGP_FP": "D867D7285BF285ADBA45E0E5C3933DD51026D412"}, status=0).none()

    @check("cli-new-words-are-still-files")
    def _(p):
        p.put("ed", "#!/bin/sh\ncp \"$1\" %s/seen\nexit 0\n" % p.top, 0o755)
        for w in ("check", "config", "recipients", "doctor", "keys"):
            p.seal(w, "CANARY of %s\n" % w, "--input-type", "binary")
            r = p.sops(w, env={"SOPS_EDITOR": p.path("ed")}, watch=False)
            same(r.status, 200, "status of `sops %s` beside a file %s" % (w, w))
            with open(p.top + "/seen") as f:
                same(f.read(), "CANARY of %s\n" % w, "what the editor saw of the file %s" % w)
            os.remove(p.top + "/seen")
            need("warning" in r.errtext and w in r.errtext, "no warning that %s was taken for the file" % w, r.errtext)
            r = p.sops("-d", w, watch=False)
            same(r.text, "CANARY of %s\n" % w, "`sops -d %s`" % w)
        p.sops("check", ".").ok()
        p.sops("recipients", "./keys").ok()

    @check("cli-new-words-beside-folders-are-commands")
    def _(p):
        for w in ("check", "config", "recipients", "doctor", "keys"):
            p.put(w + "/x", "")
        same(p.sops("check").ok().text.split(":")[0], "checked 5 files, 0 encrypted", "summary")
        p.sops("keys").ok()
        need("explain" in p.sops("config", watch=False).ok().text, "`sops config` shows no help")

    # ---- selection -------------------------------------------------------------------------------------------------
    @check("select-links-pipes-and-git-folders")
    def _(p):
        p.rules(SEC)
        p.put("elsewhere/a.yaml", DB)
        os.makedirs(p.path("secrets/.git"))
        p.put("secrets/.git/b.yaml", DB)
        os.symlink("../elsewhere", p.path("secrets/dir"))
        os.symlink("../elsewhere/a.yaml", p.path("secrets/link.yaml"))
        os.mkfifo(p.path("secrets/pipe.yaml"))
        s = socket.socket(socket.AF_UNIX)
        here = os.getcwd()
        os.chdir(p.path("secrets"))
        s.bind("sock.yaml")
        os.chdir(here)
        f = p.check(timeout=20, status=0).none()
        same(f.summary["files"], 2, "files")
        p.check("secrets/link.yaml", status=1).have(("not-encrypted", "secrets/link.yaml"))
        s.close()

    @check("select-each-file-once-in-byte-order")
    def _(p):
        p.rules(SEC)
        for n in ("b.yaml", "a.yaml", "Z.yaml", "a/c.yaml", "ä.yaml"):
            p.put("secrets/" + n, DB)
        f = p.check("secrets", "secrets/a.yaml", "secrets/a", "./secrets/a.yaml"[2:], status=1)
        same([x["file"] for x in f.rows], ["secrets/Z.yaml", "secrets/a.yaml", "secrets/a/c.yaml", "secrets/b.yaml", "secrets/ä.yaml"], "order")

    @check("select-what-git-ignores")
    def _(p):
        p.repo()
        p.rules(SEC)
        p.put(".gitignore", "*.dec.yaml\nnode_modules/\n")
        p.put("secrets/a.dec.yaml", DB)
        p.put("secrets/node_modules/b.yaml", DB)
        p.put("secrets/c.yaml", DB)
        p.check(status=1).have(("not-encrypted", "secrets/c.yaml"))
        p.check("secrets", status=1).have(("not-encrypted", "secrets/c.yaml"))
        p.check("--no-ignore", status=1).have(("not-encrypted", "secrets/a.dec.yaml"), ("not-encrypted", "secrets/c.yaml"), ("not-encrypted", "secrets/node_modules/b.yaml"))
        p.check("secrets/a.dec.yaml", status=1).have(("not-encrypted", "secrets/a.dec.yaml"))
        p.git("add", "-f", "secrets/a.dec.yaml")
        p.check(status=1).have(("not-encrypted", "secrets/a.dec.yaml"), ("not-encrypted", "secrets/c.yaml"))

    @check("select-nearest-configuration")
    def _(p):
        p.rules("path_regex: ^never/\n" + A)
        p.put("apps/prod/.sops.yaml", "creation_rules:\n  - path_regex: ^vault/\n    %s\n" % A)
        p.put("apps/prod/vault/x.yaml", DB)
        p.check(status=1).have(("not-encrypted", "apps/prod/vault/x.yaml")).says("not-encrypted", "apps/prod/.sops.yaml")
        p.check(cwd="apps/prod/vault", status=1).have(("not-encrypted", "x.yaml"))
        p.seal("apps/prod/vault/x.yaml", DB, recipients=BOB)
        f = p.check(status=1).have(("recipients", "apps/prod/vault/x.yaml"))
        need("--config apps/prod/.sops.yaml" in f.of("recipients")["help"], "the help does not name the configuration that is meant", f.of("recipients")["help"])

    @check("select-plain-maps-called-sops")
    def _(p):
        p.put("values.yaml", "sops:\n  enabled: true\n  version: 3.8.1\nother: 1\n")
        p.put("a.env", "sops_version=3\nSOPS_MAC=x\n")
        p.put("b.json", '{"sops": "text", "c": 1}\n')
        p.put("c.yaml", "sops: [1, 2]\n")
        p.put("d.ini", "[sops]\nversion = 3\n")
        f = p.check(status=0).none()
        same(f.summary["encrypted"], 0, "encrypted")

    @check("select-encrypted-in-all-formats")
    def _(p):
        p.rules("path_regex: ^s\n" + A)
        p.seal("s.yaml", DB, config=True)
        p.seal("s.json", '{"db": {"password": "CANARY"}}\n', config=True)
        p.seal("s.env", "A=CANARY\n", config=True)
        p.seal("s.ini", "[x]\na = CANARY\n", config=True)
        p.seal("s.bin", b"\x00CANARY", config=True)
        f = p.check(status=0).none()
        same((f.summary["files"], f.summary["encrypted"]), (6, 5), "files, encrypted")

    @check("select-other-format")
    def _(p):
        p.rules("path_regex: ^s\n" + A)
        p.seal("s.env", "A=CANARY\nB=\n", config=True)
        os.rename(p.path("s.env"), p.path("s.env.enc"))
        p.seal("s.yaml", DB, config=True)
        os.rename(p.path("s.yaml"), p.path("s.txt"))
        p.check(status=0).have(("other-format", "s.env.enc"), ("other-format", "s.txt")).says("other-format", "dotenv", "binary")

    @check("select-documentation-is-no-damaged-file")
    def _(p):
        p.seal("s.yaml", DB)
        sample = p.get("s.yaml")
        p.put("README.md", "# Secrets\n\nAn encrypted file:\n\n```yaml\n" + sample + "```\n")
        p.put("main_test.go", "package x\n\nvar s = `" + sample + "`\n")
        p.put("doc.rst", "::\n\n    sops_mac=ENC[AES256_GCM,data:x]\n")
        f = p.check(status=0).none()
        same((f.summary["files"], f.summary["encrypted"]), (4, 1), "files, encrypted")
        p.put("cut", '{\n\t"data": "ENC[AES256_GCM,data:x]",\n\t"sops": {')
        p.check(status=1).have(("syntax", "cut"))

    @check("select-a-nul-is-never-encrypted")
    def _(p):
        p.rules(SEC)
        p.put("secrets/key.p12", b"\x30\x82\x00\x01" + b"ENC[AES256_GCM,sops: " * 9)
        p.check(status=1).have(("not-encrypted", "secrets/key.p12", 1))

    # ---- required --------------------------------------------------------------------------------------------------
    def table(p, rules, rows, text=DB, **top):
        shutil.rmtree(p.work)
        os.mkdir(p.work)
        p.rules(*rules, **top)
        want = []
        for name, required in rows:
            p.put(name, text(name) if callable(text) else text)
            if required:
                want.append(("not-encrypted", name, 1, ""))
        p.check(status=1 if want else 0).have(*want)

    def by_end(name):
        return {"json": '{"a": "CANARY"}', "env": "A=CANARY\n", "ini": "[a]\nb = CANARY\n"}.get(name.rsplit(".", 1)[-1], "a: CANARY\n")

    @check("required-specific-rules")
    def _(p):
        for rx, name in ((r"^secrets/", "secrets/a.yaml"), (r"\.enc\.yaml$", "x/a.enc.yaml"), (r"^k8s/.*\.ya?ml$", "k8s/d/a.yml"), (r"secret", "my-secret.json"),
                         (r".*/eksctl/ssh-keys/.*", "x/eksctl/ssh-keys/k"), (r"\.sops\.ya?ml$", "a.sops.yaml"), (r"^[^/]+\.secret$", "a.secret"), (r"terraform/.*\.tfvars(\.json)?$", "terraform/a.tfvars"),
                         (r"\.pem$", "a/b.pem"), (r".*\.key", "c.key"), (r"\.enc$", "x.json.enc")):
            p.put(name, by_end(name))
            p.rules("path_regex: '%s'\n%s" % (rx, A))
            f = p.check(name)
            need(f.ids() == ["not-encrypted"], "the rule %s should require %s" % (rx, name), str(f.r))

    @check("required-not-by-broad-rules")
    def _(p):
        names = ["a.yaml", "x/b.yml", "c.json", "d.ini", "e", "README.md", "f.txt", "x/g.toml", "h.conf"]
        for rx in (".*", "", r".*\.yaml", r"\.(ya?ml|json)$", r"\.ya?ml$", r"^.*\.json$", r".*/.*\.yml$", r"\.ini$", r"[a-z]+\.yaml$", r"\.(pem|txt)$", r"^[^.]*$"):
            table(p, ["path_regex: '%s'\n%s" % (rx, A)], [(n, False) for n in names], by_end)
        table(p, [A], [(n, False) for n in names], by_end)

    @check("required-env-files")
    def _(p):
        table(p, [r"path_regex: '\.(yaml|env)$'" + "\n" + A], [("a.env", True), ("x/.env", True), ("b.yaml", False), ("c.env.example", False)], by_end)
        table(p, [A], [("a.env", False), ("x/.env", False)], by_end)
        table(p, [r"path_regex: '.*'" + "\n" + A], [("a.env", False)], by_end)

    @check("required-first-rule-counts")
    def _(p):
        table(p, [r"path_regex: ^secrets/public/" + "\nrequired: false\n" + A, SEC], [("secrets/public/a.yaml", False), ("secrets/b.yaml", True)])
        table(p, [r"path_regex: \.yaml$" + "\n" + A, SEC], [("secrets/b.yaml", False), ("secrets/c.json", True)], by_end)

    @check("required-true-and-false")
    def _(p):
        table(p, [r"path_regex: \.yaml$" + "\nrequired: true\n" + A, SEC + "\nrequired: false"], [("a.yaml", True), ("secrets/b.json", False)], by_end)
        table(p, ["required: true\n" + A], [("a", True), ("x.json", True)], by_end)

    @check("required-by-check-require")
    def _(p):
        table(p, [A], [("x/a.yaml", True), ("b.yaml", False), ("x/doc.md", False)], check="require: ['^x/']\nignore: ['\\.md$']")
        table(p, ["path_regex: ^never\n" + A + "\nencrypted_regex: ^nothing$"], [("x/a.yaml", True)], check="require: [^x/]")

    @check("required-only-when-the-rule-would-encrypt-something")
    def _(p):
        r = ["path_regex: ^k/\nencrypted_regex: ^(data|stringData)$\n" + A]
        table(p, r, [("k/deploy.yaml", False)], "kind: Deployment\nspec:\n  replicas: 1\n")
        table(p, r, [("k/secret.yaml", True)], "apiVersion: v1\nkind: Secret\nstringData:\n  a: CANARY\n")
        table(p, r, [("k/null.yaml", False)], "kind: Secret\ndata:\n  a:\n  b: \"\"\n  c: {}\n")
        table(p, ["path_regex: ^k/\n" + A], [("k/clear.yaml", False)], "a_unencrypted: x\n")
        table(p, ["path_regex: ^k/\n" + A], [("k/empty.yaml", False), ("k/only-comment.env", False), ("k/empty.bin", False)], lambda n: "# CANARY\n" if "comment" in n else "")

    @check("required-config-maps")
    def _(p):
        cm = "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: CANARY\n"
        sec = "apiVersion: v1\nkind: Secret\ndata:\n  a: CANARY\n"
        r = "path_regex: ^k/\nencrypted_regex: ^(data|stringData)$\n" + A
        table(p, [r], [("k/a.yaml", False), ("k/b.yaml", True), ("k/c.yaml", True), ("k/d.json", False)],
              lambda n: {"a": cm, "b": cm + "---\n" + sec, "c": sec, "d": '{"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "CANARY"}}'}[n[2]])
        table(p, [r + "\nrequired: true"], [("k/a.yaml", True)], cm)

    @check("required-files-of-git-and-configurations-are-not")
    def _(p):
        table(p, [SEC], [("secrets/.gitignore", False), ("secrets/.gitattributes", False), ("secrets/.gitkeep", False), ("secrets/.keep", False), ("secrets/README.md", True)], "x\n")
        os.remove(p.path("secrets/README.md"))
        p.put("secrets/.sops.yaml", "creation_rules: []\n")
        p.check(status=0).none()

    @check("required-and-does-not-parse")
    def _(p):
        p.rules(SEC)
        p.put("secrets/a.yaml", "a: 1\nb: [CANARY\n")
        p.put("secrets/b.json", '{"a": "CANARY"')
        p.put("secrets/c.env", "A=1\nCANARY\n")
        p.check(status=1).have(("syntax", "secrets/a.yaml"), ("syntax", "secrets/b.json"), ("syntax", "secrets/c.env", 2))
        p.put("x.yaml", "b: [CANARY\n")
        p.check("x.yaml", status=0).none()

    @check("required-names-rule-and-configuration")
    def _(p):
        p.rules("path_regex: ^never/\n" + A, SEC)
        p.put("secrets/a b.yaml", DB)
        f = p.check(status=1).says("not-encrypted", "^secrets/", ".sops.yaml", "line 4", "sops encrypt -i 'secrets/a b.yaml'")

    # ---- findings --------------------------------------------------------------------------------------------------
    @check("find-nothing-in-good-files")
    def _(p):
        p.rules("path_regex: ^g\nencrypted_regex: ^(pass|secret)\n" + A)
        p.seal("g.yaml", "# c\nhost: x\npassword: CANARY # i\nsecrets:\n  # d\n  - CANARY1\n  - 2\n  - true\n  - null\n  - \"\"\n  - 1.5\nempty: {}\n", config=True)
        p.seal("g2.yaml", "password: CANARY\n---\nsecret: CANARY\n---\nhost: z\n", config=True)
        p.seal("g.json", '{"secret": {"a": [1, "CANARY", {"b": false}]}, "x": null}', config=True)
        p.check(status=0).none()
        p.check("--key", status=0).none()

    @check("find-plain-leaf")
    def _(p):
        p.seal("a.yaml", "a: x\nb:\n  - one\n  - two\nc: 3\nd: true\ne: x\n")
        for key, new in (("a", "CANARY"), ("c", "7"), ("d", "false")):
            p.edit("a.yaml", "%s: %s" % (key, leaf(p, "a.yaml", key)), "%s: %s" % (key, new))
        p.sub("a.yaml", r"- ENC\[.*\]$", "- CANARY text")
        p.edit("a.yaml", "e: " + leaf(p, "a.yaml", "e"), "e:")
        p.check(status=1).have(("plain-leaf", "a.yaml", 1, '["a"]'), ("plain-leaf", "a.yaml", 3, '["b"][0]'), ("plain-leaf", "a.yaml", 5, '["c"]'), ("plain-leaf", "a.yaml", 6, '["d"]')) \
            .says("plain-leaf", "unencrypted_suffix", "_unencrypted")

    @check("find-plain-leaf-in-other-formats")
    def _(p):
        p.seal("a.json", '{"a": {"b": "x"}, "c": 1}')
        p.sub("a.json", r'"b": "ENC[^"]*"', '"b": "CANARY"')
        p.seal("a.env", "# c\nA=x\nB=y\n")
        p.sub("a.env", r"^B=ENC.*$", "B=CANARY")
        p.seal("a.ini", "[s]\nk = v\nl = w\n")
        p.sub("a.ini", r"^l = ENC.*$", "l = CANARY")
        p.seal("a.bin", b"x")
        p.sub("a.bin", r'"data": "ENC[^"]*"', '"data": "CANARY"')
        p.check(status=1).have(("plain-leaf", "a.json", 3, '["a"]["b"]'), ("plain-leaf", "a.env", 3, '["B"]'), ("plain-leaf", "a.ini", p.line_of("a.ini", "CANARY"), '["s"]["l"]'), ("plain-leaf", "a.bin", 2, '["data"]'))

    @check("find-plain-leaf-by-each-rule")
    def _(p):
        doc = "keep_x: CANARY\nother: CANARY\n# hide\nmore: CANARY\n"
        for flag, value, marked in (("--unencrypted-suffix", "_x", ["other", "more"]), ("--encrypted-suffix", "_x", ["keep_x"]), ("--unencrypted-regex", "^keep", ["other", "more"]), ("--encrypted-regex", "^keep", ["keep_x"])):
            p.seal("a.yaml", doc, flag, value)
            t = p.get("a.yaml")
            for k in marked:
                t = t.replace(leaf(p, "a.yaml", k), "CANARY")
            p.put("a.yaml", t)
            p.check(status=1).have(*[("plain-leaf", "a.yaml", p.line_of("a.yaml", k + ":"), '["%s"]' % k) for k in marked])
        p.put(".sops.yaml", "creation_rules:\n  - encrypted_comment_regex: hide\n    %s\n" % A)
        p.seal("a.yaml", doc, config=True)
        p.edit("a.yaml", leaf(p, "a.yaml", "more"), "CANARY")
        p.check(status=1).have(("plain-leaf", "a.yaml", 4, '["more"]'))

    @check("find-plain-leaf-in-a-later-document")
    def _(p):
        p.seal("a.yaml", "a: x\n---\nb: y\n")
        p.put("a.yaml", p.get("a.yaml") + "---\nc: CANARY\n")
        p.check(status=1).have(("plain-leaf", "a.yaml", p.line_of("a.yaml", "CANARY"), '["c"]'))

    @check("find-nothing-encrypted")
    def _(p):
        p.seal("a.env", "A=CANARY\nB=2\n", "--encrypted-regex", "^(data|stringData)$")
        p.check(status=1).have(("nothing-encrypted", "a.env")).says("nothing-encrypted", "^(data|stringData)$")
        p.seal("a.env", "# c\nA=\n", "--encrypted-regex", "^x$")
        p.check(status=0).none()

    @check("find-clear-by-config")
    def _(p):
        p.seal("a.yaml", "password: CANARY\nuser: CANARY-u\nhost: x\n", "--encrypted-regex", "^pass")
        p.rules("path_regex: ^a\nencrypted_regex: ^(pass|user)\n" + A)
        p.check(status=1).have(("clear-by-config", "a.yaml", 2, '["user"]'), ("rule", "a.yaml")).says("clear-by-config", "^pass", "^(pass|user)")
        p.rules("path_regex: ^a\nencrypted_regex: ^pass\n" + A)
        p.check(status=0).none()

    @check("find-metadata")
    def _(p):
        good = "a: x\n"
        for what, pattern, new in (("no mac", r"^    mac: .*\n", ""), ("an empty mac", r"^    mac: .*$", "    mac: \"\""), ("a mac that is text", r"^    mac: .*$", "    mac: CANARY"),
                                   ("a mac of type int", r"(^    mac: .*)type:str", r"\1type:int"), ("no version", r"^    version: .*\n", ""), ("a bad version", r"^    version: .*$", "    version: \"3.13\""),
                                   ("two rules", r"^    version:", "    encrypted_regex: x\n    version:"), ("an unquoted date", r"lastmodified: \"(.*)\"", r"lastmodified: \1"),
                                   ("no date", r"^    lastmodified: .*$", "    lastmodified: \"yesterday\""), ("a threshold below 0", r"^    version:", "    shamir_threshold: -1\n    version:"),
                                   ("a threshold that is text", r"^    version:", "    shamir_threshold: two\n    version:"), ("an empty enc", r"enc: \|(\n            .*)+", "enc: \"\""),
                                   ("a cut enc", r"^            -----END AGE.*\n", ""), ("keys that are text", r"age:(\n        .*)+", "age: text"), ("no keys", r"^    age:(\n        .*)+\n", "")):
            p.seal("a.yaml", good)
            p.sub("a.yaml", pattern, new)
            f = p.check()
            need(f.ids() == ["metadata"], "%s should be one `metadata`" % what, str(f.r))
            same(f.r.status, 1, "status")
            need(f.rows[0].get("line", 0) >= 2, "%s: the line is missing" % what, str(f.rows))

    @check("find-metadata-regex-and-more-than-one")
    def _(p):
        p.seal("a.yaml", "a: x\nb: y\n", "--encrypted-regex", "^a")
        p.sub("a.yaml", r"encrypted_regex: .*", "encrypted_regex: ^(a")
        p.sub("a.yaml", r"^    version: .*$", "    version: nonsense")
        p.sub("a.yaml", r"^    mac: .*\n", "")
        p.check(status=1).have(("metadata", "a.yaml", p.line_of("a.yaml", "encrypted_regex"), '["sops"]["encrypted_regex"]'), ("metadata", "a.yaml", p.line_of("a.yaml", "version"), '["sops"]["version"]'), ("metadata", "a.yaml", None, '["sops"]["mac"]'))

    @check("find-metadata-of-flat-formats")
    def _(p):
        p.seal("a.env", "A=x\n")
        p.edit("a.env", "sops_age__list_0__", "sops_age__list_1__", 2)
        p.seal("b.ini", "[s]\na = x\n")
        p.sub("b.ini", r"^mac .*\n", "")
        p.seal("c.env", "A=x\n")
        p.sub("c.env", r"^sops_version=.*$", "sops_version=")
        p.check(status=1).have(("metadata", "a.env"), ("metadata", "b.ini", None, '["sops"]["mac"]'), ("metadata", "c.env", p.line_of("c.env", "sops_version"), '["sops"]["version"]'))

    @check("find-metadata-of-groups")
    def _(p):
        p.rules("path_regex: ^a\nshamir_threshold: 2\nkey_groups:\n  - age: [%s]\n  - age: [%s]\n  - age: [%s]" % (ALICE, BOB, CAROL))
        p.seal("a.yaml", "a: x\n", config=True, recipients=None)
        p.check(status=0).none()
        for t in ("1", "4"):
            p.sub("a.yaml", r"shamir_threshold: \d", "shamir_threshold: " + t)
            p.check(status=1).have(("metadata", "a.yaml", p.line_of("a.yaml", "shamir_threshold"), '["sops"]["shamir_threshold"]'), only=False)

    @check("find-metadata-in-a-later-document-only")
    def _(p):
        p.seal("a.yaml", "a: x\n")
        p.put("a.yaml", "first: CANARY\n---\n" + p.get("a.yaml"))
        p.check(status=1).have(("metadata", "a.yaml"))

    @check("find-syntax")
    def _(p):
        p.seal("a.yaml", "a: x\nb: y\n")
        n = p.line_of("a.yaml", "b:")
        p.sub("a.yaml", r"^b: ", "b: [")
        p.seal("b.json", '{"a": "x"}')
        p.put("b.json", p.get("b.json")[:-3])
        p.seal("c.env", "A=x\n")
        p.put("c.env", "CANARY\n" + p.get("c.env"))
        f = p.check(status=1).have(("syntax", "a.yaml"), ("syntax", "b.json"), ("syntax", "c.env", 1))
        need(f.of("syntax")["line"] >= n, "the line", str(f.rows))

    @check("find-unresolved-merge")
    def _(p):
        p.seal("a.yaml", "a: x\nb: y\n")
        c = leaf(p, "a.yaml", "b")
        p.edit("a.yaml", "b: " + c, "<<<<<<< ours\nb: %s\n=======\nb: %s\n>>>>>>> theirs" % (c, c.replace("data:", "data:AA")))
        p.check(status=1).have(("unresolved-merge", "a.yaml", 2))
        p.seal("a.yaml", "a: x\n")
        p.sub("a.yaml", r"^    version:", "    unresolved: 2\n    version:")
        p.check(status=1).have(("unresolved-merge", "a.yaml", p.line_of("a.yaml", "unresolved")))
        p.put("a.yaml", "<<<<<<< x\na: 1\n=======\nb: 2\n>>>>>>> y\n")
        p.check(status=0).none()
        p.rules(SEC)
        os.makedirs(p.path("secrets"))
        os.rename(p.path("a.yaml"), p.path("secrets/a.yaml"))
        p.check(status=1).have(("unresolved-merge", "secrets/a.yaml", 1))

    @check("find-bad-cipher")
    def _(p):
        doc = "a: x\nl:\n  - y\n"
        for what, old, new, bad in (("no iv", ",iv:", ",vi:", True), ("bad base64", ",iv:", ",iv:*", True), ("unknown type", ",type:str]", ",type:STR]", True), ("no end", ",type:str]", ",type:str", True),
                                    ("short", None, "ENC[AES256_GCM,data:AA==,iv:AAAA,tag:AA==,type:str]", True), ("comment as a value", ",type:str]", ",type:comment]", True), ("other algorithm", "AES256_GCM", "AES256_CBC", True),
                                    ("bytes", ",type:str]", ",type:bytes]", False), ("int", ",type:str]", ",type:int]", False), ("text behind", ",type:str]", ",type:str] tail", False)):
            p.seal("a.yaml", doc)
            e = leaf(p, "a.yaml", "a")
            p.edit("a.yaml", e, new if old is None else e.replace(old, new, 1))
            f = p.check()
            same(f.ids(), ["bad-cipher"] if bad else [], "a ciphertext with %s" % what)
            if bad:
                same((f.rows[0]["line"], f.rows[0]["path"]), (1, '["a"]'), "where")
        p.seal("a.yaml", doc)
        p.edit("a.yaml", leaf(p, "a.yaml", "a"), " " + leaf(p, "a.yaml", "a").replace("ENC[", "enc["))
        p.check(status=1).have(("plain-leaf", "a.yaml", 1, '["a"]'))
        p.seal("a.yaml", doc)
        e = leaf(p, "a.yaml", "a")
        m = re.search(r"data:([^,]*),iv:([^,]*),tag:([^,]*)", e)
        both = base64.b64decode(m.group(1)) + base64.b64decode(m.group(3))
        p.edit("a.yaml", e, "ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:str]" % (base64.b64encode(both[:9]).decode(), m.group(2), base64.b64encode(both[9:]).decode()))
        p.check(status=0).none()

    @check("find-copied-cipher")
    def _(p):
        p.seal("a.yaml", "a: x\nb: y\nl:\n  - same\n  - same\n")
        e = leaf(p, "a.yaml", "a")
        p.edit("a.yaml", leaf(p, "a.yaml", "b"), e)
        items = [m.group(0) for m in ENC.finditer(p.get("a.yaml").split("l:\n")[1])][:2]
        p.edit("a.yaml", items[1], items[0])
        p.check(status=1).have(("copied-cipher", "a.yaml", 2, '["b"]')).says("copied-cipher", '["a"]')

    @check("find-aad-ambiguous")
    def _(p):
        p.seal("a.yaml", "a:\n  b: x\n\"a:b\": y\nc:\n  - z\n  - w\n---\na:\n  b: v\n")
        p.check(status=0).have(("aad-ambiguous", "a.yaml", 3, '["a:b"]')).says("aad-ambiguous", '["a"]["b"]')

    @check("find-comments")
    def _(p):
        p.seal("a.yaml", "# top\na: x\n")
        t = p.get("a.yaml").split("\n")
        t[0] = "# CANARY pw"
        p.put("a.yaml", "\n".join(t))
        p.check(status=0).have(("plain-comment", "a.yaml", 1))
        p.check("--strict", status=1)
        p.put("a.yaml", p.get("a.yaml").replace("# CANARY pw", "#ENC[AES256_GCM,data:x,type:comment]"))
        p.check(status=1).have(("bad-cipher", "a.yaml", 1))
        p.seal("a.yaml", "# clear\na: x\nb: y\n", "--encrypted-regex", "^a")
        p.check(status=0).none()

    @check("find-sealed-where-clear")
    def _(p):
        p.seal("a.yaml", "a: x\nb: clear\n", "--encrypted-regex", "^a")
        p.edit("a.yaml", "b: clear", "b: " + leaf(p, "a.yaml", "a").replace("data:", "data:AAAA"))
        p.check(status=0).have(("sealed-where-clear", "a.yaml", 2, '["b"]'))

    @check("find-rule")
    def _(p):
        p.seal("a.yaml", "pw: x\n")
        p.seal("a.bin", b"x")
        p.rules("path_regex: ^a\nencrypted_regex: ^pw$\nmac_only_encrypted: true\n" + A)
        f = p.check(status=0).have(("rule", "a.yaml")).says("rule", "_unencrypted", "^pw$", "mac_only_encrypted")
        p.rules("path_regex: ^a\nunencrypted_suffix: _unencrypted\n" + A)
        p.check(status=0).none()

    @check("find-stale")
    def _(p):
        p.seal("a.yaml", "a: x\n")
        p.rules("path_regex: ^a\n" + A, check="max_age: 180d")
        p.check(status=0).none()
        p.sub("a.yaml", r"lastmodified: .*", "lastmodified: \"%s\"" % OLD)
        p.check(status=0).have(("stale", "a.yaml", p.line_of("a.yaml", "lastmodified"))).says("stale", "2019-01-01")
        p.rules("path_regex: ^a\n" + A, check="max_age: 180000d")
        p.check(status=0).none()

    @check("find-no-rule")
    def _(p):
        p.seal("a.yaml", "a: x\n")
        p.check(status=0).none()
        p.put(".sops.yaml", "stores: {}\n")
        p.check(status=0).none()
        p.rules("path_regex: ^b\n" + A)
        p.check("a.yaml", status=0).have(("no-rule", "a.yaml"))

    # ---- recipients ------------------------------------------------------------------------------------------------
    @check("drift-recipients")
    def _(p):
        p.seal("a.yaml", "a: x\n", recipients=ALICE + "," + CAROL)
        p.rules("path_regex: ^a\nage: [%s, %s]" % (ALICE, BOB), recipients="bob: %s\ncarol: %s" % (BOB, CAROL))
        f = p.check(status=1).have(("recipients", "a.yaml", p.line_of("a.yaml", "sops:"), '["sops"]'))
        f.says("recipients", "+ bob (%s)" % BOB, "- carol (%s)" % CAROL, "sops updatekeys a.yaml", "sops rotate -i a.yaml", "line 2")
        need(ALICE not in f.of("recipients")["message"], "a key that stays is named", f.of("recipients")["message"])
        r = p.sops("updatekeys", "-y", "a.yaml", watch=False).ok()
        p.check(status=0).none()

    @check("drift-order-does-not-matter-groups-do")
    def _(p):
        p.seal("a.yaml", "a: x\n", recipients=BOB + "," + ALICE)
        p.rules("path_regex: ^a\nage: [%s, %s]" % (ALICE, BOB))
        p.check(status=0).none()
        p.rules("path_regex: ^a\nkey_groups:\n  - age: [%s]\n  - age: [%s]" % (ALICE, BOB))
        p.check(status=1).have(("recipients", "a.yaml"), ("rule", "a.yaml"), only=False)
        p.rules("path_regex: ^a\nage: [%s, %s, %s]" % (ALICE, BOB, ALICE))
        same(p.sops("updatekeys", "-y", "a.yaml", watch=False).status, 0, "updatekeys")
        p.check(status=0).none()

    @check("drift-agrees-with-updatekeys")
    def _(p):
        rules = ["age: [%s]" % ALICE, "age: [%s, %s]" % (BOB, ALICE), "key_groups:\n  - age: [%s]" % ALICE, "key_groups:\n  - age: [%s]\n  - age: [%s]" % (ALICE, BOB), "shamir_threshold: 2\nkey_groups:\n  - age: [%s]\n  - age: [%s]\n  - age: [%s]" % (ALICE, BOB, CAROL)]
        for made in rules:
            for now in rules:
                p.rules("path_regex: ^a\n" + made)
                p.seal("a.yaml", "a: x\n", config=True, recipients=None)
                p.rules("path_regex: ^a\n" + now)
                got = "recipients" in p.check().ids()
                r = p.sops("updatekeys", "a.yaml", stdin=b"n\n", watch=False, env={"SOPS_AGE_KEY_FILE": os.path.join(p.top, "none")})
                same(got, b"following changes" in r.out, "made by %r, now %r: a `recipients` finding, as updatekeys sees it" % (made, now))

    @check("drift-rule-without-keys")
    def _(p):
        p.seal("a.yaml", "a: x\n")
        p.rules("path_regex: ^a")
        p.check(status=0).none()

    @check("drift-azure-without-a-version-asks-nobody")
    def _(p):
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        s.listen(5)
        hit = []

        def serve():
            try:
                while True:
                    c, _ = s.accept()
                    hit.append(1)
                    c.close()
            except OSError:
                pass
        threading.Thread(target=serve, daemon=True).start()
        proxy = "http://127.0.0.1:%d" % s.getsockname()[1]
        p.seal("a.yaml", "a: x\n")
        kv = "        - created_at: \"2026-01-01T00:00:00Z\"\n          enc: AAAA\n          name: sops\n          vault_url: https://v.vault.azure.net\n          version: abc\n"
        p.edit("a.yaml", "    lastmodified:", "    azure_kv:\n" + kv + "    lastmodified:")
        p.rules("path_regex: ^a\n%s\nazure_keyvault: https://v.vault.azure.net/keys/sops" % A)
        env = {"HTTPS_PROXY": proxy, "https_proxy": proxy, "HTTP_PROXY": proxy}
        p.check(env=env, status=0).none()
        p.rules("path_regex: ^a\n%s\nazure_keyvault: https://v.vault.azure.net/keys/other" % A)
        p.check(env=env, status=1).have(("recipients", "a.yaml"))
        s.close()
        need(not hit, "the network was used")

    @check("drift-names")
    def _(p):
        p.seal("a.yaml", "a: x\n", recipients=BOB)
        p.put(".sops.yaml", "keys:\n  - &alice-anchor %s   # not this\ncreation_rules:\n  - path_regex: ^a\n    age: [*alice-anchor]\n" % ALICE)
        p.check(status=1).says("recipients", "+ alice-anchor (")
        p.put(".sops.yaml", "creation_rules:\n  - path_regex: ^a\n    age:\n      - %s # Alice of the comment\n" % ALICE)
        p.check(status=1).says("recipients", "+ Alice of the comment (")
        p.put(".sops.yaml", "recipients: {Al: %s}\nkeys:\n  - &anchor %s\ncreation_rules:\n  - path_regex: ^a\n    age: %s\n" % (ALICE, ALICE, ALICE))
        p.check(status=1).says("recipients", "+ Al (", "- " + BOB)

    # ---- configuration in check ------------------------------------------------------------------------------------
    @check("config-broken-is-a-finding")
    def _(p):
        p.seal("a.yaml", "a: x\nb: y\n")
        p.edit("a.yaml", leaf(p, "a.yaml", "b"), "CANARY")
        p.put(".sops.yaml", "creation_rules:\n  - age: [%s]\n   bad: 1\n" % ALICE)
        f = p.check(status=1).have(("config", ".sops.yaml"), ("plain-leaf", "a.yaml"))
        need(f.of("config")["line"] in (2, 3), "the line of the mistake", str(f.of("config")))

    @check("config-checked-though-not-named")
    def _(p):
        p.put(".sops.yaml", "creation_rules:\n  - path_regx: ^a\n    age: %s\n  - path_regex: ^b\n    age: %s\n" % (ALICE, ALICE))
        p.put("sub/a.txt", "x")
        p.check("sub", status=0).have(("unknown-key", None, 2), ("shadowed-rule", None, 4)).says("unknown-key", "path_regx", "path_regex")
        p.check(".sops.yaml", "sub", status=0).have(("unknown-key", ".sops.yaml", 2), ("shadowed-rule", ".sops.yaml", 4))

    @check("allow")
    def _(p):
        p.seal("a.yaml", "a: x\nb: y\nc: z\n")
        for k in "abc":
            p.edit("a.yaml", leaf(p, "a.yaml", k), "CANARY")
        p.rules("path_regex: ^a\n" + A, check="allow:\n  - {id: plain-leaf, path: ^a, key: '\\[\"b\"\\]'}\n  - {id: leaf}\n  - {key: '\"c\"'}")
        f = p.check(status=1).have(("plain-leaf", "a.yaml", 1, '["a"]'))
        same(f.summary["allowed"], 2, "allowed")
        need(p.sops("check").text.rstrip("\n").endswith("1 error, 2 allowed"), "the summary names what was allowed")

    @check("allow-and-ignore-of-the-nearest-configuration")
    def _(p):
        p.rules(SEC, check="ignore: ['^secrets/old/']")
        p.put("secrets/old/a.yaml", DB)
        p.put("secrets/b.yaml", DB)
        p.check(status=1).have(("not-encrypted", "secrets/b.yaml"))
        p.put("secrets/old/.sops.yaml", "creation_rules:\n  - path_regex: ^a\n    %s\n" % A)
        p.check(status=1).have(("not-encrypted", "secrets/b.yaml"), ("not-encrypted", "secrets/old/a.yaml"))

    @check("check-section-is-strict-itself")
    def _(p):
        for text in ("require: x", "require: ['(']", "ignore: [[a]]", "allow: [{}]", "allow: [{id: nonsense}]", "allow: [{path: '('}]", "allow: {id: leaf}", "max_age: soon", "max_age: 180", "entropy: high"):
            p.rules(A, check=text)
            f = p.check()
            need(f.ids() == ["config"] and f.r.status == 1, "check: {%s} should be a `config`" % text, str(f.r))
        p.rules(A, check="max_agee: 180d\nallow:\n  - {id: leaf, file: x}")
        p.check(status=0).have(("unknown-key", ".sops.yaml"), ("unknown-key", ".sops.yaml"))
        p.put("t.yaml", "a: 1\n")
        p.sops("encrypt", "t.yaml", watch=False).ok()

    # ---- with the key ----------------------------------------------------------------------------------------------
    @check("key-nothing-is-asked-without-it")
    def _(p):
        p.rules("path_regex: ^a\n" + A)
        p.seal("a.yaml", DB, config=True)
        mark = os.path.join(p.top, "asked")
        p.put("cmd", "#!/bin/sh\ntouch %s\n" % mark, 0o755)
        env = {"SOPS_AGE_KEY_CMD": p.path("cmd"), "SOPS_AGE_KEY_FILE": None, "SOPS_AGE_SSH_PRIVATE_KEY_CMD": p.path("cmd")}
        p.check(env=env, status=0).none()
        p.check("--no-key", env=env, status=0).none()
        need(not os.path.exists(mark), "a command that gives keys was run")
        p.check("--key", env=env, status=1).have(("cannot-open", "a.yaml"))
        need(os.path.exists(mark), "--key did not ask the command")

    @check("key-cannot-open")
    def _(p):
        p.seal("a.yaml", DB, recipients=BOB)
        p.check(status=0).none()
        p.check("--key", status=1).have(("cannot-open", "a.yaml")).says("cannot-open", BOB, "sops doctor a.yaml")

    @check("key-leaf-each-one")
    def _(p):
        p.seal("a.yaml", "a: x\nb: y\nc: z\nd: w\n")
        for k in "bd":
            p.edit("a.yaml", leaf(p, "a.yaml", k), leaf(p, "a.yaml", k).replace("data:", "data:AAAA"))
        p.check(status=0).none()
        p.check("--key", status=1).have(("leaf", "a.yaml", 2, '["b"]'), ("leaf", "a.yaml", 4, '["d"]'))
        p.edit("a.yaml", leaf(p, "a.yaml", "c"), "CANARY")
        p.check("--key", status=1).have(("leaf", "a.yaml", 2, '["b"]'), ("leaf", "a.yaml", 4, '["d"]'), ("plain-leaf", "a.yaml", 3, '["c"]'))

    @check("key-mac")
    def _(p):
        p.seal("a.yaml", "a: x\nb_unencrypted: clear\nc: z\n")
        p.edit("a.yaml", "b_unencrypted: clear", "b_unencrypted: CANARY")
        p.check(status=0).none()
        p.check("--key", status=1).have(("mac", "a.yaml", p.line_of("a.yaml", "mac:")))
        p.seal("a.yaml", "a: x\nc: z\n")
        p.sub("a.yaml", r"^a: .*\n", "")
        p.check("--key", status=1).have(("mac", "a.yaml"))
        p.seal("a.yaml", "a: x\n")
        p.sub("a.yaml", r"lastmodified: .*", "lastmodified: \"%s\"" % OLD)
        p.check("--key", status=1).have(("mac", "a.yaml"))

    @check("key-entry-of-somebody-else")
    def _(p):
        p.seal("a.yaml", "a: x\n", recipients=ALICE + "," + BOB)
        t = p.get("a.yaml")
        p.put("a.yaml", t.replace(ALICE, "@@").replace(BOB, ALICE).replace("@@", BOB))
        p.check(status=0).none()
        both = os.path.join(p.top, "both.txt")
        with open(both, "w") as f:
            from place import KEYS
            f.write("".join(open(os.path.join(KEYS, "age", w + ".txt")).read() for w in ("alice", "bob")))
        p.check("--key", env={"SOPS_AGE_KEY_FILE": both}, status=1).have(("key-entry", "a.yaml"), ("key-entry", "a.yaml"))
        p.check("--key", status=1).have(("key-entry", "a.yaml")).says("key-entry", ALICE)
        p.put("a.yaml", t)
        p.check("--key", env={"SOPS_AGE_KEY_FILE": both}, status=0).none()

    @check("key-nested")
    def _(p):
        p.seal("a.yaml", "a: x\n")
        p.seal("b.yaml", "a: %s\n" % leaf(p, "a.yaml", "a"))
        p.check("--key", "b.yaml", status=0).have(("nested", "b.yaml", 1, '["a"]'))

    @check("key-shamir")
    def _(p):
        p.rules("path_regex: ^a\nshamir_threshold: 2\nkey_groups:\n  - age: [%s]\n  - age: [%s]\n  - age: [%s]" % (ALICE, BOB, CAROL))
        p.seal("a.yaml", "a: CANARY\n", config=True, recipients=None)
        p.check("--key", status=1).have(("cannot-open", "a.yaml"))
        both = os.path.join(p.top, "both.txt")
        from place import KEYS
        with open(both, "w") as f:
            f.write("".join(open(os.path.join(KEYS, "age", w + ".txt")).read() for w in ("alice", "carol")))
        p.check("--key", env={"SOPS_AGE_KEY_FILE": both}, status=0).none()

    # ---- secrets ---------------------------------------------------------------------------------------------------
    FIXED = [("private key", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PUBLIC KEY-----"), ("private key", "-----BEGIN PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----"),
             ("private key", "-----BEGIN OPENSSH PRIVATE KEY-----", "BEGIN PRIVATE KEY"), ("private key", "-----BEGIN PGP PRIVATE KEY BLOCK-----", "-----BEGIN PGP MESSAGE-----"),
             ("age", "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2, "AGE-SECRET-KEY-1SHORT"), ("age", "AGE-SECRET-KEY-PQ-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2, "AGE-PLUGIN-YUBIKEY-1QQQ"),
             ("AWS", "AKIA" + "Q3EGTZ4PWM6RKX2J", "AKIAIOSFODNN7EXAMPLE"), ("AWS", "ASIA" + "Q3EGTZ4PWM6RKX2J", "xASIAQ3EGTZ4PWM6RKX2JAA"), ("GitHub", "ghp_" + "0123456789abcdefABCDEF0123456789abcd", "ghp_short"),
             ("GitHub", "github_pat_" + "11ABCDE0y0abcdefghijkl_" + "A1b2" * 15, "github_pat_x"), ("GitLab", "glpat-" + "aB3dE6gH9jK2mN5pQ8sT", "glpat-x"), ("Slack", "xoxb-" + "123456789012-abcdefABCDEF", "xoxz-123456789012"),
             ("Stripe", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "pk_live_4eC39HqLyjWDarjtT1zdp7dc"), ("Stripe", "rk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "sk_test_4eC39HqLyj"), ("Google", "AIza" + "SyD3asb2pEZVqMkmL6M9N6nHZRRxznhrh0X", "AIzaShort"),
             ("npm", "npm_" + "aB3dE6gH9jK2mN5pQ8sTaB3dE6gH9jK2mN5p", "npm_config_registry"), ("Vault", "hvs." + "CAESIJ1abcdefghijklmnopqrstuv", "hvs.short"),
             ("JWT", "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N", "eyJhbGciOiJIUzI1NiJ9.abc.def"),
             ("URL", "postgres://admin:Tr0ub4dor3@db.internal/app", "postgres://admin:${DB_PASSWORD}@db.internal/app"), ("URL", "https://u:p4ss-word@h.internal/x", "https://h.internal:8080/x@y")]

    @check("secret-fixed-forms")
    def _(p):
        yes, no = [], []
        for i, (kind, good, bad) in enumerate(FIXED):
            p.secret(good)
            p.put("y%02d.txt" % i, "first\nx = %s\nlast\n" % good)
            p.put("n%02d.txt" % i, "first\nx = %s\nlast\n" % bad)
        f = p.check("--scan", status=1)
        by = {x["file"]: x for x in f.rows if x["id"] == "secret"}
        for i, (kind, good, bad) in enumerate(FIXED):
            need("y%02d.txt" % i in by, "not found: a %s like %s…" % (kind, good[:14]))
            need("n%02d.txt" % i not in by, "found, and no secret: %s" % bad)
            need(by["y%02d.txt" % i].get("line") == 2 and kind.lower() in by["y%02d.txt" % i]["message"].lower(), "kind and line of %s" % kind, str(by["y%02d.txt" % i]))
        p.check(status=0).none()

    @check("secret-shows-not-one-character")
    def _(p):
        for i, (kind, good, bad) in enumerate(FIXED):
            p.put("a%d.txt" % i, "x = %s\n" % good)
        public = re.compile(r"^(AGE-SECRET-KEY-(PQ-)?1|AKIA|ASIA|gh._|github_pat_|glpat-|xox.-|[rs]k_live_|AIza|npm_|hv.\.|eyJ|[a-z]+://\w+:)")
        for fmt in ("human", "json", "sarif", "github"):
            r = p.sops("check", "--scan", "--format", fmt).ok(1)
            for kind, good, bad in FIXED:
                private = public.sub("", good)
                for i in range(0, len(private) - 5) if "BEGIN" not in good else ():
                    need(private[i:i + 6] not in r.text + r.errtext, "%s shows a part of a %s" % (fmt, kind))

    @check("secret-in-clear-parts-of-encrypted-files")
    def _(p):
        key = p.secret("AKIA" + "Q3EGTZ4PWM6RKX2J")
        p.seal("a.yaml", "pw: CANARY\nid: %s\nlist:\n  - x\n  - glpat-%s\n# see ghp_%s\nhost: h\n" % (key, "aB3dE6gH9jK2mN5pQ8sT", "0123456789abcdefABCDEF0123456789abcd"), "--encrypted-regex", "^pw")
        p.check(status=1).have(("secret", "a.yaml", 2, '["id"]'), ("secret", "a.yaml", 5, '["list"][1]'), ("secret", "a.yaml", 6))
        p.check("--scan", status=1).have(("secret", "a.yaml", 2), ("secret", "a.yaml", 5), ("secret", "a.yaml", 6))

    LIKE = [("password: hunter2-hunter2", True), ("DB_PASS=correct1horse", True), ("apiKey: 'a1b2c3d4e5'", True), ('"client_secret": "Abcdefgh1",', True), ("token => Xy12345678", True), ("signingKey := zzzz1111ZZ", True), ("pwd: Sommer!2024", True),
            ("secretName: app-tls-2024", False), ("existingSecret: app-secret", False), ("passwordPolicy: Strong1234", False), ("password: changeme123", False), ("password: ${DB_PASSWORD1}", False), ("password: {{ .Values.pw1 }}", False),
            ("password: <your-password1>", False), ("token: xxxxxxxxxxxx", False), ("password: short1", False), ("token: https://idp.internal/token2", False), ("password: ENC[AES256_GCM,data:AA11,type:str]", False), ("bypass: abcdefgh1", False),
            ("tokenEndpoint: abcdefgh1", False), ("password:", False), ("# password is hard to guess 1", False), ("public_key: " + "kJ8sLq2Zx0Vb7Nm4Rt6Yw1Pc3Fd5Gh9A", False), ("sha256: " + "kJ8sLq2Zx0Vb7Nm4Rt6Yw1Pc3Fd5Gh9A", False),
            ("x: " + "kJ8sLq2Zx0Vb7Nm4Rt6Yw1Pc3Fd5Gh9A", True), ("x: " + "0123456789abcdef0123456789abcdef", False), ("x: 3f2504e0-4f89-11d3-9a0c-0305e82c3301", False), ("integrity: sha512-" + "kJ8sLq2Zx0Vb7Nm4Rt6Yw1Pc3Fd5Gh9A", False), ("x: " + "a" * 40, False),
            ("recipient: " + ALICE, False), ("x: " + ALICE, False), ("x: " + WHO["PAT"], False), ("x: short-text-of-few-kinds", False)]

    @check("secret-like-by-name-and-entropy")
    def _(p):
        for i, (line, yes) in enumerate(LIKE):
            p.put("l%02d.txt" % i, "first\n" + line + "\n")
        f = p.check("--scan", status=0)
        got = {x["file"]: x for x in f.rows}
        for i, (line, yes) in enumerate(LIKE):
            need(("l%02d.txt" % i in got) == yes, ("not found: " if yes else "found, and no secret: ") + line)
        need(all(x["id"] == "secret-like" and x["line"] == 2 for x in got.values()), "ids and lines", str(list(got.values())[:3]))

    @check("secret-like-in-encrypted-files")
    def _(p):
        p.seal("a.yaml", "pw: x\ndb:\n  password: Secret-Secret-1\nuser:\n  passwords:\n    - plain1text\ntoken: 12345678\n", "--encrypted-regex", "^pw")
        p.secret("Secret-Secret-1")
        p.check(status=0).have(("secret-like", "a.yaml", 3, '["db"]["password"]'))

    @check("secret-allow-on-the-line-or-above")
    def _(p):
        key = p.secret("AKIA" + "Q3EGTZ4PWM6RKX2J")
        p.put("a.txt", "%s # sops:allow\n\n# sops:allow, a test key\n%s\n%s\n" % (key, key, key))
        p.check("--scan", status=1).have(("secret", "a.txt", 5))
        p.seal("b.yaml", "pw: x\nid: %s # sops:allow\n# sops:allow\nid2: %s\nid3: %s\n" % (key, key, key), "--encrypted-regex", "^pw")
        p.check("b.yaml", status=1).have(("secret", "b.yaml", 5, '["id3"]'))

    @check("secret-entropy-setting-and-lock-files")
    def _(p):
        s = "kJ8sLq2Zx0Vb7Nm4Rt6Yw1Pc3Fd5Gh9A"
        p.put("a.txt", "x: %s\n" % s)
        for n in ("yarn.lock", "package-lock.json", "pnpm-lock.yaml", "go.sum"):
            p.put(n, "x: %s\n" % s)
        p.check("--scan", status=0).have(("secret-like", "a.txt", 1))
        p.rules(A, check="entropy: off")
        p.check("--scan", status=0).none()
        p.rules(A, check="entropy: 5.5")
        p.check("--scan", status=0).none()
        p.put("yarn.lock", "ghp_%s\n" % "0123456789abcdefABCDEF0123456789abcd")
        p.check("--scan", status=1).have(("secret", "yarn.lock", 1))

    @check("secret-binary-and-large-files-are-passed-over")
    def _(p):
        key = "AKIA" + "Q3EGTZ4PWM6RKX2J"
        p.put("a.bin", b"\0" + key.encode())
        p.put("b.txt", "x\n" * (5 << 20) + "12\n" + key)
        p.put("c.txt", "y" * 100000 + " " + key + "\n")
        p.put("d.txt", b"\xff\xfe " + key.encode() + b"\n")
        p.check("--scan", status=1).have(("secret", "c.txt", 1), ("secret", "d.txt", 1))

    @check("secret-key-of-a-path")
    def _(p):
        key = p.secret("AKIA" + "Q3EGTZ4PWM6RKX2J")
        p.seal("a.yaml", "pw: x\n%s: glpat-aB3dE6gH9jK2mN5pQ8sT\n" % key, "--encrypted-regex", "^pw")
        p.check(status=1).have(("secret", "a.yaml", 2, '["…"]'))

    @check("secret-own-keys-file")
    def _(p):
        with open(p.keyfile) as f:
            p.put("keys.txt", f.read())
        n = p.line_of("keys.txt", "AGE-SECRET-KEY-")
        p.check("--scan", status=1).have(("secret", "keys.txt", n))
        p.put("sealed.yaml", "")
        p.seal("sealed.yaml", "a: x\nb: y\n")
        p.check("--scan", "sealed.yaml", status=0).none()

    # ---- hostile ---------------------------------------------------------------------------------------------------
    @check("hostile-inputs-end-soon")
    def _(p):
        p.rules(SEC, check="require: ['^x']")
        p.put("x/deep.yaml", "a: " + "[" * 100000 + "]" * 100000 + "\nENC[AES256_GCM,sops:\n")
        p.put("x/deep.json", '{"sops": {"mac": ' + "[" * 200000)
        p.put("x/bomb.yaml", "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join("%s: &%s [*%s, *%s, *%s, *%s, *%s, *%s, *%s, *%s, *%s]\n" % ((c, c) + (d,) * 9) for d, c in zip("abcdefgh", "bcdefghi")) + "sops: {mac: 'ENC[AES256_GCM,'}\n")
        p.put("x/long.env", "A=" + "x" * (4 << 20) + "\nsops_mac=ENC[AES256_GCM,data:" + "," * 100000 + "\nsops_lastmodified=x\n")
        p.put("x/many.env", "\n".join("sops_age__list_%d__map_enc=x" % i for i in range(60000)) + "\nsops_mac=ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]\n")
        p.put("x/markers.yaml", "<<<<<<< a\n" * 50000 + "ENC[AES256_GCM, sops:\n")
        p.put("x/enc.yaml", "a: " + "ENC[AES256_GCM,data:" * 50000 + "\nsops: {mac: x}\n")
        p.put("x/invalid.yaml", b"a: \xff\xfe\nsops: {mac: 'ENC[AES256_GCM,'}\n")
        r = p.sops("check", "--format", "json", "--scan", timeout=40)
        need(r.status in (1, 2) and r.secs < 30, "hostile files", str(r)[:400], "%.1f s" % r.secs)
        need('"summary"' in r.text, "no summary at the end", r.text[-300:])

    @check("hostile-regexes")
    def _(p):
        p.seal("a.yaml", "".join("k%d: v\n" % i for i in range(30)) + "a" * 900 + ": x\n", "--encrypted-regex", "^k")
        p.sub("a.yaml", r"encrypted_regex: .*", "encrypted_regex: ^(a|a|aa)*$b?(a*)*$")
        p.put(".sops.yaml", "creation_rules:\n  - path_regex: '^((a*)*)*b$'\n    age: %s\n  - path_regex: '(?=x)'\n    age: %s\n" % (ALICE, ALICE))
        p.put("a" * 200 + ".txt", "x")
        r = p.sops("check", "--format", "json", timeout=20)
        need(r.status == 1 and r.secs < 15, "hostile regexes", str(r)[:300])
        need(any(x.get("id") == "config" and x.get("line") == 4 for x in r.json()), "the regex that does not compile is no `config`", r.text[:400])

    @check("hostile-names-and-keys-on-the-terminal")
    def _(p):
        p.rules(SEC)
        p.put("secrets/\x1b[31mred\n.yaml", DB)
        p.seal("k.yaml", "\"a\\e[2Jb\": x\n")
        p.sub("k.yaml", r"ENC\[.*?\]", "CANARY")
        for fmt in ("human", "github"):
            r = p.sops("check", "--format", fmt).ok(1)
            need("\x1b" not in r.text + r.errtext, "a control character reaches the terminal (%s)" % fmt)
            need(all(l.startswith(("secrets/", "k.yaml", "    help", "checked", "::")) for l in r.text.split("\n") if l), "a name broke a line", r.text)
        f = p.check(status=1)
        need(any(x["file"] == "secrets/\x1b[31mred\n.yaml" for x in f.rows), "json keeps the name", str(f.rows))

    @check("hostile-unreadable")
    def _(p):
        if os.getuid() == 0:
            p.put("x/a.yaml", "a: 1\n")
            os.symlink("loop", p.path("loop"))
            f = p.check("loop", "x", status=2)
            same(f.summary["not_read"], 1, "not_read")
            return
        p.put("x/a.yaml", "a: 1\n", 0)
        p.put("y/b.yaml", "a: 1\n")
        os.chmod(p.path("y"), 0)
        same(p.check(status=2).summary["not_read"], 2, "not_read")

    @check("large-tree-is-quick")
    def _(p):
        p.rules(SEC)
        for i in range(3000):
            p.put("src/%d/f%d.txt" % (i % 50, i), "x" * 2000)
        p.seal("secrets/a.yaml", "".join("k%d: v%d\n" % (i, i) for i in range(2000)), config=True)
        r = p.sops("check", timeout=60).ok()
        need(r.secs < 20, "3,000 files took %.1f s" % r.secs)
