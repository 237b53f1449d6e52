# SPDX-License-Identifier: Apache-2.0
"""PagerDuty's Events API v2: alerts by dedup key, change events, and what of a body is refused."""
import datetime

from http_stand_in import StandIn, need

KEY = "0123456789abcdef0123456789abcdef"


def is_time(s):
    try:
        datetime.datetime.fromisoformat(s.replace("Z", "+00:00"))
        return True
    except ValueError:
        return False


class PagerDuty(StandIn):
    """alerts: {dedup key: [actions]}; incidents: how many were opened; changes: change events."""

    def __init__(self, answers=()):
        self.alerts, self.state, self.opened, self.changes, self.events, self.dropped = {}, {}, 0, [], [], []
        super().__init__(answers)

    def take(self, method, path, headers, body):
        need(method == "POST" and path in ("/v2/enqueue", "/v2/change/enqueue"), 404, "not found")
        need(len(body) <= 512 * 1024, 413, "too large")
        e = self.json_of(headers, body)
        need(e.get("routing_key") == KEY, 400, {"status": "invalid event", "errors": ["routing_key"]})
        for link in e.get("links", []):
            need(link.get("href"), 400, "links")
        if path == "/v2/change/enqueue":
            p = e.get("payload", {})
            need(set(e) <= {"routing_key", "payload", "links"} and 1 <= len(p.get("summary", "")) <= 1024 and is_time(p.get("timestamp", "")), 400, "change event")
            self.changes.append(e)
            return 202, {}, {"status": "success", "message": "Change event processed"}
        action, key = e.get("event_action"), e.get("dedup_key", "")
        need(action in ("trigger", "acknowledge", "resolve"), 400, "event_action")
        need(1 <= len(key) <= 255, 400, "dedup_key")
        if action == "trigger":
            p = e.get("payload", {})
            need(1 <= len(p.get("summary", "")) <= 1024, 400, "payload.summary")
            need(p.get("source"), 400, "payload.source")
            need(p.get("severity") in ("critical", "error", "warning", "info"), 400, "payload.severity")
            need("timestamp" not in p or is_time(p["timestamp"]), 400, "payload.timestamp")
            need(isinstance(p.get("custom_details", {}), dict), 400, "payload.custom_details")
        else:
            need("payload" not in e or e["payload"], 400, "payload")
        self.events.append(e)
        self.apply(action, key)
        return 202, {}, {"status": "success", "message": "Event processed", "dedup_key": key}

    def apply(self, action, key):
        state = self.state.get(key, "none")
        self.alerts.setdefault(key, []).append(action)
        if action == "trigger":
            if state in ("none", "resolved"):
                self.opened += 1
                self.state[key] = "triggered"
        elif state in ("none", "resolved"):
            self.dropped.append((action, key))  # nothing is open under this key
        else:
            self.state[key] = "acknowledged" if action == "acknowledge" else "resolved"
