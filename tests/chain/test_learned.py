#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an analysis learns and asks, through the whole program: people's words, logs of successes, and what a service said while the step's own log ends in waiting."""
import glob
import os
import subprocess

from files_lab import SERVICE, FilesLab
from lab import BUILD, DONE, RECOVERED, USAGE, check, free_port, main, until
from service_lab import Service

ANALYZE = os.path.join(BUILD, "failback-analyze")


def failing(lines):
    text = "\\n".join(lines)
    return f'{{ name = "Migrate"; run = "printf \'{text}\\n\'; test -e {{go}}"; retries = 0; undo = "true"; }}'


def step(lab, lines):
    return failing(lines).replace("{go}", lab.path("world", "go"))


def first(report):
    return report["recommendations"][0]


def what_a_person_said_is_in_the_report_weighs_and_comes_first():
    lines = ["starting", "connect to cache 10.0.0.1:6379 failed: Connection refused"]
    with FilesLab() as lab:
        lab.touch("go")
        lab.deploy("1", step(lab, ["starting"]))
        lab.remove("go")
        lab.deploy("2", step(lab, lines), expect=RECOVERED)
        one = lab.report()
        check(one["root_cause"]["class"] == "network" and "verdict" not in one["root_cause"], "the first cause is", one["root_cause"])
        check(not first(one).get("worked_before"), "it worked before:", one["recommendations"])
        said = lab.json("cause", "confirm", one["execution_id"], "--fix", "move the dumps to /mnt/dumps", expect=DONE)
        check(said["verdict"] == "confirmed" and not said["again"], "it answers", said)
        check(lab.json("cause", "confirm", one["execution_id"], "--fix", "move the dumps to /mnt/dumps", expect=DONE)["again"], "it is not known again")
        check(len(lab.sql("SELECT * FROM verdicts")) == 1, "rows of the same word")
        check(lab.report(one["execution_id"])["root_cause"]["verdict"]["fix"] == "move the dumps to /mnt/dumps", "the report has not the word")
        lab.deploy("3", step(lab, lines), expect=RECOVERED)
        two = lab.report()
        check(first(two)["action"] == "move the dumps to /mnt/dumps" and first(two)["worked_before"], "first comes", first(two))
        check(two["root_cause"]["confidence"] > one["root_cause"]["confidence"], "it is as sure as before:", two["root_cause"]["confidence"])
        lab.run("cause", "correct", two["execution_id"], "--type", "quota_limit", "--fix", "raise the quota", expect=DONE)
        lab.run("cause", "correct", one["execution_id"], "--type", "quota_limit", "--fix", "raise the quota", expect=DONE)
        lab.deploy("4", step(lab, lines), expect=RECOVERED)
        three = lab.report()
        check(three["root_cause"]["confidence"] < one["root_cause"]["confidence"], "what was corrected is as sure:", three["root_cause"]["confidence"])
        check(first(three)["action"] == "raise the quota", "first comes", first(three))
        kinds = {k["type"]: k["count"] for s in lab.json("stats")["services"] for k in s["failure_types"]}
        check(kinds == {"quota_limit": 2, "network": 1}, "stats count", kinds)
        lab.deploy("1", expect=DONE)
        p = lab.run("cause", "confirm", lab.newest()["id"] if "id" in lab.newest() else lab.newest()["execution_id"], expect=USAGE)
        check("no cause was looked for" in p.stderr, "of a success it says", p.stderr)
        lab.run("audit", "verify", expect=DONE)


def known(lab, count):
    def there():
        files = glob.glob(os.path.join(lab.state, "known", "*.known"))
        return len(files) == count and files
    return until(there, 20, f"there are no {count} files of what successes had")


def what_every_success_has_is_familiar_when_the_step_fails():
    usual = ["starting", "WARN connect to cache 10.0.0.1:6379 failed: Connection refused, going on without"]
    with FilesLab() as lab:
        lab.touch("go")
        lab.deploy("1", step(lab, usual))
        until(lambda: not lab.processes(), 25, "what learned did not end")
        files = known(lab, len(glob.glob(os.path.join(lab.state, "known", "*.known"))) or 1)
        check(all(b"Connection" not in open(f, "rb").read() for f in files), "a file has words of the log")
        lab.remove("go")
        lab.deploy("2", step(lab, usual), expect=RECOVERED)
        with_it = lab.report()["root_cause"]
        check(with_it["class"] == "unknown", "what every success says is the cause:", with_it)
        for f in files:
            os.truncate(f, 50)
        lab.deploy("3", step(lab, usual), expect=RECOVERED)
        damaged = lab.report()["root_cause"]
        check(damaged["class"] == "network", "with a damaged file the cause is", damaged)
        lab.touch("go")
        lab.deploy("4", step(lab, usual))
        until(lambda: not lab.processes(), 25, "what learned did not end")
        lab.remove("go")
        lab.deploy("5", step(lab, usual), expect=RECOVERED)
        check(lab.report()["root_cause"]["class"] == "unknown", "it was not begun anew:", lab.report()["root_cause"])


