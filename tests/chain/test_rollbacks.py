# SPDX-License-Identifier: Apache-2.0
"""Deployments and rollbacks of services: what is gone back to, who decides, what is claimed, and that a dry run changes nothing."""
import hashlib
import json
import os
import re

from files_lab import FilesLab
from lab import DONE, FAILED, INCOMPLETE, RECOVERED, REFUSED, USAGE, WAITING, check, main, until


def fingerprint(*folders):
    """Every path below, with kind, mode, time of change and content. Not the index of SQLite's log, in which readers leave marks, too."""
    found = {}
    for top in folders:
        for where, dirs, files in os.walk(top):
            for name in dirs + files:
                path = os.path.join(where, name)
                if name.endswith("-shm"):
                    continue
                st = os.lstat(path)
                content = ""
                if name in files and not os.path.islink(path):
                    with open(path, "rb") as f:
                        content = hashlib.sha256(f.read()).hexdigest()
                found[path] = (st.st_mode, st.st_mtime_ns, st.st_ino, content)
    return found


def same(before, after):
    changed = sorted(p for p in set(before) | set(after) if before.get(p) != after.get(p))
    check(not changed, "it changed", changed)


def two_releases(lab):
    lab.deploy("1")
    lab.deploy("2")
    check(lab.live() == "2", "release 2 is live")


def a_failed_deployment_returns_to_the_last_known_good():
    with FilesLab() as lab:
        two_releases(lab)
        lab.deploy("3")
        lab.touch("fails-start-4")
        lab.deploy("4", expect=RECOVERED)
        check(lab.live() == "3" and lab.exists("app.up"), "3 is live again and runs:", lab.live())
        report = lab.report()
        check(report["status"] == "failed_with_rollback" and report["rollback"]["system_status"] == "STABLE", "the report says so:", report["status"])


def the_basic_executor_only_undoes_what_steps_say():
    with FilesLab() as lab:
        lab.deploy("1")
        lab.configure(more='executor = "basic";')
        begin = len(lab.done())
        p = lab.deploy("2", f'{{ name = "one"; {lab.say("one")} {lab.undo("undo one")} }}, {{ name = "two"; {lab.say("two", "false")} retries = 0; {lab.undo("undo two")} }}, {{ name = "three"; {lab.say("three")} }}', expect=FAILED)
        check(lab.done()[begin:] == ["one", "two", "undo two", "undo one"], "steps and their undoing, and nothing of the strategy:", lab.done()[begin:])
        report = lab.report()
        check(report["rollback_performed"] is False and report["status"] == "failed", "no recovery is told:", report["status"])
        check(report["backup_created"] is False, "no backup was made")
        check(len(p.stdout.splitlines()) < 40, "the report is short:", p.stdout)


def the_basic_executor_that_changed_a_service_needs_a_person():
    with FilesLab() as lab:
        lab.deploy("1")
        lab.configure(more='executor = "basic";')
        plan = lab.plan('{ name = "Deploy"; promote = "app"; }, { name = "Bad"; run = "false"; retries = 0; }', promote=False)
        lab.run("deploy", plan, "--release", "2", expect=INCOMPLETE)


def without_auto_rollback_a_failure_is_left_to_people():
    with FilesLab(more="auto_rollback_enabled = false;") as lab:
        lab.deploy("1")
        # A step that was begun may have changed something: nobody but a person can tell.
        lab.deploy("2", '{ name = "Bad"; run = [ "/bin/false" ]; retries = 0; }', expect=INCOMPLETE)
        plan = lab.plan('{ name = "Deploy"; promote = "app"; }, { name = "Bad"; run = "false"; retries = 0; }', promote=False)
        lab.run("deploy", plan, "--release", "2", expect=INCOMPLETE)
        check(lab.live() == "2", "what went up stays:", lab.live())
        report = lab.report()
        check(report["status"] == "failed" and report["rollback_performed"] is False, "the report says that nothing was recovered:", report["status"])
        lab.run("rollback", "app", "--reason", "by hand", expect=DONE)
        check(lab.live() == "1", "a person brings it back by hand:", lab.live())


