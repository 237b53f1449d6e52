# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL server with a database "shop", a folder of migrations for each release, and a writer that knows what it has committed."""
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading

from files_lab import RECOVERY
from lab import Failure, Lab, free_port, need, until

BIN = sorted((os.path.join("/usr/lib/postgresql", v, "bin") for v in os.listdir("/usr/lib/postgresql")), key=lambda p: float(p.split("/")[4]))[-1] \
    if os.path.isdir("/usr/lib/postgresql") else None


def as_server(args):
    """A server does not run as root."""
    return ["runuser", "-u", "postgres", "--"] + args if os.getuid() == 0 else args


class Server:
    def __init__(self):
        if not BIN:
            need("postgres")
        self.port = free_port()
        self.dir = tempfile.mkdtemp(prefix="failback-pg-", dir="/tmp")
        self.data = os.path.join(self.dir, "data")
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.dir, user.pw_uid, user.pw_gid)
        os.chmod(self.dir, 0o755)
        self.process = None
        self.quiet([os.path.join(BIN, "initdb"), "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C"])
        self.start()

    def quiet(self, args):
        p = subprocess.run(as_server(args), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", timeout=120)
        if p.returncode:
            raise Failure(f"{args}: {p.stdout}")

    def start(self):
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.dir, "fsync": "off", "max_connections": 50,
                    "logging_collector": "on", "log_directory": self.dir, "log_filename": "server.log", "log_file_mode": "0644"}
        words = [w for k, v in settings.items() for w in ("-c", f"{k}={v}")]
        self.process = subprocess.Popen(as_server([os.path.join(BIN, "postgres"), "-D", self.data] + words), cwd="/", stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: subprocess.run([os.path.join(BIN, "pg_isready"), "-h", self.dir, "-p", str(self.port)], stdout=subprocess.DEVNULL).returncode == 0, 60,
              "the server does not start")

    def pid(self):
        with open(os.path.join(self.data, "postmaster.pid")) as f:
            return int(f.readline())

    def stop(self):
        try:
            os.kill(self.pid(), signal.SIGQUIT)
        except (OSError, ValueError):
            pass
        if self.process:
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def psql(self, sql, db="shop", expect=0):
        p = subprocess.run([os.path.join(BIN, "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.dir, "-p", str(self.port), "-U", "postgres", "-d", db, "-c", sql],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        if p.returncode != expect:
            raise Failure(f"psql {sql}: {p.stderr}")
        return p.stdout.strip()


# What the old schema has: customers and orders
ONE_UP = """CREATE TABLE customers (id bigserial PRIMARY KEY, name text NOT NULL, changed timestamptz NOT NULL DEFAULT now());
CREATE TABLE orders (id bigserial PRIMARY KEY, customer bigint NOT NULL REFERENCES customers, amount numeric(10, 2) NOT NULL CHECK (amount > 0));
CREATE TABLE countries (code text PRIMARY KEY, name text);
INSERT INTO countries VALUES ('de', 'Germany'), ('fr', 'France');
INSERT INTO customers (name) SELECT 'customer ' || i FROM generate_series(1, 100) i;
"""
ONE_DOWN = "DROP TABLE countries; DROP TABLE orders; DROP TABLE customers;\n"
# What the new one adds
TWO_UP = """ALTER TABLE customers ADD COLUMN phone text;
CREATE TABLE coupons (code text PRIMARY KEY, customer bigint REFERENCES customers, used boolean NOT NULL DEFAULT false);
"""
TWO_DOWN = "DROP TABLE coupons; ALTER TABLE customers DROP COLUMN phone;\n"


class PostgresLab(Lab):
    """release 1.0 has migration 001, release 2.0 also 002."""

    def __init__(self, options="", more="", tool='tool = "sql"', down=TWO_DOWN):
        super().__init__()
        self.server = Server()
        self.server.psql("CREATE DATABASE shop", "postgres")
        self.write("releases/1.0/001_shop.up.sql", ONE_UP)
        self.write("releases/1.0/001_shop.down.sql", ONE_DOWN)
        for name, text in (("001_shop.up.sql", ONE_UP), ("001_shop.down.sql", ONE_DOWN), ("002_phone.up.sql", TWO_UP), ("002_phone.down.sql", down)):
            if text is not None:
                self.write("releases/2.0/" + name, text)
        self.bin = BIN
        self.restore_timeout = "60s"
        self.backups = self.path("backups")
        self.configure(options, more, tool)

    def configure(self, options="", more="", tool='tool = "sql"'):
        folder = "" if "migrations" in tool else f'migrations = "{self.dir}/releases/{{release}}";'
        self.write("failback.conf", f"""environment = "production";
services = ( {{ name = "db"; strategy = {{ use = "postgresql"; host = "{self.server.dir}"; port = {self.server.port}; user = "postgres"; dbname = "shop"; bindir = "{BIN}";
  {tool}; {folder} {options} }}; }} );
{RECOVERY.replace('timeout = "10s"', f'timeout = "{self.restore_timeout}"')}
notifiers = ( );
backup_store = {{ path = "{self.backups}"; }};
{more}
""", 0o600)

    def swap_user(self, user):
        path = self.path("failback.conf")
        with open(path) as f:
            text = f.read()
        self.write("failback.conf", text.replace('user = "postgres"', f'user = "{user}"'), 0o600)

    def configure_recovery(self, timeout):
        self.restore_timeout = timeout
        self.configure()

    def __exit__(self, *_):
        super().__exit__()
        self.server.stop()

    def psql(self, sql, db="shop", expect=0):
        return self.server.psql(sql, db, expect)

    def deploy(self, release, then="", expect=0, **more):
        """Migrates to a release, then does the steps given."""
        links = f'{{ name = "Migrate"; promote = "db"; }}{"," if then else ""} {then}'
        plan = self.write("plan.conf", f'name = "plan"; title = "Deploy"; services = [ "db" ]; watch_for = "0s";\nsteps = ( {links} );\n')
        return self.run("deploy", plan, "--release", release, expect=expect, **more)

    def columns(self, table):
        return self.psql(f"SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = '{table}'")

    def advice(self, report, part):
        """Commands of the report's recommendations whose text has a part."""
        found = []

        def look(v):
            if isinstance(v, dict):
                if isinstance(v.get("command"), str) and part in json_text(v):
                    found.append(v["command"])
                for x in v.values():
                    look(x)
            elif isinstance(v, list):
                for x in v:
                    look(x)
        look(report)
        return found


def json_text(v):
    import json
    return json.dumps(v, ensure_ascii=False)


class Writer(threading.Thread):
    """Commits an order every few milliseconds through one psql, and knows which were committed. To a new schema it also writes a phone."""

    def __init__(self, server, sql="INSERT INTO orders (customer, amount) VALUES (1 + {i} % 100, {i} + 1) RETURNING id;"):
        super().__init__(daemon=True)
        self.sql = sql
        self.committed = []
        self.failed = 0
        self.over = False
        self.p = subprocess.Popen([os.path.join(BIN, "psql"), "-X", "-q", "-A", "-t", "-h", server.dir, "-p", str(server.port), "-U", "postgres", "-d", "shop"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
                                  env=dict(os.environ, PGAPPNAME="writer"))
        threading.Thread(target=self.drain, daemon=True).start()
        self.start()

    def drain(self):
        for _ in self.p.stderr:
            self.failed += 1

    def run(self):
        i = 0
        while not self.over:
            try:
                self.p.stdin.write(self.sql.format(i=i) + f"\n\\echo done {i}\n")
                for line in self.p.stdout:
                    line = line.strip()
                    if line.startswith("done "):
                        break
                    if line:
                        self.committed.append((i, line))
            except (OSError, ValueError):
                return
            i += 1
            threading.Event().wait(0.002)

    def stop(self):
        self.over = True
        self.join(30)
        self.p.stdin.close()
        self.p.wait(30)
        self.p.stdout.close()
