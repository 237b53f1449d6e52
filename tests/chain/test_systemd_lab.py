# SPDX-License-Identifier: Apache-2.0
"""The laboratory itself: a real systemd boots, does what it is asked over its bus, and leaves nothing behind."""
import os
import subprocess

from lab import Lab, check, main, need, until
from systemd_lab import Machine

MANAGER = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"]


def mounts():
    with open("/proc/self/mountinfo") as f:
        return f.read()


def groups():
    return [os.path.join(d, g) for d, folders, _ in os.walk("/sys/fs/cgroup") for g in folders if g.startswith(f"failback-{os.getpid()}-")]


def a_machine_boots_serves_its_bus_and_leaves_nothing():
    with Lab() as lab:
        with Machine(lab.dir) as machine:
            machine.unit("shop.service", "[Service]\nExecStart=/bin/sh -c 'echo shop is open; exec sleep infinity'\nRestart=on-failure\nRestartSec=0\n")
            machine.unit("shop.service.d/10-test.conf", "[Service]\nEnvironment=RELEASE=1.0\n")
            p = subprocess.run([need("busctl"), "--address=" + machine.bus, "call", *MANAGER, "StartUnit", "ss", "shop.service", "replace"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, timeout=30)
            check(p.returncode == 0 and p.stdout.startswith("o \"/org/freedesktop/systemd1/job/"), p.stdout)
            until(lambda: machine.show("shop.service", "ActiveState") == "active", 20, "the unit does not start")
            check(machine.show("shop.service", "Environment") == "RELEASE=1.0", "the drop-in is read")
            check(machine.show("shop.service", "FragmentPath") == lab.path("units/shop.service"), "paths are the same inside and outside")
            machine.systemctl("kill", "--signal=KILL", "shop.service")
            until(lambda: machine.show("shop.service", "NRestarts") == "1", 20, "the unit is not started again")
            until(lambda: machine.messages("shop.service").count("shop is open") == 2, 20, "the journal lacks what the unit said: " + machine.messages("shop.service"))
            check(machine.sh("echo $PPID; hostname").endswith("failback-test"), "commands run inside")
            check(lab.dir not in mounts() and len(groups()) > 0, "its mounts are its own")
        check(not lab.processes(), lab.processes())
        check(lab.dir not in mounts() and not groups(), mounts(), groups())


def two_machines_do_not_meet():
    with Lab() as one, Lab() as two:
        with Machine(one.dir) as first, Machine(two.dir) as second:
            first.unit("only.service", "[Service]\nExecStart=sleep infinity\n")
            first.systemctl("start", "only.service")
            check(second.show("only.service", "LoadState") == "not-found", "the second knows units of the first")
            check(first.show("only.service", "ActiveState") == "active", "it runs")
        check(not one.processes() + two.processes(), "processes were left")


if __name__ == "__main__":
    main(a_machine_boots_serves_its_bus_and_leaves_nothing, two_machines_do_not_meet)
