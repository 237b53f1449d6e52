# SPDX-License-Identifier: Apache-2.0
"""Signals, a terminal that goes away, and failback stop: a deployment stops after its current action and recovers, a recovery goes on to its end."""
import os
import pty
import signal
import time

from files_lab import FilesLab
from lab import DONE, RECOVERED, REFUSED, STOPPED, check, main, until

HELD_RECOVERY = """recovery = (
  {{ phase = "protect-traffic"; }},
  {{ name = "Held"; run = "touch {dir}/world/recovering; while test -e {dir}/world/hold; do sleep 0.01; done"; }},
  {{ phase = "restore"; timeout = "10s"; }},
  {{ phase = "verify"; stable_for = "50ms"; interval = "20ms"; }},
  {{ phase = "notify"; }} );"""


class StopLab(FilesLab):
    """A deployment of release 2 that stands still in the step Held, or, when it is to fail, in the recovery."""

    def __init__(self):
        super().__init__()
        self.deploy("1")

    def held(self, **more):
        self.touch("hold")
        plan = self.plan(f'{{ name = "Before"; {self.say("before")} {self.undo("undo before")} }}, '
                         f'{{ name = "Held"; run = "echo held >> {self.world}/done; while test -e {self.world}/hold; do sleep 0.01; done; echo held-done >> {self.world}/done"; }}, '
                         f'{{ name = "After"; {self.say("after")} }}')
        p = self.start("deploy", plan, "--release", "2", **more)
        until(lambda: "held" in self.done(), 20)
        return p

    def recovering(self, start=True):
        self.configure(recovery=HELD_RECOVERY.format(dir=self.dir))
        self.touch("hold", "fails-start-2")
        plan = self.plan()
        if not start:
            return plan
        p = self.start("deploy", plan, "--release", "2")
        until(lambda: self.exists("recovering"), 20)
        return p

    def id(self):
        one = self.newest()
        return one.get("execution_id") or one["id"]

    def let_go(self):
        self.remove("hold")

    def stopped_after_its_action(self, p):
        out, _ = p.communicate(timeout=30)
        check(p.returncode == RECOVERED, "exit code:", p.returncode, out)
        check("held-done" in self.done(), "the current action was made to its end:", self.done())
        check("after" not in self.done() and "undo before" in self.done(), "nothing after it began, what was done was undone:", self.done())
        report = self.report()
        check(report["status"] == "failed_with_rollback" and "stopped" in report["failure"], "the report says that it was stopped:", report["status"], report["failure"])
        check(self.live() == "1", "the last known good is live:", self.live())
        self.nothing_left()
        return out


def an_interrupt_stops_a_deployment_after_its_current_action_and_recovers():
    with StopLab() as lab:
        p = lab.held()
        p.send_signal(signal.SIGINT)
        until(lambda: lab.sql("select stop from executions order by n desc limit 1") == [(1,)])
        time.sleep(0.3)  # it must not be cut while it is made: give it every chance to be
        check("held-done" not in lab.done() and p.poll() is None, "the action is still under way")
        lab.let_go()
        out = lab.stopped_after_its_action(p)
        check("stopping after the current action" in out, "it says what it does:", out)


def a_termination_does_the_same():
    with StopLab() as lab:
        p = lab.held()
        p.send_signal(signal.SIGTERM)
        until(lambda: lab.sql("select stop from executions order by n desc limit 1") == [(1,)])
        lab.let_go()
        lab.stopped_after_its_action(p)


def a_termination_of_the_engine_itself_does_the_same():
    with StopLab() as lab:
        p = lab.held()
        os.kill(lab.engine_pid(), signal.SIGTERM)
        time.sleep(0.2)
        lab.let_go()
        lab.stopped_after_its_action(p)


def failback_stop_does_the_same():
    with StopLab() as lab:
        p = lab.held()
        out = lab.run("stop", lab.id(), expect=DONE)
        check("after its current action" in out.stdout, "it says what it asked for:", out.stdout)
        time.sleep(0.2)
        lab.let_go()
        lab.stopped_after_its_action(p)


def a_second_interrupt_ends_the_view_and_the_execution_goes_on():
    with StopLab() as lab:
        p = lab.held()
        p.send_signal(signal.SIGINT)
        until(lambda: lab.sql("select stop from executions order by n desc limit 1") == [(1,)])
        p.send_signal(signal.SIGINT)
        out, _ = p.communicate(timeout=10)
        check(p.returncode == 130 and "failback watch" in out, "the view has ended and says how to look again:", p.returncode, out)
        lab.let_go()
        lab.run("watch", lab.id(), expect=RECOVERED)


