# SPDX-License-Identifier: Apache-2.0
"""What the checks share: a folder of its own for each, the program run in it, texts compared with their ciphertexts masked."""
import difflib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTDATA = os.path.normpath(os.path.join(HERE, "..", "..", "..", "testdata"))
KEYS = os.path.join(TESTDATA, "keys")
TIMEOUT = 30
PEOPLE = dict(l.strip().split("=", 1) for l in open(os.path.join(KEYS, "names.env")) if re.match(r"[A-Z_0-9]+=", l))
ALICE, BOB = PEOPLE["ALICE"], PEOPLE["BOB"]
ENC = r"ENC\[AES256_GCM,data:([A-Za-z0-9+/=]+),iv:([A-Za-z0-9+/=]+),tag:([A-Za-z0-9+/=]+),type:(\w+)\]"
LETTER = {"str": "E", "int": "I", "float": "F", "bool": "B", "time": "T", "comment": "C"}

CHECKS = []
PEERS = {}


class Bad(AssertionError):
    pass


class Skip(Exception):
    pass


def check(f):
    CHECKS.append((f.__name__.replace("_", "-"), f))
    return f


def want(got, expected, what):
    if got != expected:
        raise Bad("%s: got %r, wanted %r" % (what, got, expected))


def must(ok, what):
    if not ok:
        raise Bad(what)


def mask(text):
    """ENC[…] becomes one letter for its type, a spelling becomes ~"""
    if isinstance(text, bytes):
        text = text.decode("utf8", "surrogateescape")
    return re.sub(ENC + r"(~[A-Za-z0-9+/]+=*)?", lambda m: LETTER.get(m[4], "?") + ("~" if m[5] else ""), text)


def ciphers(text):
    if isinstance(text, bytes):
        text = text.decode("utf8", "surrogateescape")
    return [m[0] for m in re.finditer(ENC + r"(~[A-Za-z0-9+/]+=*)?", text)]


def body(text, form="yaml"):
    """the text without its metadata, as the chapter says where it stands"""
    t = text.decode("utf8", "surrogateescape") if isinstance(text, bytes) else text
    if form == "yaml":
        nl = r"(?:\r\n|\n|\r)"
        open_end = not re.search(r"[\r\n]\Z", t)
        t, n = re.subn(r"(?:^|(?<=[\r\n]))( *)sops:" + nl + r"(?:\1 +[^\r\n]*(?:" + nl + r"|\Z)|" + nl + ")*", "", t)
        if n and open_end:
            t = re.sub(nl + r"\Z", "", t)
        if not n:
            t, n = re.subn(r',? ?"sops": ?\{.*"version": ?"[^"]*"\}', "", t)
        must(n, "no entry sops in %r" % t[:300])
        return t
    if form == "json":
        t, n = re.subn(r',?\s*"sops":\s*\{.*"version":\s*"[^"]*"\s*\}', "", t, flags=re.S)
        must(n == 1, "no entry sops in %r" % t[:300])
        return t
    open_end = not t.endswith("\n")
    if form == "dotenv":
        must(re.search(r"(?m)^sops_mac=", t), "no metadata in %r" % t[:300])
        t = re.sub(r"(?m)^sops_.*(\n|\Z)", "", t)
    else:
        t, n = re.subn(r"(?ms)(?:^\r?\n)?^\[sops\].*\Z", "", t)
        must(n == 1, "no [sops] in %r" % t[:300])
    return re.sub(r"\r?\n\Z", "", t) if open_end else t


class Ran:
    def __init__(self, argv, rc, out, err):
        self.argv, self.rc, self.out, self.err = argv, rc, out, err

    @property
    def said(self):
        return self.err.decode("utf8", "replace")

    @property
    def text(self):
        return self.out.decode("utf8", "surrogateescape")

    def __str__(self):
        return "%s: status %d, %r" % (" ".join(map(str, self.argv[1:]))[:140], self.rc, (self.said or self.text)[-300:])


