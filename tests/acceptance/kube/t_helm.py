# SPDX-License-Identifier: Apache-2.0
"""helm plugins, helm download, and Helm 3 and 4 themselves."""
import os, re, stat
from harness import *

CHART = {'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
         'values.yaml': 'pw: default\n',
         'templates/cm.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  pw: {{ .Values.pw | quote }}\n  file: {{ .Values.file | default "none" | quote }}\n'}


@check
def plugins(c):
    r = c.sops('helm', 'plugins', 'p').status(0)
    want = ['p/helm3/sops', 'p/helm4/sops-getter', 'p/helm4/sops-post-render']
    need([os.path.relpath(os.path.realpath(c.path(l)), c.dir) for l in r.text.splitlines()], want, 'paths')
    me = os.path.realpath(Peers.sops)
    for d in want:
        need(sorted(os.listdir(c.path(d))), ['plugin.yaml', 'sops'], d)
        true(os.path.islink(c.path(d + '/sops')), 'a link')
        need((os.path.isabs(os.readlink(c.path(d + '/sops'))), os.path.realpath(c.path(d + '/sops'))), (True, me), 'its target')
    three, getter, post = (c.docs(c.read(d + '/plugin.yaml'))[0] for d in want)
    need(three['downloaders'], [{'command': 'sops helm download', 'protocols': ['sops']}], 'Helm 3')
    need((getter['type'], getter['apiVersion'], getter['runtime']), ('getter/v1', 'v1', 'subprocess'), 'the getter')
    need((post['type'], post['runtimeConfig']['platformCommand'][0]['command']), ('postrenderer/v1', '${HELM_PLUGIN_DIR}/sops'), 'the post-renderer')
    need([three['name'], getter['name'], post['name']], ['sops', 'sops-getter', 'sops-post-render'], 'names')


@check
def plugins_again_and_in_the_way(c):
    c.sops('helm', 'plugins', 'p').status(0)
    c.write('p/helm3/sops/plugin.yaml', 'old')
    c.write('p/helm3/mine/x', 'mine')
    os.unlink(c.path('p/helm4/sops-getter/sops'))
    os.symlink('/nonexistent', c.path('p/helm4/sops-getter/sops'))
    c.sops('helm', 'plugins', 'p').status(0)
    has(c.read('p/helm3/sops/plugin.yaml'), 'downloaders', 'renewed')
    need(os.path.realpath(c.path('p/helm4/sops-getter/sops')), os.path.realpath(Peers.sops), 'renewed link')
    need(c.read('p/helm3/mine/x'), b'mine', 'other files')
    os.unlink(c.path('p/helm3/sops/plugin.yaml'))
    os.mkdir(c.path('p/helm3/sops/plugin.yaml'))
    c.sops('helm', 'plugins', 'p').status(1)
    c.sops('helm', 'plugins').status(1)
    c.sops('helm', 'plugins', 'a', 'b').status(1)
    c.write('file', '')
    true(c.sops('helm', 'plugins', 'file').rc != 0, 'a file as folder')


@check
def download(c):
    c.seal('v.yaml', 'pw: %s\n' % CANARY, rule=None)
    c.seal('sub/dir/b.bin', b'\x00\xff' + CANARY.encode(), rule=None)
    c.seal('bob.yaml', 'pw: %s\n' % CANARY, rule=None, to=BOB)
    c.write('plain.yaml', 'a: 1\n')
    get = lambda url, *more, **kw: c.sops('helm', 'download', '', '', '', url, *more, **kw)
    need(get('sops://v.yaml').status(0).text, 'pw: %s\n' % CANARY, 'a name')
    need(get('sops://sub/dir/b.bin').status(0).out, b'\x00\xff' + CANARY.encode(), 'a path')
    need(get('sops://' + c.path('v.yaml')).status(0).text, 'pw: %s\n' % CANARY, 'an absolute path')
    need(c.sops('helm', 'download', 'cert', 'key', 'ca', 'sops://../../v.yaml', cwd=c.path('sub/dir')).status(0).text, 'pw: %s\n' % CANARY, 'from another folder')
    c.seal('a%20b.yaml', 'x: 1\n', rule=None)
    need(get('sops://a%20b.yaml').status(0).text, 'x: 1\n', 'taken as it is')
    for url, status in (('sops://none.yaml', 100), ('sops://bob.yaml', 128), ('sops://plain.yaml', 1), ('sops://', 1), ('https://v.yaml', 1), ('v.yaml', 1), ('SOPS://v.yaml', 1)):
        need(get(url).status(status).out, b'', 'stdout of ' + url)
    get('sops://v.yaml', 'x').status(1)
    c.sops('helm', 'download', 'sops://v.yaml').status(1)
    has(c.sops('helm').status(0).text, 'download', 'help')


