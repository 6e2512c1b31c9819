"""The yearly partitions of market_bars_ohlcv_1m, and the years that are archived in the lake.

`years` names partitions and makes them; `archived` knows which years the table no longer has. The rules that the
database enforces are in marketdata/sql/partitions.sql. The commands that move years are in ingestion/archive/.
"""
