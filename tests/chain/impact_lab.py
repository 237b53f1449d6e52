# SPDX-License-Identifier: Apache-2.0
"""What users feel, measured from outside: an open-loop client, the service's own log and counter, HAProxy's log, and the report beside them.

A trial deploys a release under load, lets it fail in one way after its promotion, and returns the figures. What is too much is the caller's to say.
"""
import datetime
import glob
import json
import os
import signal
import socket
import subprocess
import threading
import time

from lab import BUILD, SRC, Failure, check, until
from web_lab import WebLab

RATE = 500
SETTLE = 0.3  # between promotion and failure: a release before it fails


def wall_ms(stamp):
    return datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc).timestamp() * 1000


def now_ms():
    return time.time() * 1000


def ended(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


class HaproxyLog:
    """HAProxy's lines on what did not end well: (status, server, connect_ms, method, uri, how)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.lines = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            try:
                line = self.socket.recv(4096).decode(errors="replace")
            except OSError:
                return
            fields = line.strip().split()[-6:]
            if len(fields) == 6 and fields[3] in ("GET", "POST"):
                self.lines.append(fields)

    def of(self, uri):
        return [f for f in self.lines if f[4] == uri]


class ImpactLab(WebLab):
    def __init__(self, rig=None, **more):
        self.log = HaproxyLog()
        self.rig_env = dict(os.environ, LOG=self.log.address, **(rig or {}))
        self.server_timeout_ms = int(self.rig_env.get("SERVER_TIMEOUT", "300ms")[:-2])
        self.runs = 0
        self.gone_ms = None
        super().__init__(**more)
        self.deploy("1.0")

    def __exit__(self, *a):
        super().__exit__(*a)
        self.log.socket.close()

    def rig(self, *args):
        subprocess.run(["sh", os.path.join(SRC, "tests/chain/rig/haproxy.sh"), *args], check=True, env=self.rig_env)

    def side_of(self, release):
        with open(self.path("starts")) as f:
            for line in reversed(f.read().splitlines()):
                if line.split()[1] == release:
                    return line.split()[0]
        return None

    def client(self, prefix, rate=RATE, seconds=600, post=20, connections=32, more=()):
        p = subprocess.Popen([os.path.join(BUILD, "tests/bench/loadgen"), "--port", str(self.ports["front"]), "--rate", str(rate), "--connections", str(connections),
                              "--post", str(post), "--duration", str(seconds), "--id-prefix", prefix, "--ids", self.path("ids"), *more],
                             stdout=subprocess.PIPE, text=True)
        self.started.append(p)
        return p

    def first_error_logged(self, release):
        """When the service itself says that it first answered 500, in wall milliseconds."""
        first = None
        for path in glob.glob(os.path.join(self.state, "services", "**", "*.log"), recursive=True):
            with open(path, errors="replace") as f:
                for line in f:
                    if f"[{release}] ERROR" in line:
                        at = wall_ms(line.split()[0])
                        first = at if first is None or at < first else first
                        break
        return first

    # ways to fail; each returns the wall time of the first bad answer, or None where the service's log has it

    def crash(self, side):
        at, pid = now_ms(), self.pid(side)
        os.kill(pid, signal.SIGKILL)
        until(lambda: ended(pid), 5, "a process that was killed did not end")
        self.gone_ms = now_ms()
        return at

    def hang(self, side):
        at = now_ms()
        os.kill(self.pid(side), signal.SIGSTOP)
        return at

    def errors(self, side):
        self.control(side, "/fail?percent=100")

    def trial(self, failure=None, after=None, client_more=(), release_options="", promoted=True, late=False):
        """One deployment under load. failure(side): what happens SETTLE after the promotion. late: clients come after it only. Returns a dict of figures."""
        self.runs += 1
        release, prefix, first, self.gone_ms = f"2.{self.runs}", f"r{self.runs}", None, None
        if release_options:
            self.release_options(release, release_options)
        with open(self.path("posts"), "a"):
            pass
        self.log.lines.clear()
        client = None if late else self.client(prefix, more=client_more)
        time.sleep(SETTLE)
        deploy = self.start("deploy", self.plan, "--release", release)
        if promoted:
            until(lambda: deploy.poll() is not None or self.live() == release, 60, "the new release did not become live")
            client = client or self.client(prefix, more=client_more)
            time.sleep(SETTLE)
            side = self.side_of(release)
            if failure:
                first = failure(side)
        if after:
            after()
        output = deploy.communicate(timeout=180)[0]
        time.sleep(SETTLE)
        seen = self.load_end(client)
        report = self.report()
        check(report["release"] == release, "the newest report is of another release:", report["release"])
        if failure and first is None:
            first = self.first_error_logged(release)
        return self.figures(release, prefix, seen, report, deploy.returncode, output, first)

    def figures(self, release, prefix, seen, report, code, output, first):
        with open(self.path("ids")) as f:
            posts = [line.split() for line in f.read().splitlines()]
        answers = {i: status for i, status, _ in posts}
        sent = {i: seen["started_wall_ms"] + float(at) for i, _, at in posts}
        with open(self.path("posts")) as f:
            executed = [line for line in f.read().splitlines() if line.startswith(prefix + "-")]
        side = self.side_of(release)
        bad = [i for i, status in answers.items() if not 100 <= int(status) < 500]
        elsewhere = [i for i in bad if not self.reached(i, side, executed, sent[i], answers[i])]
        aborted = seen["aborted"]
        clocks = {name: c and wall_ms(c["at"]) for name, c in report["clocks"].items()}
        since = lambda name: clocks[name] - first if first and clocks.get(name) else None
        impact = report["impact"]
        if report["rollback_performed"]:
            check(report["rollback"]["user_impact_detail"] == impact, "the report tells two impacts")
        return {
            "release": release, "code": code, "output": output, "status": report["status"], "report": report, "client": seen, "live": self.live(),
            "requests": seen["requests"], "failed": seen["failed"], "failed_gets": seen["GET"]["connect"] + seen["GET"]["closed"] + seen["GET"]["timeout"] + seen["GET"]["status_5xx"],
            "failed_posts": len(bad), "posts_failed_elsewhere": elsewhere,
            "posts_executed_twice": sorted({i for i in executed if executed.count(i) > 1}) if len(set(executed)) != len(executed) else [],
            "posts_answered_not_executed": [] if aborted else sorted({i for i, s in answers.items() if s == "200"} - set(executed)),
            "longest_ms": seen["longest_ms"], "reported": impact["failed"], "impact": impact["user_impact"], "aborted": aborted,
            "seen_by_users": release in seen["releases"], "detected_ms": since("detected"), "safe_ms": since("traffic_safe"),
            "last_answer_ms": seen["started_wall_ms"] + seen["releases"][release]["last_ms"] - first if first and release in seen["releases"] else None,
        }

    def reached(self, post, side, executed, sent_ms, status):
        """Had a POST reached the failed release? HAProxy closes one without a word, and without a line in its log, when its server ends after it was
        sent there: such a one was executed, or was sent while the release was still there."""
        if post in executed or any(f[1] in (side, f"{side}-spare") and f[2] != "-1" for f in self.log.of(f"/work?id={post}")):
            return True
        return status == "0" and self.gone_ms is not None and sent_ms <= self.gone_ms

    def clear_failed(self, side):
        """A side that was stopped or hangs: ended, so that the next trial starts from the same place."""
        try:
            os.kill(self.pid(side), signal.SIGKILL)
        except OSError:
            pass


def common_rules(f):
    """What holds in every trial, however busy the machine is. Returns what does not."""
    wrong = []
    if f["posts_executed_twice"]:
        wrong.append(f"POSTs executed twice: {f['posts_executed_twice']}")
    if f["posts_answered_not_executed"]:
        wrong.append(f"POSTs answered and not executed: {f['posts_answered_not_executed']}")
    if f["posts_failed_elsewhere"]:
        wrong.append(f"POSTs failed that had not reached the failed release: {f['posts_failed_elsewhere']}")
    if f["reported"] != f["failed"]:
        wrong.append(f"the report says that {f['reported']} requests failed, the client counted {f['failed']}: {json.dumps(f['client'])}")
    return wrong


def expect(f, code, live, *rules):
    wrong = common_rules(f) + [text for holds, text in rules if not holds]
    if f["code"] != code:
        wrong.append(f"exit code {f['code']}, expected {code}\n{f['output']}")
    if f["live"] != live:
        wrong.append(f"live is {f['live']}, expected {live}")
    if wrong:
        raise Failure("\n".join(wrong))
