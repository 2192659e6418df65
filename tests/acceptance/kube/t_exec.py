# SPDX-License-Identifier: Apache-2.0
"""exec-env and exec-file: words, several files, names of variables, statuses, signals (exec-env and exec-file)."""
import os, pty, re, select, signal, subprocess, sys, time
from harness import *

SHOW = 'import os,sys\nfor k in sys.argv[1:]: print("%s=%s" % (k, os.environ.get(k, "-")))\n'


def two_files(c):
    c.seal('a.env', 'A=%s-a\nBOTH=%s-first\n' % (CANARY, CANARY), rule=None)
    c.seal('b.env', 'B=%s-b\nBOTH=%s-second\n' % (CANARY, CANARY), rule=None)
    c.write('show.py', SHOW)
    c.clear_ok = True


def show(c, flags, files, names, **kw):
    return c.sops('exec-env', *flags, *files, '--', sys.executable, 'show.py', *names, **kw)


@check
def program_form_has_no_shell(c):
    two_files(c)
    r = c.sops('exec-env', 'a.env', '--', 'printf', '%s;', '$A', '* ?', "it's", '', '{}').status(0)
    need(r.text, "$A;* ?;it's;;{};", 'the words')
    need(r.err, '', 'stderr')


@check
def one_word_is_for_the_shell(c):
    two_files(c)
    need(c.sops('exec-env', 'a.env', '--', 'echo "$A" | tr a-z A-Z').status(0).text, (CANARY + '-a\n').upper(), 'one word')
    need(c.sops('exec-env', 'a.env', 'echo "$A"').status(0).text, CANARY + '-a\n', 'two words')
    need(c.sops('exec-env', '--', 'a.env', 'echo "$A"').status(0).text, CANARY + '-a\n', '-- before both')
    c.sops('exec-env', 'a.env', 'kill -9 $$').status(255)
    c.sops('exec-env', 'a.env', 'exit 9').status(9)


@check
def no_shell_takes_one_word_as_a_program(c):
    two_files(c)
    has(c.sops('exec-env', '--no-shell', '--pristine', 'a.env', '--', '/usr/bin/env').status(0).text, 'A=%s-a\n' % CANARY, 'env')
    r = c.sops('exec-env', '--no-shell', 'a.env', '--', 'echo $A').status(127)
    has(r.err, 'echo $A', 'the message')


@check
def wrong_words(c):
    two_files(c)
    c.write('mark', '')
    for words in (['--no-shell', 'a.env', 'env'], ['--no-shell', 'a.env', '--'], ['--no-shell', '--', 'env'], ['a.env', 'b.env', 'touch ran'], ['a.env', 'b.env', '--'],
                  ['--', 'a.env', 'touch', 'ran'], ['a.env']):
        for command in ('exec-env', 'exec-file'):
            c.sops(command, *words).status(1)
    true(not os.path.exists(c.path('ran')), 'something ran')


@check
def several_files_the_later_wins(c):
    two_files(c)
    r = show(c, [], ['a.env', 'b.env'], ['A', 'B', 'BOTH']).status(0)
    need(r.text, 'A={0}-a\nB={0}-b\nBOTH={0}-second\n'.format(CANARY), 'a then b')
    r = show(c, [], ['b.env', 'a.env'], ['A', 'B', 'BOTH']).status(0)
    need(r.text, 'A={0}-a\nB={0}-b\nBOTH={0}-first\n'.format(CANARY), 'b then a')
    r = c.sops('exec-env', 'b.env', 'a.env', '--', 'echo "$BOTH"').status(0)
    need(r.text, CANARY + '-first\n', 'several files and a shell')


@check
def order_of_files_with_flags_between(c):
    two_files(c)
    for words in (['b.env', '--pristine', 'a.env'], ['--pristine', 'b.env', '--decryption-order', 'age', 'a.env'], ['b.env', 'a.env', '--pristine']):
        r = c.sops('exec-env', *words, '--', sys.executable, 'show.py', 'BOTH', 'HOME').status(0)
        need(r.text, 'BOTH=%s-first\nHOME=-\n' % CANARY, ' '.join(words))


@check
def words_behind_the_dashes_are_not_ours(c):
    two_files(c)
    r = c.sops('exec-env', 'a.env', '--', 'printf', '%s;', '--pristine', '--help', '-i', '--', '--redact', 'b.env', '--user').status(0)
    need(r.text, '--pristine;--help;-i;--;--redact;b.env;--user;', 'the words')
    r = c.sops('exec-file', 'a.env', '--', 'printf', '%s;', '--no-fifo', '--', '--filename', 'x').status(0)
    need(r.text, '--no-fifo;--;--filename;x;', 'exec-file')


