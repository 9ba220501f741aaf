#!/usr/bin/env python3
"""Adds up the lines `circuit: total T, killed K, redundant R` of a test run; fails unless T = K + R
for every circuit and every circuit of the index of frozen circuits has a line."""
import pathlib
import re
import sys

pattern = re.compile(r"(?:^|\s)([\w-]+): total (\d+), killed (\d+), redundant (\d+)")
circuits = {}
for line in pathlib.Path(sys.argv[1]).read_text(errors="replace").splitlines():
    if match := pattern.search(line):
        circuits[match[1]] = tuple(int(number) for number in match.groups()[1:])
bad = 0
for name, (total, killed, redundant) in sorted(circuits.items()):
    ok = total == killed + redundant
    bad += not ok
    print(f"{name:16} total {total:6} killed {killed:6} redundant {redundant:6} {'ok' if ok else 'DO NOT ADD UP'}")
missing = {
    "k-anonymity", "l-diversity-tail", "l-diversity-any", "column-small", "column-wide",
    "credential", "key-envelope", "segment-key",
} - set(circuits)
for name in sorted(missing):
    print(f"{name:16} MISSING")
sys.exit(1 if bad or missing else 0)
