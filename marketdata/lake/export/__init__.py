"""Writes the lake: the plan of its files, the bars from PostgreSQL, the Parquet files, and their swap."""
