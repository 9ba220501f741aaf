#!/usr/bin/env python3
"""Validates folders that `galen deal decrypt` wrote with the reference client of Frictionless.

    check_datapackage.py FOLDER...

The description must follow the standard, and its files must have the lengths and hashes that it states.
Tables in CSV are read cell by cell against their schema: names, types, missing values and bounds. Tables
in other forms, and what is encrypted, are checked as files: the client reads them only with more
packages. Then one byte of every file whose hash is stated is changed, and the client must see it.
"""

import json
import pathlib
import shutil
import sys
import tempfile

import frictionless


def package(folder):
    about = json.loads((folder / "datapackage.json").read_text())
    report = frictionless.Package.validate_descriptor(about)
    assert report.valid, report.flatten(["type", "note"])
    # A file of that name gave way to this description.
    about["resources"] = [r for r in about["resources"] if r["path"] != "datapackage.json"]
    for resource in about["resources"]:
        if resource.get("format") != "csv":
            # As a file: its form is that of another test.
            for field in ("schema", "format", "encoding"):
                resource.pop(field, None)
            resource["type"] = "file"
    return frictionless.Package.from_descriptor(about, basepath=str(folder))


def validate(folder):
    report = package(folder).validate()
    assert report.stats["tasks"] > 0 and not report.warnings, report
    return report


def check(folder):
    """Validates a folder; gives its resources and the rows that were read."""
    report = validate(folder)
    assert report.valid, report.flatten(["name", "type", "note"])
    with tempfile.TemporaryDirectory() as other:
        copy = pathlib.Path(other) / "copy"
        shutil.copytree(folder, copy)
        stated = [r for r in package(copy).resources if r.hash]
        for resource in stated:
            file = copy / resource.path
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 1
            file.write_bytes(content)
        failed = [task.name for task in validate(copy).tasks if not task.valid]
        assert failed == [resource.name for resource in stated], failed
    return len(report.tasks), sum(task.stats.get("rows", 0) for task in report.tasks)


if __name__ == "__main__":
    for folder in map(pathlib.Path, sys.argv[1:]):
        resources, rows = check(folder)
        print(f"{folder.name}: {resources} resources and {rows} rows valid")
