# SPDX-License-Identifier: Apache-2.0
"""Random documents of each format, random changes of them, and their clear text as sops writes it (or near to it)."""
import copy
import json
import random  # noqa: F401 (callers hand in a random.Random)

from model import Entry, Leaf, Map, Note, Seq

KEYS = ["host", "port", "password", "token", "a", "b", "c", "db", "user", "url", "x_unencrypted", "y_encrypted", "pass_one", "note"]
FORMATS = ["yaml", "json", "dotenv", "ini", "toml", "binary"]
NAMES = {"yaml": "f.enc.yaml", "json": "f.enc.json", "dotenv": "f.enc.env", "ini": "f.enc.ini", "toml": "f.enc.toml", "binary": "f.enc.bin"}


class Maker:
    """Texts are all different and hold the word `kanari`, so that each can be looked for in what is written."""

    def __init__(self, rng, form):
        self.rng, self.form, self.count = rng, form, 0
        self.comments = form in ("yaml", "dotenv", "ini", "toml")
        self.deep = form in ("yaml", "json", "toml")

    def word(self):
        self.count += 1
        return "kanari-%d" % self.count + self.rng.choice(["", "", " and more", "x" * 30])

    def note(self):
        self.count += 1
        return Note(("" if self.form == "dotenv" else " ") + "kanari comment %d" % self.count)

    def notes(self):
        """INI joins those of a key to one."""
        return [self.note() for _ in range(self.rng.choice([0, 0, 0, 1, 1, 2 if self.form != "ini" else 1]))] if self.comments else []

    def rows(self):
        return [self.word() + "\n" for _ in range(self.rng.randrange(2, 7))]

    def leaf(self):
        kind = self.rng.randrange(12) if self.deep else 0
        self.count += 1
        if kind == 7:
            return Leaf("int", str(self.count))
        if kind == 8:
            return Leaf("float", "%d.5" % self.count)
        if kind == 9:
            return Leaf("bool", self.rng.choice(["true", "false"]))
        if kind == 10 and self.form != "toml":
            return Leaf("null", "")
        if kind == 11 and self.form != "toml":
            return Leaf("str", "".join(self.rows())[:None if self.rng.random() < 0.7 else -1])
        return Leaf("str", "" if self.rng.random() < 0.04 else self.word())

    def value(self, depth):
        kind = self.rng.random() if self.deep and depth > 0 else 1
        if kind < 0.22:
            return self.map(depth - 1, self.rng.randrange(5 if self.form != "toml" else 4) + (self.form == "toml"))
        if kind < 0.42:
            return self.list(depth - 1)
        return self.leaf()

    def item(self):
        self.count += 1
        kinds = [Leaf("int", str(self.count)), Leaf("str", self.word()), Leaf("str", self.word())]
        return self.rng.choice(kinds)

    def list(self, depth):
        kind = self.rng.random()
        if self.form == "toml" and kind < 0.45:  # a list of one kind
            return Seq([Leaf("str", self.word()) for _ in range(self.rng.randrange(5))])
        if kind < 0.45:
            return Seq([self.item() for _ in range(self.rng.randrange(7))])
        identity = self.rng.choice(["name", "key", "id"]) if kind < 0.85 else "other"
        return Seq([self.named_item(identity, depth) for _ in range(self.rng.randrange(1, 5))])

    def named_item(self, identity, depth):
        out = self.map(0, self.rng.randrange(3))
        out.entries = [Entry(identity, Leaf("str", self.word()))] + [e for e in out.entries if e.key != identity]
        out.loose = []
        for e in out.entries:
            e.notes = []
        return out

    def key(self, taken):
        free = [k for k in KEYS if k not in taken]
        return self.rng.choice(free) if free and self.rng.random() < 0.95 else "k%d" % self.tick()

    def tick(self):
        self.count += 1
        return self.count

    def map(self, depth, count):
        out = Map()
        for _ in range(count):
            key = self.key([e.key for e in out.entries])
            out.entries.append(Entry(key, self.value(depth), self.notes()))
        return out

    def section(self):
        out = self.map(0, self.rng.randrange(1, 5))
        out.loose = self.notes() if self.rng.random() < 0.3 else []
        return out

    def document(self):
        """The parts of a file."""
        if self.form == "binary":
            return [Map([Entry("data", Leaf("str", "".join(self.rows())))])]
        if self.form == "ini":
            top = Map()
            for _ in range(self.rng.randrange(1, 4)):
                top.entries.append(Entry(self.key([e.key for e in top.entries]), self.section()))
            return [top]
        if self.form == "toml":
            top = self.top()
            for x in self.places([top]):
                tables_last(x)
            return [top]
        many = self.rng.randrange(2, 4) if self.form == "yaml" and self.rng.random() < 0.12 else 1
        return [self.top() for _ in range(many)]

    def top(self):
        out = self.map(3, self.rng.randrange(1, 8))
        if self.comments and self.rng.random() < 0.2 and self.form != "toml":
            if isinstance(out.entries[-1].value, Leaf) and "\n" not in out.entries[-1].value.text:
                out.loose = [self.note()]
        return out

    # ---- changes ----
    def places(self, parts):
        """All maps and lists."""
        out, todo = [], list(parts)
        while todo:
            x = todo.pop()
            if not isinstance(x, Leaf):
                out.append(x)
                todo += [e.value for e in x.entries] if isinstance(x, Map) else x.items
        return out

    def change(self, parts):
        """One change in place."""
        if self.form == "binary":
            parts[0].entries[0].value = self.new_text(parts[0].entries[0].value)
            return
        if self.form == "ini":
            self.change_ini(parts[0])
            return
        if self.form == "yaml" and self.rng.random() < (0.15 if len(parts) > 1 else 0.01):
            at = self.rng.randrange(len(parts) + 1)
            if at < len(parts) > 1 and self.rng.random() < 0.5:
                del parts[at]
            else:
                parts.insert(at, self.top())
            return
        x = self.rng.choice(self.places(parts))
        if isinstance(x, Map):
            self.change_map(x, top=any(x is p for p in parts))
        else:
            self.change_list(x)

    def change_ini(self, top):
        if self.rng.random() < 0.15:
            top.entries.insert(self.rng.randrange(len(top.entries) + 1), Entry(self.key([e.key for e in top.entries]), self.section()))
        elif self.rng.random() < 0.08 and len(top.entries) > 1:
            del top.entries[self.rng.randrange(len(top.entries))]
        else:
            self.change_map(self.rng.choice(top.entries).value, False)

    def change_map(self, x, top):
        what, rng = self.rng.random(), self.rng
        tame = any(e.key in ("name", "key", "id", "other") for e in x.entries[:1])
        if not x.entries or what < 0.25:
            notes = [] if tame else self.notes()
            depth = 0 if tame or self.form in ("ini", "dotenv") else 1
            x.entries.insert(rng.randrange(tame, len(x.entries) + 1), Entry(self.key([e.key for e in x.entries]), self.value(depth), notes))
        elif what < 0.4:
            if len(x.entries) > (1 if top or self.form in ("toml", "ini") else 0) and not (tame and rng.random() < 0.7):
                del x.entries[rng.randrange(len(x.entries))]
                if not x.entries:
                    x.loose = []
        elif what < 0.5 and self.comments and not tame:
            e = rng.choice(x.entries)
            if e.notes and (rng.random() < 0.5 or self.form == "ini"):
                del e.notes[rng.randrange(len(e.notes))]
            else:
                e.notes.insert(rng.randrange(len(e.notes) + 1), self.note())
        elif what < 0.57 and len(x.entries) > 1 and not tame:
            e = x.entries.pop(rng.randrange(len(x.entries)))
            x.entries.insert(rng.randrange(len(x.entries) + 1), e)
        else:
            e = rng.choice(x.entries[tame:] or x.entries)
            if isinstance(e.value, Leaf) or rng.random() < 0.1:
                e.value = self.new_text(e.value) if isinstance(e.value, Leaf) else self.value(0 if tame else 1)

    def new_text(self, leaf):
        rng = self.rng
        rows = leaf.text.splitlines(True)
        if len(rows) < 2:
            return self.leaf()
        at = rng.randrange(len(rows))
        rows[at:at + rng.choice([0, 1, 1])] = [self.word() + "\n" for _ in range(rng.choice([0, 1, 1, 2]))]
        rows = [r if r.endswith("\n") else r + "\n" for r in rows]
        return Leaf("str", "".join(rows) or self.word())

    def change_list(self, x):
        at, what = self.rng.randrange(len(x.items) + 1), self.rng.random()
        item = x.items[0] if x.items else None
        if what < 0.45 or not x.items:
            if isinstance(item, Map) and item.entries:
                new = self.named_item(item.entries[0].key, 1)
            else:
                new = Leaf("str", self.word()) if self.form == "toml" else self.item()
            x.items.insert(at, new)
        elif what < 0.7:
            if len(x.items) > 1 or self.form != "toml":
                del x.items[at - 1]
        elif isinstance(x.items[at - 1], Map):
            self.change_map(x.items[at - 1], False)
        else:
            x.items[at - 1] = Leaf("str", self.word()) if self.form == "toml" else self.item()

    def changed(self, parts, count):
        out = copy.deepcopy(parts)
        for _ in range(count):
            self.change(out)
        if self.form == "toml":
            for x in self.places(out):
                tables_last(x)
        return out


