#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Strategy postgresql with the tools that projects have: the real Alembic, Django and Sqitch, and strict stand-ins for Flyway and golang-migrate."""
import os
import subprocess
import sys

from lab import DONE, FAILED, RECOVERED, check, main
from postgresql_lab import PostgresLab

FAIL = '{ name = "fail"; run = "exit 1"; }'
PATHS = 'environment = { PATH = "%s/tools:/usr/bin:/bin:%s"; %s };'


def there(what, *command):
    """Is the tool installed? CI has all of them."""
    try:
        found = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        found = False
    if not found and os.environ.get("CI"):
        sys.exit(f"{what} is not installed")
    if not found:
        print(f"left out: {what} is not installed")
    return found


def forward_and_back(lab, second, read):
    """The first release, then a second one that fails: the database is what it was, what was dropped is preserved, and the tool agrees."""
    lab.deploy("1.0", expect=DONE)
    first = lab.psql(read)
    check(lab.columns("items") == "id name", "the first release:", lab.columns("items"))
    second()
    step = f"psql -X -q -h {lab.server.dir} -p {lab.server.port} -U postgres -d shop -c \\\"INSERT INTO items (name, colour) VALUES ('a', 'red')\\\""
    lab.deploy("2.0", '{ name = "use"; run = "%s"; }, %s' % (step, FAIL), expect=RECOVERED)
    check(lab.columns("items") == "id name", "it was not taken back:", lab.columns("items"))
    check(lab.psql(read) == first, "the tool's own table says", lab.psql(read), "and not", first)
    check(lab.psql("SELECT name FROM items") == "a", "the row is lost")
    check(len(lab.advice(lab.report(), "were preserved in set")) == 1, "the colour is not preserved")
    lab.deploy("2.0", expect=DONE)
    check(lab.columns("items") == "id name colour", "the second release, once more:", lab.columns("items"))


def alembic():
    if not there("alembic", "/usr/bin/python3", "-c", "import alembic, psycopg2"):
        return
    with PostgresLab() as lab:
        lab.write("app/alembic.ini", "[alembic]\nscript_location = migrations\n")
        lab.write("app/migrations/env.py", """from alembic import context
from sqlalchemy import create_engine
with create_engine("postgresql://").connect() as c:
    context.configure(connection=c)
    with context.begin_transaction():
        context.run_migrations()
""")
        lab.write("app/migrations/versions/one.py", """from alembic import op
revision, down_revision = "aaa1", None
def upgrade(): op.execute("CREATE TABLE items (id serial PRIMARY KEY, name text)")
def downgrade(): op.execute("DROP TABLE items")
""")
        lab.configure(PATHS % (lab.dir, lab.bin, ""), tool=f'tool = "alembic"; directory = "{lab.dir}/app"')
        forward_and_back(lab, lambda: lab.write("app/migrations/versions/two.py", """from alembic import op
revision, down_revision = "bbb2", "aaa1"
def upgrade(): op.execute("ALTER TABLE items ADD COLUMN colour text")
def downgrade(): op.execute("ALTER TABLE items DROP COLUMN colour")
"""), "SELECT version_num FROM alembic_version")


def django():
    if not there("django", "/usr/bin/python3", "-c", "import django, psycopg2"):
        return
    with PostgresLab() as lab:
        lab.write("app/manage.py", """import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
""")
        lab.write("app/settings.py", """import os
SECRET_KEY = "x"
INSTALLED_APPS = ["stock"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"], "USER": os.environ["PGUSER"]}}
""")
        lab.write("app/stock/__init__.py", "")
        lab.write("app/stock/migrations/__init__.py", "")
        lab.write("app/stock/migrations/0001_items.py", """from django.db import migrations
class Migration(migrations.Migration):
    operations = [migrations.RunSQL("CREATE TABLE items (id serial PRIMARY KEY, name text)", "DROP TABLE items")]
""")
        lab.configure(PATHS % (lab.dir, lab.bin, 'PYTHONDONTWRITEBYTECODE = "1";'), tool=f'tool = "django"; app = "stock"; directory = "{lab.dir}/app"')
        forward_and_back(lab, lambda: lab.write("app/stock/migrations/0002_colour.py", """from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [("stock", "0001_items")]
    operations = [migrations.RunSQL("ALTER TABLE items ADD COLUMN colour text", "ALTER TABLE items DROP COLUMN colour")]
"""), "SELECT string_agg(name, ' ') FROM django_migrations WHERE app = 'stock'")


