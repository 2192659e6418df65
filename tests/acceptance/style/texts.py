# SPDX-License-Identifier: Apache-2.0
"""Random texts of each format, in every odd spelling. What is in them is known from their making: each value and comment
holds a word of its own, so that it can be told what is still there, what is gone, and what must not be seen."""
import re

DEEP = 3


class Text:
    """One clear text. `leaves`: (path, word or None, whether the rules encrypt it) of each value; `hidden`: words that
    must not be seen when it is sealed; `spare`: maps that a key may be put into."""

    def __init__(self, rng, form):
        self.rng, self.form = rng, form
        self.leaves, self.hidden, self.spare, self.anchors, self.words = [], [], [], [], []
        self.clear_alias = False  # an alias under a clear path, which shows the words of its anchor
        self.same = lambda a, b: a == b
        self.text = ""

    def chance(self, part):
        return self.rng.random() < part

    def one(self, *choices):
        return self.rng.choice(choices)

    def word(self, sealed=True):
        w = "qz%dx%04dj" % (len(self.words), self.rng.randrange(10000))
        self.words.append(w)
        if sealed:
            self.hidden.append(w)
        return w

    def blank(self, most=3):
        return " " * self.rng.randrange(most + 1)

    def ends(self, breaks=("\n", "\n", "\n", "\r\n"), bom=0.08, cut=0.12):
        """line breaks, byte order mark, and how the text ends"""
        t = self.text
        if self.chance(cut):
            t = t.rstrip("\n")
        elif self.chance(0.1):
            t += "\n" * self.rng.randrange(1, 3)
        t = t.replace("\n", self.rng.choice(breaks))
        if self.chance(bom):
            t = "\ufeff" + t
        self.text = t
        return self


def is_clear(key):
    return key.endswith("_unencrypted")


# ---- YAML ------------------------------------------------------------------------------------------------------------

