# SPDX-License-Identifier: Apache-2.0
"""One owner at a time: interrupted executions and who goes on with them, engines that live and may not be replaced, commands that outlive
their engine for a moment, two rollbacks at once."""
import os
import signal
import time

from lab import DONE, INTERRUPTED, RECOVERED, REFUSED, check, main, until
from trio_lab import TrioLab

# 5 s of work, in the command itself and in a process of a session of its own that nobody waits for; both hold the service's lock. Undisturbed,
# the other one ends first.
SLOW = """echo "slow $what" >>"$w/ledger"
setsid -f sh -c "sleep 4.5; echo \\"late $what\\" >>\\"$w/ledger\\""
sleep 5
"""


def make_slow(lab, service, command):
    return lab.write(f"world/slow.{service}.{command}", SLOW)


def slow_begun(lab, service, command, number=1):
    until(lambda: sum(line.startswith(f"slow {service} {command} ") for line in lab.ledger()) >= number, 30, f"{command} of {service} did not begin")


def end(p, expect):
    out = p.communicate(timeout=60)[0]
    check(p.returncode == expect, f"exit code {p.returncode}, expected {expect}:\n{out}")
    return out


def kill_engine(lab):
    pid = lab.engine_pid()
    os.kill(pid, signal.SIGKILL)
    return pid


def interrupted_recovery(lab, service="db", command="restore"):
    """A recovery whose engine was killed in a command; the id of the execution."""
    lab.again(bad=True)
    slow = make_slow(lab, service, command)
    p = lab.start("deploy", lab.plan, "--release", "2")
    slow_begun(lab, service, command)
    kill_engine(lab)
    end(p, INTERRUPTED)
    os.unlink(slow)
    return lab.newest()["execution_id"]


def no_two_processes_ever_act_on_one_service():
    with TrioLab() as lab:
        lab.good()
        for service, command in (("web", "stop"), ("db", "restore"), ("api", "start"), ("db", "cleanup")):
            interrupted_recovery(lab, service, command)
            begun = time.monotonic()
            lab.run("resume", expect=RECOVERED)
            took = time.monotonic() - begun
            check(lab.live() == ("1", "1", "1"), "live is", lab.live())
            lab.sound()
            check(not [line for line in lab.ledger() if line.startswith("late")], "a process of the old engine went on:", lab.ledger())
            print(f"     {command} of {service}: gone on with in {took:.1f} s", flush=True)
        # A deployment's own command, too
        lab.again(bad=False)
        slow = make_slow(lab, "api", "deploy")
        p = lab.start("deploy", lab.plan, "--release", "2")
        slow_begun(lab, "api", "deploy")
        kill_engine(lab)
        end(p, INTERRUPTED)
        os.unlink(slow)
        lab.run("resume", expect=DONE)
        check(lab.live() == ("2", "2", "2"), "live is", lab.live())
        lab.sound()


def an_interrupted_execution_is_shown_as_such():
    with TrioLab() as lab:
        lab.good()
        execution = interrupted_recovery(lab)
        for command in ("status", "history"):
            found = [e for e in lab.json(command)["executions"] if e["execution_id"] == execution]
            check(found and found[0]["status"] == "interrupted", f"{command} --json says", found)
            out = lab.run(command, expect=0).stdout
            check("interrupted" in out and execution in out, f"{command} says:", out)
        check(lab.report(execution)["status"] == "interrupted", "the report says", lab.report(execution)["status"])
        claimed = {s["service"]: s["claimed_by"] for s in lab.json("status")["services"]}
        check(claimed == {s: execution for s in ("db", "api", "web")}, "claimed:", claimed)
        lab.run("resume", execution, expect=RECOVERED)
        lab.sound()


def the_next_deployment_goes_on_with_the_interrupted_one_first():
    with TrioLab() as lab:
        lab.good()
        execution = interrupted_recovery(lab)
        os.unlink(lab.path("world/bad"))
        before = len(lab.ledger())
        lab.deploy("3", expect=DONE)
        check(lab.live() == ("3", "3", "3"), "live is", lab.live())
        ended = {e["execution_id"]: e["status"] for e in lab.json("history")["executions"]}
        check(ended[execution] == "failed_with_rollback", "the interrupted one ended as", ended[execution])
        owners = [line.split()[4] for line in lab.ledger()[before:] if line.startswith("begin")]
        check(owners[0] == execution and owners == sorted(owners, key=lambda o: o != execution), "not one after the other:", owners)
        lab.sound()


