# SPDX-License-Identifier: Apache-2.0
"""Word to people and systems: events reach a receiver once each, in order, and a receiver that is dead changes nothing. And what must never be said: secrets."""
import http.server
import json
import os
import socket
import threading
import time

from files_lab import FilesLab
from lab import CONFIG, RECOVERED, check, main


class Receiver:
    """A web server that keeps what is posted to it. answer: the status of the nth request."""

    def __init__(self, answer=lambda n: 204):
        self.events, self.requests = [], 0
        keep = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                keep.requests += 1
                status = answer(keep.requests)
                if status < 300:
                    keep.events.append(json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def names(self):
        return [e["type"][len("dev.failback."):-len(".v1")] for e in self.events]


def hook(url, more='on = [ "*" ];'):
    return f'notifiers = ( {{ use = "webhook"; url = "{url}"; {more} }} );'


EXPECTED = ["deployment.failed", "rollback.started", "rollback.restored", "rollback.verified", "rollback.completed"]


def events_reach_a_receiver_once_each_and_in_order():
    with Receiver() as receiver, FilesLab(notifiers=hook(receiver.url, 'on = [ "deployment.failed", "rollback.*" ];')) as lab:
        lab.deploy("1")
        check(receiver.names() == [], "a deployment that went well is not among what was asked for:", receiver.names())
        lab.touch("fails-start-2")
        lab.deploy("2", expect=RECOVERED)
        names = receiver.names()
        check([n for n in names if n != "rollback.traffic_safe"] == EXPECTED, "each came once, in order:", names)
        ids = [e["id"] for e in receiver.events]
        check(len(set(ids)) == len(ids), "each has an id of its own:", ids)
        name = lab.report()["execution_id"]
        check(all(e["subject"] == name for e in receiver.events), "they tell of the execution:", receiver.events)
        check(receiver.events[-1]["data"]["status"] == "failed_with_rollback", "the last word is the outcome:", receiver.events[-1])


def an_event_that_is_sent_again_keeps_its_id():
    with Receiver(lambda n: 503 if n == 1 else 204) as receiver, FilesLab(notifiers=hook(receiver.url, 'on = [ "deployment.*" ];')) as lab:
        lab.deploy("1")
        rows = lab.sql("select event, event_id, status, attempts from outbox order by id")
        check([(r[0], r[2]) for r in rows] == [("deployment.started", "sent"), ("deployment.completed", "sent")] and rows[0][3] == 2, "the first was sent at the second attempt:", rows)
        check(receiver.names() == ["deployment.started", "deployment.completed"], "both came, in order:", receiver.names())
        check([e["id"] for e in receiver.events] == [r[1] for r in rows], "under the ids of the journal")


def a_dead_receiver_changes_no_exit_code_and_holds_the_end_no_longer_than_notify_timeout():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(8)  # takes connections and never answers
        url = f"http://127.0.0.1:{s.getsockname()[1]}/"
        with FilesLab(notifiers=hook(url), more='notify_timeout = "700ms";') as lab:
            begun = time.monotonic()
            lab.deploy("1")
            took = time.monotonic() - begun
            check(took < 8, f"a deployment ends all the same: {took:.1f} s")
            lab.touch("fails-start-2")
            begun = time.monotonic()
            lab.deploy("2", expect=RECOVERED)
            took = time.monotonic() - begun
            check(took < 9, f"a recovery ends all the same: {took:.1f} s")
            report = lab.report()
            check(report["rollback"]["system_status"] == "STABLE", "the outcome is what it is:", report["rollback"]["system_status"])
            check(report["recovery"]["total_time"] < 5, "and users were not kept waiting:", report["recovery"])


def a_receiver_that_refuses_for_good_is_told_and_not_asked_again():
    with Receiver(lambda n: 410) as receiver, FilesLab(notifiers=hook(receiver.url)) as lab:
        lab.deploy("1")
        rows = lab.sql("select event, status, text from outbox order by id")
        check(rows[0][1] == "failed" and "410" in rows[0][2] and all(r[1] == "dropped" for r in rows[1:]) and receiver.requests == 1, "one request was made:", rows, receiver.requests)


def a_notifier_knows_what_an_event_is_about():
    with FilesLab(services=("app", "db")) as lab:
        script = lab.write("say", f"""#!/bin/sh
cat >/dev/null
test -z "$FAILBACK_REPORT" || report=$(sed -n 's/.*"execution_id": "\\(.*\\)".*/\\1/p' "$FAILBACK_REPORT" | head -1)
echo "$FAILBACK_EVENT|$FAILBACK_SERVICE|$FAILBACK_RELEASE|$FAILBACK_LAST_GOOD|$FAILBACK_FAILED|$FAILBACK_REASON|${{report:+$(test "$report" = "$FAILBACK_EXECUTION" && echo report)}}" >> {lab.path("said")}
""", 0o700)
        lab.configure(("app", "db"), notifiers=f'notifiers = ( {{ use = "exec"; on = [ "*" ]; run = [ "{script}" ]; }} );')

        def said():
            with open(lab.path("said")) as f:
                lines = [line.rstrip("\n").split("|") for line in f]
            os.unlink(lab.path("said"))
            return {line[0]: line[1:] for line in lines}

        lab.run("deploy", lab.plan(services=["app"]), "--release", "1")
        words = said()
        check(words["deployment.started"] == ["app", "1", "", "", "", ""], "a first deployment:", words)
        check(words["deployment.completed"] == ["app", "1", "", "", "", "report"], "its last word comes with a report:", words)
        lab.touch("fails-start-2")
        lab.run("deploy", lab.plan(services=["app"]), "--release", "2", expect=RECOVERED)
        words = said()
        for event in EXPECTED:
            got = words[event]
            check(got[:4] == ["app", "2", "1", "2"] and "start" in got[4], f"{event} says which releases, and why:", got)
        check(words["rollback.completed"][5] == "report", "the last word comes with a report:", words)
        lab.run("deploy", lab.plan(services=["app", "db"]), "--release", "3")
        words = said()
        check(words["deployment.completed"] == ["", "", "", "", "", "report"], "of two services none speaks for both:", words)


SECRET = "s3cret-Zx81-value"


def everywhere(*folders):
    for top in folders:
        for where, _, files in os.walk(top):
            for name in files:
                with open(os.path.join(where, name), "rb") as f:
                    yield os.path.join(where, name), f.read()


def a_secret_appears_nowhere():
    with Receiver() as receiver, FilesLab(strategy='secret_environment = { TOKEN = "${env:LAB_TOKEN}"; };', notifiers=hook(receiver.url)) as lab:
        secret = {"LAB_TOKEN": SECRET}
        printed = []
        steps = f'''{{ name = "Uses"; secret_environment = {{ TOKEN = "${{env:LAB_TOKEN}}"; }}; run = "echo token is $TOKEN; echo key=$TOKEN >> $FAILBACK_FACTS_OUT; test \\"$TOKEN\\" = {SECRET[:3]}\\"{SECRET[3:]}\\"";
                    retries = 0; }}'''
        p = lab.deploy("1", steps, env=secret)
        printed += [p.stdout, p.stderr]
        fails = '''{ name = "Leaks"; secret_environment = { TOKEN = "${env:LAB_TOKEN}"; }; run = "echo ERROR: cannot log in with $TOKEN >&2; exit 3"; retries = 0; undo = "echo undo"; }'''
        p = lab.deploy("2", fails, expect=RECOVERED, env=secret)
        printed += [p.stdout, p.stderr]
        for args in (("report",), ("report", "--format", "json"), ("report", "--format", "markdown"), ("show",), ("history",), ("status",), ("--json", "show")):
            p = lab.run(*args)
            printed += [p.stdout, p.stderr]
        check(any("cannot log in with *" in text for text in printed), "the failure is quoted, without the secret:", printed)
        check(not any(SECRET in text for text in printed), "it is in an output", [t for t in printed if SECRET in t])
        check(SECRET not in json.dumps(receiver.events), "it is in an event", receiver.events)
        found = [path for path, content in everywhere(lab.state) if SECRET.encode() in content]
        check(not found, "it is in a file:", found)


def a_secret_that_is_missing_is_an_error_before_anything():
    with FilesLab(strategy='secret_environment = { TOKEN = "${env:LAB_NO_SUCH}"; };') as lab:
        p = lab.deploy("1", expect=CONFIG)
        check("LAB_NO_SUCH" in p.stderr and "app" in p.stderr, "it names the variable and who needs it:", p.stderr)
        check(not lab.exists("app.release") and lab.done() == [], "nothing was changed:", lab.done())


main(events_reach_a_receiver_once_each_and_in_order, an_event_that_is_sent_again_keeps_its_id,
     a_dead_receiver_changes_no_exit_code_and_holds_the_end_no_longer_than_notify_timeout, a_receiver_that_refuses_for_good_is_told_and_not_asked_again,
     a_notifier_knows_what_an_event_is_about, a_secret_appears_nowhere, a_secret_that_is_missing_is_an_error_before_anything)
