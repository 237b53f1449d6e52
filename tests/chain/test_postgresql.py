#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Strategy postgresql on a real server: forward by migrations, back by a downgrade that loses no row, by the snapshot where the downgrade fails."""
import json
import os
import signal
import subprocess
import threading

from lab import DONE, FAILED, INCOMPLETE, INTERRUPTED, RECOVERED, check, main, until
from postgresql_lab import TWO_DOWN, PostgresLab, Writer

def json_of(v):
    return json.dumps(v, ensure_ascii=False)


FAIL = '{ name = "fail"; run = "exit 1"; }'


def a_release_is_migrated_to_and_taken_back():
    with PostgresLab() as lab:
        lab.deploy("1.0", expect=DONE)
        check(lab.columns("customers") == "id name changed", lab.columns("customers"))
        lab.deploy("2.0", FAIL, expect=RECOVERED)
        check(lab.columns("customers") == "id name changed", "the column is still there:", lab.columns("customers"))
        check(lab.psql("SELECT string_agg(revision, ' ') FROM failback_migrations") == "001_shop", "the table of migrations says otherwise")
        lab.deploy("2.0", expect=DONE)
        check(lab.columns("customers") == "id name changed phone", lab.columns("customers"))
        lab.run("rollback", "db", "--reason", "slow", expect=DONE)
        check(lab.columns("customers") == "id name changed", "a rollback by hand did not take it back:", lab.columns("customers"))
        items = [i for i in lab.report(lab.json("history")["executions"][1]["execution_id"])["backup"]["items"] if i["kind"] == "postgresql"]
        check(len(items) == 1 and items[0]["proven"] and items[0]["proven_by"] == "read" and items[0]["size"] > 0, items)



