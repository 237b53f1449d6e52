# SPDX-License-Identifier: Apache-2.0
"""A stand-in for S3 that takes nothing on trust: it recomputes the signature of each request and every digest in it, and refuses what is wrong with the service's own
codes. It can be told to fail. Signatures: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API Reference."""
import base64
import datetime
import hashlib
import hmac
import re
import socket
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

ACCESS, SECRET, REGION, BUCKET = "AKIATESTTESTTESTTEST", "s3cr3t/ThatNobody+MaySee", "eu-test-1", "backups"


def quote(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-_.~")


class Refusal(Exception):
    def __init__(self, status, code, message):
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


class S3:
    """Objects are in self.objects: key to bytes. self.faults is a list of functions (handler, key) -> True when it has answered by itself; each is asked for each request."""

    def __init__(self, token=None, page=1000):
        self.objects, self.faults, self.log, self.refused = {}, [], [], []
        self.token, self.page, self.mutex = token, page, threading.Lock()
        lab = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = 1 << 20

            def log_message(self, *args):
                pass

            def handle_one_request(self):
                try:
                    super().handle_one_request()
                except (ConnectionError, socket.timeout):
                    self.close_connection = True

            def do(self):
                lab.serve(self)

            do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = do

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def env(self, **more):
        env = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": self.endpoint}
        if self.token:
            env["AWS_SESSION_TOKEN"] = self.token
        return dict(env, **more)

    # ---- what it says ----

    def answer(self, h, status, body=b"", **headers):
        h.send_response(status)
        for name, value in headers.items():
            h.send_header(name.replace("_", "-"), value)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        if h.command != "HEAD":
            h.wfile.write(body)

    def error(self, h, status, code, message="it is so"):
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{escape(message)}</Message><RequestId>1</RequestId></Error>'.encode()
        self.answer(h, status, body, Content_Type="application/xml")

    # ---- what it takes ----

    def check_signature(self, h, path, query, body):
        auth = h.headers.get("Authorization", "")
        m = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})", auth)
        if not m:
            raise Refusal(403, "AccessDenied", "the request is not signed")
        access, day, region, names, signature = m.groups()
        names = names.split(";")
        stamp = h.headers.get("x-amz-date", "")
        if access != ACCESS:
            raise Refusal(403, "InvalidAccessKeyId", "no such key")
        if region != REGION:
            raise Refusal(400, "AuthorizationHeaderMalformed", f"the region '{region}' is wrong; expecting '{REGION}'")
        now = datetime.datetime.now(datetime.timezone.utc)
        if not stamp.startswith(day) or abs((datetime.datetime.strptime(stamp + "+0000", "%Y%m%dT%H%M%SZ%z") - now).total_seconds()) > 900:
            raise Refusal(403, "RequestTimeTooSkewed", "the difference between the request time and the server's time is too large")
        must = {"host"} | {n.lower() for n in h.headers if n.lower().startswith("x-amz-") or n.lower() in ("content-md5", "if-none-match")}
        if not must <= set(names) or names != sorted(names):
            raise Refusal(403, "AccessDenied", f"headers that are not signed: {must - set(names)}")
        payload = h.headers.get("x-amz-content-sha256")
        if payload != hashlib.sha256(body).hexdigest():
            raise Refusal(400, "XAmzContentSHA256Mismatch", "the payload has another hash")
        pairs = sorted((quote(k), quote(v)) for k, v in query)
        canonical = "\n".join([h.command, quote(path, "/"), "&".join(f"{k}={v}" for k, v in pairs),
                               "".join(f"{n}:{' '.join(h.headers[n].split())}\n" for n in names), ";".join(names), payload])
        scope = f"{day}/{region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + SECRET).encode()
        for part in (day, region, "s3", "aws4_request", text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        if key.hex() != signature:
            raise Refusal(403, "SignatureDoesNotMatch", "the request signature we calculated does not match the signature you provided")
        if h.headers.get("x-amz-security-token") != self.token:
            raise Refusal(403, "InvalidToken", "the provided token is malformed or otherwise invalid")

    def check_digests(self, h, body):
        sum256 = h.headers.get("x-amz-checksum-sha256")
        if h.command == "PUT" and not sum256:
            raise Refusal(400, "InvalidRequest", "a PUT has to carry x-amz-checksum-sha256 here")
        if sum256 and base64.b64decode(sum256) != hashlib.sha256(body).digest():
            raise Refusal(400, "BadDigest", "the SHA256 you specified did not match the calculated checksum")

    def serve(self, h):
        raw, _, raw_query = h.path.partition("?")
        path, query = urllib.parse.unquote(raw), urllib.parse.parse_qsl(raw_query, keep_blank_values=True)
        body = h.rfile.read(int(h.headers.get("Content-Length") or 0))
        bucket, _, key = path[1:].partition("/")
        with self.mutex:
            self.log.append((h.command, key, dict(query)))
        for fault in list(self.faults):
            if fault(h, key):
                return
        try:
            if raw != quote(path, "/"):
                raise Refusal(400, "InvalidURI", "the path is not encoded as it should be")
            self.check_signature(h, path, query, body)
            self.check_digests(h, body)
            if bucket != BUCKET:
                raise Refusal(404, "NoSuchBucket", "The specified bucket does not exist")
            self.act(h, key, dict(query), body)
        except Refusal as r:
            with self.mutex:
                self.refused.append((h.command, key, r.code))
            self.error(h, r.status, r.code, r.message)

    def act(self, h, key, query, body):
        if h.command == "PUT" and key:
            with self.mutex:
                there = key in self.objects
                if h.headers.get("If-None-Match") == "*" and there:
                    raise Refusal(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
                self.objects[key] = body
            self.answer(h, 200, ETag='"' + hashlib.md5(body).hexdigest() + '"', x_amz_checksum_sha256=base64.b64encode(hashlib.sha256(body).digest()).decode())
        elif h.command == "GET" and key:
            if key not in self.objects:
                raise Refusal(404, "NoSuchKey", "The specified key does not exist.")
            self.answer(h, 200, self.objects[key])
        elif h.command == "DELETE" and key:
            with self.mutex:
                self.objects.pop(key, None)
            self.answer(h, 204)
        elif h.command == "GET" and query.get("list-type") == "2":
            self.answer(h, 200, self.listing(query), Content_Type="application/xml")
        else:
            raise Refusal(501, "NotImplemented", h.command)

    def listing(self, query):
        prefix, after = query.get("prefix", ""), query.get("start-after", "")
        if "continuation-token" in query:
            after = base64.b64decode(query["continuation-token"]).decode()
        with self.mutex:
            keys = sorted(k for k in self.objects if k.startswith(prefix) and k > after)
            page, more = keys[:self.page], len(keys) > self.page
            rows = "".join(f"<Contents><Key>{escape(k)}</Key><LastModified>2026-01-20T11:00:00.000Z</LastModified><Size>{len(self.objects[k])}</Size></Contents>" for k in page)
        token = f"<NextContinuationToken>{base64.b64encode(page[-1].encode()).decode()}</NextContinuationToken>" if more else ""
        return (f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix>'
                f"<KeyCount>{len(page)}</KeyCount><IsTruncated>{'true' if more else 'false'}</IsTruncated>{token}{rows}</ListBucketResult>").encode()


# ---- faults: each a function for S3.faults ----

def sometimes(n, fault, only=None):
    """Every nth request (of one method) goes wrong as fault says; a request that is made again is another one."""
    count = [0]
    mutex = threading.Lock()

    def one(h, key):
        if only and h.command != only:
            return False
        with mutex:
            count[0] += 1
            now = count[0] % n == 0
        return now and fault(h, key)
    return one


def slow_down(s3):
    def one(h, _):
        s3.error(h, 503, "SlowDown", "Please reduce your request rate.")
        return True
    return one


def cut(h, _):
    h.close_connection = True
    h.connection.shutdown(socket.SHUT_RDWR)
    return True


def half(s3):
    """Half of an answer, whose length said that there is more"""
    def one(h, key):
        body = s3.listing(dict(urllib.parse.parse_qsl(h.path.partition("?")[2]))) if not key else s3.objects.get(key, b"")
        h.send_response(200)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        h.wfile.write(body[:len(body) // 2])
        h.wfile.flush()
        h.close_connection = True
        return True
    return one


def never(h, _):
    """Takes a request and says nothing."""
    h.close_connection = True
    end = time.monotonic() + 30
    h.connection.settimeout(0.1)
    while time.monotonic() < end:
        try:
            if not h.connection.recv(1):
                break
        except socket.timeout:
            continue
        except OSError:
            break
    return True
