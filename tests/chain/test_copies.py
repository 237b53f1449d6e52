#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies of backups as a user has them: named in the configuration, sent beside the steps, shown where they are, and fetched when the store is lost."""
import hashlib
import os
import re
import shutil
import subprocess

import s3_lab
from lab import CONFIG, DONE, FAILED, RECOVERED, USAGE, check, main
from s3_lab import S3, SECRET
from store_lab import STORE
from test_backup import SPOIL, BackupLab

COPY = '{ phase = "copy-backup"; %s }'


class CopyLab(BackupLab):
    def __init__(self, s3=None, copies=None, **more):
        self.s3 = s3
        if s3:
            os.environ.update(S3_BACKUP_BUCKET=s3_lab.BUCKET, AWS_ACCESS_KEY_ID=s3_lab.ACCESS, AWS_SECRET_ACCESS_KEY=SECRET)
        self.offsite = f'{{ name = "offsite"; use = "s3"; endpoint = "{s3.endpoint}"; region = "{s3_lab.REGION}"; prefix = "web"; timeout = "3s"; }}' if s3 else ""
        super().__init__(more="copies = ( %s );" % (copies or self.offsite), **more)

    def __exit__(self, *args):
        for name in ("S3_BACKUP_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ.pop(name, None)
        return super().__exit__(*args)

    def latest(self):
        return self.json("history")["executions"][0]["execution_id"]

    def words(self):
        """All that failback has written of what it did"""
        text = b""
        for folder, _, names in os.walk(self.state):
            for n in names:
                with open(os.path.join(folder, n), "rb") as f:
                    text += f.read()
        return text


def a_plan_sends_its_backup_beside_its_steps_and_the_report_says_where_it_is():
    with S3() as s3, CopyLab(s3) as lab:
        p = lab.deploy("1.0", '{ parallel = ( { name = "work"; run = "true"; }, %s ); }' % (COPY % 'name = "copy";'))
        check("copied to offsite" in p.stdout + p.stderr, "it says", p.stdout, p.stderr)
        this = lab.latest()
        check(f"web/sets/{this}/manifest.json" in s3.objects, "the set is not in the bucket:", sorted(s3.objects)[:5])
        copies = lab.report()["backup"]["copies"]
        check([(c["name"], c["state"], c["location"]) for c in copies] == [("offsite", "sent", "s3://backups/web")], "the report says", copies)
        check("copy offsite: sent, s3://backups/web" in lab.run("report", expect=DONE).stdout, "the report for people does not say it")
        shown = lab.json("backup", "show", this)
        check(shown["copies"] == [{"name": "offsite", "state": "sent"}], "backup show says", shown["copies"])
        text = lab.run("backup", "show", this, expect=DONE).stdout
        check("offsite: sent" in text and lab.store in text, "backup show says", text)
        check(SECRET.encode() not in lab.words() and SECRET not in p.stdout + p.stderr, "the secret was written down")
        check(all(r[2] in ("NoSuchKey", "PreconditionFailed") for r in s3.refused), "refused:", s3.refused)


def a_copy_that_fails_is_a_warning_unless_it_is_required():
    with S3() as s3, CopyLab(s3) as lab:
        lab.deploy("1.0")
        s3.faults = [lambda h, key: s3.error(h, 403, "AccessDenied", "Access Denied") or True]
        p = lab.deploy("2.0", COPY % 'name = "copy";')
        check("AccessDenied" in p.stdout + p.stderr, "it says", p.stdout, p.stderr)
        report = lab.report()
        check(report["backup_created"] is True and [c["state"] for c in report["backup"]["copies"]] == ["failed"], "the report says", report["backup"])
        check(lab.json("backup", "show", lab.latest())["copies"][0]["state"] == "failed", "backup show says something else")
        p = lab.deploy("3.0", COPY % 'name = "copy"; required = true; retries = 0;', expect=RECOVERED)
        check("the set in the store is whole" in (p.stdout + p.stderr).lower(), "it says", p.stdout, p.stderr)
        s3.faults = []
        lab.run("backup", "copy", lab.json("history")["executions"][1]["execution_id"], expect=DONE)


def a_store_that_is_lost_comes_back_from_a_copy_and_restores():
    with S3() as s3, CopyLab(s3) as lab:
        lab.deploy("1.0")
        before = lab.content()
        this = lab.latest()
        p = lab.run("backup", "copy", this, expect=DONE)
        check("offsite: sent" in p.stdout, "it says", p.stdout)
        check("offsite: there" in lab.run("backup", "copy", "latest", "--to", "offsite", expect=DONE).stdout, "it was sent again")
        shutil.rmtree(lab.store)
        shutil.rmtree(lab.tree)
        p = lab.run("backup", "fetch", this[:-2], "--from", "offsite", expect=DONE)
        check("offsite: fetched" in p.stdout, "it says", p.stdout)
        lab.run("backup", "verify", this, expect=DONE)
        lab.run("backup", "restore", this, "--to", lab.path("back"), expect=DONE)
        lab.tree = lab.path("back")
        check({os.path.basename(k): v for k, v in lab.content().items()} == {os.path.basename(k): v for k, v in before.items()}, "something else came back:", lab.content())
        actions = [a for (a,) in lab.sql("select action from audit")]
        check("backup.copied" in actions and "backup.fetched" in actions, "the audit trail has", actions)


def a_manifest_that_was_changed_in_the_copy_is_not_what_the_journal_recorded():
    with S3() as s3, CopyLab(s3) as lab:
        lab.deploy("1.0")
        first = lab.latest()
        lab.run("backup", "copy", first, expect=DONE)
        lab.deploy("2.0")
        key = f"web/sets/{first}/manifest.json"
        text = re.sub(rb',\n "sum": "[0-9a-f]*"', b"", s3.objects[key]).rstrip(b"\n").replace(b'"production"', b'"elsewhere"')
        text = text[:-2] + b',\n "sum": "' + hashlib.blake2b(text, digest_size=32).hexdigest().encode() + b'"\n}\n'  # one that fits
        check(text != s3.objects[key], "nothing was changed")
        s3.objects[key] = text
        shutil.rmtree(os.path.join(lab.store, "sets", first))
        p = lab.run("backup", "fetch", first, expect=FAILED)
        check("not the one that was recorded" in p.stderr, "it says", p.stderr)


def a_directory_is_a_copy_and_a_store_of_its_own_right():
    with CopyLab(copies='{ use = "directory"; path = "/nowhere/at/all"; }') as lab:
        lab.deploy("1.0")
        p = lab.run("backup", "copy", "latest", expect=USAGE)
        check("/nowhere/at/all" in p.stderr, "it says", p.stderr)
        with open(lab.conf) as f:
            text = f.read()
        with open(lab.conf, "w") as f:
            f.write(text.replace("/nowhere/at/all", lab.path("copy")))
        lab.run("backup", "copy", "latest", expect=DONE)
        subprocess.run([STORE, "--store", lab.path("copy"), "--key-file", os.path.join(lab.state, "backup.key"), "verify", "--set", lab.latest()], check=True, stdout=subprocess.DEVNULL)


def mistakes_in_copies_are_told_with_their_place():
    for copies, says in (('{ use = "s4"; }', "did you mean 's3'"), ('{ use = "s3"; secret_key = "literal"; }', "a secret does not stand in the configuration"), ('{ use = "s3"; buckets = "x"; }', "did you mean 'bucket'"),
                         ('{ use = "ssh"; path = "/x"; }', "'host' is missing"), ('{ use = "directory"; }', "'path' is missing"), ('{ use = "directory"; path = "x"; }', "absolute"),
                         ('{ use = "directory"; path = "/x"; }, { use = "directory"; path = "/y"; }', "another copy is named 'directory'"), ('{ use = "s3"; endpoint = "s3.example.org"; }', "https://"), ('{ use = "s3"; keep_last = 0; }', "expected 1 to"),
                         ('{ use = "ssh"; path = "/x"; host = "h"; port = 0; }', "port"), ('{ use = "s3"; secret_key = "${evn:X}"; }', "${env:NAME}"), ('{ name = "x"; }', "'use' is missing")):
        with CopyLab(copies=copies) as lab:
            p = lab.run("config", "check", expect=CONFIG)
            check(says in p.stdout + p.stderr and "copies" in p.stdout + p.stderr, copies, "it says", p.stdout, p.stderr)


def a_copy_is_pruned_by_its_own_rules_and_the_store_stays():
    with S3() as s3, CopyLab(s3) as lab:
        with open(lab.conf) as f:
            text = f.read()
        with open(lab.conf, "w") as f:
            f.write(text.replace('prefix = "web";', 'prefix = "web"; retention_days = 0; keep_last = 1;'))
        ids = []
        for release in ("1.0", "1.1", "1.2"):
            lab.deploy(release, COPY % 'name = "copy";')
            ids.append(lab.latest())
        sets = lambda: sorted(k.split("/")[2] for k in s3.objects if k.endswith("/manifest.json"))
        check(sets() == sorted(ids), "the bucket has", sets())
        p = lab.run("--dry-run", "backup", "prune", "--at", "offsite", expect=DONE)
        check("would remove 2 of 3 sets" in p.stdout and sets() == sorted(ids), "a dry run says", p.stdout)
        answer = lab.json("backup", "prune", "--at", "offsite", expect=DONE)
        check({s["set"]: s["decision"] for s in answer["sets"]} == {ids[0]: "remove", ids[1]: "remove", ids[2]: "keep"} and answer["copy"] == "offsite", "it decides", answer)
        check(sets() == ids[2:], "the bucket has", sets())
        check({s["set"] for s in lab.json("backup", "list")["sets"]} == set(ids), "the store lost a set")
        detail = lab.sql("select detail from audit where action = 'backup.prune'")
        check(len(detail) == 1 and ids[0] in detail[0][0] and "in the copy offsite" in detail[0][0], "the audit trail says", detail)
        shutil.rmtree(lab.store)
        lab.run("backup", "fetch", "latest", "--from", "offsite", expect=DONE)
        lab.run("backup", "verify", ids[2], expect=DONE)
        check("did you mean 'offsite'" in lab.run("backup", "prune", "--at", "ofsite", expect=USAGE).stderr, "no name is suggested")


def a_name_of_a_copy_that_is_none_is_told():
    with S3() as s3, CopyLab(s3) as lab:
        lab.deploy("1.0")
        check("did you mean 'offsite'" in lab.run("backup", "copy", "latest", "--to", "ofsite", expect=USAGE).stderr, "no name is suggested")
        check("no copy of a store" in lab.run("backup", "fetch", "latest", expect=USAGE).stderr, "another message")
        del os.environ["AWS_SECRET_ACCESS_KEY"]
        p = lab.run("backup", "copy", "latest", expect=CONFIG)
        check("AWS_SECRET_ACCESS_KEY" in p.stderr and "offsite" in p.stderr, "it says", p.stderr)


if __name__ == "__main__":
    main(a_plan_sends_its_backup_beside_its_steps_and_the_report_says_where_it_is, a_copy_that_fails_is_a_warning_unless_it_is_required,
         a_store_that_is_lost_comes_back_from_a_copy_and_restores, a_manifest_that_was_changed_in_the_copy_is_not_what_the_journal_recorded,
         a_directory_is_a_copy_and_a_store_of_its_own_right, a_copy_is_pruned_by_its_own_rules_and_the_store_stays, mistakes_in_copies_are_told_with_their_place, a_name_of_a_copy_that_is_none_is_told)
