# SPDX-License-Identifier: Apache-2.0
"""Programs as plugins: phase, strategy, check and notifier are the shipped examples, in sh and in Python, and the real engine runs them. What happens to them when
they hang, die or say what is no word of the protocol, and when the engine is killed in the middle of an action. Then the same for the plugins debug."""
import glob
import os
import re
import signal

from lab import CONFIG, DONE, INTERRUPTED, PLUGINS, RECOVERED, SRC, Lab, check, main, until

COMMON = os.path.join(SRC, "plugins/common/exec")
EXAMPLES = os.path.join(COMMON, "examples")
OPERATIONS = '[ "check", "state", "capture", "prove", "shift", "restore", "verify", "evidence", "observe" ]'

RECOVERY = """recovery = (
  { phase = "protect-traffic"; }, { phase = "restore"; timeout = "30s"; }, { phase = "verify"; stable_for = "50ms"; interval = "20ms"; },
  { parallel = ( { phase = "cleanup"; }, { phase = "analyze"; }, { phase = "recommend"; after = "analyze"; } ); }, { phase = "archive"; }, { phase = "notify"; } );
"""


class ScriptLab(Lab):
    """One service "app" whose releases are folders with a program and a count; 50 or more waiting is a failure. language: sh or py."""

    def __init__(self, language="py", strategy="", more=""):
        super().__init__()
        self.language = language
        for release, waiting in (("1", 3), ("2", 100), ("3", 4)):
            self.write(f"releases/{release}/start", "#!/bin/sh\nexec sleep 600\n", 0o755)
            self.write(f"releases/{release}/count", f"{waiting}\n", 0o644)
        self.write("counters", "40 0\n", 0o644)
        self.live_link, self.www, self.inbox = self.path("live"), self.path("www"), self.path("inbox")
        self.configure(strategy, more)

    def configure(self, strategy="", more=""):
        world = {"link": self.live_link, "releases": self.path("releases"), "counters": self.path("counters")}
        strategy = strategy or f'use = "exec"; run = [ "{EXAMPLES}/strategy.{self.language}" ]; operations = {OPERATIONS}; {self.both(world)}'
        count = self.both({"count": os.path.join(self.live_link, "count"), "warning": "10", "critical": "50"})
        self.write("failback.conf", f"""environment = "production";
services = ( {{ name = "app"; strategy = {{ {strategy} }};
  checks = ( {{ use = "exec"; name = "queue"; run = [ "{EXAMPLES}/check.{self.language}" ]; {count} }} ); }} );
notifiers = ( {{ use = "exec"; name = "inbox"; protocol = "lines"; run = [ "{EXAMPLES}/notifier.{self.language}" ]; {self.both({"inbox": self.inbox})} }} );
{RECOVERY}{more}
""")

    def both(self, settings, more=""):
        """What a program in Python reads from its settings and one in sh from its environment."""
        pairs = lambda up: " ".join(f'{k.upper() if up else k} = "{v}";' for k, v in settings.items())
        return f"settings = {{ {pairs(False)} }}; environment = {{ {pairs(True)} {more} }};"

    def point(self, more="", options=""):
        return (f'{{ name = "Point"; phase = "exec"; service = "app"; run = [ "{EXAMPLES}/phase.{self.language}" ]; operations = [ "run", "undo" ]; retries = 0; '
                f'{self.both({"link": self.www, "releases": self.path("releases")}, more)} {options} }}')

    def plan(self, steps, promote=True):
        steps = [steps] if steps else []
        if promote:
            steps.append('{ name = "Deploy"; promote = "app"; retries = 0; }')
        return self.write("plan.conf", 'name = "plan"; services = [ "app" ]; watch_for = "0s";\nsteps = (\n' + ",\n".join(steps) + " );\n")

    def deploy(self, release, steps="", expect=DONE):
        return self.run("deploy", self.plan(steps), "--release", release, expect=expect)

    def live(self):
        return tuple(os.path.basename(os.readlink(link)) if os.path.islink(link) else None for link in (self.live_link, self.www))

    def step(self, name):
        return {s["name"]: s for s in self.report()["deployment"]["steps"]}[name]

    def told(self):
        try:
            with open(self.inbox) as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def running(self):
        """The service's own process, and nothing else of ours."""
        return [line for _, line in self.processes()]


