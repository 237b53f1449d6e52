# SPDX-License-Identifier: Apache-2.0
"""What a chain promises of its links: retries, deadlines, failure policies, groups, undo, facts. Strategy immediate and phase command over files."""
import os
import time

from files_lab import FilesLab
from lab import FAILED, INCOMPLETE, RECOVERED, check, main


def good(lab, release="1"):
    lab.deploy(release)
    check(lab.live() == release, "the first deployment is live:", lab.live())


def a_step_is_retried_with_backoff_until_it_passes():
    with FilesLab() as lab:
        steps = f'{{ name = "Flaky"; {lab.say("try", f"test $(grep -c try {lab.world}/done) -ge 3")} retries = 5; backoff = "40ms"; backoff_max = "60ms"; }}'
        lab.deploy("1", steps)
        check(lab.done().count("try") == 3, "it ran three times:", lab.done())
        step = lab.steps(lab.report())["Flaky"]
        check(step["attempts"] == 3 and step["status"] == "completed", "the report tells of three attempts:", step)
        check(step["duration"] >= 0.05, "it waited before each retry:", step["duration"])  # at least 20 ms and 30 ms
        waits = [e for (e,) in lab.sql("select data from events where name = 'link.retrying' order by seq")]
        check(len(waits) == 2, "each retry is an event:", waits)


def without_retries_of_its_own_a_step_is_tried_failure_threshold_times():
    with FilesLab(more="failure_threshold = 2;") as lab:
        good(lab)
        lab.deploy("2", f'{{ name = "Never"; {lab.say("try", "false")} backoff = "10ms"; }}', expect=RECOVERED)
        check(lab.done().count("try") == 2, "two attempts were made:", lab.done())
        check(lab.live() == "1", "the last known good is live:", lab.live())


def exit_code_75_asks_for_another_attempt():
    with FilesLab() as lab:
        marker = os.path.join(lab.world, "seen")
        lab.deploy("1", f'{{ name = "Busy"; run = "test -e {marker} || {{ touch {marker}; exit 75; }}"; retries = 1; backoff = "10ms"; }}')
        step = lab.steps(lab.report())["Busy"]
        check(step["attempts"] == 2, "it was tried again:", step)
        answers = lab.sql("select a.answer from attempts a join links l on l.id = a.link and l.execution = a.execution where l.name = 'Busy' order by a.attempt")
        check(answers == [(2,), (0,)], "the first answer was RETRY, the second OK:", answers)


def a_step_that_fails_under_repeat_once_is_not_tried_again():
    with FilesLab() as lab:
        good(lab)
        lab.deploy("2", f'{{ name = "Once"; {lab.say("try", "exit 75")} repeat = "once"; retries = 3; backoff = "10ms"; }}', expect=RECOVERED)
        check(lab.done().count("try") == 1, "it ran once:", lab.done())


def a_command_past_its_deadline_is_killed_with_what_it_started():
    with FilesLab() as lab:
        good(lab)
        pid = os.path.join(lab.world, "pid")
        begun = time.monotonic()
        lab.deploy("2", f'{{ name = "Slow"; run = "setsid sh -c \'trap : TERM; echo $$ > {pid}; while :; do sleep 60; done\' & sleep 60"; timeout = "300ms"; retries = 0; }}', expect=RECOVERED)
        check(time.monotonic() - begun < 10, "nobody waited for the 60 seconds")
        step = lab.steps(lab.report())["Slow"]
        check("not finished after 0.3 s" in step["message"] or "deadline" in step["message"], "it says that its time was over:", step["message"])
        check(0.2 <= step["duration"] < 3, "it took its time and no more:", step["duration"])
        check(not os.path.exists(f"/proc/{lab.read('pid').strip()}"), "the child that went into a session of its own was killed")
        lab.nothing_left()


