# SPDX-License-Identifier: Apache-2.0
"""Random Secrets, sealed and opened both ways beside kubeseal, and random texts of SealedSecrets that reseal changes, beside the model.
SEAL_SEED begins with another seed, SEAL_ROUNDS makes more of them."""
import base64
import json
import os
import random
import re

import model as m
from harness import Skipped, check, key, pem

SEED, ROUNDS = int(os.environ.get("SEAL_SEED", "1")), int(os.environ.get("SEAL_ROUNDS", "1"))
TEXTS = ["", "a", " lead", "trail ", "multi\nline\n", "multi\nline", "\n", "\ttab", '"q"', "'s'", "back\\slash", "#c", "a: b", "- x", "{a}", "*a", "!t", "@x", "ü 日本 😀",
         "null", "true", "1.5", "2020-01-01", "1e3", "0x10", "y", "x" * 300, "a\r\nb", "\ufeffbom", "{{ .x }}", "---", "?", "a:", "\x7f", "\u2028", "end\n\n\n", "=", "<<"]
KEYS = ["a", "tls.crt", "-dash", "_u", ".dot", "123", "1.5", "y", "no", "true", "null", "0x10", "1e3", "2020-01-01", "007", "k" * 120]
NUMBERS = [0, -7, 2 ** 63, 2 ** 64 - 1, True, False, None]
SCOPES = ["strict", m.NAMESPACE, m.CLUSTER]
ENTRY = re.compile(r"^    ([axk][-.\w]*\d): (.*(?:\n {6}.*)*)", re.M)  # of encryptedData


def as_text(v):
    return "" if v is None else str(v).lower() if isinstance(v, bool) else str(v)


def random_secret(r):
    """a Secret, its items, its labels and annotations"""
    meta = {"name": r.choice(["app", "a.b", "x-1"]), "namespace": r.choice(["prod", "7"])}
    texts = {part: {r.choice(KEYS): r.choice(TEXTS + NUMBERS) for _ in range(r.randrange(4))} for part in ("labels", "annotations")}
    if r.random() < 0.5:
        texts["annotations"][m.ANNOTATION[r.choice(SCOPES[1:])]] = r.choice(["true", "true", "false"])
    for part in texts:
        if texts[part] or r.random() < 0.1:
            meta[part] = texts[part]
    if r.random() < 0.3:
        meta["annotations"] = dict(texts["annotations"], **{"kubectl.kubernetes.io/last-applied-configuration": "values"})
    if r.random() < 0.2:
        meta["finalizers"] = [r.choice(TEXTS) or "f", "g/h"]
    obj = {"apiVersion": "v1", "kind": "Secret", "metadata": meta}
    if r.random() < 0.5:
        obj["type"] = r.choice(["Opaque", "kubernetes.io/tls", "x y"])
    if r.random() < 0.3:
        obj["immutable"] = r.choice([True, False])
    items = {}
    data = {r.choice(KEYS): r.choice(TEXTS).encode() if r.random() < 0.5 else r.randbytes(r.choice([0, 1, 100, 3000])) for _ in range(r.randrange(4))}
    strings = {r.choice(KEYS): r.choice(TEXTS + NUMBERS) for _ in range(r.randrange(1, 4))}
    obj["data"], obj["stringData"] = {k: base64.b64encode(v).decode() for k, v in data.items()}, strings
    items.update(data)
    items.update({k: as_text(v).encode() for k, v in strings.items()})
    return obj, items, {part: {k: as_text(v) for k, v in texts[part].items()} for part in texts}


def only_texts(obj):
    obj = dict(obj, stringData={k: as_text(v) for k, v in obj["stringData"].items()})
    meta = {k: {x: as_text(y) for x, y in v.items()} if isinstance(v, dict) else v for k, v in obj["metadata"].items()}
    return dict(obj, metadata=meta)


def written(r, v, depth=0):
    """a value as YAML in some style"""
    if isinstance(v, dict) and v and depth < 3:
        return "".join("\n%s%s: %s" % ("  " * depth, json.dumps(k), written(r, x, depth + 1)) for k, x in v.items())
    if isinstance(v, str) and v.isprintable() and r.random() < 0.5 and "\ufeff" not in v:
        return "'%s'" % v.replace("'", "''")
    if isinstance(v, str) and re.fullmatch(r"[!-~][ -~\n]*[!-~]\n?", v) and r.random() < 0.5:
        body = v.rstrip("\n")
        return "|%s\n%s" % ("" if v.endswith("\n") else "-", "\n".join("  " * depth + line if line else "" for line in body.split("\n")))
    return json.dumps(v, ensure_ascii=False).replace("\x7f", "\\u007f").replace("\u2028", "\\u2028").replace("\ufeff", "\\ufeff")


def blank(o):
    """an object without what differs from run to run, and without what only one of the two writes"""
    o = json.loads(json.dumps(o))
    spec = o.get("spec", {})
    spec["encryptedData"] = sorted(spec.get("encryptedData") or {})
    for meta in (o["metadata"], spec.get("template", {}).get("metadata", {})):
        meta.pop("creationTimestamp", None)
    return o


def clear_items(o):
    return {k: base64.b64decode(v or "") for k, v in (o.get("data") or {}).items()}


