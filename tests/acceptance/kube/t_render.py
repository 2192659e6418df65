# SPDX-License-Identifier: Apache-2.0
"""render: templates."""
import base64, json, os, stat, time
from harness import *

APP = '''# about all
name: shop
db:
    user: app
    password: "s3cr et!/'%s"
    port: 5432
    ratio: 3.0
    tls: true
    none: null
    hosts:
        # about one
        - one
        - two
"a.b": dotted
"it's": quoted
"42": digits
empty: {}
list: []
pem: |
    -----BEGIN-----
    %s-pem

    -----END-----
day: 2024-01-02
''' % (CANARY, CANARY)
PASSWORD = "s3cr et!/'" + CANARY


def app(c):
    c.seal('app.yaml', APP, rule=None)
    c.clear_ok = True


def render(c, template, *words, **kw):
    words = words or ('--from', 'app.yaml')
    return c.sops('render', *words, stdin=template, **kw)


@check
def values(c):
    app(c)
    r = render(c, 'a {{ name }} b{{db.user}}c {{\tdb.password\t}}\n{{ db . user }}}}{{ name}}{{name }}').status(0)
    need(r.text, 'a shop bappc %s\napp}}shopshop' % PASSWORD, 'stdout')
    need(r.err, '', 'stderr')


@check
def kinds(c):
    app(c)
    r = render(c, '{{db.port}} {{db.ratio}} {{db.tls}} {{db.none}} {{day}}').status(0)
    need(r.text, '5432 3.0 true null 2024-01-02T00:00:00Z', 'stdout')


@check
def paths(c):
    app(c)
    r = render(c, '''{{ ["a.b"] }} {{ ['it's'] }} {{ ["it's"] }}'''.replace("{{ ['it's'] }} ", '')).status(0)
    need(r.text, 'dotted quoted', 'quoted keys')
    need(render(c, '''{{ db["user"] }} {{ ["db"].user }} {{ ['db']['user'] }} {{ 42 }} {{ db.hosts.1 }} {{ db.hosts[2] }} {{ ["db"]["hosts"][1] }}''').status(0).text,
         'app app app digits one two one', 'mixed steps; comments count as items')
    render(c, '{{ db.hosts.0 }}').status(1)
    render(c, '{{ [42] }}').status(1)


@check
def braces(c):
    app(c)
    need(render(c, '{{{{ name }} {{{{{{name}} { { }} } {x} {{{{{{{{').status(0).text, '{{ name }} {{shop { { }} } {x} {{{{', 'stdout')
    need(render(c, 'no expression', '--from', 'app.yaml').status(0).text, 'no expression', 'without expressions')
    need(c.sops('render', stdin='plain {{{{').status(0).text, 'plain {{', 'without sources')


@check
def named_sources(c):
    app(c)
    c.seal('o.json', json.dumps({'name': 'other', 'k': [1, {'x': CANARY}]}), rule=None)
    c.seal('b=c.env', 'E=env\n', rule=None)
    r = render(c, '{{ name }} {{ o:name }} {{ o:k[1].x }} {{ o-2_x : name }} {{ eq:E }}', '--from', 'app.yaml', '--from', 'o=o.json', '--from=o-2_x=o.json', '--from', 'eq=b=c.env').status(0)
    need(r.text, 'shop other %s other env' % CANARY, 'stdout')
    need(render(c, '{{ E }}', '--from', './b=c.env').status(0).text, 'env', 'a name with =')
    render(c, '{{ name }}', '--from', 'app.yaml', '--from', 'o.json').status(8)
    render(c, '{{ a:name }}', '--from', 'a=app.yaml', '--from', 'a=o.json').status(8)
    has(render(c, '\n {{ nope:name }}').status(1).err, '-:2:2:', 'place')
    render(c, '{{ name }}', '--from', 'a=app.yaml').status(1)


