# SPDX-License-Identifier: Apache-2.0
"""Nobody's change is overwritten (section 9)."""
import os
from harness import *


def slow(c, name='f.yaml', tree=None):
    """A file whose key is asked of the plugin: its hook changes things between reading and writing."""
    c.token(plus_alice=True)
    return c.seal(name, [TOKEN, BOB], tree)


def other(c, name='f.yaml'):
    """What somebody else does to the file meanwhile: a whole new version, sealed for the same."""
    c.write('other.yaml', sopslib.sealed(dict(TREE, new='%s-other' % CANARY), c.key, [TOKEN, BOB]))
    return 'cp other.yaml .new && mv .new ' + name


NEW = dict(TREE, new=CANARY + '-other')


@check
def twenty_sets_at_a_time(c):
    f = c.seal('f.yaml')
    ps = [c.start('set', f, '["k%d"]' % i, '"%s-%d"' % (CANARY, i)) for i in range(20)]
    for p in ps:
        c.wait(p, 90).status(0)
    want = dict(TREE, **{'k%d' % i: '%s-%d' % (CANARY, i) for i in range(20)})
    o = sopslib.Opened(c.text(f))
    got = dict(o.tree(o.key(ID_ALICE)))
    for i in range(20):
        need(got.get('k%d:' % i), want['k%d' % i], 'value %d of 20' % i)


@check
def the_lock_closes_the_gap(c):
    """Each is held up between comparing and replacing, where only a lock helps."""
    if not Peers.strace:
        raise Skip('no strace')
    f = c.seal('f.yaml')
    ps = [c.start(argv=[Peers.strace, '-f', '-qq', '-o', '/dev/null', '-e', 'trace=linkat,rename,renameat,renameat2', '-e', 'inject=linkat,rename,renameat,renameat2:delay_enter=60000', Peers.sops, 'set', f, '["k%d"]' % i, '"%s-%d"' % (CANARY, i)]) for i in range(6)]
    for p in ps:
        c.wait(p, 90).status(0)
    o = sopslib.Opened(c.text(f))
    got = dict(o.tree(o.key(ID_ALICE)))
    need([i for i in range(6) if got.get('k%d:' % i) != '%s-%d' % (CANARY, i)], [], 'values that are lost')


@check
def different_commands_at_a_time(c):
    f = c.seal('f.yaml', [ALICE, BOB])
    c.rules((None, [ALICE, CAROL]))
    ps = [c.start('set', f, '["a%d"]' % i, '"%s"' % CANARY) for i in range(4)] + [c.start('rotate', '-i', f), c.start('updatekeys', '-y', f), c.start('unset', f, '["user"]'),
                                                                                   c.start('rotate', '-r', '-i', '.'), c.start('updatekeys', '-r', '-y', '--rotate', '.')]
    for p in ps:
        c.wait(p, 90).status(0)
    o = sopslib.Opened(c.text(f))
    got = dict(o.tree(o.key(ID_ALICE)))
    need(sorted(k for k in got if k.startswith('a')), ['a%d:' % i for i in range(4)], 'values set')
    true('user:' not in got, 'what was unset is there')
    need(o.recipients, [ALICE, CAROL], 'recipients')
    true(o.key(ID_ALICE) != c.key, 'the data key stayed')


@check
def set_begins_anew(c):
    f = slow(c)
    c.sops('set', f, '["mine"]', '"%s-mine"' % CANARY, env=c.hook(other(c))).status(0)
    c.opened(f, ID_TOKEN, dict(NEW, mine=CANARY + '-mine'))


@check
def unset_begins_anew(c):
    f = slow(c)
    c.sops('unset', f, '["user"]', env=c.hook(other(c))).status(0)
    c.opened(f, ID_TOKEN, {k: v for k, v in NEW.items() if k != 'user'})


@check
def rotate_begins_anew(c):
    f = slow(c)
    c.sops('rotate', '-i', f, env=c.hook(other(c))).status(0)
    true(c.opened(f, ID_TOKEN, NEW).data_key != c.key, 'the data key stayed')


