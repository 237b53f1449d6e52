# SPDX-License-Identifier: Apache-2.0
"""failback backup: sets of real executions, listed, proven, given back and pruned."""
import hashlib
import io
import json
import os
import pty
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import tarfile

from files_lab import FilesLab
from lab import DONE, FAILED, INCOMPLETE, MEMCHECK, RECOVERED, REFUSED, SRC, STOPPED, USAGE, WAITING, check, main, need, until
from store_lab import STORE, Failure, compare, write


class BackupLab(FilesLab):
    """The store of the configuration, filled by failback-store under the ids of executions that failback made."""

    def __init__(self, services=("web", "database"), store="", **more):
        super().__init__(services, more=f"backup_store = {{ {store} }};", **more)
        self.store = os.path.join(self.state, "backups")
        self.tree = self.path("etc")
        write(os.path.join(self.tree, "main.conf"), b"listen 80\n" * 300, mode=0o644)
        write(os.path.join(self.tree, "sites", "one.conf"), b"site one\n")
        os.symlink("main.conf", os.path.join(self.tree, "link"))

    def tool(self, *args, expect=0, data=None):
        key = ["--key-file", os.path.join(self.state, "backup.key")]
        p = subprocess.run(MEMCHECK + [STORE, "--store", self.store] + key + list(args), input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        if p.returncode != expect:
            raise Failure(f"failback-store {args}: {p.returncode}: {p.stdout} {p.stderr}")
        return json.loads(p.stdout) if p.stdout else None

    def back_up(self, execution, services=("web", "database"), record=True, data=b"a dump\n", seal=True):
        """A set with a secret tree and a stream of each service."""
        if not os.path.exists(os.path.join(self.store, "store.json")):
            os.makedirs(self.state, mode=0o750, exist_ok=True)
            self.tool("init", "--encryption", "secrets")
        for service in services:
            self.tool("put", "--set", execution, "--item", f"{service}.config", "--kind", "files", "--secret", "--source", self.tree, "--tree", self.tree)
            self.tool("put", "--set", execution, "--item", f"{service}.dump", "--kind", "dump", "--stdin", data=data)
        if not seal:
            return None
        digest = self.tool("seal", "--set", execution)["digest"]
        if record:
            self.record(execution, digest)
        return digest

    def record(self, execution, digest):
        """What the phase backup does when it has sealed a set."""
        with sqlite3.connect(os.path.join(self.state, "journal.db")) as db:
            db.execute("INSERT OR REPLACE INTO facts (execution, scope, key, value) SELECT n, '', 'backup.digest', ? FROM executions WHERE id = ?", (digest, execution))

    def deployed(self, release, *more, expect=DONE, **kwargs):
        """Deploys, and gives the execution's id."""
        self.run("deploy", self.plan(services=self.services), "--release", release, *more, expect=expect, **kwargs)
        return self.newest()["execution_id"]

    def sets(self, *args):
        return self.json("backup", "list", *args, expect=DONE)["sets"]

    def listed(self):
        return {s["set"]: s for s in self.sets()}

    def prune(self, *args, expect=DONE):
        answer = self.json("backup", "prune", *args, expect=expect)
        return {s["set"]: (s["decision"], s["reason"]) for s in answer["sets"]}, answer

    def audited(self):
        return [row[0] for row in self.sql("select action from audit order by seq") if row[0].startswith("backup.")]

    def damage(self, execution, item):
        """Flips a byte in the middle of an item's content."""
        digest = {i["name"]: i["object"] for i in self.json("backup", "show", execution, expect=DONE)["contents"]}[item]
        path = os.path.join(self.store, "objects", digest[:2], digest[2:])
        with open(path, "rb") as f:
            content = bytearray(f.read())
        content[len(content) // 2] ^= 1
        os.chmod(path, 0o600)
        with open(path, "wb") as f:
            f.write(content)


def a_store_that_is_not_there_is_no_error():
    with BackupLab() as lab:
        p = lab.run("backup", "list", expect=DONE)
        check("no backups yet" in p.stdout and lab.store in p.stdout, "list says", p.stdout)
        check(lab.sets() == [], "the list is not empty")
        p = lab.run("backup", "prune", "--dry-run", expect=DONE)
        check("no backups yet" in p.stdout, "prune says", p.stdout)
        for command in (["show"], ["verify"], ["restore", "latest", "--to", lab.path("out")], ["export", "latest", "--to", lab.path("out")]):
            p = lab.run("backup", *command, expect=USAGE)
            check("there are no backups" in p.stderr, command, "says", p.stderr)


def the_list_says_of_each_set_what_matters():
    with BackupLab() as lab:
        first, second = lab.deployed("1"), lab.deployed("2")
        digest = lab.back_up(first)
        lab.back_up(second, services=("web",), record=False)
        lab.back_up("something-else", services=("web",))
        lab.back_up("never-sealed", services=("web",), seal=False)
        rows = lab.sets()
        check([r["set"] for r in rows] == ["never-sealed", "something-else", second, first], "order", [r["set"] for r in rows])
        one = rows[3]
        check(one["services"] == ["database", "web"] and one["items"] == 4 and one["encrypted"], "the first set", one)
        check(one["digest"] == digest and one["digest_recorded"] == "as recorded", "its digest", one)
        check(one["title"] == "Deploy plan" and one["status"] == "completed" and one["environment"] == "production", "its execution", one)
        check(one["size"] > one["stored"] > 0, "its size", one)
        check(rows[2]["digest_recorded"] == "not recorded" and rows[2]["services"] == ["web"], "the second set", rows[2])
        check(rows[1]["execution"] is None and rows[1]["sealed"] and not rows[0]["sealed"], "those without an execution", rows[:2])
        # live is release 2 of both: the execution that brought it has its way back
        needed = [(n["service"], n["release"], n["why"]) for n in rows[2]["needed_by"]]
        check(needed == [("database", "2", "live"), ("web", "2", "live")] and one["needed_by"] == [], "needed", needed, one["needed_by"])
        check([r["set"] for r in lab.sets("--service", "database")] == [first], "--service finds", lab.sets("--service", "database"))
        text = lab.run("backup", "list", expect=DONE).stdout
        lines = text.splitlines()
        check(lines[6].startswith(". ") or lines[6].startswith("· "), "a set whose digest is not recorded has no tick:", lines[6])
        check("needed by the live release 2 of database and web" in text and "never sealed: no backup" in text, "the text", text)
        check("no backup of service 'nothing'" in lab.run("backup", "list", "-s", "nothing", expect=DONE).stdout, "no message")


def a_manifest_that_was_changed_is_seen_in_the_list():
    with BackupLab() as lab:
        first, second = lab.deployed("1"), lab.deployed("2")
        lab.back_up(first)
        lab.back_up(second)
        lab.record(second, hashlib.sha256(b"another").hexdigest())
        path = os.path.join(lab.store, "sets", first, "manifest.json")
        os.chmod(path, 0o600)
        with open(path, "ab") as f:
            f.write(b" ")
        rows = lab.listed()
        check(rows[first]["problem"] and rows[second]["digest_recorded"] == "differs", "list says", rows)
        text = lab.run("backup", "list", expect=DONE).stdout
        check("damaged: " in text and "the manifest is not the one that was sealed" in text, "the text", text)
        for execution in (first, second):
            p = lab.run("backup", "verify", execution, expect=FAILED)
            check("backup list" in p.stderr, "verify says", p.stderr)
            p = lab.run("backup", "restore", execution, "--to", lab.path("out"), expect=FAILED)
            check(not os.path.exists(lab.path("out")) and not os.path.exists(lab.path("out.incomplete")), "something was restored")


def a_set_is_named_as_executions_are():
    with BackupLab() as lab:
        first, second = lab.deployed("1"), lab.deployed("2")
        lab.back_up(first)
        lab.back_up(second)

        def shown(*args):
            return lab.json("backup", "show", *args, expect=DONE)["set"]

        check(shown() == second and shown("latest") == second, "the newest is", shown())
        check(shown(first) == first and shown(first[:-1]) == first, "by id", shown(first[:-1]))
        alias = [e["alias"] for e in lab.json("history")["executions"] if e["execution_id"] == first][0]
        if [e["alias"] for e in lab.json("history")["executions"]].count(alias) == 1:
            check(shown(alias) == first, "by alias", shown(alias))
        p = lab.run("backup", "show", "deploy-", expect=USAGE)
        check("beginning of more than one set" in p.stderr and first in p.stderr, "it says", p.stderr)
        p = lab.run("backup", "show", "nothing", expect=USAGE)
        check("there is no backup set 'nothing'" in p.stderr and "backup list" in p.stderr, "it says", p.stderr)
        lab.back_up("part", services=("web",), seal=False)
        p = lab.run("backup", "verify", "part", expect=USAGE)
        check("it was never sealed" in p.stderr, "it says", p.stderr)
        p = lab.run("-e", "staging", "backup", "show", expect=USAGE)
        check("no whole backup of environment 'staging'" in p.stderr, "it says", p.stderr)


def show_tells_of_sets_items_and_files():
    with BackupLab() as lab:
        first = lab.deployed("1")
        lab.back_up(first)
        document = lab.json("backup", "show", expect=DONE)
        check(document["schema"] == "failback.backup-set/1" and len(document["contents"]) == 4, "show answers", document)
        text = lab.run("backup", "show", expect=DONE).stdout
        for part in (first, "web.config", "database.dump", "encrypted", "in the clear", "as recorded in the journal", "needed by the live release 1"):
            check(part in text, part, "is not in", text)
        text = lab.run("backup", "show", "latest", "--item", "web.config", expect=DONE).stdout
        check("2 files, 2 folders, 1 links" in text and lab.tree in text, "of the item it says", text)
        check(lab.json("backup", "show", "--item", "web.config", expect=DONE)["kind"] == "files", "the item as JSON")
        text = lab.run("backup", "show", "--item", "web.config", "--files", expect=DONE).stdout
        check(re.search(r"^-rw-r--r-- .* 2\.9 KiB .*main\.conf$", text, re.M) and re.search(r"^l.* -> main\.conf$", text, re.M), "of files it says", text)
        files = lab.json("backup", "show", "--item", "web.config", "--files", expect=DONE)
        check(len(files["files"]) == 5, "files as JSON", files)
        p = lab.run("backup", "show", "--item", "web.confg", expect=USAGE)
        check("did you mean 'web.config'?" in p.stderr, "it says", p.stderr)
        p = lab.run("backup", "show", "--files", expect=USAGE)
        check("--files needs --item" in p.stderr, "it says", p.stderr)
        check(lab.run("backup", "show", "--item", "web.dump", "--files", expect=USAGE).stderr.count("no tree") == 1, "a stream has files")


def verify_finds_a_single_flipped_bit():
    with BackupLab() as lab:
        first = lab.deployed("1")
        lab.back_up(first)
        text = lab.run("backup", "verify", expect=DONE).stdout
        check("whole: " + first in text and "the manifest is the one that was sealed" in text, "verify says", text)
        check(lab.json("backup", "verify", expect=DONE)["good"] is True, "JSON")
        lab.damage(first, "web.dump")
        p = lab.run("backup", "verify", expect=FAILED)
        check("damaged: " + first in p.stdout and re.search(r"web\.dump .*1 problem", p.stdout) and re.search(r"[✓+] web\.config", p.stdout), "verify says", p.stdout)
        answer = lab.json("backup", "verify", expect=FAILED)
        check([i["name"] for i in answer["items"] if not i["good"]] == ["database.dump", "web.dump"], "both have the same content:", answer)
        lab.run("backup", "verify", first, "--item", "web.config", expect=DONE)
        check(lab.audited() == [], "to look is no effect", lab.audited())


def the_wrong_key_is_told_as_such():
    with BackupLab() as lab:
        lab.back_up(lab.deployed("1"))
        key = os.path.join(lab.state, "backup.key")
        os.rename(key, key + ".away")
        p = lab.run("backup", "verify", expect=FAILED)
        check("key" in p.stderr and "backup_store" in p.stderr, "without the key it says", p.stderr)
        lab.run("backup", "list", expect=DONE)
        write(key, os.urandom(32), mode=0o600)
        p = lab.run("backup", "restore", "latest", "--to", lab.path("out"), expect=FAILED)
        check("key" in p.stderr and not os.path.exists(lab.path("out")), "with another one it says", p.stderr)


def a_restore_goes_into_a_new_folder_and_nowhere_else():
    with BackupLab() as lab:
        first = lab.deployed("1")
        lab.back_up(first, data=b"the rows\n")
        lab.run("backup", "restore", first, "--to", lab.path("one"), "--item", "web.config", expect=DONE)
        check(not compare(lab.tree, lab.path("one")), "one item differs:", compare(lab.tree, lab.path("one")))
        text = lab.run("backup", "restore", first, "--to", lab.path("all/"), expect=DONE).stdout
        check("restored" in text and lab.path("all") in text and "database.dump" in text, "restore says", text)
        for service in ("web", "database"):
            check(not compare(lab.tree, lab.path("all", service, "config")), "an item of several differs")
            with open(lab.path("all", service, "dump", f"{service}.dump"), "rb") as f:
                check(f.read() == b"the rows\n", "the dump of", service)
        check(not os.path.exists(lab.path("all.incomplete")), "something is left")
        p = lab.run("backup", "restore", first, "--to", lab.path("all"), expect=USAGE)
        check("is there already" in p.stderr, "it says", p.stderr)
        p = lab.run("backup", "restore", first, "--to", lab.path("no", "such", "folder"), expect=USAGE)
        check("make it first" in p.stderr, "it says", p.stderr)
        p = lab.run("backup", "restore", first, expect=RECOVERED)
        check("the configuration has none of its items" in p.stdout, "it says", p.stdout)
        p = lab.run("backup", "export", first, expect=USAGE)
        check("needs --to" in p.stderr, "it says", p.stderr)
        os.symlink(lab.store, lab.path("way"))
        p = lab.run("backup", "restore", first, "--to", lab.path("way", "x"), expect=USAGE)
        check("in the store of backups itself" in p.stderr, "it says", p.stderr)
        p = lab.run("--dry-run", "backup", "restore", first, "--to", lab.path("x"), expect=USAGE)
        answer = lab.json("backup", "restore", first, "--to", lab.path("part"), "--item", "web.config", "--only", "sites", "--only", "link", expect=DONE)
        check(sorted(os.listdir(lab.path("part"))) == ["link", "sites"] and answer["whole"], "--only", os.listdir(lab.path("part")), answer)
        p = lab.run("backup", "restore", first, "--to", lab.path("x"), "--only", "sites", expect=USAGE)
        check("--only needs --item" in p.stderr, "it says", p.stderr)
        check(lab.audited() == ["backup.restore", "backup.restored"] * 3, "the audit has", lab.audited())
        lab.run("audit", "verify", expect=DONE)


def a_restore_that_fails_never_has_the_folders_name():
    with BackupLab() as lab:
        first = lab.deployed("1")
        lab.back_up(first)
        lab.damage(first, "web.dump")
        p = lab.run("backup", "restore", first, "--to", lab.path("out"), expect=FAILED)
        check("is not whole" in p.stderr and "backup verify" in p.stderr, "it says", p.stderr)
        check(not os.path.exists(lab.path("out")) and os.path.isdir(lab.path("out.incomplete")), "it looks whole")
        check(lab.audited() == ["backup.restore", "backup.restore_failed"], "the audit has", lab.audited())
        p = lab.run("backup", "restore", first, "--to", lab.path("out"), expect=USAGE)
        check("broken off; remove it" in p.stderr, "it says", p.stderr)
        lab.run("backup", "restore", first, "--to", lab.path("good"), "--item", "web.config", expect=DONE)


def a_restore_works_when_the_journal_is_lost():
    with BackupLab() as lab:
        first = lab.deployed("1")
        lab.back_up(first)
        for name in os.listdir(lab.state):
            if name.startswith("journal"):
                os.unlink(os.path.join(lab.state, name))
        check("the journal has no execution of it" in lab.run("backup", "list", expect=DONE).stdout, "list")
        check(not os.path.exists(os.path.join(lab.state, "journal.db")), "a list made a journal")
        lab.run("backup", "restore", "latest", "--to", lab.path("out"), "--item", "web.config", expect=DONE)
        check(not compare(lab.tree, lab.path("out")), "it differs")
        check(lab.audited() == ["backup.restore", "backup.restored"], "the audit has", lab.audited())


def an_export_is_read_by_tar():
    need("zstd")
    with BackupLab() as lab:
        first = lab.deployed("1")
        lab.back_up(first)
        to = lab.path("set.tar.zst")
        p = lab.run("backup", "export", "latest", "--to", to, expect=DONE)
        check(to in p.stdout and "not encrypted" in p.stdout, "export says", p.stdout)
        plain = subprocess.run(["zstd", "-dc", to], stdout=subprocess.PIPE, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
            names = tar.getnames()
            found = [n for n in names if n.endswith("main.conf")]
            check("manifest.json" in names and len(found) == 2, "the archive has", names)
            check(tar.extractfile(found[0]).read() == b"listen 80\n" * 300, "its content")
        check(oct(os.stat(to).st_mode & 0o777) == "0o600", "others may read it")
        p = lab.run("backup", "export", "latest", "--to", to, expect=USAGE)
        check("is there already" in p.stderr, "it says", p.stderr)
        lab.run("backup", "export", "latest", "--to", lab.path("item.tar.zst"), "--item", "web.dump", expect=DONE)
        lab.damage(first, "web.dump")
        lab.run("backup", "export", "latest", "--to", lab.path("bad.tar.zst"), expect=FAILED)
        check(not os.path.exists(lab.path("bad.tar.zst")), "half an archive is there")
        check(lab.audited() == ["backup.export", "backup.exported"] * 2 + ["backup.export", "backup.export_failed"], "the audit has", lab.audited())


def prune_keeps_what_has_a_reason_and_says_it():
    with BackupLab(store="retention_days = 0; keep_last = 1;") as lab:
        old, older_good, live = lab.deployed("1"), lab.deployed("2"), lab.deployed("3")
        lab.touch("sick-4")
        failed = lab.deployed("4", expect=RECOVERED)
        waiting = lab.path("waiting.conf")
        shutil.copy(lab.plan(services=["web"], more='approval = "low";'), waiting)
        lab.run("deploy", waiting, "--release", "5", expect=WAITING)
        waits = lab.newest()["execution_id"]
        lab.run("-e", "staging", "deploy", lab.plan(services=["web"]), "--release", "1", expect=DONE)
        staged = lab.newest()["execution_id"]
        for execution in (old, older_good, live, failed, waits, staged):
            lab.back_up(execution)
        lab.back_up("orphan")
        lab.back_up("part", seal=False)
        before = sorted(os.listdir(os.path.join(lab.store, "sets")))
        expected = {old: ("remove", "old"), older_good: ("remove", "old"), live: ("keep", "needed"), failed: ("keep", "needed"), waits: ("keep", "unfinished"),
                    staged: ("keep", "other_environment"), "orphan": ("keep", "no_execution")}
        decided, answer = lab.prune("--dry-run")
        check(decided == expected, "the dry run decides", decided)
        check(answer["sets_removed"] == 2 and sorted(os.listdir(os.path.join(lab.store, "sets"))) == before and lab.audited() == [], "a dry run removed something")
        check([o["name"] for o in answer["leftovers"]] == ["part.part"], "leftovers", answer["leftovers"])
        text = lab.run("--dry-run", "backup", "prune", expect=DONE).stdout
        for part in ("would remove 2 of 7 sets", "needed by the live release 3 of database", "its execution has not ended (waiting_approval)", "of environment 'staging': use -e staging",
                     "--orphans judges it"):
            check(part in " ".join(text.split()), part, "is not in", text)
        decided, _ = lab.prune()
        check(decided == expected, "it decides", decided)
        check(set(lab.listed()) == {live, failed, waits, staged, "orphan", "part"}, "there are", sorted(lab.listed()))
        check(lab.audited() == ["backup.prune", "backup.pruned"], "the audit has", lab.audited())
        detail = lab.sql("select detail from audit where action = 'backup.prune'")[0][0]
        check(old in detail and older_good in detail and live not in detail, "the audit says", detail)
        for execution in (live, failed, waits, staged, "orphan"):
            lab.run("backup", "verify", execution, expect=DONE)
        decided, _ = lab.prune("--orphans")
        check(decided["orphan"] == ("remove", "old") and "orphan" not in lab.listed(), "with --orphans it decides", decided)
        lab.run("-e", "staging", "backup", "prune", expect=DONE)
        check(staged in lab.listed() and live in lab.listed(), "an environment lost another's")


def prune_keeps_the_newest_of_each_service():
    with BackupLab(store="retention_days = 0; keep_last = 2;") as lab:
        ids = [lab.deployed(str(i)) for i in range(1, 6)]
        lab.back_up(ids[0], services=("database",))
        lab.back_up(ids[1], services=("database",))
        for i in (2, 3, 4):
            lab.back_up(ids[i], services=("web",))
        decided, _ = lab.prune()
        check(decided == {ids[0]: ("keep", "keep_last"), ids[1]: ("keep", "keep_last"), ids[2]: ("remove", "old"), ids[3]: ("keep", "keep_last"), ids[4]: ("keep", "needed")},
              "it decides", decided)


def prune_makes_the_store_fit_oldest_first():
    draw = random.Random(1)
    with BackupLab(store='keep_last = 1; max_size = "3MiB";') as lab:
        ids = [lab.deployed(str(i)) for i in range(1, 7)]
        for execution in ids:
            lab.back_up(execution, services=("web",), data=draw.randbytes(1000000))
        decided, answer = lab.prune()
        check([decided[i] for i in ids] == [("remove", "max_size")] * 3 + [("keep", "young")] * 2 + [("keep", "needed")], "it decides", decided)
        check(answer["bytes_kept"] <= 3 << 20 and answer["bytes_removed"] >= 3000000, "it frees", answer)
        check(set(lab.listed()) == set(ids[3:]), "there are", sorted(lab.listed()))
    with BackupLab(store='keep_last = 1; max_size = "1MiB";') as lab:
        ids = [lab.deployed(str(i)) for i in range(1, 3)]
        for execution in ids:
            lab.back_up(execution, services=("web",), data=draw.randbytes(1500000))
        text = lab.run("backup", "prune", expect=DONE).stdout
        check("the store stays larger than max_size (1.0 MiB)" in text and set(lab.listed()) == {ids[1]}, "it says", text)


def prune_removes_nothing_while_a_kept_set_cannot_be_read():
    with BackupLab(store="retention_days = 0; keep_last = 1;") as lab:
        old, live = lab.deployed("1"), lab.deployed("2")
        lab.back_up(old)
        lab.back_up(live)
        path = os.path.join(lab.store, "sets", live, "manifest.json")
        os.chmod(path, 0o600)
        with open(path, "ab") as f:
            f.write(b" ")
        p = lab.run("backup", "prune", expect=FAILED)
        check("nothing was removed" in p.stderr and set(lab.listed()) == {old, live}, "it says", p.stderr)
        check(lab.audited() == ["backup.prune", "backup.prune_failed"], "the audit has", lab.audited())


def without_failback_store_it_is_said_what_to_install():
    with BackupLab() as lab:
        lab.back_up(lab.deployed("1"))
        alone = lab.path("bin", "failback")
        os.mkdir(lab.path("bin"))
        shutil.copy(lab.command()[len(MEMCHECK)], alone)
        p = subprocess.run([alone, "-c", lab.conf, "--state-dir", lab.state, "backup", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if p.returncode == DONE:
            print("left out: failback-store is installed on this machine")
            return
        check(p.returncode == FAILED and "install the package failback-store" in p.stderr, "it says", p.returncode, p.stderr)


def with_stub(lab, script):
    """failback beside a failback-store that is this script where it does not go on to the real one ("$REAL")."""
    folder = lab.path("stub")
    os.makedirs(folder, exist_ok=True)
    shutil.copy(lab.command()[len(MEMCHECK)], os.path.join(folder, "failback"))
    write(os.path.join(folder, "failback-store"), f'#!/bin/sh\nREAL={STORE}\n{script}\nexec "$REAL" "$@"\n'.encode(), mode=0o700)
    return [os.path.join(folder, "failback"), "-c", lab.conf, "--state-dir", lab.state]


def a_failback_store_that_goes_wrong_is_no_success():
    with BackupLab() as lab:
        lab.back_up(lab.deployed("1"))
        for script, words in (("exit 0", "it gave no answer"), ("echo '{'", "it gave no answer"), ("kill -9 $$", "ended by signal 9"), ("echo out of luck >&2; exit 1", "out of luck"),
                              ("exit 1", "gave no reason"), ("echo '{}'; exit 74", "look at the disk"), ("exit 75", "try again")):
            command = with_stub(lab, f'case "$*" in *" verify "*) {script}; exit ;; esac')
            p = subprocess.run(command + ["backup", "verify"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            check(p.returncode == (REFUSED if "75" in script else FAILED) and words in p.stderr, script, "gives", p.returncode, p.stdout, p.stderr)


def a_restore_that_is_told_to_end_ends_and_says_so():
    with BackupLab() as lab:
        lab.back_up(lab.deployed("1"))
        command = with_stub(lab, f'case "$*" in *" restore "*) touch {lab.path("begun")}; exec sleep 300 ;; esac')
        p = subprocess.Popen(command + ["backup", "restore", "latest", "--item", "web.config", "--to", lab.path("out")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lab.started.append(p)
        until(lambda: os.path.exists(lab.path("begun")), text="the restore does not begin")
        p.send_signal(signal.SIGTERM)
        _, words = p.communicate(timeout=60)
        check(p.returncode == STOPPED and "interrupted" in words and "out.incomplete is not whole" in words, "it ends with", p.returncode, words)
        check(not os.path.exists(lab.path("out")) and lab.audited() == ["backup.restore", "backup.restore_failed"], "afterwards there is", lab.audited())
        lab.nothing_left()


def a_restore_that_may_not_give_all_says_what():
    with BackupLab() as lab:
        lab.back_up(lab.deployed("1"))
        answer = {"schema": "failback.backup-restore/1", "item": "web.config", "created": 1, "bytes": 5, "refused_found": 2, "seconds": 0.1,
                  "refused": [{"path": "a\x1b[2J", "why": "it is a device"}, {"path": "b", "why": "it is a socket"}]}
        write(lab.path("answer"), json.dumps(answer).encode())
        command = with_stub(lab, f'case "$*" in *" restore "*) cat {lab.path("answer")}; exit 4 ;; esac')
        command += ["backup", "restore", "latest", "--item", "web.config", "--to", lab.path("out")]
        p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        check(p.returncode == INCOMPLETE and "a\\x1b[2J: it is a device" in p.stdout and "restored in part" in p.stdout, "it ends with", p.returncode, p.stdout, p.stderr)
        check(not os.path.exists(lab.path("out")) and lab.audited() == ["backup.restore", "backup.restored_in_part"], "afterwards there is", lab.audited())
        os.rmdir(lab.path("out.incomplete"))
        p = subprocess.run(command + ["--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        document = json.loads(p.stdout)
        check(p.returncode == INCOMPLETE and document["whole"] is False and len(document["items"][0]["refused"]) == 2 and p.stderr == "", "as JSON", document, p.stderr)


def a_store_with_a_passphrase_is_used_by_it():
    with BackupLab() as lab:
        first = lab.deployed("1")
        words = write(lab.path("passphrase"), b"correct horse battery staple\n", mode=0o600)
        os.makedirs(lab.store, mode=0o700)
        lab.configure(lab.services, more=f'backup_store = {{ encryption = "all"; passphrase_file = "{words}"; }};')
        run = [STORE, "--store", lab.store, "--passphrase-file", words]
        subprocess.run([*run, "init", "--encryption", "all"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*run, "put", "--set", first, "--item", "web.config", "--kind", "files", "--tree", lab.tree], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*run, "seal", "--set", first], check=True, stdout=subprocess.DEVNULL)
        check(lab.sets()[0]["encrypted"], "the list")
        lab.run("backup", "verify", expect=DONE)
        lab.run("backup", "restore", "latest", "--to", lab.path("out"), expect=DONE)
        check(not compare(lab.tree, lab.path("out")), "it differs")
        lab.run("backup", "prune", expect=DONE)
        write(words, b"wrong\n", mode=0o600)
        check("passphrase" in lab.run("backup", "verify", expect=FAILED).stderr, "a wrong one")


def the_examples_of_help_and_manual_work_as_they_stand():
    with BackupLab() as lab:
        write(os.path.join(lab.tree, "nginx.conf"), b"server {}\n")
        first = lab.deployed("1")
        lab.back_up(first)
        lab.configure([("web", f'backup = ( {{ use = "tree"; name = "config"; paths = [ "{lab.tree}" ]; }} );'), "database"], more="backup_store = { };")
        lines = []
        for command in ("list", "show", "verify", "restore", "export", "prune"):
            text = lab.run("help", "backup", command, expect=DONE).stdout
            lines += [line.strip() for line in text.split("Examples:\n")[1].splitlines() if line.startswith("  failback ")]
        with open(os.path.join(SRC, "core", "man", "failback.1")) as f:
            lines += [line.strip() for line in f.read().split(".Sh EXAMPLES")[1].splitlines() if line.startswith("failback backup ")]
        check(len(lines) >= 13, "examples were found:", lines)
        for i, line in enumerate(lines):
            line = line.replace("deploy-production-20260120t110000z-k3fa", first).replace("/tmp/look", lab.path(f"look{i}")).replace("/mnt/usb/web.tar.zst", lab.path(f"{i}.tar.zst"))
            line = line.replace("--plan give-back.plan", "--plan " + lab.path("give-back.plan"))
            lab.run(*line.split()[1:], expect=DONE)
        copies = [i for i, line in enumerate(lines) if "--only nginx.conf" in line and "--to" in line]
        check(copies and os.listdir(lab.path(f"look{copies[0]}")) == ["nginx.conf"], "the copy of one file", copies)


def completion_offers_the_sets():
    with BackupLab() as lab:
        first = lab.deployed("1")
        lab.back_up(first)
        lab.back_up("part", seal=False)
        p = subprocess.run([*lab.command()[:len(MEMCHECK) + 1], "__complete", "@backup", "-c", lab.conf, "--state-dir", lab.state, "backup", "show"], stdout=subprocess.PIPE, text=True)
        check(p.stdout.split() == ["latest", first], "it offers", p.stdout)


def a_terminal_sees_how_far_it_is():
    with BackupLab() as lab:
        lab.back_up(lab.deployed("1"), data=random.Random(1).randbytes(3000000))
        leader, follower = pty.openpty()
        p = subprocess.Popen(lab.command("backup", "verify"), stdin=subprocess.DEVNULL, stdout=follower, stderr=follower, env=dict(os.environ, TERM="xterm"))
        os.close(follower)
        seen = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        os.close(leader)
        check(p.wait() == DONE and b"verifying" in seen and seen.rindex(b"\x1b[?25h") > seen.rindex(b"verifying"), "the terminal got", seen)
        check(b"progress " not in seen, "the raw line is shown", seen)


main(a_store_that_is_not_there_is_no_error, the_list_says_of_each_set_what_matters, a_manifest_that_was_changed_is_seen_in_the_list, a_set_is_named_as_executions_are,
     show_tells_of_sets_items_and_files, verify_finds_a_single_flipped_bit, the_wrong_key_is_told_as_such, a_restore_goes_into_a_new_folder_and_nowhere_else,
     a_restore_that_fails_never_has_the_folders_name, a_restore_works_when_the_journal_is_lost, an_export_is_read_by_tar, prune_keeps_what_has_a_reason_and_says_it,
     prune_keeps_the_newest_of_each_service, prune_makes_the_store_fit_oldest_first, prune_removes_nothing_while_a_kept_set_cannot_be_read,
     without_failback_store_it_is_said_what_to_install, the_examples_of_help_and_manual_work_as_they_stand, completion_offers_the_sets,
     a_failback_store_that_goes_wrong_is_no_success, a_restore_that_is_told_to_end_ends_and_says_so, a_restore_that_may_not_give_all_says_what, a_store_with_a_passphrase_is_used_by_it,
     a_terminal_sees_how_far_it_is)
