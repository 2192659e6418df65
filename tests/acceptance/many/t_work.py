# SPDX-License-Identifier: Apache-2.0
"""What each command does to each file, where results go, what is printed (sections 3, 4, 6, 8)."""
import os
from harness import *


def config(c, *recipients, **kw):
    c.rules(('^s/', list(recipients)), **kw)


# ---- the report
@check
def json_of_rotate(c):
    names = c.seals(4)
    whole = c.text(names[1])
    c.write(names[1], whole.replace('data:', 'data:AA', 1))
    r = c.many('rotate', '-i', 's').status(1)
    for n, x in r.lines()[0].items():
        if n != names[1]:
            need(x, {'schema': 1, 'file': n, 'action': 'rotate', 'result': 'changed', 'format': 'yaml'}, 'line')
    bad = r.lines()[0][names[1]]
    need(list(bad), [k for k in ('schema', 'file', 'action', 'result', 'format', 'status', 'error') if k in bad], 'keys and their order')
    need((bad['result'], bad['status']), ('failed', 25), 'failed file')
    need([l[:12] for l in r.text.splitlines()], ['{"schema":1,'] * 5, 'form of the lines')
    need(r.lines()[1], {'files': 4, 'changed': 3, 'unchanged': 0, 'failed': 1, 'not_done': 0}, 'summary')
    need(list(r.lines()[1]), ['files', 'changed', 'unchanged', 'failed', 'not_done'], 'order of the summary')


@check
def the_last_line_counts(c):
    names = c.seals(5)
    r = c.sops('rotate', '-r', '-i', 's').status(0)
    need(r.last(), '5 changed, 0 unchanged, 0 failed', 'last line of stderr')
    need(r.out, b'', 'stdout')
    for n in names:
        has(r.err, n + ': rotated\n', 'stderr')
    c.write(names[2], c.text(names[2]).replace('data:', 'data:AA', 1))
    r = c.sops('rotate', '-r', '-i', 's').status(1)
    need(r.last(), '4 changed, 0 unchanged, 1 failed', 'last line of stderr')
    has(r.err, names[2], 'stderr')
    lines = r.err.split('\n')
    order = [n for l in lines for n in names if l == n + ': rotated']
    need(order, [n for n in sorted(names) if n != names[2]], 'order of the lines')


@check
def the_same_error_is_printed_once(c):
    c.seals(30, [BOB])
    good = c.seal('s/zz.yaml')
    r = c.sops('rotate', '-r', '-i', 's').status(1)
    need(r.err.count('Failed to get the data key'), 1, 'errors')
    has(r.err, 'The same for 29 more:', 'stderr')
    has(r.err, '… and 19 more', 'stderr')
    need(len([l for l in r.err.split('\n') if l.startswith('  s/d')]), 10, 'names below the error')
    need(r.last(), '1 changed, 0 unchanged, 30 failed', 'last line')
    c.rotated([good])


@check
def errors_that_differ_are_all_printed(c):
    a, b, d = c.seal('s/a.yaml', [BOB]), c.seal('s/b.yaml'), c.seal('s/d.yaml')
    c.write(b, c.text(b).replace('port: ENC', 'port: XENC', 1))
    c.write(d, sopslib.sealed(TREE, c.key, [ALICE], mac=sopslib.enc(sopslib.Gcm(c.key), 'x', 'wrong')))
    r = c.many('rotate', '-i', 's').status(1)
    need({f: x['status'] for f, x in r.lines()[0].items()}, {a: 128, b: 25, d: 51}, 'statuses')
    for n in (a, b, d):
        has(r.err, n, 'stderr')


@check
def progress_on_a_terminal_only(c):
    names = c.seals(12)
    lacks(c.sops('rotate', '-r', '-i', 's').status(0).err, '[1', 'stderr without a terminal')
    r = c.tty(['rotate', '-r', '-i', 's']).status(0)
    has(r.err, '/12]', 'the terminal')
    r = c.sops('rotate', '-r', '-i', 's').status(0)
    lacks(r.err, '\r', 'stderr without a terminal')
    lacks(r.err, '\x1b', 'stderr without a terminal')
    need(len(names), 12, 'files')


