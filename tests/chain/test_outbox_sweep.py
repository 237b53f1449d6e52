# SPDX-License-Identifier: Apache-2.0
"""Kill -9 of the engine at every write to its journal, every sync that ends a commit, and every frame to a worker, of a recovery that is told to Slack (token), PagerDuty,
a webhook and by mail; then `failback resume`, which at every third point is killed itself, and `failback notify flush`. Nothing is lost, and nothing is twice where the
service can tell: one Slack message, one alert that was opened once, each event's id and Message-ID as it was.

SWEEP=all (what LONG does): at every point; SWEEP=N (12): at N of them, drawn with SEED; SWEEP=s7,m12: at these."""
import json
import os
import random
import time
import traceback

from files_lab import FilesLab
from http_stand_in import StandIn
from lab import BUILD, INTERRUPTED, RECOVERED, Failure, check, main
from mail_stand_in import PASSWORD, USER, MailServer
from pagerduty_stand_in import KEY, PagerDuty
from slack_stand_in import CHANNEL, TOKEN, Slack

FAILS = '{ name = "Verify"; run = "exit 1"; retries = 0; undo = "true"; }'
EVENTS = {"deployment.failed", "rollback.started", "rollback.restored", "rollback.verified", "rollback.completed"}
NAMES = ("slack", "pagerduty", "webhook", "email")


class Hook(StandIn):
    def __init__(self):
        self.events = []
        super().__init__()

    def take(self, method, path, headers, body):
        self.events.append(json.loads(body))
        return 204, {}, ""


