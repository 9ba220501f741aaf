#!/usr/bin/env python3
"""Measures the k of a CSV file with pycanon, which shares no code with Galen.

    check_anonymity.py TABLE.csv --qi xage,female,site [--k 11]

Prints the k found; ends with 1 if it is below the k asked for. Needs the package pycanon.
"""

import argparse
import sys

import pandas
from pycanon import anonymity


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", help="the delivered CSV file")
    parser.add_argument("--qi", required=True, help="quasi-identifiers, apart by commas")
    parser.add_argument("--k", type=int, default=2, help="the least k that will do")
    args = parser.parse_args()

    # As text, with missing cells as a value of their own: pandas would drop them from its groups.
    table = pandas.read_csv(args.table, dtype=str, keep_default_na=False)
    columns = [name.strip() for name in args.qi.split(",")]
    unknown = [name for name in columns if name not in table.columns]
    if unknown:
        sys.exit(f"{args.table} has no column {', '.join(unknown)}")
    k = int(anonymity.k_anonymity(table, columns))
    print(f"pycanon: k = {k} over {len(table)} rows, {len(columns)} quasi-identifiers")
    if k < args.k:
        sys.exit(f"k = {k} is below {args.k}")


if __name__ == "__main__":
    main()
