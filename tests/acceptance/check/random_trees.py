# SPDX-License-Identifier: Apache-2.0
"""Random trees whose findings are known by how they were made: a clean tree has none, and each fault that is planted in one file has just
the findings that the chapter gives it. What `--staged` says is compared with a check of what the index holds, written out."""
import json
import os
import random
import re
import shutil

from place import ALICE, BOB, Failed, same

CIPHER = r'ENC\[AES256_GCM,[^\]]*\]'
FORMATS = ["yaml", "json", "env", "ini"]
FOLDERS = ["secrets", "prod app", "k8s/überall", "a'b/$c", "-dash", "sub/deep/er"]
WORDS = ["one", "two words", "3", "true", "x=y", "it's", "ünï", "# no comment", "a: b"]


class Tree:
    """the files that are there, and how to open each"""

    def __init__(self, p, seed):
        self.p, self.rng = p, random.Random(seed)
        self.sealed, self.ways = {}, {}  # name → format, name → folder of its configuration
        self.git = self.rng.random() < 0.7

    def pick(self, what):
        return self.rng.choice(what)

    # ---- what is there
    def rule(self, regex):
        r = ["path_regex: %s" % json.dumps(regex)]
        crypt = self.pick([None, "encrypted_regex: ^k", "unencrypted_regex: ^c", "mac_only_encrypted: true"])
        if crypt:
            r.append(crypt)
        if self.rng.random() < 0.25:
            r.append("key_groups:\n  - age: [%s]\n  - age: [%s, %s]" % (ALICE, ALICE, BOB))
        else:
            r.append("age: %s" % self.pick([ALICE, "%s,%s" % (ALICE, BOB), "%s,%s" % (BOB, ALICE)]))
        return "\n".join(r)

    def text(self, form):
        """values to be encrypted begin with k, others with c"""
        rng = self.rng
        value = lambda: rng.choice(WORDS) if form in ("yaml", "json") else rng.choice([w for w in WORDS if "#" not in w])
        flat = [("k0", value()), ("k1", value()), ("c0_unencrypted", "clear%d" % rng.randrange(99))]
        flat += [("k%d" % (i + 2), value()) for i in range(rng.randrange(4))]
        rng.shuffle(flat)
        if form == "env":
            return "".join("%s=%s\n" % kv for kv in flat)
        if form == "ini":
            return "[sec]\n" + "".join("%s = %s\n" % kv for kv in flat)
        tree = dict(flat)
        for i in range(rng.randrange(3)):
            tree["n%d" % i] = {"k": [value(), value()], "c%d_unencrypted" % i: i}
        if form == "json":
            return json.dumps(tree, indent=rng.choice([None, 1, 4])) + "\n"
        lines = []
        for k, v in tree.items():
            if rng.random() < 0.2:
                lines.append("# a remark")
            if isinstance(v, dict):
                lines.append("%s:" % k)
                lines += ["    %s: %s" % (a, json.dumps(b, ensure_ascii=False)) for a, b in v.items()]
            else:
                lines.append("%s: %s" % (k, json.dumps(v, ensure_ascii=False)))
        return "\n".join(lines) + "\n"

    def encrypt(self, name, *flags):
        """with the configuration that is nearest to it"""
        at = self.ways[name]
        r = self.p.sops("encrypt", *flags, "-i", os.path.relpath(self.p.path(name), self.p.path(at)).replace("-dash", "./-dash", 1), cwd=at)
        if r.status != 0:
            raise Failed("cannot encrypt %s: %s" % (name, r))

    def new_name(self, folder, form):
        while True:
            name = os.path.normpath(os.path.join(folder, "%s.%s" % (self.pick(["a", "b c", "d'e", "f\ng", "ü", ".h", "i.j"]) + str(self.rng.randrange(1000)), form)))
            if not os.path.exists(self.p.path(name)):
                return name

    def add(self, at, folder):
        form = self.pick(FORMATS)
        name = self.new_name(os.path.join(at, folder), form)
        self.p.put(name, self.text(form))
        self.sealed[name], self.ways[name] = form, at
        return name

    def grow(self):
        p, rng = self.p, self.rng
        for at in [""] + ([rng.choice(["inner/place", "in\nner"])] if rng.random() < 0.4 else []):
            folders = rng.sample(FOLDERS, rng.randrange(1, 4))
            p.put(os.path.join(at, ".sops.yaml"), "creation_rules:\n" + "".join(
                "  - " + self.rule("^%s/" % re.escape(f).replace("\\-", "-").replace("\\ ", " ")).replace("\n", "\n    ") + "\n" for f in folders))
            for _ in range(rng.randrange(2, 6)):
                self.encrypt(self.add(at, self.pick(folders)))
            for i in range(rng.randrange(4)):
                p.put(os.path.join(at, "plain%d.%s" % (i, self.pick(FORMATS + ["txt"]))), self.text("env"))
            self.folders = (at, folders)
        p.put("bytes.bin", b"\0" + rng.randbytes(2000))
        if self.git:
            p.put(".gitignore", "ignored.yaml\n")
            p.put(os.path.join(self.folders[0], self.folders[1][0], "ignored.yaml"), "k0: not looked at\n")
            p.repo()
            p.commit()

    # ---- faults: each gives what is to be found in its file
    def swap(self, name, key, new, cipher=True):
        pattern = r'(\b%s"?\s*[:=]\s*"?)(%s)' % (key, CIPHER if cipher else r"\w+")
        text, n = re.subn(pattern, lambda m: m.group(1) + (new(m.group(2)) if callable(new) else new), self.p.get(name), count=1)
        if n != 1:
            raise Failed("the suite itself: no %s in %s" % (key, name))
        self.p.put(name, text)

    def at(self, name, key):
        return '["sec"]["%s"]' % key if self.sealed[name] == "ini" else '["%s"]' % key

    def by_hand(self, name):
        return [("hand-edited", name)] if self.git else []

    def plant_clear_file(self, name):
        new = self.new_name(os.path.dirname(name), self.sealed[name])
        self.p.put(new, self.text(self.sealed[name]))
        self.ways[new] = self.ways[name]
        return [("not-encrypted", new)]

    def plant_decrypted(self, name):
        self.p.sops("decrypt", "-i", self.p.path(name)).ok()
        return [("not-encrypted", name)]

    def plant_broken(self, name):
        text = self.p.get(name)
        broken = {"json": text.rstrip()[:-1], "yaml": text + "\t] [\n", "env": text + "no sign\n", "ini": text + "[open\n"}[self.sealed[name]]
        self.p.put(name, broken)
        return [("syntax", name)]

    def plant_conflict(self, name):
        self.p.put(name, self.p.get(name) + "<<<<<<< ours\nk0: 1\n=======\nk0: 2\n>>>>>>> theirs\n")
        return [("unresolved-merge", name)]

    def plant_version(self, name):
        self.p.sub(name, r'(version"?\s*[:=]\s*"?)3\.[0-9.]*', r"\1none")
        return [("metadata", name)]

    def plant_clear_value(self, name):
        self.swap(name, "k0", "in the open" if self.sealed[name] != "yaml" else '"in the open"')
        return [("plain-leaf", name, self.at(name, "k0"))] + self.by_hand(name)

    def plant_bad_cipher(self, name):
        self.swap(name, "k0", lambda c: re.sub(r"type:\w+", "type:none", c))
        return [("bad-cipher", name, self.at(name, "k0"))] + self.by_hand(name)

    def plant_copy(self, name):
        text = self.p.get(name)
        where = {k: re.search(r'\b%s"?\s*[:=]\s*"?(%s)' % (k, CIPHER), text) for k in ("k0", "k1")}
        if not all(where.values()):
            raise Failed("the suite itself: %s lacks k0 or k1" % name)
        later = max(where, key=lambda k: where[k].start())
        self.swap(name, "k1", where["k0"].group(1))
        return [("copied-cipher", name, self.at(name, later))] + self.by_hand(name)

    def plant_sealed(self, name):
        other = self.p.path(self.new_name("", "yaml"))
        self.p.put(other, "k: x\n")
        cipher = re.search(CIPHER, self.p.sops("--config", self.p.noconfig, "encrypt", "--age", ALICE, other).ok().text).group(0)
        os.unlink(other)
        self.swap(name, "c0_unencrypted", cipher, cipher=False)
        mac_only = re.search(r"mac_only_encrypted\"?\s*[:=]\s*\"?true", self.p.get(name))
        return [("sealed-where-clear", name, self.at(name, "c0_unencrypted"))] + ([] if mac_only else self.by_hand(name))

    def plant_edit(self, name):
        self.swap(name, "c0_unencrypted", "changed", cipher=False)
        mac_only = re.search(r"mac_only_encrypted\"?\s*[:=]\s*\"?true", self.p.get(name))
        return [] if mac_only else self.by_hand(name)

    def plant_recipient(self, name):
        if "key_groups" in self.p.get(name) or BOB in self.p.get(name):
            return []
        self.p.sops("rotate", "-i", "--add-age", BOB, self.p.path(name)).ok()
        return [("recipients", name)]

    def plant_format(self, name):
        if self.sealed[name] not in ("yaml", "json"):
            return []
        new = name[:-4] + ("env" if self.sealed[name] == "json" else "ini")
        os.rename(self.p.path(name), self.p.path(new))
        return [("other-format", new)]

    def plant_secret(self, name):
        form = self.sealed[name]
        new = self.new_name(os.path.dirname(name), form)
        key = self.p.secret("AKIA" + "".join(self.rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16)))
        self.p.put(new, re.sub(r"clear\d+", key, self.text(form)))
        self.ways[new], self.sealed[new] = self.ways[name], form
        self.encrypt(new)
        return [("secret", new, self.at(new, "c0_unencrypted"))]

    def plant_config_key(self, name):
        config = os.path.join(self.ways[name], ".sops.yaml")
        if "path_regx" in self.p.get(config):
            return []
        self.p.put(config, self.p.get(config).replace("    age:", "    path_regx: x\n    age:", 1))
        return [("unknown-key", config)] if "path_regx" in self.p.get(config) else []


