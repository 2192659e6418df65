# SPDX-License-Identifier: Apache-2.0
"""What the checks of this suite and of others like it stand on: a folder, an environment, and a watch for secrets."""
import argparse
import base64
import concurrent.futures
import fnmatch
import functools
import http.server
import json
import os
import re
import shutil
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = os.path.join(HERE, "keys")
SHARED_KEYS = os.path.join(HERE, "..", "..", "..", "testdata", "keys")
ALICE_FILE = os.path.abspath(os.path.join(SHARED_KEYS, "age", "alice.txt"))
BOB_FILE = os.path.abspath(os.path.join(SHARED_KEYS, "age", "bob.txt"))
TIMEOUT = 40

import model as m  # noqa: E402


def recipient(path):
    with open(path) as f:
        return re.search(r"age1\S+", f.read())[0]


ALICE, BOB = recipient(ALICE_FILE), recipient(BOB_FILE)
CANARY = "canary" + os.urandom(6).hex()


def pem(name):
    with open(os.path.join(KEYS, name)) as f:
        return f.read()


@functools.lru_cache(None)
def key(name):
    return m.Key(pem(name + ".key"))


@functools.lru_cache(None)
def fp(name):
    return m.fingerprint(pem(name + ".pem"))


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


class Result:
    def __init__(self, args, rc, out, err):
        self.args, self.rc, self.out_b, self.err_b = args, rc, out, err
        self.out, self.err = out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    def __str__(self):
        return "%s\n      status %d\n      stdout %r\n      stderr %r" % (
            " ".join(self.args), self.rc, self.out[:600], self.err[:900])


