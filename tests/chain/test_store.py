# SPDX-License-Identifier: Apache-2.0
"""The backup store by its program: what is put comes back, and only when it is what was put."""
import json
import os
import random
import shutil
import socket
import subprocess
import time

from lab import check, main, need
from store_lab import ABSENT, DAMAGED, DENIED, EXISTS, IO, USAGE, Store, compare, digest_of, look, odd_tree, write


def every_sort_of_file_comes_back_as_it_was():
    with Store() as s:
        tree = odd_tree(s.path("tree"))
        answer, digest = s.back_up("one", tree)
        check(answer["changed"] == [] and answer["skipped"] == [], "put says", answer)
        s.verify("one", "--digest", digest)
        done = s.json("restore", "--set", "one", "--item", "files", "--to", s.path("out"), "--digest", digest)
        check(done["refused_found"] == 0, "refused", done["refused"])
        check(not compare(tree, s.path("out")), "differs:", compare(tree, s.path("out")))
        check(os.stat(s.path("out", "sparse")).st_blocks * 512 < 1 << 20, "the sparse file has no holes")
        again = s.json("restore", "--set", "one", "--item", "files", "--to", s.path("out"))
        check(again["created"] + again["replaced"] + again["metadata"] + again["deleted"] == 0, "restored again, it finds to do:", again["changes"])


def several_trees_go_to_their_places():
    with Store() as s:
        a, b, f = odd_tree(s.path("trees", "a")), odd_tree(s.path("trees", "b"), 2), write(s.path("trees", "single"), b"a file is a tree, too", mode=0o604)
        s.run("put", "--set", "one", "--item", "files", "--kind", "files", "--tree", a, b, f, expect=0)
        s.seal("one")
        s.verify("one")
        s.json("restore", "--set", "one", "--item", "files", "--to", s.path("out"))
        for path in (a, b, f):
            there = s.path("out") + os.path.realpath(path)
            check(not compare(path, there), "differs:", compare(path, there))
        before = {path: look(path) for path in (a, b, f)}
        shutil.rmtree(s.path("trees"))
        s.json("restore", "--set", "one", "--item", "files", "--in-place")
        for path in (a, b, f):
            check(look(path) == before[path], "in place it is not what it was:", path)


def one_file_or_folder_can_be_restored():
    with Store() as s:
        tree = odd_tree(s.path("tree"))
        s.back_up("one", tree)
        before = look(tree)
        write(os.path.join(tree, "plain"), b"wrong")
        shutil.rmtree(os.path.join(tree, "a"))
        done = s.json("restore", "--set", "one", "--item", "files", "--in-place", "--only", os.path.join(tree, "a", "b"), "odd/-dash")
        check(done["created"] == 4, "created", done["changes"])
        check(open(os.path.join(tree, "plain"), "rb").read() == b"wrong", "what was not asked for was restored")
        check(os.path.exists(os.path.join(tree, "a", "b", "c", "deep")) and not os.path.exists(os.path.join(tree, "a", "second name")), "not what was asked for")
        check(s.run("restore", "--set", "one", "--item", "files", "--in-place", "--only", "no/such", expect=ABSENT).stderr.count("nothing at no/such") == 1, "no message")
        s.json("restore", "--set", "one", "--item", "files", "--in-place")
        check(look(tree) == before, "restored wholly, it differs")


def a_second_name_alone_is_never_tied_to_other_content():
    with Store() as s:
        write(s.path("tree", "a"), b"right")
        os.link(s.path("tree", "a"), s.path("tree", "b"))
        s.back_up("one", s.path("tree"))
        write(s.path("tree", "a"), b"wrong")  # and so is b
        s.json("restore", "--set", "one", "--item", "files", "--in-place", "--only", "b")
        check(open(s.path("tree", "b"), "rb").read() == b"right" and open(s.path("tree", "a"), "rb").read() == b"wrong", "b is not what was put, or a was restored unasked")
        s.json("restore", "--set", "one", "--item", "files", "--in-place")
        check(os.path.samefile(s.path("tree", "a"), s.path("tree", "b")) and open(s.path("tree", "a"), "rb").read() == b"right", "they are not one file again")


