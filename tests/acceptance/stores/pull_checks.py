# SPDX-License-Identifier: Apache-2.0
"""sops pull: manifests, credentials, values, templates, encrypted files."""
import base64
import json
import os
import re
import stat
import time

import mocks
from box import HERE, RECIPIENTS, Failed, check, clip, json_lines, same, secrets_of, want, yaml_documents


# ---- manifests ----------------------------------------------------------------------------------------------------

def store(provider, name="st", kind="SecretStore", ns=None, api="v1", **spec):
    meta = {"name": name}
    if ns:
        meta["namespace"] = ns
    return {"apiVersion": "external-secrets.io/" + api, "kind": kind, "metadata": meta, "spec": dict({"provider": provider}, **spec)}


def fake(*pairs, **more):
    return store({"fake": {"data": [dict(zip(("key", "value", "version"), p)) for p in pairs]}}, **more)


def es(name="es", ns=None, api="v1", meta=None, ref=None, **spec):
    m = dict({"name": name}, **(meta or {}))
    if ns:
        m["namespace"] = ns
    return {"apiVersion": "external-secrets.io/" + api, "kind": "ExternalSecret", "metadata": m,
            "spec": dict({"secretStoreRef": ref or {"name": "st"}}, **spec)}


def item(key, secret_key="v", **ref):
    return {"secretKey": secret_key, "remoteRef": dict({"key": key}, **ref)}


def secret(name, ns=None, **values):
    meta = {"name": name}
    if ns:
        meta["namespace"] = ns
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": values}


def docs(*objects):
    return "\n---\n".join(json.dumps(o) for o in objects) + "\n"


def pull(box, *objects, **more):
    """decoded data of the Secrets: name -> {key: bytes} (namespace/name where there is one)"""
    args = more.pop("args", [])
    status = more.pop("status", 0)
    r = box.sops("pull", "--output-type", "json", *args, stdin=docs(*objects), **more)
    if r.status != status:
        raise Failed("status %s wanted: %s" % (status, r))
    box.last = r
    return {"/".join(p for p in k if p): s["decoded"] for k, s in secrets_of(r.out).items()} if r.out.strip() else {}


def refused(box, *objects, says=(), status=2, args=(), **more):
    box.write("m.yaml", docs(*objects))
    return box.fails(status, "pull", *args, "m.yaml", says=says, **more)


# ---- what the operator itself does, recorded ----------------------------------------------------------------------

def seed(mock, data):
    for name, text, *more in data.get("aws", []):
        value = {"binary": base64.b64decode(text["b64"])} if isinstance(text, dict) else {"text": text}
        mock.aws.put("eu-west-1", name, tags=more[0] if more else None, **value)
    for name, values, *more in data.get("ssm", []):
        mock.aws.param("eu-west-1", name, *values, tags=more[0] if more else {})
    for name, value, *more in data.get("azure", []):
        mock.azure.put("shop", name, value, more[0] if more else {}, more[1] if len(more) > 1 else True)
    for path, value, *more in data.get("vault", []):
        mock.vault.put(path, value if value is not None else {"x": "y"}, custom=more[0] if more else None)
        if value is None:
            mock.vault.v2["", "secret", path]["versions"][-1]["deleted"] = True
    for path, value in data.get("vault1", []):
        mock.vault.put1(path, value)


def recorded():
    with open(os.path.join(HERE, "operator.json")) as f:
        return json.load(f)


def operator_group(box, group):
    seed(box.store, group["seed"])
    stores = json.loads(json.dumps(group["stores"]).replace('"VAULT"', json.dumps(box.store.url)))
    wanted = dict(group["want"], **group.get("ours", {}))
    r = box.sops("pull", "--keep-going", "--output-type", "json", stdin=docs(*stores, *group["secrets"]))
    want(r.status == (2 if None in wanted.values() else 0), "status", r)
    got = {k[1]: s for k, s in (secrets_of(r.out) if r.out.strip() else {}).items()}
    wrong = []
    for e in group["secrets"]:
        name = e["metadata"]["name"]
        w = wanted[name]
        g = got.get(w.get("name", name) if w else name)
        what = json.dumps(e["spec"].get("data") or e["spec"].get("dataFrom") or e["spec"])[:160]
        if w is None:
            if g is not None:
                wrong.append("%s must fail (%s)" % (name, what))
            elif not re.search(r"\b%s\b" % re.escape(name), r.err.decode("utf-8", "replace")):
                wrong.append("%s failed without being named" % name)
            continue
        if g is None:
            wrong.append("%s is missing (%s)" % (name, what))
            continue
        data = {k: base64.b64decode(v or "") for k, v in w["data"].items()}
        if g["decoded"] != data:
            bad = [k for k in set(data) | set(g["decoded"]) if data.get(k) != g["decoded"].get(k)]
            wrong.append("%s: %s: got %r, the operator gives %r (%s)" % (name, bad[0], g["decoded"].get(bad[0]), data.get(bad[0]), what))
        for k in ("labels", "annotations", "finalizers"):
            if "data" in w and (g["metadata"].get(k) or None) != w.get(k):
                wrong.append("%s: %s: got %r, wanted %r" % (name, k, g["metadata"].get(k), w.get(k)))
        if g.get("type") != w.get("type", "Opaque") or g.get("immutable", False) != w.get("immutable", False):
            wrong.append("%s: type %r, immutable %r" % (name, g.get("type"), g.get("immutable")))
    if wrong:
        raise Failed("%d of %d differ: %s" % (len(wrong), len(group["secrets"]), clip("; ".join(wrong), 900)))


for _group in recorded():
    check("operator/" + _group["group"], fine=(2,))(lambda box, group=_group: operator_group(box, group))


# ---- input and output ---------------------------------------------------------------------------------------------

@check("pull/yaml-output")
def yaml_output(box):
    pw = box.secret("pw")
    box.write("m.yaml", docs(fake(("a", pw), ("b", "x\ny")), es("two", "shop", data=[item("b", "k2"), item("a", "k1")],
                                                             target={"name": "named", "immutable": True, "template": {
                                                                 "type": "kubernetes.io/basic-auth", "mergePolicy": "Merge",
                                                                 "metadata": {"labels": {"z": "1", "a": "2"}, "annotations": {"n": "{{ .k2 }}"}, "finalizers": ["x.io/f"]}}}),
                             es("one", "shop", data=[item("a")])).replace('"name": "st"}', '"name": "st", "namespace": "shop"}', 1).replace(
        '"secretStoreRef": {"name": "st", "namespace": "shop"}', '"secretStoreRef": {"name": "st"}'))
    r = box.ok("pull", "m.yaml")
    first, second = yaml_documents(r.out)
    same(list(first), ["apiVersion", "kind", "metadata", "type", "immutable", "data"], "order of the keys")
    same(list(first["metadata"]), ["name", "namespace", "labels", "annotations", "finalizers"], "order in metadata")
    same(first["metadata"], {"name": "named", "namespace": "shop", "labels": {"a": "2", "z": "1"}, "annotations": {"n": "x\ny"}, "finalizers": ["x.io/f"]}, "metadata")
    same((list(first["metadata"]["labels"]), list(first["data"])), (["a", "z"], ["k1", "k2"]), "maps are sorted")
    same(second, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one", "namespace": "shop"}, "type": "Opaque",
                  "data": {"v": base64.b64encode(pw.encode()).decode()}}, "second, in the order of the input")
    same(r.out.count(b"---\n"), 1, "one separator")
    same(box.ok("pull", "m.yaml").out, r.out, "twice the same bytes")


@check("pull/json-output")
def json_output(box):
    box.write("m.yaml", docs(fake(("a", "x")), es(data=[item("a")])))
    top = json.loads(box.ok("pull", "--output-type", "json", "m.yaml").out)
    same((top["apiVersion"], top["kind"], len(top["items"])), ("v1", "List", 1), "a List")
    box.fails(8, "pull", "--output-type", "xml", "m.yaml")


@check("pull/kubectl-takes-it", needs="kubectl")
def kubectl(box):
    box.write("m.yaml", docs(fake(("a", "pässword\n"), ("b", "y")), es(data=[item("a"), item("b", "w")], meta={"labels": {"l": "m"}}), es("two", data=[item("b")])))
    for kind in ("yaml", "json"):
        r = box.ok("pull", "--output-type", kind, "m.yaml")
        k = box.run([box.options.kubectl, "label", "--local", "-f", "-", "checked=yes", "-o", "json"], stdin=r.out)
        if k.status != 0:
            raise Failed("kubectl does not take it: %s" % k)
        text = k.out.decode()
        found = re.findall(r'"name": "(\w+)"', text)
        want("es" in found and "two" in found and '"checked": "yes"' in text, "kubectl read both", clip(text))


