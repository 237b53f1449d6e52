# SPDX-License-Identifier: Apache-2.0
"""The archive of an execution: what is in it, that no secret is anywhere below the state directory, the rollback log, a disk that is full, and the time that it takes."""
import hashlib
import json
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

from files_lab import FilesLab
from lab import DONE, RECOVERED, SRC, check, main, need

LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')


def plain(text):
    return text.encode().decode("unicode_escape")


def corpus():
    """The samples of tests/unit/redact_corpus.h: [(kind, before, secret, after, is a key)]"""
    found, keys = [], False
    with open(os.path.join(SRC, "tests/unit/redact_corpus.h")) as f:
        for line in f:
            keys = keys or line.startswith("static const struct sample keys")
            if not line.startswith("\t{"):
                continue
            parts = line.strip().strip("{},")
            fields = re.split(r'(?<="),\s*(?=")', parts)
            texts = ["".join(plain(t) for t in LITERAL.findall(f)) for f in fields]
            found.append((*texts, keys))
    return found


def secrets_in(samples):
    """What must not be found: each secret, and each long line of one"""
    for _, _, secret, _, _ in samples:
        for line in secret.split("\n"):
            if len(line) >= 7:
                yield line.encode()


def printed(samples):
    """Each sample as people meet it: in a line of a log, a URL, a list of variables, JSON"""
    out = []
    for kind, before, secret, after, key in samples:
        if key:
            out += [f"INFO using {before}={secret} for a while", f"GET https://api.example.net/x?a=1&{before}={secret}&z=2", f"{before}={secret}", json.dumps({"a": 1, before: secret})]
        else:
            text = before + secret + after
            out += [f"ERROR {text} was refused", f"https://api.example.net/x?q={text}", f"X={text}", json.dumps({"x": text, "ok": True})]
    return "\n".join(out) + "\n"


def everything(folder):
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            with open(path, "rb") as f:
                yield path, f.read()


def unpacked(lab, execution):
    path = os.path.join(lab.state, "executions", execution, f"{execution}.tar.zst")
    check(os.path.exists(path), "there is no archive", path)
    out = lab.path("unpacked")
    os.makedirs(out, exist_ok=True)
    subprocess.run(["tar", "--zstd", "-xf", path, "-C", out], check=True)
    return os.path.join(out, execution)


def no_secret_is_in_any_archive_report_notification_journal_or_log():
    need("zstd")
    samples = corpus()
    check(len(samples) >= 60, "kinds of secrets:", len(samples))
    with FilesLab(notifiers='notifiers = ( { use = "console"; on = [ "*" ]; } );') as lab:
        lab.deploy("1")
        lab.write("secrets", printed(samples))
        one = next(s for s in samples if s[0] == "GitHub classic")
        env = {s[1]: s[2] for s in samples if s[4]}
        steps = (f'{{ name = "Print"; run = "cat {lab.dir}/secrets; env"; }},'
                 f' {{ name = "Fail"; run = "cat {lab.dir}/secrets >&2; env >&2; echo \\"ERROR: token $(grep -o {one[1]}.*refused {lab.dir}/secrets)\\" >&2; exit 3"; retries = 0; }}')
        p = lab.deploy("2", steps, expect=RECOVERED, env=env)
        report = lab.report()
        logs = unpacked(lab, report["execution_id"])
        rendered = [lab.run("report", "--format", f, expect=DONE).stdout.encode() for f in ("text", "json", "markdown", "html", "junit")]
        places = list(everything(lab.state)) + list(everything(logs)) + [("output", (p.stdout + p.stderr).encode())] + [(f"report {i}", r) for i, r in enumerate(rendered)]
        captured = [path for path, data in places if b"was refused" in data]
        check(any("logs/" in path for path in captured), "the output was captured:", captured)
        for secret in set(secrets_in(samples)):
            where = [path for path, data in places if secret in data]
            check(not where, "a secret is readable:", secret, where)