@check
def updatekeys_begins_anew(c):
    c.rules((None, [TOKEN, CAROL]))
    f = slow(c)
    c.sops('updatekeys', '-y', f, env=c.hook(other(c))).status(0)
    need(c.opened(f, ID_TOKEN, NEW).recipients, [TOKEN, CAROL], 'recipients')


@check
def groups_begin_anew(c):
    f = slow(c)
    c.sops('groups', 'add', '-i', '--file', f, '--age', ALICE, env=c.hook(other(c))).status(0)
    c.clear_ok = True
    has(c.sops('decrypt', f).status(0).text, CANARY + '-other', 'clear text')


@check
def decrypt_in_place_begins_anew(c):
    f = slow(c)
    c.sops('decrypt', '-i', f, env=c.hook(other(c))).status(0)
    has(c.text(f), CANARY + '-other', 'clear text')


@check
def encrypt_in_place_begins_anew(c):
    c.write('f.yaml', 'pw: %s\n' % CANARY)
    c.sops('encrypt', '-i', '--age', TOKEN + ',' + ALICE, 'f.yaml', env=c.hook('printf "pw: %s\\nlate: 1\\n" > f.yaml' % CANARY)).status(0)
    has(c.text('f.yaml'), 'late: ENC', 'the sealed file')


@check
def somebody_else_was_faster(c):
    c.write('f.yaml', 'pw: %s\n' % CANARY)
    sealed = sopslib.sealed(TREE, c.key, [ALICE])
    c.write('sealed.yaml', sealed)
    c.sops('encrypt', '-i', '--age', TOKEN, 'f.yaml', env=c.hook('cp sealed.yaml f.yaml')).status(203)
    need(c.text('f.yaml'), sealed, 'the file')
    f = slow(c, 'g.yaml')
    c.sops('decrypt', '-i', f, env=c.hook('printf "pw: %s\\n" > g.yaml' % CANARY)).status(1)
    need(c.text(f), 'pw: %s\n' % CANARY, 'the file')


@check
def output_with_the_same_file(c):
    f = slow(c)
    c.sops('rotate', '--output', './' + f, f, env=c.hook(other(c))).status(0)
    c.opened(f, ID_TOKEN, NEW)
    g = slow(c, 'g.yaml')
    c.write('else.yaml', 'x')
    c.sops('rotate', '--output', 'else.yaml', g, env=c.hook('echo y > else.yaml')).status(0)
    c.opened('else.yaml', ID_TOKEN)


@check
def the_old_form_begins_anew(c):
    f = slow(c)
    c.sops('--set', '["mine"] "%s-mine"' % CANARY, f, env=c.hook(other(c))).status(0)
    c.opened(f, ID_TOKEN, dict(NEW, mine=CANARY + '-mine'))
    g = slow(c, 'g.yaml')
    c.sops('-r', '-i', g, env=c.hook(other(c, 'g.yaml'))).status(0)
    c.opened(g, ID_TOKEN, NEW)


@check
def value_from_stdin_is_kept(c):
    f = slow(c)
    c.sops('set', '--value-stdin', f, '["mine"]', stdin='"%s-mine"' % CANARY, env=c.hook(other(c))).status(0)
    c.opened(f, ID_TOKEN, dict(NEW, mine=CANARY + '-mine'))


@check
def a_pin_is_not_asked_again(c):
    f = slow(c)
    env = dict(c.hook(other(c)), COUNTER='pin')
    c.write('other.yaml', re.sub(r'(?s)    age:\n.*?(?=    lastmodified)', re.search(r'(?s)    age:\n.*?(?=    lastmodified)', c.text(f))[0], c.text('other.yaml')))
    r = c.tty(['set', f, '["mine"]', '"%s-mine"' % CANARY], [('PIN of token 7', PIN + '\n')] * 2, env=env).status(0)
    need(len(r.unasked), 1, 'questions that did not come, of two: the wrapped data key is the same')
    c.opened(f, ID_TOKEN, dict(NEW, mine=CANARY + '-mine'))


