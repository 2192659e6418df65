# SPDX-License-Identifier: Apache-2.0
"""What the checks of this suite share: a box (a folder and an environment of its own), running the program in it, and the
hunt for canaries afterwards. Python 3.9, standard library only."""
import base64
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import mocks

HERE = os.path.dirname(os.path.realpath(__file__))


def keys_folder():
    return os.path.normpath(os.path.join(HERE, "..", "..", "..", "testdata", "keys"))


def recipients():
    found = {}
    with open(os.path.join(keys_folder(), "names.env")) as f:
        for line in f:
            if "=" in line and not line.startswith("#"):
                k, v = line.rstrip("\n").split("=", 1)
                found[k] = v
    return found


RECIPIENTS = recipients()


class Failed(Exception):
    pass


class Skip(Exception):
    pass


class Result:
    def __init__(self, argv, status, out, err, secs):
        self.argv, self.status, self.out, self.err, self.secs = argv, status, out, err, secs

    def __str__(self):
        return "%s: status %s, stdout %r, stderr %r" % (" ".join(self.argv[1:]), self.status, clip(self.out), clip(self.err))


def clip(data, n=500):
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
    return text if len(text) <= n else text[:n] + "…"


_counter = [0]
_counter_lock = threading.Lock()


class Box:
    """One check's world: folder (cwd of the program), HOME, TMPDIR, environment, servers, canaries."""

    def __init__(self, options):
        self.options = options
        self.root = tempfile.mkdtemp(prefix="stores-")
        self.work, self.home, self.tmp = (os.path.join(self.root, d) for d in ("work", "home", "tmp"))
        for d in (self.work, self.home, self.tmp):
            os.mkdir(d)
        self.env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": self.home, "TMPDIR": self.tmp, "LC_ALL": "C.UTF-8",
                    "SOPS_AGE_KEY_FILE": os.path.join(keys_folder(), "age", "alice.txt"), "SOPS_DISABLE_VERSION_CHECK": "1"}
        if "ASAN_OPTIONS" in os.environ:
            self.env["ASAN_OPTIONS"] = os.environ["ASAN_OPTIONS"]
        self.results, self.canaries, self.allowed, self.closers = [], [], set(), []
        with _counter_lock:
            _counter[0] += 1
            self.serial = _counter[0]
        self.store = mocks.Server()  # the strict mocks, at which the environment points
        self.closers.append(self.store.stop)
        self.env.update(self.store.env())

    def close(self):
        for c in self.closers:
            try:
                c()
            except Exception:
                pass
        if self.options.keep:
            print("kept: " + self.root, file=sys.stderr)
        else:
            shutil.rmtree(self.root, ignore_errors=True)

    # files
    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def write(self, name, text, secret_is_fine=True):
        """a file that the check makes; clear canaries in it are the check's own"""
        full = self.path(name)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        if secret_is_fine:
            self.allowed.add(os.path.realpath(full))
        return full

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def exists(self, name):
        return os.path.lexists(self.path(name))

    def secret(self, hint="v"):
        """a value that must not show where it should not"""
        value = "CANARY%s%dx%s" % (hint, self.serial, os.urandom(6).hex())
        self.canaries.append(value)
        return value

    def allow(self, name):
        self.allowed.add(os.path.realpath(self.path(name)))

    # running
    def run(self, argv, stdin=b"", env=None, timeout=60, tty=None):
        merged = dict(self.env)
        for k, v in (env or {}).items():
            if v is None:
                merged.pop(k, None)
            else:
                merged[k] = v
        start = time.time()
        if tty is not None:
            status, out, err = run_on_terminal(argv, self.work, merged, tty, timeout)
        else:
            p = subprocess.Popen(argv, cwd=self.work, env=merged, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 start_new_session=True)
            try:
                out, err = p.communicate(stdin if isinstance(stdin, bytes) else stdin.encode(), timeout=timeout)
                status = p.returncode
            except subprocess.TimeoutExpired:
                try:
                    os.killpg(p.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                out, err = p.communicate()
                status = "timeout"
        result = Result(argv, status, out, err, time.time() - start)
        self.results.append(result)
        if status == "timeout" or (isinstance(status, int) and status < 0) or b"Sanitizer" in err:
            raise Failed("crash or hang: %s" % result)
        return result

    def sops(self, *args, **more):
        return self.run([self.options.sops, *args], **more)

    def ok(self, *args, **more):
        r = self.sops(*args, **more)
        if r.status != 0:
            raise Failed("status 0 wanted: %s" % r)
        return r

    def fails(self, status, *args, says=(), **more):
        """runs, wants this status (or one of several), nothing on stdout, and these words on stderr"""
        quiet = more.pop("quiet", True)
        r = self.sops(*args, **more)
        wanted = status if isinstance(status, tuple) else (status,)
        if r.status not in wanted:
            raise Failed("status %s wanted: %s" % (status, r))
        if quiet and r.out:
            raise Failed("a failing command printed: %s" % r)
        if not r.err.strip():
            raise Failed("no message: %s" % r)
        text = r.err.decode("utf-8", "replace")
        for word in [says] if isinstance(says, str) else says:
            if word not in text:
                raise Failed("the message should name %r: %s" % (word, r))
        return r

    def config(self, rules="", creation="", more=""):
        """.sops.yaml with alice as the only key"""
        text = "creation_rules:\n%s" % (creation or "  - age: %s\n" % RECIPIENTS["ALICE"])
        if rules:
            text += "destination_rules:\n" + rules
        self.write(".sops.yaml", text + more)

    def sealed(self, name, text, kind=None):
        """an encrypted file, made by the program itself from `text` (through stdin, so that no clear copy lies about)"""
        args = ["encrypt", "--filename-override", name] + (["--input-type", kind, "--output-type", kind] if kind else [])
        r = self.ok(*args, stdin=text)
        self.write(name, r.out, secret_is_fine=False)
        return self.path(name)

    def plain(self, name, program=None):
        """an encrypted file's first document as Python values, opened by the reference when there is one"""
        r = self.run([program or self.options.reference or self.options.sops, "decrypt", "--output-type", "json", name])
        if r.status != 0:
            raise Failed("cannot be opened: %s" % r)
        return json.loads(r.out)

    # canaries
    def hunt(self):
        texts = [(c, c.encode()) for c in self.canaries]
        for c in self.canaries:
            for shift in range(3):
                b = base64.b64encode(b"\0" * shift + c.encode())
                texts.append((c + " in base64", b[(4 if shift else 0):-4]))
            texts.append((c + " in hex", c.encode().hex().encode()))
        for r in self.results:
            for label, t in texts:
                if t in r.err:
                    raise Failed("%s on stderr: %s" % (label, r))
                if r.status != 0 and t in r.out and r.status not in self.options.fine_statuses:
                    raise Failed("%s on stdout of a failing command: %s" % (label, r))
                if any(t.decode("latin-1") in a for a in r.argv[1:]) and "set" not in r.argv[1:2]:
                    raise Failed("%s in the arguments: %s" % (label, r))
        for folder, _, files in os.walk(self.root):
            for name in files:
                full = os.path.join(folder, name)
                if os.path.islink(full) or os.path.realpath(full) in self.allowed or not os.path.isfile(full):
                    continue
                with open(full, "rb") as f:
                    data = f.read()
                for label, t in texts:
                    if t in data:
                        raise Failed("%s in the file %s" % (label, os.path.relpath(full, self.root)))
        left = os.listdir(self.tmp)
        if left:
            raise Failed("left in TMPDIR: %s" % left)
        odd = [n for f, _, names in os.walk(self.work) for n in names if re.search(r"\.(tmp|new|old|bak)\w*$|~$|\.sops-", n)]
        if odd:
            raise Failed("left behind: %s" % odd)


def run_on_terminal(argv, cwd, env, typed, timeout):
    """stdin is a terminal on which `typed` is typed; stdout and stderr are pipes"""
    import pty
    master, slave = pty.openpty()
    p = subprocess.Popen(argv, cwd=cwd, env=env, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    os.close(slave)
    os.write(master, typed if isinstance(typed, bytes) else typed.encode())
    try:
        out, err = p.communicate(timeout=timeout)
        status = p.returncode
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, err = p.communicate()
        status = "timeout"
    os.close(master)
    return status, out, err


# ---- a reader for the block YAML that programs write --------------------------------------------------------------

def yaml_scalar(text):
    text = text.strip()
    if text.startswith('"'):
        return json.loads(re.sub(r"\\x([0-9a-fA-F]{2})", r"\\u00\1", text).replace("\\e", "\\u001b").replace("\\0", "\\u0000"))
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text in ("{}", "[]"):
        return {} if text == "{}" else []
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if re.match(r"-?\d+\Z", text):
        return int(text)
    return text


def yaml_split(text):
    """(key, rest) of `key: rest`, quoted keys too; None when it is no mapping entry"""
    m = re.match(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'#\[{][^#]*?):(?:\s+(.*))?\Z""", text)
    return (str(yaml_scalar(m[1]) if m[1][0] in "\"'" else m[1]), (m[2] or "").strip()) if m else None


def yaml_documents(data):
    """documents of plain block YAML (no anchors, tags, flow collections but empty ones)"""
    text = data.decode() if isinstance(data, bytes) else data
    documents = []
    for part in re.split(r"(?m)^---\s*$\n?", text):
        lines = [l.rstrip("\n") for l in part.split("\n")]
        if not any(l.strip() and not l.lstrip().startswith("#") for l in lines):
            continue
        value, rest = yaml_block(lines, 0)
        if any(l.strip() for l in lines[rest:]):
            raise Failed("cannot read this YAML from line %d: %s" % (rest + 1, clip(part)))
        documents.append(value)
    return documents


def yaml_skip(lines, at):
    while at < len(lines) and (not lines[at].strip() or lines[at].lstrip().startswith("#")):
        at += 1
    return at


def yaml_value(lines, at, rest, indent):
    """the value that stands behind a key: on its line, as a block scalar, or in the lines below"""
    if rest and rest[0] in "|>":
        body, depth = [], None
        while at < len(lines) and (not lines[at].strip() or len(lines[at]) - len(lines[at].lstrip()) > indent):
            if depth is None and lines[at].strip():
                depth = len(lines[at]) - len(lines[at].lstrip())
            body.append(lines[at])
            at += 1
        while body and not body[-1].strip():
            body.pop()
        text = "\n".join(l[depth or 0:] for l in body)
        return text + ("" if "-" in rest else "\n"), at
    if rest:
        if rest[0] in "\"'" and not re.match(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\Z""", rest):
            breaks = 0
            while at < len(lines):  # a quoted scalar that goes on: a line break is a blank, each empty line a line break
                part = lines[at].strip()
                at += 1
                if not part:
                    breaks += 1
                    continue
                newline = "\\n" if rest[0] == '"' else "\n"
                rest = (rest[:-1] if rest[0] == '"' and rest.endswith("\\") else rest + (newline * breaks if breaks else " ")) + \
                    (part[1:] if part.startswith("\\ ") else part)
                breaks = 0
                if re.match(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\Z""", rest):
                    break
        return yaml_scalar(rest), at
    below = yaml_skip(lines, at)
    if below < len(lines):
        depth = len(lines[below]) - len(lines[below].lstrip())
        if depth > indent or (depth == indent and lines[below].lstrip().startswith("- ")):
            return yaml_block(lines, below)
    return None, at


def yaml_block(lines, at):
    at = yaml_skip(lines, at)
    if at >= len(lines):
        return None, at
    indent = len(lines[at]) - len(lines[at].lstrip())
    if lines[at].lstrip().startswith("- ") or lines[at].strip() == "-":
        items = []
        while True:
            at = yaml_skip(lines, at)
            if at >= len(lines) or len(lines[at]) - len(lines[at].lstrip()) != indent or not re.match(r"\s*-(\s|$)", lines[at]):
                return items, at
            rest = lines[at][indent + 1:]
            inner = rest.strip()
            if inner and yaml_split(inner) and inner[0] not in "\"'[{":
                lines[at] = " " * (indent + 1 + len(rest) - len(rest.lstrip())) + inner
                value, at = yaml_block(lines, at)
            else:
                value, at = yaml_value(lines, at + 1, inner, indent)
            items.append(value)
    mapping = {}
    while True:
        at = yaml_skip(lines, at)
        if at >= len(lines) or len(lines[at]) - len(lines[at].lstrip()) != indent:
            return mapping, at
        pair = yaml_split(lines[at].strip())
        if not pair:
            if mapping:
                return mapping, at
            return yaml_scalar(lines[at]), at + 1
        mapping[pair[0]], at = yaml_value(lines, at + 1, pair[1], indent)


# ---- helpers for checks -------------------------------------------------------------------------------------------

def want(condition, message, *values):
    if not condition:
        raise Failed(message + "".join(": " + clip(v) for v in values))


def same(got, wanted, what):
    if got != wanted:
        raise Failed("%s: got %s, wanted %s" % (what, clip(got, 700), clip(wanted, 700)))


def json_lines(data):
    try:
        return [json.loads(l) for l in data.decode().splitlines() if l.strip()]
    except ValueError:
        raise Failed("not JSON Lines: " + clip(data))


def secrets_of(data):
    """(namespace, name) -> Secret with its data decoded, from YAML or JSON output"""
    text = data.decode()
    if text.lstrip().startswith("{"):
        top = json.loads(text)
        items = top["items"] if top.get("kind") == "List" else [top]
    else:
        items = yaml_documents(text)
    found = {}
    for s in items:
        want(s.get("apiVersion") == "v1" and s.get("kind") == "Secret", "no Secret", s)
        meta = s["metadata"]
        s["decoded"] = {k: base64.b64decode(v or "", validate=True) for k, v in (s.get("data") or {}).items()}
        key = (meta.get("namespace", ""), meta["name"])
        want(key not in found, "a Secret twice", key)
        found[key] = s
    return found


# ---- the runner ---------------------------------------------------------------------------------------------------

CHECKS = []


def check(name, needs=None, fine=()):
    """fine: statuses of failing commands whose stdout may hold values (--keep-going)"""
    def register(function):
        CHECKS.append((name, function, needs, tuple(fine)))
        return function
    return register


def one(entry, options):
    name, function, needs, fine = entry
    options = type("Options", (), dict(vars(options), fine_statuses=fine))
    if needs and not getattr(options, needs, None):
        return name, "skip", "no %s (see README.md)" % needs
    box = Box(options)
    try:
        function(box)
        box.hunt()
        return name, "ok", ""
    except Skip as e:
        return name, "skip", str(e)
    except Failed as e:
        return name, "FAIL", str(e)
    except Exception as e:  # a defect of the check, or output that it did not expect
        where = traceback.extract_tb(e.__traceback__)[-1]
        return name, "FAIL", "%s: %s (%s:%d)" % (type(e).__name__, clip(str(e)), os.path.basename(where.filename), where.lineno)
    finally:
        box.close()


def main(parser_more=None, before=None):
    import argparse
    parser = argparse.ArgumentParser(description="Acceptance checks; see README.md")
    parser.add_argument("--sops", required=True, help="the program under test")
    parser.add_argument("--reference", help="a reference sops, which must open every file that was written")
    parser.add_argument("-k", metavar="WORD", action="append", help="only checks whose name holds WORD (may be given again)")
    parser.add_argument("-v", action="store_true", help="name every check")
    parser.add_argument("-j", type=int, default=4, help="checks at a time")
    parser.add_argument("--keep", action="store_true", help="keep the work folders")
    if parser_more:
        parser_more(parser)
    options = parser.parse_args()
    options.sops = os.path.abspath(options.sops)
    if options.reference:
        options.reference = os.path.abspath(options.reference)
    if before:
        before(options)
    chosen = [c for c in CHECKS if not options.k or any(k in c[0] for k in options.k)]
    count, skipped = {"ok": 0, "FAIL": 0, "skip": 0}, {}
    with concurrent.futures.ThreadPoolExecutor(max(1, options.j)) as pool:
        for name, verdict, why in pool.map(lambda c: one(c, options), chosen):
            count[verdict] += 1
            if verdict == "skip":
                skipped.setdefault(why, []).append(name)
            elif verdict != "ok" or options.v:
                print("%s %s%s" % (verdict, name, ": " + why if why else ""), flush=True)
    for why, names in skipped.items():
        print("skip %d checks: %s: %s" % (len(names), why, " ".join(names)))
    print("%d passed, %d failed%s" % (count["ok"], count["FAIL"], ", %d skipped" % count["skip"] if count["skip"] else ""))
    return 1 if count["FAIL"] or not count["ok"] else 0
