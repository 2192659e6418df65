# SPDX-License-Identifier: Apache-2.0
"""Random histories of files, stores and others who change them, beside a model that says what `publish` has to do and what is there
afterwards. STORES_SEED begins with another seed, STORES_ROUNDS makes more of them."""
import json
import os
import random
from decimal import Decimal

import mocks
from box import check, same, secrets_of, want
from publish_checks import STORES, actions, publish, rules

SEED, ROUNDS = int(os.environ.get("STORES_SEED", "1")), int(os.environ.get("STORES_ROUNDS", "1"))
STEPS = 8
TEXTS = ["plain", "ü 日本 😀", "line\nline\n", " lead", "1.5", "true", "null", "{\"a\": 1}", "<&>\u2028", "'\"\\", "\t", "x" * 300, "e\u0301", "\x7f", "ENC[x", "%s", "$1"]
KEYS = ["user", "pass-word", "a.b", "n_1", "tls.crt", "UPPER", "sp ace", "ü", "a/b", "0", "true", "", "[0]", "sopsy", "\"q\""]
SAFE = KEYS[:6]
PROVIDER = {"aws": {"aws": {"service": "SecretsManager", "region": "eu-west-1"}}, "gcp": {"gcpsm": {"projectID": "shop-project"}},
            "azure": {"azurekv": {"vaultUrl": "https://shop.vault.azure.net"}}}
OPERATIONS = {"aws": ("CreateSecret", "PutSecretValue", "TagResource", "DeleteSecret", "RestoreSecret"), "gcp": ("secrets", "versions"), "azure": ("azure",),
              "vault": ("data", "meta")}


def marked(value):
    if isinstance(value, dict):
        return {k: marked(v) for k, v in value.items()}
    return [marked(v) for v in value] if isinstance(value, list) else ("bool", value) if isinstance(value, bool) else value


def as_decimals(text):
    """a JSON text whose numbers count by their decimal value, and never as true or false; None for what is none"""
    try:
        return marked(json.loads(text, parse_int=Decimal, parse_float=Decimal))
    except (TypeError, ValueError):
        return None


