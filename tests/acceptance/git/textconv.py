# SPDX-License-Identifier: Apache-2.0
"""sops git textconv: what git diff, log -p, show and blame show. It never fails, never asks, says nothing on stderr."""
import os
import pty
import re
import select
import shutil
import time

from harness import ALICE, BOB, check, line, need, want

F = "s.enc.yaml"
TEXT = "# kanari note\ndb:\n    password: kanari-old\n    port: 5432\nplain_unencrypted: seen\nl:\n    - kanari-1\n"
TAIL = "# sops age %s\n# sops rule unencrypted_suffix _unencrypted\n" % ALICE


def conv(box, name, **kw):
    r = box.sops("git", "textconv", name, **kw)
    want(r.err, b"", "stderr of textconv")
    return r.text


@check()
def textconv_of_yaml(box):
    box.seal(F, TEXT)
    want(conv(box, F), TEXT + TAIL, "the text")


@check()
def textconv_of_the_other_formats(box):
    for n, t in (("s.json", '{\n\t"a": "kanari",\n\t"b": 1\n}\n'), ("s.env", "# kanari\nA=kanari\n"), ("s.ini", "[s]\na = kanari\n")):
        box.seal(n, t)
        want(conv(box, n), t + TAIL, n)
    box.seal("s.bin", "kanari without a newline")
    want(conv(box, "s.bin"), "kanari without a newline\n# sops age %s\n" % ALICE, "s.bin")
    box.write("s.env.enc", box.read("s.env"))
    want(conv(box, "s.env.enc"), "# kanari\nA=kanari\n" + TAIL, "a dotenv file that is not called so")


@check()
def textconv_of_bytes(box):
    data = b"\0\xff\xfekanari" * 100
    box.seal("s.bin", data)
    t = conv(box, "s.bin")
    need(re.match(r"binary 900 bytes [0-9a-f]{6}\n# sops age ", t), "the text: %r" % t[:100])
    box.edit("s.bin", data + b"x")
    need(conv(box, "s.bin").splitlines()[0] != t.splitlines()[0], "a change does not show")


@check()
def textconv_tail(box):
    with open(os.path.join(box.top, "ids"), "w") as f:
        f.write("".join(open(box.identity(w)).read() for w in ("alice", "bob")))
    cfg = box.write("../cfg.yaml", "creation_rules:\n  - shamir_threshold: 2\n    mac_only_encrypted: true\n    encrypted_regex: ^a$\n    key_groups:\n      - age: [%s, %s]\n      - age: [%s]\n" % (BOB, ALICE, BOB))
    box.write(F, box.sops("--config", cfg, "encrypt", "--filename-override", F, input="a: kanari\nb: 1\n").out)
    t = conv(box, F, env={"SOPS_AGE_KEY_FILE": os.path.join(box.top, "ids")})
    want(t, "a: kanari\nb: 1\n# sops group 1 age %s\n# sops group 1 age %s\n# sops group 2 age %s\n# sops rule encrypted_regex ^a$\n# sops mac_only_encrypted\n# sops threshold 2\n" % (ALICE, BOB, BOB), "the text")


@check()
def textconv_does_not_change_with_mac_and_time(box):
    box.seal(F, TEXT)
    t = conv(box, F)
    box.sops("rotate", "-i", F)
    want(conv(box, F), t, "the text after rotate")


@check()
def textconv_without_a_key(box):
    box.seal(F, TEXT)
    t = conv(box, F, who="")
    want([x for x in t.splitlines() if x.startswith("# sops")], (TAIL + "# sops not opened: no key").splitlines(), "the tail")
    need(re.search(r"^    password: encrypted str 10 bytes [0-9a-f]{6}$", t, re.M) and re.search(r"^    port: encrypted int 4 bytes [0-9a-f]{6}$", t, re.M), "values: %r" % t)
    need("\nplain_unencrypted: seen\n" in t and re.search(r"^# encrypted comment 12 bytes [0-9a-f]{6}$", t, re.M) and "ENC[" not in t, "clear values and comments: %r" % t)
    box.set(F, '["db"]["password"]', "kanari-new")
    u = conv(box, F, who="")
    want(sum(x != y for x, y in zip(t.splitlines(), u.splitlines())), 1, "lines that differ after one change")


@check()
def textconv_of_a_wrong_mac_shows_no_value(box):
    box.seal(F, TEXT)
    box.write(F, box.read(F).replace(b"    - ENC", b"    - ENC", 1).replace(line(box.read(F), "port") + b"\n", b""))
    t = conv(box, F)
    need("kanari" not in t and t.endswith("# sops not opened: wrong MAC\n"), "the text: %r" % t)


