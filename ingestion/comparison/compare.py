"""The sums of minute bars compared with the vendor's bars of hours or days: each that differs is a finding."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
from django.db import transaction

from ingestion.comparison.periods import Periods, read_periods, to_datetime
from ingestion.dbn.layout import PRICES
from marketdata.models import QualityFinding, Series
from marketdata.quality.context import read_thresholds
from marketdata.quality.detectors.model import Bars
from marketdata.quality.reading import read_bars
from marketdata.quality.store.found import Found
from marketdata.quality.store.reconcile import Changes, Rules, reconcile
from marketdata.quality.store.write import lock_findings, write_changes

_PIECE = 2000  # periods compared at a time
_DEFAULT_TICK = 10_000_000  # 0.01
_GONE = "The sums of the minute bars equal the file."


def compare_file(path: Path, *, now: datetime, dry_run: bool = False) -> list[Changes]:
    """Compare the stored bars with a file of ohlcv-1h or ohlcv-1d, and return the findings of each of its series as
    they are after it. A dry run stores nothing. Raises an `IngestError`."""
    return [_compare_series(periods, now, dry_run=dry_run) for periods in read_periods(path)]


def _compare_series(periods: Periods, now: datetime, *, dry_run: bool) -> Changes:
    prefix = f"file {periods.schema} "
    first = to_datetime(int(periods.records["ts_event"][0]))
    last = to_datetime(int(periods.records["ts_event"][-1]))
    with transaction.atomic():
        if not dry_run:
            lock_findings(None)
        found = list(find_differences(periods))
        stored = list(
            QualityFinding.objects.filter(series=periods.series, kind="cross_check", identity__startswith=prefix)
        )
        rules = Rules(now, lambda finding: first <= finding.start <= last, explain=lambda finding: _GONE)
        changes = reconcile(stored, found, rules)
        if not dry_run:
            write_changes(changes)
    return changes


def find_differences(periods: Periods) -> Iterator[Found]:
    """A finding for each period whose volume or prices differ by the threshold or more."""
    threshold = read_thresholds(periods.series).cross_check
    for start in range(0, len(periods.records), _PIECE):
        piece = periods.records[start : start + _PIECE]
        ts = piece["ts_event"].astype(np.int64)
        sums, has_bars = sum_minutes(
            read_bars(periods.series.symbol, int(ts[0]), int(ts[-1]) + periods.length), ts, periods.length
        )
        values = _measure(piece, sums, has_bars, _find_tick(periods.series))
        for row in np.flatnonzero(values >= threshold):
            yield _describe(periods, piece[row], sums[:, row], float(values[row]), threshold, bool(has_bars[row]))


def sum_minutes(bars: Bars, starts: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Open, high, low, close and volume of the minutes in each period, a row each; and which periods have minutes."""
    first, stop = np.searchsorted(bars.ts, starts), np.searchsorted(bars.ts, starts + length)
    has_bars = first < stop
    sums = np.zeros((5, len(starts)), np.int64)
    for row in np.flatnonzero(has_bars):
        part = slice(int(first[row]), int(stop[row]))
        sums[:, row] = (
            bars.open[part.start],
            bars.high[part].max(),
            bars.low[part].min(),
            bars.close[part.stop - 1],
            bars.volume[part].sum(),
        )
    return sums, has_bars


def _measure(piece: np.ndarray, sums: np.ndarray, has_bars: np.ndarray, tick: int) -> np.ndarray:
    """Per mille of difference in the volume, or ticks of difference in a price, whichever is more."""
    volume = piece["volume"].astype(np.float64)
    differs = 1000 * np.abs(sums[4] - volume) / np.maximum(volume, 1)
    prices = [np.abs(sums[at] - piece[name].astype(np.int64)) / tick for at, name in enumerate(PRICES)]
    values: np.ndarray = np.where(has_bars, np.maximum(differs, np.max(prices, axis=0)), 1000.0)
    return values


def _find_tick(series: Series) -> int:
    tick = series.tick_size or series.price_step
    return int(tick.scaleb(9)) if tick else _DEFAULT_TICK


def _describe(
    periods: Periods, record: np.void, sums: np.ndarray, value: float, threshold: float, has_bars: bool
) -> Found:
    start = int(record["ts_event"])
    moment = to_datetime(start)
    unit = "hour" if periods.schema.endswith("h") else "day"
    text = f"The vendor's bar of the {unit} has a volume of {int(record['volume']):,}, and no minute of it is stored."
    if has_bars:
        names = [name for at, name in enumerate(PRICES) if sums[at] != record[name]]
        if sums[4] != record["volume"]:
            names.insert(0, f"volume {int(sums[4]):,} instead of {int(record['volume']):,}")
        text = f"The minute bars of the {unit} differ from the vendor's bar: {', '.join(names)}."
    return Found(
        kind="cross_check",
        severity="warning",
        start=moment,
        end=to_datetime(start + periods.length),
        value=round(value, 3),
        threshold=threshold,
        text=text,
        identity=f"file {periods.schema} {moment:%Y-%m-%dT%H:%M}",
        series_id=periods.series.pk,
    )