def attributes_come_back_and_extra_ones_go():
    with Store() as s:
        write(s.path("tree", "file"), b"x")
        try:
            os.setxattr(s.path("tree", "file"), "user.kept", b"y" * 2000)
        except OSError as e:
            print("no extended attributes here:", e, flush=True)
            return
        s.back_up("one", s.path("tree"))
        os.setxattr(s.path("tree", "file"), "user.kept", b"z")
        os.setxattr(s.path("tree", "file"), "user.extra", b"z")
        done = s.json("restore", "--set", "one", "--item", "files", "--in-place")
        check([c["change"] for c in done["changes"]] == ["metadata"], "changes", done["changes"])
        check(os.listxattr(s.path("tree", "file")) == ["user.kept"] and os.getxattr(s.path("tree", "file"), "user.kept") == b"y" * 2000, "attributes")
        done = s.json("restore", "--set", "one", "--item", "files", "--in-place")
        check(done["changes"] == [], "restored again, it finds to do:", done["changes"])


def only_what_differs_is_written():
    with Store() as s:
        tree = odd_tree(s.path("tree"))
        s.back_up("one", tree)
        inodes = {f: os.lstat(os.path.join(d, f)).st_ino for d, _, files in os.walk(tree) for f in files}
        write(os.path.join(tree, "random"), b"damage")
        os.chmod(os.path.join(tree, "script"), 0o600)
        # the same size and the same time, other content: only reading tells
        st = os.stat(os.path.join(tree, "one chunk"))
        with open(os.path.join(tree, "one chunk"), "r+b") as f:
            f.write(b"x")
        os.utime(os.path.join(tree, "one chunk"), ns=(st.st_atime_ns, st.st_mtime_ns))
        write(os.path.join(tree, "extra"), b"stays")
        dry = s.json("restore", "--set", "one", "--item", "files", "--in-place", "--dry-run")
        check(open(os.path.join(tree, "random"), "rb").read() == b"damage", "a dry run has written")
        done = s.json("restore", "--set", "one", "--item", "files", "--in-place")
        key = lambda c: (c["path"], c["change"])
        check(sorted(map(key, dry["changes"])) == sorted(map(key, done["changes"])), "the dry run said", dry["changes"], "and then was done", done["changes"])
        changed = {os.path.basename(c["path"]): c["change"] for c in done["changes"]}
        check(changed == {"random": "replaced", "one chunk": "replaced", "script": "metadata", "tree": "metadata"}, "changed:", changed)
        check(os.path.exists(os.path.join(tree, "extra")), "an extra file was deleted unasked")
        for d, _, files in os.walk(tree):
            for f in files:
                if f not in ("random", "one chunk", "extra"):
                    check(os.lstat(os.path.join(d, f)).st_ino == inodes[f], "rewritten without need:", f)
        done = s.json("restore", "--set", "one", "--item", "files", "--in-place", "--delete")
        check(done["deleted"] == 1 and not os.path.exists(os.path.join(tree, "extra")), "the extra file is still there")


def what_was_excluded_is_never_deleted():
    with Store() as s:
        tree = odd_tree(s.path("tree"))
        write(os.path.join(tree, "log", "x.log"), b"log")
        write(os.path.join(tree, "cache", "big"), b"cache")
        answer, _ = s.back_up("one", tree, "--exclude", "*.log", "cache")
        names = [f["path"] for f in s.json("show", "--set", "one", "--item", "files", "--files")["files"]]
        check(not any(n.endswith(".log") or "/cache" in n for n in names), "excluded files were put")
        write(os.path.join(tree, "new", "deep", "y.log"), b"log")
        write(os.path.join(tree, "new", "deep", "junk"), b"junk")
        s.json("restore", "--set", "one", "--item", "files", "--in-place", "--delete")
        check(os.path.exists(os.path.join(tree, "log", "x.log")) and os.path.exists(os.path.join(tree, "cache", "big")), "excluded files were deleted")
        check(os.path.exists(os.path.join(tree, "new", "deep", "y.log")) and not os.path.exists(os.path.join(tree, "new", "deep", "junk")), "new files were not deleted as said")


