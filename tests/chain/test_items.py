# SPDX-License-Identifier: Apache-2.0
"""Every kind of item of a backup in a deployment that fails: what comes back with the release, and what is kept for people."""
import json
import os
import shutil
import sqlite3
import subprocess
import threading
import zipfile

from files_lab import FilesLab
from lab import DONE, FAILED, RECOVERED, SRC, check, main, need, until

GIT = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]


class ItemLab(FilesLab):
    """One service with items; {dir} in their text is the laboratory's folder."""

    def __init__(self, items):
        super().__init__()
        self.settings = f'backup_store = {{ path = "{self.path("backups")}"; }};'
        self.items(items)

    def items(self, text):
        self.configure([("app", "backup = ( " + text.replace("{dir}", self.dir) + " );")], more=self.settings)

    def sh(self, line):
        p = subprocess.run(["/bin/sh", "-ec", line], cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           env=dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null"))
        check(p.returncode == 0, line, p.stdout)
        return p.stdout.strip()

    def git(self, *words, at="work"):
        return subprocess.run(GIT + ["-C", self.path(at)] + list(words), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def good(self, release="1.0"):
        return self.run("deploy", self.plan(), "--release", release, expect=DONE)

    def bad(self, spoil, release="2.0"):
        """A deployment that does something and then fails; what the report says of the items of the backup."""
        self.write("spoil", "#!/bin/sh\nset -e\n" + spoil.replace("{dir}", self.dir) + "\n", 0o700)
        steps = f'{{ name = "spoil"; run = [ "{self.path("spoil")}" ]; }}, {{ name = "fail"; run = "exit 1"; }}'
        self.run("deploy", self.plan(steps), "--release", release, expect=RECOVERED)
        return {i["item"]: i for i in self.report()["backup"]["items"] if i["item"] != "way back"}

    def has(self, name, text):
        with open(self.path(name)) as f:
            found = f.read()
        check(found == text, f"{name} has", repr(found), "and not", repr(text))


def a_stream_goes_back_through_its_command_or_is_kept():
    with ItemLab('{ use = "stream"; name = "given"; capture = "cat {dir}/given"; restore = "cat > {dir}/new && mv {dir}/new {dir}/given"; on_rollback = "restore"; },'
                 '{ use = "stream"; name = "kept"; capture = [ "cat", "{dir}/kept" ]; verify = "restore"; prove = "grep -q one"; }') as lab:
        lab.write("given", "one\n")
        lab.write("kept", "one\n")
        lab.good()
        items = lab.bad("echo two > {dir}/given; echo two > {dir}/kept")
        lab.has("given", "one\n")
        lab.has("kept", "two\n")
        check(items["given"]["kind"] == "stream" and items["given"]["proven_by"] == "read" and items["kept"]["proven_by"] == "restore", items)


def a_dump_that_fails_refuses_the_deployment():
    with ItemLab('{ use = "stream"; name = "dump"; capture = "echo half; exit 1"; }') as lab:
        p = lab.run("deploy", lab.plan(), "--release", "1.0", expect=FAILED)
        check("could not be backed up" in p.stdout + p.stderr, p.stdout, p.stderr)
        check(not lab.live(), "it was deployed", lab.live())


def a_database_comes_back_with_all_its_rows():
    with ItemLab('{ use = "sqlite"; name = "orders"; path = "{dir}/orders.db"; verify = "restore"; on_rollback = "restore"; stop = "echo stop >> {dir}/done"; start = "echo start >> {dir}/done"; },'
                 '{ use = "sqlite"; name = "log"; path = "{dir}/log.db"; }') as lab:
        for name in ("orders", "log"):
            with sqlite3.connect(lab.path(name + ".db")) as db:
                db.execute("pragma journal_mode=wal")
                db.execute("create table t (n integer)")
                db.executemany("insert into t values (?)", [(n,) for n in range(1000)])
            db.close()
        lab.good()
        items = lab.bad("/usr/bin/python3 -c \"import sqlite3\nfor n in ('orders', 'log'):\n with sqlite3.connect('{dir}/' + n + '.db') as db: db.execute('delete from t where n > 10')\"")
        rows = {}
        for name in ("orders", "log", "orders.db.replaced"):
            with sqlite3.connect(lab.path(name if "." in name else name + ".db")) as db:
                rows[name] = db.execute("select count(*) from t").fetchone()[0]
            db.close()
        check(rows == {"orders": 1000, "log": 11, "orders.db.replaced": 11}, rows)
        lab.has("done", "stop\nstart\n")
        check(items["orders"]["kind"] == "sqlite" and items["orders"]["proven_by"] == "restore", items)


def a_work_tree_goes_back_to_its_commit():
    need("git")
    with ItemLab('{ use = "git"; name = "source"; path = "{dir}/work"; version_file = "DEPLOYED_VERSION.txt"; }') as lab:
        os.mkdir(lab.path("work"))
        lab.git("init", "-q")
        lab.write("work/app", "one\n")
        lab.git("add", "app")
        lab.git("commit", "-qm", "one")
        lab.write("work/local", "not committed\n")
        first = lab.git("rev-parse", "HEAD")
        lab.good()
        lab.bad(f"cd {lab.path('work')}; echo two > app; {' '.join(GIT)} commit -qam two")
        check(lab.git("rev-parse", "HEAD") == first, "HEAD is at", lab.git("rev-parse", "HEAD"), "and not", first)
        lab.has("work/app", "one\n")
        lab.has("work/local", "not committed\n")
        lab.has("work/DEPLOYED_VERSION.txt", first + "\n")
        check(len([t for t in lab.git("tag").split() if t.startswith("backup-")]) >= 1, lab.git("tag"))


def packages_that_differ_are_told():
    need("dpkg-query")
    with ItemLab('{ use = "packages"; name = "debian"; of = "dpkg"; }') as lab:
        lab.good()
        tools = lab.write("bin/dpkg-query", "#!/bin/sh\n/usr/bin/dpkg-query \"$@\" | sed 's/^\\(ii *dpkg=\\).*/\\19.9/'\n", 0o755)
        os.environ["PATH"], before = os.path.dirname(tools) + ":" + os.environ["PATH"], os.environ["PATH"]
        os.rename(tools, tools + ".not-yet")
        try:
            lab.bad("mv {dir}/bin/dpkg-query.not-yet {dir}/bin/dpkg-query")
        finally:
            os.environ["PATH"] = before
        text = str(lab.report())
        check("apt-get install --allow-downgrades dpkg=" in text, "the command is in the report", text)


def unit_files_come_back_and_are_read_again():
    with ItemLab('{ use = "units"; name = "units"; paths = [ "{dir}/shop.service" ]; reload = "echo reloaded >> {dir}/done"; }') as lab:
        lab.write("shop.service", "[Service]\nExecStart=/bin/true\n")
        lab.good()
        lab.bad("echo '[Service]' > {dir}/shop.service")
        lab.has("shop.service", "[Service]\nExecStart=/bin/true\n")
        lab.has("done", "reloaded\n")


def names_stand_for_the_images_of_the_backup_again():
    """With a stand-in for the engine; real ones are in test_images.py."""
    program = ["/usr/bin/python3", os.path.join(SRC, "tests", "fake", "docker.py")]
    with ItemLab('{ use = "images"; name = "images"; socket = "{dir}/s"; images = [ "shop/web:live" ]; save = true; verify = "restore"; }') as lab:
        add = lambda content: subprocess.run(program + ["--add", lab.dir, "shop/web:live", content], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        first = add("one")
        engine = subprocess.Popen(program + [lab.path("s"), lab.dir], stdin=subprocess.DEVNULL)
        try:
            until(lambda: os.path.exists(lab.path("s")), 20, "the engine does not start")
            lab.good()
            items = lab.bad(" ".join(program) + " --add {dir} shop/web:live two")
            with open(lab.path("state.json")) as f:
                state = json.load(f)
            check(state["names"]["shop/web:live"] == first, "the name stands for", state["names"])
            check(items["images"]["kind"] == "images" and items["images"]["proven_by"] == "restore", items)
        finally:
            engine.terminate()
            engine.wait()


def a_python_environment_comes_back_from_the_wheels_in_its_backup():
    if subprocess.run(["/usr/bin/python3", "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL).returncode:
        need("python3-venv")
    with ItemLab('{ use = "packages"; name = "python"; of = "pip"; venv = "{dir}/venv"; wheels = true; verify = "restore"; on_rollback = "restore";'
                 ' pip_options = [ "--no-index", "--find-links={dir}/index" ]; after_restore = "echo restarted >> {dir}/done"; }') as lab:
        os.mkdir(lab.path("index"))
        for version in ("1.0", "2.0"):
            with zipfile.ZipFile(lab.path(f"index/acme-{version}-py3-none-any.whl"), "w") as z:
                info = f"acme-{version}.dist-info/"
                z.writestr("acme.py", f"version = '{version}'\n")
                z.writestr(info + "METADATA", f"Metadata-Version: 2.1\nName: acme\nVersion: {version}\n")
                z.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
                z.writestr(info + "RECORD", f"acme.py,,\n{info}METADATA,,\n{info}WHEEL,,\n{info}RECORD,,\n")
        install = lab.path("venv/bin/pip") + " install -q --disable-pip-version-check --no-index --find-links " + lab.path("index")
        lab.sh(f"/usr/bin/python3 -m venv venv && {install} acme==1.0")
        lab.good()
        items = lab.bad(f"{install} acme==2.0; rm -r {lab.path('index')}")
        check(lab.sh("venv/bin/python -c 'import acme; print(acme.version)'") == "1.0", "acme is", lab.sh("venv/bin/pip freeze"))
        check(items["python"]["kind"] == "packages" and items["python"]["proven_by"] == "restore", items)
        lab.has("done", "restarted\n")


def packages_of_npm_that_differ_are_told():
    if not shutil.which("npm"):
        print("left out, npm is not installed: packages_of_npm_that_differ_are_told", flush=True)
        return
    with ItemLab('{ use = "packages"; name = "node"; of = "npm"; directory = "{dir}/app"; }') as lab:
        lab.write("dep/package.json", '{"name": "dep", "version": "1.0.0"}')
        lab.write("app/package.json", '{"name": "app", "version": "1.0.0", "dependencies": {"dep": "file:../dep"}}')
        lab.sh("cd app && HOME=$PWD npm install --offline --no-audit --no-fund")
        lab.good()
        lab.bad("sed -i s/1.0.0/1.0.1/ {dir}/app/package-lock.json")
        text = str(lab.report())
        check("npm ci --prefix " in text, "the command is in the report", text)


def the_data_of_a_redis_server_comes_back():
    need("redis-server")
    with ItemLab('{ use = "redis"; name = "cache"; socket = "{dir}/s"; verify = "restore"; on_rollback = "restore"; settle = "30s";'
                 ' stop = [ "{dir}/redis", "stop" ]; start = [ "{dir}/redis", "start" ]; }') as lab:
        folder = lab.path("data")
        os.mkdir(folder)
        # what starts it for good is no child of failback's: as a service manager would, the test starts it when it is asked to
        lab.write("redis", f"#!/bin/sh\ncd {lab.dir}\nif test $1 = stop; then redis-cli -s s shutdown nosave; while redis-cli -s s ping >/dev/null 2>&1; do sleep 0.02; done\n"
                  "else touch wanted; until test \"$(redis-cli -s s ping 2>/dev/null)\" = PONG; do sleep 0.02; done; fi\n", 0o700)

        def server():
            p = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", lab.path("s"), "--dir", folder, "--save", "", "--daemonize", "no"], stdout=subprocess.DEVNULL)
            lab.started.append(p)
            until(lambda: lab.sh("redis-cli -s s ping 2>/dev/null || :") == "PONG", 30, "redis-server does not start")

        def supervise():
            while not over.is_set():
                if os.path.exists(lab.path("wanted")):
                    os.unlink(lab.path("wanted"))
                    server()
                over.wait(0.02)

        over = threading.Event()
        server()
        watcher = threading.Thread(target=supervise)
        watcher.start()
        try:
            lab.sh("redis-cli -s s set a one && redis-cli -s s rpush l 1 2 3")
            lab.good()
            items = lab.bad("cd {dir} && redis-cli -s s set a two && redis-cli -s s del l && redis-cli -s s save")
            check(lab.sh("redis-cli -s s get a && redis-cli -s s llen l") == "one\n3", "the server has", lab.sh("redis-cli -s s get a"))
            check(items["cache"]["proven_by"] == "restore", items)
        finally:
            over.set()
            watcher.join()


if __name__ == "__main__":
    main(a_python_environment_comes_back_from_the_wheels_in_its_backup, packages_of_npm_that_differ_are_told, the_data_of_a_redis_server_comes_back,
         a_stream_goes_back_through_its_command_or_is_kept, a_dump_that_fails_refuses_the_deployment, a_database_comes_back_with_all_its_rows,
         a_work_tree_goes_back_to_its_commit, packages_that_differ_are_told, unit_files_come_back_and_are_read_again,
         names_stand_for_the_images_of_the_backup_again)
