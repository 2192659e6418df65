# SPDX-License-Identifier: Apache-2.0
"""Random texts (texts.py): there and back, and every command, against what is known of the text. The seed of each is in
the message when it fails: `run --seed S --random 1 -k random-yaml` repeats it."""
import json
import random
import re

from harness import ALICE, BOB, CHECKS, Bad, body, ciphers, config, mask, must, want
from texts import KINDS, SUFFIX, random_text

PARTS = 4  # checks of each kind, so that they can run side by side
STORES = "{yaml: {preserve_style: true}, json: {preserve_style: true}, dotenv: {preserve_style: true, quote: %s}, ini: {preserve_style: true}, toml: {enabled: true}}"
FORM = {"env": "dotenv", "quoted": "dotenv"}
STRICT = "--preserve-style=strict"


class Case:
    def __init__(self, box, kind, seed):
        self.box, self.kind, self.rng = box, kind, random.Random("%s %d" % (kind, seed))
        self.form = FORM.get(kind, kind)
        self.name = "f." + SUFFIX.get(kind, kind)
        self.t = random_text(kind, self.rng)
        self.lost = []

    def sops(self, *args, **kw):
        kw.setdefault("rc", None)
        r = self.box.sops(*args, **kw)
        self.box.ran = self.box.ran[-3:]
        return r

    def kept(self, r, *allowed):
        """did it work? What cannot be kept is said so, and nothing is written"""
        if r.rc == 4 and "cannot keep the style" in r.said:
            must(not r.out, "something on stdout of a failing command")
            why = re.sub(r'\["[^:]*\]', "PATH", re.sub(r"line \d+", "line N", r.said.split("\n")[0])).split("': ", 1)[-1]
            self.lost.append("%s: %s" % (r.argv[1], why))
            return False
        must(r.rc in (0, *allowed), "%s" % r)
        return r.rc == 0

    def values(self, name):
        """as JSON, without the switch; INI has several values of one key"""
        r = self.sops("decrypt", "--preserve-style=false", "--input-type", self.form, "--output-type", "ini" if self.kind == "ini" else "json", name)
        if self.kind == "ini" or r.rc:
            return r.rc, without_comments(r.text)
        # a new key of a table of TOML stands where keys may stand there
        return r.rc, json.loads(r.text) if self.kind == "toml" else r.text

    def hidden(self, sealed, clear):
        for w in self.t.hidden:
            must(w not in sealed, "%r is clear in %r" % (w, sealed[:2000]))
        if self.box.o.reference and self.form != "toml":
            self.agree()

    def agree(self):
        """the reference reads the same"""
        box = self.box
        r = box.reference("decrypt", "--input-type", self.form, "--output-type", "ini" if self.kind == "ini" else "json", self.name, rc=None)
        mine = self.sops("decrypt", "--preserve-style=false", "--input-type", self.form, "--output-type", "ini" if self.kind == "ini" else "json", self.name, env={"SOPS_CONFIG": box.path("none.yaml")})
        must(r.rc == mine.rc or "panic" in r.said, "the reference: %s; ours: %s" % (r, mine))
        if r.rc == 0:
            # the reference writes minus zero as a whole number
            a, b = (without_comments(x.text) if self.kind == "ini" else re.sub(r"-0(\.0)?(?=[,\n])", "-0", x.text) for x in (r, mine))
            want(a, b, "values in the reference")

    def same_text(self, got, clear, what):
        if not self.t.same(got, clear):
            raise Bad("%s: got %r, wanted %r" % (what, got, clear))

    def open(self, what, clear, name=None):
        r = self.sops("decrypt", STRICT, name or self.name)
        must(r.rc == 0, "%s: %s" % (what, r))
        self.same_text(r.text, clear, what)

    # ---- encrypt and decrypt

    def seal(self):
        box, name, clear = self.box, self.name, self.t.text
        box.write(name, clear)
        normal = self.sops("encrypt", "--preserve-style=false", name)
        sealed = self.sops("encrypt", STRICT, name)
        if normal.rc != 0:
            crlf = self.form == "dotenv" and "\r" in clear
            must(sealed.rc in (normal.rc, 4) or crlf, "with the switch %s, without %s" % (sealed, normal))
            return None
        if not self.kept(sealed):
            r = self.sops("encrypt", "--preserve-style", name)
            box.write(name, r.out)
            must(r.rc == 0 and "it is written anew" in r.said and mask(self.body(r.text)) == mask(self.body(normal.text)), "not written anew: %s" % r)
            return None
        box.write(name, sealed.out)
        box.write("normal-" + name, normal.out)
        self.hidden(sealed.text, clear)
        self.open("there and back", clear)
        mine, others = self.values(name), self.values("normal-" + name)
        if self.form == "dotenv" and "\r" in clear:  # without the switch a carriage return is part of the value
            mine, others = (v[1].replace("\\r", "") for v in (mine, others))
        want(mine, others, "values of the file with the style, and of the one without")
        return sealed.text

    # ---- what changes it

    def words_in(self, text):
        return re.findall(r"qz\d+x\d{4}j", text)

    def body(self, sealed):
        """without the metadata, which may stand in braces, too"""
        if self.form == "toml":
            return re.sub(r"(?ms)^\[\[?sops\b.*\Z", "", sealed)
        if self.form == "yaml":
            sealed = re.sub(r', "sops": \{"age".*?"version": "[^"]*"\}', "", sealed)
            return body(sealed, "yaml") if re.search(r"(?:^|[\r\n]) *sops:", sealed) else sealed
        return body(sealed, self.form)

    def gone(self, a, b):
        left = ciphers(self.body(b))
        out = []
        for c in ciphers(self.body(a)):
            if c in left:
                left.remove(c)
            else:
                out.append(c)
        return [c for c in out if "type:comment" not in c]

    def path(self, path):
        return "".join("[%s]" % json.dumps(k, ensure_ascii=False) for k in path)

    def beside(self, sealed, *args):
        """a command with the switch, and on a copy without it; what the file is then, or None"""
        box = self.box
        out = []
        for switch in (STRICT, "--preserve-style=false"):
            box.write(self.name, sealed)
            r = self.sops(args[0], switch, self.name, *args[1:])
            out.append((r, box.text(self.name), self.values(self.name) if r.rc == 0 else None))
        (r, text, values), (other, _, others) = out
        if not self.kept(r, other.rc):
            want(text, sealed, "a file that a failing command left")
            return None
        no_text = self.kind == "ini" and "would be read back as something else" in other.said  # a clear bool
        must(other.rc == r.rc or no_text, "with the switch %s, without %s" % (r, other))
        if r.rc or other.rc:
            return None
        want(values, others, "values with the switch and without")
        box.write(self.name, text)
        return text

    def set_leaf(self, sealed):
        path, word, is_sealed = self.rng.choice(self.t.leaves)
        new = "qz9999x0000j" + self.rng.choice(["", "", " # x", ": y", "\nl2", "\nl2\n", "'s", '"', " ", "é", "\\", "\t"])
        after = self.beside(sealed, "set", self.path(path), json.dumps(new))
        if after is None:
            return
        if is_sealed:
            must("qz9999" not in after, "the new value is clear in %r" % after[:2000])
        r = self.sops("decrypt", STRICT, self.name)
        opened = r.text
        if self.kept(r) and ("*" not in sealed or self.kind != "yaml"):  # else an alias may have to be written out
            must(len(self.gone(sealed, after)) <= 1, "ciphertexts that are gone: %d" % len(self.gone(sealed, after)))
            if word:
                old = [w for w in self.words_in(self.t.text)]
                now = [w for w in self.words_in(opened)]
                counted = any(isinstance(k, int) for k in path)  # comments of a list count as items
                missing = [w for w in old if w not in now and w != word]
                behind = old[old.index(word) + 1:]  # words of its own, and comments within the slot
                must(counted or missing == behind[:len(missing)] and not set(missing) & {w for _, w, _ in self.t.leaves}, "not there any more: %r in %r" % (missing, opened))
        # and back
        again = self.beside(after, "set", self.path(path), json.dumps(new))
        if again is not None and all(isinstance(k, str) for k in path):
            want(self.gone(after, again), [], "ciphertexts of a value that is there already")

    def set_new(self, sealed):
        path, is_sealed = self.rng.choice(self.t.spare)
        value = self.rng.choice(['"qz9999x0000j"', "5", "true", '{"a": "qz9999x0000j", "b": [1, {"c": "x"}], "d": {}, "e": []}', '"l1\\nl2\\n"', '{"a": {"b": {"c": 1}}}', "1.5", '{"a": [[1, 2], []]}'])
        after = self.beside(sealed, "set", self.path(path + ("new",)), value)
        if after is not None:
            must("qz9999" not in after or not is_sealed, "the new value is clear in %r" % after[:2000])
            if any(isinstance(k, int) for k in path):  # comments of a list count as items: it may be another place
                return
            want(self.gone(sealed, after), [], "ciphertexts that are gone")
            opened = self.sops("decrypt", STRICT, self.name)
            if not self.kept(opened):
                return
            old, now = self.words_in(self.t.text), self.words_in(opened.text)
            if self.kind != "yaml" or "*" not in sealed:  # else an alias may have to be written out
                want([w for w in now if w != "qz9999x0000j"], old, "words in order")

    def set_other(self, sealed):
        """anything in the place of anything"""
        paths = [p for p, _, _ in self.t.leaves] + [p for p, _ in self.t.spare if p]
        path = self.rng.choice(paths)
        self.beside(sealed, "set", self.path(path), self.rng.choice(['{"a": "x", "b": ["y"]}', '{"l": ["x", {"k": 1}]}', '"x"', "7", "{}"] if self.kind not in ("env", "quoted", "ini") else ['"x"', '""']))

    def unset(self, sealed):
        paths = [(p, w) for p, w, _ in self.t.leaves] + [(p, None) for p, _ in self.t.spare if p]
        path, word = self.rng.choice(paths)
        after = self.beside(sealed, "unset", self.path(path))
        if after is None:
            return
        r = self.sops("decrypt", STRICT, self.name)
        if self.kept(r):
            names_all = all(isinstance(k, str) for k in path)  # comments count as items for the reference
            must(word is None or word not in r.text or "*" in sealed or not names_all, "the value is still there")

    def edit(self, sealed, new):
        box = self.box
        box.write(self.name, sealed)
        box.write("was", self.t.text)
        box.write("new", new)
        look = ":" if self.kind == "quoted" else "cmp -s %s \"$1\"" % box.path("was")
        box.write("editor", "#!/bin/sh\n%s && cp %s \"$1\"\n" % (look, box.path("new")), mode=0o755)
        r = self.sops("edit", STRICT, self.name, env={"EDITOR": box.path("editor")})
        if "cannot be taken" in r.said or not self.kept(r, 200):
            must(r.rc != 0 and box.text(self.name) == sealed, "a failing edit: %s" % r)
            return None
        self.open("after edit", new)
        return box.text(self.name)

    def edit_word(self, sealed):
        words = [w for w in self.words_in(self.t.text)]
        if not words:
            return
        w = self.rng.choice(words)
        after = self.edit(sealed, self.t.text.replace(w, "qz9999x0000j"))
        if after is not None and "*" not in sealed:
            must(len(self.gone(sealed, after)) <= 1, "ciphertexts that are gone: %r" % self.gone(sealed, after))

    def edit_lines(self, sealed):
        """a line taken out, put twice, moved, or with other blanks"""
        lines = re.split(r"(?<=\n)", self.t.text)
        at = self.rng.randrange(len(lines))
        what = self.rng.randrange(5)
        if what == 0:
            del lines[at]
        elif what == 1:
            lines.insert(at, lines[self.rng.randrange(len(lines))])
        elif what == 2:
            lines[at] = lines[at].replace("'", '"')
        elif what == 3:
            lines.insert(at, "\n")
        else:
            other = random_text(self.kind, self.rng)
            lines = [other.text]
        if "".join(lines) != self.t.text:
            self.edit(sealed, "".join(lines))

    def beside_old(self, sealed):
        """replace, and encrypt --reuse: what did not change keeps its ciphertext"""
        box = self.box
        words = self.words_in(self.t.text)
        new = self.t.text.replace(self.rng.choice(words), "qz9999x0000j") if words else self.t.text
        box.write("old-" + self.name, sealed)
        r = self.sops("encrypt", STRICT, "--reuse", "old-" + self.name, "--filename-override", self.name, input=new)
        if not self.kept(r):
            return
        box.write(self.name, r.out)
        self.open("after encrypt --reuse", new)
        if "*" not in sealed:
            must(len(self.gone(sealed, r.text)) <= 1, "ciphertexts that are gone: %r" % self.gone(sealed, r.text))
        box.write(self.name, sealed)
        if self.kept(self.sops("replace", STRICT, self.name, input=new)):
            self.open("after replace", new)
            if "*" not in sealed:
                must(len(self.gone(sealed, box.text(self.name))) <= 1, "ciphertexts that are gone: %r" % self.gone(sealed, box.text(self.name)))

    def merge(self, sealed):
        """two words, one changed on each side: the text of the merge has both"""
        box, words = self.box, [w for w in set(self.words_in(self.t.text)) if self.t.text.count(w) == 1]
        if len(words) < 2:
            return
        a, b = self.rng.sample(sorted(words), 2)
        new = {"ours": [(a, "qz9999x0000j")], "theirs": [(b, "qz9998x0000j")]}
        sides = []
        for side, changes in new.items():
            text = self.t.text
            for old, word in changes:
                text = text.replace(old, word)
            box.write(self.name, sealed)
            if not self.kept(self.sops("replace", STRICT, self.name, input=text)):
                return
            sides.append(box.text(self.name))
            box.write(side + "-" + self.name, sides[-1])
        box.write("base-" + self.name, sealed)
        r = self.sops("merge", "base-" + self.name, "ours-" + self.name, "theirs-" + self.name)
        must(r.rc in (0, 1), "%s" % r)
        if r.rc == 1 or "cannot be kept" in r.said:
            self.lost.append("merge: %s" % ("conflict" if r.rc else "style"))
            return
        box.write(self.name, r.out)
        self.open("after merge", self.t.text.replace(a, "qz9999x0000j").replace(b, "qz9998x0000j"))
        if "*" not in sealed:
            want([c for c in self.gone(sides[0], r.text) if c not in self.gone(sealed, sides[1]) and c not in ciphers(sealed)], [], "ciphertexts of ours that are gone")
            must(len(self.gone(sealed, r.text)) <= 2, "ciphertexts that are gone: %r" % self.gone(sealed, r.text))

    def rotate(self, sealed):
        box = self.box
        box.write(self.name, sealed)
        if not self.kept(self.sops("rotate", "-i", STRICT, self.name)):
            return
        after = box.text(self.name)
        self.open("after rotate", self.t.text)
        want(mask(self.body(after)), mask(self.body(sealed)), "layout after rotate")
        same = set(ciphers(sealed)) & set(ciphers(after))
        must(not same, "ciphertexts that rotate left: %r" % same)

    def updatekeys(self, sealed):
        box = self.box
        box.write(self.name, sealed)
        config(box, STORES % ("true" if self.kind == "quoted" else "false"), "  - age: %s,%s\n" % (ALICE, BOB))
        r = self.sops("updatekeys", "-y", STRICT, self.name)
        config(box, STORES % ("true" if self.kind == "quoted" else "false"))
        if not self.kept(r):
            return
        after = box.text(self.name)
        want(self.body(after), self.body(sealed), "text after updatekeys")
        want(ciphers(after), ciphers(sealed), "ciphertexts after updatekeys")
        self.open("after updatekeys", self.t.text)

    def normal_file(self, sealed):
        """a file of the normal writer: kept as it is now"""
        box = self.box
        normal = box.text("normal-" + self.name)
        box.write(self.name, normal)
        r = self.sops("decrypt", STRICT, self.name)
        if not self.kept(r) or not self.t.leaves:
            return
        clear, self.t.text = self.t.text, r.text
        path, _, is_sealed = self.rng.choice(self.t.leaves)
        after = self.beside(normal, "set", self.path(path), '"qz9999x0000j"')
        if after is not None and all(isinstance(k, str) for k in path):
            must(len(self.gone(normal, after)) <= 1, "ciphertexts that are gone: %r" % self.gone(normal, after))
        self.t.text = clear

    def damaged(self, sealed):
        """a byte changed, a piece cut out or put twice: the right values, or an error"""
        data = bytearray(sealed.encode("utf8", "surrogateescape"))
        at, end = sorted(self.rng.randrange(len(data)) for _ in "12")
        what = self.rng.randrange(4)
        if what == 0:
            data[at] = self.rng.choice(b"\n #'\"~]x0,:&*!")
        elif what == 1:
            del data[at:min(end, at + 40)]
        elif what == 2:
            data[at:at] = data[at:min(end, at + 40)]
        else:
            del data[at:]
        self.box.write(self.name, bytes(data))
        r = self.sops("decrypt", "--preserve-style", self.name)
        plain = self.sops("decrypt", "--preserve-style=false", self.name)
        must(r.rc == plain.rc, "damaged: with the switch %s, without %s" % (r, plain))
        must(r.rc == 0 or not r.out, "something on stdout of a failing command")
        for w in self.t.hidden:
            must(w not in r.said, "%r in a message" % w)
        r = self.sops("set", "--preserve-style", self.name, self.path(("new",)), '"x"')
        must(r.rc >= 0, "damaged: %s" % r)

    def all(self):
        sealed = self.seal()
        if sealed is None:
            return
        self.rotate(sealed)
        self.updatekeys(sealed)
        self.normal_file(sealed)
        self.edit_word(sealed)
        self.edit_lines(sealed)
        self.beside_old(sealed)
        self.merge(sealed)
        self.damaged(sealed)
        if self.t.leaves:
            self.set_leaf(sealed)
            self.set_other(sealed)
            self.unset(sealed)
        if self.t.spare:
            self.set_new(sealed)


def without_comments(t):
    return [l for l in t.split("\n") if l and l[0] not in ";#"]


LOST = {}


def part_of(kind, part):
    def f(box):
        config(box, STORES % ("true" if kind == "quoted" else "false"))
        box.write("none.yaml", "stores: {}\n")
        for n in range(part, box.o.random, PARTS):
            seed = box.o.seed + n
            case = Case(box, kind, seed)
            try:
                case.all()
            except Bad as e:
                raise Bad("seed %d: %s\nclear: %r" % (seed, e, case.t.text))
            for why in case.lost:
                LOST.setdefault((kind, why), []).append(seed)
    CHECKS.append(("random-%s-%d" % (kind, part), f))


for k in KINDS:
    for p in range(PARTS):
        part_of(k, p)
