# SPDX-License-Identifier: Apache-2.0
"""Plugins that crash, hang, flood, fork, close what is not theirs and eat memory, as a step of a real deployment: each costs its own link, with its own message."""
import os
import shutil

from files_lab import FilesLab
from lab import BUILD, DONE, PLUGIN, RECOVERED, check, main, unsanitized, until

HOSTILE = os.path.join(BUILD, "tests/abi/hostile/.libs")


class HostileLab(FilesLab):
    def __init__(self, **more):
        super().__init__(**more)
        self.plugins = self.path("plugins")
        os.mkdir(self.plugins, 0o755)
        self.deploy("1")

    def command(self, *args, json_output=False):
        line = super().command(*args, json_output=json_output)
        return line[:1] + ["--plugin-dir", self.plugins] + line[1:]

    def take(self, name):
        target = os.path.join(self.plugins, f"phase-{name}.so")
        if not os.path.exists(target):
            shutil.copyfile(os.path.join(HOSTILE, f"phase-{name}.so"), target)
            os.chmod(target, 0o755)

    def files(self):
        return sorted(os.path.relpath(os.path.join(w, f), self.dir) for w, _, files in os.walk(self.dir) for f in files)


def costs_its_own_link(name, words, more="", attempts=1, leftovers=False):
    with HostileLab() as lab:
        lab.take(name)
        p = lab.deploy("2", f'{{ name = "Before"; {lab.say("before")} {lab.undo("undo before")} }}, {{ name = "Hostile"; phase = "{name}"; retries = {attempts - 1}; backoff = "10ms"; {more} }}', expect=RECOVERED)
        report = lab.report()
        step = lab.steps(report)["Hostile"]
        check(words in (step["message"] or ""), f"its message says '{words}':", step["message"])
        check(words in p.stdout, "and so does the screen:", p.stdout)
        check(step["attempts"] == attempts, "it was tried so often:", step["attempts"])
        check(report["status"] == "failed_with_rollback" and report["rollback"]["system_status"] == "STABLE", "the recovery is whole:", report["status"])
        check(all(ph["status"] in ("completed", "skipped") for ph in report["rollback"]["phases"]), "every phase of it was done:", [(ph["name"], ph["status"], ph["message"]) for ph in report["rollback"]["phases"]])
        check(lab.live() == "1" and lab.done()[-1] == "undo before", "the last known good is live and the step before was undone:", lab.done())
        if leftovers:
            check(step.get("leftovers"), "what it left running is named:", step)
        until(lambda: not lab.processes(), 5, "processes were left behind")
        scratch = os.path.join(lab.state, "executions", report["execution_id"], "scratch")
        check(not os.path.isdir(scratch) or not os.listdir(scratch), "files were left in scratch:", os.path.isdir(scratch) and os.listdir(scratch))


def one_that_crashes_costs_its_own_link():
    costs_its_own_link("op-crash", "was ended by signal 11")


def a_crash_may_be_tried_again():
    costs_its_own_link("op-crash", "was ended by signal 11", attempts=3)


def one_that_exits_costs_its_own_link():
    costs_its_own_link("op-exit", "ended with exit code 0 without an answer")


def one_that_hangs_costs_its_own_link():
    costs_its_own_link("never-returns", "gave no answer before its deadline", 'timeout = "300ms";')


def one_that_ignores_sigterm_costs_its_own_link():
    costs_its_own_link("ignores-term", "gave no answer before its deadline", 'timeout = "300ms";')


def one_that_sends_rubbish_costs_its_own_link():
    costs_its_own_link("rubbish", "sent what is not a frame")


def one_that_announces_a_huge_frame_costs_its_own_link():
    costs_its_own_link("huge-frame", "sent what is not a frame")


def one_that_answers_what_is_no_answer_is_not_tried_again():
    with HostileLab() as lab:
        lab.take("answers-77")
        lab.deploy("2", '{ name = "Hostile"; phase = "answers-77"; retries = 5; backoff = "10ms"; }', expect=RECOVERED)
        check(lab.steps(lab.report())["Hostile"]["attempts"] == 1, "FATAL is final")


def one_that_closes_every_descriptor_costs_its_own_link():
    costs_its_own_link("closes-all", "without an answer")


