# SPDX-License-Identifier: Apache-2.0
"""Which files (section 2)."""
import os, socket
from harness import *

DONE = 'changed'


def chosen(c, command, *words, **kw):
    r = c.many(command, '--dry-run', *words, **kw).status(0, 1)
    return [f for f, x in r.lines()[0].items() if x['result'] == 'would_change']


@check
def only_sealed_files(c):
    c.rules((None, [ALICE, BOB]))
    want = c.seals(3) + [c.seal('s/.hidden/x.yaml'), c.seal('s/deep/1/2/3/4/5/6/y.yml')]
    want += [c.other('s/a.json', b'{"k": "%s"}' % CANARY.encode()), c.other('s/b.env', b'K=%s\n' % CANARY.encode()), c.other('s/c.ini', b'[s]\nk = %s\n' % CANARY.encode()),
             c.other('s/blob', b'\0\1\2' + CANARY.encode())]
    c.write('s/plain.yaml', 'password: x\n')
    c.write('s/README.md', 'A value looks like ENC[AES256_GCM,data:…,iv:…,tag:…,type:str], the metadata is called sops:\n')
    c.write('s/doc.yaml', 'example: "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]"\ntool: sops\n')
    c.write('s/own.yaml', 'sops:\n    version: mine\nx: 1\n')
    c.write('s/image', b'\x89PNG\r\n\0\0' + b'ENC[AES256_GCM, "sops"')
    c.write('s/empty.yaml', '')
    c.seal('s/.git/x.yaml')
    before = c.snapshot()
    r = c.many('rotate', '-i', 's').status(0)
    need(sorted(r.results()), sorted(want), 'files of rotate')
    need(set(r.results().values()), {DONE}, 'results')
    need(c.changed(before), sorted(want), 'files that changed')
    need(sorted(chosen(c, 'decrypt', 's')), sorted(want), 'files of decrypt')
    need(sorted(chosen(c, 'updatekeys', 's')), sorted(want), 'files of updatekeys')


@check
def links_are_not_followed_and_pipes_not_opened(c):
    a = c.seal('s/a.yaml')
    b = c.seal('outside/b.yaml')
    os.symlink('../outside/b.yaml', c.path('s/link.yaml'))
    os.symlink('../outside', c.path('s/folder'))
    os.symlink('.', c.path('s/loop'))
    os.symlink('nowhere', c.path('s/dangling.yaml'))
    os.mkfifo(c.path('s/pipe.yaml'))
    s = socket.socket(socket.AF_UNIX)
    s.bind(c.path('s/sock.yaml'))
    r = c.many('rotate', '-i', 's', timeout=20).status(0)
    s.close()
    need(list(r.results()), [a], 'files')
    c.untouched([b])


@check
def a_path_that_is_a_link_is_followed(c):
    a, b = c.seal('real/a.yaml'), c.seal('other/b.yaml')
    os.symlink('real', c.path('dir'))
    os.symlink('other/b.yaml', c.path('b-link.yaml'))
    r = c.many('rotate', '-i', 'dir', 'b-link.yaml').status(0)
    need(list(r.results()), ['b-link.yaml', 'dir/a.yaml'], 'names')
    c.rotated([a, b])
    true(os.path.islink(c.path('dir')) and os.path.islink(c.path('b-link.yaml')), 'a link is no link any more')


@check
def ignored_by_git_is_rotated_all_the_same(c):
    if not Peers.git:
        raise Skip('no git')
    c.run(['git', 'init', '-q', '.'], keep=False)
    names = c.seals(3, folder='node_modules')
    c.write('.gitignore', 'node_modules/\n')
    need(list(c.many('rotate', '-i', '.').status(0).results()), names, 'files')
    c.rotated(names)


@check
def another_format_than_the_name_says(c):
    c.rules((None, [ALICE, BOB]))
    c.other('app.env', b'A=%s\nB=2\n' % CANARY.encode())
    os.rename(c.path('app.env'), c.path('app.env.enc'))
    c.seal('secret.txt')
    r = c.many('rotate', '-i', '.').status(0)
    files = r.lines()[0]
    need({f: (x['result'], x['format']) for f, x in files.items()}, {'app.env.enc': (DONE, 'dotenv'), 'secret.txt': (DONE, 'yaml')}, 'files')
    for n, is_it, says in (('app.env.enc', 'dotenv', 'binary'), ('secret.txt', 'yaml', 'binary')):
        true([l for l in r.err.split('\n') if n in l and is_it in l.lower() and says in l.lower()], 'no warning names %s, %s and %s: %s' % (n, is_it, says, short(r.err)))
    c.clear_ok = True
    has(c.sops('decrypt', '--input-type', 'dotenv', '--output-type', 'dotenv', 'app.env.enc').status(0).text, 'A=' + CANARY, 'opened')
    c.rotated(['secret.txt'])