class Check:
    """One check at work: its own folder, HOME and environment."""

    def __init__(self, opt, name):
        self.opt, self.name = opt, name
        self.top = tempfile.mkdtemp(prefix="seal-")
        self.dir = os.path.join(self.top, "w")
        for d in ("w", "home", "tmp", "bin"):
            os.mkdir(os.path.join(self.top, d))
        self.bin = os.path.join(self.top, "bin")
        os.symlink(os.path.abspath(opt.sops), os.path.join(self.bin, "kubeseal"))
        self.env = {"HOME": os.path.join(self.top, "home"), "TMPDIR": os.path.join(self.top, "tmp"),
                    "PATH": self.bin + ":" + os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8",
                    "SOPS_AGE_KEY_FILE": ALICE_FILE, "SOPS_DISABLE_VERSION_CHECK": "true"}
        for k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH", "PROTO_SOPS", "PROTO_BUG", "GOCOVERDIR"):
            if k in os.environ:
                self.env[k] = os.environ[k]
        self.clear = set()  # files that may hold the canary
        self.servers = []

    # -- running

    def run(self, *args, input=None, env=None, cwd=None, prog=None):
        e = dict(self.env)
        e.update(env or {})
        e = {k: v for k, v in e.items() if v is not None}
        args = [str(a) for a in args]
        data = input.encode() if isinstance(input, str) else input
        try:
            p = subprocess.run([prog or self.opt.sops] + args, input=b"" if data is None else data, env=e,
                               cwd=os.path.join(self.dir, cwd or "."), capture_output=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise Failed("no end after %d s: %s" % (TIMEOUT, " ".join(args)))
        r = Result([os.path.basename(prog or "sops")] + args, p.returncode, p.stdout, p.stderr)
        if prog is None or prog == self.link:
            if p.returncode < 0 or p.returncode > 203:
                raise Failed("ended by a signal, or a strange status: %s" % r)
            if "Sanitizer" in r.err or "runtime error:" in r.err or "Traceback (most" in r.err or "panic:" in r.err:
                raise Failed("sanitizer: %s" % r)
            self.no_canary(r)
        return r

    @property
    def link(self):
        return os.path.join(self.bin, "kubeseal")

    def no_canary(self, r):
        places = [("stderr", r.err_b)] + ([("stdout of a failing command", r.out_b)] if r.rc else [])
        for where, data in places:
            if CANARY.encode() in data or base64.b64encode(CANARY.encode())[:12] in data:
                raise Failed("a clear value on %s: %s" % (where, r))

    def ok(self, *args, **kw):
        r = self.run(*args, **kw)
        if r.rc != 0:
            raise Failed("should work: %s" % r)
        return r

    def bad(self, rc, *args, has=(), hasnt=(), silent=True, **kw):
        """Must end with status `rc` (or one of them), say what `has` says, and print nothing on stdout."""
        r = self.run(*args, **kw)
        want = rc if isinstance(rc, tuple) else (rc,)
        if r.rc not in want:
            raise Failed("status %d and not %s: %s" % (r.rc, "/".join(map(str, want)), r))
        if silent and r.out:
            raise Failed("stdout of a failing command: %s" % r)
        for w in [has] if isinstance(has, str) else has:
            if w.lower() not in r.err.lower():
                raise Failed("stderr does not name %r: %s" % (w, r))
        for w in hasnt:
            if w in r.err:
                raise Failed("stderr holds %r: %s" % (w, r))
        return r

    def kubeseal(self, *args, **kw):
        return self.run(*args, prog=self.link, **kw)

    def kubeseal_ok(self, *args, **kw):
        r = self.kubeseal(*args, **kw)
        if r.rc != 0:
            raise Failed("should work: %s" % r)
        return r

    def peer(self, *args, **kw):
        if not self.opt.kubeseal:
            raise Skipped("no kubeseal")
        e = dict(kw.pop("env", None) or {})
        return self.run(*args, prog=self.opt.kubeseal, env=e, **kw)

    # -- files

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data, mode=None, clear=True):
        p = self.path(name)
        os.makedirs(os.path.dirname(p), exist_ok=True)
        with open(p, "wb") as f:
            f.write(data.encode() if isinstance(data, str) else data)
        if mode is not None:
            os.chmod(p, mode)
        if clear:
            self.clear.add(os.path.realpath(p))
        return name

    def read(self, name):
        try:
            with open(self.path(name), "rb") as f:
                return f.read().decode("utf-8", "replace")
        except OSError as e:
            raise Failed("%s: %s" % (name, e.strerror))

    def exists(self, name):
        return os.path.lexists(self.path(name))

    def keys(self, *names):
        """Puts test keys and certificates into the work folder; private ones are for the owner only."""
        for n in names:
            self.write(n, pem(n), 0o600 if n.endswith(".key") else None)

    def enc(self, name, text, *flags, rx="^(data|stringData)$", age=ALICE, kind=None):
        """An encrypted file, made by the program under test."""
        tmp = "clear-" + os.path.basename(name)
        self.write(tmp, text)
        crypt = ["--encrypted-regex", rx] if rx else []
        types = ["--input-type", kind, "--output-type", kind] if kind else []
        conf = self.write("none.yaml", "")
        r = self.ok("--config", conf, "encrypt", "--age", age, *crypt, *types, *flags, tmp)
        os.remove(self.path(tmp))
        os.remove(self.path(conf))
        self.write(name, r.out_b, clear=False)
        return name

    def sealed(self, name, key_name="dev", ns=None, i=0):
        """The items of SealedSecret number i of a file, opened by the model."""
        return self.opened(self.read(name), key_name, ns, i)

    def opened(self, text, key_name="dev", ns=None, i=0):
        docs = self.load(text)
        if len(docs) <= i:
            raise Failed("no document %d in %r" % (i + 1, text[:300]))
        return m.open_object(key(key_name), docs[i], ns)

    def load(self, text):
        try:
            return m.load(text)
        except (ValueError, KeyError, IndexError) as e:
            raise Failed("cannot be read (%s): %r" % (e, text[:400]))

    def expect(self, cond, why, *more):
        if not cond:
            raise Failed(why + "".join("\n      %s" % x for x in more))

    def same(self, got, want, what="result"):
        if got != want:
            raise Failed("%s differs\n      got  %r\n      want %r" % (what, got, want))

    def lines(self, r):
        try:
            return [json.loads(x) for x in r.out.splitlines()]
        except ValueError:
            raise Failed("no JSON Lines: %s" % r)

    # -- servers and programs

    def serve(self, answer, tls=False):
        """`answer(method, path, body)` gives (status, headers, body). Returns the URL."""
        seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *a):
                pass

            def go(self):
                if self.headers.get("transfer-encoding", "") == "chunked":
                    body = b""
                    while True:
                        n = int(self.rfile.readline(), 16)
                        body += self.rfile.read(n)
                        self.rfile.readline()
                        if n == 0:
                            break
                else:
                    body = self.rfile.read(int(self.headers.get("content-length") or 0))
                seen.append((self.command, self.path, body))
                status, headers, data = answer(self.command, self.path, body)
                self.send_response(status)
                for k, v in headers.items():
                    self.send_header(k, v)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = go

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        srv = Server(("127.0.0.1", 0), Handler)
        if tls:
            ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ctx.load_cert_chain(os.path.join(KEYS, "https-server.pem"))
            srv.socket = ctx.wrap_socket(srv.socket, server_side=True)
        threading.Thread(target=srv.serve_forever, daemon=True).start()
        self.servers.append(srv)
        self.seen = seen
        return "%s://127.0.0.1:%d" % ("https" if tls else "http", srv.server_address[1])

    def program(self, name, text):
        p = os.path.join(self.bin, name)
        with open(p, "w") as f:
            f.write(text)
        os.chmod(p, 0o755)

    def state(self, name):
        st = os.stat(self.path(name))
        return st.st_ino, st.st_mtime_ns, self.read(name)

    # -- the end

    def leaks(self):
        # the folders of work, home and temporary files; bin holds what the check itself put there
        needles = [CANARY.encode(), base64.b64encode(CANARY.encode())[:12]]
        for top in ("w", "home", "tmp"):
            for d, _, files in os.walk(os.path.join(self.top, top)):
                for f in files:
                    p = os.path.join(d, f)
                    if os.path.realpath(p) in self.clear or os.path.islink(p) or not os.path.isfile(p):
                        continue
                    with open(p, "rb") as fh:
                        data = fh.read()
                    if any(n in data for n in needles):
                        raise Failed("a clear value in the file %s" % os.path.relpath(p, self.top))
        left = [f for f in os.listdir(os.path.join(self.top, "tmp"))]
        if left:
            raise Failed("left in TMPDIR: %s" % left)

    def close(self):
        for s in self.servers:
            s.shutdown()
            s.server_close()
        for d, dirs, _ in os.walk(self.top):
            for x in dirs:
                p = os.path.join(d, x)
                if not os.path.islink(p):
                    os.chmod(p, 0o755)
        shutil.rmtree(self.top, ignore_errors=True)


