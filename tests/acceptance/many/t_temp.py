# SPDX-License-Identifier: Apache-2.0
"""Files without a name (section 10): what the system is asked, and what a kill leaves."""
import os, random
from harness import *

CALLS = 'open,openat,linkat,link,rename,renameat,renameat2,write,pwrite64,writev,fsync,fdatasync,fcntl,unlink,fchmod,fchown'


def index(trace, word, *more):
    return [i for i, l in enumerate(trace) if l.startswith(word) and all(m in l for m in more)]


@check
def the_calls_of_decrypt_in_place(c):
    f = c.seal('d/f.yaml')
    r = c.strace(['-e', 'trace=' + CALLS], 'decrypt', '-i', f).status(0)
    t = r.trace
    made = index(t, 'openat', 'O_TMPFILE') or index(t, 'open(', 'O_TMPFILE')
    true(made, 'no O_TMPFILE: %s' % short('; '.join(l for l in t if '.sops-' in l or 'O_CREAT' in l)))
    fd = t[made[0]].rsplit('= ', 1)[1].split()[0]
    synced, linked = index(t, 'fsync(%s)' % fd), index(t, 'linkat', '.sops-')
    renamed = [i for i, l in enumerate(t) if l.startswith('rename') and '.sops-' in l]
    true(synced and linked and renamed, 'fsync, linkat, rename: %s %s %s' % (synced, linked, renamed))
    true(made[0] < synced[0] < linked[0] < renamed[0], 'order of the calls')
    need(renamed[0], linked[0] + 1, 'the call after linkat: %s' % t[linked[0] + 1])
    writes = [i for i, l in enumerate(t) if l.startswith(('write(%s,' % fd, 'pwrite64(%s,' % fd, 'writev(%s,' % fd))]
    true(writes and max(writes) < synced[0], 'all is written before it is synced')
    true(not index(t, 'openat', '.sops-', 'O_CREAT'), 'a named file is made: %s' % [l for l in t if '.sops-' in l])
    true('0600' in t[made[0]], 'mode: ' + t[made[0]])
    need(sorted(os.listdir(c.path('d'))), ['f.yaml'], 'the folder')


@check
def every_command_does_so(c):
    c.rules((None, [ALICE, BOB]))
    f = c.seal('f.yaml')
    c.write('p.yaml', 'pw: %s\n' % CANARY)
    for words in (['rotate', '-i', f], ['set', f, '["a"]', '1'], ['unset', f, '["a"]'], ['updatekeys', '-y', f], ['encrypt', '-i', 'p.yaml'], ['rotate', '-r', '-i', '.'],
                  ['decrypt', '--output', 'p.yaml', f]):
        r = c.strace(['-e', 'trace=' + CALLS], *words).status(0)
        true(index(r.trace, 'openat', 'O_TMPFILE'), '%s makes no file without a name' % words)
        true(not index(r.trace, 'openat', '.sops-', 'O_CREAT'), '%s makes a named file' % words)


@check
def a_new_file_gets_its_own_name(c):
    c.seal('f.yaml')
    r = c.strace(['-e', 'trace=' + CALLS], 'rotate', '--output', 'new.yaml', 'f.yaml').status(0)
    true(index(r.trace, 'linkat', '"new.yaml"') or index(r.trace, 'linkat', '/new.yaml"'), 'no linkat to new.yaml: %s' % [l for l in r.trace if 'new.yaml' in l])
    true(not [l for l in r.trace if l.startswith('rename')], 'a rename')
    c.opened('new.yaml')
    c.run(['/bin/sh', '-c', 'umask 027; exec "$0" rotate --output m.yaml f.yaml', Peers.sops]).status(0)
    need(os.stat(c.path('m.yaml')).st_mode & 0o777, 0o640, 'mode of a new file')


