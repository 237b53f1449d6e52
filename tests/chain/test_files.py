#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Strategy files with real units that read what it puts in place: configuration that is broken, wrong, changed by hand, and everything killed between the switch
and the restart."""
import json
import os
import signal

from lab import DONE, FAILED, INTERRUPTED, RECOVERED, check, main, until
from units_lab import UnitsLab

BOTH = ("link", "tree")


def broken_json_is_refused_before_anything_changes():
    for layout in BOTH:
        with UnitsLab(layout) as lab:
            lab.deploy("1")
            lab.runs("1", ["web", "agents"])
            lab.release("2", "", text='{"model": "large", ')
            p = lab.deploy("2", expect=RECOVERED)
            check("is not valid (syntax)" in p.stdout + p.stderr and "Expecting property name" in p.stdout + p.stderr, "nobody is told why:", p.stdout, p.stderr)
            lab.runs("1", ["web", "agents"])
            lab.release("3", "")
            p = lab.deploy("3", expect=RECOVERED)
            check("is not valid (semantics)" in p.stdout + p.stderr and "agents.json has no model" in p.stdout + p.stderr, "nobody is told why:", p.stdout, p.stderr)
            lab.runs("1", ["web", "agents"])


def wrong_semantics_that_pass_are_live_fail_their_check_and_go_back():
    for layout in BOTH:
        with UnitsLab(layout) as lab:
            lab.deploy("1")
            lab.release("2", "nonsense")
            lab.deploy("2", expect=RECOVERED)
            lab.runs("1", ["web", "agents", "agents", "agents"])  # with 2, and with 1 again; web is not affected
            report = lab.report()
            check(report["status"] == "failed_with_rollback" and report["rollback"]["system_status"] == "STABLE", "reported as", report["status"])
            lab.release("3", "large")
            lab.deploy("3", expect=DONE)
            lab.runs("3", ["web", "agents", "agents", "agents", "agents"])


def a_unit_that_does_not_start_with_the_new_release_is_started_with_the_old_one():
    with UnitsLab() as lab:
        lab.deploy("1")
        lab.release("2", "", text='{"model": "large"} ')  # it passes; the unit starts, and its answer has no release
        lab.write("unit.py", open(lab.path("unit.py")).read().replace('config = json.load(open(path))', 'config = json.load(open(path)); config["release"]'))
        lab.deploy("2", expect=RECOVERED)
        lab.runs("1", ["web", "agents", "agents", "agents"])


def only_what_is_affected_is_restarted():
    with UnitsLab() as lab:
        lab.deploy("1")
        lab.release("2", "small", "large")
        lab.write("releases/2/config/agents.json", open(lab.path("releases/1/config/agents.json")).read(), 0o644)
        lab.deploy("2")
        check(lab.manager.starts == ["web", "agents", "web"], "units were started:", lab.manager.starts)
        check(lab.answer("web") == (200, {"model": "large"}), "web does not have what is live")


def killed_between_switch_and_restart_the_restart_is_made_up_for():
    for layout, ending in (("link", "resume"), ("tree", "rollback")):
        with UnitsLab(layout) as lab:
            lab.deploy("1")
            lab.write("hold-agents", "")
            p = lab.start("deploy", lab.plan, "--release", "2")
            until(lambda: "agents 2\n" in open(lab.path("asked")).read(), 30, "the restart did not begin")
            os.kill(lab.engine_pid(), signal.SIGKILL)
            output = p.communicate(timeout=60)[0]
            check(p.returncode == INTERRUPTED, "the command ended with", p.returncode, output)
            with open(lab.live("config/agents.json")) as f:
                check(json.load(f)["release"] == "2", "it was killed before the switch")
            check(lab.answer("agents")[1]["release"] == "1", "it was killed after the restart")
            os.unlink(lab.path("hold-agents"))
            if ending == "resume":
                lab.run("resume", expect=DONE)
                lab.runs("2", ["web", "agents", "agents"])
            else:
                lab.run("rollback", "agents", "--reason", "it was killed", expect=DONE)  # it first goes on with what was interrupted
                lab.runs("1", ["web", "agents", "agents", "agents"])


def a_last_known_good_that_was_changed_refuses_the_deployment():
    with UnitsLab() as lab:
        lab.deploy("1")
        lab.write("releases/1/config/agents.json", '{"model": "small", "release": "1", "more": 1}', 0o644)
        p = lab.deploy("2", expect=FAILED)
        check("config/agents.json (content)" in p.stdout + p.stderr, "nobody is told which file:", p.stdout, p.stderr)
        lab.runs("1", ["web", "agents"])


def what_people_have_changed_in_a_tree_is_told_and_comes_back():
    with UnitsLab("tree") as lab:
        lab.deploy("1")
        lab.write("tree/config/agents.json", '{"model": "large", "release": "1", "by": "hand"}', 0o644)
        lab.write("tree/own", "own", 0o644)
        lab.release("2", "nonsense")
        lab.deploy("2", expect=RECOVERED)
        lab.runs("1", ["web", "agents", "agents", "agents"])
        check(lab.answer("agents")[1].get("by") == "hand", "what was changed by hand did not come back:", lab.answer("agents"))
        check(open(lab.path("tree/own")).read() == "own", "a file of the user's own is gone")
        report = json.dumps(lab.report())
        check("diff -ru" in report and "aside" in report, "the report does not say what was kept aside")
        execution = lab.newest()["execution_id"]
        with open(lab.path(f"releases/.failback/aside/{execution}.1/config/agents.json")) as f:
            check(json.load(f)["by"] == "hand", "it is not kept aside")


if __name__ == "__main__":
    main(broken_json_is_refused_before_anything_changes, wrong_semantics_that_pass_are_live_fail_their_check_and_go_back,
         a_unit_that_does_not_start_with_the_new_release_is_started_with_the_old_one, only_what_is_affected_is_restarted,
         killed_between_switch_and_restart_the_restart_is_made_up_for, a_last_known_good_that_was_changed_refuses_the_deployment,
         what_people_have_changed_in_a_tree_is_told_and_comes_back)
