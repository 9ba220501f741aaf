#!/usr/bin/env python3
"""Prints attack number -> test -> result from the output of `cargo test`.

A test of an attack is called adversary_NUMBER_what. The numbers that must be there stand in
adversary.list beside this file; one without a test, or with a failing one, fails the run.
"""
import pathlib
import re
import sys

here = pathlib.Path(__file__).parent
wanted = [line.split("#")[0].strip() for line in (here / "adversary.list").read_text().splitlines()]
wanted = [line for line in wanted if line]
found = {}
pattern = re.compile(r"^test (?:\S*::)?adversary_0*(\d+[a-z]?)_(\w+)(?: - should panic)? \.\.\. (\w+)")
for line in pathlib.Path(sys.argv[1]).read_text(errors="replace").splitlines():
    if match := pattern.match(line):
        found.setdefault(match[1], {})[match[2]] = match[3]


def order(number):
    return int(re.match(r"\d+", number)[0]), number


bad = 0
print(f"{'attack':7} {'result':8} test")
for number in sorted(set(wanted) | set(found), key=order):
    tests = found.get(number)
    if not tests:
        print(f"{number:7} {'MISSING':8} -")
        bad += 1
        continue
    for name, result in sorted(tests.items()):
        print(f"{number:7} {result:8} {name}")
        bad += result != "ok"
print(f"adversary: {len(set(wanted))} attacks asked for, {sum(map(len, found.values()))} tests, {bad} missing or failed")
sys.exit(1 if bad else 0)
