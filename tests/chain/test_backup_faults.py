# SPDX-License-Identifier: Apache-2.0
"""Backups with one random fault each, put between their capture and their proof by whoever else has the disk: a flipped byte, a truncated object, a missing file, a swapped
manifest. Through the whole program: each is refused before the deployment has changed anything, and none is left to be found by a restore. No two sets have content in common.

The fault is made by a failback-store that stands before the real one in PATH: at the first command after the seal that reads the set (verify, or the restore of a proof)
it damages the store, and then becomes the real one.

SWEEP=all (what LONG does): 1,000 faults; SWEEP=N (24): N of them. Both drawn with SEED."""
import json
import os
import random
import shutil
import subprocess
import sys

from lab import DONE, FAILED, SRC, check, main
from store_damage import files_of
from store_lab import STORE
from test_backup import BackupLab

ALL = 1000
KINDS = ("flipped byte", "truncated object", "missing file", "swapped manifest")
WRAPPER = """#!/bin/sh
for word do
	case $word in
	verify | restore) if test -e {dir}/order; then {python} -B {program} {dir} || exit 70; fi; break ;;
	esac
done
exec {store} "$@"
"""


class FaultLab(BackupLab):
    def __init__(self, item, seed):
        super().__init__(item)
        self.draw = random.Random(seed)
        self.programs = self.path("programs")
        self.write("programs/failback-store", WRAPPER.format(dir=self.programs, python=sys.executable, program=os.path.join(SRC, "tests/chain/store_damage.py"), store=STORE), 0o700)
        self.env = {"PATH": self.programs + ":" + os.environ["PATH"]}
        self.fill()
        self.run("deploy", self.plan(), "--release", "1.0", env=self.env, expect=DONE)
        check(not os.path.exists(self.path("programs", "made")), "a fault was made that nobody ordered")
        self.first = self.sets()[0]["set"]
        self.world_before = self.state_of_world()

    def fill(self):
        """Content that no other set has."""
        shutil.rmtree(self.tree)
        for i in range(self.draw.randrange(1, 5)):
            size = self.draw.randrange(1, 4000) if self.draw.random() < 0.95 else (1 << 20) + self.draw.randrange(1, 300000)
            make = self.draw.choice((self.draw.randbytes, lambda n: b"%032x " % self.draw.getrandbits(128) + b"text " * (n // 5)))
            path = os.path.join(self.tree, "sub%d" % (i % 2), "f%d" % i)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(b"%032x" % self.draw.getrandbits(128) + make(size))

    def state_of_world(self):
        return {n: self.read(n) for n in sorted(os.listdir(self.world))}

    def one(self, n, kind):
        self.fill()
        tree = {p: open(p, "rb").read() for p in files_of(self.tree)}
        order = {"seed": self.draw.randrange(1 << 32), "kind": kind, "store": self.store, "before": files_of(os.path.join(self.store, "objects")),
                 "sets": os.listdir(os.path.join(self.store, "sets")), "other": os.path.join(self.store, "sets", self.first, "manifest.json")}
        for name in ("made", "taken"):
            if os.path.exists(self.path("programs", name)):
                os.unlink(self.path("programs", name))
        self.write("programs/order", json.dumps(order))
        p = self.run("deploy", self.plan(), "--release", f"2.{n}", env=self.env)
        check(os.path.exists(self.path("programs", "made")), f"fault {n} ({kind}) was not made:", p.returncode, p.stdout, p.stderr)
        with open(self.path("programs", "made")) as f:
            made = f.read()
        check(p.returncode == FAILED, f"fault {n} ({made}): the deployment ended with {p.returncode}", p.stdout, p.stderr)
        check("cannot be relied on" in p.stdout + p.stderr, f"fault {n} ({made}): it is not said that the backup is none", p.stdout, p.stderr)
        check(self.state_of_world() == self.world_before, f"fault {n} ({made}): something was changed:", self.state_of_world())
        check({p: open(p, "rb").read() for p in files_of(self.tree)} == tree, f"fault {n} ({made}): the tree that was backed up is another one")
        for name in set(os.listdir(os.path.join(self.store, "sets"))) - set(order["sets"]):  # what is damaged has no more to tell
            shutil.rmtree(os.path.join(self.store, "sets", name))
        for path in set(files_of(os.path.join(self.store, "objects"))) - set(order["before"]):
            os.unlink(path)


def every_fault_between_capture_and_proof_refuses_the_deployment():
    wanted = os.environ.get("SWEEP") or ("all" if os.environ.get("LONG") else "24")
    count = ALL if wanted == "all" else int(wanted)
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"SEED={seed}, {count} of {ALL} faults", flush=True)
    draw = random.Random(seed)
    kinds = [KINDS[i % len(KINDS)] for i in range(count)]
    draw.shuffle(kinds)
    settings = ("", 'verify = "restore";', "secret = true;", 'secret = true; verify = "restore";')
    for which, item in enumerate(settings):
        mine = kinds[which::len(settings)]
        if not mine:
            continue
        with FaultLab(item, draw.randrange(1 << 32)) as lab:
            for n, kind in enumerate(mine):
                lab.one(n, kind)
        print(f"{item or 'verify = read'}: {len(mine)} refused before the deployment", flush=True)


main(every_fault_between_capture_and_proof_refuses_the_deployment)