def streams_and_files_come_back():
    with Store() as s:
        large = random.Random(5).randbytes(1 << 20) * 100
        for name, data in (("nothing", b""), ("byte", b"x"), ("chunk", large[:1 << 20]), ("more", large[:(1 << 20) + 1]), ("large", large)):
            s.put_stream("one", data, item=name)
        path = write(s.path("file"), b"a file\n" * 1000, mode=0o640)
        s.run("put", "--set", "one", "--item", "file", "--kind", "files", "--file", path, expect=0)
        digest = s.seal("one")
        s.verify("one", "--digest", digest)
        shown = s.json("show", "--set", "one")
        check([i["name"] for i in shown["items"]] == ["byte", "chunk", "file", "large", "more", "nothing"], "items", shown["items"])
        large_item = s.json("show", "--set", "one", "--item", "large")
        check(large_item["size"] == len(large) and large_item["written"] < 3 << 20, "equal chunks are not one object:", large_item["written"])
        write(s.path("large"), large)
        check(large_item["hash"] == digest_of(s.path("large")), "the hash is not sha256sum's")
        for name, data in (("nothing", b""), ("byte", b"x"), ("chunk", large[:1 << 20]), ("more", large[:(1 << 20) + 1]), ("large", large)):
            got = s.run("restore", "--set", "one", "--item", name, "--stdout", expect=0, text=False).stdout
            check(got == data, "another stream came back:", name, len(got))
        s.json("restore", "--set", "one", "--item", "large", "--to", s.path("out"))
        check(open(s.path("out", "large"), "rb").read() == large, "another stream was written")
        before = os.stat(path)
        os.unlink(path)
        s.json("restore", "--set", "one", "--item", "file", "--in-place")
        after = os.stat(path)
        check((after.st_mode, after.st_mtime_ns, after.st_size) == (before.st_mode, before.st_mtime_ns, before.st_size), "the file is not what it was")


def unchanged_files_are_not_read():
    with Store() as s:
        tree = s.path("tree")
        for i in range(50):
            write(os.path.join(tree, "d%d" % (i % 5), "f%d" % i), b"content %d" % i)
        write(os.path.join(tree, "large"), b"l" * 3000000)
        time.sleep(0.02)  # a tick of the kernel's clock: what is of the same tick is read again, and that is another test
        first, _ = s.back_up("one", tree)
        check(first["unchanged"] == 0, "unchanged at first", first)
        second, _ = s.back_up("two", tree)
        check(second["unchanged"] == 51 and second["read"] == 0, "read again:", second)
        check(second["hash"] == first["hash"] and second["size"] == first["size"] and second["stored"] == first["stored"], "two backups of one tree differ", first, second)
        write(os.path.join(tree, "d1", "f1"), b"CONTENT 1")
        os.unlink(os.path.join(tree, "d2", "f2"))
        write(os.path.join(tree, "d3", "new"), b"new")
        third, _ = s.back_up("three", tree)
        check(third["unchanged"] == 49 and third["read"] == 12, "third", third)
        all_read = s.put_json("four", tree, "--rehash")
        check(all_read["unchanged"] == 0 and all_read["written"] < 5000, "rehash", all_read)
        s.seal("four")
        for name in ("one", "two", "three", "four"):
            s.verify(name)
        s.json("restore", "--set", "three", "--item", "files", "--to", s.path("out"))
        check(not compare(tree, s.path("out")), "differs:", compare(tree, s.path("out")))


def a_change_within_one_tick_of_the_clock_is_found():
    """The racy case: same size, same inode, and a time that the clock gives twice. Each round is one backup and one change right behind it."""
    with Store() as s:
        tree = s.path("tree")
        path = write(os.path.join(tree, "file"), b"0000", age=0)
        for i in range(1, 15):
            s.back_up(f"s{i}", tree)
            st = os.stat(path)
            with open(path, "r+b") as f:  # while the second backup has not begun: same tick or not, it has to be seen
                f.write(b"%04d" % i)
            os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
            s.back_up(f"t{i}", tree)
            s.json("restore", "--set", f"t{i}", "--item", "files", "--to", s.path(f"out{i}"))
            check(open(s.path(f"out{i}", "file"), "rb").read() == b"%04d" % i, "a change was missed in round", i)


def a_file_of_the_backups_own_tick_is_read_again():
    with Store() as s:
        tree = s.path("tree")
        path = write(os.path.join(tree, "file"), b"1")
        far = time.time_ns() + 3600 * 10**9
        os.utime(path, ns=(far, far))  # newer than the backup's start, as one that is written while it runs
        s.back_up("one", tree)
        second, _ = s.back_up("two", tree)
        check(second["unchanged"] == 0, "a file that is newer than the backup was taken for unchanged")


def what_cannot_be_kept_is_said():
    with Store() as s:
        tree = odd_tree(s.path("tree"))
        with socket.socket(socket.AF_UNIX) as unix:
            here = os.getcwd()
            os.chdir(tree)
            unix.bind("socket")
            os.chdir(here)
            answer, _ = s.back_up("one", tree)
        check([x["why"] for x in answer["skipped"]] == ["a socket"], "skipped", answer["skipped"])
        if os.geteuid() != 0:
            os.chmod(os.path.join(tree, "plain"), 0)
            p = s.put("two", tree, expect=DENIED)
            check("cannot read plain" in p.stderr, "message", p.stderr)
            check(s.seal("two", expect=ABSENT) is None, "an item that failed was sealed")


