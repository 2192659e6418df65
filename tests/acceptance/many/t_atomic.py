# SPDX-License-Identifier: Apache-2.0
"""--all-or-nothing (section 7) and signals (section 11)."""
import os, resource
from harness import *

ALL = '--all-or-nothing'


def bad_mac(c, name):
    return c.write(name, sopslib.sealed(TREE, c.key, [ALICE], mac=sopslib.enc(sopslib.Gcm(c.key), 'x', 'wrong')))


def calls(trace, *names):
    return [l for l in trace if l.split('(')[0] in names and '.sops-' in l]


@check
def all(c):
    names = c.seals(12)
    os.chmod(c.path(names[3]), 0o604)
    r = c.sops('rotate', '-r', '-i', ALL, 's').status(0)
    need(r.last(), '12 changed, 0 unchanged, 0 failed', 'last line')
    c.rotated(names)
    need(os.stat(c.path(names[3])).st_mode & 0o777, 0o604, 'mode')


@check
def nothing_when_one_file_fails(c):
    names = c.seals(8)
    bad = bad_mac(c, 's/d2/bad.yaml')
    before = c.snapshot()
    r = c.many('rotate', '-i', ALL, 's').status(1)
    need({f: x['result'] for f, x in r.lines()[0].items()}, dict([(n, 'not_done') for n in names] + [(bad, 'failed')]), 'results')
    need(r.lines()[0][bad]['status'], 51, 'status')
    need(r.lines()[1], {'files': 9, 'changed': 0, 'unchanged': 0, 'failed': 1, 'not_done': 8}, 'summary')
    c.same(before, 'nothing')
    r = c.sops('rotate', '-r', '-i', ALL, 's').status(1)
    need(r.last(), '0 changed, 0 unchanged, 1 failed, 8 not done', 'last line')
    lacks(r.err, ': rotated', 'stderr')


@check
def nothing_when_the_plan_fails(c):
    c.token()
    c.seals(5, [TOKEN])
    c.write('s/cut.yaml', c.text(c.seal('s/x.yaml', [TOKEN])).replace('    lastmodified', '\t- [lastmodified', 1))
    before = c.snapshot()
    c.sops('rotate', '-r', '-i', ALL, 's').status(1)
    c.same(before, 'nothing')
    need(c.events(), [], 'what the plugin was asked: the plan had failed before')


@check
def nothing_when_a_path_is_missing(c):
    names = c.seals(3)
    before = c.snapshot()
    c.sops('rotate', '-r', '-i', ALL, 's', 'missing').status(1)
    c.same(before, 'nothing')
    need(len(names), 3, 'files')


@check
def nothing_when_no_key_opens_one(c):
    names = c.seals(5) + [c.seal('s/bob.yaml', [BOB])]
    before = c.snapshot()
    r = c.many('decrypt', '-i', ALL, 's').status(1)
    need(r.lines()[0]['s/bob.yaml']['status'], 128, 'status')
    c.same(before, 'nothing')
    need(len(names), 6, 'files')


@check
def clear_text_has_no_name_before_the_commit(c):
    names = c.seals(6)
    r = c.strace(['-e', 'trace=open,openat,linkat,link,rename,renameat,renameat2,write,pwrite64,fsync,fdatasync'], 'decrypt', '-r', '-i', ALL, 's').status(0)
    first = next(i for i, l in enumerate(r.trace) if l.split('(')[0] in ('linkat', 'link', 'rename', 'renameat', 'renameat2') and '.sops-' in l)
    made = [l for l in r.trace[:first] if 'O_TMPFILE' in l]
    if not made:
        raise Failed('no file without a name is made')
    true(len(made) >= len(names), '%d files without a name before the first gets one' % len(made))
    for l in r.trace[:first]:
        true(not ('.sops-' in l and 'O_CREAT' in l), 'a named file before the commit: ' + l)
    after = [l for l in r.trace[first:] if l.split('(')[0] in ('write', 'pwrite64') and CANARY in l]
    need(after, [], 'clear text written after the commit began')


