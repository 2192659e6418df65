# SPDX-License-Identifier: Apache-2.0
"""--redact: what the program prints."""
import base64, json, os, re, signal, subprocess, sys, time
from harness import *
from t_exec import on_terminal
from urllib.parse import quote

PW = CANARY + '-pw'


def env_file(c, text=None):
    c.seal('e.env', text or 'PW=%s\nTOKEN=tok-%s\n' % (PW, CANARY), rule=None)


def redact(c, program, *words, flags=(), files=('e.env',), **kw):
    """Runs a Python program under --redact. Nothing it prints may hold the canary."""
    r = c.sops('exec-env', '--redact', *flags, *files, '--', sys.executable, '-c', program, *words, **kw)
    lacks(r.out, CANARY, 'stdout')
    return r


@check
def values_on_both_outputs(c):
    env_file(c)
    r = redact(c, 'import os,sys\nsys.stdout.write("a "+os.environ["PW"]+" b\\n"+os.environ["TOKEN"])\nsys.stderr.write("x"+os.environ["PW"])\nsys.exit(3)').status(3)
    need(r.out, b'a [redacted PW] b\n[redacted TOKEN]', 'stdout')
    need(r.err, 'x[redacted PW]', 'stderr')


@check
def the_program_still_gets_the_values(c):
    env_file(c)
    need(redact(c, 'import os\nprint(len(os.environ["PW"]))').status(0).text, '%d\n' % len(PW), 'length')
    need(c.sops('exec-file', '--redact', 'e.env', '--', 'sh', '-c', 'wc -c <"$1"', 'x', '{}').status(0).text.strip(), str(len('PW=%s\nTOKEN=tok-%s\n' % (PW, CANARY))), 'exec-file')


@check
def clear_values_stay(c):
    c.seal('e.yaml', 'host_unencrypted: db.example.org\npw: %s\n' % PW, rule=None)
    need(redact(c, 'import os\nprint("db.example.org", os.environ["pw"])', files=['e.yaml']).status(0).text, 'db.example.org [redacted pw]\n', 'stdout')


@check
def every_form_of_a_value(c):
    value = 'q"\\/ <&>\u00e9\U0001f600$`\'!(x)~+%s' % CANARY
    c.seal('e.json', json.dumps({'v': value}), rule=None)
    raw = value.encode()
    short_json = json.dumps(value, ensure_ascii=False)[1:-1]
    forms = {'raw': value, 'json': short_json, 'json ascii': json.dumps(value)[1:-1],
             'json html': short_json.replace('<', '\\u003c').replace('>', '\\u003e').replace('&', '\\u0026'),
             'url': quote(value, safe='-._~'), 'url plus': quote(value, safe='-._~ ').replace(' ', '+'), 'url component': quote(value, safe="-._~!'()*"), 'url path': quote(value, safe='-._~/'),
             'shell': value.replace("'", "'\\''"), 'shell 2': value.replace("'", "'\"'\"'"), 'double quotes': re.sub(r'(["$`\\])', r'\\\1', value),
             'hex': raw.hex(), 'HEX': raw.hex().upper()}
    for name, text in forms.items():
        r = c.sops('exec-env', '--redact', 'e.json', '--', 'printf', '%s', '<' + text + '>').status(0)
        need(r.text, '<[redacted v]>', name)
    lacks(r.out, CANARY, 'stdout')


