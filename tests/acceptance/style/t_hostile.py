# SPDX-License-Identifier: Apache-2.0
"""Secrecy, hostile files, interruption, size."""
import base64
import json
import os
import re
import signal
import subprocess
import time

from harness import ALICE, ENC, HERE, KEYS, Bad, body, check, ciphers, config, mask, must, peer, want


@check
def secret_canaries_yaml(box):
    """values and comments in every place: none may be in the sealed text"""
    t = """%YAML 1.1 # kanari-00
# kanari-01
--- # kanari-02
# kanari-03
a: kanari-04 # kanari-05
b: [ # kanari-06
  kanari-07, # kanari-08
  # kanari-09
  'kanari-10', {c: "kanari-11"} # kanari-12
 ] # kanari-13
d: { # kanari-14
 } # kanari-15
e: | # kanari-16
  kanari-17
# kanari-18
f: >- # kanari-19
  kanari-20
  kanari-21

  kanari-22
? g # kanari-23
: kanari-24 # kanari-25
h: # kanari-26
  # kanari-27
  i: !t &x 'kanari-28
    kanari-29' # kanari-30
  # kanari-31
j: # kanari-32
- # kanari-33
  k: *x # kanari-34
  # kanari-35
- - "kanari\\
    -36"
  # kanari-37
 # kanari-38
l: # kanari-39
  !!binary a2FuYXJpLTQw # kanari-41
m: ~ # kanari-42
o:
  # kanari-50
  kanari-51
p: {q: # kanari-52
   kanari-53, # kanari-54
   ? r # kanari-55
   : kanari-56 }
s: ! # kanari-57
  kanari-58
t: &y # kanari-59
  - kanari-60
u: *y # kanari-61
v: >2- # kanari-62
    kanari-63
  kanari-64
  # kanari-65
# kanari-66
w:
- kanari-67
# kanari-68
- kanari-69
  # kanari-70
# kanari-43
... # kanari-44
# kanari-45
---
# kanari-46
n: 5 # kanari-47
# kanari-48

# kanari-49
"""
    s = box.seal("f.yaml", t)
    left = sorted(set(re.findall(r"kanari[-\\\d]*", s)))
    must(not left and "a2FuYXJpLTQw" not in s, "clear in the sealed text: %s" % left)
    must("style" not in box.ran[-1].said, "a warning: %r" % box.ran[-1].said)
    want(box.open("f.yaml"), t, "decrypted")


@check
def secret_canaries_others(box):
    config(box, "{json: {preserve_style: true}, dotenv: {preserve_style: true, quote: true}, ini: {preserve_style: true}, toml: {enabled: true}}")
    for name, t in (("f.json", '{"a": "kanari\\u002d1", "b": ["kanari-2"]}'), ("f.env", "# kanari-1\nA=\"kanari-2\" # kanari-3\nB='kanari-4\nkanari-5' # kanari-6\nexport C=kanari-7 # kanari-8\n# kanari-9"),
                    ("f.ini", "; kanari-1\na = kanari-2 ; kanari-3\n# kanari-4\n[s]\n; kanari-5\nb = \"\"\"kanari-6\nkanari-7\"\"\" ; kanari-8\nc = ; kanari-9\n; kanari-10"),
                    ("f.toml", "# kanari-1\na = \"kanari-2\" # kanari-3\nb = [ # kanari-4\n 'kanari-5', # kanari-6\n # kanari-7\n] # kanari-8\n[t] # kanari-9\n# kanari-10\nc = \"\"\"kanari-11 \\\n  kanari-12\"\"\" # kanari-13\n[[u]] # kanari-14\n# kanari-15")):
        s = box.seal(name, t, preserve=False)
        left = re.findall(r"kanari[-\d]*", s)
        must(not left, "clear in %s: %s" % (name, left))
        must("style" not in box.ran[-1].said, "a warning: %r" % box.ran[-1].said)
        want(box.sops("decrypt", name).text, t, "decrypted " + name)


