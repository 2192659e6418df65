# SPDX-License-Identifier: Apache-2.0
"""What the checks share: a folder of its own for each, sealed files by the hundred, a terminal, strace, watching for secrets."""
import base64, fcntl, json, os, pty, re, select, shutil, signal, struct, subprocess, sys, tempfile, termios, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, '..', '..', '..'))
KEYS = os.path.join(ROOT, 'testdata', 'keys')
sys.path.insert(0, HERE)
import agelib, sopslib

CHECKS, NAMES = [], {}
for _line in open(os.path.join(KEYS, 'names.env'), encoding='utf-8'):
    if '=' in _line and not _line.startswith('#'):
        _k, _, _v = _line.strip().partition('=')
        NAMES[_k] = _v
ALICE, BOB, CAROL = NAMES['ALICE'], NAMES['BOB'], NAMES['CAROL']
ID_ALICE, ID_BOB, ID_CAROL = (agelib.identity_of(os.path.join(KEYS, 'age', n + '.txt')) for n in ('alice', 'bob', 'carol'))
TOKEN, ID_TOKEN = agelib.bech32('age1counter', b'token-7'), agelib.bech32('AGE-PLUGIN-COUNTER-', b'token-7')
TOKEN2 = agelib.bech32('age1counter', b'token-8')
CANARY, PIN = 'canary-7Qz', 'pin-canary-7Qz-83621'     # every clear secret of a check holds this
TREE = {'user': 'svc', 'password': CANARY + '-pw', 'db': {'port': 5432, 'live': True, 'hosts': [CANARY + '-a', CANARY + '-b']}}
DAY = 86400


class Failed(Exception):
    pass


class Skip(Exception):
    pass


class Peers:
    sops = reference = strace = age = pq = rust = git = None
    emulators = True
    lock = threading.Lock()
    running = {}


def check(function):
    CHECKS.append((function.__module__.replace('t_', '', 1) + '/' + function.__name__.replace('_', '-'), function))
    return function


def short(x):
    text = x if isinstance(x, str) else repr(x)
    return text if len(text) < 500 else text[:380] + ' … ' + text[-110:]


def need(value, expected, what):
    if value != expected:
        raise Failed('%s: %s instead of %s' % (what, short(value), short(expected)))


def true(value, what):
    if not value:
        raise Failed(what)


def _bytes(x):
    return x.encode() if isinstance(x, str) else x


def has(text, part, what):
    if _bytes(part) not in _bytes(text):
        raise Failed('%s lacks %s: %s' % (what, short(part), short(text)))


def lacks(text, part, what):
    if _bytes(part) in _bytes(text):
        raise Failed('%s holds %s: %s' % (what, short(part), short(text)))


class Result:
    def __init__(self, rc, out, err, took):
        self.rc, self.out, self.err, self.took = rc, out, err.decode('utf-8', 'replace'), took
        self.text = out.decode('utf-8', 'replace')

    def status(self, *wanted):
        if self.rc not in wanted:
            raise Failed('status %s instead of %s; stderr: %s; stdout: %s' % (self.rc, ' or '.join(map(str, wanted)), short(self.err), short(self.text)))
        return self

    def lines(self):
        """--json: {file: object}, and the summary."""
        files, summary = {}, None
        for n, line in enumerate(self.text.splitlines()):
            try:
                x = json.loads(line)
            except ValueError:
                raise Failed('line %d of stdout is no JSON: %s' % (n + 1, short(line)))
            need(x.get('schema'), 1, 'schema of line %d' % (n + 1))
            if 'summary' in x:
                true(summary is None, 'two summaries')
                summary = x['summary']
            else:
                true(summary is None, 'a line behind the summary')
                true(x['file'] not in files, 'file %s twice' % x['file'])
                files[x['file']] = x
        true(summary is not None, 'no summary on stdout: %s (stderr: %s)' % (short(self.text), short(self.err)))
        return files, summary

    def results(self):
        """--json: {file: result}."""
        return {f: x['result'] for f, x in self.lines()[0].items()}

    def last(self):
        lines = [l for l in self.err.replace('\r', '').split('\n') if l.strip()]
        return lines[-1] if lines else ''