@check
def base64_at_every_alignment(c):
    c.seal('e.json', json.dumps({'v': 'k\u00fc??>>' + CANARY}), rule=None)
    raw = ('k\u00fc??>>' + CANARY).encode()
    for encode, name in ((base64.b64encode, 'std'), (base64.urlsafe_b64encode, 'url')):
        for before in range(4):
            for after in range(4):
                text = encode(b'\xff' * before + raw + b'\xfb' * after).decode()
                r = c.sops('exec-env', '--redact', 'e.json', '--', 'printf', '%s', text).status(0)
                has(r.text, '[redacted v]', '%s, %d before, %d after' % (name, before, after))
                left = len(r.text) - len('[redacted v]')
                true(left <= (before * 8 + 5) // 6 + (after * 8 + 5) // 6 + 3, '%s %d %d: %s is left of %s' % (name, before, after, r.text, text))


@check
def base64_in_lines(c):
    value = CANARY + 'x' * 150
    c.seal('e.json', json.dumps({'v': value}), rule=None)
    for width in (76, 64):
        text = base64.b64encode(value.encode()).decode()
        lines = '\n'.join(text[i:i + width] for i in range(0, len(text), width)) + '\n'
        r = c.sops('exec-env', '--redact', 'e.json', '--', 'printf', '%s', lines).status(0)
        left = re.sub(r'\[redacted v\]|\n', '', r.text)
        true(len(left) <= 4, 'width %d: %s' % (width, r.text))


@check
def lines_of_a_value(c):
    pem = '-----BEGIN KEY-----\n%s-one\n%s-two\r\nabc\n-----END KEY-----\n' % (CANARY, CANARY)
    c.seal('e.json', json.dumps({'pem': pem}), rule=None)
    r = c.sops('exec-env', '--redact', 'e.json', '--', 'printf', '%s', '1 %s-two 2 %s-one 3 abc 4' % (CANARY, CANARY)).status(0)
    need(r.text, '1 [redacted pem] 2 [redacted pem] 3 abc 4', 'single lines')
    need(redact(c, 'import os,sys;sys.stdout.write("<"+os.environ["pem"]+">")', files=['e.json']).status(0).text, '<[redacted pem]\n>', 'all of it')


@check
def line_end_of_a_file(c):
    c.seal('token', '%s-tok\n' % CANARY, rule=None)
    r = c.sops('exec-file', '--redact', 'token', '--', 'sh', '-c', 't=$(cat "$1"); printf "%s|%s|" "$t" "$(printf %s "$t" | base64)"', 'x', '{}').status(0)
    need(re.sub(r'[A-Za-z0-9+/=]{0,2}\|$', '|', r.text), '[redacted data]|[redacted data]|', 'a token cut by the shell')


@check
def short_values(c):
    env_file(c, 'A=abc\nB=vwxyz\nPW=%s\n' % PW)
    r = redact(c, 'import os\nprint(os.environ["A"], os.environ["B"], os.environ["PW"])').status(0)
    need(r.text, 'abc vwxyz [redacted PW]\n', 'stdout')
    need(r.err, 'warning: 2 values are shorter than 6 bytes and are not redacted: A, B\n', 'stderr')
    r = redact(c, 'import os\nprint(os.environ["B"])', flags=['--redact-min', '4']).status(0)
    need(r.text, '[redacted B]\n', '--redact-min 4')
    has(r.err, 'A', 'warning')
    r = redact(c, 'import os\nprint(os.environ["B"])', flags=['--redact-min', '4096']).status(0)
    true(r.err.startswith('warning: 3 values are shorter than 4096 bytes'), r.err)


@check
def many_short_values(c):
    env_file(c, ''.join('K%d=%d\n' % (i, i) for i in range(9)))
    r = redact(c, 'pass').status(0)
    true(re.match(r'warning: 9 values are shorter than 6 bytes and are not redacted: K0, K1, K2, K3, K4, …\n$', r.err), r.err)


@check
def flags(c):
    env_file(c)
    for words, status in ((['--redact', '--background'], 8), (['--redact', '--same-process'], 8), (['--redact-min', '8'], 8), (['--redact', '--redact-min', '3'], 1),
                          (['--redact', '--redact-min', '4097'], 1), (['--redact', '--redact-min', 'x'], 1), (['--redact', '--redact-min', '-1'], 1)):
        c.sops('exec-env', *words, 'e.env', '--', 'touch', 'ran').status(status)
    c.sops('exec-file', '--redact', '--background', 'e.env', '--', 'touch', 'ran').status(8)
    true(not os.path.exists(c.path('ran')), 'it ran')


@check
def overlapping_and_touching(c):
    c.seal('e.json', json.dumps({'one': 'abcdefGH', 'two': 'efGHijkl', 'long': 'abcdefGHijklmn', 'same': 'abcdefGH', 'six': 'qrstuv'}), rule=None)
    for text, wanted in (('-abcdefGHijkl-', '-[redacted one]-'), ('abcdefGHijklmn', '[redacted long]'), ('abcdefGHijklm', '[redacted one]m'), ('abcdefGHabcdefGH', '[redacted one]'),
                         ('qrstuvabcdefGH', '[redacted six]'), ('qrstuv abcdefGH', '[redacted six] [redacted one]'), ('xefGHijklqrstuv', 'x[redacted two]'), ('abcdefG', 'abcdefG'), ('qrstuqrstuv', 'qrstu[redacted six]')):
        r = c.sops('exec-env', '--redact', 'e.json', '--', 'printf', '%s', text).status(0)
        need(r.text, wanted, text)


@check
def self_overlap(c):
    c.seal('e.json', json.dumps({'v': 'abababab', 'w': 'aaaaaa'}), rule=None)
    for text, wanted in (('xababababababx', 'x[redacted v]x'), ('aaaaaaaaaaaaaab', '[redacted w]b'), ('aaaaab', 'aaaaab'), ('abababaabababab', 'abababa[redacted v]')):
        need(c.sops('exec-env', '--redact', 'e.json', '--', 'printf', '%s', text).status(0).text, wanted, text)


@check
def pieces_with_pauses(c):
    env_file(c)
    r = redact(c, 'import os,sys,time\nfor ch in "<"+os.environ["PW"]+">":\n  sys.stdout.write(ch); sys.stdout.flush(); time.sleep(0.03)').status(0)
    need(r.text, '<[redacted PW]>', 'byte by byte')


@check
def a_prompt_appears_at_once(c):
    env_file(c)
    p = subprocess.Popen([Peers.sops, 'exec-env', '--redact', 'e.env', '--', sys.executable, '-c',
                          'import sys\nsys.stdout.write("Passphrase: "); sys.stdout.flush(); x=sys.stdin.readline(); sys.stdout.write("got %d" % len(x))'],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=c.dir, env=c.env)
    try:
        import select
        got, end = b'', time.time() + 15
        while got != b'Passphrase: ' and time.time() < end:
            if select.select([p.stdout], [], [], 0.2)[0]:
                d = os.read(p.stdout.fileno(), 100)
                if not d:
                    break
                got += d
        need(got, b'Passphrase: ', 'what stands there while the program waits')
        p.stdin.write(b'hello\n')
        p.stdin.close()
        need(p.stdout.read(), b'got 6', 'the rest')
        need(p.wait(10), 0, 'status')
    finally:
        p.kill()
        p.wait()
        p.stdout.close()


@check
def beginning_of_a_value_at_the_end(c):
    env_file(c)
    need(c.sops('exec-env', '--redact', 'e.env', '--', 'printf', '%s', 'x' + PW[:-1]).status(0).text, 'x' + PW[:-1], 'stdout')


@check
def other_bytes_pass(c):
    env_file(c)
    c.write('d', bytes(range(256)) * 400 + os.urandom(300000))
    need(c.sops('exec-env', '--redact', 'e.env', '--', 'cat', 'd').status(0).out, c.read('d'), 'binary output')
    need(c.sops('exec-env', '--redact', 'e.env', '--', 'true', 'x').status(0).out, b'', 'nothing')


@check
def much_output(c):
    env_file(c)
    r = c.sops('exec-env', '--redact', 'e.env', '--', 'sh', '-c', 'head -c 3000000 /dev/zero | tr "\\0" c; printf %s "$PW"; head -c 1000 /dev/zero | tr "\\0" c', timeout=60).status(0)
    need(r.out, b'c' * 3000000 + b'[redacted PW]' + b'c' * 1000, 'a pattern begins at every byte')


@check
def a_terminal_stays_one(c):
    env_file(c)
    c.write('t.py', 'import os,sys\nprint(sys.stdout.isatty(), sys.stderr.isatty(), sys.stdin.isatty(), tuple(os.get_terminal_size(1)))\nprint(os.environ["PW"]); sys.stdout.flush()\nsys.stdout.write("no end")\n')
    rc, out = on_terminal(['/bin/sh', '-c', 'stty rows 33 cols 101; exec "$0" exec-env --redact e.env -- "$1" t.py', Peers.sops, sys.executable], c, [])
    need(rc, 0, 'status')
    need(out.replace(b'^@', b''), b'True True True (101, 33)\r\n[redacted PW]\r\nno end', 'the screen')
    r = redact(c, 'import sys\nprint(sys.stdout.isatty(), sys.stderr.isatty())').status(0)
    need(r.text, 'False False\n', 'pipes')
    c.write('u.py', 'import sys\nprint(sys.stdout.isatty(), sys.stderr.isatty(), sys.stdin.isatty())\n')
    rc, out = on_terminal(['/bin/sh', '-c', '"$0" exec-env --redact e.env -- "$1" u.py >out; cat out', Peers.sops, sys.executable], c, [])
    has(out, b'False True True', 'stdout redirected')


@check
def window_size_is_kept_in_step(c):
    env_file(c)
    import fcntl, struct, termios
    c.write('t.py', 'import os,sys,time\nprint("READY"); sys.stdout.flush()\nend=time.time()+8\nwhile time.time()<end and os.get_terminal_size(1)[0]!=77: time.sleep(0.05)\nprint(tuple(os.get_terminal_size(1)))\n')
    rc, out = on_terminal([Peers.sops, 'exec-env', '--redact', 'e.env', '--', sys.executable, 't.py'], c, [(b'READY', lambda fd: fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 22, 77, 0, 0)))])
    has(out, b'(77, 22)', 'the screen')


