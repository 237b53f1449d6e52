#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kill -9 of the engine of a deployment with a backup, at every sync of its journal and every frame to a worker; then `failback resume`. Whatever was reached, the
configuration ends as it was, the set is sealed or is none, and nothing stays half made.

SWEEP=all: at every point; SWEEP=N (6): at N of them, drawn with SEED."""
import os
import random
import shutil

from lab import BUILD, DONE, INTERRUPTED, RECOVERED, Failure, check, main
from test_backup import SPOIL, BackupLab


def crash(at, kind, count=None):
    e = {"LD_PRELOAD": os.path.join(BUILD, ".libs/crashpoint.so"), "CRASH_AT": str(at), "CRASH_KINDS": kind,
         "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    return dict(e, CRASH_COUNT=count) if count else e


class SweepLab(BackupLab):
    FOLDERS = ("state", "world", "config", "backups")

    def good(self):
        self.deploy("1.0")
        self.before = self.content()
        self.spoil = SPOIL.format(f"echo release = 2 > {self.tree}/app.conf; rm -f {self.tree}/sub/list")
        for name in self.FOLDERS:
            shutil.copytree(self.path(name), self.path("first", name), symlinks=True)

    def again(self):
        self.kill_services()
        for name in self.FOLDERS:
            shutil.rmtree(self.path(name))
            shutil.copytree(self.path("first", name), self.path(name), symlinks=True)

    def count(self):
        self.again()
        self.run("deploy", self.plan(self.spoil), "--release", "2.0", env=crash(0, "sm", self.path("points")), expect=RECOVERED)
        with open(self.path("points")) as f:
            letters = f.read()
        return [(kind, n) for kind in "sm" for n in range(1, letters.count(kind) + 1)]

    def at(self, kind, n):
        """True: the point was reached."""
        self.again()
        p = self.run("deploy", self.plan(self.spoil), "--release", "2.0", env=crash(n, kind))
        if p.returncode == RECOVERED:
            return False
        check(p.returncode in (INTERRUPTED, 70), "the killed engine's command ended with", p.returncode, p.stdout, p.stderr)
        if self.json("status", expect=0)["executions"]:
            self.run("resume", timeout=60, expect=RECOVERED)
        check(self.content() == self.before, "the configuration is not what it was:", self.content())
        begun = bool(self.sql("select 1 from executions where release = '2.0'"))
        left = [s["set"] for s in self.sets() if not s["sealed"]]
        check(not left or not begun, "a set is left half made:", left)
        check(sum(s["sealed"] for s in self.sets()) == 1 + begun, "sets:", self.sets())
        for s in self.sets():
            if s["sealed"]:
                self.store_run("verify", "--set", s["set"])
        self.run("audit", "verify", expect=0)
        return True


def a_backup_and_what_it_gives_back_survive_kill_9_everywhere():
    wanted = os.environ.get("SWEEP") or ("all" if os.environ.get("LONG") else "6")
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    failures, reached = [], 0
    with SweepLab() as lab:
        # one try: what is killed while it waits between two is told by test_sweep
        lab.configure([("app", f'backup = ( {{ use = "tree"; name = "config"; paths = [ "{lab.tree}" ]; }} );')], more=lab.settings + " failure_threshold = 1;")
        lab.good()
        everything = lab.count()
        points = everything if wanted == "all" else random.Random(seed).sample(everything, int(wanted))
        for kind, n in points:
            try:
                reached += lab.at(kind, n)
            except Failure as e:
                failures.append(f"{kind}{n}")
                print(f"killed at {kind}{n}: {e}", flush=True)
    print(f"SEED={seed}: {len(everything)} points, killed at {reached} of {len(points)}, {len(failures)} failures")
    check(not failures, "failed at", failures)
    check(reached >= len(points) * 8 // 10, "too few points were reached:", reached)


if __name__ == "__main__":
    main(a_backup_and_what_it_gives_back_survive_kill_9_everywhere)
