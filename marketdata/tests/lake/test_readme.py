"""Every example of the lake's README runs, and DuckDB's candles are Barkeep's own."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars
import pytest
from django.conf import settings

from config.testing.builders import bars, ingest, write
from config.testing.rows import SERIES, execute, insert
from marketdata.candles.periods import TIMEFRAMES
from marketdata.candles.query import iterate_candles
from marketdata.lake import calendars
from marketdata.models import Bar, Series, SeriesCount
from marketdata.tests.lake.conftest import MNQ, Lake, store_run

ROOM = Path(calendars.__file__).parent
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOM / "README.md").read_text(), re.DOTALL)
INVENT = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT %s, to_timestamp(minute * 60), minute * 60000, price, price + 1.000000001, price - 2, price + 0.5,
    abs(minute) %% 97, 1
FROM (
    SELECT minute, 100 + minute %% 89 + minute %% 7 * 0.000000001 AS price
    FROM generate_series(%s::bigint / 60, %s::bigint / 60, %s) AS minute
) AS invented
"""


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_each_example_runs(number, lake, tmp_path, capfd, monkeypatch):
    ingest(write(tmp_path / "a.dbn", bars(300)))
    lake.export()
    monkeypatch.chdir(settings.BASE_DIR)
    exec(EXAMPLES[number], {"lake": str(lake.folder)})
    printed = capfd.readouterr().out
    volume = int(bars(300)["volume"].sum())
    assert "MNQ1" in printed
    assert re.sub(r"[ ,_']", "", printed).count(str(volume)) >= 1 or "polars" in EXAMPLES[number]


def test_there_are_examples_for_all():
    assert [
        name for name in ("duckdb", "polars", "pandas", "pyarrow") if f"import {name}" not in "".join(EXAMPLES)
    ] == []


def store_invented(symbol: str, first: str, last: str, step: int) -> None:
    edges = [int(datetime.fromisoformat(f"{moment}+00:00").timestamp()) for moment in (first, last)]
    execute(INVENT, symbol, *edges, step)


@pytest.fixture
def candles_lake(lake) -> Lake:
    """Four calendars, years with a change of the clock, bars on weekends and holidays, and before 1970."""
    store_run(1, symbols=[MNQ], first="1969-12-25", last="2024-12-31")
    store_invented(MNQ, "2023-12-20T00:00", "2024-04-05T00:00", 13)
    series = (("spy", "NYSE"), ("fdax", "EUREX"), ("sau", "XSAU"), ("none", ""), ("old", ""))
    for slug, calendar in series:
        insert(SERIES, slug=slug, symbol=slug.upper(), calendar=calendar)
    store_invented("SPY", "2024-02-25T00:00", "2024-03-20T00:00", 7)
    store_invented("FDAX", "2024-03-20T00:00", "2024-04-05T00:00", 11)
    store_invented("SAU", "2024-03-25T00:00", "2024-04-20T00:00", 11)
    store_invented("NONE", "2023-12-28T00:00", "2024-01-10T00:00", 11)
    store_invented("OLD", "1969-12-25T00:00", "1970-01-05T00:00", 11)
    lake.export()
    return lake


def test_the_candles_of_duckdb_are_those_of_this_project(candles_lake):
    candles = read_candles(candles_lake)
    assert set(candles) == {(name, timeframe) for name in list_symbols() for timeframe in TIMEFRAMES}
    for series in Series.objects.filter(symbol__in=list_symbols()):
        for timeframe in TIMEFRAMES:
            assert candles[series.symbol, timeframe] == list_own(series, timeframe), (series.symbol, timeframe)


def list_symbols() -> list[str]:
    return list(SeriesCount.objects.filter(bar_count__gt=0).values_list("symbol", flat=True))


def list_own(series: Series, timeframe: str) -> list[tuple]:
    blocks = iterate_candles(series, timeframe, start=None, end=None)
    return [
        (int(one.ts.timestamp()) * 1000, one.session_date, *map(format_exact, one[2:6]), int(one.volume), one.bar_count)
        for block in blocks
        for one in block
    ]


def format_exact(price: object) -> str:
    whole, _, rest = str(price).partition(".")
    return f"{whole}.{rest:0<9}"


def read_candles(lake: Lake) -> dict[tuple[str, str], list[tuple]]:
    connection = duckdb.connect()
    connection.sql(f"CREATE VIEW bars AS FROM read_parquet('{lake.folder}/**/*.parquet', hive_partitioning = true)")
    for name in ("series", "days"):
        connection.sql(f"CREATE VIEW {name} AS FROM read_parquet('{lake.folder}/_lake/{name}-*.pq')")
    rows = connection.sql(f"FROM ({(ROOM / 'candles.sql').read_text()}) ORDER BY symbol, timeframe, ts_ms").fetchall()
    found: dict[tuple[str, str], list[tuple]] = {}
    for symbol, timeframe, ts_ms, date, *prices, volume, count in rows:
        found.setdefault((symbol, timeframe), []).append((ts_ms, date, *map(format_exact, prices), volume, count))
    return found


def test_polars_reads_exact_prices_and_partitions(candles_lake):
    found = polars.scan_parquet(f"{candles_lake.folder}/**/*.parquet", hive_partitioning=True)
    assert found.select(polars.len()).collect().item() == candles_lake.manifest.rows
    assert found.filter(polars.col("year") == 1969).select("symbol").unique().collect().rows() == [("OLD",)]
    prices = found.filter(polars.col("symbol") == "OLD").sort("ts").select("high", "ts").collect().rows()
    own = Bar.objects.filter(symbol="OLD").order_by("ts").values_list("high", "ts")
    assert [(high, ts.astimezone(UTC)) for high, ts in prices] == list(own)
