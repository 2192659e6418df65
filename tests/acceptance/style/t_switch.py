# SPDX-License-Identifier: Apache-2.0
"""The switch: flag, variable, configuration; where it has effect; the options of the YAML writer."""
import json
import re

from harness import ALICE, CHECKS, body, check, config, mask, must, want

T = "a: 'x' # c\n"
KEPT, NORMAL = "a: 'E' #C\n", "a: E #C\n"


def sealed(box, *args, env=None, name="f.yaml", clear=T):
    box.write(name, clear)
    return mask(body(box.sops(*args, env=env).text))


@check
def switch_off_by_default(box):
    want(sealed(box, "encrypt", "--age", ALICE, "f.yaml"), NORMAL, "sealed")


@check
def switch_flag(box):
    for args in (["encrypt", "--preserve-style", "--age", ALICE, "f.yaml"], ["encrypt", "--age", ALICE, "f.yaml", "--preserve-style"], ["encrypt", "-preserve-style=true", "--age", ALICE, "f.yaml"],
                 ["--preserve-style", "encrypt", "--age", ALICE, "f.yaml"], ["--preserve-style", "-e", "--age", ALICE, "f.yaml"], ["-e", "--age", ALICE, "--preserve-style=1", "f.yaml"], ["encrypt", "--preserve-style=strict", "--age", ALICE, "f.yaml"]):
        want(sealed(box, *args), KEPT, " ".join(args))


@check
def switch_variable(box):
    for w, k in (("true", KEPT), ("1", KEPT), ("strict", KEPT), ("false", NORMAL), ("F", NORMAL), ("", NORMAL)):
        want(sealed(box, "encrypt", "--age", ALICE, "f.yaml", env={"SOPS_PRESERVE_STYLE": w}), k, "SOPS_PRESERVE_STYLE=%s" % w)
    r = box.sops("encrypt", "--age", ALICE, "f.yaml", env={"SOPS_PRESERVE_STYLE": "yes"}, rc=1)
    must("SOPS_PRESERVE_STYLE" in r.said and not r.out, "the message: %r" % r.said)


@check
def switch_configuration(box):
    for w, k in (("true", KEPT), ("strict", KEPT), ("false", NORMAL)):
        config(box, "{yaml: {preserve_style: %s}}" % w)
        want(sealed(box, "encrypt", "f.yaml"), k, w)
    config(box, "{json: {preserve_style: true}}")
    want(sealed(box, "encrypt", "f.yaml"), NORMAL, "of another format")


@check
def switch_precedence(box):
    config(box, "{yaml: {preserve_style: true}}")
    want(sealed(box, "encrypt", "--preserve-style=false", "f.yaml"), NORMAL, "flag over configuration")
    want(sealed(box, "encrypt", "f.yaml", env={"SOPS_PRESERVE_STYLE": "false"}), NORMAL, "variable over configuration")
    want(sealed(box, "encrypt", "--preserve-style", "f.yaml", env={"SOPS_PRESERVE_STYLE": "false"}), KEPT, "flag over variable")


@check
def switch_wrong_words(box):
    box.write("f.yaml", T)
    r = box.sops("encrypt", "--preserve-style=kept", "--age", ALICE, "f.yaml", rc=1)
    must(r.text.startswith("Incorrect Usage") and "preserve-style" in r.text, "wrong usage: %r" % r.text[:200])
    for stores, key in (("{yaml: {preserve_style: always}}", "stores.yaml.preserve_style"), ("{yaml: {preserve_style: 1}}", "stores.yaml.preserve_style"), ("{dotenv: {quote: single}}", "stores.dotenv.quote"), ("{toml: {enabled: [1]}}", "stores.toml.enabled"),
                        ("{ini: {inline_comments: some}}", "stores.ini.inline_comments"), ("{yaml: {compact_array_indent: 2}}", "stores.yaml.compact_array_indent")):
        config(box, stores)
        for cmd in (["encrypt", "f.yaml"],):
            r = box.sops(*cmd, rc=1)
            must(".sops.yaml" in r.said and key in r.said, "the message for %s: %r" % (stores, r.said))


@check
def switch_no_effect_elsewhere(box):
    box.seal("f.yaml", "a: 'x'\nb:\n  - c: \"y\"\n")
    want(box.sops("decrypt", "--preserve-style", "--output-type", "json", "f.yaml").out, box.sops("decrypt", "--output-type", "json", "f.yaml").out, "other type")
    want(box.sops("decrypt", "--preserve-style", "--extract", '["b"]', "f.yaml").out, box.sops("decrypt", "--extract", '["b"]', "f.yaml").out, "--extract")
    want(box.sops("decrypt", "f.yaml").text, "a: x\nb:\n    - c: \"y\"\n", "without the switch")
    box.write("f.bin", "a: 'x'\n")
    s = box.sops("encrypt", "--preserve-style", "--age", ALICE, "f.bin").text
    must('"data": "ENC[' in s, "binary")


