# SPDX-License-Identifier: Apache-2.0
"""What others do to a store behind its back: one fault in the set that was just sealed. usage: store_damage.py FOLDER, in which the file order says which (test_backup_faults.py)"""
import hashlib
import json
import os
import random
import sys


def document(o):
    """A store's document with its sum, as failback-store writes it."""
    text = lambda: json.dumps(o, indent=1, sort_keys=True, separators=(",", ": "), ensure_ascii=False)
    o.pop("sum", None)
    o["sum"] = hashlib.blake2b(text().encode(), digest_size=32).hexdigest()
    return text() + "\n"


def files_of(folder):
    return sorted(os.path.join(d, n) for d, _, names in os.walk(folder) for n in names)


def flip(path, draw):
    with open(path, "r+b") as f:
        data = bytearray(f.read())
        at = draw.randrange(len(data))
        data[at] ^= 1 << draw.randrange(8)
        f.seek(0)
        f.write(data)
    return f"byte {at} of {len(data)}"


def truncate(path, draw):
    size = os.path.getsize(path)
    to = draw.randrange(size)
    os.truncate(path, to)
    return f"{size} bytes to {to}"


def swap(order, manifest, draw):
    """By that of another set as it is, or by one that was made to fit: this set's name, that one's items, and a sum that is right."""
    with open(order["other"]) as f:
        other = json.load(f)
    fits = draw.random() < 0.5
    with open(manifest) as f:
        mine = json.load(f)
    items = [dict(i, seconds=0.5) for i in other["items"]]  # a number that all programs write alike
    text = document(dict(other, set=mine["set"], created=mine["created"], meta=mine["meta"], items=items)) if fits else open(order["other"]).read()
    with open(manifest, "w") as f:
        f.write(text)
    return "made to fit" if fits else "as it is"


def damage(dir):
    """One fault; the file order says in what and which, made what was done."""
    with open(os.path.join(dir, "order")) as f:
        order = json.load(f)
    os.rename(os.path.join(dir, "order"), os.path.join(dir, "taken"))
    draw = random.Random(order["seed"])
    objects = [p for p in files_of(os.path.join(order["store"], "objects")) if p not in order["before"]]
    sets = [s for s in os.listdir(os.path.join(order["store"], "sets")) if s not in order["sets"]]
    if len(sets) != 1 or not objects or sets[0].endswith(".part"):
        sys.exit(f"store_damage: the new set is not one: {sets}, {len(objects)} objects")
    manifest = os.path.join(order["store"], "sets", sets[0], "manifest.json")
    victim = draw.choice(objects if order["kind"] == "truncated object" else objects + [manifest])
    if order["kind"] == "swapped manifest":
        victim, how = manifest, swap(order, manifest, draw)
    elif order["kind"] == "missing file":
        os.unlink(victim)
        how = "removed"
    else:
        how = (flip if order["kind"] == "flipped byte" else truncate)(victim, draw)
    with open(os.path.join(dir, "made"), "w") as f:
        f.write(f"{order['kind']}, {os.path.relpath(victim, order['store'])}: {how}")


if __name__ == "__main__":
    damage(sys.argv[1])