@check
def secret_spelling_is_bound(box):
    """moved, changed or cut, a spelling is worth nothing, and never harms the value"""
    s = box.seal("f.yaml", "a: 0x1F\nb: 0x20\nc: 1.10\n")
    want(mask(body(s)), "a: I~\nb: I~\nc: F~\n", "sealed")
    ca, cb, cc = ciphers(body(s))
    ta, tb = ca.split("~")[1], cb.split("~")[1]
    box.write("f.yaml", s.replace("~" + ta, "~" + tb, 1))
    want(box.open("f.yaml"), "a: 31\nb: 0x20\nc: 1.10\n", "moved")
    box.write("f.yaml", s.replace("~" + ta, "~" + ("A" if ta[5] != "A" else "B").join([ta[:5], ta[6:]]), 1))
    want(box.open("f.yaml"), "a: 31\nb: 0x20\nc: 1.10\n", "changed")
    box.write("f.yaml", s.replace("~" + ta, "", 1))
    want(box.open("f.yaml"), "a: 31\nb: 0x20\nc: 1.10\n", "taken away")
    for junk in ("~", "~AAAA", "~%%%", "~" + "A" * 5000, " junk"):
        box.write("f.yaml", s.replace("~" + ta, junk, 1))
        want(box.open("f.yaml"), "a: 31\nb: 0x20\nc: 1.10\n", "junk %r" % junk[:6])


@check
def secret_spelling_is_bound_in_other_formats(box):
    config(box, "{json: {preserve_style: true}, dotenv: {preserve_style: true, quote: true}, ini: {preserve_style: true}, toml: {enabled: true}}")
    for name, form, t, w in (("f.json", "json", '{"a": 1.50, "b": 2.50}\n', '{"a": 1.5, "b": 2.50}\n'), ("f.env", "dotenv", "A='x'\nB='z'\n", "A=\"x\"\nB='z'\n"),
                             ("f.ini", "ini", "[s]\na = 'x'\nb = 'z'\n", "[s]\na = x\nb = 'z'\n"), ("f.toml", "toml", "a = 0x1F\nb = 0x20\n", "a = 31\nb = 0x20\n")):
        s = box.seal(name, t, preserve=False)
        must(mask(body(s, form)).count("~") == 2, "no spellings in %s" % name)
        a, b = (c.split("~") for c in ciphers(body(s, form)))
        for x in ("~" + b[1], "~AAAA", ""):
            box.write(name, s.replace("~" + a[1], x, 1))
            want(box.sops("decrypt", name).text, w, "%s with %r" % (name, x[:9]))


@check
def secret_spelling_of_another_value(box):
    """made with the data key, but not a spelling of this value: never another value, nor another entry"""
    py = peer("python")
    s = box.seal("f.yaml", "a: 0x1F\nb: \"\\x41\"\n")
    code = "import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1]); import spelling; sys.stdout.write(spelling.forged(*sys.argv[2:6]))"
    for old, new in (("0x1F", "0x20"), ("0x1F", "31\nc: evil"), ("0x1F", "[31]"), ("0x1F", "'31'"), ("\"\\x41\"", "\"B\""), ("\"\\x41\"", "A: B")):
        box.write("f.yaml", s)
        box.write("f.yaml", box.call([py, "-c", code, HERE, "f.yaml", os.path.join(KEYS, "age", "alice.txt"), old, new]).out)
        must(box.text("f.yaml") != s, "no forged spelling")
        box.sops("decrypt", "--preserve-style=strict", "f.yaml", rc=4)
        r = box.sops("decrypt", "--preserve-style", "f.yaml")
        want((r.text, "style cannot be kept" in r.said), ("a: 31\nb: A\n", True), "with the spelling %r" % new)


@check
def secret_spelling_is_fresh(box):
    a, b = box.seal("f.yaml", "a: 0x1F\nb: 0x1F\n"), box.seal("g.yaml", "a: 0x1F\n")
    want(mask(body(a) + body(b)), "a: I~\nb: I~\na: I~\n", "sealed")
    t = [c.split("~")[1] for c in ciphers(body(a)) + ciphers(body(b))]
    want(len(set(x[:40] for x in t)), 3, "nonces of spellings")


