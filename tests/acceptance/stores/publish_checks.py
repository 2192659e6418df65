# SPDX-License-Identifier: Apache-2.0
"""sops publish in store mode, and the manifests that it writes."""
import json
import os
import re
import time

import mocks
from box import RECIPIENTS, Failed, check, clip, json_lines, same, want, yaml_documents


# ---- the four stores behind one face ------------------------------------------------------------------------------

class Aws:
    kind, key, place = "aws", "aws_secretsmanager", "eu-west-1"
    readers = {"AWS_ACCESS_KEY_ID": "AKIDNOREAD", "AWS_SECRET_ACCESS_KEY": "noread-secret"}

    def rule(self, box, **more):
        return {self.key: dict({"owner": "shop", "region": "eu-west-1", "prefix": "app/"}, **more)}

    def name(self, path):
        return "app/" + path

    def value(self, box, name):
        v = box.store.aws.get("eu-west-1", name)
        return v.encode() if isinstance(v, str) else v

    def tags(self, box, name):
        s = box.store.aws.secrets.get(("eu-west-1", name))
        return dict(s.tags) if s else {}

    def put(self, box, name, text, tags):
        box.store.aws.put("eu-west-1", name, text, tags=tags)

    def retag(self, box, name, tags):
        box.store.aws.secrets["eu-west-1", name].tags = dict(tags)

    def gone(self, box, name):
        return box.store.aws.secrets["eu-west-1", name].deleted

    def names(self, box):
        return sorted(n for (_, n), s in box.store.aws.secrets.items() if not s.deleted)


class Gcp:
    kind, key, place = "gcp", "gcp_secretmanager", "projects/shop-project"
    readers = {"GOOGLE_OAUTH_ACCESS_TOKEN": "gcp-noread"}

    def rule(self, box, **more):
        return {self.key: dict({"owner": "shop", "project": "shop-project", "prefix": "app-"}, **more)}

    def name(self, path):
        return "app-" + path.replace("/", "-")

    def value(self, box, name):
        return box.store.gcp.get(name)

    def tags(self, box, name):
        s = box.store.gcp.secrets.get(("", name))
        return dict(s["annotations"], **s["labels"]) if s else {}

    def put(self, box, name, text, tags):
        box.store.gcp.put(name, text, labels={k: v for k, v in tags.items() if k not in ("sops-source", "sops-digest", "note")},
                          annotations={k: v for k, v in tags.items() if k in ("sops-source", "sops-digest", "note")})

    def retag(self, box, name, tags):
        s = box.store.gcp.secrets["", name]
        s["labels"], s["annotations"] = {}, {}
        box.store.gcp.put(name)
        self.put_marks(s, tags)

    @staticmethod
    def put_marks(s, tags):
        for k, v in tags.items():
            (s["annotations"] if k in ("sops-source", "sops-digest", "note") else s["labels"])[k] = v

    def gone(self, box, name):
        s = box.store.gcp.secrets.get(("", name))
        return s is not None and bool(s["versions"]) and not any(v["state"] == "ENABLED" for v in s["versions"])

    def names(self, box):
        return sorted(n for (_, n) in box.store.gcp.secrets if box.store.gcp.get(n) is not None)


class Azure:
    kind, key, place = "azure", "azure_keyvault_secrets", "https://shop.vault.azure.net"
    readers = None

    def rule(self, box, **more):
        return {self.key: dict({"owner": "shop", "vault_url": "https://shop.vault.azure.net", "prefix": "app-"}, **more)}

    def name(self, path):
        return "app-" + path.replace("/", "-")

    def value(self, box, name):
        v = box.store.azure.get("shop", name)
        return v.encode() if v is not None else None

    def tags(self, box, name):
        found = box.store.azure.secrets.get(("shop", name))
        return dict(found[-1]["tags"]) if found else {}

    def put(self, box, name, text, tags):
        box.store.azure.put("shop", name, text, tags)

    def retag(self, box, name, tags):
        box.store.azure.secrets["shop", name][-1]["tags"] = dict(tags)

    def gone(self, box, name):
        return ("shop", name) in box.store.azure.deleted

    def names(self, box):
        return sorted(n for (_, n) in box.store.azure.secrets)


class Vault:
    kind, key = "vault", "vault_kv"
    readers = {"VAULT_TOKEN": "vault-nodata"}

    @property
    def place(self):
        raise NotImplementedError

    def rule(self, box, **more):
        return {self.key: dict({"owner": "shop", "address": box.store.url, "prefix": "app/"}, **more)}

    def name(self, path):
        return "app/" + path

    def value(self, box, name):
        v = box.store.vault.get(name)
        return json.dumps(v).encode() if v is not None else None

    def tags(self, box, name):
        return dict(box.store.vault.custom(name) or {})

    def put(self, box, name, text, tags):
        box.store.vault.put(name, text, custom=dict(tags) or None)

    def retag(self, box, name, tags):
        box.store.vault.v2["", "secret", name]["custom"] = dict(tags) or None

    def gone(self, box, name):
        return box.store.vault.v2["", "secret", name]["versions"][-1]["deleted"]

    def names(self, box):
        return sorted(p for (_, _, p) in box.store.vault.v2 if box.store.vault.get(p) is not None)


STORES = [Aws(), Gcp(), Azure(), Vault()]


def place(box, s):
    return box.store.url + "/secret" if s.kind == "vault" else s.place


def each(name, only=None, fine=()):
    """one check for each store: name/STORE"""
    def register(function):
        for s in STORES:
            if only is None or s.kind in only:
                check("%s/%s" % (name, s.kind), fine=fine)(lambda box, s=s: function(box, s))
        return function
    return register


def rules(*entries):
    return "".join("  - %s\n" % json.dumps(e) for e in entries)


def setup(box, s, path="secrets/db.yaml", text=None, regex=r"^secrets/", **more):
    """a config with one store rule and one encrypted file; gives the clear values"""
    box.config(rules(dict({"path_regex": regex}, **s.rule(box, **more))))
    pw = box.secret("pw")
    text = text if text is not None else "user: shop\npassword: %s\nport: 5432\n" % pw
    box.sealed(path, text)
    return pw


def publish(box, *args, **more):
    status = more.pop("status", 0)
    r = box.sops("publish", "--json", *args, **more)
    statuses = status if isinstance(status, tuple) else (status,)
    if r.status not in statuses:
        raise Failed("status %s wanted: %s" % (status, r))
    return json_lines(r.out)


def actions(lines):
    return {l["name"]: l["action"] for l in lines if "name" in l}


def forget(box):
    del box.store.log[:]


def is_json(value, wanted, what="value"):
    want(value is not None, what + ": nothing is there")
    same(json.loads(value), wanted, what)


# ---- create, same, update -----------------------------------------------------------------------------------------

@each("publish/create")
def create(box, s):
    pw = setup(box, s)
    lines = publish(box, "--yes", "secrets/db.yaml")
    name = s.name("secrets/db")
    same(lines, [{"schema": 1, "action": "create", "source": "secrets/db.yaml", "store": s.key, "place": place(box, s), "name": name,
                  "result": "done"}], "lines")
    same(list(lines[0])[:6], ["schema", "action", "source", "store", "place", "name"], "order of the keys")
    is_json(s.value(box, name), {"user": "shop", "password": pw, "port": 5432})
    tags = s.tags(box, name)
    for k, v in (("managed-by", "sops"), ("sops-owner", "shop"), ("sops-source", "secrets/db.yaml")):
        same(tags.get(k), v, "tag " + k)
    want(re.match(r"[A-Za-z0-9_-]{22}\Z", tags.get("sops-digest", "")), "sops-digest is 22 characters of base64url", tags)
    if s.kind == "azure":
        same(box.store.azure.secrets["shop", name][-1]["type"], "application/json", "contentType")


