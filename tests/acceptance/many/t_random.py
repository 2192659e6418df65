# SPDX-License-Identifier: Apache-2.0
"""Random trees: what -r makes of one is what runs of the command on each file make of it, and a run that is ended at any moment leaves each file
old or new. SOPS_RANDOM_SEED and SOPS_RANDOM_COUNT choose others than the few that are played always."""
import random, shutil, signal, time
from harness import *

FIRST, COUNT = int(os.environ.get('SOPS_RANDOM_SEED', '1')), int(os.environ.get('SOPS_RANDOM_COUNT', '8'))
FOLDERS = ['s', 's/in ner', "s/d'e", 's/ü/x', 's/.hidden']
TEXTS = {'yaml': b'a: %d\nb_unencrypted: x\nlist: [one, 2]\n', 'json': b'{"a": %d, "b_unencrypted": "x"}', 'env': b'A=%d\nB_unencrypted=x\n', 'ini': b'[s]\na = %d\n',
         'bin': b'bytes \xff %d\n'}


def spoil(rng, text):
    """one of the things that happen to files"""
    kind = rng.choice(['mac', 'cut', 'value', 'conflict'])
    if kind == 'mac':
        return re.sub(rb'(mac"?\s*[:=]\s*"?ENC\[AES256_GCM,data:)(.)', lambda m: m.group(1) + (b'B' if m.group(2) == b'A' else b'A'), text, count=1)
    if kind == 'cut':
        return text[:len(text) * 2 // 3]
    if kind == 'value':
        return text.replace(b'ENC[AES256_GCM,data:', b'ENC[AES256_GCM,data:AAAA', 1)
    return text + b'<<<<<<< a\n=======\n>>>>>>> b\n'


def grow(c, rng, plain):
    """-> names of files, each for alice (some for bob alone), some spoilt; with `plain` not encrypted"""
    names = []
    for i in range(rng.randrange(5, 14)):
        form = rng.choice(list(TEXTS))
        name = '%s/f%d.%s' % (rng.choice(FOLDERS), i, form)
        text = TEXTS[form] % i
        if plain:
            c.write(name, text if rng.random() < 0.85 else text + b'] [\n')
        else:
            c.other(name, text, '--age', BOB if rng.random() < 0.1 else ALICE)
            if rng.random() < 0.2:
                c.write(name, spoil(rng, c.read(name)))
        names.append(name)
    c.write('s/note.txt', b'not encrypted\n')
    return names


def clear(c, top, name):
    r = c.run([Peers.sops, 'decrypt', os.path.join(top, name)], keep=False)
    return r.rc, r.out


def readers(c, top, name):
    r = c.run([Peers.sops, 'recipients', '--json', os.path.join(top, name)], keep=False)
    return [sorted(k['id'] for k in g['keys']) for g in json.loads(r.text)['groups']] if r.rc == 0 else r.rc


def compare(c, seed):
    rng = random.Random(seed)
    command, flags = rng.choice([('decrypt', ['-i']), ('encrypt', ['-i']), ('rotate', ['-i']), ('rotate', ['-i', '--add-age', BOB]), ('updatekeys', ['-y'])])
    c.rules(('^s/', [ALICE, BOB]))
    names = grow(c, rng, command == 'encrypt')
    shutil.copytree(c.path('s'), c.path('one/s'))
    shutil.copy(c.path('.sops.yaml'), c.path('one/.sops.yaml'))
    before = {n: c.read(n) for n in names}
    shown, summary = c.many(command, *flags, '--jobs', str(rng.choice([1, 2, 8])), 's').status(0, 1).lines()
    failed = 0
    for n in names:
        r = c.sops(command, *flags, n, cwd=c.path('one'))
        mine, theirs = c.read(n), c.read('one/' + n)
        what = 'seed %d, %s %s' % (seed, command, n)
        if n not in shown:  # a folder's file that is not encrypted any more, or is not required
            need(mine, before[n], what + ': not named, and changed')
            true(r.rc != 0 or theirs == before[n], '%s: passed over, and a run of its own does it' % what)
            continue
        row = shown[n]
        need(row.get('status', 0), r.rc, '%s (%s): status' % (what, short(r.err)))
        failed += row['result'] == 'failed'
        if r.rc != 0 or command == 'decrypt':
            need(mine, theirs, what + ': content')
        else:
            need((mine != before[n], clear(c, '', n), readers(c, '', n)), (theirs != before[n], clear(c, 'one', n), readers(c, 'one', n)), what + ': content')
    need(summary['failed'], failed, 'seed %d: failures' % seed)
    if command != 'encrypt':
        need(c.read('s/note.txt'), b'not encrypted\n', 'a plain file')


def interrupt(c, seed):
    rng = random.Random(seed)
    c.rules(('^s/', [ALICE]))
    names = ['s/%02d.yaml' % i for i in range(40)]
    for n in names:
        c.seal(n)
    before = {n: c.read(n) for n in names}
    atomic = rng.random() < 0.4
    which = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
    p = c.start('rotate', '-r', '-i', *(['--all-or-nothing'] if atomic else []), 's')
    time.sleep(rng.random() * 0.12)
    p.send_signal(which)
    c.wait(p)
    new = [n for n in names if c.read(n) != before[n]]
    c.rotated(new)
    if atomic and which != signal.SIGKILL:
        true(len(new) in (0, len(names)), 'seed %d: %d of %d files are new' % (seed, len(new), len(names)))
    extra = set(os.listdir(c.path('s'))) - {os.path.basename(n) for n in names}
    need([x for x in extra if which != signal.SIGKILL or not x.startswith('.sops-')], [], 'seed %d: files left' % seed)
    if which == signal.SIGKILL:
        c.left_ok = True


@check
def trees(c):
    c.clear_ok = True
    for seed in range(FIRST, FIRST + COUNT):
        compare(c, seed)
        for entry in os.listdir(c.dir):
            shutil.rmtree(c.path(entry), ignore_errors=True)


@check
def interrupted(c):
    for seed in range(FIRST, FIRST + COUNT):
        interrupt(c, seed)
        shutil.rmtree(c.path('s'))
