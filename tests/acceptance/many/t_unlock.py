# SPDX-License-Identifier: Apache-2.0
"""One unlocking for all files (section 5): plugins, passphrases, servers."""
import http.server, os, socketserver
from harness import *

N = 24


def tokens(c, n=N, plus=(), folder='s'):
    c.token()
    return c.seals(n, list(plus) + [TOKEN], folder=folder)


@check
def a_plugin_starts_once(c):
    names = tokens(c)
    need(c.many('rotate', '-i', 's').status(0).results(), dict.fromkeys(names, 'changed'), 'results')
    need(c.starts(), 1, 'starts of identity-v1')
    need(c.events('files'), [dict(c.events('files')[0], count=N)], 'one run with all files')
    need(c.events('files')[0]['stanzas'], [1] * N, 'stanzas of each file')
    need(c.starts('recipient-v1'), 1, 'starts of recipient-v1')
    need(c.events('wrap')[0]['files'], N, 'file keys in one run')
    c.rotated(names, ID_TOKEN)


@check
def check_with_keys_starts_a_plugin_once(c):
    names = tokens(c)
    before = c.snapshot()
    c.sops('check', '--key', 's').status(0)
    need(c.starts(), 1, 'starts of identity-v1')
    need([e['count'] for e in c.events('files')], [len(names)], 'files in one run')
    c.same(before, 'a check')


@check
def one_pin(c):
    names = tokens(c)
    c.env['COUNTER'] = 'pin'
    r = c.tty(['rotate', '-r', '-i', 's'], [('PIN of token 7', PIN + '\n')]).status(0)
    need(r.unasked, [], 'questions that did not come')
    need([e['right'] for e in c.events('ask')], [True], 'questions')
    lacks(r.err, PIN, 'the terminal')
    c.rotated(names, ID_TOKEN)


@check
def a_pin_for_each_file_is_typed_once(c):
    names = tokens(c)
    c.env['COUNTER'] = 'pin-each'
    r = c.tty(['rotate', '-r', '-i', 's'], [('PIN of token 7', PIN + '\n')]).status(0)
    need(r.err.count('PIN of token 7'), 1, 'questions on the terminal')
    need([e['right'] for e in c.events('ask')], [True] * N, 'answers that the plugin got')
    c.rotated(names, ID_TOKEN)


@check
def a_wrong_pin_is_not_given_again(c):
    tokens(c)
    c.env['COUNTER'] = 'pin-twice'
    r = c.tty(['rotate', '-r', '-i', 's'], [('PIN of token 7', 'pin-canary-7Qz-wrong\n'), ('PIN of token 7', PIN + '\n')]).status(0)
    need([e['right'] for e in c.events('ask')], [False, True], 'answers')
    need(r.err.count('PIN of token 7'), 2, 'questions on the terminal')


@check
def a_wrong_pin_is_not_asked_for_each_file(c):
    names = tokens(c)
    c.env['COUNTER'] = 'bad-pin'
    before = c.snapshot()
    r = c.tty(['rotate', '-r', '-i', '--json', 's'], [('PIN of token 7', PIN + '\n')] * 5).status(1)
    need([(x['result'], x['status']) for x in r.lines()[0].values()], [('failed', 128)] * N, 'results')
    true(c.starts() <= 2, '%d starts of the plugin' % c.starts())
    true(len(c.events('ask')) <= 2, '%d questions' % len(c.events('ask')))
    c.same(before, 'no PIN')
    has(r.err, 'wrong PIN', 'message')
    need(r.err.count('wrong PIN'), 1, 'how often the same error is printed')
    has(r.err, names[0], 'message')


@check
def without_a_terminal_it_fails_at_once(c):
    tokens(c)
    c.env['COUNTER'] = 'pin'
    r = c.many('rotate', '-i', 's', timeout=30).status(1)
    need({x['status'] for x in r.lines()[0].values()}, {128}, 'statuses')
    true(c.starts() <= 2, '%d starts' % c.starts())


