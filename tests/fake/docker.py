#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Docker Engine without containers that run, for tests of what goes wrong: docker.py SOCKET FOLDER. It takes what the real one takes (API 1.41) and nothing else.

FOLDER/state.json, which a test may change at any time: images {id: [content, digests]}, names {name: id}, containers {name: inspect}, registry {name@digest: content},
fail {"METHOD /path": [status, message]}. FOLDER/requests has a line for each request. `docker.py --add FOLDER NAME CONTENT` makes an image."""
import hashlib
import io
import json
import os
import re
import socketserver
import sys
import tarfile
import urllib.parse
from http.server import BaseHTTPRequestHandler

EMPTY = {"images": {}, "names": {}, "containers": {}, "registry": {}, "fail": {}}


def member(tar, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def layer_of(content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member(tar, "content", content.encode())
    return out.getvalue()


def config_of(content):
    return json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer_of(content)).hexdigest()]}}).encode()


def id_of(content):
    return "sha256:" + hashlib.sha256(config_of(content)).hexdigest()


def archive_of(content, names=None):
    out, config, layer = io.BytesIO(), config_of(content), layer_of(content)
    name, folder = hashlib.sha256(config).hexdigest() + ".json", hashlib.sha256(layer).hexdigest()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member(tar, folder + "/layer.tar", layer)
        member(tar, name, config)
        member(tar, "manifest.json", json.dumps([{"Config": name, "RepoTags": names, "Layers": [folder + "/layer.tar"]}]).encode())
    return out.getvalue()


def read(folder):
    try:
        with open(os.path.join(folder, "state.json")) as f:
            return json.load(f)
    except FileNotFoundError:
        return json.loads(json.dumps(EMPTY))


def write(folder, state):
    with open(os.path.join(folder, "state.new"), "w") as f:
        json.dump(state, f)
    os.rename(os.path.join(folder, "state.new"), os.path.join(folder, "state.json"))


def full(name):
    return name if ":" in name.rsplit("/", 1)[-1] else name + ":latest"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder = ""

    def log_message(self, *_):
        pass

    def address_string(self):
        return "local"

    def answer(self, status, body, kind="application/json"):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode() + b"\n" if body is not None else b""
        self.send_response(status)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def look(self, name):
        """The id of a name or an id."""
        if name in self.state["images"]:
            return name
        return self.state["names"].get(full(name))

    def inspect(self, name):
        found = self.look(name)
        if not found:
            return self.answer(404, {"message": "No such image: " + name})
        content, digests = self.state["images"][found]
        return self.answer(200, {"Id": found, "RepoDigests": digests, "RepoTags": [n for n, i in self.state["names"].items() if i == found], "Architecture": "amd64", "Os": "linux", "Size": len(content)})

    def handle_one(self, method):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query)))
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        with open(os.path.join(self.folder, "requests"), "a") as f:
            f.write(f"{method} {self.path}\n")
        self.state = read(self.folder)
        if url.path == "/_ping":
            return self.answer(200, b"OK", "text/plain")
        if not url.path.startswith("/v1.41/"):
            return self.answer(400, {"message": "the path has no version that was agreed on"})
        path = urllib.parse.unquote(url.path[len("/v1.41"):])
        if f"{method} {path}" in self.state["fail"]:
            status, message = self.state["fail"][f"{method} {path}"]
            return self.answer(status, {"message": message})
        return self.route(method, path, query, body)

    def route(self, method, path, query, body):
        m = re.fullmatch(r"/images/(.+)/(json|get|tag)", path)
        if m and method == "GET" and m[2] == "json":
            return self.inspect(m[1])
        if m and method == "GET" and m[2] == "get":
            found = self.look(m[1])
            return self.answer(200, archive_of(self.state["images"][found][0]), "application/x-tar") if found else self.answer(404, {"message": "No such image"})
        if m and method == "POST" and m[2] == "tag":
            found = self.look(m[1])
            if set(query) != {"repo", "tag"} or body or not re.fullmatch(r"[a-z0-9][a-z0-9._/:-]*", query["repo"]) or not re.fullmatch(r"\w[\w.-]*", query["tag"]):
                return self.answer(400, {"message": "invalid reference format"})
            if not found:
                return self.answer(404, {"message": "No such image: " + m[1]})
            self.state["names"][query["repo"] + ":" + query["tag"]] = found
            write(self.folder, self.state)
            return self.answer(201, None)
        m = re.fullmatch(r"/containers/([\w.-]+)/json", path)
        if m and method == "GET":
            found = self.state["containers"].get(m[1])
            return self.answer(200, found) if found else self.answer(404, {"message": "No such container: " + m[1]})
        if method == "POST" and path == "/images/load":
            return self.load(body)
        if method == "POST" and path == "/images/create":
            return self.pull(query, body)
        return self.answer(404, {"message": "page not found"})

    def load(self, body):
        if self.headers.get("Content-Type") != "application/x-tar":
            return self.answer(400, {"message": "unsupported content type"})
        try:
            with tarfile.open(fileobj=io.BytesIO(body)) as tar:
                manifest = json.load(tar.extractfile("manifest.json"))[0]
                config = tar.extractfile(manifest["Config"]).read()
                with tarfile.open(fileobj=tar.extractfile(manifest["Layers"][0])) as layer:
                    content = layer.extractfile("content").read().decode()
        except (tarfile.TarError, KeyError, ValueError) as e:
            return self.answer(200, json.dumps({"errorDetail": {"message": str(e)}, "error": str(e)}).encode() + b"\r\n")
        self.state["images"]["sha256:" + hashlib.sha256(config).hexdigest()] = [content, []]
        write(self.folder, self.state)
        return self.answer(200, b'{"stream":"Loaded image ID"}\r\n')

    def pull(self, query, body):
        """As the real one: the answer begins well, and tells of a failure in its stream."""
        name = query.get("fromImage", "")
        if body or "@sha256:" not in name:
            return self.answer(400, {"message": "a pull by digest was expected"})
        lines = [{"status": "Pulling from " + name.split("@")[0]}]
        content = self.state["registry"].get(name)
        if content is not None:
            self.state["images"][id_of(content)] = [content, [name]]
            write(self.folder, self.state)
            lines.append({"status": "Digest: " + name.split("@")[1]})
        else:
            lines.append({"errorDetail": {"message": "manifest unknown"}, "error": "manifest unknown"})
        return self.answer(200, b"".join(json.dumps(x).encode() + b"\r\n" for x in lines))

    def do_GET(self):
        self.handle_one("GET")

    def do_POST(self):
        self.handle_one("POST")


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def add(folder, name, content):
    state = read(folder)
    state["images"][id_of(content)] = [content, ["registry.example/" + full(name).rsplit(":", 1)[0] + "@sha256:" + hashlib.sha256(content.encode()).hexdigest()]]
    state["names"][full(name)] = id_of(content)
    write(folder, state)
    print(id_of(content))


if __name__ == "__main__":
    if sys.argv[1] == "--add":
        add(*sys.argv[2:])
    else:
        Handler.folder = sys.argv[2]
        Server(sys.argv[1], Handler).serve_forever()
