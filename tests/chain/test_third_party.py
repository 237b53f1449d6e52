# SPDX-License-Identifier: Apache-2.0
"""Plugins as other teams write them: built outside of the tree with the installed header alone, checked by `plugin check`, installed, sandboxed, and used in
a deployment that fails: the database's rows come back, and Slack and PagerDuty hear of it, by servers that take what the real ones take and nothing else."""
import contextlib
import hashlib
import http.server
import json
import os
import re
import shutil
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import DONE, RECOVERED, SRC, Failure, Lab, check, main, need
from test_kit import Installed, command

HOOK = "/services/T0ACME/B0ACME/0123456789abcdefSECRET"
KEY = "0123456789abcdef0123456789ABCDEF"


class Server(http.server.ThreadingHTTPServer):
    """A stand-in: `judge` says what the API would; `moods` are answers that it gives before it listens."""

    daemon_threads = True

    def __init__(self, path, judge, moods=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.path, self.judge, self.moods, self.taken, self.refused, self.times = path, judge, list(moods), [], [], []
        self.url = f"http://127.0.0.1:{self.server_address[1]}{path}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self):
        server, body = self.server, self.rfile.read(int(self.headers["Content-Length"]))
        try:
            check(self.path == server.path, "the path is", self.path)
            check(re.fullmatch(r"application/json(; ?charset=utf-8)?", self.headers["Content-Type"]), "the type is", self.headers["Content-Type"])
            document = json.loads(body.decode())
            server.times.append(time.monotonic())
            if server.moods:
                return self.answer(*server.moods.pop(0))
            answer = server.judge(document)
        except (Failure, ValueError, KeyError, TypeError) as e:
            server.refused.append(f"{e!r}: {body!r}")
            return self.answer(400, "invalid_payload")
        server.taken.append(document)
        return self.answer(*answer)

    def refuse(self):
        self.server.refused.append(self.command)
        self.answer(405, "method_not_allowed")

    do_GET = do_PUT = do_HEAD = refuse

    def log_message(self, *_):
        pass


def only(document, required, optional=()):
    missing, unknown = set(required) - set(document), set(document) - set(required) - set(optional)
    check(not missing and not unknown, "members:", sorted(missing), sorted(unknown))


def a_text(o, kind, limit):
    only(o, ("type", "text"), ("emoji",) if kind == "plain_text" else ("verbatim",))
    check(o["type"] == kind and isinstance(o["text"], str) and 0 < len(o["text"]) <= limit, "a text object:", o)
    if kind == "mrkdwn":
        check(not re.search(r"&(?!(amp|lt|gt);)", o["text"]), "& stands as &amp;:", o)
        check(not re.search(r"<(?!https?://[^|<>]+\|[^<>]+>)", o["text"]), "< only begins a link:", o)


def slack(document):
    only(document, ("text",), ("blocks",))
    check(isinstance(document["text"], str) and 0 < len(document["text"]) <= 40000, "text is the fallback")
    check(1 <= len(document.get("blocks", [0])) <= 50, "1 to 50 blocks")
    for b in document.get("blocks", ()):
        if b["type"] == "header":
            only(b, ("type", "text"), ("block_id",))
            a_text(b["text"], "plain_text", 150)
        elif b["type"] == "section":
            only(b, ("type",), ("text", "fields", "block_id"))
            check("text" in b or b.get("fields"), "a section has a text or fields")
            if "text" in b:
                a_text(b["text"], "mrkdwn", 3000)
            check(len(b.get("fields", ())) <= 10, "at most 10 fields")
            for field in b.get("fields", ()):
                a_text(field, "mrkdwn", 2000)
        else:
            check(b["type"] == "context" and 1 <= len(b["elements"]) <= 10, "blocks are header, section and context:", b)
            only(b, ("type", "elements"), ("block_id",))
            for element in b["elements"]:
                a_text(element, "mrkdwn", 2000)
    return 200, "ok"


def pagerduty(document):
    more = ("dedup_key", "client", "client_url", "links", "images")
    action = document["event_action"]
    check(action in ("trigger", "acknowledge", "resolve"), "the action is", action)
    only(document, ("routing_key", "event_action") + (("payload",) if action == "trigger" else ("dedup_key",)), more if action == "trigger" else ())
    check(document["routing_key"] == KEY, "the key is right")
    check(0 < len(document["dedup_key"]) <= 255, "dedup_key has 1 to 255 characters")
    if action == "trigger":
        p = document["payload"]
        only(p, ("summary", "source", "severity"), ("timestamp", "component", "group", "class", "custom_details"))
        check(0 < len(p["summary"]) <= 1024 and p["source"], "summary and source:", p)
        check(p["severity"] in ("critical", "error", "warning", "info"), "severity:", p)
        check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", p.get("timestamp", "2026-01-01T00:00:00Z")), "timestamp:", p)
        check(isinstance(p.get("custom_details", {}), dict), "custom_details is an object")
        for link in document.get("links", ()):
            only(link, ("href",), ("text",))
    return 202, json.dumps({"status": "success", "message": "Event processed", "dedup_key": document["dedup_key"]})


class ThirdParty(Lab):
    """A shop's database, the three plugins, built and installed as their teams would."""

    PLUGINS = {"notifier-acme-slack": ["--set", f"webhook_url=https://hooks.slack.invalid{HOOK}"],
               "notifier-acme-pagerduty": ["--set", f"routing_key={KEY}"],
               "strategy-acme-database": ["--set", "database={dir}/shop.db", "--set", "migrations={dir}/migrations", "--set", "backups={dir}/backups"]}

    def build(self):
        self.write("failback.conf", "")
        os.mkdir(self.path("backups"), 0o700)
        self.installed = Installed(self)
        for name, settings in self.PLUGINS.items():
            with open(os.path.join(SRC, "tests/third-party", name, name.split("-", 1)[1] + ".c")) as f:
                source = f.read()
            check(len(source.splitlines()) < 200 and re.findall(r"#include [<\"](failback\S*)[>\"]", source) == ["failback/plugin.h"], f"{name}: under 200 lines, one header")
            shutil.copytree(os.path.join(SRC, "tests/third-party", name), self.path(name))
            os.chmod(self.path(name), 0o755)
            command("make", cwd=self.path(name), env=self.installed.env)
            out = self.failback("--json", "plugin", "check", self.path(name, name + ".so"), "--within", "2s", *(s.format(dir=self.dir) for s in settings), expect=None)
            failed = [(c["check"], c["operation"], c["text"]) for c in json.loads(out)["checks"] if c["result"] == "failed"]
            check(not failed, f"{name} passes the check:", failed)
            command("make", "install", cwd=self.path(name), env=self.installed.env)

    def failback(self, *args, expect=0):
        return command("failback", *args, cwd=self.dir, env=self.installed.env, expect=expect)

    def configure(self, slack_url, pagerduty_url, nobody_url):
        self.write("slack-url", slack_url + "\n")
        self.write("failback.conf", f"""
services = ( {{ name = "shop-data"; strategy = {{ use = "acme-database"; database = "{self.dir}/shop.db"; migrations = "{self.dir}/migrations";
  backups = "{self.dir}/backups"; healthy = "select count(*) > 0 from customers"; }}; }} );
recovery = ( {{ phase = "protect-traffic"; }}, {{ phase = "restore"; timeout = "20s"; }}, {{ phase = "verify"; stable_for = "50ms"; interval = "20ms"; }},
  {{ phase = "cleanup"; }}, {{ phase = "archive"; }}, {{ phase = "notify"; }} );
notifiers = (
  {{ use = "acme-slack"; webhook_url = "${{file:{self.dir}/slack-url}}"; link = "https://deploys.acme.example/executions/"; on = [ "rollback.*" ]; }},
  {{ use = "acme-slack"; name = "quiet"; webhook_url = "{nobody_url}"; dry_run = true; on = [ "rollback.completed" ]; }},
  {{ use = "acme-pagerduty"; routing_key = "{KEY}"; url = "{pagerduty_url}"; on = [ "deployment.failed", "rollback.*" ]; }} );
plugins = ( {{ name = "acme-slack"; sandbox = {{ }}; }}, {{ name = "acme-pagerduty"; sandbox = {{ }}; }} );
""")
        self.write("plan.conf", 'name = "shop"; title = "Deploy the shop\'s data"; services = [ "shop-data" ]; watch_for = "0s";\nsteps = ( { promote = "shop-data"; } );\n')

    def deploy(self, release, *scripts, expect=DONE, more=()):
        for i, script in enumerate(scripts):
            self.write(f"migrations/{release}/{i + 1:02}.sql", script)
        return self.failback("deploy", self.path("plan.conf"), "--release", release, *more, expect=expect)

    def query(self, sql, path=None):
        with contextlib.closing(sqlite3.connect(path or self.path("shop.db"))) as db, db:
            return db.execute(sql).fetchall()

    def hash(self):
        with open(self.path("shop.db"), "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()


def three_plugins_of_others_bring_the_rows_back_and_tell_of_it():
    for program in ("pkg-config", "cc", "sqlite3"):
        need(program)
    again = (429, "rate_limited", (("Retry-After", "2"),))
    with ThirdParty() as lab, Server(HOOK, slack, [again, (400, "invalid_blocks")]) as hook, Server("/v2/enqueue", pagerduty, [again, (503, "busy")]) as pager, \
            Server("/nobody", slack) as nobody:
        lab.build()
        lab.configure(hook.url, pager.url, nobody.url)
        lab.deploy("1.0", "create table customers(name text);\ninsert into customers values ('Ada'), ('Bob');\n")
        lab.query("insert into customers values ('Cyd')") # what users wrote since is in the backup too
        rows, before = lab.query("select name from customers order by name"), lab.hash()
        check(rows == [("Ada",), ("Bob",), ("Cyd",)], "release 1.0 and its users' rows:", rows)
        scripts = ("alter table customers add column email text;\n", "insert into customers values ('<Eve> & co', 'e');\ndelete from customers;\n")
        lab.deploy("2.0", *scripts, more=("--dry-run",))
        check(lab.hash() == before and os.listdir(lab.path("backups")) == [], "a dry run changes nothing")
        with contextlib.closing(sqlite3.connect(lab.path("shop.db"))) as reader: # a program that has it open all the while
            check(len(reader.execute("select * from customers").fetchall()) == 3, "it reads the rows")
            out = lab.deploy("2.0", expect=RECOVERED)
            check(reader.execute("select name from customers order by name").fetchall() == rows, "a program that has it open sees the rows again")
        check(lab.query("select release from acme_release") == [("1.0",)] and len(lab.query("pragma table_info(customers)")) == 1, "release 1.0 is in it as it was")
        kept = [f for f in os.listdir(lab.path("backups")) if f.endswith("-failed.db")]
        check(len(kept) == 1 and lab.query("select count(*) from customers", lab.path("backups", kept[0])) == [(0,)], "what failed is kept:", kept)
        check(not os.path.exists(lab.path("shop.db.back")), "the copy beside is gone")
        execution = heard(lab, out, hook, pager, nobody)
        check(kept[0] == f"shop-data-{execution}-failed.db", kept)
        a_good_release_can_be_taken_back(lab)
        check(not hook.refused and not pager.refused, "nothing was refused:", hook.refused, pager.refused)
        check([d["event_action"] for d in pager.taken[3:]][-3:] == ["trigger", "acknowledge", "resolve"], "the later failure has an alert of its own:", pager.taken[3:])


def heard(lab, out, hook, pager, nobody):
    check(not hook.refused and not pager.refused, "the servers took all:", hook.refused, pager.refused)
    check(not hook.moods and not pager.moods, "and were asked again after they had refused:", hook.moods, pager.moods, out)
    check(not nobody.taken and not nobody.refused, "a dry run of the notifier posts nothing")
    for server in (hook, pager):
        check(server.times[1] - server.times[0] >= 1.9, "Retry-After of 2 s was heeded:", server.times)
    report = json.loads(lab.failback("report", "--format", "json"))
    execution = report["execution_id"]
    check([d["event_action"] for d in pager.taken] == ["trigger", "acknowledge", "resolve"], "one alert's life:", pager.taken)
    check({d["dedup_key"] for d in pager.taken} == {execution}, "under one key:", execution, pager.taken)
    payload = pager.taken[0]["payload"]
    check(payload["source"] == "production" and payload["severity"] == "error" and payload["custom_details"]["execution"] == execution, payload)
    check("blocks" not in hook.taken[0] and "blocks" in hook.taken[1], "a message whose blocks were refused went as text, the next one as usual:", hook.taken[:2])
    last = hook.taken[-1]
    check([b["type"] for b in last["blocks"]] == ["header", "section", "section", "context"], last)
    fields = dict(f["text"].split("\n", 1) for f in last["blocks"][2]["fields"])
    check(fields["*Environment*"] == "production" and fields["*Release*"] == "2.0" and fields["*Last known good*"] == "1.0", fields)
    check("'healthy' gives '0'" in fields["*Cause*"], "the cause is told:", fields)
    check(execution in last["blocks"][3]["elements"][0]["text"], last)
    sent = lab.sql("select distinct notifier, status from outbox order by notifier")
    check(sent == [("acme-pagerduty", "sent"), ("acme-slack", "sent"), ("quiet", "sent")], "the journal says that all were told:", sent)
    with open(lab.path("state/journal.db"), "rb") as f:
        check(b"abcdefSECRET" not in f.read() and "abcdefSECRET" not in out, "the webhook's secret is nowhere")
    return execution


def a_good_release_can_be_taken_back(lab):
    lab.deploy("3.0", "insert into customers values ('Dan');\n")
    check(len(lab.query("select * from customers")) == 4, "release 3.0 is in it")
    lab.failback("rollback", "--reason", "Dan is not ours")
    check(lab.query("select name from customers order by name") == [("Ada",), ("Bob",), ("Cyd",)], "the rows of 1.0 are back")
    lab.deploy("4.0", "insert into customers values ('Eve');\n", "insert into nowhere values (1);\n", expect=RECOVERED)
    check(lab.query("select release, count(*) from acme_release, customers") == [("1.0", 3)], "a script that fails leaves nothing of its release")


if __name__ == "__main__":
    main(three_plugins_of_others_bring_the_rows_back_and_tell_of_it)