@check
def whoever_keeps_the_output_open(c):
    env_file(c)
    t = time.time()
    r = c.sops('exec-env', '--redact', 'e.env', '--', 'sh', '-c', '(sleep 9; echo late) & echo "now $PW"; exit 4', timeout=30).status(4)
    true(time.time() - t < 7, 'it waited %.0f s' % (time.time() - t))
    need(r.text, 'now [redacted PW]\n', 'stdout')


@check
def output_that_nobody_reads(c):
    env_file(c)
    r = c.run(['/bin/sh', '-c', '"$0" exec-env --redact e.env -- yes "$1" | head -n 2', Peers.sops, 'text'], timeout=20)
    need(r.text, 'text\ntext\n', 'stdout')


@check
def status_by_a_signal(c):
    env_file(c)
    redact(c, 'import os,signal\nos.kill(os.getpid(), 9)').status(137)
    c.sops('exec-env', '--redact', 'e.env', '--', 'no-such-prog', 'x').status(127)
    c.sops('exec-env', '--redact', 'e.env', '--', './e.env', 'x').status(126)


@check
def in_the_form_for_a_shell(c):
    env_file(c)
    need(c.sops('exec-env', '--redact', 'e.env', 'echo "$PW"; echo "$PW" >&2').status(0).text, '[redacted PW]\n', 'stdout')
    need(c.sops('exec-file', '--redact', 'e.env', 'cat {}').status(0).text, 'PW=[redacted PW]\nTOKEN=[redacted TOKEN]\n', 'exec-file')


