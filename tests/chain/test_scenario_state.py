#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workflow state and metrics that a release has corrupted: they come back while the service is stopped, logs are cleared, metrics reset, and the service runs again; also
when failback is killed in between, and beside a database."""
import json
import os
import signal

from files_lab import FilesLab
from lab import DONE, FAILED, INTERRUPTED, RECOVERED, check, main, until
from postgresql_lab import PostgresLab
from service_lab import Service

# Counts in two files that always have the same number when it is quiet; what it cannot read it leaves as it is, and complains.
APP = r"""
import json, os, sys, time
folder = sys.argv[1]
def put(name, data):
    with open(f"{folder}/{name}.tmp", "w") as f:
        json.dump(data, f)
    os.rename(f"{folder}/{name}.tmp", f"{folder}/{name}")
while True:
    if os.path.exists(f"{folder}/frozen"):
        open(f"{folder}/quiet", "w").close()
    else:
        try:
            with open(f"{folder}/artifacts/flow.json") as f:
                n = json.load(f)["n"] + 1
            put("artifacts/flow.json", {"n": n})
            put("artifacts/history.json", {"n": n})
            with open(f"{folder}/metrics/count.json") as f:
                json.load(f)
        except ValueError as e:
            with open(f"{folder}/logs/app.log", "a") as f:
                f.write(f"ERROR corrupted workflow state: {e}\n")
    time.sleep(0.005)
"""

CHECK = """
import json, sys
for name in ("artifacts/flow.json", "artifacts/history.json", "metrics/count.json"):
    json.load(open(f"{sys.argv[1]}/{name}"))
"""


def prepare(lab):
    """The service's files, the service, and the item that backs its state up."""
    lab.data = lab.path("data")
    for name in ("artifacts", "metrics", "logs"):
        os.makedirs(os.path.join(lab.data, name))
    for name, data in (("artifacts/flow.json", {"n": 0}), ("artifacts/history.json", {"n": 0}), ("metrics/count.json", {"count": 5})):
        lab.write("data/" + name, json.dumps(data))
    lab.service = Service(lab, ["/usr/bin/python3", lab.write("app.py", APP), lab.data])
    lab.service.do("start")
    checker = lab.write("check.py", CHECK)
    lab.item = f"""{{ use = "state"; name = "runs"; paths = [ "{lab.data}/artifacts", "{lab.data}/metrics" ]; exclude = [ "*.tmp" ];
    quiesce = "cd {lab.data} && rm -f quiet && touch frozen && until test -e quiet; do sleep 0.01; done; while test -e {lab.dir}/hold-quiesce; do touch {lab.dir}/held; sleep 0.01; done";
    resume = "cd {lab.data} && rm -f frozen quiet";
    check_command = [ "/usr/bin/python3", "{checker}", "{lab.data}" ]; stop = [ "{lab.service.ask}", "stop" ]; start = [ "{lab.service.ask}", "start" ];
    clear = [ "{lab.data}/logs/*.log" ]; keep_failed = true; aside = "{lab.dir}/aside";
    reset = "while test -e {lab.dir}/hold-reset; do touch {lab.dir}/held; sleep 0.01; done; echo '{{\\"count\\": 0}}' > {lab.data}/metrics/count.json"; }}"""


# The service writes, too: what is broken stays so when it has read it once
SPOIL = '{{ name = "spoil"; run = "cd {0} && until test -s logs/app.log; do echo broken > broken && mv broken artifacts/flow.json; sleep 0.02; done; echo broken > metrics/count.json"; }},' \
    '{{ name = "fail"; run = "exit 1"; }}'


class StateLab(FilesLab):
    def __init__(self):
        super().__init__()
        prepare(self)
        recovery = """recovery = ( { phase = "protect-traffic"; }, { phase = "restore"; timeout = "60s"; }, { phase = "verify"; stable_for = "50ms"; interval = "20ms"; },
  { parallel = ( { phase = "cleanup"; }, { phase = "analyze"; }, { phase = "recommend"; after = "analyze"; } ); }, { phase = "archive"; }, { phase = "notify"; } );"""
        self.configure([("app", f"backup = ( {self.item} );")], more=f'backup_store = {{ path = "{self.path("backups")}"; }};', recovery=recovery)
        self.deploy("1.0")

    def spoil(self, expect=RECOVERED):
        return self.deploy("2.0", SPOIL.format(self.data), expect=expect)


def load(lab, name):
    with open(os.path.join(lab.data, name)) as f:
        return json.load(f)


def is_well(lab):
    """State and metrics are what they were, the metrics were reset, the logs are elsewhere, and the service counts on."""
    check(lab.service.runs(), "the service does not run")
    check(load(lab, "metrics/count.json") == {"count": 0}, "the metrics are", load(lab, "metrics/count.json"))
    before = load(lab, "artifacts/flow.json")["n"]
    until(lambda: load(lab, "artifacts/flow.json")["n"] > before, 10, "the service does not count on")
    check(not os.listdir(os.path.join(lab.data, "logs")), "logs are left:", os.listdir(os.path.join(lab.data, "logs")))
    execution = lab.newest()["execution_id"]
    with open(f"{lab.dir}/aside/{execution}/cleared{lab.data}/logs/app.log") as f:
        check("corrupted workflow state" in f.read(), "the log that was cleared has not what it had")
    with open(f"{lab.dir}/aside/{execution}/failed{lab.data}/artifacts/flow.json") as f:
        check(f.read() == "broken\n", "the state as it failed was not kept")


