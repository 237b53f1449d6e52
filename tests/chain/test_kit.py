# SPDX-License-Identifier: Apache-2.0
"""The author's kit: from `failback plugin new` to a plugin that runs, by the commands of the manual page; and `plugin check`, which must find what is wrong."""
import atexit
import contextlib
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from files_lab import FilesLab
from lab import BUILD, PLUGIN, REFUSED, SANITIZED, SRC, USAGE, Lab, check, free_port, main, need

# What each template's example needs, as `plugin new` itself says it
SETTINGS = {"phase": ["--set", "file=/run/shop/maintenance"], "strategy": ["--set", "root={dir}"], "check": ["--set", "file=/etc/hostname"], "notifier": []}
HOSTILE = os.path.join(BUILD, "tests/abi/hostile/.libs")


def command(*args, cwd="/", env=None, expect=0, timeout=300):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    p = subprocess.run(list(args), cwd=cwd, env=dict(clean, **(env or {})), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=timeout)
    check(expect is None or p.returncode == expect, f"{' '.join(args)}: exit code {p.returncode}, expected {expect}\n{p.stdout}")
    return p.stdout


class Installed:
    """failback in a folder of its own, by `make install DESTDIR=…`, with a failback.pc that knows where it is; and, in a laboratory, a `failback` that knows its state."""

    root = prefix = None

    @classmethod
    def install(cls):
        cls.root = tempfile.mkdtemp(prefix="failback-kit-")
        atexit.register(shutil.rmtree, cls.root, ignore_errors=True)
        command("make", "-C", BUILD, "install", f"DESTDIR={cls.root}")
        pc = glob.glob(os.path.join(cls.root, "**", "failback.pc"), recursive=True)[0]
        with open(pc) as f:
            text = f.read()
        prefix = re.search(r"^prefix=(.*)$", text, re.M).group(1)
        with open(pc, "w") as f:
            f.write(text.replace("=" + prefix, "=" + cls.root + prefix))
        cls.prefix, cls.packages = cls.root + prefix, os.path.dirname(pc)

    def __init__(self, lab):
        if not self.root:
            self.install()
        self.env = {"PKG_CONFIG_PATH": self.packages, "PATH": lab.path("bin") + ":" + os.environ["PATH"], "HOME": lab.dir}
        self.plugins = command("pkg-config", "--variable=plugindir", "failback", env=self.env).strip()
        program = f"{self.prefix}/bin/failback -c {lab.conf} --state-dir {lab.state} --plugin-dir {self.plugins}"
        lab.write("bin/failback", f'#!/bin/sh\nexec {program} "$@"\n', 0o755)


class Receiver(threading.Thread):
    """Takes lines from whoever connects."""

    def __init__(self):
        super().__init__()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.lines = []

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                c, _ = self.socket.accept()
                with c, c.makefile() as f:
                    self.lines += f.read().splitlines()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.join()


def manual_commands():
    with open(os.path.join(SRC, "core/man/failback-plugin.3")) as f:
        text = f.read()
    block = re.search(r'^\.\\" COMMANDS BEGIN\n\.Bd -literal.*?\n(.*?)^\.Ed\n\.\\" COMMANDS END', text, re.S | re.M).group(1)
    return block.replace("\\e", "\\").splitlines()


def from_nothing_to_a_notifier_in_a_recovery():
    lines = manual_commands()
    check(1 <= len(lines) <= 6, "the manual page has at most six commands:", lines)
    with FilesLab(notifiers="") as lab, Receiver() as receiver:
        installed = Installed(lab)
        lab.deploy("1")
        lab.deploy("2")
        os.mkdir(lab.path("conf.d"), 0o755)
        took = 0.0
        for line in lines:
            begun = time.monotonic()
            command("/bin/sh", "-c", line.replace("/etc/failback", lab.dir), cwd=lab.dir, env=installed.env)
            took += time.monotonic() - begun
            example = lab.path("failback-notifier-mine", "example.conf")
            if line.startswith("failback plugin new"): # the one line that an author edits: where the receiver is
                with open(example) as f:
                    text = f.read()
                check("port = 5170;" in text, text)
                with open(example, "w") as f:
                    f.write(text.replace("port = 5170;", f"port = {receiver.port};"))
        check(took < 60, f"they take less than 60 s: {took:.1f} s")
        print(f"     {len(lines)} commands, {took:.1f} s", flush=True)
        names = [line.split(" ")[2].rstrip(":") for line in receiver.lines]
        check("rollback.started" in names and "rollback.completed" in names, "our notifier told of the recovery:", receiver.lines)
        execution = lab.report()["execution_id"]
        sent = lab.sql(f"select event, status from outbox where notifier = 'mine' and event = 'rollback.completed'")
        check(sent == [("rollback.completed", "sent")], f"and the journal of {execution} says so:", sent)


