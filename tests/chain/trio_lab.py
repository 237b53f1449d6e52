# SPDX-License-Identifier: Apache-2.0
"""The laboratory with three dependent services, db <- api <- web, that are made of files and keep a ledger of all that is done to them.

Every command that changes a service goes through one script, which holds the service's lock from beginning to end: two at once, or a service
that is put up before what it depends on, is a VIOLATION in the ledger.
"""
import os
import shutil
import sqlite3
from collections import namedtuple

from lab import BUILD, Failure, Lab, check

SERVICES = ("db", "api", "web")

ACT = """#!/bin/sh
# act OPERATION
w={world} s=${{FAILBACK_SERVICE:-plan}}
what="$s $1 ${{FAILBACK_RELEASE:--}} $FAILBACK_EXECUTION $FAILBACK_LINK $$"
exec 9>>"$w/$s.lock"
flock -n 9 || {{ echo "VIOLATION two-at-once $what" >>"$w/ledger"; exit 1; }}
echo "begin $what" >>"$w/ledger"
[ ! -e "$w/slow.$s.$1" ] || . "$w/slow.$s.$1"
case $s in api) needs=db ;; web) needs=api ;; *) needs= ;; esac
case $1 in
deploy|restore|start)
	if [ "$needs" ]; then
		read -r live <"$w/$needs.live"
		[ -e "$w/$needs.up" ] && [ "$live" = "$FAILBACK_RELEASE" ] || echo "VIOLATION before-$needs $what" >>"$w/ledger"
	fi ;;
esac
case $1 in
stop) rm -f "$w/$s.up" ;;
start) : >"$w/$s.up" ;;
deploy|restore) echo "$FAILBACK_RELEASE" >"$w/$s.new" && mv "$w/$s.new" "$w/$s.live" ;;
migrate) echo new >"$w/schema" ;;
migrate-back) echo old >"$w/schema" ;;
esac
echo "end $what" >>"$w/ledger"
"""

SERVICE = """{{ name = "{name}"; {depends}
  strategy = {{
    use = "immediate"; protect = "stop"; {settle}
    stop = [ "{dir}/act", "stop" ]; start = [ "{dir}/act", "start" ]; deploy = [ "{dir}/act", "deploy" ]; restore = [ "{dir}/act", "restore" ];
    cleanup = [ "{dir}/act", "cleanup" ]; running = [ "test", "-e", "{world}/{name}.up" ]; version = [ "cat", "{world}/{name}.live" ];
    capture = "echo snapshot"; prove = [ "true" ];
  }};
  {checks}
}}"""

CONFIG = """
environment = "production"; watch_for = "10ms"; evidence_timeout = "50ms"; notify_timeout = "5s"; rollback_timeout = "{rollback_timeout}";
failure_threshold = 1;
notifiers = ( {{ name = "pager"; use = "exec"; run = "read -r event; printf '%s\\\\n' \\"$event\\" >> {world}/mail"; on = [ "deployment.*", "rollback.completed", "rollback.incomplete" ]; }} );
recovery = (
  {{ phase = "protect-traffic"; }},
  {{ phase = "restore"; timeout = "{restore_timeout}"; }},
  {{ phase = "verify"; stable_for = "20ms"; interval = "5ms"; }},
  {{ parallel = ( {{ phase = "cleanup"; }}, {{ phase = "analyze"; }}, {{ phase = "recommend"; after = "analyze"; }} ); }},
  {{ phase = "archive"; }},
  {{ phase = "notify"; }}
);
services = ( {services} );
"""

PLAN = """
name = "trio"; title = "Deploy the trio"; services = [ "db", "api", "web" ];
steps = (
  {{ name = "migrate"; run = [ "{dir}/act", "migrate" ]; undo = {{ run = [ "{dir}/act", "migrate-back" ]; }}; }},
  {{ name = "put-db"; promote = "db"; interval = "5ms"; }},
  {{ name = "put-api"; promote = "api"; interval = "5ms"; }},
  {{ name = "put-web"; promote = "web"; interval = "5ms"; }},
  {{ name = "smoke"; run = "test ! -e {world}/bad"; }}
);
"""

# An action as the ledger and the journal both name it
Done = namedtuple("Done", "link service command")


