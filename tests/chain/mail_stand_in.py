# SPDX-License-Identifier: Apache-2.0
"""A real SMTP server (aiosmtpd) on 127.0.0.1, with TLS and authentication, that keeps what it takes; and a scripted one that answers to order."""
import email
import email.policy
import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
import warnings

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult, SMTP
except ImportError:
    print("python3-aiosmtpd is not installed", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") else 77)

logging.disable(logging.CRITICAL)  # what clients do wrong on purpose
warnings.simplefilter("ignore")

USER, PASSWORD = "failback-lab", "pa55-Word-of-lab"


def certificate(folder):
    """A certificate for localhost and 127.0.0.1 that signs itself: (its file, the key's)."""
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    if not os.path.exists(cert):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    return cert, key


class Handler:
    def __init__(self, server):
        self.server = server

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.server.refuse.get(address)
        if callable(answer):
            answer = answer()
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = self.server.data_answers.pop(0) if self.server.data_answers else None
        if answer:
            return answer
        self.server.take(session, envelope)
        return "250 OK"


class MailServer:
    """tls: "starttls", "tls" or "none". refuse: {address: answer}. mails: parsed messages with .envelope and .raw."""

    def __init__(self, folder, tls="starttls", auth=True):
        self.mails, self.refuse, self.data_answers, self.logins = [], {}, [], []
        self.cert, key = certificate(folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.cert, key)
        kind = {"starttls": {"tls_context": context, "require_starttls": True}, "none": {"auth_require_tls": False}, "tls": {"auth_require_tls": False}}[tls]
        keep = self

        def authenticate(server, session, envelope, mechanism, data):
            keep.logins.append(mechanism)
            return AuthResult(success=data.login == USER.encode() and data.password == PASSWORD.encode(), handled=False)

        class Here(Controller):
            def factory(self):
                return SMTP(self.handler, hostname="localhost", authenticator=authenticate, auth_required=auth, **kind)

        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.controller = Here(Handler(self), hostname="127.0.0.1", port=self.port, ssl_context=context if tls == "tls" else None)

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *_):
        self.controller.stop()

    def take(self, session, envelope):
        raw = envelope.original_content
        check_lines(raw)
        m = email.message_from_bytes(raw, policy=email.policy.default)
        m.envelope, m.raw, m.is_encrypted = envelope, raw, session.ssl is not None
        self.mails.append(m)


def check_lines(raw):
    """RFC 5322, 2.1.1 and 2.3: CRLF only, at most 998 bytes a line; RFC 5321, 4.5.2 is the server's."""
    assert raw.endswith(b"\r\n") and b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b""), "bare CR or LF"
    assert all(len(line) <= 998 for line in raw.split(b"\r\n")), "a line is too long"
    head = raw.split(b"\r\n\r\n", 1)[0]
    assert all(len(line) <= 200 and all(32 <= c < 127 or c == 9 for c in line) for line in head.split(b"\r\n")), "a header is not plain"


class Scripted:
    """A server that says for each connection what lines(n) gives, one answer a command, and then closes."""

    def __init__(self, lines):
        self.lines, self.count = lines, 0
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(16)
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()

    def serve(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            self.count += 1
            c.settimeout(3)
            with c:
                try:
                    for line in self.lines(self.count):
                        c.sendall(line)
                        if not c.recv(65536):
                            break
                except OSError:
                    pass