def programs_deploy_fail_and_bring_back():
    for language in ("sh", "py"):
        with ScriptLab(language) as lab:
            lab.deploy("1", lab.point())
            check(lab.live() == ("1", "1"), f"{language}: release 1 is live:", lab.live())
            lab.deploy("2", lab.point(), expect=RECOVERED)
            check(lab.live() == ("1", "1"), f"{language}: the last known good is live, and the step was undone:", lab.live())
            report = lab.report()
            check(report["status"] == "failed_with_rollback" and report["rollback"]["system_status"] == "STABLE", "the report says so:", report["status"])
            check("100 are waiting" in report["deployment"]["steps"][-1]["message"], "the check's own words:", report["deployment"]["steps"][-1]["message"])
            check(all(ph["status"] in ("completed", "skipped") for ph in report["rollback"]["phases"]), "every phase was done:", report["rollback"]["phases"])
            check(report["rollback"]["user_impact_detail"]["source"] == "counters", "the samples count:", report["rollback"]["user_impact_detail"])
            evidence = [name for _, _, files in os.walk(os.path.join(lab.state, "executions", report["execution_id"], "archive/evidence")) for name in files]
            check(any("live" in name for name in evidence), "its evidence is in the archive:", evidence)
            told = lab.told()
            check("deployment.completed" in told and "rollback.completed" in told, "people were told:", told)
            keys = {key for (key,) in lab.sql("select key from actions where state = 'done'")}
            check("switch" in keys and "link" in keys, "their actions are in the journal:", keys)
            check(len([line for line in lab.running() if "sleep 600" in line]) == 1, "one process serves:", lab.running())
            check(lab.run("audit", "verify").returncode == 0, "the audit is whole")


def a_dry_run_changes_nothing():
    for language in ("sh", "py"):
        with ScriptLab(language) as lab:
            lab.deploy("1", lab.point())
            before, told = lab.live(), lab.told()
            pids = sorted(lab.processes())
            p = lab.run("--dry-run", "deploy", lab.plan(lab.point()), "--release", "3", expect=DONE)
            check(lab.live() == before and lab.told() == told and sorted(lab.processes()) == pids, f"{language}: the world is as it was:", lab.live(), lab.told())
            check(f"point {lab.www} at" in p.stdout and "put release 3 of app live" in p.stdout, "it says what it would do:", p.stdout)


SHIM = """#!/bin/sh
# {name}, which stops {when} its work on www while the file hold is there
case $* in *www*) ours=1 ;; *) ours= ;; esac
hold() {{ [ -z "$ours" ] || {{ echo reached >> {dir}/reached; while [ -e {dir}/hold ]; do sleep 0.01; done; }}; }}
{before}
/bin/{name} "$@" || exit
{after}
"""


def interrupted_in_an_action(lab, name, before):
    """Kills the engine while the phase is in the middle of its action; before or after the change was made."""
    lab.write(f"bin/{name}", SHIM.format(name=name, dir=lab.dir, when="before" if before else "after", before="hold" if before else "", after="" if before else "hold"), 0o755)
    lab.write("hold", "")
    plan = lab.plan(lab.point(more=f'PATH = "{lab.dir}/bin:{os.environ["PATH"]}";'))
    p = lab.start("deploy", plan, "--release", "1")
    until(lambda: os.path.exists(lab.path("reached")), 60, "the phase did not begin its action")
    os.kill(lab.engine_pid(), signal.SIGKILL)
    out = p.communicate(timeout=60)[0]
    check(p.returncode == INTERRUPTED, f"exit code {p.returncode}:", out)
    check(lab.sql("select state from actions where key = 'link'") == [("intended",)], "its action is recorded as intended")
    os.unlink(lab.path("hold"))
    lab.run("resume", expect=DONE)
    check(lab.live() == ("1", "1"), "it was gone on with:", lab.live())
    return lab.sql("select state, result from actions where key = 'link'")


def who_died_after_the_change_is_told_unsure_and_finds_it_made():
    with ScriptLab("sh") as lab:
        rows = interrupted_in_an_action(lab, "mv", before=False)
        check(rows == [("done", "found in place")], "it looked, and found it:", rows)


def who_died_before_the_change_is_told_unsure_and_makes_it():
    with ScriptLab("sh") as lab:
        rows = interrupted_in_an_action(lab, "ln", before=True)
        check(len(rows) == 1 and rows[0][0] == "done" and rows[0][1].startswith("it pointed at"), "it looked, and made it:", rows)


