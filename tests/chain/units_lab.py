# SPDX-License-Identifier: Apache-2.0
"""The laboratory with a service of strategy files, and two units that read its files when they start: real HTTP servers, kept by a manager of units that counts
their starts and is no part of failback; it has them run by systemd where service_lab has a machine."""
import json
import os
import socketserver
import subprocess
import threading
import urllib.error
import urllib.request

import service_lab
from files_lab import RECOVERY
from lab import Lab, check, free_port, until

# A unit: reads its configuration once, and does not start with one that is not JSON. It is healthy when it knows the model.
UNIT = """import http.server, json, sys
port, path = int(sys.argv[1]), sys.argv[2]
config = json.load(open(path))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if config["model"] in ("small", "large") else 500)
        self.end_headers()
        self.wfile.write(json.dumps(config).encode())
    def log_message(self, *a):
        pass
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""

# Asks the manager; waits as long as hold-UNIT is there, and fails when fail-UNIT is
RESTART = """#!/bin/sh
echo "$1 $FAILBACK_RELEASE" >> {dir}/asked
while test -e {dir}/hold-$1; do sleep 0.01; done
if test -e {dir}/fail-$1; then echo "ERROR: cannot restart $1" >&2; exit 1; fi
exec /usr/bin/python3 -c 'import socket, sys
s = socket.create_connection(("127.0.0.1", {manager}), 20)
s.sendall(sys.argv[1].encode() + b"\\n")
answer = s.recv(1000).decode()
print(answer)
sys.exit(answer != "started")' "$1"
"""

CONFIG = """environment = "production";
services = ( {{ name = "agents"; strategy = {{
  use = "files"; releases = "{dir}/releases"; {layout}
  validate = ( {{ name = "syntax"; run = [ "python3", "-m", "json.tool", "config/agents.json", "/dev/null" ]; }},
               {{ name = "semantics"; run = [ "{dir}/validate-config" ]; }} );
  affects = ( {{ name = "web"; paths = [ "web/**" ]; run = [ "{dir}/restart", "web" ]; }},
              {{ name = "agents"; paths = [ "config/**" ]; run = [ "{dir}/restart", "agents" ]; }} ); {options}
}}; checks = ( {{ use = "http"; url = "http://127.0.0.1:{agents}/health"; timeout = "2s"; }} ); }} );
{recovery}
notifiers = ( );
"""


class Manager(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, lab):
        self.lab, self.lock, self.running, self.starts = lab, threading.Lock(), {}, []
        super().__init__(("127.0.0.1", 0), Restart)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def restart(self, unit):
        with self.lock:
            self.stop(unit)
            self.starts.append(unit)
            words = ["/usr/bin/python3", self.lab.path("unit.py"), str(self.lab.ports[unit]), self.lab.live(f"{self.lab.folders[unit]}/{unit}.json")]
            if service_lab.machine:
                p = service_lab.Unit(words, {}, self.lab.dir).start()
            else:
                p = subprocess.Popen(words, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.running[unit] = p
            return until(lambda: "ended" if p.poll() is not None else self.lab.answer(unit)[0] and "started", 20, f"{unit} neither starts nor ends")

    def stop(self, unit):
        p = self.running.pop(unit, None)
        if p:
            p.kill()
            p.wait()

    def end(self):
        self.shutdown()
        self.server_close()
        for unit in list(self.running):
            self.stop(unit)


class Restart(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            self.wfile.write(self.server.restart(self.rfile.readline().decode().strip()).encode())
        except Exception as e:
            self.wfile.write(f"ERROR: {e}".encode())


class UnitsLab(Lab):
    folders = {"agents": "config", "web": "web"}

    def __init__(self, layout="link", options=""):
        super().__init__()
        self.layout = layout
        self.ports = {"agents": free_port(), "web": free_port()}
        self.write("unit.py", UNIT)
        self.manager = Manager(self)
        self.write("restart", RESTART.format(dir=self.dir, manager=self.manager.port), 0o700)
        # What a project's own command would look for: here only that there is a name of a model
        self.write("validate-config", "#!/bin/sh\ngrep -q '\"model\": \"[a-z][a-z]*\"' config/agents.json || { echo 'ERROR: agents.json has no model'; exit 1; }\n", 0o700)
        self.release("1", "small")
        self.release("2", "large")
        os.mkdir(self.path("tree"))
        where = f'link = "{self.dir}/current";' if layout == "link" else f'layout = "tree"; target = "{self.dir}/tree";'
        self.write("failback.conf", CONFIG.format(dir=self.dir, layout=where, options=options, recovery=RECOVERY, **self.ports))
        self.plan = self.write("plan.conf", 'name = "plan"; title = "Deploy"; services = [ "agents" ]; watch_for = "0s";\nsteps = ( { name = "Deploy"; promote = "agents"; interval = "20ms"; } );\n')

    def __exit__(self, *a):
        self.manager.end()
        super().__exit__(*a)

    def release(self, name, model, web="small", text=None):
        self.write(f"releases/{name}/config/agents.json", json.dumps({"model": model, "release": name}) if text is None else text, 0o644)
        self.write(f"releases/{name}/web/web.json", json.dumps({"model": web}), 0o644)

    def live(self, path=""):
        return os.path.join(self.path("current" if self.layout == "link" else "tree"), path)

    def answer(self, unit):
        """(status, document), from the unit itself; (0, None): it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[unit]}/", timeout=2) as r:
                return r.status, json.load(r)
        except urllib.error.HTTPError as e:
            with e:
                return e.code, json.load(e)
        except (OSError, ValueError):
            return 0, None

    def deploy(self, release, expect=0, **more):
        return self.run("deploy", self.plan, "--release", release, expect=expect, **more)

    def runs(self, release, starts):
        """The unit answers with the release's configuration, and the units were started this often."""
        status, document = self.answer("agents")
        check(status == 200 and document["release"] == release, "the unit answers", status, document)
        with open(self.live("config/agents.json")) as f:
            check(json.load(f)["release"] == release, "live is another release")
        check(self.manager.starts == starts, "units were started:", self.manager.starts)