@check
def the_program_takes_the_place_of_sops(c):
    two_files(c)
    p = subprocess.Popen([Peers.sops, 'exec-env', 'a.env', '--', 'sh', '-c', 'echo $$; exec sleep 20'], stdout=subprocess.PIPE, cwd=c.dir, env=c.env)
    try:
        need(int(p.stdout.readline()), p.pid, 'process id')
        p.send_signal(signal.SIGTERM)
        need(p.wait(5), -signal.SIGTERM, 'end by a signal')
    finally:
        p.kill()
        p.wait()
        p.stdout.close()


@check
def statuses_of_the_program(c):
    two_files(c)
    c.sops('exec-env', 'a.env', '--', 'sh', '-c', 'exit 7').status(7)
    c.sops('exec-env', 'a.env', '--', 'sh', '-c', 'kill -9 $$').status(-9, 137)
    c.sops('exec-file', 'a.env', '--', 'sh', '-c', 'exit 7').status(7)
    c.sops('exec-file', 'a.env', '--', 'sh', '-c', 'kill -9 $$').status(137)
    need(c.sops('exec-env', 'a.env', '--', 'cat', '-', stdin=b'in\0put').status(0).out, b'in\0put', 'stdin')


@check
def program_not_there_or_not_runnable(c):
    two_files(c)
    c.write('plain', 'x')
    c.write('bad', '#!/no/such/interpreter\n', 0o755)
    os.mkdir(c.path('folder'))
    c.script('rel/only-here', '#!/bin/sh\ntouch ran\n')
    for command in ('exec-env', 'exec-file'):
        r = c.sops(command, 'a.env', '--', 'no-such-prog', 'x').status(127)
        has(r.err, 'no-such-prog', 'message')
        c.sops(command, 'a.env', '--', './none', 'x').status(127)
        has(c.sops(command, 'a.env', '--', './plain', 'x').status(126).err, './plain', 'message')
        c.sops(command, 'a.env', '--', './folder', 'x').status(126)
        c.sops(command, 'a.env', '--', 'only-here', 'x', env={'PATH': 'rel:' + c.env['PATH']}).status(127)
    true(not os.path.exists(c.path('ran')), 'a program of a relative folder ran')


@check
def nothing_runs_unless_every_file_opens(c):
    two_files(c)
    c.seal('m.yaml', secret(), rule='^stringData$')
    c.damage('m.yaml')
    c.seal('bob.env', 'X=%s\n' % CANARY, rule=None, to=BOB)
    c.write('plain.env', 'X=1\n')
    for command, flags in (('exec-env', ['--flatten', '_']), ('exec-file', [])):
        for bad, status in (('m.yaml', 51), ('bob.env', 128), ('plain.env', 1), ('none.env', 2)):
            for files in (['a.env', bad], [bad, 'a.env']):
                r = c.sops(command, *flags, *files, '--', 'touch', 'ran').status(status)
                has(r.err, bad, 'message')
                true(not os.path.exists(c.path('ran')), '%s ran in spite of %s' % (command, bad))


@check
def flatten(c):
    two_files(c)
    c.seal('n.yaml', '# one\ndb:\n    pw: %s\n    hosts:\n        # not counted\n        - a\n        - {port: 5}\n    none: {}\n    list: []\ntop: true\n' % CANARY, rule=None)
    r = show(c, ['--flatten', '_'], ['n.yaml'], ['db_pw', 'db_hosts_0', 'db_hosts_1_port', 'db_none', 'db_list', 'top', 'db', 'db_hosts_1']).status(0)
    need(r.text, 'db_pw=%s\ndb_hosts_0=a\ndb_hosts_1_port=5\ndb_none=-\ndb_list=-\ntop=true\ndb=-\ndb_hosts_1=-\n' % CANARY, 'variables')
    r = show(c, ['--flatten=__'], ['n.yaml'], ['db__hosts__1__port']).status(0)
    need(r.text, 'db__hosts__1__port=5\n', 'a separator of two')
    c.sops('exec-env', 'n.yaml', '--', 'true', 'x').status(1)


