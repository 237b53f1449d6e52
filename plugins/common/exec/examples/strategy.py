#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A strategy for a service that is one process: RELEASES/RELEASE/start runs it, LINK points at the release that is live, and COUNTERS, if it is there,
holds "requests failed". Stopping the old one and starting the new one costs a moment: no zero downtime."""
import json
import os
import sys
import time

call = json.loads(sys.stdin.readline())
release, settings = call["release"], call["settings"]
link, releases = settings["link"], settings["releases"]


def tell(what, **members):
    print(json.dumps({"tell": what, **members}), flush=True)


def ask(what, **members):
    print(json.dumps({"ask": what, **members}), flush=True)
    return json.loads(sys.stdin.readline() or sys.exit(1))


def fail(text, code=1):
    tell("fail", text=text)
    sys.exit(code)


def live():
    return os.path.basename(os.readlink(link)) if os.path.islink(link) else None


def runs():
    return ask("service_pid", name="app")["answer"] == "ok"


def leave(key, text):
    """Leave for a change: its key when it is to be made; ends the program when it is not."""
    word = ask("act", key=key, repeat="idempotent", text=text)["answer"]
    if word == "do":
        return key
    if word == "done" and not (live() == release and runs()):  # once it was so
        return leave(f"{key}-{call['attempt']}", text)
    sys.exit(0 if word in ("dry", "done") else 1)


def put_live():
    folder = os.path.join(releases, release)
    if not os.access(os.path.join(folder, "start"), os.X_OK):
        fail(f"{folder}/start cannot be executed: copy the release there again")
    if live() == release and runs():
        return
    key = leave("switch", f"put release {release} of {call['service']} live")
    if ask("stop_service", name="app", grace_ms=1000)["answer"] != "ok":
        fail("the old process could not be stopped")
    if os.path.lexists(link + ".new"):
        os.unlink(link + ".new")
    os.symlink(folder, link + ".new")
    os.replace(link + ".new", link)
    if ask("start_service", name="app", argv=[folder + "/start"], environment={"ROOT": releases})["answer"] != "ok":
        fail(f"{folder}/start could not be started")
    if ask("acted", key=key)["answer"] != "ok":
        sys.exit(1)


def check():
    if not os.path.isdir(releases):
        fail(f"{releases} is missing")


def state():
    tell("report", member="state", value={"release": live(), "target": None})


def capture():
    if ask("fact_set", scope="service", key="captured", value=live() or "")["answer"] != "ok":
        fail("the way back could not be recorded")


def prove():
    if not os.access(os.path.join(releases, release, "start"), os.X_OK):
        fail(f"release {release} is not there any more")


def shift():
    if call["share"] != 10000:
        sys.exit(99)  # one process has all users or none
    put_live()


def verify():
    if live() != release:
        fail(f"release {live()} is live, not {release}")
    if not runs():
        fail(f"{call['service']} does not run")


def evidence():
    ask("evidence", name="live", title="what is live", text=f"{link} -> {os.readlink(link)}\n")
    log = os.path.join(releases, release or "", "log")
    if os.path.isfile(log):
        ask("evidence", path=log, title="log of the service")


def observe():
    while True:
        try:
            with open(settings["counters"]) as f:
                requests, failed = map(int, f.read().split())
            tell("sample", source="counters", requests=requests, failed=failed, up=True)
        except (OSError, ValueError):
            pass
        time.sleep(0.1)


operations = {"check": check, "state": state, "capture": capture, "prove": prove, "shift": shift, "restore": put_live, "verify": verify,
              "evidence": evidence, "observe": observe}
if call["undo"] or call["operation"] not in operations:
    sys.exit(99)
if call["operation"] in ("capture", "prove", "restore", "verify") and not release:
    sys.exit(99)  # before the first deployment of all there is no way back
operations[call["operation"]]()