@check
def one_broken_file_of_many(c):
    names = tokens(c)
    c.env['COUNTER'] = 'bad=5'
    r = c.many('rotate', '-i', 's').status(1)
    ordered = sorted(names)
    need([n for n, x in r.results().items() if x == 'failed'], [ordered[5]], 'failed files')
    need(r.lines()[0][ordered[5]]['status'], 128, 'status')
    has(r.err, 'this stanza is broken', 'stderr')
    c.rotated([n for n in names if n != ordered[5]], ID_TOKEN)
    true(c.starts() <= 2, '%d starts' % c.starts())


@check
def a_plugin_for_one_file_only(c):
    for words in ('single', 'single-die'):
        names = tokens(c, 6, folder=words)
        c.forget()
        c.env['COUNTER'] = words
        r = c.many('rotate', '-i', words).status(0)
        c.rotated(names, ID_TOKEN)
        counts = sorted(e['count'] for e in c.events('files'))
        need(counts, [1] * 6 + [6], 'files of each run')
        has(r.err, 'counter', 'note')


@check
def a_plugin_that_ends_too_early(c):
    names = tokens(c, 8)
    c.env['COUNTER'] = 'die=5'
    c.many('rotate', '-i', 's').status(0)
    c.rotated(names, ID_TOKEN)
    need(sum(e['count'] == 8 for e in c.events('files')), 1, 'runs with all files')
    true(c.starts() <= 4, '%d starts: what came before it ended counts' % c.starts())


@check
def file_keys_in_any_order(c):
    names = tokens(c, 8)
    c.env['COUNTER'] = 'reverse'
    c.many('rotate', '-i', 's').status(0)
    c.rotated(names, ID_TOKEN)
    need(c.starts(), 1, 'starts')


@check
def a_plugin_that_breaks_the_protocol(c):
    for words in ('dup', 'wild', 'short'):
        tokens(c, 4, folder=words)
        c.env['COUNTER'] = words
        r = c.many('rotate', '-i', words, timeout=40)
        r.status(*((0, 1) if words == 'dup' else (1,)))
        for n, x in r.results().items():
            if x == 'changed':
                c.rotated([n], ID_TOKEN)
            else:
                need(c.opened(n, ID_TOKEN).data_key, c.key, 'data key of ' + n)


@check
def a_plugin_that_refuses(c):
    tokens(c)
    c.env['COUNTER'] = 'refuse'
    r = c.many('rotate', '-i', 's').status(1)
    true(c.starts() <= 2, '%d starts' % c.starts())
    need(r.err.count('the token is not there'), 1, 'how often the error is printed')
    has(r.err, '%d more' % (N - 1), 'stderr')


@check
def a_native_key_needs_no_plugin(c):
    names = c.seals(8, [TOKEN, ALICE])
    c.token(plus_alice=True)
    c.env['COUNTER'] = 'pin'
    c.many('decrypt', '--output-dir', 'out', 's').status(0)
    need(c.events(), [], 'what the plugin was asked')
    need(len(names), 8, 'files')


@check
def the_entry_that_names_the_plugin_goes_first(c):
    tokens(c, 10, plus=[ALICE, BOB])
    c.clear_ok = True
    c.many('decrypt', '--output-dir', 'out', 's').status(0)
    need(c.starts(), 1, 'starts')


@check
def another_token_then_mine(c):
    tokens(c, 10, plus=[TOKEN2])
    c.env['COUNTER'] = 'skip=' + TOKEN2[-8:]
    c.many('decrypt', '--output-dir', 'out', 's').status(0)
    true(c.starts() <= 2, '%d starts' % c.starts())


@check
def no_file_is_mine(c):
    c.token()
    c.seals(10, [TOKEN2, BOB])
    c.env['COUNTER'] = 'skip=' + TOKEN2[-8:]
    r = c.many('rotate', '-i', 's').status(1)
    need({x['status'] for x in r.lines()[0].values()}, {128}, 'statuses')
    true(c.starts() <= 2, '%d starts' % c.starts())


@check
def a_touch_message_is_not_repeated(c):
    tokens(c)
    c.env['COUNTER'] = 'touch'
    r = c.sops('decrypt', '-r', '--output-dir', 'out', 's').status(0)
    need(r.err.count('please touch the token'), 1, 'messages')


