# SPDX-License-Identifier: Apache-2.0
"""A laboratory for tests of the whole program: a folder of its own with a state directory, a configuration, real servers, and failback itself.

Paths come from the environment that tests/chain/run sets: BUILD (build tree), SRC (source tree). Everything that is started here is ended by pid.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = os.environ.get("BUILD", os.getcwd())
SRC = os.environ.get("SRC", BUILD)
FAILBACK = os.environ.get("FAILBACK", os.path.join(BUILD, "failback"))
PLUGINS = os.environ.get("PLUGINS", os.path.join(BUILD, "plugins/staged"))

with open(os.path.join(BUILD, "Makefile")) as _makefile:
    SANITIZED = "-fsanitize=address" in _makefile.read()

# What sanitizers and valgrind (VALGRIND=1) say of failback and its hosts goes to files here, whoever reads their output, and fails the test
WATCHED = tempfile.mkdtemp(prefix="failback-watched-")
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + f":log_path={WATCHED}/sanitizer:log_exe_name=1"
MEMCHECK = ["valgrind", "-q", "--leak-check=full", "--errors-for-leak-kinds=definite", "--child-silent-after-fork=no", "--trace-children=yes",
            "--trace-children-skip=/bin/*,/usr/*,/sbin/*,*/web/web,*.py,*.sh", f"--log-file={WATCHED}/valgrind.%p"] if os.environ.get("VALGRIND") else []

# Exit codes, a contract (failback(1))
DONE, FAILED, RECOVERED, INCOMPLETE, REFUSED, WAITING, INTERRUPTED = 0, 1, 3, 4, 5, 6, 7
USAGE, CONFIG, PLUGIN, JOURNAL, STOPPED = 64, 65, 69, 74, 130


class Failure(Exception):
    pass


def check(condition, text, *details):
    if not condition:
        raise Failure(" ".join([text] + [str(d) for d in details]))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(condition, seconds=10, text="it did not happen in time"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise Failure(text)


def need(program):
    """A prerequisite: without it a user's machine skips the test, CI fails it."""
    path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not path:
        print(f"{program} is not installed", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else 77)
    return path


class Lab:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="failback-lab-")
        self.state = os.path.join(self.dir, "state")
        self.conf = os.path.join(self.dir, "failback.conf")
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill_services()
        for p in self.started:
            if p.poll() is None:
                p.kill()
                p.wait()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print("kept", self.dir, file=sys.stderr)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def command(self, *args, json_output=False):
        return MEMCHECK + [FAILBACK, "-c", self.conf, "--state-dir", self.state, "--plugin-dir", PLUGINS] + (["--json"] if json_output else []) + list(args)

    def run(self, *args, expect=None, timeout=120, env=None, json_output=False):
        """Runs failback to its end; returns the finished process (text output)."""
        e = dict(os.environ, **(env or {}))
        p = subprocess.run(self.command(*args, json_output=json_output), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           timeout=timeout, env=e)
        if expect is not None and p.returncode not in (expect if isinstance(expect, tuple) else (expect,)):
            raise Failure(f"failback {' '.join(args)}: exit code {p.returncode}, expected {expect}\n{p.stdout}\n{p.stderr}")
        return p

    def start(self, *args, env=None, **more):
        """Starts failback and returns the running process."""
        p = subprocess.Popen(self.command(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             env=dict(os.environ, **(env or {})), **more)
        self.started.append(p)
        return p

    def json(self, *args, expect=None, **more):
        p = self.run(*args, json_output=True, expect=expect, **more)
        try:
            return json.loads(p.stdout)
        except ValueError:
            raise Failure(f"failback --json {' '.join(args)}: not one JSON document (exit code {p.returncode}):\n{p.stdout}\n{p.stderr}")

    def report(self, execution=None):
        return self.json("report", *([execution] if execution else []), "--format", "json")

    def newest(self):
        history = self.json("history", "--limit", "1")
        return history["executions"][0] if history["executions"] else None

    def sql(self, query):
        import sqlite3
        with sqlite3.connect(f"file:{self.state}/journal.db?mode=ro", uri=True) as db:
            return db.execute(query).fetchall()

    def engine_pid(self):
        rows = self.sql("select owner_pid from executions where ended_ms is null or ended_ms = 0 order by rowid desc limit 1")
        return rows[0][0] if rows and rows[0][0] else None

    def processes(self):
        """Processes whose environment or command line names this laboratory."""
        found = []
        for pid in os.listdir("/proc"):
            if not pid.isdigit() or int(pid) == os.getpid():
                continue
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    line = f.read()
                with open(f"/proc/{pid}/environ", "rb") as f:
                    environment = f.read()
                with open(f"/proc/{pid}/stat") as f:
                    state = f.read().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if state != "Z" and (self.dir.encode() in line or self.dir.encode() in environment):
                found.append((int(pid), line.replace(b"\0", b" ").decode(errors="replace")))
        return found

    def kill_services(self):
        for pid, _ in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass


def unsanitized(why, *tests):
    """Tests that a build with sanitizers cannot run: left out there, and said."""
    if SANITIZED:
        print(f"left out, {why}: {' '.join(t.__name__ for t in tests)}")
    return () if SANITIZED else tests


def watched(hostile):
    """What was found since the last look; hostile: what plugins did to their own hosts is meant."""
    found = []
    for name in sorted(os.listdir(WATCHED)):
        with open(os.path.join(WATCHED, name), errors="replace") as f:
            text = "".join(line for line in f if not line.startswith("--"))  # its own warnings
        os.unlink(os.path.join(WATCHED, name))
        if text.strip() and not (hostile and ".failback-host." in name):
            found.append(f"{name}:\n{text}")
    return "\n".join(found)


def attempt(test, hostile):
    """Runs a test; what is wrong, or nothing."""
    wrong = ""
    try:
        test()
    except (Failure, subprocess.TimeoutExpired) as e:
        wrong = str(e)
    except Exception:
        wrong = traceback.format_exc()
    return "\n".join(filter(None, (wrong, watched(hostile))))


def main(*tests, hostile=False, attempts=1):
    """Runs the tests (functions that take nothing); all, or those named on the command line. hostile: they have plugins that crash. attempts: more than one where a
    booted machine is part of the test, which answers late when its host is busy; that it was needed is printed, with why."""
    wanted = sys.argv[1:]
    failed = 0
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        begun = time.monotonic()
        wrong = attempt(test, hostile)
        for _ in range(attempts - 1):
            if wrong:
                print(f"again {test.__name__}: {wrong}", flush=True)
                wrong = attempt(test, hostile)
        failed += 1 if wrong else 0
        print(f"FAIL {test.__name__}: {wrong}" if wrong else f"ok   {test.__name__} ({time.monotonic() - begun:.1f} s)", flush=True)
    shutil.rmtree(WATCHED, ignore_errors=True)
    sys.exit(1 if failed else 0)