def every_template_builds_tests_installs_and_passes_the_check():
    for program in ("pkg-config", "cc", "c++", "mandoc"):
        need(program)
    with Lab() as lab:
        lab.write("failback.conf", "")
        installed = Installed(lab)
        releases = lab.path("srv")
        for release in ("1.0", "2.0"):
            os.makedirs(os.path.join(releases, release))
        os.symlink("1.0", os.path.join(releases, "current"))
        for kind in SETTINGS:
            for language in ("c", "c++"):
                name = "our-" + ("cpp" if language == "c++" else "c")
                project = lab.path(f"failback-{kind}-{name}")
                command("failback", "plugin", "new", kind, name, "--language", language, cwd=lab.dir, env=installed.env)
                out = command("make", "check", cwd=project, env=installed.env)
                check("warning" not in out and "PASSED" in out, f"{kind} in {language}: no warnings, tests pass:", out)
                command("mandoc", "-Tlint", "-W", "warning", os.path.join(project, f"failback-{kind}-{name}.7"))
                settings = ["--options", "example.conf"] if language == "c" else [s.format(dir=releases) for s in SETTINGS[kind]]
                out = command("failback", "--json", "plugin", "check", f"{kind}-{name}.so", *settings, cwd=project, env=installed.env)
                document = json.loads(out)
                check(document["failed"] == 0 and document["ok"] > 10, f"{kind} in {language} passes:", out)
                command("make", "install", "DESTDIR=" + lab.path("out"), cwd=project, env=installed.env)
                check(os.path.exists(f"{lab.path('out')}{installed.plugins}/{kind}-{name}.so"), "it is installed where pkg-config says")
                command("make", "install", cwd=project, env=installed.env)
                command("failback", "plugin", "show", f"{kind}-{name}", env=installed.env)
                command("make", "clean", cwd=project)
                check(not glob.glob(os.path.join(project, "*.so")), "clean removes what was built")


def new_refuses_what_cannot_be():
    with Lab() as lab:
        lab.write("failback.conf", "")
        os.mkdir(lab.path("there"))
        lab.write("there/file", "precious")
        for args, code, text in (
            (("notfier", "x"), USAGE, "did you mean 'notifier'?"),
            (("gadget", "x"), USAGE, "there are phase, strategy, check and notifier"),
            (("check", "Bad_Name"), USAGE, "cannot be a plugin's name: use a-z"),
            (("check", "../x"), USAGE, "cannot be a plugin's name"),
            (("check", "x", "--language", "c+"), USAGE, "did you mean 'c++'?"),
            (("check", "x", "--dir", lab.path("there")), REFUSED, "is there already, and nothing was written"),
            (("check", "x", "--dir", lab.path("no/such/folder")), 1, "cannot make the folder"),
        ):
            p = lab.run("plugin", "new", *args, expect=code)
            check(text in p.stderr, f"plugin new {' '.join(args)}:", p.stderr)
        check(sorted(os.listdir(lab.path("there"))) == ["file"], "what was there is as it was")


