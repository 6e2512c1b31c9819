"""The largest step that divides all prices of a series, which is its tick size once it has enough bars.

It is stored in the run's transaction. Most loads read no bar for it: the step of old and new
bars together is the greatest common divisor of both. Where a run changes or removes bars, the step may become larger.
Then it is between the old one and that of some bars that remain, so a few bars usually prove it; if not, all are read.

In Python a step is in units of 1e-9, and 0 if there are no prices but 0. Bars that other programs insert, change or
delete count only when all bars are read again.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from ingestion.dbn.layout import PRICES
from ingestion.symbology.resolve import ResolvedBars
from marketdata.models import ArchivedYear

_NEWEST = 200  # bars that prove most steps
_SCALE = 9

_STORED = """
SELECT requested.symbol,
    CASE WHEN EXISTS (
        SELECT 1 FROM market_bars_ohlcv_1m AS bars WHERE bars.symbol = requested.symbol COLLATE "C"
    ) OR requested.symbol = ANY (%(archived)s) THEN series.price_step ELSE 0 END
FROM unnest(%(symbols)s::varchar[]) AS requested (symbol)
LEFT JOIN market_series AS series ON series.symbol = requested.symbol COLLATE "C"
"""
_STORE = """
UPDATE market_series AS series
SET price_step = found.step
FROM unnest(%(symbols)s::varchar[], %(steps)s::numeric[]) AS found (symbol, step)
WHERE series.symbol = found.symbol COLLATE "C" AND series.price_step IS DISTINCT FROM found.step
"""
# Series with bars in archived years: they cannot be read here.
_ARCHIVED = """
SELECT requested.symbol
FROM unnest(%(symbols)s::varchar[]) AS requested (symbol)
WHERE EXISTS (
    SELECT 1 FROM market_archived_years AS archived
    JOIN market_bars_ohlcv_1h AS hours ON hours.symbol = requested.symbol COLLATE "C"
        AND hours.hour >= make_timestamptz(archived.year, 1, 1, 0, 0, 0, 'UTC')
        AND hours.hour < make_timestamptz(archived.year + 1, 1, 1, 0, 0, 0, 'UTC')
)
"""
_CHANGED = "SELECT DISTINCT symbol FROM market_bar_revisions WHERE revised_by_id = %s"

# The aggregate is temporary, so that a role that loads files needs no right on it. It begins with 0, since
# gcd(0, price) is the price without its sign.
_PREPARE = """
CREATE OR REPLACE AGGREGATE pg_temp.find_step(numeric) (SFUNC = pg_catalog.gcd, STYPE = numeric, INITCOND = '0');
SET LOCAL jit = off
"""
_STEP = sql.SQL("""
gcd(gcd(pg_temp.find_step(open), pg_temp.find_step(high)), gcd(pg_temp.find_step(low), pg_temp.find_step(close)))
""")
_OF_RANGE = sql.SQL("""
SELECT symbol, {step} FROM market_bars_ohlcv_1m
WHERE symbol = ANY (%(symbols)s) AND ts BETWEEN %(first)s AND %(last)s
GROUP BY symbol
""").format(step=_STEP)
_OF_NEWEST = sql.SQL("""
SELECT requested.symbol, newest.step
FROM unnest(%(symbols)s::varchar[]) AS requested (symbol)
CROSS JOIN LATERAL (
    SELECT {step} AS step
    FROM (
        SELECT open, high, low, close FROM market_bars_ohlcv_1m
        WHERE symbol = requested.symbol COLLATE "C"
        ORDER BY ts DESC LIMIT %(limit)s
    ) AS bars
) AS newest
""").format(step=_STEP)
_OF_ALL = sql.SQL("""
SELECT symbol, {step} FROM market_bars_ohlcv_1m WHERE symbol = ANY (%(symbols)s) GROUP BY symbol
""").format(step=_STEP)

Steps = dict[str, int]
# None: not known, since other programs or an earlier version wrote bars.
StoredSteps = dict[str, int | None]


class FilePriceSteps:
    """The step of each series of a file, collected from its rows."""

    def __init__(self) -> None:
        self._steps = np.zeros(0, dtype=np.uint64)

    def add(self, bars: ResolvedBars) -> None:
        """Add the prices of a batch."""
        if not len(bars):
            return
        missing = int(bars.codes.max()) + 1 - len(self._steps)
        self._steps = np.pad(self._steps, (0, max(missing, 0)))
        for name in PRICES:
            # Without the sign, -2^63 fits into 64 bits.
            prices = np.abs(bars.batch.records[name]).view(np.uint64)
            if (bars.codes == bars.codes[0]).all():
                code = bars.codes[0]
                self._steps[code] = np.gcd(self._steps[code], np.gcd.reduce(prices))
            else:
                np.gcd.at(self._steps, bars.codes, prices)

    def collect(self, symbols: list[str]) -> Steps:
        """The step of each series. `symbols` has the series by code."""
        found: Steps = {}
        for symbol, step in zip(symbols, self._steps.tolist(), strict=False):
            found[symbol] = math.gcd(found.get(symbol, 0), step)
        return found


def read_steps(cursor: CursorWrapper, symbols: Iterable[str]) -> StoredSteps:
    """The stored steps of these series. To be called under their locks, before the run writes."""
    requested = list(symbols)
    cursor.execute(_STORED, {"symbols": requested, "archived": _find_archived(cursor, requested)})
    return {symbol: None if step is None else _to_units(step) for symbol, step in cursor}


def store_loaded_steps(cursor: CursorWrapper, before: StoredSteps, loaded: Steps, *, run_id: int | None) -> None:
    """Store the steps of series after a load. `before` has those of all series that had bars, `loaded` those of the
    file's rows. `run_id`: the run, if it changed or removed bars."""
    changed = _find_changed(cursor, run_id) if run_id is not None else set()
    steps: Steps = {}
    bounds: dict[str, tuple[int | None, int]] = {}
    for symbol in {*loaded, *changed}:
        old, new = before.get(symbol, 0), loaded.get(symbol, 0)
        if old is None or symbol in changed:
            bounds[symbol] = (old, new)
        else:
            steps[symbol] = math.gcd(old, new)
    _store(cursor, steps | _prove(cursor, bounds))


