# SPDX-License-Identifier: Apache-2.0
"""Index, commits, ranges, history; hooks of git and of the pre-commit framework."""
import os
import re

from place import ALICE, BOB, CAROL, ENC, Failed, Skip, need, same
from part_find import A, DB, SEC, leaf


def register(check, tool):
    def secrets_repo(p, **top):
        p.repo()
        p.rules(SEC, **top)
        p.seal("secrets/a.yaml", "a: x\nb: y\nclear_unencrypted: one\n", config=True, recipients=None)
        p.commit("first")

    # ---- the index ---------------------------------------------------------------------------------------------------
    @check("staged-judges-the-staged-half")
    def _(p):
        secrets_repo(p)
        sealed = p.get("secrets/a.yaml")
        p.check("--staged", status=0).none()
        p.put("secrets/a.yaml", DB)
        p.git("add", ".")
        p.put("secrets/a.yaml", sealed)
        p.check(status=0).none()
        p.check("--staged", status=1).have(("not-encrypted", "secrets/a.yaml", 1))
        p.git("add", ".")
        p.put("secrets/a.yaml", DB)
        p.check("--staged", status=0).none()
        p.check("--tracked", status=1).have(("not-encrypted", "secrets/a.yaml"))

    @check("staged-looks-only-at-what-changes")
    def _(p):
        p.repo()
        p.rules(SEC)
        p.put("secrets/old.yaml", DB)
        p.commit()
        p.put("secrets/new.yaml", DB)
        p.check("--staged", status=0).none()
        p.git("add", ".")
        f = p.check("--staged", status=1).have(("not-encrypted", "secrets/new.yaml"))
        same(f.summary["files"], 1, "files")
        p.check("--tracked", status=1).have(("not-encrypted", "secrets/new.yaml"), ("not-encrypted", "secrets/old.yaml"))
        p.git("rm", "-q", "--cached", "secrets/new.yaml")
        p.git("mv", "secrets/old.yaml", "secrets/older.yaml")
        p.check("--staged", status=1).have(("not-encrypted", "secrets/older.yaml"))

    @check("staged-configuration-judges-all")
    def _(p):
        p.repo()
        p.rules("path_regex: ^never/\n" + A)
        p.put("secrets/old.yaml", DB)
        p.commit()
        good = p.get(".sops.yaml")
        p.rules(SEC)
        p.check("--staged", status=0).none()
        p.git("add", ".sops.yaml")
        p.check("--staged", status=1).have(("not-encrypted", "secrets/old.yaml"))
        p.put(".sops.yaml", good)
        p.check("--staged", status=1).have(("not-encrypted", "secrets/old.yaml"))
        p.git("add", ".sops.yaml")
        p.check("--staged", status=0).none()

    @check("staged-configuration-not-in-the-index")
    def _(p):
        p.repo()
        p.put("a.txt", "x")
        p.commit()
        p.rules(SEC)
        p.put("secrets/a.yaml", DB)
        p.git("add", "secrets")
        f = p.check("--staged", status=0).none()
        need(".sops.yaml" in f.r.errtext, "no warning about the configuration that is not in the index", f.r.errtext)
        p.check("--config", ".sops.yaml", "--staged", status=1).have(("not-encrypted", "secrets/a.yaml"))

    @check("staged-before-the-first-commit")
    def _(p):
        p.repo()
        p.rules(SEC)
        p.put("secrets/a.yaml", DB)
        p.check("--staged", status=0).none()
        p.git("add", ".")
        p.check("--staged", status=1).have(("not-encrypted", "secrets/a.yaml"))

    @check("staged-from-a-subfolder-and-with-paths")
    def _(p):
        secrets_repo(p)
        p.put("secrets/b.yaml", DB)
        p.put("x/secrets.txt", "y")
        p.git("add", ".")
        p.check("--staged", cwd="x", status=1).have(("not-encrypted", "secrets/b.yaml"))
        p.check("--staged", ".", cwd="x", status=0).none()
        p.check("--staged", "../secrets", cwd="x", status=1).have(("not-encrypted", "secrets/b.yaml"))
        p.check("--staged", "gone.yaml", status=0).none()

    @check("staged-unmerged")
    def _(p):
        secrets_repo(p)
        p.git("checkout", "-q", "-b", "b")
        p.put("x.txt", "b\n")
        p.commit()
        p.git("checkout", "-q", "main")
        p.put("x.txt", "m\n")
        p.commit()
        p.git("merge", "b", ok=False)
        p.check("--staged", status=1).have(("unresolved-merge", "x.txt"))

    @check("git-hook-of-one-line")
    def _(p):
        secrets_repo(p)
        p.put(".git/hooks/pre-commit", "#!/bin/sh\nexec sops check --staged\n", 0o755)
        p.put("secrets/b.yaml", DB)
        p.git("add", ".")
        r = p.git("commit", "-m", "x", ok=False)
        need(r.status != 0 and "secrets/b.yaml" in r.text + r.errtext, "git commit with a plain secret", str(r))
        p.seal("secrets/b.yaml", DB, config=True, recipients=None)
        p.git("add", ".")
        p.git("commit", "-m", "x")

    @check("git-hook-commit-all-and-commit-one")
    def _(p):
        secrets_repo(p)
        p.put("other.txt", "1")
        p.commit()
        p.put(".git/hooks/pre-commit", "#!/bin/sh\nexec sops check --staged\n", 0o755)
        sealed = p.get("secrets/a.yaml")
        p.put("secrets/a.yaml", DB)
        p.put("other.txt", "2")
        r = p.git("commit", "-a", "-m", "x", ok=False)
        need(r.status != 0 and "not-encrypted" in r.text + r.errtext, "git commit -a, which uses an index of its own", str(r))
        p.git("add", "secrets/a.yaml")
        r = p.git("commit", "-m", "x", "other.txt", ok=False)
        need(r.status == 0, "git commit FILE leaves the staged secret out, and so should the check", str(r))
        p.put("other.txt", "3")
        r = p.git("commit", "-m", "x", "secrets/a.yaml", ok=False)
        need(r.status != 0, "git commit FILE of the plain file", str(r))

    @check("git-hook-in-a-worktree-and-subfolder")
    def _(p):
        secrets_repo(p)
        p.put(".git/hooks/pre-commit", "#!/bin/sh\nexec sops check --staged\n", 0o755)
        wt = os.path.join(p.top, "wt")
        p.git("worktree", "add", "-q", wt, "-b", "wt")
        with open(os.path.join(wt, "secrets", "n.yaml"), "w") as f:
            f.write(DB)
        p.git("add", ".", cwd=wt)
        r = p.git("commit", "-m", "x", cwd=os.path.join(wt, "secrets"), ok=False)
        need(r.status != 0 and "secrets/n.yaml" in r.text + r.errtext, "a commit in a second work tree", str(r))

    # ---- commits -----------------------------------------------------------------------------------------------------
    @check("rev-one-commit")
    def _(p):
        secrets_repo(p)
        p.put("secrets/b.yaml", DB)
        p.commit("plain")
        p.git("rm", "-q", "secrets/b.yaml")
        p.git("commit", "-q", "-m", "gone")
        p.check("--rev", "HEAD", status=0).none()
        p.check("--rev", "HEAD~1", status=1).have(("not-encrypted", "secrets/b.yaml"))
        p.check("--rev", "HEAD~2", status=0).none()
        p.git("tag", "-a", "v1", "-m", "v1", "HEAD~1")
        p.check("--rev", "v1", "secrets", status=1).have(("not-encrypted", "secrets/b.yaml"))

    @check("rev-range-finds-what-was-taken-out-again")
    def _(p):
        secrets_repo(p)
        base = p.git("rev-parse", "HEAD").text.strip()
        p.put("secrets/b.yaml", DB)
        p.commit("in")
        bad = p.git("rev-parse", "HEAD").text.strip()
        p.put("unrelated.txt", "x")
        p.commit("more")
        p.seal("secrets/b.yaml", DB, config=True, recipients=None)
        p.commit("encrypted")
        p.check("--rev", "HEAD", status=0).none()
        f = p.check("--rev", base + "..HEAD", status=1).have(("not-encrypted", "secrets/b.yaml"))
        same(f.rows[0].get("commit"), bad, "the commit")
        p.check("--rev", bad + "..HEAD", status=0).none()
        r = p.sops("check", "--rev", base + "..HEAD").ok(1)
        need("secrets/b.yaml:1 (%s): error[not-encrypted]" % bad[:12] in r.text, "human form of a range", r.text)

    @check("rev-range-judges-drift-by-the-end-only")
    def _(p):
        secrets_repo(p)
        base = p.git("rev-parse", "HEAD").text.strip()
        p.seal("secrets/b.yaml", "a: x\n", recipients=BOB)
        p.commit("with bob")
        p.seal("secrets/b.yaml", "a: x\n", config=True, recipients=None)
        p.commit("right")
        p.check("--rev", base + "..HEAD", status=0).none()
        p.seal("secrets/c.yaml", "a: x\n", recipients=BOB)
        p.commit("c")
        p.check("--rev", base + "..HEAD", status=1).have(("recipients", "secrets/c.yaml"))

    @check("rev-range-merges")
    def _(p):
        secrets_repo(p)
        base = p.git("rev-parse", "HEAD").text.strip()
        p.put("secrets/main.yaml", DB)
        p.commit("plain on main")
        tip = p.git("rev-parse", "HEAD").text.strip()
        p.git("checkout", "-q", "-b", "b", base)
        p.put("z.txt", "z")
        p.commit("b")
        p.git("merge", "-q", "--no-edit", "main")
        p.check("--rev", "main..b", status=0).none()
        p.check("--rev", base + "..b", status=1).have(("not-encrypted", "secrets/main.yaml"))
        same(p.check("--rev", base + "..b").rows[0]["commit"], tip, "the commit")
        p.git("checkout", "-q", "main")
        p.git("merge", "-q", "--no-commit", "--no-ff", "b", ok=False)
        p.put("secrets/evil.yaml", DB)
        p.git("add", ".")
        p.git("commit", "-q", "--no-verify", "--allow-empty", "-m", "evil merge")
        p.check("--rev", tip + "..HEAD", status=1).have(("not-encrypted", "secrets/evil.yaml"))

    @check("rev-range-with-a-configuration-that-does-not-load")
    def _(p):
        p.repo()
        p.put(".sops.yaml", "creation_rules: [\n")
        p.commit()
        p.put("secrets/a.yaml", DB)
        p.commit()
        f = p.check("--rev", "HEAD~1..HEAD", status=1).have(("config", ".sops.yaml"))
        p.check("--rev", "HEAD", status=1).have(("config", ".sops.yaml"))
        p.put("secrets/b.yaml", DB)
        p.git("add", ".")
        p.check("--staged", status=1).have(("config", ".sops.yaml"))

    @check("rev-of-a-server")
    def _(p):
        secrets_repo(p)
        srv = os.path.join(p.top, "srv.git")
        p.git("init", "-q", "--bare", "-b", "main", srv)
        with open(os.path.join(srv, "hooks", "pre-receive"), "w") as f:
            f.write("#!/bin/sh\nwhile read old new ref; do\n  case $old in *[!0]*) r=$old..$new ;; *) r=$new ;; esac\n  sops check --rev $r >&2 || exit 1\ndone\n")
        os.chmod(f.name, 0o755)
        p.git("push", "-q", srv, "main")
        p.put("secrets/b.yaml", DB)
        p.commit("in")
        p.git("rm", "-q", "--cached", "secrets/b.yaml")
        p.git("commit", "-q", "-m", "out")
        r = p.git("push", "-q", srv, "main", ok=False)
        need(r.status != 0 and "secrets/b.yaml" in r.errtext, "the push of a plain secret that the next commit removes", str(r))
        os.remove(p.path("secrets/b.yaml"))
        p.git("reset", "-q", "--hard", "HEAD~2")
        p.put("c.txt", "x")
        p.commit()
        p.git("push", "-q", srv, "main")

    @check("rev-that-is-none-is-2")
    def _(p):
        secrets_repo(p)
        out = os.path.join(p.top, "out")
        for r in ("nonsense", "HEAD..nonsense", "..HEAD", "HEAD..", "HEAD...HEAD", "--output=" + out, "--output=%s..HEAD" % out, "HEAD..--output=" + out, "-p", "--all", "HEAD --all", "HEAD\n--all", "HEAD:.sops.yaml"):
            r_ = p.sops("check", "--rev=" + r, "--format", "json")
            same(r_.status, 2, "status of --rev %r" % r)
        need(not os.path.exists(out), "a REV was taken for an option")
        p.run(["rm", "-rf", p.path(".git")])
        for words in (["--staged"], ["--tracked"], ["--rev", "HEAD"]):
            same(p.sops("check", *words).status, 2, "status of check %s outside of a repository" % words)
        p.put(os.path.join(p.bin, "git"), "#!/bin/sh\nexit 127\n", 0o755)
        p.check(status=0).none()

    @check("tracked-and-deleted")
    def _(p):
        secrets_repo(p)
        p.put("secrets/untracked.yaml", DB)
        p.put("gone.txt", "x")
        p.git("add", "gone.txt")
        os.remove(p.path("gone.txt"))
        f = p.check("--tracked", status=0).none()
        same(f.summary["not_read"], 0, "not_read")

    # ---- what git hides ------------------------------------------------------------------------------------------------
    @check("git-names-are-literal")
    def _(p):
        p.repo()
        p.rules("path_regex: ^s\n" + A)
        odd = ["s*.yaml", "s[a].yaml", "s?.yaml", ":(top)s.yaml", "s\nx.yaml", "s\"q'.yaml", "s ü.yaml", "-s.yaml", "sa.yaml", "s.yaml"]
        for n in odd:
            p.put(n, DB)
        p.git("add", "--", ".")
        want = [("not-encrypted", n) for n in odd if n[0] == "s"]
        p.check("--staged", status=1).have(*want)
        p.check("--staged", "--", "s*.yaml", status=1).have(("not-encrypted", "s*.yaml"))
        for how in ("--staged", "--tracked"):
            p.check(how, "--", "s[a].yaml", status=1).have(("not-encrypted", "s[a].yaml"))
            p.check(how, "--", "s?.yaml", status=1).have(("not-encrypted", "s?.yaml"))
            p.check(how, "--", ":(top)s.yaml", status=0).none()
        p.git("commit", "-q", "-m", "x")
        p.check("--rev", "HEAD", "--", "s?.yaml", status=1).have(("not-encrypted", "s?.yaml"))

    @check("git-links-and-submodules")
    def _(p):
        secrets_repo(p)
        os.symlink("/etc/passwd", p.path("secrets/link.yaml"))
        p.git("add", ".")
        head = p.git("rev-parse", "HEAD").text.strip()
        p.git("update-index", "--add", "--cacheinfo", "160000,%s,secrets/sub.yaml" % head)
        p.check("--staged", status=0).none()
        p.check("--tracked", status=0).none()
        p.git("commit", "-q", "-m", "x")
        p.check("--rev", "HEAD", status=0).none()

    @check("git-replaced-objects-are-seen-as-pushed")
    def _(p):
        secrets_repo(p)
        p.put("secrets/b.yaml", DB)
        p.commit()
        plain = p.git("rev-parse", "HEAD:secrets/b.yaml").text.strip()
        good = p.git("rev-parse", "HEAD:secrets/a.yaml").text.strip()
        p.git("replace", plain, good)
        p.check("--rev", "HEAD", status=1).have(("not-encrypted", "secrets/b.yaml"))
        p.git("reset", "-q", "--soft", "HEAD~1")
        p.check("--staged", status=1).have(("not-encrypted", "secrets/b.yaml"))

    @check("git-runs-no-program-of-the-repository")
    def _(p):
        secrets_repo(p)
        mark = os.path.join(p.top, "ran")
        p.put(".git/evil", "#!/bin/sh\ntouch %s\ncat\n" % mark, 0o755)
        evil = p.path(".git/evil")
        for k in ("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external", "core.editor", "filter.x.clean", "filter.x.smudge", "filter.x.process", "diff.x.textconv", "diff.x.command", "core.askPass", "credential.helper", "uploadpack.packObjectsHook"):
            p.git("config", k, evil)
        p.put(".gitattributes", "* filter=x diff=x\n")
        p.put(".git/info/attributes", "* filter=x diff=x\n")
        p.put("secrets/b.yaml", DB)
        p.git("-c", "core.fsmonitor=false", "-c", "filter.x.process=", "-c", "filter.x.clean=", "add", "secrets/b.yaml")
        if os.path.exists(mark):
            os.remove(mark)
        for words in (["--staged"], ["--tracked"], ["--rev", "HEAD"], [], ["--no-ignore"]):
            p.check(*words)
            need(not os.path.exists(mark), "a program of the repository's configuration ran for check %s" % words)

    @check("git-fetches-nothing")
    def _(p):
        secrets_repo(p)
        p.put("secrets/b.yaml", DB)
        p.commit()
        clone = os.path.join(p.top, "clone")
        p.git("config", "uploadpack.allowFilter", "true")
        r = p.git("clone", "-q", "--no-checkout", "--filter=blob:none", "file://" + p.work, clone, ok=False)
        if r.status != 0:
            raise Skip("this git cannot make a partial clone: " + r.errtext[:100])
        p.cwd = clone
        f = p.check("--rev", "HEAD", status=2)
        need(f.summary["not_read"] >= 1 and not f.rows, "missing objects are not read, and not fetched", str(f.r))
        r = p.git("-C", clone, "rev-list", "--objects", "--missing=print", "HEAD")
        need("?" in r.text, "an object was fetched")

    @check("git-secrets-are-not-in-its-arguments")
    def _(p):
        secrets_repo(p)
        log = os.path.join(p.top, "argv")
        p.put(os.path.join(p.bin, "git"), "#!/bin/sh\n{ echo \"$@\"; env; } >> %s\nexec /usr/bin/git \"$@\"\n" % log, 0o755)
        if not os.path.exists("/usr/bin/git"):
            raise Skip("no /usr/bin/git")
        p.put("secrets/b.yaml", DB)
        p.run(["/usr/bin/git", "add", "."])
        p.check("--staged", "--scan", status=1).have(("not-encrypted", "secrets/b.yaml"), only=False)
        p.check("--key", "--tracked")
        with open(log) as f:
            t = f.read()
        need("CANARY" not in t and "AGE-SECRET-KEY" not in t, "a secret is in git's arguments or environment")
        need("GIT_OPTIONAL_LOCKS=0" in t and "GIT_NO_LAZY_FETCH=1" in t and "fsmonitor=false" in t, "git is not started as section 15 says")

    # ---- edited by hand ------------------------------------------------------------------------------------------------
    HAND = "a: x\nb: y1\nclear_unencrypted: one\nl:\n  - p\n  - q\n"

    def hand(p, text=HAND, *flags):
        p.repo()
        p.rules("path_regex: ^h\n" + A + "".join("\n" + f for f in flags))
        p.seal("h.yaml", text, config=True, recipients=None)
        p.commit()

    @check("hand-edited-each-kind")
    def _(p):
        hand(p)
        good = p.get("h.yaml")
        a, b = leaf(p, "h.yaml", "a"), leaf(p, "h.yaml", "b")
        items = re.findall(r"^    - ENC.*\n", good, re.M)
        for what, old, new, path, kind in (("a clear value", "clear_unencrypted: one", "clear_unencrypted: CANARY", '["clear_unencrypted"]', "changed"), ("a ciphertext", b, b.replace("data:", "data:AAAA"), '["b"]', "changed"),
                                           ("a line taken out", "b: %s\n" % b, "", '["b"]', "removed"), ("a line added", "clear_unencrypted: one\n", "clear_unencrypted: one\nd_unencrypted: CANARY\n", '["d_unencrypted"]', "added"),
                                           ("a key renamed", "b: ", "bb: ", '["bb"]', "added"), ("two values exchanged", None, good.replace(a, "@").replace(b, a).replace("@", b), '["a"]', "changed"),
                                           ("entries in another order", None, good.replace("a: %s\nb: %s\n" % (a, b), "b: %s\na: %s\n" % (b, a)), None, "moved"), ("items in another order", items[0] + items[1], items[1] + items[0], '["l"][0]', "changed"),
                                           ("the date", None, re.sub(r'lastmodified: ".*"', 'lastmodified: "2020-01-01T00:00:00Z"', good), None, "changed"),
                                           ("mac_only_encrypted", "    mac: ", "    mac_only_encrypted: true\n    mac: ", None, "")):
            t = new if old is None else good.replace(old, new, 1)
            need(t != good, "the suite itself: nothing changed for " + what)
            p.put("h.yaml", t)
            f = p.check(status=1)
            need("hand-edited" in f.ids(), "not found: " + what, str(f.r))
            x = f.of("hand-edited")
            need((path is None or path in x["message"]) and kind in x["message"] and x.get("line", 0) > 0, "what is named for " + what, str(x))
            p.git("add", "h.yaml")
            need("hand-edited" in p.check("--staged", status=1).ids(), "not found when staged: " + what)
            same("hand-edited" in p.check("--key").ids(), True, "with --key: " + what)

    @check("hand-edited-not-by-sops")
    def _(p):
        hand(p)
        p.sops("set", "h.yaml", '["a"]', '"new"', watch=False).ok()
        p.check(status=0).none()
        p.commit()
        p.rules("path_regex: ^h\nage: [%s, %s]" % (ALICE, BOB))
        p.sops("updatekeys", "-y", "h.yaml", watch=False).ok()
        p.check(status=0).none()
        p.sops("rotate", "-i", "h.yaml", watch=False).ok()
        p.check(status=0).none()
        p.sops("unset", "h.yaml", '["b"]', watch=False).ok()
        p.check("--key", status=0).none()

    @check("hand-edited-not-by-formatters-and-comments")
    def _(p):
        hand(p, HAND, "mac_only_encrypted: true")
        good = p.get("h.yaml")
        t = good.replace("clear_unencrypted: one", "# a comment\nclear_unencrypted: 'CANARY'   # more")
        t = re.sub(r"^a: (ENC.*)$", r'a: "\1"', t, flags=re.M)
        t = re.sub(r"^    - (ENC.*)$", r"  -   '\1'", t, flags=re.M)
        p.put("h.yaml", t + "\n\n# end\n")
        f = p.check()
        need("hand-edited" not in f.ids(), "quotes, blanks and comments are no change, nor clear values under mac_only_encrypted", str(f.r))
        need("mac" not in p.check("--key").ids() and "leaf" not in p.check("--key").ids(), "the suite itself")

    @check("hand-edited-null-and-empty-do-not-count")
    def _(p):
        hand(p)
        p.edit("h.yaml", "clear_unencrypted: one\n", "clear_unencrypted: one\nn_unencrypted:\ne_unencrypted: {}\n")
        p.check("--key", status=0).none()

    @check("hand-edited-by-a-merge-of-text")
    def _(p):
        hand(p, "a: x\nb: y1\n" + "".join("k%d: v\n" % i for i in range(8)))
        p.git("checkout", "-q", "-b", "b")
        p.sops("set", "h.yaml", '["a"]', '"b side"', watch=False).ok()
        p.commit()
        p.git("checkout", "-q", "main")
        p.sops("set", "h.yaml", '["k7"]', '"main side"', watch=False).ok()
        p.commit()
        p.git("merge", "-q", "b", ok=False)
        t = p.get("h.yaml")
        ours = re.sub(r"<<<<<<<.*\n((?:.*\n)*?)=======\n(?:.*\n)*?>>>>>>>.*\n", r"\1", t)
        theirs = re.sub(r"<<<<<<<.*\n(?:.*\n)*?=======\n((?:.*\n)*?)>>>>>>>.*\n", r"\1", t)
        need(ours != t, "the suite itself: git made no conflict")
        for text in (ours, theirs):
            p.put("h.yaml", text)
            p.git("add", "h.yaml")
            f = p.check("--staged", status=1)
            need("hand-edited" in f.ids(), "one side's mac with both sides' values", str(f.r))
        for side in ("b", "main"):
            p.put("h.yaml", p.git("show", side + ":h.yaml").text)
            p.git("add", "h.yaml")
            p.check("--staged", status=0).none()
        p.put("h.yaml", ours)
        p.git("add", ".")
        p.git("commit", "-q", "--no-verify", "-m", "merged")
        p.check("--rev", "HEAD", status=1).have(("hand-edited", "h.yaml"))
        p.check("--rev", "HEAD~1..HEAD", status=1).have(("hand-edited", "h.yaml"))

    @check("hand-edited-in-a-range")
    def _(p):
        hand(p)
        p.sub("h.yaml", r"clear_unencrypted: one", "clear_unencrypted: CANARY")
        p.commit("by hand")
        bad = p.git("rev-parse", "HEAD").text.strip()
        p.git("revert", "--no-edit", "HEAD")
        f = p.check("--rev", "HEAD~2..HEAD", status=1).have(("hand-edited", "h.yaml"))
        same(f.rows[0]["commit"], bad, "the commit")
        p.check(status=0).none()

    @check("hand-edited-not-by-a-repair")
    def _(p):
        hand(p)
        good = p.get("h.yaml")
        first = p.git("rev-parse", "HEAD").text.strip()
        p.sub("h.yaml", r"clear_unencrypted: one", "clear_unencrypted: CANARY")
        bad = p.get("h.yaml")
        p.commit("by hand")
        p.put("h.yaml", good)
        p.check(status=0).none()
        p.git("add", ".")
        p.check("--staged", status=0).none()
        p.git("commit", "-q", "-m", "repaired")
        p.check("--rev", "HEAD", status=0).none()
        p.put("h.yaml", bad)
        f = p.check(status=1).have(("hand-edited", "h.yaml"))
        need(first[:12] in f.of("hand-edited")["help"], "the help does not name the commit that holds what sops wrote", str(f.of("hand-edited")))

    @check("hand-edited-in-other-formats")
    def _(p):
        p.repo()
        p.rules("path_regex: ^h\n" + A)
        p.seal("h.json", '{"a": "x", "b_unencrypted": 1}', config=True, recipients=None)
        p.seal("h.env", "A=x\nB_unencrypted=1\n", config=True, recipients=None)
        p.seal("h.ini", "[s]\na = x\nb_unencrypted = 1\n", config=True, recipients=None)
        p.commit()
        for n in ("h.json", "h.env", "h.ini"):
            p.sub(n, r"(_unencrypted\"?\s*[:=]\s*)1", r"\g<1>2")
        p.check(status=1).have(("hand-edited", "h.env"), ("hand-edited", "h.ini"), ("hand-edited", "h.json"))

    # ---- the pre-commit framework ----------------------------------------------------------------------------------------
    def hooks(p):
        if not os.path.exists(p.opts.hooks):
            raise Failed("no %s: --hooks names the project's file" % p.opts.hooks)
        pc = tool(p, "pre-commit")
        d = os.path.join(p.top, "hooks")
        os.mkdir(d)
        with open(p.opts.hooks) as f, open(os.path.join(d, ".pre-commit-hooks.yaml"), "w") as out:
            out.write(f.read())
        p.git("init", "-q", "-b", "main", d)
        p.git("add", ".", cwd=d)
        p.git("commit", "-q", "-m", "x", cwd=d)
        return pc, d, {"PRE_COMMIT_HOME": os.path.join(p.top, "pc")}

    @check("pre-commit-manifest")
    def _(p):
        pc, d, env = hooks(p)
        r = p.run([pc, "validate-manifest", os.path.join(d, ".pre-commit-hooks.yaml")], env=p.env(**env))
        need(r.status == 0, "pre-commit validate-manifest", str(r))
        with open(os.path.join(d, ".pre-commit-hooks.yaml")) as f:
            t = f.read()
        for id in ("sops-check", "sops-check-keys", "sops-scan"):
            need(re.search(r"id: %s$" % id, t, re.M), "no hook " + id)
        need(t.count("language: system") == 3 and t.count("require_serial: true") == 3 and t.count("types: [file]") == 3, "language, types, require_serial", t)

    @check("pre-commit-runs-the-hooks")
    def _(p):
        pc, d, env = hooks(p)
        secrets_repo(p)
        run = lambda id, *more: p.run([pc, "try-repo", d, id, *more], env=p.env(**env), timeout=90)
        p.put("secrets/b.p12", b"\0\1CANARY")
        p.git("add", ".")
        r = run("sops-check")
        need(r.status == 1 and "secrets/b.p12" in r.text, "a plain keystore that is staged", str(r))
        r = run("sops-check", "--all-files")
        need(r.status == 1 and "secrets/b.p12" in r.text, "--all-files", str(r))
        p.git("rm", "-q", "-f", "--cached", "secrets/b.p12")
        os.remove(p.path("secrets/b.p12"))
        need(run("sops-check", "--all-files").status == 0, "a good repository")
        p.put("notes.txt", "key = AKIA" + "Q3EGTZ4PWM6RKX2J\n")
        p.git("add", ".")
        need(run("sops-check").status == 0, "sops-check does not scan")
        need(run("sops-scan").status == 1, "sops-scan does")
        p.sub("secrets/a.yaml", r"^a: ENC.*$", "a: ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]")
        p.git("add", ".")
        r = run("sops-check-keys", "--files", "secrets/a.yaml")
        need(r.status == 1 and "leaf" in r.text, "sops-check-keys opens the file", str(r))

    @check("pre-commit-half-staged")
    def _(p):
        pc, d, env = hooks(p)
        secrets_repo(p)
        sealed = p.get("secrets/a.yaml")
        p.put("secrets/a.yaml", DB)
        p.git("add", ".")
        p.put("secrets/a.yaml", sealed)
        r = p.run([pc, "try-repo", d, "sops-check"], env=p.env(**env), timeout=90)
        need(r.status == 1 and "not-encrypted" in r.text, "the staged half is plain, the work tree is not", str(r))
        same(p.get("secrets/a.yaml"), sealed, "the work tree afterwards")
        p.git("add", ".")
        p.put("secrets/a.yaml", DB)
        r = p.run([pc, "try-repo", d, "sops-check", "--files", "secrets/a.yaml"], env=p.env(**env), timeout=90)
        need(r.status in (0, 1), "the reverse", str(r))
