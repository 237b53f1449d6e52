# SPDX-License-Identifier: Apache-2.0
"""Programs that failback-store runs itself: what they print is put only when they succeed, what they are given ends only when it was all right, and none outlives it."""
import json
import os
import random
import signal
import subprocess
import time

from lab import check, main, until
from store_lab import ABSENT, DAMAGED, EXISTS, USAGE, Store, document, write

PROGRAM = 76


def dump(s, script, *more, set_id="one", item="dump", expect=0, **env):
    return s.run("put", "--set", set_id, "--item", item, "--kind", "dump", *more, "--command", "--", "sh", "-c", script, expect=expect, env=env)


def give(s, script, item="dump", expect=0):
    return s.run("restore", "--set", "one", "--item", item, "--command", "--", "sh", "-c", script, expect=expect)


def is_there(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def number_in(path):
    until(lambda: os.path.exists(path) and open(path).read().endswith("\n"), text=f"nothing came to {path}")
    with open(path) as f:
        return int(f.read())


def what_a_program_prints_comes_back():
    with Store() as s:
        data = random.Random(3).randbytes(3 << 20) + b"end"
        write(s.path("data"), data)
        p = dump(s, 'cat "$FILE"; echo to people >&2', FILE=s.path("data"))
        check("to people" in p.stderr, "its standard error is not ours:", p.stderr)
        said = json.loads(p.stdout)
        check(said["size"] == len(data) and said["source"] == "sh" and said["type"] == "stream", "put says", said)
        dump(s, "cat; readlink /proc/self/fd/0; umask; ulimit -n", item="about", expect=0)
        s.seal("one")
        s.verify("one")
        done = json.loads(give(s, f"cat >'{s.path('out')}'; echo said").stdout)
        check(done["bytes"] == len(data) and open(s.path("out"), "rb").read() == data, "another content was given", done)
        about = s.run("restore", "--set", "one", "--item", "about", "--stdout", expect=0).stdout.split()
        shell = subprocess.run(["sh", "-c", "umask; ulimit -n"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        check(about == ["/dev/null"] + shell, "it ran with", about, "and not with", shell)


def a_program_that_writes_and_then_fails_leaves_no_item():
    with Store() as s:
        p = dump(s, "head -c 3000000 /dev/zero; exit 3", expect=PROGRAM)
        check("sh failed with exit code 3" in p.stderr and not p.stdout, "it says", p.stdout, p.stderr)
        s.run("seal", "--set", "one", expect=ABSENT)
        p = dump(s, "head -c 3000000 /dev/zero; kill -KILL $$", expect=PROGRAM)
        check("sh was killed by signal 9" in p.stderr, "it says", p.stderr)
        p = s.run("put", "--set", "one", "--item", "dump", "--kind", "dump", "--command", "--", "failback-no-such-program", expect=ABSENT)
        check("cannot run failback-no-such-program" in p.stderr, "it says", p.stderr)
        s.run("seal", "--set", "one", expect=ABSENT)
        dump(s, "echo older")  # neither is one of that name that came before taken for it
        dump(s, "echo other", item="other")
        dump(s, "echo newer; false", expect=PROGRAM)
        s.seal("one")
        check([i["name"] for i in s.json("show", "--set", "one")["items"]] == ["other"], "items", s.json("show", "--set", "one"))
        s.verify("one")


def a_program_is_named_in_full():
    with Store() as s:
        for wrong in (("--command",), ("--command", "--"), ("--command", "true"), ("--stdin", "--", "true"), ("--stdin", "--command", "--", "true"), ("--command", "--", "")):
            s.run("put", "--set", "one", "--item", "dump", "--kind", "dump", *wrong, expect=USAGE)
        s.put_stream("one", b"x")
        s.seal("one")
        s.run("restore", "--set", "one", "--item", "stream", "--command", "--only", "x", "--", "true", expect=USAGE)


def hear():
    """What this was started with may ignore signals, as what runs in the background does."""
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, signal.SIG_DFL)


def a_program_ends_with_failback_store():
    with Store() as s:
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            for path in (s.path("pid"), s.path("child")):
                if os.path.exists(path):
                    os.unlink(path)
            # it hears no SIGTERM, and neither does what it has started
            script = f"trap '' TERM INT; sleep 1000 & echo $! >'{s.path('child')}'; echo $$ >'{s.path('pid')}'; echo begun; wait; while :; do sleep 1000; done"
            p = subprocess.Popen(s.command("put", "--set", "one", "--item", "dump", "--kind", "dump", "--command", "--", "sh", "-c", script), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear)
            pid, child = number_in(s.path("pid")), number_in(s.path("child"))
            start = time.monotonic()
            p.send_signal(sig)
            check(p.wait(timeout=60) == -sig, sig, "it ended with", p.returncode)
            until(lambda: not is_there(pid), text=f"{sig}: the program outlives failback-store")
            if sig == signal.SIGKILL and is_there(child):  # nobody could tell it
                os.kill(child, signal.SIGKILL)
            until(lambda: not is_there(child), text=f"{sig}: what the program started outlives failback-store")
            said = p.communicate(timeout=60)
            check(sig == signal.SIGKILL or (time.monotonic() - start > 1.5 and "ended by" in said[1]), sig, "no grace, or no word:", said)
            s.run("seal", "--set", "one", expect=ABSENT)
        dump(s, "echo good")
        s.seal("one")


def a_program_that_hears_is_ended_at_once():
    with Store() as s:
        p = subprocess.Popen(s.command("put", "--set", "one", "--item", "dump", "--kind", "dump", "--command", "--", "sh", "-c",
                                       f"trap 'echo heard >\"{s.path('heard')}\"; exit 1' TERM; echo 1 >'{s.path('pid')}'; while :; do sleep 0.05; done"),
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        number_in(s.path("pid"))
        p.terminate()
        check(p.wait(timeout=60) == -signal.SIGTERM, "it ended with", p.returncode)
        check(os.path.exists(s.path("heard")), "the program was not asked to end")


def a_program_that_takes_not_all_has_failed():
    with Store() as s:
        dump(s, "head -c 8000000 /dev/zero")
        s.seal("one")
        p = give(s, "head -c 10 >/dev/null; exit 5", expect=PROGRAM)
        check("exit code 5" in p.stderr and not p.stdout, "it says", p.stderr)
        p = give(s, "head -c 10 >/dev/null", expect=PROGRAM)
        check("had not read all" in p.stderr, "it says", p.stderr)
        give(s, "cat >/dev/null; exit 1", expect=PROGRAM)
        give(s, "cat >/dev/null")


def a_program_never_takes_damaged_content_for_the_whole():
    with Store() as s:
        s.put_stream("one", random.Random(9).randbytes(5 << 20), item="dump")
        s.seal("one")
        largest = max(s.objects(), key=os.path.getsize)
        with open(largest, "r+b") as f:
            f.seek(5000)
            f.write(b"damage")
        p = give(s, f"cat >/dev/null && echo all >'{s.path('all')}'", expect=DAMAGED)
        check("was changed" in p.stderr, "it says", p.stderr)
        time.sleep(0.2)
        check(not os.path.exists(s.path("all")), "the program has seen the end of what was damaged")


def an_item_is_in_the_set_exactly_when_its_put_says_so():
    """Seals and puts that come together: the set has so many items that a seal takes its time, and the put comes at another moment of it each round."""
    with Store() as s:
        outcomes = set()
        for i in range(4):
            name = f"set{i}"
            s.put_stream(name, b"first", item="first")
            part = os.path.join(s.store, "sets", name + ".part")
            with open(os.path.join(part, "first.item")) as f:
                first = json.load(f)
            for k in range(1000):
                with open(os.path.join(part, f"other{k}.item"), "w") as f:
                    f.write(document(dict(first, name=f"other{k}", seconds=1)))
            put = subprocess.Popen(s.command("put", "--set", name, "--item", "late", "--kind", "dump", "--stdin"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            until(lambda: any(f"sets/{name}.part" in os.path.realpath(f"/proc/{put.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{put.pid}/fd")), text="the put did not begin")
            seal = subprocess.Popen(s.command("seal", "--set", name), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            time.sleep(i * 0.02)
            said = put.communicate()[1]
            check(put.returncode in (0, EXISTS), "the put ended with", put.returncode, said)
            sealed = seal.communicate()[1]
            check(seal.returncode == 0, "the seal ended with", seal.returncode, sealed)
            has = "late" in [x["name"] for x in s.json("show", "--set", name)["items"]]
            check(has == (put.returncode == 0), "the put ended with", put.returncode, "and the set has it:", has)
            outcomes.add(has)
        check(False in outcomes, "no put came late: this machine is too fast for this test, raise the items", outcomes)


def another_process_of_the_owners_number_is_not_the_owner():
    with Store() as s:
        with open("/proc/self/stat") as f:
            start = int(f.read().rsplit(")", 1)[1].split()[19])
        me = os.getpid()
        put = lambda item, owner, expect=0: s.run("put", "--set", "one", "--item", item, "--kind", "dump", "--owner", owner, "--stdin", data=b"x", expect=expect)
        put("first", f"{me}:{start}")
        put("second", str(me))
        p = put("third", f"{me}:{start - 1}", expect=USAGE)
        check("another one by now" in p.stderr, "it says", p.stderr)
        for wrong in (f"{me}:", f"{me}:x", f"{me}:-1", f":{start}", "0", "x"):
            put("third", wrong, expect=USAGE)
        path = os.path.join(s.store, "sets", "one.part", "owner.json")
        with open(path) as f:
            text = f.read()
        owner = json.loads(text)
        check(owner["pid"] == me and owner["start"] == start and document(dict(owner)) == text, "the owner is kept as", text)
        check([x["decision"] for x in s.json("prune")["sets"]] == ["keep"], "what we compose was removed")
        with open(path, "w") as f:  # our number was another's when it was begun
            f.write(document(dict(owner, start=start - 1)))
        check([x["decision"] for x in s.json("prune", "--dry-run")["sets"]] == ["remove"], "a leftover of our number is taken for ours")
        put("fourth", str(me))
        s.seal("one")
        check([i["name"] for i in s.json("show", "--set", "one")["items"]] == ["fourth"], "items of a leftover are in the set")
        put_boot = lambda: s.run("put", "--set", "two", "--item", "x", "--kind", "dump", "--owner", str(me), "--stdin", data=b"x", expect=0)
        put_boot()
        path = path.replace("one.part", "two.part")
        with open(path, "w") as f:  # of before the machine was restarted
            f.write(document(dict(owner, boot="another")))
        check([x["decision"] for x in s.json("prune", "--dry-run")["sets"] if x["name"] == "two.part"] == ["remove"], "the boot is not looked at")


main(what_a_program_prints_comes_back, a_program_that_writes_and_then_fails_leaves_no_item, a_program_is_named_in_full, a_program_ends_with_failback_store,
     a_program_that_hears_is_ended_at_once, a_program_that_takes_not_all_has_failed, a_program_never_takes_damaged_content_for_the_whole,
     an_item_is_in_the_set_exactly_when_its_put_says_so, another_process_of_the_owners_number_is_not_the_owner)
