# SPDX-License-Identifier: Apache-2.0
"""The operations of git in which a driver is called: rebase, cherry-pick, revert, stash, am, renames, criss-cross histories; clones without the driver."""
import os

from harness import ALICE, BOB, check, line, need, no_nonce_twice, sections, want

F = "s.enc.yaml"
TEXT = "a: kanari-1\nb: kanari-2\nc: kanari-3\nd: kanari-4\n"


def start(box):
    box.init()
    box.seal(F, TEXT)


def newer(box):
    box.env["PATH"] = os.path.dirname(os.path.abspath(box.o.git)) + os.pathsep + box.env["PATH"]


def do_rebase(box):
    start(box)
    box.fork(lambda: box.set(F, '["a"]', "kanari-main"), lambda: box.set(F, '["b"]', "kanari-topic-1"), merge=False)
    box.git("checkout", "-q", "topic")
    for i in (2, 3):
        box.set(F, '["%s"]' % "xbcd"[i], "kanari-topic-%d" % i)
        box.commit("t%d" % i)
    box.git("rebase", "-q", "main")
    want(box.tree(F), {"a": "kanari-main", "b": "kanari-topic-1", "c": "kanari-topic-2", "d": "kanari-topic-3"}, "after git rebase")
    versions = [box.git("cat-file", "blob", "HEAD~%d:%s" % (i, F)).out for i in range(4)]
    no_nonce_twice(*versions)
    want(line(versions[2], "c"), line(versions[3], "c"), "an untouched line on the way")


@check()
def history_rebase(box):
    do_rebase(box)


@check("git2")
def history_rebase_with_a_newer_git(box):
    newer(box)
    do_rebase(box)


@check()
def history_rebase_with_a_conflict(box):
    start(box)
    box.fork(lambda: box.set(F, '["a"]', "kanari-main"), lambda: box.set(F, '["a"]', "kanari-topic"), merge=False)
    box.git("checkout", "-q", "topic")
    box.git("rebase", "-q", "main", rc=1)
    want(len(sections(box.read(F))[0]), 1, "number of sections")
    box.sops("git", "resolve", "--theirs", "--add", F)  # in a rebase, theirs is the branch that is moved
    box.git("rebase", "--continue")
    want(box.tree(F)["a"], "kanari-topic", "after git rebase --continue")


@check()
def history_cherry_pick(box):
    start(box)
    box.fork(lambda: box.set(F, '["a"]', "kanari-main"), lambda: box.set(F, '["b"]', "kanari-topic"), merge=False)
    box.git("cherry-pick", "topic")
    want(box.tree(F), {"a": "kanari-main", "b": "kanari-topic", "c": "kanari-3", "d": "kanari-4"}, "after git cherry-pick")
    want(line(box.read(F), "b"), line(box.git("cat-file", "blob", "topic:" + F).out, "b"), "the picked line")


@check()
def history_revert(box):
    start(box)
    box.commit("base")
    before = box.read(F)
    box.set(F, '["a"]', "kanari-wrong")
    box.commit("wrong")
    box.set(F, '["b"]', "kanari-right")
    box.commit("right")
    box.git("revert", "--no-edit", "HEAD~1")
    want(box.tree(F), {"a": "kanari-1", "b": "kanari-right", "c": "kanari-3", "d": "kanari-4"}, "after git revert")
    want(line(box.read(F), "a"), line(before, "a"), "the line that came back")


@check()
def history_stash_pop(box):
    start(box)
    box.commit("base")
    box.set(F, '["a"]', "kanari-stashed")
    box.git("stash", "-q")
    box.set(F, '["b"]', "kanari-committed")
    box.commit("c")
    box.git("stash", "pop", "-q")
    want(box.tree(F), {"a": "kanari-stashed", "b": "kanari-committed", "c": "kanari-3", "d": "kanari-4"}, "after git stash pop")


@check()
def history_stash_pop_with_a_conflict(box):
    start(box)
    box.commit("base")
    box.set(F, '["a"]', "kanari-stashed")
    box.git("stash", "-q")
    box.set(F, '["a"]', "kanari-committed")
    box.commit("c")
    box.git("stash", "pop", "-q", rc=1)
    box.sops("git", "resolve", "--theirs", F)
    want(box.tree(F)["a"], "kanari-stashed", "resolved")


@check()
def history_checkout_merge(box):
    start(box)
    box.fork(lambda: box.set(F, '["a"]', "kanari-main"), lambda: box.set(F, '["b"]', "kanari-topic"), merge=False)
    box.set(F, '["c"]', "kanari-uncommitted")
    box.git("checkout", "-q", "-m", "topic")
    want(box.tree(F), {"a": "kanari-1", "b": "kanari-topic", "c": "kanari-uncommitted", "d": "kanari-4"}, "after git checkout -m")


