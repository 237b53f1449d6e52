# SPDX-License-Identifier: Apache-2.0
"""Sandboxes in a whole execution: what a plugin tries costs its own link and is named, the record keeps them, doctor tells of them, a wrong entry starts nothing."""
import os
import shutil
import signal
import sqlite3

from files_lab import FilesLab
from lab import BUILD, CONFIG, DONE, INTERRUPTED, PLUGIN, RECOVERED, check, main, until

PLUGINS = os.path.join(BUILD, "tests/abi/sandboxed/plugins")
ROOT = os.geteuid() == 0


class SandboxLab(FilesLab):
    def __init__(self, entries, **more):
        super().__init__(more=f"plugins = ( {entries} );", **more)
        self.plugins = self.path("plugins")
        os.mkdir(self.plugins, 0o755)
        os.chmod(self.dir, 0o755)
        for name in ("phase-tries", "check-tries", "notifier-tries"):
            shutil.copyfile(os.path.join(PLUGINS, name + ".so"), os.path.join(self.plugins, name + ".so"))
            os.chmod(os.path.join(self.plugins, name + ".so"), 0o755)

    def command(self, *args, json_output=False):
        line = super().command(*args, json_output=json_output)
        return line[:1] + ["--plugin-dir", self.plugins] + line[1:]

    def tries(self, what, target):
        return f'{{ name = "Tries"; phase = "tries"; try = "{what}"; target = "{target}"; on_failure = "stop"; retries = 0; }}'


def fails_its_link(entries, what, target, *words):
    with SandboxLab(entries) as lab:
        lab.deploy("1")
        target = target.format(dir=lab.dir, state=lab.state, conf=lab.conf)
        p = lab.deploy("2", lab.tries(what, target), expect=RECOVERED)
        report = lab.report()
        message = lab.steps(report)["Tries"]["message"] or ""
        for word in words:
            check(word in message, f"its message says '{word}':", message)
        check(words[0] in p.stdout, "and so does the screen:", p.stdout)
        check(lab.live() == "1", "the last known good is live:", lab.live())
        mine = [d for d in report["plugins"] if d["name"] == "tries"]
        check(len(mine) == 1 and len(mine[0]["sha256"]) == 64 and mine[0]["sandbox"], "its file's hash and its sandbox are in the record, and so in the report:", mine)
        lab.nothing_left()


def the_journal_is_not_read():
    fails_its_link('{ name = "tries"; sandbox = { }; }', "read", "{state}/journal.db", "Permission denied", "sandboxed: ", "reads all but secrets")


def the_configuration_is_not_read():
    fails_its_link('{ name = "tries"; sandbox = { }; }', "read", "{conf}", "Permission denied", "sandboxed: ")


def the_plan_is_not_read():
    fails_its_link('{ name = "tries"; sandbox = { }; }', "read", "{dir}/plan.conf", "Permission denied", "reads all but secrets")


def nothing_is_written_outside():
    fails_its_link('{ name = "tries"; sandbox = { }; }', "write", "{dir}/outside", "Permission denied", "writes only its scratch folder")


def no_socket_without_a_network():
    fails_its_link('{ name = "tries"; sandbox = { network = false; }; }', "inet", "1", "was refused by its sandbox", "to open a socket (AF_INET)")


def no_process_where_none_may_be_started():
    fails_its_link('{ name = "tries"; sandbox = { processes = 0; }; }', "run", "true", "was refused by its sandbox", "to start a process (fork)")


def what_programs_try_is_in_the_log():
    with SandboxLab('{ name = "tries"; sandbox = { network = false; }; }') as lab:
        lab.deploy("1")
        lab.deploy("2", lab.tries("run", "unshare --net true || true; echo on"))
        report = lab.report()
        log = lab.steps(report)["Tries"]["log"]
        with open(os.path.join(lab.state, "executions", report["execution_id"], log)) as f:
            text = f.read()
        check("its sandbox refused a program that it started to call unshare" in text, "the log names it:", text)


def a_service_is_not_a_way_out():
    with SandboxLab('{ name = "tries"; sandbox = { }; }') as lab:
        lab.deploy("1")
        lab.deploy("2", lab.tries("service", f"touch {lab.dir}/escaped; sleep 100"), expect=RECOVERED)
        message = lab.steps(lab.report())["Tries"]["message"]
        check("was refused by its sandbox: to start a service (start_service = true allows it)" in message, "its message names it:", message)
        check(not os.path.exists(lab.path("escaped")), "nothing was started outside")


def with_a_user_of_its_own():
    if not ROOT:
        print("not root: skipped")
        return
    with SandboxLab('{ name = "tries"; sandbox = { user = "nobody"; }; }') as lab:
        lab.deploy("1")
        lab.deploy("2", lab.tries("scratch", "file"))
        lab.deploy("3", lab.tries("read", f"{lab.conf}"), expect=RECOVERED)
        message = lab.steps(lab.report())["Tries"]["message"]
        check("Permission denied" in message and "user nobody" in message, "its message says who it is:", message)
        lab.nothing_left()