@check
def a_plugin_recipient_is_asked_once(c):
    c.rules(('^s/', [TOKEN, ALICE]))
    names = [c.write('s/f%02d.yaml' % i, 'a: %s\n' % CANARY) for i in range(12)]
    c.many('encrypt', '-i', 's').status(0)
    need((c.starts('recipient-v1'), c.events('wrap')[0]['files']), (1, 12), 'starts of recipient-v1 for encrypt, and its file keys')
    for n in names:
        o = sopslib.Opened(c.text(n))
        need(o.key(ID_TOKEN), o.key(ID_ALICE), 'data key of ' + n)
    c.forget()
    old = c.seals(9, [ALICE], folder='s/old')
    c.many('updatekeys', '-y', 's').status(0)
    need((c.starts('recipient-v1'), c.starts()), (1, 0), 'starts for updatekeys')
    for n in old:
        need(sopslib.Opened(c.text(n)).key(ID_TOKEN), c.key, 'data key of ' + n)


@check
def a_plugin_recipient_for_one_file_key_only(c):
    names = c.seals(5, [ALICE])
    c.env['COUNTER'] = 'rsingle'
    c.many('rotate', '-i', '--add-age', TOKEN, 's').status(0)
    c.rotated(names)
    c.rotated(names, ID_TOKEN)


@check
def a_plugin_that_is_not_there(c):
    c.seals(10, [TOKEN])
    c.token()
    os.unlink(os.path.join(c.bin, 'age-plugin-counter'))
    r = c.many('rotate', '-i', 's').status(1)
    has(r.err, 'age-plugin-counter', 'stderr')
    need(r.err.count('Failed to get the data key'), 1, 'how often the same error is printed')


@check
def copies_cost_one_unwrapping(c):
    c.token()
    first = c.seal('s/a.yaml', [TOKEN])
    for i in range(12):
        c.write('s/copy%02d.yaml' % i, c.read(first))
    c.many('decrypt', '--output-dir', 'out', 's').status(0)
    need((c.starts(), c.events('files')[0]['count']), (1, 1), 'starts, files of the run')


@check
def the_real_go_framework(c):
    if not Peers.pq or not Peers.age:
        raise Skip('no age-plugin-pq')
    pq = os.path.join(KEYS, 'age', 'pat-pq.txt')
    identity = c.run([Peers.pq, '-identity', pq], keep=False)
    true(identity.rc == 0, 'age-plugin-pq -identity: ' + identity.err)
    c.write('pq.txt', identity.out, 0o600)
    c.script('age-plugin-pq', '#!/bin/sh\necho "$*" >> %s/pq.log\nexec %s "$@"\n' % (c.root, Peers.pq))
    for i in range(8):
        c.other('s/f%d.yaml' % i, b'pw: %s\n' % CANARY.encode(), '--age', NAMES['PAT'])
    before = c.snapshot()
    c.many('rotate', '-i', 's', env={'SOPS_AGE_KEY_FILE': c.path('pq.txt')}).status(0)
    with open(c.root + '/pq.log') as f:
        need(f.read().count('identity-v1'), 1, 'starts of age-plugin-pq')
    need(len(c.changed(before)), 8, 'files changed')
    for i in range(8):
        r = c.sops('decrypt', 's/f%d.yaml' % i, env={'SOPS_AGE_KEY_FILE': pq}).status(0)
        has(r.text, CANARY, 'clear text')


