#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A phase: points the link settings.link at the folder of the release in settings.releases, and back when it is undone."""
import json
import os
import sys

call = json.loads(sys.stdin.readline())


def tell(what, **members):
    print(json.dumps({"tell": what, **members}), flush=True)


def ask(what, **members):
    print(json.dumps({"ask": what, **members}), flush=True)
    answer = json.loads(sys.stdin.readline() or sys.exit(1))
    return answer["answer"], answer


def fail(text, code=1):
    tell("fail", text=text)
    sys.exit(code)


link, releases = call["settings"]["link"], call["settings"]["releases"]
now = os.readlink(link) if os.path.islink(link) else ""
if call["operation"] == "check":
    if not os.path.isdir(releases):
        tell("advise", text="make the folder of the releases", command=f"mkdir -p {releases}")
        fail("the folder of the releases is missing", 100)
    sys.exit(0)
word, answer = ask("fact", scope="own", key="before")
if call["operation"] == "undo":
    target = answer.get("value") or sys.exit(99)  # nothing to go back to
else:
    target = os.path.join(releases, call["release"])
    if word == "none":
        ask("fact_set", scope="own", key="before", value=now)

tell("log", level="info", text=f"{link} points at {now}")
tell("progress", basis_points=5000, text="looked")
words = f"point {link} at {target}"
word, answer = ask("act", key="link", repeat="probe", text=words)
if word == "dry":
    sys.exit(0)
if word == "done":
    tell("log", text="it was done already: " + ask("act_result", key="link")[1].get("value", "?"))
    sys.exit(0 if now == target else 1)
if word == "unsure":  # it was begun, and nobody knows how it ended: look
    if now == target:
        sys.exit(0 if ask("acted", key="link", result="found in place")[0] == "ok" else 1)
    word, answer = ask("act", key="link", repeat="again", text=words)
if word != "do":
    sys.exit(1)
if not os.path.isdir(target) or ask("remaining")[1]["ms"] == 0:
    fail(f"cannot point {link} at {target}")
if os.path.lexists(link + ".new"):
    os.unlink(link + ".new")
os.symlink(target, link + ".new")
os.replace(link + ".new", link)
if ask("acted", key="link", result=f"it pointed at {now}")[0] != "ok":
    sys.exit(1)
tell("report", member="summary", value={"text": f"{link} points at {target}"})
