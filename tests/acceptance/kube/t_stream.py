# SPDX-License-Identifier: Apache-2.0
"""Manifest streams: krm --stream."""
import os, re
from harness import *
from t_exec import on_terminal

PLAIN = '''# a comment that stays
apiVersion: v1
kind:   ConfigMap
metadata: {name: plain, annotations: {day: 2024-01-02, v: 1.10}}
data:
  text: |
    --- not a separator, as it is indented
    sops: no
'''


def stream(c, text, *flags, **kw):
    c.clear_ok = c.clear_ok or False
    return c.sops('krm', '--stream', *flags, stdin=text, **kw)


def without_sops(text):
    for line in text.splitlines():
        true(not line.startswith('sops:'), 'a sops entry is left')


@check
def plain_documents_byte_for_byte(c):
    for text in (PLAIN, '---\n' + PLAIN + '---\n---\n# only a comment\n--- # behind the marker\na: 1', '\xef\xbb\xbfa: 1\r\n---\r\nb: [1,\r\n 2]\r\n...\n', '', '\n\n', 'a: {sops: {mac: x}}\n---\nsops: {no: m}\n---\nsops: text\n',
                 '{"a": 1,\t"b": 2}\n', '- just\n- a list\n---\nscalar\n', 'bad: [\n---\n\tbad\n---\n&a a: *a\n'):
        r = stream(c, text.encode('latin-1') if '\xef' in text else text).status(0)
        need(r.out, text.encode('latin-1') if '\xef' in text else text.encode(), 'the same bytes')
        need(r.err, '', 'stderr')