def chart(c, helm, which):
    if not helm:
        raise Skip('%s is not here' % which)
    for n, t in CHART.items():
        c.write('web/' + n, t)
    c.sops('helm', 'plugins', 'p').status(0)
    c.clear_ok = True
    c.env.update(HELM_CACHE_HOME=c.home + '/hc', HELM_CONFIG_HOME=c.home + '/hf', HELM_DATA_HOME=c.home + '/hd', HELM_PLUGINS=c.path('p/' + which))
    return lambda *words, **kw: c.run([helm] + list(words), **kw)


def values(c, helm):
    c.seal('v.yaml', 'pw: %s\n' % CANARY, rule=None)
    c.seal('k.pem', 'pem %s' % CANARY, rule=None)
    r = helm('template', 'web', './web', '-f', 'sops://v.yaml', '--set-file', 'file=sops://k.pem').status(0)
    need(c.docs(r.text)[0]['data'], {'pw': CANARY, 'file': 'pem ' + CANARY}, 'values')
    need(c.docs(helm('template', 'web', './web', '-f', 'sops://' + c.path('v.yaml')).status(0).text)[0]['data']['pw'], CANARY, 'an absolute path')
    r = helm('template', 'web', './web', '-f', 'sops://v.yaml', env=c.no_key)
    true(r.rc != 0, 'status without a key')
    has(r.err, 'v.yaml', 'stderr without a key')


def post_render(c, helm, *flags):
    sealed = c.seal('web/templates/secret.yaml', secret('s'))
    c.seal('web/templates/two.yaml', secret('t') + '---\n' + secret('u'))
    r = helm('template', 'web', './web', *flags).status(0)
    docs = {x['metadata']['name']: x for x in c.docs(r.text)}
    need(sorted(docs), ['s', 't', 'u', 'web'], 'objects')
    for n in 'stu':
        need(docs[n]['stringData'], {'password': CANARY + '-pw'}, n)
        true('sops' not in docs[n], 'no sops entry')
        need(docs[n]['metadata'], {'name': n}, 'metadata')
    c.write('web/templates/secret.yaml', sealed.replace('name: s', 'name: {{ .Release.Name }}-s'))
    true(helm('template', 'web', './web', *flags).rc != 0, 'a template that changes a sealed manifest')


@check
def helm_3_values(c):
    values(c, chart(c, Peers.helm3, 'helm3'))


@check
def helm_4_values(c):
    values(c, chart(c, Peers.helm4, 'helm4'))


@check
def helm_3_post_renderer(c):
    h = chart(c, Peers.helm3, 'helm3')
    post_render(c, h, '--post-renderer', Peers.sops, '--post-renderer-args', 'krm', '--post-renderer-args', '--stream')


@check
def helm_4_post_renderer(c):
    post_render(c, chart(c, Peers.helm4, 'helm4'), '--post-renderer', 'sops-post-render')


@check
def helm_installs_the_plugins(c):
    n = 0
    for which, folders in (('helm3', ['sops']), ('helm4', ['sops-getter', 'sops-post-render'])):
        if getattr(Peers, which):
            n += 1
            h = chart(c, getattr(Peers, which), which)
            del c.env['HELM_PLUGINS']
            c.env['HELM_DATA_HOME'] = c.home + '/data-' + which
            for f in folders:
                h('plugin', 'install', c.path('p/%s/%s' % (which, f))).status(0)
            c.seal('v.yaml', 'pw: %s\n' % CANARY, rule=None)
            need(c.docs(h('template', 'web', './web', '-f', 'sops://v.yaml').status(0).text)[0]['data']['pw'], CANARY, which)
    if not n:
        raise Skip('neither helm3 nor helm4 is here')