CHECKS = []


def check(name):
    def put(fn):
        CHECKS.append((name, fn))
        return fn
    return put


def cases(name, rows):
    """One check for each row: the first field is the end of its name, the others are arguments."""
    def put(fn):
        for row in rows:
            CHECKS.append(("%s/%s" % (name, row[0]), lambda t, row=row: fn(t, *row[1:])))
        return fn
    return put


def one(opt, name, fn):
    t = Check(opt, name)
    start = time.time()
    try:
        fn(t)
        t.leaks()
        return name, "ok", "", time.time() - start
    except Failed as e:
        return name, "FAIL", str(e), time.time() - start
    except Skipped as e:
        return name, "skip", str(e), time.time() - start
    except Exception:
        return name, "FAIL", "the check itself: " + traceback.format_exc(limit=4), time.time() - start
    finally:
        t.close()


def find(given, *names):
    for n in [given] if given else names:
        p = shutil.which(n) if n else None
        if p:
            return os.path.abspath(p)
    return None


def main(doc):
    ap = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--sops", required=True)
    ap.add_argument("-k", action="append", default=[], metavar="WORD", help="only checks whose name holds it")
    ap.add_argument("-v", action="store_true")
    ap.add_argument("-j", type=int, default=min(4, os.cpu_count() or 2))
    ap.add_argument("--kubeseal", default=os.environ.get("KUBESEAL"), help="the real one (default: $KUBESEAL)")
    ap.add_argument("--kubectl", default=None)
    ap.add_argument("--reference", help="a sops program that must still read all sources")
    ap.add_argument("--seed", type=int, default=None)
    ap.add_argument("--count", type=int, default=None)
    opt = ap.parse_args()
    opt.sops = find(opt.sops) or sys.exit("no program: %s" % opt.sops)
    if not opt.kubeseal:
        for p in os.environ.get("PATH", "").split(":"):
            c = os.path.join(p, "kubeseal")
            if os.access(c, os.X_OK) and os.path.realpath(c) != os.path.realpath(opt.sops):
                opt.kubeseal = c
                break
    opt.kubeseal = os.path.abspath(opt.kubeseal) if opt.kubeseal else None
    opt.kubectl = find(opt.kubectl, "kubectl")
    opt.reference = os.path.abspath(opt.reference) if opt.reference else None
    return opt


def go(opt, checks=None):
    todo = [(n, f) for n, f in (checks or CHECKS)
            if not opt.k or any(w in n or fnmatch.fnmatch(n, w) for w in opt.k)]
    count = {"ok": 0, "FAIL": 0, "skip": 0}
    skips = {}
    with concurrent.futures.ThreadPoolExecutor(opt.j) as pool:
        for name, verdict, why, took in pool.map(lambda c: one(opt, *c), todo):
            count[verdict] += 1
            if verdict == "FAIL":
                print("FAIL %s: %s" % (name, why))
            elif verdict == "skip":
                skips.setdefault(why, []).append(name)
            elif opt.v:
                print("ok   %s (%.1f s)" % (name, took))
            sys.stdout.flush()
    for why, names in skips.items():
        print("skip %d checks: %s: %s" % (len(names), why, " ".join(names)))
    print("%d passed, %d failed%s" % (count["ok"], count["FAIL"],
                                     ", %d skipped" % count["skip"] if count["skip"] else ""))
    return 1 if count["FAIL"] or not count["ok"] else 0
