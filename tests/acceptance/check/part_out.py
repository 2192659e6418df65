# SPDX-License-Identifier: Apache-2.0
"""The four forms of the output."""
import hashlib
import json
import os
import re
import urllib.parse

from place import ALICE, BOB, IDS, Failed, level, need, same
from part_find import A, DB, SEC, leaf


def register(check, tool):
    def mess(p):
        """a tree with findings of each level"""
        p.rules("path_regex: ^never/\n" + A, SEC, "path_regex: ^secrets/\n" + A)
        p.put("secrets/a b.yaml", DB)
        p.seal("x.yaml", "a: x\nb: w\n# c\n")
        p.edit("x.yaml", leaf(p, "x.yaml", "b"), "CANARY")
        p.sub("x.yaml", r"^#ENC.*$", "# clear")

    @check("json-shape")
    def _(p):
        mess(p)
        r = p.sops("check", "--format", "json").ok(1)
        for l in r.text.rstrip("\n").split("\n"):
            keys = list(json.loads(l))
            order = [k for k in ("schema", "file", "line", "path", "id", "level", "message", "help", "commit", "summary") if k in keys]
            same(keys, order, "keys and their order in " + l)
            need(l.startswith('{"schema":1'), "schema comes first", l)
        rows = r.json()
        same(list(rows[-1]["summary"]), ["files", "encrypted", "errors", "warnings", "notes", "allowed", "not_read"], "summary")
        n = [sum(1 for x in rows[:-1] if x["level"] == v) for v in ("error", "warning", "note")]
        s = rows[-1]["summary"]
        same((s["errors"], s["warnings"], s["notes"]), tuple(n), "counts")
        need(all("help" in x for x in rows[:-1]), "each finding has a help", r.text)
        need("path" not in next(x for x in rows if x.get("id") == "not-encrypted"), "no empty members")

    @check("json-names-that-are-not-utf8")
    def _(p):
        p.rules(SEC)
        p.put("secrets/\udcff.yaml", DB)
        f = p.check(status=1)
        same(f.rows[0]["file"], "secrets/�.yaml", "file")

    @check("human-form")
    def _(p):
        mess(p)
        r = p.sops("check").ok(1)
        lines = r.text.split("\n")
        n = p.line_of("x.yaml", "CANARY")
        need(any(l.startswith('x.yaml:%d: error[plain-leaf] ["b"]: ' % n) for l in lines), "the line of a finding with a path", r.text)
        need(any(l.startswith("secrets/a b.yaml:1: error[not-encrypted] ") and '["' not in l for l in lines), "the line of a finding without a path", r.text)
        need(all(lines[i + 1].startswith("    help: ") for i, l in enumerate(lines) if re.search(r"(error|warning|note)\[", l)), "each has its help below", r.text)
        m = re.fullmatch(r"checked (\d+) files, (\d+) encrypted: (.*)", lines[-2])
        need(m and m.groups()[:2] == ("3", "1") and re.match(r"\d+ errors, \d+ warnings?, \d+ notes?", m.group(3)), "the last line", lines[-2])
        need("\x1b" not in r.text, "colours without a terminal")
        os.remove(p.path("x.yaml"))
        p.rules(SEC)
        same(p.sops("check").ok(1).text.rstrip("\n").split("\n")[-1], "checked 2 files, 0 encrypted: 1 error", "summary")
        same(p.sops("check", ".sops.yaml", "gone").status, 2, "status")
        same(p.sops("check", ".sops.yaml", "gone").text, "checked 1 file, 0 encrypted: nothing found, 1 not read\n", "summary")

    @check("human-more-than-ten-alike")
    def _(p):
        p.seal("a.env", "".join("K%02d=v\n" % i for i in range(25)))
        p.sub("a.env", r"^K(\d\d)=ENC.*$", r"K\1=CANARY", count=0)
        r = p.sops("check").ok(1)
        same(r.text.count("error[plain-leaf]"), 10, "findings shown")
        need(re.search(r"… and 15 more like this", r.text) and r.text.rstrip().endswith("25 errors"), "the rest is counted", r.text[-300:])
        same(len(p.check().rows), 25, "json has all")
        same(p.sops("check", "--format", "github").text.count("::error "), 10, "github shows ten")

    @check("human-colours-on-a-terminal-only")
    def _(p):
        import pty, select, subprocess
        mess(p)
        for env, want in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False)):
            a, b = pty.openpty()
            q = subprocess.Popen([os.path.join(p.bin, "sops"), "check"], cwd=p.work, env=p.env(**env), stdin=subprocess.DEVNULL, stdout=b, stderr=subprocess.DEVNULL)
            os.close(b)
            data = b""
            while True:
                try:
                    d = os.read(a, 65536)
                except OSError:
                    break
                if not d:
                    break
                data += d
            q.wait()
            os.close(a)
            same(b"\x1b[" in data, want, "colours with %s" % env)

    def sarif(p, *args, **kw):
        r = p.sops("check", "--format", "sarif", *args, **kw)
        try:
            return json.loads(r.text), r
        except ValueError:
            raise Failed("no JSON: %s" % r)

    @check("sarif-by-its-schema")
    def _(p):
        mess(p)
        cj, mt = tool(p, "check-jsonschema"), tool(p, "sarif-multitool")
        schema = os.path.join(os.path.dirname(os.path.realpath(mt)), "..", "sarif-multitool-linux", "sarif-2.1.0.json")
        if not os.path.exists(schema):
            schema = os.path.join(p.opts.tools or "", "node_modules", "@microsoft", "sarif-multitool-linux", "sarif-2.1.0.json")
        for i, words in enumerate(([], ["gone"], [".sops.yaml"])):
            d, r = sarif(p, *words)
            out = os.path.join(p.top, "r%d.sarif" % i)
            with open(out, "w") as f:
                f.write(r.text)
            v = p.run([cj, "--schemafile", schema, out], timeout=90)
            need(v.status == 0, "check-jsonschema", v.text[-600:] + v.errtext[-300:])

    @check("sarif-by-the-multitool")
    def _(p):
        mess(p)
        mt = tool(p, "sarif-multitool")
        d, r = sarif(p)
        with open(os.path.join(p.top, "r.sarif"), "w") as f:
            f.write(r.text)
        v = p.run([mt, "validate", os.path.join(p.top, "r.sarif")], timeout=120, env=p.env(DOTNET_SYSTEM_GLOBALIZATION_INVARIANT="1"))
        need("Analysis completed" in v.text and not re.search(r"\berror\b", v.text), "sarif-multitool validate", v.text[-900:])

    @check("sarif-content")
    def _(p):
        mess(p)
        d, r = sarif(p)
        same(r.status, 1, "status")
        same(d["version"], "2.1.0", "version")
        run = d["runs"][0]
        same(len(d["runs"]), 1, "runs")
        drv = run["tool"]["driver"]
        same(drv["name"], "sops", "driver")
        same([x["id"] for x in drv["rules"]], IDS, "rules")
        need(all(x["defaultConfiguration"]["level"] == level(x["id"]) and x["shortDescription"]["text"] for x in drv["rules"]), "levels and descriptions of the rules")
        rows = p.check().rows
        same(len(run["results"]), len(rows), "results")
        seen = {}
        for x, res in zip(rows, run["results"]):
            same((res["ruleId"], res["ruleIndex"], res["level"]), (x["id"], IDS.index(x["id"]), level(x["id"])), "rule of a result")
            loc = res["locations"][0]
            al = loc["physicalLocation"]["artifactLocation"]
            same((urllib.parse.unquote(al["uri"]), al["uriBaseId"]), (x["file"], "%SRCROOT%"), "uri")
            need(" " not in al["uri"], "the uri is encoded", al["uri"])
            same(loc["physicalLocation"].get("region", {}).get("startLine", 0), x.get("line", 0), "line")
            same(loc.get("logicalLocations", [{}])[0].get("fullyQualifiedName", ""), x.get("path", ""), "path")
            need(x["message"] in res["message"]["text"] and x["help"] in res["message"]["text"], "message and help", res["message"]["text"])
            k = (x["id"], x["file"], x.get("path", ""))
            n = seen.get(k, 0)
            seen[k] = n + 1
            same(res["partialFingerprints"]["sops/v1"], hashlib.sha256("\0".join(k + (str(n),)).encode()).hexdigest(), "fingerprint of %s" % (k,))
        same(run["invocations"][0]["executionSuccessful"], True, "executionSuccessful")
        d, r = sarif(p, "gone", ".sops.yaml")
        same(r.status, 2, "status")
        inv = d["runs"][0]["invocations"][0]
        need(inv["executionSuccessful"] is False and any("gone" in n["message"]["text"] for n in inv["toolExecutionNotifications"]), "what was not read", json.dumps(inv))
        d, r = sarif(p, "x.yaml", cwd=None)
        p.rules(SEC)
        d, r = sarif(p, ".sops.yaml")
        same(d["runs"][0]["results"], [], "results when there are none")

    @check("sarif-fingerprints-stay-when-lines-move")
    def _(p):
        p.seal("a.env", "A=x\nB=y\n")
        p.sub("a.env", r"^(A|B)=ENC.*$", r"\1=CANARY", count=0)
        prints = lambda: sorted(x["partialFingerprints"]["sops/v1"] for x in sarif(p)[0]["runs"][0]["results"])
        before = prints()
        p.put("a.env", "# c\n\n" + p.get("a.env"))
        p.sub("a.env", r"^# c\n", "")
        same(prints(), before, "fingerprints")
        same(len(set(before)), 2, "different findings")

    @check("sarif-and-github-names-from-the-top-of-the-repository")
    def _(p):
        p.repo()
        p.rules(SEC)
        p.put("secrets/in/a.yaml", DB)
        d, r = sarif(p, "..", cwd="secrets/in")
        same([x["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for x in d["runs"][0]["results"]], ["secrets/in/a.yaml"], "uri")
        r = p.sops("check", "--format", "github", cwd="secrets/in").ok(1)
        need("file=secrets/in/a.yaml," in r.text, "github's file", r.text)
        same([x["file"] for x in p.check(cwd="secrets/in").rows], ["a.yaml"], "json names as given")

    @check("github-form-and-escapes")
    def _(p):
        p.rules(SEC)
        p.put("secrets/a,b:c%.yaml", DB)
        p.put("secrets/x.yaml", "a: [\n")
        p.seal("n.yaml", "a: x\n")
        r = p.sops("check", "--format", "github").ok(1)
        lines = r.text.split("\n")
        need(any(l.startswith("::error file=secrets/a%2Cb%3Ac%25.yaml,line=1,title=sops not-encrypted::") for l in lines), "properties are escaped", r.text)
        need(any(l.startswith("::notice file=n.yaml,") and "title=sops no-rule::" in l for l in lines), "a note is a notice", r.text)
        need(lines[-2].startswith("checked "), "the summary", lines[-2])
        msg = next(l for l in lines if "a%2Cb" in l).split("::", 2)[2]
        need("%" not in msg.replace("%25", "").replace("%0A", "").replace("%0D", ""), "the message is escaped", msg)
        p.rules("path_regex: ^n\nencrypted_regex: ^q\n" + A)
        need(any(l.startswith("::warning file=n.yaml,") for l in p.sops("check", "--format", "github").text.split("\n")), "a warning")

    @check("output-closed-early")
    def _(p):
        mess(p)
        r = p.run(["sh", "-c", "sops check --format json | head -c 10 > /dev/null; exit 0"])
        same(r.status, 0, "status of the pipe")
        r = p.run(["sh", "-c", "sops check > /dev/full; echo $?"])
        same(r.text, "2\n", "status when the output cannot be written")

    @check("stderr-carries-warnings-only")
    def _(p):
        mess(p)
        for f in ("human", "json", "sarif", "github"):
            same(p.sops("check", "--format", f).errtext, "", "stderr of --format " + f)
