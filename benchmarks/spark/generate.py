"""Generates a lake like that of the NQ family: NQ for 15 years and MNQ for four, 6.6 million bars a unit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness.scratch import set_up_django

if TYPE_CHECKING:
    import pyarrow

    from marketdata.lake.manifest import LakeFile
    from marketdata.lake.store import Store

CALENDAR, DATASET = "CME Globex Equity", "GLBX.MDP3"
END = 2025
FAMILY = (("NQ", 15.0), ("MNQ", 3.7))  # years until `END`
_TICK = 250_000_000


def generate_lake(folder: Path, units: float) -> int:
    """Write the lake, and return the number of its bars. Of less than one unit, both have fewer years."""
    set_up_django()
    from marketdata.lake.calendars import make_tables
    from marketdata.lake.export.writing import write_small
    from marketdata.lake.manifest import FOLDER, MANIFEST, LakeTable, Manifest, encode_json
    from marketdata.lake.store import open_store

    store = open_store(str(folder))
    series, files = [], []
    for unit in range(max(round(units), 1)):
        for number, (name, years) in enumerate(FAMILY):
            symbol = f"{name}{unit}"
            times = _list_minutes(years * min(units, 1.0))
            files += list(_write_years(store, symbol, times, seed=unit * 2 + number))
            edges = (datetime.fromtimestamp(int(ts), UTC) for ts in times[[0, -1]])
            series.append((symbol, symbol.lower(), DATASET, CALENDAR, None, *edges))
    tables = {}
    for name, table in make_tables(sorted(series)).items():
        path = f"{FOLDER}/{name}-generated.pq"
        tables[name] = LakeTable(path, *write_small(store, path, table))
    manifest = Manifest("generated", datetime.now(UTC), "1", "", files, tables)
    store.replace(MANIFEST, encode_json(manifest.to_json()))
    return manifest.rows


def _list_minutes(years: float) -> np.ndarray:
    """The open minutes of the last so many years, in seconds since 1970."""
    from marketdata.calendars.trading_days import find_trading_days

    end = datetime(END, 1, 1, tzinfo=UTC)
    days = find_trading_days(CALENDAR, datetime.fromtimestamp(end.timestamp() - years * 31_556_952, UTC), end)
    return np.concatenate([np.arange(start, stop, 60) for day in days for start, stop in day.seconds.spans])


def _write_years(store: Store, symbol: str, times: np.ndarray, *, seed: int) -> Iterator[LakeFile]:
    """A file for each UTC year, as the export writes them."""
    from marketdata.lake.export.layout import make_path
    from marketdata.lake.export.writing import write_bars
    from marketdata.lake.manifest import LakeFile, SymbolYear

    random = np.random.default_rng(seed)
    years = times.astype("datetime64[s]").astype("datetime64[Y]").astype(int) + 1970
    price = 64_000
    for year, group in groupby(enumerate(years.tolist()), key=itemgetter(1)):
        positions = [position for position, _ in group]
        table, price = _make_table(symbol, times[positions[0] : positions[-1] + 1], random, price)
        written = write_bars(store, "staged", [table.slice(at, 65_536) for at in range(0, len(table), 65_536)])
        path = make_path(DATASET, year, written.sha256)
        store.move("staged", path)
        yield LakeFile(path, DATASET, year, *written, symbols={symbol: SymbolYear(written.rows, "")})


def _make_table(symbol: str, times: np.ndarray, random: np.random.Generator, price: int) -> tuple[pyarrow.Table, int]:
    """A random walk in ticks, and the last price."""
    import pyarrow

    from marketdata.lake.columns import make_schema

    count = len(times)
    close = np.maximum(price + np.cumsum(random.integers(-6, 7, count)), 400)
    opened = np.concatenate(([price], close[:-1]))
    high = np.maximum(opened, close) + random.integers(0, 5, count)
    low = np.minimum(opened, close) - random.integers(0, 5, count)
    schema = make_schema()
    ts = pyarrow.array(times * 1_000_000).cast(schema.field("ts").type)
    columns = {"vendor": "databento", "schema": "ohlcv-1m", "symbol": symbol}
    arrays = {name: pyarrow.repeat(pyarrow.scalar(value), count) for name, value in columns.items()}
    arrays |= {"ts": ts, "ts_ms": pyarrow.array(times * 1000), "created_at": pyarrow.repeat(ts[0], count)}
    for name, values in (("open", opened), ("high", high), ("low", low), ("close", close)):
        arrays[name] = _make_decimals(values * _TICK, schema.field(name).type)
    arrays["volume"] = _make_decimals(random.integers(1, 900, count), schema.field("volume").type)
    arrays["ingestion_run_id"] = pyarrow.array(np.ones(count, np.int64))
    return pyarrow.table([arrays[name] for name in schema.names], schema=schema), int(close[-1])


def _make_decimals(values: np.ndarray, kind: pyarrow.DataType) -> pyarrow.Array:
    """Positive integers in units of the last digit, as 128-bit decimals."""
    import pyarrow

    words = np.zeros((len(values), 2), "<i8")
    words[:, 0] = values
    return pyarrow.Array.from_buffers(kind, len(values), [None, pyarrow.py_buffer(words.tobytes())])
