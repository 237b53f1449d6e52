# SPDX-License-Identifier: Apache-2.0
"""Notifiers through the whole program, against stand-ins that check every request: what each channel is told of an incident, and what it is told when the service is slow, broken, busy or gone."""
import json
import os
import socket

from files_lab import FilesLab
from http_stand_in import StandIn
from lab import CONFIG, DONE, RECOVERED, check, free_port, main, until
from pagerduty_stand_in import KEY, PagerDuty
from slack_stand_in import CHANNEL, TOKEN, Slack
from teams_stand_in import Teams

FAILS = '{ name = "Verify"; run = "echo \\"Error: Cannot find module \'./config/production.json\' <b>&amp;</b> \\\\`\\\\`\\\\`x\\\\`\\\\`\\\\`\\" >&2; exit 1"; retries = 0; undo = "true"; }'


def notifiers(*rows):
    return "notifiers = (\n" + ",\n".join("  { " + r + " }" for r in rows) + " );"


def slack_hook(s, more=""):
    return f'use = "slack"; webhook_url = "{s.webhook}"; {more}'


def slack_bot(s, more=""):
    return f'use = "slack"; token = "{TOKEN}"; channel = "{CHANNEL}"; api_url = "{s.api}"; group = "each"; {more}'


def pager(s, more=""):
    return f'use = "pagerduty"; routing_key = "{KEY}"; api_url = "{s.url}"; {more}'


def recovery(lab):
    lab.deploy("1")
    lab.deploy("2", FAILS, expect=RECOVERED)
    return lab.report()


def rows(lab, what="notifier, event, status"):
    return lab.sql(f"select {what} from outbox order by id")


def in_order(stand_in):
    check(not stand_in.wrong, "every request is as the service wants it:", stand_in.wrong)


def slack_by_webhook_has_one_message_an_incident():
    with Slack() as slack, FilesLab(notifiers=notifiers(slack_hook(slack, 'mention = "<!here>";'))) as lab:
        report = recovery(lab)
        in_order(slack)
        check(len(slack.posts) == 2, "one message of the deployment that went well, one of the incident:", slack.posts)
        text = json.dumps(slack.posts[1])
        header = slack.posts[1]["blocks"][0]["text"]["text"]
        check(header == "Deployment Failed - Automatic Rollback Completed", "the headline:", header)
        for part in ("audit head", "INC-" + report["execution_id"], "app 2 -&gt; 1", "production", "(missing_file)", "production.json"):
            check(part in text, f"it says {part}:", text)
        check("<!here>" not in text, "nobody is called when it went well in the end (warning):", text)
        check(all(r[2] in ("sent", "dropped") for r in rows(lab)), "nothing waits:", rows(lab))
        check("not delivered" not in json.dumps(report), "and nobody is said not to have been told:", [p for p in report["rollback"]["phases"] if p["id"] == "notify"])


def slack_by_token_has_one_message_that_is_updated():
    with Slack() as slack, FilesLab(notifiers=notifiers(slack_bot(slack))) as lab:
        report = recovery(lab)
        in_order(slack)
        check(len(slack.messages) == 2 and len(slack.updates) >= 3, "one message an execution, the rest are updates:", slack.calls)
        last = list(slack.messages.values())[-1]
        check(last["blocks"][0]["text"]["text"] == "Deployment Failed - Automatic Rollback Completed", "it says how it ended:", last)
        check(last["metadata"]["event_payload"]["incident"] == "INC-" + report["execution_id"], "and whose it is:", last)
        check(all(r[2] == "sent" for r in rows(lab)), "everything was delivered:", rows(lab))


def what_slack_does_not_take_is_sent_once_more_as_plain_text():
    with Slack(refuse_blocks=True) as slack, Slack(refuse_blocks=True) as bot, FilesLab(notifiers=notifiers(slack_hook(slack), slack_bot(bot, 'name = "bot";'))) as lab:
        recovery(lab)
        check(len(slack.posts) == 2 and all("blocks" not in m for m in slack.posts), "by webhook:", slack.posts)
        check(len(bot.messages) == 2 and not any(m.get("blocks") for m in bot.messages.values()), "by token:", bot.messages)


