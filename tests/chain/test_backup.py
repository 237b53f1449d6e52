#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Items of a backup: captured into a sealed set before a deployment, proven, and given back by the recovery."""
import json
import os
import shutil
import subprocess

from files_lab import FilesLab
from lab import CONFIG, DONE, FAILED, RECOVERED, USAGE, check, main
from store_lab import STORE


class BackupLab(FilesLab):
    def __init__(self, item="", more="", **other):
        super().__init__()
        self.tree = self.path("config")
        os.makedirs(self.path("config/sub"))
        self.write("config/app.conf", "release = 1\n", 0o640)
        self.write("config/sub/list", "a\nb\n", 0o600)
        self.store = self.path("backups")
        self.settings = f'backup_store = {{ path = "{self.store}"; {more} }};'
        self.configure([("app", f'backup = ( {{ use = "tree"; name = "config"; paths = [ "{self.tree}" ]; {item} }} );')], more=self.settings, **other)

    def deploy(self, release, steps="", expect=DONE):
        return self.run("deploy", self.plan(steps), "--release", release, expect=expect)

    def content(self):
        found = {}
        for folder, _, names in os.walk(self.tree):
            for n in names:
                path = os.path.join(folder, n)
                with open(path) as f:
                    found[os.path.relpath(path, self.tree)] = (oct(os.stat(path).st_mode), f.read())
        return found

    def store_run(self, *args):
        return json.loads(subprocess.run([STORE, "--store", self.store, *args], check=True, stdout=subprocess.PIPE).stdout)

    def sets(self):
        return self.store_run("list")["sets"]


SPOIL = '{{ name = "spoil"; run = "{0}"; }}, {{ name = "fail"; run = "exit 1"; }}'


def configuration_comes_back_with_the_release():
    with BackupLab() as lab:
        lab.deploy("1.0")
        before = lab.content()
        spoil = f"echo release = 2 > {lab.tree}/app.conf; rm {lab.tree}/sub/list; chmod 600 {lab.tree}/app.conf"
        lab.deploy("2.0", SPOIL.format(spoil), expect=RECOVERED)
        check(lab.content() == before, "the configuration is not what it was:", lab.content(), before)
        report = lab.report()
        items = [i for i in report["backup"]["items"] if i["kind"] == "tree"]
        check(len(items) == 1 and items[0]["service"] == "app" and items[0]["item"] == "config" and items[0]["proven"] and items[0]["proven_by"] == "read", items)
        sets = [s for s in lab.sets() if s["sealed"]]
        check([s["set"] for s in sets] == sorted(e["execution_id"] for e in lab.json("history")["executions"]), "a set for each execution:", sets)
        recorded = dict(lab.sql("select execution, value from facts join executions on executions.n = facts.execution where key = 'backup.digest'")) or {}
        check(sorted(recorded.values()) == sorted(s["digest"] for s in sets), "the digests of the manifests are recorded:", recorded, sets)


def a_release_that_is_gone_back_to_later_has_the_configuration_of_its_time():
    with BackupLab() as lab:
        lab.deploy("1.0")
        first = lab.content()
        lab.deploy("2.0", f'{{ name = "edit"; run = "echo release = 2 > {lab.tree}/app.conf"; }}')
        check(lab.content() != first, "the deployment has not changed it")
        lab.run("rollback", "app", "--to", "1.0", "--reason", "slow", expect=DONE)
        check(lab.content() == first, "the configuration is", lab.content())


def a_backup_that_cannot_be_made_refuses_the_deployment():
    with BackupLab() as lab:
        lab.deploy("1.0")
        shutil.move(lab.tree, lab.tree + ".away")
        p = lab.run("deploy", lab.plan(), "--release", "2.0", expect=FAILED)
        check("could not be backed up" in p.stdout + p.stderr, p.stdout, p.stderr)
        check(not os.path.exists(os.path.join(lab.world, "app.release")) or open(os.path.join(lab.world, "app.release")).read() == "1.0\n", "something was changed")