@check
def flatten_ini_and_json(c):
    two_files(c)
    c.seal('i.ini', '[web]\nkey = %s\n' % CANARY, rule=None)
    c.seal('j.json', '{"a": {"b": ["%s", 2]}}' % CANARY, rule=None)
    need(show(c, ['--flatten', '_'], ['i.ini', 'j.json'], ['web_key', 'a_b_0', 'a_b_1']).status(0).text, 'web_key={0}\na_b_0={0}\na_b_1=2\n'.format(CANARY), 'variables')


@check
def flatten_separator(c):
    two_files(c)
    for sep in ('=', ' ', 'a b', '/', 'é', '_\n'):
        c.sops('exec-env', '--flatten', sep, 'a.env', '--', 'touch', 'ran').status(1)
    for sep in ('.', '-', '_x_', '9'):
        c.sops('exec-env', '--flatten', sep, 'a.env', '--', 'true', 'x').status(0)
    true(not os.path.exists(c.path('ran')), 'it ran')


@check
def only(c):
    two_files(c)
    c.seal('n.yaml', 'db: {pw: %s, user: u}\nother: {x: 1}\nflat: f\n' % CANARY, rule=None)
    need(show(c, ['--only', 'flat'], ['n.yaml'], ['flat', 'db']).status(0).text, 'flat=f\ndb=-\n', 'a file with a mapping that is not taken')
    r = show(c, ['--flatten', '_', '--only', 'db_pw,flat', '--only=A'], ['n.yaml', 'a.env'], ['db_pw', 'db_user', 'flat', 'A', 'BOTH']).status(0)
    need(r.text, 'db_pw={0}\ndb_user=-\nflat=f\nA={0}-a\nBOTH=-\n'.format(CANARY), 'commas, repeated, several files')
    r = c.sops('exec-env', '--only', 'flat,nonesuch', 'n.yaml', '--', 'touch', 'ran').status(1)
    has(r.err, 'nonesuch', 'message')
    c.sops('exec-env', '--only', 'db', 'n.yaml', '--', 'touch', 'ran').status(1)
    true(not os.path.exists(c.path('ran')), 'it ran')


@check
def upper_and_prefix(c):
    two_files(c)
    c.seal('n.yaml', 'db: {pw: %s, straße: s}\n' % CANARY, rule=None)
    r = show(c, ['--flatten', '_', '--upper', '--prefix', 'app_', '--only', 'db_pw,db_straße'], ['n.yaml'], ['app_DB_PW', 'APP_DB_PW', 'app_DB_STRAßE', 'db_pw']).status(0)
    need(r.text, 'app_DB_PW=%s\nAPP_DB_PW=-\napp_DB_STRAßE=s\ndb_pw=-\n' % CANARY, 'variables')
    need(show(c, ['--prefix', 'P'], ['a.env'], ['PA', 'A']).status(0).text, 'PA=%s-a\nA=-\n' % CANARY, '--prefix alone')
    need(c.sops('exec-env', '--upper', '--prefix=x_', 'a.env', 'echo "$x_A"').status(0).text, CANARY + '-a\n', 'in the form for a shell')


@check
def names_that_collide(c):
    two_files(c)
    c.seal('f.yaml', 'a_b: %s\na: {b: %s}\n' % (CANARY, CANARY), rule=None)
    c.seal('u.yaml', 'key: %s\nKey: %s\n' % (CANARY, CANARY), rule=None)
    r = c.sops('exec-env', '--flatten', '_', 'f.yaml', '--', 'touch', 'ran').status(1)
    has(r.err, 'a_b', 'message')
    has(r.err, 'a.b', 'message')
    r = c.sops('exec-env', '--upper', 'u.yaml', '--', 'touch', 'ran').status(1)
    has(r.err, 'key', 'message')
    has(r.err, 'Key', 'message')
    true(not os.path.exists(c.path('ran')), 'it ran')
    c.sops('exec-env', '--upper', '--only', 'key', 'u.yaml', '--', 'true', 'x').status(0)
    # In two files it is no collision but the later one's.
    c.seal('l.yaml', 'key: x\n', rule=None)
    c.seal('m.yaml', 'KEY: y\n', rule=None)
    need(show(c, ['--upper'], ['l.yaml', 'm.yaml'], ['KEY']).status(0).text, 'KEY=y\n', 'two files')


@check
def a_repeated_key_of_dotenv(c):
    two_files(c)
    c.seal('r.env', 'K=one\nK=%s\n' % CANARY, rule=None)
    need(show(c, [], ['a.env', 'r.env'], ['K']).status(0).text, 'K=%s\n' % CANARY, 'the last counts')