# Plugins that anyone could write by mistake: the line of the check that must fail, and a part of its text
HEAD = """#include <failback/plugin.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
"""
TAIL = """
%(declared)s
static const struct fb_phase_ops ops = {.run = run};
FB_PLUGIN(PHASE, .name = "%(name)s", .version = "1", .summary = "%(summary)s", .license = "%(license)s", .options = %(options)s, .phase = &ops)
"""
MISTAKES = {
    "writes": ("dry-run", "changed {tmp}/failback-kit-was-here", 'int fd = open("{tmp}/failback-kit-was-here", O_CREAT | O_WRONLY, 0600); close(fd); (void)c; return FB_OK;', {}),
    "writes-home": ("dry-run", "/home/", 'char p[4200]; strcpy(p, getenv("HOME")); strcat(p, "/x"); close(open(p, O_CREAT | O_WRONLY, 0600)); (void)c; return FB_OK;', {}),
    "acts-in-dry": ("dry-run", "said that 'a' was done", 'c->host->act(c, "a", FB_REPEAT_ONCE, "do a"); c->host->acted(c, "a", NULL); return FB_OK;', {}),
    "starts": ("dry-run", "asked for start_service 'web'",
               'const struct fb_command k = {.shell = "sleep 1"}; int64_t pid; return c->host->start_service(c, "web", &k, &pid) == 0 ? FB_OK : FB_SKIP;', {}),
    "twice": ("dry-run", "asked twice for the action 'a'", 'c->host->act(c, "a", FB_REPEAT_ONCE, "do a"); c->host->act(c, "a", FB_REPEAT_ONCE, "do b"); return FB_SKIP;', {}),
    "speechless": ("dry-run", "answered FAIL without a sentence", "(void)c; return FB_FAIL;", {}),
    "leaves": ("dry-run", "left running", 'if (fork() == 0) { sleep(60); _exit(0); } (void)c; return FB_OK;', {}),
    "deaf-to-no": ("no", "answered OK although act had answered NO", 'c->host->act(c, "a", FB_REPEAT_ONCE, "do a"); return FB_OK;', {}),
    "no-but-does": ("no", "said that 'a' was done",
                    'int32_t a = c->host->act(c, "a", FB_REPEAT_ONCE, "do a"); if (a == FB_ACT_DRY) return FB_OK; c->host->acted(c, "a", NULL); c->host->fail(c, "x"); return FB_RETRY;', {}),
    "null-fact": ("dry-run", "was ended by signal", 'return (int32_t)strlen(c->host->fact(c, FB_SCOPE_OWN, "k")) ? FB_OK : FB_SKIP;', {}),
    "leaks": ("memory", "lost", 'char *p = malloc(100); p[0] = 1; c->host->log(c, FB_LOG_INFO, "%p", (void *)p); p = NULL; return FB_OK;', {}),
    "no-licence": ("license", "it is empty", "(void)c; return FB_OK;", {"license": ""}),
    "full-stop": ("summary", "without a full stop", "(void)c; return FB_OK;", {"summary": "It does."}),
    "bad-default": ("options", "outside of its own range", "(void)c; return FB_OK;",
                    {"declared": 'static const struct fb_option options[] = {{.name = "n", .type = FB_TYPE_INT, .default_value = "9", .min = 1, .max = 5, .summary = "N"}, {0}};'}),
    "wants": ("values", "pass --set file=path", "(void)c; return FB_OK;",
              {"declared": 'static const struct fb_option options[] = {{.name = "file", .type = FB_TYPE_PATH, .flags = FB_OPTION_REQUIRED, .summary = "F"}, {0}};'}),
}

# One for each line that needs a fault to find anything: only the lines that are named fail.
PAST = """#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
static int past(const struct fb_call *c)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 >= c->deadline_ms;
}
"""
FAULTS = {
    # waits for more time, and has made itself deaf
    "overtime": (["deadline"], "had to be killed",
                 'signal(SIGTERM, SIG_IGN); c->host->document(c, "services"); while (c->host->remaining_ms(c) == 0 && past(c)) usleep(1000); return FB_OK;'),
    "overtime-alone": (["deadline"], "had to be killed", 'signal(SIGTERM, SIG_IGN); usleep(200000); while (past(c)) usleep(1000); return FB_OK;'),
    # takes a request to stop for a pause
    "stubborn": (["stop"], "had to be killed",
                 'signal(SIGTERM, SIG_IGN); c->host->document(c, "services"); while (c->host->remaining_ms(c) == 0 && !past(c)) usleep(1000); return FB_OK;'),
    # takes it that there is an answer as long as there is time
    "trusting": (["broken-reply"], "was ended by signal 11",
                 'const char *s = c->host->document(c, "services"); if (c->host->remaining_ms(c) == 0) return FB_RETRY; return strlen(s) ? FB_OK : FB_SKIP;'),
    # takes it that what it has written is there
    "careless": (["full-disk"], "was ended by signal 11",
                 'char p[4200], line[80]; snprintf(p, sizeof p, "%s/list", c->scratch); FILE *f = fopen(p, "w"); fputs("one\\n", f); fclose(f); f = fopen(p, "r");'
                 ' int n = (int)strlen(fgets(line, sizeof line, f)); fclose(f); unlink(p); return n == 4 ? FB_OK : FB_SKIP;'),
    # keeps by itself what nobody took
    "keeps": (["engine-gone"], "/home/kept, though act was never answered",
              'if (c->host->fact_set(c, FB_SCOPE_OWN, "k", "v") == 0 || c->host->remaining_ms(c) > 0) return FB_OK;'
              ' char p[4200]; snprintf(p, sizeof p, "%s/kept", getenv("HOME")); close(open(p, O_CREAT | O_WRONLY, 0600)); return FB_OK;'),
    # leaves a process that nobody knows as its own, by a library that has changed its host
    "disguised": (["ends"], "were still there after its host had ended",
                  'int p[2]; char x; if (!(c->flags & FB_CALL_DRY_RUN) || pipe(p) || fcntl(p[0], F_SETFD, FD_CLOEXEC) || fcntl(p[1], F_SETFD, FD_CLOEXEC)) return FB_OK;'
                  ' if (fork() == 0) { char *none[] = {NULL}; setsid(); if (fork() == 0) execle("/bin/sleep", "sleep", "60", (char *)NULL, none); _exit(0); }'
                  ' close(p[1]); wait(NULL); while (read(p[0], &x, 1) > 0) ; close(p[0]); return FB_OK; } /* it has become another program by then */'
                  ' __attribute__((constructor)) static void at_load(void) { prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);'),
}


