# SPDX-License-Identifier: Apache-2.0
"""A configuration with many mistakes: all are told in one run, each with file and line, and nothing is changed."""
import os
import re

from lab import CONFIG, FAILBACK, PLUGINS, Lab, check, main

MAIN = """environment = "production";
notifiers = ( { use = "consol"; } );
failure_treshold = 3;
rollback_timeout = "fast";
services = (
  { name = "db"; strategy = { use = "immediate"; deploy = "true"; }; },
  { name = "Data Base"; strategy = { use = "immediate"; deploy = "true"; }; },
  { name = "app"; depends_on = [ "dbb" ]; strategy = { use = "immediate"; deploy = "true"; }; }
);
"""
# line of MAIN: what the message must say
MAIN_MISTAKES = {2: "consol", 3: "failure_threshold", 4: "fast", 7: "Data Base", 8: "dbb"}

MORE = """services = (
  { name = "web";
    strategy = { use = "blue-gren"; };
    checks = ( { use = "http"; url = "http://127.0.0.1/"; interval = "-1s"; } ); },
  { name = "db"; strategy = { use = "immediate"; deploy = "true"; }; },
  { name = "job"; strategy = { use = "immediate"; }; }
);
state_dir = "relative";
"""
MORE_MISTAKES = {3: "blue-green", 4: "interval", 5: "db", 6: "deploy", 8: "relative"}

BROKEN = """log_limit = "1MiB";
recovery = ( { phase = "restore" };
"""


def write(lab):
    # ten mistakes over two files, and the eleventh is a syntax error in a third
    lab.write("failback.conf", MAIN)
    lab.write("conf.d/10-more.conf", MORE)
    lab.write("conf.d/20-broken.conf", BROKEN)
    lab.write("plan.conf", 'services = [ "db" ]; steps = ( { name = "one"; run = "touch ' + lab.path("world") + '"; }, { promote = "db"; } );\n')


def told(p):
    """(file, line): messages."""
    found = {}
    for line in p.stderr.splitlines():
        m = re.match(r"^(?:failback: )?(\S+?):(\d+): (.*)$", line)
        if m:
            key = (os.path.basename(m[1]), int(m[2]))
            check(m[3] not in found.get(key, ""), "told twice:", line)
            found[key] = found.get(key, "") + m[3] + "\n"
    return found


def expected(found):
    for file, mistakes in (("failback.conf", MAIN_MISTAKES), ("10-more.conf", MORE_MISTAKES)):
        for line, words in mistakes.items():
            check(words in found.get((file, line), ""), f"{file}:{line} says '{words}':", found)
    check(("20-broken.conf", 2) in found or ("20-broken.conf", 3) in found, "the syntax error is told:", found)
    count = sum(text.count("\n") for text in found.values())
    check(count == 11, "eleven messages:", count, found)


def config_check_tells_all_mistakes_at_once_and_changes_nothing():
    with Lab() as lab:
        write(lab)
        before = sorted(os.walk(lab.dir))
        p = lab.run("config", "check", expect=CONFIG)
        expected(told(p))
        check(sorted(os.walk(lab.dir)) == before, "nothing was changed:", sorted(os.walk(lab.dir)))


def deploy_tells_the_same_and_makes_no_journal():
    with Lab() as lab:
        write(lab)
        checked = told(lab.run("config", "check", expect=CONFIG))
        before = sorted(os.walk(lab.dir))
        p = lab.run("deploy", lab.path("plan.conf"), "--release", "1", expect=CONFIG)
        check(told(p) == checked, "the same messages:", told(p), checked)
        check(not os.path.exists(lab.state) and not os.path.exists(lab.path("world")), "nothing was made or run")
        check(sorted(os.walk(lab.dir)) == before, "nothing was changed")


def with_json_the_messages_are_one_document():
    with Lab() as lab:
        write(lab)
        document = lab.json("config", "check", expect=CONFIG)
        check(document["schema"] == "failback.error/1" and len(document["errors"]) == 11, "one document with eleven errors:", document)


def a_mistake_in_a_plan_is_told_with_its_place():
    with Lab() as lab:
        lab.write("failback.conf", 'services = ( { name = "db"; strategy = { use = "immediate"; deploy = "true"; }; } );\nnotifiers = ( );\n')
        plan = lab.write("plan.conf", 'services = [ "db" ];\nsteps = (\n  { name = "one"; run = "true"; retires = 3; },\n  { name = "one"; run = "true"; timeout = "0s"; },\n  { promote = "dp"; } );\n')
        p = lab.run("deploy", plan, "--release", "1", expect=CONFIG)
        found = told(p)
        check("retries" in found.get(("plan.conf", 3), "") and ("plan.conf", 4) in {k for k in found} and "db" in found.get(("plan.conf", 5), ""), "all are told:", p.stderr)
        check(not os.path.exists(lab.state), "no journal was made")


main(config_check_tells_all_mistakes_at_once_and_changes_nothing, deploy_tells_the_same_and_makes_no_journal, with_json_the_messages_are_one_document,
     a_mistake_in_a_plan_is_told_with_its_place)
