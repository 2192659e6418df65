# SPDX-License-Identifier: Apache-2.0
"""sops kubectl and the plugin, with a kubectl that records what it gets. A real API server: t_cluster."""
import os, re, signal, subprocess, sys, time
from harness import *
from t_stream import PLAIN

FAKE = '''#!%s
import json, os, sys
if "FAKE_SKIP" not in os.environ:
    data = sys.stdin.buffer.read() if not (len(sys.argv) > 1 and sys.argv[1] == "kustomize") else b""
    with open(os.environ["FAKE_LOG"], "a") as f:
        json.dump({"argv": sys.argv[1:], "stdin": data.decode("utf-8", "surrogateescape"), "tmp": sorted(os.listdir(os.environ["TMPDIR"]))}, f)
        f.write("\\n")
if len(sys.argv) > 1 and sys.argv[1] == "kustomize":
    sys.stdout.write(open(os.path.join(sys.argv[2], "built.yaml")).read())
sys.stdout.write(os.environ.get("FAKE_SAYS", ""))
if "FAKE_KILL" in os.environ:
    os.kill(os.getpid(), int(os.environ["FAKE_KILL"]))
sys.exit(int(os.environ.get("FAKE_STATUS", "0")))
''' % sys.executable


def fake(c):
    c.script('fakebin/kubectl', FAKE, path=True)
    c.env['FAKE_LOG'] = os.path.join(c.root, 'log')


def log(c):
    p = c.env['FAKE_LOG']
    lines = open(p).read().splitlines() if os.path.exists(p) else []
    if lines:
        os.unlink(p)
    return [json.loads(l) for l in lines]


def kube(c, *words, status=0, **kw):
    """Runs it and gives (argv of kubectl, documents it read); (None, None) when it was not started."""
    r = c.sops('kubectl', *words, **kw).status(status)
    calls = [x for x in log(c) if x['argv'][:1] != ['kustomize']]
    true(len(calls) <= 1, 'kubectl was started %d times' % len(calls))
    for x in calls:
        for w in x['argv']:
            lacks(w, CANARY, 'an argument of kubectl')
        need([n for n in x['tmp'] if not n.startswith('.')], [], 'TMPDIR while kubectl runs')
    return (calls[0]['argv'], c.docs(calls[0]['stdin'])) if calls else (None, None)


def names(docs):
    return [x['metadata']['name'] for x in docs]


SSA = ['--server-side', '--field-manager=kubectl-sops']


