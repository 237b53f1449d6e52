#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A phase of a recovery that has the core bring all services back, looks whether they are healthy, and tells people."""
import json
import sys

call = json.loads(sys.stdin.readline())


def ask(what, **members):
    print(json.dumps({"ask": what, **members}), flush=True)
    answer = json.loads(sys.stdin.readline() or sys.exit(1))
    return answer["answer"], answer["value"]


word, value = ask("operate", operation="restore")
if word not in ("ok", "skip"):
    print(json.dumps({"tell": "fail", "text": "; ".join(s["message"] or "?" for s in value["services"] if s["answer"] > 1)}))
    sys.exit(75 if word == "retry" else 1)
word, value = ask("probe")
sick = [f"{c['service']}: {c['text']}" for c in value["checks"] if c["state"] == "failed"]
if sick:
    print(json.dumps({"tell": "fail", "text": "what was restored is not healthy: " + "; ".join(sick)}))
    sys.exit(1)
ask("notify", name="rollback.restored", summary="all services are back", wait_ms=0)
