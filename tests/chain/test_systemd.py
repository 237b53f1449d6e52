# SPDX-License-Identifier: Apache-2.0
"""Strategy systemd and the item units over a real systemd: units that fail in every way that units do, and come back."""
import glob
import os
import signal
import tempfile

from files_lab import RECOVERY
from lab import DONE, FAILED, INTERRUPTED, RECOVERED, REFUSED, SANITIZED, Lab, check, main, until
from systemd_lab import Machine

machine = None
TIME = 120 if SANITIZED else 60
# What a release does: started as run, told to reload as reload
OPEN = "echo shop $RELEASE is open; exec sleep infinity"
CRASH = "echo opening; echo 'ERROR: cannot open database /srv/shop/shop.db: no such file' >&2; exit 3"
LOOP = "echo shop is open for a moment; sleep 0.4; echo 'ERROR: lost connection to the queue' >&2; exit 1"
READY = "systemd-notify --ready; exec sleep infinity"
HANG = "echo waiting for a lock; exec sleep infinity"
SERVICE = "[Service]\nExecStart=/bin/false\n"
DROPIN = "[Service]\\nEnvironment=RELEASE={release}\\nExecStart=\\nExecStart=/bin/sh @/releases/{release}/run\\nExecReload=/bin/sh @/releases/{release}/reload\\n"


class UnitLab(Lab):
    """A service of one unit that has the laboratory's name, releases that are shell scripts. @ in texts is the laboratory's folder."""

    count = 0

    def __init__(self, options="", service=SERVICE, releases=None, more="", item="", dropin=DROPIN, inside=False):
        super().__init__()
        UnitLab.count += 1
        self.inside = inside
        self.units = machine.path("/etc/systemd/system") if inside else machine.units
        self.unit = f"shop-{UnitLab.count}.service"
        self.file(self.unit, service.replace("@", self.dir))
        for release, text in dict({"1.0": OPEN, "1.1": OPEN}, **(releases or {})).items():
            self.write(f"releases/{release}/run", text.replace("@", self.dir) + "\n")
            self.write(f"releases/{release}/reload", "echo reloaded\n")
        self.configure(options, more, item, dropin)

    def file(self, name, text):
        machine.unit(os.path.join(self.units, name), text)

    def command(self, *args, **more):
        """inside: failback runs where systemd does, as it would on a server, and needs to be told nothing of it."""
        words = super().command(*args, **more)
        return machine.enter(*words) if self.inside else words

    def configure(self, options="", more="", item="", dropin=DROPIN):
        where = "" if self.inside else f'bus = "{machine.bus}"; unit_directory = "{machine.units}"; journal = "{machine.journal}";'
        unit = "" if "units =" in options else f'unit = "{self.unit}";'
        settle = "" if "settle" in options else 'settle = "1500ms";'
        self.write("failback.conf", f"""environment = "production";
services = ( {{ name = "shop"; {item.replace("@", self.dir)} strategy = {{ use = "systemd"; {unit} {where}
  {settle} dropin = "{dropin.replace("@", self.dir)}"; {options.replace("@", self.dir)} }}; }} );
{RECOVERY.replace('timeout = "10s"', f'timeout = "{TIME}s"')}
notifiers = ( );
backup_store = {{ path = "{self.path("backups")}"; }};
{more}
""")

    def plan(self, time=TIME, steps=""):
        return self.write("plan.conf", f'name = "plan"; title = "Deploy shop"; services = [ "shop" ]; watch_for = "0s";\n'
                                       f'steps = ( {steps} {{ name = "Deploy shop"; promote = "shop"; timeout = "{time}s"; }} );\n')

    def deploy(self, release, expect=DONE, time=TIME, steps="", **more):
        return self.run("deploy", self.plan(time, steps), "--release", release, expect=expect, timeout=280, **more)

    @property
    def dropin(self):
        return os.path.join(self.units, self.unit + ".d", "50-failback.conf")

    def read(self, path):
        with open(path, "rb") as f:
            return f.read()

    def show(self, name):
        return machine.show(self.unit, name)

    def runs(self, release):
        """The unit runs this release, and systemd has read all its files."""
        check(self.show("ActiveState") == "active", self.unit, "is", self.show("ActiveState"), self.show("Result"))
        check(f"RELEASE={release}" in self.show("Environment").split(), "environment:", self.show("Environment"))
        with open(machine.path(f"/proc/{self.show('MainPID')}/environ"), "rb") as f:
            check(f"RELEASE={release}".encode() in f.read().split(b"\0"), "the process is of another release than", release)
        check(self.show("NeedDaemonReload") == "no", "systemd has not read the files")

    def fails(self, release, *words, **more):
        """A deployment fails, says these words, quotes the journal in its evidence, and 1.0 comes back byte for byte. Returns the report."""
        before, mode = self.read(self.dropin), os.stat(self.dropin).st_mode
        self.deploy(release, expect=RECOVERED, **more)
        report = self.report()
        for word in words:
            check(word in str(report), f"'{word}' is not in the report:", report)
        check(self.read(self.dropin) == before and os.stat(self.dropin).st_mode == mode, "the drop-in is not as it was:", self.read(self.dropin), before)
        check(os.listdir(os.path.dirname(self.dropin)) == ["50-failback.conf"], os.listdir(os.path.dirname(self.dropin)))
        self.runs("1.0")
        return report

    def archived(self, name):
        """The text of the evidence of this name."""
        found = [p for p in glob.glob(os.path.join(self.state, "**", "*"), recursive=True) if name in os.path.basename(p) and os.path.isfile(p)]
        check(found, f"no evidence {name} is in the archive")
        return "\n".join(self.read(p).decode(errors="replace") for p in found)


