#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Strategy postgresql: what its options do on a real server, what it refuses and why, and databases as items of a backup."""
import os
import signal
import subprocess
import threading

from files_lab import RECOVERY
from lab import DONE, FAILED, INCOMPLETE, INTERRUPTED, RECOVERED, REFUSED, check, main, until
from postgresql_lab import BIN, ONE_UP, TWO_DOWN, TWO_UP, PostgresLab, Server
from test_items import ItemLab

FAIL = '{ name = "fail"; run = "exit 1"; }'


def flat(p):
    return " ".join((p.stdout + p.stderr).split())


def logged(lab):
    """All that executions have logged."""
    text = ""
    for folder, _, names in os.walk(lab.state):
        for name in names:
            if "journal" not in name:
                with open(os.path.join(folder, name), errors="replace") as f:
                    text += f.read()
    return " ".join(text.split())


def item(lab):
    return [i for i in lab.report()["backup"]["items"] if i["kind"].startswith("postgresql")][0]


def fill(lab):
    lab.psql("INSERT INTO orders (customer, amount) SELECT 1 + i % 100, i FROM generate_series(1, 20000) i")


# ---- the snapshot ----

def a_dump_is_made_and_restored_several_tables_at_a_time():
    with PostgresLab('jobs = 2; verify = "restore"; static_tables = [ "countries", "orders" ];', down="SELECT 1 / 0;") as lab:
        lab.deploy("1.0", expect=DONE)
        fill(lab)
        before = lab.psql("SELECT count(*), sum(amount) FROM orders")
        lab.deploy("2.0", FAIL, expect=RECOVERED)
        found = item(lab)
        check(found["kind"] == "postgresql, dumped by 2 connections" and found["proven_by"] == "restore", found)
        check(lab.psql("SELECT count(*), sum(amount) FROM orders") == before and lab.columns("customers") == "id name changed", "it is not what the backup has")
        told = logged(lab)
        check("is dumped 2 tables at a time: jobs = 2" in told, "the choice is not explained")
        check("by 2 connections: jobs = 2" in told, "the restore is not told")
        names = lab.psql("SELECT datname FROM pg_database WHERE datname LIKE 'shop%' ORDER BY 1").split()
        check(len(names) == 2 and names[1].startswith("shop_failed_"), "databases that were left:", names)


