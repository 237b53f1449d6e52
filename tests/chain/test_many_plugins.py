# SPDX-License-Identifier: Apache-2.0
"""Five hundred plugin files lie in the directory and three are named: what it takes to start does not depend on the 497. System calls decide, times are shown."""
import collections
import os
import re
import shutil
import subprocess
import time

from lab import BUILD, DONE, FAILED, Lab, check, main, need

NOOPS = os.path.join(BUILD, "tests/bench/plugins")
NAMED = ["phase-noop-1.so", "phase-noop-2.so", "strategy-noop.so"]
MANY = 500

CONFIG = """
environment = "production";
notifiers = ( );
plugins = ( { name = "noop-1"; sandbox = { }; } );
backup = ( { name = "backup"; phase = "noop-1"; } );
services = ( { name = "web"; strategy = { use = "noop"; }; } );
recovery = ( { name = "link"; phase = "noop-1"; } );
"""

PLAN = """
name = "web"; title = "Deploy web to production"; services = [ "web" ]; release = "2.0"; watch_for = "0s";
steps = ( { name = "Fail"; phase = "noop-2"; fails = true; } );
"""


class ManyLab(Lab):
    def __init__(self):
        super().__init__()
        self.plugins = self.path("plugins")
        os.mkdir(self.plugins, 0o755)
        for name in NAMED:
            shutil.copyfile(os.path.join(NOOPS, name), os.path.join(self.plugins, name))
        self.write("failback.conf", CONFIG)
        self.plan = self.write("plan.conf", PLAN)

    def fill(self):
        for i in range(MANY - len(NAMED)):
            kind = ("phase", "strategy", "check", "notifier")[i % 4]
            shutil.copyfile(os.path.join(NOOPS, NAMED[0]), os.path.join(self.plugins, f"{kind}-other-{i}.so"))
        check(len(os.listdir(self.plugins)) == MANY, "there are five hundred")

    def command(self, *args, json_output=False):
        line = super().command(*args, json_output=json_output)
        line[line.index("--plugin-dir") + 1] = self.plugins
        return line

    def traced(self, *args, expect):
        """[(system call, its line)] of the command and all that it starts."""
        out = self.path("trace")
        env = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")  # who is traced cannot look for leaks
        p = subprocess.run(["strace", "-f", "-qq", "-y", "-s", "4096", "-o", out] + self.command(*args), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, env=env)
        check(p.returncode == expect, f"failback {args}: exit code {p.returncode}:", p.stderr)
        with open(out, errors="replace") as f:
            lines = f.read().splitlines()
        return [(m[1], line) for line in lines for m in [re.match(r"\d+\s+(\w+)\(", line)] if m]

    def fastest(self, *args, expect):
        best = None
        for _ in range(5):
            begun = time.monotonic()
            self.run(*args, expect=expect)
            took = time.monotonic() - begun
            best = took if best is None else min(best, took)
        return best * 1e3


def about_plugins(calls, lab):
    """What was done to files of the plugin directory, without the numbers that differ from run to run."""
    found = collections.Counter()
    for name, line in calls:
        if name in ("read", "pread64", "write", "pwrite64", "sendmsg", "recvmsg", "sendto", "recvfrom"):
            continue  # what is said about them, and the journal's pages
        # what is given by its path; of a folder that is read the descriptor says which it is
        paths = re.findall(("<" if name == "getdents64" else '"') + "(" + re.escape(lab.plugins) + '[^">]*)', line)
        for path in paths:
            found[(name, path[len(lab.plugins):])] += 1
    return found


def costs_the_same(expect, *args):
    need("strace")
    with ManyLab() as lab:
        arguments = [lab.plan if a == "PLAN" else a for a in args]
        lab.run(*arguments, expect=expect)  # the first one of all makes the state directory, and more is done for it
        few, few_ms = lab.traced(*arguments, expect=expect), lab.fastest(*arguments, expect=expect)
        lab.fill()
        many, many_ms = lab.traced(*arguments, expect=expect), lab.fastest(*arguments, expect=expect)
        a, b = about_plugins(few, lab), about_plugins(many, lab)
        check(a, "the trace shows the plugin directory")
        check(not [path for _, path in b if "other" in path], "none of the 497 was looked at:", [k for k in b if "other" in k[1]][:5])
        check(not [path for name, path in b if name == "getdents64"], "the directory was not read:", [k for k in b if k[0] == "getdents64"])
        check(a == b, "the same was done in the plugin directory:", a - b, b - a)
        for call in ("execve", "getdents64"):
            counts = [sum(name == call for name, _ in calls) for calls in (few, many)]
            check(counts[0] == counts[1], f"as many calls of {call}:", counts)
        check(abs(len(few) - len(many)) <= len(few) * 0.15, "as many system calls, but for waiting:", len(few), len(many))
        print(f"  {args[0]}: {len(few)} system calls with 3 files, {len(many)} with {MANY}; {sum(a.values())} and {sum(b.values())} in the plugin directory; "
              f"fastest of 5: {few_ms:.1f} ms, {many_ms:.1f} ms")


def checking_a_configuration_costs_the_same():
    costs_the_same(DONE, "config", "check")


def a_deployment_costs_the_same():
    costs_the_same(FAILED, "deploy", "PLAN")


main(checking_a_configuration_costs_the_same, a_deployment_costs_the_same)
