# SPDX-License-Identifier: Apache-2.0
"""The merge of three documents as docs/spec/70-git.md has it, in Python: what random_merges.py compares the program with.

Written from the chapter. Lists and texts of several lines are merged by a longest common subsequence, of which there may be
several: the generators see to it that there is one."""
from dataclasses import dataclass, field


@dataclass
class Leaf:
    kind: str  # str int float bool null
    text: str
    sealed: bool = False  # it is encrypted where it stands


@dataclass
class Note:
    text: str
    sealed: bool = False


@dataclass
class Entry:
    key: str
    value: object
    notes: list = field(default_factory=list)  # the comments that belong to it


@dataclass
class Map:
    entries: list = field(default_factory=list)
    loose: list = field(default_factory=list)  # comments of the map itself

    def find(self, key):
        for e in self.entries:
            if e.key == key:
                return e
        return None

    def place(self, key):
        return [e.key for e in self.entries].index(key)


@dataclass
class Seq:
    items: list = field(default_factory=list)


@dataclass
class Open:
    """A conflict: the entry as each side has it, None where it does not, and the comments that stand around both."""
    path: str
    what: str
    ours: object
    theirs: object


class WholeFile(Exception):
    """Nothing of the file is merged."""


class Clash(Exception):
    """The place conflicts."""


# ---- looking at documents ----

def plain(x):
    """The value alone: what is compared, comments and encryption aside."""
    if isinstance(x, Leaf):
        return (x.kind, x.text)
    if isinstance(x, Map):
        return ("map", tuple((e.key, plain(e.value)) for e in x.entries))
    return ("list", tuple(plain(i) for i in x.items))


def whole(x):
    """The same with comments."""
    if isinstance(x, Leaf):
        return (x.kind, x.text)
    if isinstance(x, Map):
        return ("map", tuple((e.key, texts(e.notes), whole(e.value)) for e in x.entries), texts(x.loose))
    return ("list", tuple(whole(i) for i in x.items))


def unordered(x):
    """The same, with maps and lists told apart by name as sets."""
    if isinstance(x, Leaf):
        return (x.kind, x.text)
    if isinstance(x, Map):
        return ("map", frozenset((e.key, frozenset(texts(e.notes)), unordered(e.value)) for e in x.entries), frozenset(texts(x.loose)))
    items = [unordered(i) for i in x.items]
    return ("list", frozenset(items) if named(x) else tuple(items))


def texts(notes):
    return tuple(n.text for n in notes)


def same(x, y):
    return x is not None and y is not None and plain(x) == plain(y)


def leaves(x, path=()):
    """(additional data, leaf or comment) of all that may be encrypted, in order; items of lists have no part in it."""
    if isinstance(x, Leaf):
        yield path, x
    elif isinstance(x, Seq):
        for i in x.items:
            yield from leaves(i, path)
    else:
        for e in x.entries:
            for n in e.notes:
                yield path, n
            yield from leaves(e.value, path + (e.key,))
        for n in x.loose:
            yield path, n


# ---- the merge of values ----

def common(o, x):
    """Which item of x each item of o is, in a longest common subsequence; None: none."""
    rows = [[0] * (len(x) + 1) for _ in range(len(o) + 1)]
    for i in reversed(range(len(o))):
        for k in reversed(range(len(x))):
            rows[i][k] = rows[i + 1][k + 1] + 1 if o[i] == x[k] else max(rows[i + 1][k], rows[i][k + 1])
    to, i, k = [None] * len(o), 0, 0
    while i < len(o) and k < len(x):
        if o[i] == x[k]:
            to[i] = k
            i, k = i + 1, k + 1
        elif rows[i + 1][k] >= rows[i][k + 1]:
            i += 1
        else:
            k += 1
    return to


def three_way(o, a, b):
    """[("a" or "b", from, to)], or Clash."""
    to_a, to_b = common(o, a), common(o, b)
    out, at = [], (0, 0, 0)
    for i in list(range(len(o))) + [None]:
        if i is not None and (to_a[i] is None or to_b[i] is None):
            continue
        end = (i, to_a[i], to_b[i]) if i is not None else (len(o), len(a), len(b))
        ro, ra, rb = o[at[0]:end[0]], a[at[1]:end[1]], b[at[2]:end[2]]
        if ra == rb or rb == ro:
            out.append(("a", at[1], end[1]))
        elif ra == ro:
            out.append(("b", at[2], end[2]))
        else:
            raise Clash
        if i is not None:
            out.append(("a", end[1], end[1] + 1))
            at = (end[0] + 1, end[1] + 1, end[2] + 1)
    return out