@each("publish/again-writes-nothing")
def again(box, s):
    setup(box, s)
    publish(box, "--yes", "secrets/db.yaml")
    forget(box)
    lines = publish(box, "--yes", "secrets/db.yaml")
    same(actions(lines), {s.name("secrets/db"): "same"}, "actions")
    want("result" not in lines[0], "an unchanged item has no result", lines)
    same(box.store.writes(), [], "requests that write")
    r = box.ok("publish", "--plan", "secrets/db.yaml")
    want(r.out.decode().startswith("= same"), "sign of same", r.out)


@each("publish/update-and-back")
def update(box, s):
    pw = setup(box, s)
    name = s.name("secrets/db")
    publish(box, "--yes", "secrets/db.yaml")
    first = json.loads(s.value(box, name))
    new = box.secret("new")
    box.ok("set", "secrets/db.yaml", '["password"]', json.dumps(new))
    lines = publish(box, "--plan", "secrets/db.yaml", status=1)
    same(lines[0]["action"], "update", "action")
    same(lines[0].get("changes"), [{"change": "changed", "path": ["password"]}], "changes")
    want("result" not in lines[0], "no result in a plan")
    is_json(s.value(box, name), first, "a plan changes nothing")
    publish(box, "--yes", "secrets/db.yaml")
    same(json.loads(s.value(box, name))["password"], new, "the new value")
    # A, B, then A again: a store that knows A's version already must still come back to A
    box.ok("set", "secrets/db.yaml", '["password"]', json.dumps(pw))
    lines = publish(box, "--yes", "secrets/db.yaml")
    same(lines[0]["action"], "update", "action back")
    same(json.loads(s.value(box, name))["password"], pw, "back at the first value")
    same(actions(publish(box, "--plan", "secrets/db.yaml")), {name: "same"}, "and it stays")


@each("publish/remote-changed")
def remote_changed(box, s):
    setup(box, s, text="a: 1\nb: two\n")
    name = s.name("secrets/db")
    publish(box, "--yes", "secrets/db.yaml")
    tags = s.tags(box, name)
    # the same JSON value in another dress is no change; numbers count by value
    s.put(box, name, '{ "b":"two",\n "a": 10e-1 }', tags)
    same(actions(publish(box, "--plan", "secrets/db.yaml")), {name: "same"}, "equal JSON")
    s.put(box, name, '{"b":"other","a":1,"c":null}', tags)
    lines = publish(box, "--plan", "secrets/db.yaml", status=1)
    same(lines[0].get("changes"), [{"change": "changed", "path": ["b"]}, {"change": "removed", "path": ["c"]}], "changes")
    publish(box, "--yes", "secrets/db.yaml")
    is_json(s.value(box, name), {"a": 1, "b": "two"})


@each("publish/tags-repaired-and-kept")
def tags(box, s):
    setup(box, s)
    name = s.name("secrets/db")
    publish(box, "--yes", "secrets/db.yaml")
    good = s.tags(box, name)
    s.retag(box, name, dict(good, **{"sops-digest": "x" * 22, "team": "payments"}))
    lines = publish(box, "--plan", "secrets/db.yaml", status=1)
    same(actions(lines), {name: "tag"}, "action")
    forget(box)
    publish(box, "--yes", "secrets/db.yaml")
    same(s.tags(box, name), dict(good, team="payments"), "tags: ours repaired, the other kept")
    want(not [w for w in box.store.writes() if w[0] in ("PutSecretValue", "versions.add", "azure.set", "data.write")], "no new version for tags")
    box.ok("set", "secrets/db.yaml", '["user"]', '"u2"')
    publish(box, "--yes", "secrets/db.yaml")
    same(s.tags(box, name).get("team"), "payments", "the other tag after an update")


@each("publish/without-the-right-to-read", only=("aws", "gcp", "vault"))
def digest(box, s):
    setup(box, s)
    name = s.name("secrets/db")
    publish(box, "--yes", "secrets/db.yaml", env=s.readers)
    want(s.value(box, name) is not None, "created without reading")
    forget(box)
    same(actions(publish(box, "--yes", "secrets/db.yaml", env=s.readers)), {name: "same"}, "the digest says same")
    same(box.store.writes(), [], "nothing is sent")
    box.ok("set", "secrets/db.yaml", '["user"]', '"u2"')
    lines = publish(box, "--plan", "secrets/db.yaml", env=s.readers, status=1)
    same((lines[0]["action"], lines[0].get("compared"), "changes" in lines[0]), ("update", "digest", False), "by digest")
    publish(box, "--yes", "secrets/db.yaml", env=s.readers)
    same(json.loads(s.value(box, name))["user"], "u2", "the new value")
    same(actions(publish(box, "--plan", "secrets/db.yaml")), {name: "same"}, "with the right to read")


# ---- ownership ----------------------------------------------------------------------------------------------------

@each("publish/foreign")
def foreign(box, s):
    setup(box, s)
    name = s.name("secrets/db")
    other = box.secret("foreign")
    s.put(box, name, json.dumps({"password": other}), {})
    box.sealed("secrets/api.yaml", "k: v\n")
    forget(box)
    for args in (["--plan"], ["--yes"]):
        lines = publish(box, *args, "--recursive", "secrets", status=2)
        same(actions(lines), {s.name("secrets/api"): "create", name: "foreign"}, "actions of " + args[0])
        want([l for l in lines if l["action"] == "foreign"][0].get("reason"), "a reason", lines)
    same(box.store.writes(), [], "one foreign item: nothing is written")
    want(not [e for e in box.store.log if e["op"] in ("GetSecretValue", "versions.access", "data.read") and e["name"] == name],
         "a foreign value is not even read")
    publish(box, "--yes", "--keep-going", "--recursive", "secrets", status=2)
    want(s.value(box, s.name("secrets/api")) is not None, "--keep-going writes the others")
    same(json.loads(s.value(box, name)), {"password": other}, "the foreign one")


@each("publish/adopt")
def adopt(box, s):
    pw = setup(box, s)
    name = s.name("secrets/db")
    s.put(box, name, '{"user":"shop","password":"old","port":5432}', {"team": "payments"})
    lines = publish(box, "--plan", "--adopt", "secrets/db.yaml", status=1)
    same((lines[0]["action"], lines[0].get("changes")), ("adopt", [{"change": "changed", "path": ["password"]}]), "plan")
    publish(box, "--yes", "--adopt", "secrets/db.yaml")
    same(json.loads(s.value(box, name))["password"], pw, "the value is ours")
    same((s.tags(box, name).get("managed-by"), s.tags(box, name).get("team")), ("sops", "payments"), "tags")
    same(actions(publish(box, "--plan", "secrets/db.yaml")), {name: "same"}, "without --adopt from now on")


@each("publish/adopt-not-from-others")
def adopt_managed(box, s):
    setup(box, s)
    name = s.name("secrets/db")
    for mark in ({"managed-by": "external-secrets"}, {"managed-by": "sops", "sops-owner": "other-team"}):
        s.put(box, name, '{"a":"b"}', {})
        s.retag(box, name, mark)
        forget(box)
        lines = publish(box, "--yes", "--adopt", "secrets/db.yaml", status=2)
        same(actions(lines), {name: "foreign"}, "managed by %s" % mark)
        want(("external-secrets" if len(mark) == 1 else "other-team") in lines[0].get("reason", ""), "the reason names it", lines)
        same(box.store.writes(), [], "writes")