def a_message_that_was_deleted_is_posted_anew():
    with Slack() as slack, FilesLab(notifiers=notifiers(slack_bot(slack, 'on = [ "deployment.*" ];'))) as lab:
        hold = '{ name = "Waits"; run = "touch %s/begun; while test ! -e %s/go; do sleep 0.02; done"; }' % (lab.dir, lab.dir)
        p = lab.start("deploy", lab.plan(hold), "--release", "1")
        until(lambda: slack.messages and os.path.exists(lab.path("begun")), 20)
        slack.messages.clear()
        lab.write("go", "")
        check(p.wait(30) == DONE, "the deployment goes well")
        check(len(slack.messages) == 1, "there is one again:", slack.calls)


def pagerduty_is_triggered_acknowledged_and_resolved():
    with PagerDuty() as pd, FilesLab(notifiers=notifiers(pager(pd))) as lab:
        report = recovery(lab)
        in_order(pd)
        key = "INC-" + report["execution_id"]
        check(list(pd.alerts) == [key], "one alert, under the execution's key:", pd.alerts)
        actions = [a for i, a in enumerate(pd.alerts[key]) if i == 0 or a != pd.alerts[key][i - 1]]
        check(actions == ["trigger", "acknowledge", "resolve"] and pd.opened == 1 and not pd.dropped, "in this order:", pd.alerts, pd.dropped)
        check(len(pd.changes) == 1 and "Deployment Completed" in pd.changes[0]["payload"]["summary"], "the first deployment is a change event:", pd.changes)
        details = pd.events[0]["payload"]["custom_details"]
        check(details["priority"] == "HIGH" and details["audit_head"] and details["incident"] == key, "its details:", details)


def pagerduty_is_not_resolved_when_a_person_is_needed():
    with PagerDuty() as pd, FilesLab(notifiers=notifiers(pager(pd))) as lab:
        lab.deploy("1")
        lab.touch("fails-start-2", "fails-restore-1")
        lab.deploy("2", expect=4)
        in_order(pd)
        key = "INC-" + lab.report()["execution_id"]
        check(pd.state == {key: "acknowledged", key + "-incomplete": "triggered"}, "the alert stays open, and another calls a person:", pd.state)
        check(pd.events[-1]["payload"]["severity"] == "critical", "which is critical:", pd.events[-1])


def teams_has_a_card_of_each_incident():
    with Teams() as teams, FilesLab(notifiers=notifiers(f'use = "teams"; webhook_url = "{teams.webhook}"; on = [ "rollback.*" ];')) as lab:
        report = recovery(lab)
        in_order(teams)
        check(len(teams.cards) == 1, "one card:", len(teams.cards))
        texts = teams.texts(0)
        check(texts[0] == "Deployment Failed - Automatic Rollback Completed" and "Incident: INC-" + report["execution_id"] in texts, "it says what happened:", texts)


def syslog_has_an_entry_of_each_event():
    with FilesLab() as lab, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        log.bind(lab.path("log"))
        journal.bind(lab.path("journal"))
        lab.configure(notifiers=notifiers(f'use = "syslog"; format = "syslog"; socket = "{lab.path("log")}"; facility = "local3"; on = [ "*" ];',
                                          f'use = "syslog"; name = "journal"; journal_socket = "{lab.path("journal")}"; on = [ "*" ];'))
        lab.deploy("1")
        log.settimeout(5)
        journal.settimeout(5)
        line, entry = log.recv(65536).decode(), journal.recv(65536).decode()
        check(line.startswith("<158>1 20") and " failback - deployment.started [failback@32473 event=\"deployment.started\"" in line and "] \ufeffDeployment Started" in line, "RFC 5424:", line)
        fields = dict(f.split("=", 1) for f in entry.strip().split("\n"))
        check(fields["FAILBACK_EVENT"] == "deployment.started" and fields["PRIORITY"] == "6" and fields["FAILBACK_INCIDENT"].startswith("INC-deploy-"), "journald:", fields)
        check(len(fields["FAILBACK_AUDIT_HEAD"]) == 64, "with the head of the audit trail:", fields)


def retry_after_is_waited_for():
    with Slack(answers=[(429, {"Retry-After": "1"}, "")]) as slack, FilesLab(notifiers=notifiers(slack_hook(slack))) as lab:
        lab.deploy("1")
        check(len(slack.posts) == 1 and len(slack.times) == 2, "it came with the second attempt:", slack.times)
        check(slack.times[1] - slack.times[0] >= 1, "not before it was asked for:", slack.times)


