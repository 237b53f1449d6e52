# SPDX-License-Identifier: Apache-2.0
"""A deployment of code that fails: a service from a git repository with a Python environment and settings that are not in git, deployed by strategy git.
Its tests fail before it is live, or it fails after; code, dependencies and settings are those of before. And the whole folder is lost, or a part of it."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import zipfile

from lab import DONE, FAILED, RECOVERED, Lab, check, main, need, until
from service_lab import Service

GIT = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
PATIENCE = 90

# Serves by a file that says what it is made of. A sick release is well when it comes up, and not a moment later.
APP = """import json, os, signal, time
import greet
RELEASE, NEEDS, SICK = "{release}", "{needs}", {sick}
here, world = os.path.dirname(os.path.abspath(__file__)), os.environ["SHOP_WORLD"]
with open(os.path.join(here, "config", "agents.config.json")) as f:
    config = json.load(f)
def say(healthy):
    with open(os.path.join(world, "status.new"), "w") as f:
        json.dump({{"pid": os.getpid(), "release": RELEASE, "greet": greet.VERSION, "model": config["model"], "healthy": healthy}}, f)
    os.rename(os.path.join(world, "status.new"), os.path.join(world, "status"))
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    say(True)
    time.sleep(0.5 if SICK else 1000000)
    print("ERROR: planner agent gives no answers", flush=True)
    say(False)
    time.sleep(1000000)
"""
TESTS = """import re, sys
import greet
with open("app.py") as f:
    needs = re.search('RELEASE, NEEDS, SICK = "[^"]*", "([^"]*)"', f.read()).group(1)
with open("{world}/tested", "a") as f:
    print(sys.prefix, file=f)
if greet.VERSION != needs:
    sys.exit(f"FAILED test_greet: app needs greet {{needs}}, and {{greet.VERSION}} is installed")
"""
RUNNING = """#!/bin/sh
pid=$({ask} pid) && grep -q "\\"pid\\": $pid," {world}/status
"""
STOP = """#!/bin/sh
{ask} stop && rm -f {world}/status
"""
CONFIG = """
environment = "production";
rollback_timeout = "{long}s";
backup_store = {{ path = "{dir}/backups"; }};
services = ( {{ name = "shop";
  strategy = {{ use = "git"; path = "{work}"; fetch = "origin"; ref = "v%s"; version_file = "DEPLOYED_VERSION.txt"; settle = "{patience}s"; logs = [ "{dir}/supervisor/service.log" ];
    install = "test -x .venv/bin/python || {python} -m venv .venv; .venv/bin/python -m pip --disable-pip-version-check install -q --no-index --find-links {dir}/wheels -r requirements.txt";
    test = [ ".venv/bin/python", "test_app.py" ];
    stop = [ "{stop}" ]; start = [ "{ask}", "start" ]; running = [ "{running}" ]; }};
  backup = (
    {{ use = "tree"; name = "config"; paths = [ "{work}/config" ]; }},
    {{ use = "packages"; name = "python"; of = "pip"; venv = "{work}/.venv"; wheels = true; pip_options = [ "--no-index", "--find-links={dir}/wheels" ]; }},
    {{ use = "git"; name = "source"; path = "{work}"; version_file = "DEPLOYED_VERSION.txt"; bundle = "always"; on_rollback = "keep"; }} );
  checks = ( {{ use = "command"; run = "grep -q '\\"healthy\\": true' {world}/status"; interval = "200ms"; }} ); }} );
recovery = (
  {{ phase = "protect-traffic"; }},
  {{ phase = "restore"; timeout = "{long}s"; }},
  {{ phase = "verify"; stable_for = "1s"; interval = "100ms"; timeout = "60s"; }},
  {{ parallel = ( {{ phase = "cleanup"; }}, {{ phase = "analyze"; }}, {{ phase = "recommend"; after = "analyze"; }} ); }},
  {{ phase = "archive"; }} );
