"""Every example of the lake's README runs, and DuckDB's candles are Barkeep's own."""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path

import duckdb
import polars
import pytest
from django.conf import settings

from config.testing.builders import bars, ingest, write
from marketdata.candles.periods import TIMEFRAMES
from marketdata.lake import calendars
from marketdata.models import Bar, Series
from marketdata.tests.lake.conftest import Lake
from marketdata.tests.lake.invented import format_exact, list_own, list_symbols, store_candle_bars

ROOM = Path(calendars.__file__).parent
ALL_EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOM / "README.md").read_text(), re.DOTALL)
# Spark has an environment of its own: spark_jobs/tests/test_jobs.py runs its examples.
SPARK_EXAMPLES = [example for example in ALL_EXAMPLES if "import SparkSession" in example]
EXAMPLES = [example for example in ALL_EXAMPLES if example not in SPARK_EXAMPLES]


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
    names = ("import duckdb", "import polars", "import pandas", "import pyarrow", "from pyspark")
    assert [name for name in names if name not in "".join(ALL_EXAMPLES)] == []


@pytest.fixture
def candles_lake(lake) -> Lake:
    store_candle_bars()
    lake.export()
    return lake


def test_the_candles_of_duckdb_are_those_of_this_project(candles_lake):
    candles = read_candles(candles_lake)
    assert set(candles) == {(name, timeframe) for name in list_symbols() for timeframe in TIMEFRAMES}
    for series in Series.objects.filter(symbol__in=list_symbols()):
        for timeframe in TIMEFRAMES:
            assert candles[series.symbol, timeframe] == list_own(series, timeframe), (series.symbol, timeframe)


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
