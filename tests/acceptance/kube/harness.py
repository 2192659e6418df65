# SPDX-License-Identifier: Apache-2.0
"""What the checks share: a folder of its own for each, running the program, sealing files, reading YAML, watching for secrets."""
import base64, json, os, re, shutil, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = os.path.abspath(os.path.join(HERE, '..', '..', '..', 'testdata', 'keys'))
CHECKS = []          # (name, function)
NAMES = {}
for _line in open(os.path.join(KEYS, 'names.env'), encoding='utf-8'):
    if '=' in _line and not _line.startswith('#'):
        _k, _, _v = _line.strip().partition('=')
        NAMES[_k] = _v
ALICE, BOB = NAMES['ALICE'], NAMES['BOB']
KNOWN = {}           # YAML text: as JSON
CANARY = 'canary-%05dQz' % (os.getpid() % 100000)    # every clear secret of a check holds this; of this run, as other suites may run beside it


class Failed(Exception):
    pass


class Skip(Exception):
    pass


class Peers:
    """Programs that the checks run against; None: not here."""
    sops = reference = kubectl = kustomize = helm3 = helm4 = etcd = apiserver = ksops = None


def check(function):
    CHECKS.append((function.__module__.replace('t_', '', 1) + '/' + function.__name__.replace('_', '-'), function))
    return function


def need(value, expected, what):
    if value != expected:
        raise Failed('%s: %s instead of %s' % (what, short(value), short(expected)))


def true(value, what):
    if not value:
        raise Failed(what)


def has(text, part, what):
    if isinstance(text, bytes) and isinstance(part, str):
        part = part.encode()
    if part not in text:
        raise Failed('%s lacks %s: %s' % (what, short(part), short(text)))


def lacks(text, part, what):
    if isinstance(text, bytes) and isinstance(part, str):
        part = part.encode()
    if part in text:
        raise Failed('%s holds %s: %s' % (what, short(part), short(text)))


def short(x):
    text = x if isinstance(x, str) else repr(x)
    return text if len(text) < 400 else text[:300] + ' … ' + text[-90:]


class Result:
    def __init__(self, rc, out, err, took):
        self.rc, self.out, self.err, self.took = rc, out, err.decode('utf-8', 'replace'), took
        self.text = out.decode('utf-8', 'replace')

    def status(self, *wanted):
        if self.rc not in wanted:
            raise Failed('status %s instead of %s; stderr: %s; stdout: %s' % (
                self.rc, ' or '.join(map(str, wanted)), short(self.err), short(self.text)))
        return self


