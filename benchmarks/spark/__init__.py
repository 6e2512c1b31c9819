"""Measures the jobs of `spark_jobs` beside DuckDB on generated lakes of growing size."""