@check
def switch_off_on_a_file_made_with_it(box):
    """spellings, quotes and written-out aliases: a correct file in the normal layout"""
    box.seal("f.yaml", "# c\na: &x {k: 0x1F, l: 'w'}\nb: *x\nc: 1.10 # d\n")
    box.sops("set", "f.yaml", '["z"]', '"v"')
    want(mask(body(box.text("f.yaml"))), "#C\na:\n    k: I\n    l: E\nb:\n    k: I\n    l: E\n#C\nc: F\nz: E\n", "sealed")
    want(box.sops("decrypt", "f.yaml").text, "# c\na:\n    k: 31\n    l: w\nb:\n    k: 31\n    l: w\n# d\nc: 1.1\nz: v\n", "decrypted")
    if box.o.reference:
        want(json.loads(box.reference("decrypt", "--output-type", "json", "f.yaml").text), {"a": {"k": 31, "l": "w"}, "b": {"k": 31, "l": "w"}, "c": 1.1, "z": "v"}, "values in the reference")


@check
def switch_normal_output_is_unchanged(box):
    """files without the switch are byte for byte what they were"""
    box.seal("f.yaml", "# c\na: 'x'\nl: [1, 1.10]\n", preserve=False)
    want(mask(body(box.text("f.yaml"))), "#C\na: E\nl:\n    - I\n    - F\n", "sealed")
    want(box.sops("decrypt", "f.yaml").text, "# c\na: x\nl:\n    - 1\n    - 1.1\n", "decrypted")


@check
def switch_help(box):
    for c in ("encrypt", "decrypt", "edit", "set", "unset", "rotate", "updatekeys", "exec-file", "publish"):
        must("preserve-style" in box.sops("help", c).text, "help %s" % c)  # without dashes: the original has no such option
    must("preserve-style" in box.sops("groups", "add", "--help").text, "help groups add")
    t = box.sops("--help").text
    for f in ("preserve-style", "--compact-array-indent", "--document-start-marker"):
        must(f in t, "%s in --help" % f)


@check
def switch_the_reference_takes_the_configuration(box):
    from harness import peer
    ref = peer("reference")
    config(box, "{yaml: {preserve_style: strict, compact_array_indent: true, document_start_marker: true}, json: {preserve_style: true}, dotenv: {preserve_style: true, quote: true}, ini: {preserve_style: true, inline_comments: none}, toml: {enabled: true}}")
    for name, t in (("f.yaml", "a: x\n"), ("f.json", '{"a": "x"}'), ("f.env", "A=x\n"), ("f.ini", "[a]\nk = v\n")):
        box.write(name, t)
        box.write(name, box.call([ref, "encrypt", name]).out)
        box.sops("decrypt", name)


# ---- compact_array_indent, document_start_marker: as in the open proposal

ROWS = (
    ("indent-2", "indent: 2", "spec:\n    rules:\n        - host: h\n          http:\n            paths:\n                - path: p\n    tags: [a, b]\n    l: [[1], {m: [2]}]\n",
     "spec:\n  rules:\n  - host: h\n    http:\n      paths:\n      - path: p\n  tags:\n  - a\n  - b\n  l:\n  - - 1\n  - m:\n    - 2\n"),
    ("indent-4", "indent: 4", "spec:\n    rules:\n        - host: h\n          http:\n            paths:\n                - path: p\n    tags: [a, b]\n",
     "spec:\n    rules:\n      - host: h\n        http:\n            paths:\n              - path: p\n    tags:\n      - a\n      - b\n"),
    ("default", "", "a: [x, {b: [1]}]\n", "a:\n  - x\n  - b:\n      - 1\n"),
)
for _n, _i, _t, _w in ROWS:
    def f(box, i=_i, t=_t, w=_w):
        config(box, "{yaml: {compact_array_indent: true%s}}" % (", " + i if i else ""))
        box.seal("f.yaml", t, preserve=False)
        want(box.sops("decrypt", "f.yaml").text, w, "decrypted")
        want(re.sub(r"[EIFB](?=\n)", "V", mask(body(box.text("f.yaml")))), re.sub(r"(?m)((?:: |- ))[a-z0-9]+$", r"\1V", w), "sealed")
        must(re.search(r"(?m)^ +age:\n +- enc: \|\n", box.text("f.yaml")), "metadata")
        config(box, "{yaml: {%s}}" % i)
        want(box.sops("--compact-array-indent", "decrypt", "f.yaml").text, w, "by the flag")
    CHECKS.append(("writer-compact-" + _n, f))


@check
def writer_compact_metadata(box):
    config(box, "{yaml: {compact_array_indent: true, indent: 2}}")
    s = box.seal("f.yaml", "a: x\n", preserve=False)
    must("\nsops:\n  age:\n  - enc: |\n      -----BEGIN" in s, "metadata: %r" % s[s.index("sops:"):][:60])


@check
def writer_document_start_marker(box):
    config(box, "{yaml: {document_start_marker: true}}")
    s = box.seal("f.yaml", "a: x\n---\nb: z\n", preserve=False)
    want(mask(body(s)), "---\na: E\n---\nb: E\n", "sealed")
    want(box.sops("decrypt", "f.yaml").text, "---\na: x\n---\nb: z\n", "decrypted")
    want(box.sops("decrypt", "--extract", '["a"]', "f.yaml").text, "x", "--extract")
    config(box)
    want(box.sops("--document-start-marker", "decrypt", "f.yaml").text, "---\na: x\n---\nb: z\n", "by the flag")
    config(box, "{yaml: {document_start_marker: true, preserve_style: true}}")
    box.seal("g.yaml", "a: 'x'\n", preserve=False)
    want(box.sops("decrypt", "g.yaml").text, "a: 'x'\n", "no effect with preserve style")