def sqitch():
    if not there("sqitch", "/usr/bin/sqitch", "--version") or not there("DBD::Pg", "/usr/bin/perl", "-MDBD::Pg", "-e", "1"):
        return
    with PostgresLab() as lab:
        def change(name, up, down):
            plan = lab.path("app/sqitch.plan")
            if not os.path.exists(plan):
                lab.write("app/sqitch.plan", "%syntax-version=1.0.0\n%project=stock\n\n")
            with open(plan, "a") as f:
                f.write(f"{name} 2026-01-0{len(name) % 9 + 1}T00:00:00Z Shop <shop@example.org> # {name}\n")
            lab.write(f"app/deploy/{name}.sql", f"BEGIN; {up}; COMMIT;\n")
            lab.write(f"app/revert/{name}.sql", f"BEGIN; {down}; COMMIT;\n")
            lab.write(f"app/verify/{name}.sql", "SELECT 1;\n")
        lab.write("app/sqitch.conf", "[core]\n\tengine = pg\n")
        change("items", "CREATE TABLE items (id serial PRIMARY KEY, name text)", "DROP TABLE items")
        lab.configure(PATHS % (lab.dir, lab.bin, 'SQITCH_FULLNAME = "Shop"; SQITCH_EMAIL = "shop@example.org";'),
                      tool=f'tool = "sqitch"; directory = "{lab.dir}/app"')
        forward_and_back(lab, lambda: change("colour", "ALTER TABLE items ADD COLUMN colour text", "ALTER TABLE items DROP COLUMN colour"),
                         "SELECT string_agg(change, ' ') FROM sqitch.changes")


def golang_migrate():
    with PostgresLab() as lab:
        # It takes what the real one takes and nothing else: -path DIR -database URL with the scheme of its driver, then up, goto V or down -all
        lab.write("tools/migrate", """#!/bin/sh
[ "$1" = -path ] && [ -d "$2" ] && [ "$3" = -database ] && [ "$4" = "postgres:///$PGDATABASE" ] || { echo "usage" >&2; exit 2; }
dir=$2; shift 4
psql() { command psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
psql -c "SET client_min_messages = error; CREATE TABLE IF NOT EXISTS schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)"
now=$(psql -c "SELECT version FROM schema_migrations WHERE NOT dirty"); now=${now:-0}
case $1 in
up) want=999999 ;;
goto) want=$2; case $want in *[!0-9]* | "") echo "error: can't read version argument V" >&2; exit 1 ;; esac ;;
*) echo "No help topic" >&2; exit 2 ;;
esac
for f in "$dir"/*.up.sql; do v=$(basename "$f"); v=${v%%_*}; [ "$v" -gt "$now" ] && [ "$v" -le "$want" ] || continue
	psql -f "$f" -c "TRUNCATE schema_migrations" -c "INSERT INTO schema_migrations VALUES ($v, false)" || exit 1; done
for f in $(ls -r "$dir"/*.down.sql); do v=$(basename "$f"); v=${v%%_*}; [ "$v" -le "$now" ] && [ "$v" -gt "$want" ] || continue
	psql -f "$f" -c "TRUNCATE schema_migrations" -c "INSERT INTO schema_migrations VALUES ($((v - 1)), false)" || exit 1; done
""", 0o700)
        os.mkdir(lab.path("m"))
        lab.write("m/1_items.up.sql", "CREATE TABLE items (id serial PRIMARY KEY, name text);")
        lab.write("m/1_items.down.sql", "DROP TABLE items;")

        def second():
            lab.write("m/2_colour.up.sql", "ALTER TABLE items ADD COLUMN colour text;")
            lab.write("m/2_colour.down.sql", "ALTER TABLE items DROP COLUMN colour;")
        lab.configure(PATHS % (lab.dir, lab.bin, ""), tool=f'tool = "golang-migrate"; migrations = "{lab.dir}/m"')
        forward_and_back(lab, second, "SELECT version FROM schema_migrations")