def damage(lab):
    for folder, _, names in os.walk(os.path.join(lab.store, "objects")):
        for n in names:
            path = os.path.join(folder, n)
            os.chmod(path, 0o600)
            with open(path, "r+b") as f:
                data = bytearray(f.read())
                data[len(data) // 2] ^= 1
                f.seek(0)
                f.write(data)


def a_damaged_object_refuses_the_deployment():
    with BackupLab('verify = "restore";') as lab:
        lab.deploy("1.0")
        damage(lab)  # the same content goes to the same object, which is relied on, and found out before anything is changed
        p = lab.run("deploy", lab.plan(), "--release", "2.0", expect=FAILED)
        check("cannot be relied on" in p.stdout + p.stderr or "could not be" in p.stdout + p.stderr, p.stdout, p.stderr)


def it_is_proven_by_a_restore_where_that_is_asked_for():
    with BackupLab('verify = "restore"; secret = true;') as lab:
        lab.deploy("1.0")
        item = [i for i in lab.report()["backup"]["items"] if i["kind"] == "tree"][0]
        check(item["proven_by"] == "restore" and item["restore_seconds"] > 0 and item["encrypted"], item)
        check(os.stat(os.path.join(lab.state, "backup.key")).st_mode & 0o077 == 0, "the key is open to others")


def what_is_kept_for_people_is_not_given_back():
    with BackupLab('on_rollback = "keep";') as lab:
        lab.deploy("1.0")
        lab.deploy("2.0", SPOIL.format(f"echo x > {lab.tree}/app.conf"), expect=RECOVERED)
        check(lab.content()["app.conf"][1] == "x\n", "the configuration is", lab.content())


def a_reload_follows_only_what_was_changed():
    with BackupLab() as lab:
        mark = lab.path("reloaded")
        lab.configure([("app", f'backup = ( {{ use = "tree"; name = "config"; paths = [ "{lab.tree}" ]; after_restore = "echo x >> {mark}"; }} );')], more=lab.settings)
        lab.deploy("1.0")
        lab.deploy("2.0", '{ name = "fail"; run = "exit 1"; }', expect=(FAILED, RECOVERED))
        check(not os.path.exists(mark), "it was reloaded for nothing")
        lab.deploy("3.0", SPOIL.format(f"echo x > {lab.tree}/app.conf"), expect=RECOVERED)
        check(open(mark).read() == "x\n", "it was not reloaded once")


def an_item_whose_plugin_cannot_restore_is_refused():
    with BackupLab() as lab:
        lab.configure([("app", 'backup = ( { use = "blue-green"; }, { use = "tre"; } );')], more=lab.settings)
        p = lab.run("config", "check", expect=CONFIG)
        check("did you mean 'tree'" in p.stdout + p.stderr, p.stdout, p.stderr)


def a_dry_run_makes_no_store():
    with BackupLab() as lab:
        lab.run("--dry-run", "deploy", lab.plan(), "--release", "1.0", expect=DONE)
        check(not os.path.exists(lab.store), "it has made a store")


def set_of(lab, n):
    """The set of the nth execution; those of one second are in no order."""
    return sorted(s["set"] for s in lab.sets() if s["sealed"])[n]


def give_back(lab, more, of=None):
    return lab.plan(f'{{ name = "give back"; phase = "give-back"; set = "{of or set_of(lab, 0)}"; {more} }}', promote=False, name="give-back")


def people_give_back_an_item_or_one_file_of_it():
    with BackupLab('on_rollback = "keep";') as lab:
        lab.deploy("1.0")
        before, first = lab.content(), set_of(lab, 0)
        lab.write("config/app.conf", "release = 3\n", 0o640)
        lab.write("config/sub/list", "z\n", 0o600)
        changed = lab.content()
        plan = give_back(lab, f'items = [ "app.config" ]; only = [ "{lab.tree}/sub/list" ];')
        p = lab.run("--dry-run", "deploy", plan, expect=DONE)
        check(lab.content() == changed and "would be given back" in p.stdout, p.stdout)
        lab.run("deploy", plan, expect=DONE)
        check(lab.content() == dict(changed, **{"sub/list": before["sub/list"]}), "not that one file:", lab.content())
        lab.run("deploy", give_back(lab, "", first), expect=DONE)
        check(lab.content() == before, "the configuration is", lab.content())
        live = {s["service"]: s["live"] for s in lab.json("status")["services"]}
        check(live == {"app": "1.0"}, "giving back has changed what is live:", live)


def the_command_gives_back_where_it_lives():
    with BackupLab('on_rollback = "keep";') as lab:
        lab.deploy("1.0")
        before = lab.content()
        first = set_of(lab, 0)
        lab.write("config/app.conf", "release = 3\n", 0o640)
        lab.write("config/sub/list", "z\n", 0o600)
        changed = lab.content()
        plan = lab.path("back.plan")
        lab.run("backup", "restore", first, "--item", "app.config", "--only", lab.tree + "/sub/list", "--plan", plan, expect=DONE)
        check(lab.content() == changed, "writing a plan has changed something")
        p = lab.run("--dry-run", "backup", "restore", first, expect=DONE)
        check("give back" in p.stdout and lab.content() == changed, p.stdout)
        check("Give back" in lab.run("plan", "show", plan, expect=DONE).stdout, "the plan cannot be read")
        lab.run("deploy", plan, expect=DONE)
        check(lab.content() == dict(changed, **{"sub/list": before["sub/list"]}), "the configuration is", lab.content())
        lab.run("backup", "restore", first, expect=DONE)
        check(lab.content() == before, "the configuration is", lab.content())
        p = lab.run("backup", "restore", first, "--to", lab.path("new"), "--plan", plan, expect=USAGE)
        check("leave out --to" in p.stderr, p.stderr)


def what_was_given_back_is_taken_back_when_the_plan_fails():
    with BackupLab('on_rollback = "keep";') as lab:
        lab.deploy("1.0")
        lab.write("config/app.conf", "release = 3\n", 0o640)
        changed = lab.content()
        plan = lab.plan(f'{{ name = "give back"; phase = "give-back"; set = "{set_of(lab, 0)}"; }}, {{ name = "fail"; run = "exit 1"; }}', promote=False)
        lab.run("deploy", plan, expect=RECOVERED)
        check(lab.content() == changed, "the configuration is", lab.content())


def a_damaged_set_gives_nothing_back():
    with BackupLab() as lab:
        lab.deploy("1.0")
        plan = give_back(lab, "")
        damage(lab)
        lab.write("config/app.conf", "release = 3\n", 0o640)  # so that the backup before it needs none of what is damaged
        lab.write("config/sub/list", "z\n", 0o600)
        changed = lab.content()
        p = lab.run("deploy", plan, expect=(FAILED, RECOVERED))
        check("damaged" in p.stdout + p.stderr and "nothing was given back" in p.stdout + p.stderr, p.stdout, p.stderr)
        check(lab.content() == changed, "the configuration is", lab.content())


def a_set_or_item_that_is_not_there_is_named():
    with BackupLab() as lab:
        lab.deploy("1.0")
        p = lab.run("deploy", lab.plan('{ name = "x"; phase = "give-back"; set = "nothing"; }', promote=False), expect=(FAILED, RECOVERED))
        check("set nothing cannot be read" in p.stdout + p.stderr, p.stdout, p.stderr)
        p = lab.run("deploy", give_back(lab, 'items = [ "app.data" ];'), expect=(FAILED, RECOVERED))
        check("has no item app.data" in p.stdout + p.stderr, p.stdout, p.stderr)


if __name__ == "__main__":
    main(people_give_back_an_item_or_one_file_of_it, the_command_gives_back_where_it_lives, what_was_given_back_is_taken_back_when_the_plan_fails, a_damaged_set_gives_nothing_back,
         a_set_or_item_that_is_not_there_is_named,
         configuration_comes_back_with_the_release, a_release_that_is_gone_back_to_later_has_the_configuration_of_its_time,
         a_backup_that_cannot_be_made_refuses_the_deployment, a_damaged_object_refuses_the_deployment, it_is_proven_by_a_restore_where_that_is_asked_for,
         what_is_kept_for_people_is_not_given_back, a_reload_follows_only_what_was_changed, an_item_whose_plugin_cannot_restore_is_refused,
         a_dry_run_makes_no_store)