@check
def a_step_of_the_commit_fails(c):
    for call, when in (('rename,renameat,renameat2', 3), ('rename,renameat,renameat2', 1), ('link,linkat', 4), ('rename,renameat,renameat2', 6)):
        names = c.seals(6)
        before = c.snapshot()
        r = c.strace(['-e', 'trace=' + call, '-e', 'inject=%s:error=EIO:when=%d' % (call, when)], 'rotate', '-r', '-i', ALL, '--jobs', '1', '--json', 's').status(0, 1)
        if r.rc == 0:      # another way was found, or the step was not one of the commit
            c.rotated(names)
            continue
        c.same(before, '%s number %d failed' % (call, when))
        results = list(r.results().values())
        need((results.count('failed'), results.count('not_done')), (1, 5), 'failed and not done')


@check
def a_full_disk(c):
    names = c.seals(5)
    c.seal('s/big.yaml', tree={'k%d' % i: 'x' * 900 for i in range(40)})
    before = c.snapshot()
    r = c.run([Peers.sops, 'rotate', '-r', '-i', ALL, 's'], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))).status(1)
    c.same(before, 'a full disk')
    has(r.err, 's/big.yaml', 'stderr')
    need(len(names), 5, 'files')


@check
def a_file_with_two_names_is_refused(c):
    names = c.seals(3)
    os.mkdir(c.path('away'))
    os.link(c.path(names[1]), c.path('away/second.yaml'))
    before = c.snapshot()
    r = c.many('rotate', '-i', ALL, 's').status(1)
    need(r.results()[names[1]], 'failed', 'the file with two names')
    c.same(before, 'two names')
    c.sops('rotate', '-r', '-i', 's').status(0)
    need(c.read(names[1]), c.read('away/second.yaml'), 'without the flag it is overwritten in place')


@check
def a_file_changed_before_the_commit(c):
    c.token(plus_alice=True)
    names = [c.seal('s/a.yaml', [ALICE]), c.seal('s/b.yaml', [ALICE]), c.seal('s/z.yaml', [TOKEN])]
    before = c.snapshot()
    r = c.many('rotate', '-i', ALL, 's', env=c.hook('"%s" set s/a.yaml \'["new"]\' 1' % Peers.sops, once=False))
    # The plugin is asked in the unlock phase; what is read afterwards may be the changed file, so both outcomes are whole.
    r.status(0, 1)
    if r.rc == 1:
        need(r.lines()[0]['s/a.yaml'].get('status'), 204, 'status of the changed file')
        c.same(before, 'nothing', but=['s/a.yaml'])
    else:
        c.rotated(names[1:2])
    has(c.text('s/a.yaml'), 'new: ENC', "the other's change")


@check
def with_an_output_folder(c):
    c.seals(5)
    c.write('out/d0/f000.yaml', 'old')
    bad_mac(c, 's/zz.yaml')
    before = c.snapshot()
    c.sops('decrypt', '-r', '--output-dir', 'out', ALL, 's').status(1)
    need({k: v for k, v in c.snapshot().items() if v != 'folder'}, {k: v for k, v in before.items() if v != 'folder'}, 'files')
    os.unlink(c.path('s/zz.yaml'))
    c.sops('decrypt', '-r', '--output-dir', 'out', ALL, 's').status(0)
    has(c.text('out/d0/f000.yaml'), CANARY, 'the new text')


@check
def killed_before_the_commit(c):
    c.token(plus_alice=True)
    names = c.seals(5) + [c.seal('s/z.yaml', [TOKEN])]
    before = c.snapshot()
    go = os.path.join(c.root, 'go')
    p = c.start('decrypt', '-r', '-i', ALL, 's', env={'COUNTER_RUN': 'touch %s; sleep 3' % go})
    c.until(lambda: os.path.exists(go), 'the plugin is asked', p=p)
    os.kill(p.pid, signal.SIGKILL)
    p.wait()
    c.same(before, 'killed')
    need(len(names), 6, 'files')