def broken_answers_lose_nothing():
    broken = ["reset", "close", (500, {}, "x" * 200000), (502, {}, b"\xff\x00\x1b[31m"), (200, {"Retry-After": "soon"}, "\x00")]
    with PagerDuty(answers=broken[:2]) as pd, Slack(answers=broken) as slack, FilesLab(
            notifiers=notifiers(pager(pd, 'retries = 9;'), slack_bot(slack, 'retries = 9; on = [ "deployment.*" ];')), more='notify_timeout = "60s";') as lab:
        report = recovery(lab)
        check(pd.state["INC-" + report["execution_id"]] == "resolved" and pd.opened == 1, "PagerDuty:", pd.alerts)
        check(all(r[2] == "sent" for r in rows(lab)), "all is delivered:", rows(lab))
        check(len(slack.messages) == 2, "once each:", slack.calls)


def an_answer_that_is_lost_makes_no_second_message():
    with Slack(answers=[("lost",)]) as slack, PagerDuty(answers=[None, ("lost",)]) as pd, FilesLab(notifiers=notifiers(slack_bot(slack), pager(pd))) as lab:
        recovery(lab)
        check(len(slack.messages) == 2, "what was posted is found again:", slack.calls)
        check("/api/conversations.history" in slack.calls, "by its metadata:", slack.calls)
        check(pd.opened == 1, "one alert:", pd.alerts)


def a_permanent_error_falls_to_the_next_channel():
    with Slack(answers=lambda n: (410, {}, "channel_is_archived")) as gone, PagerDuty() as pd, FilesLab(
            notifiers=notifiers(slack_hook(gone, 'group = "each"; fallback = "pagerduty";'), pager(pd, "on = [ ];"))) as lab:
        report = recovery(lab)
        check(len(gone.times) == 2, "one attempt an execution:", gone.times)
        check(pd.state["INC-" + report["execution_id"]] == "resolved", "the next channel has all of it:", pd.alerts)
        found = {(r[0], r[2]) for r in rows(lab)}
        check(("slack", "failed") in found and ("slack", "dropped") in found and not any(r[0] == "pagerduty" and r[2] != "sent" for r in rows(lab)), "as the journal says:", rows(lab))


def a_dead_channel_is_given_to_the_next_at_the_end():
    with Slack() as slack, FilesLab(notifiers=notifiers(f'use = "webhook"; url = "http://127.0.0.1:{free_port()}/"; fallback = "slack";', slack_hook(slack, "on = [ ];")),
                                    more='notify_timeout = "1500ms";') as lab:
        lab.deploy("1")
        check(len(slack.posts) == 1, "who stands in for it has the last word:", slack.posts)
        check(("webhook", "deployment.completed", "waiting") in rows(lab), "and it waits still:", rows(lab))


def an_incident_escalates_by_time_and_by_severity():
    with PagerDuty() as pd, FilesLab(notifiers=notifiers('use = "console"; escalate = "pagerduty"; escalate_after = "200ms";', pager(pd, "on = [ ];"))) as lab:
        recovery(lab)
        check(not pd.events or pd.opened <= 1, "an incident that is over soon wakes nobody:", pd.alerts)
        quick = len(pd.events)
        lab.touch("hold-restore-1")
        p = lab.start("deploy", lab.plan(FAILS + ', { name = "x"; run = "true"; }'), "--release", "3")
        lab.touch("fails-start-3")
        until(lambda: len(pd.events) > quick or p.poll() is not None, 20, "nobody was told while it went on")
        lab.remove("hold-restore-1")
        p.wait(60)
    with PagerDuty() as pd, FilesLab(notifiers=notifiers('use = "console"; escalate = [ "pagerduty" ];', pager(pd, "on = [ ];"))) as lab:
        lab.deploy("1")
        lab.touch("fails-start-2", "fails-restore-1")
        lab.deploy("2", expect=4)
        check(pd.opened == 1 and pd.events[0]["payload"]["severity"] == "critical", "what is critical goes there at once:", pd.events)


