# SPDX-License-Identifier: Apache-2.0
"""A store in a folder of its own, and trees to put into it."""
import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import tempfile

from lab import BUILD, MEMCHECK, Failure
from store_damage import document  # noqa: F401, for those who make documents

STORE = os.environ.get("STORE_PROGRAM", os.path.join(BUILD, "failback-store"))
PARTLY, USAGE, DAMAGED, ABSENT, EXISTS, IO, BUSY, DENIED = 4, 64, 65, 66, 73, 74, 75, 77


class Store:
    def __init__(self, *init, make=True):
        self.dir = tempfile.mkdtemp(prefix="failback-store-")
        self.store = self.path("store")
        self.key = []
        self.env = {}
        if make:
            self.init(*(init or ("--encryption", "none")))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for folder, _, _ in os.walk(self.dir):
            os.chmod(folder, 0o700)
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def init(self, *args):
        return self.run("init", *args, expect=0)

    def command(self, *args):
        return MEMCHECK + [STORE, "--store", self.store] + self.key + [os.fsencode(a) if isinstance(a, str) else a for a in args]

    def run(self, *args, expect=None, data=None, env=None, text=True, **more):
        p = subprocess.run(self.command(*args), input=data, stdin=None if data is not None else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=300, env=dict(os.environ, **self.env, **(env or {})), **more)
        if text:
            p.stdout = p.stdout.decode(errors="surrogateescape")
        p.stderr = p.stderr.decode(errors="replace")
        if expect is not None and p.returncode != expect:
            raise Failure(f"failback-store {args}: exit code {p.returncode}, expected {expect}\n{str(p.stdout)[:3000]}\n{p.stderr[:3000]}")
        return p

    def json(self, *args, expect=0, **more):
        p = self.run(*args, expect=expect, **more)
        try:
            return json.loads(p.stdout)
        except ValueError:
            raise Failure(f"failback-store {args}: not one JSON document: {p.stdout[:2000]}")

    def put(self, set_id, tree, *more, item="files", expect=0, env=None):
        return self.run("put", "--set", set_id, "--item", item, "--kind", "files", "--tree", tree, *more, expect=expect, env=env)

    def put_json(self, *args, **more):
        return json.loads(self.put(*args, **more).stdout)

    def put_stream(self, set_id, data, *more, item="stream", expect=0):
        return self.run("put", "--set", set_id, "--item", item, "--kind", "dump", "--stdin", *more, data=data, expect=expect)

    def seal(self, set_id, expect=0):
        p = self.run("seal", "--set", set_id, expect=expect)
        return json.loads(p.stdout)["digest"] if p.returncode == 0 else None

    def back_up(self, set_id, tree, *more):
        answer = self.put_json(set_id, tree, *more)
        return answer, self.seal(set_id)

    def verify(self, set_id, *more, expect=0):
        return self.run("verify", "--set", set_id, *more, expect=expect)

    def objects(self):
        """All files of objects/, sorted."""
        return sorted(os.path.join(d, f) for d, _, files in os.walk(os.path.join(self.store, "objects")) for f in files)


def digest_of(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            h.update(block)
    return h.hexdigest()


def look(tree):
    """All that a restore must bring back of a tree: {path: (type, mode, owner, mtime, size, content or target, names)}"""
    tree = os.fsencode(tree)
    found, inodes = {}, {}

    def one(path, below):
        st = os.lstat(path)
        kind = stat.S_IFMT(st.st_mode)
        extra = None
        if stat.S_ISREG(st.st_mode):
            extra = digest_of(path)
            inodes.setdefault(st.st_ino, []).append(below)
        elif stat.S_ISLNK(st.st_mode):
            extra = os.readlink(path)
        found[below] = (kind, stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns, 0 if stat.S_ISDIR(st.st_mode) else st.st_size, extra)
        if stat.S_ISDIR(st.st_mode):
            for name in os.listdir(path):
                one(os.path.join(path, name), os.path.join(below, name) if below else name)

    one(tree, b"")
    found["names"] = sorted(tuple(sorted(v)) for v in inodes.values() if len(v) > 1)
    return found


def compare(a, b):
    """What differs, as text; "" when nothing does."""
    x, y = look(a), look(b)
    return "\n".join([f"{k}: {x.get(k)} {y.get(k)}" for k in sorted(set(x) | set(y), key=repr) if x.get(k) != y.get(k)][:6])


def write(path, data, mode=None, age=10):
    """A file that is a few seconds old, so that it is not taken for one that was just changed."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    if mode is not None:
        os.chmod(path, mode)
    st = os.stat(path)
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns - age * 1000000000))
    return path


def odd_tree(root, seed=1):
    """A tree with every sort of file and name."""
    draw = random.Random(seed)
    os.makedirs(root)
    write(os.path.join(root, "plain"), b"plain text\n" * 100)
    write(os.path.join(root, "empty"), b"")
    write(os.path.join(root, "random"), draw.randbytes(70000))
    write(os.path.join(root, "one chunk"), draw.randbytes(1 << 20))
    write(os.path.join(root, "one chunk and a byte"), draw.randbytes((1 << 20) + 1))
    write(os.path.join(root, "many chunks"), draw.randbytes(100) * 35000)
    write(os.path.join(root, "script"), b"#!/bin/sh\n", mode=0o755)
    write(os.path.join(root, "locked"), b"nobody writes this", mode=0o400)
    for name in (b"-dash", b" space ", b"new\nline", b"tab\t", b"\xff\xfe not utf-8", "žluťoučký".encode(), b"quote\"'", b"back\\slash", b"n" * 255, b"a.c", b"a!"):
        write(os.path.join(os.fsencode(root), b"odd", name), b"odd " + name)
    os.makedirs(os.path.join(root, "a", "b", "c"))
    write(os.path.join(root, "a", "b", "c", "deep"), b"deep")
    os.makedirs(os.path.join(root, "empty folder"), mode=0o711)
    os.symlink("plain", os.path.join(root, "link"))
    os.symlink("/nowhere/at/all", os.path.join(root, "dangling"))
    os.symlink(b"\xff\xfe", os.path.join(os.fsencode(root), b"odd link"))
    os.mkfifo(os.path.join(root, "fifo"), 0o640)
    os.link(os.path.join(root, "plain"), os.path.join(root, "a", "second name"))
    os.link(os.path.join(root, "many chunks"), os.path.join(root, "z third"))
    with open(os.path.join(root, "sparse"), "wb") as f:
        f.seek(3 << 20)
        f.write(b"end")
        f.truncate(5 << 20)
    deep = root
    for i in range(60):
        deep = os.path.join(deep, "d%d" % i)
    os.makedirs(deep)
    write(os.path.join(deep, "bottom"), b"bottom")
    os.chmod(os.path.join(root, "a", "b"), 0o2750)
    os.utime(os.path.join(root, "a"), ns=(1, 1234567890123456789))
    return root
