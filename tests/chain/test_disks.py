# SPDX-License-Identifier: Apache-2.0
"""A full disk, a state directory that cannot be written, a clock that jumps."""
import glob
import os
import shutil
import subprocess
import sys
import time

from files_lab import FilesLab
from lab import DONE, JOURNAL, RECOVERED, WAITING, check, main, need, unsanitized, until

MIB = 1 << 20


class MountLab(FilesLab):
    """The state directory is a small file system of its own."""

    def __init__(self, size="24m", **more):
        super().__init__(**more)
        os.mkdir(self.state, 0o750)
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0750", "failback-test", self.state], stderr=subprocess.PIPE).returncode:
            shutil.rmtree(self.dir, ignore_errors=True)
            print("a file system can be mounted only as root", file=sys.stderr)
            sys.exit(1 if os.environ.get("CI") else 77)

    def __exit__(self, *a):
        self.kill_services()
        subprocess.run(["umount", "-l", self.state], check=True)
        super().__exit__(*a)

    def fill(self):
        """Leaves not one free block."""
        with open(os.path.join(self.state, "filler"), "ab", buffering=0) as f:
            for size in (MIB, 4096):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass

    def free(self):
        os.unlink(os.path.join(self.state, "filler"))

    def remount(self, options):
        subprocess.run(["mount", "-o", "remount," + options, self.state], check=True)


HELD = """recovery = (
  {{ phase = "protect-traffic"; }},
  {{ name = "Held"; run = "touch {world}/recovering; while test -e {world}/hold; do sleep 0.01; done"; on_failure = "continue"; }},
  {{ phase = "restore"; timeout = "10s"; }},
  {{ phase = "verify"; stable_for = "50ms"; interval = "20ms"; }},
  {{ phase = "archive"; }},
  {{ name = "Last"; run = "touch {world}/last; while test -e {world}/hold-last; do sleep 0.01; done"; on_failure = "continue"; }},
  {{ phase = "notify"; }} );"""


def a_deployment_does_not_start_on_a_full_disk():
    with MountLab() as lab:
        lab.deploy("1")
        lab.fill()
        begin = lab.done()
        p = lab.deploy("2", expect=JOURNAL)
        check("space" in p.stderr or "full" in p.stderr, "it says why:", p.stderr)
        check(lab.done() == begin and lab.live() == "1", "nothing was changed:", lab.done())
        lab.free()
        lab.deploy("2")
        check(lab.live() == "2", "with space again it runs:", lab.live())


def an_approved_deployment_does_not_start_on_a_full_disk_either():
    with MountLab(more='approval = "high";') as lab:
        lab.run("deploy", lab.plan(), "--release", "1", expect=WAITING)
        name = lab.newest()["execution_id"]
        lab.fill()
        p = lab.run("approve", name, expect=JOURNAL)
        check("space" in p.stderr or "full" in p.stderr, "it says why:", p.stderr)
        check(not lab.done(), "nothing was changed:", lab.done())
        lab.free()
        lab.run("approve", name, expect=DONE)
        check(lab.live() == "1", "with space again it runs:", lab.live())


def a_rollback_by_hand_works_on_a_full_disk():
    with MountLab() as lab:
        lab.deploy("1")
        lab.deploy("2")
        lab.fill()
        lab.run("rollback", "app", "--reason", "full disk", expect=DONE)
        check(lab.live() == "1" and lab.exists("app.up"), "the last known good is live:", lab.live())


def a_disk_that_fills_up_in_a_recovery_does_not_stop_it():
    with MountLab() as lab:
        lab.deploy("1")
        lab.configure(recovery=HELD.format(world=lab.world))
        lab.touch("hold", "hold-last", "fails-start-2")
        p = lab.start("deploy", lab.plan(), "--release", "2")
        until(lambda: lab.exists("recovering"), 20)
        lab.fill()
        for name in glob.glob(os.path.join(lab.state, "*reserve*")):
            os.unlink(name)  # what was kept for this is gone as well
        lab.fill()
        lab.remove("hold")
        until(lambda: lab.exists("last"), 30, "the recovery did not go on")
        check(lab.live() == "1" and lab.exists("app.up"), "the last known good is live, without a journal:", lab.live())
        lab.free()
        time.sleep(1.2)  # the journal looks for space once a second
        lab.remove("hold-last")
        out, _ = p.communicate(timeout=60)
        check(p.returncode == RECOVERED, "exit code:", p.returncode, out)
        report = lab.report()
        check(report["status"] == "failed_with_rollback", "the record is whole again:", report["status"])
        names = [n for (n,) in lab.sql("select name from events order by seq")]
        check("journal.degraded" in names and "journal.caught_up" in names, "it tells that it was in memory for a time:", names)
        check("memory" in out or "space" in out, "and said so at the time:", out)
        late = lab.sql("select id, late from links where chain = 'recovery' order by seq")
        check(any(l for _, l in late), "what was written late is marked:", late)
        lab.run("audit", "verify", expect=DONE)


