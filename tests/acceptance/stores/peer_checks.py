# SPDX-License-Identifier: Apache-2.0
"""The same ways against real peers: moto for AWS, OpenBao for Vault. Skipped, with the reason, where one is missing."""
import json
import os

import peers
from box import check, json_lines, same, want
from publish_checks import actions, publish, rules
from pull_checks import GCP, docs, es, item, pull, secret, store  # noqa: F401


def bao(box, method, path, value=None, token="root"):
    body = json.dumps(value).encode() if value is not None else None
    text = peers.get(peers.bao() + "/v1/" + path, {"X-Vault-Token": token, "Content-Type": "application/json"}, method, body)
    return json.loads(text) if text else None


def own_mount(box, version="2"):
    mount = "kv%d" % box.serial
    bao(box, "POST", "sys/mounts/" + mount, {"type": "kv", "options": {"version": version}})
    for _ in range(100):  # version 2 is upgraded in the background
        try:
            bao(box, "GET", mount + "/config" if version == "2" else "sys/mounts")
            break
        except OSError:
            import time
            time.sleep(0.1)
    return mount


def vault_env(box, token="root"):
    box.env.update({"VAULT_ADDR": peers.bao(), "VAULT_TOKEN": token})


@check("peer/openbao-publish", needs="bao")
def bao_publish(box):
    mount = own_mount(box)
    vault_env(box)
    pw = box.secret("pw")
    box.config(rules({"vault_kv": {"owner": "shop", "address": peers.bao(), "mount": mount, "prefix": "app/"}}))
    box.sealed("db.yaml", "user: u\npassword: %s\nn: 1.50\n" % pw)
    box.sealed("two.yaml", "a: b\n")
    same(set(actions(publish(box, "--yes", "--recursive", ".")).values()), {"create"}, "create")
    got = bao(box, "GET", mount + "/data/app/db")["data"]
    same((got["data"]["password"], got["metadata"]["version"]), (pw, 1), "value")
    custom = bao(box, "GET", mount + "/metadata/app/db")["data"]["custom_metadata"]
    same((custom["managed-by"], custom["sops-owner"], custom["sops-source"]), ("sops", "shop", "db.yaml"), "custom_metadata")
    same(set(actions(publish(box, "--yes", "--recursive", ".")).values()), {"same"}, "again")
    same(bao(box, "GET", mount + "/data/app/db")["data"]["metadata"]["version"], 1, "no new version")
    box.ok("set", "db.yaml", '["user"]', '"u2"')
    same(publish(box, "--yes", "db.yaml")[0]["changes"], [{"change": "changed", "path": ["user"]}], "update")
    same(bao(box, "GET", mount + "/data/app/db")["data"]["data"]["user"], "u2", "updated")
    bao(box, "POST", mount + "/data/app/alien", {"data": {"x": "y"}})
    sealed = box.read("two.yaml")
    os.unlink(box.path("two.yaml"))
    lines = publish(box, "--yes", "--prune", "--recursive", ".")
    same([l["name"] for l in lines if l["action"] == "delete"], ["app/two"], "prune")
    want(bao(box, "GET", mount + "/metadata/app/two")["data"]["versions"]["1"]["deletion_time"] != "", "deleted, and can be undeleted")
    same(bao(box, "GET", mount + "/data/app/alien")["data"]["data"], {"x": "y"}, "the foreign one")
    box.write("two.yaml", sealed, secret_is_fine=False)
    same(publish(box, "--yes", "two.yaml")[0]["action"], "restore", "restore")
    same(bao(box, "GET", mount + "/data/app/two")["data"]["data"], {"a": "b"}, "it is back")