@check
def filters_on_texts(c):
    app(c)
    q = "'s3cr et!/'\\''%s'" % CANARY
    u = 's3cr%20et%21%2F%27' + CANARY
    need(render(c, '{{ db.password | shell }} {{ db.password|url }} {{ db.password | base64 }} {{ db.password | json }} {{ db.password | yaml }}').status(0).text,
         '%s %s %s %s %s' % (q, u, b64(PASSWORD), json.dumps(PASSWORD), json.dumps(PASSWORD)), 'one filter')
    need(render(c, '{{ db.password | base64 | json }} {{ db.password | url | base64 }} {{ db.password | json | shell }}').status(0).text,
         '%s %s %s' % (json.dumps(b64(PASSWORD)), b64(u), "'" + json.dumps(PASSWORD).replace("'", "'\\''") + "'"), 'two filters')
    need(render(c, '{{ db.port | base64 }} {{ db.tls | shell }}').status(0).text, "%s 'true'" % b64('5432'), 'other values')


@check
def filters_on_values(c):
    app(c)
    r = render(c, '{{db.port|json}} {{db.ratio|json}} {{db.tls|json}} {{db.none|json}} {{day|json}} {{empty|json}} {{list|json}} {{empty|yaml}} {{list|yaml}} {{db.port|yaml}}').status(0)
    parts = r.text.split(' ')
    need(parts[0], '5432', 'int')
    need(float(parts[1]), 3.0, 'float')
    need(parts[2:], ['true', 'null', '"2024-01-02T00:00:00Z"', '{}', '[]', '{}', '[]', '5432'], 'others')
    c.seal('n.json', '{"z": {"b": [1, "x y", null, {"q": "\\u00e9\\n"}], "a": {}}}', rule=None)
    need(render(c, '{{z|json}}', '--from', 'n.json').status(0).text, '{"b":[1,"x y",null,{"q":"\u00e9\\n"}],"a":{}}', 'a mapping as JSON')


@check
def yaml_blocks(c):
    app(c)
    r = render(c, 'all:\n  db:\n    {{ db | yaml | indent 4 }}\n  z: 1\n').status(0)
    got = c.docs(r.text)[0]
    need(got['all']['db']['password'], PASSWORD, 'password')
    need(got['all']['db']['hosts'], ['one', 'two'], 'hosts')
    need(got['all']['z'], 1, 'what follows')
    c.seal('n.yaml', 'm:\n    a:\n        b: x\n', rule=None)
    need(render(c, '<{{ m | yaml }}>', '--from', 'n.yaml').status(0).text, '<a:\n    b: x>', 'without a newline at the end')
    need(c.sops('--indent', '2', 'render', '--from', 'n.yaml', stdin='{{ m | yaml }}').status(0).text, 'a:\n  b: x', '--indent')


@check
def indent(c):
    app(c)
    need(render(c, 'k: |\n  {{ pem | indent 2 }}.').status(0).text, 'k: |\n  -----BEGIN-----\n  %s-pem\n\n  -----END-----\n.' % CANARY, 'stdout')
    need(render(c, '{{ name | indent 64 }}').status(0).text, 'shop', 'one line')
    for n in ('0', '65', '-1', 'x', ''):
        render(c, '{{ name | indent %s }}' % n).status(2)


@check
def mapping_without_a_filter(c):
    app(c)
    for t in ('{{ db }}', '{{ db.hosts }}', '{{ empty }}', '{{ db | shell }}', '{{ db | indent 2 }}'):
        r = render(c, 'x\n' + t).status(4)
        has(r.err, '-:2:1:', t)
        has(r.err, 'json', t)
        need(r.out, b'', 'stdout')
    c.seal('nul.json', '{"n": "a\\u0000b"}', rule=None)
    render(c, '{{ n | shell }}', '--from', 'nul.json').status(4)