# ---- rotate
@check
def rotate_keys_in_and_out(c):
    names = c.seals(6, [ALICE, BOB])
    c.sops('rotate', '-r', '-i', '--add-age', CAROL, '--rm-age', BOB, 's').status(0)
    c.rotated(names)
    for n in names:
        need(sopslib.Opened(c.text(n)).recipients, [ALICE, CAROL], 'recipients of ' + n)
        need(sopslib.Opened(c.text(n)).key(ID_CAROL), sopslib.Opened(c.text(n)).key(ID_ALICE), "carol's data key")


@check
def rotate_is_what_n_single_runs_do(c):
    trees = [TREE, {'a': CANARY}, {'n': {'m': {'k': [1, 2, True, '']}}, 'z': CANARY + '\u00e4'}]
    for i, t in enumerate(trees):
        c.seal('s/f%d.yaml' % i, tree=t, version='3.9.0')
    before = {n: sopslib.Opened(c.text(n)) for n in ('s/f0.yaml', 's/f1.yaml', 's/f2.yaml')}
    c.sops('rotate', '-r', '-i', 's').status(0)
    for i, t in enumerate(trees):
        n = 's/f%d.yaml' % i
        o = c.opened(n, tree=t)
        true(o.data_key != c.key and o.mac != before[n].mac, n)
        true(not set(o.ciphertexts) & set(before[n].ciphertexts), n + ': a ciphertext stayed')
        has(o.meta, 'version: 3.9.0', 'metadata')


@check
def older_than(c):
    for days, n in ((400, 'a'), (91, 'b'), (89, 'd'), (0, 'e')):
        c.seal('s/%s.yaml' % n, modified=sopslib.now(days))
    c.seal('s/future.yaml', modified=sopslib.now(-3))
    c.seal('s/zone.yaml', modified='2020-05-01T02:00:00+02:00')
    r = c.many('rotate', '-i', '--older-than', '90d', 's').status(0)
    need({f: (x['result'], x.get('reason')) for f, x in r.lines()[0].items()},
         {'s/a.yaml': ('changed', None), 's/b.yaml': ('changed', None), 's/zone.yaml': ('changed', None), 's/d.yaml': ('unchanged', 'too_new'),
          's/e.yaml': ('unchanged', 'too_new'), 's/future.yaml': ('unchanged', 'too_new')}, 'results')
    c.rotated(['s/a.yaml', 's/b.yaml', 's/zone.yaml'])
    c.untouched(['s/d.yaml', 's/e.yaml', 's/future.yaml'])
    need(set(c.many('rotate', '-i', '--older-than', '90d', 's').status(0).results().values()), {'unchanged'}, 'a second run')


# ---- dry run
@check
def dry_run_needs_no_key_and_writes_nothing(c):
    c.token()
    names = c.seals(5, [TOKEN])
    config(c, TOKEN, ALICE)
    c.write('s/plain.yaml', 'a: %s\n' % CANARY)
    before = c.snapshot()
    r = c.sops('rotate', '-r', '--dry-run', 's').status(1)
    need(r.text, ''.join('would rotate %s\n' % n for n in sorted(names)), 'stdout')
    need(r.last(), '5 would change, 0 unchanged, 0 failed', 'last line')
    need(c.sops('encrypt', '-r', '--dry-run', 's').status(1).text, 'would encrypt s/plain.yaml\n', 'stdout of encrypt')
    need(c.sops('decrypt', '-r', '--dry-run', '--output-dir', 'out', 's').status(1).text, ''.join('would decrypt %s -> out%s\n' % (n, n[1:]) for n in sorted(names)), 'stdout of decrypt')
    r = c.sops('updatekeys', '-r', '--dry-run', 's', stdin='').status(1)
    lacks(r.text, 'Is this okay', 'stdout of updatekeys')
    has(r.text, '+++ ' + ALICE, 'stdout of updatekeys')
    r = c.many('rotate', '--dry-run', 's').status(1)
    need(set(r.results().values()), {'would_change'}, 'results')
    need(r.lines()[1]['changed'], 5, 'summary')
    c.same(before, 'a dry run')
    need(c.events(), [], 'what the plugin was asked')


