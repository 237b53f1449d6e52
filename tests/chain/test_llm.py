#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Phase llm-analyze through the whole program, against a stand-in of a language model: words that are checked, words that are refused, and none at all."""
import json
import os

from files_lab import FilesLab
from lab import CONFIG, DONE, FAILED, RECOVERED, check, main
from llm_stand_in import KEY, Model

RECOVERY = """
recovery = ( { phase = "protect-traffic"; }, { phase = "restore"; timeout = "10s"; }, { phase = "verify"; stable_for = "50ms"; interval = "20ms"; },
  { parallel = ( { phase = "analyze"; }, { phase = "llm-analyze"; after = "analyze"; timeout = "%s"; on_failure = "continue"; retries = 0;
                   endpoint = "%s/v1"; model = "small"; api_key = "${env:MODEL_KEY}"; }, { phase = "recommend"; after = "analyze"; } ); }, { phase = "archive"; } );
"""
FAILS = '{ name = "Verify"; run = "echo \\"Error: Cannot find module \'./config/production.json\'\\" >&2; echo PASSWORD=hunter2hunter2 >&2; exit 1"; retries = 0; undo = "true"; }'


def good(pack):
    line = next(e for e in pack["evidence"] if "Cannot find module" in e["text"])
    return json.dumps({"explanation": f"The release lacks a file: \"{line['text']}\". It was not put into the artifact.", "order": [line["id"]]})


def invents(pack):
    return json.dumps({"explanation": "The log says \"connection to the database lost at 14:02\".", "order": [pack["evidence"][0]["id"]]})


def recovered(model, timeout="5s", endpoint=None):
    os.environ["MODEL_KEY"] = KEY
    with FilesLab(recovery=RECOVERY % (timeout, endpoint or model.url)) as lab:
        lab.deploy("1")
        p = lab.deploy("2", FAILS, expect=RECOVERED)
        report = lab.report()
        check(report["status"] == "failed_with_rollback" and report["rollback"]["system_status"] == "STABLE", "reported as", report["status"])
        check(report["root_cause"]["class"] == "missing_file", "the cause is", report["root_cause"])
        phase = next(x for x in report["rollback"]["phases"] if x["plugin"] == "llm-analyze")
        written = b""
        for folder, _, names in os.walk(lab.state):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    written += f.read()
        check(KEY.encode() not in written and KEY not in p.stdout + p.stderr, "the key was written down")
        return report, phase, lab.run("report", expect=0).stdout


def its_words_are_in_the_report_as_its_words():
    with Model(good) as model:
        report, phase, text = recovered(model)
        check(not model.wrong and len(model.packs) == 1, "it was asked", model.wrong)
        said = report["root_cause"]["explanation"]
        check("It was not put into the artifact" in said["text"] and said["by"] == "small" and "language model" in said["note"], "the report says", said)
        check("Cannot find module" in report["root_cause"]["evidence"][0]["text"], "the evidence", report["root_cause"]["evidence"])
        check("It was not put into the artifact" in " ".join(text.split()) and "worded by a language model" in " ".join(text.split()), "the report for people says", text)
        check(phase["status"] == "completed", phase)
        pack = json.dumps(model.packs[0])
        check("hunter2hunter2" not in pack and "Cannot find module" in pack, "it was shown", pack)


def what_it_invents_is_refused_and_said():
    with Model(invents) as model:
        report, phase, text = recovered(model)
        check("explanation" not in report["root_cause"], "it was believed", report["root_cause"])
        check("connection to the database" not in json.dumps(report["root_cause"]), "it is in the cause", report["root_cause"])
        check("refused" in phase["message"] and "quotes what is not in the evidence" in phase["message"], "the phase says", phase)


def one_that_is_slow_broken_or_gone_changes_nothing():
    for answers in (["slow"], ["reset"], ["close"], [(500, {}, "oops")], [(429, {"Retry-After": "3600"}, "later")], [(200, {}, "<html>")], [(200, {}, "x" * 100000)], [(401, {}, "no")]):
        with Model(good, answers) as model:
            report, phase, _ = recovered(model, timeout="1s")
            check("explanation" not in report["root_cause"], answers, report["root_cause"])
            check(phase["message"], "nobody is told why:", answers, phase)
    report, phase, _ = recovered(None, endpoint="http://127.0.0.1:1")
    check("explanation" not in report["root_cause"] and "could not be asked" in phase["message"], "a model that is gone", phase)


def a_key_does_not_cross_the_network_in_the_clear():
    os.environ["MODEL_KEY"] = KEY
    with FilesLab(recovery=RECOVERY % ("5s", "http://models.example.org")) as lab:
        p = lab.deploy("1", expect=(DONE, FAILED))
        if p.returncode == DONE:  # what a recovery may need is looked at when it is needed
            p = lab.deploy("2", FAILS, expect=RECOVERED)
        check("http and not https" in p.stdout + p.stderr, "nobody is told:", p.stdout, p.stderr)
    with FilesLab(recovery=RECOVERY.replace('"${env:MODEL_KEY}"', f'"{KEY}"') % ("5s", "https://models.example.org")) as lab:
        os.chmod(lab.conf, 0o644)
        lab.run("config", "check", expect=CONFIG)


if __name__ == "__main__":
    main(its_words_are_in_the_report_as_its_words, what_it_invents_is_refused_and_said, one_that_is_slow_broken_or_gone_changes_nothing,
         a_key_does_not_cross_the_network_in_the_clear)