@each("publish/two-sources-one-name")
def two_sources(box, s):
    setup(box, s, path="secrets/a/db.yaml", name="{stem}")
    publish(box, "--yes", "secrets/a/db.yaml")
    box.sealed("secrets/b/db.yaml", "x: 1\n")
    lines = publish(box, "--yes", "secrets/b/db.yaml", status=2)
    name = s.name("db")
    same(actions(lines), {name: "foreign"}, "while the first file exists")
    want("secrets/a/db.yaml" in lines[0]["reason"], "the reason names the other source", lines)
    os.unlink(box.path("secrets/a/db.yaml"))
    publish(box, "--yes", "secrets/b/db.yaml")
    same(s.tags(box, name)["sops-source"], "secrets/b/db.yaml", "a file that moved takes its item along")


# ---- prune, restore -----------------------------------------------------------------------------------------------

@each("publish/prune")
def prune(box, s):
    setup(box, s)
    for n in ("one", "two", "three"):
        box.sealed("secrets/%s.yaml" % n, "k: %s\n" % n)
    publish(box, "--yes", "--recursive", "secrets")
    s.put(box, s.name("secrets/alien"), '{"a":"b"}', {"managed-by": "sops", "sops-owner": "shop-two", "sops-source": "secrets/alien.yaml"})
    s.put(box, s.name("secrets/nobody"), '{"a":"b"}', {})
    for mock in (box.store.aws, box.store.gcp, box.store.azure):
        mock.page = 2  # several pages
    os.unlink(box.path("secrets/one.yaml"))
    os.unlink(box.path("secrets/two.yaml"))
    same(actions(publish(box, "--plan", "--recursive", "secrets")).get(s.name("secrets/one")), None, "not without --prune")
    lines = publish(box, "--plan", "--prune", "--recursive", "secrets", status=1)
    same({l["name"] for l in lines if l["action"] == "delete"}, {s.name("secrets/one"), s.name("secrets/two")}, "what would go")
    same([l["action"] for l in lines][-2:], ["delete", "delete"], "deletes come last")
    publish(box, "--yes", "--prune", "--recursive", "secrets")
    want(s.gone(box, s.name("secrets/one")) and s.gone(box, s.name("secrets/two")), "both are in the waste basket")
    same(s.names(box), sorted(s.name("secrets/" + n) for n in ("db", "three", "alien", "nobody")), "what is left")
    forget(box)
    lines = publish(box, "--yes", "--prune", "--recursive", "secrets")
    same([l for l in lines if l["action"] == "delete"], [], "nothing to prune again")
    same(box.store.writes(), [], "writes")


@each("publish/prune-only-below-the-paths")
def prune_scope(box, s):
    setup(box, s)
    box.sealed("secrets/x/one.yaml", "k: 1\n")
    box.sealed("secrets/y/two.yaml", "k: 2\n")
    box.sealed("secrets/xx.yaml", "k: 3\n")
    publish(box, "--yes", "--recursive", "secrets")
    for f in ("secrets/x/one.yaml", "secrets/y/two.yaml", "secrets/xx.yaml"):
        os.unlink(box.path(f))
    lines = publish(box, "--plan", "--prune", "secrets/db.yaml")
    same([l["name"] for l in lines if l["action"] == "delete"], [], "one file: only what came from it")
    lines = publish(box, "--plan", "--prune", "--recursive", "secrets/x", status=1)
    same([l["name"] for l in lines if l["action"] == "delete"], [s.name("secrets/x/one")], "one folder")
    # a source that is still there but was not published in this run (not encrypted any more) is not pruned
    box.write("secrets/xx.yaml", "k: 3\n")
    lines = publish(box, "--plan", "--prune", "--recursive", "secrets", status=1)
    same(sorted(l["name"] for l in lines if l["action"] == "delete"), sorted([s.name("secrets/x/one"), s.name("secrets/y/two")]), "the whole tree")


@each("publish/restore")
def restore(box, s):
    pw = setup(box, s)
    name = s.name("secrets/db")
    publish(box, "--yes", "secrets/db.yaml")
    sealed = box.read("secrets/db.yaml")
    os.unlink(box.path("secrets/db.yaml"))
    box.sealed("secrets/other.yaml", "k: v\n")
    publish(box, "--yes", "--prune", "--recursive", "secrets")
    want(s.gone(box, name), "deleted first")
    box.write("secrets/db.yaml", sealed, secret_is_fine=False)
    lines = publish(box, "--plan", "secrets/db.yaml", status=1)
    same(actions(lines), {name: "restore"}, "plan")
    publish(box, "--yes", "secrets/db.yaml")
    same(json.loads(s.value(box, name))["password"], pw, "it is back")
    same(actions(publish(box, "--plan", "secrets/db.yaml")), {name: "same"}, "and stays")


@each("publish/per-key", only=("aws", "gcp", "azure"))
def per_key(box, s):
    pw = box.secret("pw")
    setup(box, s, text="user: shop\npassword: %s\nport: 5432\nlist:\n  - 1\n  - a\nmap:\n  k: v\non: true\n" % pw, layout="per_key")
    lines = publish(box, "--yes", "secrets/db.yaml")
    base, join = s.name("secrets/db"), "/" if s.kind == "aws" else "-"
    same({l["key"]: l["name"] for l in lines}, {k: base + join + k for k in ("user", "password", "port", "list", "map", "on")}, "names")
    got = {k: s.value(box, base + join + k) for k in ("user", "password", "port", "list", "map", "on")}
    same(got, {"user": b"shop", "password": pw.encode(), "port": b"5432", "list": b'[1,"a"]', "map": b'{"k":"v"}', "on": b"true"}, "values")
    box.ok("unset", "secrets/db.yaml", '["port"]')
    box.ok("set", "secrets/db.yaml", '["user"]', '"u2"')
    lines = publish(box, "--yes", "--prune", "secrets/db.yaml")
    same({l["key"]: l["action"] for l in lines if "key" in l and l["action"] != "same"}, {"user": "update"}, "only what changed")
    same([l["name"] for l in lines if l["action"] == "delete"], [base + join + "port"], "a key that is gone")


@each("publish/interrupted-run-is-finished")
def interrupted(box, s):
    setup(box, s, text="a: 1\n", path="secrets/a.yaml")
    for n in "bc":
        box.sealed("secrets/%s.yaml" % n, "a: 1\n")
    op = {"aws": "CreateSecret", "gcp": "versions.add", "azure": "azure.set", "vault": "data.write"}[s.kind]
    box.store.fault(op, mocks.Response(503, '{"errors":["sealed"],"error":{"code":"UNAVAILABLE","message":"later","status":"UNAVAILABLE"},"__type":"InternalServiceError"}',
                                       {"Content-Type": "application/json", "Retry-After": "0"}), name=s.name("secrets/b") if s.kind != "gcp" else s.name("secrets/b"))
    lines = publish(box, "--yes", "--recursive", "secrets", status=2, env={"AWS_MAX_ATTEMPTS": "1"})
    same([l.get("result") for l in lines], ["done", "failed", "skipped"], "results")
    want(lines[1].get("error"), "the failed one has an error", lines)
    del box.store.faults[:]
    lines = publish(box, "--yes", "--recursive", "secrets")
    same([l["action"] for l in lines if l["source"] == "secrets/a.yaml"], ["same"], "the first stays")
    want(all(s.value(box, s.name("secrets/" + n)) is not None for n in "abc"), "all are there")
    want(all(s.tags(box, s.name("secrets/" + n)).get("managed-by") == "sops" for n in "abc"), "all are ours")
    same(set(actions(publish(box, "--plan", "--recursive", "secrets")).values()), {"same"}, "finished")