@check("pull/stdin-files-folders")
def inputs(box):
    one = docs(fake(("a", "x")))
    box.write("stores/one.yaml", one)
    box.write("es/a.yaml", docs(es("a", data=[item("a")])))
    box.write("es/sub/b.json", json.dumps(es("b", data=[item("a")])))
    box.write("es/c.yml", docs(es("c", data=[item("a")])))
    box.write("es/notes.txt", "not: [a manifest")
    box.write("es/values.yaml", "replicas: 3\n---\n- a list\n---\ntext\n---\n")
    box.write("es/deploy.yaml", docs({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "BAD NAME"}}))
    r = box.ok("pull", "--recursive", "stores", "es")
    same([s["metadata"]["name"] for s in yaml_documents(r.out)], ["a", "c", "b"], "files in byte order")
    r = box.ok("pull", stdin=one + "---\n" + docs(es("z", data=[item("a")])))
    same([s["metadata"]["name"] for s in yaml_documents(r.out)], ["z"], "stdin")
    box.fails(2, "pull", "es", says="recursive")
    box.fails(2, "pull", "stores/one.yaml", "nowhere.yaml", says="nowhere.yaml")
    r = box.ok("pull", "stores/one.yaml")
    want(r.out == b"" and b"ExternalSecret" in r.err, "no ExternalSecret: status 0 and a warning", r)