def a_dump_by_hand_can_be_taken_out_of_the_backup_and_restored():
    with PostgresLab('jobs = 2;') as lab:
        lab.deploy("1.0", expect=DONE)
        fill(lab)
        lab.deploy("2.0", expect=DONE)
        lab.run("backup", "restore", "latest", "--item", "db", "--to", lab.path("out"), expect=DONE)
        os.chmod(lab.dir, 0o755)
        lab.psql("CREATE DATABASE elsewhere", "postgres")
        p = subprocess.run([os.path.join(BIN, "pg_restore"), "-j", "2", "-h", lab.server.dir, "-p", str(lab.server.port), "-U", "postgres", "-d", "elsewhere", lab.path("out")],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        check(p.returncode == 0, p.stdout)
        check(lab.psql("SELECT count(*) FROM orders", "elsewhere") == "20000", "rows are missing")


def small_databases_and_few_connections_make_one_connection_enough():
    with PostgresLab() as lab:
        lab.deploy("1.0", expect=DONE)
        lab.deploy("2.0", expect=DONE)
        told = logged(lab)
        check("by one connection, straight into the store: " in told, told[-2000:])
        check("MiB" in told or "this machine has 1 processor" in told, "the choice is not explained")
        lab.psql("CREATE ROLE shop LOGIN CREATEDB CONNECTION LIMIT 4; ALTER DATABASE shop OWNER TO shop")
        for table in ("customers", "orders", "countries", "coupons", "failback_migrations"):
            lab.psql(f"ALTER TABLE {table} OWNER TO shop")
        lab.configure('jobs = 8;')
        lab.swap_user("shop")
        lab.deploy("2.0", expect=DONE)
        check("of which others may need half" in logged(lab), "the bound is not explained")
        check(item(lab)["kind"] == "postgresql", item(lab))


def a_template_with_somebody_connected_is_refused():
    with PostgresLab('snapshot = "template";') as lab:
        lab.deploy("1.0", expect=DONE)
        other = threading.Thread(target=lab.psql, args=("SELECT pg_sleep(30)",), kwargs={"expect": 2})
        other.start()
        until(lambda: lab.psql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'", "postgres") == "1", 20, "nobody is connected")
        p = lab.deploy("2.0", expect=FAILED)
        check('snapshot = "template", but 1 session is connected' in flat(p), flat(p))
        check(lab.columns("customers") == "id name changed", "it was migrated")
        lab.configure('snapshot = "auto";')
        lab.deploy("2.0", expect=DONE)
        check(item(lab)["kind"] == "postgresql" and "the snapshot is a dump, because 1 session is connected" in logged(lab), "auto does not choose a dump:", item(lab))
        lab.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND pid <> pg_backend_pid()", "postgres")
        other.join(30)


# ---- rows ----

def rows_of_snapshot_tables_are_preserved_and_can_be_put_back():
    with PostgresLab('snapshot_tables = [ "countries", "gone" ];', down=TWO_DOWN + "DELETE FROM countries WHERE code = 'fr';") as lab:
        lab.deploy("1.0", expect=DONE)
        lab.deploy("2.0", FAIL, expect=RECOVERED)
        check(lab.psql("SELECT string_agg(code, ' ') FROM countries") == "de", "the downgrade did not delete it")
        check("snapshot_tables names gone, which is not there" in logged(lab), "a table that is not there is not told")
        commands = [c for c in lab.advice(lab.report(), "were preserved in set") if "countries" in c]
        check(len(commands) == 1, "the report says how they are put back:", commands)
        p = subprocess.run(["/bin/sh", "-c", commands[0]], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        check(p.returncode == 0, commands[0], p.stdout)
        check(lab.psql("SELECT string_agg(code || ' ' || name, ', ' ORDER BY code) FROM countries") == "de Germany, fr France", "they are not back")


def of_a_column_what_has_a_value_is_preserved_and_a_null_where_there_is_a_default():
    with PostgresLab(down=TWO_DOWN + "ALTER TABLE customers DROP COLUMN tier;") as lab:
        lab.deploy("1.0", expect=DONE)
        lab.write("releases/2.0/002_phone.up.sql", TWO_UP + "ALTER TABLE customers ADD COLUMN tier text DEFAULT 'plain';")
        use = f"{BIN}/psql -X -q -h {lab.server.dir} -p {lab.server.port} -U postgres -d shop -c \\\"UPDATE customers SET tier = NULL WHERE id = 3\\\" -c \\\"ALTER TABLE orders ADD COLUMN hint text\\\""
        lab.deploy("2.0", '{ name = "use"; run = "%s"; }, %s' % (use, FAIL), expect=RECOVERED)
        commands = lab.advice(lab.report(), "were preserved in set")
        check(len(commands) == 1 and "customers" in commands[0], "a table whose new columns have no value is preserved:", commands)
        lab.deploy("2.0", expect=DONE)
        p = subprocess.run(["/bin/sh", "-c", commands[0]], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        check(p.returncode == 0, commands[0], p.stdout)
        check(lab.psql("SELECT count(*) FILTER (WHERE tier IS NULL), count(tier) FROM customers") == "1|99", "the NULL is not back")


# ---- who it is ----

def log_in(lab, settings):
    """The server asks for a password on 127.0.0.1."""
    hba = os.path.join(lab.server.data, "pg_hba.conf")
    with open(hba, "w") as f:
        f.write("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    lab.psql("CREATE ROLE shop LOGIN SUPERUSER PASSWORD 'hunter2'; SELECT pg_reload_conf()", "postgres")
    path = lab.path("failback.conf")
    with open(path) as f:
        text = f.read()
    lab.write("failback.conf", text.replace(f'host = "{lab.server.dir}"; port = {lab.server.port}; user = "postgres";', settings), 0o600)


def there_and_back(lab):
    lab.deploy("1.0", expect=DONE)
    lab.deploy("2.0", FAIL, expect=RECOVERED)
    check(lab.columns("customers") == "id name changed", lab.columns("customers"))
    check("hunter2" not in logged(lab), "the password stands in a log")
    check(item(lab)["proven_by"] == "restore", item(lab))


def a_password_logs_in_and_stands_nowhere():
    with PostgresLab('verify = "restore";') as lab:
        lab.write("password", "hunter2\n")
        log_in(lab, f'host = "127.0.0.1"; port = {lab.server.port}; user = "shop"; password = "${{file:{lab.dir}/password}}";')
        there_and_back(lab)
        lab.write("password", "wrong\n")
        p = lab.deploy("2.0", expect=(FAILED, REFUSED))
        check("password authentication failed" in flat(p), flat(p))


def a_file_of_passwords_logs_in():
    with PostgresLab('verify = "restore"; jobs = 2;') as lab:
        lab.write("pgpass", f"127.0.0.1:{lab.server.port}:*:shop:hunter2\n", 0o600)
        log_in(lab, f'host = "127.0.0.1"; port = {lab.server.port}; user = "shop"; passfile = "{lab.dir}/pgpass";')
        there_and_back_in_parallel(lab)


def there_and_back_in_parallel(lab):
    lab.deploy("1.0", expect=DONE)
    lab.deploy("2.0", FAIL, expect=RECOVERED)
    check(lab.columns("customers") == "id name changed", lab.columns("customers"))
    check(item(lab)["proven_by"] == "restore" and "by 2 connections" in item(lab)["kind"], item(lab))


def a_service_says_where_the_server_is():
    with PostgresLab('verify = "restore";') as lab:
        lab.write("pgpass", f"127.0.0.1:{lab.server.port}:*:shop:hunter2\n", 0o600)
        lab.write("pg_service.conf", f"[the-shop]\nhost=127.0.0.1\nport={lab.server.port}\nuser=shop\n")
        log_in(lab, f'service = "the-shop"; servicefile = "{lab.dir}/pg_service.conf"; passfile = "{lab.dir}/pgpass";')
        there_and_back(lab)


# ---- locks, times, sessions ----

class Session:
    """A psql of somebody else, with a name of its own."""

    def __init__(self, lab, name, sql=""):
        self.p = subprocess.Popen([os.path.join(BIN, "psql"), "-X", "-q", "-A", "-t", "-h", lab.server.dir, "-p", str(lab.server.port), "-U", "postgres", "-d", "shop"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1, env=dict(os.environ, PGAPPNAME=name))
        self.pid = self.ask("SELECT pg_backend_pid();")
        if sql:
            self.ask(sql)

    def ask(self, sql):
        self.p.stdin.write(sql + "\n\\echo over\n")
        said = []
        for line in self.p.stdout:
            if line.strip() == "over":
                return " ".join(said)
            said.append(line.strip())
        return None

    def end(self):
        self.p.stdin.close()
        self.p.wait(30)
        self.p.stdout.close()


def a_migration_waits_for_a_lock_no_longer_than_it_may_and_tries_again():
    with PostgresLab('lock_timeout = "300ms";') as lab:
        lab.deploy("1.0", expect=DONE)
        reader = Session(lab, "reader", "BEGIN; SELECT count(*) FROM customers;")
        lab.write("plan.conf", 'name = "plan"; title = "Deploy"; services = [ "db" ]; watch_for = "0s";\nsteps = ( { name = "Migrate"; promote = "db"; } );\n')
        p = lab.start("deploy", lab.path("plan.conf"), "--release", "2.0")
        until(lambda: logged(lab).count("has to wait for a lock; trying again") > 1, 90, "it does not give up and try again")
        check(reader.ask("SELECT 1;") == "1", "the reader was ended")
        reader.ask("COMMIT;")
        out, _ = p.communicate(timeout=120)
        check(p.returncode == DONE, "exit code", p.returncode, out)
        check(lab.columns("customers") == "id name changed phone", "it was not migrated")
        reader.end()


def a_downgrade_that_gets_no_lock_changes_nothing_and_says_who_to_look_for():
    with PostgresLab('lock_timeout = "200ms"; fallback = "none";') as lab:
        lab.restore_timeout = "4s"
        lab.configure('lock_timeout = "200ms"; fallback = "none";')
        lab.deploy("1.0", expect=DONE)
        lab.deploy("2.0", expect=DONE)
        reader = Session(lab, "reader", "BEGIN; SELECT count(*) FROM customers;")
        p = lab.run("rollback", "db", "--reason", "slow", expect=INCOMPLETE)
        check("pg_stat_activity" in flat(p) or "pg_stat_activity" in logged(lab), flat(p))
        check(lab.columns("customers") == "id name changed phone" and lab.columns("coupons"), "half of it was done")
        check(reader.ask("SELECT 1;") == "1", "the reader was ended")
        reader.ask("COMMIT;")
        reader.end()
        lab.run("rollback", "db", "--reason", "the reader is gone", expect=DONE)
        check(lab.columns("customers") == "id name changed", "it was not taken back")


def a_statement_that_takes_too_long_is_given_up():
    with PostgresLab('statement_timeout = "500ms";') as lab:
        lab.deploy("1.0", expect=DONE)
        lab.write("releases/2.0/003_slow.up.sql", "SELECT pg_sleep(60);")
        lab.write("releases/2.0/003_slow.down.sql", "SELECT 1;")
        p = lab.deploy("2.0", expect=RECOVERED)
        check("statement timeout" in flat(p), flat(p))
        check(lab.columns("customers") == "id name changed", lab.columns("customers"))


def only_sessions_of_this_execution_are_ended():
    slow = "SELECT pg_sleep(20) WHERE NOT EXISTS (SELECT 1 FROM pg_tables WHERE tablename = 'quick'); " + TWO_DOWN
    with PostgresLab(down=slow) as lab:
        lab.deploy("1.0", expect=DONE)
        others = [Session(lab, "web"), Session(lab, "failback 00000000 db")]
        lab.write("plan.conf", f'name = "plan"; title = "Deploy"; services = [ "db" ]; watch_for = "0s";\nsteps = ( {{ name = "Migrate"; promote = "db"; }}, {FAIL} );\n')
        p = lab.start("deploy", lab.path("plan.conf"), "--release", "2.0")
        ours = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(20)%' AND application_name LIKE 'failback%'"
        pid = until(lambda: lab.psql(ours, "postgres"), 60, "the downgrade does not begin")
        os.kill(lab.engine_pid(), signal.SIGKILL)
        p.communicate(timeout=60)
        check(p.returncode == INTERRUPTED, "exit code", p.returncode)
        lab.psql("CREATE TABLE quick ()")
        lab.run("resume", expect=RECOVERED)
        check(lab.psql(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}", "postgres") == "0", "the session of the attempt that was killed is still there")
        check(lab.columns("customers") == "id name changed", lab.columns("customers"))
        for other in others:
            check(other.ask("SELECT pg_backend_pid();") == other.pid, "a session of others was ended")
            other.end()


# ---- refusals ----

def refused(lab, *parts, expect=INCOMPLETE, release="2.0", columns="id name changed phone"):
    p = lab.deploy(release, FAIL, expect=expect)
    told = flat(p) + logged(lab)
    for part in parts:
        check(part in told, "it does not say", repr(part), flat(p))
    check(lab.columns("customers") == columns, "the schema was changed:", lab.columns("customers"))


def a_return_to_a_revision_that_it_does_not_have_is_refused():
    with PostgresLab() as lab:
        lab.deploy("1.0", expect=DONE)
        lab.restore_timeout = "6s"
        lab.configure('target_migration = "000_before"; fallback = "none";')
        refused(lab, "cannot go back to revision 000_before: it does not have it now")


def a_downgrade_that_fails_without_a_snapshot_is_left_to_people():
    with PostgresLab(down="SELECT 1 / 0;") as lab:
        lab.deploy("1.0", expect=DONE)
        lab.restore_timeout = "6s"
        lab.configure('snapshot = "none";')
        refused(lab, "There is no snapshot from when release 1.0 was live to fall back on", "division by zero")


def a_downgrade_that_fails_with_the_fallback_turned_off_is_left_to_people():
    with PostgresLab(down="SELECT 1 / 0;") as lab:
        lab.deploy("1.0", expect=DONE)
        lab.restore_timeout = "6s"
        lab.configure('fallback = "none";')
        refused(lab, 'fallback = "none": the snapshot is left to people')


def a_migration_that_ends_its_transaction_is_refused():
    with PostgresLab() as lab:
        lab.deploy("1.0", expect=DONE)
        lab.write("releases/2.0/003_bad.up.sql", "SELECT 1; COMMIT;")
        lab.write("releases/2.0/003_bad.down.sql", "SELECT 1;")
        p = lab.deploy("2.0", expect=RECOVERED)
        check("ends the transaction that it is run in" in flat(p), flat(p))


def a_migration_with_a_number_that_is_passed_is_refused():
    with PostgresLab() as lab:
        lab.deploy("1.0", expect=DONE)
        lab.deploy("2.0", expect=DONE)
        lab.write("releases/3.0/001_shop.up.sql", ONE_UP)
        lab.write("releases/3.0/001_late.up.sql", "SELECT 1;")
        lab.write("releases/3.0/001_late.down.sql", "SELECT 1;")
        p = lab.deploy("3.0", expect=(FAILED, RECOVERED))
        check("comes before 002_phone, which database shop has already" in flat(p), flat(p))


# ---- a database as an item ----

class DatabaseLab(ItemLab):
    """A service of files whose backup has a database."""

    def __init__(self, options):
        self.server = Server()
        self.server.psql("CREATE DATABASE shop", "postgres")
        self.server.psql("CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 1000)")
        super().__init__("")
        self.set_options(options)

    def configure(self, services=("app",), more="", strategy="", recovery=RECOVERY, *rest):
        super().configure(services, more, strategy, recovery.replace('timeout = "10s"', 'timeout = "60s"'), *rest)

    def set_options(self, options):
        self.items(f'{{ use = "postgresql"; name = "data"; tool = "none"; host = "{self.server.dir}"; port = {self.server.port}; user = "postgres"; dbname = "shop"; bindir = "{BIN}"; {options} }}')

    def __exit__(self, *_):
        super().__exit__()
        self.server.stop()

    def psql(self, sql, db="shop"):
        return self.server.psql(sql, db)

    def sql_line(self, sql):
        return f"{BIN}/psql -X -q -h {self.server.dir} -p {self.server.port} -U postgres -d shop -c \"{sql}\""

    def names(self):
        return self.psql("SELECT datname FROM pg_database WHERE datname LIKE 'shop%' ORDER BY 1", "postgres").split()


def a_database_that_is_an_item_comes_back_with_its_service():
    with DatabaseLab('verify = "restore"; on_rollback = "restore";') as lab:
        lab.good()
        items = lab.bad(lab.sql_line("DELETE FROM t WHERE n > 10"))
        check(items["data"]["kind"] == "postgresql" and items["data"]["proven_by"] == "restore", items)
        check(lab.psql("SELECT count(*) FROM t") == "1000", "the rows are not back")
        names = lab.names()
        check(len(names) == 2 and lab.psql("SELECT count(*) FROM t", names[1]) == "10", "what was there is kept:", names)


def what_uses_an_item_s_database_is_stopped_and_started():
    with DatabaseLab("") as lab:
        stop = lab.write("stop", f"#!/bin/sh\necho stop >> {lab.dir}/done\nkill $(cat {lab.dir}/pid)\n", 0o700)
        start = lab.write("start", f"#!/bin/sh\necho start >> {lab.dir}/done\n", 0o700)
        lab.set_options(f'on_rollback = "restore"; stop = [ "{stop}" ]; start = [ "{start}" ];')
        lab.good()
        web = Session(lab, "web", "SELECT 1;")
        lab.write("pid", str(web.p.pid))
        lab.bad(lab.sql_line("DELETE FROM t WHERE n > 10"))
        web.p.wait(30)
        web.p.stdin.close()
        web.p.stdout.close()
        check(lab.psql("SELECT count(*) FROM t") == "1000", "the rows are not back")
        lab.has("done", "stop\nstart\n")


def a_database_that_is_kept_comes_back_when_a_person_asks_for_it():
    with DatabaseLab("jobs = 2;") as lab:
        lab.psql("CREATE TABLE u AS TABLE t")
        lab.good()
        lab.bad(lab.sql_line("DELETE FROM t WHERE n > 10"))
        check(lab.psql("SELECT count(*) FROM t") == "10" and lab.names() == ["shop"], "it was touched:", lab.names())
        execution = lab.json("history")["executions"][0]["execution_id"]
        lab.run("backup", "restore", execution, "--item", "app.data", "--approve", expect=DONE)
        check(lab.psql("SELECT count(*) FROM t") == "1000", "the rows are not back")
        names = lab.names()
        check(len(names) == 2 and names[1].startswith("shop_replaced_") and lab.psql("SELECT count(*) FROM t", names[1]) == "10", "what was there is kept:", names)


def a_service_without_a_tool_is_refused():
    with PostgresLab(tool='tool = "none"') as lab:
        p = lab.deploy("1.0", expect=(FAILED, REFUSED))
        check('tool = "none" is for an item of a service\'s backup' in flat(p), flat(p))


if __name__ == "__main__":
    main(of_a_column_what_has_a_value_is_preserved_and_a_null_where_there_is_a_default, a_dump_is_made_and_restored_several_tables_at_a_time, a_dump_by_hand_can_be_taken_out_of_the_backup_and_restored, small_databases_and_few_connections_make_one_connection_enough,
         a_template_with_somebody_connected_is_refused, rows_of_snapshot_tables_are_preserved_and_can_be_put_back, a_password_logs_in_and_stands_nowhere, a_file_of_passwords_logs_in,
         a_service_says_where_the_server_is, a_migration_waits_for_a_lock_no_longer_than_it_may_and_tries_again, a_downgrade_that_gets_no_lock_changes_nothing_and_says_who_to_look_for,
         a_statement_that_takes_too_long_is_given_up, only_sessions_of_this_execution_are_ended, a_return_to_a_revision_that_it_does_not_have_is_refused,
         a_downgrade_that_fails_without_a_snapshot_is_left_to_people, a_downgrade_that_fails_with_the_fallback_turned_off_is_left_to_people,
         a_migration_that_ends_its_transaction_is_refused, a_migration_with_a_number_that_is_passed_is_refused, a_database_that_is_an_item_comes_back_with_its_service,
         what_uses_an_item_s_database_is_stopped_and_started, a_database_that_is_kept_comes_back_when_a_person_asks_for_it, a_service_without_a_tool_is_refused)