def a_resumed_execution_keeps_the_sandbox_that_it_began_with():
    with SandboxLab('{ name = "tries"; sandbox = { }; }') as lab:
        lab.deploy("1")
        waits = f'{{ name = "Waits"; run = "touch {lab.path("began")}; while test -e {lab.path("hold")}; do sleep 0.02; done"; }}'
        lab.write("hold", "")
        p = lab.start("deploy", lab.plan(waits + ", " + lab.tries("read", lab.conf)), "--release", "2")
        until(lambda: os.path.exists(lab.path("began")), 20)
        os.kill(lab.engine_pid(), signal.SIGKILL)
        p.communicate(timeout=60)
        check(p.returncode == INTERRUPTED, "it was interrupted:", p.returncode)
        os.unlink(lab.path("hold"))
        lab.configure()  # which has no sandbox
        lab.run("resume", expect=RECOVERED)
        message = lab.steps(lab.report())["Tries"]["message"] or ""
        check("Permission denied" in message and "sandboxed: " in message, "its link failed at the sandbox:", message)
        check(lab.live() == "1", "the last known good is live:", lab.live())
        lab.nothing_left()


def a_wrong_entry_starts_nothing():
    with SandboxLab('{ name = "tires"; sandbox = { }; }, { name = "tries"; sandbox = { usr = "nobody"; read = "etc"; memory = "1MiB"; user = "no-such-user"; }; }, { name = "tries"; kind = "chek"; }') as lab:
        p = lab.run("config", "check", expect=CONFIG)
        for word in ("setting 'plugins[1].sandbox.usr': there is no such setting; did you mean 'user'?", "'etc' is not an absolute path", "setting 'plugins[1].sandbox.memory'",
                     "there is no user 'no-such-user' on this machine", "'sandbox' is missing", "did you mean 'check'?", f"{lab.conf}:"):
            check(word in p.stderr, f"'{word}' is told:", p.stderr)
    with SandboxLab('{ name = "tires"; sandbox = { }; }') as lab:
        for args in (("config", "check"), ("deploy", lab.plan(), "--release", "1")):
            p = lab.run(*args, expect=CONFIG)
            check("there is no plugin 'tires' in the plugin folders; did you mean 'tries'?" in p.stderr, "a name that is misspelt is told:", p.stderr)
        check(lab.live() == "", "nothing was deployed")


def doctor_tells_what_is_trusted_and_what_cannot_be_enforced():
    with SandboxLab('{ name = "tries"; sandbox = { processes = 5; write = [ "/nowhere/at/all" ]; }; }', notifiers='notifiers = ( { use = "tries"; try = "who"; } );') as lab:
        d = lab.json("doctor", expect=DONE)
        check(d["schema"] == "failback.doctor/1", "its schema:", d["schema"])
        texts = [f"{f['level']} {f['about']}: {f['text']}" for f in d["findings"]]
        mine = [t for t in texts if "plugin notifier-tries" in t]
        check(any(t.startswith("warning") and "/nowhere/at/all: No such file" in t for t in mine), "a path that is not there is told:", texts)
        check(any("the kernel counts" in t for t in mine), "what the kernel cannot count is told:", texts)
        trusted = [t for t in texts if t.startswith("note plugins: trusted: ")]
        check(bool(trusted) == ROOT, "what runs as root without a sandbox is told:", texts)
        check(not any("notifier-tries" in t for t in trusted), "the sandboxed is not among it:", trusted)
        check(any(t.startswith("note state directory: ") and "is not there yet" in t for t in texts), "the state directory:", texts)
        p = lab.run("doctor", expect=DONE)
        check("nothing keeps failback from working here" in p.stdout, "in words:", p.stdout)
        # it is said at the start of an execution too, once
        lab.deploy("1")
        with sqlite3.connect(os.path.join(lab.state, "journal.db")) as db:
            told = [r[0] for r in db.execute("select summary from events where name = 'link.note'")]
        check(sum("/nowhere/at/all" in t for t in told) == 1, "it is said once:", told)


def doctor_finds_what_is_wrong():
    with SandboxLab('{ name = "tries"; sandbox = { }; }', notifiers='notifiers = ( { use = "tries"; try = "who"; } );') as lab:
        os.chmod(os.path.join(lab.plugins, "notifier-tries.so"), 0o777)
        p = lab.run("doctor", expect=PLUGIN)
        check("notifier-tries.so can be written by others (mode 0777): chmod go-w" in " ".join(p.stdout.split()), "the file, the rule and the cure:", p.stdout)
        os.chmod(os.path.join(lab.plugins, "notifier-tries.so"), 0o755)
        # a link is as safe as the folder it stands in
        os.mkdir(lab.path("elsewhere"), 0o777)
        os.chmod(lab.path("elsewhere"), 0o777)
        os.rename(os.path.join(lab.plugins, "notifier-tries.so"), lab.path("real.so"))
        os.symlink(lab.path("real.so"), lab.path("elsewhere", "link.so"))
        os.symlink(lab.path("elsewhere", "link.so"), os.path.join(lab.plugins, "notifier-tries.so"))
        p = lab.run("doctor", expect=PLUGIN)
        check("/elsewhere can be written by others" in " ".join(p.stdout.split()), "the folder of a link on the way:", p.stdout)
        lab.write("failback.conf", "enviroment = 1;")
        p = lab.run("doctor", expect=CONFIG)
        check("did you mean 'environment'?" in " ".join(p.stdout.split()), "the configuration's errors:", p.stdout)


main(the_journal_is_not_read,
     the_configuration_is_not_read,
     the_plan_is_not_read,
     nothing_is_written_outside,
     no_socket_without_a_network,
     no_process_where_none_may_be_started,
     what_programs_try_is_in_the_log,
     a_service_is_not_a_way_out,
     with_a_user_of_its_own,
     a_resumed_execution_keeps_the_sandbox_that_it_began_with,
     a_wrong_entry_starts_nothing,
     doctor_tells_what_is_trusted_and_what_cannot_be_enforced,
     doctor_finds_what_is_wrong)
