#!/usr/bin/env python3
"""Counts the distinct persons in every class of a delivered table.

    check_persons.py TABLE.csv --source RAW.csv[.gz] --origins ORIGINS.csv \\
        --person zper --qi xage,female,site [--k 11] [--one-row]

ORIGINS.csv is the private side file of de-identification: under the header `source_row`, the row
of the source (from 0) that each row of the table comes from. Columns that both files have and that
are no quasi-identifiers must hold the same cells, so that the side file cannot be wrong unseen.
Ends with 1 if a class has fewer than k persons. Needs Python only.
"""

import argparse
import csv
import gzip
import sys
from collections import defaultdict


def read(path):
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    return rows[0], [row for row in rows[1:] if row]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", help="the delivered CSV file")
    parser.add_argument("--source", required=True, help="the raw CSV file")
    parser.add_argument("--origins", required=True, help="the private side file")
    parser.add_argument("--person", required=True, help="the source's column of person numbers")
    parser.add_argument("--qi", required=True, help="quasi-identifiers, apart by commas")
    parser.add_argument("--k", type=int, default=2, help="the fewest persons that will do")
    parser.add_argument("--one-row", action="store_true", help="no person may have two rows")
    args = parser.parse_args()

    names, rows = read(args.table)
    source_names, source = read(args.source)
    origin_names, origins = read(args.origins)
    if origin_names != ["source_row"] or len(origins) != len(rows):
        sys.exit("the side file does not belong to this table")
    origins = [int(row[0]) for row in origins]
    if len(set(origins)) != len(origins):
        sys.exit("a row of the source is in the table twice")
    quasi = [name.strip() for name in args.qi.split(",")]
    person = source_names.index(args.person)
    if args.person in names:
        sys.exit(f"the table still has the column {args.person}")

    same = [(i, source_names.index(n)) for i, n in enumerate(names) if n not in quasi]
    classes = defaultdict(set)
    positions = [names.index(name) for name in quasi]
    for number, (row, origin) in enumerate(zip(rows, origins)):
        for here, there in same:
            if row[here] != source[origin][there]:
                sys.exit(f"row {number}, column {names[here]}: not the cell of source row {origin}")
        classes[tuple(row[p] for p in positions)].add(source[origin][person])

    least = min(len(persons) for persons in classes.values())
    everyone = set().union(*classes.values())
    print(f"{len(rows)} rows, {len(everyone)} persons, {len(classes)} classes, "
          f"fewest persons in a class: {least}")
    if least < args.k:
        sys.exit(f"a class has {least} persons, below {args.k}")
    if args.one_row and len(everyone) != len(rows):
        sys.exit("a person has more than one row")


if __name__ == "__main__":
    main()
