# SPDX-License-Identifier: Apache-2.0
"""What the checks of this suite share: a folder of its own for each check, programs run in it, and what must never be found afterwards."""
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = os.path.join(HERE, "..", "..", "..", "testdata", "keys")
TIMEOUT = 30
CANARY = b"kanari"  # every secret value of these checks holds this word
ENC = re.compile(rb"ENC\[AES256_GCM,data:[A-Za-z0-9+/=]+,iv:([A-Za-z0-9+/=]+),tag:[A-Za-z0-9+/=]+,type:\w+\]")
PEOPLE = {}
for _line in open(os.path.join(KEYS, "names.env")):
    _m = re.match(r"([A-Z_0-9]+)=(.*)", _line)
    if _m:
        PEOPLE[_m[1]] = _m[2].strip()
ALICE, BOB, CAROL = PEOPLE["ALICE"], PEOPLE["BOB"], PEOPLE["CAROL"]

CHECKS = []  # (name, function, needs)


def check(*needs):
    """A check is a function of a Box. needs: "git2" (a second git), "reference", "gpg", "pty"."""
    def add(f):
        CHECKS.append((f.__name__.replace("_", "-"), f, needs))
        return f
    return add


class Bad(AssertionError):
    pass


class Ran:
    def __init__(self, argv, rc, out, err):
        self.argv, self.rc, self.out, self.err = argv, rc, out, err
        self.text, self.said = out.decode("utf8", "replace"), err.decode("utf8", "replace")

    def __str__(self):
        shown = " ".join(os.path.basename(a) if "/" in a else a for a in self.argv)
        return "%s: status %d, stderr %r" % (shown[:120], self.rc, self.said[-300:])


def want(got, expected, what):
    if got != expected:
        raise Bad("%s: %r, not %r" % (what, got, expected))


def need(fact, why):
    if not fact:
        raise Bad(str(why))


