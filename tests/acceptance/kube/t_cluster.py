# SPDX-License-Identifier: Apache-2.0
"""The plugin against a real API server: what is stored there."""
import os, shutil, signal, socket, subprocess, threading, time
from harness import *

LOCK = threading.Lock()
RUNNING = {}


def free_port():
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    p = s.getsockname()[1]
    s.close()
    return p


def stop():
    for p in RUNNING.pop('processes', []):
        p.terminate()
        try:
            p.wait(5)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
    if 'folder' in RUNNING:
        shutil.rmtree(RUNNING.pop('folder'), ignore_errors=True)


def start():
    """etcd and kube-apiserver on 127.0.0.1, once for all checks; the port of the API server."""
    import atexit, tempfile
    with LOCK:
        if 'port' in RUNNING:
            return RUNNING['port']
        if 'why' in RUNNING:
            raise Skip(RUNNING['why'])
        missing = [n for n, p in (('kubectl', Peers.kubectl), ('etcd', Peers.etcd), ('kube-apiserver', Peers.apiserver), ('openssl', shutil.which('openssl'))) if not p]
        if missing:
            RUNNING['why'] = 'not here: %s' % ', '.join(missing)
            raise Skip(RUNNING['why'])
        d = RUNNING['folder'] = tempfile.mkdtemp(prefix='kube-cluster-')
        atexit.register(stop)
        e, p, a = free_port(), free_port(), free_port()
        subprocess.run(['openssl', 'genrsa', '-out', d + '/sa.key', '2048'], capture_output=True, check=True)
        subprocess.run(['openssl', 'rsa', '-in', d + '/sa.key', '-pubout', '-out', d + '/sa.pub'], capture_output=True, check=True)
        with open(d + '/tokens.csv', 'w') as f:
            f.write('token,admin,admin,"system:masters"\n')
        with open(d + '/log', 'wb') as log:
            run = lambda argv: subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=d, env={'PATH': os.environ['PATH'], 'HOME': d, 'TMPDIR': d})
            RUNNING['processes'] = [run([Peers.etcd, '--data-dir', d + '/etcd', '--listen-client-urls', 'http://127.0.0.1:%d' % e, '--advertise-client-urls', 'http://127.0.0.1:%d' % e,
                                         '--listen-peer-urls', 'http://127.0.0.1:%d' % p, '--unsafe-no-fsync']),
                                    run([Peers.apiserver, '--etcd-servers=http://127.0.0.1:%d' % e, '--bind-address=127.0.0.1', '--secure-port=%d' % a, '--cert-dir=' + d + '/certs', '--token-auth-file=' + d + '/tokens.csv',
                                         '--authorization-mode=AlwaysAllow', '--service-account-key-file=' + d + '/sa.pub', '--service-account-signing-key-file=' + d + '/sa.key',
                                         '--service-account-issuer=https://127.0.0.1', '--service-cluster-ip-range=10.0.0.0/24', '--disable-admission-plugins=ServiceAccount'])]
        end = time.time() + 60
        while time.time() < end:
            r = subprocess.run([Peers.kubectl, '--kubeconfig=/dev/null', '--server=https://127.0.0.1:%d' % a, '--token=token', '--insecure-skip-tls-verify=true', 'get', 'ns', 'default'], capture_output=True, env={'HOME': d, 'PATH': os.environ['PATH']})
            if r.returncode == 0:
                RUNNING['port'] = a
                return a
            if any(x.poll() is not None for x in RUNNING['processes']):
                break
            time.sleep(0.3)
        tail = open(d + '/log', errors='replace').read()[-400:]
        stop()
        RUNNING['why'] = 'the API server does not start: ' + ' '.join(tail.split())
        raise Skip(RUNNING['why'])


def cluster(c, name):
    """A namespace for this check; kubectl in a function; the plugin on PATH."""
    port = start()
    c.write('../config', 'apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: "https://127.0.0.1:%d", insecure-skip-tls-verify: true}}]\nusers: [{name: u, user: {token: token}}]\n'
                         'contexts: [{name: x, context: {cluster: c, user: u, namespace: %s}}]\ncurrent-context: x\n' % (port, name))
    c.env['KUBECONFIG'] = os.path.join(c.root, 'config')
    os.makedirs(os.path.join(c.root, 'links'), exist_ok=True)
    if not os.path.lexists(os.path.join(c.root, 'links', 'kubectl')):
        os.symlink(Peers.kubectl, os.path.join(c.root, 'links', 'kubectl'))
    c.link('kubectl-sops')
    k = lambda *w, **kw: c.run([os.path.join(c.root, 'links', 'kubectl')] + list(w), keep=kw.pop('keep', False), **kw)
    k('create', 'namespace', name).status(0)
    return k


def data(k, name='db', kind='secret'):
    return json.loads(k('get', kind, name, '-o', 'jsonpath={.data}').status(0).text)


