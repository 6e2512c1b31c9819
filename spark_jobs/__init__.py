"""Jobs for Apache Spark over the whole lake: candles, monthly totals, and quality checks. README.md has the commands.

They read the lake's files only: no Django, no database, and no Python on the executors.
"""