@check
def names_and_values_that_cannot_be(c):
    two_files(c)
    c.seal('n.yaml', '"": %s\n"a=b": %s\nnul: "%s\\0"\nok: fine\n' % (CANARY, CANARY, CANARY), rule=None)
    c.sops('exec-env', 'n.yaml', '--', 'touch', 'ran').status(1)
    for name in ('a=b', 'nul'):
        has(c.sops('exec-env', '--only', name, 'n.yaml', '--', 'touch', 'ran').status(1).err, name, 'message')
    true(not os.path.exists(c.path('ran')), 'it ran')
    need(show(c, ['--only', 'ok'], ['n.yaml'], ['ok']).status(0).text, 'ok=fine\n', '--only leaves the others alone')


@check
def kinds_of_values(c):
    two_files(c)
    c.seal('k.yaml', 'i: 42\nf: 3.0\nt: true\nn: null\nm: |\n    a\n    b\nd: 2001-12-14\n', rule=None)
    r = show(c, ['--pristine', '--prefix', 'v'], ['k.yaml'], ['vi', 'vf', 'vt', 'vn', 'vm', 'vd']).status(0)
    need(r.text, 'vi=42\nvf=3.0\nvt=true\nvn=<nil>\nvm=a\nb\n\nvd=2001-12-14T00:00:00Z\n', 'texts')


@check
def pristine(c):
    two_files(c)
    r = c.sops('exec-env', '--pristine', 'a.env', 'b.env', '--', '/usr/bin/env', '-0').status(0)
    need(sorted(x.split('=')[0] for x in r.text.split('\0') if x), ['A', 'B', 'BOTH'], 'names')


@check
def background(c):
    two_files(c)
    t = time.time()
    c.sops('exec-env', '--background', 'a.env', 'b.env', '--', 'sh', '-c', 'sleep 1; echo "$A $B" >out.tmp; mv out.tmp out').status(0)
    true(time.time() - t < 1, 'it waited')
    for _ in range(60):
        if os.path.exists(c.path('out')):
            break
        time.sleep(0.1)
    need(c.read('out').decode(), '{0}-a {0}-b\n'.format(CANARY), 'what ran')


@check
def another_user(c):
    if os.getuid() != 0:
        raise Skip('only root can become another user')
    two_files(c)
    os.chmod(c.root, 0o755)
    os.chmod(c.tmp, 0o1777)
    r = c.sops('exec-env', '--user', 'nobody', 'a.env', '--', 'sh', '-c', 'id -un; echo "$A $USER"').status(0)
    need(r.text, 'nobody\n%s-a nobody\n' % CANARY, 'exec-env')
    r = c.sops('exec-file', '--user', 'nobody', 'a.env', 'b.env', '--', 'sh', '-c', 'id -un; cat "$1" "$2" | wc -l', 'x', '{}', '{}').status(0)
    need(r.text.split(), ['nobody', '4'], 'exec-file')


@check
def flags_in_conflict(c):
    two_files(c)
    c.sops('exec-env', '--decryption-order', 'age,age', 'a.env', 'b.env', '--', 'touch', 'ran').status(112)
    c.sops('exec-env', '--background', '--same-process', 'a.env', '--', 'touch', 'ran').status(8)
    c.sops('exec-env', '--nonesuch', 'a.env', '--', 'touch', 'ran').status(1)
    true(not os.path.exists(c.path('ran')), 'it ran')


@check
def one_question_for_all_files(c):
    two_files(c)
    c.script('keys', '#!/bin/sh\necho x >>%s\ncat %s\n' % (c.path('asked'), os.path.join(KEYS, 'age', 'alice.txt')))
    env = {'SOPS_AGE_KEY_FILE': None, 'SOPS_AGE_KEY_CMD': c.path('keys')}
    c.sops('exec-env', 'a.env', 'b.env', '--', 'true', 'x', env=env).status(0)
    need(c.read('asked'), b'x\n', 'starts of the key command')


@check
def no_secret_in_an_argument_list(c):
    two_files(c)
    c.write('look.py', 'import os,re\nbad=[]\nfor p in os.listdir("/proc"):\n  if p.isdigit():\n    try: t=open("/proc/%s/cmdline"%p,"rb").read()\n    except OSError: continue\n'
                       '    if b"-a@" in t: bad.append(t)\nprint(len(bad))\n'.replace('@', str(os.getpid())))
    c.seal('p.env', 'A=%s-a%d\n' % (CANARY, os.getpid()), rule=None)
    for command in ('exec-env', 'exec-file'):
        for flags in ([], ['--redact']):
            need(c.sops(command, *flags, 'p.env', '--', sys.executable, 'look.py').status(0).text, '0\n', command + ' ' + ' '.join(flags))