@check
def changed_all_the_time(c):
    f = slow(c)
    c.write('n', '0')
    # A new wrapping each time, so that the plugin is asked each time.
    script = c.script('rewrap', '#!/usr/bin/env python3\nimport sys, os\nsys.path.insert(0, %r)\nimport sopslib, shutil\nn = int(open("n").read()) + 1\nopen("n", "w").write(str(n))\n'
                      'open(".new", "w").write(sopslib.sealed({"user": "u%%d" %% n}, bytes.fromhex(%r), [%r]))\nshutil.copy(".new", "last")\nos.rename(".new", "f.yaml")\n' % (HERE, c.key.hex(), TOKEN))
    r = c.sops('set', f, '["mine"]', '"x"', env=c.hook('"%s" "%s"' % (c.python, script), once=False), timeout=120).status(204)
    need(c.read(f), c.read('last'), "the file is the other's last version")
    has(r.err, f, 'message')
    tries = int(c.text('n'))
    true(10 <= tries <= 25, '%d beginnings' % tries)


@check
def removed_meanwhile(c):
    f = slow(c)
    r = c.sops('set', f, '["mine"]', '"x"', env=c.hook('rm f.yaml'), timeout=60)
    true(r.rc in (204, 2), 'status %d' % r.rc)
    true(not os.path.exists(c.path(f)), 'the file is there again')
    has(r.err, f, 'message')


@check
def the_same_bytes_are_no_change(c):
    f = slow(c)
    r = c.sops('set', f, '["mine"]', '"x"', env=c.hook('cp f.yaml .new && mv .new f.yaml && touch -d "2 hours ago" f.yaml && chmod 600 f.yaml')).status(0)
    need(c.starts(), 1, 'starts of the plugin: it did not begin anew')
    c.opened(f, ID_TOKEN, dict(TREE, mine='x'))
    lacks(r.err, 'meantime', 'stderr')


@check
def overwritten_in_place_meanwhile(c):
    f = slow(c)
    other(c)
    c.sops('set', f, '["mine"]', '"x"', env=c.hook('cat other.yaml > f.yaml')).status(0)
    c.opened(f, ID_TOKEN, dict(NEW, mine='x'))


@check
def hard_links_are_compared_too(c):
    f = slow(c)
    os.link(c.path(f), c.path('second.yaml'))
    other(c)
    c.sops('set', f, '["mine"]', '"x"', env=c.hook('cat other.yaml > second.yaml')).status(0)
    c.opened('second.yaml', ID_TOKEN, dict(NEW, mine='x'))
    need(os.stat(c.path(f)).st_nlink, 2, 'links')


@check
def a_lock_of_somebody_else_does_not_stop_us(c):
    f = c.seal('f.yaml')
    holder = c.start(argv=[c.python, '-c', 'import fcntl,struct,time,sys\nf=open(sys.argv[1],"r+b")\nfcntl.lockf(f,fcntl.LOCK_EX)\nprint("held",flush=True)\ntime.sleep(30)', c.path(f)])
    holder.stdout.readline()
    r = c.sops('set', f, '["mine"]', '"x"', timeout=20).status(0)
    true(r.took < 8, '%.1f s' % r.took)
    c.opened(f, tree=dict(TREE, mine='x'))
    f = c.seal('g.yaml')
    if shutil.which('flock'):
        r = c.run(['flock', f, Peers.sops, 'set', f, '["mine"]', '"x"'], timeout=20).status(0)
        true(r.took < 5, '%.1f s within flock' % r.took)


@check
def fifos_are_not_compared(c):
    c.seal('f.yaml')
    os.mkfifo(c.path('pipe'))
    p = c.start(argv=['/bin/sh', '-c', 'cat f.yaml > pipe'])
    c.clear_ok = True
    has(c.sops('decrypt', '--input-type', 'yaml', '--output-type', 'yaml', 'pipe').status(0).text, CANARY, 'clear text')
    p.wait()