def lines_of(lab, path, *args, expect):
    document = lab.json("plugin", "check", path, "--within", "2s", *args, expect=expect)
    check(document["schema"] == "failback.plugin_check/1", "the schema is told")
    check(document["failed"] == len([c for c in document["checks"] if c["result"] == "failed"]), "the counts are those of the lines")
    return document


def assert_fails(document, name, line, text):
    failed = [(c["check"], c["text"]) for c in document["checks"] if c["result"] == "failed"]
    check(any(c == line and text in t for c, t in failed), f"{name}: '{line}' fails with '{text}':", failed)


def plugin_of(lab, name, code, fields):
    source = lab.write(name + ".c", HEAD + code + TAIL % dict({"name": name, "summary": "Makes a mistake", "license": "MIT", "declared": "", "options": "NULL"}, **fields))
    plugin = lab.path(f"phase-{name}.so")
    command("cc", "-shared", "-fPIC", "-g", "-I", os.path.join(SRC, "core"), "-o", plugin, source)
    os.chmod(plugin, 0o755)
    return plugin


def every_line_that_needs_a_fault_finds_one():
    with Lab() as lab:
        lab.write("failback.conf", "")
        for name, (lines, text, body) in FAULTS.items():
            plugin = plugin_of(lab, name, PAST + "static int32_t run(const struct fb_call *c)\n{\n(void)past;\n" + body + "\n}\n", {})
            document = lines_of(lab, plugin, expect=None)
            failed = [c["check"] for c in document["checks"] if c["result"] == "failed"]
            skipped = {c["check"]: c["text"] for c in document["checks"] if c["result"] == "skipped"}
            if lines[0] == "full-disk" and lines[0] in skipped:
                print(f"     {name}: {skipped[lines[0]]}", flush=True)
                continue
            assert_fails(document, name, lines[0], text)
            check(failed == lines, f"{name} fails that line alone:", document["checks"])
        check(not lab.processes(), "nothing is left", lab.processes())


def what_is_too_soon_over_is_told_as_skipped():
    with Lab() as lab:
        lab.write("failback.conf", "")
        plugin = plugin_of(lab, "quick", "static int32_t run(const struct fb_call *c)\n{\n(void)c; return FB_OK;\n}\n", {})
        for _ in range(20):  # on a machine that is busy enough even this one takes its time, and is met under way
            document = lines_of(lab, plugin, expect=0)
            found = [(c["check"], c["result"], "too soon to be met under way" in c["text"]) for c in document["checks"] if c["check"] in ("deadline", "stop")]
            if found == [("deadline", "skipped", True), ("stop", "skipped", True)]:
                break
            check(all(f[1:] in (("skipped", True), ("ok", False)) for f in found) and len(found) == 2, "what was met under way is right:", found)
        else:
            check(False, "it is too soon over to be met:", found)


def mistakes_are_found():
    with Lab() as lab, tempfile.TemporaryDirectory(dir="/var/tmp") as tmp:
        lab.write("failback.conf", "")
        for name, (line, text, body, more) in MISTAKES.items():
            if line == "memory" and (SANITIZED or not shutil.which("valgrind")):
                continue
            code = "static int32_t run(const struct fb_call *c)\n{\n" + body.replace("{tmp}", tmp) + "\n}\n"
            plugin = plugin_of(lab, name, code, dict({"options": "options" if "declared" in more else "NULL"}, **more))
            document = lines_of(lab, plugin, expect=None if name == "writes" else PLUGIN)
            if name == "writes" and tmp.split("/")[1] not in [f.strip("/") for f in document["watched"]["folders"]]:
                print(f"     no overlay over /{tmp.split('/')[1]} here: {document['watched']['why_not']}", flush=True)
                for left in os.listdir(tmp):
                    os.unlink(os.path.join(tmp, left))
                continue
            assert_fails(document, name, line, text.replace("{tmp}", tmp))
            check(os.listdir(tmp) == [], f"{name} has changed nothing outside", os.listdir(tmp))