@check
def apply_and_look(c):
    k = cluster(c, 'apply')
    c.seal('d/s.yaml', secret('db') + '---\n' + configmap('cm'))
    c.write('d/p.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {a: b}\n')
    r = k('sops', 'apply', '-f', 'd', keep=True).status(0)
    for t in ('secret/db serverside-applied', 'configmap/cm serverside-applied', 'configmap/plain serverside-applied'):
        has(r.text, t, 'stdout')
    need(data(k), {'password': b64(CANARY + '-pw')}, 'the secret')
    need(data(k, 'cm', 'configmap'), {'key': CANARY + '-cm'}, 'the config map')
    stored = json.loads(k('get', 'secret', 'db', '-o', 'json', '--show-managed-fields').status(0).text)
    need([m['manager'] for m in stored['metadata']['managedFields']], ['kubectl-sops'], 'managers')
    true('annotations' not in stored['metadata'], 'no annotation: %s' % stored['metadata'])
    need(k('sops', 'diff', '-f', 'd/s.yaml', '--show', keep=True).status(0).text, '', 'diff afterwards')


@check
def an_entry_taken_out_goes(c):
    k = cluster(c, 'entry')
    c.seal('s.yaml', secret('db', a=CANARY, b='two'))
    k('sops', 'apply', '-f', 's.yaml', keep=True).status(0)
    need(sorted(data(k)), ['a', 'b'], 'first')
    c.seal('s.yaml', secret('db', a='other'))
    k('sops', 'apply', '-f', 's.yaml', keep=True).status(0)
    need(data(k), {'a': b64('other')}, 'then')


@check
def the_annotation_of_earlier_days_goes(c):
    k = cluster(c, 'earlier')
    c.write('clear.yaml', secret('db'))
    k('apply', '-f', 'clear.yaml').status(0)
    has(k('get', 'secret', 'db', '-o', 'yaml').text, CANARY, 'what a client-side apply keeps')
    c.seal('s.yaml', secret('db'))
    k('sops', 'apply', '-f', 's.yaml', keep=True).status(0)
    lacks(k('get', 'secret', 'db', '-o', 'yaml').text, CANARY, 'the object')
    need(data(k), {'password': b64(CANARY + '-pw')}, 'data')


@check
def diff_hides_values(c):
    k = cluster(c, 'diff')
    c.seal('s.yaml', secret('db'))
    k('sops', 'apply', '-f', 's.yaml', keep=True).status(0)
    c.seal('s.yaml', secret('db', password=CANARY + '-new'))
    c.script('differ', '#!/bin/sh\nfor f in "$1"/* "$2"/*; do cat "$f"; done\nexit 1\n')
    for env in ({}, {'KUBECTL_EXTERNAL_DIFF': c.path('differ')}):
        r = k('sops', 'diff', '-f', 's.yaml', keep=True, env=env).status(1)
        has(r.text, '***', 'stdout')
        lacks(r.text, CANARY, 'stdout')
        lacks(r.text, b64(CANARY + '-new')[:12], 'stdout')
    c.seal('m.yaml', configmap('m'))
    k('sops', 'diff', '-f', 'm.yaml', keep=True).status(2)


@check
def the_other_verbs(c):
    k = cluster(c, 'verbs')
    c.seal('s.yaml', secret('db'))
    has(k('sops', 'create', '-f', 's.yaml', keep=True).status(0).text, 'created', 'create')
    need(data(k), {'password': b64(CANARY + '-pw')}, 'created')
    k('sops', 'create', '-f', 's.yaml', keep=True).status(1)
    c.seal('s.yaml', secret('db', password=CANARY + '-2'))
    has(k('sops', 'replace', '-f', 's.yaml', keep=True).status(0).text, 'replaced', 'replace')
    need(data(k), {'password': b64(CANARY + '-2')}, 'replaced')
    k('sops', 'apply', '-f', 's.yaml', '--dry-run=client', keep=True).status(0)
    k('sops', 'apply', '-f', 's.yaml', '--dry-run=server', '--force-conflicts', keep=True).status(0)
    has(k('sops', 'delete', '-f', 's.yaml', keep=True).status(0).text, 'deleted', 'delete')
    k('get', 'secret', 'db').status(1)


@check
def json_plain_and_sealed_in_one_stream(c):
    k = cluster(c, 'mixed')
    c.write('a.json', json.dumps({'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'tabs'}, 'data': {'k': 'v'}}, indent='\t'))
    c.seal('b.json', json.dumps({'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'db'}, 'stringData': {'k': CANARY + '\n\t\u00e9"'}}))
    c.write('c.yaml', '---\n# nothing\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}')
    c.seal('d.yaml', secret('last'))
    r = k('sops', 'apply', '-f', 'a.json', '-f', 'b.json', '-f', 'c.yaml', '-f', 'd.yaml', keep=True).status(0)
    need(r.text.count('serverside-applied'), 4, 'objects')
    need(data(k), {'k': b64(CANARY + '\n\t\u00e9"')}, 'a value')


@check
def what_flux_does(c):
    k = cluster(c, 'flux')
    c.seal('k/s.yaml', secret('db'))
    c.write('k/kustomization.yaml', 'resources: [s.yaml]\nnamePrefix: pre-\n')
    k('sops', 'apply', '-k', 'k', keep=True).status(51)
    k('sops', 'apply', '-k', 'k', '--ignore-mac', keep=True).status(0)
    need(data(k, 'pre-db'), {'password': b64(CANARY + '-pw')}, 'the secret')