@check
def secret_ciphertext_holds_the_canonical_text(box):
    """not the spelling: the reference encrypts an equal value with the old nonce"""
    s = box.seal("f.yaml", "a: 1.10\nb: 0x1F\nc: 0755\nd: 2024-01-02\ne: 1_000\nf: 1e3\n")
    want([len(base64.b64decode(re.match(ENC, c)[1])) for c in ciphers(body(s))], [3, 2, 3, 20, 4, 4], "bytes in the ciphertexts")
    box.write("g.json", '{"a": 1.50, "b": 1e2, "c": "\\u00e9"}')
    s = box.sops("encrypt", "--preserve-style", "--age", ALICE, "g.json").text
    want([len(base64.b64decode(re.match(ENC, c)[1])) for c in ciphers(body(s, "json"))], [3, 3, 2], "bytes in the ciphertexts")


@check
def secret_spelling_format(box):
    """opened by other code: the format of 3.3, nonce, additional data and all"""
    py = peer("python")
    box.seal("f.yaml", "a: 0x1F\nb: ['q', \"caf\\u00e9\"]\nc: >\n  l1\n  l2\nd: !!int '7'\ne: 2024-01-02 # c\n")
    got = json.loads(box.call([py, os.path.join(HERE, "spelling.py"), "f.yaml", os.path.join(KEYS, "age", "alice.txt")]).text)
    want(got, [["int", "0x1F"], ["str", "'q'"], ["str", "\"caf\\u00e9\""], ["str", "  l1\n  l2"], ["int", "!!int '7'"], ["time", "2024-01-02"]], "spellings")


@check
def secret_messages(box):
    box.write("f.yaml", "a: 'kanari\nb: x\n")
    box.sops("encrypt", "--preserve-style", "--age", ALICE, "f.yaml", rc=2)
    box.write("g.yaml", "a: &x kanari-1\nb: *y\n")
    box.sops("encrypt", "--preserve-style", "--age", ALICE, "g.yaml", rc=2)
    s = box.seal("h.yaml", "a: 'kanari-2'\nb: \"kanari-3\"\n")
    c = ciphers(body(s))
    box.write("h.yaml", s.replace(c[0], c[1], 1))
    box.sops("decrypt", "--preserve-style", "h.yaml", rc=25)
    box.sops("set", "--preserve-style", "h.yaml", '["a"]', '"kanari-4"', rc=25)
    box.sops("decrypt", "--preserve-style", "h.yaml", env={"SOPS_AGE_KEY_FILE": os.path.join(KEYS, "age", "bob.txt")}, rc=128)
    box.clean("kanari")


@check
def secret_edit_leaves_nothing(box):
    from t_change import editor
    box.seal("f.yaml", "a: 'kanari-1' # kanari-2\n")
    box.sops("edit", "--preserve-style", "f.yaml", env={"EDITOR": "false"}, rc=201)
    box.sops("edit", "--preserve-style", "f.yaml", env=editor(box, "t=t.replace('kanari-1','kanari-3')"))
    want(os.listdir(box.tmp), [], "files left")
    box.clean("kanari")


@check
def hostile_star_tags(box):
    """tags like ours in clear text and in foreign files: kept, or dropped, never a crash or another value"""
    t = "a: &x v\nb: !*x w\nc: !*nothing z\nd: !*x {e: 1}\n"
    box.write("f.yaml", t)
    r = box.sops("encrypt", "--preserve-style", "--age", ALICE, "f.yaml", rc=None)
    must(r.rc == 0, "status %d" % r.rc)
    box.write("f.yaml", r.out)
    want(json.loads(box.sops("decrypt", "--preserve-style", "--output-type", "json", "f.yaml").text), {"a": "v", "b": "w", "c": "z", "d": {"e": 1}}, "values")
    o = box.sops("decrypt", "--preserve-style", "f.yaml")
    if "style cannot be kept" not in r.said + o.said:
        want(o.text, t, "decrypted")