@check
def syntax_errors_need_no_key(c):
    app(c)
    for t in ('{{', '{{ }}', '{{ name', '{{ name }', '{{ name | }}', '{{ name | upper }}', '{{ name name }}', '{{ .name }}', '{{ name. }}', '{{ name..x }}', '{{ ["x }}', '{{ [x] }}', '{{ [-1] }}', '{{ ["x"\n] }}',
              '{{ name\n}}', '{{ a:b:c }}', '{{ :name }}', '{{ $x }}', '{{- name }}', '{{ name | json yaml }}', '{{ name | indent }}', '{{{ name }}}', '{{ 1a:name }}', '{{ ["a"]b }}', '{{ name | indent 2 3 }}'):
        r = render(c, 'one\nab' + t, env=c.no_key)
        need(r.rc, 2, t + ' ' + r.err)
        has(r.err, '-:2:3:', t)
        need(r.out, b'', 'stdout')
    has(render(c, '{{ .Values.x }}').status(2).err, '{{{{', 'hint')


@check
def template_named_in_messages(c):
    app(c)
    c.write('t.conf', b'\xff\xfe\n\xc3\xa9\xc3\xa9 {{ db.nope }}')
    r = c.sops('render', '--from', 'app.yaml', 't.conf').status(1)
    has(r.err, 't.conf:2:6:', 'place, in bytes')
    has(r.err, 'db.nope', 'path')
    need(r.out, b'', 'stdout')
    for t in ('{{ db.user.x }}', '{{ db.hosts.9 }}', '{{ db.hosts.user }}', '{{ nope }}', '{{ name[0] }}'):
        render(c, t).status(1)


@check
def order_of_checks(c):
    app(c)
    c.write('bad.t', '{{ nope:x }} {{')
    c.write('unknown.t', '{{ nope:x }}')
    c.write('path.t', '{{ gone }}')
    words = ['--from', 'app.yaml', '--from', 'b=gone.yaml']
    c.sops('render', '--from', 'gone.yaml', '--from', 'x', 'none.t').status(8)
    c.sops('render', *words, 'none.t').status(100)
    c.sops('render', *words, 'bad.t').status(2)
    c.sops('render', *words, 'unknown.t').status(1)
    c.sops('render', *words, 'path.t').status(100)
    c.sops('render', '--from', 'app.yaml', 'path.t', env=c.no_key).status(128)
    c.sops('render', '--from', 'app.yaml', 'path.t').status(1)
    c.sops('render', '--from', 'app.yaml', '.').status(2)


@check
def sources_that_do_not_open(c):
    app(c)
    c.seal('m.yaml', secret())
    c.damage('m.yaml')
    c.write('p.yaml', 'x: 1\n')
    c.clear_ok = False
    for f, status in (('m.yaml', 51), ('p.yaml', 1), ('gone.yaml', 100)):
        r = render(c, '{{ x }}', '--from', f).status(status)
        has(r.err, f, 'message')
        need(r.out, b'', 'stdout')
    # Also a source that no expression names.
    render(c, 'text', '--from', 'm.yaml').status(51)
    need(render(c, '{{ metadata.name }}', '--ignore-mac', '--from', 'm.yaml').status(0).text, 'xdb', '--ignore-mac')


@check
def output_file(c):
    app(c)
    c.write('t', 'pw={{ db.password }}\n')
    r = c.run(['/bin/sh', '-c', 'umask 0; exec "$0" render --from app.yaml --output new t', Peers.sops]).status(0)
    need(r.out, b'', 'stdout')
    need(c.read('new').decode(), 'pw=%s\n' % PASSWORD, 'content')
    need(stat.S_IMODE(os.stat(c.path('new')).st_mode), 0o600, 'mode of a new file')
    c.write('there', 'old', 0o640)
    os.symlink('there', c.path('link'))
    c.sops('render', '--from', 'app.yaml', '--output', 'link', 't').status(0)
    need(c.read('there').decode(), 'pw=%s\n' % PASSWORD, 'through a link')
    need(stat.S_IMODE(os.stat(c.path('there')).st_mode), 0o640, 'mode of an old file')
    true(os.path.islink(c.path('link')), 'the link stays')
    need(sorted(os.listdir(c.dir)), ['app.yaml', 'link', 'new', 't', 'there'], 'files')


