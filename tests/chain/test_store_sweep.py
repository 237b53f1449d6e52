# SPDX-License-Identifier: Apache-2.0
"""Killed, and out of space, at every call of put, seal, restore, prune, export and key change that changes a file system: never a set that claims to be complete and is not, never a loss of what
another set needs, and what is run again ends right, byte for byte.

SWEEP=all (what LONG does): at every point; SWEEP=N (6): at N points of each operation and fault, drawn with SEED."""
import os
import random
import shutil
import subprocess

from lab import BUILD, check, main
from store_lab import ABSENT, IO, Store, compare, look, write

PRELOAD = os.path.join(BUILD, ".libs/writepoint.so")


def fault(mode, at, count=None):
    e = {"LD_PRELOAD": PRELOAD, "WRITE_AT": str(at), "WRITE_MODE": mode, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    return dict(e, WRITE_COUNT=count) if count else e


def tree_of(root, draw):
    for i in range(8):
        write(os.path.join(root, "d%d" % (i % 3), "f%d" % i), draw.randbytes(draw.randrange(1, 3000)))
    write(os.path.join(root, "large"), draw.randbytes(2500000))
    os.symlink("large", os.path.join(root, "link"))
    os.link(os.path.join(root, "d0", "f0"), os.path.join(root, "d1", "second name"))
    os.mkfifo(os.path.join(root, "fifo"))
    return root


class Sweep:
    """A store with a sealed set 'base' and a changed tree; each point starts from a copy of it."""
    init = ("--encryption", "none")

    def __init__(self, s):
        self.s = s
        draw = random.Random(7)
        self.base = tree_of(s.path("tree"), draw)
        s.back_up("base", self.base)
        self.base_look = look(self.base)
        write(os.path.join(self.base, "d0", "f0"), b"changed")
        write(os.path.join(self.base, "new", "file"), draw.randbytes(100))
        write(os.path.join(self.base, "large"), draw.randbytes(2200000))
        self.look = look(self.base)
        self.clean = s.path("clean")

    def keep(self):
        shutil.rmtree(self.clean, ignore_errors=True)
        shutil.copytree(self.s.store, self.clean, symlinks=True)

    def again(self):
        shutil.rmtree(self.s.store)
        shutil.copytree(self.clean, self.s.store, symlinks=True)

    def is_sealed(self, name):
        return os.path.exists(os.path.join(self.s.store, "sets", name))

    def all_is_right(self, what, sets):
        s = self.s
        for name, expected in sets.items():
            s.verify(name)
            shutil.rmtree(s.path("check"), ignore_errors=True)
            s.json("restore", "--set", name, "--item", "files", "--to", s.path("check"))
            check(look(s.path("check")) == expected, what, "set", name, "is not what was put")
        s.run("prune", expect=0)
        check(not [f for f in s.objects() if "/.t-" in f], what, "leaves temporary files")
        referred = s.json("prune")["objects_removed"]
        check(referred == 0, what, "prune leaves work behind")
        for name in sets:
            s.verify(name)


class Put(Sweep):
    def prepare(self):
        self.keep()

    def operate(self, env):
        return self.s.put("next", self.base, expect=None, env=env)

    def after(self, what, p, mode):
        s = self.s
        if mode == "full":
            check(p.returncode == IO and "No space left" in p.stderr, what, "put ended with", p.returncode, p.stderr)
        s.verify("base")
        check(not self.is_sealed("next"), what, "a put sealed")
        sealed = s.run("seal", "--set", "next")
        if sealed.returncode == 0:  # it was killed after all was done
            check(mode == "kill", what, "an item that failed was sealed")
        else:
            check(sealed.returncode == ABSENT, what, "seal ended with", sealed.returncode, sealed.stderr)
            s.put("next", self.base)
            s.seal("next")
        self.all_is_right(what, {"base": self.base_look, "next": self.look})


class Seal(Sweep):
    def prepare(self):
        self.s.put("next", self.base)
        self.keep()

    def operate(self, env):
        return self.s.run("seal", "--set", "next", env=env)

    def after(self, what, p, mode):
        s = self.s
        if p.returncode == 0:
            check(self.is_sealed("next"), what, "seal has answered, and the set is not sealed")
        if self.is_sealed("next"):
            s.verify("next")
        else:
            s.verify("next", expect=ABSENT)
            s.seal("next")
        self.all_is_right(what, {"base": self.base_look, "next": self.look})


class Restore(Sweep):
    def prepare(self):
        s = self.s
        s.back_up("next", self.base)
        self.keep()

    def operate(self, env):
        target = self.s.path("target")
        shutil.rmtree(target, ignore_errors=True)
        self.s.json("restore", "--set", "base", "--item", "files", "--to", target)
        write(os.path.join(target, "extra"), b"extra")
        shutil.rmtree(os.path.join(target, "d2"))
        return self.s.run("restore", "--set", "next", "--item", "files", "--to", target, "--delete", env=env)

    def after(self, what, p, mode):
        s, target = self.s, self.s.path("target")
        if mode == "full":
            check(p.returncode == IO, what, "restore ended with", p.returncode, p.stdout[-300:], p.stderr)
        allowed = {}
        for which in (self.base_look, self.look):
            for path, entry in which.items():
                allowed.setdefault(path, set()).add(entry[-1] if path != "names" else None)
        for path, entry in look(target).items():  # whole, each: the old file or the new one
            if path != "names" and entry[0] == 0o100000 and not os.path.basename(path).startswith(b".failback-restore-") and path != b"extra":
                check(entry[-1] in allowed.get(path, ()), what, "a file is neither the old one nor the new one:", path)
        s.json("restore", "--set", "next", "--item", "files", "--to", target, "--delete")
        check(look(target) == self.look, what, "restored again, it differs:", compare(self.base, target))


class Prune(Sweep):
    def prepare(self):
        s = self.s
        s.back_up("next", self.base)
        s.put("begun", self.base, "--rehash", item="other")
        self.keep()

    def operate(self, env):
        return self.s.run("prune", "--remove", "base", env=env)

    def after(self, what, p, mode):
        s = self.s
        s.verify("next")
        if self.is_sealed("base"):
            s.verify("base")
            s.run("prune", "--remove", "base", expect=0)
        self.all_is_right(what, {"next": self.look})
        s.seal("begun")
        s.verify("begun")
        check(not [n for n in os.listdir(os.path.join(s.store, "sets")) if n.endswith(".gone")], what, "leaves something half removed")


class Export(Sweep):
    def prepare(self):
        self.s.back_up("next", self.base)
        self.keep()

    def archive(self):
        return self.s.path("next.tar.zst")

    def operate(self, env):
        write(self.archive(), b"what was there before")
        return self.s.run("export", "--set", "next", "--to", self.archive(), env=env)

    def whole(self):
        """Is the archive one that has all of the set? By what tar makes of it."""
        out = self.s.path("unpacked")
        shutil.rmtree(out, ignore_errors=True)
        os.makedirs(out)
        p = subprocess.run(["tar", "--zstd", "-xpf", self.archive(), "-C", out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        files = os.path.join(out, "files", self.base.lstrip("/"))
        return p.returncode == 0 and {k: v[-1] for k, v in look(files).items() if k != "names"} == {k: v[-1] for k, v in self.look.items() if k != "names"}

    def after(self, what, p, mode):
        if mode == "full":
            check(p.returncode == IO, what, "export ended with", p.returncode, p.stderr)
        with open(self.archive(), "rb") as f:
            old = f.read() == b"what was there before"
        check(old or self.whole(), what, "the archive is neither the one before nor a whole one")
        check(mode != "full" or old or "it is written" in p.stderr, what, "export says that it has failed, and the archive is another one", p.stderr)
        self.s.run("export", "--set", "next", "--to", self.archive(), expect=0)
        check(self.whole(), what, "exported again, it is not whole")
        check(not os.path.exists(self.archive() + ".part"), what, "leaves a part of an archive")


class KeyChange(Sweep):
    init = ("--encryption", "all")

    def prepare(self):
        self.keep()

    def operate(self, env):
        s = self.s
        if os.path.exists(s.path("second")):
            os.unlink(s.path("second"))
        return s.run("key", "change", "--new-key-file", s.path("second"), env=env)

    def after(self, what, p, mode):
        """One of the two opens it, and never none; where it says that it has failed for want of space, the old one, unless it says more."""
        s = self.s
        keys = [s.path("key"), s.path("second")]
        opens = []
        for key in keys:
            s.key = ["--key-file", key]
            opens.append(s.run("verify", "--set", "base").returncode == 0)
        s.key = ["--key-file", keys[0]]
        check(sum(opens) == 1, what, "old and new key open it:", opens, p.returncode, p.stderr)
        if mode == "full":
            told = opens == [True, False] or "it is written" in p.stderr  # the folder could not be synced
            check(p.returncode == IO and told, what, "ended with", p.returncode, p.stderr, "old and new key open it:", opens)
        if opens[0]:
            s.run("key", "change", "--new-key-file", keys[1], expect=0)
        s.key = ["--key-file", keys[1]]
        self.all_is_right(what, {"base": self.base_look})
        check(not [f for f in os.listdir(s.store) if f.startswith(".t-")], what, "leaves temporary files beside store.json")
        s.key = ["--key-file", keys[0]]


def choose(name, mode, n):
    wanted = os.environ.get("SWEEP") or ("all" if os.environ.get("LONG") else "6")
    if wanted == "all":
        return range(1, n + 1)
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"{name} {mode}: SEED={seed}, {n} points", flush=True)
    return sorted(random.Random(seed).sample(range(1, n + 1), min(n, int(wanted))))


def sweep(kind):
    with Store(make=False) as s:
        if "none" not in kind.init:
            s.key = ["--key-file", s.path("key")]
        s.init(*kind.init)
        x = kind(s)
        x.prepare()
        count = s.path("count")
        p = x.operate(fault("kill", 0, count))
        check(p.returncode == 0, "an undisturbed run ended with", p.returncode, p.stderr)
        with open(count) as f:
            n = int(f.read())
        check(n > 3, "points", n)
        for mode in ("kill", "full"):
            if kind is Prune and mode == "full":
                continue  # it needs no space but to sync
            struck = passed = 0
            for at in choose(kind.__name__, mode, n):
                x.again()
                p = x.operate(fault(mode, at))
                if p.returncode == 0:
                    passed += 1  # only what needs no space came after it, or threads took another way
                    continue
                check(mode == "full" or p.returncode == -9, f"{kind.__name__} {mode} {at}: ended with", p.returncode, p.stderr)
                x.after(f"{kind.__name__}, {mode} at {at}:", p, mode)
                struck += 1
            print(f"{kind.__name__}, {'kill -9' if mode == 'kill' else 'no space'}: {struck} of {n} points, after which all was right; at {passed} more it came too late", flush=True)
            check(struck >= (struck + passed) // 2, kind.__name__, mode, "too few points were reached:", struck)


def killed_or_full_at_any_write_of_a_put():
    sweep(Put)


def killed_or_full_at_any_write_of_a_seal():
    sweep(Seal)


def killed_or_full_at_any_write_of_a_restore():
    sweep(Restore)


def killed_at_any_write_of_a_prune():
    sweep(Prune)


def killed_or_full_at_any_write_of_a_key_change():
    sweep(KeyChange)


def killed_or_full_at_any_write_of_an_export():
    sweep(Export)


main(killed_or_full_at_any_write_of_a_put, killed_or_full_at_any_write_of_a_seal, killed_or_full_at_any_write_of_a_restore, killed_at_any_write_of_a_prune,
     killed_or_full_at_any_write_of_an_export, killed_or_full_at_any_write_of_a_key_change)