class World:
    def __init__(self, box, s, seed):
        self.box, self.s, self.r = box, s, random.Random("%s %d" % (s.kind, seed))
        self.per_key = s.kind != "vault" and self.r.random() < 0.3
        self.keys = SAFE[1:2] + SAFE[:1] if self.per_key and s.kind == "azure" else SAFE if self.r.random() < 0.5 else KEYS
        if self.per_key:
            self.keys = [k for k in SAFE if s.kind == "aws" or k.replace("-", "").replace("_" if s.kind == "gcp" else "", "").isalnum()]
        self.clear = {}   # source -> its values
        self.sealed = {}  # source -> how often its data key was made anew
        self.marked = {}  # name -> (source, data key, value, tags) as publish left them
        self.serial = 0
        more = {"layout": "per_key"} if self.per_key else {}
        self.safe = not self.per_key and self.keys is SAFE
        self.box.config(rules(dict({"path_regex": "^secrets/"}, **s.rule(box, **more), **({"manifest": {"store": "st"}} if self.safe else {}))))

    # ---- values
    def scalar(self):
        r = self.r
        return r.choice([lambda: r.choice(TEXTS), lambda: r.choice(TEXTS), lambda: r.randrange(-2 ** 53, 2 ** 53), lambda: r.choice([0, 1, -7]),
                         lambda: r.choice([True, False]), lambda: None, lambda: r.choice([0.5, 1e-7, 2.25, -1e10, 123456.75])])()

    def value(self, depth=0):
        if depth < 2 and self.r.random() < 0.2:
            return [self.value(depth + 1) for _ in range(self.r.randrange(3))]
        return self.tree(depth + 1) if depth < 2 and self.r.random() < 0.2 else self.scalar()

    def tree(self, depth=0):
        return {k: self.value(depth) for k in self.r.sample(self.keys, self.r.randrange(1 if depth == 0 else 0, min(4, len(self.keys)) + 1))}

    # ---- files
    def write(self, source, values):
        self.clear[source] = values
        self.sealed[source] = self.sealed.get(source, 0) + 1
        self.box.sealed(source, json.dumps(values, ensure_ascii=self.r.random() < 0.5))

    def add(self):
        self.serial += 1
        folder = self.r.choice(["secrets/", "secrets/sub/"])
        self.write("%sf%d.json" % (folder, self.serial), self.tree())

    @staticmethod
    def typed(key):
        """can it stand in a path of `set`?"""
        return key != "" and not any(c in key for c in '[]"')

    def change(self):
        source = self.r.choice(sorted(self.clear))
        values, key = self.clear[source], self.r.choice(self.keys)
        if key in values and len(values) > 1 and self.typed(key) and self.r.random() < 0.4:
            del values[key]
            self.box.ok("unset", source, '["%s"]' % key)
        elif self.typed(key):  # `set` takes no list, and no bracket in a path
            values[key] = self.scalar()
            self.box.ok("set", source, '["%s"]' % key, json.dumps(values[key]))

    def rotate(self):
        source = self.r.choice(sorted(self.clear))
        self.sealed[source] += 1
        self.box.ok("rotate", "-i", source)

    def remove(self):
        source = self.r.choice(sorted(self.clear))
        del self.clear[source]
        os.unlink(self.box.path(source))

    # ---- somebody else
    def item(self):
        names = self.s.names(self.box)
        return self.r.choice(names) if names else None

    def their_value(self):
        name = self.item()
        if name:
            self.s.put(self.box, name, json.dumps(self.tree()), self.s.tags(self.box, name))

    def their_tags(self):
        name = self.item()
        if name:
            tags = self.s.tags(self.box, name)
            change = self.r.choice(["strip", "other", "owner", "source", "note", "digest"])
            tags = {} if change == "strip" else dict(tags, **{
                "other": {"managed-by": "terraform"}, "owner": {"sops-owner": "else"}, "note": {"note": "kept"}, "digest": {"sops-digest": "x" * 22},
                "source": {"sops-source": self.r.choice(sorted(self.clear) + ["secrets/gone.json"])}}[change])
            self.s.retag(self.box, name, tags)

    # ---- the model
    def wanted(self, sources):
        """name -> (source, value as text)"""
        out = {}
        for source in sources:
            name = self.s.name(source[:-5])
            if not self.per_key:
                out[name] = (source, json.dumps(self.clear[source]))
                continue
            join = "/" if self.s.kind == "aws" else "-"
            for k, v in self.clear[source].items():
                out[name + join + k] = (source, v if isinstance(v, str) else json.dumps(v))
        return out

    def equal(self, name, text):
        there = self.s.value(self.box, name)
        a, b = as_decimals(there), as_decimals(text)
        return a == b if isinstance(a, dict) and isinstance(b, dict) else there == text.encode() or (a is not None and a == b and not isinstance(a, (str, dict)))

    def is_gone(self, name):
        """in the waste basket, or without a value since the write of it failed"""
        return self.s.value(self.box, name) is None and bool(self.s.tags(self.box, name))

    def action(self, name, source, text, adopt):
        tags, gone = self.s.tags(self.box, name), self.is_gone(name)
        if not tags and not gone and self.s.value(self.box, name) is None:
            return "create"
        if tags.get("managed-by") != "sops" or tags.get("sops-owner") != "shop":
            return "adopt" if adopt and "managed-by" not in tags else "foreign"
        if tags.get("sops-source") != source and os.path.exists(self.box.path(tags.get("sops-source", "no source"))):
            return "foreign"
        if gone:
            return "restore"
        if not self.equal(name, text):
            return "update"
        left = self.marked.get(name)
        current = left and left[:3] == (source, self.sealed[source], as_decimals(text) if as_decimals(text) is not None else text)
        return "same" if current and all(tags.get(k) == v for k, v in left[3].items()) else "tag"

    def plan(self, sources, adopt, prune, below):
        items = self.wanted(sources)
        out = {n: self.action(n, source, text, adopt) for n, (source, text) in items.items()}
        for name in self.s.names(self.box) if prune else []:
            tags = self.s.tags(self.box, name)
            source = tags.get("sops-source", "")
            ours = tags.get("managed-by") == "sops" and tags.get("sops-owner") == "shop"
            if ours and name not in items and (source == below or source.startswith(below + "/")) and (source not in self.clear or source in sources):
                out[name] = "delete"
        return out

    # ---- one step
    def step(self):
        moves = [self.add, self.change, self.change, self.rotate, self.remove, self.their_value, self.their_tags]
        for _ in range(self.r.randrange(1, 4)):
            move = self.r.choice(moves)
            if self.clear or move is self.add:
                move()
        while len(self.clear) < 2:
            self.add()
        adopt, prune, going = (self.r.random() < p for p in (0.3, 0.4, 0.4))
        one = self.r.random() < 0.25
        below = self.r.choice(sorted(self.clear)) if one else "secrets"
        sources = [below] if one else sorted(self.clear)
        args = ["--adopt"] * adopt + ["--prune"] * prune + ["--keep-going"] * going + ([] if one else ["--recursive"]) + [below]
        expected = self.plan(sources, adopt, prune, below)
        before = {n: self.s.value(self.box, n) for n in self.s.names(self.box)}
        foreign = "foreign" in expected.values()
        pending = any(a not in ("same", "foreign") for a in expected.values())
        lines = publish(self.box, "--plan", *args, status=2 if foreign else 1 if pending else 0)
        same(actions(lines), expected, "plan of %s" % args)
        if self.r.random() < 0.3 and not foreign:
            expected = self.broken_run(args, expected, sources, before)
            before = {n: self.s.value(self.box, n) for n in self.s.names(self.box)}
        lines = publish(self.box, "--yes", *args, status=2 if foreign else 0)
        same(actions(lines), expected, "actions of %s" % args)
        if foreign and not going:
            same({n: self.s.value(self.box, n) for n in self.s.names(self.box)}, before, "nothing is written beside a foreign item")
            return
        self.compare(expected, before, sources)
        again = {n: a if a == "foreign" else "same" for n, a in expected.items() if a != "delete"}
        same(actions(publish(self.box, "--plan", *args, status=2 if foreign else 0)), again, "and again, %s" % args)

    def broken_run(self, args, expected, sources, before):
        """a request fails on the way; what was told to be done is, and gives what is left to do"""
        answer = self.r.choice([mocks.Response(500, "{}"), mocks.Response(403, "{}"), mocks.Response(200, "", drop=True), mocks.Response(200, "<html>")])
        op = self.r.choice(sorted(o for o in mocks.WRITES if o.split(".")[0] in OPERATIONS[self.s.kind]))
        self.box.store.fault(op, answer, after=self.r.randrange(2))
        lines = publish(self.box, "--yes", *args, status=(0, 2))
        self.box.store.faults.clear()
        same(actions(lines), expected, "actions of a broken run of %s" % args)
        done = {l["name"]: l["action"] for l in lines if l.get("result", "done") == "done"}
        self.compare(done, before, sources, set(expected) - set(done))
        one = args[-1] if args[-1] in self.clear else "secrets"
        return self.plan(sources, "--adopt" in args, "--prune" in args, one)

    def compare(self, expected, before, sources, unsure=()):
        items = self.wanted(sources)
        for name, action in expected.items():
            if action == "foreign":
                same(self.s.value(self.box, name), before.get(name), "a foreign item")
            elif action == "delete":
                same(self.s.value(self.box, name), None, "deleted: " + name)
            else:
                source, text = items[name]
                want(self.equal(name, text), "the value of " + name, self.s.value(self.box, name), text)
                tags = self.s.tags(self.box, name)
                same({k: tags.get(k) for k in ("managed-by", "sops-owner", "sops-source")}, {"managed-by": "sops", "sops-owner": "shop", "sops-source": source}, "tags of " + name)
                kept = {k: tags[k] for k in ("managed-by", "sops-owner", "sops-source", "sops-digest")}
                value = as_decimals(text)
                self.marked[name] = (source, self.sealed[source], value if value is not None else text, kept)
        for name in before:
            if name not in expected and name not in unsure:
                same(self.s.value(self.box, name), before[name], "an item that is not in the plan")

    # ---- the way back
    def pull(self):
        if not self.safe:
            return
        for name in self.s.names(self.box):  # what others made of them is not the point here
            self.s.retag(self.box, name, {})
        r = self.box.sops("publish", "--yes", "--adopt", "--recursive", "--manifests", "k8s", "secrets")
        if r.status == 2 and b"same" in r.err or b"twice" in r.err:
            return  # two leaves with one joined path
        want(r.status == 0, "published with manifests", r)
        provider = PROVIDER.get(self.s.kind) or {"vault": {"server": self.box.store.url, "path": "secret"}}
        self.box.write("store.yaml", json.dumps({"apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": {"name": "st"},
                                                 "spec": {"provider": provider}}))
        got = secrets_of(self.box.ok("pull", "--recursive", "--output-type", "json", "store.yaml", "k8s").out)
        for source, values in self.clear.items():
            found = got["", os.path.basename(source)[:-5]]["decoded"]
            flat = dict(leaves(values, "", True))
            same(sorted(found), sorted(flat), "the keys of " + source)
            for key, value in flat.items():
                there = found[key].decode()
                if isinstance(value, str) or value is None:
                    same(there, value or "", "%s of %s" % (key, source))
                else:
                    same(as_decimals(there), as_decimals(json.dumps(value)), "%s of %s" % (key, source))


def leaves(value, path, top=False):
    if isinstance(value, dict) and (value or top):
        for k, v in value.items():
            yield from leaves(v, path + "." + k if path else k)
    else:
        yield path, value


def history(box, s, seed):
    world = World(box, s, seed)
    for _ in range(STEPS):
        world.step()
    world.pull()


for number in range(SEED, SEED + ROUNDS):
    for store in STORES:
        check("random/publish-%d/%s" % (number, store.kind), fine=(2,))(lambda box, s=store, seed=number: history(box, s, seed))
