#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Items of kind images with real engines: podman's service, and dockerd where it is installed. What an engine refuses is in the plugin's own test, with a stand-in."""
import json
import os
import shutil
import subprocess
import sys

from images_lab import Engine, Registry, docker, kinds
from lab import DONE, check, main
from test_items import ItemLab



def with_engine(kind, options, registry=None):
    engine = Engine(kind, registry)
    lab = ItemLab(f'{{ use = "images"; name = "images"; socket = "{engine.socket}"; {options} }}')
    return engine, lab


def build(engine, lab, name, content):
    """A line for a step: another image takes a name."""
    with open(lab.path("new.tar"), "wb") as f:
        f.write(docker.archive_of(content, [name]))
    return f"curl -sf --unix-socket {engine.socket} -H 'Content-Type: application/x-tar' --data-binary @{lab.dir}/new.tar http://localhost/v1.41/images/load"


def on_each(test):
    def run():
        for kind in kinds():
            test(kind)
    run.__name__ = test.__name__
    return run


@on_each
def a_name_stands_for_the_image_of_the_last_good_release_again(kind):
    engine, lab = with_engine(kind, 'images = [ "localhost/shop/web:live" ];')
    try:
        with lab:
            first = engine.make("localhost/shop/web:live", "one")
            lab.good()
            items = lab.bad(build(engine, lab, "localhost/shop/web:live", "two"))
            check(items["images"]["kind"] == "images" and items["images"]["proven"], items)
            check(engine.id("localhost/shop/web:live") == first, kind, "the name stands for", engine.id("localhost/shop/web:live"), "and not", first)
    finally:
        engine.stop()


@on_each
def an_image_that_was_swept_away_comes_out_of_the_backup(kind):
    engine, lab = with_engine(kind, 'images = [ "localhost/shop/web:live" ]; save = true; verify = "restore";')
    try:
        with lab:
            first = engine.make("localhost/shop/web:live", "one" * 100000)
            lab.good()
            sweep = f"curl -sf --unix-socket {engine.socket} -X DELETE 'http://localhost/v1.41/images/{first.replace('sha256:', '')}?force=1'"
            items = lab.bad(build(engine, lab, "localhost/shop/web:live", "two") + "\n" + sweep)
            check(items["images"]["proven_by"] == "restore" and items["images"]["size"] > 300000, items)
            check(engine.id("localhost/shop/web:live") == first, kind, "the name stands for", engine.id("localhost/shop/web:live"), "and not", first)
    finally:
        engine.stop()


@on_each
def how_a_container_was_made_is_kept_and_its_image_comes_back(kind):
    engine, lab = with_engine(kind, 'containers = [ "shop" ];')
    try:
        with lab:
            first = engine.make("localhost/shop/web:live", "one")
            engine.ok("POST", "/containers/create?name=shop", json.dumps({"Image": "localhost/shop/web:live", "Cmd": ["/serve", "-v"], "Env": ["PASSWORD=hunter2"], "HostConfig": {"NetworkMode": "host"}}))
            lab.good()
            lab.bad(build(engine, lab, "localhost/shop/web:live", "two"))
            check(engine.id("localhost/shop/web:live") == first, kind, "the name stands for another image")
            lab.run("backup", "restore", "latest", "--item", "app.images", "--to", lab.path("out"), expect=DONE)
            with open(lab.path("out/images.json")) as f:
                text = f.read()
            made = json.loads(text)["containers"][0]
            check(made["create"]["Cmd"] == ["/serve", "-v"] and made["create"]["HostConfig"]["NetworkMode"] == "host", made)
            check(("hunter2" in text) == made["values_kept"], "values are kept where it is encrypted, and only there:", made["values_kept"])
            if kind == "podman": # it does not take its own words for limits back
                return
            engine.ok("DELETE", "/containers/shop?force=1")
            engine.ok("POST", "/containers/create?name=shop", json.dumps(made["create"]))
    finally:
        engine.stop()


def an_image_is_pulled_by_its_digest():
    if not shutil.which("docker-registry") or not shutil.which("dockerd"):
        print("left out: docker-registry and dockerd are not installed")
        return
    registry = Registry()
    name = registry.address + "/shop/web:live"
    engine, lab = with_engine("dockerd", f'images = [ "{name}" ]; pull = true;', registry.address)
    try:
        with lab:
            first = engine.make(name, "one")
            engine.ok("POST", f"/images/{registry.address}/shop/web/push?tag=live", **{"X-Registry-Auth": "e30="})
            lab.good()
            sweep = f"curl -sf --unix-socket {engine.socket} -X DELETE 'http://localhost/v1.41/images/{first}?force=1'"
            lab.bad(sweep + "\n" + build(engine, lab, name, "two"))
            check(engine.id(name) == first, "the name stands for", engine.id(name), "and not", first)
    finally:
        engine.stop()
        registry.stop()


if __name__ == "__main__":
    if os.getuid() != 0:
        print("an engine of its own needs root here: without it podman needs a range of sub-ids and a user namespace")
        sys.exit(77)
    private = subprocess.run(["unshare", "--mount", "--propagation", "private", "true"], stderr=subprocess.PIPE, text=True)
    if private.returncode:
        print("no engine can be tried here, for it needs mounts of its own, as a root that is a mount has them:", private.stderr.strip())
        sys.exit(77)
    main(a_name_stands_for_the_image_of_the_last_good_release_again, an_image_that_was_swept_away_comes_out_of_the_backup, how_a_container_was_made_is_kept_and_its_image_comes_back,
         an_image_is_pulled_by_its_digest)