@check
def r_plans_a_changed_file_anew(c):
    c.token(plus_alice=True)
    f, g = c.seal('s/a.yaml', [ALICE, BOB]), c.seal('s/b.yaml', [TOKEN, BOB])
    c.write('other.yaml', sopslib.sealed(NEW, c.key, [ALICE, BOB]))
    c.many('rotate', '-i', 's', env=c.hook('cp other.yaml .new && mv .new s/a.yaml')).status(0)
    true(c.opened(f, ID_ALICE, NEW).data_key != c.key, 'the data key stayed')
    c.rotated([g], ID_TOKEN)


@check
def updatekeys_does_not_do_what_it_did_not_show(c):
    c.token(plus_alice=True)
    c.rules(('^s/', [TOKEN, CAROL]))
    for answer, words in (('y\n', []), ('', ['-y'])):
        f, g = c.seal('s/a.yaml', [TOKEN, BOB]), c.seal('s/b.yaml', [TOKEN, BOB])
        c.write('other.yaml', sopslib.sealed(NEW, c.key, [TOKEN]))
        r = c.many('updatekeys', *words, 's', stdin=answer, env=c.hook('cp other.yaml .new && mv .new s/a.yaml'))
        if words:
            r.status(0)
            need(c.opened(f, ID_TOKEN, NEW).recipients, [TOKEN, CAROL], 'recipients with -y')
        else:
            r.status(1)
            need((r.lines()[0][f].get('status'), r.results()[g]), (204, 'changed'), 'results')
            need(c.read(f), c.read('other.yaml'), "the other's file")


# ---- edit
def editor(c, text, name='ed'):
    return c.script(name, '#!/bin/sh\nF=$1\ncd %s\nexport SOPS_AGE_KEY_FILE=%s\nPATH=$PATH:%s\n%s\n' % (c.dir, os.path.join(KEYS, 'age', 'alice.txt'), os.path.dirname(c.python), text))


def their_set(c, f='f.yaml'):
    return '"%s" set %s \'["theirs"]\' \'"%s-theirs"\'' % (Peers.sops, f, CANARY)


THEIRS = dict(TREE, theirs=CANARY + '-theirs')
MINE = dict(TREE, mine=CANARY + '-mine')
TYPE = 'printf "mine: %s-mine\\n" >> "$F"' % CANARY


@check
def edit_without_a_terminal_keeps_both(c):
    f = c.seal('f.yaml')
    os.chmod(c.path(f), 0o640)
    r = c.sops('edit', f, env={'EDITOR': editor(c, TYPE + '\n' + their_set(c))}).status(204)
    c.opened(f, tree=THEIRS)
    has(r.err, 'f.edited.yaml', 'message')
    has(r.err, f, 'message')
    c.opened('f.edited.yaml', tree=MINE)
    need(os.stat(c.path('f.edited.yaml')).st_mode & 0o777, 0o640, 'mode')
    need(sopslib.Opened(c.text('f.edited.yaml')).recipients, [ALICE], 'recipients')


@check
def edit_names_of_what_is_kept(c):
    e = editor(c, 'printf "A=%s-mine\\n" >> "$F"; for f in .env app.env token x.tar.json; do [ -e $f ] && touch -c $f && printf " " >> $f; done; true' % CANARY)
    for n, want in (('.env', '.edited.env'), ('app.env', 'app.edited.env'), ('token', 'token.edited')):
        c.other(n, b'K=%s\n' % CANARY.encode())
        c.sops('edit', n, env={'EDITOR': e}).status(204)
        true(os.path.exists(c.path(want)), '%s is kept as %s: %s' % (n, want, sorted(os.listdir(c.dir))))
    c.other('app.env', b'K=%s\n' % CANARY.encode())
    c.sops('edit', 'app.env', env={'EDITOR': e}).status(204)
    true(os.path.exists(c.path('app.edited-2.env')), 'a second one: %s' % sorted(os.listdir(c.dir)))
    c.clear_ok = True
    has(c.sops('decrypt', 'app.edited-2.env').status(0).text, 'A=%s-mine' % CANARY, 'what was typed')


