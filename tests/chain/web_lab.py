# SPDX-License-Identifier: Apache-2.0
"""The laboratory with a web service of two sides behind a real HAProxy, and an open-loop client."""
import json
import os
import signal
import subprocess
import urllib.request

from lab import BUILD, SRC, Failure, Lab, check, free_port, need, until

CONFIG = """
environment = "production";
notifiers = ( );
services = ( {{
  name = "web";
  strategy = {{
    use = "blue-green"; socket = "{dir}/haproxy.sock"; backend = "app"; frontend = "web";
    config = "{dir}/haproxy.cfg"; state_file = "{dir}/servers.state"; validation_timeout = "5s";
    blue = {{ spare = "blue-spare"; check_url = "http://127.0.0.1:{blue}/health"; start = [ "{dir}/start-web" ]; }};
    green = {{ spare = "green-spare"; check_url = "http://127.0.0.1:{green}/health"; start = [ "{dir}/start-web" ]; }};
  }};
  {checks}
}} );
{more}
"""

PLAN = """
name = "web"; title = "Deploy web to production"; services = [ "web" ];
watch_for = "{watch}";
steps = ( {steps} {{ name = "deploy"; title = "Deploy"; promote = "web"; }} );
"""

START = """#!/bin/sh
case $FAILBACK_TARGET in blue) port={blue} control={blue_control} ;; *) port={green} control={green_control} ;; esac
echo $$ > {dir}/$FAILBACK_TARGET.pid
echo "$FAILBACK_TARGET $FAILBACK_RELEASE" >> {dir}/starts
exec {build}/tests/chain/web/web --port $port --control $control --release "$FAILBACK_RELEASE" --counter {dir}/posts --delay {delay} $(cat {dir}/release-$FAILBACK_RELEASE 2>/dev/null)
"""


class WebLab(Lab):
    def __init__(self, watch="1s", checks="", more="", steps="", delay=5):
        super().__init__()
        need("haproxy")
        self.ports = {name: free_port() for name in ("front", "blue", "green", "blue_control", "green_control")}
        names = dict(self.ports, dir=self.dir, build=BUILD, delay=delay)
        self.write("failback.conf", CONFIG.format(checks=checks, more=more, **names))
        self.write("start-web", START.format(**names), 0o700)
        self.plan = self.write("plan.conf", PLAN.format(watch=watch, steps=steps))
        self.rig("write", self.dir, str(self.ports["front"]), str(self.ports["blue"]), str(self.ports["green"]))
        self.rig("start", self.dir)

    def __exit__(self, *a):
        self.rig("stop", self.dir)
        super().__exit__(*a)

    def rig(self, *args):
        subprocess.run(["sh", os.path.join(SRC, "tests/chain/rig/haproxy.sh"), *args], check=True, env=dict(os.environ))

    def release_options(self, release, options):
        """Options of web for one release: how it will behave."""
        self.write("release-" + release, options)

    def deploy(self, release, expect=0, **more):
        return self.run("deploy", self.plan, "--release", release, expect=expect, **more)

    def live(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['front']}/", timeout=5) as r:
            return json.load(r)["release"]

    def control(self, side, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[side + '_control']}{path}", method="POST")
        try:
            urllib.request.urlopen(request, timeout=2).read()
        except OSError:
            pass  # a crash answers nothing

    def pid(self, side):
        with open(self.path(side + ".pid")) as f:
            return int(f.read())

    def load(self, rate=500, seconds=60, post=20, connections=16):
        p = subprocess.Popen([os.path.join(BUILD, "tests/bench/loadgen"), "--port", str(self.ports["front"]), "--rate", str(rate), "--connections", str(connections),
                              "--post", str(post), "--duration", str(seconds)], stdout=subprocess.PIPE, text=True)
        self.started.append(p)
        return p

    @staticmethod
    def load_end(p):
        if p.poll() is None:
            p.send_signal(signal.SIGTERM)
        out, _ = p.communicate(timeout=30)
        return json.loads(out)