@check
def the_real_rust_framework(c):
    if not Peers.rust:
        raise Skip('no age-plugin-xor (peers/age-plugin-xor)')
    c.script('age-plugin-xor', '#!/bin/sh\necho "$*" >> %s/xor.log\nexec %s "$@"\n' % (c.root, Peers.rust))
    recipient, identity = agelib.bech32('age1xor', b'k'), agelib.bech32('AGE-PLUGIN-XOR-', b'k')
    c.write('xor.txt', identity + '\n')
    for i in range(8):
        c.other('s/f%d.yaml' % i, b'pw: %s\n' % CANARY.encode(), '--age', recipient)
    with open(c.root + '/xor.log', 'w'):
        pass
    before = c.snapshot()
    c.many('rotate', '-i', 's', env={'SOPS_AGE_KEY_FILE': c.path('xor.txt')}).status(0)
    with open(c.root + '/xor.log') as f:
        log = f.read()
    need((log.count('identity-v1'), log.count('recipient-v1')), (1, 1), 'starts of age-plugin-xor')
    need(len(c.changed(before)), 8, 'files changed')
    for i in range(8):
        r = c.sops('decrypt', 's/f%d.yaml' % i, env={'SOPS_AGE_KEY_FILE': c.path('xor.txt')}).status(0)
        has(r.text, CANARY, 'clear text')


@check
def a_passphrase_is_asked_once(c):
    if not Peers.age:
        raise Skip('no age to protect an identity')
    with open(os.path.join(c.root, 'id.txt'), 'w') as f:
        f.write(ID_ALICE + '\n')
    r = c.tty([], [('passphrase', 'canary-7Qz-phrase\n'), ('onfirm', 'canary-7Qz-phrase\n')], argv=[Peers.age, '-p', '-o', os.path.join(c.root, 'id.age'), os.path.join(c.root, 'id.txt')])
    if r.rc:
        raise Skip('age -p: ' + r.err)
    c.calls.pop()
    os.unlink(os.path.join(c.root, 'id.txt'))
    names = c.seals(6)
    r = c.tty(['rotate', '-r', '-i', 's'], [('passphrase', 'canary-7Qz-phrase\n')] * 3, env={'SOPS_AGE_KEY_FILE': os.path.join(c.root, 'id.age')}, timeout=90).status(0)
    need(len(r.unasked), 2, 'questions that did not come, of three')
    c.rotated(names)


@check
def a_key_command_runs_once_for_a_recipient(c):
    c.script('key', '#!/bin/sh\necho "$SOPS_AGE_RECIPIENT" >> %s/cmd.log\ncat %s/age/alice.txt\n' % (c.root, KEYS))
    names = c.seals(9, [BOB, ALICE])
    c.many('rotate', '-i', 's', env={'SOPS_AGE_KEY_FILE': None, 'SOPS_AGE_KEY_CMD': 'key'}).status(0)
    with open(c.root + '/cmd.log') as f:
        asked = f.read().split()
    need(len(asked), len(set(asked)), 'runs of the command for %s' % set(asked))
    c.rotated(names)


@check
def groups_and_thresholds(c):
    c.write('.sops.yaml', 'creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n' + ''.join('      - age: [%s]\n' % r for r in (ALICE, TOKEN, BOB)))
    for i in range(5):
        c.write('s/g%d.yaml' % i, 'pw: %s\n' % CANARY)
    c.sops('encrypt', '-r', '-i', '--include', 'yaml', 's').status(0)
    c.token(plus_alice=True)
    c.forget()
    before = c.snapshot('s')
    c.many('rotate', '-i', 's').status(0)
    true(1 <= c.starts() <= 2, '%d starts: once for the group of the token, at most once for that of bob' % c.starts())
    need(len(c.changed(dict(c.snapshot(), **before))), 5, 'files changed')
    r = c.many('decrypt', '--output-dir', 'out', 's', env={'SOPS_AGE_KEY_FILE': os.path.join(KEYS, 'age', 'bob.txt')}).status(1)
    need({x['status'] for x in r.lines()[0].values()}, {128}, 'with one group of three')
    has(' '.join(r.err.split()), 'Shamir threshold of 2', 'report')


@check
def the_decryption_order_is_that_of_a_single_run(c):
    names = c.seals(4, [TOKEN, ALICE])
    c.token(plus_alice=True)
    c.many('rotate', '-i', '--decryption-order', 'age,pgp', 's').status(0)
    c.many('rotate', '-i', '--decryption-order', 'age,age', 's').status(112)
    c.rotated(names)