@check
def input_type_is_the_only_one_tried(c):
    a, b = c.seal('a.txt'), c.other('b.env', b'K=1\n')
    before = c.read(b)
    r = c.many('rotate', '-i', '--input-type', 'yaml', '.').status(1)
    need(r.results(), {a: DONE, b: 'failed'}, 'results')
    c.rotated([a])
    need(c.read(b), before, b)


@check
def a_damaged_file_fails_and_is_not_passed_over(c):
    good = c.seals(2)
    whole = c.text(c.seal('s/cut.yaml'))
    c.write('s/cut.yaml', whole.replace('    lastmodified', '\t- [lastmodified', 1))
    c.write('s/cut.json', '{"a": "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]",\n"sops": {"mac": ')
    c.write('s/merge.yaml', '<<<<<<< ours\n' + whole + '=======\n' + whole + '>>>>>>> theirs\n')
    before = c.snapshot()
    r = c.many('rotate', '-i', 's').status(1)
    files, summary = r.lines()
    need({f: x['result'] for f, x in files.items()}, dict([(n, DONE) for n in good] + [('s/cut.yaml', 'failed'), ('s/cut.json', 'failed'), ('s/merge.yaml', 'failed')]), 'results')
    for n in ('s/cut.yaml', 's/cut.json', 's/merge.yaml'):
        need(files[n]['status'], 1, 'status of ' + n)
        true(files[n]['error'], 'no error for ' + n)
        has(r.err, n, 'stderr')
    need(c.changed(before), good, 'files that changed')


@check
def a_plain_file_named_fails(c):
    c.write('s/plain.yaml', 'a: %s\n' % CANARY)
    c.seal('s/a.yaml')
    before = c.snapshot()
    for v in ('rotate', 'decrypt', 'updatekeys'):
        r = c.many(v, *(['-i'] if v != 'updatekeys' else ['-y']), 's/plain.yaml').status(1)
        need(r.lines()[0]['s/plain.yaml']['status'], 1, 'status of ' + v)
    c.same(before, 'a plain file')
    need(list(c.many('rotate', '-i', 's', 's/plain.yaml').status(1).results()), ['s/a.yaml', 's/plain.yaml'], 'files')


@check
def each_file_once(c):
    c.seal('s/a.yaml')
    b = c.seal('s/sub/b.yaml')
    os.link(c.path('s/a.yaml'), c.path('s/zz.yaml'))
    r = c.many('rotate', '-i', 's', 's/sub', 's/a.yaml', './s/a.yaml', 's').status(0)
    need(len(r.results()), 2, 'files (%s)' % list(r.results()))
    c.rotated([b])
    need(c.read('s/a.yaml'), c.read('s/zz.yaml'), 'the two names of one file')
    need(os.stat(c.path('s/a.yaml')).st_ino, os.stat(c.path('s/zz.yaml')).st_ino, 'hard link')
    c.rotated(['s/zz.yaml'])


@check
def names_and_their_order(c):
    for n in ('b.yaml', 'a/z.yaml', 'a.yaml', 'a-b.yaml', 'B.yaml', 'é.yaml', 'x y.yaml', 'a/b/c.yaml'):
        c.seal(n)
    want = sorted(['b.yaml', 'a/z.yaml', 'a.yaml', 'a-b.yaml', 'B.yaml', 'é.yaml', 'x y.yaml', 'a/b/c.yaml'], key=lambda n: n.encode())
    need(list(c.many('rotate', '-i', '.').status(0).results()), want, 'names for .')
    need(list(c.many('rotate', '-i', c.dir).status(0).results()), [c.path(n) for n in want], 'names for an absolute path')
    need(list(c.many('rotate', '-i', 'b.yaml', 'a').status(0).results()), ['a/b/c.yaml', 'a/z.yaml', 'b.yaml'], 'names for two paths')


