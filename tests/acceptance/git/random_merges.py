# SPDX-License-Identifier: Apache-2.0
"""Random documents, edits and histories of keys, merged by the driver and by model.py; what both say must be the same.

Each check plays some cases with fixed seeds; `random --sops PROG --count 5000 --seed 1` plays others."""
import copy
import json
import os
import random
import re

import documents
import model
from harness import ALICE, BOB, CAROL, ENC, check, need, no_nonce_twice, pick, want

PEOPLE = [ALICE, BOB, CAROL]
RULES = [("unencrypted_suffix", "_unencrypted"), ("encrypted_suffix", "_encrypted"), ("encrypted_regex", "^(pass|token|db)"),
         ("unencrypted_regex", "^(host|x_|a$)")]
KANARI = re.compile(rb"kanari(?:-| comment )\d+")
ARMOUR = re.compile(rb"-----BEGIN AGE ENCRYPTED FILE-----(.*?)-----END", re.S)
ROLL = {"ours": "o", "theirs": "t"}


def is_encrypted(rule, path):
    name, text = rule
    fits = any(k.endswith(text) if "suffix" in name else re.search(text, k) for k in path)
    return fits if name.startswith("encrypted") else not fits


def mark(parts, rule):
    """Which leaves are encrypted where they stand."""
    for part in parts:
        for path, x in model.leaves(part):
            x.sealed = is_encrypted(rule, path) and x.text != ""
    return parts


def armour(data):
    """What is wrapped, each once (a file of several documents repeats it), without what formats do to it."""
    return list(dict.fromkeys(re.sub(rb"\\n|\s", b"", m[1]) for m in ARMOUR.finditer(data)))


class Version:
    def __init__(self, parts, data, meta):
        self.parts, self.data, self.meta = parts, data, meta


