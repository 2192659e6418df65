# SPDX-License-Identifier: Apache-2.0
"""config explain, config check, recipients, doctor, keys."""
import json
import os
import re
import shutil
import subprocess
import tempfile

from place import ALICE, BOB, CAROL, KEYS, WHO, Failed, Skip, clip, need, same
from part_find import A, DB, OLD, SEC, leaf


def register(check, tool):
    def explain(p, *args, status=None, **kw):
        pre = []
        args = list(args)
        while args and args[0] == "--config":
            pre += args[:2]
            args = args[2:]
        r = p.sops(*pre, "config", "explain", "--json", *args, **kw)
        if status is not None:
            r.ok(status)
        return r.json()

    # ---- config explain ----------------------------------------------------------------------------------------------
    @check("explain-shape")
    def _(p):
        p.put(".sops.yaml", "keys:\n  - &al %s\ncreation_rules:\n  - path_regex: ^prod/\n    age: *al\n  - path_regex: \\.yaml$\n    encrypted_regex: ^pw\n    mac_only_encrypted: true\n    age: [*al, %s]\n  - age: *al\nstores: {yaml: {indent: 2}}\n" % (ALICE, BOB))
        d, = explain(p, "x/a.yaml", status=0)
        same(list(d), ["schema", "file", "config", "found_by", "folders_up", "matched_text", "rules", "outcome", "error", "warnings"], "keys")
        same(d["schema"], 1, "schema")
        same((d["file"], d["config"], d["found_by"], d["folders_up"], d["matched_text"]), ("x/a.yaml", p.path(".sops.yaml"), "search", 0, "x/a.yaml"), "what was found")
        same(d["rules"], [{"rule": 1, "line": 4, "path_regex": "^prod/", "result": "no match"}, {"rule": 2, "line": 6, "path_regex": "\\.yaml$", "result": "match"}, {"rule": 3, "line": 10, "path_regex": None, "result": "not looked at"}], "rules")
        same(d["outcome"], {"rule": 2, "format": "yaml", "indent": 2, "groups": [{"keys": [{"type": "age", "id": ALICE, "name": "al"}, {"type": "age", "id": BOB, "name": None}]}], "threshold": 0,
                            "crypt_rule": {"name": "encrypted_regex", "value": "^pw"}, "mac_only_encrypted": True, "required": False}, "outcome")
        same((d["error"], d["warnings"]), (None, []), "error, warnings")
        a, b = explain(p, "prod/x.env", "k.bin", status=0)
        same((a["outcome"]["rule"], a["outcome"]["format"], a["outcome"]["indent"], a["outcome"]["required"]), (1, "dotenv", None, True), "dotenv")
        same((b["outcome"]["rule"], b["outcome"]["crypt_rule"], b["outcome"]["format"], b["outcome"]["mac_only_encrypted"]), (3, None, "binary", False), "binary")

    @check("explain-how-the-configuration-was-found")
    def _(p):
        p.rules(A)
        os.makedirs(p.path("a/b"))
        d, = explain(p, "x.yaml", cwd="a/b", status=0)
        same((d["found_by"], d["folders_up"], d["matched_text"]), ("search", 2, "a/b/x.yaml"), "search")
        d, = explain(p, "--config", "../.sops.yaml", "x.yaml", cwd="a", status=0)
        same((d["found_by"], d["folders_up"], d["config"]), ("flag", None, p.path(".sops.yaml")), "flag")
        d, = explain(p, "x.yaml", env={"SOPS_CONFIG": p.path(".sops.yaml")}, status=0)
        same((d["found_by"], d["folders_up"]), ("SOPS_CONFIG", None), "SOPS_CONFIG")
        d, = explain(p, "/elsewhere/x.yaml", status=0)
        same(d["matched_text"], "/elsewhere/x.yaml", "matched text of a file elsewhere")
        os.remove(p.path(".sops.yaml"))
        d, = explain(p, "x.yaml", status=1)
        same((d["config"], d["found_by"], d["folders_up"], d["matched_text"], d["rules"], d["outcome"]), (None, "none", None, None, [], None), "none")
        need(d["error"], "no error")

    @check("explain-when-encrypt-would-fail")
    def _(p):
        for rules, what in ((["path_regex: ^x\n" + A], "no rule matches"), (["path_regex: '('\n" + A], "a bad path_regex"), (["encrypted_regex: a\nunencrypted_suffix: b\n" + A], "two crypt rules"), (["age: nonsense"], "a bad key"),
                            (["path_regex: a"], "no key"), (["encrypted_regex: '('\n" + A], "a bad regex"), (["key_groups:\n  - age: [%s]\n  - {}" % ALICE], "an empty group")):
            p.rules(*rules)
            d, = explain(p, "a.yaml", status=1)
            need(d["outcome"] is None and d["error"], "%s: no error" % what, str(d))
            p.put("a.yaml", "a: 1\n")
            need(p.sops("encrypt", "a.yaml", watch=False).status != 0, "the suite itself: encrypt succeeds with " + what)
        p.rules("path_regex: '('\n" + A, A)
        d, = explain(p, "a.yaml", status=1)
        same([r["result"] for r in d["rules"]], ["error", "not looked at"], "results")
        p.put(".sops.yaml", "creation_rules: [\n")
        d, = explain(p, "a.yaml", status=1)
        need(d["outcome"] is None and d["error"] and d["config"] == p.path(".sops.yaml"), "a configuration that does not parse", str(d))

    @check("explain-warnings")
    def _(p):
        p.rules(A)
        os.makedirs(p.path("sub/in"))
        p.put("sub/.sops.yaml", "creation_rules:\n  - %s\n" % A)
        d, = explain(p, "sub/in/a.yaml", env={"SOPS_AGE_RECIPIENTS": BOB, "SOPS_PGP_FP": "X"}, status=0)
        text = "\n".join(d["warnings"])
        need(all(w in text for w in ("SOPS_AGE_RECIPIENTS", "SOPS_PGP_FP", "sub/.sops.yaml")), "warnings", text)
        os.rename(p.path("sub/.sops.yaml"), p.path("sub/.sops.yml"))
        d, = explain(p, "a.yaml", cwd="sub", status=0)
        need(any(".sops.yml" in w for w in d["warnings"]), "a .sops.yml", str(d["warnings"]))
        p.rules("age: [%s]\npath_regx: x" % ALICE)
        d, = explain(p, "a.yaml", status=0)
        need(any("path_regx" in w for w in d["warnings"]), "a misspelt key of the rule taken", str(d["warnings"]))

    @check("explain-says-what-encrypt-does")
    def _(p):
        rules = ["path_regex: ^a\nencrypted_suffix: _s\n" + A, "path_regex: /\nkey_groups:\n  - age: [%s]\n  - age: [%s, %s]" % (ALICE, BOB, CAROL), "path_regex: b\nmac_only_encrypted: true\nage: '%s,%s'" % (BOB, ALICE), "age: [%s]\nunencrypted_regex: ^u" % CAROL]
        p.rules(*rules)
        for name in ("a.yaml", "x/a.yaml", "b.json", "c.env", "x/b.ini", "zz.yaml"):
            p.put(name, {"json": '{"a": "x"}', "env": "A=x\n", "ini": "[s]\na=x\n"}.get(name.rsplit(".")[-1], "a: x\n"))
            o = explain(p, name, status=0)[0]["outcome"]
            r = p.sops("encrypt", name, watch=False).ok()
            same(sorted(k["id"] for g in o["groups"] for k in g["keys"]), sorted(w for w in (ALICE, BOB, CAROL) if w in r.text), "keys of " + name)
            need(o["crypt_rule"]["value"] in r.text and o["crypt_rule"]["name"] in r.text, "rule of " + name, str(o["crypt_rule"]))
            same("mac_only_encrypted" in r.text, o["mac_only_encrypted"], "mac_only_encrypted of " + name)

    @check("explain-for-people")
    def _(p):
        p.rules("path_regex: ^never\n" + A, "age: [%s]" % BOB, recipients="bob: %s" % BOB)
        r = p.sops("config", "explain", "a.yaml").ok()
        need(all(w in r.text for w in (".sops.yaml", "^never", "no match", "match", "yaml", BOB, "bob", "unencrypted_suffix")), "the table", r.text)
        same(p.sops("config", "explain").status, 100, "status without a path")

    # ---- config check ------------------------------------------------------------------------------------------------
    def ccheck(p, *args, status=None):
        r = p.sops("config", "check", "--format", "json", *args)
        if status is not None:
            r.ok(status)
        from place import Findings
        return Findings(r)

    @check("config-check-good")
    def _(p):
        p.put("a.yaml", "x")
        p.put("prod/b.yaml", "x")
        p.put(".sops.yaml", "people:\n  - &al %s\ncreation_rules:\n  - path_regex: ^prod/\n    required: true\n    age: [*al]\n  - age: *al\n    x-note: mine\nstores:\n  yaml: {indent: 2}\ncheck: {require: [^prod/], max_age: 90d}\nrecipients: {al: %s}\ndestination_rules:\n  - s3_bucket: x\n    path_regex: ^prod/\n" % (ALICE, ALICE))
        ccheck(p, status=0).none()
        same(p.sops("config", "check").ok().text, "checked 1 file, 0 encrypted: nothing found\n", "summary")
        os.makedirs(p.path("z"))
        same(p.sops("config", "check", cwd="z").ok().text, "checked 1 file, 0 encrypted: nothing found\n", "summary from below")

    @check("config-check-errors")
    def _(p):
        p.put("a.yaml", "x")
        bad = {"a bad path_regex": "path_regex: '('\n" + A, "a look-ahead": "path_regex: '(?!x)'\n" + A, "a bad encrypted_regex": "encrypted_regex: '['\n" + A, "two crypt rules": "encrypted_regex: a\nencrypted_suffix: b\n" + A, "a bad recipient": "age: age1nonsense",
               "a bad Azure URL": "azure_keyvault: https://x/y\n" + A, "a bad Vault URI": "hc_vault_transit_uri: nonsense\n" + A, "an empty group": "key_groups:\n  - age: [%s]\n  - {}" % ALICE, "a threshold of 1": "shamir_threshold: 1\nkey_groups:\n  - age: [%s]\n  - age: [%s]" % (ALICE, BOB),
               "a threshold above": "shamir_threshold: 3\nkey_groups:\n  - age: [%s]\n  - age: [%s]" % (ALICE, BOB), "a threshold below 0": "shamir_threshold: -1\n" + A}
        for what, rule in bad.items():
            p.rules(rule)
            f = ccheck(p)
            need(f.ids() == ["config"] and f.r.status == 1, "%s should be one `config`" % what, str(f.r))
            need(2 <= f.rows[0].get("line", 0) <= 6, "the line of " + what, str(f.rows))
        for what, text in {"no YAML": "creation_rules: [", "a key twice": "stores: {}\nstores: {}\n", "a list": "- a\n", "rules that are a map": "creation_rules: {a: b}\n", "a path_regex that is a list": "creation_rules:\n  - path_regex: [a]\n"}.items():
            p.put(".sops.yaml", text)
            f = ccheck(p, status=1).have(("config", ".sops.yaml"))
        same(p.sops("config", "check", "gone.yaml").status, 2, "status for a file that is not there")
        os.remove(p.path(".sops.yaml"))
        same(p.sops("config", "check").status, 1, "status when there is none")

    @check("config-check-unknown-keys")
    def _(p):
        p.put("a.yaml", "x")
        p.put(".sops.yaml", "creation_rulez: []\ncreation_rules:\n  - path_regexp: ^a\n    arn: arn:aws:kms:x\n    key_groups:\n      - agee: [x]\n        kms:\n          - arn: arn:aws:kms:eu-west-1:1:key/x\n            profile: p\n        age: [%s]\n    x-mine: 1\n    _note: 2\nstores: {yaml: {indnt: 2}, yml: {}}\ncheck: {ignroe: []}\nkeys: []\nwhatever: 1\n" % ALICE)
        f = ccheck(p, status=0)
        got = {}
        for x in f.rows:
            got[x["line"]] = got.get(x["line"], "") + x["message"] + "; "
        for line, word, known in ((1, "creation_rulez", "creation_rules"), (3, "path_regexp", "path_regex"), (4, "arn", "key_groups"), (6, "agee", "age"), (9, "profile", ""), (13, "indnt", "indent"), (14, "ignroe", "ignore")):
            need(line in got and word in f.r.text and known in got[line], "line %d: %s" % (line, word), str(got))
        same(len([x for x in f.rows if x["id"] == "unknown-key"]), 8, "number of unknown keys (%s)" % got)
        ccheck(p, "--strict", status=1)

    @check("config-check-shadowed-and-unused")
    def _(p):
        p.put("a.yaml", "x")
        p.put("b/c.yaml", "x")
        p.rules("path_regex: ^a\n" + A, "path_regex: ^nothing/\n" + A, "path_regex: ^a\n" + A, "path_regex: .*\n" + A, "path_regex: ^b\n" + A, A)
        f = ccheck(p, status=0)
        lines = [i for i, l in enumerate(p.lines(".sops.yaml"), 1) if l.startswith("  - ")]
        f.have(("unused-rule", ".sops.yaml", lines[1]), ("shadowed-rule", ".sops.yaml", lines[2]), ("shadowed-rule", ".sops.yaml", lines[4]), ("shadowed-rule", ".sops.yaml", lines[5]))
        need(str(lines[0]) in f.of("shadowed-rule")["message"] and "^nothing/" in f.of("unused-rule")["message"], "what is named", str(f.rows))
        f = p.check()
        need("unused-rule" not in f.ids() and "shadowed-rule" in f.ids(), "`check` has no unused-rule", str(f.ids()))

    @check("config-check-forms")
    def _(p):
        p.rules("path_regx: x\n" + A)
        r = p.sops("config", "check").ok(0)
        need(re.search(r"^\.sops\.yaml:2: warning\[unknown-key\] ", r.text, re.M), "human", r.text)
        need(p.sops("config", "check", "--format", "github").text.startswith("::warning file=.sops.yaml,line=2,"), "github")
        need(json.loads(p.sops("config", "check", "--format", "sarif").text)["runs"][0]["results"], "sarif")
        same(p.sops("config", "check", "-q").text, "", "quiet")

    @check("config-check-asks-no-server-and-reads-no-key")
    def _(p):
        p.rules("azure_keyvault: https://v.vault.azure.net/keys/k\nhc_vault_transit_uri: https://127.0.0.1:1/v1/t/keys/k\nkms: arn:aws:kms:eu-west-1:111122223333:key/x\ngcp_kms: projects/p/locations/l/keyRings/r/cryptoKeys/k\npgp: D867D7285BF285ADBA45E0E5C3933DD51026D412")
        r = ccheck(p)
        need("config" not in r.ids() and r.r.secs < 10, "keys of servers", str(r.r))

    # ---- recipients --------------------------------------------------------------------------------------------------
    def recipients(p, *args, status=0, **kw):
        return p.sops("recipients", "--json", *args, **kw).ok(status).json()

    @check("recipients-shape")
    def _(p):
        p.rules("path_regex: ^s\nencrypted_regex: ^pw\nage: [%s, %s]" % (ALICE, BOB), recipients="bob: " + BOB)
        p.seal("s.yaml", "pw: CANARY\n", config=True, recipients=None)
        d, = recipients(p, "s.yaml")
        same(list(d), ["schema", "file", "groups", "threshold", "crypt_rule", "mac_only_encrypted", "lastmodified", "version"], "keys")
        same((d["schema"], d["file"], d["threshold"], d["crypt_rule"], d["mac_only_encrypted"]), (1, "s.yaml", 0, {"name": "encrypted_regex", "value": "^pw"}, False), "values")
        same(d["groups"], [{"keys": [{"type": "age", "id": ALICE, "name": None, "mine": True, "created_at": None}, {"type": "age", "id": BOB, "name": "bob", "mine": False, "created_at": None}]}], "groups")
        need(d["lastmodified"] and d["lastmodified"] in p.get("s.yaml") and "version: " + d["version"] in p.get("s.yaml"), "lastmodified, version", str(d))
        r = p.sops("recipients", "s.yaml").ok()
        need(all(w in r.text for w in (ALICE, BOB, "bob", "mine", "alice.txt", "encrypted_regex ^pw")), "for people", r.text)

    @check("recipients-of-several-files")
    def _(p):
        p.rules("path_regex: ^s\nshamir_threshold: 2\nkey_groups:\n  - age: [%s]\n  - age: [%s, %s]" % (ALICE, BOB, CAROL))
        p.seal("s1.yaml", "a: x\n", config=True, recipients=None)
        p.seal("d/t.env", "A=x\n", recipients=BOB)
        p.seal("d/u.bin", b"x", recipients=BOB)
        p.put("plain.yaml", "a: CANARY\n")
        rows = recipients(p, "-r", ".")
        same([d["file"] for d in rows], ["d/t.env", "d/u.bin", "s1.yaml"], "files")
        same((rows[2]["threshold"], len(rows[2]["groups"])), (2, 2), "groups")
        same(rows[1]["crypt_rule"], None, "the rule of a binary file")
        rows = recipients(p, "-r", "--by-recipient", ".")
        same([(d["type"], d["id"], d["files"]) for d in rows], sorted([("age", ALICE, ["s1.yaml"]), ("age", BOB, ["d/t.env", "d/u.bin", "s1.yaml"]), ("age", CAROL, ["s1.yaml"])]), "by recipient")
        same(list(rows[0]), ["schema", "type", "id", "name", "mine", "files"], "keys")
        r = p.sops("recipients", "-r", "--by-recipient", ".").ok()
        need(all(w in r.text for w in (ALICE, BOB, CAROL, "d/t.env")), "for people", r.text)

    @check("recipients-errors")
    def _(p):
        p.seal("s.yaml", "a: x\n")
        p.put("plain.yaml", "a: CANARY\n")
        p.put("d/x", "")
        same(p.sops("recipients").status, 100, "status without a path")
        r = p.sops("recipients", "--json", "plain.yaml", "s.yaml", "gone.yaml").ok(1)
        same([d["file"] for d in r.json()], ["s.yaml"], "the others go on")
        need("plain.yaml" in r.errtext and "gone.yaml" in r.errtext, "stderr names what failed", r.errtext)
        r = p.sops("recipients", "d").ok(1)
        need("-r" in r.errtext, "a folder wants -r", r.errtext)
        p.sub("s.yaml", r"^    lastmodified: .*$", "    lastmodified: \"x\"")
        p.sops("recipients", "s.yaml").ok(1)

    @check("recipients-of-all-sources-without-asking")
    def _(p):
        p.seal("s.yaml", "a: x\n")
        at = "        - created_at: \"2020-01-01T00:00:00Z\"\n          enc: AAAA\n"
        p.edit("s.yaml", "    lastmodified:", "    azure_kv:\n%s          name: n\n          vault_url: https://v.vault.azure.net\n          version: \"1\"\n    gcp_kms:\n%s          resource_id: projects/p/x\n    hc_vault:\n%s          engine_path: e/transit\n          key_name: k\n          vault_address: https://127.0.0.1:1\n    kms:\n%s          arn: arn:aws:kms:eu-west-1:1:key/x\n          aws_profile: \"\"\n          role: arn:aws:iam::1:role/r\n          context: {b: c, a: d}\n    pgp:\n%s          fp: D867D7285BF285ADBA45E0E5C3933DD51026D412\n    lastmodified:" % ((at,) * 5))
        p.put("cmd", "#!/bin/sh\ntouch %s/asked\n" % p.top, 0o755)
        d, = recipients(p, "s.yaml", env={"SOPS_AGE_KEY_CMD": p.path("cmd"), "SOPS_AGE_KEY_FILE": None})
        got = {k["type"]: k for k in d["groups"][0]["keys"]}
        same({t: k["id"] for t, k in got.items()}, {"age": ALICE, "azure_kv": "https://v.vault.azure.net/keys/n/1", "gcp_kms": "projects/p/x", "hc_vault": "https://127.0.0.1:1/v1/e/transit/keys/k", "kms": "arn:aws:kms:eu-west-1:1:key/x+arn:aws:iam::1:role/r|a:d,b:c", "pgp": "D867D7285BF285ADBA45E0E5C3933DD51026D412"}, "ids")
        same((got["kms"]["mine"], got["kms"]["created_at"], got["age"]["mine"], got["pgp"]["mine"]), (None, "2020-01-01T00:00:00Z", None, False if shutil.which("gpg") else None), "mine, created_at")
        need(not os.path.exists(os.path.join(p.top, "asked")), "a command was run")
        need("180" in p.sops("recipients", "s.yaml").text, "old keys: rotation is advised")

    @check("recipients-mine")
    def _(p):
        p.seal("s.yaml", "a: x\n", recipients=ALICE + "," + WHO["SSH_ED25519"] + "," + BOB)
        mine = lambda **e: {k["id"].split()[0][:7] if k["id"].startswith("ssh") else {ALICE: "alice", BOB: "bob"}[k["id"]]: k["mine"] for k in recipients(p, "s.yaml", env=e)[0]["groups"][0]["keys"]}
        same(mine(), {"alice": True, "ssh-ed2": False, "bob": False}, "by SOPS_AGE_KEY_FILE")
        same(mine(SOPS_AGE_KEY_FILE=None), {"alice": False, "ssh-ed2": False, "bob": False}, "nothing")
        with open(os.path.join(KEYS, "age", "bob.txt")) as f:
            key = [l for l in f.read().split("\n") if l.startswith("AGE-")][0]
        same(mine(SOPS_AGE_KEY=p.secret(key)), {"alice": True, "ssh-ed2": False, "bob": True}, "by SOPS_AGE_KEY")
        os.makedirs(os.path.join(p.home, ".ssh"))
        shutil.copy(os.path.join(KEYS, "ssh", "id_ed25519"), os.path.join(p.home, ".ssh"))
        os.chmod(os.path.join(p.home, ".ssh", "id_ed25519"), 0o600)
        same(mine(), {"alice": True, "ssh-ed2": True, "bob": False}, "by ~/.ssh/id_ed25519")
        os.makedirs(os.path.join(p.home, ".config/sops/age"))
        with open(os.path.join(p.home, ".config/sops/age/keys.txt"), "w") as f:
            f.write(key + "\n")
        same(mine(SOPS_AGE_KEY_FILE=None), {"alice": False, "ssh-ed2": True, "bob": True}, "by the default file")

    @check("recipients-pgp")
    def _(p):
        if not shutil.which("gpg"):
            raise Skip("gpg is not installed")
        home = tempfile.mkdtemp(prefix="gk-")
        if len(home) > 70:
            os.rmdir(home)
            raise Skip("TMPDIR is too long a path for gpg's sockets")
        try:
            p.extra["GNUPGHOME"] = home
            p.run(["gpg", "--batch", "--quiet", "--import", os.path.join(KEYS, "pgp", "rsa.asc")])
            p.seal("s.yaml", "a: x\n", "--pgp", WHO["FP_RSA"], recipients=None)
            d, = recipients(p, "s.yaml")
            k = d["groups"][0]["keys"][0]
            need(k["mine"] is True and k["name"], "the secret key is in the keyring", str(k))
            need(WHO["FP_RSA"] in p.sops("keys", "--json").text, "`keys` lists it")
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], stderr=subprocess.DEVNULL)
            shutil.rmtree(home, ignore_errors=True)

    # ---- doctor ------------------------------------------------------------------------------------------------------
    def doctor(p, *args, status=None, **kw):
        r = p.sops("doctor", "--json", *args, **kw)
        if status is not None:
            r.ok(status)
        d = r.json()
        need(len(d) == 1 and d[0]["schema"] == 1 and d[0]["status"] == r.status, "one object, with the status", str(r))
        for c in d[0]["checks"]:
            need(c.get("ok") in (True, False, None) and c["id"] and c["what"], "a malformed check", str(c))
            if c["ok"] is False:
                need(c.get("error") and c.get("next"), "a failure without error or next step", str(c))
        return d[0]["checks"]

    def of(checks, id, ok=None):
        hits = [c for c in checks if c["id"] == id and (ok is None or c["ok"] == ok)]
        need(hits, "no %s that is %s" % (id, ok), clip(checks))
        return hits[0]

    @check("doctor-of-a-healthy-file")
    def _(p):
        p.seal("s.yaml", "a: CANARY\nb: 1\n")
        c = doctor(p, "s.yaml", status=0)
        same([x["id"] for x in c if x["id"] != "place"], ["file", "config", "metadata", "key", "data-key", "leaf", "mac"], "steps")
        same(len([x for x in c if x["id"] == "place"]), 8, "places")
        need(all(x["ok"] is not False for x in c), "nothing fails", str(c))
        key = of(c, "key", True)
        need(ALICE in key["what"] and isinstance(key["ms"], int) and key["group"] == 0, "the key", str(key))
        r = p.sops("doctor", "s.yaml").ok()
        need(re.search(r"^ok +mac\b", r.text, re.M) and "next:" not in r.text, "for people", r.text)

    @check("doctor-no-identity")
    def _(p):
        p.seal("s.yaml", "a: CANARY\n")
        c = doctor(p, "s.yaml", status=128, env={"SOPS_AGE_KEY_FILE": None})
        need("keys.txt" in of(c, "key", False)["next"] or "SOPS_AGE_KEY_FILE" in of(c, "key", False)["next"], "where to put an identity", str(of(c, "key", False)))
        need(of(c, "data-key", False) and of(c, "leaf")["ok"] is None and of(c, "mac")["ok"] is None, "what follows is not tried")
        same(p.sops("decrypt", "s.yaml", watch=False, env={"SOPS_AGE_KEY_FILE": None}).status, 128, "decrypt")

    @check("doctor-not-for-me")
    def _(p):
        p.rules("age: [%s]" % BOB, recipients="bob: " + BOB)
        p.seal("s.yaml", "a: CANARY\n", recipients=BOB)
        n = of(doctor(p, "s.yaml", status=128), "key", False)["next"]
        need(ALICE in n and "bob" in n and "updatekeys" in n, "own recipient, whom to ask, how", n)

    @check("doctor-places")
    def _(p):
        p.seal("s.yaml", "a: CANARY\n")
        c = doctor(p, "s.yaml", status=128, env={"SOPS_AGE_KEY_FILE": "/nowhere/keys.txt"})
        x = [y for y in c if y["id"] == "place" and "SOPS_AGE_KEY_FILE" in y["what"]][0]
        need(x["ok"] is False and "/nowhere/keys.txt" in x.get("where", "") + x["error"], "a file that is not there", str(x))
        x = [y for y in doctor(p, "s.yaml", env={"SOPS_AGE_KEY": p.keyfile, "SOPS_AGE_KEY_FILE": None}, status=128) if y["id"] == "place" and y["what"] == "SOPS_AGE_KEY"][0]
        need(x["ok"] is False and "SOPS_AGE_KEY_FILE" in x["next"], "a path in SOPS_AGE_KEY", str(x))
        p.put("pub.txt", "# public\n%s\n" % ALICE)
        x = [y for y in doctor(p, "s.yaml", env={"SOPS_AGE_KEY_FILE": p.path("pub.txt")}, status=128) if y["id"] == "place" and "SOPS_AGE_KEY_FILE" in y["what"]][0]
        need(x["ok"] is False and "public" in x["error"] + x["next"], "a recipient where an identity belongs", str(x))
        p.put("empty.txt", "# nothing\n")
        x = [y for y in doctor(p, "s.yaml", env={"SOPS_AGE_KEY_FILE": p.path("empty.txt")}, status=128) if y["id"] == "place" and "SOPS_AGE_KEY_FILE" in y["what"]][0]
        need(x["ok"] is False, "a file without an identity", str(x))

    @check("doctor-ssh-key-under-another-name")
    def _(p):
        p.seal("s.yaml", "a: CANARY\n", recipients=WHO["SSH_ED25519"])
        os.makedirs(os.path.join(p.home, ".ssh"))
        for e in ("", ".pub"):
            shutil.copy(os.path.join(KEYS, "ssh", "id_ed25519" + e), os.path.join(p.home, ".ssh", "work_key" + e))
        os.chmod(os.path.join(p.home, ".ssh", "work_key"), 0o600)
        n = of(doctor(p, "s.yaml", status=128), "key", False)["next"]
        need("SOPS_AGE_SSH_PRIVATE_KEY_FILE=" in n and n.rstrip().endswith("/.ssh/work_key"), "the key under another name", n)
        doctor(p, "s.yaml", status=0, env={"SOPS_AGE_SSH_PRIVATE_KEY_FILE": os.path.join(p.home, ".ssh", "work_key")})

    @check("doctor-plugin-and-pgp")
    def _(p):
        p.seal("s.yaml", "a: CANARY\n", recipients=BOB)
        p.edit("s.yaml", BOB, "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t")
        n = of(doctor(p, "s.yaml", status=128), "key", False)["next"]
        p.seal("s.yaml", "a: CANARY\n", recipients=BOB)
        p.edit("s.yaml", "    lastmodified:", "    pgp:\n        - created_at: \"2020-01-01T00:00:00Z\"\n          enc: |-\n            -----BEGIN PGP MESSAGE-----\n\n            AAAA\n            -----END PGP MESSAGE-----\n          fp: D867D7285BF285ADBA45E0E5C3933DD51026D412\n    lastmodified:")
        fails = [c for c in doctor(p, "s.yaml", status=128) if c["id"] == "key" and c["ok"] is False]
        same(len(fails), 2, "both keys are tried")
        if shutil.which("gpg"):
            need("gpg --import" in " ".join(c["next"] for c in fails), "gpg --import", str(fails))

    @check("doctor-groups")
    def _(p):
        p.rules("shamir_threshold: 2\nkey_groups:\n  - age: [%s, %s]\n  - age: [%s]\n  - age: [%s]" % (ALICE, BOB, BOB, CAROL), recipients="bob: %s\ncarol: %s" % (BOB, CAROL))
        p.seal("s.yaml", "a: CANARY\n", config=True, recipients=None)
        c = doctor(p, "s.yaml", status=128)
        same([(x["group"], x["ok"]) for x in c if x["id"] == "key"], [(0, True), (0, None), (1, False), (2, False)], "keys by group")
        x = of(c, "data-key", False)
        need("1" in x["what"] and "2" in x["what"] and ("bob" in x["next"] or "carol" in x["next"]), "how many are needed, whom to ask", str(x))
        same([(x["group"], x["ok"]) for x in doctor(p, "--all", "s.yaml") if x["id"] == "key"], [(0, True), (0, False), (1, False), (2, False)], "--all tries them all")

    @check("doctor-values")
    def _(p):
        p.seal("s.yaml", "a: x\nb: w\nc: z\n")
        for k in "ac":
            p.edit("s.yaml", leaf(p, "s.yaml", k), leaf(p, "s.yaml", k).replace("data:", "data:AAAA"))
        c = doctor(p, "s.yaml", status=25)
        bad = [x for x in c if x["id"] == "leaf" and x["ok"] is False]
        same([x["what"] for x in bad], ['["a"]', '["c"]'], "each value that does not open")
        need("line 1" in bad[0].get("where", "") and "line 3" in bad[1].get("where", ""), "their lines", str(bad))
        same(of(c, "mac")["ok"], None, "the MAC is not tried")

    @check("doctor-mac-switched")
    def _(p):
        p.seal("s.yaml", "a: x\nb_unencrypted: clear\n")
        p.edit("s.yaml", "    mac: ", "    mac_only_encrypted: true\n    mac: ")
        x = of(doctor(p, "s.yaml", status=51), "mac", False)
        need("mac_only_encrypted" in x["error"] + x["next"], "the cause", str(x))

    @check("doctor-mac-and-history")
    def _(p):
        p.repo()
        p.seal("s.yaml", "a: x\nb_unencrypted: clear\nc: z\n")
        p.commit("good")
        good = p.git("rev-parse", "HEAD").text.strip()
        p.edit("s.yaml", "b_unencrypted: clear", "b_unencrypted: CANARY")
        p.commit("by hand")
        p.put("other", "x")
        p.commit("more")
        x = of(doctor(p, "s.yaml", status=51), "mac", False)
        need('["b_unencrypted"]' in x["error"] and good[:12] in x["error"] + x["next"], "what changed since which commit", str(x))
        need("mac_only_encrypted" in x["error"] + x["next"], "only clear values differ", str(x))
        p.git("checkout", "-q", good, "--", "s.yaml")
        p.sub("s.yaml", r"^c: .*\n", "")
        x = of(doctor(p, "s.yaml", status=51), "mac", False)
        need('["c"]' in x["error"] and "mac_only_encrypted" not in x["error"], "a value that was taken out", str(x))
        p.git("checkout", "-q", good, "--", "s.yaml")
        p.sub("s.yaml", r"lastmodified: .*", "lastmodified: \"%s\"" % OLD)
        x = of(doctor(p, "s.yaml", status=51), "mac", False)
        need("lastmodified" in x["error"], "the date", str(x))

    @check("doctor-mac-without-a-cause")
    def _(p):
        p.seal("s.yaml", "a: x\nb: w\n")
        p.sub("s.yaml", r"^b: .*\n", "")
        x = of(doctor(p, "s.yaml", status=51), "mac", False)
        need("--ignore-mac" in x["next"], "what to do", str(x))

    @check("doctor-statuses-are-those-of-decrypt")
    def _(p):
        p.put("plain.yaml", "a: CANARY\n")
        p.put("broken.yaml", "a: [\nsops: {mac: ENC[AES256_GCM,x\n")
        p.seal("s.yaml", "a: x\n")
        p.seal("v.yaml", "a: x\n")
        p.sub("v.yaml", r"^    version: .*$", "    version: \"x\"")
        p.seal("t.env", "A=x\n")
        os.rename(p.path("t.env"), p.path("t.enc"))
        for n in ("gone.yaml", "plain.yaml", "broken.yaml", "s.yaml", "v.yaml", "t.enc"):
            same(p.sops("doctor", n).status, p.sops("decrypt", n, watch=False).status, "status for " + n)
        x = of(doctor(p, "t.enc"), "metadata", False)
        need("--input-type dotenv" in x["next"], "the type", str(x))
        p.put(".sops.yaml", "creation_rules: [\n")
        c = doctor(p, "s.yaml", status=1)
        need(of(c, "config", False), "a broken configuration stops decrypt, too")

    @check("doctor-shows-no-secret")
    def _(p):
        p.seal("s.yaml", "a: CANARY\nb: CANARY2\n", "--encrypted-regex", "^a")
        with open(os.path.join(KEYS, "age", "bob.txt")) as f:
            key = p.secret([l for l in f.read().split("\n") if l.startswith("AGE-")][0])
        p.put("bad.txt", key[:-1] + "Q\n")
        p.secret(key[:-1])
        for env in ({}, {"SOPS_AGE_KEY": key}, {"SOPS_AGE_KEY": key + "x"}, {"SOPS_AGE_KEY_FILE": p.path("bad.txt")}):
            for words in (["s.yaml"], ["--json", "s.yaml"], ["--json"], []):
                p.sops("doctor", *words, env=env)
            p.sops("keys", env=env)
            p.sops("keys", "--json", env=env)

    @check("doctor-of-the-environment")
    def _(p):
        r = p.sops("doctor", env={"SOPS_EDITOR": "vi"}).ok()
        need("SOPS_EDITOR" in r.text and ALICE in r.text and "vi" not in r.text.replace("SOPS_EDITOR", "").split(), "names of variables, identities", r.text)
        same(p.sops("doctor", env={"SOPS_AGE_KEY_FILE": "/nowhere"}).status, 1, "status with something broken")
        p.put(".sops.yaml", "creation_rules: [\n")
        same(p.sops("doctor").status, 1, "status with a broken configuration")

    # ---- keys --------------------------------------------------------------------------------------------------------
    @check("keys")
    def _(p):
        p.rules("age: %s # Alice" % ALICE)
        rows = p.sops("keys", "--json").ok().json()
        x = [r for r in rows if r.get("id") == ALICE][0]
        same((x["schema"], x["type"], x["name"], x["source"], x["path"], x["ok"]), (1, "age", "Alice", "SOPS_AGE_KEY_FILE", p.keyfile, True), "alice")
        with open(p.keyfile) as f:
            same(x["line"], [i for i, l in enumerate(f.read().split("\n"), 1) if l.startswith("AGE-")][0], "line")
        os.makedirs(os.path.join(p.home, ".ssh"))
        for n in ("id_ed25519", "id_rsa"):
            shutil.copy(os.path.join(KEYS, "ssh", n), os.path.join(p.home, ".ssh"))
            os.chmod(os.path.join(p.home, ".ssh", n), 0o600)
        p.put("cmd", "#!/bin/sh\ntouch %s/asked\n" % p.top, 0o755)
        r = p.sops("keys", env={"SOPS_AGE_KEY_CMD": p.path("cmd")}).ok()
        need(all(w in r.text for w in (ALICE, "Alice", " ".join(WHO["SSH_ED25519"].split()[:2]), "ssh-rsa", "SOPS_AGE_KEY_CMD")), "for people", r.text)
        need(not os.path.exists(os.path.join(p.top, "asked")), "a command was run")

    # ---- the reference -----------------------------------------------------------------------------------------------
    @check("reference-reads-our-configuration")
    def _(p):
        if not p.opts.reference:
            raise Skip("no --reference")
        p.put("a.yaml", "a: x\n")
        p.put(".sops.yaml", "check:\n  require: ['^a']\n  ignore: []\n  allow: [{id: leaf, path: x, key: y}]\n  max_age: 180d\n  entropy: off\nrecipients: {alice: %s}\ncreation_rules:\n  - path_regex: ^a\n    required: true\n    x-note: 1\n    age: %s\n" % (ALICE, ALICE))
        r = p.run([p.opts.reference, "encrypt", "a.yaml"], env=p.env(SOPS_DISABLE_VERSION_CHECK="1"))
        need(r.status == 0 and "ENC[" in r.text, "the reference encrypts with it", str(r))
        p.put("a.yaml", r.text)
        p.check("--key", status=0).none()
        r = p.run([p.opts.reference, "decrypt", "a.yaml"], env=p.env(SOPS_DISABLE_VERSION_CHECK="1"))
        need(r.status == 0 and r.text == "a: x\n", "and decrypts", str(r))

    @check("reference-agrees-with-key-findings")
    def _(p):
        if not p.opts.reference:
            raise Skip("no --reference")
        p.seal("s.yaml", "a: x\nb: w\nc_unencrypted: clear\n")
        good = p.get("s.yaml")
        a, b = leaf(p, "s.yaml", "a"), leaf(p, "s.yaml", "b")
        for t in (good, good.replace(a, b, 1), good.replace("c_unencrypted: clear", "c_unencrypted: other"), good.replace(a, "plain"), good.replace(a, "''"), good.replace(a, a.replace("type:str", "type:int")), good.replace(a, a.replace("type:str", "type:bytes").replace("bytes", "comment")),
                  good.replace(a, a + " tail"), good.replace("a: ", "aa: ", 1), re.sub(r"^b: .*\n", "", good, flags=re.M), re.sub(r"^    mac: .*\n", "", good, flags=re.M), good.replace("c_unencrypted: clear", "c_unencrypted: clear\nn_unencrypted:")):
            p.put("s.yaml", t)
            r = p.run([p.opts.reference, "decrypt", "s.yaml"], env=p.env(SOPS_DISABLE_VERSION_CHECK="1"))
            f = p.check("--key")
            same(f.r.status == 0, r.status == 0, "check --key and decrypt by the reference agree (%s, %s)" % (f.ids(), r.errtext[:80]))
