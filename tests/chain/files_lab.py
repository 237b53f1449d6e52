# SPDX-License-Identifier: Apache-2.0
"""The laboratory with services that are files: strategy immediate, each release is put in place in a few milliseconds, and everything done is in one log."""
import os
import subprocess
import time

from lab import FAILBACK, Failure, Lab, check

# What a service is: its release and whether it runs, two files. Everything that changes it writes a line to the log "done".
# A release is sick when the file sick-RELEASE exists; a command fails when the file fails-COMMAND-RELEASE exists, and it waits as long as hold-COMMAND-RELEASE does.
SERVICE = """#!/bin/sh
cd {world} || exit 1
s=$FAILBACK_SERVICE r=$FAILBACK_RELEASE
case $1 in
version) cat $s.release 2>/dev/null; exit ;;
running) test -e $s.up; exit ;;
verify) ! test -e sick-$(cat $s.release); exit ;;
esac
echo "$1 $s $r" >> done
while test -e hold-$1-$r; do sleep 0.01; done
if test -e fails-$1-$r; then echo "ERROR: cannot $1 $s $r" >&2; exit 1; fi
case $1 in
stop) rm -f $s.up ;;
start) touch $s.up ;;
deploy|restore) echo "$r" > $s.release.new && mv $s.release.new $s.release ;;
esac
"""

STRATEGY = """{{
    use = "immediate";
    stop = [ "{dir}/service", "stop" ]; start = [ "{dir}/service", "start" ];
    deploy = [ "{dir}/service", "deploy" ]; restore = [ "{dir}/service", "restore" ];
    running = [ "{dir}/service", "running" ]; version = [ "{dir}/service", "version" ]; verify = [ "{dir}/service", "verify" ]; {strategy}
  }}"""

RECOVERY = """
recovery = (
  { phase = "protect-traffic"; },
  { phase = "restore"; timeout = "10s"; },
  { phase = "verify"; stable_for = "50ms"; interval = "20ms"; },
  { parallel = ( { phase = "cleanup"; }, { phase = "analyze"; }, { phase = "recommend"; after = "analyze"; } ); },
  { phase = "archive"; },
  { phase = "notify"; } );
"""


class FilesLab(Lab):
    """services: names, or (name, more settings) such as depends_on. more: top-level settings. strategy: more options of the strategy."""

    def __init__(self, services=("app",), more="", strategy="", recovery=RECOVERY, notifiers="notifiers = ( );", environment="production"):
        super().__init__()
        self.world = self.path("world")
        os.mkdir(self.world)
        self.write("service", SERVICE.format(world=self.world), 0o700)
        self.configure(services, more, strategy, recovery, notifiers, environment)

    def configure(self, services=("app",), more="", strategy="", recovery=RECOVERY, notifiers="notifiers = ( );", environment="production"):
        rows = [s if isinstance(s, tuple) else (s, "") for s in services]
        text = ",\n".join(f'  {{ name = "{n}"; strategy = {STRATEGY.format(dir=self.dir, strategy=strategy)}; {m} }}' for n, m in rows)
        self.services = [n for n, _ in rows]
        self.write("failback.conf", f'environment = "{environment}";\nservices = (\n{text} );\n{recovery}\n{notifiers}\n{more}\n')

    def plan(self, steps="", services=None, more="", promote=True, name="plan"):
        """Writes a plan: the steps given, then each service is promoted. Steps are links without their outer braces or a whole text of links."""
        services = services or self.services[:1]
        links = [steps] if steps else []
        if promote:
            links += [f'{{ name = "Deploy {s}"; promote = "{s}"; }}' for s in services]
        names = ", ".join(f'"{s}"' for s in services)
        watch = "" if "watch_for" in more else 'watch_for = "0s";'
        return self.write(f"{name}.conf", f'name = "{name}"; title = "Deploy {name}"; services = [ {names} ]; {watch} {more}\nsteps = (\n' + ",\n".join(links) + " );\n")

    def deploy(self, release, steps="", expect=0, **more):
        """Deploys a release of the first service by a plan of the steps given."""
        return self.run("deploy", self.plan(steps), "--release", release, expect=expect, **more)

    def touch(self, *names):
        for name in names:
            open(os.path.join(self.world, name), "a").close()

    def remove(self, *names):
        for name in names:
            os.unlink(os.path.join(self.world, name))

    def exists(self, name):
        return os.path.exists(os.path.join(self.world, name))

    def read(self, name):
        try:
            with open(os.path.join(self.world, name)) as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def live(self, service="app"):
        return self.read(service + ".release").strip()

    def done(self):
        """What was done to the world, in order."""
        return self.read("done").splitlines()

    def say(self, text, then=""):
        """A step's command that writes a line to the log of what was done."""
        return f'run = "echo {text} >> {self.world}/done{"; " + then if then else ""}";'

    def undo(self, text, then=""):
        return f'undo = "echo {text} >> {self.world}/done{"; " + then if then else ""}";'

    def steps(self, report):
        """The report's steps by name."""
        return {s["name"]: s for s in report["deployment"]["steps"]}

    def nothing_left(self):
        """No process of ours runs any more."""
        end = time.monotonic() + 5  # what learns of a success may outlive the command by a moment
        while (left := self.processes()) and time.monotonic() < end:
            time.sleep(0.01)
        check(not left, "processes were left behind:", left)

    def shell(self, line, expect=None, env=None):
        """Runs a command as a report gives it: pasted into a shell, in another folder, where `failback` is the one that is tested."""
        path = os.path.dirname(FAILBACK) + ":" + os.environ["PATH"]
        p = subprocess.run(["/bin/sh", "-c", line], cwd="/", env=dict(os.environ, PATH=path, **(env or {})), stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        if expect is not None and p.returncode != expect:
            raise Failure(f"{line}: exit code {p.returncode}, expected {expect}\n{p.stdout}\n{p.stderr}")
        return p
