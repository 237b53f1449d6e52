# SPDX-License-Identifier: Apache-2.0
"""Kill -9 of the engine at every write to its journal, every sync that ends a commit, and every frame to a worker, of a deployment that is
recovered and of one that succeeds; then `failback resume`, which at every third point is killed itself and gone on with once more.

SWEEP=all (what LONG does): at every point; SWEEP=N (12): at N of them, drawn with SEED, as many of each kind; SWEEP=sm: at every sync and frame;
SWEEP=s7,m12: at these. SWEEP_JOBS (2): laboratories beside one another."""
import multiprocessing
import os
import random
import time
import traceback

from lab import DONE, INTERRUPTED, RECOVERED, Failure, check, main
from trio_lab import SERVICES, TrioLab

SCENARIOS = {"recovery": (True, RECOVERED, ("1", "1", "1")), "success": (False, DONE, ("2", "2", "2"))}


def count(lab, bad, code, live):
    """All points when nobody is killed: [("w", 1), ("w", 2), ("m", 1), ...]"""
    lab.again(bad)
    p = lab.deploy("2", env=lab.crash_environment(0, lab.path("points")), expect=code)
    check(lab.live() == live, "an undisturbed run ends on", lab.live(), p.stdout, p.stderr)
    lab.sound()
    with open(lab.path("points")) as f:
        letters = f.read()
    return [(kind, n) for kind in "wsm" for n in range(1, letters.count(kind) + 1)]


def choose(scenario, points):
    wanted = os.environ.get("SWEEP") or ("all" if os.environ.get("LONG") else "12")
    if wanted == "all":
        return points
    if wanted == "sm":
        return [p for p in points if p[0] != "w"]
    if not wanted.isdigit():
        return [(p[0], int(p[1:])) for p in wanted.split(",")]
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"{scenario}: SEED={seed}", flush=True)
    draw = random.Random(seed)
    return [p for kind in "wsm" for p in draw.sample([p for p in points if p[0] == kind], int(wanted) // 3)]


def resume(lab, point):
    """Goes on until it has ended, and returns the code it ended with; the engine that goes on is killed, too, after every third point."""
    if not lab.json("status", expect=0)["executions"]:
        return None  # it died before the first record or after the last
    if point[1] % 3 == 0:
        p = lab.run("resume", timeout=60, env=lab.crash_environment(point[1] % 50 + 1, kinds="s"))
        if p.returncode != INTERRUPTED or not lab.json("status", expect=0)["executions"]:
            return p.returncode if p.returncode != INTERRUPTED else None
    return lab.run("resume", timeout=60).returncode


def one_point(lab, point, bad, code, live):
    """True: the point was reached."""
    lab.again(bad)
    p = lab.deploy("2", env=lab.crash_environment(point[1], kinds=point[0]))
    if p.returncode == code:
        lab.sound()
        return False  # runs differ by a few writes: this one was shorter
    check(p.returncode in (INTERRUPTED, 70), "the killed engine's command ended with", p.returncode, p.stdout, p.stderr)
    done, before = lab.recorded_done(), lab.done_in(lab.ledger(), "begin")
    begun = bool(lab.sql("select 1 from executions where release = '2'"))
    check(begun or p.returncode == 70, "a command says that an execution is interrupted, and there is none:", p.stdout, p.stderr)
    ended = resume(lab, point)
    after = lab.done_in(lab.ledger(), "begin")
    for action in set(done):
        check(before.count(action) == after.count(action), f"recorded done and made again: {action}")
    if not begun:
        check(lab.live() == ("1", "1", "1"), "nothing was recorded, and something was changed:", lab.live())
    else:
        ended = lab.newest()["exit_code"] if ended is None else ended
        check(ended == code, f"resume ended with {ended}, not {code}:\n{lab.run('show').stdout}")
        check(lab.live() == live, "live is", lab.live())
        report = lab.report()
        check(report["status"] == ("failed_with_rollback" if bad else "completed"), "reported as", report["status"])
        good = {s["service"]: s["last_good"] for s in lab.json("status")["services"]}
        check(good == dict(zip(SERVICES, live)), "last known good:", good)
        with open(lab.path("world/schema")) as f:
            check(f.read() == ("old\n" if bad else "new\n"), "the plan's own step was not taken back" if bad else "the plan's own step is lost")
        told = [m["name"] for m in lab.mails() if m["execution"] == report["execution_id"]]
        final = "rollback.completed" if bad else "deployment.completed"
        check(final in told, "nobody was told of", final, told)
    lab.sound()
    return True


def work(job):
    scenario, points = job
    bad, code, live = SCENARIOS[scenario]
    failures, reached = [], 0
    with TrioLab() as lab:
        lab.good()
        for point in points:
            name = "%s%d" % point
            try:
                reached += one_point(lab, point, bad, code, live)
            except Exception as e:
                failures.append(name)
                print(f"{scenario}: killed at point {name}: {e if isinstance(e, Failure) else traceback.format_exc()}", flush=True)
    return reached, failures


def sweep(scenario):
    bad, code, live = SCENARIOS[scenario]
    with TrioLab() as lab:
        lab.good()
        everything = count(lab, bad, code, live)
    total, points = len(everything), choose(scenario, everything)
    jobs = max(1, int(os.environ.get("SWEEP_JOBS", "2")))
    begun = time.monotonic()
    with multiprocessing.Pool(jobs) as pool:
        results = pool.map(work, [(scenario, points[j::jobs]) for j in range(jobs)])
    reached = sum(r for r, _ in results)
    failures = [f for _, v in results for f in v]
    print(f"{scenario}: {total} points, killed at {reached} of {len(points)}, {len(failures)} failures, {time.monotonic() - begun:.0f} s", flush=True)
    check(total > 100, "there are too few points for a sweep:", total)
    check(not failures, f"{len(failures)} of {len(points)} points failed: SWEEP=" + ",".join(failures))
    check(reached >= len(points) * 9 // 10, "too few points were reached:", reached)


def a_recovery_survives_kill_9_everywhere():
    sweep("recovery")


def a_deployment_that_succeeds_survives_kill_9_everywhere():
    sweep("success")


if __name__ == "__main__":
    main(a_recovery_survives_kill_9_everywhere, a_deployment_that_succeeds_survives_kill_9_everywhere)