def an_engine_that_lives_is_not_replaced():
    with TrioLab() as lab:
        lab.good()
        lab.again(bad=True)
        slow = make_slow(lab, "db", "restore")
        p = lab.start("deploy", lab.plan, "--release", "2")
        slow_begun(lab, "db", "restore")
        os.unlink(slow)
        pid, execution = lab.engine_pid(), lab.newest()["execution_id"]
        os.kill(pid, signal.SIGSTOP)
        until(lambda: open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T", 5, "the engine does not stop")
        for arguments in (("resume", execution), ("deploy", lab.plan, "--release", "3"), ("rollback", "db", "--reason", "now")):
            refused = lab.run(*arguments, expect=REFUSED)
            check(execution in refused.stderr and str(pid) in refused.stderr, f"{arguments[0]} says", refused.stderr)
        nothing = lab.run("resume", expect=REFUSED)
        check("nothing is interrupted" in nothing.stderr, "resume says", nothing.stderr)
        others = {line.split()[4] for line in lab.ledger() if line.startswith("begin")} - {execution, lab.first_execution}
        check(not others, "somebody else acted:", others)
        os.kill(pid, signal.SIGCONT)
        end(p, RECOVERED)
        check(lab.live() == ("1", "1", "1"), "live is", lab.live())
        lab.sound()


def there_may_be_nothing_to_go_on_with():
    with TrioLab() as lab:
        lab.good()
        p = lab.run("resume", expect=REFUSED)
        check("nothing is interrupted" in p.stderr, "resume says", p.stderr)
        execution = lab.newest()["execution_id"]
        p = lab.run("resume", execution, expect=REFUSED)
        check(execution in p.stderr and "has ended" in p.stderr, "resume of what has ended says", p.stderr)
        lab.run("resume", "deploy-production-20200101t000000z-aaaa", expect=(64,))
        lab.sound()


def of_two_that_resume_at_once_one_goes_on():
    with TrioLab() as lab:
        lab.good()
        for _ in range(3):
            execution = interrupted_recovery(lab)
            make_slow(lab, "db", "restore")
            two = [lab.start("resume", execution) for _ in range(2)]
            outputs = [p.communicate(timeout=60)[0] for p in two]
            codes = sorted(p.returncode for p in two)
            check(codes == [RECOVERED, REFUSED], "exit codes", codes, *outputs)
            loser = outputs[0] if two[0].returncode == REFUSED else outputs[1]
            check(execution in loser, "the one that was refused says", loser)
            check(lab.live() == ("1", "1", "1"), "live is", lab.live())
            lab.sound()


def of_two_rollbacks_at_once_one_runs():
    with TrioLab() as lab:
        lab.good()
        lab.again(bad=False)
        lab.deploy("2", expect=DONE)
        slow = make_slow(lab, "db", "restore")
        first = lab.start("rollback", "db", "--reason", "first")
        slow_begun(lab, "db", "restore")
        os.unlink(slow)
        owner = lab.newest()
        second = lab.run("rollback", "db", "--reason", "second", expect=REFUSED)
        check(owner["execution_id"] in second.stderr and str(lab.engine_pid()) in second.stderr, "the second says", second.stderr)
        end(first, DONE)
        check(lab.live() == ("1", "2", "2"), "live is", lab.live())
        check(lab.newest()["execution_id"] == owner["execution_id"], "the refused one left an execution")
        lab.sound()
        # And begun at the same moment
        lab.again(bad=False)
        lab.deploy("2", expect=DONE)
        make_slow(lab, "db", "restore")
        two = [lab.start("rollback", "db", "--reason", str(n)) for n in range(2)]
        outputs = [p.communicate(timeout=60)[0] for p in two]
        check(sorted(p.returncode for p in two) == [DONE, REFUSED], "exit codes", [p.returncode for p in two], *outputs)
        check("rollback-production-" in outputs[0 if two[0].returncode == REFUSED else 1], "the refused one does not say who runs", *outputs)
        check(lab.live() == ("1", "2", "2"), "live is", lab.live())
        lab.sound()


if __name__ == "__main__":
    main(no_two_processes_ever_act_on_one_service, an_interrupted_execution_is_shown_as_such, the_next_deployment_goes_on_with_the_interrupted_one_first,
         an_engine_that_lives_is_not_replaced, there_may_be_nothing_to_go_on_with, of_two_that_resume_at_once_one_goes_on, of_two_rollbacks_at_once_one_runs)