HOSTILE_LINES = {
    "wrong-magic": ("descriptor", "begins with 0x12345678"),
    "size-zero": ("descriptor", "says it has 0 bytes"),
    "other-name": ("descriptor", "names itself 'somebody-else'"),
    "option-default": ("options", "its default cannot be read"),
    "option-choice": ("options", "none of its choices"),
    "option-twice": ("options", "declared twice"),
    "ctor-thread": ("load", "started a thread while it was loaded"),
    "ctor-crash": ("load", "crashed while it was loaded"),
    "ctor-exit": ("load", "ended its host while it was loaded"),
    "undefined": ("load", "undefined symbol"),
    "no-entry": ("entry", "does not export"),
    "op-crash": ("dry-run", "was ended by signal 11"),
    "answers-77": ("dry-run", "answered 77, which is none"),
    "op-exit": ("dry-run", "without an answer"),
    "fork-exit": ("dry-run", "without an answer"),
    "never-returns": ("dry-run", "gave no answer before its deadline"),
    "ignores-term": ("dry-run", "gave no answer before its deadline"),
    "rubbish": ("dry-run", "sent what is not a frame"),
    "huge-frame": ("dry-run", "sent what is not a frame"),
    "unknown-method": ("dry-run", "nothing that a plugin can ask for"),
    "daemon": ("dry-run", "left running"),
    "kills-host": ("dry-run", "was ended by signal 9"),
}


def hostile_plugins_fail_the_right_line():
    with Lab() as lab:
        lab.write("failback.conf", "")
        for name, (line, text) in HOSTILE_LINES.items():
            document = lines_of(lab, os.path.join(HOSTILE, f"phase-{name}.so"), expect=PLUGIN)
            assert_fails(document, name, line, text)
        check(not lab.processes(), "nothing is left", lab.processes())


def what_is_not_to_be_trusted_is_not_loaded():
    with Lab() as lab:
        lab.write("failback.conf", "")
        plugin = lab.path("phase-command.so")
        shutil.copy(os.path.join(BUILD, "plugins/staged/phase-command.so"), plugin)
        os.chmod(plugin, 0o777)
        document = lines_of(lab, plugin, expect=PLUGIN)
        assert_fails(document, "writable", "file-trust", "can be written by others")
        check(document["plugin"] is None, "it was not loaded")
        os.chmod(plugin, 0o755)
        os.rename(plugin, lab.path("fase-command.so"))
        assert_fails(lines_of(lab, lab.path("fase-command.so"), expect=PLUGIN), "name", "file-name", "did you mean phase-…?")
        lab.write("check-text.so", "no plugin", 0o755)
        assert_fails(lines_of(lab, lab.path("check-text.so"), expect=PLUGIN), "text", "object", "is not a shared object")


def shipped_plugins_pass():
    given = {"check-http": ["--set", f"url=http://127.0.0.1:{free_port()}/"], "check-tcp": ["--set", f"address=127.0.0.1:{free_port()}"],
             "check-command": ["--set", "run=true"], "check-process": ["--set", "process=init"], "notifier-exec": ["--set", "run=cat"],
             "notifier-webhook": ["--set", f"url=http://127.0.0.1:{free_port()}/"], "phase-command": ["--set", "run=true"],
             "strategy-immediate": ["--set", "deploy=true", "--set", "version=echo 1.0"]}
    with Lab() as lab:
        lab.write("failback.conf", "")
        for name, settings in given.items():
            document = lines_of(lab, os.path.join(BUILD, f"plugins/staged/{name}.so"), *settings, expect=None)
            check(document["failed"] == 0, f"{name} passes:", [(c["check"], c["operation"], c["text"]) for c in document["checks"] if c["result"] == "failed"])


if __name__ == "__main__":
    main(from_nothing_to_a_notifier_in_a_recovery, every_template_builds_tests_installs_and_passes_the_check, new_refuses_what_cannot_be, mistakes_are_found,
         every_line_that_needs_a_fault_finds_one, what_is_too_soon_over_is_told_as_skipped,
         hostile_plugins_fail_the_right_line, what_is_not_to_be_trusted_is_not_loaded, shipped_plugins_pass, hostile=True)