class Case:
    """One check: its folder `dir` (current folder of all that it runs), HOME and TMPDIR beside it."""

    def __init__(self, name):
        self.name = name
        self.root = os.path.realpath(tempfile.mkdtemp(prefix='many-'))
        self.dir, self.home, self.tmp, self.bin = (os.path.join(self.root, n) for n in ('w', 'home', 'tmp', 'bin'))
        for d in (self.dir, self.home, self.tmp, self.bin):
            os.mkdir(d)
        os.symlink(os.path.join(HERE, 'age-plugin-counter'), os.path.join(self.bin, 'age-plugin-counter'))
        self.calls, self.processes = [], []
        self.left_ok = self.clear_ok = False
        self.key = os.urandom(32)
        self.env = {'PATH': self.bin + ':/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': self.home, 'TMPDIR': self.tmp,
                    'LC_ALL': 'C.UTF-8', 'EDITOR': '/bin/false', 'SOPS_AGE_KEY_FILE': os.path.join(KEYS, 'age', 'alice.txt'),
                    'XDG_CONFIG_HOME': os.path.join(self.home, '.config'), 'GIT_CONFIG_NOSYSTEM': '1', 'PYTHONDONTWRITEBYTECODE': '1',
                    'COUNTER_LOG': os.path.join(self.root, 'plugin.log'), 'COUNTER_PIN': PIN, 'COUNTER_RUN_LOG': os.path.join(self.root, 'hook.log')}
        for v in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS'):
            if v in os.environ:
                self.env[v] = os.environ[v]
        self.python = sys.executable
        if os.path.dirname(self.python) not in self.env['PATH'].split(':'):
            self.env['PATH'] += ':' + os.path.dirname(self.python)

    # ---- files
    def path(self, name=''):
        return os.path.join(self.dir, name)

    def write(self, name, data, mode=None):
        p = self.path(name)
        os.makedirs(os.path.dirname(p), exist_ok=True)
        with open(p, 'wb') as f:
            f.write(_bytes(data))
        if mode is not None:
            os.chmod(p, mode)
        return name

    def read(self, name):
        with open(self.path(name), 'rb') as f:
            return f.read()

    def text(self, name):
        return self.read(name).decode()

    def script(self, name, text):
        p = os.path.join(self.bin, name)
        with open(p, 'w') as f:
            f.write(text)
        os.chmod(p, 0o755)
        return p

    def snapshot(self, under=''):
        """{path: bytes, link text, or kind} of all below the work folder."""
        out = {}
        for d, folders, files in os.walk(self.path(under)):
            for n in files + folders:
                p = os.path.join(d, n)
                rel = os.path.relpath(p, self.dir)
                if os.path.islink(p):
                    out[rel] = 'link ' + os.readlink(p)
                elif os.path.isfile(p):
                    with open(p, 'rb') as f:
                        out[rel] = f.read()
                else:
                    out[rel] = 'folder' if os.path.isdir(p) else 'special'
        return out

    def same(self, before, what, but=()):
        now = self.snapshot()
        for p in sorted(set(before) | set(now)):
            if p not in but and before.get(p) != now.get(p):
                raise Failed('%s: %s %s' % (what, p, 'is gone' if p not in now else 'is new' if p not in before else 'was changed'))

    def changed(self, before):
        now = self.snapshot()
        return sorted(p for p in set(before) | set(now) if before.get(p) != now.get(p))

    # ---- sealed files
    def seal(self, name, recipients=(ALICE,), tree=None, **kw):
        """A sealed YAML file, made here; all files of a check share a data key unless key= says otherwise."""
        return self.write(name, sopslib.sealed(TREE if tree is None else tree, kw.pop('key', self.key), recipients, **kw))

    def seals(self, n, recipients=(ALICE,), folder='s', **kw):
        return [self.seal('%s/d%d/f%03d.yaml' % (folder, i % 5, i), recipients, **kw) for i in range(n)]

    def other(self, name, plain, *flags):
        """A file sealed by the program itself, for the other formats and for groups."""
        r = self.run([Peers.sops, 'encrypt', '--filename-override', name] + (list(flags) or ['--age', ALICE]), stdin=plain, keep=False)
        true(r.rc == 0, 'cannot seal %s: %s' % (name, r.err))
        return self.write(name, r.out)

    def rules(self, *rules, name='.sops.yaml', more=''):
        """creation_rules: (path_regex or None, keys, further lines of the rule…)."""
        out = ['creation_rules:']
        for regex, keys, *lines in rules:
            out.append('  - ' + ("path_regex: '%s'" % regex if regex is not None else 'unencrypted_suffix: _unencrypted'))
            if keys:
                out.append('    age: ' + (keys if isinstance(keys, str) else ','.join(keys)))
            out += ['    ' + l for l in lines]
        return self.write(name, '\n'.join(out) + '\n' + more)

    def opened(self, name, identity=ID_ALICE, tree=None, what=None):
        """Opens a sealed file without sops; its values must be those of the tree, its MAC right."""
        o = sopslib.Opened(self.text(name))
        o.data_key = o.key(identity)
        true(o.data_key is not None, '%s: does not open with the identity' % (what or name))
        try:
            values = o.tree(o.data_key)
        except (ValueError, KeyError) as e:
            raise Failed('%s: %s' % (what or name, e))
        want = [(''.join(p + ':' for p in path), v) for path, v in sopslib.leaves(TREE if tree is None else tree)]
        need(values, want, 'values of %s' % (what or name))
        return o

    def rotated(self, names, identity=ID_ALICE, tree=None):
        keys = set()
        for n in names:
            o = self.opened(n, identity, tree)
            true(o.data_key != self.key, '%s has the old data key' % n)
            keys.add(o.data_key)
        need(len(keys), len(names), 'number of different data keys')

    def untouched(self, names):
        for n in names:
            need(self.opened(n).data_key, self.key, 'data key of %s' % n)

    # ---- running
    def environment(self, env):
        e = dict(self.env)
        for k, v in (env or {}).items():
            if v is None:
                e.pop(k, None)
            else:
                e[k] = v
        return e

    def run(self, argv, stdin=b'', env=None, timeout=60, cwd=None, keep=True, **kw):
        t = time.time()
        p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd or self.dir, env=self.environment(env),
                             start_new_session=True, **kw)
        try:
            out, err = p.communicate(_bytes(stdin), timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, 9)
            p.communicate()
            raise Failed('still running after %d s: %s' % (timeout, short(' '.join(map(str, argv)))))
        return self.result(argv, p.returncode, out, err, t, keep)

    def result(self, argv, rc, out, err, t, keep=True):
        r = Result(rc, out, err, time.time() - t)
        if keep:
            self.calls.append((argv, r))
        if rc in (-4, -6, -7, -8, -11) or b'Sanitizer' in err or b'runtime error:' in err:
            raise Failed('crash (%s): %s' % (rc, short(r.err)))
        return r

    def sops(self, *words, **kw):
        return self.run([Peers.sops] + list(words), **kw)

    def many(self, command, *words, **kw):
        """COMMAND -r … --json"""
        return self.sops(command, '-r', '--json', *words, **kw)

    def start(self, *words, env=None, cwd=None, argv=None):
        """In the background; ended with the check."""
        p = subprocess.Popen(argv or [Peers.sops] + list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd or self.dir,
                             env=self.environment(env), start_new_session=True)
        p.argv, p.began = argv or [Peers.sops] + list(words), time.time()
        self.processes.append(p)
        return p

    def wait(self, p, timeout=60):
        try:
            out, err = p.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failed('still running after %d s: %s' % (timeout, short(' '.join(map(str, p.argv)))))
        return self.result(p.argv, p.returncode, out, err, p.began)

    def until(self, condition, what, timeout=30, p=None):
        """Waits for something, and with p= not longer than that process runs."""
        end = time.time() + timeout
        while time.time() < end:
            over = p is not None and p.poll() is not None
            if condition():
                return
            if over:
                raise Failed('ended with %s before: %s; stderr: %s' % (p.returncode, what, short(self.wait(p).err)))
            time.sleep(0.01)
        raise Failed('not within %d s: %s' % (timeout, what))

    def tty(self, words, answers=(), env=None, timeout=60, stdin_tty=True, argv=None):
        """With a terminal of its own (stdin, stderr and /dev/tty; stdout is a pipe). answers: (text to wait for, what is typed)."""
        t, argv = time.time(), argv or [Peers.sops] + list(words)
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 200, 0, 0))

        def own():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        p = subprocess.Popen(argv, stdin=slave if stdin_tty else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=slave, cwd=self.dir, env=self.environment(env), preexec_fn=own)
        os.close(slave)
        shown, out, at, todo, fds = b'', b'', (0, 0), list(answers), [master, p.stdout.fileno()]
        while fds:
            if time.time() - t > timeout:
                p.kill()
                p.wait()
                os.close(master)
                raise Failed('still running after %d s on a terminal that shows: %s' % (timeout, short((shown + out).decode('utf-8', 'replace'))))
            for fd in select.select(fds, [], [], 0.05)[0]:
                try:
                    part = os.read(fd, 65536)
                except OSError:
                    part = b''
                if not part:
                    fds.remove(fd)
                elif fd == master:
                    shown += part
                else:
                    out += part
            if p.poll() is not None and not select.select(fds, [], [], 0)[0]:
                break
            if todo:
                words = todo[0][0].encode()
                if words in shown[at[0]:] or words in out[at[1]:]:
                    at = len(shown), len(out)
                    time.sleep(0.05)
                    os.write(master, todo.pop(0)[1].encode())
        rc = p.wait()
        os.close(master)
        p.stdout.close()
        r = self.result(argv, rc, out, shown, t)
        r.unasked = todo
        return r

    def strace(self, options, *words, env=None, timeout=60):
        """Runs sops under strace -f; the result has `trace`, its lines without process numbers."""
        if not Peers.strace:
            raise Skip('no strace')
        log = os.path.join(self.root, 'strace.%d' % len(self.calls))
        r = self.run([Peers.strace, '-f', '-qq', '-o', log] + options + [Peers.sops] + list(words), env=env, timeout=timeout)
        with open(log, encoding='utf-8', errors='replace') as f:
            r.trace = [l.split(None, 1)[1].rstrip('\n') if l[:1].isdigit() else l.rstrip('\n') for l in f]
        return r

    # ---- the test plugin
    def token(self, plus_alice=False):
        """The identity of the test plugin instead of alice's (or with it)."""
        p = os.path.join(self.root, 'token.txt')
        with open(p, 'w') as f:
            f.write((ID_ALICE + '\n' if plus_alice else '') + ID_TOKEN + '\n')
        self.env['SOPS_AGE_KEY_FILE'] = p

    def events(self, kind=None, **match):
        try:
            with open(self.env['COUNTER_LOG']) as f:
                out = [json.loads(l) for l in f]
        except OSError:
            out = []
        return [e for e in out if (kind is None or e['event'] == kind) and all(e.get(k) == v for k, v in match.items())]

    def starts(self, machine='identity-v1'):
        return len(self.events('start', machine=machine))

    def forget(self):
        for f in ('COUNTER_LOG', 'COUNTER_RUN_LOG'):
            if os.path.exists(self.env[f]):
                os.unlink(self.env[f])

    def hook(self, command, once=True):
        """Environment with which the plugin runs a shell command in the work folder while sops waits for it."""
        e = {'COUNTER_RUN': 'cd %s && SOPS_AGE_KEY_FILE=%s && export SOPS_AGE_KEY_FILE && %s' % (self.dir, os.path.join(KEYS, 'age', 'alice.txt'), command)}
        if once:
            e['COUNTER_RUN_ONCE'] = os.path.join(self.root, 'once')
            if os.path.exists(e['COUNTER_RUN_ONCE']):
                os.unlink(e['COUNTER_RUN_ONCE'])
        return e

    # ---- afterwards
    def aftermath(self):
        key = [CANARY, self.key.hex(), base64.b64encode(self.key).decode()]
        for argv, r in self.calls:
            words = short(' '.join(os.path.basename(str(a)) if i == 0 else str(a) for i, a in enumerate(argv)))
            for k in key:
                lacks(r.err, k, 'stderr of: ' + words)
                if not self.clear_ok and r.rc != 0:
                    lacks(r.text, k, 'stdout of a failing command: ' + words)
        left = [os.path.join(d, n) for top in (self.dir, self.tmp, self.home) for d, folders, files in os.walk(top) for n in files + folders if re.match(r'\.sops-(old-)?[0-9]', n)]
        if not self.left_ok:
            true(not left, 'left behind: %s' % short(', '.join(left)))
            for d, folders, files in os.walk(self.tmp):
                for f in files:
                    with open(os.path.join(d, f), 'rb') as x:
                        lacks(x.read(), CANARY, 'a file left in TMPDIR, %s,' % f)

    def remove(self):
        for p in self.processes:
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGKILL)
                p.wait()
        shutil.rmtree(self.root, ignore_errors=True)