def what_is_done_is_told_done_after_a_resume():
    with ScriptLab("py") as lab:
        lab.write("twice.py", f"""import json, os, sys, time
call = json.loads(sys.stdin.readline())
def ask(**m):
    print(json.dumps(m), flush=True)
    return json.loads(sys.stdin.readline())["answer"]
def note(what):
    with open("{lab.dir}/made", "a") as f:
        f.write(what + "\\n")
first = ask(ask="act", key="one", repeat="once", text="the first half")
note("one " + first)
if first == "do":
    ask(ask="acted", key="one")
    open("{lab.dir}/reached", "w").close()
    time.sleep(60)
note("two " + ask(ask="act", key="two", repeat="idempotent", text="the second half"))
ask(ask="acted", key="two")
""")
        step = f'{{ name = "Twice"; phase = "exec"; run = [ "/usr/bin/python3", "{lab.dir}/twice.py" ]; retries = 0; }}'
        p = lab.start("deploy", lab.plan(step), "--release", "1")
        until(lambda: os.path.exists(lab.path("reached")), 60, "the first half was not made")
        os.kill(lab.engine_pid(), signal.SIGKILL)
        p.communicate(timeout=60)
        check(p.returncode == INTERRUPTED, "exit code", p.returncode)
        lab.run("resume", expect=DONE)
        check(open(lab.path("made")).read().split("\n")[:3] == ["one do", "one done", "two do"], "each half was made once:", open(lab.path("made")).read())


def trouble(lab, script, words, options="", phase="exec"):
    """A step that fails as it must: its message holds the words, and what runs below the engine is gone."""
    quoted = script.replace("\\", "\\\\").replace('"', '\\"')
    run = f'run = "{quoted}";' if phase == "exec" else script
    p = lab.deploy("3", f'{{ name = "Trouble"; phase = "{phase}"; {run} retries = 0; {options} }}', expect=RECOVERED)
    step = lab.step("Trouble")
    for word in words if isinstance(words, tuple) else (words,):
        check(word in (step["message"] or ""), f"the message of '{script}' says '{word}':", step["message"])
        check(word in p.stdout, "and so does the screen:", p.stdout)
    check(lab.live()[0] == "1", "the last known good is live:", lab.live())
    until(lambda: len(lab.processes()) == 1, 5, f"processes were left behind: {lab.processes()}")
    return step


def a_program_that_hangs_costs_its_own_link():
    with ScriptLab("sh") as lab:
        lab.deploy("1")
        trouble(lab, "while :; do sleep 1; done", "was not finished after", 'timeout = "1s";')
        trouble(lab, "trap : TERM; sh -c 'trap : TERM; while :; do sleep 0.1; done' & while :; do sleep 0.1; done", "ended with SIGKILL, for it ignored SIGTERM", 'timeout = "1s";')


def a_program_that_talks_rubbish_costs_its_own_link():
    with ScriptLab("sh") as lab:
        lab.deploy("1")
        trouble(lab, "echo 'hello, world'", ("sent a line that is not JSON", "'hello, world'; what is not for failback goes to standard error (failback-exec(7))"))
        trouble(lab, "head -c 300000 /dev/urandom", "(failback-exec(7))")
        trouble(lab, "read -r call; echo '{\"ask\":\"fact\",\"key\":\"a\"}'; sleep 0.3; echo '{\"tell\":\"log\",\"text\":\"b\"}'; sleep 5", "did not wait for the answer to 'fact', and sent '{\"tell\"")
        trouble(lab, "echo '{\"ask\":\"act\",\"key\":\"k\",\"repeat\":\"once\",\"text\":\"change\"}'; exit 0", "did not say what became of 'k' (change)")


def a_program_that_dies_costs_its_own_link():
    with ScriptLab("sh") as lab:
        lab.deploy("1")
        trouble(lab, "kill -SEGV $$", "was killed by SIGSEGV")
        trouble(lab, "echo 'ERROR: disk is full' >&2; exit 3", "ended with exit code 3: ERROR: disk is full")
        trouble(lab, "echo '{\"tell\":\"fail\",\"text\":\"no room on /srv: free 2 GiB\"}'; exit 100", "no room on /srv: free 2 GiB")
        step = trouble(lab, "setsid sleep 60 & sleep 0.3; exit 1", "ended with exit code 1")
        check("sleep" in str(step.get("leftovers")), "what it left in a session of its own is named:", step)