@each("publish/keep-going", fine=(2,))
def keep_going(box, s):
    setup(box, s, text="a: 1\n", path="secrets/a.yaml")
    for n in "bc":
        box.sealed("secrets/%s.yaml" % n, "a: 1\n")
    op = {"aws": "CreateSecret", "gcp": "secrets.create", "azure": "azure.set", "vault": "meta.write"}[s.kind]
    box.store.fault(op, mocks.Response(403, '{"errors":["permission denied"],"error":{"code":"PERMISSION_DENIED","message":"no","status":"PERMISSION_DENIED"},"__type":"AccessDeniedException","Message":"no"}',
                                       {"Content-Type": "application/json"}), name=s.name("secrets/b"))
    lines = publish(box, "--yes", "--keep-going", "--recursive", "secrets", status=2)
    same([l.get("result") for l in lines], ["done", "failed", "done"], "results")
    want(s.value(box, s.name("secrets/c")) is not None, "the third is written")


# ---- names, rules, limits -----------------------------------------------------------------------------------------

@check("publish/names")
def names(box):
    s = STORES[0]
    for template, path, wanted in (("{path}", "secrets/prod/db.enc.yaml", "app/secrets/prod/db"), ("{stem}", "secrets/prod/db.enc.yaml", "app/db"),
                                   ("{dir}.{stem}", "secrets/prod/db.yaml", "app/secrets/prod.db"), ("{path:-}", "secrets/prod/db.yaml", "app/secrets-prod-db"),
                                   ("x/{dir:__}/{stem:+}", "secrets/prod/db.yaml", "app/x/secrets__prod/db"), ("{stem}", "secrets/.env", "app/.env"),
                                   ("fixed", "secrets/a.json", "app/fixed"), ("{path}", "secrets/db-secret.yaml", "app/secrets/db-secret")):
        box.config(rules(dict(s.rule(box, name=template))))
        box.sealed(path, "{}" if path.endswith("json") else "a=1\n" if path.endswith("env") else "a: 1\n", "dotenv" if path.endswith(".env") else None)
        lines = publish(box, "--plan", path, status=1)
        same([l["name"] for l in lines], [wanted], "%s of %s" % (template, path))


@check("publish/config-folder-counts-not-cwd")
def from_below(box):
    setup(box, STORES[0])
    os.makedirs(box.path("secrets/sub"), exist_ok=True)
    box.work = box.path("secrets")
    try:
        lines = publish(box, "--yes", "db.yaml")
        same((lines[0]["source"], lines[0]["name"]), ("secrets/db.yaml", "app/secrets/db"), "from a folder below")
        same(actions(publish(box, "--plan", "./sub/../db.yaml")), {"app/secrets/db": "same"}, "written another way")
    finally:
        box.work = os.path.dirname(box.work)
    box.write("conf/c.yaml", box.read(".sops.yaml"))
    box.fails(2, "--config", "conf/c.yaml", "publish", "--plan", "secrets/db.yaml")


@check("publish/first-rule-wins")
def first_rule(box):
    setup(box, STORES[0])
    box.config(rules({"path_regex": "nothing-like-it", "s3_bucket": "b"}, dict({"path_regex": r"^secrets/db"}, **STORES[1].rule(box)), STORES[0].rule(box)))
    box.sealed("secrets/api.yaml", "a: 1\n")
    lines = publish(box, "--plan", "--recursive", "secrets", status=1)
    same({l["source"]: l["store"] for l in lines}, {"secrets/api.yaml": "aws_secretsmanager", "secrets/db.yaml": "gcp_secretmanager"}, "stores")


@check("publish/bad-rules")
def bad_rules(box):
    setup(box, STORES[0])
    a = {"owner": "shop", "region": "eu-west-1"}
    bad = [({"aws_secretsmanager": {"region": "eu-west-1"}}, "owner"), ({"aws_secretsmanager": dict(a, owner="Shop")}, "owner"),
           ({"aws_secretsmanager": dict(a, ownr="x")}, "ownr"), ({"aws_secretsmanager": dict(a, prefix=["x"])}, "prefix"),
           ({"aws_secretsmanager": dict(a, name="{paht}")}, "name"), ({"aws_secretsmanager": dict(a, name="a{")}, "name"),
           ({"aws_secretsmanager": dict(a, layout="flat")}, "layout"), ({"aws_secretsmanager": a, "s3_bucket": "b"}, "destination"),
           ({"aws_secretsmanager": a, "vault_kv": {"owner": "shop"}}, "destination"), ({"aws_secretsmanager": a, "omit_extensions": True}, "omit_extensions"),
           ({"aws_secretsmanager": a, "recreation_rule": {"age": RECIPIENTS["ALICE"]}}, "recreation_rule"),
           ({"gcp_secretmanager": {"owner": "shop"}}, "project"), ({"gcp_secretmanager": {"owner": "shop", "project": "p", "location": "l", "locations": ["m"]}}, "location"),
           ({"azure_keyvault_secrets": {"owner": "shop", "vault_url": "http://x.vault.azure.net"}}, "vault_url"),
           ({"vault_kv": {"owner": "shop", "layout": "per_key"}}, "per_key"), ({"aws_secretsmanager": a, "manifest": {"kind": "SecretStore"}}, "store"),
           ({"aws_secretsmanager": a, "manifest": {"store": "x", "nmae": "y"}}, "nmae"), ({"aws_secretsmanager": "eu-west-1"}, "aws_secretsmanager"),
           ({"aws_secretsmanager": dict(a, region="eu-west-1.evil.test/#")}, "region"), ({"gcp_secretmanager": {"owner": "shop", "project": "p/../q"}}, "project")]
    for rule, word in bad:
        box.config(rules(rule))
        r = box.fails(2, "publish", "--plan", "secrets/db.yaml")
        want(word in r.err.decode(), "the message names %s" % word, r)
    same(box.store.log, [], "requests")


@check("publish/limits")
def limits(box):
    big = "CANARYbig" + "x" * 70000
    box.canaries.append("CANARYbig")
    cases = [("aws", {}, "secrets/a b.yaml", "a: 1\n"), ("gcp", {"name": "{path}"}, "secrets/db.yaml", "a: 1\n"), ("gcp", {"prefix": "a."}, "secrets/db.yaml", "a: 1\n"),
             ("azure", {"prefix": "a_"}, "secrets/db.yaml", "a: 1\n"), ("azure", {"name": "{path}"}, "secrets/db.yaml", "a: 1\n"),
             ("vault", {"name": "a//{stem}"}, "secrets/db.yaml", "a: 1\n"), ("vault", {"prefix": "../"}, "secrets/db.yaml", "a: 1\n"),
             ("aws", {}, "secrets/db.yaml", "a: %s\n" % big), ("gcp", {}, "secrets/db.yaml", "a: %s\n" % big),
             ("azure", {}, "secrets/db.yaml", "a: %s\n" % big[:30000]), ("aws", {"name": "n" * 600}, "secrets/db.yaml", "a: 1\n"),
             ("aws", {"layout": "per_key"}, "secrets/db.yaml", "a: ''\n"), ("vault", {}, "secrets/db.yaml", "a: %s\n" % (big * 16)),
             ("aws", {}, "secrets/d#b.yaml", "a: 1\n")]
    for kind, more, path, text in cases:
        s = next(x for x in STORES if x.kind == kind)
        box.config(rules(s.rule(box, **more)))
        box.sealed(path, text)
        box.fails(2, "publish", "--yes", path, says=path)
        os.unlink(box.path(path))
    same(box.store.writes(), [], "writes")


@check("publish/two-files-one-name")
def collision(box):
    setup(box, STORES[0], name="{stem}")
    box.sealed("secrets/db.json", '{"a":1}')
    box.sealed("secrets/x/db.yaml", "a: 1\n")
    box.fails(2, "publish", "--yes", "--recursive", "secrets", says=["secrets/db.json", "secrets/db.yaml"])
    same(box.store.writes(), [], "writes")


