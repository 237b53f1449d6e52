# SPDX-License-Identifier: Apache-2.0
"""A supervised process of a test's own: what systemd is to a service, for tests where there is none. failback asks for it by files, and is not its parent."""
import os
import subprocess

from lab import Failure, Lab, until

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


class Service:
    """In a folder "supervisor" of the laboratory; words: its command line."""

    def __init__(self, lab: Lab, words):
        self.lab = lab
        self.folder = lab.path("supervisor")
        os.mkdir(self.folder)
        self.ask = lab.write("ask", f'#!/bin/sh\ncd {self.folder} || exit 1\ntouch "$1"\ni=0\nwhile test -e "$1"; do\n  i=$((i + 1)); test $i -lt 3000 || exit 1\n  sleep 0.01\ndone\n', 0o700)
        lab.started.append(subprocess.Popen(["/usr/bin/python3", lab.write("supervisor.py", SUPERVISOR), self.folder] + words, stdin=subprocess.DEVNULL))

    def pid(self):
        try:
            with open(os.path.join(self.folder, "pid")) as f:
                return int(f.read() or 0)
        except FileNotFoundError:
            return 0

    def runs(self):
        return self.pid() != 0

    def do(self, what):
        if subprocess.run([self.ask, what], timeout=60).returncode:
            raise Failure(f"the supervisor did not {what}")
        until(lambda: self.runs() == (what != "stop"), 10, f"the service did not {what}")

    def done(self):
        try:
            with open(os.path.join(self.folder, "done")) as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def forget(self):
        open(os.path.join(self.folder, "done"), "w").close()