def an_export_needs_no_failback():
    need("zstd")
    with Store() as s:
        tree = odd_tree(s.path("tree"))
        s.put("one", tree)
        s.put_stream("one", b"a dump\n" * 1000, item="dump")
        digest = s.seal("one")
        answer = s.json("export", "--set", "one", "--to", s.path("out.tar.zst"), "--digest", digest)
        check(answer["stored"] == os.path.getsize(s.path("out.tar.zst")) and os.stat(s.path("out.tar.zst")).st_mode & 0o777 == 0o600, "export says", answer)
        os.mkdir(s.path("out"))
        subprocess.run([need("tar"), "--zstd", "-xpf", s.path("out.tar.zst"), "-C", s.path("out")], check=True, stderr=subprocess.DEVNULL)
        check(not compare(tree, s.path("out", "files") + os.path.realpath(tree)), "differs:", compare(tree, s.path("out", "files") + os.path.realpath(tree)))
        check(open(s.path("out", "dump"), "rb").read() == b"a dump\n" * 1000, "the stream differs")
        check([i["name"] for i in json.load(open(s.path("out", "manifest.json")))["items"]] == ["dump", "files"], "the manifest differs")
        s.run("export", "--set", "one", "--item", "dump", "--to", s.path("dump.tar.zst"), expect=0)
        listed = subprocess.run(["tar", "--zstd", "-tf", s.path("dump.tar.zst")], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        check(listed == ["manifest.json", "dump"], "listed", listed)
        os.unlink(s.objects()[0])
        s.run("export", "--set", "one", "--to", s.path("bad.tar.zst"), expect=DAMAGED)
        check(not os.path.exists(s.path("bad.tar.zst")) and not os.path.exists(s.path("bad.tar.zst.part")), "a broken export was left")


def the_store_does_not_back_up_itself():
    with Store() as s:
        write(s.path("x"), b"x")
        answer, _ = s.back_up("one", s.dir)
        check([x["why"] for x in answer["skipped"]] == ["the store itself"] and answer["files"] == 1, "put", answer)


def sets_are_sealed_once():
    with Store() as s:
        tree = odd_tree(s.path("tree"))
        s.seal("none", expect=ABSENT)
        s.back_up("one", tree)
        check("is sealed" in s.put("one", tree, expect=EXISTS).stderr, "no message")
        s.seal("one", expect=EXISTS)
        s.verify("two", expect=ABSENT)
        s.put("two", tree)
        s.verify("two", expect=ABSENT)
        check([(x["set"], x["sealed"]) for x in s.json("list")["sets"]] == [("one", True), ("two", False)], "list")
        s.run("init", "--encryption", "none", expect=EXISTS)
        for bad in ("../x", ".x", "a/b", "", "x.part"):
            s.put(bad, tree, expect=USAGE)
        s.run("verify", "--set", "one", "--to", "x", expect=USAGE)
        s.run("put", "--set", "x", "--item", "y", expect=USAGE)
        s.run("nonsense", expect=USAGE)


def an_init_that_was_broken_off_is_gone_on_with():
    with Store(make=False) as s:
        os.makedirs(os.path.join(s.store, "objects", "07"))
        os.makedirs(os.path.join(s.store, "sets", "one"))
        check("is not empty" in s.run("init", "--encryption", "none", expect=IO).stderr, "a set without its store.json is built over")
        os.rmdir(os.path.join(s.store, "sets", "one"))
        with open(os.path.join(s.store, "lock"), "w"):
            pass
        s.init("--encryption", "none")
        s.back_up("one", odd_tree(s.path("tree")))
        s.verify("one")
        check("is a store already" in s.run("init", "--encryption", "none", expect=EXISTS).stderr, "a store is made anew")


main(an_init_that_was_broken_off_is_gone_on_with, every_sort_of_file_comes_back_as_it_was, several_trees_go_to_their_places, one_file_or_folder_can_be_restored,
     a_second_name_alone_is_never_tied_to_other_content, attributes_come_back_and_extra_ones_go, only_what_differs_is_written,
     what_was_excluded_is_never_deleted, streams_and_files_come_back, unchanged_files_are_not_read, a_change_within_one_tick_of_the_clock_is_found,
     a_file_of_the_backups_own_tick_is_read_again, what_cannot_be_kept_is_said,
     an_export_needs_no_failback, the_store_does_not_back_up_itself, sets_are_sealed_once)