SERVER = r'''
import http.server, json, logging, sys
world, port = sys.argv[1], int(sys.argv[2])
logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
release = open(world + "/app.release").read().strip()
logging.info("release %s starts", release)
settings = json.load(open(world + "/settings-" + release + ".json"))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
'''
# Patient with the release that comes up
WAIT = '{{ name = "Wait"; run = "n=5; test $FAILBACK_RELEASE = 2 || n=200; while test $n -gt 0; do if python3 {probe} {port}; then exit 0; fi; n=$((n - 1)); sleep 0.1; done; ' \
       'echo timed out waiting for http://127.0.0.1:{port}/health; exit 1"; retries = 0; undo = "true"; }}'
PROBE = "import sys, urllib.request\ntry:\n    urllib.request.urlopen('http://127.0.0.1:%s/health' % sys.argv[1], timeout=1)\nexcept OSError:\n    sys.exit(1)\n"


def a_service_that_died_explains_the_step_that_waited_for_it():
    port = free_port()
    with FilesLab() as lab:
        service = Service(lab, ["/usr/bin/python3", lab.write("server.py", SERVER), lab.world, str(port)])
        script = SERVICE.format(world=lab.world).replace("stop) rm -f $s.up ;;", f"stop) {service.ask} stop; rm -f $s.up ;;").replace(
            "start) touch $s.up ;;", f"start) {service.ask} start; touch $s.up ;;")
        lab.write("service", script, 0o700)
        log = os.path.join(service.folder, "service.log")
        lab.configure(strategy=f'logs = [ "{log}" ];')
        with open(log, "w") as f:  # of long ago: the failure of another day
            f.write("2026-01-01 10:00:00,000 INFO release 0 starts\nPermissionError: [Errno 13] Permission denied: '/srv/old'\n")
        with open(os.path.join(lab.world, "settings-1.json"), "w") as f:
            f.write("{}")
        plan = lab.plan(WAIT.format(probe=lab.write("probe.py", PROBE), port=port).join(['{ name = "Deploy app"; promote = "app"; },\n', ""]), promote=False)
        lab.run("deploy", plan, "--release", "1", expect=DONE)
        lab.run("deploy", plan, "--release", "2", expect=RECOVERED)
        report = lab.report()
        cause = report["root_cause"]
        check(cause["class"] == "missing_file", "the cause is", cause)
        check(cause["told_by"]["service"] == "app" and "app" in cause["components"], "it was told by", cause)
        quote = cause["evidence"][0]
        check("settings-2.json" in quote["text"] and quote["file"].startswith("evidence/app-"), "the quote is", quote)
        with open(os.path.join(lab.state, "executions", report["execution_id"], "archive", quote["file"]), "rb") as f:
            data = f.read()
        check(data[quote["offset"]:quote["offset"] + quote["length"]] == quote["text"].encode(), "the quote is not in the file at", quote["offset"])
        check("found in what service app said" in lab.run("report", expect=DONE).stdout, "the report does not say whose word it is")


def signatures_are_compiled_beside_the_beginning_of_a_deployment():
    with FilesLab() as lab:
        cache = lab.path("cache")
        os.mkdir(cache, 0o700)
        env = {"FAILBACK_CACHE": cache}
        lab.touch("hold-deploy-1")
        p = lab.start("deploy", lab.plan(), "--release", "1", env=env)

        def warms():
            return [line for _, line in lab.processes() if "failback-analyze --warm" in line]
        until(lambda: warms() or os.listdir(cache), 60, "nothing is compiled")
        until(lambda: not warms(), 60, "it is compiled without an end")
        names = sorted(os.listdir(cache))
        check(p.poll() is None, "the deployment did not wait:", p.poll())
        lab.remove("hold-deploy-1")
        check(p.wait(60) == DONE, "it ended with", p.returncode)
        subprocess.run([ANALYZE, "--log", "/dev/null", "--json"], env=dict(os.environ, **env), stdout=subprocess.DEVNULL, check=True)
        check(names and sorted(os.listdir(cache)) == names, "the phase would have compiled them again:", names, os.listdir(cache))
        lab.nothing_left()


def what_is_compiled_beside_a_deployment_is_gone_at_its_end():
    with FilesLab() as lab:
        cache = lab.path("cache")
        os.mkdir(cache, 0o700)
        lab.run("deploy", lab.plan(), "--release", "1", expect=DONE, env={"FAILBACK_CACHE": cache})
        check(not [line for _, line in lab.processes() if "failback-analyze --warm" in line], "it is still there:", lab.processes())
        lab.nothing_left()


main(what_a_person_said_is_in_the_report_weighs_and_comes_first, what_every_success_has_is_familiar_when_the_step_fails, a_service_that_died_explains_the_step_that_waited_for_it,
     signatures_are_compiled_beside_the_beginning_of_a_deployment, what_is_compiled_beside_a_deployment_is_gone_at_its_end)