def tables_last(x):
    """As TOML has them."""
    if isinstance(x, Map):
        x.entries.sort(key=lambda e: bool(is_table(e.value)))


# ---- clear text ----

def scalar(x):
    if x.kind == "str":
        return x.text if x.text else '""'
    return {"null": "null"}.get(x.kind, x.text)


def yaml_lines(x, indent):
    pad = " " * indent
    if isinstance(x, Map):
        for e in x.entries:
            for n in e.notes:
                yield pad + "#" + n.text
            yield from yaml_entry(pad + e.key + ":", e.value, indent)
        for n in x.loose:
            yield pad + "#" + n.text
    else:
        for i in x.items:
            if isinstance(i, Map) and i.entries:
                rows = list(yaml_lines(i, indent + 2))
                yield pad + "- " + rows[0][indent + 2:]
                yield from rows[1:]
            else:
                yield from yaml_entry(pad + "-", i, indent)


def yaml_entry(head, v, indent):
    if isinstance(v, Leaf) and "\n" in v.text:
        yield head + (" |" if v.text.endswith("\n") else " |-")
        for row in v.text.splitlines():
            yield " " * (indent + 4) + row
    elif isinstance(v, Leaf):
        yield head + " " + scalar(v)
    elif not (v.entries if isinstance(v, Map) else v.items):
        yield head + (" {}" if isinstance(v, Map) else " []")
    else:
        yield head
        yield from yaml_lines(v, indent + 4)


