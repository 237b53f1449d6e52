# SPDX-License-Identifier: Apache-2.0
"""HAProxy is killed in mid-deployment and in mid-recovery: the outcome is stated, and the way out works when HAProxy is back."""
import os
import signal
import subprocess

from lab import DONE, FAILBACK, INCOMPLETE, check, main, until
from web_lab import WebLab

RECOVERY = """recovery = (
  {{ phase = "protect-traffic"; timeout = "1500ms"; }},
  {{ name = "Held"; run = "touch {dir}/recovering; while test -e {dir}/hold-recovery; do sleep 0.01; done"; on_failure = "continue"; }},
  {{ phase = "restore"; timeout = "4s"; }},
  {{ phase = "verify"; stable_for = "200ms"; interval = "50ms"; timeout = "5s"; }},
  {{ phase = "notify"; }} );"""


class GoneLab(WebLab):
    def __init__(self):
        super().__init__(watch="0s")
        with open(self.conf, "a") as f:
            f.write(RECOVERY.format(dir=self.dir))
        self.deploy("1.0")
        self.deploy("2.0")
        check(self.live() == "2.0", "2.0 is live")

    def kill(self):
        with open(self.path("haproxy.pid")) as f:
            pid = int(f.read())
        os.kill(pid, signal.SIGKILL)
        until(lambda: not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().split(") ")[1][0] == "Z")
        os.unlink(self.path("haproxy.pid"))

    def plan_with(self, before, after):
        step = '{{ name = "{0}"; run = "touch {1}/in-{0}; while test -e {1}/hold-{0}; do sleep 0.01; done; {2}"; retries = 0; }}'
        links = ([step.format("before", self.dir, "true")] if before else []) + ['{ name = "Deploy"; promote = "web"; timeout = "5s"; }'] + (['{ name = "Bad"; run = "false"; retries = 0; }'] if after else [])
        return self.write("held.conf", f'name = "web"; title = "Deploy web"; services = [ "web" ]; watch_for = "0s"; steps = ( {", ".join(links)} );')

    def stated(self, p):
        """A clear error, the status, and a way out."""
        out, _ = p.communicate(timeout=120)
        check(p.returncode == INCOMPLETE, "exit code:", p.returncode, out)
        check("haproxy" in out.lower(), "it says that HAProxy does not answer:", out)
        report = self.report()
        check(report["status"] == "rollback_incomplete" and report["rollback"]["system_status"] not in ("STABLE",), "its status:", report["status"], report["rollback"]["system_status"])
        check(report["members"] and report["members"][0]["status"] != "restored", "what is where:", report["members"])
        check(report["way_out"], "there is a way out")
        return report

    def walk(self, report):
        """HAProxy is back: every command of the way out that failback can carry out."""
        self.rig("start", self.dir)
        path = os.path.dirname(FAILBACK) + ":" + os.environ["PATH"]
        for way in report["way_out"]:
            if not way.get("command"):
                continue
            p = subprocess.run(["/bin/sh", "-c", way["command"]], cwd="/", env=dict(os.environ, PATH=path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, timeout=60)
            check(p.returncode == DONE, "a command of the way out works:", way, p.returncode, p.stdout)
        check(self.live() == "2.0", "they end on the last known good:", self.live())
        check(self.json("status")["services"][0], "and the status is told")


def killed_in_mid_deployment():
    with GoneLab() as lab:
        open(lab.path("hold-before"), "w").close()
        p = lab.start("deploy", lab.plan_with(before=True, after=False), "--release", "3.0")
        until(lambda: os.path.exists(lab.path("in-before")), 20)
        lab.kill()
        os.unlink(lab.path("hold-before"))
        lab.walk(lab.stated(p))


def killed_in_mid_recovery():
    with GoneLab() as lab:
        open(lab.path("hold-recovery"), "w").close()
        p = lab.start("deploy", lab.plan_with(before=False, after=True), "--release", "3.0")
        until(lambda: os.path.exists(lab.path("recovering")), 30)
        lab.kill()
        os.unlink(lab.path("hold-recovery"))
        lab.walk(lab.stated(p))


main(killed_in_mid_deployment, killed_in_mid_recovery)