class World:
    def __init__(self):
        self.lab = FilesLab()
        self.parts = [Slack(), PagerDuty(), Hook(), MailServer(self.lab.dir)]
        self.slack, self.pd, self.hook, self.mail = self.parts
        on = 'on = [ "deployment.failed", "rollback.*" ];'
        self.lab.configure(notifiers=f'''notifiers = (
  {{ use = "slack"; token = "{TOKEN}"; channel = "{CHANNEL}"; api_url = "{self.slack.api}"; group = "each"; {on} }},
  {{ use = "pagerduty"; routing_key = "{KEY}"; api_url = "{self.pd.url}"; {on} }},
  {{ use = "webhook"; url = "{self.hook.url}/"; {on} }},
  {{ use = "email"; host = "127.0.0.1"; port = {self.mail.port}; ca_file = "{self.mail.cert}"; user = "{USER}"; password = "{PASSWORD}"; from = "a@example.com";
     recipients = [ "b@example.com" ]; {on} }} );''')

    def __enter__(self):
        for part in self.parts:
            part.__enter__()
        self.lab.deploy("1")
        return self

    def __exit__(self, *_):
        for part in self.parts:
            part.__exit__()
        self.lab.__exit__()

    def crash(self, at, count=None, kinds="wsm"):
        e = {"LD_PRELOAD": os.path.join(BUILD, ".libs/crashpoint.so"), "CRASH_AT": str(at), "CRASH_KINDS": kinds,
             "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        return dict(e, CRASH_COUNT=count) if count else e

    def go_on(self, point):
        """Until nothing is unfinished; every third resume is killed, too."""
        for tries in range(6):
            if not self.lab.json("status", expect=0)["executions"]:
                return
            self.lab.run("resume", timeout=60, env=self.crash(point[1] % 50 + 1, kinds="s") if tries == 0 and point[1] % 3 == 0 else None)
        raise Failure("it is not gone on with to its end")

    def told(self, execution):
        """What every service knows of one execution is whole, and once."""
        waiting = self.lab.sql("select notifier, event, status, text from outbox where status != 'sent'")
        check(not waiting, "not delivered:", waiting)
        for name in NAMES:
            events = {r[0] for r in self.lab.sql(f"select event from outbox o join executions e on e.n = o.execution where notifier = '{name}' and e.id = '{execution}'")}
            check(EVENTS <= events, f"{name} is not told of", EVENTS - events)
        mine = [e for e in self.hook.events if e["subject"] == execution]
        ids = {f"{execution}-{e}" for e in EVENTS}
        check(ids <= {e["id"] for e in mine}, "the webhook lacks", ids - {e["id"] for e in mine})
        check(len({e["id"]: e["type"] for e in mine}) == len({e["type"] for e in mine}), "an event has two ids:", [e["id"] for e in mine])
        incident = "INC-" + execution
        messages = [m for m in self.slack.messages.values() if m["metadata"]["event_payload"]["incident"] == incident]
        check(len(messages) == 1, f"Slack has {len(messages)} messages of it")
        check("Automatic Rollback Completed" in messages[0]["blocks"][0]["text"]["text"], "which tells another end:", messages[0])
        check(self.pd.state.get(incident) == "resolved", "PagerDuty:", self.pd.alerts.get(incident))
        mails = {m["Message-ID"] for m in self.mail.mails if execution in m["Message-ID"]}
        check(len(mails) >= len(EVENTS), "mails:", mails)
        check(len({m["X-Failback-Event"] + m["Message-ID"] for m in self.mail.mails if execution in m["Message-ID"]}) == len(mails), "an event has two Message-IDs:", mails)
        check(not self.slack.wrong and not self.pd.wrong and not self.hook.wrong, "a request was not in order:", self.slack.wrong, self.pd.wrong)

    def one_point(self, point, release):
        before, opened = self.lab.newest()["execution_id"], self.pd.opened
        p = self.lab.deploy(release, FAILS, expect=None, env=self.crash(point[1], kinds=point[0]))
        check(p.returncode in (RECOVERED, INTERRUPTED, 70), "the killed engine's command ended with", p.returncode, p.stdout, p.stderr)
        self.go_on(point)
        flush = self.lab.run("notify", "flush")
        execution = self.lab.newest()["execution_id"]
        if execution == before:
            return p.returncode != RECOVERED  # nothing was recorded
        check(flush.returncode == 0, "flush:", flush.stdout, flush.stderr)
        if self.lab.report()["status"] == "failed_with_rollback":
            self.told(execution)
            check(self.pd.opened == opened + 1, "PagerDuty opened", self.pd.opened - opened)
        return p.returncode != RECOVERED


def choose(points):
    wanted = os.environ.get("SWEEP") or ("all" if os.environ.get("LONG") else "12")
    if wanted == "all":
        return points
    if not wanted.isdigit():
        return [(p[0], int(p[1:])) for p in wanted.split(",")]
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"SEED={seed}", flush=True)
    draw = random.Random(seed)
    return [p for kind in "wsm" for p in draw.sample([p for p in points if p[0] == kind], max(1, int(wanted) // 3))]


def word_survives_kill_9_everywhere():
    failures, reached, begun = [], 0, time.monotonic()
    with World() as world:
        world.lab.deploy("2", FAILS, expect=RECOVERED, env=world.crash(0, world.lab.path("points")))
        world.told(world.lab.newest()["execution_id"])
        with open(world.lab.path("points")) as f:
            letters = f.read()
        points = [(kind, n) for kind in "wsm" for n in range(1, letters.count(kind) + 1)]
        chosen = choose(points)
        for i, point in enumerate(chosen):
            try:
                reached += world.one_point(point, str(i + 3))
            except Exception as e:
                failures.append("%s%d" % point)
                print(f"killed at point {failures[-1]}: {e if isinstance(e, Failure) else traceback.format_exc()}", flush=True)
    print(f"{len(points)} points, killed at {reached} of {len(chosen)}, {len(failures)} failures, {time.monotonic() - begun:.0f} s", flush=True)
    check(len(points) > 100, "there are too few points for a sweep:", len(points))
    check(not failures, f"{len(failures)} of {len(chosen)} points failed: SWEEP=" + ",".join(failures))
    check(reached >= len(chosen) * 8 // 10, "too few points were reached:", reached)


if __name__ == "__main__":
    main(word_survives_kill_9_everywhere)