@check
def dry_run_statuses(c):
    config(c, ALICE)
    c.write('d/x', '')
    names = c.seals(2)
    c.sops('updatekeys', '-r', '--dry-run', 's').status(0)
    c.sops('rotate', '-r', '--dry-run', 'd').status(0)
    c.sops('rotate', '-r', '--dry-run', 's', 'missing').status(2)
    c.sops('rotate', '-r', '-i', '--dry-run', 's').status(1)
    c.untouched(names)


# ---- decrypt and --output-dir
@check
def decrypt_in_place(c):
    names = c.seals(4)
    os.chmod(c.path(names[0]), 0o640)
    r = c.sops('decrypt', '-r', '-i', 's').status(0)
    need(r.out, b'', 'stdout')
    for n in names:
        has(c.text(n), CANARY, n)
    need(os.stat(c.path(names[0])).st_mode & 0o777, 0o640, 'mode')
    need(c.many('decrypt', '-i', 's').status(0).lines()[1]['files'], 0, 'a second run')


@check
def decrypt_into_a_folder(c):
    names = c.seals(4) + [c.seal('s/deep/er/x.yaml'), c.other('s/b.env', b'K=%s\n' % CANARY.encode())]
    before = c.snapshot('s')
    c.run(['/bin/sh', '-c', 'umask 0 && exec "$0" "$@"', Peers.sops, 'decrypt', '-r', '--output-dir', 'out/clear', 's']).status(0)
    need({k: v for k, v in c.snapshot('s').items()}, before, 'sources')
    for n in names:
        p = c.path('out/clear/' + n[2:])
        has(open(p, 'rb').read(), CANARY, p)
        need(os.stat(p).st_mode & 0o777, 0o600, 'mode of ' + p)
    for d in ('out', 'out/clear', 'out/clear/deep', 'out/clear/deep/er'):
        need(os.stat(c.path(d)).st_mode & 0o777, 0o700, 'mode of ' + d)
    c.clear_ok = True
    for n in names[:2]:
        need(open(c.path('out/clear/' + n[2:]), 'rb').read(), c.sops('decrypt', n).status(0).out, 'clear text of ' + n)


@check
def decrypt_into_a_folder_again(c):
    names = c.seals(3)
    c.sops('decrypt', '-r', '--output-dir', 'out', 's').status(0)
    os.chmod(c.path('out/' + names[0][2:]), 0o644)
    c.write('out/other.txt', 'stays')
    c.seal(names[0], tree={'new': CANARY + '-2'})
    c.sops('decrypt', '-r', '--output-dir', 'out', 's').status(0)
    has(c.text('out/' + names[0][2:]), CANARY + '-2', 'the new text')
    need(os.stat(c.path('out/' + names[0][2:])).st_mode & 0o777, 0o600, 'mode')
    need(c.text('out/other.txt'), 'stays', 'a foreign file')


@check
def files_named_go_by_their_last_name(c):
    c.seal('s/x/a.yaml')
    c.seal('s/y/b.yaml')
    c.sops('decrypt', '-r', '--output-dir', 'out', 's/x/a.yaml', 's/y').status(0)
    need(sorted(os.listdir(c.path('out'))), ['a.yaml', 'b.yaml'], 'names')


@check
def two_files_for_one_place(c):
    c.seal('x/a.yaml')
    c.seal('y/a.yaml')
    before = c.snapshot()
    r = c.sops('decrypt', '-r', '--output-dir', 'out', 'x', 'y').status(8)
    has(r.err, 'x/a.yaml', 'message')
    has(r.err, 'y/a.yaml', 'message')
    c.sops('decrypt', '-r', '--output-dir', 'x', 'x').status(8)
    c.sops('decrypt', '-r', '--output-dir', 'x', 'x/a.yaml').status(8)
    c.same(before, 'status 8')


