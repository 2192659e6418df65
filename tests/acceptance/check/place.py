# SPDX-License-Identifier: Apache-2.0
"""What the checks of this suite share. Python 3.9, standard library only.

A Place is a folder with its own HOME, TMPDIR and work folder. Every run of a command that must not write (check, config, recipients,
doctor, keys) is watched: nothing in the place may change, no canary (a text that holds CANARY or was given to `secret`) may be shown.
"""
import concurrent.futures
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
KEYS = os.path.normpath(os.path.join(HERE, "..", "..", "..", "testdata", "keys"))
IDS = ["not-encrypted", "syntax", "unresolved-merge", "metadata", "hand-edited", "plain-leaf", "nothing-encrypted", "clear-by-config",
       "bad-cipher", "copied-cipher", "recipients", "config", "secret", "plain-comment", "sealed-where-clear", "rule", "aad-ambiguous",
       "stale", "secret-like", "other-format", "unknown-key", "shadowed-rule", "no-rule", "unused-rule", "cannot-open", "leaf", "mac",
       "key-entry", "nested"]
WARNINGS = {"plain-comment", "sealed-where-clear", "rule", "aad-ambiguous", "stale", "secret-like", "other-format", "unknown-key",
            "shadowed-rule", "nested"}
NOTES = {"no-rule", "unused-rule"}
READERS = {"check", "config", "recipients", "doctor", "keys"}
ENC = re.compile(r"ENC\[AES256_GCM,data:[^,\]]*,iv:[^,\]]*,tag:[^,\]]*,type:\w+\]")


def names():
    out = {}
    with open(os.path.join(KEYS, "names.env")) as f:
        for line in f:
            if "=" in line and not line.startswith("#"):
                k, v = line.rstrip("\n").split("=", 1)
                out[k] = v
    return out


WHO = names()
ALICE, BOB, CAROL = WHO["ALICE"], WHO["BOB"], WHO["CAROL"]


class Failed(Exception):
    pass


class Skip(Exception):
    pass


def level(id):
    return "warning" if id in WARNINGS else "note" if id in NOTES else "error"


def need(ok, why, *more):
    if not ok:
        raise Failed(why + (": " + "; ".join(clip(m) for m in more) if more else ""))


def same(got, want, what):
    if got != want:
        raise Failed("%s: wanted %s, got %s" % (what, clip(want), clip(got)))


def clip(x, n=700):
    t = x.decode("utf-8", "replace") if isinstance(x, bytes) else x if isinstance(x, str) else repr(x)
    return t if len(t) <= n else t[:n] + "…"


class Result:
    def __init__(self, argv, status, out, err, secs):
        self.argv, self.status, self.out, self.err, self.secs = argv, status, out, err, secs
        self.text = out.decode("utf-8", "replace")
        self.errtext = err.decode("utf-8", "replace")

    def __str__(self):
        return "%s → %s, stdout %s, stderr %s" % (" ".join(self.argv[1:]), self.status, clip(self.text), clip(self.errtext))

    def ok(self, status=0):
        if self.status != status:
            raise Failed("status %s wanted: %s" % (status, self))
        return self

    def json(self):
        try:
            return [json.loads(l) for l in self.text.split("\n") if l]
        except ValueError as e:
            raise Failed("no JSON lines (%s): %s" % (e, self))