class Yaml(Text):
    def comment(self, sealed):
        """behind the sign; what is in clear text may be read with a neighbour of either kind"""
        if self.chance(0.08):
            return ""
        return self.one(" ", "", "  ", "\t", " # ", "! ") + self.word(sealed) + self.one("", "", " é: x", "  ", " 'q", ' "', " - a", " |")

    def lines_between(self, col, sealed):
        out = []
        while self.chance(0.22):
            if self.chance(0.5):
                out.append(self.one("", "", "", "  ", " " * col))
            else:
                at = self.one(col, col, col, col, 0, col + self.rng.randrange(4))
                out.append(" " * at + "#" + self.comment(sealed))
        return "".join(l + "\n" for l in out)

    def tail(self, sealed, blank=True):
        """to the end of a line"""
        if self.chance(0.18):
            return self.one(" ", "  ", "   ", "\t") + "#" + self.comment(sealed)
        return self.one(" ", "  ", "\t") if blank and self.chance(0.06) else ""

    def key(self, used):
        r = self.rng
        while True:
            k = r.choice(["k%d", "key_%d", "K-%d", "a b%d", "é%d", "x.%d", "k:%d", "%d", "_%d"]) % r.randrange(100)
            if self.chance(0.15):
                k += "_unencrypted"
            if k not in used:
                used.add(k)
                break
        plain = not re.fullmatch(r"\d+", k)
        shown = k if plain and self.chance(0.85) else self.one("'%s'", '"%s"') % k
        return k, shown

    def plain(self, w, flow):
        t = self.one(w, w, w + " and more", "two " + w, w + "-é", w + ":x", w + "#y", "/" + w + "/", w + ".5", "-" + w, w + "'s", w + ' "q"', w + "\\n", "?" + w, ":" + w)
        return t if not flow else t.replace(":", "-").replace("?", "")

    def number(self):
        """no word in it"""
        n = self.rng.randrange(1, 10 ** 6)
        return self.one("%d" % n, "-%d" % n, "+%d" % n, "0x%X" % n, "0%o" % n, "0o%o" % n, "1_%03d" % (n % 1000), "%d.50" % n, "%d.5" % n, "1.%d0e3" % n, ".%d" % n, "%d." % n, "1e%d" % (n % 30), "0b101",
                        "true", "True", "FALSE", "false", "2024-01-02", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43.10 +2", "1:30", "yes", "No", ".inf", "-.INF", ".nan", "0", "-0", "0.0", "-0.0", "1e400", "012e3", "99999999999999999999")

    def inline(self, col, sealed, flow):
        """a scalar on one line, its word or None"""
        kind = self.rng.randrange(12)
        if kind < 2:
            return self.number(), None
        w = self.word(sealed)
        if kind < 6:
            return self.plain(w, flow), w
        if kind < 8:
            return "'%s'" % self.one(w, w + "''s", " " + w + " ", w + ": [x", w + " # no", "{" + w, w + "\\n", "é" + w, '"' + w, w + "\t.", "- " + w, "#" + w), w
        if kind < 11:
            return '"%s"' % self.one(w, w + '\\"s', " " + w + " ", w + ": [x", w + " # no", w + "\\n", w + "\\ttab", "\\u00e9" + w, "é" + w, w + "\\x41", "\\e" + w, w + "😀", w + "\\U0001F600", "\\N" + w, w + "\\\\", w + "\\/", w + "\\_", "\\\t" + w, w + "\tt"), w
        pad = "\n" + "\n" * self.one(0, 0, 0, 1, 2) + " " * (col + self.rng.randrange(1, 4))
        v = self.one("%s%stwo", "'%s%stwo'", '"%s%stwo"', '"%s \\%stwo"', "'one %s %s three '", '" %s%s\\  x"')
        return v % (w, pad), w

    def tag(self, w):
        return self.one("!Ref ", "!secret ", "!!str ", "! ", "!a/b ", "!<x> ") if self.chance(0.04) else ""

    def block(self, col, sealed):
        """a block scalar with its header; `col`: of what it is the value of"""
        w = self.word(sealed)
        width = self.one(1, 2, 2, 4, 6)
        lines = [self.one(w, w + "  ", w + "\t", "\t" + w, "# " + w, "- " + w, "é" + w)]
        for _ in range(self.rng.randrange(4)):
            lines.append(self.one("more", "  deep", "", "", "x # y", "\tt", "   ", "k: v"))
        if self.chance(0.1):
            lines = [""] * self.rng.randrange(1, 3) + lines
        digit = ""
        if self.chance(0.15):
            lines[0] = " " * self.rng.randrange(3) + lines[0]
            digit = str(width)
        while not lines[-1].strip(" "):
            lines.pop()
        head = self.one("|", "|", ">") + (digit + self.one("", "-", "+") if self.chance(0.5) else self.one("", "-", "+") + digit)
        pad = " " * (max(col, 0) + width) if not (col < 0) else " " * width
        body = "".join((pad + l if l.strip(" ") or self.chance(0.3) else l.strip(" ")) + "\n" for l in lines)
        body += self.one("", "", "", "\n", "\n\n", pad + "\n")
        return head + self.tail(sealed) + "\n" + body, w

    def flow(self, col, path, sealed, depth):
        r, out, used = self.rng, [], set()
        is_map = self.chance(0.5)
        lines = self.chance(0.3)
        brk = lambda: ("\n" + (" " * (col + 1 + r.randrange(4))) if lines and self.chance(0.6) else self.one("", " ", "", "  "))
        note = lambda: " #" + self.comment(sealed and not is_map) if lines and self.chance(0.15) else ""
        n = r.randrange(4)
        for i in range(n):
            head, here, s = "", path + (i,), sealed
            if is_map:
                k, shown = self.key(used)
                here, s = path + (k,), sealed and not is_clear(k)
                head = shown + self.one(": ", ": ", ":  ", " : ") if not shown[0] in "\"" else shown + self.one(": ", ":")
            if depth < DEEP and self.chance(0.2):
                v = self.flow(col, here, s, depth + 1)
            elif self.chance(0.08) and is_map:
                v = self.one("", "null", "~", "''", '""')
                head = head.rstrip(" ") + " "
            else:
                v, w = self.inline(col, s, True)
                self.leaves.append((here, w, s))
            out.append(head + v)
        if is_map:
            self.spare.append((path, sealed))
        text = ""
        for i, o in enumerate(out):
            c = note()
            text += (brk() if not c else c + "\n" + " " * (col + 2)) + o + self.one("", "", " ") + ("," if i + 1 < n or self.chance(0.1) else "")
        if lines and text and self.chance(0.3):
            text += " #" + self.comment(False if is_map else sealed) + "\n" + " " * (col + 1)
        elif text.endswith("\n"):
            text += " " * (col + 1)
        return ("{%s}" if is_map else "[%s]") % (text + self.one("", "", " "))

    def value(self, col, path, sealed, depth, in_list):
        """what stands behind a key's colon or a dash, at column `col`, with its last line break"""
        r = self.rng
        kind = r.randrange(20)
        if kind < 3 and depth < DEEP and not in_list:
            name = "&m%d" % len(self.anchors) if self.chance(0.15) else ""
            head = (" " + name if name else "") + self.tail(sealed) + "\n"
            text = head + self.map(col + self.one(1, 2, 2, 2, 4, 4, 7), path, sealed, depth + 1)
            if name:
                self.anchors.append((name[1:], "map"))
            return text
        if kind < 5 and depth < DEEP:
            if in_list:
                if self.chance(0.5):
                    pad = self.one(1, 1, 2, 3)
                    return " " * pad + self.list(col + 1 + pad, path, sealed, depth + 1, inline=True)
                return self.tail(sealed) + "\n" + self.list(col + self.one(2, 4), path, sealed, depth + 1)
            return self.tail(sealed) + "\n" + self.list(col + self.one(0, 0, 2, 2, 4), path, sealed, depth + 1)
        if kind < 8 and depth < DEEP and in_list:
            pad = self.one(1, 1, 1, 3)
            return " " * pad + self.map(col + 1 + pad, path, sealed, depth + 1, inline=True)
        if kind < 9:
            b, w = self.block(col, sealed)
            self.leaves.append((path, w, sealed))
            return self.one(" ", " ", "  ") + self.tag(w) + b
        if kind < 11:
            return self.one(" ", " ", "  ") + self.flow(col, path, sealed, depth) + self.tail(sealed) + "\n"
        if kind < 12:
            return self.one("", " null", " ~", " ''", ' ""', " {}", " []", " Null") + self.tail(sealed) + "\n"
        if kind < 13 and self.anchors:
            self.clear_alias = self.clear_alias or not sealed
            return " *%s" % r.choice(self.anchors)[0] + self.tail(sealed) + "\n"
        v, w = self.inline(col, sealed, False)
        mark = ""
        if self.chance(0.06):
            mark = "&s%d " % len(self.anchors)
            self.anchors.append((mark[1:-1], "scalar"))
        self.leaves.append((path, w, sealed))
        lead = self.one(" ", " ", " ", "  ", "    ", "\t") if not in_list else self.one(" ", " ", "  ", "   ")
        if self.chance(0.05) and not in_list:
            lead = self.tail(sealed) + "\n" + " " * (col + self.rng.randrange(1, 5))
        return lead + mark + self.tag(w) + v + self.tail(sealed) + "\n"

    def map(self, col, path, sealed, depth, inline=False):
        used, out = set(), ""
        self.spare.append((path, sealed))
        for i in range(self.rng.randrange(1, 5 if depth else 7)):
            if i or not inline:
                out += self.lines_between(col, False if True else sealed) + " " * col
            if self.chance(0.04) and any(a[1] == "map" for a in self.anchors) and "<<" not in used:
                used.add("<<")
                out += "<<: *%s\n" % self.rng.choice([a[0] for a in self.anchors if a[1] == "map"])
                continue
            k, shown = self.key(used)
            s = sealed and not is_clear(k)
            if self.chance(0.03):
                v, w = self.inline(col, s, False)
                self.leaves.append((path + (k,), w, s))
                out += "? %s\n%s: %s\n" % (shown, " " * col, v)
            else:
                out += shown + self.one(":", ":", ":", ":", " :") + self.value(col, path + (k,), s, depth, False)
        return out

    def list(self, col, path, sealed, depth, inline=False):
        out = ""
        for i in range(self.rng.randrange(1, 4)):
            if i or not inline:
                out += self.lines_between(col, False) + " " * col
            out += "-" + self.value(col, path + (i,), sealed, depth, True)
        return out

    def document(self, n):
        self.anchors = []
        self.leaves = self.leaves if n == 0 else []
        path = ()
        kept = self.leaves[:], self.spare[:]
        if self.chance(0.07):
            text = self.lines_between(0, False) + self.flow(0, path, True, 0) + "\n"
            if not text.lstrip().startswith("{") and "{" not in text.split("\n")[-2]:
                text = "{a: %s}\n" % self.word()
        else:
            text = self.lines_between(0, False) + self.map(self.one(0, 0, 0, 0, 0, 0, 0, 2), path, True, 0) + self.lines_between(0, False)
        if n:
            self.leaves, self.spare = kept
        return text

    def make(self):
        docs = self.one(1, 1, 1, 1, 1, 1, 2, 3)
        first = []
        t = self.one("", "", "", "---\n", "--- #" + self.comment(False) + "\n", "%YAML 1.1\n---\n", "#" + self.comment(False) + "\n---\n")
        for n in range(docs):
            if n:
                t += self.one("---\n", "---\n", "...\n---\n", "--- #" + self.comment(False) + "\n", "---   \n")
            t += self.document(n)
            if n == 0:
                first = self.leaves[:], self.spare[:]
        self.leaves, self.spare = first
        if self.chance(0.05):
            t += "...\n"
        self.text = t
        self.text = self.ends(("\n", "\n", "\n", "\n", "\n", "\r\n", "\r\n", "\r")).text
        return self


# ---- JSON ------------------------------------------------------------------------------------------------------------

class Json(Text):
    def gap(self, deep):
        return {"none": "", "one": self.one("", " ", ""), "lines": "\n" + self.unit * deep, "wild": self.one("", " ", "\n", "\t", " \n  ", "\r\n")}[self.layout]

    def scalar(self, path, sealed):
        r = self.rng
        if self.chance(0.3):
            n = r.randrange(10 ** 6)
            v, w = self.one("%d" % n, "-%d" % n, "%d.50" % n, "1e%d" % (n % 30), "1E+%d" % (n % 30), "0.%d" % n, "-0", "-0.0", "0", "true", "false", "null", "1.0", "12345678901234567890", "%d.0e-3" % n), None
        else:
            w = self.word(sealed)
            v = '"%s"' % self.one(w, w, w + '\\"q\\"', w + "\\n", "\\u00e9" + w, "é" + w, w + "\\/x", w + "<&>", w + "\\u003c", "\\ud83d\\ude00" + w, w + "😀", w + "\\u0000", w + "\\u001F", w + "\\t\\b\\f\\r", " " + w + " ", w + "\\\\", w + "\\ud800", w + "\x7f", w + "\u2028", "#" + w, "{" + w + "}", "ENC[" + w)
        if self.chance(0.05):
            return '""'
        if v != "null":
            self.leaves.append((path, w, sealed))
        return v

    def value(self, path, sealed, deep):
        kind = self.rng.randrange(10)
        if kind < 3 and deep < DEEP + 1:
            return self.map(path, sealed, deep)
        if kind < 5 and deep < DEEP + 1:
            items = [self.gap(deep + 1) + self.value(path + (i,), sealed, deep + 1) + self.tail() for i in range(self.rng.randrange(4))]
            return "[" + ",".join(items) + (self.gap(deep) if items else self.one("", "", " ")) + "]"
        return self.scalar(path, sealed)

    def tail(self):
        return self.gap(0) if self.layout in ("wild", "one") else ""

    def map(self, path, sealed, deep):
        out, used = [], set()
        self.spare.append((path, sealed))
        for _ in range(self.rng.randrange(0 if deep else 1, 5)):
            k = "k%d" % self.rng.randrange(50) + self.one("", "", "", " b", "é", ".x", "_unencrypted")
            if k in used:
                continue
            used.add(k)
            shown = '"%s"' % (k.replace("k", "\\u006b") if self.chance(0.05) else k)
            colon = {"none": ":", "one": self.one(": ", ":"), "lines": self.colon, "wild": self.one(":", " : ", ":\n", ": ")}[self.layout]
            out.append(self.gap(deep + 1) + shown + colon + self.value(path + (k,), sealed and not is_clear(k), deep + 1) + self.tail())
        return "{" + ",".join(out) + (self.gap(deep) if out else self.one("", "", " ", "\n")) + "}"

    def make(self):
        self.layout = self.one("none", "one", "lines", "lines", "lines", "wild")
        self.unit, self.colon = self.one("  ", "    ", "\t", " ", "", "   "), self.one(": ", ": ", ":", " : ")
        self.text = self.one("", "", "", "\n", " ") + self.map((), True, 0) + "\n"
        return self.ends(bom=0)


# ---- dotenv ----------------------------------------------------------------------------------------------------------

class Dotenv(Text):
    quote = False

    def plain_value(self, w):
        return self.one(w, w, w + " b # c", "'" + w + "'", '"' + w + '"', w + "\\n" + "l2", " " + w + " ", w + "=x", "é" + w, "\t" + w, w + "\\\\n", "${" + w + "}")

    def quoted_value(self, w, sealed):
        kind = self.rng.randrange(12)
        over = sealed and self.chance(0.3)
        if kind < 4:
            v = "'%s'" % self.one(w, w + "$x", w + ' "q"', w + "\\n", " " + w + " ", w + " # no", "`" + w, ("l1\n" + w + "\n\nl4") if over else w, w + "\\", w + "\t.")
        elif kind < 9:
            v = '"%s"' % self.one(w, w + "\\n", w + '\\"', w + "\\$x", w + "$x", w + "\\\\", w + "\\x41", "\\u00e9" + w, "\\U0001F600" + w, w + "\\q", " " + w, w + "# no", w + "'s", ("l1\n" + w + "\nl3") if over else w, w + "\\r\\t\\a", w + "`")
        else:
            v = self.one(w, w + " two", w + "#x", w + "\\n", "$" + w, w + "'s", "é" + w, w + '"', "a=" + w)
        tail = self.one("", "", "", " ", "  ", " # " + self.word(sealed), "\t#" + self.word(sealed)) if sealed or "\n" not in v else ""
        if kind >= 9 or v[0] not in "'\"":
            return self.blank(1) + v + tail
        return self.blank(1) + v + self.one(tail, tail, "#" + self.word(sealed))

    def make(self):
        out, used = "", set()
        for _ in range(self.rng.randrange(1, 9)):
            r = self.rng.random()
            if r < 0.12:
                out += self.one("\n", "\n\n", "  \n" if self.quote else "\n")
            elif r < 0.3:
                out += (self.blank() if self.quote and self.chance(0.3) else "") + "#" + self.one("", " ", "", "  ") + self.one(self.word(), self.word() + "=x", "", "!" + self.word()) + "\n"
            else:
                name = "K%d" % self.rng.randrange(100) + self.one("", "", "", "_X", "_unencrypted")
                if name in used:
                    continue
                used.add(name)
                sealed, w = not is_clear(name), None
                lead = self.one("", "", "", "export ", "export  ", "  ") if self.quote else self.one("", "", "", "export ", " ")
                key = lead + name + (self.one("", "", " ") if self.quote and sealed else "")
                if self.chance(0.12):
                    v = self.one("", '""', "''", "  ") if self.quote and sealed else ""
                else:
                    w = self.word(sealed)
                    v = self.quoted_value(w, sealed) if self.quote else self.plain_value(w)
                    self.leaves.append(((key,), w, sealed))
                out += key + "=" + v + "\n"
        if not self.leaves:
            out += "A=%s\n" % self.word()
        self.spare.append(((), True))
        self.text = out
        if self.quote:
            self.same = lambda a, b: kept_quoted(a) == kept_quoted(b)
        return self.ends()


class Quoted(Dotenv):
    quote = True


def kept_quoted(t):
    """without what the chapter says is not kept: empty values' quotes, blanks on empty lines and in front of a #"""
    t = re.sub(r"(?m)^(\ufeff?\s*(?:export\s+)?\w+\s*=)(?:\"\"|''|[ \t]+)?(\r?)$", r"\1\2", t)
    return re.sub(r"(?m)^(\ufeff?)[ \t]+(?=#|\r?$)", r"\1", t)


# ---- INI -------------------------------------------------------------------------------------------------------------

class Ini(Text):
    def value(self, sealed):
        w = self.word(sealed)
        v = self.one(w, w, w + " two", "é" + w, "'" + w + "'", '"' + w + '"', '" ' + w + ' "', w + "=x", w + ":y", "[" + w + "]", w + "'s", w + '"q')
        if sealed:
            v = self.one(v, v, v, w + "#x", w + " ; y", "`" + w + ";#`", '"""' + w + '\nl2\n"""', w + "\\\n   more", "`" + w + "\n\n l3`", '"' + w + ' # x"', "`" + w + "` # " + self.word(), w + " \\\n more\\\n  third")
        return v, w

    def comments(self, indent):
        out = ""
        while self.chance(0.25):
            out += self.one("\n", "\n", "   \n") if self.chance(0.4) else indent + self.one("#", ";", "; ", "# ", ";;", "#  ") + self.one(self.word(False), self.word(False), "", self.word(False) + "  ", "é " + self.word(False)) + "\n"
        return out

    def section(self, name, sealed, header):
        out, used, indent = header, set(), self.one("", "", "", "  ", "\t")
        for _ in range(self.rng.randrange(5)):
            k = self.one("k%d", "Key %d", "é%d", "a.b%d", "x-%d") % self.rng.randrange(60) + self.one("", "", "", "_unencrypted")
            if k in used:
                continue
            used.add(k)
            s = sealed and not is_clear(k)
            shown = k if self.chance(0.93) else self.one("`%s`", '"%s"') % k
            out += self.comments(indent)
            if self.chance(0.1):
                v, w = "", None
            else:
                v, w = self.value(s)
                self.leaves.append(((name, k), w, s))
            tail = self.one("", "", "", " ") if "\n" in v or v.endswith("`") else self.one("", "", "", " ", "  ; " + self.word(s), " # " + self.word(s))
            out += indent + shown + self.one(" = ", "=", ": ", " : ", "= ", "   =  ") + v + tail + "\n"
        self.spare.append(((name,), sealed))
        return out + self.comments("")

    def make(self):
        out = self.comments("")
        out += self.section("DEFAULT", True, "") if self.chance(0.5) else ""
        names = set()
        for _ in range(self.rng.randrange(1, 4)):
            n = self.one("s%d", "a.b%d", "é %d", "S-%d") % self.rng.randrange(50) + self.one("", "", "", "_unencrypted")
            if n in names:
                continue
            names.add(n)
            out += self.section(n, not is_clear(n), self.one("", "", "  ") + "[" + n + "]" + self.one("", "", "", "  ") + "\n")
        self.text = out
        return self.ends()


# ---- TOML ------------------------------------------------------------------------------------------------------------

class Toml(Text):
    def key(self, used):
        while True:
            k = self.one("k%d", "key_%d", "K-%d", "a b%d", "é%d", "x.%d", "%d") % self.rng.randrange(100) + self.one("", "", "", "_unencrypted")
            if k not in used:
                used.add(k)
                break
        bare = re.fullmatch(r"[A-Za-z0-9_-]+", k)
        return k, k if bare and self.chance(0.9) else self.one('"%s"', "'%s'") % k

    def scalar(self, path, sealed, lines=True):
        n, r = self.rng.randrange(10 ** 6), self.rng.random()
        if r < 0.35:
            v, w = self.one("%d" % n, "-%d" % n, "+%d" % n, "0x%X" % n, "0x%x" % n, "0o%o" % n, "0b1011", "1_000", "%d.50" % n, "1e%d" % (n % 20), "1.5E-7", "6.0", "true", "false", "inf", "-inf", "+inf", "nan", "-nan", "0", "-0.0", "+0.0",
                            "1979-05-27T07:32:00Z", "1979-05-27 07:32:00.500+01:00", "1979-05-27t07:32:00z", "1979-05-27", "07:32:00", "07:32:00.1234567891", "1979-05-27T07:32:00.000001"), None
        else:
            w = self.word(sealed)
            v = self.one('"%s"' % self.one(w, w, w + '\\"q', w + "\\n\\t", "\\u00e9" + w, "é" + w, w + "\\U0001F600", w + "\\u0001", w + "\\\\", " " + w + " #"),
                         "'%s'" % self.one(w, w, w + '"', w + "\\", w + " # x", "é" + w))
            if lines and self.chance(0.25):
                v = self.one('"""%s"""' % self.one(w, "\n" + w + "\n  two\n", w + "\\\n    more", w + ' ""q"" ', "\n\n" + w, w + '\n\\"""', w + '"', w + "\\u00e9\n"),
                             "'''%s'''" % self.one(w, "\n" + w + "\n two", "\n\n" + w + "\n", w + " ''q'' ", w + "\\", w + "'"))
        self.leaves.append((path, w, sealed))
        return v

    def comment(self, sealed):
        return "#" + self.one("", " ", "  ", "") + self.one(self.word(sealed), self.word(sealed) + " é", self.word(sealed) + "  ", "", self.word(sealed) + ' "')

    def array(self, path, sealed, deep):
        lines, out = self.chance(0.4), ""
        n = self.rng.randrange(4)
        gap = lambda: self.one("\n  ", "\n    ", " ", "\n\n  ") if lines else self.one("", " ", "")
        for i in range(n):
            if lines and self.chance(0.2):
                out += "\n  " + self.comment(sealed) + "\n"
            out += gap() + self.value(path + (i,), sealed, deep + 1) + self.one("", "", " ")
            if i + 1 < n or self.chance(0.2):
                out += ","
            if lines and self.chance(0.2):
                out += " " + self.comment(sealed) + "\n"
        if lines and self.chance(0.1):
            out += self.comment(sealed) + "\n"
        return "[" + out + gap() + "]"

    def inline(self, path, sealed, deep):
        used, out = set(), []
        self.spare.append((path, sealed))
        for _ in range(self.rng.randrange(4)):
            k, shown = self.key(used)
            s = sealed and not is_clear(k)
            here = path + (k,)
            if self.chance(0.1):
                k2, shown2 = self.key(set())
                shown, here, s = shown + self.one(".", " . ") + shown2, here + (k2,), s and not is_clear(k2)
            out.append(shown + self.one(" = ", "=") + self.value(here, s, deep + 1, lines=False))
        return "{" + self.blank(1) + self.one(", ", ",").join(out) + self.blank(1) + "}"

    def value(self, path, sealed, deep, lines=True):
        kind = self.rng.randrange(10)
        if kind < 2 and deep < DEEP and lines:
            return self.array(path, sealed, deep)
        if kind < 3 and deep < DEEP:
            return self.inline(path, sealed, deep)
        return self.scalar(path, sealed, lines)

    def between(self):
        out = ""
        while self.chance(0.25):
            out += self.one("\n", "\n", "  \n", self.blank() + self.comment(False) + "\n", self.comment(False) + "\n")
        return out

    def keys(self, path, sealed, used):
        out = ""
        self.spare.append((path, sealed))
        for _ in range(self.rng.randrange(5)):
            k, shown = self.key(used)
            s, here = sealed and not is_clear(k), path + (k,)
            while self.chance(0.1):
                k2, shown2 = self.key(set())
                shown, here, s = shown + self.one(".", " . ", ". ") + shown2, here + (k2,), s and not is_clear(k2)
            tail = self.one("", "", "", " ", " " + self.comment(s), "   " + self.comment(s))
            out += self.between() + self.one("", "", "", "  ", "\t") + shown + self.one(" = ", "=", "  =   ", "\t= ") + self.value(here, s, 0) + tail + "\n"
        return out + self.between()

    def make(self):
        top, tables = set(), []
        out = self.keys((), True, top)
        for _ in range(self.rng.randrange(5)):
            base, shown, sealed = (), "", True
            if tables and self.chance(0.4):
                base, shown, sealed, used = self.rng.choice(tables)
            else:
                used = top
            k, s = self.key(used)
            here, shown = base + (k,), shown + self.one(".", " . ") + s if shown else s
            sealed = sealed and not is_clear(k)
            if self.chance(0.15):
                k2, s2 = self.key(set())
                here, shown, sealed = here + (k2,), shown + "." + s2, sealed and not is_clear(k2)
            if self.chance(0.3):
                n = self.rng.randrange(1, 4)
                for i in range(n):
                    inner = set()
                    out += self.one("", "\n") + "[[" + self.blank(1) + shown + self.blank(1) + "]]" + self.one("", "", " " + self.comment(False)) + "\n" + self.keys(here + (i,), sealed, inner)
                    if i == n - 1:
                        tables.append((here + (i,), shown, sealed, inner))
            else:
                inner = set()
                out += self.one("", "\n", "\n") + self.one("", "", "  ") + "[" + self.blank(1) + shown + self.blank(1) + "]" + self.one("", "", " " + self.comment(False)) + "\n" + self.keys(here, sealed, inner)
                tables.append((here, shown, sealed, inner))
        self.text = out
        return self.ends(bom=0)


KINDS = {"yaml": Yaml, "json": Json, "env": Dotenv, "quoted": Quoted, "ini": Ini, "toml": Toml}
SUFFIX = {"quoted": "env"}


def random_text(kind, rng):
    t = KINDS[kind](rng, kind)
    mixed = t.chance(0.6)
    t.make()
    if not mixed:  # nothing in it stays clear
        t.text = t.text.replace("_unencrypted", "_x")
        name = lambda k: k.replace("_unencrypted", "_x") if isinstance(k, str) else k
        t.leaves = [(tuple(map(name, path)), w, True) for path, w, _ in t.leaves]
        t.spare = [(tuple(map(name, path)), True) for path, _ in t.spare]
    if "_unencrypted" not in t.text:
        t.hidden = t.words
    elif t.clear_alias:
        t.hidden = []
    return t