@check("publish/every-bad-file-is-named")
def all_errors(box):
    setup(box, STORES[0])
    for n in ("x", "y"):
        box.sealed("secrets/%s.yaml" % n, "a: 1\n")
        box.write("secrets/%s.yaml" % n, box.read("secrets/%s.yaml" % n).replace(b"data:", b"data:AAAA", 1), secret_is_fine=False)
    r = box.fails((25, 51, 128, 2), "publish", "--yes", "--recursive", "secrets", says=["secrets/x.yaml", "secrets/y.yaml"])
    want(r.status != 2, "the cause keeps its own status", r)
    same(box.store.writes(), [], "writes")
    box.fails(128, "publish", "--plan", "secrets/db.yaml", env={"SOPS_AGE_KEY_FILE": None})


# ---- which files --------------------------------------------------------------------------------------------------

@check("publish/which-files")
def which_files(box):
    setup(box, STORES[0])
    box.write("secrets/plain.yaml", "a: 1\n")
    box.write("secrets/.git/config.yaml", "a: 1\n")
    box.write("other/readme.txt", "hello\n")
    os.symlink("db.yaml", box.path("secrets/link.yaml"))
    r = box.sops("publish", "--plan", "--json", "--recursive", "secrets", "secrets/db.yaml", "other")
    same(r.status, 1, "status")
    same([l["source"] for l in json_lines(r.out)], ["secrets/db.yaml"], "only the encrypted file that a rule matches, once")
    want("secrets/plain.yaml" in r.err.decode(), "a warning names the file that is not encrypted", r)
    want("readme" not in r.err.decode(), "files without a rule are passed over silently", r)
    box.fails(2, "publish", "--plan", "secrets/plain.yaml", says="secrets/plain.yaml")
    box.fails(2, "publish", "--plan", "other/readme.txt", says="other/readme.txt")
    box.fails(2, "publish", "--plan", "secrets", says="recursive")
    box.fails(2, "publish", "--plan", "nowhere.yaml", says="nowhere.yaml")
    box.fails(100, "publish", "--plan")


@check("publish/kinds-do-not-mix")
def no_mix(box):
    setup(box, STORES[0])
    box.config(rules({"path_regex": r"^secrets/old", "s3_bucket": "emulator-bucket"}, STORES[0].rule(box)))
    box.sealed("secrets/old.yaml", "a: 1\n")
    box.fails(2, "publish", "--yes", "--recursive", "secrets", says="secrets/old.yaml")
    box.fails(2, "publish", "--plan", "secrets/old.yaml", says="secrets/old.yaml")
    same(box.store.log, [], "requests")
    publish(box, "--yes", "secrets/db.yaml")


@check("publish/file-destinations-are-as-before")
def old_ones(box):
    box.config(rules({"vault_path": "old/", "vault_address": box.store.url, "vault_kv_version": 1, "vault_kv_mount_name": "kv1/"}))
    box.sealed("secrets/db.yaml", "a: x\n")
    r = box.ok("publish", "secrets/db.yaml", stdin="y\n")
    want(("uploading %s to %s/v1/kv1/old/db.yaml ? (y/n): " % (os.path.realpath(box.path("secrets/db.yaml")), box.store.url)).encode() in r.out or
         b"uploading " in r.out, "the old question", r)
    same(json.loads(mocks.dumps(box.store.vault.v1["", "kv1", "old/db.yaml"])), {"a": "x"}, "the old way")


@check("publish/formats")
def formats(box):
    s = STORES[0]
    box.config(rules(s.rule(box, name="{path}")))
    pw = box.secret("pw")
    box.sealed("a.json", json.dumps({"b": {"c": [1, {"d": pw}]}, "e": None, "big": 9007199254740993}))
    box.sealed("b.env", "# comment\nUSER=u\nPASSWORD=%s\n" % pw)
    box.sealed("c.ini", "[db]\npassword = %s\n" % pw)
    box.sealed("d.txt", pw + "\nsecond line\n", "binary")
    box.sealed("e.bin", b"\x00\xff\xfe" + pw.encode(), "binary")
    box.sealed("f.yaml", "# top\na: 1.50\nt: 2026-01-02\nn: ~\ns: |\n  two\n  lines\n")
    publish(box, "--yes", "a.json", "b.env", "c.ini", "d.txt", "e.bin", "f.yaml")
    get = lambda n: s.value(box, "app/" + n)
    same(json.loads(get("a"), parse_int=str), {"b": {"c": ["1", {"d": pw}]}, "e": None, "big": "9007199254740993"}, "JSON, all digits")
    same(json.loads(get("b")), {"USER": "u", "PASSWORD": pw}, "dotenv")
    same({k: v for k, v in json.loads(get("c")).items() if k != "DEFAULT"}, {"db": {"password": pw}}, "INI")
    same(get("d"), (pw + "\nsecond line\n").encode(), "text")
    same(get("e"), b"\x00\xff\xfe" + pw.encode(), "bytes")
    same(json.loads(get("f"))["s"], "two\nlines\n", "YAML")
    same({n: box.store.aws.secrets["eu-west-1", "app/" + n].value[0] for n in "ade"}, {"a": "string", "d": "string", "e": "binary"}, "string or binary")
    same(set(actions(publish(box, "--plan", "a.json", "b.env", "c.ini", "d.txt", "e.bin", "f.yaml")).values()), {"same"}, "again")


@check("publish/numbers-are-not-doubles")
def no_doubles(box):
    s = STORES[0]
    box.config(rules(s.rule(box)))
    box.sealed("n.json", '{"n":9007199254740993}')
    publish(box, "--yes", "n.json")
    tags = s.tags(box, "app/n")
    s.put(box, "app/n", '{"n":9007199254740992}', tags)
    lines = publish(box, "--plan", "n.json", status=1)
    same(lines[0].get("changes"), [{"change": "changed", "path": ["n"]}], "one apart beyond 2^53")
    s.put(box, "app/n", '{"n":9.007199254740993e15}', tags)
    same(actions(publish(box, "--plan", "n.json")), {"app/n": "same"}, "the same value written otherwise")
    s.put(box, "app/n", '{"n":9007199254740993,"n":9007199254740993}', tags)
    same(actions(publish(box, "--plan", "n.json", status=1)), {"app/n": "update"}, "a repeated key is never equal")


@check("publish/vault-rounds-numbers")
def vault_rounds(box):
    s = STORES[3]
    box.config(rules(s.rule(box)))
    for text in ('{"a":{"n":9007199254740993}}', '{"a":{"n":[1,9007199254740993]}}'):
        box.sealed("n.json", text)
        box.fails(2, "publish", "--yes", "n.json", says=["n.json", "a.n"])
    box.sealed("n.json", '{"n":9007199254740992,"f":0.1,"g":1.50,"h":-2.5e-7}')
    publish(box, "--yes", "n.json")
    custom = box.store.vault.custom("app/n")
    box.store.vault.put("app/n", '{"n":9007199254740992,"f":0.1,"g":1.5,"h":-0.00000025}', custom=custom)
    same(actions(publish(box, "--plan", "n.json")), {"app/n": "same"}, "what a server makes of its numbers")


@check("publish/paths-of-changes")
def change_paths(box):
    s = STORES[3]
    box.config(rules(s.rule(box)))
    box.sealed("n.json", json.dumps({"a": {"b": [1, 2, {"c": "x"}], "k.l": 1, "gone": 1}, "t": {"m": 1}}))
    publish(box, "--yes", "n.json")
    custom = box.store.vault.custom("app/n")
    box.store.vault.put("app/n", {"a": {"b": [1, 3, {"c": "y"}, 4], "k.l": 2}, "t": "text", "z": 0}, custom=custom)
    lines = publish(box, "--plan", "n.json", status=1)
    got = sorted((c["change"], json.dumps(c["path"])) for c in lines[0]["changes"])
    same(got, sorted([("changed", '["a", "b", 1]'), ("changed", '["a", "b", 2, "c"]'), ("removed", '["a", "b", 3]'), ("added", '["a", "gone"]'),
                      ("changed", '["a", "k.l"]'), ("changed", '["t"]'), ("removed", '["z"]')]), "changes")
    r = box.sops("publish", "--plan", "n.json")
    text = r.out.decode()
    for word in ("a.b[1]", "a.b[2].c", "-a.b[3]", "+a.gone", 'a["k.l"]', "-z", "Plan: 0 create, 1 update, 0 tag, 0 restore, 0 adopt, 0 delete, 0 same, 0 foreign"):
        want(word in text, "the text holds %s" % word, text)