def a_strategy_or_check_in_trouble_is_told_as_what_it_is():
    with ScriptLab("sh") as lab:
        lab.deploy("1")
        strategy = lab.write("broken.sh", f'#!/bin/sh\n[ "$FAILBACK_OPERATION" = shift ] && {{ echo oops; sleep 60; }}\nexec {EXAMPLES}/strategy.sh\n', 0o755)
        text = open(lab.conf).read()
        lab.write("failback.conf", text.replace(f'run = [ "{EXAMPLES}/strategy.sh" ]', f'run = [ "{strategy}" ]'))
        lab.deploy("3", expect=RECOVERED)
        check(f"'{strategy}' sent a line that is not JSON" in lab.step("Deploy")["message"], "the strategy's trouble:", lab.step("Deploy")["message"])
        lab.write("failback.conf", text.replace(f'run = [ "{EXAMPLES}/check.sh" ]', 'run = "exec sleep 60"').replace('name = "queue";', 'name = "queue"; timeout = "500ms";'))
        lab.deploy("3", expect=4)  # it hangs for the last known good too, so that nobody can say that it is healthy
        check("was not finished after" in lab.step("Deploy")["message"], "the check's trouble:", lab.step("Deploy")["message"])


def operations_and_zero_downtime_are_what_the_options_say():
    with ScriptLab("sh") as lab:
        plan = lab.plan("")
        service = lambda: lab.json("plan", "show", plan)["services"][0]
        check(not service()["can_prepare"] and not service()["zero_downtime"], "neither is offered:", service())
        text = open(lab.conf).read()
        lab.write("failback.conf", text.replace('"observe" ]', '"observe", "prepare" ]; zero_downtime = true'))
        check(service()["can_prepare"] and service()["zero_downtime"], "both are offered:", service())
        lab.write("failback.conf", text + "zero_downtime_required = true;\n")
        p = lab.run("plan", "show", plan, expect=CONFIG)
        check("rules out strategy 'exec'" in p.stderr, "it is ruled out:", p.stderr)
        lab.write("failback.conf", text.replace('"restore"', '"restor"'))
        p = lab.run("config", "check", expect=CONFIG)
        check("a strategy has no operation 'restor'; did you mean 'restore'?" in p.stderr + p.stdout, "the name is wrong:", p.stderr, p.stdout)
        lab.write("failback.conf", text.replace('"restore", ', ""))
        p = lab.run("plan", "show", plan, expect=CONFIG)
        check("cannot restore a release" in p.stderr, "a recovery needs it:", p.stderr)


def debug_plugins_misbehave_in_their_own_link():
    with ScriptLab("sh", strategy='use = "debug";') as lab:
        os.symlink(lab.path("releases/1"), lab.live_link)
        lab.deploy("1")
        world = lambda script, words, options="": trouble_in_memory(lab, script, words, options)
        world('crash = "SIGSEGV";', "signal 11")
        world("exit = 7;", "exit code 7")
        world('hang = "term";', "gave no answer before its deadline", 'timeout = "500ms";')
        world('hang = "ignore";', "gave no answer before its deadline", 'timeout = "500ms";')
        world("scribble = true;", "sent what is not a frame")
        world('answer = "fatal"; message = "no disk";', "no disk")
        world('grow = "64MiB"; answer = "retry"; message = "full";', "full")
        step = world('fork = "session"; answer = "fail";', "this is what debug was told to say")
        check(step.get("leftovers"), "what it left is named:", step)


def trouble_in_memory(lab, options, words, more):
    p = lab.deploy("3", f'{{ name = "Trouble"; phase = "debug"; {options} retries = 0; {more} }}', expect=RECOVERED)
    step = lab.step("Trouble")
    check(words in (step["message"] or "") and words in p.stdout, f"the message of '{options}' says '{words}':", step["message"])
    until(lambda: not lab.processes(), 5, f"processes were left behind: {lab.processes()}")
    return step


