# SPDX-License-Identifier: Apache-2.0
"""What the stand-ins of services have in common: a web server that checks every request, keeps those that a service would have taken, and misbehaves to order."""
import http.server
import json
import socket
import struct
import threading
import time


class Wrong(Exception):
    """The service would refuse this request: with a status and a body."""

    def __init__(self, status, body):
        super().__init__(body)
        self.status, self.body = status, body


def need(condition, status, body):
    if not condition:
        raise Wrong(status, body)


class StandIn:
    """answers: for the nth request (from 1) None (as the service would), or (status, headers, body), or "reset" (a connection that is reset in mid-answer), "close",
    "slow" (no answer until closed), or ("lost",): the service takes the request, and the connection breaks before the answer. A function or a list."""

    def __init__(self, answers=()):
        self.answers = answers
        self.requests, self.wrong, self.times = [], [], []
        self.lock = threading.Lock()
        self.closing = threading.Event()
        keep = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                keep.handle(self)

            do_POST = do_GET = do

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def planned(self, n):
        if callable(self.answers):
            return self.answers(n)
        return self.answers[n - 1] if n <= len(self.answers) else None

    def handle(self, h):
        length = int(h.headers.get("Content-Length") or 0)
        body = h.rfile.read(length)
        with self.lock:
            self.times.append(time.monotonic())
            n = len(self.times)
            plan = self.planned(n)
            try:
                if plan is None or plan == ("lost",):
                    status, headers, text = self.take(h.command, h.path, h.headers, body)
                else:
                    status, headers, text = None, None, None
            except Wrong as e:
                self.wrong.append(str(e.body))
                status, headers, text = e.status, {}, e.body
        if plan is None:
            self.send(h, status, headers, text)
        elif isinstance(plan, tuple) and len(plan) == 3:
            self.send(h, *plan)
        else:
            self.misbehave(h, plan if isinstance(plan, str) else "reset")

    def misbehave(self, h, how):
        if how == "slow":
            self.closing.wait(60)
        if how == "reset":
            h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart of")
            h.wfile.flush()
            h.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        h.close_connection = True
        h.connection.close()

    def send(self, h, status, headers, text):
        data = text if isinstance(text, bytes) else (json.dumps(text) if isinstance(text, (dict, list)) else str(text)).encode()
        h.send_response(status)
        for name, value in (headers or {}).items():
            h.send_header(name, value)
        h.send_header("Content-Length", str(len(data)))
        h.end_headers()
        h.wfile.write(data)

    def take(self, method, path, headers, body):
        """The service's own: checks, keeps, answers (status, headers, body)."""
        raise NotImplementedError

    def json_of(self, headers, body, status=400, word="invalid_payload"):
        need((headers.get("Content-Type") or "").split(";")[0].strip() == "application/json", status, "the content type is not JSON")
        try:
            return json.loads(body.decode("utf-8"))
        except ValueError:
            raise Wrong(status, word)