def under_a_writer_no_committed_row_is_lost_and_what_is_dropped_can_be_put_back():
    with PostgresLab() as lab:
        lab.deploy("1.0", expect=DONE)
        writer = Writer(lab.server)
        until(lambda: len(writer.committed) > 20, 20, "the writer does not write")
        phones = f"psql -X -q -h {lab.server.dir} -p {lab.server.port} -U postgres -d shop -c \\\"UPDATE customers SET phone = 'p' || id WHERE id <= 7; INSERT INTO coupons VALUES ('x', 1), ('y', NULL)\\\""
        lab.deploy("2.0", '{ name = "use"; run = "%s"; }, %s' % (phones, FAIL), expect=RECOVERED)
        count = len(writer.committed)
        until(lambda: len(writer.committed) > count + 20, 20, "the writer does not write any more")
        writer.stop()
        check(writer.failed == 0, "statements of the writer failed:", writer.failed)
        there = set(lab.psql("SELECT id FROM orders").split())
        lost = [row for _, row in writer.committed if row not in there]
        check(not lost, f"{len(lost)} of {len(writer.committed)} committed rows are lost:", lost[:5])
        check(lab.columns("customers") == "id name changed" and not lab.columns("coupons"), "the schema is not the old one")
        report = lab.report()
        commands = lab.advice(report, "were preserved in set")
        check(len(commands) == 2, "the report says how the rows are put back:", commands)
        # When the schema has a place for them again
        lab.deploy("2.0", expect=DONE)
        check(lab.psql("SELECT count(phone) FROM customers") == "0", "the phones were not dropped")
        for command in commands:
            p = subprocess.run(["/bin/sh", "-c", command], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
            check(p.returncode == 0, "the command of the report fails:", command, p.stdout)
        check(lab.psql("SELECT count(*), min(phone), max(phone) FROM customers WHERE phone IS NOT NULL") == "7|p1|p7", "the phones are not back")
        check(lab.psql("SELECT string_agg(code || coalesce(customer, 0), ' ' ORDER BY code) FROM coupons") == "x1 y0", "the coupons are not back")


def a_downgrade_that_fails_is_followed_by_the_snapshot():
    with PostgresLab('static_tables = [ "countries" ];', down="DROP TABLE coupons; SELECT 1 / 0;") as lab:
        lab.psql("ALTER DATABASE shop SET work_mem = '7MB'; REVOKE CONNECT ON DATABASE shop FROM PUBLIC")
        lab.deploy("1.0", expect=DONE)
        lab.psql("INSERT INTO orders (customer, amount) SELECT 1 + i % 100, 5 FROM generate_series(1, 500) i")
        before = lab.psql("SELECT count(*), sum(amount) FROM orders")
        insert = f"psql -X -q -h {lab.server.dir} -p {lab.server.port} -U postgres -d shop -c \\\"INSERT INTO orders (customer, amount) VALUES (1, 77)\\\""
        lab.deploy("2.0", '{ name = "use"; run = "%s"; }, %s' % (insert, FAIL), expect=RECOVERED)
        check(lab.columns("customers") == "id name changed" and not lab.columns("coupons"), "the schema is not the old one")
        check(lab.psql("SELECT count(*), sum(amount) FROM orders") == before, "it is not what the backup has")
        names = lab.psql("SELECT datname FROM pg_database WHERE datname LIKE 'shop%' ORDER BY 1").split()
        check(len(names) == 2 and names[1].startswith("shop_failed_"), "what was the database is kept:", names)
        check(lab.psql("SELECT count(*) FROM orders WHERE amount = 77", names[1]) == "1", "the row that came after the backup is not kept")
        check(names[1] in json_of(lab.report()), "the report does not name it")
        check(lab.psql("SHOW work_mem") == "7MB", "the settings of the database are gone")
        check("=c" not in lab.psql("SELECT datacl FROM pg_database WHERE datname = 'shop'").replace("postgres=", ""), "the rights of the database are gone")
        lab.psql("INSERT INTO orders (customer, amount) VALUES (1, 1)")


def the_snapshot_waits_for_others_to_be_gone_and_ends_no_session_of_theirs():
    with PostgresLab(down="SELECT 1 / 0;") as lab:
        lab.deploy("1.0", expect=DONE)
        writer = Writer(lab.server)
        until(lambda: len(writer.committed) > 5, 20, "the writer does not write")
        lab.configure_recovery("6s")
        p = lab.deploy("2.0", FAIL, expect=INCOMPLETE)
        check("writer" in p.stdout + p.stderr, "it does not say who is connected:", p.stdout, p.stderr)
        count = len(writer.committed)
        until(lambda: len(writer.committed) > count + 5, 20, "the writer was ended")
        writer.stop()
        check(writer.failed == 0, "statements of the writer failed:", writer.failed)
        other = threading.Thread(target=lab.psql, args=("SELECT pg_sleep(50)",), kwargs={"expect": 2})
        other.start()
        until(lambda: lab.psql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'", "postgres") == "1", 20, "nobody is connected")
        command = [c for c in lab.advice(lab.report(), "end their sessions") if "pg_terminate_backend" in c][0]
        p = subprocess.run(["/bin/sh", "-c", command], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        other.join(20)
        check(p.returncode == 0 and not other.is_alive(), "the command of the report ends no session:", command, p.stdout)
        check(lab.columns("customers") == "id name changed phone", "the schema was changed")
        names = lab.psql("SELECT datname FROM pg_database WHERE datname LIKE 'shop%'").split()
        check(names == ["shop"], "databases were left:", names)
        lab.configure_recovery("60s")
        lab.run("rollback", "db", "--reason", "they are gone", expect=DONE)
        check(lab.columns("customers") == "id name changed", "the snapshot is not in its place")


def a_migration_without_a_way_back_is_refused_before_anything_is_changed():
    with PostgresLab(down=None) as lab:
        lab.deploy("1.0", expect=DONE)
        p = lab.deploy("2.0", expect=(FAILED, RECOVERED))
        check("there is no 002_phone.down.sql" in " ".join((p.stdout + p.stderr).split()), "it is not refused for that:", p.stdout, p.stderr)
        check(lab.columns("customers") == "id name changed", "it was migrated")
        lab.configure('irreversible = "snapshot";')
        lab.deploy("2.0", FAIL, expect=RECOVERED)
        check(lab.columns("customers") == "id name changed", "the snapshot is not in its place")


def a_dump_is_proven_by_a_restore_and_a_clone_by_a_look():
    with PostgresLab('verify = "restore";') as lab:
        lab.deploy("1.0", expect=DONE)
        lab.deploy("2.0", expect=DONE)
        item = [i for i in lab.report()["backup"]["items"] if i["kind"] == "postgresql"][0]
        check(item["proven_by"] == "restore" and item["restore_seconds"] > 0, item)
        check(lab.psql("SELECT datname FROM pg_database WHERE datname LIKE 'shop%'") == "shop", "the scratch database is still there")
        lab.configure('snapshot = "auto";')
        lab.write("releases/3.0/001_shop.up.sql", "")
        lab.write("releases/3.0/003_bad.up.sql", "CREATE TABLE x (); DROP TABLE countries;")
        lab.write("releases/3.0/003_bad.down.sql", "SELECT nothing();")
        lab.deploy("3.0", FAIL, expect=RECOVERED)
        item = [i for i in lab.report()["backup"]["items"]][0]
        check(item["kind"] == "postgresql clone" and item["proven"], item)
        check(lab.psql("SELECT count(*) FROM countries") == "2", "the clone is not in its place")


def an_engine_that_is_killed_in_the_downgrade_is_gone_on_with():
    slow = "SELECT pg_sleep(3); " + TWO_DOWN
    with PostgresLab(down=slow) as lab:
        lab.deploy("1.0", expect=DONE)
        lab.write("plan.conf", f'name = "plan"; title = "Deploy"; services = [ "db" ]; watch_for = "0s";\nsteps = ( {{ name = "Migrate"; promote = "db"; }}, {FAIL} );\n')
        p = lab.start("deploy", lab.path("plan.conf"), "--release", "2.0")
        until(lambda: lab.psql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'", "postgres") == "1", 60, "the downgrade does not begin")
        os.kill(lab.engine_pid(), signal.SIGKILL)
        p.communicate(timeout=60)
        check(p.returncode == INTERRUPTED, "exit code", p.returncode)
        lab.run("resume", expect=RECOVERED)
        check(lab.columns("customers") == "id name changed", lab.columns("customers"))
        check(lab.psql("SELECT string_agg(revision, ' ') FROM failback_migrations") == "001_shop", "the table of migrations says otherwise")


def integrity_is_looked_at_after_a_recovery():
    with PostgresLab('static_tables = [ "countries" ];', down=TWO_DOWN + "DELETE FROM countries WHERE code = 'fr';") as lab:
        lab.deploy("1.0", expect=DONE)
        p = lab.deploy("2.0", FAIL, expect=INCOMPLETE)
        # verify is asked again until its time is over: its sentence is told, or it stands in the log of the operation
        told = p.stdout + p.stderr
        for folder, _, names in os.walk(lab.state):
            for name in names:
                if "journal" not in name:
                    with open(os.path.join(folder, name), errors="replace") as f:
                        told += f.read()
        check("table public.countries had 2 rows at the backup and has 1 now" in " ".join(told.split()), told)


def a_migration_that_fails_leaves_nothing_of_it():
    with PostgresLab() as lab:
        lab.deploy("1.0", expect=DONE)
        lab.write("releases/2.0/003_bad.up.sql", "CREATE TABLE half (); INSERT INTO nowhere VALUES (1);")
        lab.write("releases/2.0/003_bad.down.sql", "DROP TABLE half;")
        p = lab.deploy("2.0", expect=RECOVERED)
        check("nowhere" in p.stdout + p.stderr, p.stdout, p.stderr)
        check(not lab.columns("half") and lab.columns("customers") == "id name changed", "something is left")


def the_project_s_own_commands_are_run():
    with PostgresLab() as lab:
        psql = f"{os.path.join(lab.bin, 'psql')} -X -q -A -t -v ON_ERROR_STOP=1"
        lab.write("tool", f"""#!/bin/sh
case $1 in
up) {psql} -c "CREATE TABLE IF NOT EXISTS version (v text)" -c "ALTER TABLE version ADD COLUMN IF NOT EXISTS c$FAILBACK_RELEASE text" -c "DELETE FROM version" -c "INSERT INTO version VALUES ('r$FAILBACK_RELEASE')" -c "UPDATE version SET c$FAILBACK_RELEASE = 'a value'" ;;
down) {psql} -c "ALTER TABLE version DROP COLUMN c2" -c "UPDATE version SET v = '$FAILBACK_TARGET'" ;;
show) {psql} -c "SELECT v FROM version" 2>/dev/null || echo 0 ;;
esac
""", 0o700)
        lab.configure(tool=f'tool = "command"; migrate = [ "{lab.dir}/tool", "up" ]; downgrade = [ "{lab.dir}/tool", "down" ]; revision = [ "{lab.dir}/tool", "show" ]')
        lab.deploy("1", expect=DONE)
        lab.deploy("2", FAIL, expect=RECOVERED)
        check(lab.psql("SELECT v FROM version") == "r1" and lab.columns("version") == "v c1", lab.columns("version"))
        check(lab.advice(lab.report(), "were preserved in set"), "the column's values were not preserved")


if __name__ == "__main__":
    main(a_release_is_migrated_to_and_taken_back, under_a_writer_no_committed_row_is_lost_and_what_is_dropped_can_be_put_back, a_downgrade_that_fails_is_followed_by_the_snapshot, the_snapshot_waits_for_others_to_be_gone_and_ends_no_session_of_theirs, a_migration_without_a_way_back_is_refused_before_anything_is_changed, a_dump_is_proven_by_a_restore_and_a_clone_by_a_look, an_engine_that_is_killed_in_the_downgrade_is_gone_on_with, integrity_is_looked_at_after_a_recovery, a_migration_that_fails_leaves_nothing_of_it, the_project_s_own_commands_are_run)