def a_release_is_deployed_and_systemd_knows_it():
    with UnitLab() as lab:
        lab.deploy("1.0")
        lab.runs("1.0")
        first = lab.show("InvocationID")
        check(lab.read(lab.dropin).startswith(b"# failback: release 1.0\n[Service]\nEnvironment=RELEASE=1.0\n"), lab.read(lab.dropin))
        lab.deploy("1.1")
        lab.runs("1.1")
        check(lab.show("InvocationID") != first, "it was not restarted")
        lab.run("rollback", "shop", "--reason", "test", expect=DONE)
        lab.runs("1.0")


def a_step_that_fails_leaves_a_unit_alone_that_was_not_touched():
    with UnitLab() as lab:
        lab.deploy("1.0")
        before = lab.show("InvocationID")
        lab.deploy("1.1", expect=RECOVERED, steps='{ name = "fail"; run = "exit 1"; },')
        check(lab.show("InvocationID") == before, "a healthy unit was restarted")
        lab.runs("1.0")


def a_release_that_crashes_at_start_goes_back():
    with UnitLab(releases={"2.0": CRASH}) as lab:
        lab.deploy("1.0")
        with open(lab.dropin, "a") as f:
            f.write("# by hand, with no end of line")
        os.chmod(lab.dropin, 0o640)
        lab.fails("2.0", "cannot open database /srv/shop/shop.db", "result exit-code", "exit code 3")
        check("cannot open database" in lab.archived("journal-"), "the journal is not archived")
        check("Result=exit-code" in lab.archived("status-"), lab.archived("status-"))


def a_crash_loop_is_found_though_its_job_was_done():
    with UnitLab(releases={"2.0": LOOP}, service=SERVICE + "Restart=on-failure\nRestartSec=50ms\n[Unit]\nStartLimitBurst=1000\n") as lab:
        lab.deploy("1.0")
        lab.fails("2.0", "lost connection to the queue", "stay up")
        check("lost connection to the queue" in lab.archived("journal-"), lab.archived("journal-"))


def a_start_limit_that_was_hit_does_not_stop_the_recovery():
    with UnitLab(releases={"2.0": CRASH}, service=SERVICE + "Restart=always\nRestartSec=0\n[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=600\n") as lab:
        lab.deploy("1.0")
        for _ in range(2):
            lab.fails("2.0", "cannot open database")


def a_start_that_hangs_ends_by_the_units_own_time():
    with UnitLab(releases={"1.0": READY, "2.0": HANG}, service=SERVICE + "Type=notify\nNotifyAccess=all\nTimeoutStartSec=3\n") as lab:
        lab.deploy("1.0")
        lab.fails("2.0", "result timeout", "waiting for a lock")


def a_start_that_hangs_ends_by_the_time_of_the_link():
    with UnitLab(releases={"1.0": READY, "2.0": HANG}, service=SERVICE + "Type=notify\nNotifyAccess=all\nTimeoutStartSec=600\n") as lab:
        lab.deploy("1.0")
        lab.fails("2.0", "its job is not done", "Type=notify", time=8)