class TrioLab(Lab):
    def __init__(self, rollback_timeout="60s", restore_timeout="30s"):
        super().__init__()
        self.world = self.path("world")
        os.mkdir(self.world)
        names = {"dir": self.dir, "world": self.world}
        services = [SERVICE.format(name=s, depends=f'depends_on = [ "{SERVICES[i - 1]}" ];' if i else "", settle="",
                                   checks=f'checks = ( {{ use = "command"; run = [ "test", "-e", "{self.world}/web.up" ]; }} );' if s == "web" else "", **names)
                    for i, s in enumerate(SERVICES)]
        self.write("failback.conf", CONFIG.format(services=", ".join(services), rollback_timeout=rollback_timeout, restore_timeout=restore_timeout, **names))
        self.write("act", ACT.format(**names), 0o700)
        self.plan = self.write("plan.conf", PLAN.format(**names))

    # ---- the world, and copies of it ----

    def good(self):
        """Release 1 is live and committed; from here on every run starts."""
        self.deploy("1", expect=0)
        self.first_execution = self.newest()["execution_id"]
        for name in ("state", "world"):
            shutil.copytree(self.path(name), self.path("first", name), symlinks=True)

    def again(self, bad):
        """Everything as good() left it; bad: the deployment will fail after all three are promoted."""
        self.kill_services()
        for name in ("state", "world"):
            shutil.rmtree(self.path(name))
            shutil.copytree(self.path("first", name), self.path(name), symlinks=True)
        if bad:
            self.write("world/bad", "")

    def deploy(self, release, expect=None, **more):
        return self.run("deploy", self.plan, "--release", release, expect=expect, **more)

    def crash_environment(self, at, count=None, kinds="wsm"):
        """The engine that is started with it is killed at its Nth point (tests/chain/crash/crashpoint.c)."""
        e = {"LD_PRELOAD": os.path.join(BUILD, ".libs/crashpoint.so"), "CRASH_AT": str(at), "CRASH_KINDS": kinds,
             "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        return dict(e, CRASH_COUNT=count) if count else e

    def live(self):
        def one(service):
            with open(self.path("world", service + ".live")) as f:
                return f.read().strip() if os.path.exists(self.path("world", service + ".up")) else "down"
        return tuple(one(s) for s in SERVICES)

    def ledger(self):
        try:
            with open(self.path("world/ledger")) as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    @staticmethod
    def done_in(lines, which="end"):
        """What a part of the ledger says was begun or ended."""
        return [Done(f[5], f[1], f[2]) for f in (line.split() for line in lines) if f[0] == which]

    # ---- the journal ----

    def journal_copy(self):
        """The journal as it is now, in memory; the files of the laboratory are not touched."""
        folder = self.path("copy")
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        for name in ("journal.db", "journal.db-wal"):
            if os.path.exists(os.path.join(self.state, name)):
                shutil.copy(os.path.join(self.state, name), folder)
        return sqlite3.connect(os.path.join(folder, "journal.db"))

    def recorded_done(self):
        """Actions of executions that are not over which are recorded done."""
        with self.journal_copy() as db:
            rows = db.execute("select l.name, a.service, a.operation, a.key, a.undo from actions a join links l on l.execution = a.execution and l.id = a.link"
                              " join executions e on e.n = a.execution where a.state = 'done' and e.ended_ms = 0").fetchall()
        return [Done(link, service or "plan", self.command_of(operation, key, undo)) for link, service, operation, key, undo in rows]

    @staticmethod
    def command_of(operation, key, undo):
        """Which command of the world an action of the strategy immediate or the phase command is."""
        key = key.split("/")[0]
        if operation == "run" or operation == "undo":
            return "migrate-back" if undo else "migrate"
        return {"deploy": "restore" if operation == "restore" else "deploy", "protect": "stop"}.get(key, key)

    def sound(self):
        """The journal is whole, holds no claim and nothing unfinished, and nothing of ours runs."""
        self.run("audit", "verify", expect=0)
        status = self.json("status", expect=0)
        check(status["executions"] == [], "status shows something unfinished:", status["executions"])
        with self.journal_copy() as db:
            check(db.execute("pragma integrity_check").fetchall() == [("ok",)], "the journal is damaged")
            check(db.execute("pragma foreign_key_check").fetchall() == [], "the journal is damaged")
            check(db.execute("select * from claims").fetchall() == [], "a claim is left")
            left = db.execute("select id, name, status from links where status in ('running', 'interrupted')").fetchall()
            check(left == [], "links are left under way:", left)
        violations = [line for line in self.ledger() if line.startswith("VIOLATION")]
        check(not violations, "the services were mishandled:", violations)
        left = self.processes()
        if left:  # the engine says its last word before it ends
            from lab import until
            until(lambda: not self.processes(), 10, f"processes are left: {left}")

    def mails(self):
        """Events that reached the pager."""
        import json
        try:
            with open(self.path("world/mail")) as f:
                return [json.loads(line) for line in f if line.strip()]
        except FileNotFoundError:
            return []
