#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A notifier (protocol = "lines"): appends the event to the file settings.inbox, or asks to be tried again in a minute while there is a file beside it
whose name ends in ".closed"."""
import json
import os
import sys

call = json.loads(sys.stdin.readline())
event, inbox = call["event"], call["settings"]["inbox"]
if os.path.exists(inbox + ".closed"):
    print(json.dumps({"tell": "retry_after", "ms": 60000}))
    print(json.dumps({"tell": "fail", "text": "the inbox is closed"}), flush=True)
    sys.exit(75)
print(json.dumps({"ask": "document", "name": "services"}), flush=True)  # whatever the core knows may be asked for
services = json.loads(sys.stdin.readline())
with open(inbox, "a") as f:
    f.write(f"{event['id']} {event['name']}: {event['summary']}\n")