def corrupted_state_and_metrics_come_back_while_the_service_is_stopped():
    with StateLab() as lab:
        lab.service.forget()
        lab.spoil()
        is_well(lab)
        check(lab.service.done() == ["stop", "start"], "the service was", lab.service.done())
        item = [i for i in lab.report()["backup"]["items"] if i["item"] == "runs"][0]
        check(item["kind"] == "state" and item["proven"] and item["proven_by"] == "read", item)


def what_is_in_a_backup_is_of_one_moment():
    with StateLab() as lab:
        for n in range(3):
            lab.deploy(f"1.{n + 1}")
        os.mkdir(lab.path("out"))
        for s in lab.json("backup", "list")["sets"]:
            to = lab.path("out", s["set"])
            lab.run("backup", "restore", s["set"], "--item", "app.runs", "--to", to, expect=DONE)
            numbers = []
            for folder, _, names in os.walk(to):
                for name in names:
                    if name in ("flow.json", "history.json"):
                        with open(os.path.join(folder, name)) as f:
                            numbers.append(json.load(f)["n"])
            check(len(numbers) == 2 and numbers[0] == numbers[1], "the files of one set are of two moments:", numbers)
        check(lab.service.runs() and not os.path.exists(lab.path("data/frozen")), "the service is still kept from writing")


def a_state_that_is_corrupt_already_is_not_kept_as_good():
    with StateLab() as lab:
        lab.service.do("stop")
        lab.write("data/artifacts/history.json", "broken")
        p = lab.deploy("2.0", expect=FAILED)
        check("is not sound, so it is not kept as good" in p.stdout + p.stderr, p.stdout, p.stderr)
        check(lab.live() == "1.0", "live is", lab.live())


def killed(lab, hold, plan):
    """The engine is killed while a command of the item is held."""
    lab.write(hold, "")
    p = lab.start("deploy", plan, "--release", "2.0")
    until(lambda: os.path.exists(lab.path("held")), 60, "the command was not reached")
    os.kill(lab.engine_pid(), signal.SIGKILL)
    out = p.communicate(timeout=60)[0]
    check(p.returncode == INTERRUPTED, p.returncode, out)
    os.unlink(lab.path(hold))


def killed_between_stop_and_start_the_resume_starts_it():
    with StateLab() as lab:
        killed(lab, "hold-reset", lab.plan(SPOIL.format(lab.data)))
        check(not lab.service.runs(), "it runs, so the test has killed at the wrong moment")
        check(load(lab, "artifacts/flow.json")["n"] >= 0, "the state is not back")
        lab.run("resume", expect=RECOVERED)
        is_well(lab)


def killed_while_the_service_is_quiet_it_writes_again_after_the_resume():
    with StateLab() as lab:
        killed(lab, "hold-quiesce", lab.plan())
        check(os.path.exists(lab.path("data/frozen")), "it writes, so the test has killed at the wrong moment")
        lab.run("resume", expect=(DONE, FAILED, RECOVERED))
        check(not os.path.exists(lab.path("data/frozen")), "the service is still kept from writing")


def people_give_the_state_back_in_the_same_way():
    with StateLab() as lab:
        first = lab.json("backup", "list")["sets"][0]["set"]
        lab.service.do("stop")
        lab.write("data/artifacts/flow.json", '{"n": 1000000}')
        lab.write("data/metrics/count.json", '{"count": 9}')
        lab.write("data/artifacts/added.json", "{}")
        lab.service.do("start")
        lab.service.forget()
        lab.run("backup", "restore", first, "--item", "app.runs", expect=DONE)
        check(lab.service.done() == ["stop", "start"], "the service was", lab.service.done())
        check(load(lab, "artifacts/flow.json")["n"] < 1000000 and load(lab, "metrics/count.json") == {"count": 0}, "the state is not that of the set")
        check(not os.path.exists(lab.path("data/artifacts/added.json")), "what was added is still there")


def a_database_and_its_state_go_back_as_one():
    with PostgresLab() as lab:
        prepare(lab)
        with open(lab.conf) as f:
            text = f.read()
        check(text.count("}; } );") == 1, "the configuration has another form")
        lab.write("failback.conf", text.replace("}; } );", f"}}; backup = ( {lab.item} ); }} );"))
        lab.deploy("1.0")
        lab.psql("insert into orders (customer, amount) values (1, 10)")
        columns = lab.columns("customers")
        lab.deploy("2.0", SPOIL.format(lab.data), expect=RECOVERED)
        check(lab.columns("customers") == columns, "the schema is", lab.columns("customers"))
        check(lab.psql("select count(*) from orders") == "1", "a row was lost")
        is_well(lab)


if __name__ == "__main__":
    main(corrupted_state_and_metrics_come_back_while_the_service_is_stopped, what_is_in_a_backup_is_of_one_moment, a_state_that_is_corrupt_already_is_not_kept_as_good,
         killed_between_stop_and_start_the_resume_starts_it, killed_while_the_service_is_quiet_it_writes_again_after_the_resume, people_give_the_state_back_in_the_same_way,
         a_database_and_its_state_go_back_as_one)
