#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A dependency update that breaks imports after it went live: the service goes back to the environment that was good, or to one that is made again from its frozen pins
and local wheels. Runs without a network, where the kernel lets it have none."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile

from files_lab import FilesLab
from lab import DONE, FAILED, INTERRUPTED, RECOVERED, check, free_port, main, need, until
from service_lab import Service

# The service imports what it needs when it is asked: that it starts says nothing of its dependencies.
APP = """
import http.server, importlib, sys, traceback
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            text, code = importlib.import_module("shop").answer(), 200
        except Exception as e:
            traceback.print_exc()
            text, code = repr(e), 500
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

RECOVERY = """
recovery = (
  { phase = "restore"; timeout = "200s"; },
  { phase = "verify"; stable_for = "50ms"; interval = "20ms"; },
  { parallel = ( { phase = "cleanup"; }, { phase = "analyze"; }, { phase = "recommend"; after = "analyze"; } ); },
  { phase = "archive"; }, { phase = "notify"; } );
"""


def wheel(folder, name, version, code, needs=()):
    with zipfile.ZipFile(os.path.join(folder, f"{name}-{version}-py3-none-any.whl"), "w") as z:
        info = f"{name}-{version}.dist-info/"
        z.writestr(f"{name}.py", code)
        z.writestr(info + "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {n}\n" for n in needs))
        z.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(info + "RECORD", f"{name}.py,,\n{info}METADATA,,\n{info}WHEEL,,\n{info}RECORD,,\n")


# A Python whose environments all have one pip, unpacked from the wheel that Python brings along: making one takes a tenth of the time. One test has the real thing.
PYTHON = """#!/bin/sh
case "$1 $2" in
'-m venv') /usr/bin/python3 -m venv --without-pip "$3" && for d in "$3"/lib/python3*/site-packages; do echo {site} > "$d/pip.pth"; done ;;
*) exec /usr/bin/python3 "$@" ;;
esac
"""
PIP = """import ensurepip, os, subprocess, sys, zipfile
try:
    p = ensurepip._get_packages()['pip']
    zipfile.ZipFile(p.wheel_path or os.path.join(os.path.dirname(ensurepip.__file__), '_bundled', p.wheel_name)).extractall('site')
except (AttributeError, KeyError, OSError, TypeError):  # another Python has them elsewhere
    subprocess.run([sys.executable, '-m', 'venv', 'base'], check=True)
    os.symlink(f'base/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages', 'site')
"""
BASE = tempfile.TemporaryDirectory(prefix="failback-base-")


def quick_python():
    path = os.path.join(BASE.name, "python")
    if not os.path.exists(path):
        subprocess.run(["/usr/bin/python3", "-c", PIP], check=True, cwd=BASE.name)
        with open(path, "w") as f:
            f.write(PYTHON.format(site=os.path.join(BASE.name, "site")))
        os.chmod(path, 0o755)
    return path


class DependenciesLab(FilesLab):
    def __init__(self, python=None):
        super().__init__()
        self.python = python
        need("/usr/bin/python3")
        if subprocess.run(["/usr/bin/python3", "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL).returncode:
            need("python3-venv")
        self.port = free_port()
        self.wheels = self.path("wheels")
        os.mkdir(self.wheels)
        wheel(self.wheels, "orders", "1.0", "def total(): return 'total 1'\n")
        wheel(self.wheels, "orders", "2.0", "def sum(): return 'total 2'\n")  # the function has another name
        wheel(self.wheels, "shop", "1.0", "def answer():\n    from orders import total\n    return total()\n", ["orders"])
        for release, orders in (("1.0", "1.0"), ("2.0", "2.0")):
            self.write(f"releases/{release}/requirements.txt", f"shop==1.0\norders=={orders}\n")
        self.envs, self.link = self.path("environments"), self.path("venv")
        self.service = Service(self, [os.path.join(self.link, "bin/python"), self.write("app.py", APP), str(self.port)])
        self.setup()

    def setup(self, test="python -c 'import shop'"):
        self.write("failback.conf", f"""environment = "production";
