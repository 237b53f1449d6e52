# SPDX-License-Identifier: Apache-2.0
"""What users feel of a release that fails, and of one that does not: each way to fail once. tests/bench/impact has the long runs and the exact limits;
the times here are such as hold on a machine that is busy with other things."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from impact_lab import ImpactLab, expect, common_rules
from lab import DONE, FAILED, RECOVERED, Failure, check, main

SLOW = float(os.environ.get("SLOW", "6"))  # how much slower than the target a busy machine may be


def a_release_that_answers_500_is_left_before_many_requests_fail():
    with ImpactLab(watch="10s") as lab:
        f = lab.trial(lab.errors)
        expect(f, RECOVERED, "1.0", (0 < f["failed"] <= 50 * SLOW, f"{f['failed']} requests failed"), (f["impact"] == "SOME", f["impact"]),
               (f["safe_ms"] <= 100 * SLOW, f"users were safe after {f['safe_ms']} ms"))


def a_crash_after_promotion_loses_no_get_and_no_post_twice():
    with ImpactLab(watch="10s") as lab:
        f = lab.trial(lab.crash)
        expect(f, RECOVERED, "1.0", (f["failed_gets"] == 0, f"{f['failed_gets']} GETs failed: {f['client']}"),
               (f["longest_ms"] <= 500 * SLOW, f"a request took {f['longest_ms']} ms"))


def a_hang_after_promotion_loses_no_get_and_is_waited_for_no_longer_than_its_timeout():
    with ImpactLab(watch="10s") as lab:
        f = lab.trial(lab.hang)
        expect(f, RECOVERED, "1.0", (f["failed_gets"] == 0, f"{f['failed_gets']} GETs failed: {f['client']}"),
               (f["longest_ms"] <= lab.server_timeout_ms + 500 * SLOW, f"a request took {f['longest_ms']} ms"))


def a_release_that_cannot_start_is_seen_by_nobody():
    with ImpactLab() as lab:
        f = lab.trial(release_options="--config /nonexistent/production.json", promoted=False)
        expect(f, f["code"], "1.0", (f["code"] in (FAILED, RECOVERED), f"exit code {f['code']}"), (not f["seen_by_users"], "users saw it"),
               (f["failed"] == 0, f"{f['failed']} requests failed"), (f["impact"] == "ZERO", f["impact"]))


def a_release_that_is_not_healthy_before_its_promotion_is_seen_by_nobody():
    with ImpactLab() as lab:
        f = lab.trial(release_options="--unhealthy", promoted=False)
        expect(f, f["code"], "1.0", (f["code"] in (FAILED, RECOVERED), f"exit code {f['code']}"), (not f["seen_by_users"], "users saw it"),
               (f["failed"] == 0, f"{f['failed']} requests failed"), (f["impact"] == "ZERO", f["impact"]))


def a_good_release_under_load_has_no_impact():
    with ImpactLab() as lab:
        f = lab.trial()
        expect(f, DONE, f["release"], (f["failed"] == 0, f"{f['failed']} requests failed: {f['client']}"), (f["impact"] == "ZERO", f["impact"]))


def background_errors_a_burst_and_clients_that_give_up_are_no_failure():
    with ImpactLab(watch="3s") as lab:
        f = lab.trial(release_options="--fail 1", client_more=("--abort", "10"), after=lambda: lab.control(lab.side_of("2.1"), "/fail?percent=100&times=5"))
        wrong = [w for w in common_rules(f) if "executed twice" in w]
        check(f["code"] == DONE and f["live"] == f["release"] and f["aborted"] > 0 and not wrong, f"exit code {f['code']}, {wrong}, {f['client']}\n{f['output']}")


def clients_that_carry_the_cookie_of_the_failed_side_are_moved():
    with ImpactLab(rig={"STICKY": "1"}, watch="10s") as lab:
        f = lab.trial(lab.errors, client_more=("--cookie", "keep"), late=True)
        expect(f, RECOVERED, "1.0", (f["failed"] <= 50 * SLOW, f"{f['failed']} requests failed"),
               (f["safe_ms"] <= 100 * SLOW, f"users were safe after {f['safe_ms']} ms"), (f["client"]["settled_release"] == "1.0", "clients stayed"))


def a_restart_of_the_load_balancer_makes_the_impact_unknown():
    def restart():
        lab.rig("reload", lab.dir)

    with ImpactLab(watch="3s") as lab:
        f = lab.trial(after=restart)
        check(f["code"] == DONE, f"exit code {f['code']}\n{f['output']}")
        check(f["failed"] > 0 or f["impact"] == "UNKNOWN", f"the impact is said to be {f['impact']}")


if __name__ == "__main__":
    main(a_release_that_answers_500_is_left_before_many_requests_fail, a_crash_after_promotion_loses_no_get_and_no_post_twice,
         a_hang_after_promotion_loses_no_get_and_is_waited_for_no_longer_than_its_timeout, a_release_that_cannot_start_is_seen_by_nobody,
         a_release_that_is_not_healthy_before_its_promotion_is_seen_by_nobody, a_good_release_under_load_has_no_impact,
         background_errors_a_burst_and_clients_that_give_up_are_no_failure, clients_that_carry_the_cookie_of_the_failed_side_are_moved,
         a_restart_of_the_load_balancer_makes_the_impact_unknown)
