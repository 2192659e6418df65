# SPDX-License-Identifier: Apache-2.0
"""Flags, their conflicts, and that nothing changes without -r (sections 1, 12)."""
from harness import *

FOUR = ('encrypt', 'decrypt', 'rotate', 'updatekeys')
PLACE = {'encrypt': ['-i'], 'decrypt': ['-i'], 'rotate': ['-i'], 'updatekeys': ['-y']}


@check
def no_path_is_100(c):
    for v in FOUR:
        c.sops(v, '-r', *PLACE[v]).status(100)
    c.sops('decrypt', '-r', '-i', '--output', 'o').status(100)


@check
def in_place_or_output_dir_is_needed(c):
    c.seals(2)
    before = c.snapshot()
    for v in ('encrypt', 'decrypt', 'rotate'):
        has(c.sops(v, '-r', 's').status(8).err, '-i', 'message of %s -r without -i' % v)
    for v in ('encrypt', 'decrypt'):
        c.sops(v, '-r', '-i', '--output-dir', 'out', 's').status(8)
    c.same(before, 'status 8')


@check
def flags_of_one_file_are_refused(c):
    c.seals(2)
    before = c.snapshot()
    for v, *words in (('decrypt', '--output', 'o'), ('decrypt', '--extract', '["a"]'), ('encrypt', '--filename-override', 'x.yaml'),
                      ('decrypt', '--output-type', 'json'), ('rotate', '--output', 'o'), ('encrypt', '--output-type', 'json')):
        c.sops(v, '-r', '-i', 's', *words).status(8)
    c.same(before, 'status 8')


@check
def flags_of_many_files_need_r(c):
    c.rules((None, [ALICE]))
    c.seal('a.yaml')
    before = c.snapshot()
    for v, *words in (('decrypt', '--output-dir', 'o'), ('rotate', '--dry-run'), ('rotate', '--all-or-nothing', '-i'), ('decrypt', '--include', 'x'),
                      ('rotate', '--exclude', 'x', '-i'), ('encrypt', '--no-ignore', '-i'), ('rotate', '--older-than', '3d', '-i'), ('rotate', '--jobs', '2', '-i'),
                      ('rotate', '--json', '-i'), ('updatekeys', '--dry-run'), ('updatekeys', '--json', '-y')):
        c.sops(v, 'a.yaml', *words).status(8)
    c.same(before, 'status 8')


@check
def bad_values_of_flags(c):
    c.seals(2)
    before = c.snapshot()
    for words in (['--jobs', '0'], ['--jobs', '65'], ['--jobs', '-1'], ['--jobs', 'two'], ['--include', '('], ['--exclude', 'a**'], ['--older-than', '90'],
                  ['--older-than', 'd'], ['--older-than', '-1d'], ['--older-than', '1.5d'], ['--older-than', '3w']):
        r = c.sops('rotate', '-r', '-i', 's', *words).status(1)
        true(r.err or r.text, '%s is refused without a word' % words)
    c.same(before, 'a bad value')


@check
def flags_stand_anywhere_and_in_both_spellings(c):
    names = c.seals(3)
    for words in (['-r', '-i', 's'], ['s', '-i', '-r'], ['--recursive', 's', '--in-place'], ['-recursive', '-i=true', 's'], ['-i', 's', '-r=true']):
        c.sops('rotate', *words).status(0)
        c.rotated(names)


@check
def a_flag_behind_a_path_counts(c):
    names = c.seals(2)
    c.write('--dry-run', 'no sealed file')
    c.sops('rotate', '-r', '-i', 's', '--dry-run').status(1)
    c.untouched(names)
    for words in (['-r', '-i', 's', '--nonsense'], ['s', '-r', '-i', '--rotate']):
        has(c.sops('rotate', *words).status(1).text, 'flag provided but not defined', ' '.join(words))
    c.untouched(names)
    c.sops('rotate', '-r', '-i', 's', '--', '--dry-run').status(1)
    c.rotated(names)