@check
def killed_at_each_step_of_the_commit(c):
    base = c.snapshot()
    for call in ('linkat', 'renameat2', 'rename', 'unlink'):
        for when in (1, 2, 4):
            names = c.seals(5)
            was = {n: c.read(n) for n in names}
            r = c.strace(['-e', 'trace=' + call, '-e', 'inject=%s:signal=KILL:when=%d' % (call, when)], 'rotate', '-r', '-i', ALL, '--jobs', '1', 's')
            if r.rc >= 0 and r.rc != 137:
                r.status(0)
            for n in names:                      # each is the old file or a whole new one
                if c.read(n) != was[n]:
                    c.opened(n)
            left = [n for n in c.snapshot() if os.path.basename(n).startswith('.sops-')]
            for n in left:
                if c.read(n) not in was.values():      # the old file, or the new one for the moment between two calls
                    c.opened(n)
                os.unlink(c.path(n))
            c.sops('rotate', '-r', '-i', ALL, 's').status(0)
            c.rotated(names)
    true(base == {}, 'the check itself')


@check
def a_signal_before_the_commit(c):
    c.token(plus_alice=True)
    c.seals(5)
    c.seal('s/z.yaml', [TOKEN])
    before = c.snapshot()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        go = os.path.join(c.root, 'go%d' % number)
        p = c.start('rotate', '-r', '-i', ALL, 's', env={'COUNTER_RUN': 'touch %s; sleep 3' % go})
        c.until(lambda: os.path.exists(go), 'the plugin is asked', p=p)
        os.kill(p.pid, number)
        r = c.wait(p, 10)
        true(r.rc in (-number, 128 + number, 1), 'status %s after signal %d' % (r.rc, number))
        c.same(before, 'signal %d' % number)


def delayed(c, calls, *words):
    """sops in the background, each of these calls taking 0.15 s more; its process is sops' own."""
    if not Peers.strace:
        raise Skip('no strace')
    return c.start(argv=[Peers.strace, '-D', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=' + calls, '-e', 'inject=%s:delay_enter=150000' % calls, Peers.sops] + list(words))


@check
def a_signal_in_the_work(c):
    """What is begun is finished, what is not is left, and the report says which."""
    names = sorted(c.seals(25))
    old = {n: c.read(n) for n in names}
    p = delayed(c, 'fsync,fdatasync', 'rotate', '-r', '-i', '--jobs', '1', '--json', 's')
    c.until(lambda: any(c.read(n) != old[n] for n in names), 'the first file is changed', 60, p)
    p.send_signal(signal.SIGINT)
    r = c.wait(p).status(130, -2)
    new = [n for n in names if c.opened(n).data_key != c.key]
    true(0 < len(new) < 25, '%d of 25 files changed: the signal did not stop the work' % len(new))
    need(r.results(), {n: 'changed' if n in new else 'not_done' for n in names}, 'results, and what is in the files')
    need(r.lines()[1], {'files': 25, 'changed': len(new), 'unchanged': 0, 'failed': 0, 'not_done': 25 - len(new)}, 'summary')


@check
def a_signal_in_the_commit_waits(c):
    names = c.seals(6)
    old = {n: c.read(n) for n in names}
    p = delayed(c, 'renameat2,renameat,rename', 'rotate', '-r', '-i', ALL, 's')
    c.until(lambda: any(c.read(n) != old[n] for n in names), 'the first file is changed', 60, p)
    p.send_signal(signal.SIGTERM)
    r = c.wait(p).status(0)
    need(r.last(), '6 changed, 0 unchanged, 0 failed', 'last line')
    c.rotated(names)


@check
def killed_at_random(c):
    import random
    clear = 0
    for i in range(12):
        command = ('rotate', 'decrypt')[i % 2]
        names = c.seals(20)
        old = {n: c.read(n) for n in names}
        p = c.start(command, '-r', '-i', 's')
        time.sleep(random.random() * 0.25)
        os.kill(p.pid, signal.SIGKILL)
        p.wait()
        for n in names:
            if c.read(n) != old[n]:
                if command == 'rotate':
                    c.opened(n)
                else:
                    true(c.text(n).startswith('user: svc\n') and CANARY + '-b' in c.text(n), '%s is neither old nor clear text as a whole' % n)
        for n in list(c.snapshot()):
            if os.path.basename(n).startswith('.sops-'):
                clear += CANARY.encode() in c.read(n)
                os.unlink(c.path(n))
    true(clear <= 1, 'clear text is left in %d files after 6 kills of decrypt' % clear)      # 1: between the two calls of section 10, 4
