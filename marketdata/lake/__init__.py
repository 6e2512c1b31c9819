"""The lake: all minute bars as Parquet files in a folder or an S3 bucket, for programs that scan many years.

`export` writes it, `verify` compares it with the database, and `read` reads bars of a series from it. README.md has the
layout, and queries for DuckDB, Polars, pandas, PyArrow and Spark.
"""