FAULTS = [getattr(Tree, n) for n in sorted(vars(Tree)) if n.startswith("plant_")]


def rows(findings):
    return sorted((x["id"], x["file"], x.get("path", "")) for x in findings.rows)


def expect(got, want, what):
    """want: (id, file) or (id, file, path)"""
    left = rows(got)
    for w in want:
        hit = next((g for g in left if g[:len(w)] == w), None)
        if hit is None:
            raise Failed("%s: no %s in %s" % (what, w, rows(got)))
        left.remove(hit)
    if left:
        raise Failed("%s: too many: %s; wanted %s" % (what, left, want))


def check_index(t, changed):
    """--staged, and a check of what the index holds; what only history tells stands in the first alone"""
    p = t.p
    staged = p.check("--staged")
    out = os.path.join(p.top, "index")
    p.git("checkout-index", "-a", "--prefix=" + out + "/")
    whole = p.check(cwd=out)
    config = any(os.path.basename(n) == ".sops.yaml" for n in changed)
    same(sorted(r for r in rows(staged) if r[0] != "hand-edited"), sorted(r for r in rows(whole) if config or r[1] in changed), "--staged, and what the index holds")
    shutil.rmtree(out)


def repair(t, found, want):
    """what the help of some findings says does away with them"""
    p = t.p
    for x in found.rows:
        at = t.ways.get(x["file"], "")
        if x["id"] == "not-encrypted" and x["file"] in t.ways:
            t.encrypt(x["file"])
        elif x["id"] == "recipients":
            p.sops("updatekeys", "-y", os.path.relpath(p.path(x["file"]), p.path(at)).replace("-dash", "./-dash", 1), cwd=at).ok()
        elif x["id"] == "hand-edited" and t.git:
            p.git("checkout", "HEAD", "--", x["file"])
        else:
            continue
        file = x["file"]
        gone = [x["id"]] if x["id"] != "hand-edited" else None  # the whole file is what it was
        want = [w for w in want if w[1] != file or (gone and w[0] not in gone)]
    expect(p.check("."), want, "after the repairs")


def play(p, seed):
    t = Tree(p, seed)
    t.grow()
    modes = [["."], ["--no-key", "--jobs", "1", "."]] + ([["--tracked"], ["--rev", "HEAD"], ["--staged"]] if t.git else [])
    for args in modes:
        expect(p.check(*args), [], "a clean tree, check %s" % " ".join(args))
    expect(p.check("--key", "."), [], "a clean tree, check --key")
    want = []
    for name in t.rng.sample(sorted(t.sealed), min(len(t.sealed), t.rng.randrange(1, 4))):
        want += t.pick(FAULTS)(t, name)
    got = p.check(".")
    expect(got, want, "planted")
    same(p.check("--jobs", "1", ".").r.text, got.r.text, "with one thread")
    if t.git:
        p.git("add", "-A")
        changed = [n for n in p.git("diff", "--cached", "--name-only", "-z", "--no-renames", "--diff-filter=d").out.decode().split("\0") if n]
        expect(p.check("--staged"), want, "planted and staged")
        check_index(t, changed)
    repair(t, got, want)
