# SPDX-License-Identifier: Apache-2.0
"""krm: resource lists, generators, ksops, kustomize."""
import os, re, shutil, stat, subprocess
from harness import *
from t_stream import PLAIN


def inline(value):
    return json.dumps(value)


def rlist(items=(), config=None, version='v1', extra=''):
    """A ResourceList; items are YAML texts."""
    out = 'apiVersion: config.kubernetes.io/%s\nkind: ResourceList\n%s' % (version, extra)
    out += 'items:\n' if items else 'items: []\n'
    for i in items:
        lines = i.rstrip('\n').split('\n')
        out += ''.join(('- ' if n == 0 else '  ' if l else '') + l + '\n' for n, l in enumerate(lines))
    if config is not None:
        out += 'functionConfig:\n' + ''.join('  ' + l + '\n' for l in config.rstrip('\n').split('\n'))
    return out


def generator(body, kind='SopsSecrets', version=None, name='gen'):
    return 'apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n%s' % (version or ('sops/v1' if kind == 'SopsSecrets' else 'viaduct.ai/v1'), kind, name, body)


def krm(c, text, *flags, **kw):
    return c.sops('krm', *flags, stdin=text, **kw)


def items(c, r):
    lst = c.yaml(r.status(0).text)
    need(lst['kind'], 'ResourceList', 'kind')
    return lst['items'] or []


def failed(c, r, *status):
    """A result list: no item, one error; gives the result."""
    r.status(*status)
    lst = c.yaml(r.text)
    need((lst['kind'], lst['items']), ('ResourceList', []), 'the list')
    need([x['severity'] for x in lst['results']], ['error'], 'results')
    true(lst['results'][0]['message'].strip(), 'a message')
    true(r.err.strip(), 'stderr says it too')
    return lst['results'][0]