# It takes what Flyway's free edition takes and nothing else: migrate, with its settings in the environment; it has no undo. Its history is as the real one's.
FLYWAY = """#!/bin/sh
[ "$#" = 1 ] && [ "$1" = migrate ] || { echo "ERROR: Flyway Teams Edition upgrade required: $1 is not supported by the Community Edition" >&2; exit 1; }
case $FLYWAY_LOCATIONS in filesystem:/*) dir=${FLYWAY_LOCATIONS#filesystem:} ;; *) echo "ERROR: locations: $FLYWAY_LOCATIONS" >&2; exit 1 ;; esac
[ -d "$dir" ] || { echo "ERROR: no folder $dir" >&2; exit 1; }
rest=${FLYWAY_URL#jdbc:postgresql://}; [ "$rest" != "$FLYWAY_URL" ] || { echo "ERROR: no JDBC URL: $FLYWAY_URL" >&2; exit 1; }
case $rest in */shop'?ApplicationName=failback%20'*'&options=-c%20lock_timeout%3D'*) ;; *) echo "ERROR: Unable to connect: $FLYWAY_URL" >&2; exit 1 ;; esac
address=${rest%%/*}
psql() { env -i PATH="$PATH" psql -X -q -A -t -v ON_ERROR_STOP=1 -h "${address%:*}" -p "${address#*:}" -U "$FLYWAY_USER" -d shop "$@"; }
psql -c "SET client_min_messages = error; CREATE TABLE IF NOT EXISTS flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL, type varchar(20) NOT NULL,
 script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL, installed_on timestamp NOT NULL DEFAULT now(), execution_time int NOT NULL, success boolean NOT NULL)"
row() { echo "INSERT INTO flyway_schema_history SELECT coalesce(max(installed_rank), 0) + 1, $1, '$2', 'SQL', '$2', $3, current_user, now(), 1, true FROM flyway_schema_history"; }
for f in $(ls "$dir" | grep '^V' | sort -V); do v=${f%%__*}; v=$(echo "${v#V}" | tr _ .)
	[ "$(psql -c "SELECT count(*) FROM flyway_schema_history WHERE version = '$v'")" = 0 ] || continue
	psql -1 -f "$dir/$f" -c "$(row "'$v'" "$f" 0)" || exit 1; done
for f in $(ls "$dir" | grep '^R'); do sum=$(cksum < "$dir/$f" | cut -c1-8)
	[ "$(psql -c "SELECT checksum FROM flyway_schema_history WHERE script = '$f' ORDER BY installed_rank DESC LIMIT 1")" = "$sum" ] || psql -1 -f "$dir/$f" -c "$(row NULL "$f" "$sum")" || exit 1; done
"""


def flyway_lab(more=""):
    lab = PostgresLab()
    lab.write("tools/flyway", FLYWAY, 0o700)
    lab.write("m/1.0/V1__items.sql", "CREATE TABLE items (id serial PRIMARY KEY, name text);")
    lab.write("m/2.0/V1__items.sql", "CREATE TABLE items (id serial PRIMARY KEY, name text);")
    for release in ("1.0", "2.0"):
        lab.write(f"m/{release}/U1__items.sql", "DROP TABLE items;")
    lab.write("m/2.0/V1_1__colour.sql", "ALTER TABLE items ADD COLUMN colour text;")
    lab.configure(PATHS % (lab.dir, lab.bin, "") + more, tool=f'tool = "flyway"; migrations = "{lab.dir}/m/{{release}}"')
    path = lab.path("failback.conf")
    with open(path) as f:
        text = f.read()
    lab.write("failback.conf", text.replace(f'host = "{lab.server.dir}"', 'host = "127.0.0.1"'), 0o600)
    return lab


def flyway():
    with flyway_lab() as lab:
        lab.deploy("1.0", expect=DONE)
        p = lab.deploy("2.0", expect=(FAILED, RECOVERED))
        check("brings V1_1__colour.sql, which has no way back: there is no undo script" in " ".join((p.stdout + p.stderr).split()), p.stdout, p.stderr)
        check(lab.columns("items") == "id name", "it was migrated")
        forward_and_back(lab, lambda: lab.write("m/2.0/U1_1__colour.sql", "ALTER TABLE items DROP COLUMN colour;"),
                         "SELECT string_agg(version, ' ' ORDER BY installed_rank) FROM flyway_schema_history")


def what_flyway_cannot_take_back_takes_the_snapshot_or_is_refused():
    with flyway_lab('irreversible = "snapshot";') as lab:
        lab.write("m/1.0/R__names.sql", "CREATE OR REPLACE VIEW names AS SELECT name FROM items;")
        lab.write("m/2.0/R__names.sql", "CREATE OR REPLACE VIEW names AS SELECT name, 1 AS one FROM items;")
        lab.write("m/2.0/U1_1__colour.sql", "ALTER TABLE items DROP COLUMN colour;")
        lab.deploy("1.0", expect=DONE)
        before = lab.psql("SELECT string_agg(script, ' ' ORDER BY installed_rank) FROM flyway_schema_history")
        lab.deploy("2.0", FAIL, expect=RECOVERED)
        check(lab.columns("items") == "id name" and lab.columns("names") == "name", "the snapshot is not in its place:", lab.columns("names"))
        check(lab.psql("SELECT string_agg(script, ' ' ORDER BY installed_rank) FROM flyway_schema_history") == before, "Flyway's history says otherwise")
        check(lab.psql("SELECT count(*) FROM pg_database WHERE datname LIKE 'shop_failed_%'", "postgres") == "1", "it was not the snapshot")
    with flyway_lab() as lab:
        lab.deploy("1.0", expect=DONE)
        lab.write("m/2.0/U1_1__colour.sql", "ALTER TABLE ${table} DROP COLUMN colour;")
        p = lab.deploy("2.0", expect=(FAILED, RECOVERED))
        check("its undo script has placeholders, which only Flyway fills" in " ".join((p.stdout + p.stderr).split()), p.stdout, p.stderr)


if __name__ == "__main__":
    main(alembic, django, flyway, what_flyway_cannot_take_back_takes_the_snapshot_or_is_refused, sqitch, golang_migrate)