@check
def strange_names(c):
    names = ['-i.yaml', 'new\nline.yaml', 'esc\x1b[31m.yaml', "quo'te\".yaml", '{}.yaml', '$(id).yaml', '*.yaml', ' .yaml']
    for n in names:
        c.seal('s/' + n)
    bad = os.path.join(os.fsencode(c.path('s')), b'\xff\xfe.yaml')
    with open(bad, 'wb') as f:
        f.write(c.read('s/*.yaml'))
    r = c.many('rotate', '-i', 's').status(0)
    got = set(r.results())
    need(got, {'s/' + n for n in names} | {'s/\ufffd\ufffd.yaml'}, 'names in JSON')
    c.rotated(['s/' + n for n in names])
    r = c.sops('rotate', '-r', '-i', 's').status(0)
    lacks(r.err, '\x1b', 'stderr')
    c.run(['/bin/sh', '-c', 'cd s && exec "$0" rotate -r -i -- -i.yaml', Peers.sops]).status(0)


@check
def include_and_exclude(c):
    c.seals(10)
    c.seal('s/prod/a.yaml')
    c.seal('s/prod/test/b.yaml')
    want = ['s/prod/a.yaml', 's/prod/test/b.yaml']
    need(chosen(c, 'rotate', '--include', '^s/prod/', 's'), want, '--include')
    need(chosen(c, 'rotate', '--include', '^s/prod/', '--exclude', '/test/', 's'), want[:1], '--include and --exclude')
    need(chosen(c, 'rotate', '--include', '^s/prod/', '--include', 'f003', 's'), ['s/d3/f003.yaml'] + want, 'two --include')
    need(chosen(c, 'rotate', '--exclude', 'd[0-3]', '--exclude', 'prod', 's'), ['s/d4/f004.yaml', 's/d4/f009.yaml'], 'two --exclude')
    need(chosen(c, 'rotate', '--exclude', '^prod/', 's/prod'), want, 'a regex on the printed name')
    need(chosen(c, 'rotate', '--exclude', '^s/', c.path('s/prod')), [c.path(n) for n in want], 'a regex on the printed name of an absolute path')
    need(chosen(c, 'rotate', '--exclude', 'a\\.yaml$', 's/prod/a.yaml'), [], 'a file named and excluded')
    need(chosen(c, 'decrypt', '--include', '^s/PROD/', 's'), [], 'case counts')


# ---- encrypt
def plain_tree(c):
    c.rules(('^secrets/', [ALICE]), ('\\.yaml$', [ALICE]), ('(^|/)\\.env$', [ALICE]), ('^always\\.json$', [ALICE], 'required: true'), ('\\.json$', [ALICE]))
    for n in ('secrets/a.yaml', 'secrets/sub/b.json', 'secrets/token', 'general.yaml', 'app/.env', 'always.json', 'other.json', 'notes.md'):
        c.write(n, {'json': '{"password": "%s"}' % CANARY, 'yaml': 'password: %s\n' % CANARY}.get(n.rsplit('.', 1)[-1], 'PASSWORD=%s\n' % CANARY))
    c.write('secrets/empty.yaml', '')
    c.write('secrets/nulls.yaml', 'a:\nb: ""\n')
    c.write('secrets/.gitkeep', '')
    return ['always.json', 'app/.env', 'secrets/a.yaml', 'secrets/sub/b.json', 'secrets/token']


@check
def encrypt_takes_what_is_required(c):
    want = plain_tree(c)
    before = c.snapshot()
    r = c.many('encrypt', '-i', '.').status(0)
    need(r.results(), {n: DONE for n in want}, 'files')
    need(c.changed(before), want, 'files that changed')
    for n in want:
        lacks(c.read(n), CANARY, n)
    again = c.snapshot()
    r = c.many('encrypt', '-i', '.').status(0)
    need({f: (x['result'], x.get('reason')) for f, x in r.lines()[0].items()}, {n: ('unchanged', 'encrypted') for n in want}, 'a second run')
    c.same(again, 'a second run')
    for n in want:
        c.sops('filestatus', n).status(0)