# ---- asking, terminal, statuses -----------------------------------------------------------------------------------

@check("publish/asking")
def asking(box):
    s = STORES[0]
    setup(box, s)
    name = s.name("secrets/db")
    r = box.sops("publish", "secrets/db.yaml", stdin="y\n")
    same(r.status, 1, "without a terminal and --yes: only the plan")
    want(b"--yes" in r.err and b"+ create" in r.out, "a hint and the plan", r)
    same(box.store.writes(), [], "nothing is written")
    r = box.sops("publish", "secrets/db.yaml", tty="n\n")
    same(r.status, 1, "n")
    want(b"Apply these changes? (y/n): " in r.out, "the question", r)
    same(box.store.writes(), [], "nothing is written")
    r = box.sops("publish", "secrets/db.yaml", tty="maybe\ny\n")
    same((r.status, b"(y/n): " in r.out), (0, True), "asked until it is y")
    want(s.value(box, name) is not None, "written")
    r = box.sops("publish", "secrets/db.yaml", tty="")
    same(r.status, 0, "nothing to do: nothing is asked")
    want(b"(y/n)" not in r.out, "no question", r)


@check("publish/plan-text")
def plan_text(box):
    s = STORES[0]
    setup(box, s)
    publish(box, "--yes", "secrets/db.yaml")
    box.ok("set", "secrets/db.yaml", '["password"]', '"x"')
    box.sealed("secrets/api.yaml", "a: 1\n")
    r = box.sops("publish", "--plan", "--recursive", "secrets")
    lines = r.out.decode().splitlines()
    want(re.match(r"\+ create +aws_secretsmanager eu-west-1 app/secrets/api +\(secrets/api\.yaml\)\Z", lines[0]), "create line", lines[0])
    want(re.match(r"~ update +aws_secretsmanager eu-west-1 app/secrets/db +\(secrets/db\.yaml\): password\Z", lines[1]), "update line", lines[1])
    same(lines[2], "Plan: 1 create, 1 update, 0 tag, 0 restore, 0 adopt, 0 delete, 0 same, 0 foreign", "counts")
    same(r.status, 1, "status")


# ---- each store's own ---------------------------------------------------------------------------------------------

@check("publish/aws-role-key-endpoint")
def aws_own(box):
    s = STORES[0]
    setup(box, s, role="arn:aws:iam::111122223333:role/publisher", kms_key_id="alias/shop")
    publish(box, "--yes", "secrets/db.yaml", env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_SECRETS_MANAGER": box.store.url,
                                                  "AWS_ENDPOINT_URL_STS": box.store.url})
    same([a[0].rsplit("/", 1)[1] for a in box.store.aws.assumed], ["publisher"], "the role is assumed once")
    same(box.store.aws.secrets["eu-west-1", "app/secrets/db"].kms, "alias/shop", "key of the new secret")
    box.config(rules(s.rule(box, role="arn:aws:iam::111122223333:role/nobody")))
    box.fails(2, "publish", "--plan", "secrets/db.yaml", says="nobody")