# ---- exec-file

@check
def file_program_form(c):
    two_files(c)
    r = c.sops('exec-file', 'a.env', '--', 'sh', '-c', 'cat "$1"; echo "$1 $2"', 'x', '{}', 'a{}b{}').status(0)
    lines = r.text.splitlines()
    need(lines[:2], ['A=%s-a' % CANARY, 'BOTH=%s-first' % CANARY], 'content')
    path, joined = lines[2].split(' ')
    need(joined, 'a%sb%s' % (path, path), 'every {}')
    true(path.startswith(c.tmp + '/.sops') and path.endswith('/tmp-file'), 'path %s' % path)
    true(not os.path.exists(os.path.dirname(path)), 'the folder is still there')


@check
def file_several_in_order(c):
    two_files(c)
    r = c.sops('exec-file', 'b.env', 'a.env', '--', 'sh', '-c', 'stat -c "%F %a %n" "$2" "$1" "$(dirname "$1")" "$(dirname "$(dirname "$1")")"; cat "$1"; cat "$2"', 'x', '{}', 'x={}'[2:]).status(0)
    lines = r.text.splitlines()
    base = lines[3].split(' ')[-1]
    need(lines[0], 'fifo 600 %s/2/a.env' % base, 'the second')
    need(lines[1], 'fifo 600 %s/1/b.env' % base, 'the first')
    need(lines[2], 'directory 700 %s/1' % base, 'its folder')
    need(lines[3], 'directory 700 %s' % base, 'the folder')
    need(lines[4:], ['B=%s-b' % CANARY, 'BOTH=%s-second' % CANARY, 'A=%s-a' % CANARY, 'BOTH=%s-first' % CANARY], 'contents')
    true(not os.path.exists(base), 'the folder is still there')


@check
def file_places_by_number_and_name(c):
    two_files(c)
    r = c.sops('exec-file', 'a.env', 'b.env', '--', 'printf', '%s\n', '{2}', '--x={a.env}', '{1}{2}', '{"a":1}', '{3}', '{0}', '{c.env}', '{ }', '{{b.env}}').status(0)
    lines = r.text.splitlines()
    base = lines[0][:-len('/2/b.env')]
    one, two = base + '/1/a.env', base + '/2/b.env'
    need(lines, [two, '--x=' + one, one + two, '{"a":1}', '{3}', '{0}', '{c.env}', '{ }', '{%s}' % two], 'words')


@check
def file_number_of_places(c):
    two_files(c)
    c.seal('sub/a.env', 'X=%s\n' % CANARY, rule=None)
    for words in (['{}'], ['{}', '{}{}'], ['{}{}{}']):
        c.sops('exec-file', 'a.env', 'b.env', '--', 'touch', 'ran', *words, env=c.no_key).status(1)
    has(c.sops('exec-file', 'a.env', 'sub/a.env', '--', 'touch', 'ran', '{a.env}', env=c.no_key).status(1).err, 'a.env', 'message')
    c.sops('exec-file', '--filename', 'n', 'a.env', 'b.env', '--', 'touch', 'ran', env=c.no_key).status(8)
    true(not os.path.exists(c.path('ran')), 'it ran')
    r = c.sops('exec-file', 'a.env', 'sub/a.env', '--', 'cat', '{}', '{}').status(0)
    need(r.text, 'A={0}-a\nBOTH={0}-first\nX={0}\n'.format(CANARY), 'two of one name')
    c.sops('exec-file', 'a.env', 'b.env', '--', 'true', 'x').status(0)


@check
def file_no_fifo_several(c):
    two_files(c)
    r = c.sops('exec-file', '--no-fifo', 'a.env', 'b.env', '--', 'sh', '-c', 'cat "$1" "$1" "$2"; stat -c "%F %a" "$1" "$2"; echo "$1"', 'x', '{1}', '{b.env}').status(0)
    lines = r.text.splitlines()
    need(lines[:4], ['A=%s-a' % CANARY, 'BOTH=%s-first' % CANARY] * 2, 'read twice')
    need(lines[6:8], ['regular file 600'] * 2, 'kind and mode')
    true(not os.path.exists(lines[8]), 'the file is still there')