@check
def generator_of_files(c):
    c.seal('a.yaml', secret('a') + '---\n' + configmap('b'))
    c.seal('j.json', json.dumps({'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'j'}, 'stringData': {'k': CANARY}}))
    config = generator('files: [./j.json, a.yaml]')
    for text in (rlist([config], config), rlist([], config), rlist([config]), rlist([config], config, 'v1beta1'), rlist([config], config, 'v1alpha1')):
        r = krm(c, text)
        got = items(c, r)
        need([(x['kind'], x['metadata']['name']) for x in got], [('Secret', 'j'), ('Secret', 'a'), ('ConfigMap', 'b')], 'items')
        need(got[1]['stringData'], {'password': CANARY + '-pw'}, 'a value')
        true(all('sops' not in x for x in got), 'no sops entry')
        has(r.text, re.search('apiVersion: .*', text).group(), 'the same apiVersion')


@check
def generator_of_secrets(c):
    c.seal('app.conf', 'key=%s\nlast line' % CANARY, rule=None)
    c.seal('v.yaml', 'user: admin\npw: %s\n' % CANARY, rule=None)
    c.seal('e.env', 'A=%s\nB=two\n' % CANARY, rule=None)
    blob = b'\x00\xff' + CANARY.encode() + b'\x01'
    c.seal('blob.bin', blob, rule=None)
    config = generator('secretFrom:\n- metadata: {name: one, namespace: ns, labels: {a: b}, annotations: {kustomize.config.k8s.io/needs-hash: "true"}}\n  type: Opaque\n'
                       '  files: [app.conf, other=./v.yaml]\n  binaryFiles: [blob.bin, key.p12=blob.bin]\n  envs: [e.env]\n- metadata: {name: two}\n  binaryFiles: [v.yaml]\n- metadata: {name: three}\n  envs: [./e.env]\n')
    one, two, three = items(c, krm(c, rlist([config], config)))
    need(one['metadata'], {'name': 'one', 'namespace': 'ns', 'labels': {'a': 'b'}, 'annotations': {'kustomize.config.k8s.io/needs-hash': 'true'}}, 'metadata')
    need((one['apiVersion'], one['kind'], one['type']), ('v1', 'Secret', 'Opaque'), 'kind')
    need(one['stringData'], {'app.conf': 'key=%s\nlast line' % CANARY, 'other': 'user: admin\npw: %s\n' % CANARY, 'A': CANARY, 'B': 'two'}, 'stringData')
    need(one['data'], {'blob.bin': b64(blob), 'key.p12': b64(blob)}, 'data')
    need(sorted(two), ['apiVersion', 'data', 'kind', 'metadata'], 'no type, no empty stringData')
    need(two['data'], {'v.yaml': b64('user: admin\npw: %s\n' % CANARY)}, 'data of the second')
    need(sorted(three), ['apiVersion', 'kind', 'metadata', 'stringData'], 'no empty data')


@check
def files_that_are_no_text(c):
    for name, data in (('bin', b'\xff\xfe\x00'), ('ctl', b'a\x1bb'), ('txt', ('tab\tcr\r\n\u00e9 ' + CANARY).encode())):
        c.seal(name, data, rule=None)
    config = generator('secretFrom: [{metadata: {name: x}, files: [bin, ctl, txt]}]')
    x, = items(c, krm(c, rlist([config], config)))
    need(x['data'], {'bin': b64(b'\xff\xfe\x00'), 'ctl': b64(b'a\x1bb')}, 'data')
    need(x['stringData'], {'txt': 'tab\tcr\r\n\u00e9 ' + CANARY}, 'stringData')


@check
def envs(c):
    c.seal('e.env', 'PLAIN=a b # not a comment\nS=\'single $X\\n\'\nD="double \\"q\\" \\n\\t\\\\ $X"\nexport E=exported\nHALF="x\nDOLLAR=pa$$word\nEMPTY=\nF=from-env\nT=\'\'\n', rule=None)
    c.seal('F', 'from-file', rule=None)
    for kind in ('SopsSecrets', 'ksops'):
        config = generator('secretFrom: [{metadata: {name: x}, envs: [e.env], files: [F]}]', kind)
        x, = items(c, krm(c, rlist([config], config)))
        need(x['stringData'], {'PLAIN': 'a b # not a comment', 'S': 'single $X\\n', 'D': 'double "q" \n\t\\ $X', 'E': 'exported', 'HALF': '"x', 'DOLLAR': 'pa$$word', 'EMPTY': '', 'F': 'from-env', 'T': ''}, kind)


@check
def envs_that_are_wrong(c):
    c.seal('e.enc', '# fine\n\nA=1\nno equals %s\n' % CANARY, rule=None)
    config = generator('secretFrom: [{metadata: {name: x}, envs: [e.enc]}]')
    x = failed(c, krm(c, rlist([config], config)), 1)
    has(x['message'], '4', 'the number of the line')
    lacks(x['message'], CANARY, 'message')


@check
def generator_among_others(c):
    c.seal('a.yaml', secret('a') + '---\n' + secret('a2'))
    c.seal('b.yaml', secret('b'))
    g1, g2 = generator('files: [a.yaml]', name='g1'), generator('files: [b.yaml]', 'ksops', name='g2')
    other = 'apiVersion: x/v1\nkind: Transformer\nmetadata:\n  name: t\n'
    got = items(c, krm(c, rlist([PLAIN, g1, PLAIN.replace('plain', 'last'), g2], other)))
    need([x['metadata']['name'] for x in got], ['plain', 'a', 'a2', 'last', 'b'], 'places')
    got = items(c, krm(c, rlist([PLAIN, g1], generator('files: [b.yaml]', name='g3'))))
    need([x['metadata']['name'] for x in got], ['plain', 'a', 'a2', 'b'], 'functionConfig that is not among the items')
    got = items(c, krm(c, rlist([PLAIN], generator('files: [b.yaml]', 'SopsSecrets', 'sops/v2'))))
    need([x['metadata']['name'] for x in got], ['plain'], 'sops/v2 is no generator')


@check
def kinds_of_ksops(c):
    c.seal('a.yaml', secret('a'))
    for version in ('viaduct.ai/v1', 'viaduct.ai/v2', 'viaduct.ai/v1beta1'):
        config = generator('files: [a.yaml]\nunknown: {x: 1}\nsecretFrom: [{metadata: {name: s}, files: [k=a.yaml], more: 1}]', 'ksops', version)
        need([x['metadata']['name'] for x in items(c, krm(c, rlist([config], config)))], ['a', 's'], version)


@check
def transformer(c):
    sealed = c.seal('s.yaml', secret('s') + '---\n' + configmap('m'))
    one, two = re.split(r'(?m)^---\n', sealed)
    notes = '    annotations:\n        internal.config.kubernetes.io/index: "7"\n        config.kubernetes.io/index: "7"\n'
    noted = one.replace('    name: s\n', '    name: s\n' + notes)
    r = krm(c, rlist([PLAIN, noted, PLAIN, two], 'apiVersion: x/v1\nkind: Open\nmetadata: {name: t}\n'))
    got = items(c, r)
    need([x['metadata']['name'] for x in got], ['plain', 's', 'plain', 'm'], 'places')
    need(got[1]['stringData'], {'password': CANARY + '-pw'}, 'opened')
    need(got[1]['metadata']['annotations'], {'internal.config.kubernetes.io/index': '7', 'config.kubernetes.io/index': '7'}, 'notes')
    need(got[3]['data'], {'key': CANARY + '-cm'}, 'the second of its file')
    has(r.text, 'kind: Open', 'functionConfig')


@check
def plain_items_keep_their_texts(c):
    odd = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: odd\n  annotations: {day: 2024-01-02, v: 1.10, hex: 0x1F, oct: 012, exp: 1e3, yes: yes, n: ~, sci: 1_000, time: 12:30:45}\nfolded: >-\n  one\n  two\nquoted: \'it\'\'s\'\nbig: 123456789012345678901234567890\n'
    sealed = c.seal('s.yaml', secret('s'))
    r = krm(c, rlist([odd, sealed])).status(0)
    for text in ('2024-01-02', '1.10', '0x1F', '012', '1e3', '1_000', '12:30:45', '123456789012345678901234567890'):
        true(re.search(r'[ :,"\']%s([,}\s"\']|$)' % re.escape(text), r.text), 'the text %s is lost: %s' % (text, r.text))
        lacks(r.text, '"%s"' % text, 'a plain scalar in quotes')
        lacks(r.text, "'%s'" % text, 'a plain scalar in quotes')
    lacks(r.text, '2024-01-02T', 'a date that grew')
    need(items(c, r)[0]['quoted'], "it's", 'quoted')


@check
def without_items(c):
    need(items(c, krm(c, 'apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n')), [], 'no items')
    need(items(c, krm(c, rlist([PLAIN])))[0]['metadata']['name'], 'plain', 'no functionConfig')
    need(items(c, krm(c, json.dumps({'apiVersion': 'config.kubernetes.io/v1', 'kind': 'ResourceList', 'items': [{'apiVersion': 'v1', 'kind': 'X', 'metadata': {'name': 'j'}}]})))[0]['metadata']['name'], 'j', 'JSON')


@check
def not_a_resource_list(c):
    need(krm(c, 'a: [\n').status(2).out, b'', 'no YAML: stdout')
    for text in ('', 'a: 1\n', '[]', PLAIN, 'apiVersion: config.kubernetes.io/v1\nkind: List\nitems: []\n', 'apiVersion: config.kubernetes.io/v2\nkind: ResourceList\n', 'apiVersion: example.org/v1\nkind: ResourceList\n'):
        true(krm(c, text).rc in ((1, 2) if not text else (1,)), 'status of %r' % text)


@check
def errors_are_results(c):
    c.seal('bob.yaml', secret('bob'), to=BOB)
    c.seal('m.yaml', secret('m'))
    c.damage('m.yaml')
    c.write('p.yaml', secret('p', password='x'))
    for f, status in (('bob.yaml', 128), ('m.yaml', 51), ('p.yaml', 1), ('gone.yaml', 100)):
        for body in ('files: [%s]' % f, 'secretFrom: [{metadata: {name: x}, files: [%s]}]' % f, 'secretFrom: [{metadata: {name: x}, binaryFiles: [k=%s]}]' % f):
            for kind in ('SopsSecrets', 'ksops'):
                config = generator(body, kind)
                x = failed(c, krm(c, rlist([PLAIN, config], config)), status)
                need(os.path.basename(x['file']['path']), f, 'file')
                has(x['message'], f, 'message')


@check
def errors_of_sealed_items(c):
    sealed = c.seal('s.yaml', secret('s').replace('    name: s\n', '    name: s\n    namespace: ns\n'))
    x = failed(c, krm(c, rlist([sealed.replace('name: s\n', 'name: pre-s\n')])), 51)
    need(x['resourceRef'], {'apiVersion': 'v1', 'kind': 'Secret', 'name': 'pre-s', 'namespace': 'ns'}, 'resourceRef')
    has(krm(c, rlist([sealed.replace('name: s\n', 'name: pre-s\n')])).err, 'SopsSecrets', 'hint')
    failed(c, krm(c, rlist([sealed]), env=c.no_key), 128)
    r = krm(c, rlist([sealed.replace('name: s\n', 'name: pre-s\n')]), '--ignore-mac')
    need(items(c, r)[0]['stringData'], {'password': CANARY + '-pw'}, '--ignore-mac')
    has(r.err, 'warning', 'stderr')


@check
def wrong_generators(c):
    c.seal('a.yaml', secret('a'))
    both = ('{}', 'files: a.yaml', 'files: [1]', 'files: {a: b}', 'secretFrom: {files: [a.yaml]}', 'secretFrom: [a.yaml]', 'secretFrom: [{files: a.yaml}]', 'secretFrom: [{metadata: {name: x}, files: [a=b=a.yaml]}]', 'files: [[a.yaml]]')
    for kind in ('SopsSecrets', 'ksops'):
        for body in both:
            if body == '{}':
                body = ''
            config = generator(body, kind)
            failed(c, krm(c, rlist([config], config)), 1)
    for body in ('files: [a.yaml]\nfile: [a.yaml]', 'files: [a.yaml]\nsecretFrom: [{metadata: {name: x}, file: [a.yaml]}]', 'files: [a.yaml]\nspec: {}'):
        config = generator(body)
        failed(c, krm(c, rlist([config], config)), 1)


@check
def files_that_are_no_objects(c):
    c.seal('text', 'just text', rule=None)
    c.seal('m', secret('m'), rule=None)
    config = generator('files: [text]')
    failed(c, krm(c, rlist([config], config)), 1)
    config = generator('files: [m]')
    need(items(c, krm(c, rlist([config], config)))[0]['metadata']['name'], 'm', 'a manifest that was sealed as a whole')


@check
def files_outside_of_the_folder(c):
    c.seal('up.yaml', secret('up'))
    c.seal('k/in/a.yaml', secret('a'))
    os.symlink('../up.yaml', c.path('k/out.yaml'))
    os.symlink('in/a.yaml', c.path('k/inside.yaml'))
    os.symlink('..', c.path('k/updir'))
    k = c.path('k')
    for f in ('../up.yaml', 'in/../../up.yaml', 'out.yaml', 'updir/up.yaml', c.path('up.yaml')):
        config = generator('files: [%s]' % f)
        failed(c, krm(c, rlist([config], config), cwd=k), 1)
        config = generator('secretFrom: [{metadata: {name: x}, files: [k=%s]}]' % f)
        failed(c, krm(c, rlist([config], config), cwd=k), 1)
        config = generator('files: [%s]' % f, 'ksops')
        need(items(c, krm(c, rlist([config], config), cwd=k))[0]['metadata']['name'], 'up', 'ksops and ' + f)
    for f in ('in/a.yaml', './in/../in/a.yaml', 'inside.yaml', k + '/in/a.yaml', '../k/in/a.yaml'):
        config = generator('files: [%s]' % f)
        need(items(c, krm(c, rlist([config], config), cwd=k))[0]['metadata']['name'], 'a', f)


@check
def one_question(c):
    for i in range(5):
        c.seal('s%d.yaml' % i, secret('s%d' % i))
    c.script('keys', '#!/bin/sh\necho x >>%s\ncat %s\n' % (c.path('asked'), os.path.join(KEYS, 'age', 'alice.txt')))
    config = generator('files: [s0.yaml, s1.yaml, s2.yaml, s3.yaml, s4.yaml]')
    got = items(c, krm(c, rlist([config], config), env={'SOPS_AGE_KEY_FILE': None, 'SOPS_AGE_KEY_CMD': c.path('keys')}))
    need([x['metadata']['name'] for x in got], ['s%d' % i for i in range(5)], 'order')
    need(c.read('asked'), b'x\n', 'starts of the key command')


@check
def a_file_called_krm(c):
    c.write('krm', 'x: 1\n')
    c.script('editor', '#!/bin/sh\ntouch %s\n' % c.path('edited'))
    need(items(c, krm(c, rlist([PLAIN]), env={'EDITOR': c.path('editor')}))[0]['metadata']['name'], 'plain', 'krm is the command')
    true(not os.path.exists(c.path('edited')), 'the editor was started')


@check
def called_as_ksops(c):
    ksops = c.link('ksops')
    c.seal('a.yaml', secret('a') + '---\n' + secret('a2'))
    c.seal('sub/b.env', 'B=%s\n' % CANARY, rule=None)
    config = generator('files: [a.yaml]\nsecretFrom: [{metadata: {name: b}, envs: [sub/b.env]}]', 'ksops')
    need([x['metadata']['name'] for x in items(c, c.run([ksops], stdin=rlist([config], config)))], ['a', 'a2', 'b'], 'as a KRM function')
    c.write('gen.yaml', config)
    r = c.run([ksops, 'gen.yaml']).status(0)
    need([x['metadata']['name'] for x in c.docs(r.text)], ['a', 'a2', 'b'], 'the old style')
    need(c.docs(r.text)[2]['stringData'], {'B': CANARY}, 'values')
    c.write('own.yaml', generator('files: [a.yaml]'))
    need(len(c.docs(c.run([ksops, 'own.yaml']).status(0).text)), 2, 'SopsSecrets in the old style')
    r = c.run([ksops, 'gen.yaml'], env=c.no_key)
    need((r.status(128).out), b'', 'stdout')
    c.run([ksops, 'gone.yaml']).status(100)
    c.run([ksops, 'a', 'b']).status(1)
    has(c.run([ksops, '--help']).status(0).text, 'ksops', 'help')
    c.write('p.yaml', PLAIN)
    c.run([ksops, 'p.yaml']).status(1)


# ---- kustomize

def kustomize(c, folder='.', *flags, **kw):
    if not Peers.kustomize:
        raise Skip('kustomize is not here')
    c.clear_ok = True
    return c.run([Peers.kustomize, 'build', '--enable-alpha-plugins', '--enable-exec', *flags, folder], **kw)


FUNCTION = '  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: %s, args: [%s]}\n'


def with_function(config, path='sops', args='krm'):
    return config.replace('metadata:\n  name: gen\n', 'metadata:\n  name: gen\n' + FUNCTION % (path, args), 1)


@check
def kustomize_generator(c):
    c.link('sops')
    c.seal('base/a.yaml', secret('a').replace('    name: a\n', '    name: a\n    annotations:\n        kustomize.config.k8s.io/needs-hash: "true"\n'))
    c.seal('base/e.env', 'E=%s\n' % CANARY, rule=None)
    c.write('base/gen.yaml', with_function(generator('files: [a.yaml]\nsecretFrom: [{metadata: {name: e}, envs: [e.env]}]')))
    c.write('base/pod.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: x\n    envFrom: [{secretRef: {name: a}}]\n')
    c.write('base/kustomization.yaml', 'generators: [gen.yaml]\nresources: [pod.yaml]\nnamePrefix: pre-\nnamespace: shop\n')
    c.write('kustomization.yaml', 'resources: [base]\n')
    docs = {x['kind'] + x['metadata']['name'][:5]: x for x in c.docs(kustomize(c).status(0).text)}
    a = docs['Secretpre-a']
    need(a['stringData'], {'password': CANARY + '-pw'}, 'a value')
    need(a['metadata']['namespace'], 'shop', 'namespace')
    true(re.match(r'pre-a-[a-z0-9]{10}$', a['metadata']['name']), 'the hash: %s' % a['metadata']['name'])
    need(docs['Podpre-p']['spec']['containers'][0]['envFrom'][0]['secretRef']['name'], a['metadata']['name'], 'the reference to it')
    need(docs['Secretpre-e']['stringData'], {'E': CANARY}, 'envs')


@check
def kustomize_behaviour(c):
    c.link('sops')
    c.write('base/s.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {old: b2xk, both: b2xk}\n')
    c.write('base/kustomization.yaml', 'resources: [s.yaml]\n')
    c.write('kustomization.yaml', 'resources: [base]\ngenerators: [gen.yaml]\n')
    c.write('gen.yaml', with_function(generator('files: [a.yaml]')))
    for behaviour, wanted in (('merge', {'old': 'b2xk', 'both': b64(CANARY)}), ('replace', {'both': b64(CANARY)})):
        c.seal('a.yaml', 'apiVersion: v1\nkind: Secret\nmetadata:\n    name: a\n    annotations:\n        kustomize.config.k8s.io/behavior: %s\ndata:\n    both: %s\n' % (behaviour, b64(CANARY)))
        need(c.docs(kustomize(c).status(0).text)[0]['data'], wanted, behaviour)


@check
def kustomize_as_ksops(c):
    c.link('ksops')
    c.seal('up.yaml', secret('up'))
    c.write('k/gen.yaml', with_function(generator('files: [../up.yaml]', 'ksops'), 'ksops', ''))
    c.write('k/kustomization.yaml', 'generators: [gen.yaml]\n')
    need(c.docs(kustomize(c, 'k').status(0).text)[0]['stringData'], {'password': CANARY + '-pw'}, 'a function')
    # the old style: a program under XDG_CONFIG_HOME
    d = os.path.join(c.env['XDG_CONFIG_HOME'], 'kustomize/plugin/viaduct.ai/v1/ksops')
    os.makedirs(d)
    os.symlink(Peers.sops, d + '/ksops')
    c.write('k/gen.yaml', generator('files: [../up.yaml]', 'ksops'))
    need(c.docs(kustomize(c, 'k').status(0).text)[0]['stringData'], {'password': CANARY + '-pw'}, 'a legacy plugin')


@check
def kustomize_shows_what_went_wrong(c):
    c.link('sops')
    c.seal('bob.yaml', secret('bob'), to=BOB)
    c.write('gen.yaml', with_function(generator('files: [bob.yaml]')))
    c.write('kustomization.yaml', 'generators: [gen.yaml]\n')
    r = kustomize(c).status(1)
    has(r.err, 'bob.yaml', 'stderr of kustomize')
    has(r.err, 'FAILED', 'the reason')
    need(r.out, b'', 'stdout')


@check
def kustomize_transformer(c):
    c.link('sops')
    c.seal('s.yaml', 'kind: Secret\napiVersion: v1\nmetadata:\n    name: s\nstringData:\n    z: %s\n    b: two\n' % CANARY)
    c.seal('t.yaml', 'apiVersion: v1\nkind: Secret\nmetadata:\n    name: t\nstringData:\n    a: %s\n    b: two\n' % CANARY)
    c.write('tr.yaml', with_function('apiVersion: x/v1\nkind: Open\nmetadata:\n  name: gen\n'))
    c.write('kustomization.yaml', 'resources: [t.yaml]\ntransformers: [tr.yaml]\n')
    need(c.docs(kustomize(c).status(0).text)[0]['stringData'], {'a': CANARY, 'b': 'two'}, 'keys that were sorted when it was sealed')
    c.write('kustomization.yaml', 'resources: [s.yaml]\ntransformers: [tr.yaml]\n')
    r = kustomize(c).status(1)
    has(r.err, 'kustomize sorts keys', 'stderr')
    c.write('tr.yaml', with_function('apiVersion: x/v1\nkind: Open\nmetadata:\n  name: gen\n', args='krm, --ignore-mac'))
    need(c.docs(kustomize(c).status(0).text)[0]['stringData'], {'z': CANARY, 'b': 'two'}, '--ignore-mac')


@check
def what_kustomize_prints_through_a_stream(c):
    c.seal('s.yaml', secret('s'))
    c.write('kustomization.yaml', 'resources: [s.yaml]\nnamespace: shop\n')
    text = kustomize(c).status(0).out
    c.sops('krm', '--stream', stdin=text).status(51)
    x, = c.docs(c.sops('krm', '--stream', '--ignore-mac', stdin=text).status(0).text)
    need((x['metadata'], x['stringData']), ({'name': 's', 'namespace': 'shop'}, {'password': CANARY + '-pw'}), 'as in the cluster')


@check
def the_test_folders_of_ksops(c):
    if not Peers.kustomize:
        raise Skip('kustomize is not here')
    if not Peers.ksops:
        raise Skip('no checkout of viaduct-ai/kustomize-sops (--ksops)')
    gpg = shutil.which('gpg')
    if not gpg:
        raise Skip('gpg is not here')
    c.link('ksops')
    gnupg = os.path.join('/tmp', os.path.basename(c.root) + '-g')     # sockets want short names
    os.mkdir(gnupg, 0o700)
    c.clear_ok = True
    c.env['GNUPGHOME'] = gnupg
    try:
        c.run([gpg, '--batch', '--import', os.path.join(Peers.ksops, 'test', 'key.asc')])
        d = os.path.join(c.env['XDG_CONFIG_HOME'], 'kustomize/plugin/viaduct.ai/v1/ksops')
        os.makedirs(d)
        os.symlink(Peers.sops, d + '/ksops')
        bad, n = [], 0
        for style in ('krm', 'legacy'):
            top = os.path.join(Peers.ksops, 'test', style)
            for name in sorted(os.listdir(top)):
                n += 1
                r = kustomize(c, os.path.join(top, name))
                if r.out != open(os.path.join(top, name, 'want.yaml'), 'rb').read():
                    bad.append('%s/%s: %s' % (style, name, r.err[:300] or r.text[:300]))
        true(n >= 18, '%d test folders' % n)
        need(bad, [], 'folders that differ')
    finally:
        subprocess.run(['gpgconf', '--homedir', gnupg, '--kill', 'all'], capture_output=True)
        shutil.rmtree(gnupg, ignore_errors=True)