def a_disk_that_stays_full_leaves_the_outcome_to_the_exit_code_and_the_screen():
    with MountLab() as lab:
        lab.deploy("1")
        lab.configure(recovery=HELD.format(world=lab.world))
        lab.touch("hold", "fails-start-2")
        p = lab.start("deploy", lab.plan(), "--release", "2")
        until(lambda: lab.exists("recovering"), 20)
        lab.fill()
        for name in glob.glob(os.path.join(lab.state, "*reserve*")):
            os.unlink(name)
        lab.fill()
        lab.remove("hold")
        out, _ = p.communicate(timeout=60)
        check(lab.live() == "1" and lab.exists("app.up"), "the last known good is live:", lab.live())
        check(p.returncode == RECOVERED, "exit code:", p.returncode, out)
        lab.free()
        lab.deploy("3")
        check(lab.live() == "3", "the next deployment of the same service runs:", lab.live())


def a_deployment_does_not_start_on_a_read_only_state_directory():
    with MountLab() as lab:
        lab.deploy("1")
        begin = lab.done()
        lab.remount("ro")
        p = lab.deploy("2", expect=JOURNAL)
        check("read-only" in p.stderr.lower() or "cannot write" in p.stderr, "it says why:", p.stderr)
        check(lab.state in p.stderr, "and where:", p.stderr)
        check(lab.done() == begin, "nothing was changed:", lab.done())


def a_rollback_by_hand_works_with_a_read_only_state_directory():
    with MountLab() as lab:
        lab.deploy("1")
        lab.deploy("2")
        lab.remount("ro")
        p = lab.run("rollback", "app", "--reason", "read-only", expect=DONE)
        check(lab.live() == "1" and lab.exists("app.up"), "the last known good is live:", lab.live())
        check("memory" in p.stdout + p.stderr, "it says that the record is in memory only:", p.stdout, p.stderr)


def faketime():
    need("faketime")
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1") + glob.glob("/usr/lib/faketime/libfaketime.so.1")
    if not found:
        print("libfaketime is not installed", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else 77)
    return found[0]


def a_clock_that_jumps_changes_no_duration_and_no_deadline():
    library = faketime()
    for jump in ("+2h", "-2h"):
        with FilesLab() as lab:
            stamp = lab.write("faketime", "+0\n")
            env = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": stamp, "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
                   "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
            lab.deploy("1", env=env)
            lab.touch("hold")
            plan = lab.plan(f'''{{ name = "Held"; run = "echo held >> {lab.world}/done; while test -e {lab.world}/hold; do sleep 0.01; done"; timeout = "20s"; retries = 0; }},
                                {{ name = "Slow"; run = "sleep 60"; timeout = "400ms"; retries = 0; }}''')
            p = lab.start("deploy", plan, "--release", "2", env=env)
            until(lambda: "held" in lab.done(), 20)
            with open(stamp, "w") as f:
                f.write(jump + "\n")
            time.sleep(0.2)
            lab.remove("hold")
            begun = time.monotonic()
            out, _ = p.communicate(timeout=60)
            check(p.returncode == RECOVERED and time.monotonic() - begun < 20, f"{jump}: it ended as ever:", p.returncode, out)
            report = lab.report()
            steps = lab.steps(report)
            check(steps["Held"]["status"] in ("completed", "undone") and 0.1 < steps["Held"]["duration"] < 20, f"{jump}: the held step was not cut, its duration is right:", steps["Held"])
            check(0.3 < steps["Slow"]["duration"] < 5, f"{jump}: the deadline held:", steps["Slow"])
            check(0 < report["rollback"]["total_duration"] < 20 and 0 < report["deployment"]["duration"] < 30, f"{jump}: durations are right:", report["rollback"]["total_duration"], report["deployment"]["duration"])
            stamps = lab.sql("select max(at_ms) - min(at_ms) from events where execution = (select max(n) from executions)")
            check(abs(stamps[0][0]) > 3000000, f"{jump}: the wall clock did jump:", stamps)


main(a_deployment_does_not_start_on_a_full_disk, an_approved_deployment_does_not_start_on_a_full_disk_either,
     a_rollback_by_hand_works_on_a_full_disk, a_disk_that_fills_up_in_a_recovery_does_not_stop_it,
     a_disk_that_stays_full_leaves_the_outcome_to_the_exit_code_and_the_screen, a_deployment_does_not_start_on_a_read_only_state_directory,
     a_rollback_by_hand_works_with_a_read_only_state_directory,
     *unsanitized("two libraries want to be the first", a_clock_that_jumps_changes_no_duration_and_no_deadline))