class Case:
    def __init__(self, box, form, rng):
        self.box, self.form, self.rng = box, form, rng
        self.name, self.keys = documents.NAMES[form], 0
        self.maker = documents.Maker(rng, form)
        self.everybody = os.path.join(box.top, "everybody")
        with open(self.everybody, "w") as f:
            for who in ("alice", "bob", "carol"):
                with open(box.identity(who)) as g:
                    f.write(g.read())
        box.env["SOPS_AGE_KEY_FILE"] = self.everybody
        box.clear_ok.add(self.name)  # what a rule leaves in clear; judged by this file
        box.history_clear = True

    # ---- versions ----
    def configure(self, meta):
        rule = {"key_groups": [{"age": g} for g in meta.groups], meta.rule[0]: meta.rule[1], "mac_only_encrypted": meta.mac_only}
        if meta.threshold:
            rule["shamir_threshold"] = meta.threshold
        self.box.write(".sops.yaml", json.dumps({"creation_rules": [rule], "stores": {"toml": {"enabled": True}}}))

    def encrypt(self, parts, meta):
        self.configure(meta)
        return self.box.sops("encrypt", "--filename-override", self.name, input=documents.clear_text(self.form, parts)).out

    def new_key(self):
        self.keys += 1
        return self.keys

    def base(self):
        rng = self.rng
        self.closed = rng.random() < 0.1
        groups = [rng.sample(PEOPLE, rng.randrange(1, 4))]
        if self.closed:
            groups = [[BOB]]
        elif rng.random() < 0.2:
            groups = [rng.sample(PEOPLE, rng.randrange(1, 3)) for _ in range(rng.randrange(2, 4))]
        rule = RULES[0] if self.form == "binary" or rng.random() < 0.6 else rng.choice(RULES)
        meta = model.Meta(groups, self.new_key(), rule, rng.random() < 0.1, 2 if len(groups) > 1 else 0)
        parts = mark(self.maker.document(), rule)
        return Version(parts, self.encrypt(parts, meta), meta)

    def side(self, base):
        """A version that some changes later comes from the base."""
        rng = self.rng
        v = Version(copy.deepcopy(base.parts), base.data, copy.deepcopy(base.meta))
        steps = [self.edit] * rng.choice([0, 1, 1, 1, 2]) + [self.change_keys] * rng.choice([0, 0, 0, 1, 1, 2])
        rng.shuffle(steps)
        if self.closed:  # alice, who merges, comes in on both sides, and the key is made anew
            steps = [self.bring_alice] + [s for s in steps if s == self.edit]
        for step in steps:
            self.box.write(self.name, v.data)
            step(v)
            v.data = self.box.read(self.name)
        return v

    def edit(self, v):
        old = Version(v.parts, v.data, copy.deepcopy(v.meta))
        v.parts = mark(self.maker.changed(v.parts, self.rng.choice([1, 1, 1, 2, 3, 5])), v.meta.rule)
        text = documents.clear_text(self.form, v.parts)
        if self.rng.random() < 0.5:
            self.box.sops("replace", self.name, input=text)
            self.judge_replaced(old, v)
        else:
            self.box.write("../new-text", text)
            self.box.sops("edit", self.name, env={"SOPS_EDITOR": "cp " + os.path.join(self.box.top, "new-text")}, rc=(0, 200))
            os.unlink(os.path.join(self.box.top, "new-text"))

    def bring_alice(self, v):
        self.box.sops("rotate", "-i", "--add-age", ALICE, self.name)
        v.meta.groups[0].append(ALICE)
        v.meta.key = self.new_key()

    def judge_replaced(self, old, v):
        """Only what changed has a new ciphertext, and where nothing changed the file is as it was."""
        got = self.box.read(self.name)
        if [model.whole(p) for p in old.parts] == [model.whole(p) for p in v.parts]:
            want(got, old.data, "a file whose text was replaced by the same")
        else:
            no_nonce_twice(old.data, got)
            self.judge_ciphertexts(got, v.parts, [old], v.meta)

    def change_keys(self, v):
        rng, meta = self.rng, v.meta
        what = rng.randrange(8)
        group = rng.choice(meta.groups)
        others = [p for p in PEOPLE if p not in group]
        if what == 0 or (what < 3 and len(meta.groups) > 1):
            self.box.sops("rotate", "-i", self.name)
            meta.key = self.new_key()
        elif what == 1 and others:
            group.append(rng.choice(others))
            self.box.sops("rotate", "-i", "--add-age", group[-1], self.name)
            meta.key = self.new_key()
        elif what == 2 and len(group) > 1:
            self.box.sops("rotate", "-i", "--rm-age", group.pop(rng.randrange(len(group))), self.name)
            meta.key = self.new_key()
        elif what == 3 and self.form != "binary":
            meta.rule, meta.mac_only, meta.key = rng.choice(RULES), rng.random() < 0.3, self.new_key()
            mark(v.parts, meta.rule)
            self.box.write(self.name, self.encrypt(v.parts, meta))
        elif what > 3:
            if others and rng.random() < 0.6:
                group.append(rng.choice(others))
            elif len(group) > 1:
                del group[rng.randrange(len(group))]
            if len(meta.groups) > 1 and rng.random() < 0.25:
                meta.groups.append(rng.sample(PEOPLE, 1))
            self.configure(meta)
            self.box.sops("updatekeys", "-y", self.name)

    # ---- a merge ----
    def expect(self, o, a, b):
        """(merged metadata, model.Merge), or model.WholeFile."""
        meta = model.merge_meta(o.meta, a.meta, b.meta)
        merged = model.Merge(o.parts, a.parts, b.parts, self.form == "ini", self.closed)
        for side in ("ours", "theirs") if merged.conflicts else ("ours",):
            self.check_cover(self.chosen(merged, lambda c: side), meta, a, b)
        meta.key = model.kept_key(meta, o.meta, a.meta, b.meta, (o.parts, a.parts, b.parts), self.closed)
        return meta, merged

    @staticmethod
    def check_cover(parts, meta, a, b):
        clear = None
        for part in parts:
            for path, x in model.leaves(part):
                if x.sealed and not is_encrypted(meta.rule, path):
                    clear = clear or {(p, y.text) for v in (a, b) for q in v.parts for p, y in model.leaves(q) if not y.sealed}
                    if (path, x.text) not in clear:
                        raise model.WholeFile("was encrypted")

    @staticmethod
    def chosen(merged, side):
        return [model.choose(p, side) for p in merged.parts]

    def drive(self, o, a, b, rc):
        got = self.box.driver(o.data, a.data, b.data, name=self.name, rc=(0, 1), who="alice" if self.closed else None)
        said = self.box.last.said
        want(self.box.last.rc, rc, "the status of the driver, which says %r" % said)
        clear = {w for v in (a, b) for w in KANARI.findall(v.data)}
        need(set(KANARI.findall(got)) <= clear, "clear text in the result")
        need("kanari" not in said, "clear text in %r" % said)
        return got, said

    def merge(self, o, a, b):
        data = (o.data, a.data, b.data)
        if data[1] == data[2] or data[0] == data[2]:
            want(self.drive(o, a, b, 0)[0], a.data, "ours, as nothing is to be merged")
            return
        if data[0] == data[1]:
            want(self.drive(o, a, b, 0)[0], b.data, "theirs, as ours is the base")
            return
        try:
            meta, merged = self.expect(o, a, b)
        except model.WholeFile as why:
            got, said = self.drive(o, a, b, 1)
            want(got, a.data, "ours after a conflict of the whole file")
            need(str(why) in said, "%r does not name the reason, %s" % (said, why))
            return
        if merged.conflicts:
            self.conflict(o, a, b, meta, merged)
        else:
            got, said = self.drive(o, a, b, 0)
            self.judge(got, merged.parts, o, a, b, meta)

    # ---- what came of it ----
    def read(self, data):
        self.box.write(self.name, data)
        return self.box.sops("decrypt", self.name).out

    def same_text(self, got, parts, what):
        """False: TOML that is the same but for its order, and the comments that this has no place for."""
        text = documents.clear_text(self.form, parts).encode()
        if got != text:  # as sops writes it
            plain = model.Meta([[ALICE]], 0, RULES[0])
            text = self.read(self.encrypt(parts, plain))
        if got != text and self.form == "toml":  # a table before a value is written in line, by sops and not by us
            want(self.as_json(got), self.as_json(text), what)
            return False
        want(got, text, what)
        return True

    def as_json(self, text):
        self.box.write(self.name, self.box.sops("encrypt", "--age", ALICE, "--filename-override", self.name, input=text).out)
        return json.loads(self.box.sops("decrypt", "--output-type", "json", self.name).out)

    def judge(self, got, parts, o, a, b, meta):
        """A merged file."""
        whole = self.same_text(self.read(got), parts, "the merged document")
        no_nonce_twice(o.data, a.data, b.data, got)
        for v in (a, b):
            if self.is_all(parts, meta, v):
                want(got, v.data, "the bytes of the side that the result is")
                return
        self.judge_keys(got, a, b, meta)
        if whole:
            self.judge_ciphertexts(got, mark(copy.deepcopy(parts), meta.rule), [a, b], meta)

    @staticmethod
    def is_all(parts, meta, v):
        same = [model.whole(p) for p in parts] == [model.whole(p) for p in v.parts]
        groups = [set(g) for g in meta.groups] == [set(g) for g in v.meta.groups]
        return same and groups and (meta.rule, meta.mac_only, meta.threshold, meta.key) == (v.meta.rule, v.meta.mac_only, v.meta.threshold, v.meta.key)

    @staticmethod
    def judge_keys(got, a, b, meta):
        """Who keeps what was wrapped, and for whom it is wrapped now."""
        new, old = armour(got), [armour(v.data) for v in (a, b)]
        want(len(new), sum(len(g) for g in meta.groups), "the number of recipients")
        sides = [v for v in (a, b) if meta.key and v.meta.key == meta.key]
        if len(meta.groups) > 1:
            whole = [v for v in sides if v.meta.threshold == meta.threshold and
                     [set(g) for g in v.meta.groups] == [set(g) for g in meta.groups]]
            if whole:
                want(sorted(new), sorted(armour(whole[0].data)), "the groups of the side that has them all")
            else:
                need(not set(new) & set(old[0] + old[1]), "shares of an old division in a new one")
            return
        kept = {k for v in sides if len(v.meta.groups) == 1 for k in v.meta.groups[0]} & set(meta.groups[0])
        want(len(set(new) & set(old[0] + old[1])), len(kept), "recipients whose entry is kept")

    @staticmethod
    def judge_ciphertexts(got, parts, versions, meta):
        """What a side has under the kept key is not encrypted anew."""
        def sealed(some):
            return [(path, getattr(x, "kind", "comment"), x.text) for p in some for path, x in model.leaves(p) if x.sealed]
        there = [x for v in versions if meta.key and v.meta.key == meta.key for x in sealed(v.parts)]
        fresh = 1  # the MAC
        for x in sealed(parts):
            if x in there:
                there.remove(x)
            else:
                fresh += 1
        texts = [m[0] for m in ENC.finditer(got)]
        old = {m[0] for v in versions for m in ENC.finditer(v.data)}
        want(len({t for t in texts if t not in old}), fresh, "ciphertexts that are new")
        want(len(texts), len(sealed(parts)) + len(parts), "ciphertexts")

    # ---- conflicts ----
    def conflict(self, o, a, b, meta, merged):
        got, said = self.drive(o, a, b, 1)
        want(self.drive(o, a, b, 1)[0], got, "the conflict text of the same three versions")
        count = len(merged.conflicts)
        need(said.startswith("%s: %d conflict%s\n" % (self.name, count, "s"[:count > 1])), "%r does not tell of %d conflicts" % (said, count))
        for c in merged.conflicts:
            need("  %s  %s\n" % (c.path, c.what) in said, "%r does not name %s, %s" % (said, c.path, c.what))
        old = {m[0] for v in (a, b) for m in ENC.finditer(v.data)}
        need(all(m[0] in old for m in ENC.finditer(got)), "a ciphertext that neither side has")
        need(set(armour(got)) <= set(armour(a.data)), "wrapped keys that are not those of ours")
        side = self.rng.choice(["ours", "theirs"])
        how = self.rng.randrange(4 if self.form != "binary" else 3)  # lines with markers cannot show that the last has no end
        self.stage(o, a, b)
        self.box.write(self.name, got)
        choice = {c.path: side for c in merged.conflicts}
        if how == 0:
            args = ["--" + side]
        elif how == 1:
            choice = {c.path: self.rng.choice(["ours", "theirs"]) for c in merged.conflicts}
            args = [x for p in choice for x in ("--%s-path" % choice[p], p.split(" ")[-1])]
            if len({p.split(" ")[-1] for p in choice}) < len(choice):  # the same path in two documents
                choice = {p: side for p in choice}
                args = ["--" + side]
        elif how == 2:
            self.box.write(self.name, pick(got, ROLL[side]))
            args = []
        if how < 3:
            self.box.sops("git", "resolve", *args, self.name, who="alice" if self.closed else None)
        else:
            keep = self.box.script("keep", "#!/bin/sh\nawk '/^<<<<<<< /{at=1;next} /^=======$/{at=2;next} /^>>>>>>> /{at=0;next} !at||at==%d' \"$1\" >new && cat new >\"$1\" && rm new\n" % (1 + (side == "theirs")))
            self.box.sops("edit", self.name, env={"SOPS_EDITOR": keep}, who="alice" if self.closed else None)
        done = self.box.read(self.name)
        need(set(KANARI.findall(done)) <= {w for v in (a, b) for w in KANARI.findall(v.data)}, "clear text in the resolved file")
        self.judge(done, self.chosen(merged, lambda c: choice[c.path]), o, a, b, meta)

    def stage(self, o, a, b):
        """The three versions into git's index."""
        if not os.path.isdir(self.box.path(".git")):
            self.box.git("init", "-q")
        names = []
        for i, v in enumerate((o, a, b)):
            names.append(self.box.write("../stage%d" % i, v.data))
        ids = self.box.git("hash-object", "-w", "--no-filters", *names).text.split()
        rows = "0 %s\t%s\n" % ("0" * 40, self.name) + "".join("100644 %s %d\t%s\n" % (x, i + 1, self.name) for i, x in enumerate(ids))
        self.box.git("update-index", "--index-info", input=rows)
        for n in names:
            os.unlink(n)


def play(box, form, seed):
    case = Case(box, form, random.Random("%s-%d" % (form, seed)))
    base = case.base()
    case.same_text(case.read(base.data), base.parts, "the document as it was made")
    ours, theirs = case.side(base), case.side(base)
    case.merge(base, ours, theirs)
    case.merge(base, theirs, ours)


def add(form):
    def f(box):
        for seed in range(box.o.count):
            try:
                play(box, form, box.o.seed + seed)
            except AssertionError as e:
                raise AssertionError("seed %d: %s" % (box.o.seed + seed, e)) from None
            box.said.clear()
    f.__name__ = "random_" + form
    check()(f)


for _form in documents.FORMATS:
    add(_form)