@check
def the_output_folder_below_a_path(c):
    c.seal('a.yaml')
    c.sops('decrypt', '-r', '--output-dir', 'out', '.').status(0)
    c.seal('out/b.yaml')
    need(list(c.many('decrypt', '--output-dir', 'out', '.').status(0).results()), ['a.yaml'], 'files')


@check
def links_below_the_output_folder(c):
    a, b = c.seal('s/d/a.yaml'), c.seal('s/b.yaml')
    os.mkdir(c.path('out'))
    c.write('away/keep.txt', 'mine')
    os.symlink('../away', c.path('out/d'))
    os.symlink('../away/keep.txt', c.path('out/b.yaml'))
    r = c.many('decrypt', '--output-dir', 'out', 's').status(1)
    need({f: (x['result'], x.get('status')) for f, x in r.lines()[0].items()}, {a: ('failed', 3), b: ('failed', 3)}, 'results')
    need(c.text('away/keep.txt'), 'mine', 'what the link leads to')
    need(os.listdir(c.path('away')), ['keep.txt'], 'the folder that the link leads to')
    os.symlink('elsewhere', c.path('link'))
    os.mkdir(c.path('elsewhere'))
    c.sops('decrypt', '-r', '--output-dir', 'link', 's').status(0)
    true(os.path.exists(c.path('elsewhere/d/a.yaml')), 'DIR itself may be a link')


@check
def a_failing_file_leaves_nothing_in_the_folder(c):
    names = c.seals(3)
    c.write(names[1], sopslib.sealed(TREE, c.key, [ALICE], mac=sopslib.enc(sopslib.Gcm(c.key), 'x', 'wrong')))
    c.many('decrypt', '--output-dir', 'out', 's').status(1)
    need(sorted(n for n, v in c.snapshot('out').items() if v != 'folder'), sorted('out/' + n[2:] for n in (names[0], names[2])), 'files')
    c.many('decrypt', '--output-dir', 'out', '--ignore-mac', 's').status(0)
    has(c.text('out/' + names[1][2:]), CANARY, '--ignore-mac')


@check
def encrypt_into_a_folder(c):
    config(c, ALICE)
    c.write('s/a.yaml', 'pw: %s\n' % CANARY)
    sealed = c.seal('s/b.yaml')
    c.run(['/bin/sh', '-c', 'umask 027 && exec "$0" "$@"', Peers.sops, 'encrypt', '-r', '--output-dir', 'out', 's']).status(0)
    has(c.text('s/a.yaml'), CANARY, 'the source')
    lacks(c.text('out/a.yaml'), CANARY, 'the result')
    need(c.read('out/b.yaml'), c.read(sealed), 'what was sealed already is copied')
    need([os.stat(c.path(p)).st_mode & 0o777 for p in ('out', 'out/a.yaml', 'out/b.yaml')], [0o750, 0o640, 0o640], 'modes')
    need(sopslib.Opened(c.text('out/a.yaml')).recipients, [ALICE], 'recipients: the rule is for the source')


# ---- updatekeys
def diff(n, names, *lines):
    return 'The following changes will be made to the groups of %s:\n' % ('1 file' if n == 1 else '%d files' % n) + ''.join(l + '\n' for l in lines) + ''.join('  %s\n' % x for x in names)