@check("pull/lists-and-v1beta1")
def lists(box):
    inner = [fake(("a", "x"), api="v1beta1"), es("one", api="v1beta1", data=[item("a")])]
    bare = es("two", data=[item("a")])
    del bare["apiVersion"], bare["kind"]
    got = pull(box, {"apiVersion": "v1", "kind": "List", "items": inner},
               {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecretList", "items": [bare]})
    same(got, {"one": {"v": b"x"}, "two": {"v": b"x"}}, "Secrets")
    refused(box, fake(("a", "x"), api="v1alpha1"), es(data=[item("a")]), says=["v1alpha1", "v1"])


@check("pull/namespaces")
def namespaces(box):
    got = pull(box, fake(("a", "x"), ns="shop"), es("one", "shop", data=[item("a")]), es("two", data=[item("a")]), args=["--namespace", "shop"])
    same(sorted(got), ["shop/one", "shop/two"], "--namespace is for those without one")
    got = pull(box, fake(("a", "x"), name="c", kind="ClusterSecretStore"), es("one", "shop", data=[item("a")], ref={"name": "c", "kind": "ClusterSecretStore"}))
    same(got, {"shop/one": {"v": b"x"}}, "a cluster store serves every namespace")
    r = refused(box, fake(("a", "x")), es("one", "shop", data=[item("a")]), says=["SecretStore", "shop/st"])
    want("namespace" in r.err.decode(), "the hint speaks of the namespace", r)
    refused(box, es(data=[item("a")]), says=["SecretStore", "st"])
    refused(box, fake(("a", "x"), kind="ClusterSecretStore"), es(data=[item("a")]), says="SecretStore st")
    same(pull(box, fake(("a", "x")), es("e", data=[dict(item("a"), sourceRef={"storeRef": {"name": "other"}})]), fake(("a", "y"), name="other")), {"e": {"v": b"y"}},
         "sourceRef.storeRef of an entry")
    refused(box, fake(("a", "x")), fake(("a", "y")), es(data=[item("a")]), says="SecretStore st")
    refused(box, fake(("a", "x")), es("a", data=[item("a")], target={"name": "t"}), es("b", data=[item("a")], target={"name": "t"}), says=["ExternalSecret a", "ExternalSecret b"])


@check("pull/cluster-store-conditions")
def conditions(box):
    def one(conds, ns):
        return [fake(("a", "x"), name="c", kind="ClusterSecretStore", conditions=conds), es("one", ns, data=[item("a")], ref={"name": "c", "kind": "ClusterSecretStore"})]
    for conds, ns in (([{"namespaces": ["shop"]}], "shop"), ([{"namespaceRegexes": ["^sh"]}], "shop"), ([{"namespaces": ["x"]}, {"namespaceRegexes": ["op$"]}], "shop"), ([], "any")):
        same(list(pull(box, *one(conds, ns))), [ns + "/one"], "conditions %s" % conds)
    for conds in ([{"namespaces": ["other"]}], [{"namespaceRegexes": ["^x"]}], [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]):
        refused(box, *one(conds, "shop"), says="ClusterSecretStore c")


@check("pull/only-and-output")
def only(box):
    box.write("m.yaml", docs(fake(("a", "x")), es("one", data=[item("a")]), es("two", data=[item("nope")]), fake(("a", "y"), ns="shop"), es("one", "shop", data=[item("a")])))
    box.fails(2, "pull", "m.yaml", says="two")
    same([s["metadata"].get("namespace") for s in yaml_documents(box.ok("pull", "--only", "one", "m.yaml").out)], [None, "shop"], "a bare name means every namespace")
    same([s["metadata"].get("namespace") for s in yaml_documents(box.ok("pull", "--only", "shop/one", "m.yaml").out)], ["shop"], "with its namespace")
    box.fails(2, "pull", "--only", "three", "m.yaml", says="three")
    r = box.ok("pull", "--only", "shop/one", "--output", "out.yaml", "m.yaml")
    same(r.out, b"", "nothing on stdout")
    same(stat.S_IMODE(os.stat(box.path("out.yaml")).st_mode), 0o600, "mode of the output")
    before = box.read("out.yaml")
    box.fails(2, "pull", "--output", "out.yaml", "m.yaml")
    same(box.read("out.yaml"), before, "a failing run leaves the old output")


@check("pull/flags-in-conflict")
def conflicts(box):
    for args in (["--output", "o", "--to-sops", "d"], ["--plan"], ["--string-data"], ["--to-sops", "d", "--json"]):
        box.fails(8, "pull", *args, "nowhere.yaml")


@check("pull/a-file-of-that-name")
def file_named_pull(box):
    box.write("pull", "not encrypted\n")
    r = box.sops("pull")
    want(r.status != 0 and b"pull" in r.err, "as the last word it is still the file", r)


@check("pull/keep-going", fine=(2,))
def keep_going(box):
    got = pull(box, fake(("a", "x")), es("good", data=[item("a")]), es("bad", data=[item("nope")]), args=["--keep-going"], status=2)
    same(got, {"good": {"v": b"x"}}, "what worked")
    want(b"bad" in box.last.err and b"good" not in box.last.err, "the bad one is named", box.last)


@check("pull/policies-and-notes")
def policies(box):
    got = pull(box, fake(("a", "x")), *[es(p.lower(), data=[item("a")], target={"creationPolicy": p}) for p in ("Owner", "Orphan", "Merge", "None", "CreateOrMerge")])
    same(sorted(got), ["createormerge", "merge", "orphan", "owner"], "None gives no Secret")
    for name in ("merge", "none"):
        want(("ExternalSecret " + name).encode() in box.last.err, "a note about " + name, box.last)
    got = pull(box, fake(("a", "x")), es("gone", data=[item("nope")], target={"deletionPolicy": "Delete"}), es("part", data=[item("a"), item("nope", "w")], target={"deletionPolicy": "Delete"}))
    same(got, {"part": {"v": b"x"}}, "deletionPolicy Delete")
    want(b"gone" in box.last.err and b"part" in box.last.err, "notes name both", box.last)
    got = pull(box, fake(("a", "x")), es("e", data=[item("a")], meta={"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "keep": "1"}}))
    same(secrets_of(box.last.out)["", "e"]["metadata"].get("annotations"), {"keep": "1"}, "annotations")
    r = box.ok("pull", stdin=docs({"apiVersion": "external-secrets.io/v1alpha1", "kind": "PushSecret", "metadata": {"name": "p"}, "spec": {}}, fake(("a", "x")), es(data=[item("a")])))
    want(b"PushSecret" in r.err and r.out, "a PushSecret is passed over, with a note", r)


@check("pull/bytes")
def raw_bytes(box):
    box.store.aws.put("eu-west-1", "bin", binary=bytes(range(256)))
    box.store.gcp.put("bin", bytes(range(256)))
    sm = store({"aws": {"service": "SecretsManager", "region": "eu-west-1"}})
    gcp = store({"gcpsm": {"projectID": "shop-project"}}, name="g")
    same(pull(box, sm, gcp, es("a", data=[item("bin")]), es("b", data=[item("bin")], ref={"name": "g"})), {"a": {"v": bytes(range(256))}, "b": {"v": bytes(range(256))}}, "all bytes")


# ---- credentials --------------------------------------------------------------------------------------------------

SM = {"aws": {"service": "SecretsManager", "region": "eu-west-1"}}


def aws_auth(*names):
    keys = ("accessKeyIDSecretRef", "secretAccessKeySecretRef", "sessionTokenSecretRef")
    return {"auth": {"secretRef": {k: {"name": "creds", "key": n} for k, n in zip(keys, names)}}}


@check("credentials/aws-from-a-secret")
def aws_secret(box):
    box.store.aws.put("eu-west-1", "db", "x")
    key = "manifest-secret"
    got = pull(box, store({"aws": dict(SM["aws"], **aws_auth("id", "key"))}), secret("creds", id="AKIDFROMMANIFEST", key=key), es(data=[item("db")]),
               env={"AWS_ACCESS_KEY_ID": "AKIDNOTHING", "AWS_SECRET_ACCESS_KEY": "nothing-secret"})
    same(got, {"es": {"v": b"x"}}, "the manifest's credentials are used")
    want("note" not in box.last.err.decode(), "no note then", box.last)
    refused(box, store({"aws": dict(SM["aws"], **aws_auth("id", "nokey"))}), secret("creds", id="AKIDFROMMANIFEST", key=key), es(data=[item("db")]), says="nokey")
    plain = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "creds"}, "data": {"id": base64.b64encode(b"AKIDFROMMANIFEST").decode(), "key": base64.b64encode(key.encode()).decode()}}
    same(pull(box, store({"aws": dict(SM["aws"], **aws_auth("id", "key"))}), plain, es(data=[item("db")]), env={"AWS_ACCESS_KEY_ID": None}), {"es": {"v": b"x"}}, "data as base64")


@check("credentials/this-machine-with-a-note")
def this_machine(box):
    box.store.aws.put("eu-west-1", "db", "x")
    for auth, word in ((aws_auth("id", "key"), "auth.secretRef"), ({"auth": {"jwt": {"serviceAccountRef": {"name": "sa"}}}}, "auth.jwt")):
        same(pull(box, store({"aws": dict(SM["aws"], **auth)}), es("a", data=[item("db")]), es("b", data=[item("db")])), {"a": {"v": b"x"}, "b": {"v": b"x"}}, "environment")
        same(box.last.err.decode().count(word), 1, "one note that names %s" % word)
        want("SecretStore st" in box.last.err.decode(), "and the store", box.last)
    box.store.vault.put("db", {"a": "x"})
    pull(box, store({"vault": {"server": box.store.url, "path": "secret", "auth": {"kubernetes": {"mountPath": "kubernetes", "role": "r"}}}}), es(data=[item("db")]))
    want("auth.kubernetes" in box.last.err.decode(), "vault", box.last)
    pull(box, store(SM), es(data=[item("db")]))
    same(box.last.err, b"", "no auth block, no note")


@check("credentials/encrypted-secret-in-the-input")
def encrypted_input(box):
    box.config()
    box.store.aws.put("eu-west-1", "db", "x")
    box.sealed("creds.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: creds\nstringData:\n  id: AKIDFROMMANIFEST\n  key: manifest-secret\n")
    box.write("m.yaml", docs(store({"aws": dict(SM["aws"], **aws_auth("id", "key"))}), es(data=[item("db")])))
    env = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    want(b"eA==" in box.ok("pull", "m.yaml", "creds.yaml", env=env).out, "opened in memory")
    box.write("creds.yaml", box.read("creds.yaml").replace(b"kind: ENC", b"kind: XNC", 1).replace(b"name: ENC[AES256_GCM,data:", b"name: ENC[AES256_GCM,data:AA", 1), secret_is_fine=False)
    del box.store.log[:]
    box.fails((25, 51), "pull", "m.yaml", "creds.yaml", env=env, says="creds.yaml")
    same(box.store.log, [], "no request after a damaged input")
    box.sealed("creds.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: creds\nstringData:\n  id: a\n  key: b\n")
    box.fails(128, "pull", "m.yaml", "creds.yaml", env={"SOPS_AGE_KEY_FILE": None})


@check("credentials/aws-roles")
def aws_roles(box):
    box.store.aws.put("eu-west-1", "db", "x")
    p = {"aws": dict(SM["aws"], role="arn:aws:iam::111122223333:role/reader", additionalRoles=["arn:aws:iam::111122223333:role/hop"], externalID="ext-1")}
    same(pull(box, store(p), es("a", data=[item("db")]), es("b", data=[item("db")])), {"a": {"v": b"x"}, "b": {"v": b"x"}}, "through two roles")
    same([a[0].rsplit("/", 1)[1] for a in box.store.aws.assumed], ["hop", "reader"], "each once, in order")
    p["aws"]["externalID"] = "wrong"
    refused(box, store(p), es(data=[item("db")]), says="role/reader")


@check("credentials/gcp-from-a-secret")
def gcp_secret(box):
    box.store.gcp.put("db", "x")
    p = {"gcpsm": {"projectID": "shop-project", "auth": {"secretRef": {"secretAccessKeySecretRef": {"name": "sa", "key": "json"}}}}}
    same(pull(box, store(p), secret("sa", json=box.store.gcp.account()), es(data=[item("db")]), env={"GOOGLE_OAUTH_ACCESS_TOKEN": None}), {"es": {"v": b"x"}}, "service account")
    refused(box, store(p), secret("sa", json="{not json CANARYkey"), es(data=[item("db")]), says="SecretStore st")
    box.write("machine-file", box.secret("file"))
    for source in ({"file": box.path("machine-file")}, {"url": "https://steal.evil.test/x"}, {"executable": {"command": "/bin/touch %s" % box.path("ran")}}):
        other = {"type": "external_account", "audience": "a", "subject_token_type": "t", "token_url": "https://steal.evil.test/token", "credential_source": source}
        refused(box, store(p), secret("sa", json=json.dumps(other)), es(data=[item("db")]), says="external_account", env={"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1"})
    want(not box.exists("ran") and not [c for c in box.store.connects if "evil" in c], "credentials from a manifest name no files, programs or addresses")


@check("credentials/azure-from-a-secret")
def azure_secret(box):
    box.store.azure.put("shop", "db", "x")
    p = {"azurekv": {"vaultUrl": "https://shop.vault.azure.net", "tenantId": "tenant-1", "authSecretRef": {"clientId": {"name": "az", "key": "i"}, "clientSecret": {"name": "az", "key": "s"}}}}
    same(pull(box, store(p), secret("az", i="client-of-manifest", s="secret-of-manifest"), es(data=[item("db")]), env={"AZURE_CLIENT_ID": None, "AZURE_CLIENT_SECRET": None, "AZURE_TENANT_ID": None}),
         {"es": {"v": b"x"}}, "service principal")
    bad = box.secret("azsecret")
    refused(box, store(p), secret("az", i="client-of-manifest", s=bad), es(data=[item("db")]), says="AADSTS")


@check("credentials/vault-token-and-approle")
def vault_secret(box):
    box.store.vault.put("db", {"a": "x"})
    base = {"server": box.store.url, "path": "secret"}
    none = {"VAULT_TOKEN": None}
    same(pull(box, store({"vault": dict(base, auth={"tokenSecretRef": {"name": "t", "key": "k"}})}), secret("t", k="token-of-manifest"), es(data=[item("db", property="a")]), env=none), {"es": {"v": b"x"}}, "token")
    for role in ({"roleId": "role-1"}, {"roleRef": {"name": "t", "key": "r"}}):
        del box.store.log[:]
        same(pull(box, store({"vault": dict(base, auth={"appRole": dict({"path": "approle", "secretRef": {"name": "t", "key": "s"}}, **role)})}), secret("t", s="approle-secret-id", r="role-1"),
                  es("a", data=[item("db", property="a")]), es("b", data=[item("db")]), env=none)["a"], {"v": b"x"}, "AppRole")
        same(box.store.ops("vault").count("vault.login"), 1, "one login a run")
    with open(os.path.join(box.home, ".vault-token"), "w") as f:
        f.write("vault-root-token\n")
    same(pull(box, store({"vault": base}), es(data=[item("db", property="a")]), env=none), {"es": {"v": b"x"}}, "~/.vault-token")


@check("credentials/cluster-store-namespaces")
def cluster_namespaces(box):
    box.store.vault.put("db", {"a": "x"})

    def p(**ref):
        return store({"vault": {"server": box.store.url, "path": "secret", "auth": {"tokenSecretRef": dict({"name": "t", "key": "k"}, **ref)}}}, name="c", kind="ClusterSecretStore")
    e = es("e", "shop", data=[item("db", property="a")], ref={"name": "c", "kind": "ClusterSecretStore"})
    none = {"VAULT_TOKEN": None}
    same(pull(box, p(namespace="ops"), secret("t", "ops", k="token-of-manifest"), secret("t", "shop", k="wrong"), e, env=none), {"shop/e": {"v": b"x"}}, "the namespace of the reference")
    same(pull(box, p(), secret("t", "shop", k="token-of-manifest"), secret("t", "ops", k="wrong"), e, env=none), {"shop/e": {"v": b"x"}}, "else that of the ExternalSecret")


@check("credentials/vault-allow-list")
def allow_list(box):
    box.store.vault.put("db", {"a": "x"})
    p = store({"vault": {"server": box.store.url, "path": "secret"}})
    r = refused(box, p, es(data=[item("db")]), env={"VAULT_ADDR": "https://vault.example.com"})
    want("VAULT_ADDR" in r.err.decode(), "the hint names the variable", r)
    refused(box, p, es(data=[item("db")]), env={"VAULT_ADDR": None})
    with open(os.path.join(box.home, ".vault-token"), "w") as f:
        f.write("vault-root-token\n")
    refused(box, p, es(data=[item("db")]), env={"VAULT_ADDR": None, "VAULT_TOKEN": None})
    for text in ("none", "https://vault.example.com", box.store.url + "0"):
        r = refused(box, p, es(data=[item("db")]), env={"SOPS_HC_VAULT_ALLOWLIST": text})
        want("llow" in r.err.decode(), "the allow-list is named", r)
    same(box.store.log, [], "requests")
    same(pull(box, p, es(data=[item("db", property="a")]), env={"SOPS_HC_VAULT_ALLOWLIST": "https://x, " + box.store.url}), {"es": {"v": b"x"}}, "allowed")
    same(pull(box, p, es(data=[item("db", property="a")]), env={"SOPS_HC_VAULT_ALLOWLIST": box.store.url, "VAULT_ADDR": None}), {"es": {"v": b"x"}}, "allowed by the list alone")
    token = store({"vault": {"server": box.store.url, "path": "secret", "auth": {"tokenSecretRef": {"name": "t", "key": "k"}}}})
    same(pull(box, token, secret("t", k="token-of-manifest"), es(data=[item("db", property="a")]), env={"VAULT_ADDR": "https://vault.example.com"}), {"es": {"v": b"x"}},
         "a token from the input goes where its store says")


@check("credentials/vault-ca-bundle")
def ca_bundle(box):
    box.store.vault.put("db", {"a": "x"})
    with open(mocks.CA_FILE, "rb") as f:
        pem = f.read()
    base = {"server": "https://vault.shop.test", "path": "secret"}
    box.write("empty.pem", b"")
    untrusted = {"VAULT_ADDR": "https://vault.shop.test", "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt" if os.path.exists("/etc/ssl/certs/ca-certificates.crt") else None}
    refused(box, store({"vault": base}), es(data=[item("db")]), env=untrusted)
    same(pull(box, store({"vault": dict(base, caBundle=base64.b64encode(pem).decode())}), es(data=[item("db", property="a")]), env=untrusted), {"es": {"v": b"x"}}, "caBundle")
    provider = store({"vault": dict(base, caProvider={"type": "ConfigMap", "name": "ca", "key": "ca.crt"})})
    cm = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"}, "data": {"ca.crt": pem.decode()}}
    same(pull(box, provider, cm, es(data=[item("db", property="a")]), env=untrusted), {"es": {"v": b"x"}}, "caProvider")


@check("credentials/refused-says-which")
def refused_credentials(box):
    box.store.aws.put("eu-west-1", "db", "x")
    r = refused(box, store(SM), es(data=[item("db")]), env={"AWS_ACCESS_KEY_ID": "AKIDNOTHING", "AWS_SECRET_ACCESS_KEY": "nothing-secret"}, says=["AccessDeniedException", "GetSecretValue"])
    want("AWS_ACCESS_KEY_ID" in r.err.decode() or "environment" in r.err.decode().lower(), "where they came from", r)
    refused(box, store({"vault": {"server": box.store.url, "path": "secret"}}), es(data=[item("db")]), env={"VAULT_TOKEN": "vault-nothing"}, says=["permission denied", "VAULT_TOKEN"])


@check("credentials/endpoints")
def endpoints(box):
    box.store.aws.put("eu-west-1", "db", "x")
    box.store.aws.param("eu-west-1", "/p", "y")
    ps = store({"aws": {"service": "ParameterStore", "region": "eu-west-1"}}, name="ps")
    env = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_SECRETS_MANAGER": box.store.url, "AWS_ENDPOINT_URL_SSM": box.store.url, "AWS_MAX_ATTEMPTS": "1"}
    same(pull(box, store(SM), ps, es("a", data=[item("db")]), es("b", data=[item("/p")], ref={"name": "ps"}), env=env), {"a": {"v": b"x"}, "b": {"v": b"y"}}, "one endpoint for each service")
    got = pull(box, store(SM), ps, es("a", data=[item("db")]), es("b", data=[item("/p")], ref={"name": "ps"}), env={"AWS_ENDPOINT_URL": None})
    same(sorted(set(box.store.connects)), ["secretsmanager.eu-west-1.amazonaws.com", "ssm.eu-west-1.amazonaws.com"], "the real hosts without a variable")
    same(got, {"a": {"v": b"x"}, "b": {"v": b"y"}}, "through a proxy")


# ---- requests -----------------------------------------------------------------------------------------------------

@check("pull/each-key-once")
def once(box):
    box.store.aws.put("eu-west-1", "db", '{"a":"1","b":"2"}')
    box.store.vault.put("db", {"a": "1"})
    v = store({"vault": {"server": box.store.url, "path": "secret"}}, name="v")
    pull(box, store(SM), v, *[es("e%d" % i, data=[item("db", "x", property="a"), item("db", "y", property="b")], dataFrom=[{"extract": {"key": "db"}}]) for i in range(5)],
         *[es("v%d" % i, data=[item("db", "x", property="a"), item("db", "y")], ref={"name": "v"}) for i in range(5)])
    same(box.store.ops("aws"), ["GetSecretValue"], "requests to AWS")
    same([o for o in box.store.ops("vault") if o == "data.read"], ["data.read"], "requests to Vault")


@check("pull/parallel")
def parallel(box):
    for i in range(32):
        box.store.aws.put("eu-west-1", "k%d" % i, "x")
    box.store.delay = 0.05
    pull(box, store(SM), *[es("e%d" % i, data=[item("k%d" % i)]) for i in range(32)])
    want(3 <= box.store.peak <= 8, "requests at a time", box.store.peak)


@check("pull/throttled-and-later-fine")
def throttled(box):
    box.store.aws.put("eu-west-1", "db", "x")
    box.store.fault("GetSecretValue", mocks.Response(400, '{"__type":"ThrottlingException","message":"Rate exceeded"}', {"Content-Type": "application/x-amz-json-1.1"}), times=1)
    same(pull(box, store(SM), es(data=[item("db")])), {"es": {"v": b"x"}}, "tried again")


# ---- Google, which the recorded outcomes do not cover -------------------------------------------------------------

GCP = {"gcpsm": {"projectID": "shop-project"}}


@check("gcp/values-and-versions")
def gcp_values(box):
    g = box.store.gcp
    g.put("db", '{"a":{"b":"n"},"a.b":"dot",".x":"lead"}')
    g.put("v", "one", "two", "three")
    same(pull(box, store(GCP), es("p", data=[item("db", property="a.b")]), es("q", data=[item("db", property="a")]), es("r", data=[item("v")]), es("s", data=[item("v", version="1")]),
              es("t", data=[item("v", version="latest")]), es("u", dataFrom=[{"extract": {"key": "db", "property": "a"}}])),
         {"p": {"v": b"dot"}, "q": {"v": b'{"b":"n"}'}, "r": {"v": b"three"}, "s": {"v": b"one"}, "t": {"v": b"three"}, "u": {"b": b"n"}}, "values")
    refused(box, store(GCP), es(data=[item("db", property=".x")]), says="property")
    refused(box, store(GCP), es(data=[item("nope")]), says="nope")
    refused(box, store(GCP), es(data=[item("v", property="a")]), says="JSON")
    same(pull(box, store(GCP), es("e", data=[item("nope"), item("v", "w")], target={"deletionPolicy": "Merge"})), {"e": {"w": b"three"}}, "left out")


@check("gcp/latest-or-fetch")
def latest_or_fetch(box):
    s = box.store.gcp.put("v", "one", "two", "three")
    s["versions"][2]["state"] = "DESTROYED"
    refused(box, store(GCP), es(data=[item("v")]), says="FAILED_PRECONDITION")
    fetch = {"gcpsm": dict(GCP["gcpsm"], secretVersionSelectionPolicy="LatestOrFetch")}
    same(pull(box, store(fetch), es(data=[item("v")])), {"es": {"v": b"two"}}, "the newest enabled one")
    refused(box, store(fetch), es(data=[item("v", version="3")]))
    for v in s["versions"]:
        v["state"] = "DISABLED"
    refused(box, store(fetch), es(data=[item("v")]))


@check("gcp/find-and-regional")
def gcp_find(box):
    g = box.store.gcp
    g.page = 2
    for n, labels in (("app-db", {"env": "prod"}), ("app-web", {"env": "production"}), ("other", {"env": "prod"}), ("app-x", {})):
        g.put(n, n.upper(), labels=labels)
    g.put("reg", "regional", location="europe-west3")

    def find(**f):
        return es("e", dataFrom=[{"find": f}])
    same(pull(box, store(GCP), find(name={"regexp": "^app"})), {"e": {"app-db": b"APP-DB", "app-web": b"APP-WEB", "app-x": b"APP-X"}}, "by name, all pages")
    same(pull(box, store(GCP), find(tags={"env": "prod"})), {"e": {"app-db": b"APP-DB", "other": b"OTHER"}}, "by labels, whole texts")
    same(pull(box, store(GCP), find(name={"regexp": "."}, path="app-")), {"e": {"app-db": b"APP-DB", "app-web": b"APP-WEB", "app-x": b"APP-X"}}, "path is the beginning")
    same(pull(box, store(GCP), find(name={"regexp": "app"}, tags={"env": "prod"})), {"e": {"app-db": b"APP-DB"}}, "both must hold")
    same(pull(box, store({"gcpsm": dict(GCP["gcpsm"], location="europe-west3")}), es(data=[item("reg")])), {"es": {"v": b"regional"}}, "regional")
    refused(box, store(GCP), find(), says="find")
    g.bad_crc = True
    refused(box, store(GCP), es(data=[item("app-db")]), says="app-db")


# ---- departures ---------------------------------------------------------------------------------------------------

@check("departures/two-keys-become-one")
def collide(box):
    d = '{"a":"CANARYone","b":"CANARYtwo"}'
    box.canaries += ["CANARYone", "CANARYtwo"]
    for rewrite in ([{"regexp": {"source": "[ab]", "target": "x"}}], [{"transform": {"template": "same"}}]):
        refused(box, fake(("k", d)), es(dataFrom=[{"extract": {"key": "k"}, "rewrite": rewrite}]), says=["ExternalSecret es", "dataFrom[0]"])
    same(pull(box, fake(("k", d)), es(dataFrom=[{"extract": {"key": "k"}, "rewrite": [{"regexp": {"source": "[ab]", "target": ""}}]}])), {"es": {}}, "an empty key is left out")


@check("departures/find-conditions-all-hold")
def find_all(box):
    a = box.store.aws
    a.put("eu-west-1", "app/db", "1", tags={"env": "prod"})
    a.put("eu-west-1", "app/web", "2", tags={"env": "production"})
    a.put("eu-west-1", "app/x", "3", tags={"prod": "env"})
    a.param("eu-west-1", "/a/x", "1", tags={"t": "1"})
    a.param("eu-west-1", "/a/y", "2", tags={"t": "2"})
    box.store.vault.put("a/x", {"k": "1"}, custom={"t": "1"})
    box.store.vault.put("a/y", {"k": "2"}, custom={"t": "2"})
    same(pull(box, store(SM), es(dataFrom=[{"find": {"tags": {"env": "prod"}}}])), {"es": {"app_db": b"1"}}, "tags are whole texts")
    ps = store({"aws": {"service": "ParameterStore", "region": "eu-west-1"}})
    same(pull(box, ps, es(dataFrom=[{"find": {"name": {"regexp": "y"}, "tags": {"t": "2"}}}])), {"es": {"_a_y": b"2"}}, "Parameter Store")
    same(pull(box, ps, es(dataFrom=[{"find": {"name": {"regexp": "y"}, "tags": {"t": "1"}}}])), {"es": {}}, "Parameter Store, none")
    v = store({"vault": {"server": box.store.url, "path": "secret"}})
    same(pull(box, v, es(dataFrom=[{"find": {"name": {"regexp": "."}, "tags": {"t": "2"}}}])), {"es": {"a_y": b'{"k":"2"}'}}, "vault")
    pref = store({"aws": dict(SM["aws"], prefix="app/")})
    same(pull(box, pref, es("a", data=[item("db")]), es("b", dataFrom=[{"find": {"name": {"regexp": "db$"}}}])), {"a": {"v": b"1"}, "b": {"app_db": b"1"}}, "prefix")


@check("departures/no-damage")
def no_damage(box):
    canary = box.secret("notbase64!")
    refused(box, fake(("a", canary)), es(data=[item("a")], target={"template": {"data": {"v": "{{ .v | b64dec }}"}}}), says=["es", "b64dec"])
    refused(box, fake(("a", "x")), es(data=[item("a")], target={"template": {"data": {"v": '{{ printf "%s-%s" .v }}'}}}), says="printf")
    box.store.vault.put("db", '{"n":12345678901234567890}')
    same(pull(box, store({"vault": {"server": box.store.url, "path": "secret"}}), es(dataFrom=[{"extract": {"key": "db"}}])), {"es": {"n": b"12345678901234567890"}}, "all digits")


# ---- what is refused ----------------------------------------------------------------------------------------------

def each_refused(box, table):
    for words, objects in table:
        words = [words] if isinstance(words, str) else words
        refused(box, *objects, says=words)
    want(not box.store.writes(), "writes")


@check("refused/fields-and-types")
def bad_fields(box):
    f = fake(("a", "x"))
    ok = [item("a")]
    remote = {"secretKey": "v", "remoteref": {"key": "a"}}
    each_refused(box, [
        ("remoteref", [f, es(data=[remote])]), ("spec", [f, {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "es"}}]),
        ("dataform", [f, es(data=ok, dataform=[])]), ("key", [f, es(data=[{"secretKey": "v", "remoteRef": {}}])]), ("secretKey", [f, es(data=[{"remoteRef": {"key": "a"}}])]),
        ("property", [f, es(data=[item("a", property=True)])]), ("version", [f, es(data=[item("a", version=1)])]), ("decodingStrategy", [f, es(data=[item("a", decodingStrategy="base64")])]),
        ("conversionStrategy", [f, es(dataFrom=[{"extract": {"key": "a", "conversionStrategy": "None"}}])]), ("metadataPolicy", [f, es(data=[item("a", metadataPolicy="Fetch")])]),
        ("creationPolicy", [f, es(data=ok, target={"creationPolicy": "owner"})]), ("deletionPolicy", [f, es(data=ok, target={"deletionPolicy": "Keep"})]),
        ("immutable", [f, es(data=ok, target={"immutable": "yes"})]), ("data", [f, es()]), ("dataFrom[0]", [f, es(dataFrom=[{"extract": {"key": "a"}, "find": {"name": {"regexp": "a"}}}])]),
        ("dataFrom[0]", [f, es(dataFrom=[{}])]), ("generatorRef", [f, es(dataFrom=[{"sourceRef": {"generatorRef": {"kind": "Password", "name": "p"}}, "extract": {"key": "a"}}])]),
        ("manifest", [f, es(data=ok, target={"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}})]), ("templateFrom", [f, es(data=ok, target={"template": {"templateFrom": [{"literal": "x"}]}})]),
        ("engineVersion", [f, es(data=ok, target={"template": {"engineVersion": "v1"}})]), ("mergePolicy", [f, es(data=ok, target={"template": {"mergePolicy": "Add"}})]),
        ("template", [f, es(data=ok, target={"template": {"data": {"v": 5}}})]), ("labels", [f, es(data=ok, target={"template": {"metadata": {"labels": {"l": True}}}})]),
        ("labels", [f, es(data=ok, meta={"labels": {"l": 1}})]), ("annotations", [f, es(data=ok, meta={"annotations": {"l": ["x"]}})]), ("regexp", [f, es(dataFrom=[{"find": {"name": {"regexp": "("}}}])]),
        ("kind", [f, es(data=ok, ref={"name": "st", "kind": "Store"})]), ("rewrite[0]", [f, es(dataFrom=[{"extract": {"key": "a"}, "rewrite": [{"regexp": {"source": "a", "target": "b"}, "merge": {}}]}])]),
        ("rewrite[0]", [f, es(dataFrom=[{"extract": {"key": "a"}, "rewrite": [{"replace": {}}]}])]), ("ClusterExternalSecret", [f, {"apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret", "metadata": {"name": "c"}, "spec": {}}]),
        ("type", [f, es(data=ok, target={"template": {"type": "bootstrap.kubernetes.io/token"}})]),
        ("type", [f, es(data=ok, target={"template": {"type": "kubernetes.io/service-account-token", "metadata": {"annotations": {"kubernetes.io/service-account.name": "x"}}}})])])


@check("refused/names")
def bad_names(box):
    f = fake(("a", "x"))
    ok = [item("a")]
    each_refused(box, [("../x", [f, es("../x", data=ok)]), ("UPPER", [f, es("UPPER", data=ok)]), ("target.name", [f, es(data=ok, target={"name": "a/b"})]), ("target.name", [f, es(data=ok, target={"name": ".."})]),
                       ("name", [f, es("", data=ok)]), ("a.b", [fake(("a", "x"), ns="a.b"), es("e", "a.b", data=ok)]), ("no good", [f, es(data=[item("a", "no good")])]),
                       ("twice", [f, es(data=[item("a", "twice"), item("a", "twice")])]), ("x" * 100, [f, es(data=[item("a", "x" * 254)])])])
    box.fails(2, "pull", "--namespace", "../x", stdin=docs(f, es(data=ok)))


@check("refused/providers")
def bad_providers(box):
    ok = es(data=[item("a")])
    url = box.store.url
    each_refused(box, [
        ("doppler", [store({"doppler": {}}), ok]), ("provider", [store({}), ok]), ("provider", [store({"fake": {"data": []}, "aws": SM["aws"]}), ok]),
        ("CertificateManager", [store({"aws": {"service": "CertificateManager", "region": "eu-west-1"}}), ok]), ("region", [store({"aws": {"service": "SecretsManager"}}), ok]),
        ("region", [store({"aws": {"service": "SecretsManager", "region": "x.evil.test/"}}), ok]), ("project", [store({"gcpsm": {}}), ok]), ("location", [store({"gcpsm": {"projectID": "shop-project", "location": "x.evil.test/a#"}}), ok]),
        ("vault", [store({"azurekv": {"vaultUrl": "http://shop.vault.azure.net"}}), ok]), ("vault", [store({"azurekv": {"vaultUrl": "https://a@shop.vault.azure.net/x"}}), ok]),
        ("tls", [store({"vault": {"server": url, "tls": {"certSecretRef": {"name": "x", "key": "y"}}}}), ok]), ("headers", [store({"vault": {"server": url, "headers": {"a": "b"}}}), ok]),
        ("version", [store({"vault": {"server": url, "version": "v3"}}), ok]), ("server", [store({"vault": {"path": "secret"}}), ok]), ("caBundle", [store({"vault": {"server": url, "caBundle": "***"}}), ok]),
        ("cert", [store({"azurekv": {"vaultUrl": "https://shop.vault.azure.net"}}), es(data=[item("cert/x")])]), ("dataFrom[0]", [store({"vault": {"server": url, "path": "kv1", "version": "v1"}}), es(dataFrom=[{"find": {"tags": {"a": "b"}}}])]),
        ("..", [store({"vault": {"server": url, "path": "secret"}}), es(data=[item("a/../../sys/seal")])])])
    want(not [c for c in box.store.connects if "evil" in c], "a connection to another host", box.store.connects)
    same(pull(box, store({"doppler": {}}, name="unused"), fake(("a", "x")), ok), {"es": {"v": b"x"}}, "a store that nobody uses does not matter")


@check("refused/values")
def bad_values(box):
    v = box.secret("value")
    obj = json.dumps({"k": v, "o": {"p": v}})
    f = fake(("a", v), ("o", obj), ("l", json.dumps([v])))
    each_refused(box, [
        (["es", "data[0]", "nope"], [f, es(data=[item("nope")])]), (["es", "data[1]", "q"], [f, es(data=[item("a"), item("o", "w", property="q")])]), (["data[0]"], [f, es(data=[item("a", property="x")])]),
        (["dataFrom[0]"], [f, es(dataFrom=[{"extract": {"key": "a"}}])]), (["dataFrom[0]"], [f, es(dataFrom=[{"extract": {"key": "l"}}])]), (["data[0]", "ase64"], [f, es(data=[item("a", decodingStrategy="Base64")])]),
        (["property"], [f, es(data=[item("o", property="o|p")])]), (["property"], [f, es(data=[item("o", property="#(k==1)")])]), (["property"], [f, es(data=[item("o", property="@this")])]),
        (["property"], [f, es(data=[item("o", property="{k,o}")])]), (["dataFrom[0]"], [fake(("z", json.dumps({"a b": v, "a/b": v}))), es(dataFrom=[{"extract": {"key": "z"}}])]),
        (["target.template", "line 3", "range"], [f, es(data=[item("a")], target={"template": {"data": {"x": "a\nb\n{{ range . }}" + v}}})]), (["template", "nope"], [f, es(data=[item("a")], target={"template": {"data": {"x": "{{ .nope }}"}}})]),
        (["template"], [f, es(data=[item("a")], target={"template": {"data": {"x": "{{ .v"}}})])])


@check("refused/not-yaml")
def not_yaml(box):
    for text, words in (("a: [\n", "m.yaml"), ("a: b: c\n", "m.yaml"), ("\xff\xfe\x00", "m.yaml"), ("a: &x [*x]\n", "m.yaml"), (docs(fake(("a", "x"))) + "---\n\t- x: [\n", "m.yaml")):
        box.write("m.yaml", text.encode("latin-1"))
        r = box.sops("pull", "m.yaml")
        want(r.status in (0, 2) and not r.out, "no crash, no output", r)
        if text.startswith("a: [") or text.startswith("a: b") or "x: [" in text:
            want(r.status == 2 and words in r.err.decode(), "status 2 and the file's name", r)


@check("hostile/manifests")
def hostile_manifests(box):
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join("%s: &%s [%s]\n" % (c, c, ",".join(["*" + p] * 10)) for p, c in zip("abcdefgh", "bcdefghi"))
    deep = "x: " + "[" * 30000 + "]" * 30000 + "\n"
    for text in (bomb, deep, "x: " + "{a: " * 20000 + "1" + "}" * 20000 + "\n", "- " * 50000 + "x\n"):
        box.write("m.yaml", text)
        start = time.time()
        r = box.sops("pull", "m.yaml", timeout=30)
        want(r.status in (0, 2) and not r.out and time.time() - start < 15, "refused or passed over in time", r)
    f = fake(("a" * 40 + "!", "x"), ("b", "y" * 5000))
    start = time.time()
    pull(box, f, es(dataFrom=[{"find": {"name": {"regexp": "^(a+)+$"}}}]))
    want(time.time() - start < 10, "regular expressions match in linear time")
    refused(box, f, es(data=[item("b")], target={"template": {"data": {"x": "{{ .v | indent 1000000000 }}"}}}), says="indent")
    refused(box, f, es(data=[item("b")], target={"template": {"data": {"x": "{{ .v }}" * 300}}}), says="es")
    refused(box, fake(*[("k%d" % i, "z" * 60000) for i in range(20)]), es(dataFrom=[{"find": {"name": {"regexp": "."}}}]), says="es")


@check("hostile/answers")
def hostile_answers(box):
    box.store.aws.put("eu-west-1", "db", "x")
    box.store.vault.put("db", {"a": "x"})
    box.store.gcp.put("db", "x")
    v = store({"vault": {"server": box.store.url, "path": "secret"}}, name="v")
    g = store(GCP, name="g")
    for body in (b"<html>", b"[]", b"{}", b'{"SecretString": 5, "data": {"data": [1]}, "payload": {"data": "***"}}', b'{"data":{"data":"x"},"SecretString":null,"payload":null}', b'{"a":' + b"[" * 100000,
                 b'"' + b"x" * (5 << 20) + b'"', b"\xff\xfe"):
        for name, op in (("st", "GetSecretValue"), ("v", "data.read"), ("g", "versions.access")):
            del box.store.faults[:]
            box.store.fault(op, mocks.Response(200, body, {"Content-Type": "application/json"}))
            refused(box, store(SM), v, g, es(data=[item("db")], ref={"name": name}), says="es", timeout=40)


@check("hostile/endless-and-elsewhere")
def hostile_pages(box):
    box.store.aws.put("eu-west-1", "app/db", "x")
    box.store.aws.param("eu-west-1", "/a", "x")
    box.store.gcp.put("db", "x")
    for i in range(3):
        box.store.azure.put("shop", "s%d" % i, "x")
    find = {"find": {"name": {"regexp": "."}}}
    for m in (box.store.aws, box.store.gcp, box.store.azure):
        m.loop = True
    ps = {"aws": {"service": "ParameterStore", "region": "eu-west-1"}}
    az = {"azurekv": {"vaultUrl": "https://shop.vault.azure.net"}}
    for p in (SM, ps, GCP, az):
        refused(box, store(p), es(dataFrom=[find]), says="es", timeout=50)
    box.store.azure.loop, box.store.azure.page, box.store.azure.next_host = False, 1, "shop.evil.test"
    refused(box, store(az), es(dataFrom=[find]), says="es")
    box.store.vault.put("db", {"a": "x"})
    box.store.fault("data.read", mocks.Response(302, "", {"Location": "https://steal.evil.test/v1/x"}))
    refused(box, store({"vault": {"server": box.store.url, "path": "secret"}}), es(data=[item("db")]), says="es")
    want(not [c for c in box.store.connects if "evil" in c], "a connection to another host", box.store.connects)
    # an evil vault that asks for a token for itself
    refused(box, store({"azurekv": {"vaultUrl": "https://shop.evil.test"}}), es(data=[item("db")]), says="es")
    want(not [e for e in box.store.log if "evil" in e["host"] and any(k == "authorization" for k, _ in e["headers"])], "a token for another host")


# ---- --to-sops ----------------------------------------------------------------------------------------------------

def rules_for_secrets(crypt="encrypted_regex: ^(data|stringData)$"):
    return "  - path_regex: ^git/\n    age: %s\n%s" % (RECIPIENTS["ALICE"], "    %s\n" % crypt if crypt else "")


def to_sops(box, *objects, **more):
    args = more.pop("args", [])
    status = more.pop("status", 0)
    box.write("m.yaml", docs(*objects))
    r = box.sops("pull", "--to-sops", more.pop("to", "git/{name}.yaml"), *args, "m.yaml", **more)
    if r.status != status:
        raise Failed("status %s wanted: %s" % (status, r))
    return r


def lines_changed(before, after):
    a, b = before.decode().splitlines(), after.decode().splitlines()
    return [y for y in b if y not in a], [x for x in a if x not in b]


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@check("to-sops/create")
def ts_create(box):
    pw = box.secret("pw")
    box.config(creation=rules_for_secrets())
    to_sops(box, fake(("a", pw), ("b", "y")), es("db", data=[item("a", "pw"), item("b", "u")], meta={"labels": {"app": "x"}}))
    text = box.read("git/db.yaml")
    doc = yaml_documents(text)[0]
    same((doc["kind"], doc["metadata"], doc["type"], sorted(doc["data"])), ("Secret", {"name": "db", "labels": {"app": "x"}}, "Opaque", ["pw", "u"]), "the metadata stays readable")
    want(all(v.startswith("ENC[AES256_GCM,") for v in doc["data"].values()), "values are encrypted", doc["data"])
    same(doc["sops"]["encrypted_regex"], "^(data|stringData)$", "the rule is recorded")
    same(box.plain("git/db.yaml"), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "labels": {"app": "x"}}, "type": "Opaque", "data": {"pw": b64(pw), "u": b64("y")}}, "clear")


@check("to-sops/default-rule")
def ts_default(box):
    pw = box.secret("pw")
    box.config(creation=rules_for_secrets(None))
    to_sops(box, fake(("a", pw)), es("db", data=[item("a", "pw_unencrypted")]))
    doc = yaml_documents(box.read("git/db.yaml"))[0]
    same((doc["kind"], doc["sops"].get("encrypted_regex")), ("Secret", "^(data|stringData)$"), "without a crypt rule only the values are encrypted")
    same(box.plain("git/db.yaml")["data"], {"pw_unencrypted": b64(pw)}, "whatever the key is called")


@check("to-sops/clear-values-are-refused")
def ts_refused(box):
    pw = box.secret("pw")
    for crypt in ("encrypted_regex: ^password$", "encrypted_suffix: _secret", "unencrypted_regex: ^data$", "unencrypted_suffix: pw", "encrypted_comment_regex: secret", "unencrypted_regex: ^p"):
        box.config(creation=rules_for_secrets(crypt))
        to_sops(box, fake(("a", pw)), es("db", data=[item("a", "pw")]), status=2)
        want(not box.exists("git/db.yaml"), "no file under " + crypt)
    box.config(creation=rules_for_secrets("unencrypted_regex: ^(kind|apiVersion|metadata|type)$"))
    to_sops(box, fake(("a", pw)), es("db", data=[item("a", "pw")]))
    same(box.plain("git/db.yaml")["data"], {"pw": b64(pw)}, "a rule that covers all values is fine")


@check("to-sops/no-rule-no-request")
def ts_no_rule(box):
    box.store.aws.put("eu-west-1", "db", "x")
    box.config(creation="  - path_regex: ^elsewhere/\n    age: %s\n" % RECIPIENTS["ALICE"])
    to_sops(box, store(SM), es("db", data=[item("db")]), status=1)
    box.config(creation=rules_for_secrets("encrypted_regex: ^password$"))
    to_sops(box, store(SM), es("db", data=[item("db")]), status=2)
    os.unlink(box.path(".sops.yaml"))
    to_sops(box, store(SM), es("db", data=[item("db")]), status=1)
    same(box.store.log, [], "requests")


@check("to-sops/again-and-rotated")
def ts_refresh(box):
    box.config(creation=rules_for_secrets())
    values = {k: box.secret(k) for k in ("one", "two", "three")}
    box.store.aws.put("eu-west-1", "db", json.dumps(values))
    e = es("db", dataFrom=[{"extract": {"key": "db"}}])
    to_sops(box, store(SM), e)
    before = box.read("git/db.yaml")
    stamp = os.stat(box.path("git/db.yaml"))
    to_sops(box, store(SM), e)
    after = os.stat(box.path("git/db.yaml"))
    same((box.read("git/db.yaml"), after.st_mtime_ns, after.st_ino), (before, stamp.st_mtime_ns, stamp.st_ino), "an unchanged Secret leaves the file alone")
    values["two"] = box.secret("rotated")
    box.store.aws.put("eu-west-1", "db", json.dumps(values))
    time.sleep(1.1)
    r = to_sops(box, store(SM), e)
    new, old = lines_changed(before, box.read("git/db.yaml"))
    same(sorted(l.split(":")[0].strip() for l in new), ["lastmodified", "mac", "two"], "changed lines")
    same(len(old), 3, "lines gone")
    want(b"two" in r.err, "a note names what changed", r)
    same(box.plain("git/db.yaml")["data"], {k: b64(v) for k, v in values.items()}, "clear")


@check("to-sops/what-stays")
def ts_stays(box):
    box.config(creation=rules_for_secrets())
    text = ("# about this file\nkind: Secret\napiVersion: v1\nmetadata:\n    # the name\n    name: db\ntype: Opaque\ndata:\n    # first\n    zeta: %s\n    alpha: %s\n" % (b64("z"), b64("a")))
    box.sealed("git/db.yaml", text)
    box.ok("rotate", "-i", "--add-age", RECIPIENTS["BOB"], "git/db.yaml")
    before = box.read("git/db.yaml")
    to_sops(box, fake(("z", "z"), ("a", "new"), ("n", "added")), es("db", data=[item("a", "alpha"), item("z", "zeta"), item("n", "beta")]))
    after = box.read("git/db.yaml")
    new, old = lines_changed(before, after)
    same(sorted(l.split(":")[0].strip() for l in new if "mac" not in l and "lastmodified" not in l), ["alpha", "beta"], "changed values")
    clear = box.ok("decrypt", "git/db.yaml").out.decode()
    want("# about this file" in clear and "# the name" in clear and "# first" in clear, "comments stay", clear)
    want(clear.index("zeta") < clear.index("alpha") < clear.index("beta"), "order stays, new keys at the end", clear)
    want(RECIPIENTS["BOB"] in after.decode(), "the file's own keys stay")


@check("to-sops/removed-keys-and-policies")
def ts_removed(box):
    box.config(creation=rules_for_secrets())
    f = fake(("a", "x"), ("b", "y"))
    to_sops(box, f, es("db", data=[item("a", "one"), item("b", "two")]))
    to_sops(box, f, es("db", data=[item("a", "one")], target={"creationPolicy": "Merge"}))
    same(sorted(box.plain("git/db.yaml")["data"]), ["one", "two"], "Merge keeps other keys")
    to_sops(box, f, es("db", data=[item("a", "one")]))
    same(sorted(box.plain("git/db.yaml")["data"]), ["one"], "a key that is not wanted goes")
    to_sops(box, f, es("db", data=[item("a", "one")], target={"template": {"type": "x/y", "metadata": {"labels": {"l": "m"}}}, "immutable": True}))
    doc = box.plain("git/db.yaml")
    same((doc["type"], doc["metadata"].get("labels"), doc.get("immutable")), ("x/y", {"l": "m"}, True), "type, labels, immutable")
    to_sops(box, f, es("db", data=[item("a", "one")]))
    doc = box.plain("git/db.yaml")
    same((doc["type"], doc["metadata"].get("labels"), doc.get("immutable", False)), ("Opaque", None, False), "and back")


@check("to-sops/string-data")
def ts_string(box):
    box.config(creation=rules_for_secrets())
    box.store.gcp.put("bin", b"\x00\xff")
    box.store.gcp.put("t", "line\nline\n")
    g = store(GCP)
    to_sops(box, g, es("db", data=[item("t", "text"), item("bin", "bytes")]), args=["--string-data"])
    doc = box.plain("git/db.yaml")
    same((doc.get("stringData"), doc.get("data")), ({"text": "line\nline\n"}, {"bytes": b64(b"\x00\xff")}), "text and bytes")
    before = box.read("git/db.yaml")
    to_sops(box, g, es("db", data=[item("t", "text"), item("bin", "bytes")]))
    same(box.read("git/db.yaml"), before, "a key stays in the map where it is")
    box.store.gcp.put("t", "other")
    to_sops(box, g, es("db", data=[item("t", "text"), item("bin", "bytes")]))
    same(box.plain("git/db.yaml")["stringData"], {"text": "other"}, "refreshed in its place")
    box.store.gcp.put("t", b"\xff")
    to_sops(box, g, es("db", data=[item("t", "text"), item("bin", "bytes")]))
    doc = box.plain("git/db.yaml")
    same((doc.get("data", {}).get("text"), (doc.get("stringData") or {}).get("text")), (b64(b"\xff"), None), "bytes move to data")


@check("to-sops/base64-written-otherwise")
def ts_base64(box):
    box.config(creation=rules_for_secrets())
    long = "x" * 100
    folded = "\n".join(re.findall(".{1,60}", b64(long)))
    box.sealed("git/db.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque\ndata:\n  v: |\n" + "".join("    %s\n" % l for l in folded.split("\n")))
    before = box.read("git/db.yaml")
    to_sops(box, fake(("a", long)), es("db", data=[item("a")]))
    same(box.read("git/db.yaml"), before, "other line breaks are no change")


@check("to-sops/files-that-are-not-ours")
def ts_foreign(box):
    box.config(creation=rules_for_secrets())
    f, e = fake(("a", "x")), es("db", data=[item("a")])
    box.write("git/db.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n")
    before = box.read("git/db.yaml")
    to_sops(box, f, e, status=2)
    same(box.read("git/db.yaml"), before, "not encrypted: untouched")
    for text in ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: db\ndata:\n  v: x\n", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: other\ndata:\n  v: eA==\n",
                 "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: elsewhere\ndata:\n  v: eA==\n", "a: 1\n"):
        box.sealed("git/db.yaml", text)
        before = box.read("git/db.yaml")
        to_sops(box, f, e, status=2)
        same(box.read("git/db.yaml"), before, "another document: untouched")


@check("to-sops/keys-and-damage")
def ts_damage(box):
    box.config(creation=rules_for_secrets())
    e = es("db", data=[item("a")])
    to_sops(box, fake(("a", "x")), e)
    before = box.read("git/db.yaml")
    to_sops(box, fake(("a", "y")), e, status=128, env={"SOPS_AGE_KEY_FILE": None})
    same(box.read("git/db.yaml"), before, "untouched without a key")
    box.write("git/db.yaml", before.replace(b"type: Opaque", b"type: opaque", 1), secret_is_fine=False)
    box.write("m2.yaml", docs(fake(("a", "y")), e))
    r = box.sops("pull", "--to-sops", "git/{name}.yaml", "m2.yaml")
    want(r.status in (51, 2), "a changed file is noticed", r)
    same(box.read("git/db.yaml"), before.replace(b"type: Opaque", b"type: opaque", 1), "untouched")


@check("to-sops/plan")
def ts_plan(box):
    box.config(creation=rules_for_secrets())
    f = fake(("a", "x"), ("b", "y"), ("c", "z"))
    to_sops(box, f, es("same", data=[item("a")]), es("upd", data=[item("a", "one"), item("b", "two")]))
    ess = [es("same", data=[item("a")]), es("upd", data=[item("b", "one"), item("c", "three")]), es("new", data=[item("a")])]
    before = box.read("git/upd.yaml")
    r = to_sops(box, f, *ess, args=["--plan", "--json"], status=1)
    same(json_lines(r.out), [{"schema": 1, "action": "same", "file": "git/same.yaml", "name": "same"},
                             {"schema": 1, "action": "update", "file": "git/upd.yaml", "name": "upd", "changes": [
                                 {"change": "changed", "path": ["data", "one"]}, {"change": "added", "path": ["data", "three"]}, {"change": "removed", "path": ["data", "two"]}]},
                             {"schema": 1, "action": "create", "file": "git/new.yaml", "name": "new"}], "lines")
    r = to_sops(box, f, *ess, args=["--plan"], status=1)
    text = r.out.decode()
    for word in ("= same", "~ update", "git/upd.yaml: one, +three, -two", "+ create"):
        want(word in text, "the text holds %s" % word, text)
    want(box.read("git/upd.yaml") == before and not box.exists("git/new.yaml"), "a plan writes nothing")
    to_sops(box, f, *ess)
    r = to_sops(box, f, *ess, args=["--plan", "--json"])
    same({l["action"] for l in json_lines(r.out)}, {"same"}, "nothing is left")
    to_sops(box, f, es("bad", data=[item("nope")]), args=["--plan"], status=2)


@check("to-sops/patterns")
def ts_patterns(box):
    box.config(creation=rules_for_secrets())
    f = fake(("a", "x"), ns="shop")
    e = es("db", "shop", data=[item("a")])
    for to, path in (("git/{namespace}/{name}.json", "git/shop/db.json"), ("git/x", "git/x/db.yaml"), ("git/y/", "git/y/db.yaml"), ("git/{name}-{namespace}.yml", "git/db-shop.yml")):
        to_sops(box, f, e, to=to)
        same(box.plain(path)["metadata"], {"name": "db", "namespace": "shop"}, path)
        before = box.read(path)
        to_sops(box, f, e, to=to)
        same(box.read(path), before, path + " again")
    to_sops(box, f, e, to="git/{name}.txt", status=2)
    to_sops(box, f, e, es("two", "shop", data=[item("a")]), to="git/{namespace}.yaml{name}", status=2)
    want(not box.exists("git/db.txt"), "no file with another ending")


@check("to-sops/all-or-nothing-on-a-failed-fetch", fine=(2,))
def ts_failing(box):
    box.config(creation=rules_for_secrets())
    f = fake(("a", "x"))
    good, bad = es("good", data=[item("a")]), es("bad", data=[item("nope")])
    to_sops(box, f, good, bad, status=2)
    want(not box.exists("git/good.yaml"), "nothing is written when one cannot be resolved")
    to_sops(box, f, good, bad, args=["--keep-going"], status=2)
    want(box.exists("git/good.yaml") and not box.exists("git/bad.yaml"), "--keep-going writes the others")


@check("to-sops/folder-that-cannot-be-written")
def ts_readonly(box):
    if os.geteuid() == 0:
        box.config(creation=rules_for_secrets())
        box.write("git/sub", "a file where a folder is wanted")
        to_sops(box, fake(("a", "x")), es("db", data=[item("a")]), to="git/sub/{name}.yaml", status=(2))
        return
    box.config(creation=rules_for_secrets())
    os.makedirs(box.path("git"))
    os.chmod(box.path("git"), 0o500)
    try:
        to_sops(box, fake(("a", "x")), es("db", data=[item("a")]), status=2)
    finally:
        os.chmod(box.path("git"), 0o700)


@check("to-sops/readable-by-the-reference", needs="reference")
def ts_reference(box):
    box.config(creation=rules_for_secrets())
    pw = box.secret("pw")
    to_sops(box, fake(("a", pw), ("b", "y")), es("db", data=[item("a"), item("b", "w")]))
    same(box.plain("git/db.yaml", box.options.reference)["data"], {"v": b64(pw), "w": b64("y")}, "created")
    to_sops(box, fake(("a", pw), ("b", "changed")), es("db", data=[item("a"), item("b", "w")]))
    same(box.plain("git/db.yaml", box.options.reference)["data"], {"v": b64(pw), "w": b64("changed")}, "refreshed")
    to_sops(box, fake(("a", pw)), es("db", data=[item("a")]), to="git/{name}.json", args=["--string-data"])
    same(box.plain("git/db.json", box.options.reference)["stringData"], {"v": pw}, "JSON")
