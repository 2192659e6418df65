# SPDX-License-Identifier: Apache-2.0
"""sops git install."""
import os
import shutil

from harness import ALICE, check, need, want

BEGIN, END = "# sops: begin", "# sops: end"


def config(box, key, rc=0, where="--local", **kw):
    return box.git("config", where, key, rc=rc, **kw).text.rstrip("\n")


def fresh(box):
    box.git("init", "-q", "-b", "main")
    return box


def tracked(box, *names):
    for n in names:
        box.seal(n, {"json": '{"a": "kanari"}', "env": "A=kanari\n"}.get(n.rsplit(".", 1)[-1], "a: kanari\n"))
    box.git("add", "-A")


def block(box):
    text = box.read(".gitattributes").decode()
    need(text.count(BEGIN) == 1 and text.count(END) == 1, "not one block: %r" % text)
    return text[text.index(BEGIN):text.index(END)].splitlines()[1:]


@check()
def install_writes_the_configuration(box):
    fresh(box)
    box.sops("git", "install")
    want(config(box, "merge.sops.driver"), "sops git merge-driver %O %A %B %L %P %S %X %Y", "merge.sops.driver")
    want((config(box, "merge.sops.recursive"), config(box, "diff.sops.textconv"), config(box, "diff.sops.cachetextconv")), ("binary", "sops git textconv", "false"), "configuration")
    want((config(box, "mergetool.sops.cmd"), config(box, "mergetool.sops.trustExitCode")), ('sops edit "$MERGED"', "true"), "the merge tool")
    need(config(box, "merge.sops.name"), "merge.sops.name")
    config(box, "filter.sops.process", rc=1)


@check()
def install_chosen_parts(box):
    fresh(box)
    box.sops("git", "install", "--diff")
    config(box, "merge.sops.driver", rc=1)
    r = box.sops("git", "install", "--filter")
    need("clear text" in r.said, "no warning of clear text in the work tree: %r" % r.said)
    want((config(box, "filter.sops.process"), config(box, "filter.sops.required")), ("sops git filter-process", "true"), "filter")
    config(box, "merge.sops.driver", rc=1)


@check()
def install_attributes_by_ending(box):
    fresh(box)
    tracked(box, "a.enc.yaml", "deep/b.enc.yaml", "c.enc.json")
    box.write("plain.yaml", "a: 1\n")
    box.git("add", "-A")
    box.sops("git", "install")
    want(block(box), ["*.enc.json merge=sops diff=sops", "*.enc.yaml merge=sops diff=sops"], "the block")


@check()
def install_attributes_by_name_where_endings_are_mixed(box):
    fresh(box)
    tracked(box, "secrets.yaml", "deep/prod.yaml")
    box.write("values.yaml", "a: 1\n")
    box.git("add", "-A")
    box.sops("git", "install")
    want(block(box), ["/deep/prod.yaml merge=sops diff=sops", "/secrets.yaml merge=sops diff=sops"], "the block")


@check()
def install_attributes_given(box):
    fresh(box)
    box.sops("git", "install", "--attributes", "*.sops.yaml", "--attributes=secrets/**", "--filter", "--merge")
    want(block(box), ["*.sops.yaml merge=sops filter=sops", "secrets/** merge=sops filter=sops"], "the block")


@check()
def install_without_encrypted_files(box):
    fresh(box)
    r = box.sops("git", "install")
    need("--attributes" in r.said and not os.path.exists(box.path(".gitattributes")), "stderr %r, or .gitattributes was made" % r.said)


@check()
def install_twice(box):
    fresh(box)
    tracked(box, "a.enc.yaml")
    box.write(".gitattributes", "*.png binary\n*.sh eol=lf")
    box.sops("git", "install")
    first = (box.read(".gitattributes"), box.read(".git/config"))
    need(first[0].startswith(b"*.png binary\n*.sh eol=lf\n"), "foreign lines: %r" % first[0])
    box.sops("git", "install")
    want((box.read(".gitattributes"), box.read(".git/config")), first, "after a second run")
    with open(box.path(".gitattributes"), "ab") as f:
        f.write(b"*.jpg binary\n")
    tracked(box, "b.enc.env")
    box.sops("git", "install")
    want(box.read(".gitattributes").count(b"binary"), 2, "foreign lines")
    want(block(box), ["*.enc.env merge=sops diff=sops", "*.enc.yaml merge=sops diff=sops"], "the block")


