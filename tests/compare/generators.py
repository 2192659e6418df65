# SPDX-License-Identifier: Apache-2.0
"""Random documents: grown from nothing, or the inputs of recorded cases with a few changes.

What docs/COMPATIBILITY.md lists as a departure is left out where it would show all the time: minus zero, texts that begin
with a blank or a line break (block digits), empty comments.
"""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORDS = ["a", "b", "key", "db", "password", "x_unencrypted", "x_encrypted", "sops", "name", "Key", "a b", "a.b", "é", "日本", "0", "-1", "on", "null", "~"]
SCALARS = ["1", "0", "-7", "007", "0o17", "0x1F", "0b11", "1_000", "1.5", "1e3", "1.", ".5", "+1", "1e400", "12345678901234567890",
           "9223372036854775808", ".inf", "-.INF", ".nan", "true", "True", "no", "yes", "off", "null", "Null", "~", "", "hello", "hello world",
           "2001-12-14", "2001-12-14T21:59:43.10-05:00", "2001-1-1", "12:30:45", "a: b", "a #b", "# no", "- a", "? a", "*a", "&a", "!a", "%a", "@a",
           "`a", "{a", "[a", "a]", "a,b", "'", '"', "it's", "don't \\'do' this\\\\", 'say "x"', "back\\slash", "tab\there", "é", "日本語", "\U0001F600", "ENC[x]", "<<", "=",
           " lead", "trail ", "a" * 90, "word " * 30, "line\nbreak", "two\n\nbreaks\n", "x\n ", "\ttab", "a\r\nb", "\x07"]
COMMENTS = ["# c", "#c", "# a: b", "# é", "## two", "#  spaced  ", "# ENC[AES256_GCM,data:eA==,iv:eA==,tag:eA==,type:comment]", "#!x", "# -"]


def pick(rng, *choices):
    return rng.choice(choices)


def corpus(extensions):
    """texts of the recorded cases' inputs, by file name's end; not of those where we differ on purpose"""
    found = []
    for folder, _, names in sorted(os.walk(os.path.join(ROOT, "testdata", "conformance"))):
        case = folder.split(os.sep + "in")[0]
        if case != folder and not os.path.exists(os.path.join(case, "departure")):
            for name in sorted(names):
                if name.endswith(tuple(extensions)) and ".sops." not in name:
                    path = os.path.join(folder, name)
                    if os.path.getsize(path) < 4000:
                        with open(path, "rb") as f:
                            found.append(f.read())
    return found


def mutate(rng, text, spice):
    """a few changes of a text: bytes, lines, and pieces of other texts (spice)"""
    for _ in range(rng.choice([1, 1, 2, 3, 5])):
        lines = text.split(b"\n")
        at = rng.randrange(len(lines))
        what = rng.randrange(9)
        if what == 0:
            lines.insert(at, lines[rng.randrange(len(lines))])
        elif what == 1 and len(lines) > 1:
            del lines[at]
        elif what == 2:
            lines.insert(at, b" " * rng.randrange(6) + rng.choice(COMMENTS).encode())
        elif what == 3:
            lines[at] += b" " * rng.randrange(2) + rng.choice(COMMENTS).encode()
        elif what == 4:
            lines[at] = b" " * rng.randrange(4) + lines[at].lstrip()
        elif what == 5:
            lines.insert(at, b"")
        elif what == 6 and lines[at]:
            i = rng.randrange(len(lines[at]))
            lines[at] = lines[at][:i] + rng.choice([b"", b" ", b":", b"-", b"#", b"'", b'"', b",", b"[", b"{", b"}", b"\t", b"&", b"*", b"|", b"\\"]) + lines[at][i + 1:]
        elif what == 7 and spice:
            other = rng.choice(spice).split(b"\n")
            i = rng.randrange(len(other))
            lines[at:at] = other[i:i + rng.randrange(1, 5)]
        elif lines[at]:
            i = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:i] + rng.choice(SCALARS).encode() + lines[at][i:]
        text = b"\n".join(lines)
    return text


# ---- YAML ---------------------------------------------------------------------------------------------------------

