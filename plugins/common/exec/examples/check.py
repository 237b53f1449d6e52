#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A check: the number in the file settings.count, against settings.warning and settings.critical. What cannot be read is blind: no reason to roll back."""
import json
import sys

settings = json.loads(sys.stdin.readline())["settings"]
try:
    with open(settings["count"]) as f:
        n = float(f.read())
except (OSError, ValueError) as e:
    health = {"state": "blind", "text": f"the count cannot be read: {e}"}
else:
    state = "failed" if n >= float(settings["critical"]) else "warning" if n >= float(settings["warning"]) else "healthy"
    health = {"state": state, "value": n, "text": f"{n:g} are waiting"}
print(json.dumps({"tell": "health", **health}))
