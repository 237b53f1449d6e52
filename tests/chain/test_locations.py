# SPDX-License-Identifier: Apache-2.0
"""Copies of sets at a location: a directory, a bucket that recomputes every signature and digest, an SSH host. What is broken off is no set there; what is damaged there is found."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import s3_lab
from lab import check, free_port, main, need, until
from s3_lab import S3, SECRET
from store_lab import ABSENT, DAMAGED, DENIED, EXISTS, IO, STORE, USAGE, Store, compare, odd_tree, write

SFTP_SERVER = "/usr/lib/openssh/sftp-server"
FAST = {"timeout_ms": 3000, "attempts": 6}


def form(s3, **more):
    return json.dumps({"use": "s3", "bucket": s3_lab.BUCKET, "prefix": "web/one", "endpoint": s3.endpoint, "region": s3_lab.REGION, "access_key": s3_lab.ACCESS,
                       "secret_key": SECRET, "session_token": s3.token or "", **FAST, **more}).encode()


def make(s, name="one", size=40, seed=1):
    tree = s.path("tree-" + name)
    odd_tree(tree, seed)
    draw = random.Random(seed)
    for i in range(size):
        write(os.path.join(tree, "more", str(i)), draw.randbytes(3000))
    answer, digest = s.back_up(name, tree)
    return tree, digest


def restored(s, store, name="one"):
    to = s.path("back-" + os.path.basename(store) + name)
    p = subprocess.run([STORE, "--store", store] + s.key + ["restore", "--set", name, "--item", "files", "--to", to],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    check(p.returncode == 0, "what was pulled cannot be restored:", p.stderr)
    return to


class Kind:
    """One sort of location: words for failback-store, what goes on its standard input, and its files as a dictionary that can be changed"""

    def push(self, s, *more, expect=0, **how):
        return s.run("push", self.at, *more, data=self.data, expect=expect, env=self.env, **how)

    def pull(self, s, *more, expect=0, into="pulled"):
        return s.run("pull", self.at, "--into", s.path(into), *more, data=self.data, expect=expect, env=self.env)

    def look(self, s, command, *more, expect=0):
        return s.run(command, "--at", self.at, *more, data=self.data, expect=expect, env=self.env)


class Directory(Kind):
    def __init__(self, s):
        self.root = s.path("copy")
        self.at, self.data, self.env = self.root, None, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def keys(self):
        return sorted(os.path.relpath(os.path.join(d, f), self.root) for d, _, files in os.walk(self.root) for f in files)

    def get(self, key):
        with open(os.path.join(self.root, key), "rb") as f:
            return f.read()

    def put(self, key, data):
        os.makedirs(os.path.dirname(os.path.join(self.root, key)), exist_ok=True)
        with open(os.path.join(self.root, key), "wb") as f:
            f.write(data)

    def remove(self, key):
        os.unlink(os.path.join(self.root, key))


class Ssh(Directory):
    """The protocol, with the server that sshd would start"""

    def __init__(self, s):
        super().__init__(s)
        self.root = s.path("far", "copy")
        os.makedirs(s.path("far"))
        self.at = "-"
        self.data = json.dumps(dict({"use": "ssh", "path": self.root, "command": [SFTP_SERVER]}, **FAST)).encode()


class Bucket(Kind):
    def __init__(self, s, **more):
        self.s3 = S3(**more)
        self.at, self.data, self.env = "-", form(self.s3), {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s3.__exit__()

    def keys(self):
        return sorted(k[len("web/one/"):] for k in self.s3.objects)

    def get(self, key):
        return self.s3.objects["web/one/" + key]

    def put(self, key, data):
        self.s3.objects["web/one/" + key] = data

    def remove(self, key):
        del self.s3.objects["web/one/" + key]


KINDS = [Directory, Ssh, Bucket]


def objects_of(kind):
    return [k for k in kind.keys() if k.startswith("objects/")]


def a_set_that_was_sent_comes_back_byte_for_byte():
    for kind in KINDS:
        with Store("--encryption", "none") as s, kind(s) as k:
            tree, digest = make(s)
            s.put_stream("two", random.Random(5).randbytes(5 << 20) + b"end")
            s.seal("two")
            said = json.loads(k.push(s).stdout)
            check([(x["set"], x["state"]) for x in said["sets"]] == [("one", "sent"), ("two", "sent")], kind.__name__, "says", said)
            check(said["objects_sent"] == len(s.objects()) == len(objects_of(k)), kind.__name__, "sent", said["objects_sent"], "of", len(s.objects()), "and there are", len(objects_of(k)))
            again = json.loads(k.push(s).stdout)
            check(again["objects_sent"] == 0 and again["sets"] == [], "sent again:", again)
            named = json.loads(k.push(s, "--set", "one", "--digest", digest).stdout)
            check(named["objects_sent"] == 0 and named["sets"][0]["state"] == "there", "sent again:", named)
            listed = json.loads(k.look(s, "list").stdout)
            check([x["set"] for x in listed["sets"]] == ["one", "two"] and listed["sets"][0]["digest"] == digest, "the list is", listed)
            check(json.loads(k.look(s, "verify", "--set", "one", "--digest", digest).stdout)["good"] is True, "it does not verify there")
            got = json.loads(k.pull(s, "--set", "one", "--digest", digest).stdout)
            check([x["state"] for x in got["sets"]] == ["fetched"], "pull says", got)
            check(compare(tree, restored(s, s.path("pulled"))) == "", kind.__name__, "another tree came back:", compare(tree, restored(s, s.path("pulled"))))
            got = json.loads(k.pull(s).stdout)
            check([x["set"] for x in got["sets"]] == ["two"], "pull of the rest says", got)
            if kind is not Bucket:  # it is a store of its own right
                p = subprocess.run([STORE, "--store", k.root, "verify", "--set", "one"], stdout=subprocess.DEVNULL)
                check(p.returncode == 0, kind.__name__, "is no store")


def only_what_is_not_there_is_sent():
    for kind in KINDS:
        with Store("--encryption", "none") as s, kind(s) as k:
            tree, _ = make(s)
            k.push(s)
            write(os.path.join(tree, "new"), b"new content")
            s.back_up("two", tree)
            said = json.loads(k.push(s).stdout)
            check(0 < said["objects_sent"] <= 4, kind.__name__, "sent", said["objects_sent"], "objects for one new file")


def an_encrypted_store_travels_without_its_key():
    for kind in KINDS:
        with Store(make=False) as s, kind(s) as k:
            key = s.path("store.key")
            s.key = ["--key-file", key]
            s.init("--encryption", "all")
            tree, digest = make(s, size=3)
            k.push(s)
            with open(key, "rb") as f:
                secret = f.read()
            check(not any(secret in k.get(x) or b"plain text" in k.get(x) for x in k.keys()), kind.__name__, "has the key or plain text")
            k.pull(s)
            check(compare(tree, restored(s, s.path("pulled"))) == "", "another tree came back")
            os.rename(key, key + ".away")
            s.key = []
            p = k.pull(s, into="without", expect=DENIED)
            check("key" in p.stderr and not os.path.exists(s.path("without", "sets", "one")), "without the key:", p.stderr)


def damage_one(k, victim, how):
    data, other = k.get(victim), next(x for x in objects_of(k) if x != victim)
    if how == "missing":
        k.remove(victim)
    else:
        k.put(victim, {"flip": data[:99] + bytes([data[99] ^ 1]) + data[100:], "cut": data[:-1], "longer": data + b"x" * 3000000, "swap": k.get(other)}[how])


def what_is_damaged_there_is_found_and_never_becomes_a_set_here():
    for kind in KINDS:
        with Store("--encryption", "none") as s, kind(s) as k:
            make(s, size=3)
            k.push(s)
            victim = max(objects_of(k), key=lambda x: len(k.get(x)))
            whole = k.get(victim)
            for damage in ("flip", "cut", "missing", "swap", "longer"):
                damage_one(k, victim, damage)
                p = k.look(s, "verify", "--set", "one", expect=DAMAGED)
                check(json.loads(p.stdout)["good"] is False, kind.__name__, damage, "verify says", p.stdout)
                into = "pulled-" + damage
                p = k.pull(s, into=into, expect=DAMAGED)
                check("object" in p.stderr or "longer" in p.stderr, kind.__name__, damage, "pull says", p.stderr)
                check(not os.path.exists(s.path(into, "sets", "one")), kind.__name__, damage, "is a set")
                check(not os.path.exists(os.path.join(s.path(into), victim)), kind.__name__, damage, "the damaged object stays here")
                if damage in ("cut", "missing"):  # what a listing shows is mended
                    said = json.loads(k.push(s, "--set", "one").stdout)
                    check(said["objects_sent"] == 1 and k.get(victim) == whole, kind.__name__, damage, "was not sent again:", said)
                k.put(victim, whole)
            k.pull(s, into=into)


def a_manifest_that_was_changed_there_is_refused():
    for kind in KINDS:
        with Store("--encryption", "none") as s, kind(s) as k:
            _, digest = make(s, size=2)
            make(s, "two", size=3, seed=2)
            k.push(s)
            k.put("sets/one/manifest.json", k.get("sets/two/manifest.json"))
            p = k.pull(s, "--set", "one", expect=DAMAGED)
            check("was put here" in p.stderr, "it says", p.stderr)
            p = k.push(s, "--set", "one", expect=EXISTS)
            check("another set of the id one" in p.stderr, "it says", p.stderr)
            good = k.get("sets/two/manifest.json")
            k.put("sets/two/manifest.json", good.replace(b'"size"', b'"sizf"', 1))
            check("damaged" in k.pull(s, "--set", "two", expect=DAMAGED).stderr, "a changed manifest is taken")
            k.put("sets/two/manifest.json", good)
            p = k.pull(s, "--set", "two", "--digest", digest, expect=DAMAGED)
            check("not the one that was recorded" in p.stderr, "it says", p.stderr)


def pull_mends_what_is_damaged_here():
    for kind in KINDS:
        with Store("--encryption", "none") as s, kind(s) as k:
            make(s, size=3)
            k.push(s)
            victim = max(s.objects(), key=os.path.getsize)
            with open(victim, "r+b") as f:
                f.seek(200)
                f.write(b"broken")
            s.verify("one", expect=DAMAGED)
            said = json.loads(s.run("pull", k.at, "--set", "one", data=k.data, env=k.env, expect=0).stdout)
            check(said["objects_fetched"] == 1 and said["sets"][0]["state"] == "here", "it says", said)
            s.verify("one")
            with open(victim, "r+b") as f:
                f.seek(200)
                f.write(b"broken")
            p = k.push(s, "--set", "one")  # nothing to send: what is there is whole
            check(json.loads(p.stdout)["objects_sent"] == 0, "a damaged object was sent")
            k.remove(os.path.relpath(victim, s.store))
            p = k.push(s, "--set", "one", expect=DAMAGED)
            check(os.path.relpath(victim, s.store) not in k.keys(), "a damaged object was sent")


def killed_while_it_sends_is_no_set_there_and_is_gone_on_with():
    for kind in KINDS:
        with Store("--encryption", "none") as s, kind(s) as k:
            make(s, size=400)
            total = len(s.objects())
            for part in (1, total // 3, total - 3):
                p = subprocess.Popen(s.command("push", k.at), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, **k.env))
                if k.data:
                    p.stdin.write(k.data)
                p.stdin.close()
                while p.poll() is None and len(objects_of(k)) < part:
                    time.sleep(0.001)
                p.kill()
                p.wait()
                p.stdout.close()
                p.stderr.close()
                listed = [x["set"] for x in json.loads(k.look(s, "list").stdout)["sets"]] if "store.json" in k.keys() else []
                check(listed == [] or p.returncode == 0, kind.__name__, "a push that was killed is a set:", listed)
            k.push(s, "--set", "one")
            check(json.loads(k.look(s, "verify", "--set", "one").stdout)["good"] is True, "it is not whole in the end")
            if kind is not Bucket:
                said = json.loads(k.look(s, "prune").stdout)
                check(said["objects_removed"] == 0 and not any("/.t-" in x for x in objects_of(k)), "left over:", said)


def killed_while_it_fetches_is_no_set_here_and_is_gone_on_with():
    for kind in KINDS:
        with Store("--encryption", "none") as s, kind(s) as k:
            tree, _ = make(s, size=400)
            total = len(s.objects())
            k.push(s)
            into = s.path("pulled")

            def have():
                return sum(len(files) for _, _, files in os.walk(os.path.join(into, "objects")))
            for part in (0, total // 3, total - 3):
                p = subprocess.Popen(s.command("pull", k.at, "--into", into), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, **k.env))
                if k.data:
                    p.stdin.write(k.data)
                p.stdin.close()
                while p.poll() is None and have() < part:
                    time.sleep(0.001)
                p.kill()
                p.wait()
                check(p.returncode == 0 or not os.path.exists(os.path.join(into, "sets", "one")), kind.__name__, "a pull that was killed is a set")
            k.pull(s, "--set", "one")
            check(compare(tree, restored(s, into)) == "", "another tree came back")


def prune_of_a_location_follows_the_same_rule():
    for kind in KINDS:
        with Store("--encryption", "none") as s, kind(s) as k:
            make(s, size=5)
            make(s, "two", size=5, seed=2)
            k.push(s)
            k.put("objects/00/.t-0123456789abcdef-1", b"left over")
            before = k.keys()
            p = k.look(s, "prune", "--keep", "three", expect=ABSENT)
            check("nothing was removed" in p.stderr and k.keys() == before, "it says", p.stderr)
            plan = json.loads(k.look(s, "prune", "--keep", "two", "--dry-run").stdout)
            check(k.keys() == before and plan["objects_removed"] > 0, "a dry run removed something:", plan)
            said = json.loads(k.look(s, "prune", "--keep", "two").stdout)
            check(said["objects_removed"] == plan["objects_removed"] and said["temporaries_removed"] == 1, "it says", said)
            check([x["set"] for x in json.loads(k.look(s, "list").stdout)["sets"]] == ["two"], "another set is left")
            check(json.loads(k.look(s, "verify", "--set", "two").stdout)["good"] is True, "what is kept is not whole")
            k.push(s, "--set", "one")
            check(json.loads(k.look(s, "verify", "--set", "one").stdout)["good"] is True, "what was removed cannot be sent again")


def a_piece_that_comes_often_is_found_each_time():
    """Threads that verify a copy fetch the same piece at the same time, and each removes what it has looked at."""
    with Store("--encryption", "none") as s, Directory(s) as k:
        write(s.path("tree-one", "zeros"), bytes(30 << 20))
        s.back_up("one", s.path("tree-one"))
        k.push(s)
        for _ in range(40):
            check(json.loads(k.look(s, "verify", "--set", "one").stdout)["good"] is True, "it is whole")


def a_location_belongs_to_one_store():
    for kind in KINDS:
        with Store("--encryption", "none") as s, Store("--encryption", "none") as other, kind(s) as k:
            make(s, size=1)
            make(other, size=1)
            k.push(s)
            p = k.push(other, expect=EXISTS)
            check("another store" in p.stderr and "prefix for each store" in p.stderr, "it says", p.stderr)
            p = other.run("pull", k.at, data=k.data, env=k.env, expect=EXISTS)
            check("another store" in p.stderr, "it says", p.stderr)
            p = k.look(other, "prune", expect=EXISTS)
            check("nothing was removed" in p.stderr, "it says", p.stderr)


def a_bucket_that_fails_now_and_then_gets_all_of_it():
    faults = {"SlowDown": lambda s3: s3_lab.sometimes(4, s3_lab.slow_down(s3)), "cut": lambda s3: s3_lab.sometimes(5, s3_lab.cut), "half": lambda s3: s3_lab.sometimes(3, s3_lab.half(s3), "GET")}
    for name, fault in faults.items():
        with Store("--encryption", "none") as s, Bucket(s, page=7) as k:
            tree, _ = make(s, size=20)
            k.s3.faults = [fault(k.s3)]
            k.push(s)
            k.pull(s)
            k.s3.faults = []
            check(compare(tree, restored(s, s.path("pulled"))) == "", name, "another tree came back")
            check(k.s3.refused == [] or all(x[2] in ("PreconditionFailed", "NoSuchKey") for x in k.s3.refused), name, "refused:", k.s3.refused)


def a_bucket_that_keeps_failing_is_an_error_that_says_so():
    with Store("--encryption", "none") as s, Bucket(s) as k:
        make(s, size=1)
        k.data = form(k.s3, attempts=2, timeout_ms=1000)
        k.s3.faults = [s3_lab.slow_down(k.s3)]
        p = k.push(s, expect=IO)
        check("503 SlowDown: Please reduce your request rate." in p.stderr and "after 2 attempts" in p.stderr, "it says", p.stderr)
        k.s3.faults = [s3_lab.never]
        began = time.monotonic()
        p = k.push(s, expect=IO)
        check("cannot reach s3://backups/web/one" in p.stderr and time.monotonic() - began < 20, "it says", p.stderr, time.monotonic() - began)


def a_listing_that_lacks_its_end_or_its_token_is_no_listing():
    with Store("--encryption", "none") as s, Bucket(s, page=5) as k:
        make(s, size=9)
        k.push(s)
        k.data = form(k.s3, attempts=1)
        whole = k.s3.listing
        for name, change, says in (("half", lambda t: t[:len(t) // 2], "no XML that can be read"), ("no token", lambda t: t.replace(b"NextContinuationToken", b"NextContinuationTokem"), "not where"),
                                   ("empty", lambda t: b"", "empty"), ("another", lambda t: b"<html><body>Welcome</body></html>", "is none")):
            k.s3.listing = lambda query, change=change: change(whole(query))
            p = k.push(s, "--set", "one", expect=IO)
            check(says in p.stderr, name, "it says", p.stderr)
        k.s3.listing = whole


def an_answer_with_another_checksum_is_not_believed():
    with Store("--encryption", "none") as s, Bucket(s) as k:
        make(s, size=1)
        k.data = form(k.s3, attempts=2)

        def wrong(h, key):
            if h.command != "PUT" or "objects/" not in key:
                return False
            k.s3.answer(h, 200, ETag='"00"', x_amz_checksum_sha256="AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
            return True
        k.s3.faults = [wrong]
        p = k.push(s, expect=IO)
        check("another SHA-256" in p.stderr, "it says", p.stderr)
        check(not any(x.startswith("sets/") for x in k.keys()), "it is a set")


def wrong_keys_regions_and_buckets_are_said_with_what_to_do():
    with Store("--encryption", "none") as s, Bucket(s) as k:
        make(s, size=1)
        for change, code, says in (({"secret_key": "wrong"}, DENIED, "SignatureDoesNotMatch"), ({"access_key": "AKIANONE"}, DENIED, "InvalidAccessKeyId"),
                                   ({"region": "us-east-1"}, IO, "look at endpoint and region"), ({"bucket": "nothere"}, ABSENT, "NoSuchBucket"),
                                   ({"secret_key": ""}, DENIED, "AWS_SECRET_ACCESS_KEY"), ({"bucket": "x/../y"}, USAGE, "bucket"), ({"endpoint": "ftp://x"}, USAGE, "endpoint"),
                                   ({"endpoint": "http://user@x"}, USAGE, "endpoint"), ({"session_token": "unknown"}, DENIED, "InvalidToken")):
            k.data = form(k.s3, **change)
            p = k.push(s, expect=code)
            check(says in p.stderr and SECRET not in p.stderr, change, "it says", p.stderr)
        check(k.s3.objects == {}, "something was put:", list(k.s3.objects))


def a_session_token_is_signed_and_the_environment_is_enough():
    with Store("--encryption", "none") as s, Bucket(s, token="FwoGZXIvYXdzE+token/with=signs") as k:
        make(s, size=1)
        k.at, k.data, k.env = "s3://" + s3_lab.BUCKET + "/web/one", None, k.s3.env()
        k.push(s)
        check(json.loads(k.look(s, "verify", "--set", "one").stdout)["good"] is True, "it is not whole there")
        check(k.s3.refused == [("GET", "web/one/store.json", "NoSuchKey")], "refused:", k.s3.refused)


def no_secret_is_in_a_command_line_or_in_what_is_said():
    with Store("--encryption", "none") as s, Bucket(s) as k:
        make(s, size=30)
        seen = []
        k.s3.faults = [lambda h, key: time.sleep(0.05)]
        p = subprocess.Popen(s.command("--progress", "push", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdin.write(k.data)
        p.stdin.close()
        while p.poll() is None:
            for folder in os.listdir("/proc"):
                try:
                    if folder.isdigit():
                        for what in ("cmdline", "environ") if int(folder) == p.pid else ("cmdline",):
                            with open(f"/proc/{folder}/{what}", "rb") as f:
                                seen.append(f.read())
                except OSError:
                    pass
            time.sleep(0.01)
        said = p.stdout.read() + p.stderr.read()
        p.stdout.close()
        p.stderr.close()
        check(p.returncode == 0 and b"progress " in said, "the push failed:", said)
        check(seen and not any(SECRET.encode() in x for x in seen + [said]), "the secret was shown")


def a_location_that_is_none_is_refused():
    with Store("--encryption", "none") as s:
        make(s, size=1)
        for at, data, code, says in (("nowhere", None, USAGE, "is no location"), ("-", b"{", USAGE, "no JSON object"), ("-", b'{"use": "ftp"}', USAGE, "uses directory, s3 or ssh"),
                                     ("ssh://-oProxyCommand=x/y", None, USAGE, "host"), ("ssh://host", None, USAGE, "path"), (s.path("no", "such", "mount"), None, ABSENT, "such file"),
                                     ("-", b'{"use": "directory", "path": "relative"}', USAGE, "absolute")):
            p = s.run("push", at, data=data, expect=code)
            check(says in p.stderr, at, data, "it says", p.stderr)
        check("needs a location" in s.run("push", expect=USAGE).stderr, "no location is taken")
        p = s.run("pull", s.path("empty"), "--into", s.path("x"), expect=ABSENT)
        check(not os.path.exists(s.path("x")), "a store was made of nothing")


def a_server_that_ends_or_says_nothing_is_an_error_of_its_own():
    with Store("--encryption", "none") as s:
        make(s, size=1)
        for command, code, says in (([SFTP_SERVER, "-R"], DENIED, "cannot"), (["false"], IO, "connection ended"), (["cat"], IO, "no SFTP server"), (["sleep", "100"], IO, "nothing came"),
                                    (["/does/not/exist"], 76, "cannot start"), ("echo Welcome; exec cat", IO, "no SFTP server")):
            data = json.dumps({"use": "ssh", "path": s.path("far"), "command": command, "timeout_ms": 500, "attempts": 2}).encode()
            p = s.run("push", "-", data=data, expect=code)
            check(says in p.stderr, command, "it says", p.stderr)


def another_ones_server_takes_and_gives_a_set():
    """Transport only: s3rver (npm) compares neither signatures nor hashes. It is not in Debian, so it is tried where somebody has installed it."""
    program = shutil.which("s3rver")
    if not program:
        print("not tried with s3rver, which is not installed (npm install s3rver); the stand-in above is the stricter one", file=sys.stderr)
        return
    with Store("--encryption", "none") as s:
        tree, digest = make(s, size=30)
        port = free_port()
        log = open(s.path("log"), "wb")
        p = subprocess.Popen([program, "-d", s.path("s3rver"), "-a", "127.0.0.1", "-p", str(port), "--configure-bucket", "backups"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            until(lambda: b"listening" in open(s.path("log"), "rb").read() or p.poll() is not None, seconds=30, text="s3rver does not start")
            data = json.dumps(dict({"use": "s3", "bucket": "backups", "prefix": "web/one", "endpoint": f"http://127.0.0.1:{port}", "access_key": "S3RVER", "secret_key": "S3RVER"}, **FAST)).encode()
            s.run("push", "-", data=data, expect=0)
            s.run("verify", "--set", "one", "--at", "-", data=data, expect=0)
            s.run("pull", "-", "--into", s.path("pulled"), "--digest", digest, "--set", "one", data=data, expect=0)
            check(compare(tree, restored(s, s.path("pulled"))) == "", "another tree came back")
            said = json.loads(s.run("prune", "--at", "-", "--remove", "one", data=data, expect=0).stdout)
            check(said["objects_kept"] == 0 and said["objects_removed"] > 0, "prune says", said)
        finally:
            p.terminate()
            p.wait()
            log.close()


class Sshd:
    """A real one on the loopback, with keys and a configuration of its own"""

    def __init__(self, s):
        sshd = need("sshd")
        need("ssh")
        self.dir = s.path("sshd")
        os.makedirs(self.dir)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(self.dir, name)], check=True)
        shutil.copy(os.path.join(self.dir, "user.pub"), os.path.join(self.dir, "authorized"))
        self.port = free_port()
        conf = os.path.join(self.dir, "sshd_config")
        with open(conf, "w") as f:
            f.write(f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.dir}/host\nAuthorizedKeysFile {self.dir}/authorized\nPasswordAuthentication no\nUsePAM no\n"
                    f"StrictModes no\nPidFile none\nPermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.log = os.path.join(self.dir, "log")
        self.process = subprocess.Popen([sshd, "-D", "-e", "-f", conf], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(self.log, "wb"))
        until(lambda: b"listening" in open(self.log, "rb").read() or self.process.poll() is not None, text="sshd does not start")
        check(self.process.poll() is None, "sshd ended:", open(self.log).read())
        with open(os.path.join(self.dir, "host.pub")) as f:
            kind, key = f.read().split()[:2]
        with open(os.path.join(self.dir, "known"), "w") as f:
            f.write(f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def form(self, path, identity="user", known="known"):
        return json.dumps(dict({"use": "ssh", "path": path, "command": ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i", os.path.join(self.dir, identity), "-o",
                                "UserKnownHostsFile=" + os.path.join(self.dir, known), "-p", str(self.port), "-s", "127.0.0.1", "sftp"]}, timeout_ms=20000, attempts=2)).encode()


def a_real_ssh_server_takes_and_gives_a_set():
    with Store("--encryption", "none") as s, Sshd(s) as sshd:
        tree, digest = make(s, size=60)
        data = sshd.form(s.path("far"))
        s.run("push", "-", data=data, expect=0)
        s.run("verify", "--set", "one", "--at", "-", data=data, expect=0)
        s.run("pull", "-", "--into", s.path("pulled"), "--set", "one", "--digest", digest, data=data, expect=0)
        check(compare(tree, restored(s, s.path("pulled"))) == "", "another tree came back")
        p = s.run("push", "-", data=sshd.form(s.path("far"), known="none"), expect=IO)
        check("Host key verification failed" in p.stderr, "a host that is not known:", p.stderr)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(sshd.dir, "stranger")], check=True)
        p = s.run("push", "-", data=sshd.form(s.path("far"), identity="stranger"), expect=IO)
        check("Permission denied" in p.stderr, "a key that is not known:", p.stderr)


main(a_set_that_was_sent_comes_back_byte_for_byte,
     only_what_is_not_there_is_sent,
     an_encrypted_store_travels_without_its_key,
     what_is_damaged_there_is_found_and_never_becomes_a_set_here,
     a_manifest_that_was_changed_there_is_refused,
     pull_mends_what_is_damaged_here,
     killed_while_it_sends_is_no_set_there_and_is_gone_on_with,
     killed_while_it_fetches_is_no_set_here_and_is_gone_on_with,
     prune_of_a_location_follows_the_same_rule,
     a_piece_that_comes_often_is_found_each_time,
     a_location_belongs_to_one_store,
     a_bucket_that_fails_now_and_then_gets_all_of_it,
     a_bucket_that_keeps_failing_is_an_error_that_says_so,
     a_listing_that_lacks_its_end_or_its_token_is_no_listing,
     an_answer_with_another_checksum_is_not_believed,
     wrong_keys_regions_and_buckets_are_said_with_what_to_do,
     a_session_token_is_signed_and_the_environment_is_enough,
     no_secret_is_in_a_command_line_or_in_what_is_said,
     a_location_that_is_none_is_refused,
     a_server_that_ends_or_says_nothing_is_an_error_of_its_own,
     another_ones_server_takes_and_gives_a_set,
     a_real_ssh_server_takes_and_gives_a_set)