@check
def edit_of_a_file_that_was_removed(c):
    f = c.seal('f.yaml')
    r = c.sops('edit', f, env={'EDITOR': editor(c, TYPE + '\nrm f.yaml')}).status(204)
    true(not os.path.exists(c.path(f)), 'the file is there again')
    c.opened('f.edited.yaml', tree=MINE)
    has(r.err, 'f.edited.yaml', 'message')


@check
def edit_of_a_new_file_that_somebody_made(c):
    c.rules((None, [ALICE]))
    c.seal('other.yaml')
    r = c.sops('edit', 'new.yaml', env={'EDITOR': editor(c, 'printf "mine: %s-mine\\n" > "$F"; cp other.yaml new.yaml' % CANARY)}).status(204)
    need(c.read('new.yaml'), c.read('other.yaml'), 'the file')
    c.opened('new.edited.yaml', tree={'mine': CANARY + '-mine'})
    has(r.err, 'new.edited.yaml', 'message')


@check
def edit_where_only_time_and_mode_changed(c):
    f = c.seal('f.yaml')
    c.sops('edit', f, env={'EDITOR': editor(c, TYPE + '\ntouch f.yaml; cp f.yaml x; mv x f.yaml; chmod 600 f.yaml')}).status(0)
    c.opened(f, tree=MINE)
    need(sorted(os.listdir(c.dir)), ['f.yaml'], 'files')


@check
def edit_in_a_folder_that_cannot_be_written(c):
    if os.geteuid() == 0:
        raise Skip('root writes everywhere')
    f = c.seal('d/f.yaml')
    os.chmod(c.path(f), 0o666)
    e = editor(c, TYPE + '\nchmod 755 d; ' + their_set(c, 'd/f.yaml') + '; chmod 555 d')
    r = c.sops('edit', f, env={'EDITOR': e}).status(204)
    os.chmod(c.path('d'), 0o755)
    kept = os.path.join(c.tmp, 'f.edited.yaml')
    true(os.path.exists(kept), 'nothing in TMPDIR')
    has(r.err, kept, 'message')


def question(r, what='the terminal'):
    for w in ('e', 's'):
        has(r.err, '  %s  ' % w, what)
    has(r.err, 'Choose (', what)


@check
def edit_on_a_terminal_save(c):
    f = c.seal('f.yaml')
    r = c.tty(['edit', f], [('Choose (', 'x\n'), ('Choose (', 's\n')], env={'EDITOR': editor(c, TYPE + '\n' + their_set(c))}).status(204)
    question(r)
    need(r.unasked, [], 'questions that did not come')
    c.opened(f, tree=THEIRS)
    c.opened('f.edited.yaml', tree=MINE)


@check
def edit_on_a_terminal_at_the_end_of_stdin(c):
    f = c.seal('f.yaml')
    c.tty(['edit', f], [('Choose (', '\x04')], env={'EDITOR': editor(c, TYPE + '\n' + their_set(c))}).status(204)
    c.opened(f, tree=THEIRS)
    c.opened('f.edited.yaml', tree=MINE)


@check
def edit_on_a_terminal_interrupted_at_the_question(c):
    f = c.seal('f.yaml')
    c.tty(['edit', f], [('Choose (', '\x03')], env={'EDITOR': editor(c, TYPE + '\n' + their_set(c))}).status(204)
    c.opened(f, tree=THEIRS)
    c.opened('f.edited.yaml', tree=MINE)