@check()
def textconv_of_a_damaged_value(box):
    box.seal(F, TEXT)
    x = line(box.read(F), "port")
    box.write(F, box.read(F).replace(x, x.replace(b"type:int", b"type:time")))
    t = conv(box, F)
    need("kanari" not in t and t.endswith("# sops not opened: a value is damaged\n"), "the text: %r" % t)


@check()
def textconv_passes_on_what_it_cannot_read(box):
    box.seal(F, TEXT)
    sealed = box.read(F)
    for n, data in (("p.yaml", b"a: 1\n"), ("j.yaml", b"a: [\n\xff\0"), ("m.yaml", b"<<<<<<< x\n" + sealed + b"=======\n>>>>>>> y\n"), ("e.yaml", b""), ("b.bin", b"\0\1\2"), ("l.yaml", sealed.replace(b"lastmodified", b"lastmod"))):
        box.write(n, data)
        r = box.sops("git", "textconv", n)
        if n == "l.yaml":
            need(b"kanari" not in r.out, "clear text of a file with broken metadata")
        else:
            want((r.out, r.err), (data, b""), n)


@check()
def textconv_of_nothing(box):
    box.sops("git", "textconv", "nothing.yaml", rc=2)
    box.sops("git", "textconv", rc=2)


@check()
def textconv_reads_no_configuration(box):
    box.seal(F, TEXT)
    box.write(".sops.yaml", "creation_rules: [")
    want(conv(box, F), TEXT + TAIL, "under a broken .sops.yaml")
    box.write(".sops.yaml", "stores: {yaml: {indent: 2}}\n")
    want(conv(box, F), TEXT + TAIL, "under an indentation of 2")


@check()
def textconv_in_git(box):
    box.init()
    box.seal(F, TEXT)
    box.commit("one")
    box.set(F, '["db"]["password"]', "kanari-new")
    d = box.git("diff").text
    need("-    password: kanari-old\n+    password: kanari-new\n" in d and d.count("\n-") == 2, "git diff: %r" % d)
    box.commit("two")
    box.sops("rotate", "-i", "--add-age", BOB, F)
    box.commit("three")
    log = box.git("log", "-p").text
    need("+# sops age %s\n" % BOB in log and "+    password: kanari-new" in log and "ENC[" not in log, "git log -p")
    need("password: kanari-new" in box.git("blame", F).text, "git blame")
    need("ENC[" in box.git("show", "HEAD:" + F).text, "git show HEAD:FILE is the file")
    need("ENC[" in box.git("diff", "--no-textconv", "HEAD~1").text, "git diff --no-textconv")
    want(box.git("for-each-ref", "refs/notes").text, "", "refs/notes: clear text must not be kept there")


@check()
def textconv_in_git_without_a_key(box):
    box.init()
    box.seal(F, TEXT)
    box.commit("one")
    box.set(F, '["db"]["password"]', "kanari-new")
    box.commit("two")
    d = box.git("log", "-p", "-1", who="").text
    want(len(re.findall(r"^[-+]    password: encrypted str 10 bytes", d, re.M)), 2, "changed lines: %r" % d)


@check("pty")
def textconv_never_asks(box):
    """On a terminal, with an identity behind a passphrase."""
    from harness import KEYS
    ssh = os.path.join(box.top, "id_pass")
    shutil.copy(os.path.join(KEYS, "ssh", "id_ed25519_pass"), ssh)
    shutil.copy(os.path.join(KEYS, "ssh", "id_ed25519_pass.pub"), ssh + ".pub")
    os.chmod(ssh, 0o600)
    with open(ssh + ".pub") as f:
        box.seal(F, TEXT, to=(" ".join(f.read().split()[:2]),))
    pid, fd = pty.fork()
    if pid == 0:
        try:
            os.chdir(box.dir)
            os.execvpe("sops", ["sops", "git", "textconv", F], dict(box.env, TERM="xterm", SOPS_AGE_SSH_PRIVATE_KEY_FILE=ssh, SOPS_AGE_KEY_FILE=""))
        finally:
            os._exit(127)
    out, end = b"", time.time() + 15
    while time.time() < end:
        if select.select([fd], [], [], 0.5)[0]:
            try:
                more = os.read(fd, 65536)
            except OSError:
                break
            if not more:
                break
            out += more
    else:
        os.kill(pid, 9)
    os.close(fd)
    _, st = os.waitpid(pid, 0)
    want(os.WIFEXITED(st) and os.WEXITSTATUS(st), 0, "status (it waits for an answer when it was ended)")
    need(b"not opened: no key" in out and b"assphrase" not in out, "on the terminal: %r" % out[-300:])