@check
def paths_of_nested_values(c):
    c.seal('n.yaml', 'db:\n    hosts: [%s-h0, {port: 5432101}]\n"e\\evil": %s-esc\n' % (CANARY, CANARY), rule=None)
    r = c.sops('exec-file', '--redact', '--output-type', 'json', 'n.yaml', '--', 'cat', '{}').status(0)
    for mark in ('[redacted db.hosts.0]', '[redacted db.hosts.1.port]', '[redacted e?vil]'):
        has(r.text, mark, 'stdout')
    lacks(r.out, CANARY, 'stdout')


@check
def values_that_are_not_taken(c):
    env_file(c)
    c.seal('b.env', 'B=%s-b\n' % CANARY, rule=None)
    r = c.sops('exec-env', '--redact', '--only', 'PW', 'e.env', 'b.env', '--', 'printf', '%s', 'tok-%s %s-b' % (CANARY, CANARY)).status(0)
    need(r.text, '[redacted TOKEN] [redacted B]', 'stdout')


@check
def values_longer_than_a_piece(c):
    value = ''.join(chr(97 + (i * i + i // 7) % 26) for i in range(10000)) + CANARY
    c.seal('e.json', json.dumps({'v': value}), rule=None)
    c.write('v', '<' + value + '>' + value[4096:8192] + '.' + value[100:4000])
    r = c.sops('exec-file', '--redact', 'e.json', '--', 'cat', 'v').status(0)
    need(r.text, '<[redacted v]>[redacted v].' + value[100:4000], 'stdout')


@check
def too_much_to_redact(c):
    c.seal('fits.bin', os.urandom(700000).hex(), rule=None)
    c.sops('exec-file', '--redact', 'fits.bin', '--', 'true', 'x', timeout=60).status(0)
    c.seal('big.bin', os.urandom(6500000).hex(), rule=None)
    c.sops('exec-file', '--redact', 'big.bin', '--', 'touch', 'ran', timeout=60).status(1)
    true(not os.path.exists(c.path('ran')), 'it ran')


@check
def which_name(c):
    c.seal('a.json', json.dumps({'first': CANARY, 'x': 'zzzzzzzz'}), rule=None)
    c.seal('b.json', json.dumps({'y': 'zzzzzzzz', 'second': CANARY}), rule=None)
    for files, wanted in ((['a.json', 'b.json'], '[redacted first] [redacted x]'), (['b.json', 'a.json'], '[redacted second] [redacted y]')):
        need(c.sops('exec-env', '--redact', *files, '--', 'printf', '%s zzzzzzzz', CANARY).status(0).text, wanted, ' '.join(files))
