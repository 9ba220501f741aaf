#!/usr/bin/env python3
"""Measures k and l of a CSV file with pycanon, which shares no code with Galen.

    check_anonymity.py TABLE.csv --qi xage,female,site [--k 11] [--l plan=3 --l hlthg=2]

Prints what is found; ends with 1 if it is below what is asked for. pycanon counts a missing sensitive
cell as a value, Galen does not: so the values that are present are counted here as well. Needs the
package pycanon.
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
    parser.add_argument("--l", action="append", default=[], help="sensitive column and least l")
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
    for wish in args.l:
        name, least = wish.rsplit("=", 1)
        found = int(anonymity.l_diversity(table, columns, [name]))
        present = table.assign(**{name: table[name].mask(table[name] == "")})
        counted = int(present.groupby(columns)[name].nunique().min())
        print(f"pycanon: l = {found} of {name}, {counted} without missing cells")
        if min(found, counted) < int(least):
            sys.exit(f"l = {min(found, counted)} of {name} is below {least}")


if __name__ == "__main__":
    main()