def the_archive_has_what_explains_it_most_important_first():
    with FilesLab() as lab:
        log = lab.path("rollbacks.md")
        lab.configure(recovery=f'''recovery = ( {{ phase = "protect-traffic"; }}, {{ phase = "restore"; }}, {{ phase = "verify"; stable_for = "50ms"; interval = "20ms"; }},
          {{ parallel = ( {{ phase = "cleanup"; }}, {{ phase = "analyze"; }}, {{ phase = "recommend"; after = "analyze"; }} ); }}, {{ phase = "archive"; rollback_log = "{log}"; }} );''')
        lab.deploy("1")
        lab.deploy("2", '{ name = "Fine"; run = "echo all is well"; }, { name = "Deploy"; run = "echo \\"ModuleNotFoundError: No module named \'left_pad\'\\" >&2; exit 1"; retries = 0; }', expect=RECOVERED)
        report = lab.report()
        execution = report["execution_id"]
        folder = unpacked(lab, execution)
        with open(os.path.join(folder, "manifest.json")) as f:
            manifest = json.load(f)
        check(manifest["complete"] is True and manifest["missing"] == [], "the manifest:", manifest)
        names = [f["file"] for f in manifest["files"]]
        for wanted in (f"evidence/execution-{execution}.json", f"evidence/error-{execution}.txt", f"evidence/state-{execution}.yaml", f"evidence/configuration-{execution}.json",
                       f"evidence/versions-{execution}.json"):
            check(wanted in names, wanted, "is not in", names)
        check(names[0].startswith("evidence/execution-") and names[1].startswith("evidence/error-"), "first come", names[:2])
        for f in manifest["files"]:
            with open(os.path.join(folder, f["file"]), "rb") as data:
                check(hashlib.sha256(data.read()).hexdigest() == f["sha256"], "another hash:", f)
        with open(log) as f:
            text = f.read()
        check(text.count("### ") == 1 and f"<!-- failback {execution} -->" in text and "- **Severity**:" in text, "the rollback log:", text)
        check(any(t["task"] for t in report["tasks"]), "what is left to do:", report["tasks"])


def logs_are_preserved_by_a_step_alone():
    with FilesLab() as lab:
        lab.deploy("1", '{ name = "Say"; run = "echo kept for later"; }, { name = "preserve logs"; phase = "archive"; }')
        folder = unpacked(lab, lab.report()["execution_id"])
        check(any(b"kept for later" in data for path, data in everything(os.path.join(folder, "logs"))), "the log of the step is not there")


def large_logs_stay_beside_the_archive_unless_it_stands_alone():
    with FilesLab(more='log_limit = "64MiB";') as lab:
        steps = '{ name = "Loud"; run = "yes a line of a log that is long | head -c 20000000"; }, { name = "preserve logs"; phase = "archive"; }'
        lab.deploy("1", steps)
        execution = lab.report()["execution_id"]
        with open(os.path.join(unpacked(lab, execution), "manifest.json")) as f:
            manifest = json.load(f)
        check(manifest["complete"] and [b["size"] for b in manifest["beside"]] == [20000000], "the manifest:", manifest["beside"])
        check(os.path.getsize(os.path.join(manifest["folder"], manifest["beside"][0]["file"])) == 20000000, "the log is not where the manifest says")
        os.mkdir(lab.path("alone"))
        lab.deploy("2", steps.replace('phase = "archive"', f'phase = "archive"; directory = "{lab.path("alone")}"'))
        execution = lab.report()["execution_id"]
        out = subprocess.run(f"tar --zstd -tvf {lab.path('alone')}/{execution}.tar.zst", shell=True, stdout=subprocess.PIPE, text=True, check=True).stdout
        check(" 20000000 " in out, "the log is not in", out)


def reports_in_all_formats():
    with FilesLab() as lab:
        lab.deploy("1")
        lab.deploy("2", '{ name = "Deploy"; run = "echo \\"<script>alert(1)</script> ]]> ERROR: no\\" >&2; exit 1"; retries = 0; }', expect=RECOVERED)
        html = lab.run("report", "--format", "html", expect=DONE).stdout
        check("<script" not in html and "http://" not in re.sub(r'xmlns="[^"]*"', "", html) and "https://" not in html, "the page asks for something else")
        check("Content-Security-Policy" in html and "<svg" in html, "the page has no policy or no picture")
        tree = ElementTree.fromstring(lab.run("report", "--format", "junit", expect=DONE).stdout)
        check(tree.tag == "testsuites" and int(tree.get("failures")) >= 1, "JUnit:", tree.attrib)
        for suite in tree:
            cases = suite.findall("testcase")
            check(int(suite.get("tests")) == len(cases), "the suite counts its cases:", suite.attrib)
            check(int(suite.get("failures")) == sum(1 for c in cases if c.find("failure") is not None), "and its failures:", suite.attrib)


if __name__ == "__main__":
    main(no_secret_is_in_any_archive_report_notification_journal_or_log, the_archive_has_what_explains_it_most_important_first, logs_are_preserved_by_a_step_alone,
         large_logs_stay_beside_the_archive_unless_it_stands_alone, reports_in_all_formats)