@check("publish/aws-token-is-idempotent")
def aws_token(box):
    s = STORES[0]
    setup(box, s)
    seen = []

    def lose(request):  # the service does it, the answer is lost once
        answer = box.store.aws.handle(request, "PutSecretValue")
        seen.append(json.loads(request.body)["ClientRequestToken"])
        return mocks.Response(0, drop=True) if len(seen) == 1 else answer
    publish(box, "--yes", "secrets/db.yaml")
    box.ok("set", "secrets/db.yaml", '["user"]', '"u2"')
    box.store.fault("PutSecretValue", lose)
    publish(box, "--yes", "secrets/db.yaml", status=(0, 2))
    del box.store.faults[:]
    publish(box, "--yes", "secrets/db.yaml")
    versions = box.store.aws.secrets["eu-west-1", "app/secrets/db"].versions
    same(len(versions), 2, "versions after a lost answer")
    want(all(re.match(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", v) for v in versions), "tokens are UUIDs", list(versions))


@check("publish/gcp-regional-and-replicas")
def gcp_own(box):
    s = STORES[1]
    setup(box, s, location="europe-west3")
    lines = publish(box, "--yes", "secrets/db.yaml")
    same(lines[0]["place"], "projects/shop-project/locations/europe-west3", "place")
    want(box.store.gcp.get("app-secrets-db", "europe-west3") is not None, "a regional secret")
    want("secretmanager.europe-west3.rep.googleapis.com" in box.store.connects, "at the regional host", box.store.connects)
    box.config(rules(s.rule(box, locations=["europe-west1", "europe-west4"])))
    publish(box, "--yes", "secrets/db.yaml")
    same(box.store.gcp.secrets["", "app-secrets-db"]["replication"], {"userManaged": {"replicas": [{"location": "europe-west1"}, {"location": "europe-west4"}]}}, "replicas")


@check("publish/gcp-service-account")
def gcp_account(box):
    setup(box, STORES[1])
    box.write("account.json", box.store.gcp.account())
    publish(box, "--yes", "secrets/db.yaml", env={"GOOGLE_OAUTH_ACCESS_TOKEN": None, "GOOGLE_APPLICATION_CREDENTIALS": box.path("account.json")})
    want(box.store.gcp.get("app-secrets-db") is not None, "written with a service account")


@check("publish/azure-one-token-for-all")
def azure_token(box):
    s = STORES[2]
    setup(box, s)
    for i in range(12):
        box.sealed("secrets/f%d.yaml" % i, "a: %d\n" % i)
    publish(box, "--yes", "--recursive", "secrets")
    want(box.store.azure.token_requests <= 1, "one token a run", box.store.azure.token_requests)
    unauthorized = [e for e in box.store.log if e["service"] == "azure" and e["status"] == 401]
    want(len(unauthorized) <= 8, "the challenge is not repeated for each request", len(unauthorized))


@check("publish/azure-15-tags")
def azure_tags(box):
    s = STORES[2]
    setup(box, s)
    s.put(box, "app-secrets-db", '{"a":"b"}', {"t%d" % i: "v" for i in range(13)})
    publish(box, "--yes", "--adopt", "secrets/db.yaml", status=2)
    same(json.loads(s.value(box, "app-secrets-db")), {"a": "b"}, "it stays as it was")


@check("publish/vault-v1-mount-is-refused")
def vault_v1(box):
    s = STORES[3]
    setup(box, s, mount="kv1")
    box.fails(2, "publish", "--yes", "secrets/db.yaml", says="kv1")
    same(box.store.vault.v1, {}, "nothing was written to the v1 mount")


@check("publish/vault-owner-before-data")
def vault_order(box):
    s = STORES[3]
    setup(box, s)
    box.fails(2, "publish", "--yes", "secrets/db.yaml", env={"VAULT_TOKEN": "vault-nometa"}, quiet=False)
    same(s.value(box, s.name("secrets/db")), None, "without the right to mark it, nothing is created")


@check("publish/vault-cas")
def vault_cas(box):
    s = STORES[3]
    setup(box, s)
    name = s.name("secrets/db")
    box.sealed("secrets/aaa.yaml", "a: 1\n")
    publish(box, "--yes", "--recursive", "secrets")

    def sneak(request):  # somebody else writes while we are about to
        box.store.vault.put(name, {"who": "else"})
    box.ok("set", "secrets/db.yaml", '["user"]', '"u2"')
    box.store.fault("data.write", sneak, name=name, times=1)
    publish(box, "--yes", "secrets/db.yaml", status=2)
    same(json.loads(s.value(box, name)), {"who": "else"}, "the other's write is not lost")
    del box.store.faults[:]
    # the version is that of the plan, which was agreed to, not one looked up again before writing
    publish(box, "--yes", "secrets/db.yaml")
    box.ok("set", "secrets/db.yaml", '["user"]', '"u3"')
    box.ok("set", "secrets/aaa.yaml", '["a"]', "2")
    box.store.fault("data.write", sneak, name=s.name("secrets/aaa"), times=1)
    publish(box, "--yes", "--recursive", "secrets", status=2)
    same(json.loads(s.value(box, name)), {"who": "else"}, "nor one between the plan and the write")


@check("publish/vault-namespace-mount-allowlist")
def vault_namespace(box):
    s = STORES[3]
    setup(box, s, namespace="team", mount="team/kv")
    lines = publish(box, "--yes", "secrets/db.yaml")
    same(lines[0]["place"], box.store.url + "/team/team/kv", "place")
    want(box.store.vault.get("app/secrets/db", "team/kv", "team") is not None, "in the namespace")
    forget(box)
    box.fails(2, "publish", "--plan", "secrets/db.yaml", env={"SOPS_HC_VAULT_ALLOWLIST": "https://vault.example.com"}, says="llow")
    same(box.store.log, [], "requests although the allow-list forbids it")


@check("publish/vault-token-file")
def vault_token_file(box):
    setup(box, STORES[3])
    with open(os.path.join(box.home, ".vault-token"), "w") as f:
        f.write("vault-root-token\n")
    publish(box, "--yes", "secrets/db.yaml", env={"VAULT_TOKEN": None})


# ---- refusals, hostile answers ------------------------------------------------------------------------------------

@each("publish/refused-credentials")
def refused(box, s):
    setup(box, s)
    env = {"aws": {"AWS_ACCESS_KEY_ID": "AKIDNOTHING", "AWS_SECRET_ACCESS_KEY": "nothing-secret"}, "gcp": {"GOOGLE_OAUTH_ACCESS_TOKEN": "gcp-nothing"},
           "azure": {"AZURE_CLIENT_SECRET": "CANARYwrongsecret"}, "vault": {"VAULT_TOKEN": "vault-nothing"}}[s.kind]
    box.canaries += [v for k, v in env.items() if k not in ("AWS_ACCESS_KEY_ID",) and len(v) > 8 and v not in ("gcp-nothing",)]
    r = box.fails(2, "publish", "--yes", "secrets/db.yaml", env=env)
    code = {"aws": "AccessDeniedException", "gcp": "PERMISSION_DENIED", "azure": "AADSTS7000215", "vault": "permission denied"}[s.kind]
    want(code in r.err.decode(), "the store's own code", r)
    where = {"aws": "AWS_ACCESS_KEY_ID", "gcp": "GOOGLE_OAUTH_ACCESS_TOKEN", "azure": "AZURE_CLIENT", "vault": "VAULT_TOKEN"}[s.kind]
    want(where in r.err.decode() or "environment" in r.err.decode().lower(), "where the credentials came from", r)


@each("publish/hostile-answers")
def hostile(box, s):
    setup(box, s)
    op = {"aws": "DescribeSecret", "gcp": "secrets.get", "azure": "azure.get", "vault": "meta.read"}[s.kind]
    for body in (b"<html>", b"[]", b'{"Tags": 5, "labels": [], "tags": "x", "data": {"custom_metadata": 7}, "id": 3, "value": {}, "versions": 1}',
                 b'{"a":' + b"[" * 200000, b'"' + b"x" * (5 << 20) + b'"', b""):
        del box.store.faults[:]
        box.store.fault(op, mocks.Response(200, body, {"Content-Type": "application/json"}))
        start = time.time()
        r = box.sops("publish", "--yes", "secrets/db.yaml", timeout=40)
        want(r.status in (0, 2), "status 2 for an odd answer", r)
        want(r.status == 2 or body.startswith(b'{"Tags"') or body in (b"[]",), "an answer that is no JSON is an error", r)
        want(time.time() - start < 20, "time", r.secs)
    same([w for w in box.store.writes() if w[0] in ("azure.delete", "DeleteSecret")], [], "deletes")


@each("publish/endless-pages")
def endless(box, s):
    if s.kind == "vault":
        setup(box, s)
        box.store.fault("meta.list", lambda request: mocks.Vault.data({"keys": ["x/"]}))
        box.fails(2, "publish", "--yes", "--prune", "--recursive", "secrets", timeout=50)
        return
    setup(box, s)
    s.put(box, s.name("x"), "v", {"managed-by": "sops", "sops-owner": "shop", "sops-source": "secrets/x.yaml"})
    getattr(box.store, s.kind).loop = True
    box.fails(2, "publish", "--yes", "--prune", "--recursive", "secrets", timeout=50)
    same(box.store.writes(), [], "writes")


@check("publish/azure-next-page-on-another-host")
def azure_next(box):
    s = STORES[2]
    setup(box, s)
    for i in range(3):
        s.put(box, "app-x%d" % i, "v", {"managed-by": "sops", "sops-owner": "shop", "sops-source": "secrets/x%d.yaml" % i})
    box.store.azure.page, box.store.azure.next_host = 1, "shop.evil.test"
    box.fails(2, "publish", "--yes", "--prune", "--recursive", "secrets")
    want(not [e for e in box.store.log if "evil" in e["host"]], "no request to the other host")
    same(box.store.writes(), [], "writes")


@check("publish/redirect-to-another-host")
def redirect(box):
    s = STORES[3]
    setup(box, s)
    box.store.fault("meta.read", mocks.Response(307, "", {"Location": "https://steal.evil.test/v1/secret/metadata/x"}))
    box.fails(2, "publish", "--plan", "secrets/db.yaml")
    want(not [c for c in box.store.connects if "evil" in c], "no connection to the other host", box.store.connects)


@check("publish/gcp-wrong-checksum")
def gcp_crc(box):
    setup(box, STORES[1])
    publish(box, "--yes", "secrets/db.yaml")
    box.store.gcp.bad_crc = True
    box.fails(2, "publish", "--plan", "secrets/db.yaml")


@check("publish/digest-hides-equal-values")
def digest_hides(box):
    s = STORES[0]
    setup(box, s, text="a: same\n", path="secrets/a.yaml")
    box.write("secrets/b.yaml", box.read("secrets/a.yaml"), secret_is_fine=False)
    publish(box, "--yes", "--recursive", "secrets")
    a, b = (s.tags(box, "app/secrets/" + n)["sops-digest"] for n in "ab")
    want(a != b, "the same values under two names have two digests")
    box.ok("rotate", "-i", "secrets/a.yaml")
    publish(box, "--yes", "secrets/a.yaml")
    want(s.tags(box, "app/secrets/a")["sops-digest"] != a, "another data key gives another digest")


@check("publish/parallel-reads")
def parallel(box):
    s = STORES[0]
    setup(box, s)
    for i in range(24):
        box.sealed("secrets/f%d.yaml" % i, "a: %d\n" % i)
    publish(box, "--yes", "--recursive", "secrets")
    box.store.peak, box.store.delay = 0, 0.05
    publish(box, "--plan", "--recursive", "secrets")
    want(3 <= box.store.peak <= 8, "requests at a time", box.store.peak)


# ---- manifests ----------------------------------------------------------------------------------------------------

def with_manifest(box, s, text, path="secrets/db.yaml", manifest=None, **more):
    box.config(rules(dict(s.rule(box, **more), manifest=manifest or {"store": "aws", "kind": "ClusterSecretStore", "namespace": "shop"})))
    box.sealed(path, text)


@check("manifests/flat-document")
def manifest_flat(box):
    s = STORES[0]
    with_manifest(box, s, "user: u\nport: 5\n")
    lines = publish(box, "--yes", "--manifests", "k8s/out", "secrets/db.yaml")
    same([l for l in lines if l["action"] == "manifest-create"][0]["file"], "k8s/out/db.yaml", "line")
    same(yaml_documents(box.read("k8s/out/db.yaml")), [{
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "db", "namespace": "shop"},
        "spec": {"refreshInterval": "1h0m0s", "secretStoreRef": {"name": "aws", "kind": "ClusterSecretStore"},
                 "target": {"name": "db", "creationPolicy": "Owner"}, "dataFrom": [{"extract": {"key": "app/secrets/db"}}]}}], "manifest")
    before = os.stat(box.path("k8s/out/db.yaml")).st_mtime_ns
    lines = publish(box, "--yes", "--manifests", "k8s/out", "secrets/db.yaml")
    same(([l["action"] for l in lines], os.stat(box.path("k8s/out/db.yaml")).st_mtime_ns), (["same"], before), "again")
    box.write("k8s/out/db.yaml", "old\n")
    lines = publish(box, "--plan", "--manifests", "k8s/out", "secrets/db.yaml", status=1)
    same([l["action"] for l in lines], ["same", "manifest-update"], "a manifest alone is a pending change")
    same(box.read("k8s/out/db.yaml"), b"old\n", "a plan writes no manifest")


@check("manifests/nested-document")
def manifest_nested(box):
    with_manifest(box, STORES[3], json.dumps({"db": {"user": "u", "hosts": ["a", "b"], "opt": {}}, "top": "t"}), path="secrets/db.json",
                  manifest={"store": "vault", "refresh": "5m", "name": "my-{stem}"})
    publish(box, "--yes", "--manifests", "k8s", "secrets/db.json")
    m = yaml_documents(box.read("k8s/my-db.yaml"))[0]
    same((m["metadata"], m["spec"]["refreshInterval"], m["spec"]["secretStoreRef"]), ({"name": "my-db"}, "5m", {"name": "vault", "kind": "SecretStore"}), "head")
    same({d["secretKey"]: d["remoteRef"] for d in m["spec"]["data"]},
         {k: {"key": "app/secrets/db", "property": k} for k in ("db.user", "db.hosts", "db.opt", "top")}, "data")


@each("manifests/pulled-again")
def manifest_round(box, s):
    """what publish writes and describes, pull reads back: the same values, whatever the keys are called"""
    pw = box.secret("pw")
    doc = {"db": {"user": "ü", "pass_word": pw, "we_rd": "x", "n": 5, "f": 1.5, "b": True, "nul": None, "list": [1, {"a": "<&>"}]}, "top": "line\nline", "e": ""}
    with_manifest(box, s, json.dumps(doc), path="secrets/db.json", manifest={"store": "st"})
    publish(box, "--yes", "--manifests", "k8s", "secrets/db.json")
    provider = {"aws": {"aws": {"service": "SecretsManager", "region": "eu-west-1"}}, "gcp": {"gcpsm": {"projectID": "shop-project"}},
                "azure": {"azurekv": {"vaultUrl": "https://shop.vault.azure.net"}}, "vault": {"vault": {"server": box.store.url, "path": "secret"}}}[s.kind]
    box.write("store.yaml", json.dumps({"apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": {"name": "st"}, "spec": {"provider": provider}}))
    from box import secrets_of
    r = box.ok("pull", "--output-type", "json", "store.yaml", "k8s/db.yaml")
    got = secrets_of(r.out)["", "db"]["decoded"]
    lists = got.pop("db.list")
    same(json.loads(lists), [1, {"a": "<&>"}], "the list")
    same(got, {"db.user": "ü".encode(), "db.pass_word": pw.encode(), "db.we_rd": b"x", "db.n": b"5", "db.f": b"1.5", "db.b": b"true", "db.nul": b"",
               "top": b"line\nline", "e": b""}, "values")


@check("manifests/per-key-and-binary")
def manifest_per_key(box):
    with_manifest(box, STORES[0], "user: u\nport: 5\n", layout="per_key", manifest={"store": "aws"})
    publish(box, "--yes", "--manifests", "k8s", "secrets/db.yaml")
    m = yaml_documents(box.read("k8s/db.yaml"))[0]
    same({d["secretKey"]: d["remoteRef"] for d in m["spec"]["data"]}, {k: {"key": "app/secrets/db/" + k} for k in ("user", "port")}, "per key")
    with_manifest(box, STORES[0], "hello\n", path="secrets/token.txt", manifest={"store": "aws"})
    publish(box, "--yes", "--manifests", "k8s", "secrets/token.txt")
    same(yaml_documents(box.read("k8s/token.yaml"))[0]["spec"]["data"], [{"secretKey": "token", "remoteRef": {"key": "app/secrets/token"}}], "binary")


@check("manifests/refused")
def manifest_refused(box):
    s = STORES[0]
    for text, path, manifest in ((json.dumps({"a b": "x"}), "secrets/db.json", {"store": "aws"}), (json.dumps({"a.b": "x", "a": {"b": "y"}}), "secrets/db.json", {"store": "aws"}),
                                 ("a: 1\n", "secrets/Db_x.yaml", {"store": "aws"}), ("a: 1\n", "secrets/db.yaml", {"store": "aws", "name": "../{stem}"})):
        with_manifest(box, s, text, path=path, manifest=manifest)
        box.fails(2, "publish", "--yes", "--manifests", "k8s", path, says=path)
        want(not box.exists("k8s") or not os.listdir(box.path("k8s")), "no manifest")
    with_manifest(box, s, "a: 1\n", path="secrets/x/db.yaml", manifest={"store": "aws"})
    box.sealed("secrets/y/db.yaml", "a: 1\n")
    box.fails(2, "publish", "--yes", "--manifests", "k8s", "--recursive", "secrets/x", "secrets/y", says=["secrets/x/db.yaml", "secrets/y/db.yaml"])
    box.config(rules(s.rule(box)))
    box.fails(2, "publish", "--yes", "--manifests", "k8s", "secrets/x/db.yaml", says="manifest")
    same(box.store.writes(), [], "writes")


@check("publish/readable-by-the-reference", needs="reference")
def reference(box):
    s = STORES[0]
    setup(box, s)
    before = box.read("secrets/db.yaml")
    publish(box, "--yes", "secrets/db.yaml")
    same(box.read("secrets/db.yaml"), before, "publish never writes to the file")
    box.plain("secrets/db.yaml", box.options.reference)
    r = box.run([box.options.reference, "publish", "--yes", "secrets/db.yaml"])
    same(r.status, 1, "the reference knows no destination here")


@check("help/commands")
def helps(box):
    r = box.ok("publish", "--help")
    for flag in ("--plan", "--prune", "--adopt", "--manifests", "--keep-going", "--json", "--yes", "--recursive"):
        want(flag in r.out.decode(), "publish --help names %s" % flag, r)
    r = box.ok("pull", "--help")
    for flag in ("--namespace", "--only", "--output", "--output-type", "--to-sops", "--string-data", "--plan", "--json", "--keep-going", "--recursive"):
        want(flag in r.out.decode(), "pull --help names %s" % flag, r)
    want("pull" in box.ok("--help").out.decode(), "the list of commands names pull")