notifiers = ( );
"""


def wheel(folder, name, version):
    """A package of one module, as a wheel: nothing has to be built."""
    info, files = f"{name}-{version}.dist-info", {}
    files[f"{name}.py"] = f'VERSION = "{version}"\n'
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    rows = [f"{n},sha256={base64.urlsafe_b64encode(hashlib.sha256(t.encode()).digest()).rstrip(b'=').decode()},{len(t)}\n" for n, t in files.items()]
    with zipfile.ZipFile(os.path.join(folder, f"{name}-{version}-py3-none-any.whl"), "w") as z:
        for n, t in files.items():
            z.writestr(n, t)
        z.writestr(f"{info}/RECORD", "".join(rows) + f"{info}/RECORD,,\n")


class CodeLab(Lab):
    """A bare remote with v1.0, v2.0 (its tests fail) and v3.0 (fails when it is live), and 1.0 as an administrator has put it there and started it."""

    def __init__(self):
        super().__init__()
        need("git")
        self.python = "/usr/bin/python3"  # the one that tests/chain/run has looked for
        if subprocess.run([self.python, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL).returncode:
            need("python3-venv, or what makes environments of Python,")
        os.environ["GIT_CONFIG_GLOBAL"] = "/dev/null"
        self.world, self.work = self.path("world"), self.path("work")
        os.makedirs(self.world)
        os.makedirs(self.path("wheels"))
        for version in ("1.0", "2.0"):
            wheel(self.path("wheels"), "greet", version)
        self.remote()
        self.words = {"dir": self.dir, "work": self.work, "world": self.world, "patience": PATIENCE, "long": 3 * PATIENCE, "python": self.python}
        self.unit = Service(self, ["/bin/sh", self.write("bin/run", f"cd {self.work} && exec .venv/bin/python app.py\n")], {"SHOP_WORLD": self.world})
        self.words["ask"] = self.unit.ask
        for name, text in (("stop", STOP), ("running", RUNNING)):
            self.words[name] = self.write(f"bin/{name}", text.format(**self.words), 0o700)
        self.write("failback.conf", CONFIG.format(**self.words))
        self.sh(f"git clone -q {self.path('far')} {self.work} && cd {self.work} && git checkout -q v1.0 && {self.python} -m venv .venv && "
                f".venv/bin/python -m pip --disable-pip-version-check install -q --no-index --find-links ../wheels -r requirements.txt")
        self.settings("one")
        self.unit.do("start")
        until(lambda: self.status() is not None, PATIENCE, "the service does not start")

    def remote(self):
        self.sh(f"{' '.join(GIT)} init -q source && {' '.join(GIT)} init -q --bare far && git -C source remote add origin {self.path('far')}")
        for release, needs, pinned, sick in (("1.0", "1.0", "1.0", False), ("2.0", "2.0", "1.0", False), ("3.0", "2.0", "2.0", True)):
            self.write("source/app.py", APP.format(release=release, needs=needs, sick=sick), 0o644)
            self.write("source/test_app.py", TESTS.format(world=self.world), 0o644)
            self.write("source/requirements.txt", f"greet=={pinned}\n", 0o644)
            self.write("source/.gitignore", ".venv/\nconfig/\n__pycache__/\nDEPLOYED_VERSION.txt\n", 0o644)
            if release == "3.0":
                self.write("source/planner.py", "PLANS = 3\n", 0o644)
            self.sh(f"cd source && git add . && {' '.join(GIT)} commit -qm 'release {release}' && git tag v{release}")
        self.sh("cd source && git push -q --tags origin main")

    def sh(self, line):
        p = subprocess.run(["/bin/sh", "-ec", line], cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        check(p.returncode == 0, line, p.stdout)
        return p.stdout.strip()

    def settings(self, model):
        os.makedirs(os.path.join(self.work, "config"), exist_ok=True)
        self.write("work/config/agents.config.json", json.dumps({"model": model}) + "\n")
        self.write("work/config/planner.json", "{}\n")

    def status(self):
        try:
            with open(os.path.join(self.world, "status")) as f:
                return json.load(f)
        except FileNotFoundError:
            return None

    def deploy(self, release, expect, steps=""):
        plan = self.write("plan.conf", f'name = "plan"; title = "Deploy {release}"; services = [ "shop" ]; watch_for = "60s";\nsteps = ( {steps} '
                                       f'{{ name = "Deploy shop"; promote = "shop"; timeout = "{3 * PATIENCE}s"; }} );\n')
        return self.run("deploy", plan, "--release", release, expect=expect, timeout=900)

    def is_as_before(self, pid=None):
        """Code, dependencies and settings are those of 1.0, on disk and in the process that runs."""
        said = self.status()
        check(said and {k: said[k] for k in ("release", "greet", "model", "healthy")} == {"release": "1.0", "greet": "1.0", "model": "one", "healthy": True}, "it says", said)
        check(pid is None or said["pid"] == pid, "it was started again:", pid, said)
        check(said["pid"] == self.unit.pid(), "what has said so runs no more:", said, self.unit.pid())
        check(self.sh(f"cd {self.work} && git rev-parse HEAD && git status --porcelain") == self.sh(f"git -C {self.path('far')} rev-parse v1.0"), "the code is that of 1.0")
        check(not os.path.exists(os.path.join(self.work, "planner.py")), "a file of the failed release is left")
        check(self.sh(f"{self.work}/.venv/bin/python -m pip --disable-pip-version-check freeze") == "greet==1.0", "the dependencies are those of 1.0")
        with open(os.path.join(self.work, "config", "agents.config.json")) as f:
            check(json.load(f) == {"model": "one"}, "the settings are those of before")

    def tested(self):
        try:
            with open(os.path.join(self.world, "tested")) as f:
                return [".git/failback" in line for line in f]
        finally:
            if os.path.exists(os.path.join(self.world, "tested")):
                os.unlink(os.path.join(self.world, "tested"))


def a_release_that_is_not_good_goes_back_before_it_is_live_or_after():
    with CodeLab() as lab:
        pid = lab.status()["pid"]
        p = lab.deploy("2.0", (FAILED, RECOVERED))
        check("FAILED test_greet: app needs greet 2.0, and 1.0 is installed" in p.stdout + p.stderr, "what the tests said:", p.stdout, p.stderr)
        lab.is_as_before(pid)
        check(lab.tested() == [True], "the tests ran once, out of sight")

        change = f'{{ name = "Settings"; run = "echo \'{{\\"model\\": \\"three\\"}}\' > {lab.work}/config/agents.config.json"; }},'
        lab.deploy("3.0", RECOVERED, change)
        lab.is_as_before()
        check(lab.status()["pid"] != pid, "it was not started again")
        check(lab.tested() == [True, False, False], "the tests ran out of sight, before its start, and before that of the last known good")
        with open(os.path.join(lab.work, "DEPLOYED_VERSION.txt")) as f:
            check(f.read().strip() == lab.sh(f"git -C {lab.path('far')} rev-parse v1.0"), "DEPLOYED_VERSION.txt")
        report = lab.report()
        found = lab.sh(f"grep -rl 'planner.py' {lab.state} --include='*git.txt*' || true")
        check(found, "the evidence says what the failed release changed", json.dumps(report)[:2000])
        check(lab.sh(f"git -C {lab.work} worktree list | wc -l") == "2", "only the release that failed last is kept staged")
        a_part_of_it_is_given_back(lab)
        the_whole_folder_is_lost(lab)


def a_part_of_it_is_given_back(lab):
    """One component, and one file (004: partial restore)."""
    sets = [s["set"] for s in lab.json("backup", "list", expect=DONE)["sets"]]
    pid = lab.status()["pid"]
    lab.sh(f"{lab.work}/.venv/bin/python -m pip --disable-pip-version-check uninstall -q -y greet")
    lab.run("backup", "restore", sets[0], "--item", "shop.python", "--approve", expect=DONE, timeout=600)
    lab.is_as_before(pid)
    lab.write("work/config/planner.json", "spoiled\n")
    lab.write("work/config/agents.config.json", "spoiled, but not asked for\n")
    lab.run("backup", "restore", sets[0], "--item", "shop.config", "--only", f"{lab.work}/config/planner.json", "--approve", expect=DONE, timeout=600)
    with open(os.path.join(lab.work, "config", "planner.json")) as f:
        check(f.read() == "{}\n", "one file is back")
    with open(os.path.join(lab.work, "config", "agents.config.json")) as f:
        check(f.read() == "spoiled, but not asked for\n", "another file was touched")
    lab.run("backup", "restore", sets[0], "--item", "shop.config", "--approve", expect=DONE, timeout=600)
    lab.is_as_before(pid)
    lab.sets = sets


def the_whole_folder_is_lost(lab):
    """Code, environment and settings (004: full system restore), as failback-strategy-git(7) says; the second time without the remote."""
    for remote in (True, False):
        lab.unit.do("stop")
        shutil.rmtree(lab.work)
        shutil.rmtree(lab.path("out"), ignore_errors=True)
        lab.run("backup", "restore", lab.sets[0], "--to", lab.path("out"), expect=DONE, timeout=600)
        out = lab.path("out", "shop")
        if remote:
            lab.sh(f"git clone -q {lab.path('far')} {lab.work}")
        else:
            shutil.move(lab.path("far"), lab.path("away"))
            lab.sh(f"git init -q {lab.work} && git -C {lab.work} fetch -q {out}/source/commits.bundle refs/failback/kept && git -C {lab.work} checkout -q FETCH_HEAD")
        found = [d for d, _, files in os.walk(os.path.join(out, "config")) if "agents.config.json" in files]
        check(len(found) == 1, "the settings are in what was given:", found)
        shutil.copytree(found[0], os.path.join(lab.work, "config"))
        lab.run("rollback", "shop", "--to", "1.0", "--reason", "the folder was lost", expect=(DONE, RECOVERED), timeout=600)
        if not remote:
            shutil.move(lab.path("away"), lab.path("far"))
        lab.is_as_before()


if __name__ == "__main__":
    main(a_release_that_is_not_good_goes_back_before_it_is_live_or_after)