def a_reload_that_fails_goes_back_without_a_restart():
    with UnitLab('apply = "reload";', releases={"2.0": OPEN}) as lab:
        lab.deploy("1.0")
        before = lab.show("InvocationID")
        lab.write("releases/2.0/reload", "echo 'ERROR: configuration line 7: unknown word' >&2; exit 1\n")
        old = lab.read(lab.dropin)
        lab.deploy("2.0", expect=RECOVERED)
        check("configuration line 7" in str(lab.report()), lab.report())
        check(lab.read(lab.dropin) == old and lab.show("InvocationID") == before, "it was restarted, or its drop-in is another")
        lab.runs("1.0")


def a_drop_in_with_an_error_goes_back():
    with UnitLab() as lab:
        lab.deploy("1.0")
        lab.configure(dropin=DROPIN.replace("ExecStart=/bin/sh", "ExecStart=./sh"))
        lab.fails("2.0", "cannot be used")


def a_masked_unit_is_refused_with_what_to_do():
    with UnitLab() as lab:
        lab.deploy("1.0")
        path = os.path.join(machine.units, lab.unit)
        os.unlink(path)
        os.symlink("/dev/null", path)
        machine.systemctl("daemon-reload")
        before = lab.read(lab.dropin)
        p = lab.deploy("1.1", expect=(FAILED, REFUSED))
        check("is masked" in p.stdout + p.stderr and f"systemctl unmask {lab.unit}" in p.stdout + p.stderr, p.stdout, p.stderr)
        check(lab.read(lab.dropin) == before, "the drop-in was changed")
        os.unlink(path)
        machine.systemctl("daemon-reload")
        p = lab.deploy("1.1", expect=(FAILED, REFUSED))
        check("systemd knows no unit" in p.stdout + p.stderr, p.stdout, p.stderr)


def a_bus_that_is_not_there_is_told():
    with UnitLab() as lab:
        lab.configure()
        with open(lab.conf) as f:
            text = f.read()
        lab.write("failback.conf", text.replace(machine.bus, "unix:path=" + lab.path("nothing")))
        p = lab.deploy("1.0", expect=(FAILED, REFUSED))
        check("could not be reached" in p.stdout + p.stderr and "'bus' says which one is used" in p.stdout + p.stderr, p.stdout, p.stderr)


# A release that takes until the file "go" is there; each start is a line in "starts"
SLOW = "echo start >> @/starts; until test -e @/go; do sleep 0.02; done; systemd-notify --ready; exec sleep infinity"
NOTIFY = SERVICE + "Type=notify\nNotifyAccess=all\nTimeoutStartSec=300\n"


def in_a_job(lab, then):
    """Starts to deploy 2.0, does `then` while its start job is under way, lets it go on."""
    lab.write("go", "")
    lab.deploy("1.0")
    os.unlink(lab.path("go"))
    p = lab.start("deploy", lab.plan(), "--release", "2.0")
    until(lambda: os.path.exists(lab.path("starts")), TIME, "the job does not begin")
    then()
    lab.write("go", "")
    return p


def an_engine_that_is_killed_in_a_job_goes_on_without_another_restart():
    def kill():
        os.kill(lab.engine_pid(), signal.SIGKILL)

    with UnitLab(releases={"1.0": READY, "2.0": SLOW}, service=NOTIFY) as lab:
        p = in_a_job(lab, kill)
        p.communicate(timeout=60)
        check(p.returncode == INTERRUPTED, "exit code", p.returncode)
        lab.run("resume", expect=DONE, timeout=200)
        lab.runs("2.0")
        check(lab.read(lab.path("starts")) == b"start\n", "it was started more than once:", lab.read(lab.path("starts")))


def systemd_that_executes_itself_anew_in_a_job_is_waited_for():
    with UnitLab(releases={"1.0": READY, "2.0": SLOW}, service=NOTIFY) as lab:
        p = in_a_job(lab, lambda: machine.systemctl("daemon-reexec"))
        out = p.communicate(timeout=200)[0]
        check(p.returncode == DONE, out)
        lab.runs("2.0")


def a_bus_that_goes_away_in_a_job_is_reached_again():
    def gone():
        old = machine.show("dbus.service", "MainPID")
        machine.sh(f"kill -9 {old}")
        until(lambda: machine.sh("systemctl show --value --property=MainPID dbus.service") not in ("0", old), 60, "the bus does not come back")

    with UnitLab(releases={"1.0": READY, "2.0": SLOW}, service=NOTIFY) as lab:
        p = in_a_job(lab, gone)
        out = p.communicate(timeout=200)[0]
        check(p.returncode == DONE, out)
        lab.runs("2.0")