@check
def updatekeys_asks_once(c):
    config(c, ALICE, CAROL)
    names = c.seals(3, [ALICE, BOB])
    other = c.seal('s/zz.yaml', [ALICE])
    fine = c.seal('s/fine.yaml', [ALICE, CAROL])
    one = diff(3, names, 'Group 1', '    ' + ALICE, '+++ ' + CAROL, '--- ' + BOB)
    two = diff(1, [other], 'Group 1', '    ' + ALICE, '+++ ' + CAROL)
    before = c.snapshot()
    r = c.sops('updatekeys', '-r', 's', stdin='n\n').status(0)
    need(r.text, one + '\n' + two + 'Is this okay? (y/n):', 'stdout')
    c.same(before, 'answered n')
    c.sops('updatekeys', '-r', 's', stdin='').status(1)
    c.same(before, 'no answer')
    r = c.sops('updatekeys', '-r', 's', stdin='maybe\ny\n').status(0)
    need(r.text.count('Is this okay? (y/n):'), 2, 'questions, one of them again')
    need(r.last(), '4 changed, 1 unchanged, 0 failed', 'last line')
    for n in names + [other]:
        need(c.opened(n).recipients, [ALICE, CAROL], 'recipients of ' + n)
    c.untouched(names + [other, fine])
    r = c.sops('updatekeys', '-r', 's', stdin='').status(0)
    need(r.out, b'', 'stdout when nothing is to be done')


@check
def updatekeys_names_ten_files(c):
    config(c, ALICE, CAROL)
    names = sorted(c.seals(25, [ALICE]))
    lines = ['Group 1', '    ' + ALICE, '+++ ' + CAROL]
    need(c.sops('updatekeys', '-r', '-y', 's').status(0).text, diff(25, names[:10], *lines) + '  … and 15 more\n', 'stdout')
    c.rules(('^s/', [ALICE]))
    lines = ['Group 1', '    ' + ALICE, '--- ' + CAROL]
    need(c.sops('updatekeys', '-r', '--dry-run', 's').status(1).text, diff(25, names, *lines), 'stdout of a dry run')


@check
def updatekeys_keeps_values(c):
    config(c, ALICE, CAROL)
    names = c.seals(3, [ALICE, BOB])
    old = {n: sopslib.Opened(c.text(n)) for n in names}
    c.sops('updatekeys', '-r', '-y', 's').status(0)
    for n in names:
        o = c.opened(n)
        need((o.values, o.mac, o.modified, o.data_key), (old[n].values, old[n].mac, old[n].modified, c.key), n)


@check
def updatekeys_json(c):
    config(c, ALICE, CAROL)
    a, b, d = c.seal('s/a.yaml', [BOB, ALICE]), c.seal('s/b.yaml', [CAROL, ALICE]), c.seal('s/d.yaml', [ALICE])
    r = c.many('updatekeys', '-y', 's').status(0)
    need(r.lines()[0], {a: {'schema': 1, 'file': a, 'action': 'updatekeys', 'result': 'changed', 'format': 'yaml', 'groups': [{'group': 1, 'added': [CAROL], 'removed': [BOB]}]},
                        b: {'schema': 1, 'file': b, 'action': 'updatekeys', 'result': 'unchanged', 'reason': 'up_to_date', 'format': 'yaml'},
                        d: {'schema': 1, 'file': d, 'action': 'updatekeys', 'result': 'changed', 'format': 'yaml', 'groups': [{'group': 1, 'added': [CAROL], 'removed': []}]}}, 'lines')


@check
def updatekeys_json_and_the_question(c):
    config(c, ALICE, CAROL)
    names = c.seals(3, [ALICE])
    before = c.snapshot()
    r = c.many('updatekeys', 's', stdin='n\n').status(0)
    need({f: (x['result'], x['reason']) for f, x in r.lines()[0].items()}, {n: ('unchanged', 'declined') for n in names}, 'results')
    has(r.err, 'Is this okay? (y/n):', 'stderr')
    c.same(before, 'answered n')
    need(set(c.many('updatekeys', 's', stdin='y\n').status(0).results().values()), {'changed'}, 'results')