@check
def help_names_the_flags(c):
    for v in FOUR:
        t = c.sops(v, '--help').status(0).text
        for f in ('--recursive', '--dry-run', '--all-or-nothing', '--include', '--exclude', '--jobs', '--json'):
            has(t, f, 'help of ' + v)
    has(c.sops('rotate', '--help').text, '--older-than', 'help of rotate')
    for f in ('--rotate', '--sync-threshold'):
        has(c.sops('updatekeys', '--help').text, f, 'help of updatekeys')
    for v in ('encrypt', 'decrypt'):
        has(c.sops(v, '--help').text, '--output-dir', 'help of ' + v)
    has(c.sops('encrypt', '--help').text, '--no-ignore', 'help of encrypt')


@check
def a_flag_of_another_command_is_unknown(c):
    c.seals(1)
    for v, f in (('updatekeys', '--output-dir=o'), ('decrypt', '--older-than=3d'), ('rotate', '--no-ignore'), ('rotate', '--sync-threshold')):
        has(c.sops(v, '-r', f, 's').status(1).text, 'flag provided but not defined', '%s %s' % (v, f))


@check
def r_of_the_old_form_is_still_rotate(c):
    a = c.seal('a.yaml')
    before = c.read(a)
    r = c.sops('-r', a).status(0)
    need(c.read(a), before, 'the file')
    c.write('b.yaml', r.out)
    c.rotated(['b.yaml'])


@check
def without_r_only_the_first_file_counts(c):
    a, b = c.seal('a.yaml'), c.seal('b.yaml')
    r = c.sops('rotate', '-i', a, b).status(0)
    has(r.err.lower(), 'only the first', 'warning')
    c.rotated([a])
    c.untouched([b])


@check
def without_r_updatekeys_asks_for_each(c):
    c.rules((None, [ALICE, CAROL]))
    a, b, d = (c.seal(n + '.yaml', [ALICE, BOB]) for n in 'abd')
    r = c.sops('updatekeys', a, b, d, stdin='y\nn\ny\n').status(0)
    need(r.text.count('Is this okay? (y/n):'), 3, 'questions')
    need(r.text.count("The following changes will be made to the file's groups:"), 3, 'headings')
    need([CAROL in c.text(n) for n in (a, b, d)], [True, False, True], 'files changed')


@check
def a_missing_path_fails_and_the_others_go_on(c):
    names = c.seals(3)
    r = c.many('rotate', '-i', 's', 'nothere', 'nor/there.yaml').status(1)
    files, summary = r.lines()
    need([files[n]['result'] for n in names], ['changed'] * 3, 'results')
    need([files[n]['result'] for n in ('nothere', 'nor/there.yaml')], ['failed'] * 2, 'results')
    need(summary, {'files': 5, 'changed': 3, 'unchanged': 0, 'failed': 2, 'not_done': 0}, 'summary')
    c.rotated(names)


@check
def nothing_found_is_no_error(c):
    c.write('docs/a.md', 'text')
    for v in FOUR:
        r = c.sops(v, '-r', *PLACE[v], 'docs').status(0)
        has(r.err, 'docs', 'note of ' + v)
        need(r.out, b'', 'stdout of ' + v)
    need(c.many('rotate', '-i', 'docs').status(0).lines()[1], {'files': 0, 'changed': 0, 'unchanged': 0, 'failed': 0, 'not_done': 0}, 'summary')


@check
def stdin_is_left_alone(c):
    names = c.seals(2)
    r = c.run(['/bin/sh', '-c', '"$0" rotate -r -i s; cat', Peers.sops], stdin=b'still here').status(0)
    has(r.out, b'still here', 'stdin after the command')
    c.rotated(names)
    c.write('-', 'no sealed file')
    c.sops('rotate', '-r', '-i', '--', '-').status(1)