# ---- Vault transit, a small one of our own that counts
class Vault(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *a):
        pass

    def do_PUT(self):
        s, body = self.server, json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        action, key = self.path.split('/')[-2:]
        items = body.get('batch_input')
        with s.lock:
            s.requests.append((action, key, len(items) if items is not None else 0))
            s.times.append(time.time())
            s.now += 1
            s.most = max(s.most, s.now)
        time.sleep(s.delay)
        with s.lock:
            s.now -= 1
        status, out = s.answer(action, items, body)
        data = json.dumps(out).encode()
        try:
            self.send_response(status)
            self.send_header('Content-Length', str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass

    do_POST = do_PUT


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64
    batch, delay, refuse, bad = True, 0.0, 0, ()

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Vault)
        self.lock, self.requests, self.times, self.now, self.most = threading.Lock(), [], [], 0, 0
        self.url = 'http://127.0.0.1:%d' % self.server_port
        threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()

    def one(self, action, item):
        if action == 'encrypt':
            raw = base64.b64decode(item['plaintext'])
            return {'ciphertext': 'vault:v1:' + base64.b64encode(os.urandom(8) + bytes(b ^ 0x33 for b in raw)).decode(), 'key_version': 1}
        text = item['ciphertext']
        if text in self.bad:
            return {'plaintext': '', 'error': 'cipher: message authentication failed'}
        return {'plaintext': base64.b64encode(bytes(b ^ 0x33 for b in base64.b64decode(text[9:])[8:])).decode()}

    def answer(self, action, items, body):
        if self.refuse:
            return self.refuse, {'errors': ['permission denied']}
        if items is not None:
            if not self.batch:
                return 400, {'errors': ['batch_input is not supported']}
            results = [self.one(action, i) for i in items]
            return (400 if any('error' in r for r in results) else 200), {'data': {'batch_results': results}}
        r = self.one(action, body)
        return (400, {'errors': [r['error']]}) if 'error' in r else (200, {'data': r})


def wrapped(key):
    return 'vault:v1:' + base64.b64encode(os.urandom(8) + bytes(b ^ 0x33 for b in key)).decode()


def vault(c, n, **kw):
    s = Server()
    for k, v in kw.items():
        setattr(s, k, v)
    encs = [wrapped(c.key) for _ in range(n)]
    names = [c.seal('v/f%03d.yaml' % i, [], vault=[(s.url, 'transit', 'first', encs[i])]) for i in range(n)]
    c.env.update(VAULT_TOKEN='t', VAULT_MAX_RETRIES='0')
    return s, names, encs


def wants(s, action):
    return [n for a, _, n in s.requests if a == action]


@check
def vault_in_batches(c):
    s, names, _ = vault(c, 250)
    c.many('rotate', '-i', 'v', timeout=100).status(0)
    need((sum(wants(s, 'decrypt')), len(wants(s, 'decrypt'))), (250, 3), 'items of the decrypt requests, and their number')
    true(max(wants(s, 'decrypt') + wants(s, 'encrypt')) <= 100, 'more than 100 items in a request')
    need(sum(wants(s, 'encrypt')), 250, 'items of the encrypt requests')
    true(len(wants(s, 'encrypt')) <= 3, '%d encrypt requests' % len(wants(s, 'encrypt')))
    for n in (names[0], names[249]):
        text = re.search(r'enc: (vault:v1:\S+)', c.text(n))[1]
        key = bytes(b ^ 0x33 for b in base64.b64decode(text[9:])[8:])
        true(key != c.key, n + ' has the old data key')
        sopslib.Opened(c.text(n)).tree(key)


@check
def vault_a_single_item_goes_as_before(c):
    s, names, _ = vault(c, 1)
    c.many('rotate', '-i', 'v').status(0)
    need([r for r in s.requests if r[2]], [], 'batches for one item')


@check
def vault_one_bad_item_of_many(c):
    s, names, encs = vault(c, 30)
    s.bad = {encs[7]}
    r = c.many('rotate', '-i', 'v').status(1)
    need([n for n, x in r.results().items() if x == 'failed'], [names[7]], 'failed files')
    need(r.lines()[0][names[7]]['status'], 128, 'status')
    has(r.err, 'message authentication failed', 'stderr')
    true(len(wants(s, 'decrypt')) <= 2, '%d decrypt requests' % len(wants(s, 'decrypt')))