@check
def sealed_between_plain(c):
    sealed = c.seal('s.yaml', secret())
    r = stream(c, PLAIN + '---\n' + sealed + '---\n' + PLAIN).status(0)
    true(r.text.startswith(PLAIN + '---\n') and r.text.endswith('---\n' + PLAIN), 'the plain documents and markers stay: %s' % r.text)
    need(c.docs(r.text[len(PLAIN):-len(PLAIN)])[0], {'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'db'}, 'stringData': {'password': CANARY + '-pw'}, 'type': 'Opaque'}, 'the opened one')
    without_sops(r.text)


@check
def opened_as_decrypt_prints_it(c):
    sealed = c.seal('s.yaml', '# head\n' + secret(a='x\ny\n', b='true', c=' 0x1F ') + 'count: 3\n')
    want = c.run([c.sealer(), 'decrypt', 's.yaml'], keep=False).out
    need(stream(c, sealed).status(0).out, want, 'one document')
    need(stream(c, '---\n' + sealed).status(0).out, b'---\n' + want, 'behind a marker')


@check
def a_file_of_several_documents(c):
    sealed = c.seal('m.yaml', secret('one') + '---\n' + configmap('two') + '---\n' + secret('three'), )
    parts = [p for p in re.split(r'(?m)^---\n', sealed)]
    need(len(parts), 3, 'documents')
    r = stream(c, parts[0] + '---\n' + PLAIN + '---\n' + parts[1] + '---\n' + parts[2]).status(0)
    need([d['metadata']['name'] for d in c.docs(r.text)], ['one', 'plain', 'two', 'three'], 'order')
    without_sops(r.text)
    r = stream(c, parts[0] + '---\n' + parts[2] + '---\n' + parts[1]).status(51)
    need(r.out, b'', 'in another order: stdout')
    r = stream(c, parts[0] + '---\n' + parts[1]).status(51)
    has(r.err, 'hint: kustomize sorts keys and templates change values after sealing; use the generator (kind: SopsSecrets), or --ignore-mac', 'stderr')


@check
def several_files_one_after_the_other(c):
    a, b = c.seal('a.yaml', secret('a') + '---\n' + secret('a2')), c.seal('b.yaml', secret('b'))
    for text, names in ((a + '---\n' + b, ['a', 'a2', 'b']), (b + '---\n' + a, ['b', 'a', 'a2'])):
        need([d['metadata']['name'] for d in c.docs(stream(c, text).status(0).text)], names, 'names')
    one, two = re.split(r'(?m)^---\n', a)
    r = stream(c, one + '---\n' + b + '---\n' + two).status(0)
    need([d['metadata']['name'] for d in c.docs(r.text)], ['a', 'b', 'a2'], 'interleaved')


@check
def all_or_nothing(c):
    good, bad = c.seal('a.yaml', secret('a')), c.seal('b.yaml', secret('b'), to=BOB)
    for text in (good + '---\n' + bad, bad + '---\n' + good):
        r = stream(c, text).status(128)
        need(r.out, b'', 'stdout')
        has(r.err, 'b', 'the object in the message')
    c.seal('d.yaml', secret('d'))
    c.damage('d.yaml')
    need(stream(c, good + '---\n' + c.read('d.yaml').decode()).status(51).out, b'', 'stdout')
    v = good.replace('ENC[AES256_GCM,data:', 'ENC[AES256_GCM,data:AAAA', 1)
    need(stream(c, v).status(25).out, b'', 'a damaged value: stdout')


@check
def a_changed_clear_value(c):
    sealed = c.seal('a.yaml', secret('a')).replace('name: a', 'name: pre-a')
    c.clear_ok = True
    need(stream(c, sealed).status(51).out, b'', 'stdout')
    r = stream(c, sealed, '--ignore-mac').status(0)
    need(c.docs(r.text)[0]['metadata']['name'], 'pre-a', '--ignore-mac')
    has(r.err, 'warning', 'stderr')
    has(r.err, 'pre-a', 'stderr')


@check
def notes_of_tools_are_taken_off_and_put_back(c):
    sealed = c.seal('a.yaml', secret('a'))
    notes = {'postrenderer.helm.sh/postrender-filename': 'web/templates/a.yaml', 'internal.config.kubernetes.io/annotations-migration-resource-id': '3',
             'internal.config.kubernetes.io/index': '0', 'config.kubernetes.io/index': '0', 'config.kubernetes.io/path': 'a.yaml', 'config.kubernetes.io/id': '1', 'config.kubernetes.io/origin': 'path: a\n',
             'config.k8s.io/id': '1', 'kustomize.config.k8s.io/id': 'kind: Secret\nname: a\n', 'alpha.config.kubernetes.io/transformations': '[]'}
    block = '    annotations:\n' + ''.join('        %s: %s\n' % (k, json.dumps(v)) for k, v in notes.items())
    r = stream(c, sealed.replace('    name: a\n', '    name: a\n' + block)).status(0)
    need(c.docs(r.text)[0]['metadata'], {'name': 'a', 'annotations': notes}, 'metadata')
    # beside annotations of the author's own
    own = c.seal('b.yaml', secret('b').replace('    name: b\n', '    name: b\n    annotations:\n        kustomize.config.k8s.io/needs-hash: "true"\n'))
    noted = own.replace('needs-hash: "true"\n', 'needs-hash: "true"\n        internal.config.kubernetes.io/index: "4"\n')
    true(noted != own, 'the check itself')
    r = stream(c, noted).status(0)
    need(c.docs(r.text)[0]['metadata']['annotations'], {'kustomize.config.k8s.io/needs-hash': 'true', 'internal.config.kubernetes.io/index': '4'}, 'annotations')
    stream(c, own.replace('needs-hash: "true"', 'needs-hash: "false"')).status(51)
    stream(c, sealed.replace('    name: a\n', '    name: a\n    annotations:\n        config.kubernetes.io/local-config: "true"\n')).status(51)


@check
def sorted_keys_do_not_open(c):
    sealed = c.seal('a.yaml', 'kind: Secret\napiVersion: v1\nmetadata:\n    name: a\nstringData:\n    z: %s\n    b: %s\n' % (CANARY, CANARY))
    lines = sealed.split('\n')
    true(lines[0].startswith('kind') and lines[1].startswith('apiVersion'), 'the check itself')
    lines[0], lines[1] = lines[1], lines[0]
    r = stream(c, '\n'.join(lines)).status(51)
    has(r.err, 'SopsSecrets', 'hint')
    c.clear_ok = True
    stream(c, '\n'.join(lines), '--ignore-mac').status(0)


@check
def sealed_for_a_controller(c):
    sealed = c.seal('c.yaml', 'apiVersion: isindir.github.com/v1alpha3\nkind: SopsSecret\nmetadata:\n    name: x\nspec:\n    secretTemplates:\n        - name: y\n          stringData:\n              k: %s\n' % CANARY, rule='^stringData$')
    need(stream(c, sealed).status(0).text, sealed, 'the same bytes')
    need(stream(c, sealed, env=c.no_key).status(0).text, sealed, 'without a key')
    other = c.seal('d.yaml', 'apiVersion: example.org/v1\nkind: SopsSecret\nmetadata:\n    name: x\nstringData: {k: v}\n', rule='^stringData$')
    without_sops(stream(c, other).status(0).text)


@check
def markers(c):
    sealed = c.seal('a.yaml', secret('a', text='one\n --- two\n'))
    for marker in ('---\n', '--- # comment\n', '---\t\n', '---   \n', '---\r\n'):
        r = stream(c, 'x: 1\n' + marker + sealed + marker + 'y: "\n  --- z"\n').status(0)
        docs = c.docs(r.text.replace('\r\n', '\n'))
        need((docs[0], docs[1]['stringData'], docs[2]), ({'x': 1}, {'text': 'one\n --- two\n'}, {'y': ' --- z'}), 'documents with %r' % marker)
        true(r.text.endswith(marker + 'y: "\n  --- z"\n'), 'the marker stays')


@check
def sealed_in_other_ways(c):
    c.write('.sops.yaml', 'creation_rules:\n- mac_only_encrypted: true\n  encrypted_regex: ^data$\n  age: %s\n' % ALICE)
    c.write('p.yaml', configmap('p'))
    r = c.run([c.sealer(), 'encrypt', 'p.yaml'], keep=False)
    text = r.out.decode()
    need(c.docs(stream(c, text.replace('name: p', 'name: q')).status(0).text)[0]['data'], {'key': CANARY + '-cm'}, 'mac_only_encrypted with a changed clear value')
    os.unlink(c.path('.sops.yaml'))
    whole = c.seal('w.yaml', secret('w'), rule=None)
    lacks(whole, 'kind: Secret', 'sealed as a whole')
    need(c.docs(stream(c, whole).status(0).text)[0]['kind'], 'Secret', 'kind')
    need(c.docs(stream(c, c.seal('b.yaml', secret('b'), to=BOB), env=c.no_key).status(0).text)[0]['metadata']['name'], 'b', 'another key')


@check
def words_and_terminal(c):
    need(c.sops('krm', '--stream', stdin='a: 1\n').status(0).text, 'a: 1\n', 'without more words')
    c.sops('krm', '--stream', 'x', stdin='').status(1)
    c.sops('krm', 'x', stdin='').status(1)
    c.sops('krm', '--nonesuch', stdin='').status(1)
    for words in (['krm'], ['krm', '--stream']):
        rc, out = on_terminal([Peers.sops] + words, c, [], timeout=5)
        need(rc, 1, 'on a terminal')
        has(out, b'hint', 'on a terminal')


@check
def a_large_stream(c):
    sealed = c.seal('a.yaml', secret('a'))
    text = ''.join('---\n' + PLAIN.replace('plain', 'p%d' % i) for i in range(20000)) + '---\n' + sealed
    r = stream(c, text, timeout=60).status(0)
    true(r.text.startswith(text[:-len(sealed)]), 'the plain documents stay')
    true(r.took < 15, '%.1f s' % r.took)


@check
def one_question(c):
    text = '---\n'.join(c.seal('s%d.yaml' % i, secret('s%d' % i)) for i in range(4))
    c.script('keys', '#!/bin/sh\necho x >>%s\ncat %s\n' % (c.path('asked'), os.path.join(KEYS, 'age', 'alice.txt')))
    r = stream(c, text, env={'SOPS_AGE_KEY_FILE': None, 'SOPS_AGE_KEY_CMD': c.path('keys')}).status(0)
    need(len(c.docs(r.text)), 4, 'documents')
    need(c.read('asked'), b'x\n', 'starts of the key command')
