#!/usr/bin/env python3
"""Writes a CSV file as Parquet with pandas: to_parquet.py IN.csv OUT.parquet"""

import sys

import pandas as pd

frame = pd.read_csv(sys.argv[1], keep_default_na=False, na_values=[""])
frame.to_parquet(sys.argv[2], index=False, compression="zstd")
print(frame.dtypes.to_string())