class Case:
    """One check: its folder `dir` (current folder of all that it runs), HOME and TMPDIR beside it."""

    def __init__(self, name):
        self.name = name
        self.root = os.path.realpath(tempfile.mkdtemp(prefix='kube-'))
        self.dir, self.home, self.tmp = (os.path.join(self.root, n) for n in ('w', 'home', 'tmp'))
        for d in (self.dir, self.home, self.tmp):
            os.mkdir(d)
        self.calls = []
        self.clear_ok = False    # the check reads clear text from a program of its own: stdout may hold it
        self.left_ok = False     # it leaves files with clear text in TMPDIR itself
        self.env = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': self.home, 'TMPDIR': self.tmp,
                    'LC_ALL': 'C.UTF-8', 'SOPS_AGE_KEY_FILE': os.path.join(KEYS, 'age', 'alice.txt'),
                    'XDG_CONFIG_HOME': os.path.join(self.home, '.config'), 'XDG_CACHE_HOME': os.path.join(self.home, '.cache')}
        for v in ('ASAN_OPTIONS', 'UBSAN_OPTIONS'):
            if v in os.environ:
                self.env[v] = os.environ[v]
        self.no_key = {'SOPS_AGE_KEY_FILE': os.path.join(KEYS, 'age', 'bob.txt')}

    # ---- files
    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data, mode=None):
        p = self.path(name)
        os.makedirs(os.path.dirname(p), exist_ok=True)
        with open(p, 'wb') as f:
            f.write(data.encode() if isinstance(data, str) else data)
        if mode is not None:
            os.chmod(p, mode)
        return name

    def script(self, name, text, path=False):
        """A program of the check; with `path`, its folder goes to the front of PATH."""
        self.write(name, text, 0o755)
        if path:
            d = os.path.dirname(self.path(name))
            if d not in self.env['PATH'].split(':'):
                self.env['PATH'] = d + ':' + self.env['PATH']
        return self.path(name)

    def read(self, name):
        with open(self.path(name), 'rb') as f:
            return f.read()

    # ---- running
    def run(self, argv, stdin=b'', env=None, timeout=40, cwd=None, keep=True):
        e = dict(self.env)
        for k, v in (env or {}).items():
            if v is None:
                e.pop(k, None)
            else:
                e[k] = v
        t = time.time()
        p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd or self.dir, env=e,
                             start_new_session=True)
        try:
            out, err = p.communicate(stdin.encode() if isinstance(stdin, str) else stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, 9)
            p.communicate()
            raise Failed('still running after %d s: %s' % (timeout, short(' '.join(map(str, argv)))))
        r = Result(p.returncode, out, err, time.time() - t)
        if keep:
            self.calls.append((argv, r))
        if p.returncode in (-4, -6, -7, -8, -11) or b'AddressSanitizer' in err or b'runtime error:' in err:
            raise Failed('crash: %s' % short(r.err or str(r.rc)))
        return r

    def sops(self, *words, **kw):
        return self.run([Peers.sops] + list(words), **kw)

    def link(self, name):
        """The program under another name, in a folder at the front of PATH."""
        d = os.path.join(self.root, 'links')
        os.makedirs(d, exist_ok=True)
        p = os.path.join(d, name)
        if not os.path.lexists(p):
            os.symlink(Peers.sops, p)
        if d not in self.env['PATH'].split(':'):
            self.env['PATH'] = d + ':' + self.env['PATH']
        return p

    # ---- sealed files: made by the reference where there is one
    def sealer(self):
        return Peers.reference or Peers.sops

    def seal(self, name, text, *flags, to=ALICE, rule='^(data|stringData)$', keep_mac=False):
        """Writes NAME sealed; kubernetes' usual rule unless rule=None."""
        data = text.encode() if isinstance(text, str) else text
        words = ['encrypt', '--age', to, '--filename-override', os.path.basename(name)] + list(flags)
        if rule:
            words[1:1] = ['--encrypted-regex', rule]
        r = self.run([self.sealer()] + words, stdin=data, keep=False)
        if r.rc:
            raise Failed('cannot seal %s: %s' % (name, r.err))
        self.write(name, r.out)
        return r.out.decode()

    def damage(self, name):
        """Changes a clear text of a sealed YAML manifest: its MAC is wrong then (51)."""
        text = self.read(name).decode()
        changed = text.replace('name: ', 'name: x', 1)
        true(changed != text, 'the check itself: nothing to change in %s' % name)
        self.write(name, changed)

    # ---- YAML
    def docs(self, text):
        """The documents of a YAML text as Python values. Written once as JSON by a sops that is known to read YAML."""
        if isinstance(text, bytes):
            text = text.decode('utf-8', 'replace')
        out = []
        for d in re.split(r'(?m)^---(?=[ \t\r\n]|$)[ \t\r]*', text):
            if not d.strip() or all(l.strip() == '' or l.lstrip().startswith('#') for l in d.split('\n')):
                continue
            out.append(self.yaml(d))
        return out

    def yaml(self, doc):
        if doc not in KNOWN:
            KNOWN[doc] = json.dumps(self.convert(doc))
        return json.loads(KNOWN[doc])

    def convert(self, doc):
        p = self.sealer()
        r = self.run([p, 'encrypt', '--age', ALICE, '--unencrypted-regex', '.*', '--filename-override', 'x.yaml', '--output-type', 'json'],
                     stdin=doc.encode(), keep=False, cwd=self.root)
        if r.rc:
            raise Failed('no YAML (%s): %s' % (r.err.strip(), short(doc)))
        value = json.loads(r.out)
        value.pop('sops', None)
        return value

    # ---- afterwards
    def aftermath(self):
        for argv, r in self.calls:
            words = short(' '.join(os.path.basename(str(a)) if i == 0 else str(a) for i, a in enumerate(argv)))
            lacks(r.err, CANARY, 'stderr of: ' + words)
            if not self.clear_ok and r.rc != 0:
                lacks(r.text, CANARY, 'stdout of a failing command: ' + words)
        if not self.left_ok:
            for d, folders, files in os.walk(self.tmp):
                for f in files:
                    p = os.path.join(d, f)
                    if os.path.isfile(p) and CANARY.encode() in open(p, 'rb').read():
                        raise Failed('clear text is left in %s' % os.path.relpath(p, self.root))
            left = [n for n in os.listdir(self.tmp) if n.startswith('.sops')]
            true(not left, 'left in TMPDIR: %s' % left)

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)


def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def secret(name='db', **strings):
    lines = ''.join('    %s: %s\n' % (k, json.dumps(v, ensure_ascii=False)) for k, v in (strings or {'password': CANARY + '-pw'}).items())
    return 'apiVersion: v1\nkind: Secret\nmetadata:\n    name: %s\nstringData:\n%stype: Opaque\n' % (name, lines)


def configmap(name='cm', value=None):
    return 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n    name: %s\ndata:\n    key: %s\n' % (name, json.dumps(value or CANARY + '-cm'))