def named(x):
    """What tells the items of a list apart, or None."""
    for name in ("name", "key", "id"):
        ids = [i.find(name).value if isinstance(i, Map) and i.find(name) else None for i in x.items]
        if all(isinstance(i, Leaf) and i.kind in ("str", "int") for i in ids) and len({i.text for i in ids}) == len(ids):
            return name
    return None


def lines(text):
    return text.split("\n")[:-1] + ([text.split("\n")[-1]] if text.split("\n")[-1] else [])


class Merge:
    """base None: there is none. joined: an entry has one comment, of several lines (INI). closed: the base does not open, and what is
    encrypted in it is equal to nothing, as both sides have another data key."""

    def __init__(self, base, ours, theirs, joined=False, closed=False):
        self.conflicts, self.joined, self.closed = [], joined, closed
        self.parts = self.documents(base, ours, theirs)

    def documents(self, base, ours, theirs):
        if len(ours) == len(theirs) and (base is None or len(base) == len(ours)):
            out = []
            for i, a in enumerate(ours):
                self.document = "document %d " % (i + 1) if len(ours) > 1 else ""
                try:
                    out.append(self.place(base[i] if base else None, a, theirs[i], ""))
                except Clash:
                    raise WholeFile("documents") from None
            return out
        if base is None or self.closed:
            raise WholeFile("documents")
        try:
            pieces = three_way([whole(x) for x in base], [whole(x) for x in ours], [whole(x) for x in theirs])
        except Clash:
            raise WholeFile("documents") from None
        return [x for side, i, k in pieces for x in (ours if side == "a" else theirs)[i:k]]

    def place(self, o, a, b, path):
        if isinstance(a, Map) and isinstance(b, Map):
            return self.maps(o if isinstance(o, Map) else None, a, b, path)
        if isinstance(a, Seq) and isinstance(b, Seq):
            try:
                return self.lists(o if isinstance(o, Seq) else None, a, b, path)
            except Clash:
                pass
        if same(a, b) or self.is_base(o, b):
            return a
        if self.is_base(o, a):
            return b
        if not self.closed and all(isinstance(x, Leaf) and x.kind == "str" and len(lines(x.text)) >= 2 for x in (o, a, b)):
            rows = [[x + "\n" for x in lines(t.text)] for t in (o, a, b)]
            for row, t in zip(rows, (o, a, b)):
                row[-1] = row[-1] if t.text.endswith("\n") else row[-1][:-1]
            pieces = three_way(*rows)
            return Leaf("str", "".join(x for side, i, k in pieces for x in rows[1 if side == "a" else 2][i:k]), a.sealed or b.sealed)
        raise Clash

    def is_base(self, o, x):
        return same(o, x) and not (self.closed and any(n.sealed and isinstance(n, Leaf) for y in (o, x) for _, n in leaves(y)))

    def are_base(self, o, notes):
        return texts(o) == texts(notes) and not (self.closed and any(n.sealed for n in o + notes))

    # an entry of a map, or an item of a list that is told apart by name; None: it is gone
    def entry(self, o, a, b, path, in_list=False):
        if a is None or b is None:
            one = a or b
            if o is None:
                return one
            if self.is_base(o.value, one.value):
                return None
            if in_list:
                raise Clash
            self.conflicts.append(Open(self.document + path, "changed by ours, deleted by theirs" if a else "deleted by ours, changed by theirs", a, b))
            return self.conflicts[-1]
        notes = self.notes(o.notes if o else [], a.notes, b.notes)
        try:
            return Entry(a.key, self.place(o.value if o else None, a.value, b.value, path), notes)
        except Clash:
            if in_list:
                raise
        what = "changed on both sides" if o else "added on both sides"
        self.conflicts.append(Open(self.document + path, what, Entry(a.key, a.value, notes), Entry(b.key, b.value, notes)))
        return self.conflicts[-1]

    def name_of_base(self, o):
        name = named(o)
        return None if name and self.closed and any(i.find(name).value.sealed for i in o.items) else name

    def notes(self, o, a, b):
        if texts(a) == texts(b) or self.are_base(o, b):
            return a
        if self.are_base(o, a):
            return b
        o = [n for n in o if not (self.closed and n.sealed)]
        if self.joined and a and b:
            old = a[0].text.split("\n") + (o[0].text.split("\n") if o else [])
            more = [x for x in b[0].text.split("\n") if x not in old]
            return [Note("\n".join([a[0].text] + more), a[0].sealed or b[0].sealed)]
        return a + [n for n in b if n.text not in texts(a) + texts(o)]

    def maps(self, o, a, b, path):
        order = self.order(o, a, b, lambda k: '%s["%s"]' % (path, k))
        return Map(order, self.notes(o.loose if o else [], a.loose, b.loose))

    def order(self, o, a, b, path_of, in_list=False):
        keys = [[e.key for e in x.entries] if x else [] for x in (o, a, b)]
        shared = [k for k in keys[0] if k in keys[1] and k in keys[2]]
        first, second = a, b
        if [k for k in keys[1] if k in shared] == shared != [k for k in keys[2] if k in shared]:
            first, second = b, a
        own = [x for x in (e.key for e in first.entries) if not second.find(x) and not (o and o.find(x))]
        out = []  # [key, entry]
        for key in [e.key for e in first.entries]:
            out.append([key, self.entry(o.find(key) if o else None, a.find(key), b.find(key), path_of(key), in_list)])
        out = [x for x in out if x[1] is not None]
        last = -1
        for key in [e.key for e in second.entries]:
            if first.find(key):
                at = [x[0] for x in out]
                last = at.index(key) if key in at else last
                continue
            got = self.entry(o.find(key) if o else None, a.find(key), b.find(key), path_of(key), in_list)
            if got is None:
                continue
            last += 1
            while last < len(out) and out[last][0] in own:
                last += 1
            out.insert(last, [key, got])
        return [x[1] for x in out]

    def lists(self, o, a, b, path):
        name = named(a)
        if name and a.items and b.items and named(b) == name and (o is None or self.name_of_base(o) == name or not o.items):
            count = len(self.conflicts)
            try:
                by = [Map([Entry(i.find(name).value.text, i) for i in x.items]) if x else None for x in (o, a, b)]
                where = lambda k: "%s[%d]" % (path, by[1].place(k)) if by[1].find(k) else path + "[?]"
                return Seq([e.value for e in self.order(by[0], by[1], by[2], where, True)])
            except Clash:
                del self.conflicts[count:]
        if o is not None and self.closed:
            raise Clash
        rows = [x.items if x else [] for x in (o, a, b)]
        pieces = three_way(*[[whole(i) for i in row] for row in rows])
        return Seq([i for side, n, m in pieces for i in rows[1 if side == "a" else 2][n:m]])