@check
def compared_under_a_lock_just_before(c):
    f = c.seal('f.yaml')
    r = c.strace(['-e', 'trace=read,pread64,readv,mmap,' + CALLS], 'set', f, '["a"]', '1').status(0)
    t = r.trace
    linked, locked = index(t, 'linkat', '.sops-'), index(t, 'fcntl', 'F_OFD_SETLK', 'F_WRLCK')
    true(locked and linked and locked[0] < linked[0], 'lock before linkat')
    fd = t[locked[0]].split('(')[1].split(',')[0]
    reads = [i for i in range(locked[0], linked[0]) if t[i].startswith(('read(%s,' % fd, 'pread64(%s,' % fd, 'readv(%s,' % fd)) or t[i].startswith('mmap') and ', %s, ' % fd in t[i]
             or t[i].startswith('openat') and 'f.yaml"' in t[i] and 'O_WRONLY' not in t[i]]
    true(reads, 'the file is not read again between lock and linkat: %s' % t[locked[0]:linked[0] + 1])
    true(not [l for l in t[reads[0]:linked[0]] if l.startswith('fsync')], 'a sync between comparing and linking')


@check
def files_wait_for_the_disk_side_by_side_and_folders_once(c):
    names = c.seals(20)
    r = c.strace(['-y', '-e', 'trace=fsync', '-e', 'inject=fsync:delay_enter=300000'], 'rotate', '-r', '-i', 's', timeout=100).status(0)
    c.rotated(names)
    now = most = 0
    for l in r.trace:
        if l.startswith('fsync(') and 'unfinished' in l:
            now += 1
            most = max(most, now)
        elif 'fsync resumed' in l:
            now -= 1
    true(most >= 3, '%d files at a time wait for the disk' % most)
    folders = [l for l in r.trace if re.match(r'fsync\(\d+<%s/s/d\d>' % re.escape(c.dir), l)]
    need(sorted(set(re.findall(r'/s/(d\d)>', ' '.join(folders)))), ['d0', 'd1', 'd2', 'd3', 'd4'], 'folders that are synced')
    need(len(folders), 5, 'syncs of folders')


def fallback(c, inject, what):
    f = c.seal('f.yaml')
    r = c.strace(['-e', 'trace=' + CALLS] + inject, 'rotate', '-i', f).status(0)
    c.rotated([f])
    need(sorted(os.listdir(c.dir)), ['f.yaml'], 'the folder after ' + what)
    return r


@check
def without_o_tmpfile(c):
    f = c.seal('f.yaml')
    r = c.strace(['-e', 'trace=openat'], 'rotate', '-i', f).status(0)
    opens = [l for l in r.trace if l.startswith('openat')]
    nameless = index(opens, 'openat', 'O_TMPFILE')
    true(nameless, 'no O_TMPFILE')
    n = nameless[0] + 1
    for error in ('EOPNOTSUPP', 'EISDIR', 'EINVAL'):
        r = fallback(c, ['-e', 'inject=openat:error=%s:when=%d' % (error, n)], error)
        made = index(r.trace, 'openat', '.sops-', 'O_CREAT')
        true(made and '0600' in r.trace[made[0]] and 'O_EXCL' in r.trace[made[0]], 'a named file of mode 0600')


@check
def without_linkat(c):
    for error in ('ENOENT', 'EPERM', 'EXDEV'):
        fallback(c, ['-e', 'inject=linkat:error=%s' % error], 'linkat: ' + error)


@check
def rename_fails(c):
    f = c.seal('f.yaml')
    before = c.read(f)
    r = c.strace(['-e', 'trace=rename,renameat,renameat2', '-e', 'inject=rename,renameat,renameat2:error=EIO'], 'rotate', '-i', f).status(0, 1)
    if r.rc:
        need(c.read(f), before, 'the file')
    else:
        c.rotated([f])
    need(sorted(os.listdir(c.dir)), ['f.yaml'], 'the folder')


