# SPDX-License-Identifier: Apache-2.0
"""A service with the chat completions of OpenAI, strict about what it is sent; says what the test wants a model to say."""
import json

from http_stand_in import StandIn, need

KEY = "sk-test-0123456789abcdefghij"


class Model(StandIn):
    """say(pack): the content of its answer, made from what it was shown."""

    def __init__(self, say, answers=()):
        self.say, self.packs = say, []
        super().__init__(answers)

    def take(self, method, path, headers, body):
        need(method == "POST" and path == "/v1/chat/completions", 404, "no such path")
        need(headers.get("Authorization") == "Bearer " + KEY, 401, {"error": {"message": "Incorrect API key provided"}})
        m = self.json_of(headers, body)
        need(m.get("model") == "small" and isinstance(m.get("max_tokens"), int) and m.get("temperature") == 0, 400, "parameters")
        need(m.get("response_format") == {"type": "json_object"} and m.get("stream") is False, 400, "form")
        need([x.get("role") for x in m.get("messages", [])] == ["system", "user"] and "JSON" in m["messages"][0]["content"], 400, "messages")
        self.packs.append(json.loads(m["messages"][1]["content"]))
        return 200, {}, {"id": "x", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": self.say(self.packs[-1])}}]}