@check
def file_types_and_size(c):
    two_files(c)
    c.seal('j.json', '{"a": "%s"}' % CANARY, rule=None)
    need(c.sops('exec-file', '--output-type', 'yaml', 'j.json', '--', 'cat', '{}').status(0).text, 'a: %s\n' % CANARY, '--output-type')
    big = os.urandom(1500000)
    c.seal('big.bin', big, rule=None)
    r = c.sops('exec-file', 'big.bin', 'a.env', '--', 'cat', '{}', '{}').status(0)
    true(r.out.startswith(big) and len(r.out) > len(big), 'a large file through a FIFO')
    c.sops('exec-file', 'big.bin', 'a.env', '--', 'head', '-c', '5', '{1}').status(0)


@check
def file_folder_goes_when_the_program_cannot_start(c):
    two_files(c)
    for words in (['no-such-prog', 'x'], ['./b.env', 'x']):
        r = c.sops('exec-file', '--no-fifo', 'a.env', 'b.env', '--', *words)
        true(r.rc in (126, 127), 'status %d' % r.rc)
    need([n for n in os.listdir(c.tmp)], [], 'TMPDIR')


TELL = '''import os, signal, sys, time
n = []
for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT):
    signal.signal(s, lambda s, f: n.append(s))
open("ready", "w").close()
end = time.time() + 10
while time.time() < end and not n:
    time.sleep(0.05)
time.sleep(0.4)
print(",".join(str(int(s)) for s in n)); sys.stdout.flush()
sys.exit(5)
'''


def signalled(c, words, number):
    p = subprocess.Popen([Peers.sops] + words + ['--', sys.executable, 'tell.py'], stdout=subprocess.PIPE, cwd=c.dir, env=c.env, start_new_session=True)
    try:
        for _ in range(200):
            if os.path.exists(c.path('ready')):
                break
            time.sleep(0.05)
        os.kill(p.pid, number)
        out, _ = p.communicate(timeout=15)
    finally:
        if p.poll() is None:
            os.killpg(p.pid, 9)
            p.wait()
        os.unlink(c.path('ready'))
    return p.returncode, out.decode().strip()


@check
def signals_reach_the_program(c):
    two_files(c)
    c.write('tell.py', TELL)
    for words in (['exec-env', 'a.env'], ['exec-file', 'a.env', 'b.env'], ['exec-env', '--redact', 'a.env']):
        for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT):
            need(signalled(c, words, s), (5, str(int(s))), '%s and signal %d' % (' '.join(words), s))
    need(os.listdir(c.tmp), [], 'TMPDIR')


def on_terminal(argv, c, typed, timeout=15, size=(30, 100), stdin_tty=True):
    """Runs it in a session of its own on a pseudo-terminal; types each of `typed` when its text has appeared."""
    import fcntl, struct, termios
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(c.dir)
        os.execve(argv[0], argv, c.env)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', size[0], size[1], 0, 0))
    out, end, typed = b'', time.time() + timeout, list(typed)
    while time.time() < end:
        r, _, _ = select.select([fd], [], [], 0.1)
        if r:
            try:
                d = os.read(fd, 65536)
            except OSError:
                break
            if not d:
                break
            out += d
        while typed and typed[0][0] in out:
            what = typed.pop(0)[1]
            if callable(what):
                what(fd)
            else:
                os.write(fd, what)
    else:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(fd)
        raise Failed('still running on a terminal after %d s: %s' % (timeout, short(out)))
    os.close(fd)
    _, st = os.waitpid(pid, 0)
    return (os.WEXITSTATUS(st) if os.WIFEXITED(st) else -os.WTERMSIG(st)), out


@check
def the_interrupt_key_arrives_once(c):
    two_files(c)
    c.write('tell.py', TELL.replace('open("ready", "w").close()', 'print("READY"); sys.stdout.flush()'))
    for words in (['exec-file', 'a.env', 'b.env'], ['exec-env', '--redact', 'a.env']):
        rc, out = on_terminal([Peers.sops] + words + ['--', sys.executable, 'tell.py'], c, [(b'READY', b'\x03')])
        need(rc, 5, ' '.join(words))
        true(re.search(rb'(?m)^(\^C)?2\r*$', out), 'interrupts seen: %r' % out)
    need(os.listdir(c.tmp), [], 'TMPDIR')


@check
def killed_child_and_its_folder(c):
    two_files(c)
    r = c.sops('exec-file', '--no-fifo', 'a.env', 'b.env', '--', 'sh', '-c', 'kill -TERM $$').status(143)
    need(os.listdir(c.tmp), [], 'TMPDIR')