@check()
def install_from_a_subfolder(box):
    fresh(box)
    tracked(box, "deep/a.enc.yaml")
    box.sops("git", "install", cwd=box.path("deep"))
    want(block(box), ["*.enc.yaml merge=sops diff=sops"], "the block, in the top folder")


@check()
def install_odd_names(box):
    fresh(box)
    box.write("plain.yaml", "a: 1\n")
    sealed = box.sops("encrypt", "--age", ALICE, "--filename-override", "x.yaml", input="a: kanari\n").out
    for n in ("with space.yaml", 'quo"te.yaml', "ok.yaml", "st*r.yaml", "ключ.yaml"):
        box.write(n, sealed)
    box.git("add", "-A")
    r = box.sops("git", "install")
    want(block(box), ["/ok.yaml merge=sops diff=sops"], "the block")
    need("with space.yaml" in r.said, "the others are not named: %r" % r.said)


@check()
def install_bad_attributes(box):
    fresh(box)
    for g in ("a b", "*.x merge=binary\n*.y", "#x", "!x", ""):
        box.sops("git", "install", "--attributes=" + g, rc=2 if g else (0, 2))
        config(box, "merge.sops.driver", rc=1 if g else (0, 1))
    need(not os.path.exists(box.path(".gitattributes")), ".gitattributes was made")


@check()
def install_refuses_a_linked_attributes_file(box):
    fresh(box)
    with open(os.path.join(box.home, "victim"), "w") as f:
        f.write("x\n")
    os.symlink(os.path.join(box.home, "victim"), box.path(".gitattributes"))
    box.sops("git", "install", "--attributes", "*.enc.yaml", rc=2)
    want(open(os.path.join(box.home, "victim")).read(), "x\n", "the file that the link points to")


@check()
def install_refuses_half_a_block(box):
    fresh(box)
    tracked(box, "a.enc.yaml")
    box.sops("git", "install")
    half = box.read(".gitattributes").split(END.encode())[0] + b"*.png binary\n"
    box.write(".gitattributes", half)
    box.sops("git", "install", rc=2)
    box.sops("git", "install", "--uninstall", rc=2)
    want(box.read(".gitattributes"), half, ".gitattributes")


@check()
def install_outside_of_a_repository(box):
    box.sops("git", "install", rc=2)
    box.sops("git", "install", "--check", rc=2)
    box.sops("git", "install", "--uninstall", rc=2)
    box.git("init", "-q", "--bare", "bare")
    box.sops("git", "install", cwd=box.path("bare"), rc=2)


@check()
def install_global(box):
    fresh(box)
    box.sops("git", "install", "--global")
    need("merge-driver" in config(box, "merge.sops.driver", where="--global"), "global configuration")
    config(box, "merge.sops.driver", rc=1)
    need(not os.path.exists(box.path(".gitattributes")), ".gitattributes was made")
    os.mkdir(os.path.join(box.top, "outside"))
    box.sops("git", "install", "--global", cwd=os.path.join(box.top, "outside"))
    box.sops("git", "install", "--global", "--uninstall")
    config(box, "merge.sops.driver", rc=1, where="--global")


@check()
def install_names_what_it_replaces(box):
    fresh(box)
    box.git("config", "merge.sops.driver", "own-script %A")
    r = box.sops("git", "install")
    need("own-script %A" in r.said, "stderr: %r" % r.said)
    need("merge-driver" in config(box, "merge.sops.driver"), "merge.sops.driver")


