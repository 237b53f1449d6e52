# SPDX-License-Identifier: Apache-2.0
"""Real engines that speak the Docker Engine API, each in a folder of its own: podman's service, and a dockerd where one is installed. No container runs."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from lab import SRC, Failure, free_port, need, until

sys.path.insert(0, os.path.join(SRC, "tests", "fake"))
import docker  # noqa: E402  what makes images for the stand-in makes them for real engines, too


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect(self.path)


class Engine:
    def __init__(self, kind, registry=None):
        self.kind = kind
        self.dir = tempfile.mkdtemp(prefix="failback-engine-", dir="/tmp")
        self.socket = os.path.join(self.dir, "s")
        at = lambda name: os.path.join(self.dir, name)
        env = dict(os.environ, CONTAINERS_CONF=at("containers.conf"), CONTAINERS_REGISTRIES_CONF=at("registries.conf"))
        with open(at("containers.conf"), "w") as f:
            f.write('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
        with open(at("registries.conf"), "w") as f:
            f.write('unqualified-search-registries = []\n' + (f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n' if registry else ""))
        if kind == "podman":
            words = ["podman", "--root", at("root"), "--runroot", at("run"), "--tmpdir", at("tmp"), "--storage-driver", "vfs", "system", "service", "--time", "0", "unix://" + self.socket]
        else:
            words = ["dockerd", "--data-root", at("root"), "--exec-root", at("exec"), "--pidfile", at("pid"), "--host", "unix://" + self.socket, "--storage-driver", "vfs", "--bridge=none",
                     "--iptables=false", "--ip6tables=false", "--exec-opt", "native.cgroupdriver=cgroupfs"]
        self.log = open(at("log"), "w")
        self.process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        until(self.answers, 60, f"{kind} does not start")

    def answers(self):
        if self.process.poll() is not None:
            with open(self.log.name) as f:
                raise Failure(f"{self.kind} has ended: {f.read()[-2000:]}")
        try:
            return self.call("GET", "/_ping", version="")[0] == 200
        except OSError:
            return False

    def call(self, method, path, body=None, kind="application/json", version="/v1.41", **headers):
        c = Connection(self.socket)
        try:
            c.request(method, version + path, body, dict(headers, **({"Content-Type": kind} if body else {})))
            answer = c.getresponse()
            return answer.status, answer.read()
        finally:
            c.close()

    def ok(self, method, path, body=None, **more):
        status, said = self.call(method, path, body, **more)
        if status >= 300 or b'"errorDetail"' in said:
            raise Failure(f"{self.kind}: {method} {path}: {status} {said[:500]}")
        return said

    def make(self, name, content):
        """An image with one file, under a name; its id."""
        self.ok("POST", "/images/load", docker.archive_of(content, [name]), kind="application/x-tar")
        return self.id(name)

    def id(self, name):
        status, said = self.call("GET", f"/images/{name}/json")
        return json.loads(said)["Id"] if status == 200 else None

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()
        for line in reversed(open("/proc/self/mountinfo").read().splitlines()):
            place = line.split()[4]
            if place.startswith(self.dir + "/"):
                subprocess.run(["umount", place], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


class Registry:
    """A registry of the distribution project, on a port of its own."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="failback-registry-", dir="/tmp")
        self.address = f"127.0.0.1:{free_port()}"
        with open(os.path.join(self.dir, "conf.yml"), "w") as f:
            f.write(f"version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {self.dir}/data }} }}\nhttp: {{ addr: {self.address} }}\n")
        self.process = subprocess.Popen(["docker-registry", "serve", os.path.join(self.dir, "conf.yml")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self.answers, 30, "the registry does not start")

    def answers(self):
        host, port = self.address.split(":")
        try:
            socket.create_connection((host, int(port)), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def kinds():
    """podman is needed; a real dockerd is taken, too, where one is installed."""
    need("podman")
    if not shutil.which("dockerd"):
        print("left out: dockerd is not installed")
    return ["podman"] + (["dockerd"] if shutil.which("dockerd") else [])