def one_that_kills_its_host_costs_its_own_link():
    costs_its_own_link("kills-host", "was ended by signal 9", leftovers=True)


def one_that_forks_and_exits_costs_its_own_link():
    costs_its_own_link("fork-exit", "without an answer", leftovers=True)


def one_that_eats_memory_costs_its_own_link():
    costs_its_own_link("eats-memory", "no memory after")


def one_that_leaves_a_daemon_behind_loses_it():
    with HostileLab() as lab:
        lab.take("daemon")
        lab.deploy("2", '{ name = "Hostile"; phase = "daemon"; retries = 0; }', expect=DONE)
        step = lab.steps(lab.report())["Hostile"]
        check(step["status"] == "completed" and step.get("leftovers"), "it is done, and what it left is named:", step)
        until(lambda: not lab.processes(), 5, "the daemon was left behind")


def a_storm_of_forks_costs_its_own_link():
    with HostileLab() as lab:
        lab.take("fork-storm")
        p = lab.deploy("2", '{ name = "Hostile"; phase = "fork-storm"; retries = 0; timeout = "2s"; }', expect=(DONE, RECOVERED))
        check(lab.live() == ("2" if p.returncode == DONE else "1"), "the world is as the exit code says:", p.returncode, lab.live())
        until(lambda: not lab.processes(), 10, "processes were left behind")


def a_hostile_phase_of_the_recovery_itself_is_passed_by():
    with HostileLab() as lab:
        lab.take("op-crash")
        lab.take("never-returns")
        lab.configure(recovery='''recovery = ( { phase = "op-crash"; on_failure = "continue"; }, { phase = "restore"; }, { phase = "verify"; stable_for = "50ms"; interval = "20ms"; },
                                  { parallel = ( { phase = "cleanup"; }, { phase = "never-returns"; timeout = "300ms"; on_failure = "continue"; } ); }, { phase = "archive"; }, { phase = "notify"; } );''')
        lab.touch("fails-start-2")
        lab.deploy("2", expect=RECOVERED)
        phases = {ph["name"]: ph for ph in lab.report()["rollback"]["phases"]}
        check(phases["op-crash"]["status"] == "failed" and phases["never-returns"]["status"] == "failed", "both are told as failed:", phases)
        check(phases["notify"]["status"] in ("completed", "skipped") and lab.live() == "1", "everything else was done:", phases["notify"])
        until(lambda: not lab.processes(), 5, "processes were left behind")


def one_that_cannot_be_loaded_stops_a_deployment_before_it_begins():
    with HostileLab() as lab:
        for name, words in (("ctor-crash", "signal 11"), ("wrong-magic", "magic"), ("undefined", "undefined symbol"), ("no-entry", "failback_plugin_entry")):
            lab.take(name)
            before = lab.done()
            p = lab.deploy("2", f'{{ name = "Hostile"; phase = "{name}"; }}', expect=PLUGIN)
            check(words in p.stderr and name in p.stderr, f"it says why {name} was refused:", p.stderr)
            check(lab.done() == before, "nothing was changed")
        check(len(lab.json("history")["executions"]) == 1, "no execution was recorded")
        until(lambda: not lab.processes(), 5, "processes were left behind")


main(one_that_crashes_costs_its_own_link, a_crash_may_be_tried_again, one_that_exits_costs_its_own_link, one_that_hangs_costs_its_own_link,
     one_that_ignores_sigterm_costs_its_own_link, one_that_sends_rubbish_costs_its_own_link, one_that_announces_a_huge_frame_costs_its_own_link,
     one_that_answers_what_is_no_answer_is_not_tried_again, one_that_closes_every_descriptor_costs_its_own_link, one_that_kills_its_host_costs_its_own_link,
     one_that_forks_and_exits_costs_its_own_link, one_that_leaves_a_daemon_behind_loses_it, a_storm_of_forks_costs_its_own_link,
     a_hostile_phase_of_the_recovery_itself_is_passed_by, one_that_cannot_be_loaded_stops_a_deployment_before_it_begins,
     *unsanitized("its shadow of memory knows no limit", one_that_eats_memory_costs_its_own_link), hostile=True)
