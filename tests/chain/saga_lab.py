# SPDX-License-Identifier: Apache-2.0
"""The laboratory with three services of real parts, db <- conf <- web: a PostgreSQL database that is migrated, a folder of configuration behind a link, a web service
of two sides behind HAProxy. Their strategies are wrapped by tests/chain/saga/faulty.c, so that each call of each can be made to fail.

inspect() knows nothing of failback: it asks PostgreSQL for its tables, reads the link and the file, and asks HAProxy which release answers."""
import json
import os
import shutil
import urllib.request

from files_lab import RECOVERY
from lab import BUILD, MEMCHECK, FAILBACK, PLUGINS, check
from postgresql_lab import BIN, Server
from web_lab import WebLab

SERVICES = ("db", "conf", "web")
STRATEGIES = ("postgresql", "files", "blue-green")

CONFIG = """environment = "production";
notifiers = ( );
services = (
  {{ name = "db"; strategy = {{ use = "postgresql"; host = "{pg}"; port = {pg_port}; user = "postgres"; dbname = "shop"; bindir = "{bin}"; tool = "sql"; migrations = "{dir}/db/{{release}}"; }}; }},
  {{ name = "conf"; depends_on = [ "db" ]; strategy = {{ use = "files"; releases = "{dir}/conf"; link = "{dir}/current"; reload = [ "{dir}/reload" ];
     validate = ( {{ run = "grep -q release app.json"; }} ); }}; }},
  {{ name = "web"; depends_on = [ "conf" ]; strategy = {{
    use = "blue-green"; socket = "{dir}/haproxy.sock"; backend = "app"; frontend = "web"; config = "{dir}/haproxy.cfg"; state_file = "{dir}/servers.state"; validation_timeout = "5s";
    blue = {{ spare = "blue-spare"; check_url = "http://127.0.0.1:{blue}/health"; start = [ "{dir}/start-web" ]; }};
    green = {{ spare = "green-spare"; check_url = "http://127.0.0.1:{green}/health"; start = [ "{dir}/start-web" ]; }}; }};
    checks = ( {{ use = "http"; url = "http://127.0.0.1:{front}/"; timeout = "2s"; }} ); }} );
{recovery}
rollback_timeout = "120s";
backup_store = {{ path = "{dir}/backups"; }};
"""

PLAN = """name = "saga"; title = "Deploy all"; services = [ "db", "conf", "web" ]; watch_for = "0s";
steps = (
  {{ name = "put-db"; promote = "db"; interval = "20ms"; }},
  {{ name = "put-conf"; promote = "conf"; interval = "20ms"; }},
  {{ name = "put-web"; promote = "web"; interval = "20ms"; }},
  {{ name = "smoke"; run = "test ! -e {dir}/bad"; }}
);
"""


class SagaLab(WebLab):
    def __init__(self):
        self.server = Server()
        try:
            super().__init__(delay=1)
            self.server.psql("CREATE DATABASE shop", "postgres")
            self.wrap()
            names = dict(self.ports, dir=self.dir, bin=BIN, pg=self.server.dir, pg_port=self.server.port,
                         recovery=RECOVERY.replace('phase = "restore"; timeout = "10s"', 'phase = "restore"; timeout = "10s"; retries = 2'))
            self.write("failback.conf", CONFIG.format(**names))
            self.plan = self.write("plan.conf", PLAN.format(dir=self.dir))
            self.write("reload", f"#!/bin/sh\necho $FAILBACK_RELEASE >> {self.dir}/reloaded\n", 0o700)
            self.tables = {}  # of each release
            self.good = None  # what was committed last
            self.rows = 0
            self.number = 0
            self.deploy(self.new_release(), expect=0)
            self.good = self.newest_release
            self.deploy(self.new_release(), expect=0)
            self.good = self.newest_release
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *a):
        try:
            super().__exit__(*(a or (None, None, None)))
        finally:
            self.server.stop()

    def wrap(self):
        """The build's plugins, with the three strategies behind what makes them fail."""
        self.plugins = self.path("plugins")
        shutil.copytree(PLUGINS, self.plugins, ignore=shutil.ignore_patterns("stamp"))
        os.mkdir(self.path("plugins/real"))
        for name in STRATEGIES:
            os.rename(f"{self.plugins}/strategy-{name}.so", f"{self.plugins}/real/strategy-{name}.so")
            shutil.copy(os.path.join(BUILD, ".libs/faulty.so"), f"{self.plugins}/strategy-{name}.so")

    def command(self, *args, json_output=False):
        return MEMCHECK + [FAILBACK, "-c", self.conf, "--state-dir", self.state, "--plugin-dir", self.plugins] + (["--json"] if json_output else []) + list(args)

    # ---- releases ----

    def new_release(self):
        """The last good one with one more table, and a row that its users have written. Returns its name."""
        self.number += 1
        name = self.newest_release = f"r{self.number}"
        before = self.tables.get(self.good, ())
        self.tables[name] = before + (f"saga_{self.number:03}",)
        if self.good:
            shutil.copytree(self.path("db", self.good), self.path("db", name))
            self.rows += 1
            self.server.psql(f"INSERT INTO {self.tables[self.good][0]} VALUES ({self.rows})")
        self.write(f"db/{name}/{self.number:03}_saga.up.sql", f"CREATE TABLE saga_{self.number:03} (n int PRIMARY KEY);\n")
        self.write(f"db/{name}/{self.number:03}_saga.down.sql", f"DROP TABLE saga_{self.number:03};\n")
        self.write(f"conf/{name}/app.json", json.dumps({"release": name}), 0o644)
        return name

    # ---- the oracle ----

    def web_release(self):
        answers = set()
        for _ in range(4):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['front']}/", timeout=5) as r:
                    answers.add(json.load(r)["release"])
            except OSError as e:
                answers.add(f"error {e}")
        return answers.pop() if len(answers) == 1 else f"mixed {sorted(answers)}"

    def inspect(self):
        tables = tuple(self.server.psql("SELECT tablename FROM pg_tables WHERE tablename LIKE 'saga%' ORDER BY 1").split())
        db = [name for name, has in self.tables.items() if has == tables]
        with open(self.path("current/app.json")) as f:
            conf = json.load(f)["release"]
        check(os.readlink(self.path("current")).endswith("/" + conf), "the link and what is behind it are not of one release")
        return {"db": db[-1] if db else f"tables {tables}", "conf": conf, "web": self.web_release()}

    def reloaded(self):
        with open(self.path("reloaded")) as f:
            return f.read().split()[-1]

    def rows_there(self):
        """Rows of users, in a table that every release has."""
        first = min(t for tables in self.tables.values() for t in tables)
        return int(self.server.psql(f"SELECT count(*) FROM {first}"))

    # ---- faults ----

    def fault(self, point):
        """point: (service, stage, operation, when, count), or None."""
        for name in ("fault", "hits", "calls"):
            if os.path.exists(f"{self.plugins}/{name}"):
                os.unlink(f"{self.plugins}/{name}")
        if point:
            self.write("plugins/fault", " ".join(str(p) for p in point) + "\n")

    def calls(self):
        with open(f"{self.plugins}/calls") as f:
            return list(dict.fromkeys(tuple(line.split()) for line in f))

    def was_hit(self):
        return os.path.exists(f"{self.plugins}/hits")

    def bad(self, yes):
        if yes:
            self.write("bad", "")
        elif os.path.exists(self.path("bad")):
            os.unlink(self.path("bad"))