services = ( {{ name = "app";
  strategy = {{ use = "dependencies"; environments = "{self.envs}"; link = "{self.link}"; requirements = "{self.dir}/releases/{{release}}/requirements.txt";
    wheels = "{self.wheels}"; offline = true; python = "{self.python or quick_python()}"; test = "{test}"; restart = [ "{self.service.ask}", "restart" ]; settle = "20s";
    running = "/usr/bin/python3 -c 'import socket; socket.create_connection((\\"127.0.0.1\\", {self.port}), 5)'"; logs = [ "{self.service.folder}/service.log" ]; }};
  checks = ( {{ use = "http"; name = "answers"; url = "http://127.0.0.1:{self.port}/"; interval = "100ms"; timeout = "5s"; }} ); }} );
{RECOVERY}
notifiers = ( );
rollback_timeout = "280s";
""")

    def deploy(self, release, steps="", expect=DONE, **more):
        links = [steps] if steps else []
        links.append('{ name = "Deploy app"; promote = "app"; timeout = "200s"; }')
        plan = self.write("plan.conf", 'name = "plan"; title = "Deploy"; services = [ "app" ]; watch_for = "0s";\nsteps = (\n' + ",\n".join(links) + " );\n")
        return self.run("deploy", plan, "--release", release, expect=expect, timeout=280, **more)

    def live(self, service="app"):
        return os.path.basename(os.readlink(self.link))

    def get(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def module(self, name, release="1.0"):
        lib = os.path.join(self.envs, release, "lib")
        return os.path.join(lib, os.listdir(lib)[0], "site-packages", name)

    def works(self):
        check(self.live() == "1.0", "live is", self.live())
        check(self.get() == (200, "total 1"), "the service says", self.get())


def an_update_that_breaks_imports_goes_back_to_the_environment_that_was_good():
    with DependenciesLab("/usr/bin/python3") as lab:
        lab.deploy("1.0")
        lab.works()
        made = os.stat(os.path.join(lab.envs, "1.0")).st_ino
        lab.deploy("2.0", expect=RECOVERED)
        lab.works()
        check(os.stat(os.path.join(lab.envs, "1.0")).st_ino == made, "the environment was made again for nothing")
        check(lab.service.done() == ["restart"] * 3, "not one restart each:", lab.service.done())
        report = lab.report()
        check(report["status"] == "failed_with_rollback", report["status"])
        folder = os.path.join(lab.state, "executions", report["execution_id"])
        found = subprocess.run(["grep", "-rlF", "~ orders 1.0 -> 2.0", lab.state], stdout=subprocess.PIPE, text=True).stdout
        check(found, "how the packages differ is nowhere in", folder)
        check(os.path.isdir(os.path.join(lab.envs, "2.0")), "what failed was not kept to be looked at")


def one_that_was_damaged_meanwhile_is_made_again_from_pins_and_wheels():
    with DependenciesLab() as lab:
        lab.deploy("1.0")
        damaged = f"rm -r {lab.path('releases/1.0')} {lab.module('orders.py')}"
        lab.deploy("2.0", '{ name = "spoil"; run = "' + damaged + '"; }', expect=RECOVERED)
        lab.works()
        lab.deploy("2.0", '{ name = "spoil"; run = "rm -r ' + os.path.join(lab.envs, "1.0") + '"; }', expect=RECOVERED)  # all of it, while it is live
        lab.works()


def an_environment_that_fails_its_test_is_never_seen():
    with DependenciesLab() as lab:
        lab.setup(test="python -c 'import shop; shop.answer()'")
        lab.deploy("1.0")
        pid = lab.service.pid()
        p = lab.deploy("2.0", expect=(FAILED, RECOVERED))
        check("does not pass its test, and did not go live" in p.stdout + p.stderr and "cannot import name" in p.stdout + p.stderr, p.stdout, p.stderr)
        lab.works()
        check(lab.service.pid() == pid, "the service was restarted")


def a_way_back_that_cannot_be_gone_refuses_the_deployment():
    with DependenciesLab() as lab:
        lab.deploy("1.0")
        os.unlink(lab.module("orders.py"))
        away = lab.path("orders-1.0-py3-none-any.whl")
        shutil.move(os.path.join(lab.wheels, os.path.basename(away)), away)
        p = lab.deploy("2.0", expect=FAILED)
        check("cannot be gone back to" in p.stdout + p.stderr and "No matching distribution found for orders==1.0" in p.stdout + p.stderr, p.stdout, p.stderr)
        check(lab.live() == "1.0" and not os.path.exists(os.path.join(lab.envs, "2.0")), "something was changed")
        shutil.move(away, lab.wheels)
        lab.deploy("2.0", expect=RECOVERED)  # with the wheel there is a way back, and it is gone
        lab.works()


def a_recovery_that_is_killed_while_it_makes_the_environment_is_gone_on_with():
    with DependenciesLab() as lab:
        hold, begun = lab.path("hold"), lab.path("begun")
        lab.setup(test=f"while test -e {hold}; do touch {begun}; sleep 0.05; done; python -c 'import shop'")
        lab.deploy("1.0")
        plan = lab.write("kill.conf", 'name = "plan"; title = "Deploy"; services = [ "app" ]; watch_for = "0s";\nsteps = ( { name = "Deploy app"; promote = "app"; timeout = "200s"; },'
                         f' {{ name = "spoil"; run = "rm {lab.module("orders.py")}; touch {hold}; exit 1"; }} );\n')
        wheel(lab.wheels, "orders", "2.1", "def total(): return 'total 2.1'\n")
        lab.write("releases/2.1/requirements.txt", "shop==1.0\norders==2.1\n")
        p = lab.start("deploy", plan, "--release", "2.1")
        until(lambda: os.path.exists(begun), 200, "the environment was not made again")
        os.kill(lab.engine_pid(), signal.SIGKILL)
        out = p.communicate(timeout=60)[0]
        check(p.returncode == INTERRUPTED, p.returncode, out)
        check(lab.get() == (200, "total 2.1"), "something was switched", lab.get())
        os.unlink(hold)
        lab.run("resume", expect=RECOVERED, timeout=280)
        lab.works()


def without_a_network():
    """Starts this program again where there is none but its own loopback."""
    words = ["unshare", "--net"] + ([] if os.getuid() == 0 else ["--map-root-user"])
    if os.environ.get("FAILBACK_NO_NETWORK") or not shutil.which("ip", path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
        return
    if subprocess.run(words + ["true"], stderr=subprocess.DEVNULL).returncode:
        print("a network cannot be taken away here: that none is used is shown by pip's --no-index alone", flush=True)
        return
    os.environ["FAILBACK_NO_NETWORK"] = "1"
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    os.execvp("unshare", words + ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", "/usr/bin/python3"] + sys.argv)


if __name__ == "__main__":
    without_a_network()
    main(an_update_that_breaks_imports_goes_back_to_the_environment_that_was_good, one_that_was_damaged_meanwhile_is_made_again_from_pins_and_wheels,
         an_environment_that_fails_its_test_is_never_seen, a_way_back_that_cannot_be_gone_refuses_the_deployment,
         a_recovery_that_is_killed_while_it_makes_the_environment_is_gone_on_with)