@check("peer/openbao-small-rights", needs="bao")
def bao_rights(box):
    mount = own_mount(box)
    box.config(rules({"vault_kv": {"owner": "shop", "address": peers.bao(), "mount": mount, "prefix": "app/"}}))
    box.sealed("db.yaml", "a: b\n")
    policy = 'path "%s/data/app/*" { capabilities = ["create", "update"] }\npath "%s/metadata/app/*" { capabilities = ["create", "read", "update"] }' % (mount, mount)
    bao(box, "PUT", "sys/policies/acl/write%d" % box.serial, {"policy": policy})
    token = bao(box, "POST", "auth/token/create", {"policies": ["write%d" % box.serial], "no_default_policy": True})["auth"]["client_token"]
    vault_env(box, token)
    publish(box, "--yes", "db.yaml")
    same(actions(publish(box, "--yes", "db.yaml")), {"app/db": "same"}, "the digest serves where values cannot be read")
    box.ok("set", "db.yaml", '["a"]', '"c"')
    same(publish(box, "--yes", "db.yaml")[0].get("compared"), "digest", "update by digest")
    same(bao(box, "GET", mount + "/data/app/db")["data"]["data"], {"a": "c"}, "written")
    box.fails(2, "publish", "--yes", "--prune", "db.yaml", quiet=False, says="ermission denied")


@check("peer/openbao-v1-mount", needs="bao")
def bao_v1_mount(box):
    mount = own_mount(box, "1")
    vault_env(box)
    box.config(rules({"vault_kv": {"owner": "shop", "address": peers.bao(), "mount": mount}}))
    box.sealed("db.yaml", "a: b\n")
    box.fails(2, "publish", "--yes", "db.yaml", says=mount)
    bao(box, "POST", mount + "/app/db", {"a": "x", "n": 5})
    v1 = store({"vault": {"server": peers.bao(), "path": mount, "version": "v1"}})
    same(pull(box, v1, es("a", data=[item("app/db", property="a")]), es("b", dataFrom=[{"extract": {"key": "app/db"}}]), es("c", dataFrom=[{"find": {"name": {"regexp": "."}}}])),
         {"a": {"v": b"x"}, "b": {"a": b"x", "n": b"5"}, "c": {"app_db": b'{"a":"x","n":5}'}}, "version 1")


@check("peer/openbao-pull", needs="bao")
def bao_pull(box):
    mount = own_mount(box)
    vault_env(box, "no-token")
    bao(box, "POST", mount + "/data/app/db", {"data": {"a": {"b": "<n>"}, "a.b": "dot", "n": 1.5}})
    bao(box, "POST", mount + "/data/app/db", {"data": {"a": {"b": "<m>"}, "a.b": "dot2"}})
    bao(box, "POST", mount + "/metadata/app/db", {"custom_metadata": {"team": "a"}})
    bao(box, "POST", mount + "/data/gone", {"data": {"x": "y"}})
    bao(box, "DELETE", mount + "/data/gone")
    try:
        bao(box, "POST", "sys/auth/approle", {"type": "approle"})
    except OSError:
        pass  # another check did it
    bao(box, "PUT", "sys/policies/acl/read%d" % box.serial, {"policy": 'path "%s/*" { capabilities = ["read", "list"] }' % mount})
    role = "role%d" % box.serial
    bao(box, "POST", "auth/approle/role/" + role, {"token_policies": ["read%d" % box.serial]})
    role_id = bao(box, "GET", "auth/approle/role/%s/role-id" % role)["data"]["role_id"]
    secret_id = bao(box, "POST", "auth/approle/role/%s/secret-id" % role)["data"]["secret_id"]
    box.canaries.append(secret_id)
    v = store({"vault": {"server": peers.bao(), "path": mount, "auth": {"appRole": {"path": "approle", "roleId": role_id, "secretRef": {"name": "s", "key": "id"}}}}})
    same(pull(box, v, secret("s", id=secret_id), es("a", data=[item("app/db", property="a.b"), item("app/db", "w", property="a", version="1"), item("app/db", "old", version="1", property="n")]),
              es("b", dataFrom=[{"find": {"tags": {"team": "a"}}}]), es("c", data=[item("gone"), item(mount + "/data/app/db", "x", property="a")], target={"deletionPolicy": "Merge"})),
         {"a": {"v": b"dot2", "w": b'{"b":"\\u003cn\\u003e"}', "old": b"1.5"}, "b": {"app_db": b'{"a":{"b":"\\u003cm\\u003e"},"a.b":"dot2"}'},
          "c": {"x": b'{"b":"\\u003cm\\u003e"}'}}, "values")


