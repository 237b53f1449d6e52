# SPDX-License-Identifier: Apache-2.0
"""The header's promise (header.py): today's has all of each release, the pins hold on every machine that a compiler here knows, and whatever breaks
the promise is caught by them."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import header  # noqa: E402

SRC = os.environ.get("SRC", os.getcwd())
ABI = os.path.join(SRC, "tests/abi")
LIVE = os.path.join(SRC, "core/failback/plugin.h")
RELEASES = ["1.0-rc", "1.0-rc2"]
TARGETS = ["x86_64-linux-gnu", "aarch64-linux-gnu", "riscv64-linux-gnu", "powerpc64le-linux-gnu", "s390x-linux-gnu", "i386-linux-gnu", "arm-linux-gnueabihf",
           "mips-linux-gnu", "x86_64-linux-gnux32"]


def check(condition, text, *details):
    if not condition:
        raise AssertionError(" ".join([text] + [str(d) for d in details]))


def file(release, name):
    return os.path.join(ABI, release, name)


def compilers():
    found = [[c] for c in ("gcc", "clang") if shutil.which(c)]
    if not found:
        print("neither gcc nor clang is installed", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else 77)
    return found


def pins(compiler, release, plugin_header, *flags):
    """What the compiler says of a header under the pins of a release; "" when all hold."""
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "pins.c")
        with open(source, "w", encoding="utf-8") as f:
            f.write(f'#include "{plugin_header}"\n#include "{file(release, "layout.h")}"\n')
        p = subprocess.run([*compiler, "-std=c11", "-ffreestanding", "-fsyntax-only", *flags, source], capture_output=True, text=True)
    check(p.returncode == 0 or "static" in p.stderr, "the compiler found something else:", p.stderr)
    return p.stderr if p.returncode else ""


def edited(text, old, new):
    check(text.count(old) == 1, "the header has this once:", old, text.count(old))
    return text.replace(old, new)


def with_header(text, function):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "plugin.h")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return function(path)


def next_header():
    return subprocess.run(["awk", "-f", os.path.join(ABI, "next.awk"), LIVE], capture_output=True, text=True, check=True).stdout


def todays_header_is_each_release_or_appended_to_it():
    for release in RELEASES:
        wrong = header.compare(header.read(file(release, "failback/plugin.h")), header.read(LIVE))
        check(not wrong, f"{LIVE} keeps {release}:", *wrong)


def what_was_frozen_has_not_been_edited():
    for release in RELEASES:
        frozen = header.read(file(release, "failback/plugin.h"))
        for name, text in (("layout.h", header.layout(frozen)), ("sizes.h", header.sizes(frozen))):
            with open(file(release, name), encoding="utf-8") as f:
                check(f.read() == text, f"{release}/{name} is what header.py makes of {release}/failback/plugin.h")


def the_pins_hold_on_every_machine():
    done = 0
    for release in RELEASES:
        for compiler in compilers():
            cross = [["--target=" + t] for t in TARGETS] if compiler[0] == "clang" else [[], ["-m32"]] if os.uname().machine == "x86_64" else [[]]
            for flags in cross:
                check(not pins(compiler, release, file(release, "failback/plugin.h"), "-DFB_LAYOUT_EXACT", *flags), f"{release} itself, {compiler} {flags}")
                check(not pins(compiler, release, LIVE, *flags), f"today's header under {release}, {compiler} {flags}")
                check(not with_header(next_header(), lambda p: pins(compiler, release, p, *flags)), f"the next header under {release}, {compiler} {flags}")
                done += 1
    print(f"  {done} compilers and machines")


# What breaks the promise, and the words that must be said: by the pins, by compare
BREAKS = {
    "a member inserted": ("\tint32_t exit_code; ", "\tint32_t inserted;\n\tint32_t exit_code; ", "fb_command_result: exit_code has moved", "'int32_t inserted' stands"),
    "a member retyped": ("\tint64_t latency_us;      /* mean", "\tint32_t latency_us;      /* mean", "fb_sample: latency_us has another", "'int32_t latency_us' stands"),
    "a sign changed": ("\tint32_t fd;        /* -1", "\tuint32_t fd;        /* -1", "fb_wait: fd has another type", "'uint32_t fd' stands"),
    "a const taken": ("\tconst char *text;    /* one sentence", "\tchar *text;    /* one sentence", "fb_health: text has another type", "'char *text' stands"),
    "an array shortened": ("#define FB_SIZES 16", "#define FB_SIZES 15", "fb_plugin: sizes has another size", "FB_SIZES was 16"),
    "a callback's parameter added": ("(*stop_service)(const struct fb_call *call, const char *name, int64_t grace_ms)",
                                     "(*stop_service)(const struct fb_call *call, const char *name, int64_t grace_ms, int32_t how)",
                                     "fb_host: stop_service has another type", "int32_t how)' stands"),
    "a callback's answer changed": ("\tvoid (*end)(", "\tint32_t (*end)(", "fb_check_ops: end has another type", "'int32_t (*end)"),
    "a constant changed": ("#define FB_FATAL 4 ", "#define FB_FATAL 5 ", "FB_FATAL has another value", "FB_FATAL was 4, now 5"),
}


def what_breaks_the_promise_is_caught_by_the_pins():
    with open(LIVE, encoding="utf-8") as f:
        live = f.read()
    for release in RELEASES:
        for what, (old, new, said, _) in BREAKS.items():
            for compiler in compilers():
                words = with_header(edited(live, old, new), lambda p: pins(compiler, release, p))
                check(said in words, f"{what}: {compiler[0]} says '{said}':", words or "nothing")
        # two members of one type in each other's place: no offset of theirs is another, their names' are
        swapped = edited(edited(edited(live, "const char *id;  ", "const char *swap;  "), "const char *name;        /* \"roll", "const char *id;        /* \"roll"), "const char *swap;  ", "const char *name;  ")
        for compiler in compilers():
            check("fb_event: id has moved" in with_header(swapped, lambda p: pins(compiler, release, p)), f"members that were swapped, {compiler[0]}")
        removed = edited(live, "\tvoid (*retry_after)(const struct fb_call *call, int64_t ms);\n", "")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "plugin.h")
            with open(path, "w", encoding="utf-8") as f:
                f.write(removed)
            p = subprocess.run([*compilers()[0], "-std=c11", "-fsyntax-only", "-include", path, "-x", "c", file(release, "layout.h")], capture_output=True, text=True)
            check(p.returncode != 0 and "retry_after" in p.stderr, "a member that was removed:", p.stderr)


def what_breaks_the_promise_is_named_by_compare():
    with open(LIVE, encoding="utf-8") as f:
        live = f.read()
    frozen = header.Header(live)
    for what, (old, new, _, said) in BREAKS.items():
        wrong = header.compare(frozen, header.Header(edited(live, old, new)))
        check(any(said in w for w in wrong), f"{what}: compare says '{said}':", wrong)
    appended = "\tconst char *text;    /* one sentence; NULL for none */\n"
    released = edited(live, '#define FB_ABI_STAGE "rc2"', '#define FB_ABI_STAGE ""')
    grown = header.compare(header.Header(released), header.Header(edited(released, appended, appended + "\tint64_t more;\n")))
    check(any("FB_ABI_MINOR is still 0: raise it" in w for w in grown), "an append to a release without a new minor:", grown)
    cases = {
        "an append into padding": (edited(edited(live, appended, appended + "\tint32_t more;\n"), "#define FB_ABI_MINOR 0u", "#define FB_ABI_MINOR 1u"), "more lies in what was padding"),
    }
    for what, (text, said) in cases.items():
        wrong = header.compare(frozen, header.Header(text))
        check(any(said in w for w in wrong), f"{what}: compare says '{said}':", wrong)
    check(not header.compare(frozen, header.Header(next_header())), "what next.awk makes is a good next minor")


def nothing_of_1_0_ends_in_padding_on_64_bits():
    h = header.read(file(RELEASES[-1], "failback/plugin.h"))
    for struct in h.structs:
        found, size = h.layout(struct, (8, 8))
        check(found[-1][1] + found[-1][0].size((8, 8)) == size, f"struct {struct} ends with its last member")


def the_header_is_clean_in_c_and_cpp():
    for path in [LIVE] + [file(r, "failback/plugin.h") for r in RELEASES]:
        for compiler in compilers():
            for language, standard in (("c", "c99"), ("c", "c11"), ("c++", "c++11"), ("c++", "c++20")):
                if language == "c++" and not shutil.which("cc1plus") and compiler[0] == "gcc" and not shutil.which("g++"):
                    continue
                p = subprocess.run([*compiler, "-x", language, "-std=" + standard, "-ffreestanding", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", path],
                                   capture_output=True, text=True)
                said = re.sub(r".*#pragma once in main file.*", "", p.stderr)
                check(p.returncode == 0, f"{path} as {standard} by {compiler[0]}:", said)


def abidiff_sees_what_was_appended_and_nothing_else():
    """A second witness only (version 2.2 answers 4 for an append, an insertion and a changed signature alike): its words are read, not its exit code."""
    if not shutil.which("abidiff") or not shutil.which("gcc"):
        print("  abidiff (abigail-tools) is not installed: left out")
        check(not os.environ.get("CI"), "CI has abidiff")
        return
    with open(LIVE, encoding="utf-8") as f:
        live = f.read()
    source = "#include \"plugin.h\"\nFB_EXPORT void see(const struct fb_call *, const struct fb_plugin *, const struct fb_sample *, const struct fb_event *);\n" \
             "void see(const struct fb_call *a, const struct fb_plugin *b, const struct fb_sample *c, const struct fb_event *d) { (void)a; (void)b; (void)c; (void)d; }\n"

    def built(folder, name, text):
        os.mkdir(os.path.join(folder, name))
        with open(os.path.join(folder, name, "plugin.h"), "w", encoding="utf-8") as f:
            f.write(text)
        with open(os.path.join(folder, name, "see.c"), "w", encoding="utf-8") as f:
            f.write(source)
        out = os.path.join(folder, name + ".so")
        subprocess.run(["gcc", "-g", "-shared", "-fPIC", "-o", out, os.path.join(folder, name, "see.c")], check=True)
        return out

    with tempfile.TemporaryDirectory() as folder:
        with open(file(RELEASES[-1], "failback/plugin.h"), encoding="utf-8") as f:
            release = built(folder, "release", f.read())
        moved = BREAKS["a member retyped"]
        headers = {"same": live, "next": next_header(), "retyped": edited(live, moved[0], moved[1])}
        words = {n: subprocess.run(["abidiff", "--no-show-locs", release, built(folder, n, t)], capture_output=True, text=True) for n, t in headers.items()}
    # A struct that is new or longer is what a later minor may have; a changed or removed member is not.
    check(words["same"].returncode == 0 or not re.search(r"type of '.*' changed|data members? deletions?|offset changed", words["same"].stdout), "today's header:", words["same"].stdout)
    check("data member insertion" in words["next"].stdout and "data member deletion" not in words["next"].stdout, "an append:", words["next"].stdout)
    check(words["retyped"].returncode & 4 and re.search(r"type of '.*latency_us' changed", words["retyped"].stdout), "a retyped member:", words["retyped"].stdout)


TESTS = [
    todays_header_is_each_release_or_appended_to_it,
    what_was_frozen_has_not_been_edited,
    the_pins_hold_on_every_machine,
    what_breaks_the_promise_is_caught_by_the_pins,
    what_breaks_the_promise_is_named_by_compare,
    nothing_of_1_0_ends_in_padding_on_64_bits,
    the_header_is_clean_in_c_and_cpp,
    abidiff_sees_what_was_appended_and_nothing_else,
]

if __name__ == "__main__":
    failed = 0
    for test in TESTS:
        try:
            test()
            print(f"ok   {test.__name__}")
        except Exception:
            failed += 1
            print(f"FAIL {test.__name__}")
            traceback.print_exc(file=sys.stdout)
    sys.exit(1 if failed else 0)
