# SPDX-License-Identifier: Apache-2.0
"""What a backup is put through between its making and its use: damage of every kind, wrong keys, hostile trees, other hands in the store. Each is found, and said.

FAULTS=N: so many random single faults, drawn with SEED (60; 1,000 where LONG is set)."""
import hashlib
import json
import os
import random
import shutil
import stat
import struct
import subprocess

from lab import check, main, until
from store_lab import ABSENT, BUSY, DAMAGED, DENIED, EXISTS, PARTLY, USAGE, Store, compare, document, look, odd_tree, write


def files_of(store):
    return sorted(os.path.join(d, f) for d, _, files in os.walk(store) for f in files)


def with_key(s, *init):
    write(s.path("key"), os.urandom(32), mode=0o600)
    s.key = ["--key-file", s.path("key")]
    s.init(*init)
    return s


def damage(s, draw, others):
    """One fault in what the set 'one' is read by; what was done, as text. others: manifests of another set of this store, and of another store."""
    kind = draw.choice(("flip", "flip", "flip", "truncate", "missing", "swapped set", "swapped store", "swapped object", "append"))
    index = [f for f in files_of(s.store) if "/objects/" in f or f.endswith(("/one/manifest.json", "/store.json"))]
    if kind.startswith("swapped s"):
        shutil.copy(others[kind == "swapped store"], os.path.join(s.store, "sets", "one", "manifest.json"))
        return kind
    path = draw.choice(index if kind != "swapped object" else [f for f in index if "/objects/" in f])
    with open(path, "rb") as f:
        data = bytearray(f.read())
    what = f"{kind} {os.path.relpath(path, s.store)} ({len(data)} bytes)"
    if kind == "missing":
        os.unlink(path)
        return what
    if kind == "swapped object":
        with open(draw.choice([f for f in index if "/objects/" in f and f != path]), "rb") as f:
            data = f.read()
    elif kind == "flip":
        at = draw.randrange(len(data))
        data[at] ^= 1 << draw.randrange(8)
        what += f" at {at}"
    elif kind == "truncate":
        del data[draw.randrange(len(data)):]
    else:
        data += draw.randbytes(draw.randrange(1, 20))
    with open(path, "wb") as f:
        f.write(data)
    return what