class Box:
    """a folder, a HOME, alice's key"""

    def __init__(self, o, name):
        self.o = o
        self.dir = tempfile.mkdtemp(prefix="sops-written-")
        self.home, self.work, self.tmp = (os.path.join(self.dir, d) for d in ("home", "work", "tmp"))
        for d in (self.home, self.work, self.tmp):
            os.mkdir(d)
        self.env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": self.home, "TMPDIR": self.tmp, "LC_ALL": "C.UTF-8", "SOPS_AGE_KEY_FILE": os.path.join(KEYS, "age", "alice.txt")}
        self.ran = []
        self.quote = False

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, text, mode=None):
        p = self.path(name)
        os.makedirs(os.path.dirname(p), exist_ok=True)
        with open(p, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode("utf8", "surrogateescape"))
        if mode is not None:
            os.chmod(p, mode)
        return p

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def text(self, name):
        return self.read(name).decode("utf8", "surrogateescape")

    def call(self, argv, input=None, env=None, rc=0, cwd=None, timeout=TIMEOUT, memory=None):
        e = dict(self.env)
        for k, v in (env or {}).items():
            if v is None:
                e.pop(k, None)
            else:
                e[k] = v
        if isinstance(input, str):
            input = input.encode("utf8", "surrogateescape")
        p = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=e, cwd=cwd or self.work, start_new_session=True)
        if memory and hasattr(resource, "prlimit"):
            resource.prlimit(p.pid, resource.RLIMIT_AS, (memory, memory))
        try:
            out, err = p.communicate(input if input is not None else b"", timeout)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.communicate()
            raise Bad("%s: no end after %d s" % (" ".join(map(str, argv[1:]))[:120], timeout))
        r = Ran(argv, p.returncode, out, err)
        self.ran.append(r)
        if r.rc < 0:
            raise Bad("ended by signal %d: %s" % (-r.rc, r))
        if rc is not None and r.rc != rc:
            raise Bad("status %d wanted: %s" % (rc, r))
        return r

    def sops(self, *args, **kw):
        return self.call([self.o.sops] + list(args), **kw)

    def reference(self, *args, **kw):
        return self.call([self.o.reference] + list(args), memory=6 << 30, **kw)  # it may take all there is

    # ---- what most checks do

    def seal(self, name, clear, *flags, preserve=True, rc=0, env=None):
        """the text sealed from a file `name`; the file then holds the sealed text"""
        self.write(name, clear)
        f = list(flags)
        if not any(x in f for x in ("--age", "--config")) and not os.path.exists(self.path(".sops.yaml")):
            f += ["--age", ALICE]
        r = self.sops("encrypt", *(["--preserve-style"] if preserve else []), *f, name, rc=rc, env=env)
        if rc == 0:
            self.write(name, r.out)
            self.write("clear-of-" + name, clear)
        return r.text

    def open(self, name, *flags, preserve=True, rc=0):
        return self.sops("decrypt", *(["--preserve-style"] if preserve else []), *flags, name, rc=rc).text

    def trip(self, name, clear, masked=None, *flags, form=None, quiet=True, obj=None, **kw):
        """sealed as said, back as it was, and the reference agrees"""
        form = form or {"yaml": "yaml", "json": "json", "env": "dotenv", "ini": "ini", "toml": "toml"}[name.rsplit(".", 1)[1]]
        clear = clear if isinstance(clear, str) else clear.decode("utf8", "surrogateescape")
        sealed = self.seal(name, clear, *flags, **kw)
        said = self.ran[-1].said
        if quiet:
            must("style" not in said, "a warning: %r" % said[:300])
        if masked is not None:
            want(mask(body(sealed, form)), masked, "sealed")
        back = self.open(name)
        want(back, clear, "decrypted")
        if form != "toml":
            self.agree(name, clear, form, obj, *flags)
        elif obj is not None:
            want(json.loads(self.sops("decrypt", "--output-type", "json", name).text), obj, "as JSON")
        return sealed

    def agree(self, name, clear, form, obj=None, *flags):
        """values as without preserve style, here and in the reference"""
        ot = "ini" if form == "ini" else "json"
        mine = self.sops("decrypt", "--preserve-style=false", "--input-type", form, "--output-type", ot, name).text
        if obj is not None:
            want(json.loads(mine), obj, "values")
        if not self.o.reference:
            return
        r = self.reference("decrypt", "--input-type", form, "--output-type", ot, name)
        if ot == "json" and self.quote:  # there clear values have their quotes, and names what stands in front
            name = lambda k: re.sub(r"^\s*(export\s+)?", "", k).strip()
            part = lambda t: {name(k): v for k, v in json.loads(t).items() if not k.endswith("_unencrypted")}
            want(part(r.text), part(mine), "values in the reference")
        elif ot == "json":
            want(json.loads(r.text), json.loads(mine), "values in the reference")
        else:
            strip = lambda t: [l for l in t.split("\n") if l and l[0] not in ";#"]
            want(strip(r.text), strip(mine), "values in the reference")

    def changed(self, before, after, form="yaml"):
        """lines taken away and added, ciphertexts masked, the metadata's own lines left out"""
        drop = re.compile(r'^\s*"?(sops_)?(mac|lastmodified)"?\s*[:=]')
        a, b = before.split("\n"), after.split("\n")
        out = []
        for op, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
            if op != "equal":
                out += [c + mask(l) for c, ls in (("-", a[i:j]), ("+", b[k:m])) for l in ls if not drop.match(l)]
        return out

    def clean(self, *secrets):
        """no secret in what was said or left behind"""
        for s in secrets:
            s = s.encode() if isinstance(s, str) else s
            for r in self.ran:
                if s in r.err:
                    raise Bad("%r in a message: %r" % (s, r.err[-300:]))
                if r.rc and s in r.out:
                    raise Bad("%r on stdout of a failing command" % s)
            for d, _, fs in os.walk(self.tmp):
                for f in fs:
                    if s in open(os.path.join(d, f), "rb").read():
                        raise Bad("%r left in %s" % (s, f))


def config(box, stores="", rules=None):
    box.write(".sops.yaml", "creation_rules:\n" + (rules or "  - age: %s\n" % ALICE) + ("stores: %s\n" % stores if stores else ""))


def peer(name):
    p = PEERS.get(name)
    if not p:
        raise Skip("no %s (see README.md)" % name)
    return p
