"""Holds README.zh-CN.md to README.md: the same headings, commands, output, links, tables and figures. What a
sentence says is for people to compare; what can be compared by a machine is compared here."""
import re
import sys

ENGLISH, CHINESE = "README.md", "README.zh-CN.md"


def parts(text):
    """What both must have alike, by what it is called."""
    blocks = re.findall(r"^```.*?^```$", text, re.S | re.M)
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    commands = [re.sub(r"(^|\s)# .*$", "", line).rstrip() for block in blocks for line in block.split("\n")]
    links = re.findall(r"\]\(([^)]+)\)", plain)
    # Each names the other.
    links = [link for link in links if link not in (ENGLISH, CHINESE)]
    # Each shows the pages in its language.
    links = [link.replace("-zh-", "-") for link in links]
    return {
        "levels of headings": re.findall(r"^#+(?= )", plain, re.M),
        "commands and output": [line for line in commands if line],
        "links": sorted(links),
        "names in code": sorted(re.findall(r"`[^`]+`", plain)),
        "cells of tables": [line.count("|") for line in plain.split("\n") if line.startswith("|")],
        "points of lists": len(re.findall(r"^- ", plain, re.M)),
        "figures": sorted(re.findall(r"\d[\d,.]*\d|\d", re.sub(r"`[^`]+`|\]\([^)]+\)", "", plain))),
    }


def main():
    texts = {}
    for name in (ENGLISH, CHINESE):
        with open(name, encoding="utf-8") as file:
            texts[name] = file.read()
    wrong = []
    for name, other in ((ENGLISH, CHINESE), (CHINESE, ENGLISH)):
        if f"]({other})" not in texts[name]:
            wrong.append(f"{name} does not lead to {other}")
    english, chinese = parts(texts[ENGLISH]), parts(texts[CHINESE])
    for what, ours in english.items():
        theirs = chinese[what]
        if ours != theirs:
            if isinstance(ours, list):
                only = [[item for item in one if one.count(item) > two.count(item)]
                        for one, two in ((ours, theirs), (theirs, ours))]
                wrong.append(f"{what} differ: only in {ENGLISH}: {only[0]}; only in {CHINESE}: {only[1]}")
            else:
                wrong.append(f"{what} differ: {ours} in {ENGLISH}, {theirs} in {CHINESE}")
    for line in wrong:
        print(f"{CHINESE} is not the same as {ENGLISH}: {line}", file=sys.stderr)
    sys.exit(bool(wrong))


main()