def a_dry_run_of_a_deployment_changes_nothing_and_lists_what_it_would_do():
    with FilesLab() as lab:
        two_releases(lab)
        plan = lab.plan(f'{{ name = "one"; {lab.say("one")} {lab.undo("undo one")} }}')
        before = fingerprint(lab.state, lab.world)
        p = lab.run("--dry-run", "deploy", plan, "--release", "3", expect=DONE)
        same(before, fingerprint(lab.state, lab.world))
        for words in ("one", "put release 3 of app in place", "stop app", "start app"):
            check(words in p.stdout, f"it lists '{words}':", p.stdout)
        document = lab.json("--dry-run", "deploy", plan, "--release", "3", expect=DONE)
        check(document["schema"] == "failback.dry_run/1", "its document:", document)
        same(before, fingerprint(lab.state, lab.world))
        check(len(lab.json("history")["executions"]) == 2, "no execution was recorded")


def a_dry_run_of_a_rollback_changes_nothing_and_lists_what_it_would_do():
    with FilesLab() as lab:
        two_releases(lab)
        before = fingerprint(lab.state, lab.world)
        p = lab.run("--dry-run", "rollback", "app", "--reason", "look", expect=DONE)
        same(before, fingerprint(lab.state, lab.world))
        check("put release 1 of app in place" in p.stdout, "it lists the restore:", p.stdout)


def a_dry_run_on_a_machine_without_a_journal_makes_none():
    with FilesLab() as lab:
        plan = lab.plan()
        lab.run("--dry-run", "deploy", plan, "--release", "1", expect=DONE)
        check(not os.path.exists(lab.state), "no state directory was made:", os.path.exists(lab.state) and os.listdir(lab.state))


def a_risky_plan_waits_for_approval_and_runs_when_it_is_given():
    with FilesLab(more='approval = "high";') as lab:
        lab.deploy("1", expect=WAITING)
        check(not lab.exists("app.release"), "nothing was changed before")
        one = lab.newest()
        check(one["status"] == "waiting_approval", "it waits:", one)
        p = lab.run("approve", execution_of(lab), expect=DONE)
        check(lab.live() == "1", "it ran:", p.stdout)
        lab.run("approve", execution_of(lab), expect=REFUSED)


def a_rejected_plan_never_runs():
    with FilesLab(more='approval = "high";') as lab:
        lab.deploy("1", expect=WAITING)
        name = execution_of(lab)
        lab.run("reject", name, "--reason", "not on a Friday", expect=DONE)
        lab.run("approve", name, expect=REFUSED)
        report = lab.report(name)
        check(report["status"] == "refused", "its status:", report["status"])
        lab.run("watch", name, expect=REFUSED)
        check(not lab.exists("app.release"), "nothing was changed")


def execution_of(lab):
    one = lab.newest()
    return one.get("execution_id") or one["id"]


def an_approval_is_void_when_the_service_has_changed_since():
    with FilesLab(more='approval = "high";') as lab:
        lab.deploy("1", expect=WAITING)
        name = execution_of(lab)
        lab.run("deploy", lab.plan(), "--release", "2", "--approve", expect=DONE)
        p = lab.run("approve", name, expect=REFUSED)
        check("void" in p.stderr and "app" in p.stderr, "it says why:", p.stderr)
        check(lab.live() == "2", "nothing was changed:", lab.live())


def approve_on_the_command_line_runs_at_once_and_is_recorded():
    with FilesLab(more='approval = "high";') as lab:
        lab.run("deploy", lab.plan(), "--release", "1", "--approve", expect=DONE)
        check(lab.live() == "1", "it ran")
        rows = lab.sql("select action, actor from audit where action like 'approv%'")
        check(rows, "who approved is in the audit trail:", lab.sql("select action, actor from audit"))


