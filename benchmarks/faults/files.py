"""Clean bars from files: DBN (as delivered, compressed or not) or CSV."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.faults.model import PRICES
from ingestion.dbn.layout import EPOCH
from ingestion.dbn.metadata import DbnMetadata
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from marketdata.calendars.products import propose_calendar
from marketdata.contracts.roots import list_roots
from marketdata.quality.detectors.model import DAY, Bars, SeriesContext
from marketdata.quality.detectors.sessions import Sessions, read_sessions

MAX_PAUSE = 400 * DAY  # a ticker that pauses for longer is another contract: its decade is over
MIN_FRONT_BARS = 300  # in a day, at the median: a series with fewer is a back month


@dataclass(frozen=True)
class CleanSeries:
    """The clean bars of one series, and what the detectors know about it."""

    name: str
    bars: Bars
    context: SeriesContext

    @property
    def sessions(self) -> Sessions:
        if self.context.calendar is None:
            raise ValueError(f"{self.name} has no sessions")
        return self.context.calendar


def read_series(path: Path, *, calendar: str | None = None, min_bars: int = 1000) -> list[CleanSeries]:
    """All series of a file with at least `min_bars` bars. `calendar`: its name; None: that of the product."""
    is_csv = path.name.lower().endswith((".csv", ".csv.gz", ".csv.zst"))
    found = _read_csv(path) if is_csv else _read_dbn(path)
    return [
        make_series(name, part, dataset=dataset, calendar=calendar)
        for name, bars, dataset in found
        for part in _split_decades(bars)
        if len(part) >= min_bars
    ]


def make_series(name: str, bars: Bars, *, dataset: str = "", calendar: str | None = None) -> CleanSeries:
    """A series with its calendar, tick size and life."""
    if calendar is None:
        calendar = propose_calendar(dataset=dataset, roots=list_roots(name, dataset)).calendar
    start, end = int(bars.ts[0]), int(bars.ts[-1]) + 60 * 10**9
    per_day = np.bincount((bars.ts - bars.ts[0]) // DAY)
    is_spread = bool((bars.low < 0).any()) or "-" in name
    context = SeriesContext(
        judged=(start, end),
        calendar=read_sessions(calendar, start - 3 * DAY, end + 3 * DAY),
        tick=find_tick(bars),
        life=[(start, end)],
        is_price_signed=is_spread,
        kind="spread" if is_spread else "continuous" if "." in name else "outright",
        is_front=bool(np.median(per_day[per_day > 0]) >= MIN_FRONT_BARS),
        now_ns=end + 30 * DAY,
    )
    return CleanSeries(name, bars, context)


def find_tick(bars: Bars) -> int:
    """The largest step that divides all prices, 1e-9."""
    steps = [int(np.gcd.reduce(getattr(bars, name))) for name in ("open", "high", "low", "close")]
    return int(np.gcd.reduce(steps))


def _split_decades(bars: Bars) -> Iterator[Bars]:
    cuts = np.flatnonzero(np.diff(bars.ts) > MAX_PAUSE) + 1
    for positions in np.split(np.arange(len(bars)), cuts):
        yield bars.select(slice(int(positions[0]), int(positions[-1]) + 1))


def _read_dbn(path: Path) -> Iterator[tuple[str, Bars, str]]:
    with SourceFile(path) as source:
        reader = RecordReader(source)
        records = np.concatenate([batch.records for batch in reader.read_batches()])
    metadata = reader.metadata
    # A continuous symbol has one contract at a time: one series.
    if len(metadata.symbols) == 1 and metadata.stype_in != "parent":
        yield metadata.symbols[0], _to_bars(records), metadata.dataset
        return
    for symbol, where in _group_symbols(metadata, records).items():
        yield symbol, _to_bars(records[where]), metadata.dataset


def _group_symbols(metadata: DbnMetadata, records: np.ndarray) -> dict[str, np.ndarray]:
    days = (records["ts_event"] // np.uint64(DAY)).astype(np.int64)
    groups: dict[str, list[np.ndarray]] = defaultdict(list)
    by_id = {int(one): np.flatnonzero(records["instrument_id"] == one) for one in np.unique(records["instrument_id"])}
    for mapped in metadata.mappings:
        rows = by_id.get(mapped.instrument_id, np.empty(0, np.int64))
        first, last = (mapped.start - EPOCH) // timedelta(days=1), (mapped.end - EPOCH) // timedelta(days=1)
        groups[mapped.symbol].append(rows[(days[rows] >= first) & (days[rows] < last)])
    return {symbol: np.sort(np.concatenate(rows)) for symbol, rows in groups.items()}


def _to_bars(records: np.ndarray) -> Bars:
    names = ("ts_event", "open", "high", "low", "close", "volume")
    ts, opened, high, low, close, volume = (records[name].astype(np.int64) for name in names)
    return Bars(ts, opened, high, low, close, volume, records["instrument_id"].astype(np.int32))


def _read_csv(path: Path) -> Iterator[tuple[str, Bars, str]]:
    """Columns ts_event (or timestamp, ts, time, date), open, high, low, close, volume, and optionally symbol and
    instrument_id. Times without a zone are UTC."""
    import pandas

    table = pandas.read_csv(path)
    names = {name.lower(): name for name in table.columns}
    column = next(names[name] for name in ("ts_event", "timestamp", "ts", "time", "datetime", "date") if name in names)
    times = pandas.to_datetime(table[column], utc=True, unit="ns" if table[column].dtype.kind in "iu" else None)
    table["_ts"] = times.astype("datetime64[ns, UTC]").astype("int64")
    groups = table.groupby(names["symbol"]) if "symbol" in names else [(path.name.split(".")[0], table)]
    for name, rows in groups:
        rows = rows.sort_values("_ts").drop_duplicates("_ts")
        opened, high, low, close = (_to_nanos(rows[names[each]].to_numpy(float)) for each in PRICES)
        ids = rows[names["instrument_id"]].to_numpy() if "instrument_id" in names else np.zeros(len(rows))
        volume = rows[names["volume"]].to_numpy(np.int64)
        bars = Bars(rows["_ts"].to_numpy(), opened, high, low, close, volume, ids.astype(np.int32))
        yield str(name), bars, ""


def _to_nanos(prices: np.ndarray) -> np.ndarray:
    """Decimal prices as counts of 1e-9. CSV prices have at most 6 decimals here, so that binary fractions vanish."""
    return np.rint(prices * 1e6).astype(np.int64) * 1000