def what_a_command_leaves_running_is_killed_and_named():
    with FilesLab() as lab:
        pid = os.path.join(lab.world, "pid")
        lab.deploy("1", f'{{ name = "Leaves"; run = "setsid sh -c \'echo $$ > {pid}; exec sleep 60\' >/dev/null 2>&1 & while ! test -s {pid}; do sleep 0.01; done"; retries = 0; }}')
        step = lab.steps(lab.report())["Leaves"]
        check(step["status"] == "completed" and "sleep" in str(step.get("leftovers")), "the step is done, what it left is named:", step)
        check(not os.path.exists(f"/proc/{lab.read('pid').strip()}"), "and killed")
        lab.nothing_left()


def on_failure_continue_goes_on_with_the_next_link():
    with FilesLab() as lab:
        lab.deploy("1", f'{{ name = "Optional"; {lab.say("optional", "false")} retries = 0; on_failure = "continue"; }}, {{ name = "Next"; {lab.say("next")} }}')
        report = lab.report()
        steps = lab.steps(report)
        check(steps["Optional"]["status"] == "failed" and steps["Next"]["status"] == "completed", "one failed, the next was done:", steps)
        check(report["status"] == "completed" and lab.live() == "1", "the deployment was done:", report["status"])
        check(report["deployment"]["steps_failed"] == 1, "the failure is counted:", report["deployment"])


def a_fallback_that_succeeds_makes_the_step_count_as_done():
    with FilesLab() as lab:
        lab.deploy("1", f'{{ name = "Migrate"; {lab.say("migrate", "false")} retries = 1; backoff = "10ms"; fallback = {{ {lab.say("repair")} }}; }}')
        check(lab.done()[:3] == ["migrate", "migrate", "repair"], "the fallback ran after the attempts:", lab.done())
        step = lab.steps(lab.report())["Migrate"]
        check(step["status"] == "completed", "the step counts as done:", step)


def a_fallback_that_fails_too_fails_the_deployment():
    with FilesLab() as lab:
        good(lab)
        lab.deploy("2", f'{{ name = "Migrate"; {lab.say("migrate", "false")} retries = 0; fallback = {{ {lab.say("repair", "false")} retries = 0; }}; }}', expect=RECOVERED)
        check(lab.done().count("repair") == 1, "the fallback was tried once:", lab.done())
        check(lab.live() == "1", "the last known good is live:", lab.live())


def members_of_a_group_run_at_once_and_wait_for_those_they_name():
    with FilesLab() as lab:
        both = lambda mine, other: f"touch {lab.world}/{mine}; for i in $(seq 500); do test -e {lab.world}/{other} && exit 0; sleep 0.01; done; exit 1"
        lab.deploy("1", f'''{{ parallel = ( {{ name = "A"; run = "{both("a", "b")}; "; }}, {{ name = "B"; run = "{both("b", "a")}"; }},
                           {{ name = "C"; {lab.say("c", f"test -e {lab.world}/a-done")} after = [ "A2", "B" ]; retries = 0; }},
                           {{ name = "A2"; run = "sleep 0.1; touch {lab.world}/a-done"; after = "A"; }} ); }}, {{ name = "Then"; {lab.say("then")} }}''')
        check(lab.done()[:2] == ["c", "then"], "who waits begins when the others are done, the next link when all are:", lab.done())


def a_failed_member_fails_its_group_and_who_waits_for_it_never_begins():
    with FilesLab() as lab:
        good(lab)
        lab.deploy("2", f'''{{ parallel = ( {{ name = "Bad"; {lab.say("bad", "false")} retries = 0; }},
                            {{ name = "After"; {lab.say("after")} after = "Bad"; }} ); }}, {{ name = "Then"; {lab.say("then")} }}''', expect=RECOVERED)
        check("after" not in lab.done() and "then" not in lab.done(), "neither it nor the next link ran:", lab.done())
        report = lab.report()
        check(report["deployment"]["failed_step"] == "Bad", "the report names the member:", report["deployment"])