@check
def updatekeys_warns_who_can_still_open(c):
    config(c, ALICE)
    c.seals(3, [ALICE, BOB])
    r = c.sops('updatekeys', '-r', '-y', 's').status(0)
    warning = [l for l in r.err.split('\n') if BOB in l]
    need(len(warning), 1, 'lines of stderr that name who goes')
    has(warning[0], '--rotate', 'the warning')
    one = c.seal('s/one.yaml', [ALICE, BOB])
    r = c.sops('updatekeys', '-y', one).status(0)
    has([l for l in r.err.split('\n') if BOB in l][0], '--rotate', 'the warning without -r')
    need(r.text, "The following changes will be made to the file's groups:\nGroup 1\n    %s\n--- %s\n" % (ALICE, BOB), 'stdout without -r')
    c.seal('s/two.yaml', [ALICE])
    config(c, ALICE, CAROL)
    lacks(c.sops('updatekeys', '-y', 's/two.yaml').status(0).err, '--rotate', 'stderr when nobody goes')


@check
def updatekeys_rotate_when_somebody_goes(c):
    config(c, ALICE)
    names = c.seals(4, [ALICE, BOB], modified=sopslib.now(30))
    old = {n: sopslib.Opened(c.text(n)) for n in names}
    r = c.sops('updatekeys', '-r', '-y', '--rotate', 's').status(0)
    need(r.text, diff(4, names, '+++ new data key', 'Group 1', '    ' + ALICE, '--- ' + BOB), 'stdout')
    c.rotated(names)
    for n in names:
        o = c.opened(n)
        need((o.recipients, o.key(ID_BOB)), ([ALICE], None), 'recipients of ' + n)
        true(not set(o.ciphertexts) & set(old[n].ciphertexts), n + ': a ciphertext stayed')
        true(o.mac != old[n].mac and o.modified > old[n].modified, n + ': MAC and time')
        try:
            o.tree(c.key)
            raise Failed(n + ' still opens with the old data key')
        except ValueError:
            pass
    has(r.err, 'change the secrets', 'note at the end')
    need([l for l in r.err.split('\n') if BOB in l and '--rotate' in l], [], 'warnings to use what is used')
    again = c.snapshot()
    c.sops('updatekeys', '-r', '-y', '--rotate', 's').status(0)
    c.same(again, 'a second run')


@check
def updatekeys_rotate_of_one_file(c):
    config(c, ALICE)
    a = c.seal('s/a.yaml', [ALICE, BOB])
    r = c.sops('updatekeys', '--rotate', a, stdin='y\n').status(0)
    need(r.text, "The following changes will be made to the file's groups:\n+++ new data key\nGroup 1\n    %s\n--- %s\nIs this okay? (y/n):" % (ALICE, BOB), 'stdout')
    c.rotated([a])


@check
def updatekeys_rotate_when_somebody_comes(c):
    config(c, ALICE, CAROL)
    names = c.seals(2, [ALICE])
    old = {n: sopslib.Opened(c.text(n)) for n in names}
    r = c.sops('updatekeys', '-r', '-y', '--rotate', 's').status(0)
    lacks(r.text, 'new data key', 'stdout')
    c.untouched(names)
    for n in names:
        need((c.opened(n).values, c.opened(n).mac), (old[n].values, old[n].mac), n)
    need(c.many('updatekeys', '-y', '--rotate', 's').lines()[0][names[0]].get('new_data_key'), None, 'new_data_key')


@check
def updatekeys_rotate_wants_the_mac(c):
    config(c, ALICE)
    a = c.seal('s/a.yaml', [ALICE, BOB])
    b = c.write('s/b.yaml', sopslib.sealed(TREE, c.key, [ALICE, BOB], mac=sopslib.enc(sopslib.Gcm(c.key), 'x', 'wrong')))
    before = c.snapshot()
    r = c.many('updatekeys', '-y', '--rotate', 's').status(1)
    files = r.lines()[0]
    need((files[a]['result'], files[a].get('new_data_key'), files[b]['result'], files[b].get('status')), ('changed', True, 'failed', 51), 'results')
    need(c.changed(before), [a], 'files changed')


def grouped(c, threshold, *recipients):
    c.write('.sops.yaml', 'creation_rules:\n  - key_groups:\n' + ''.join('      - age: [%s]\n' % r for r in recipients) + ('    shamir_threshold: %d\n' % threshold if threshold else ''))