class Place:
    def __init__(self, opts, name):
        self.opts = opts
        self.top = tempfile.mkdtemp(prefix="chk-")
        self.home, self.tmp, self.work, self.bin = (os.path.join(self.top, d) for d in ("home", "tmp", "work", "bin"))
        for d in (self.home, self.tmp, self.work, self.bin):
            os.mkdir(d)
        os.symlink(opts.sops, os.path.join(self.bin, "sops"))
        self.keyfile = os.path.join(self.top, "alice.txt")
        shutil.copy(os.path.join(KEYS, "age", "alice.txt"), self.keyfile)
        os.chmod(self.keyfile, 0o600)
        self.noconfig = os.path.join(self.top, "empty.yaml")
        open(self.noconfig, "w").close()
        self.canaries = [b"CANARY"]
        with open(self.keyfile) as f:
            self.canaries += [l.encode() for l in f.read().split("\n") if l.startswith("AGE-SECRET")]
        self.extra = {}
        self.cwd = self.work
        self.leaks = []
        self.quietly = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["chmod", "-R", "u+rwX", self.top], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.top, ignore_errors=True)

    # ---- files
    def path(self, name):
        return os.path.join(self.work, name)

    def put(self, name, text, mode=None):
        p = self.path(name)
        os.makedirs(os.path.dirname(p), exist_ok=True)
        with open(p, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
        if mode is not None:
            os.chmod(p, mode)
        return name

    def get(self, name):
        with open(self.path(name), "rb") as f:
            return f.read().decode("utf-8", "surrogateescape")

    def lines(self, name):
        return self.get(name).split("\n")

    def line_of(self, name, text):
        for no, l in enumerate(self.lines(name), 1):
            if text in l:
                return no
        raise Failed("the suite itself: no %r in %s" % (text, name))

    def secret(self, text):
        self.canaries.append(text.encode())
        return text

    def rules(self, *rules, **top):
        """.sops.yaml from texts; a rule is YAML flow or block without its dash"""
        t = "creation_rules:\n"
        for r in rules:
            t += "  - " + r.strip("\n").replace("\n", "\n    ") + "\n"
        for k, v in top.items():
            t += "%s:\n%s\n" % (k, "\n".join("  " + l for l in v.strip("\n").split("\n")))
        self.put(".sops.yaml", t)
        return t

    # ---- programs
    def env(self, **more):
        e = {"PATH": self.bin + ":/usr/local/bin:/usr/bin:/bin", "HOME": self.home, "TMPDIR": self.tmp, "LANG": "C.UTF-8", "TZ": "UTC",
             "TERM": "dumb", "SOPS_AGE_KEY_FILE": self.keyfile, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.example",
             "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.example", "GNUPGHOME": os.path.join(self.home, "none")}
        e.update(self.extra)
        e.update(more)
        return {k: v for k, v in e.items() if v is not None}

    def run(self, argv, cwd=None, stdin=b"", timeout=60, env=None):
        start = time.time()
        p = subprocess.Popen(argv, cwd=cwd or self.cwd, env=env or self.env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, start_new_session=True)
        try:
            out, err = p.communicate(stdin, timeout=timeout)
            status = p.returncode
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, err = p.communicate()
            status = "timeout"
        r = Result([os.path.basename(argv[0])] + list(argv), status, out, err, time.time() - start)
        r.argv = list(argv)
        if isinstance(status, int) and status < 0:
            raise Failed("ended by a signal: %s" % r)
        return r

    def sops(self, *args, **kw):
        env = self.env(**kw.pop("env", {}))
        cwd = kw.pop("cwd", None)
        cwd = os.path.join(self.work, cwd) if cwd else self.cwd
        words = [a for a in args if not a.startswith("-")]
        reader = kw.pop("watch", bool(words) and (words[0] in READERS or (len(words) > 1 and args[0] in ("--config",) and words[1] in READERS)))
        before = self.snapshot() if reader else None
        r = self.run([os.path.join(self.bin, "sops")] + list(args), cwd=cwd, env=env, **kw)
        if reader:
            after = self.snapshot()
            if before != after:
                raise Failed("it changed files: %s (%s)" % (sorted(k for k in set(before) | set(after) if before.get(k) != after.get(k)), r))
            for c in self.canaries:
                if c in r.out or c in r.err:
                    raise Failed("it shows a clear value (%s): %s" % (clip(c[:12]), " ".join(args)))
        return r

    def snapshot(self):
        out = {}
        for top in (self.work, self.home, self.tmp):
            for at, dirs, files in os.walk(top):
                for n in files + dirs:
                    p = os.path.join(at, n)
                    st = os.lstat(p)
                    if stat.S_ISREG(st.st_mode):
                        rel = os.path.relpath(p, self.top)
                        if "/.git/" in rel and (n == "index" or n.endswith(".lock")):
                            with open(p, "rb") as f:
                                out[rel] = hashlib.sha256(f.read()).hexdigest() if n == "index" else "lock"
                            continue
                        out[rel] = (st.st_size, st.st_mtime_ns, st.st_mode)
                    else:
                        out[os.path.relpath(p, self.top)] = stat.S_IFMT(st.st_mode)
        return out

    def git(self, *args, **kw):
        ok = kw.pop("ok", True)
        r = self.run(["git"] + list(args), **kw)
        if ok and r.status != 0:
            raise Failed("git failed: %s" % r)
        return r

    def repo(self):
        self.git("init", "-q", "-b", "main", ".")
        self.git("config", "commit.gpgsign", "false")

    def commit(self, msg="x", *paths):
        self.git("add", "-A", *(["--"] + list(paths) if paths else ["."]))
        self.git("commit", "-q", "--no-verify", "-m", msg)

    # ---- sealing
    def seal(self, name, text, *flags, recipients=ALICE, config=False):
        """a file sealed by the program, by flags only unless `config`"""
        self.put(name, text)
        pre = [] if config else ["--config", self.noconfig]
        keys = [] if config or recipients is None else ["--age", recipients]
        r = self.sops(*pre, "encrypt", *keys, *flags, "-i", name)
        if r.status != 0:
            raise Failed("cannot encrypt the test's file: %s" % r)
        return name

    def edit(self, name, old, new, count=1):
        t = self.get(name)
        if old not in t:
            raise Failed("the suite itself: no %r in %s" % (old, name))
        self.put(name, t.replace(old, new, count))

    def sub(self, name, pattern, new, count=1):
        t = self.get(name)
        out, n = re.subn(pattern, new, t, count=count, flags=re.M)
        if not n:
            raise Failed("the suite itself: nothing fits %r in %s" % (pattern, name))
        self.put(name, out)

    # ---- findings
    def check(self, *args, status=None, **kw):
        """runs `check --format json`; -> Findings"""
        args = list(args)
        pre = []
        while args and args[0] == "--config":
            pre += args[:2]
            args = args[2:]
        r = self.sops(*pre, "check", "--format", "json", *args, **kw)
        f = Findings(r)
        if status is not None and r.status != status:
            raise Failed("status %s wanted: %s" % (status, r))
        return f


class Findings:
    def __init__(self, r):
        self.r = r
        rows = r.json()
        if not rows or "summary" not in rows[-1]:
            raise Failed("no summary at the end: %s" % r)
        self.rows, self.summary = rows[:-1], rows[-1]["summary"]
        for x in self.rows:
            if x.get("schema") != 1 or x.get("id") not in IDS or x.get("level") != level(x["id"]):
                raise Failed("a malformed finding %s" % x)
            if not x.get("message") or not x.get("file"):
                raise Failed("a finding without message or file: %s" % x)

    def have(self, *want, only=True):
        """want: tuples (id, file[, line[, path]]); None is anything"""
        got = [(x["id"], x["file"], x.get("line", 0), x.get("path", "")) for x in self.rows]
        left = list(got)
        missing = []
        for w in want:
            hit = next((g for g in left if all(a is None or a == b for a, b in zip(w, g))), None)
            if hit is None:
                missing.append(w)
            else:
                left.remove(hit)
        if missing or (only and left):
            raise Failed("findings: missing %s%s (%s)" % (missing, ", too many %s" % left if only and left else "", clip(str(self.r))))
        return self

    def none(self):
        return self.have()

    def ids(self):
        return [x["id"] for x in self.rows]

    def of(self, id):
        hits = [x for x in self.rows if x["id"] == id]
        if not hits:
            raise Failed("no %s: %s" % (id, self.r))
        return hits[0]

    def says(self, id, *texts):
        x = self.of(id)
        for t in texts:
            if t not in x["message"] and t not in x.get("help", ""):
                raise Failed("%s does not name %r: %s" % (id, t, x))
        return self


# ---- the runner -----------------------------------------------------------------------------------------------------
def work_one(job):
    name, fn, opts = job
    start = time.time()
    try:
        with Place(opts, name) as p:
            fn(p)
        return name, "ok", "", time.time() - start
    except Skip as e:
        return name, "skip", str(e), time.time() - start
    except Failed as e:
        return name, "FAIL", str(e), time.time() - start
    except Exception as e:
        return name, "FAIL", "the suite stumbled: %s" % "".join(traceback.format_exception_only(type(e), e)).strip() + " at " + \
            "; ".join("%s:%d" % (f.name, f.lineno) for f in traceback.extract_tb(e.__traceback__)[-3:]), time.time() - start


_JOBS = []


def work_index(i):
    return work_one(_JOBS[i])


def run_all(checks, opts):
    global _JOBS
    _JOBS = [(n, f, opts) for n, f in checks]
    passed = failed = skipped = 0
    reasons = []
    with concurrent.futures.ProcessPoolExecutor(max_workers=opts.jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        for name, what, why, secs in pool.map(work_index, range(len(_JOBS))):
            if what == "ok":
                passed += 1
                if opts.verbose:
                    print("ok   %s (%.1f s)" % (name, secs))
            elif what == "skip":
                skipped += 1
                print("skip %s: %s" % (name, why))
            else:
                failed += 1
                print("FAIL %s: %s" % (name, " ".join(why.split("\n"))))
            sys.stdout.flush()
    print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % skipped if skipped else ""))
    return 1 if failed or not passed else 0