def what_was_not_delivered_is_delivered_by_flush_once():
    port = free_port()
    with FilesLab(notifiers=notifiers(f'use = "webhook"; url = "http://127.0.0.1:{port}/"; on = [ "deployment.*" ];'), more='notify_timeout = "100ms";') as lab:
        lab.deploy("1")
        check(all(r[2] == "waiting" for r in rows(lab)), "it waits:", rows(lab))
        with Hook() as hook:
            lab.configure(notifiers=notifiers(f'use = "webhook"; url = "{hook.url}/"; on = [ "deployment.*" ];'))
            d = lab.json("notify", "flush", expect=DONE)
            check([x["event"] for x in d["deliveries"]] == ["deployment.started", "deployment.completed"] and not d["left"], "flush delivers it, in order:", d)
            check([e["type"] for e in hook.events] == ["dev.failback.deployment.started.v1", "dev.failback.deployment.completed.v1"], "with today's address:", hook.events)
            check("nothing waits" in lab.run("notify", "flush", expect=DONE).stdout, "once")
            check(len(hook.events) == 2, "and no more")


def the_next_execution_delivers_what_is_left():
    port = free_port()
    with FilesLab(notifiers=notifiers(f'use = "webhook"; url = "http://127.0.0.1:{port}/"; on = [ "deployment.completed" ];'), more='notify_timeout = "100ms";') as lab:
        lab.deploy("1")
        with Hook() as hook:
            lab.configure(notifiers=notifiers(f'use = "webhook"; url = "{hook.url}/"; on = [ "deployment.completed" ];'))
            lab.deploy("2", '{ name = "Takes its time"; run = "sleep 1"; }')
            check(len({e["id"] for e in hook.events}) == 2 and len(hook.events) == 2, "both are delivered, once:", hook.events)
            check(all(r[2] == "sent" for r in rows(lab)), "as the journal says:", rows(lab))


def two_processes_deliver_nothing_twice():
    with FilesLab(notifiers=notifiers(f'use = "webhook"; url = "http://127.0.0.1:{free_port()}/"; on = [ "deployment.*" ];'), more='notify_timeout = "50ms";') as lab:
        for release in "1234":
            lab.deploy(release)
        with Hook() as hook:
            lab.configure(notifiers=notifiers(f'use = "webhook"; url = "{hook.url}/"; on = [ "deployment.*" ];'))
            running = [lab.start("notify", "flush") for _ in range(4)]
            codes = [p.wait(60) for p in running]
            check(0 in codes and set(codes) <= {0, 5}, "one does it, the others leave it to that:", codes)
            lab.run("notify", "flush", expect=DONE)
            ids = [e["id"] for e in hook.events]
            check(len(ids) == len(set(ids)) == 8, "each once:", ids)


def the_seeds_settings_are_served():
    with Slack() as slack, PagerDuty() as pd, FilesLab(notifiers="") as lab:
        more = f'''notification_config = {{
  slack = {{ enabled = true; channel = "#deployments"; api_url = "{slack.api}"; }};
  email = {{ enabled = false; recipients = [ "devops-team@company.com" ]; }};
  pagerduty = {{ enabled = true; api_key = "{KEY}"; api_url = "{pd.url}"; }}; }};'''
        lab.configure(notifiers="", more=more)
        env = {"SLACK_WEBHOOK_URL": slack.webhook}
        lab.deploy("1", env=env)
        lab.deploy("2", FAILS, expect=RECOVERED, env=env)
        check(slack.posts[-1]["blocks"][0]["text"]["text"] == "Deployment Failed - Automatic Rollback Completed", "Slack:", slack.posts)
        check(pd.opened == 1 and pd.events[0]["payload"]["custom_details"]["priority"] == "HIGH", "PagerDuty:", pd.alerts)
        check({r[0] for r in rows(lab)} == {"slack", "pagerduty"}, "and nobody else:", rows(lab))


