# SPDX-License-Identifier: Apache-2.0
"""A service that somebody else keeps: failback asks for it by a command, and is not its parent. It is a unit of a real systemd when `machine` is set
(a systemd_lab.Machine; tests/chain/test_scenario_units.py does), and else a process of a supervisor of the test's own, which is there where no systemd boots."""
import itertools
import os
import subprocess

from lab import Failure, Lab, until

machine = None
numbers = itertools.count(1)

SUPERVISOR = r'''
import os, signal, subprocess, sys, time
folder, command = sys.argv[1], sys.argv[2:]
signal.signal(signal.SIGTERM, signal.SIG_DFL)
child = None
def stop():
    global child
    if child:
        child.kill()
        child.wait()
    child = None
while True:
    for asked in ("stop", "start", "restart"):
        if os.path.exists(os.path.join(folder, asked)):
            if asked != "start":
                stop()
            if asked != "stop" and (not child or child.poll() is not None):
                with open(os.path.join(folder, "service.log"), "a") as log:
                    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            with open(os.path.join(folder, "done"), "a") as f:
                f.write(asked + "\n")
            os.unlink(os.path.join(folder, asked))
    if child and child.poll() is not None:
        child = None
    with open(os.path.join(folder, "pid.new"), "w") as f:
        f.write(str(child.pid) if child else "")
    os.rename(os.path.join(folder, "pid.new"), os.path.join(folder, "pid"))
    time.sleep(0.01)
'''


ASK = """#!/bin/sh
cd {folder} || exit 1
if test "$1" = pid; then exec cat pid; fi
touch "$1"
i=0
while test -e "$1"; do
  i=$((i + 1)); test $i -lt 3000 || exit 1
  sleep 0.01
done
"""
ASK_SYSTEMD = """#!/bin/sh
if test "$1" = pid; then exec {enter} systemctl show --value --property=MainPID {unit}; fi
echo "$1" >> {folder}/done
exec {enter} systemctl "$1" {unit}
"""
UNIT = """[Service]
Type=exec
ExecStart={words}
{environment}
StandardOutput=append:{folder}/service.log
StandardError=append:{folder}/service.log
"""


class Service:
    """In a folder "supervisor" of the laboratory; words: its command line. Its attribute ask is the command: stop, start, restart or pid (its number where it runs, or 0)."""

    def __init__(self, lab: Lab, words, environment=None):
        self.lab = lab
        self.folder = lab.path("supervisor")
        os.mkdir(self.folder)
        environment = environment or {}
        if machine:
            self.unit = Unit(words, environment, self.folder)
            enter = " ".join(machine.enter("/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"))
            self.ask = lab.write("ask", ASK_SYSTEMD.format(folder=self.folder, enter=enter, unit=self.unit.name), 0o700)
        else:
            self.ask = lab.write("ask", ASK.format(folder=self.folder), 0o700)
            lab.started.append(subprocess.Popen(["/usr/bin/python3", lab.write("supervisor.py", SUPERVISOR), self.folder] + words, stdin=subprocess.DEVNULL,
                                                env=dict(os.environ, **environment), start_new_session=True))
            until(lambda: os.path.exists(os.path.join(self.folder, "pid")), 30, "the supervisor does not start")

    def pid(self):
        p = subprocess.run([self.ask, "pid"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60)
        if p.returncode:
            raise Failure(f"{self.ask} pid: exit code {p.returncode}")
        return int(p.stdout or 0)

    def runs(self):
        return self.pid() != 0

    def do(self, what):
        if subprocess.run([self.ask, what], stdin=subprocess.DEVNULL, timeout=60).returncode:
            raise Failure(f"the service manager did not {what}")
        until(lambda: self.runs() == (what != "stop"), 10, f"the service did not {what}")

    def done(self):
        try:
            with open(os.path.join(self.folder, "done")) as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def forget(self):
        open(os.path.join(self.folder, "done"), "w").close()


class Unit:
    """A unit of the machine that runs the words, with the part of a subprocess.Popen that tests ask for."""

    def __init__(self, words, environment, folder):
        self.name = f"service-{next(numbers)}.service"
        lines = "\n".join(f"Environment={k}={v}" for k, v in environment.items())
        machine.unit(self.name, UNIT.format(words=" ".join(words), environment=lines, folder=folder))

    def start(self):
        machine.systemctl("start", self.name)
        return self

    def poll(self):
        return None if machine.show(self.name, "ActiveState") == "active" else 1

    def kill(self):
        machine.systemctl("stop", self.name)

    def wait(self):
        pass