@check
def encrypt_names_what_is_sealed_where_it_would_take_it(c):
    plain_tree(c)
    a, b = c.seal('secrets/sealed.yaml'), c.seal('general-sealed.yaml')
    got = c.many('encrypt', '--dry-run', '.').status(1).results()
    need((got.get(a), got.get(b)), ('unchanged', None), 'sealed by a rule that requires it, by a general rule')
    need(c.many('encrypt', '--dry-run', '--include', 'sealed', '.').status(0).results(), {a: 'unchanged', b: 'unchanged'}, '--include')
    need(c.many('encrypt', '--dry-run', b).status(0).results(), {b: 'unchanged'}, 'named')


@check
def encrypt_follows_the_settings_of_check(c):
    c.rules(('^secrets/', [ALICE]), ('\\.yaml$', [ALICE]), more="check:\n    require: ['^general', 'norule']\n    ignore: ['^secrets/public']\n")
    for n in ('secrets/a.yaml', 'secrets/public.yaml', 'general.yaml', 'other.yaml', 'norule.txt'):
        c.write(n, 'password: %s\n' % CANARY)
    r = c.many('encrypt', '-i', '.').status(1)
    need({f: (x['result'], x.get('status')) for f, x in r.lines()[0].items()}, {'general.yaml': (DONE, None), 'secrets/a.yaml': (DONE, None), 'norule.txt': ('failed', 1)}, 'results')


@check
def encrypt_include_is_for_general_rules(c):
    plain_tree(c)
    need(chosen(c, 'encrypt', '--include', '\\.yaml$', '.'), ['general.yaml', 'secrets/a.yaml'], '--include takes the place of "required"')
    need(chosen(c, 'encrypt', '--include', 'notes', '.'), [], 'no rule matches notes.md')
    need(chosen(c, 'encrypt', '--include', 'notes', '--age', ALICE, '.'), [], 'rules, and none matches: also with keys as options')
    os.unlink(c.path('.sops.yaml'))
    need(chosen(c, 'encrypt', '--include', 'notes', '--age', ALICE, '.'), ['notes.md'], 'keys as options, no rules')
    r = c.sops('encrypt', '-r', '-i', '--age', ALICE, '.').status(0)
    has(r.err, '--include', 'note when nothing is required')


@check
def encrypt_takes_a_named_file_by_any_rule(c):
    plain_tree(c)
    r = c.many('encrypt', '-i', 'general.yaml', 'notes.md').status(1)
    files = r.lines()[0]
    need((files['general.yaml']['result'], files['notes.md']['result'], files['notes.md']['status']), (DONE, 'failed', 1), 'results')
    need(c.many('encrypt', '-i', 'general.yaml').status(0).results(), {'general.yaml': 'unchanged'}, 'sealed and named')


@check
def encrypt_asks_git_what_is_ignored(c):
    if not Peers.git:
        raise Skip('no git')
    want = plain_tree(c)
    c.run(['git', 'init', '-q', '.'], keep=False)
    c.write('.gitignore', 'secrets/sub/\n*.env\n')
    kept = [n for n in want if n not in ('secrets/sub/b.json', 'app/.env')]
    need(chosen(c, 'encrypt', '.'), kept, 'what git does not ignore')
    need(chosen(c, 'encrypt', '--no-ignore', '.'), want, '--no-ignore')
    need(chosen(c, 'encrypt', 'app/.env'), ['app/.env'], 'named')


@check
def encrypt_leaves_config_maps(c):
    c.rules(('^k8s/', [ALICE], "encrypted_regex: '^(data|stringData)$'"))
    c.write('k8s/secret.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {p: %s}\n' % CANARY)
    c.write('k8s/cm.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {p: q}\n')
    c.write('k8s/deploy.yaml', 'apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 1}\n')
    need(chosen(c, 'encrypt', '.'), ['k8s/secret.yaml'], 'files')


@check
def encrypt_fails_what_does_not_parse(c):
    c.rules(('^s/', [ALICE]))
    c.write('s/bad.yaml', 'a: [%s\n' % CANARY)
    c.write('s/good.yaml', 'a: %s\n' % CANARY)
    c.write('s/own.yaml', 'a: %s\nsops: {x: 1}\n' % CANARY)
    before = c.snapshot()
    r = c.many('encrypt', '-i', '.').status(1)
    need({f: (x['result'], x.get('status')) for f, x in r.lines()[0].items()},
         {'s/bad.yaml': ('failed', 2), 's/good.yaml': (DONE, None), 's/own.yaml': ('failed', 203)}, 'results')
    need(c.changed(before), ['s/good.yaml'], 'files that changed')