@check("random/sealed and opened both ways beside kubeseal")
def _(t):
    if not t.opt.kubeseal:
        raise Skipped("no kubeseal")
    t.keys("dev.key", "dev.pem")
    for seed in range(SEED, SEED + 25 * ROUNDS):
        r = random.Random(seed)
        obj, items, texts = random_secret(r)
        note = "SEAL_SEED=%d" % seed
        in_json = r.random() < 0.4  # where kubeseal takes texts only
        text = json.dumps(only_texts(obj), ensure_ascii=r.random() < 0.5) if in_json else written(r, obj).lstrip("\n") + "\n"
        scope = r.choice([[], [], ["--scope", r.choice(SCOPES[1:])]])
        f = r.choice(["yaml", "json"])
        ours = t.ok("seal", "--cert", "dev.pem", "-o", f, *scope, input=text).out
        theirs = t.peer("--cert", "dev.pem", "-o", "json", *scope, input=text)
        t.expect(theirs.rc == 0, note + ": kubeseal fails", theirs, text)
        t.same(t.opened(ours), items, note + ": items")
        t.same(t.opened(theirs.out), items, note + ": kubeseal's items, the model's mistake")
        t.same(blank(json.loads(t.kubeseal_ok("--cert", "dev.pem", *scope, input=text).out)), blank(json.loads(theirs.out)), note + ": object")
        got = t.peer("--recovery-unseal", "--recovery-private-key", "dev.key", input=ours)
        t.expect(got.rc == 0, note + ": kubeseal cannot open ours", got, ours)
        got = json.loads(got.out)
        t.same(clear_items(got), items, note + ": items by kubeseal")
        scopes = set(m.ANNOTATION.values())
        for part in ("labels", "annotations"):
            t.same({k: v for k, v in (got["metadata"].get(part) or {}).items() if k not in scopes}, {k: v for k, v in texts[part].items() if k not in scopes}, note + ": " + part)
        t.same(clear_items(json.loads(t.ok("unseal", "--key", "dev.key", "-o", "json", input=theirs.out).out)), items, note + ": theirs, opened")


def laid_out(r, text, indent):
    """a ciphertext as a YAML scalar in some style"""
    lines = [text[i:i + 90] for i in range(0, len(text), 90)]
    return r.choice([text, text, '"%s"' % text, "'%s'" % text, "|%s%s\n%s" % (r.choice(["", "-", "+"]), r.choice(["", "  # why"]), "\n".join(indent + x for x in lines)),
                     '"%s"' % ("\\\n" + indent).join(lines), '"%s\\x%02x%s"' % (text[:5], ord(text[5]), text[6:])])


@check("random/reseal changes ciphertext only, and keeps what the new key opens")
def _(t):
    names = ["dev", "prod", "new"]
    t.keys(*[n + ".key" for n in names], "new.pem")
    public = {n: m.public_of(pem(n + ".pem")) for n in names}
    for seed in range(SEED, SEED + 25 * ROUNDS):
        r, note = random.Random(seed), "SEAL_SEED=%d" % seed
        parts, shapes, objects = [], [], []
        for i in range(r.choice([1, 1, 2])):
            scope, name = r.choice(SCOPES), "n%d" % i
            label = m.label_of("prod", name, scope)
            items = {r.choice(["a", "x.y", "k-1"]) + str(k): (r.randbytes(r.randrange(200)), r.choice(names)) for k in range(r.randrange(1, 4))}
            sealed = {k: m.seal(public[n], v, label) for k, (v, n) in items.items()}
            lines = ["# head", "apiVersion: bitnami.com/v1alpha1", "kind: SealedSecret", "metadata:"]
            lines += ["  annotations: {%s: \"true\"}" % m.ANNOTATION[scope]] if scope != "strict" else []
            lines += ["  name: %s # here" % name, "  namespace: prod", "spec:", "  template: {type: Opaque}", "  encryptedData:"]
            shape = lines + ["    %s: CIPHERTEXT" % k for k in sealed]
            lines += ["    %s: %s" % (k, laid_out(r, v, "      ")) for k, v in sealed.items()]
            parts.append("\n".join(lines) + "\n")
            shapes.append("\n".join(shape) + "\n")
            objects.append((label, items, sealed))
        crlf = (lambda s: s.replace("\n", "\r\n")) if r.random() < 0.2 else (lambda s: s)
        before = crlf("---\n".join(parts))
        t.write("f.yaml", before, clear=False)
        given = r.sample(names, r.randrange(1, 4))
        run = t.run("reseal", *[x for n in given for x in ("--key", n + ".key")], "--cert", "new.pem", "f.yaml")
        after = t.read("f.yaml")
        if any(n not in given for _, items, _ in objects for _, n in items.values()):
            t.expect(run.rc in (25, 128) and after == before, note + ": what does not open stays as it was", run)
            continue
        t.expect(run.rc == 0, note + ": reseal fails", run, before)
        t.same("\r\n" in after, "\r\n" in before, note + ": line breaks")
        after = after.replace("\r", "")
        texts = ENTRY.findall(after)
        at = 0
        for label, items, sealed in objects:
            for k, (value, n) in items.items():
                t.same(texts[at][0], k, note + ": order")
                plain = re.sub(r"  # why", "", texts[at][1])
                if n != "new":
                    t.expect(re.fullmatch(r"[A-Za-z0-9+/=]+", plain), note + ": one plain line", texts[at][1])
                    t.same(m.unseal(key("new"), plain, label), value, note + ": value of " + k)
                else:
                    t.expect(texts[at][1] in before.replace("\r", ""), note + ": it stays as it was written", texts[at][1])
                at += 1
        t.same(ENTRY.sub(r"    \1: CIPHERTEXT", after), "---\n".join(shapes), note + ": all other text")
        state = t.state("f.yaml")
        t.ok("reseal", "--key", "new.key", "--cert", "new.pem", "f.yaml")
        t.same(t.state("f.yaml"), state, note + ": and again: the file is not touched")
