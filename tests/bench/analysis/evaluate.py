#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How often failback-analyze is right on logs with known causes. Owns the counting; knows no signature.

--labels DIR  DIR/labels.tsv (id, category, evidence_line, parameter, also_accepted) and DIR/ID.log
--cross N     refits the curve from scores to confidence on all but each Nth part of the logs, and tells how wrong it is on what was left out
--pairs DIR   DIR/*/fail.log, DIR/*/pass.log and DIR/*/groundtruth*: lines "E 34-45" of the failing log, counted with every kind of line end
"""
import argparse
import csv
import glob
import hashlib
import json
import math
import os
import re
import subprocess
import sys


def analyze(a, log, green=None):
    command = [a.analyze, "--log", log, "--json"] + (["--signatures", a.signatures] if a.signatures else []) + (["--green", green] if green else [])
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}")
    return json.loads(done.stdout)


def labels(a):
    rows = list(csv.DictReader(open(f"{a.labels}/labels.tsv", encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE))
    category = lenient = line = parameter = stated = 0
    bins = {}
    for r in rows:
        root = analyze(a, f"{a.labels}/{r['id']}.log")["root_cause"]
        right = root["type"] == r["category"]
        evidence = root["evidence"][0]["line"] if root["evidence"] else None
        there = evidence in {int(x) for x in r["evidence_line"].split(",")}
        named = r["parameter"] in root["parameters"].values() if r["parameter"] else None
        category += right
        lenient += right or root["type"] in r["also_accepted"].split(",")
        line += there
        stated += named is not None
        parameter += bool(named)
        one = bins.setdefault(int(min(root["confidence"], 0.99) * 10), [0, 0, 0.0])
        one[0] += 1
        one[1] += right
        one[2] += root["confidence"]
        if a.verbose and not (right and there and named is not False):
            print(r["id"], r["category"], r["evidence_line"], r["parameter"], "| got", root["type"], evidence, root.get("signature"), sorted(root["parameters"].values()))
    error = sum(abs(n_right - total) for n, n_right, total in bins.values()) / len(rows)
    print(f"category {category}, lenient {lenient}, evidence line {line} of {len(rows)}; parameter {parameter} of {stated}; calibration error {error:.3f}")


def annotated(folder):
    lines = set()
    for path in glob.glob(f"{glob.escape(folder)}/groundtruth*"):
        for m in re.finditer(r"^E (\d+)(?:-(\d+))?", open(path, encoding="utf-8").read(), re.M):
            lines |= set(range(int(m[1]), int(m[2] or m[1]) + 1))
    return lines


ENDS = re.compile(rb"\r\n|\r|\n")


def number(log, offset):
    return len(ENDS.findall(log[:offset])) + 1


def kept_lines(log, excerpt):
    """The numbers of the excerpt's lines, as the annotations count them."""
    kept = set()
    for one in excerpt:
        kept |= set(range(number(log, one["offset"]), number(log, one["offset"] + max(one["length"], 1) - 1) + 1))
    return kept


def pairs(a):
    found = false = count = 0
    right = kept_all = wanted_all = lines_all = 0
    each = []
    for path in sorted(p for folder in a.pairs for p in glob.glob(f"{folder}/*/fail.log")):
        folder = os.path.dirname(path)
        green = f"{folder}/pass.log"
        document = analyze(a, path, green)
        root = document["root_cause"]
        log = open(path, "rb").read()
        truth = annotated(folder)
        line = number(log, root["evidence"][0]["offset"]) if root["evidence"] else None
        kept = kept_lines(log, document["excerpt"])
        lines = number(log, len(log)) - log.endswith((b"\n", b"\r"))
        passed = analyze(a, green)["root_cause"]
        count += 1
        found += line in truth
        false += passed["type"] != "unknown" and passed["confidence"] >= 0.5
        right += len(kept & truth)
        kept_all += len(kept)
        wanted_all += len(truth)
        lines_all += lines
        f1 = 2 * len(kept & truth) / (len(kept) + len(truth)) if kept or truth else 1.0
        each.append((f1, len(kept) / max(lines, 1)))
        if a.verbose:
            print(f"{os.path.basename(folder):30} {lines:6} lines, {len(truth):5} wanted, {len(kept):5} kept, F1 {f1:.2f}; cause {root['type']} {line} {'right' if line in truth else 'WRONG'}")
        if a.verbose and passed["type"] != "unknown" and passed["confidence"] >= 0.5:
            print(os.path.basename(folder), "passed, yet", passed["type"], passed["signature"])
    print(f"first evidence line {found} of {count} with one green log; false causes in logs that pass {false} of {count}")
    precision, recall = right / max(kept_all, 1), right / max(wanted_all, 1)
    print(f"lines of the excerpt: precision {precision:.3f}, recall {recall:.3f}, F1 {2 * right / max(kept_all + wanted_all, 1):.3f}, kept {kept_all / max(lines_all, 1):.3f} of all lines; "
          f"mean over pairs: F1 {sum(f for f, _ in each) / max(count, 1):.3f}, kept {sum(k for _, k in each) / max(count, 1):.3f}")