@check
def vault_that_knows_no_batches(c):
    s, names, _ = vault(c, 12, batch=False)
    c.many('rotate', '-i', 'v').status(0)
    need(wants(s, 'decrypt').count(0), 12, 'single decrypt requests')


@check
def vault_that_knows_no_batches_and_a_bad_first_item(c):
    """The first, sent alone, is refused, but with another error than the batch: the others are tried."""
    s, names, encs = vault(c, 6, batch=False)
    s.bad = {encs[0]}
    r = c.many('rotate', '-i', 'v').status(1)
    need(r.results(), dict(dict.fromkeys(names, 'changed'), **{names[0]: 'failed'}), 'results')


@check
def vault_that_refuses(c):
    s, names, _ = vault(c, 40, refuse=403)
    before = c.snapshot()
    r = c.many('rotate', '-i', 'v').status(1)
    need({x['status'] for x in r.lines()[0].values()}, {128}, 'statuses')
    true(len(s.requests) <= 4, '%d requests to a server that refuses' % len(s.requests))
    c.same(before, 'refused')
    need(r.err.count('permission denied'), 1, 'how often the same error is printed')


@check
def vault_eight_requests_at_a_time(c):
    s, names, _ = vault(c, 40, batch=False, delay=0.1)
    c.many('decrypt', '--output-dir', 'out', '--jobs', '32', 'v').status(0)
    true(2 <= s.most <= 8, '%d requests at a time' % s.most)
    true(s.times[-1] - s.times[0] < 3.5, '%d requests of 0.1 s took %.1f s: one after the other' % (len(s.times), s.times[-1] - s.times[0]))


@check
def vault_that_is_down(c):
    s, names, _ = vault(c, 60)
    s.shutdown()
    s.server_close()
    r = c.many('rotate', '-i', 'v', timeout=60).status(1)
    need({x['status'] for x in r.lines()[0].values()}, {128}, 'statuses')
    need(len(r.results()), 60, 'results')
    has(r.err, '59 more', 'stderr')


@check
def vault_copies_cost_one_unwrapping(c):
    s, names, encs = vault(c, 3)
    for i in range(20):
        c.write('v/copy%d.yaml' % i, c.read(names[0]))
    c.many('decrypt', '--output-dir', 'out', 'v').status(0)
    need(sum(n or 1 for n in wants(s, 'decrypt')), 3, 'unwrappings')


@check
def vault_by_address_and_key(c):
    s, names, _ = vault(c, 10)
    t = Server()
    more = [c.seal('v/t%d.yaml' % i, [], vault=[(t.url, 'transit', 'first', wrapped(c.key))]) for i in range(10)]
    more += [c.seal('v/u%d.yaml' % i, [], vault=[(s.url, 'transit', 'second', wrapped(c.key))]) for i in range(10)]
    c.many('decrypt', '--output-dir', 'out', 'v').status(0)
    need((sorted(r for r in s.requests), t.requests), ([('decrypt', 'first', 10), ('decrypt', 'second', 10)], [('decrypt', 'first', 10)]), 'requests')


# ---- the emulators
def sealed_by(c, flags, n=6):
    os.mkdir(c.path('s'))
    for i in range(n):
        r = c.sops('encrypt', '--output', 's/f%d.yaml' % i, '--filename-override', 'f.yaml', *flags, stdin='pw: %s\n' % CANARY, keep=False)
        true(r.rc == 0, 'cannot seal with %s: %s' % (flags, r.err))
    for i in range(4):
        c.write('s/copy%d.yaml' % i, c.read('s/f0.yaml'))


def encs(c):
    return {re.search(r'enc: (\S+)', c.text('s/' + n))[1] for n in os.listdir(c.path('s'))}


def unwrapped(log, texts, since):
    """How many requests the emulator got that held one of these wrapped data keys (others may use it beside us)."""
    n = 0
    with open(log, 'rb') as f:
        f.seek(since)
        for line in f:
            try:
                n += any(t[:48] in str(json.loads(line).get('body')).replace('\\/', '/') for t in texts)
            except ValueError:
                pass
    return n