@check
def encrypt_flags_hold_for_each_file(c):
    for n in 'abc':
        c.write('s/%s.yaml' % n, 'pw: %s\nname: open\n' % CANARY)
    c.sops('encrypt', '-r', '-i', '--include', 'yaml', '--age', BOB + ',' + ALICE, '--encrypted-regex', '^pw$', 's').status(0)
    for n in 'abc':
        t = c.text('s/%s.yaml' % n)
        need(sopslib.Opened(t).recipients, [BOB, ALICE], 'recipients')
        has(t, 'name: open', 'the clear value')
        lacks(t, CANARY, 'the sealed file')


@check
def the_nearest_configuration(c):
    c.rules((None, [ALICE]), name='.sops.yaml')
    c.rules(('^s/', [ALICE, BOB]), ('own', [ALICE, CAROL]), name='team/.sops.yaml')
    c.write('team/broken/.sops.yaml', 'creation_rules: [\n')
    a, b, d, e = c.seal('x/a.yaml'), c.seal('team/s/b.yaml'), c.seal('team/own.yaml'), c.seal('team/broken/e.yaml')
    r = c.many('updatekeys', '-y', '.').status(1)
    need(r.results(), {e: 'failed', d: DONE, b: DONE, a: 'unchanged'}, 'results')
    need([sorted(c.opened(n).recipients) for n in (b, d)], [sorted([ALICE, BOB]), sorted([ALICE, CAROL])], 'recipients')
    c.run([Peers.sops, '--config', '.sops.yaml', 'updatekeys', '-r', '-y', 'team/s']).status(0)
    need(c.opened(b).recipients, [ALICE], 'recipients with --config')
    need(c.many('updatekeys', '-y', '.', env={'SOPS_CONFIG': c.path('.sops.yaml')}).results()[d], DONE, 'with SOPS_CONFIG')
    c.rules((None, [BOB]), name='far/.sops.yaml')
    c.write('far/s/plain.yaml', 'a: %s\n' % CANARY)
    c.sops('encrypt', '-r', '-i', 'far/s/plain.yaml').status(0)
    need(sopslib.Opened(c.text('far/s/plain.yaml')).recipients, [BOB], 'recipients of the nearest rule')


@check
def no_configuration_fails_updatekeys(c):
    a = c.seal('a.yaml')
    r = c.many('updatekeys', '-y', '.').status(1)
    need(r.lines()[0][a]['status'], 1, 'status')
    need(c.many('rotate', '-i', '.').status(0).results(), {a: DONE}, 'rotate needs none')


@check
def an_unreadable_folder_is_one_failure(c):
    if os.geteuid() == 0:
        argv = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
        if c.run(argv + ['true'], keep=False).rc:
            raise Skip('root reads everything, and there is no setpriv')
    else:
        argv = []
    names = c.seals(3)
    c.seal('s/closed/x.yaml')
    for d, folders, files in os.walk(c.root):
        os.chmod(d, 0o777)
        for n in [d] + [os.path.join(d, f) for f in files] if argv else []:
            os.lchown(n, 65534, 65534)
        for f in files:
            if not os.path.islink(os.path.join(d, f)):
                os.chmod(os.path.join(d, f), 0o755 if d == c.bin else 0o666)
    c.write('keys.txt', ID_ALICE + '\n', 0o644)
    os.chmod(c.path('s/closed'), 0)
    try:
        r = c.run(argv + [Peers.sops, 'rotate', '-r', '-i', '--json', 's'], env={'SOPS_AGE_KEY_FILE': c.path('keys.txt')})
        if r.rc == 126 or 'Permission denied' in r.err and not r.text:
            raise Skip('the program cannot be run by another user here')
        r.status(1)
    finally:
        os.chmod(c.path('s/closed'), 0o755)
    need(r.results(), dict([(n, DONE) for n in names] + [('s/closed', 'failed')]), 'results (stderr: %s)' % short(r.err))


@check
def files_that_a_killed_run_left(c):
    a = c.seal('s/a.yaml')
    left = c.seal('s/.sops-' + '0123' * 6)
    old = c.seal('s/.sops-old-' + '0123' * 6)
    r = c.many('rotate', '-i', 's').status(0)
    need(r.results(), {a: DONE}, 'results')
    has(r.err, left, 'warning')
    has(r.err, old, 'warning')
    c.untouched([left, old])
    c.left_ok = True