def an_interrupt_in_a_recovery_is_refused():
    for number in (signal.SIGINT, signal.SIGTERM):
        with StopLab() as lab:
            p = lab.recovering()
            name = lab.id()
            p.send_signal(number)
            time.sleep(0.3)
            check(p.poll() is None, "it goes on")
            lab.let_go()
            out, _ = p.communicate(timeout=30)
            check(p.returncode == RECOVERED and f"stop {name} --force" in out, "it was refused, with the command that does it all the same:", p.returncode, out)
            check(lab.live() == "1", "the last known good is live")


def a_termination_of_the_engine_in_a_recovery_is_refused():
    with StopLab() as lab:
        p = lab.recovering()
        os.kill(lab.engine_pid(), signal.SIGTERM)
        os.kill(lab.engine_pid(), signal.SIGHUP)
        time.sleep(0.2)
        lab.let_go()
        out, _ = p.communicate(timeout=30)
        check(p.returncode == RECOVERED and "--force" in out, "it went on and said so:", p.returncode, out)
        check(f"stop {lab.id()} --force" in out, "with the command:", out)


def failback_stop_refuses_a_recovery_without_force():
    with StopLab() as lab:
        p = lab.recovering()
        out = lab.run("stop", lab.id(), expect=REFUSED)
        check(f"stop {lab.id()} --force" in out.stderr, "it says how:", out.stderr)
        lab.let_go()
        p.communicate(timeout=30)
        check(p.returncode == RECOVERED, "the recovery went on:", p.returncode)


def stop_force_ends_a_recovery_and_the_report_has_the_way_out():
    with StopLab() as lab:
        p = lab.recovering()
        name = lab.id()
        lab.run("stop", name, "--force", expect=DONE)
        out, _ = p.communicate(timeout=30)
        check(p.returncode == STOPPED, "exit code:", p.returncode, out)
        report = lab.report(name)
        check(report["status"] == "stopped", "status:", report["status"])
        commands = [w["command"] for w in report["way_out"] if w.get("command")]
        way = [c for c in commands if "rollback app" in c]
        check(way, "the way out has the command that finishes it:", report["way_out"])
        check(lab.live() == "2", "nothing more was changed:", lab.live())
        lab.nothing_left()
        lab.let_go()
        lab.shell(way[0], expect=DONE)
        check(lab.live() == "1" and lab.exists("app.up"), "and it works:", lab.live())


def stop_force_ends_a_deployment_and_says_what_was_changed():
    with StopLab() as lab:
        plan = lab.plan(f'{{ name = "Deploy"; promote = "app"; }}, {{ name = "Held"; run = "echo held >> {lab.world}/done; sleep 600"; }}', promote=False)
        p = lab.start("deploy", plan, "--release", "2")
        until(lambda: "held" in lab.done(), 20)
        lab.run("stop", lab.id(), "--force", expect=DONE)
        out, _ = p.communicate(timeout=30)
        check(p.returncode == STOPPED and lab.live() == "2", "it ended at once and left what was changed:", p.returncode, out)
        report = lab.report()
        commands = [w["command"] for w in report["way_out"] or [] if w.get("command")]
        way = [c for c in commands if "rollback app" in c]
        check(way, "the way out has the command that brings it back:", report["way_out"])
        lab.nothing_left()
        lab.shell(way[0], expect=DONE)
        check(lab.live() == "1", "and it works:", lab.live())


def a_terminal_that_goes_away_does_not_end_a_recovery():
    with StopLab() as lab:
        plan = lab.recovering(start=False)
        pid, fd = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm"
            line = lab.command("deploy", plan, "--release", "2")
            os.execv(line[0], line)
        try:
            until(lambda: lab.exists("recovering"), 20)
            os.read(fd, 65536)
        finally:
            os.close(fd)  # the kernel sends SIGHUP to the terminal's session
        status = until(lambda: os.waitpid(pid, os.WNOHANG)[1] or None, 10, "the view did not end with its terminal")
        check(os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 129, "the view ended by the hangup:", status)
        check(lab.engine_pid(), "the engine goes on")
        lab.let_go()
        lab.run("watch", lab.id(), expect=RECOVERED)
        check(lab.live() == "1", "to its end:", lab.live())


main(an_interrupt_stops_a_deployment_after_its_current_action_and_recovers, a_termination_does_the_same, a_termination_of_the_engine_itself_does_the_same,
     failback_stop_does_the_same, a_second_interrupt_ends_the_view_and_the_execution_goes_on, an_interrupt_in_a_recovery_is_refused,
     a_termination_of_the_engine_in_a_recovery_is_refused, failback_stop_refuses_a_recovery_without_force, stop_force_ends_a_recovery_and_the_report_has_the_way_out,
     stop_force_ends_a_deployment_and_says_what_was_changed, a_terminal_that_goes_away_does_not_end_a_recovery)