def distinct(c, name, flags, n=6):
    env, log = emulator(name)
    c.env.update(env)
    sealed_by(c, flags, n)
    texts, since = encs(c), os.path.getsize(log)
    need(len(texts), n, 'distinct wrapped data keys')
    c.many('decrypt', '--output-dir', 'out', 's').status(0)
    need(unwrapped(log, texts, since), n, 'unwrappings of %d files with %d distinct data keys' % (n + 4, n))
    since = os.path.getsize(log)
    c.many('rotate', '-i', 's').status(0)
    need(unwrapped(log, texts, since), n, 'unwrappings of rotate')
    need(len(encs(c)), n + 4, 'distinct wrapped data keys after rotate')
    c.clear_ok = True
    has(c.sops('decrypt', 's/copy3.yaml').status(0).text, CANARY, 'clear text')


@check
def aws_one_request_for_each_distinct_key(c):
    distinct(c, 'aws', ['--kms', 'arn:aws:kms:us-east-1:111122223333:alias/sops'])


@check
def gcp_one_request_for_each_distinct_key(c):
    distinct(c, 'gcp', ['--gcp-kms', 'projects/test/locations/global/keyRings/ring/cryptoKeys/sops'])


@check
def azure_one_request_for_each_distinct_key(c):
    distinct(c, 'azure', ['--azure-kv', 'https://sops-test.vault.azure.net/keys/sops/0123456789abcdef0123456789abcdef'])


@check
def hckms_one_request_for_each_distinct_key(c):
    distinct(c, 'hckms', ['--hckms', 'tr-west-1:11111111-1111-4111-8111-111111111111'])


@check
def openbao_in_batches(c):
    env, _ = emulator('vault')
    c.env.update(env)
    sealed_by(c, ['--hc-vault-transit', 'http://127.0.0.1:21017/v1/sops/keys/first'])
    before = c.snapshot()
    text = c.text('s/f3.yaml')
    enc = re.search(r'enc: (vault:v1:\S+)', text)[1]
    c.write('s/f3.yaml', text.replace(enc, enc[:-6] + ('AAAA==' if enc.endswith('==') else 'AAAAA=' if enc.endswith('=') else 'AAAAAA')))
    r = c.many('rotate', '-i', 's').status(1)
    need([n for n, x in r.results().items() if x == 'failed'], ['s/f3.yaml'], 'failed files')
    c.clear_ok = True
    has(c.sops('decrypt', 's/copy0.yaml').status(0).text, CANARY, 'clear text')
    true(len(c.changed(before)) == 10, 'files changed: %s' % c.changed(before))


@check
def pgp(c):
    if not shutil.which('gpg'):
        raise Skip('no gpg')
    gnupg = os.path.join(c.root, 'g')
    os.mkdir(gnupg, 0o700)
    c.env['GNUPGHOME'] = gnupg
    try:
        c.run(['gpg', '--batch', '--quiet', '--import', os.path.join(KEYS, 'pgp', 'rsa.asc')], keep=False)
        for i in range(4):
            c.other('s/f%d.yaml' % i, b'pw: %s\n' % CANARY.encode(), '--pgp', NAMES['FP_RSA'])
        before = c.snapshot()
        c.many('rotate', '-i', 's').status(0)
        need(len(c.changed(before)), 4, 'files changed')
        c.clear_ok = True
        has(c.sops('decrypt', 's/f3.yaml').status(0).text, CANARY, 'clear text')
    finally:
        c.run(['gpgconf', '--kill', 'all'], keep=False)


@check
def a_key_service_elsewhere(c):
    sock = os.path.join(c.root, 'ks.sock')
    c.start('keyservice', '--network', 'unix', '--address', sock)
    c.until(lambda: os.path.exists(sock), 'the key service listens')
    names = c.seals(6)
    c.many('rotate', '-i', '--enable-local-keyservice=false', '--keyservice', 'unix://' + sock, 's', env={'SOPS_AGE_KEY_FILE': None}).status(0)
    c.rotated(names)