@check()
def history_am_three_way(box):
    start(box)
    box.fork(lambda: box.set(F, '["a"]', "kanari-main"), lambda: box.set(F, '["b"]', "kanari-topic"), merge=False)
    patch = box.git("format-patch", "-1", "--stdout", "topic").out
    need(b"kanari" not in patch and b"ENC[" in patch, "git format-patch shows clear text, or no ciphertext")
    box.git("am", "-q", "-3", input=patch)
    want(box.tree(F), {"a": "kanari-main", "b": "kanari-topic", "c": "kanari-3", "d": "kanari-4"}, "after git am -3")


@check()
def history_rename_on_one_side(box):
    start(box)
    os.makedirs(box.path("sub dir"))
    box.fork(lambda: box.git("mv", F, "sub dir/new name.enc.yaml"), lambda: box.set(F, '["b"]', "kanari-topic"))
    want(box.tree("sub dir/new name.enc.yaml")["b"], "kanari-topic", "the renamed file")


@check()
def history_rename_and_change(box):
    start(box)
    box.fork(lambda: (box.git("mv", F, "t.enc.yaml"), box.set("t.enc.yaml", '["a"]', "kanari-main")), lambda: box.set(F, '["b"]', "kanari-topic"))
    want(box.tree("t.enc.yaml"), {"a": "kanari-main", "b": "kanari-topic", "c": "kanari-3", "d": "kanari-4"}, "the renamed file")


def do_criss_cross(box):
    start(box)
    box.fork(lambda: box.set(F, '["a"]', "kanari-main"), lambda: box.set(F, '["b"]', "kanari-topic"), merge=False)
    box.git("merge", "-q", "--no-edit", "topic")
    box.git("checkout", "-q", "topic")
    box.git("merge", "-q", "--no-edit", "ours")
    box.set(F, '["c"]', "kanari-topic")
    box.commit("topic 2")
    box.git("checkout", "-q", "main")
    box.set(F, '["d"]', "kanari-main")
    box.commit("main 2")
    want(len(box.git("merge-base", "--all", "main", "topic").text.split()), 2, "merge bases")
    box.git("merge", "-q", "--no-edit", "topic")
    want(box.tree(F), {"a": "kanari-main", "b": "kanari-topic", "c": "kanari-topic", "d": "kanari-main"}, "after a merge with two bases")


@check()
def history_criss_cross(box):
    do_criss_cross(box)


@check("git2")
def history_criss_cross_with_a_newer_git(box):
    newer(box)
    do_criss_cross(box)


@check()
def history_criss_cross_with_a_conflict_below(box):
    """The two bases disagree, so git's virtual base would hold markers if the driver were asked for it."""
    start(box)
    box.fork(lambda: box.set(F, '["a"]', "kanari-main"), lambda: box.set(F, '["a"]', "kanari-topic"), merge=False)
    box.git("merge", "-q", "--no-edit", "topic", rc=1)
    box.sops("git", "resolve", "--ours", "--add", F)
    box.git("commit", "-q", "--no-edit")
    box.git("checkout", "-q", "topic")
    box.git("merge", "-q", "--no-edit", "ours", rc=1)
    box.sops("git", "resolve", "--theirs", "--add", F)
    box.git("commit", "-q", "--no-edit")
    box.set(F, '["c"]', "kanari-topic")
    box.commit("topic 2")
    box.git("checkout", "-q", "main")
    box.set(F, '["d"]', "kanari-main")
    box.commit("main 2")
    box.git("merge", "-q", "--no-edit", "topic")
    want(box.tree(F), {"a": "kanari-main", "b": "kanari-2", "c": "kanari-topic", "d": "kanari-main"}, "after a merge whose bases disagree")


@check()
def history_merge_in_a_subfolder_and_a_linked_work_tree(box):
    box.init()
    n = "deep/er dir/it's \"s\".enc.yaml"
    box.write(n, box.sops("encrypt", "--age", ALICE, "--filename-override", "x.yaml", input=TEXT).out)
    box.fork(lambda: box.sops("set", n, '["a"]', '"kanari-main"'), lambda: box.sops("set", n, '["b"]', '"kanari-topic"'), merge=False)
    box.git("worktree", "add", "-q", "-b", "second", os.path.join(box.top, "linked"), "main")
    box.git("merge", "-q", "--no-edit", "topic", cwd=os.path.join(box.top, "linked", "deep"))
    r = box.sops("decrypt", "--extract", '["b"]', os.path.join(box.top, "linked", n))
    want(r.out, b"kanari-topic", "merged in a linked work tree, from a folder of it")