class Box:
    """A work folder `dir` (a git repository after `init`), a HOME, a TMPDIR, and `sops` on PATH."""

    def __init__(self, options, name):
        self.o, self.name = options, name
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="sops-git-"))
        self.dir, self.home, self.tmp, self.bin = (os.path.join(self.top, x) for x in ("work", "home", "tmp", "bin"))
        for d in (self.dir, self.home, self.tmp, self.bin):
            os.mkdir(d)
        os.symlink(options.sops, os.path.join(self.bin, "sops"))
        self.env = {
            "PATH": self.bin + os.pathsep + os.environ["PATH"], "HOME": self.home, "TMPDIR": self.tmp, "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.path.join(self.home, ".gitconfig"), "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
            "GIT_EDITOR": "true", "GIT_PAGER": "cat", "GIT_ADVICE": "0", "SOPS_AGE_KEY_FILE": self.identity("alice"),
            "SOPS_DISABLE_VERSION_CHECK": "true",
        }
        for k in os.environ:
            if k.startswith(("ASAN_", "UBSAN_", "LSAN_")):
                self.env[k] = os.environ[k]
        self.said = []         # (what, bytes) in which no canary may stand
        self.clear_ok = set()  # names below dir that may hold clear text
        self.history_clear = False

    # ---- people and files ----
    @staticmethod
    def identity(who):
        return os.path.realpath(os.path.join(KEYS, "age", who + ".txt"))

    def path(self, *p):
        return os.path.join(self.dir, *p)

    def read(self, *p):
        with open(self.path(*p), "rb") as f:
            return f.read()

    def write(self, name, data, mode=None):
        p = self.path(name)
        os.makedirs(os.path.dirname(p), exist_ok=True)
        with open(p, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        if mode:
            os.chmod(p, mode)
        return p

    def script(self, name, text):
        p = os.path.join(self.bin, name)
        with open(p, "w") as f:
            f.write(text)
        os.chmod(p, 0o755)
        return p

    # ---- programs ----
    def run(self, argv, input=b"", rc=0, who=None, env=None, cwd=None, show=False, timeout=TIMEOUT):
        e = dict(self.env)
        if who is not None:
            e["SOPS_AGE_KEY_FILE"] = self.identity(who) if who else os.path.join(self.top, "nobody")
        e.update(env or {})
        p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=e,
                             cwd=cwd or self.dir, start_new_session=True)
        try:
            out, err = p.communicate(input if isinstance(input, bytes) else input.encode(), timeout)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.communicate()
            raise Bad("%s: no end after %d s" % (" ".join(argv)[:120], timeout))
        r = Ran(argv, p.returncode, out, err)
        self.said.append(("stderr of " + " ".join(argv)[:100], err))
        if p.returncode != 0 and not show:
            self.said.append(("stdout of the failing " + " ".join(argv)[:100], out))
        if rc is not None and p.returncode != rc and not (isinstance(rc, tuple) and p.returncode in rc):
            raise Bad("%s (wanted status %s)" % (r, rc))
        if p.returncode < 0:
            raise Bad("%s: ended by signal %d" % (" ".join(argv)[:120], -p.returncode))
        return r

    def sops(self, *args, **kw):
        return self.run(["sops"] + list(args), **kw)

    def git(self, *args, **kw):
        return self.run(["git"] + list(args), **kw)

    def reference(self, *args, **kw):
        return self.run([self.o.reference] + list(args), **kw)

    # ---- repositories ----
    def init(self, where=None, install=True, attributes="*.enc.* merge=sops diff=sops\n"):
        self.git("init", "-q", "-b", "main", where or ".")
        if attributes:
            self.write(".gitattributes", attributes)
        if install:
            self.sops("git", "install")
            if attributes:
                self.write(".gitattributes", attributes)
        return self

    def seal(self, name, text, *args, to=(ALICE,), kind=None):
        """Encrypts `text` into the file `name`."""
        more = ["--input-type", kind, "--output-type", kind] if kind else []
        r = self.sops("encrypt", "--age", ",".join(to), "--filename-override", name, *args, *more, input=text)
        self.write(name, r.out)
        return r.out

    def commit(self, message="c"):
        self.git("add", "-A", timeout=120)
        self.git("commit", "-q", "--allow-empty", "-m", message, timeout=120)

    def fork(self, ours, theirs, base=None, merge=True, rc=0):
        """base() is committed, then theirs() on branch topic and ours() on main; then topic is merged."""
        if base:
            base()
        self.commit("base")
        self.git("tag", "base")
        self.git("checkout", "-q", "-b", "topic")
        theirs()
        self.commit("theirs")
        self.git("tag", "theirs")
        self.git("checkout", "-q", "main")
        ours()
        self.commit("ours")
        self.git("tag", "ours")
        return self.git("merge", "-q", "--no-edit", "topic", rc=rc) if merge else None

    def versions(self, name):
        """The file at the base, in ours, in theirs."""
        return [self.git("cat-file", "blob", rev + ":" + name).out for rev in ("base", "ours", "theirs")]

    def set(self, name, path, value, **kw):
        """`value` is a text, or the JSON of a mapping."""
        self.sops("set", name, path, value if value[:1] == "{" else json.dumps(value), **kw)

    def edit(self, name, text, **kw):
        """Puts clear text into the encrypted file, with `cp` as editor."""
        self.write("../new-text", text)
        self.sops("edit", name, env={"SOPS_EDITOR": "cp " + os.path.join(self.top, "new-text")}, **kw)
        os.unlink(os.path.join(self.top, "new-text"))

    def clear(self, name, who=None, kind=None):
        return self.sops("decrypt", *(["--output-type", kind] if kind else []), name, who=who).out

    def tree(self, name, who=None):
        """What is in it, as Python has JSON; also judged by the reference, where one is given."""
        out = self.clear(name, who, "json")
        if self.o.reference:
            ref = self.reference("decrypt", "--output-type", "json", name, who=who).out
            want(json.loads(ref), json.loads(out), "the reference reads %s" % name)
        return json.loads(out)

    def driver(self, base, ours, theirs, name="f.enc.yaml", size="7", labels=(), rc=0, **kw):
        """The merge driver, called as git does. Gives what it left in the file of ours."""
        for n, data in ((".merge_o", base), (".merge_a", ours), (".merge_b", theirs)):
            self.write(n, data)
        self.last = self.sops("git", "merge-driver", ".merge_o", ".merge_a", ".merge_b", size, name, *labels, rc=rc, **kw)
        got = self.read(".merge_a")
        want(self.read(".merge_o"), base, "the file of the base after the driver")
        want(self.read(".merge_b"), theirs, "the file of theirs after the driver")
        for n in (".merge_o", ".merge_a", ".merge_b"):
            os.unlink(self.path(n))
        return got

    # ---- the end ----
    def finish(self):
        for what, data in self.said:
            if CANARY in data:
                raise Bad("a secret value stands in the %s" % what)
        left = [os.path.join(d, f) for d, _, fs in os.walk(self.tmp) for f in fs]
        left += [d for d, ds, _ in os.walk(self.tmp) if d != self.tmp and not d.startswith(os.path.join(self.tmp, "gpg"))]
        need(not left, "left in TMPDIR: %s" % left[:3])
        for d, dirs, files in os.walk(self.dir):
            if ".git" in dirs:
                dirs.remove(".git")
                self.objects(os.path.join(d, ".git"))
            for f in files:
                p = os.path.join(d, f)
                rel = os.path.relpath(p, self.dir)
                need(not f.startswith((".sops-", ".merge_")), "left in the work folder: %s" % rel)
                if rel not in self.clear_ok and stat.S_ISREG(os.lstat(p).st_mode):
                    with open(p, "rb") as h:
                        need(CANARY not in h.read(), "clear text stands in %s" % rel)

    def objects(self, gitdir):
        if not self.history_clear and os.path.isdir(gitdir):
            r = subprocess.run(["git", "--git-dir", gitdir, "cat-file", "--batch-all-objects", "--batch"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, env=self.env, cwd=self.dir)
            need(CANARY not in r.stdout, "clear text stands in an object of git")

    def remove(self):
        shutil.rmtree(self.top, ignore_errors=True)


# ---- looking into encrypted text ----------------------------------------------------------------------------------

def line(data, key):
    """The first line of the key (as it is written in YAML, JSON, dotenv or INI)."""
    for x in data.splitlines():
        if re.match(rb'[\s\-]*"?' + re.escape(key.encode()) + rb'"?\s*[:=]', x):
            return x
    raise Bad("no line of %s" % key)


def body(data):
    """The lines without the metadata (YAML)."""
    return data.split(b"\nsops:\n")[0].splitlines()


def stanzas(data):
    """The age entries of a YAML file: recipient to text of the entry."""
    got = {}
    block = re.search(rb"\n    age:\n((?:        .*\n)+)", data)
    for item in re.split(rb"(?m)^        - ", block[1])[1:] if block else []:
        r = re.search(rb"recipient: (\S+)", item)
        got[r[1].decode()] = item
    return got


def recipients(data):
    return sorted(stanzas(data))


def graft(data, stanza):
    """The file with `stanza` (from another version of it) as its only age entry."""
    return re.sub(rb"(\n    age:\n)(?:        .*\n)+", lambda m: m[1] + b"        - " + stanza, data)


def opens_by(box, data, stanza, who):
    """Does the data key that `stanza` holds open the values of `data`? (What somebody who kept an old version can do.)"""
    box.write("../graft.enc.yaml", graft(data, stanza))
    p = os.path.join(box.top, "graft.enc.yaml")
    r = box.sops("decrypt", "--ignore-mac", p, who=who, rc=None, show=True)
    os.unlink(p)
    return r.rc == 0


def no_nonce_twice(*versions):
    """One nonce, one ciphertext: over all versions of a file together."""
    seen = {}
    for v in versions:
        for m in ENC.finditer(v):
            if seen.setdefault(m[1], m[0]) != m[0]:
                raise Bad("a nonce was used for two texts")


def sections(data):
    """[(ours, theirs)] between conflict markers, as lists of lines; and the lines outside."""
    got, outside, at = [], [], 0
    for x in data.splitlines():
        if re.match(rb"<{7,} ", x):
            need(at == 0, "a section opens inside a section")
            at, pair = 1, ([], [])
        elif re.match(rb"={7,}$", x) and at == 1:
            at = 2
        elif re.match(rb">{7,} ", x) and at == 2:
            at = 0
            got.append(pair)
        elif at:
            pair[at - 1].append(x)
        else:
            outside.append(x)
    need(at == 0, "a section does not end")
    return got, outside


def pick(data, choices):
    """The text with one section kept of each pair: choices is a string of o and t."""
    out, at, i = [], 0, 0
    for x in data.splitlines(True):
        s = x.rstrip(b"\n")
        if re.match(rb"<{7,} ", s):
            at = 1
        elif re.match(rb"={7,}$", s) and at == 1:
            at = 2
        elif re.match(rb">{7,} ", s) and at == 2:
            at, i = 0, i + 1
        elif at == 0 or choices[i % len(choices)] == ("o" if at == 1 else "t"):
            out.append(x)
    return b"".join(out)