def judged(a):
    """Of every log with a known cause: its score, and whether the cause that is named is right. A log of --pairs is right when the first line that is quoted is annotated."""
    ret = []
    if a.labels:
        for r in csv.DictReader(open(f"{a.labels}/labels.tsv", encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE):
            root = analyze(a, f"{a.labels}/{r['id']}.log")["root_cause"]
            ret.append((root.get("score"), root["confidence"], root["type"] == r["category"]))
    for path in sorted(p for folder in a.pairs or [] for p in glob.glob(f"{folder}/*/fail.log")):
        root = analyze(a, path)["root_cause"]
        truth = annotated(os.path.dirname(path))
        log = open(path, "rb").read()
        ret.append((root.get("score"), root["confidence"], root["type"] != "unknown" and bool(root["evidence"]) and number(log, root["evidence"][0]["offset"]) in truth))
    return ret


def logit(score):
    share = min(max(score, 1), 99) / 100
    return math.log(share / (1 - share))


def curve(x, a, b):
    return 1 / (1 + math.exp(-(a + b * x)))


def fit(data, weight=5.0):
    """a and b of curve(), by Newton's method; drawn towards 0 and 1 as by `weight` logs, for the data are few."""
    a, b = 0.0, 1.0
    for _ in range(50):
        ga, gb, haa, hab, hbb = weight * a, weight * (b - 1), weight, 0.0, weight
        for score, _confidence, right in data:
            if score is None:
                continue
            x = logit(score)
            p = curve(x, a, b)
            ga, gb = ga + p - right, gb + (p - right) * x
            haa, hab, hbb = haa + p * (1 - p), hab + p * (1 - p) * x, hbb + p * (1 - p) * x * x
        det = haa * hbb - hab * hab
        a, b = a - (hbb * ga - hab * gb) / det, max(b - (haa * gb - hab * ga) / det, 0.05)
    return a, b


def error_of(told):
    """Expected calibration error: ten bins of what was told."""
    bins = {}
    for confidence, right in told:
        one = bins.setdefault(int(min(confidence, 0.99) * 10), [0, 0.0])
        one[0] += right
        one[1] += confidence
    return sum(abs(right - total) for right, total in bins.values()) / max(len(told), 1)


def cross(a):
    data = judged(a)
    order = sorted(range(len(data)), key=lambda i: hashlib.sha256(str(i).encode()).digest())
    told = []
    for fold in range(a.cross):
        left_out = set(order[fold :: a.cross])
        k = fit([d for i, d in enumerate(data) if i not in left_out])
        told += [(curve(logit(data[i][0]), *k) if data[i][0] is not None else 0.0, data[i][2]) for i in left_out]
    k = fit(data)
    print(f"{len(data)} logs, right {sum(d[2] for d in data)}; left out of {a.cross} parts: calibration error {error_of(told):.3f}; as it is printed: {error_of([(d[1], d[2]) for d in data]):.3f}; "
          f"the curve over all: a {k[0]:.3f}, b {k[1]:.3f}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--analyze", default="./failback-analyze")
    p.add_argument("--signatures")
    p.add_argument("--labels")
    p.add_argument("--pairs", action="append", help="may be given more than once")
    p.add_argument("--cross", type=int)
    p.add_argument("--verbose", action="store_true")
    a = p.parse_args()
    if not a.labels and not a.pairs:
        p.error("nothing to count on: give --labels or --pairs")
    if a.labels:
        labels(a)
    if a.pairs:
        pairs(a)
    if a.cross:
        cross(a)


if __name__ == "__main__":
    main()