def a_plan_of_low_risk_does_not_wait():
    with FilesLab(more='approval = "high";') as lab:
        lab.run("deploy", lab.plan(f'{{ name = "one"; {lab.say("one")} }}', promote=False), "--release", "1", expect=DONE)


def a_rollback_by_hand_goes_to_the_last_known_good():
    with FilesLab() as lab:
        two_releases(lab)
        lab.run("rollback", "app", "--reason", "bad numbers", expect=DONE)
        check(lab.live() == "1", "1 is live:", lab.live())
        report = lab.report()
        check(report["kind"] == "rollback" and report["status"] == "completed", "its report:", report["status"])
        check("bad numbers" in json.dumps(report), "the reason is kept")


def a_rollback_to_a_named_release():
    with FilesLab() as lab:
        two_releases(lab)
        lab.deploy("3")
        lab.run("rollback", "app", "--to", "1", "--reason", "named", expect=DONE)
        check(lab.live() == "1", "1 is live:", lab.live())
        p = lab.run("rollback", "app", "--to", "3", "--reason", "back to a failed one")
        check(p.returncode == REFUSED and "recorded as failed" in p.stdout, "what was left by hand is failed:", p.returncode, p.stdout, p.stderr)


def a_release_that_failed_or_is_unknown_is_refused():
    with FilesLab() as lab:
        two_releases(lab)
        lab.touch("fails-start-bad")
        lab.deploy("bad", expect=RECOVERED)
        for release, words in (("bad", "failed"), ("never", "not known")):
            before = len(lab.done())
            p = lab.run("rollback", "app", "--to", release, "--reason", "x", expect=REFUSED)
            check(words in p.stdout + p.stderr, f"it says that {release} is no release to go back to:", p.stdout, p.stderr)
            check(len(lab.done()) == before and lab.live() == "2", "nothing was changed")
        row = lab.sql("select release, status from releases where service = 'app' and live = 1")
        check(row == [("2", "good")], "a refused rollback leaves the record as it was:", row)


def nothing_to_go_back_to_is_refused():
    with FilesLab() as lab:
        lab.deploy("1")
        p = lab.run("rollback", "app", "--reason", "x", expect=REFUSED)
        check("nothing to go back to" in p.stdout + p.stderr, "it says so:", p.stdout, p.stderr)
        check(lab.live() == "1", "nothing was changed")
        row = lab.sql("select release, status from releases where service = 'app' order by seq desc limit 1")
        check(row == [("1", "good")], "the live release is still the last known good:", row)
        lab.touch("fails-start-2")
        lab.deploy("2", expect=RECOVERED)
        check(lab.live() == "1", "and a deployment that fails returns to it:", lab.live())


def to_without_a_name_lists_the_releases():
    with FilesLab() as lab:
        two_releases(lab)
        p = lab.run("rollback", "app", "--reason", "x", "--to", expect=USAGE)
        check(re.search(r"^  2 .*good.*live", p.stderr, re.M) and re.search(r"^  1 +superseded", p.stderr, re.M), "both are listed with their status:", p.stderr)


def an_unknown_service_is_refused_before_anything():
    with FilesLab() as lab:
        lab.deploy("1")
        p = lab.run("rollback", "ap", "--reason", "x")
        check(p.returncode not in (DONE, RECOVERED) and "ap" in p.stderr and "app" in p.stderr, "it names the nearest:", p.returncode, p.stderr)


def dependents_are_claimed():
    with FilesLab(services=("db", ("app", 'depends_on = [ "db" ];'))) as lab:
        lab.run("deploy", lab.plan(services=["app"]), "--release", "1", expect=DONE)
        lab.touch("hold-deploy-5")
        held = lab.start("deploy", lab.plan(services=["db"], name="db"), "--release", "5")
        until(lambda: "deploy db 5" in lab.done())
        p = lab.run("deploy", lab.plan(services=["app"]), "--release", "2", expect=REFUSED)
        check("app" in p.stderr and "held by" in p.stderr, "it says who holds it:", p.stderr)
        lab.remove("hold-deploy-5")
        held.communicate(timeout=30)
        check(held.returncode == DONE and lab.live("app") == "1" and lab.live("db") == "5", "the first one was done, the dependent left as it is")
        lab.run("deploy", lab.plan(services=["app"]), "--release", "2", expect=DONE)