@check
def updatekeys_rotate_when_the_threshold_falls(c):
    grouped(c, 3, ALICE, BOB, CAROL)
    c.write('s/a.yaml', 'pw: %s\n' % CANARY)
    c.sops('encrypt', '-i', 's/a.yaml').status(0)
    all3 = {'SOPS_AGE_KEY_FILE': None, 'SOPS_AGE_KEY': '%s %s %s' % (ID_ALICE, ID_BOB, ID_CAROL)}
    old = sopslib.Opened(c.text('s/a.yaml'))
    grouped(c, 2, ALICE, BOB, CAROL)
    r = c.sops('updatekeys', '-r', '-y', '--rotate', 's', env=all3).status(0)
    need(r.out, b'', 'stdout: the threshold is the file\'s without --sync-threshold')
    r = c.sops('updatekeys', '-r', '-y', '--rotate', '--sync-threshold', 's', env=all3).status(0)
    need(r.text, diff(1, ['s/a.yaml'], '+++ shamir_threshold: 2', '--- shamir_threshold: 3', '+++ new data key', 'Group 1', '    ' + ALICE, 'Group 2', '    ' + BOB, 'Group 3', '    ' + CAROL), 'stdout')
    new = sopslib.Opened(c.text('s/a.yaml'))
    true(new.threshold == 2 and not set(new.ciphertexts) & set(old.ciphertexts), 'threshold and ciphertext')
    c.clear_ok = True
    has(c.sops('decrypt', 's/a.yaml', env={'SOPS_AGE_KEY_FILE': None, 'SOPS_AGE_KEY': ID_ALICE + ' ' + ID_CAROL}).status(0).text, CANARY, 'clear text by two of three')


@check
def sync_threshold(c):
    grouped(c, 2, ALICE, BOB, CAROL)
    for n in 'ab':
        c.write('s/%s.yaml' % n, 'pw: %s\n' % CANARY)
        c.sops('encrypt', '-i', 's/%s.yaml' % n).status(0)
    all3 = {'SOPS_AGE_KEY_FILE': None, 'SOPS_AGE_KEY': '%s %s %s' % (ID_ALICE, ID_BOB, ID_CAROL)}
    old = {n: sopslib.Opened(c.text('s/%s.yaml' % n)) for n in 'ab'}
    grouped(c, 3, ALICE, BOB, CAROL)
    need(c.sops('updatekeys', '-r', '-y', 's', env=all3).status(0).out, b'', 'stdout without the flag')
    r = c.many('updatekeys', '-y', '--sync-threshold', 's/a.yaml', env=all3).status(0)
    need((r.lines()[0]['s/a.yaml'].get('threshold'), r.lines()[0]['s/a.yaml'].get('groups')), ({'old': 2, 'new': 3}, None), 'threshold and groups in JSON')
    new = sopslib.Opened(c.text('s/a.yaml'))
    need((new.threshold, new.values, new.mac), (3, old['a'].values, old['a'].mac), 'a')
    c.sops('decrypt', 's/a.yaml', env={'SOPS_AGE_KEY_FILE': None, 'SOPS_AGE_KEY': ID_ALICE + ' ' + ID_BOB}).status(128)
    r = c.sops('updatekeys', '--sync-threshold', '-y', 's/b.yaml', env=all3).status(0)
    has(r.text, '+++ shamir_threshold: 3\n--- shamir_threshold: 2\n', 'stdout of a single file')
    c.clear_ok = True
    has(c.sops('decrypt', 's/b.yaml', env=all3).status(0).text, CANARY, 'clear text')
    grouped(c, 4, ALICE, BOB, CAROL)
    need(c.many('updatekeys', '-y', '--sync-threshold', 's', env=all3).status(1).lines()[0]['s/a.yaml']['status'], 1, 'a threshold above the number of groups')
    grouped(c, 0, ALICE, BOB, CAROL)
    need(c.many('updatekeys', '-y', '--sync-threshold', 's', env=all3).status(0).results(), {'s/a.yaml': 'unchanged', 's/b.yaml': 'unchanged'}, 'none in the rule: the number of groups')