@check
def output_untouched_on_failure(c):
    app(c)
    c.write('there', 'old')
    for t in ('{{ nope }}', '{{', '{{ db }}'):
        true(render(c, t, '--from', 'app.yaml', '--output', 'there').rc != 0, t)
        true(render(c, t, '--from', 'app.yaml', '--output', 'new').rc != 0, t)
    need(c.read('there'), b'old', 'the old file')
    need(sorted(os.listdir(c.dir)), ['app.yaml', 'there'], 'files')
    render(c, 'x', '--from', 'app.yaml', '--output', 'no/such/folder').status(3)


@check
def output_that_is_an_input(c):
    app(c)
    c.write('t', 'x')
    before = c.read('app.yaml')
    os.link(c.path('t'), c.path('t2'))
    for out in ('t', './t', 't2', 'app.yaml'):
        c.sops('render', '--from', 'app.yaml', '--output', out, 't').status(8)
    need((c.read('t'), c.read('app.yaml')), (b'x', before), 'files')


@check
def other_bytes_and_size(c):
    app(c)
    blob = bytes(range(256)).replace(b'{', b'') * 50
    need(render(c, blob + b'{{name}}\r\n' + blob).status(0).out, blob + b'shop\r\n' + blob, 'any bytes')
    big = b'x' * 6000000 + b'{{ name }}' + b'{ ' * 1000000
    t = time.time()
    need(len(render(c, big, timeout=60).status(0).out), 6000004 + 2000000, 'length')
    true(time.time() - t < 20, 'slow')
    need(render(c, '{{name}}' * 500, timeout=60).status(0).text, 'shop' * 500, 'many expressions')


@check
def binary_and_flat_sources(c):
    app(c)
    c.seal('f.env', 'A=one\nB="%s"\n' % CANARY, rule=None)
    c.seal('i.ini', '[s]\nk = v\n', rule=None)
    c.seal('blob', 'text %s' % CANARY, rule=None)
    r = render(c, '{{ f:A }} {{ f:B }} {{ i:s.k }} {{ b:data }}', '--from', 'f=f.env', '--from', 'i=i.ini', '--from', 'b=blob').status(0)
    need(r.text, 'one "{0}" v text {0}'.format(CANARY), 'stdout')


@check
def one_question(c):
    app(c)
    c.seal('o.yaml', 'x: 1\n', rule=None)
    c.script('keys', '#!/bin/sh\necho x >>%s\ncat %s\n' % (c.path('asked'), os.path.join(KEYS, 'age', 'alice.txt')))
    render(c, '{{ name }} {{ o:x }} {{ name }}', '--from', 'app.yaml', '--from', 'o=o.yaml', env={'SOPS_AGE_KEY_FILE': None, 'SOPS_AGE_KEY_CMD': c.path('keys')}).status(0)
    need(c.read('asked'), b'x\n', 'starts of the key command')


@check
def a_file_called_like_the_command(c):
    app(c)
    for word in ('render', 'kubectl', 'helm'):
        c.seal(word, 'a secret of %s' % CANARY, rule=None)
        c.script('editor', '#!/bin/sh\ncp "$1" %s\n' % c.path('seen'))
        r = c.sops(word, env={'EDITOR': c.path('editor')}).status(200)
        has(r.err, word, 'warning')
        need(c.read('seen').decode(), 'a secret of %s' % CANARY, 'what the editor saw')
        os.unlink(c.path(word))
        os.mkdir(c.path(word))
        os.unlink(c.path('seen'))
        c.sops(word, env={'EDITOR': c.path('editor')})
        true(not os.path.exists(c.path('seen')), 'a folder of that name is no file')


@check
def help_names_the_flags(c):
    r = c.sops('render', '--help').status(0)
    for w in ('--from', '--output'):
        has(r.text, w, 'help')
    for command, words in (('exec-env', ('--no-shell', '--flatten', '--upper', '--prefix', '--only', '--redact', '--redact-min')), ('exec-file', ('--no-shell', '--redact')), ('krm', ('--stream', '--ignore-mac'))):
        r = c.sops(command, '--help').status(0)
        for w in words:
            has(r.text, w, 'help of ' + command)
    r = c.sops('--help').status(0)
    for w in ('render', 'kubectl', 'krm', 'helm'):
        has(r.text, '   %s ' % w, 'list of commands')