def a_rehearsal_of_a_crash_in_the_middle_of_an_action():
    with ScriptLab("sh", strategy='use = "debug"; on = [ "restore" ]; times = 1; act = "swap"; between = true; crash = "SIGSEGV";') as lab:
        os.symlink(lab.path("releases/1"), lab.live_link)
        lab.deploy("1")
        changed = lab.path("changed")
        step = f'{{ name = "Swap"; phase = "debug"; act = "swap"; file = "{changed}"; between = true; crash = "SIGKILL"; times = 1; retries = 1; backoff = "10ms"; }}'
        lab.run("--dry-run", "deploy", lab.plan(step), "--release", "3", expect=DONE)
        check(not os.path.exists(changed), "a dry run changes nothing")
        lab.deploy("3", step + ', { name = "Bad"; phase = "debug"; answer = "fail"; message = "the rehearsal ends here"; retries = 0; }', expect=RECOVERED)
        report = lab.report()
        check(lab.step("Swap")["attempts"] == 2 and lab.step("Swap")["status"] in ("completed", "undone"), "the second attempt ended well:", lab.step("Swap"))
        check(open(changed).read().count("\n") == 2, "an idempotent action was made again:", open(changed).read())
        check(report["rollback"]["system_status"] == "STABLE", "the restore that crashed once was tried again:", report["rollback"])


def wrap(kind, text):
    """An example as part of a configuration; and the plan that uses a phase's."""
    service = lambda strategy, checks="": f'services = ( {{ name = "app"; {strategy} checks = ( {checks} ); }} );\n'
    plain = 'strategy = { use = "debug"; };'
    if kind == "phase":
        return service(plain) + f"backup = ( {text} );\n"
    if kind == "strategy":
        return service(text)
    return service(plain, text) if kind == "check" else service(plain) + f"notifiers = ( {text} );\n"


def every_example_is_accepted():
    for kind, folder in (("phase", "phases"), ("strategy", "strategies"), ("check", "checks"), ("notifier", "notifiers")):
        for name in ("exec", "debug"):
            with Lab() as lab:
                with open(os.path.join(SRC, "plugins", folder, name, "example.conf")) as f:
                    lab.write("failback.conf", 'environment = "test";\n' + wrap(kind, f.read()))
                p = lab.run("config", "check")
                check(p.returncode == 0, f"the example of {kind} {name}:", p.stdout, p.stderr)


def the_manual_and_the_shipped_programs_agree():
    with open(os.path.join(COMMON, "failback-exec.7")) as f:
        manual = f.read()
    for name in ("phase.sh", "phase.py"):
        shown = re.search(rf'EXAMPLE {name} BEGINS\n\.Bd -literal\n(.*?)\.Ed\n', manual, re.S).group(1)
        shown = "".join(re.sub(r"^\\&", "", line).replace("\\e", "\\") for line in shown.splitlines(True))
        with open(os.path.join(EXAMPLES, name)) as f:
            check(f.read() == shown, f"the manual page shows another {name} than is shipped")
    with open(os.path.join(COMMON, "services.c")) as f:
        table = f.read().split("exec_messages[] = {")[1]
    messages = dict(re.findall(r'^\t\{"(\w+)", (true|false),', table, re.M))
    check(len(messages) > 20, "the messages in the program:", messages)
    documented = set(re.findall(r"^\.It Cm (\w+) Pq", manual, re.M))
    check(documented == set(messages), "messages in the manual page only, or in the program only:", documented ^ set(messages))
    for language in ("sh", "py"):
        text = "".join(open(path).read() for path in glob.glob(f"{EXAMPLES}/*.{language}"))
        for message, asks in messages.items():
            verb = "ask" if asks == "true" else "tell"
            used = re.search(rf'"{verb}": ?"{message}"|\b{verb}\("{message}"', text)
            check(used, f"no example in {language} sends '{message}'")


main(programs_deploy_fail_and_bring_back, a_dry_run_changes_nothing, who_died_after_the_change_is_told_unsure_and_finds_it_made,
     who_died_before_the_change_is_told_unsure_and_makes_it, what_is_done_is_told_done_after_a_resume, a_program_that_hangs_costs_its_own_link,
     a_program_that_talks_rubbish_costs_its_own_link, a_program_that_dies_costs_its_own_link,
     a_strategy_or_check_in_trouble_is_told_as_what_it_is, operations_and_zero_downtime_are_what_the_options_say, debug_plugins_misbehave_in_their_own_link,
     a_rehearsal_of_a_crash_in_the_middle_of_an_action, every_example_is_accepted, the_manual_and_the_shipped_programs_agree)
