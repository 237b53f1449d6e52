# SPDX-License-Identifier: Apache-2.0
"""A Workflows webhook of Microsoft Teams: an Adaptive Card of at most 28 KB."""
from http_stand_in import StandIn, need

ELEMENTS = {"TextBlock": {"text"}, "RichTextBlock": {"inlines"}, "FactSet": {"facts"}, "Container": {"items"}}


class Teams(StandIn):
    def __init__(self, answers=()):
        self.cards = []
        super().__init__(answers)
        self.webhook = self.url + "/workflows/0/triggers/manual/paths/invoke?sig=s3cret"

    def take(self, method, path, headers, body):
        need(method == "POST" and path.endswith("sig=s3cret"), 401, "unauthorized")
        need(len(body) <= 28 * 1024, 413, "RequestEntityTooLarge")
        m = self.json_of(headers, body)
        need(m.get("type") == "message" and len(m.get("attachments", [])) == 1, 400, "attachments")
        a = m["attachments"][0]
        need(a.get("contentType") == "application/vnd.microsoft.card.adaptive" and a.get("contentUrl", 0) is None, 400, "attachment")
        card = a["content"]
        need(card.get("type") == "AdaptiveCard" and card.get("version") in ("1.2", "1.3", "1.4", "1.5") and card.get("body"), 400, "card")
        for element in card["body"]:
            need(element.get("type") in ELEMENTS and ELEMENTS[element["type"]] <= set(element), 400, f"element {element}")
            for run in element.get("inlines", []):
                need(run.get("type") == "TextRun" and isinstance(run.get("text"), str) and run["text"], 400, f"run {run}")
                need(run.get("color", "Default") in ("Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"), 400, "color")
        self.cards.append(card)
        return 202, {}, ""

    def texts(self, n):
        return ["".join(run["text"] for run in e["inlines"]) for e in self.cards[n]["body"]]
