"""Lakes for the jobs: invented bars of many calendars, and a month of two series, of which one has faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter
from pathlib import Path

import numpy as np
import pyarrow
from django.db import connection
from pyarrow import dataset, parquet

from config.testing.rollup import copy_bars
from config.testing.rows import SERIES, execute, insert
from marketdata.calendars.trading_days import find_trading_days
from marketdata.lake.export.writing import HashingFile
from marketdata.tests.lake.conftest import store_run
from marketdata.tests.lake.invented import format_exact

CALENDAR = "CME Globex Equity"
CLEAN, FAULTY, THIN = "CLEAN", "FAULTY", "THIN"
START, END = datetime(2024, 2, 26, tzinfo=UTC), datetime(2024, 3, 23, tzinfo=UTC)
TICK = Decimal("0.25")
Row = tuple


def minute(text: str) -> int:
    """Milliseconds since 1970 of a UTC time."""
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp()) * 1000


def make_bars(symbol: str, *, seed: int) -> dict[int, list]:
    """A bar in every open minute of four weeks, a random walk in ticks, by time in milliseconds."""
    random = np.random.default_rng(seed)
    days = find_trading_days(CALENDAR, START, END)
    times = [ts * 1000 for day in days for start, end in day.seconds.spans for ts in range(start, end, 60)]
    close = 64_000 + np.cumsum(random.integers(-6, 7, len(times)))
    opened = np.concatenate(([close[0]], close[:-1]))
    high = np.maximum(opened, close) + random.integers(0, 5, len(times))
    low = np.minimum(opened, close) - random.integers(0, 5, len(times))
    volume = random.integers(1, 900, len(times))
    columns = zip(times, opened, high, low, close, volume, strict=True)
    return {ts: [symbol, *(int(price) * TICK for price in prices), int(count)] for ts, *prices, count in columns}


def add_faults(bars: dict[int, list]) -> dict[int, list]:
    """The faults that the database can store, each on a day of its own."""
    bars = {ts: list(bar) for ts, bar in bars.items()}
    for ts in range(minute("2024-02-27T15:00"), minute("2024-02-27T15:30"), 60_000):
        del bars[ts]
    some = bars[minute("2024-02-28T15:00")]
    for text in ("2024-03-02T12:00", "2024-03-02T12:01"):  # a Saturday
        bars[minute(text)] = list(some)
    for text in ("2024-02-29T15:00", "2024-02-29T15:03", "2024-02-29T16:00"):
        bars[minute(text)][5] = 0
    off = bars[minute("2024-03-04T15:00")]
    off[2] += Decimal("0.1")
    spike = bars[minute("2024-03-05T15:00")]
    spike[2] += 1000
    first = minute("2024-03-06T15:00")
    bars[first][2] += TICK
    for ts in range(first + 60_000, first + 8 * 60_000, 60_000):
        bars[ts] = list(bars[first])
    for ts in range(minute("2024-03-12T14:00"), minute("2024-03-12T15:00"), 60_000):  # of the day before
        bars[ts] = list(bars[ts - 86_400_000])
    return bars


def store_quality_bars() -> None:
    """A clean series, the same with faults, and one without calendar and tick size."""
    store_run(1, symbols=[CLEAN], first="2024-02-26", last="2024-03-23")
    tick = {CLEAN: TICK, FAULTY: None, THIN: None}
    for symbol in tick:
        insert(SERIES, slug=symbol.lower(), symbol=symbol, calendar="" if symbol == THIN else CALENDAR)
        execute("UPDATE market_series SET tick_size = %s WHERE symbol = %s", tick[symbol], symbol)
    clean = make_bars(CLEAN, seed=1)
    thin = {ts: [THIN, *bar[1:]] for ts, bar in make_bars(THIN, seed=3).items() if ts // 60_000 % 37 == 0}
    for bars in (clean, add_faults(make_bars(FAULTY, seed=2)), thin):
        copy_bars(list_rows(bars))


def list_rows(bars: dict[int, list]) -> Iterator[Row]:
    for ts, (symbol, *values) in sorted(bars.items()):
        yield symbol, datetime.fromtimestamp(ts / 1000, UTC), ts, *values, 1


def damage_lake(folder: Path) -> None:
    """Two bars of FAULTY that the database's constraints refuse: a low above the open, and the same key twice."""
    manifest = json.loads((folder / "_lake/manifest.json").read_text())
    [file] = [one for one in manifest["files"] if FAULTY in one["symbols"]]
    table = parquet.ParquetFile(folder / file["path"]).read()
    rows = table.to_pylist()
    found = {row["ts_ms"]: row for row in rows if row["symbol"] == FAULTY}
    found[minute("2024-03-13T15:00")]["low"] = found[minute("2024-03-13T15:00")]["high"]
    rows.append(found[minute("2024-03-14T15:00")])
    sink = HashingFile((folder / file["path"]).open("wb"))
    parquet.write_table(pyarrow.Table.from_pylist(rows, table.schema), sink)
    sink._file.close()
    file |= {"rows": len(rows), "bytes": sink.size, "sha256": sink.sha256.hexdigest()}
    manifest["rows"] += 1
    (folder / "_lake/manifest.json").write_text(json.dumps(manifest))


MonthRow = tuple
_MONTHS = """
SELECT bars.symbol, series.slug, date_trunc('month', bars.ts AT TIME ZONE 'UTC')::date, count(*), sum(bars.volume),
    max(bars.high), min(bars.low)
FROM market_bars_ohlcv_1m AS bars
JOIN market_series AS series ON series.symbol = bars.symbol
GROUP BY 1, 2, 3
ORDER BY 1, 3
"""


def list_months() -> list[MonthRow]:
    """Symbol, slug, month, bars, volume, high and low by SQL over the table."""
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS)
        return list(cursor.fetchall())


def read_result(folder: Path) -> list[dict]:
    """The rows of a result in Parquet, with the columns of its folders."""
    folders = dataset.partitioning(pyarrow.schema([("timeframe", pyarrow.string())]), flavor="hive")
    has_folders = any("=" in path.name for path in folder.iterdir())
    found = dataset.dataset(folder, format="parquet", partitioning=folders if has_folders else None)
    rows: list[dict] = found.to_table().to_pylist()
    return rows


def read_candles(folder: Path) -> dict[tuple[str, str], list[tuple]]:
    """The candles of a result by symbol and timeframe, in the form of `list_own`."""
    return group_candles(read_result(folder))


def group_candles(rows: list[dict]) -> dict[tuple[str, str], list[tuple]]:
    """Candles by symbol and timeframe, in the form of `list_own`."""
    found: dict[tuple[str, str], list[tuple]] = {}
    for row in sorted(rows, key=itemgetter("ts_ms")):
        assert row["ts"] == datetime.fromtimestamp(row["ts_ms"] / 1000, UTC)
        prices = [format_exact(row[name]) for name in ("open", "high", "low", "close")]
        candle = (row["ts_ms"], row["session_date"], *prices, int(row["volume"]), row["bar_count"])
        found.setdefault((row["symbol"], row["timeframe"]), []).append(candle)
    return found