@check
def killed_at_each_call_of_decrypt_in_place(c):
    f = c.seal('f.yaml')
    sealed = c.read(f)
    t = c.strace(['-e', 'trace=' + CALLS], 'decrypt', '-i', f).status(0).trace
    clear = c.read(f)
    true(index(t, 'linkat'), 'no linkat')
    linked = index(t, 'linkat')[0]
    seen = {}
    for i, l in enumerate(t):
        name = l.split('(')[0]
        if not name.isalnum():
            continue
        seen[name] = seen.get(name, 0) + 1
        if i < linked - 12:
            continue
        c.write(f, sealed)
        c.strace(['-e', 'trace=' + name, '-e', 'inject=%s:signal=KILL:when=%d' % (name, seen[name])], 'decrypt', '-i', f)
        true(c.read(f) in (sealed, clear), 'killed at %s: the file is neither' % l)
        left = [n for n in os.listdir(c.dir) if n != f]
        if i < linked:
            need(left, [], 'killed at %s: left' % l)
        for n in left:
            true(name in ('linkat', 'rename', 'renameat', 'renameat2'), 'killed at %s, after the rename: %s is left' % (l, n))
            os.unlink(c.path(n))


@check
def killed_at_random_moments(c):
    big = c.seal('big.yaml', tree={'k%d' % i: CANARY + 'x' * 200 for i in range(60)})
    text = c.text(big)
    took = c.sops('decrypt', '-i', big).status(0).took
    left = []
    for i in range(40):
        c.write(big, text)
        p = c.start('decrypt', '-i', big)
        time.sleep(random.random() * took * 1.2)
        os.kill(p.pid, signal.SIGKILL)
        p.wait()
        for n in os.listdir(c.dir):
            if n != big:
                left.append(n)
                os.unlink(c.path(n))
        true(c.text(big) == text or c.text(big).startswith('k0: ' + CANARY), 'the file is neither old nor new')
    true(len(left) <= 1, 'left after 40 kills: %s' % left)      # 1: between the two calls of step 4


@check
def mode_owner_attributes_and_links_stay(c):
    f = c.seal('d/f.yaml')
    os.chmod(c.path(f), 0o4705 if os.geteuid() == 0 else 0o705)
    if os.geteuid() == 0:
        os.chown(c.path(f), 1234, 2345)
        os.chmod(c.path(f), 0o705)
    attributes = True
    try:
        os.setxattr(c.path(f), 'user.note', b'kept')
    except OSError:
        attributes = False
    os.symlink('d/f.yaml', c.path('link.yaml'))
    st = os.stat(c.path(f))
    for words in (['rotate', '-i', 'link.yaml'], ['set', 'link.yaml', '["a"]', '1'], ['rotate', '-r', '-i', 'link.yaml'], ['rotate', '-r', '-i', '--all-or-nothing', 'd']):
        c.sops(*words).status(0)
        now = os.stat(c.path(f))
        need((now.st_mode, now.st_uid, now.st_gid), (st.st_mode, st.st_uid, st.st_gid), 'mode and owner after %s' % words)
        true(os.path.islink(c.path('link.yaml')), 'the link')
        if attributes:
            need([os.getxattr(c.path(f), n) for n in os.listxattr(c.path(f)) if n == 'user.note'], [b'kept'], 'attribute after %s' % words)


@check
def nothing_secret_in_arguments_or_the_environment(c):
    """What the processes of one run show of themselves while the plugin is asked."""
    c.token(plus_alice=True)
    mine = {'pw': CANARY + os.urandom(8).hex()}            # others have CANARY in their arguments beside us
    c.seals(5, tree=mine)
    c.seal('s/z.yaml', [TOKEN], tree=mine)
    look = 'for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; echo; done > ../cmdlines 2>/dev/null; env > ../environment; ls -lR .. > ../listing'
    c.sops('rotate', '-r', '-i', 's', env=c.hook(look)).status(0)
    for name in ('cmdlines', 'environment'):
        with open(os.path.join(c.root, name), encoding='utf-8', errors='replace') as f:
            text = f.read()
        true(text, 'the check itself')
        for secret in (mine['pw'], c.key.hex(), base64.b64encode(c.key).decode()):
            lacks(text, secret, name)
    with open(os.path.join(c.root, 'listing')) as f:
        lacks(f.read(), '.sops-', 'a listing while the plugin is asked')
