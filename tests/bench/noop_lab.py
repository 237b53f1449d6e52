# SPDX-License-Identifier: Apache-2.0
"""The laboratory with plugins that do nothing: a service whose strategy does nothing, a plan whose only step fails at once, and a recovery of
eight links that do nothing, one after another."""
import os
import shutil
import statistics
import sys
import time

BUILD = os.environ.get("BUILD", os.getcwd())
SRC = os.environ.get("SRC", BUILD)
sys.path.insert(0, os.path.join(SRC, "tests/chain"))

from lab import FAILBACK, FAILED, Failure, Lab  # noqa: E402

NOOPS = os.path.join(BUILD, "tests/bench/plugins")
LINKS = 8

CONFIG = """
environment = "production";
notifiers = ( );
backup = ( {{ name = "backup"; phase = "noop-1"; }} );
services = ( {{ name = "web"; strategy = {{ use = "noop"; }}; }} );
recovery = ( {links} );
"""

PLAN = """
name = "web"; title = "Deploy web to production"; services = [ "web" ]; release = "2.0"; watch_for = "0s";
steps = ( { name = "fail"; phase = "noop-1"; fails = true; } );
"""


class NoopLab(Lab):
    """files: how many different plugin files the eight links use."""

    def __init__(self, files=LINKS, dir=None):
        super().__init__()
        if dir:  # the database shall be on the disk that is asked about
            shutil.rmtree(self.dir)
            self.dir = os.path.join(dir, "bench-" + os.path.basename(self.dir))
            os.mkdir(self.dir, 0o700)
            self.state, self.conf = self.path("state"), self.path("failback.conf")
        self.configure(files)
        self.plan = self.write("plan.conf", PLAN)

    def configure(self, files):
        links = ", ".join(f'{{ name = "link-{i + 1}"; phase = "noop-{i % files + 1}"; }}' for i in range(LINKS))
        self.write("failback.conf", CONFIG.format(links=links))

    def command(self, *args, json_output=False):
        return [FAILBACK, "-c", self.conf, "--state-dir", self.state, "--plugin-dir", NOOPS] + (["--json"] if json_output else []) + list(args)

    def timed(self, *args, expect, env=None):
        """Runs failback: milliseconds from exec to exit, and until its engine has gone as well."""
        hold, held = os.pipe()
        null = os.open(os.devnull, os.O_RDWR)
        command = self.command(*args)
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, held, 2)]
        begun = time.monotonic()
        pid = os.posix_spawn(command[0], command, dict(os.environ, **(env or {})), file_actions=actions)
        os.close(held)
        _, status = os.waitpid(pid, 0)
        ended = time.monotonic()
        said = b""
        while part := os.read(hold, 65536):  # the engine has this end too
            said += part
        gone = time.monotonic()
        os.close(hold)
        os.close(null)
        if os.waitstatus_to_exitcode(status) != expect:
            raise Failure(f"failback {' '.join(args)}: exit code {os.waitstatus_to_exitcode(status)}, expected {expect}: {said.decode(errors='replace')}")
        return (ended - begun) * 1e3, (gone - begun) * 1e3

    def fail_once(self, env=None):
        """One deployment that fails and is answered by the eight links."""
        return self.timed("deploy", self.plan, expect=FAILED, env=env)


def spread(values):
    return f"median {statistics.median(values):8.2f}  min {min(values):8.2f}  max {max(values):8.2f}"


def load():
    return "%.1f %.1f %.1f" % os.getloadavg()