@check()
def install_of_a_program_with_another_name(box):
    fresh(box)
    other = os.path.join(box.top, "it's a dir")
    os.mkdir(other)
    shutil.copy(os.path.realpath(box.o.sops), os.path.join(other, "sops-x"))
    os.unlink(os.path.join(box.bin, "sops"))
    box.run([os.path.join(other, "sops-x"), "git", "install"])
    d = config(box, "merge.sops.driver")
    need(d.endswith(" git merge-driver %O %A %B %L %P %S %X %Y") and "sops-x" in d, "merge.sops.driver: %r" % d)
    r = box.run(["sh", "-c", d.split(" git ")[0] + " --version"])
    need(r.text.startswith("sops "), "the shell does not find the program by %r" % d)


@check()
def install_check_of_a_good_clone(box):
    fresh(box)
    tracked(box, "a.enc.yaml")
    box.sops("git", "install")
    box.commit()
    r = box.sops("git", "install", "--check")
    want(r.out, b"", "stdout")


@check()
def install_check_of_a_clone_without_the_driver(box):
    fresh(box)
    tracked(box, "a.enc.yaml")
    box.sops("git", "install", "--merge", "--diff", "--filter")
    box.git("config", "--remove-section", "filter.sops")
    box.write(".gitattributes", box.read(".gitattributes").replace(b" filter=sops", b""))
    box.commit()
    box.git("clone", "-q", ".", "clone")
    c = box.path("clone")
    r = box.sops("git", "install", "--check", cwd=c, rc=1)
    need("merge.sops.driver" in r.text and "diff.sops.textconv" in r.text and "sops git install" in r.text and len(r.text.splitlines()) == 2, "stdout: %r" % r.text)
    box.sops("git", "install", cwd=c)
    box.sops("git", "install", "--check", cwd=c)
    want(box.git("status", "--porcelain", cwd=c).text, "", "git status after install in a clone")


@check()
def install_check_of_uncovered_files(box):
    fresh(box)
    tracked(box, "a.enc.yaml")
    box.sops("git", "install")
    tracked(box, "b.json")
    box.commit()
    r = box.sops("git", "install", "--check", rc=1)
    need("b.json" in r.text and "a.enc.yaml" not in r.text, "stdout: %r" % r.text)


@check()
def install_uninstall(box):
    fresh(box)
    tracked(box, "a.enc.yaml")
    box.write(".gitattributes", "*.png binary\n")
    box.sops("git", "install", "--merge", "--diff", "--filter")
    box.sops("git", "install", "--uninstall")
    want((box.read(".gitattributes"), [x for x in box.read(".git/config").splitlines() if b"sops" in x]), (b"*.png binary\n", []), "after --uninstall")
    box.sops("git", "install", "--uninstall")
    os.unlink(box.path(".gitattributes"))
    box.sops("git", "install")
    box.sops("git", "install", "--uninstall")
    need(not os.path.exists(box.path(".gitattributes")), "an empty .gitattributes stays")
    box.sops("git", "install", "--check", "--uninstall", rc=8)


@check()
def install_is_what_a_team_does(box):
    """Two people, a clone each, no file of the other's machine: install, edit, pull."""
    fresh(box)
    tracked(box, "a.enc.yaml")
    box.sops("git", "install")
    box.commit("first")
    box.git("config", "receive.denyCurrentBranch", "updateInstead")
    box.git("clone", "-q", ".", "../second")
    second = os.path.join(box.top, "second")
    box.sops("git", "install", cwd=second)
    box.sops("set", "a.enc.yaml", '["b"]', '"kanari-second"', cwd=second)
    box.git("commit", "-q", "-a", "-m", "second", cwd=second)
    box.set("a.enc.yaml", '["c"]', "kanari-first")
    box.commit("third")
    box.git("pull", "-q", "--no-rebase", "--no-edit", cwd=second)
    box.git("push", "-q", cwd=second)
    want(box.tree("a.enc.yaml"), {"a": "kanari", "b": "kanari-second", "c": "kanari-first"}, "the tree that both have")