@check
def hostile_alias_bombs(box):
    t = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join("%s: &%s [%s]\n" % (c, c, ",".join("*" + p for _ in range(9))) for p, c in zip("abcdefg", "bcdefgh"))
    box.write("f.yaml", t)
    start = time.time()
    r = box.sops("encrypt", "--preserve-style", "--age", ALICE, "f.yaml", rc=None, timeout=20)
    must(r.rc == 2 and time.time() - start < 10, "status %d after %.1f s" % (r.rc, time.time() - start))
    box.write("g.yaml", "a: &a\n  b: *a\n")
    box.sops("encrypt", "--preserve-style", "--age", ALICE, "g.yaml", rc=2)


@check
def hostile_written_out_aliases_stay_linear(box):
    """40 aliases to 60 leaves: 2,400 more leaves"""
    t = "d: &d\n" + "".join("  k%d: v\n" % i for i in range(60)) + "".join("u%d: *d\n" % i for i in range(40))
    start = time.time()
    s = box.seal("f.yaml", t)
    want(s.count("!*d"), 40, "written out")
    want(box.open("f.yaml"), t, "decrypted")
    must(time.time() - start < 20, "%.1f s" % (time.time() - start))


@check
def hostile_deep(box):
    t = "".join("  " * i + "k%d:\n" % i for i in range(200)) + "  " * 200 + "v: 'x'\n"
    box.trip("f.yaml", t, None)
    box.trip("g.yaml", "a: " + "[" * 200 + "x" + "]" * 200 + "\n", None)


@check
def hostile_sealed_garbage(box):
    s = box.seal("f.yaml", "a: 'x' # c\nb: [q, \"z\"]\nd: |\n  t\n")
    for i in range(0, len(s), max(1, len(s) // 60)):
        box.write("g.yaml", s[:i] + "\x00" + s[i + 1:])
        r = box.sops("decrypt", "--preserve-style", "g.yaml", rc=None)
        must(r.rc == 0 or not r.out, "output with status %d" % r.rc)
        box.write("g.yaml", s[:i])
        r = box.sops("decrypt", "--preserve-style", "g.yaml", rc=None)
        must(r.rc == 0 or not r.out, "output with status %d" % r.rc)
        if r.rc == 0 and len(body(s[:i])) < len(body(s)):
            raise Bad("a file cut at %d opened" % i)


@check
def interrupted_writes_keep_the_file(box):
    t = "".join("k%d: 'value %d' # c\n" % (i, i) for i in range(1500))
    box.seal("f.yaml", t)
    before = box.read("f.yaml")
    old = new = 0
    for i in range(8):
        p = subprocess.Popen([box.o.sops, "set", "--preserve-style", box.path("f.yaml"), '["k7"]', '"n%d"' % i], env=box.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.004 * (i + 1))
        p.send_signal(signal.SIGKILL)
        p.wait()
        now = box.read("f.yaml")
        if now == before:
            old += 1
        else:
            new += 1
            must(body(now).count("k7: 'ENC") == 1 and now.decode().endswith("version: 3.13.3\n"), "a file that is not whole")
            before = now
    box.open("f.yaml")


@check
def size_five_thousand_leaves(box):
    t = "".join("section%d:\n  # about %d\n  name: 'n%d'   # inline\n  list: [a, \"b\", 1.10]\n\n  text: |\n    l1\n    l2\n" % (i, i, i) for i in range(800))
    start = time.time()
    box.trip("f.yaml", t, None)
    must(time.time() - start < 25, "%.1f s" % (time.time() - start))


@check
def size_many_equal_leaves(box):
    """same additional data, same value, 3,000 times: linear, and each keeps its own ciphertext"""
    t = "l:\n" + "".join("- 'same'\n" for _ in range(3000)) + "z: 1\n"
    s = box.seal("f.yaml", t)
    start = time.time()
    box.sops("set", "--preserve-style", "f.yaml", '["z"]', "2")
    must(time.time() - start < 15, "%.1f s" % (time.time() - start))
    want(len(box.changed(s, box.text("f.yaml"))), 2, "changed lines")
