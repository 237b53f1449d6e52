# SPDX-License-Identifier: Apache-2.0
"""What a shipped plugin declares, what its manual page tells and what its example shows are the same; and lists and documents show it whole."""
import glob
import os
import re

from lab import PLUGIN, PLUGINS, SRC, Failure, Lab, check, main

SERVICES = """services = (
  { name = "web"; strategy = { use = "immediate"; deploy = "true"; }; %s },
  { name = "backend"; strategy = { use = "immediate"; deploy = "true"; }; } );
"""
PLAN = 'name = "example"; services = [ "backend" ]; release = "2.0";\n'


def shipped():
    """(kind, name, folder of its sources) of every plugin of the build."""
    found = []
    for path in sorted(glob.glob(os.path.join(PLUGINS, "*.so"))):
        kind, name = os.path.basename(path)[:-3].split("-", 1)
        pages = glob.glob(os.path.join(SRC, "plugins", "*", "*", f"failback-{kind}-{name}.7"))
        check(len(pages) == 1, f"{kind}-{name} has one manual page:", pages)
        found.append((kind, name, os.path.dirname(pages[0])))
    check(len(found) >= 20, "the build's plugins are there:", len(found))
    return found


def documented(page):
    """Names of the items of the section OPTIONS, and the other names that they say an option has."""
    with open(page) as f:
        text = f.read()
    section = re.search(r"^\.Sh OPTIONS\n(.*?)(?=^\.Sh |\Z)", text, re.S | re.M)
    names = set()
    for line in re.findall(r"^\.It Cm (.*)$", section.group(1) if section else "", re.M):
        words = line.split(" No = ")[0]
        names |= {w.strip() for w in words.replace(" Ns ", "").split(",")}
    return names


def all_are_documented():
    wrong = []
    with Lab() as lab:
        lab.write("failback.conf", "")
        for kind, name, folder in shipped():
            plugin = lab.json("plugin", "show", f"{kind}-{name}", expect=0)["plugin"]
            declared = {o["name"] for o in plugin["options"]}
            told = documented(os.path.join(folder, f"failback-{kind}-{name}.7"))
            wrong += [f"{kind}-{name}: option '{o}' is not in its manual page" for o in sorted(declared - told)]
            wrong += [f"{kind}-{name}: its manual page has '{o}', which it does not declare" for o in sorted(told - declared)]
    check(not wrong, "\n  ".join(["options and manual pages agree:"] + wrong))


def settings(text):
    return "".join(line for line in text.splitlines(True) if not line.startswith("#")).strip()


def place(kind, text):
    """(configuration, plan or None) that hold an example."""
    body = settings(text)
    if body.startswith("{"):
        if kind == "check":
            return SERVICES % f"checks = ( {body} );", None
        if kind == "notifier":
            return SERVICES % "" + f"notifiers = ( {body} );", None
        if kind == "phase":
            return SERVICES % "", PLAN + f"steps = ( {body} );"
    if kind == "strategy" and body.startswith("backup"):
        return SERVICES % body, None
    if body.startswith("strategy"):
        return f'services = ( {{ name = "web"; {body} }} );', None
    if body.startswith("steps"):
        return SERVICES % "", PLAN + body
    if body.startswith("services"):
        return body, None
    return SERVICES % "" + body, None


def every_example_is_right():
    wrong = []
    with Lab() as lab:
        for kind, name, folder in shipped():
            with open(os.path.join(folder, "example.conf")) as f:
                text = f.read()
            check(name in text, f"the example of {kind}-{name} names it")
            configuration, plan = place(kind, text)
            lab.write("failback.conf", configuration)
            plans = [lab.write("example.plan", plan)] if plan else []
            p = lab.run("config", "check", *plans)
            if p.returncode != 0:
                wrong.append(f"{kind}-{name}: {p.stderr.strip()}")
    check(not wrong, "\n  ".join(["every example passes the check:"] + wrong))


def an_example_that_is_wrong_is_found():
    with Lab() as lab:
        configuration, _ = place("check", '{ use = "tcp"; adress = "127.0.0.1:1"; }')
        lab.write("failback.conf", configuration)
        p = lab.run("config", "check", expect=65)
        check("did you mean 'address'" in p.stderr, p.stderr)


def lists_and_documents_show_all_of_a_plugin():
    with Lab() as lab:
        lab.write("failback.conf", "")
        broken = lab.path("more")
        os.mkdir(broken)
        lab.write("more/check-broken.so", "this is no plugin")
        for json_output in (False, True):
            p = lab.run("--plugin-dir", broken, "plugin", "list", expect=PLUGIN, json_output=json_output)
            for _, name, _ in shipped():
                check(name in p.stdout, f"{name} is listed")
            check("does not begin as an ELF file does" in " ".join(p.stdout.split()) and "broken" in p.stdout, "the one that was refused is told with its reason:", p.stdout)
        document = lab.json("--plugin-dir", broken, "plugin", "list", expect=PLUGIN)
        check(document["refused"][0]["file"] == os.path.join(broken, "check-broken.so"), "with its file:", document["refused"])
        check(all(p["abi"] == "1.0" for p in document["plugins"]), "each tells its ABI")
        text = lab.run("plugin", "show", "check-http", expect=0).stdout
        for part in ("url", "required", "secret", "Plugin interface: 1.0", "Operations:", "bare number", "SHA-256", "also endpoint_url", "from 1 to"):
            if part not in text:
                raise Failure(f"plugin show lacks '{part}':\n{text}")


if __name__ == "__main__":
    main(all_are_documented, every_example_is_right, an_example_that_is_wrong_is_found, lists_and_documents_show_all_of_a_plugin)