def templates_are_checked_shown_and_used():
    with Slack() as slack, FilesLab() as lab:
        lab.configure(notifiers=notifiers(slack_hook(slack, 'title = "${enviroment}: ${title}";')))
        p = lab.run("config", "check", expect=CONFIG)
        check('there is no field "${enviroment}"' in p.stderr and "did you mean 'environment'" in p.stderr, "an unknown name is an error:", p.stderr)
        lab.configure(notifiers=notifiers(slack_hook(slack, 'title = "${environment}: ${title} $${x}"; text = "${services} says <${summary}>";')))
        p = lab.run("notify", "test", "slack", expect=DONE)
        check("production: Deployment Failed - Automatic Rollback Completed ${x}" in p.stdout and "backend says &lt;" in p.stdout, "it is shown:", p.stdout)
        check(not slack.posts, "and not sent")
        check(slack.webhook not in p.stdout and "s3cretpath" not in p.stdout, "no secret is shown:", p.stdout)
        d = lab.json("notify", "test", "--send", "--event", "deployment.failed", expect=DONE)
        check(d["sent"] and slack.posts[0]["blocks"][0]["text"]["text"] == "production: Deployment Failed ${x}", "it is sent when that is asked for:", slack.posts)
        check("did you mean 'slack'" in lab.run("notify", "test", "slakc", expect=64).stderr, "a name that is not there")
        check("did you mean 'rollback.completed'" in lab.run("notify", "test", "--event", "rollback.complete", expect=64).stderr, "an event that is not there")
        lab.deploy("1")
        check(slack.posts[1]["blocks"][0]["text"]["text"].startswith("production: Deployment Completed"), "and in earnest:", slack.posts[1])


def who_is_to_approve_is_told():
    with Slack() as slack, PagerDuty() as pd, FilesLab(notifiers=notifiers(slack_hook(slack), pager(pd))) as lab:
        p = lab.run("deploy", lab.plan('{ name = "Risky"; run = "true"; risk = "high"; }', more='approval = "high";'), "--release", "1", expect=6)
        check(len(slack.posts) == 1 and slack.posts[0]["blocks"][0]["text"]["text"] == "Approval Needed", "Slack:", slack.posts, p.stdout)
        check("failback approve deploy-production-" in json.dumps(slack.posts[0]) and not pd.times, "with the command; and nobody is woken:", slack.posts)
        check(all(r[2] == "sent" for r in rows(lab)), "delivered:", rows(lab))


def mistakes_in_notifiers_are_found():
    with FilesLab() as lab:
        for text, words in (('use = "console"; fallback = "slcak";', "no such notifier"), ('use = "console"; escalate = "console";', "names itself"), ('use = "console"; on = [ ];', "never be told anything"),
                            ('use = "console"; escalate_after = "1m";', "'escalate' is missing"), ('use = "console"; title = "${x";', "no closing")):
            lab.configure(notifiers=notifiers(text))
            p = lab.run("config", "check", expect=CONFIG)
            check(words in p.stderr, f"{text}:", p.stderr)
        lab.configure(notifiers=notifiers('use = "console"; name = "a"; fallback = "b";', 'use = "console"; name = "b"; fallback = [ "c", "d" ];', 'use = "console"; name = "c";',
                                          'use = "console"; name = "d"; fallback = "b";'))
        p = lab.run("config", "check", expect=CONFIG)
        check("goes in a circle (b, d, b)" in p.stderr and p.stderr.count("circle") == 1 and "failback.conf:" in p.stderr, "a circle:", p.stderr)
        lab.configure(notifiers=notifiers('use = "console"; name = "a"; fallback = [ "b", "c" ];', 'use = "console"; name = "b"; fallback = "c";', 'use = "console"; name = "c";'))
        lab.run("config", "check", expect=0)


class Hook(StandIn):
    """Takes CloudEvents."""

    def __init__(self, answers=()):
        self.events = []
        super().__init__(answers)

    def take(self, method, path, headers, body):
        self.events.append(json.loads(body))
        return 204, {}, ""


if __name__ == "__main__":
    main(slack_by_webhook_has_one_message_an_incident, slack_by_token_has_one_message_that_is_updated, what_slack_does_not_take_is_sent_once_more_as_plain_text,
         a_message_that_was_deleted_is_posted_anew, pagerduty_is_triggered_acknowledged_and_resolved, pagerduty_is_not_resolved_when_a_person_is_needed,
         teams_has_a_card_of_each_incident, syslog_has_an_entry_of_each_event, retry_after_is_waited_for, broken_answers_lose_nothing, an_answer_that_is_lost_makes_no_second_message,
         a_permanent_error_falls_to_the_next_channel, a_dead_channel_is_given_to_the_next_at_the_end, an_incident_escalates_by_time_and_by_severity,
         what_was_not_delivered_is_delivered_by_flush_once, the_next_execution_delivers_what_is_left, two_processes_deliver_nothing_twice, the_seeds_settings_are_served,
         templates_are_checked_shown_and_used, who_is_to_approve_is_told, mistakes_in_notifiers_are_found)