def choose(x, pick):
    """The merged document with each conflict decided: pick(conflict) is "ours" or "theirs"."""
    if isinstance(x, Leaf):
        return x
    if isinstance(x, Seq):
        return Seq([choose(i, pick) for i in x.items])
    out = Map([], x.loose)
    for e in x.entries:
        if isinstance(e, Open):
            e = getattr(e, pick(e))
            if e is not None:
                out.entries.append(e)
        else:
            out.entries.append(Entry(e.key, choose(e.value, pick), e.notes))
    return out


# ---- metadata and data key ----

@dataclass
class Meta:
    groups: list  # of lists of recipients
    key: int      # which data key
    rule: tuple
    mac_only: bool = False
    threshold: int = 0


def three(o, a, b, name):
    if a == b or o == b:
        return a
    if o == a:
        return b
    raise WholeFile(name)


def merge_meta(o, a, b):
    rule = three(o.rule, a.rule, b.rule, "rule")
    mac_only = three(o.mac_only, a.mac_only, b.mac_only, "mac_only_encrypted")
    threshold = three(o.threshold, a.threshold, b.threshold, "threshold")
    if len(o.groups) == len(a.groups) == len(b.groups):
        groups = []
        for x, y, z in zip(o.groups, a.groups, b.groups):
            groups.append([k for k in y if k in z or k not in x] + [k for k in z if k not in y and k not in x])
    else:
        sets = [[set(g) for g in m.groups] for m in (o, a, b)]
        groups = (a if three(*sets, "groups") == sets[1] else b).groups
    if not all(groups):
        raise WholeFile("no recipient is left")
    return Meta(groups, 0, rule, mac_only, threshold)


def has_read(base, side):
    """More than half of the encrypted texts of the base stand on that side at the same place."""
    def count(parts, ciphers):
        return [(path, x.text) for part in parts for path, x in leaves(part)
                if isinstance(x, Leaf) and x.kind == "str" and len(x.text.encode()) >= 8 and (x.sealed or not ciphers)]
    all_of, there = count(base, True), count(side, False)
    known = 0
    for x in all_of:
        if x in there:
            there.remove(x)
            known += 1
    return known > 0 and 2 * known > len(all_of)


def kept_key(merged, base, ours, theirs, trees, closed=False):
    """0: a new one. trees: of base, ours, theirs."""
    def good(m, tree):
        inside = len(m.groups) <= len(merged.groups) and all(set(g) <= set(to) for g, to in zip(m.groups, merged.groups))
        return inside and has_read(trees[0], tree)
    if ours.key == theirs.key:
        return ours.key
    if closed:
        return 0
    for m, tree in ((ours, trees[1]), (theirs, trees[2])):
        if m.key != base.key and good(m, tree):
            return m.key
    return 0