def to_json(x):
    if isinstance(x, Map):
        return {e.key: to_json(e.value) for e in x.entries}
    if isinstance(x, Seq):
        return [to_json(i) for i in x.items]
    return {"str": lambda t: t, "int": int, "float": float, "bool": lambda t: t == "true", "null": lambda t: None}[x.kind](x.text)


def toml_value(x):
    if isinstance(x, Seq):
        return "[%s]" % ", ".join(toml_value(i) for i in x.items)
    return json.dumps(x.text) if x.kind == "str" else x.text


def is_table(v):
    return isinstance(v, Map) or (isinstance(v, Seq) and v.items and isinstance(v.items[0], Map))


def toml_table(x, path, out):
    for e in [e for e in x.entries if not is_table(e.value)]:
        out += ["#" + n.text for n in e.notes] + ["%s = %s" % (e.key, toml_value(e.value))]
    for e in [e for e in x.entries if is_table(e.value)]:
        head = path + [e.key]
        for i, t in enumerate([e.value] if isinstance(e.value, Map) else e.value.items):
            out += [""] if out else []
            out += ["#" + n.text for n in e.notes] if i == 0 else []
            out += [("[%s]" if isinstance(e.value, Map) else "[[%s]]") % ".".join(head)]
            toml_table(t, head, out)


def ini_text(top):
    out = []
    for e in top.entries:
        out += ([""] if out else []) + [";" + t for n in e.value.loose for t in n.text.split("\n")] + ["[%s]" % e.key]
        wide = max([len(x.key) for x in e.value.entries] or [0])
        for x in e.value.entries:
            out += [";" + t for n in x.notes for t in n.text.split("\n")] + ["%-*s = %s" % (wide, x.key, x.value.text)]
    return "\n".join(out) + "\n"


def clear_text(form, parts):
    if form == "binary":
        return parts[0].entries[0].value.text
    if form == "json":
        return json.dumps(to_json(parts[0]), indent="\t", ensure_ascii=False) + "\n"
    if form == "dotenv":
        return "".join("".join("#%s\n" % n.text for n in e.notes) + "%s=%s\n" % (e.key, e.value.text) for e in parts[0].entries) + \
            "".join("#%s\n" % n.text for n in parts[0].loose)
    if form == "ini":
        return ini_text(parts[0])
    if form == "toml":
        out = []
        toml_table(parts[0], [], out)
        return "".join(row + "\n" for row in out)
    return "---\n".join("".join(row + "\n" for row in yaml_lines(p, 0)) or "{}\n" for p in parts)