def several_units_stop_in_reverse_and_start_in_order():
    with UnitLab() as lab:
        other = lab.unit.replace("shop", "worker")
        for unit in (lab.unit, other):
            machine.unit(unit, f"[Service]\nExecStart=/bin/false\nExecStartPost=/bin/sh -c 'echo +{unit[0]} >> {lab.dir}/order'\nExecStopPost=/bin/sh -c 'echo -{unit[0]} >> {lab.dir}/order'\n")
        lab.configure(f'units = [ "{lab.unit}", "{other}" ]; apply = "stop-start"; protect = "stop";')
        lab.deploy("1.0")
        os.unlink(lab.path("order"))
        lab.deploy("1.1")
        check(lab.read(lab.path("order")).split() == [b"-w", b"-s", b"+s", b"+w"], lab.read(lab.path("order")))
        lab.runs("1.1")
        check("RELEASE=1.1" in machine.show(other, "Environment"), machine.show(other, "Environment"))


def a_dry_run_changes_nothing():
    with UnitLab() as lab:
        lab.deploy("1.0")
        before, invocation = lab.read(lab.dropin), lab.show("InvocationID")
        p = lab.run("--dry-run", "deploy", lab.plan(), "--release", "1.1", expect=DONE)
        said = " ".join(p.stdout.split())
        check("50-failback.conf of release 1.1" in said and "read its unit files again" in said and f"restart {lab.unit}" in said, p.stdout, p.stderr)
        check(lab.read(lab.dropin) == before and lab.show("InvocationID") == invocation, "it did")


def on_a_server_it_needs_to_be_told_only_the_unit():
    with UnitLab(releases={"2.0": CRASH}, inside=True) as lab:
        lab.deploy("1.0")
        lab.fails("2.0", "cannot open database", "exit code 3")
        check("cannot open database" in lab.archived("journal-"), "the journal is not archived")


def the_item_units_puts_files_back_that_a_real_systemd_names():
    with UnitLab(inside=True) as lab:
        lab.deploy("1.0")
        lab.file(lab.unit + ".d/10-limits.conf", "[Service]\nLimitNOFILE=4096\n")
        lab.configure(item=f'backup = ( {{ use = "units"; name = "units"; units = [ "{lab.unit}" ]; }} );')
        files = [os.path.join(lab.units, lab.unit + e) for e in ("", ".d/10-limits.conf")]
        before = [lab.read(p) for p in files]
        lab.write("spoil", f"#!/bin/sh\nset -e\ncd /etc/systemd/system\necho '# spoiled' >> {lab.unit}\nrm {lab.unit}.d/10-limits.conf\n"
                           f"echo '[Service]' > {lab.unit}.d/90-added.conf\nsystemctl daemon-reload\n", 0o700)
        lab.deploy("1.1", expect=RECOVERED, steps=f'{{ name = "spoil"; run = [ "{lab.path("spoil")}" ]; }}, {{ name = "fail"; run = "exit 1"; }},')
        check([lab.read(p) for p in files] == before, "the files are not back")
        check(lab.show("LimitNOFILE") == "4096" and lab.show("NeedDaemonReload") == "no", "systemd has not read them again:", lab.show("LimitNOFILE"))
        check("90-added.conf && systemctl daemon-reload" in str(lab.report()), "a drop-in that was added is not told")
        lab.runs("1.0")


if __name__ == "__main__":
    with Lab() as house:
        with Machine(house.dir) as machine:
            tempfile.tempdir = house.dir  # laboratories stand where the machine sees them
            main(a_release_is_deployed_and_systemd_knows_it, a_step_that_fails_leaves_a_unit_alone_that_was_not_touched, a_release_that_crashes_at_start_goes_back,
                 a_crash_loop_is_found_though_its_job_was_done, a_start_limit_that_was_hit_does_not_stop_the_recovery, a_start_that_hangs_ends_by_the_units_own_time,
                 a_start_that_hangs_ends_by_the_time_of_the_link, a_reload_that_fails_goes_back_without_a_restart, a_drop_in_with_an_error_goes_back,
                 a_masked_unit_is_refused_with_what_to_do, a_bus_that_is_not_there_is_told, an_engine_that_is_killed_in_a_job_goes_on_without_another_restart,
                 systemd_that_executes_itself_anew_in_a_job_is_waited_for, a_bus_that_goes_away_in_a_job_is_reached_again, several_units_stop_in_reverse_and_start_in_order,
                 a_dry_run_changes_nothing, on_a_server_it_needs_to_be_told_only_the_unit, the_item_units_puts_files_back_that_a_real_systemd_names, attempts=2)