@check
def edit_on_a_terminal_back_to_the_editor(c):
    f = c.seal('f.yaml')
    before = c.read(f)
    c.write('before.yaml', before)
    steps = editor(c, 'n=$(cat ../n 2>/dev/null || echo 0); echo $((n+1)) > ../n\ncase $n in\n0) %s; %s;;\n1) grep -q "mine: %s-mine" "$F" || echo lost > ../lost; printf "more: %s-more\\n" >> "$F"; cp before.yaml f.yaml;;\nesac' % (
        TYPE, their_set(c), CANARY, CANARY))
    r = c.tty(['edit', f], [('Choose (', 'e\n')], env={'EDITOR': steps}).status(0)
    need(r.unasked, [], 'questions that did not come')
    true(not os.path.exists(os.path.join(c.root, 'lost')), 'the second editor does not show what was typed in the first')
    c.opened(f, tree=dict(MINE, more=CANARY + '-more'))
    need(sorted(n for n in os.listdir(c.dir) if 'edited' in n), [], 'files kept')


@check
def edit_on_a_terminal_twice(c):
    f = c.seal('f.yaml')
    steps = editor(c, 'n=$(cat ../n 2>/dev/null || echo 0); echo $((n+1)) > ../n\nprintf "mine$n: %s\\n" >> "$F"; "%s" set f.yaml "[\\"t$n\\"]" 1' % (CANARY, Peers.sops))
    c.tty(['edit', f], [('Choose (', 'e\n'), ('Choose (', 'e\n'), ('Choose (', 's\n')], env={'EDITOR': steps}).status(204)
    c.opened('f.edited.yaml', tree=dict(TREE, mine0=CANARY, mine1=CANARY, mine2=CANARY))
    got = dict(sopslib.Opened(c.text(f)).tree(c.key))
    true(all('t%d:' % i in got for i in range(3)), "the other's changes: %s" % sorted(got))


@check
def edit_on_a_terminal_merge(c):
    f = c.seal('f.yaml')
    r = c.tty(['edit', f], [('Choose (', 'm\n'), ('Choose (', 's\n')], env={'EDITOR': editor(c, TYPE + '\n' + their_set(c))})
    if '  m  ' not in r.err:
        raise Skip('merging is not there yet')
    r.status(0)
    o = sopslib.Opened(c.text(f))
    got = dict(o.tree(c.key))
    need((got.get('mine:'), got.get('theirs:')), (CANARY + '-mine', CANARY + '-theirs'), 'both changes')
    need(sorted(n for n in os.listdir(c.dir) if 'edited' in n), [], 'files kept')


@check
def edit_unchanged_text_is_still_200(c):
    f = c.seal('f.yaml')
    c.sops('edit', f, env={'EDITOR': editor(c, their_set(c))}).status(200)
    c.opened(f, tree=THEIRS)


@check
def git_switches_the_branch_meanwhile(c):
    if not Peers.git:
        raise Skip('no git')
    git = ['git', '-c', 'user.name=x', '-c', 'user.email=x@x', '-c', 'init.defaultBranch=main']
    f = c.seal('f.yaml')
    for words in (['init', '-q'], ['add', f], ['commit', '-qm', 'one'], ['checkout', '-qb', 'other']):
        c.run(git + words, keep=False)
    c.seal(f, tree=NEW)
    for words in (['commit', '-qam', 'two'], ['checkout', '-q', 'main']):
        c.run(git + words, keep=False)
    one = c.read(f)
    c.sops('edit', f, env={'EDITOR': editor(c, TYPE + '\ngit checkout -q other')}).status(204)
    c.opened(f, tree=NEW)
    c.opened('f.edited.yaml', tree=MINE)
    need(c.run(git + ['status', '--porcelain'], keep=False).text.split(), ['??', 'f.edited.yaml'], 'git status')
    os.unlink(c.path('f.edited.yaml'))
    c.run(git + ['checkout', '-q', 'main'], keep=False)
    need(c.read(f), one, 'the check itself')
    c.sops('edit', f, env={'EDITOR': editor(c, TYPE + '\ngit checkout -q other; git checkout -q main')}).status(0)
    c.opened(f, tree=MINE)