def services_are_restored_in_the_order_of_their_dependence():
    with FilesLab(services=("db", ("app", 'depends_on = [ "db" ];')), strategy='protect = "stop";') as lab:
        plan = lab.plan(services=["db", "app"])
        lab.run("deploy", plan, "--release", "1", expect=DONE)
        lab.touch("fails-start-2")
        begin = len(lab.done())
        lab.run("deploy", plan, "--release", "2", expect=RECOVERED)
        check(lab.live("db") == lab.live("app") == "1", "both are back:", lab.live("db"), lab.live("app"))


def a_first_deployment_over_something_live_adopts_it():
    with FilesLab() as lab:
        with open(os.path.join(lab.world, "app.release"), "w") as f:
            f.write("old\n")
        lab.touch("app.up", "fails-start-1")
        lab.deploy("1", expect=RECOVERED)
        check(lab.live() == "old", "what was there before is live again:", lab.live())


def what_is_live_and_sick_is_not_adopted():
    with FilesLab() as lab:
        with open(os.path.join(lab.world, "app.release"), "w") as f:
            f.write("old\n")
        lab.touch("app.up", "sick-old", "fails-start-1")
        p = lab.deploy("1", expect=INCOMPLETE)
        check("nothing to go back to" in p.stdout, "it says at the start that there is no way back:", p.stdout)


def a_deployment_that_cannot_be_stopped_from_failing_everywhere_says_what_is_where():
    with FilesLab() as lab:
        lab.deploy("1")
        lab.touch("fails-start-2", "fails-restore-1")
        lab.configure(recovery='recovery = ( { phase = "protect-traffic"; }, { phase = "restore"; timeout = "1500ms"; }, { phase = "verify"; stable_for = "50ms"; interval = "20ms"; } );')
        p = lab.deploy("2", expect=INCOMPLETE)
        report = lab.report()
        check(report["status"] == "rollback_incomplete", "its status:", report["status"])
        commands = [w["command"] for w in report["way_out"] if w.get("command")]
        check(any(c.startswith("failback") and "rollback app" in c for c in commands), "the way out has the command that finishes it:", commands)
        lab.remove("fails-restore-1")
        way = next(c for c in commands if "rollback app" in c)
        lab.shell(way, expect=DONE)
        check(lab.live() == "1" and lab.exists("app.up"), "running it ends on the last known good:", lab.live())


main(a_failed_deployment_returns_to_the_last_known_good, the_basic_executor_only_undoes_what_steps_say,
     the_basic_executor_that_changed_a_service_needs_a_person, without_auto_rollback_a_failure_is_left_to_people,
     a_dry_run_of_a_deployment_changes_nothing_and_lists_what_it_would_do, a_dry_run_of_a_rollback_changes_nothing_and_lists_what_it_would_do,
     a_dry_run_on_a_machine_without_a_journal_makes_none, a_risky_plan_waits_for_approval_and_runs_when_it_is_given, a_rejected_plan_never_runs,
     an_approval_is_void_when_the_service_has_changed_since, approve_on_the_command_line_runs_at_once_and_is_recorded, a_plan_of_low_risk_does_not_wait,
     a_rollback_by_hand_goes_to_the_last_known_good, a_rollback_to_a_named_release, a_release_that_failed_or_is_unknown_is_refused,
     nothing_to_go_back_to_is_refused, to_without_a_name_lists_the_releases, an_unknown_service_is_refused_before_anything, dependents_are_claimed,
     services_are_restored_in_the_order_of_their_dependence, a_first_deployment_over_something_live_adopts_it, what_is_live_and_sick_is_not_adopted,
     a_deployment_that_cannot_be_stopped_from_failing_everywhere_says_what_is_where)