def emulator(name):
    """Starts an emulator (tests/emulators) once; the environment that its client needs, and the path of its request log."""
    if not Peers.emulators:
        raise Skip('--no-emulators')
    with Peers.lock:
        if name not in Peers.running:
            program = os.path.join(ROOT, 'tests', 'emulators', name)
            env = dict(os.environ, EMULATORS_USER=str(os.getpid()))
            p = subprocess.run([program, 'start'], env=env, capture_output=True, timeout=240)
            if p.returncode:
                Peers.running[name] = None
            else:
                text = subprocess.run([program, 'env'], env=env, capture_output=True, timeout=60).stdout.decode()
                Peers.running[name] = dict(re.findall(r'(?m)^export (\w+)=(.*)$', text))
                for k, v in Peers.running[name].items():
                    Peers.running[name][k] = v.strip('\'"')
        if Peers.running[name] is None:
            raise Skip('emulator %s does not start' % name)
        cache = os.environ.get('EMULATORS_CACHE') or os.path.join(os.path.expanduser('~'), '.cache', 'sops-emulators')
        return dict(Peers.running[name]), os.path.join(cache, 'run', name + '.log')


def stop_emulators():
    for name in Peers.running:
        subprocess.run([os.path.join(ROOT, 'tests', 'emulators', name), 'stop'], env=dict(os.environ, EMULATORS_USER=str(os.getpid())), capture_output=True)
