# SPDX-License-Identifier: Apache-2.0
"""A real systemd as PID 1 of a container of systemd-nspawn, with unit files, a bus and a journal that failback reaches from outside.

    with Machine(FOLDER) as machine:
        machine.unit("shop.service", "[Service]\\nExecStart=sleep infinity\\n")
        machine.systemctl("start", "shop.service")
        machine.bus          # the address of its system bus, for sd-bus and busctl --address
        machine.sh("…")      # a command inside; runs with the container's root, process ids and names

FOLDER (a laboratory's) has the same path inside, so that what a unit executes may stand there. FOLDER/units is where systemd looks for units first, FOLDER/journal
its journal. The container has its own processes, mounts and host name, but the machine's network: bind 127.0.0.1 and free ports only.

Its root file system is this machine's own, read through an overlay: nothing is fetched, programs that are installed or built here are inside at the same paths, and
what is written inside goes to memory and ends with it. Of the machine's configuration of systemd nothing is taken, so that none of its services start.
FAILBACK_SYSTEMD_ROOT names another root file system (such as one that debootstrap has made). The overlay is mounted in a mount namespace of its own. Everything that
is started ends by its pid.
"""
import os
import signal
import subprocess
import sys
import time
import uuid

from lab import BUILD, SRC, Failure, need, until

ROOT = os.environ.get("FAILBACK_SYSTEMD_ROOT", "/")
# What the kernel, or the container that the test itself runs in, may refuse: nothing that can be installed helps
REFUSALS = ("Operation not permitted", "Permission denied", "Function not implemented", "Read-only file system", "unknown filesystem type", "Failed to mount",
            "No such device", "Invalid argument")


def unable(why):
    """The kernel does not let this test run here: a skip, with what it said."""
    print(f"no systemd can be booted here: {why}", file=sys.stderr)
    sys.exit(77)


def prerequisites():
    if os.geteuid() != 0:
        unable("not root: systemd-nspawn needs it")
    for program in ("systemd-nspawn", "nsenter", "setpriv", "dbus-daemon"):
        need(program)
    if not os.path.exists(os.path.join(ROOT, "lib/systemd/systemd")):
        print(f"{ROOT} has no systemd: the package systemd is not installed there", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else 77)


# In a mount namespace of its own: an overlay that nobody else sees, and nspawn's own folder under /run. $1: root, $2: folder, $3: machine id, $4: control groups; then the words of nspawn
BOOT = """set -e
mount -t tmpfs -o mode=755 failback "$2/overlay"
cd "$2/overlay"
mkdir upper work root
mount -t overlay -o "lowerdir=$1,upperdir=upper,workdir=work" failback root
rm -rf root/etc/systemd root/etc/fstab root/etc/crypttab root/etc/init.d root/etc/rc*.d root/etc/machine-id root/run/* root/var/log/journal root/lib/systemd/system-generators
mkdir -p root/etc/systemd/system root/var/log/journal
printf '%s\\n' "$3" >root/etc/machine-id
printf 'failback-test\\n' >root/etc/hostname
for unit in systemd-udevd.service systemd-udev-trigger.service systemd-hwdb-update.service ldconfig.service systemd-sysusers.service systemd-tmpfiles-clean.timer \\
    systemd-journal-catalog-update.service systemd-update-done.service systemd-logind.service getty.target remote-fs.target; do
	ln -s /dev/null "root/etc/systemd/system/$unit"
done
printf '[Unit]\\nRequires=basic.target dbus.socket\\nWants=dbus.service\\nAfter=basic.target dbus.service\\nAllowIsolate=yes\\n' >root/etc/systemd/system/default.target
printf '[Journal]\\nStorage=persistent\\nRateLimitIntervalSec=0\\n' >root/etc/systemd/journald.conf
own=/run/systemd
[ -d "$own" ] || own=/run
mount -t tmpfs -o mode=755 failback "$own"
root=$PWD/root
for group in $4; do echo $$ >"$group/cgroup.procs"; done
shift 4
exec systemd-nspawn -q -D "$root" "$@"
"""