def quoted(s):
    out = ""
    for c in s:
        out += {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\x07": "\\a"}.get(c, c)
    return '"' + out + '"'


class Yaml:
    def __init__(self, rng):
        self.rng, self.anchors, self.out = rng, [], []

    def chance(self, p):
        return self.rng.random() < p

    def line(self, text, indent):
        if self.chance(0.08):
            self.out.append("")
        while self.chance(0.12):
            self.out.append(" " * max(0, indent + pick(self.rng, 0, 0, 0, 0, 2, -2, 4)) + self.rng.choice(COMMENTS))
            if self.chance(0.2):
                self.out.append("")
        self.out.append(" " * indent + text)

    def properties(self):
        text = ""
        if self.chance(0.06):
            name = "n%d" % len(self.anchors)
            self.anchors.append(name)
            text += "&%s " % name
        if self.chance(0.04):
            text += pick(self.rng, "!!str ", "!!int ", "!!float ", "!!bool ", "!custom ", "!!binary ", "!!null ", "! ")
        return text

    def plain(self, s):
        fine = s and s == s.strip() and not any(c in s for c in "\n\t\r\x07") and s[0] not in "#-?*&!%@`{[]},'\"|>=" and ": " not in s and " #" not in s
        return s if fine and not s.endswith(":") else quoted(s)

    def scalar(self, flow):
        s = self.rng.choice(SCALARS)
        if self.chance(0.05) and self.anchors:
            return "*" + self.rng.choice(self.anchors) + (" " if flow else "")
        style = self.rng.randrange(4)
        if style == 0 and not any(c in s for c in "\n\t\r\x07"):
            return self.properties() + "'" + s.replace("'", "''") + "'"
        if style == 1 or flow:
            text = quoted(s)
            return self.properties() + (text.replace("'", "\\'") if self.chance(0.5) else text)
        return self.properties() + self.plain(s)

    def flow(self, depth):
        if depth == 0 or self.chance(0.5):
            return self.scalar(True)
        n = self.rng.randrange(4)
        gap = pick(self.rng, ", ", ",", " , ")
        if self.chance(0.5):
            return self.properties() + "[" + gap.join(self.flow(depth - 1) for _ in range(n)) + "]"
        return self.properties() + "{" + gap.join("%s: %s" % (self.plain(self.rng.choice(WORDS)) + str(i), self.flow(depth - 1)) for i in range(n)) + "}"

    def block_text(self, prefix, indent):
        digit = pick(self.rng, "", "", "", "2")
        self.line(prefix + self.properties() + pick(self.rng, "|", ">", "|-", "|+", ">-", ">+") + digit + (" # c" if self.chance(0.1) else ""), indent)
        for _ in range(self.rng.randrange(4)):
            self.out.append(" " * (indent + 2) + pick(self.rng, "text", "  more", "# no comment", "", "trail ", "a: b"))

    def value(self, prefix, indent, depth):
        kind = self.rng.randrange(10)
        tail = " " + self.rng.choice(COMMENTS) if self.chance(0.12) else ""
        if kind < 2 and depth > 0:
            self.line(prefix + self.properties().rstrip() + tail, indent)
            self.mapping(indent + pick(self.rng, 1, 2, 2, 4), depth - 1)
        elif kind < 4 and depth > 0:
            self.line(prefix + self.properties().rstrip() + tail, indent)
            self.sequence(indent + pick(self.rng, 0 if prefix.endswith(": ") else 2, 2, 4), depth - 1)
        elif kind == 4:
            self.block_text(prefix, indent)
        elif kind == 5:
            self.line(prefix + self.flow(2) + tail, indent)
        else:
            self.line(prefix + self.scalar(False) + tail, indent)

    def mapping(self, indent, depth):
        for i in range(self.rng.randrange(1, 5)):
            if self.chance(0.03) and self.anchors:
                self.line("<<: *" + self.rng.choice(self.anchors), indent)
            key = self.rng.choice(WORDS)
            key = quoted(key + str(i)) if self.chance(0.1) else self.plain(key) + (str(i) if self.chance(0.97) else "")
            self.value(("? %s\n%s: " % (key, " " * indent)) if self.chance(0.02) else key + ": ", indent, depth)

    def sequence(self, indent, depth):
        for _ in range(self.rng.randrange(1, 5)):
            if depth > 0 and self.chance(0.2):
                self.line("- " + self.plain(self.rng.choice(WORDS)) + ": " + self.scalar(False), indent)
                if self.chance(0.5):
                    self.mapping(indent + 2, depth - 1)
            elif depth > 0 and self.chance(0.1):
                self.line("- - " + self.scalar(False), indent)
            else:
                self.value("- ", indent, depth)

    def text(self):
        documents = pick(self.rng, 1, 1, 1, 1, 1, 2, 3)
        for d in range(documents):
            if d or self.chance(0.1):
                self.out.append(pick(self.rng, "---", "---", "--- # c", "...\n---"))
            self.anchors = []
            if self.chance(0.92):
                self.mapping(0, 3)
            else:
                self.sequence(0, 2)
        while self.chance(0.2):
            self.out.append(pick(self.rng, "", "# end", "  # end"))
        return ("\n".join(self.out) + pick(self.rng, "\n", "\n", "\n", "", "\n\n")).encode()


# ---- the flat formats and JSON ------------------------------------------------------------------------------------

def json_value(rng, depth):
    kind = rng.randrange(8)
    if kind == 0 and depth:
        return "[" + pick(rng, ",", ", ", ",\n  ").join(json_value(rng, depth - 1) for _ in range(rng.randrange(4))) + "]"
    if kind <= 2 and depth:
        return json_map(rng, depth - 1)
    if kind <= 5:
        s = rng.choice(SCALARS)
        out = "".join({"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\x07": "\\u0007"}.get(c, c) for c in s)
        return '"' + (out.replace("é", "\\u00e9") if rng.random() < 0.3 else out) + '"'
    return pick(rng, "1", "0", "-1", "1.0", "1.50", "1e3", "1E-7", "12345678901234567890", "1e400", "true", "false", "null", "0.1", "123456789.125")


def json_map(rng, depth):
    pairs = []
    for i in range(rng.randrange(5)):
        key = rng.choice(WORDS) + (str(i) if rng.random() < 0.95 else "")
        pairs.append('"%s"%s%s' % (key, pick(rng, ":", ": ", " : "), json_value(rng, depth)))
    return "{" + pick(rng, ",", ", ", ",\n\t").join(pairs) + "}"


def dotenv(rng):
    lines = []
    for i in range(rng.randrange(1, 7)):
        if rng.random() < 0.25:
            lines.append(pick(rng, "", " ", "\t") * rng.randrange(2) + rng.choice(COMMENTS))
        elif rng.random() < 0.1:
            lines.append("")
        else:
            value = rng.choice(SCALARS).replace("\n", "\\n").replace("\r", "")
            lines.append("%s%s=%s" % (rng.choice(WORDS), str(i) if rng.random() < 0.9 else "", pick(rng, "", "", " ") + value))
    return ("\n".join(lines) + pick(rng, "\n", "\n", "", "\n\n", "\r\n")).encode()


def ini(rng):
    lines = []
    for section in range(rng.randrange(1, 4)):
        if section or rng.random() < 0.8:
            lines.append("[%s]" % (rng.choice(WORDS) + pick(rng, str(section), "")))
        for i in range(rng.randrange(4)):
            if rng.random() < 0.25:
                lines.append(pick(rng, "; c", "# c", ";c", "; a = b", ";", "; é", "  ; in"))
            if rng.random() < 0.1:
                lines.append("")
            value = rng.choice(SCALARS).replace("\n", " ").replace("\r", "")
            if rng.random() < 0.15:
                value = pick(rng, '"%s"', "'%s'", '"""%s"""', "`%s`", "%s ; c", "%s # c", "%s \\\n more") % value
            lines.append("%s%s%s" % (rng.choice(WORDS) + str(i), pick(rng, " = ", "=", ": ", " : "), value))
    return ("\n".join(lines) + pick(rng, "\n", "\n", "", "\n\n")).encode()


def binary(rng):
    return rng.randbytes(rng.randrange(60)) if rng.random() < 0.5 else rng.choice(SCALARS).encode() * rng.randrange(4)


EXTENSIONS = {"yaml": (".yaml", ".yml"), "json": (".json",), "env": (".env",), "ini": (".ini",), "bin": (".bin", ".txt")}


class Documents:
    def __init__(self):
        self.texts = {kind: corpus(ends) for kind, ends in EXTENSIONS.items()}

    def make(self, rng, kind):
        texts = self.texts[kind]
        if texts and kind != "bin" and rng.random() < 0.5:
            return mutate(rng, rng.choice(texts), texts)
        if kind == "yaml":
            text = Yaml(rng).text()
            return mutate(rng, text, texts) if rng.random() < 0.15 else text
        if kind == "json":
            text = (json_map(rng, 3) if rng.random() < 0.95 else json_value(rng, 2)).encode() + pick(rng, b"\n", b"", b" \n")
        else:
            text = {"env": dotenv, "ini": ini, "bin": binary}[kind](rng)
        return mutate(rng, text, texts) if kind != "bin" and rng.random() < 0.1 else text