@check()
def history_many_merges_keep_the_ciphertexts(box):
    """Ten branches merged one after the other: the base's lines that nobody touched never change, and no nonce is used twice."""
    text = "".join("k%d: kanari-%d\n" % (i, i) for i in range(20))
    box.init()
    box.seal(F, text)
    box.commit("base")
    o = box.read(F)
    for i in range(10):
        box.git("checkout", "-q", "-b", "b%d" % i, "main~%d" % (i and 1) if i else "main")
        box.set(F, '["k%d"]' % i, "kanari-new-%d" % i)
        box.commit("b%d" % i)
        box.git("checkout", "-q", "main")
        box.git("merge", "-q", "--no-ff", "--no-edit", "b%d" % i)
    m = box.read(F)
    want([x for x in m.splitlines() if x.startswith(b"k1") and x[2:3] != b":"], [x for x in o.splitlines() if x.startswith(b"k1") and x[2:3] != b":"], "lines k10 to k19")
    want([box.tree(F)["k%d" % i] for i in range(10)], ["kanari-new-%d" % i for i in range(10)], "the values of ten branches")
    no_nonce_twice(*[box.git("cat-file", "blob", r + ":" + F).out for r in box.git("rev-list", "--all").text.split()])


@check()
def history_two_people_two_keys_two_branches(box):
    """The whole story: recipients changed on both sides, one side rotated, values, comments and a list changed on both."""
    text = "# kanari note\ndb:\n    pw: kanari-password\n    user: kanari-user\nhosts:\n    - kanari-host-1\n    - kanari-host-2\n    - kanari-host-3\nusers:\n    - name: al\n      pw: kanari-al\n"
    from harness import CAROL
    from keys import rekey
    box.init()
    box.seal(F, text, to=(ALICE, BOB))

    def ours():
        box.sops("rotate", "-i", "--rm-age", BOB, F)
        box.edit(F, text.replace("kanari-password", "kanari-ours").replace("    - kanari-host-1\n", "    - kanari-host-0\n    - kanari-host-1\n").replace("# kanari note", "# kanari note of ours"))

    def theirs():
        rekey(box, [ALICE, BOB, CAROL])
        box.edit(F, text.replace("kanari-user", "kanari-theirs").replace("kanari-host-3\n", "kanari-host-3\n    # kanari four\n    - kanari-host-4\n").replace("users:\n", "users:\n    - name: bo\n      pw: kanari-bo\n"))
    box.fork(ours, theirs)
    want(box.clear(F, "carol").decode(), "# kanari note of ours\ndb:\n    pw: kanari-ours\n    user: kanari-theirs\nhosts:\n    - kanari-host-0\n    - kanari-host-1\n    - kanari-host-2\n    - kanari-host-3\n"
         "    # kanari four\n    - kanari-host-4\nusers:\n    - name: bo\n      pw: kanari-bo\n    - name: al\n      pw: kanari-al\n", "the merged text, read by carol")
    box.sops("decrypt", F, who="bob", rc=128)
    box.tree(F)


@check()
def history_a_clone_without_the_driver(box):
    """.gitattributes names sops, but nobody ran `sops git install` there: git merges as text, and git resolve mends it."""
    box.init(install=False)
    box.seal(F, TEXT)
    box.fork(lambda: box.set(F, '["a"]', "kanari-main"), lambda: (__import__("time").sleep(1.1), box.set(F, '["d"]', "kanari-topic")), rc=1)
    need(b"<<<<<<<" in box.read(F), "git had no conflict")
    box.sops("git", "resolve", "--add", F)
    want(box.tree(F), {"a": "kanari-main", "b": "kanari-2", "c": "kanari-3", "d": "kanari-topic"}, "after git resolve")
    o, a, b = box.versions(F)
    want((line(box.read(F), "a"), line(box.read(F), "d"), line(box.read(F), "b")), (line(a, "a"), line(b, "d"), line(o, "b")), "ciphertexts")


@check()
def history_a_clone_without_the_program(box):
    start(box)
    box.git("config", "merge.sops.driver", "/nonexistent/sops git merge-driver %O %A %B %L %P %S %X %Y")
    box.fork(lambda: box.set(F, '["a"]', "kanari-main"), lambda: box.set(F, '["d"]', "kanari-topic"), rc=1)
    want(box.read(F), box.versions(F)[1], "the file")
    box.sops("git", "resolve", "--add", F)
    want(box.tree(F), {"a": "kanari-main", "b": "kanari-2", "c": "kanari-3", "d": "kanari-topic"}, "after git resolve")
