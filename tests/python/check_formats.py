#!/usr/bin/env python3
"""Reads what was opened in several forms with pandas, and compares.

    check_formats.py ORIGINAL CSV PARQUET ARROW

Each is a folder that `galen deal decrypt` wrote, with `datapackage.json` in it. The original is read as
its description says; the others must hold the same names, types, values, missing cells and dates.
Formulas that the CSV disarmed are the one difference there may be. Lengths and hashes that the
descriptions state must be those of the files, and the reference client of Frictionless must accept them.
"""

import hashlib
import json
import pathlib
import sys

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from check_datapackage import check

TYPES = {"integer": "Int64", "number": "Float64", "date": "datetime64[s]", "string": "string"}


def description(folder):
    about = json.loads((folder / "datapackage.json").read_text())
    for resource in about["resources"]:
        if resource["path"] == "datapackage.json":
            continue  # a file of that name gave way to this description
        content = (folder / resource["path"]).read_bytes()
        assert len(content) == resource["bytes"], resource["path"]
        # Files state a hash if their institution did; tables always do.
        assert "hash" in resource or "schema" not in resource, resource["path"]
        if "hash" in resource:
            digest = hashlib.sha256(content).hexdigest()
            assert resource["hash"] == "sha256:" + digest, resource["path"]
    return about


def tables(folder):
    return [r for r in description(folder)["resources"] if "schema" in r]


def plain(frame, fields):
    """A frame whose types are those of the description, whatever the file made of them."""
    columns = {}
    for field in fields:
        column = frame[field["name"]]
        if field["type"] == "date":
            columns[field["name"]] = pd.to_datetime(column).astype(TYPES["date"])
        elif field["type"] == "number":
            if column.dtype == object:
                # Exact decimals, as objects; the nearest double is what CSV is read as.
                column = column.map(lambda v: None if v is None else float(v)).astype("float64")
            columns[field["name"]] = column.astype("Float64")
        else:
            columns[field["name"]] = column.astype(TYPES[field["type"]])
    return pd.DataFrame(columns)


def read_csv(path, fields):
    text = [field["name"] for field in fields if field["type"] in ("string", "date")]
    frame = pd.read_csv(
        path,
        keep_default_na=False,
        na_values=[""],
        dtype={name: "string" for name in text},
        float_precision="round_trip",
        # A line end inside a field is part of it.
        lineterminator="\n",
    )
    return plain(frame, fields)


def same(a, b, what):
    pd.testing.assert_frame_equal(a, b, check_exact=True, obj=what)


def main():
    original, disarmed, parquet, arrow = map(pathlib.Path, sys.argv[1:5])
    for folder in (original, disarmed, parquet, arrow):
        resources, rows = check(folder)
        assert resources > 0 and (rows > 0) == (folder in (original, disarmed)), (folder, rows)
    count = 0
    for about, c, p, a in zip(
        tables(original), tables(disarmed), tables(parquet), tables(arrow), strict=True
    ):
        fields = about["schema"]["fields"]
        names = [field["name"] for field in fields]
        truth = read_csv(original / about["path"], fields)
        assert list(truth.columns) == names
        frame = pq.read_table(parquet / p["path"]).to_pandas()
        for field in fields:
            # What a reader sees who asks for nothing: numbers are numbers.
            kind = frame[field["name"]].dtype.kind
            wanted = {"integer": "if", "number": "fO", "date": "O", "string": "O"}[field["type"]]
            assert kind in wanted, (field, kind)
        same(plain(frame, fields), truth, p["path"])
        frame = pd.read_parquet(parquet / p["path"])
        same(plain(frame, fields), truth, p["path"])
        schema = pq.read_schema(parquet / p["path"])
        assert schema.names == names
        frame = pd.read_feather(arrow / a["path"])
        same(plain(frame, fields), truth, a["path"])
        with pa.ipc.open_file(arrow / a["path"]) as reader:
            assert reader.schema.equals(schema), (reader.schema, schema)
        frame = read_csv(disarmed / c["path"], c["schema"]["fields"])
        assert [name.removeprefix("'") for name in frame.columns] == names
        frame.columns = names
        armed = 0
        for field in fields:
            if field["type"] == "string":
                column, before = frame[field["name"]], truth[field["name"]]
                changed = column.fillna("") != before.fillna("")
                assert (column[changed] == "'" + before[changed]).all()
                assert before[changed].str.match(r"[=+\-@\t\r\n]").all()
                assert not column.dropna().str.match(r"[=+@\t\r\n]").any()
                armed += int(changed.sum())
                frame[field["name"]] = before
        same(frame, truth, c["path"])
        count += 1
        print(f"{about['name']}: {len(truth)} rows, {len(names)} columns equal; {armed} formulas disarmed")
    assert count > 0


main()