# ---- the reference, and size
@check
def the_reference_opens_all(c):
    if not Peers.reference:
        raise Skip('no --reference')
    config(c, ALICE, CAROL)
    names = c.seals(3, [ALICE, BOB]) + [c.other('s/a.json', b'{"k": "%s"}' % CANARY.encode()), c.other('s/b.env', b'K=%s\n' % CANARY.encode()), c.other('s/c.ini', b'[s]\nk = %s\n' % CANARY.encode())]
    c.write('s/new.yaml', 'pw: %s\n' % CANARY)
    c.sops('rotate', '-r', '-i', 's').status(0)
    c.sops('updatekeys', '-r', '-y', '--rotate', 's').status(0)
    c.sops('encrypt', '-r', '-i', 's').status(0)
    c.clear_ok = True
    for n in names + ['s/new.yaml']:
        has(c.run([Peers.reference, 'decrypt', n]).status(0).text, CANARY, 'the reference on ' + n)
    has(c.run([Peers.reference, 'decrypt', 's/new.yaml'], env={'SOPS_AGE_KEY_FILE': os.path.join(KEYS, 'age', 'carol.txt')}).status(0).text, CANARY, 'as carol')


@check
def many_files_need_little_memory(c):
    big = {'k%05d' % i: 'x' * 40 for i in range(40)}
    c.seal('s/f.yaml', tree=big)
    for i in range(300):
        c.write('s/d%d/f%d.yaml' % (i % 9, i), c.read('s/f.yaml'))
    r = c.run([c.python, '-c', 'import resource,subprocess,sys\nrc=subprocess.call(sys.argv[1:])\nprint("rss", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\nsys.exit(rc)',
               Peers.sops, 'rotate', '-r', '-i', 's'], timeout=120).status(0)
    need(r.last(), '301 changed, 0 unchanged, 0 failed', 'last line')
    true(int(r.text.split()[-1]) < 96 * 1024, 'peak memory %s KiB' % r.text.split()[-1])


@check
def jobs_of_every_number(c):
    names = c.seals(9)
    for j in ('1', '2', '9', '64'):
        c.sops('rotate', '-r', '-i', '--jobs', j, 's').status(0)
        c.rotated(names)


@check
def check_and_recipients_take_the_filters(c):
    c.seal('s/a.yaml')
    b = c.seal('s/b.yaml')
    r = c.run([Peers.sops, 'check', '--format', 'json', '--include', '(^|/)a', '.'])
    if '"summary"' not in r.text:
        raise Skip('no check')
    need(json.loads(r.text.splitlines()[-1])['summary']['files'], 1, 'files of check --include')
    r = c.sops('recipients', '-r', '--json', '--exclude', 'a\\.yaml', '--jobs', '2', 's').status(0)
    need([json.loads(l)['file'] for l in r.text.splitlines()], [b], 'files of recipients --exclude')


@check
def check_and_encrypt_agree(c):
    c.rules(('^secrets/', [ALICE]), (None, [ALICE]))
    c.write('secrets/a.yaml', 'pw: %s\n' % CANARY)
    c.write('secrets/sub/token', CANARY)
    c.write('b.yaml', 'x: 1\n')
    r = c.run([Peers.sops, 'check', '--format', 'json', '.'])
    if r.rc not in (0, 1) or '"summary"' not in r.text:
        raise Skip('no check')
    found = sorted(x['file'] for x in map(json.loads, r.text.splitlines()) if x.get('id') == 'not-encrypted')
    need(list(c.many('encrypt', '-i', '.').status(0).results()), found, 'files of encrypt and of check')
    lacks(c.run([Peers.sops, 'check', '--format', 'json', '.']).text, 'not-encrypted', 'check afterwards')