def aws_env(box, region):
    box.env.update({"AWS_ENDPOINT_URL": peers.moto(), "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": region})


REGIONS = ["eu-west-1", "eu-west-2", "us-east-1", "us-west-2", "eu-central-1"]


@check("peer/moto-publish", needs="moto")
def moto_publish(box):
    region = REGIONS[0]
    aws_env(box, region)
    pw = box.secret("pw")
    prefix = "m%d/" % box.serial
    box.config(rules({"aws_secretsmanager": {"owner": "shop%d" % box.serial, "region": region, "prefix": prefix}}))
    box.sealed("db.yaml", "user: u\npassword: %s\n" % pw)
    box.sealed("two.yaml", "a: b\n")
    same(set(actions(publish(box, "--yes", "--recursive", ".")).values()), {"create"}, "create")
    same(set(actions(publish(box, "--yes", "--recursive", ".")).values()), {"same"}, "again")
    for value in ("u2", "u"):  # away and back again
        box.ok("set", "db.yaml", '["user"]', json.dumps(value))
        same(publish(box, "--yes", "db.yaml")[0]["action"], "update", "update")
        same(actions(publish(box, "--plan", "db.yaml")), {prefix + "db": "same"}, "and it stays")
    sealed = box.read("two.yaml")
    os.unlink(box.path("two.yaml"))
    same([l["name"] for l in publish(box, "--yes", "--prune", "--recursive", ".") if l["action"] == "delete"], [prefix + "two"], "prune")
    box.write("two.yaml", sealed, secret_is_fine=False)
    same(publish(box, "--yes", "two.yaml")[0]["action"], "restore", "restore")
    sm = store({"aws": {"service": "SecretsManager", "region": region}})
    got = pull(box, sm, es("a", data=[item(prefix + "db", property="password")]), es("b", dataFrom=[{"extract": {"key": prefix + "two"}}]),
               es("c", dataFrom=[{"find": {"name": {"regexp": "two$"}, "tags": {"sops-owner": "shop%d" % box.serial}}}]))
    same(got, {"a": {"v": pw.encode()}, "b": {"a": b"b"}, "c": {prefix.replace("/", "_") + "two": b'{"a":"b"}'}}, "pulled again")


@check("peer/moto-parameter-store", needs="moto")
def moto_parameters(box):
    region = REGIONS[1]
    aws_env(box, region)
    base = "/p%d" % box.serial

    def put(name, value, **more):
        body = json.dumps(dict({"Name": name, "Value": value, "Type": "SecureString"}, **more)).encode()
        peers.get(peers.moto() + "/", {"X-Amz-Target": "AmazonSSM.PutParameter", "Content-Type": "application/x-amz-json-1.1",
                                       "Authorization": "AWS4-HMAC-SHA256 Credential=testing/20260101/%s/ssm/aws4_request, SignedHeaders=host, Signature=0" % region}, "POST", body)
    put(base + "/a", '{"k":"v"}')
    put(base + "/b/c", "deep")
    for i in range(12):
        put(base + "/many/%d" % i, str(i))
    put(base + "/a", '{"k":"v2"}', Overwrite=True)
    ps = store({"aws": {"service": "ParameterStore", "region": region}})
    got = pull(box, ps, es("a", data=[item(base + "/a", property="k"), item(base + "/a", "old", version="1")]), es("b", dataFrom=[{"find": {"path": base + "/many", "name": {"regexp": "."}}}]),
               es("c", dataFrom=[{"find": {"path": base + "/b", "name": {"regexp": "c$"}}, "rewrite": [{"regexp": {"source": ".*/", "target": ""}}]}]))
    same(got["a"], {"v": b"v2", "old": b'{"k":"v"}'}, "values and versions")
    same(len(got["b"]), 12, "all pages")
    same(got["c"], {"c": b"deep"}, "rewritten")
