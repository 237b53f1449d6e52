#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three services of real parts go forward and back as one: each operation of each that a deployment or a recovery calls is made to fail once and for ever, before it has
done anything and after it has done all. What is then live is asked of the parts themselves.

SWEEP=all (what LONG does): every point; SWEEP=N (4): N of them, drawn with SEED; SWEEP=web.recovery.restore.after.1: this one. SWEEP_JOBS (2): laboratories beside one another."""
import json
import multiprocessing
import os
import random
import time
import traceback

from lab import DONE, FAILED, INCOMPLETE, RECOVERED, REFUSED, Failure, check, main
from saga_lab import SERVICES, SagaLab

ONCE, EVER = 1, -1
BEFORE_ANYTHING = ("check", "state", "capture", "prove")


def points():
    """Every call that is made of a strategy by a deployment that ends well and by one that is recovered."""
    found = []
    with SagaLab() as lab:
        for bad, code in ((True, RECOVERED), (False, DONE)):
            lab.fault(None)
            lab.bad(bad)
            release = lab.new_release()
            p = lab.deploy(release, expect=code)
            expected = lab.good if bad else release
            check(lab.inspect() == dict.fromkeys(SERVICES, expected), "an undisturbed run ends with", lab.inspect(), p.stdout)
            found += [call for call in lab.calls() if call not in found]
    return [call + (when, count) for call in found for when in ("before", "after") for count in (ONCE, EVER)]


def choose(everything):
    wanted = os.environ.get("SWEEP") or ("all" if os.environ.get("LONG") else "4")
    if wanted == "all":
        return everything
    if not wanted.isdigit():
        return [tuple(p.split(".")[:4]) + (int(p.split(".")[4]),) for p in wanted.split(",")]
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"a sample of {wanted} of {len(everything)} points: SEED={seed}", flush=True)
    return random.Random(seed).sample(everything, int(wanted))


def table_is_true(lab, report, live, release, point):
    """What the report says of each member is what was found there."""
    rows = {m["service"]: m for m in report["members"]}
    check(set(rows) == set(SERVICES), "the table is not of all members:", sorted(rows))
    for name, row in rows.items():
        told = json.dumps(row)
        if row["status"] == "restored":
            check(row["release"] == lab.good == live[name], f"{name} is not restored:", told, live)
        elif row["status"] == "protected":
            check(name == "web" and live["web"] == lab.good, f"{name} is not protected:", told, live)
        elif row["status"] in ("prepared", "unchanged"):
            check(live[name] == release, f"{name} was switched, and the table says that it was not:", told, live)
        else:
            check(row["status"] == "unknown" and name == point[0], f"{name} is not known of, and it was not made to fail:", told, live)
        if row["status"] != "restored":
            check(row["detail"] or row["commands"] or report["way_out"], f"nobody is told what to do about {name}:", told)


def one_point(lab, point):
    """One deployment with one fault; what came of it."""
    service, stage, operation, when, count = point
    bad = stage == "recovery"
    lab.bad(bad)
    release = lab.new_release()
    lab.fault(point)
    p = lab.deploy(release, expect=None)
    output = f"\n{p.stdout}\n{p.stderr}"
    check(lab.was_hit(), "the operation was not called")
    lab.fault(None)
    live, report, old, new = lab.inspect(), lab.report(), dict.fromkeys(SERVICES, lab.good), dict.fromkeys(SERVICES, release)
    check(p.returncode in (DONE, FAILED, RECOVERED, INCOMPLETE, REFUSED), "exit code", p.returncode, output)
    check(lab.rows_there() == lab.rows, f"{lab.rows_there()} of {lab.rows} rows are there")
    if p.returncode == DONE:
        check(not bad and live == new, "it says that all is deployed:", live, output)
        lab.good = release
    elif p.returncode == INCOMPLETE:
        check(count == EVER, "one failure, and a person is needed:", live, output)
        check(bad, "a failure before the switch, and a person is needed:", live, output)
        check(report["status"] == "rollback_incomplete", "reported as", report["status"])
        if operation != "protect" and (service, operation) != ("web", "restore"):
            check(live["web"] == lab.good, "users are on the failed release:", live, output)
        table_is_true(lab, report, live, release, point)
        # with the release named, or without: what is back already stays where it is
        lab.run("rollback", *SERVICES, *(["--to", lab.good] if when == "after" else []), "--reason", "the fault is mended", expect=DONE)
        check(lab.inspect() == old, "after it was finished, live is", lab.inspect())
    else:
        check(live == old, f"exit code {p.returncode}, and live is", live, output)
        if report.get("members"):
            table_is_true(lab, report, live, release, point)
    if operation in BEFORE_ANYTHING and not bad:
        check(p.returncode != INCOMPLETE and live in (old, new), "it failed before anything was begun:", live, output)
    check(lab.reloaded() == lab.inspect()["conf"], "what reads the configuration has not been told of it")
    return p.returncode


def work(todo):
    failures, codes = [], {}
    lab = None
    for point in todo:
        name = ".".join(str(p) for p in point)
        try:
            lab = lab or SagaLab()
            begun = time.monotonic()
            code = one_point(lab, point)
            codes[code] = codes.get(code, 0) + 1
            print(f"{name}: exit code {code} ({time.monotonic() - begun:.1f} s)", flush=True)
        except Exception as e:
            failures.append(name)
            print(f"FAIL {name}: {e if isinstance(e, Failure) else traceback.format_exc()}", flush=True)
            if lab:
                lab.__exit__()
            lab = None
    if lab:
        lab.__exit__()
    return failures, codes


def every_operation_of_every_member_may_fail():
    everything = points()
    todo = choose(everything)
    jobs = min(len(todo), max(1, int(os.environ.get("SWEEP_JOBS", "2"))))
    begun = time.monotonic()
    with multiprocessing.Pool(jobs) as pool:
        results = pool.map(work, [todo[j::jobs] for j in range(jobs)], chunksize=1)
    failures = [f for v, _ in results for f in v]
    codes = {}
    for _, v in results:
        for code, n in v.items():
            codes[code] = codes.get(code, 0) + n
    print(f"{len(todo)} of {len(everything)} points, {len(failures)} failures, exit codes {dict(sorted(codes.items()))}, {time.monotonic() - begun:.0f} s", flush=True)
    check(len(everything) > 100, "there are too few points for a matrix:", len(everything))
    check(not failures, f"{len(failures)} of {len(todo)} points failed: SWEEP=" + ",".join(failures))


if __name__ == "__main__":
    main(every_operation_of_every_member_may_fail)