def small_tree(root, draw):
    for i in range(draw.randrange(1, 8)):
        write(os.path.join(root, "d%d" % (i % 2), "f%d" % i), draw.choice((draw.randbytes, lambda n: b"text " * (n // 5 + 1)))(draw.randrange(1, 5000)))
    if draw.random() < 0.3:
        write(os.path.join(root, "large"), draw.randbytes(1000) * 2500)


def every_single_fault_is_found():
    """Sets with nothing in common, one random fault in each between capture and proof: all refused by verify. What restore says is asked, too: never a success that differs."""
    wanted = int(os.environ.get("FAULTS") or (1000 if os.environ.get("LONG") else 60))
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"SEED={seed} FAULTS={wanted}", flush=True)
    draw = random.Random(seed)
    with Store() as elsewhere:
        write(elsewhere.path("tree", "x"), b"elsewhere")
        elsewhere.back_up("one", elsewhere.path("tree"))
        for n in range(wanted):
            with Store(make=False) as s:
                if n % 3:
                    s.init("--encryption", "none")
                else:
                    with_key(s, "--encryption", "all")
                small_tree(s.path("tree"), draw)
                s.put("one", s.path("tree"))
                s.put_stream("one", draw.randbytes(draw.randrange(1, 3000)))
                digest = s.seal("one")
                s.verify("one", "--digest", digest)
                write(s.path("other", "x"), draw.randbytes(10))
                # another set of this store, which only the fault can bring in
                s.run("put", "--set", "two", "--item", "files", "--kind", "files", "--tree", s.path("other"), expect=0)
                s.seal("two")
                others = s.path("other-manifest"), os.path.join(elsewhere.store, "sets", "one", "manifest.json")
                shutil.move(os.path.join(s.store, "sets", "two", "manifest.json"), others[0])
                shutil.rmtree(os.path.join(s.store, "sets", "two"))
                s.run("prune", expect=0)
                what = damage(s, draw, others)
                p = s.verify("one", "--digest", digest, expect=None)
                check(p.returncode in (DAMAGED, ABSENT, DENIED), f"fault {n} ({what}): verify ended with {p.returncode}", p.stdout[-500:], p.stderr)
                p = s.verify("one", expect=None)  # without the digest, too, for all but what only the digest can tell
                check(p.returncode in (DAMAGED, ABSENT, DENIED), f"fault {n} ({what}): verify without a digest ended with {p.returncode}", p.stdout[-500:], p.stderr)
                p = s.run("restore", "--set", "one", "--item", "files", "--to", s.path("out"), "--digest", digest)
                check(p.returncode != 0 or not compare(s.path("tree"), s.path("out")), f"fault {n} ({what}): restored without a word, it differs")


def the_digest_tells_a_manifest_from_one_that_was_made_to_fit():
    with Store() as s:
        write(s.path("tree", "file"), b"what was deployed")
        _, digest = s.back_up("one", s.path("tree"))
        shutil.rmtree(os.path.join(s.store, "sets"))
        os.mkdir(os.path.join(s.store, "sets"), 0o700)
        write(s.path("tree", "file"), b"what an intruder wants")
        s.back_up("one", s.path("tree"))
        s.verify("one")
        check("recorded when it was sealed" in s.verify("one", "--digest", digest, expect=DAMAGED).stderr, "no message")
        p = s.run("restore", "--set", "one", "--item", "files", "--to", s.path("out"), "--digest", digest, expect=DAMAGED)
        check(not os.path.exists(s.path("out")), "it was restored", p.stdout)


def verify_names_the_item_and_the_file():
    with Store() as s:
        write(s.path("a", "good"), b"good")
        write(s.path("b", "bad"), b"bad" * 100)
        s.put("one", s.path("a"), item="first")
        s.put("one", s.path("b"), item="second")
        s.seal("one")
        bad = [f["object"] for f in s.json("show", "--set", "one", "--item", "second", "--files")["files"] if f["type"] == "file"][0]
        os.unlink(os.path.join(s.store, "objects", bad[:2], bad[2:]))
        answer = s.json("verify", "--set", "one", expect=DAMAGED)
        items = {i["name"]: i for i in answer["items"]}
        check(items["first"]["good"] and not items["second"]["good"] and not answer["good"], "items", items)
        check(items["second"]["problems"] == [{"path": "bad", "text": f"object {bad} is missing"}], "problems", items["second"]["problems"])
        s.verify("one", "--item", "first")
        # and it heals: a backup that reads again writes what is damaged anew
        s.back_up("two", s.path("b"), "--rehash")
        s.verify("one")


def a_damaged_object_is_written_anew_when_all_is_read():
    with Store() as s:
        write(s.path("tree", "file"), b"content " * 1000)
        s.back_up("one", s.path("tree"))
        for path in s.objects():
            with open(path, "r+b") as f:
                f.seek(-1, 2)
                byte = f.read(1)
                f.seek(-1, 2)
                f.write(bytes([byte[0] ^ 1]))
        s.verify("one", expect=DAMAGED)
        s.back_up("two", s.path("tree"), "--rehash")
        s.verify("two")


def encrypted_content_is_nowhere_in_the_store():
    for mode, secret_only in (("all", False), ("secrets", True)):
        with with_key_store("--encryption", mode) as s:
            write(s.path("tree", "name-of-a-file"), b"the secret text " * 3000)
            s.put("one", s.path("tree"), "--secret")
            s.put_stream("one", b"another secret text " * 100000, "--secret")
            s.put_stream("one", b"public text", item="public")
            digest = s.seal("one")
            s.verify("one", "--digest", digest)
            for path in files_of(os.path.join(s.store, "objects")):
                with open(path, "rb") as f:
                    data = f.read()
                check(b"secret text" not in data and b"name-of-a-file" not in data, "it is in the clear in", path)
                check(secret_only or data[5] & 2, "an object is not encrypted", path)
            hashes = {i["name"]: (i["encrypted"], i["secret"]) for i in s.json("show", "--set", "one")["items"]}
            check(hashes == {"files": (True, True), "stream": (True, True), "public": (not secret_only, False)}, "items", hashes)
            before = len(s.objects())
            s.put("two", s.path("tree"), "--secret", "--rehash")
            check(len(s.objects()) <= before + 1, "equal files are not one object")
            s.json("restore", "--set", "one", "--item", "files", "--to", s.path("out"))
            check(not compare(s.path("tree"), s.path("out")), "differs")


def with_key_store(*init):
    return with_key(Store(make=False), *init)


def keys_are_refused_when_they_are_wrong_lost_or_unsafe():
    with with_key_store("--encryption", "secrets") as s:
        write(s.path("tree", "file"), b"secret")
        s.put("one", s.path("tree"), "--secret")
        s.put_stream("one", b"public", item="public")
        s.seal("one")
        right = s.path("key")
        shutil.copy(right, s.path("copy"))
        s.key = []  # the store remembers where its key is
        s.verify("one")
        os.rename(right, s.path("away"))
        check("needs the key" in s.verify("one", expect=DENIED).stderr, "lost key: no message")
        check("needs the key" in s.run("restore", "--set", "one", "--item", "files", "--to", s.path("out"), expect=DENIED).stderr, "lost key, restore: no message")
        s.verify("one", "--item", "public")
        s.put("two", s.path("tree"))  # what is no secret needs none
        s.put("two", s.path("tree"), "--secret", item="secret", expect=DENIED)
        check("needs the key" in s.run("prune", expect=DENIED).stderr, "pruned without knowing what is referred to")
        s.key = ["--key-file", right]
        s.verify("one", expect=ABSENT)
        write(right, os.urandom(32), mode=0o600)
        check("not this store's" in s.verify("one", expect=DENIED).stderr, "wrong key: no message")
        s.key = ["--key-file", s.path("copy")]
        for mode in (0o640, 0o604, 0o620):
            os.chmod(s.path("copy"), mode)
            check("not taken" in s.verify("one", expect=DENIED).stderr, "unsafe key: no message", oct(mode))
        os.chmod(s.path("copy"), 0o600)
        s.verify("one")
        if os.geteuid() == 0:
            os.chown(s.path("copy"), 12345, -1)
            s.verify("one", expect=DENIED)
            os.chown(s.path("copy"), 0, -1)
        write(s.path("short"), b"short", mode=0o600)
        s.key = ["--key-file", s.path("short")]
        s.verify("one", expect=DENIED)
        s.key = ["--passphrase-file", s.path("copy")]
        s.verify("one", expect=DENIED)


def a_passphrase_opens_what_it_closed():
    with Store(make=False) as s:
        write(s.path("pass"), b"correct horse battery staple\n", mode=0o600)
        s.key = ["--passphrase-file", s.path("pass")]
        s.init("--encryption", "all")
        write(s.path("tree", "file"), b"secret")
        _, digest = s.back_up("one", s.path("tree"))
        write(s.path("pass"), b"correct horse battery staple", mode=0o600)  # the line's end is no part of it
        s.verify("one", "--digest", digest)
        write(s.path("pass"), b"incorrect horse", mode=0o600)
        s.verify("one", expect=DENIED)
        write(s.path("pass"), b"\n", mode=0o600)
        check("empty" in s.verify("one", expect=DENIED).stderr, "empty passphrase: no message")
        s.key = []
        s.verify("one", expect=DENIED)
        with Store(make=False) as other:
            other.run("init", expect=USAGE)
            other.run("init", "--encryption", "all", expect=USAGE)


def a_key_file_that_is_not_there_is_made():
    with Store(make=False) as s:
        s.key = ["--key-file", s.path("new-key")]
        s.init()
        st = os.stat(s.path("new-key"))
        check(st.st_mode & 0o777 == 0o600 and st.st_size == 32, "key", oct(st.st_mode), st.st_size)
        check(os.stat(s.store).st_mode & 0o777 == 0o700, "the store is open to others")


def a_key_can_be_changed():
    with with_key_store("--encryption", "all") as s:
        write(s.path("tree", "file"), b"secret" * 100)
        _, digest = s.back_up("one", s.path("tree"))
        old = s.key
        s.key = []
        said = s.json("key", "change", "--new-key-file", s.path("second"))  # the old one is remembered
        check(said["method"] == "file" and os.stat(s.path("second")).st_mode & 0o777 == 0o600, "it says", said)
        s.verify("one", "--digest", digest)  # the new one is, too
        s.key = old
        check("not this store's" in s.verify("one", expect=DENIED).stderr, "the old key opens it")
        s.run("key", "change", "--new-key-file", s.path("third"), expect=DENIED)
        s.key = []
        write(s.path("phrase"), b"correct horse battery staple\n", mode=0o600)
        s.json("key", "change", "--new-passphrase-file", s.path("phrase"))
        s.verify("one", expect=DENIED)
        s.key = ["--passphrase-file", s.path("phrase")]
        s.verify("one", "--digest", digest)
        s.back_up("two", s.path("tree"))
        check(len(s.objects()) <= 4, "equal content has other ids under the new key")
        write(s.path("open"), os.urandom(32), mode=0o644)
        for wrong, code in (((), USAGE), (("--new-key-file", s.path("open")), DENIED), (("--new-key-file", s.path("no", "such", "folder")), None),
                            (("--new-key-file", s.path("x"), "--new-passphrase-file", s.path("x")), USAGE), (("--new-passphrase-file", s.path("absent")), ABSENT)):
            p = s.run("key", "change", *wrong, expect=code)
            check(p.returncode != 0, "taken:", wrong)
        s.run("key", expect=USAGE)
        s.verify("one", "--digest", digest)
        with Store() as plain:
            plain.run("key", "change", "--new-key-file", plain.path("key"), expect=USAGE)
            plain.key = s.key  # someone has put a store that encrypts nothing in the place of one that does
            check("encrypts nothing" in plain.put_stream("one", b"secret", expect=DENIED).stderr, "a key for nothing is taken")


def a_store_that_was_made_to_encrypt_less_does_not_open():
    with with_key_store("--encryption", "all") as s:
        write(s.path("tree", "file"), b"secret")
        s.back_up("one", s.path("tree"))
        path = os.path.join(s.store, "store.json")
        with open(path) as f:
            o = json.load(f)
        write(path, document(dict(o, encryption="secrets")).encode())
        check("not this store's" in s.put("two", s.path("tree"), expect=DENIED).stderr, "secrets would go to it in the clear")
        write(path, document(dict(o, encryption="all")).encode())
        s.verify("one")


def a_restore_that_breaks_off_deletes_nothing_that_the_backup_has():
    with Store() as s:
        draw = random.Random(11)
        for i in range(400):
            write(s.path("tree", "sub", "f%03d" % i), draw.randbytes(300))
        s.back_up("one", s.path("tree"))
        before = look(s.path("tree"))
        lost = next(f for f in s.json("show", "--set", "one", "--item", "files", "--files")["files"] if f["path"].endswith("f010"))
        os.unlink(os.path.join(s.store, "objects", lost["object"][:2], lost["object"][2:]))
        write(s.path("tree", "sub", "f010"), b"other")
        write(s.path("tree", "extra"), b"extra")
        s.run("restore", "--set", "one", "--item", "files", "--in-place", "--delete", expect=DAMAGED)
        gone = [path for path in before if path != "names" and not os.path.lexists(os.path.join(os.fsencode(s.path("tree")), path))]
        check(not gone, "files were deleted that the backup has:", len(gone), gone[:3])
        check(os.path.exists(s.path("tree", "extra")), "something was deleted by a restore that broke off")


def links_in_the_target_are_not_followed():
    with Store() as s:
        tree, victim = odd_tree(s.path("tree")), s.path("victim")
        s.back_up("one", tree)
        write(os.path.join(victim, "plain"), b"must stay")
        before = look(victim)
        # the root, a folder in it, a file in it
        os.rename(os.path.join(tree, "a"), s.path("a-away"))
        os.symlink(victim, os.path.join(tree, "a"))
        os.unlink(os.path.join(tree, "plain"))
        os.symlink(os.path.join(victim, "plain"), os.path.join(tree, "plain"))
        done = s.json("restore", "--set", "one", "--item", "files", "--in-place", "--delete", expect=PARTLY)
        check([r["path"] for r in done["refused"]] == [os.path.join(tree, "a")] and "not followed" in done["refused"][0]["why"], "refused", done["refused"])
        check(not os.path.islink(os.path.join(tree, "plain")), "a link in the place of a file was kept")
        check(look(victim) == before, "it was written through a link")
        os.rename(tree, s.path("tree-away"))
        os.symlink(victim, tree)
        p = s.run("restore", "--set", "one", "--item", "files", "--in-place", expect=None)
        check(p.returncode in (DENIED, PARTLY) and "not followed" in p.stdout + p.stderr, "a link in the place of the tree:", p.returncode, p.stdout[-300:], p.stderr)
        check(look(victim) == before, "it was written through a link in the place of the tree")
        # above the tree
        os.unlink(tree)
        os.makedirs(s.path("up", "down"))
        write(s.path("up", "down", "file"), b"x")
        s.back_up("two", s.path("up", "down"))
        shutil.move(s.path("up"), s.path("up-away"))
        os.symlink(victim, s.path("up"))
        p = s.run("restore", "--set", "two", "--item", "files", "--in-place", expect=DENIED)
        check("not followed" in p.stderr and look(victim) == before, "it was written through a link above the tree", p.stderr)


def what_stands_in_the_way_is_not_removed():
    with Store() as s:
        write(s.path("tree", "file"), b"a file")
        write(s.path("tree", "other"), b"another")
        s.back_up("one", s.path("tree"))
        os.unlink(s.path("tree", "file"))
        write(s.path("tree", "file", "precious"), b"in a folder of that name")
        done = s.json("restore", "--set", "one", "--item", "files", "--in-place", expect=PARTLY)
        check(len(done["refused"]) == 1 and os.path.exists(s.path("tree", "file", "precious")), "refused", done)


def object_of(s, data):
    """Puts bytes into the store as failback-store does, uncompressed; the id."""
    name = hashlib.sha256(data).hexdigest()
    with open(os.path.join(s.store, "objects", name[:2], name[2:]), "wb") as f:
        f.write(b"FBOB" + bytes((1, 0, 0, 0)) + struct.pack("<QQ", len(data), 0) + data)
    return name


def record(kind, path, link=b"", size=0, content=bytes(32), hard=False):
    """As in a list of files (list.c)."""
    body = struct.pack("<cBHIIqIqIQQQQ", kind, 2 if hard else 0, 0o644, os.geteuid(), os.getegid(), 1, 0, 1, 0, 1, 1, size, size) + content
    body += struct.pack("<IIII", len(path), len(link), 0, 0) + path + link
    return struct.pack("<I", len(body)) + body


def a_set_that_was_made_to_hurt_is_refused_at_restore():
    """All sums are right: only what the list says is evil, and it is refused for that, with a word, before anything is written outside."""
    with Store() as s:
        write(s.path("tree", "plain"), b"plain")
        s.back_up("one", s.path("tree"))
        manifest = os.path.join(s.store, "sets", "one", "manifest.json")
        with open(manifest) as f:
            o = json.load(f)
        victim = s.path("victim")
        write(os.path.join(victim, "file"), b"must stay")
        before = look(victim)
        evil = bytes.fromhex(object_of(s, b"evil"))
        escape = os.fsencode(os.path.relpath(os.path.join(victim, "file"), s.path("out")))
        begin = record(b"R", os.fsencode(s.path("tree"))) + record(b"d", b"")
        file = lambda path: record(b"f", path, size=4, content=evil)
        cases = {"../": (file(escape), "leaves its tree"), "absolute": (file(os.fsencode(victim) + b"/file"), "leaves its tree"), "inner ..": (file(b"a/../../victim/file"), "leaves its tree"),
                 "device": (record(b"b", b"sda"), "devices are never restored"), "character device": (record(b"c", b"mem"), "devices are never restored"),
                 "socket": (record(b"s", b"socket"), "not known"), "hard link outside": (record(b"f", b"h", link=escape, size=4, content=evil, hard=True), "a link that cannot be"),
                 "file behind a link": (record(b"l", b"s", link=os.fsencode(victim)) + file(b"s/file"), "in no folder"), "twice": (file(b"x") + file(b"x"), "not in order"),
                 "NUL": (file(b"a\0b"), "a NUL in a name"), "cut": (file(b"x")[:-3], "cut short"), "huge": (struct.pack("<I", 1 << 31) + b"x", "too large")}
        for name, (records, said) in cases.items():
            listing = b"FBLIST\1\0" + begin + records
            item = dict(o["items"][0], object=object_of(s, listing), list_size=len(listing), seconds=0.5)
            write(manifest, document(dict(o, items=[item])).encode())
            for how in (("--to", s.path("out")), ("--in-place",)):
                p = s.run("restore", "--set", "one", "--item", "files", *how, expect=None)
                check(p.returncode == DAMAGED and said in p.stderr, f"{name}: ended with", p.returncode, p.stdout[-300:], p.stderr)
                check(look(victim) == before, f"{name}: it was written outside of the tree")
            verified = s.verify("one", expect=DAMAGED).stdout
            if name == "file behind a link":  # known by the restore, which goes through folders
                continue
            check(said in verified, f"{name}: verify does not say it:", verified)
            p = s.run("export", "--set", "one", "--to", s.path("x.tar.zst"), expect=DAMAGED)
            check(said in p.stderr and not os.path.exists(s.path("x.tar.zst")), f"{name}: it is exported:", p.stderr)


def a_device_in_the_way_or_in_the_tree_is_left_alone():
    if os.geteuid() != 0:
        print("left out, making devices needs root: a_device_in_the_way_or_in_the_tree_is_left_alone")
        return
    with Store() as s:
        write(s.path("tree", "file"), b"a file")
        try:
            os.mknod(s.path("tree", "device"), 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        except PermissionError:
            print("left out, this container may not make devices")
            return
        answer, _ = s.back_up("one", s.path("tree"))
        check([x["why"] for x in answer["skipped"]] == ["a device"], "skipped", answer["skipped"])
        os.unlink(s.path("tree", "file"))
        os.rename(s.path("tree", "device"), s.path("tree", "file"))
        done = s.json("restore", "--set", "one", "--item", "files", "--in-place", "--delete", expect=PARTLY)
        check("there is a device" in done["refused"][0]["why"] and stat.S_ISCHR(os.lstat(s.path("tree", "file")).st_mode), "refused", done)


def prune_keeps_what_a_kept_set_needs():
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"SEED={seed}", flush=True)
    draw = random.Random(seed)
    with Store() as s:
        tree, kept = s.path("tree"), {}
        for n in range(12 if not os.environ.get("LONG") else 60):
            for _ in range(4):
                write(os.path.join(tree, "f%d" % draw.randrange(12)), draw.randbytes(draw.randrange(1, 4000)))
            if draw.random() < 0.3:
                write(os.path.join(tree, "large"), draw.randbytes(1 << 20) * 2 + draw.randbytes(5))
            name = f"set{n}"
            s.back_up(name, tree)
            kept[name] = look(tree)
            if len(kept) > 3:
                gone = draw.sample(sorted(kept), draw.randrange(1, 3))
                how = ("--remove", *gone) if draw.random() < 0.5 else ("--keep", *(k for k in kept if k not in gone))
                dry = s.json("prune", *how, "--dry-run")
                before = len(s.objects())
                check(len(s.objects()) == before and all(os.path.exists(os.path.join(s.store, "sets", k)) for k in kept), "a dry run has removed")
                done = s.json("prune", *how)
                check(dry["sets"] == done["sets"] and dry["objects_removed"] == done["objects_removed"], "the dry run said", dry, "and then was", done)
                check(sorted(x["name"] for x in done["sets"] if x["decision"] == "remove") == sorted(gone), "removed", done["sets"])
                check(len(s.objects()) == before - done["objects_removed"], "objects")
                for k in gone:
                    del kept[k]
                for k in kept:
                    s.verify(k)
        for k in kept:
            s.json("restore", "--set", k, "--item", "files", "--to", s.path("out", k))
            check(look(s.path("out", k)) == kept[k], "set", k, "is not what it was")
        s.json("prune", "--remove", *kept)
        check(s.objects() == [], "objects are left that nothing refers to")


def prune_removes_nothing_on_doubt():
    with Store() as s:
        write(s.path("tree", "file"), b"x")
        s.back_up("one", s.path("tree"))
        write(s.path("tree", "file"), b"y")
        s.back_up("two", s.path("tree"))
        before = s.objects()
        s.run("prune", "--remove", "tow", expect=ABSENT)
        s.run("prune", "--keep", "one", "tow", expect=ABSENT)
        manifest = os.path.join(s.store, "sets", "two", "manifest.json")
        with open(manifest) as f:
            text = f.read()
        for wrong in (text[:-20], text.replace("file", "fine", 1), "", None):
            os.unlink(manifest)
            if wrong is not None:
                write(manifest, wrong.encode())
            write(os.path.join(s.store, "objects", "00", ".t-left"), b"of one that was killed")
            shutil.copytree(os.path.join(s.store, "sets", "one"), os.path.join(s.store, "sets", "old.gone"))
            for dry in ((), ("--dry-run",)):
                answer = s.json("prune", "--remove", "one", *dry, expect=DAMAGED)
                check([d["name"] for d in answer["damaged"]] == ["two"] and answer["objects_removed"] == 0, "it says", answer)
                decisions = {x["name"]: (x["decision"], x["why"]) for x in answer["sets"]}
                check(decisions["one"][0] == "keep" and "damaged" in decisions["one"][1] and decisions["two"][0] == "keep", "decisions", decisions)
            said = s.run("prune", "--remove", "one", expect=DAMAGED).stderr
            check("two, which is kept, is damaged" in said and "remove --set two" in said, "it is not said which and what to do:", said)
            check(s.objects() == before and os.path.exists(os.path.join(s.store, "sets", "one")), "something was removed, or a temporary file stays")
            check(not os.path.exists(os.path.join(s.store, "sets", "old.gone")), "a removal that was begun is not ended")
            s.verify("one")
            if wrong is None:
                write(manifest, b"")
        s.run("prune", "--remove", "two", expect=0)  # what is damaged itself may go
        s.verify("one")
        check(len(s.objects()) < len(before), "what only the damaged set had is still there")


def prune_keeps_all_where_a_list_of_files_is_lost():
    with Store() as s:
        for name in ("one", "two", "three"):
            write(s.path("tree", "file"), name.encode() * 100)
            s.back_up(name, s.path("tree"))
        lost = s.json("show", "--set", "two", "--item", "files")["object"]
        os.unlink(os.path.join(s.store, "objects", lost[:2], lost[2:]))
        before = s.objects()
        answer = s.json("prune", "--keep", "two", "three", expect=DAMAGED)
        check([d["name"] for d in answer["damaged"]] == ["two"] and lost in answer["damaged"][0]["problem"], "it says", answer["damaged"])
        check(s.objects() == before, "objects that the damaged set may need were removed")
        s.verify("one")
        s.verify("three")
        s.put("four", s.path("tree"))  # and what is written meanwhile is whole
        s.seal("four")
        s.verify("four")
        command = s.run("prune", expect=DAMAGED).stderr.split("give it up with ", 1)[1].split(", and prune", 1)[0]
        s.run(*command.split()[3:], expect=0)
        check(s.json("prune", "--keep", "three", "four")["objects_removed"] > 0, "it does not go on after that")
        s.verify("three")
        s.verify("four")


def prune_waits_for_nobody_and_spares_those_who_write():
    with Store() as s:
        write(s.path("tree", "file"), b"x" * 1000)
        reader, writer = os.pipe()
        p = subprocess.Popen(s.command("put", "--set", "one", "--item", "slow", "--kind", "dump", "--stdin"), stdin=reader, stdout=subprocess.DEVNULL)
        os.close(reader)
        os.write(writer, b"some")
        until(lambda: os.path.exists(os.path.join(s.store, "sets", "one.part")), text="the writer did not begin")
        s.run("prune", expect=BUSY)
        os.close(writer)
        check(p.wait() == 0, "the writer failed")
        answer = s.json("prune")
        check([x["decision"] for x in answer["sets"]] == ["keep"] and answer["objects_removed"] == 0, "what is being composed was removed:", answer)
        s.seal("one")
        s.verify("one")


def an_item_that_comes_after_the_seal_is_refused():
    with Store() as s:
        s.put_stream("one", b"first", item="first")
        reader, writer = os.pipe()
        p = subprocess.Popen(s.command("put", "--set", "one", "--item", "late", "--kind", "dump", "--stdin"), stdin=reader, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        os.close(reader)
        until(lambda: any("sets/one.part" in os.path.realpath(f"/proc/{p.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{p.pid}/fd")), text="the late one did not begin")
        s.seal("one")
        os.close(writer)
        said = p.communicate()[1]
        check(p.returncode == EXISTS and "not in it" in said, "the late item ended with", p.returncode, said)
        check([i["name"] for i in s.json("show", "--set", "one")["items"]] == ["first"], "items")
        s.verify("one")


def a_leftover_of_someone_who_is_gone_is_removed():
    with Store() as s:
        write(s.path("tree", "file"), b"left over")
        owner = subprocess.Popen(["sleep", "1000"])
        try:
            s.put("one", s.path("tree"), "--owner", str(owner.pid), item="old")
            check([x["decision"] for x in s.json("prune")["sets"]] == ["keep"], "what a live owner composes was removed")
            s.put("one", s.path("tree"), "--owner", str(owner.pid), item="second")
        finally:
            owner.kill()
            owner.wait()
        write(s.path("tree", "file"), b"new")
        s.put("one", s.path("tree"), "--owner", str(os.getpid()), item="new")
        s.seal("one")
        check([i["name"] for i in s.json("show", "--set", "one")["items"]] == ["new"], "items of a leftover are in the set")
        gone = subprocess.Popen(["sleep", "1000"])
        s.put("two", s.path("tree"), "--owner", str(gone.pid))
        gone.kill()
        gone.wait()
        answer = s.json("prune")
        check([(x["name"], x["decision"]) for x in answer["sets"]] == [("one", "keep"), ("two.part", "remove")], "prune", answer)
        check(not os.path.exists(os.path.join(s.store, "sets", "two.part")), "it is still there")
        s.put("three", s.path("tree"), "--owner", "999999999", expect=USAGE)


main(every_single_fault_is_found, the_digest_tells_a_manifest_from_one_that_was_made_to_fit, verify_names_the_item_and_the_file,
     a_damaged_object_is_written_anew_when_all_is_read, encrypted_content_is_nowhere_in_the_store, keys_are_refused_when_they_are_wrong_lost_or_unsafe,
     a_passphrase_opens_what_it_closed, a_key_file_that_is_not_there_is_made, a_key_can_be_changed, a_store_that_was_made_to_encrypt_less_does_not_open,
     a_restore_that_breaks_off_deletes_nothing_that_the_backup_has, links_in_the_target_are_not_followed, what_stands_in_the_way_is_not_removed,
     a_set_that_was_made_to_hurt_is_refused_at_restore, a_device_in_the_way_or_in_the_tree_is_left_alone,
     prune_keeps_what_a_kept_set_needs, prune_removes_nothing_on_doubt, prune_keeps_all_where_a_list_of_files_is_lost,
     prune_waits_for_nobody_and_spares_those_who_write,
     an_item_that_comes_after_the_seal_is_refused, a_leftover_of_someone_who_is_gone_is_removed)
