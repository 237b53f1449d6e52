# SPDX-License-Identifier: Apache-2.0
"""Slack, as far as it is used: an incoming webhook, chat.postMessage, chat.update, conversations.history. Every limit of Block Kit is checked."""
import json
import re
import urllib.parse

from http_stand_in import StandIn, Wrong, need

TOKEN = "xoxb-lab-0123456789"
CHANNEL = "C0LAB00001"


def escaped(text):
    """Only & < and > are escaped, and all of them; links and mentions are <…>."""
    rest = re.sub(r"&(amp|lt|gt);", "", text)
    rest = re.sub(r"<(!here|!channel|@U[A-Z0-9]+|https?://[^<>|]+(\|[^<>]*)?)>", "", rest)
    return not re.search(r"[&<>]", rest)


def check_text(o, kinds, most, where):
    need(isinstance(o, dict) and o.get("type") in kinds, 400, "invalid_blocks")
    need(isinstance(o.get("text"), str) and 1 <= len(o["text"]) <= most, 400, f"invalid_blocks: {where} has {len(o.get('text') or '')} characters, at most {most}")
    need(escaped(o["text"]), 400, f"invalid_blocks: {where} is not escaped: {o['text']}")
    need(set(o) <= {"type", "text", "emoji", "verbatim"}, 400, "invalid_blocks")
    need("emoji" not in o or o["type"] == "plain_text", 400, "invalid_blocks")


def check_block(b):
    kind = b.get("type")
    need(len(b.get("block_id", "")) <= 255, 400, "invalid_blocks")
    if kind == "header":
        check_text(b.get("text"), ("plain_text",), 150, "header")
    elif kind == "section":
        need("text" in b or "fields" in b, 400, "invalid_blocks")
        if "text" in b:
            check_text(b["text"], ("plain_text", "mrkdwn"), 3000, "section")
        if "fields" in b:
            need(1 <= len(b["fields"]) <= 10, 400, "invalid_blocks: fields")
            for f in b["fields"]:
                check_text(f, ("plain_text", "mrkdwn"), 2000, "field")
    elif kind == "context":
        need(1 <= len(b.get("elements", [])) <= 10, 400, "invalid_blocks: context")
        for e in b["elements"]:
            check_text(e, ("plain_text", "mrkdwn"), 2000, "context")
    else:
        need(kind == "divider", 400, f"invalid_blocks: {kind}")


def check_message(m):
    need(isinstance(m.get("text"), str) and m["text"].strip(), 400, "no_text")
    need(len(m["text"]) <= 40000 and escaped(m["text"]), 400, "invalid_payload: text")
    need(len(m.get("blocks", [])) <= 50, 400, "invalid_blocks: too many")
    for b in m.get("blocks", []):
        check_block(b)


class Slack(StandIn):
    """messages: {ts: message}; posts: those of the webhook, in order. refuse_blocks: as if a block were not in order. no_history: the token may not read."""

    def __init__(self, answers=(), refuse_blocks=False, no_history=False):
        self.posts, self.messages, self.updates, self.calls = [], {}, [], []
        self.refuse_blocks, self.no_history = refuse_blocks, no_history
        super().__init__(answers)
        self.webhook = self.url + "/services/T000/B000/s3cretpath"
        self.api = self.url + "/api"

    def take(self, method, path, headers, body):
        self.calls.append(path.split("?")[0])
        if path.startswith("/services/"):
            need(path == "/services/T000/B000/s3cretpath", 404, "no_service")
            need(method == "POST", 400, "invalid_payload")
            m = self.json_of(headers, body)
            check_message(m)
            need(not (self.refuse_blocks and "blocks" in m), 400, "invalid_blocks")
            self.posts.append(m)
            return 200, {}, "ok"
        need(path.startswith("/api/"), 404, "not found")
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 200, {}, {"ok": False, "error": "invalid_auth"}
        try:
            return 200, {}, self.method(method, path[5:], headers, body)
        except Wrong as e:
            self.wrong.append(e.body)
            return 200, {}, {"ok": False, "error": e.body.split(":")[0]}

    def method(self, method, name, headers, body):
        if name.startswith("conversations.history?"):
            q = dict(urllib.parse.parse_qsl(name.split("?", 1)[1]))
            need(method == "GET" and q.get("channel") == CHANNEL and int(q["limit"]) <= 999 and q.get("include_all_metadata") == "true", 200, "invalid_arguments")
            if self.no_history:
                return {"ok": False, "error": "missing_scope"}
            return {"ok": True, "messages": [dict(m, ts=ts) for ts, m in reversed(self.messages.items()) if float(ts) >= float(q["oldest"])], "has_more": False}
        m = self.json_of(headers, body)
        check_message(m)
        need(not (self.refuse_blocks and m.get("blocks")), 200, "invalid_blocks")
        need(m.get("channel") in (CHANNEL, "#deployments"), 200, "channel_not_found")
        need(len(json.dumps(m.get("metadata", {}))) < 15000, 200, "metadata_too_large")
        if name == "chat.postMessage":
            import time
            ts = f"{time.time():.0f}.{len(self.messages) + 1:06d}"
            self.messages[ts] = m
            return {"ok": True, "channel": CHANNEL, "ts": ts, "message": {"text": m["text"]}}
        need(name == "chat.update", 200, "unknown_method")
        need(m.get("ts") in self.messages, 200, "message_not_found")
        need(m["channel"] == CHANNEL, 200, "channel_not_found")
        self.messages[m["ts"]].update(m)
        self.updates.append(m)
        return {"ok": True, "channel": CHANNEL, "ts": m["ts"], "text": m["text"]}