@check
def apply(c):
    fake(c)
    c.seal('s.yaml', secret('s') + '---\n' + configmap('m'))
    c.write('p.yaml', PLAIN)
    argv, docs = kube(c, 'apply', '-f', 'p.yaml', '-f', 's.yaml', '-n', 'shop', '--force-conflicts')
    need(argv, ['apply'] + SSA + ['-f', '-', '-n', 'shop', '--force-conflicts'], 'words')
    need(names(docs), ['plain', 's', 'm'], 'order')
    need(docs[1], {'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 's'}, 'type': 'Opaque', 'data': {'password': b64(CANARY + '-pw')}}, 'the secret')
    need(docs[2]['data'], {'key': CANARY + '-cm'}, 'the config map')


@check
def output_and_status_are_kubectls(c):
    fake(c)
    c.seal('s.yaml', secret('s'))
    r = c.sops('kubectl', 'apply', '-f', 's.yaml', env={'FAKE_SAYS': 'secret/s applied\n', 'FAKE_STATUS': '7'}).status(7)
    need((r.text, r.err), ('secret/s applied\n', ''), 'output')
    c.sops('kubectl', 'apply', '-f', 's.yaml', env={'FAKE_KILL': '15'}).status(143, -15)
    c.sops('kubectl', 'diff', '-f', 's.yaml', env={'FAKE_STATUS': '1'}).status(1)
    c.sops('kubectl', 'diff', '-f', 's.yaml', env={'FAKE_STATUS': '3'}).status(3)


@check
def as_a_plugin(c):
    fake(c)
    c.seal('s.yaml', secret('s'))
    plugin = c.link('kubectl-sops')
    c.run([plugin, 'apply', '-f', 's.yaml']).status(0)
    need(log(c)[0]['argv'], ['apply'] + SSA + ['-f', '-'], 'kubectl-sops')
    has(c.run([plugin]).status(0).text, 'apply', 'help without words')
    for w in ('--help', '-h', 'help'):
        has(c.run([plugin, w]).status(0).text, 'apply', w)
    c.run([plugin, 'get', 'secrets']).status(1)


@check
def verbs(c):
    fake(c)
    c.seal('s.yaml', secret('s'))
    for v in ('create', 'replace', 'delete'):
        need(kube(c, v, '-f', 's.yaml', '-o', 'name')[0], [v, '-f', '-', '-o', 'name'], v)
    need(kube(c, 'diff', '-f', 's.yaml')[0], ['diff'] + SSA + ['-f', '-'], 'diff')
    for words in (['get', '-f', 's.yaml'], ['-f', 's.yaml', 'apply'], ['edit', '-f', 's.yaml'], ['-n', 'x', 'apply', '-f', 's.yaml'], ['']):
        r = c.sops('kubectl', *words).status(1)
        for v in ('apply', 'create', 'replace', 'diff', 'delete'):
            has(r.err, v, 'the message')
    for v in ('apply', 'create', 'delete'):
        need(kube(c, v, 'secret', 'generic', 'x', status=1)[0], None, v + ' without -f')
    need(log(c), [], 'kubectl was not started')


@check
def spellings_of_f(c):
    fake(c)
    for n in ('a', 'b', 'd'):
        c.seal(n + '.yaml', secret(n))
    for words, wanted in ((['-f', 'a.yaml'], 'a'), (['-fa.yaml'], 'a'), (['-f=a.yaml'], 'a'), (['--filename', 'a.yaml'], 'a'), (['--filename=a.yaml'], 'a'), (['-f', 'a.yaml,b.yaml'], 'ab'),
                          (['-f', 'b.yaml', '--filename=d.yaml,a.yaml', '-fb.yaml'], 'bdab'), (['-R', '-f', 'a.yaml'], 'a'), (['-Rf', 'a.yaml'], 'a'), (['-Rfa.yaml'], 'a'), (['-Rf=a.yaml'], 'a'), (['--recursive', '-f', 'a.yaml'], 'a'), (['--recursive=false', '-f', 'a.yaml'], 'a')):
        argv, docs = kube(c, 'apply', *words)
        need((argv, ''.join(names(docs))), (['apply'] + SSA + ['-f', '-'], wanted), ' '.join(words))
    c.sops('kubectl', 'apply', '-f').status(1)


@check
def other_words_pass_in_order(c):
    fake(c)
    c.seal('a.yaml', secret('a'))
    rest = ['--context=x', '-n', 'ns', '-o', 'name', '--prune', '-l', 'app=x', '--selector=y', '-v=6', '--', '-f', 'x', '--show']
    argv, docs = kube(c, 'apply', '--context=x', '-n', 'ns', '-f', 'a.yaml', '-o', 'name', '--prune', '-l', 'app=x', '-R', '--selector=y', '-v=6', '--', '-f', 'x', '--show')
    need(argv, ['apply'] + SSA + ['-f', '-'] + rest, 'words')


@check
def our_flags_do_not_reach_kubectl(c):
    fake(c)
    c.seal('a.yaml', secret('a'))
    c.damage('a.yaml')
    c.clear_ok = True
    need(kube(c, 'apply', '-f', 'a.yaml', status=51)[0], None, 'a wrong MAC')
    argv, docs = kube(c, 'apply', '--ignore-mac', '-f', 'a.yaml', '--decryption-order', 'age', '--decryption-order=age', '--enable-local-keyservice=true', '--show')
    need(argv, ['apply'] + SSA + ['-f', '-'], 'words')
    has(c.calls[-1][1].err, 'a.yaml', 'warning')
    need(kube(c, 'apply', '-f', 'a.yaml', '--decryption-order=age,age', status=112)[0], None, 'a wrong order')
    need(kube(c, 'apply', '-f', 'a.yaml', '--ignore-mac', '--enable-local-keyservice=false', status=128)[0], None, 'no key service')


@check
def server_side_and_manager(c):
    fake(c)
    c.seal('a.yaml', secret('a'))
    for rest, added in ((['--server-side'], ['--field-manager=kubectl-sops'] * 0), (['--server-side=true'], []), (['--server-side=false'], []), (['--dry-run=client'], []), (['--dry-run'], []), (['--dry-run=server'], SSA),
                        (['--field-manager=me'], SSA[:1]), (['--field-manager', 'me'], SSA[:1]), (['--server-side', '--field-manager=me'], []), (['--validate=false'], SSA)):
        for v in ('apply', 'diff'):
            argv, docs = kube(c, v, '-f', 'a.yaml', *rest)
            need(argv, [v] + added + ['-f', '-'] + rest, v + ' ' + ' '.join(rest))


@check
def warning_of_the_annotation(c):
    fake(c)
    c.seal('a.yaml', secret('a'))
    c.write('p.yaml', PLAIN)
    for words in (['apply', '--server-side=false'], ['create', '--save-config'], ['replace', '--save-config=true']):
        has(c.sops('kubectl', *words, '-f', 'a.yaml').status(0).err, 'last-applied-configuration', ' '.join(words))
        need(c.sops('kubectl', *words, '-f', 'p.yaml').status(0).err, '', 'nothing opened')
    for words in (['apply'], ['create'], ['apply', '--server-side']):
        need(c.sops('kubectl', *words, '-f', 'a.yaml').status(0).err, '', ' '.join(words))


@check
def string_data(c):
    fake(c)
    text = 'apiVersion: v1\nkind: Secret\nmetadata:\n    name: s\ndata:\n    keep: a2VlcA==\n    both: b2xk\nstringData:\n    both: %s\n    line: "a\\nb\\u00e9"\n    empty: ""\n    num: "12"\n' % CANARY
    c.seal('s.yaml', text)
    argv, docs = kube(c, 'create', '-f', 's.yaml')
    need(docs[0]['data'], {'keep': 'a2VlcA==', 'both': b64(CANARY), 'line': b64('a\nb\u00e9'), 'empty': '', 'num': b64('12')}, 'data')
    true('stringData' not in docs[0], 'stringData is gone')
    c.write('p.yaml', text)
    c.left_ok = True
    need(c.docs(text), kube(c, 'create', '-f', 'p.yaml')[1], 'a plain secret is as it was')
    c.seal('o.yaml', text.replace('kind: Secret', 'kind: Other'))
    has(kube(c, 'create', '-f', 'o.yaml')[1][0], 'stringData', 'another kind')
    c.seal('v.yaml', text.replace('apiVersion: v1', 'apiVersion: other/v1'))
    has(kube(c, 'create', '-f', 'v.yaml')[1][0], 'stringData', 'another apiVersion')


@check
def string_data_that_is_no_text(c):
    fake(c)
    for value in ('12', 'true', '[a]', '{a: b}'):
        c.seal('s.yaml', 'apiVersion: v1\nkind: Secret\nmetadata:\n    name: web\nstringData:\n    port: %s\n' % value)
        need(kube(c, 'apply', '-f', 's.yaml', status=1)[0], None, value)
        has(c.calls[-1][1].err, 'port', 'message')
        has(c.calls[-1][1].err, 'web', 'message')


@check
def a_list_of_objects(c):
    fake(c)
    c.seal('l.yaml', 'apiVersion: v1\nkind: List\nitems:\n    - apiVersion: v1\n      kind: Secret\n      metadata:\n        name: a\n      stringData:\n        k: %s\n    - apiVersion: v1\n      kind: ConfigMap\n      metadata:\n        name: b\n      data:\n        k: v\n' % CANARY)
    argv, docs = kube(c, 'apply', '-f', 'l.yaml')
    need(docs[0]['items'][0]['data'], {'k': b64(CANARY)}, 'an item')
    true('stringData' not in docs[0]['items'][0], 'stringData is gone')
    need(docs[0]['items'][1]['data'], {'k': 'v'}, 'another')


@check
def folders(c):
    fake(c)
    for n in ('d/b.yaml', 'd/a.yml', 'd/sub/z.yaml', 'd/c.yaml', 'd/sub/deep/y.yaml', 'e/only/x.yaml'):
        c.seal(n, secret(n[-6:].strip('/').replace('.', '-').replace('/', '')))
    c.seal('d/j.json', json.dumps({'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'j'}, 'stringData': {'k': CANARY}}))
    for n in ('d/readme.md', 'd/x.yaml.bak', 'd/yaml', 'd/k.YAML'):
        c.write(n, 'not: [a manifest')
    need(names(kube(c, 'apply', '-f', 'd')[1]), ['a-yml', 'b-yaml', 'c-yaml', 'j'], 'a folder')
    need(names(kube(c, 'apply', '-R', '-f', 'd/')[1]), ['a-yml', 'b-yaml', 'c-yaml', 'j', 'y-yaml', 'z-yaml'], '-R')
    need(kube(c, 'apply', '-f', 'e', status=1)[0], None, 'a folder without manifests')
    need(names(kube(c, 'apply', '-R', '-f', 'e')[1]), ['x-yaml'], 'a folder below')
    need(names(kube(c, 'apply', '-f', 'd/*.yaml')[1]), ['b-yaml', 'c-yaml'], 'a pattern')
    need(names(kube(c, 'apply', '-f', 'd/[ab].y*')[1]), ['a-yml', 'b-yaml'], 'another pattern')
    need(kube(c, 'apply', '-f', 'd/*.txt', status=100)[0], None, 'a pattern that nothing matches')
    need(kube(c, 'apply', '-f', 'none.yaml', status=100)[0], None, 'a missing file')
    has(c.calls[-1][1].err, 'none.yaml', 'message')


@check
def stdin_and_urls(c):
    fake(c)
    sealed = c.seal('s.yaml', secret('s'))
    c.seal('a.yaml', secret('a'))
    need(names(kube(c, 'apply', '-f', 'a.yaml', '-f', '-', stdin=PLAIN + '---\n' + sealed)[1]), ['a', 'plain', 's'], '-')
    argv, docs = kube(c, 'apply', '-f', 'https://127.0.0.1:1/x.yaml', '-f', 'a.yaml', '-f', 'http://127.0.0.1:1/y', '-o', 'name')
    need(argv, ['apply'] + SSA + ['-f', '-', '-f', 'https://127.0.0.1:1/x.yaml', '-f', 'http://127.0.0.1:1/y', '-o', 'name'], 'URLs')
    true(c.sops('kubectl', 'apply', '-f', '-', '-f', '-', stdin=sealed).rc != 0, '- twice')
    need(log(c), [], 'kubectl was not started')


@check
def json_and_binary(c):
    fake(c)
    obj = {'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'j'}, 'stringData': {'k': CANARY}}
    c.seal('j.json', json.dumps(obj))
    argv, docs = kube(c, 'apply', '-f', 'j.json')
    need(docs, [{'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'j'}, 'data': {'k': b64(CANARY)}}], 'sealed JSON')
    c.write('p.json', json.dumps({'apiVersion': 'v1', 'kind': 'X', 'metadata': {'name': 'p'}, 'n': 1.10, 'big': 9007199254740993}, indent='\t'))
    r = c.sops('kubectl', 'apply', '-f', 'p.json', '-f', 'j.json').status(0)
    text = log(c)[0]['stdin']
    lacks(text, '\t', 'the stream')
    true(text.startswith('---\n'), 'the stream begins with a marker')
    need(names(c.docs(text)), ['p', 'j'], 'both')
    has(text, '9007199254740993', 'a number')
    c.seal('whole.enc', secret('w') + '---\n' + secret('w2'), rule=None)
    need(names(kube(c, 'apply', '-f', 'whole.enc')[1]), ['w', 'w2'], 'sealed as binary')
    need(names(kube(c, 'apply', '-f', '-', stdin=c.read('j.json'))[1]), ['j'], 'JSON on stdin')
    c.write('flow.txt', '{apiVersion: v1, kind: X, metadata: {name: flow}}\n')
    need(names(kube(c, 'apply', '-f', 'flow.txt')[1]), ['flow'], 'YAML that begins with a brace')
    c.write('bad.json', '{"a": ')
    need(kube(c, 'apply', '-f', 'bad.json', status=2)[0], None, 'a .json that is none')
    c.seal('e.env', 'A=1\n', rule=None)
    for f in ('e.env',):
        need(kube(c, 'apply', '-f', f, status=1)[0], None, f)
    c.write('bom.yaml', b'\xef\xbb\xbf' + PLAIN.encode())
    kube(c, 'apply', '-f', 'j.json', '-f', 'bom.yaml')
    c.sops('kubectl', 'apply', '-f', 'j.json', '-f', 'bom.yaml').status(0)
    lacks(log(c)[0]['stdin'], '\ufeff', 'the stream')


@check
def documents_keep_apart(c):
    fake(c)
    c.write('a.yaml', 'apiVersion: v1\nkind: X\nmetadata: {name: a}')
    c.write('b.yaml', '---\napiVersion: v1\nkind: X\nmetadata: {name: b}\n---\n')
    c.write('c.yaml', '# nothing\n')
    c.seal('d.yaml', secret('d'))
    r = c.sops('kubectl', 'apply', '-f', 'a.yaml', '-f', 'b.yaml', '-f', 'c.yaml', '-f', 'd.yaml', '-f', 'a.yaml').status(0)
    text = log(c)[0]['stdin']
    need(names(c.docs(text)), ['a', 'b', 'd', 'a'], 'documents')
    true(text.endswith('\n'), 'a newline at the end')


@check
def delete_sends_no_values(c):
    fake(c)
    c.seal('s.yaml', secret('s').replace('    name: s\n', '    name: s\n    namespace: ns\n') + '---\n' + configmap('m'))
    argv, docs = kube(c, 'delete', '-f', 's.yaml', '--ignore-not-found')
    need(argv, ['delete', '-f', '-', '--ignore-not-found'], 'words')
    need(docs, [{'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 's', 'namespace': 'ns'}}, {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'm'}}], 'documents')
    c.damage('s.yaml')
    need(kube(c, 'delete', '-f', 's.yaml', status=51)[0], None, 'a changed name')


@check
def diff_of_other_kinds(c):
    fake(c)
    c.seal('s.yaml', secret('s'))
    c.seal('m.yaml', configmap('web'))
    c.write('p.yaml', PLAIN)
    need(names(kube(c, 'diff', '-f', 's.yaml', '-f', 'p.yaml')[1]), ['s', 'plain'], 'Secrets and plain documents')
    need(kube(c, 'diff', '-f', 's.yaml', '-f', 'm.yaml', status=2)[0], None, 'a config map')
    for t in ('web', 'ConfigMap', '--show'):
        has(c.calls[-1][1].err, t, 'message')
    argv, docs = kube(c, 'diff', '--show', '-f', 'm.yaml')
    need((argv, names(docs)), (['diff'] + SSA + ['-f', '-'], ['web']), '--show')
    need(kube(c, 'diff', '-f', 'l.yaml', status=100)[0], None, 'a missing file')
    need(kube(c, 'diff', status=2)[0], None, 'no file')
    c.write('e.env', 'x=1')
    need(kube(c, 'diff', '-f', 'e.env', status=2)[0], None, 'what is 1 elsewhere')
    need(kube(c, 'diff', '-f', 's.yaml', status=128, env=c.no_key)[0], None, 'no key')
    c.seal('l.yaml', 'apiVersion: v1\nkind: List\nitems:\n    - apiVersion: v1\n      kind: ConfigMap\n      metadata:\n        name: in-list\n      data:\n        k: %s\n' % CANARY)
    need(kube(c, 'diff', '-f', 'l.yaml', status=2)[0], None, 'a list')


@check
def kustomize_folder(c):
    fake(c)
    text = c.seal('k/built.yaml', secret('s'))
    c.write('k/built.yaml', PLAIN + '---\n' + text)
    need(names(kube(c, 'apply', '-k', 'k')[1]), ['plain', 's'], '-k')
    for words in (['-kk'], ['-k=k'], ['--kustomize', 'k'], ['--kustomize=k']):
        need(kube(c, 'apply', *words)[0], ['apply'] + SSA + ['-f', '-'], ' '.join(words))
    c.sops('kubectl', 'apply', '-k', 'k').status(0)
    need([x['argv'] for x in log(c)], [['kustomize', 'k'], ['apply'] + SSA + ['-f', '-']], 'calls')
    need(kube(c, 'apply', '-k', 'k', '-f', 'k/built.yaml', status=8)[0], None, '-k and -f')
    need(kube(c, 'apply', '-k', 'k', '-k', 'k', status=8)[0], None, '-k twice')
    c.write('k/built.yaml', text.replace('name: s', 'name: t'))
    r = c.sops('kubectl', 'apply', '-k', 'k').status(51)
    has(r.err, 'kustomize sorts keys', 'hint')
    log(c)
    c.clear_ok = True
    need(names(kube(c, 'apply', '-k', 'k', '--ignore-mac')[1]), ['t'], '--ignore-mac')
    r = c.sops('kubectl', 'apply', '-k', 'gone')
    true(r.rc not in (0,), 'kubectl kustomize failed')
    need([x['argv'][0] for x in log(c)], ['kustomize'], 'only that ran')


@check
def nothing_runs_unless_all_opens(c):
    fake(c)
    c.seal('good.yaml', secret('good'))
    c.seal('bob.yaml', secret('bob'), to=BOB)
    c.seal('m.yaml', secret('m'))
    c.damage('m.yaml')
    for bad, status in (('bob.yaml', 128), ('m.yaml', 51), ('gone.yaml', 100)):
        for order in (['good.yaml', bad], [bad, 'good.yaml']):
            need(kube(c, 'apply', '-f', order[0], '-f', order[1], status=status)[0], None, bad)
            has(c.calls[-1][1].err, bad, 'message')


@check
def where_kubectl_is(c):
    fake(c)
    c.seal('s.yaml', secret('s'))
    c.script('other/kube', FAKE)
    need(kube(c, 'apply', '-f', 's.yaml', env={'SOPS_KUBECTL': c.path('other/kube'), 'PATH': '/nonexistent'})[0][0], 'apply', 'SOPS_KUBECTL')
    has(c.sops('kubectl', 'apply', '-f', 's.yaml', env={'PATH': '/nonexistent'}).status(127).err, 'kubectl', 'message')
    c.sops('kubectl', 'apply', '-f', 's.yaml', env={'SOPS_KUBECTL': '/no/such/kubectl'}).status(127)
    c.write('plain', 'x')
    c.sops('kubectl', 'apply', '-f', 's.yaml', env={'SOPS_KUBECTL': c.path('plain')}).status(126)
    c.sops('kubectl', 'apply', '-f', 's.yaml', env={'PATH': 'fakebin:/nonexistent'}).status(127)
    need(log(c), [], 'a kubectl of a relative folder ran')


@check
def a_kubectl_that_does_not_read(c):
    fake(c)
    c.seal('s.yaml', secret('s', big=CANARY * 30000))
    r = c.sops('kubectl', 'apply', '-f', 's.yaml', env={'FAKE_SKIP': '1', 'FAKE_STATUS': '3'}, timeout=20).status(3)


@check
def nothing_stays_on_the_disk(c):
    fake(c)
    c.seal('s.yaml', secret('s'))
    c.script('fakebin/kubectl', '#!%s\nimport os,sys\nsys.stdin.read()\nbad=[]\nfor top in sys.argv[-1].split(":"):\n  for d,_,fs in os.walk(top):\n    for f in fs:\n      p=os.path.join(d,f)\n      if os.path.isfile(p) and b"@"[:0]+b"%s" in open(p,"rb").read() or b"%s" in open(p,"rb").read(): bad.append(p)\nprint(bad)\n'
             % (sys.executable, CANARY, b64(CANARY + '-pw')))
    r = c.sops('kubectl', 'apply', '-f', 's.yaml', ':'.join((c.tmp, c.home, c.dir))).status(0)
    need(r.text, "['%s']\n" % c.path('fakebin/kubectl'), 'files with clear text while kubectl runs (but its own)')


@check
def one_question(c):
    fake(c)
    for i in range(4):
        c.seal('d/s%d.yaml' % i, secret('s%d' % i))
    c.script('keys', '#!/bin/sh\necho x >>%s\ncat %s\n' % (c.path('asked'), os.path.join(KEYS, 'age', 'alice.txt')))
    need(len(kube(c, 'apply', '-f', 'd', env={'SOPS_AGE_KEY_FILE': None, 'SOPS_AGE_KEY_CMD': c.path('keys')})[1]), 4, 'documents')
    need(c.read('asked'), b'x\n', 'starts of the key command')


@check
def plain_files_need_no_key(c):
    fake(c)
    c.write('p.yaml', PLAIN)
    need(names(kube(c, 'apply', '-f', 'p.yaml', env={'SOPS_AGE_KEY_FILE': None})[1]), ['plain'], 'plain')
    sealed = c.seal('c.yaml', 'apiVersion: isindir.github.com/v1alpha3\nkind: SopsSecret\nmetadata:\n    name: x\nspec:\n    k: v\n', rule='^spec$')
    c.sops('kubectl', 'apply', '-f', 'c.yaml', env=c.no_key).status(0)
    has(log(c)[0]['stdin'], sealed, 'a SopsSecret goes sealed')


@check
def signals(c):
    fake(c)
    c.seal('s.yaml', secret('s'))
    c.script('fakebin/kubectl', '#!/bin/sh\ntrap "exit 5" TERM\ncat >/dev/null\necho x >ready\nfor i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 0.25; done\n')
    p = subprocess.Popen([Peers.sops, 'kubectl', 'apply', '-f', 's.yaml'], cwd=c.dir, env=c.env, start_new_session=True)
    try:
        for _ in range(200):
            if os.path.exists(c.path('ready')):
                break
            time.sleep(0.05)
        p.send_signal(signal.SIGTERM)
        need(p.wait(8), 5, 'status of a kubectl that was told to stop')
    finally:
        try:
            os.killpg(p.pid, 9)
        except ProcessLookupError:
            pass
        p.wait()