class Machine:
    """A booted systemd. folder: a laboratory's; binds: more folders, or INSIDE=OUTSIDE pairs, that it sees."""

    def __init__(self, folder, binds=(), setenv=()):
        prerequisites()
        self.folder = folder
        self.machine = os.path.join(folder, "machine")
        self.units = os.path.join(folder, "units")
        self.journal = os.path.join(folder, "journal")
        self.log = os.path.join(folder, "machine.log")
        self.pid = self.nspawn = None
        self.groups = []
        for path in (self.units, self.journal, os.path.join(self.machine, "overlay")):
            os.makedirs(path, exist_ok=True)
        os.chmod(folder, 0o755)
        os.chmod(self.units, 0o755)
        words = ["--register=no", "--keep-unit", "--boot", "--console=pipe", "--link-journal=no", "--resolv-conf=off", "--timezone=off", f"--bind={folder}",
                 f"--bind={self.journal}:/var/log/journal", f"--setenv=SYSTEMD_UNIT_PATH={self.units}:"]
        words += [f"--bind-ro={tree}" for tree in {os.path.realpath(BUILD), os.path.realpath(SRC)}]  # the container's /tmp is its own, and they may lie there
        words += [f"--bind={b}" for b in binds] + [f"--setenv={s}" for s in setenv]
        try:
            self.groups = own_groups()
            self.boot(words)
        except BaseException:
            self.stop()
            raise

    def boot(self, words):
        with open(self.log, "w") as log:  # it dies with the test, also when that is killed
            self.nspawn = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", BOOT, "sh", ROOT, self.machine, uuid.uuid4().hex,
                                            " ".join(self.groups)] + words,
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True, preexec_fn=defaults)
        end = time.monotonic() + 60
        while not self.is_up():
            if self.nspawn.poll() is not None:
                said = self.said()
                if any(r in said for r in REFUSALS):
                    unable(said)
                raise Failure(f"systemd-nspawn ended with {self.nspawn.returncode}: {said}")
            if time.monotonic() > end:
                raise Failure(f"systemd has no bus after 60 s: {self.said()}")
            time.sleep(0.02)
        until(lambda: self.systemctl("is-system-running", expect=None) in ("running", "degraded"), 60, "systemd does not finish to boot")

    def said(self):
        with open(self.log, errors="replace") as f:
            return " ".join(f.read().split())[-600:]

    def is_up(self):
        if not self.pid:
            self.pid = next((p for p in children(self.nspawn.pid) if name_of(p) == "systemd"), None)
        return self.pid and os.path.exists(self.socket)

    @property
    def socket(self):
        return f"/proc/{self.pid}/root/run/dbus/system_bus_socket"

    @property
    def bus(self):
        """The address of its system bus, from outside."""
        return "unix:path=" + self.socket

    def path(self, inside):
        """What a path inside is called outside."""
        return f"/proc/{self.pid}/root{inside}"

    def enter(self, *words):
        """The words of a command that runs inside."""
        return ["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-p", "-r", "-w", "--"] + list(words)

    def run(self, *words, expect=0, timeout=60, input=None):
        """Runs a program inside; returns what it printed. expect None: whatever its exit code."""
        p = subprocess.run(self.enter("/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", *words), input=input, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=timeout, **({} if input is not None else {"stdin": subprocess.DEVNULL}))
        if expect is not None and p.returncode != expect:
            raise Failure(f"inside, {' '.join(words)}: exit code {p.returncode}, expected {expect}: {p.stdout}")
        return p.stdout.strip()

    def sh(self, line, expect=0, **more):
        return self.run("/bin/sh", "-ec", line, expect=expect, **more)

    def systemctl(self, *words, expect=0, **more):
        return self.run("systemctl", "--no-pager", *words, expect=expect, **more)

    def show(self, unit, name):
        """A property of a unit."""
        return self.systemctl("show", "--value", "--property=" + name, "--", unit)

    def unit(self, name, text, reload=True):
        """A unit file, or a drop-in when the name is UNIT.d/FILE.conf."""
        path = os.path.join(self.units, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o644)
        if reload:
            self.systemctl("daemon-reload")
        return path

    def messages(self, unit):
        """What the journal has of a unit."""
        return self.run("journalctl", "--no-pager", "--quiet", "--output=cat", "--unit=" + unit)

    def stop(self):
        """Ends it by its pid: the kernel ends with PID 1 all that runs inside, and with the last of them their mounts."""
        if self.nspawn:
            if self.pid and self.nspawn.poll() is None:
                try:
                    os.kill(self.pid, signal.SIGKILL)
                    self.nspawn.wait(20)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass
            if self.nspawn.poll() is None:
                self.nspawn.kill()
            self.nspawn.wait()
        self.pid = None
        for group in self.groups:
            remove_group(group)
        self.groups = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def own_groups():
    """Control groups of its own below ours, of one name in the trees that systemd uses: two machines must not share theirs."""
    made, name = [], f"failback-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    with open("/proc/self/cgroup") as f:
        for line in f:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            tree = {"": ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"), "name=systemd": ("/sys/fs/cgroup/systemd",)}.get(controllers, ())
            tree = next((t for t in tree if os.path.exists(t + "/cgroup.procs")), None)
            if not tree:
                continue
            group = os.path.join(tree + path, name)
            try:
                os.mkdir(group)
            except OSError as e:
                unable(f"{group}: {e.strerror}")
            made.append(group)
    return made


def remove_group(group):
    """It is empty once its processes are reaped, which takes the kernel a moment; one that outlived its machine is ended."""
    end = time.monotonic() + 30
    while os.path.isdir(group):
        left = []
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                left += members(folder)
        if time.monotonic() > end:  # of the kernel's bookkeeping, not of failback's
            print(f"left behind: {group}, with " + (", ".join(f"{p} ({name_of(p)})" for p in left) or "no process"), file=sys.stderr)
            return
        if time.monotonic() > end - 20:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
        time.sleep(0.005)


def members(folder):
    try:
        with open(folder + "/cgroup.procs") as f:
            return [int(p) for p in f.read().split() if p != "0"]
    except OSError:
        return []


def defaults():
    """A test may have been started with signals ignored; systemd must not inherit that."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return ""