def steps_are_undone_in_reverse_the_failed_one_too():
    with FilesLab() as lab:
        good(lab)
        begin = len(lab.done())
        steps = ", ".join(f'{{ name = "{n}"; {lab.say(n)} {lab.undo("undo " + n)} }}' for n in ("one", "two"))
        steps += f', {{ name = "none"; {lab.say("none")} }}, {{ name = "three"; {lab.say("three", "false")} retries = 0; {lab.undo("undo three")} }}, {{ name = "never"; {lab.say("never")} {lab.undo("undo never")} }}'
        lab.deploy("2", steps, expect=RECOVERED)
        own = [line for line in lab.done()[begin:] if " app " not in line]
        check(own == ["one", "two", "none", "three", "undo three", "undo two", "undo one"], "steps and their undoing:", own)
        steps = lab.steps(lab.report())
        found = {n: steps[n]["status"] for n in ("one", "two", "none", "three")}
        check(found["one"] == found["two"] == "undone" and found["none"] == "completed" and "never" not in steps, "what was undone is recorded so:", found)
        check(found["three"] == "failed" and lab.report()["deployment"]["failed_step"] == "three", "the failed step is still told as the one that failed:", lab.report()["deployment"])
        undone = lab.sql("select text from actions where undo = 1 and link like 'plan/%' and state = 'done' order by done_ms")
        check(len(undone) == 3, "each undoing is a recorded action:", undone)


def an_undo_that_fails_leaves_the_recovery_incomplete():
    with FilesLab() as lab:
        good(lab)
        p = lab.deploy("2", f'{{ name = "one"; {lab.say("one")} {lab.undo("undo one", "false")} }}, {{ name = "two"; run = "false"; retries = 0; }}', expect=INCOMPLETE)
        report = lab.report()
        check(report["status"] == "rollback_incomplete", "its status:", report["status"])
        check(any("undo" in w["text"] for w in report["way_out"]), "the way out says what to do:", report["way_out"])
        check("failback show" in p.stdout, "and so does the screen:", p.stdout)
        check(lab.live() == "1", "the last known good is live all the same:", lab.live())


def a_failure_before_anything_was_changed_costs_nothing():
    with FilesLab() as lab:
        lab.write("failback.conf", open(lab.conf).read() + 'backup = ( { name = "Dump"; run = "echo no room; false"; retries = 0; } );\n')
        p = lab.deploy("1", expect=FAILED)
        check(lab.done() == [] and not lab.exists("app.release"), "nothing was done:", lab.done())
        check("nothing was changed" in p.stdout and "Dump" in p.stdout, "it says so, and what failed:", p.stdout)


def facts_go_from_one_step_to_the_next():
    with FilesLab() as lab:
        out = os.path.join(lab.world, "out")
        lab.deploy("1", f'''{{ name = "Build"; run = "echo artifact=app-1.tar >> $FAILBACK_FACTS_OUT; echo tag=a=b >> $FAILBACK_FACTS_OUT"; }},
                           {{ name = "Use"; run = "cat $FAILBACK_FACTS > {out}"; }}''')
        check(sorted(lab.read("out").splitlines()) == ["artifact=app-1.tar", "tag=a=b"], "the next step finds them in the file FAILBACK_FACTS:", repr(lab.read("out")))


main(a_step_is_retried_with_backoff_until_it_passes, without_retries_of_its_own_a_step_is_tried_failure_threshold_times, exit_code_75_asks_for_another_attempt,
     a_step_that_fails_under_repeat_once_is_not_tried_again, a_command_past_its_deadline_is_killed_with_what_it_started,
     what_a_command_leaves_running_is_killed_and_named, on_failure_continue_goes_on_with_the_next_link,
     a_fallback_that_succeeds_makes_the_step_count_as_done, a_fallback_that_fails_too_fails_the_deployment, members_of_a_group_run_at_once_and_wait_for_those_they_name,
     a_failed_member_fails_its_group_and_who_waits_for_it_never_begins, steps_are_undone_in_reverse_the_failed_one_too, an_undo_that_fails_leaves_the_recovery_incomplete,
     a_failure_before_anything_was_changed_costs_nothing, facts_go_from_one_step_to_the_next)