def store_undone_steps(cursor: CursorWrapper, before: StoredSteps, restored: tuple[datetime, datetime] | None) -> None:
    """Store the steps of the series `before` after an undo. `restored` has the first and the last time of the bars that
    have former values again, UTC; None if the undo only removed bars."""
    present: Steps = {}
    if restored:
        cursor.execute(_PREPARE)
        present = _select(cursor, _OF_RANGE, symbols=list(before), first=restored[0], last=restored[1])
    _store(cursor, _prove(cursor, {symbol: (old, present.get(symbol, 0)) for symbol, old in before.items()}))


def store_moved_steps(cursor: CursorWrapper, symbols: Iterable[str]) -> None:
    """Store the steps of series whose bars were moved: all bars are read."""
    _store(cursor, _prove(cursor, dict.fromkeys(symbols, (None, 0))))


def _find_changed(cursor: CursorWrapper, run_id: int) -> set[str]:
    cursor.execute(_CHANGED, [run_id])
    return {symbol for (symbol,) in cursor}


def _prove(cursor: CursorWrapper, bounds: Mapping[str, tuple[int | None, int]]) -> Steps:
    """The steps of series, by that of their former bars and that of some bars that they have now, among them all new
    ones. The step is a multiple of the divisor of both, and divides that of any of the bars: if these are equal, it is
    known. Archived bars cannot be read: the former step divides them, and no larger one is proved. Where it is not
    known either, the series is left out."""
    steps: Steps = {}
    lower: Steps = {}
    unknown = [symbol for symbol, (old, _) in bounds.items() if old is None]
    for symbol, (old, present) in bounds.items():
        if old is not None:
            lower[symbol] = math.gcd(old, present)
            if lower[symbol] == present:
                steps[symbol] = present
    if open_symbols := [symbol for symbol in lower if symbol not in steps]:
        cursor.execute(_PREPARE)
        newest = _select(cursor, _OF_NEWEST, symbols=open_symbols, limit=_NEWEST)
        steps |= {symbol: step for symbol, step in newest.items() if step == lower[symbol]}
    if rest := [*unknown, *(symbol for symbol in lower if symbol not in steps)]:
        cursor.execute(_PREPARE)
        steps |= dict.fromkeys(rest, 0) | _select(cursor, _OF_ALL, symbols=rest)
    for symbol in _find_archived(cursor, steps):
        step, old = steps.pop(symbol), bounds[symbol][0]
        if old is not None:
            steps[symbol] = math.gcd(step, old)
    return steps


def _find_archived(cursor: CursorWrapper, symbols: Collection[str]) -> list[str]:
    if not symbols or not ArchivedYear.objects.exists():
        return []
    cursor.execute(_ARCHIVED, {"symbols": list(symbols)})
    return [symbol for (symbol,) in cursor.fetchall()]


def _select(cursor: CursorWrapper, statement: sql.Composed, **parameters: Any) -> Steps:
    cursor.execute(statement, parameters)
    return {symbol: _to_units(step) for symbol, step in cursor}


def _store(cursor: CursorWrapper, steps: Steps) -> None:
    prices = [Decimal(step).scaleb(-_SCALE) for step in steps.values()]
    cursor.execute(_STORE, {"symbols": list(steps), "steps": prices})


def _to_units(step: Decimal) -> int:
    return int(step.scaleb(_SCALE))
