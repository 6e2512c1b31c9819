"""(i) Three ways to write staged bars into a table that may have them: the loader's and two alternatives.

    .venv/bin/python -m benchmarks.upserts [--rows 200000] [--rounds 3]

It measures the statements alone, on the same staged rows, alternating in each round. Each is rolled back. All
keep the old values of changed bars in market_bar_revisions. In the first round all must leave the same bars.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness.measure import copy_out, empty_tables, execute, fill_tables, ingest, write_plain
from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import scratch_database, set_up_django
from benchmarks.million_rows import AGAIN, CHANGED, FRESH, GAPS, HOLES, SYMBOL

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

    from ingestion.loading.upsert import StagedRange

    Way = Callable[[CursorWrapper, StagedRange], None]

COMPARED = "compare once (this loader)"
JOINED = "UPDATE, anti-join INSERT"
CONFLICT = "ON CONFLICT DO UPDATE WHERE"
RUN = 1

_STAGED = "staged_bars AS staged JOIN staged_series AS names ON names.series = staged.series"
_COLUMNS = "symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id"
_VALUES = f"staged.ts, staged.ts_ms, staged.open, staged.high, staged.low, staged.close, staged.volume, {RUN}"
_DIFFERS = (
    "(bars.open, bars.high, bars.low, bars.close, bars.volume) <> ({0}.open, {0}.high, {0}.low, {0}.close, {0}.volume)"
)
_SET = "open = {0}.open, high = {0}.high, low = {0}.low, close = {0}.close, volume = {0}.volume"
_KEEP = f"""
INSERT INTO market_bar_revisions
    (symbol, ts, open, high, low, close, volume, created_at, ingestion_run_id, revised_by_id, operation)
SELECT bars.symbol, bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume,
    bars.created_at, bars.ingestion_run_id, {RUN}, 'update'
FROM {_STAGED}
JOIN market_bars_ohlcv_1m AS bars ON bars.symbol = names.symbol AND bars.ts = staged.ts
WHERE {_DIFFERS.format("staged")}
"""
_UPDATE = f"""
UPDATE market_bars_ohlcv_1m AS bars SET {_SET.format("staged")}, ingestion_run_id = {RUN}
FROM {_STAGED}
WHERE bars.symbol = names.symbol AND bars.ts = staged.ts AND {_DIFFERS.format("staged")}
"""
_ANTI_JOIN = f"""
INSERT INTO market_bars_ohlcv_1m ({_COLUMNS})
SELECT names.symbol, {_VALUES} FROM {_STAGED}
WHERE NOT EXISTS (SELECT FROM market_bars_ohlcv_1m AS bars WHERE bars.symbol = names.symbol AND bars.ts = staged.ts)
"""
_ON_CONFLICT = f"""
INSERT INTO market_bars_ohlcv_1m AS bars ({_COLUMNS})
SELECT names.symbol, {_VALUES} FROM {_STAGED}
ON CONFLICT (symbol, ts) DO UPDATE SET {_SET.format("excluded")}, ingestion_run_id = {RUN}
WHERE {_DIFFERS.format("excluded")}
"""


def main() -> None:
    options = read_options(about=__doc__, rows=200_000, rounds=3)
    set_up_django()
    ways = {COMPARED: _compare_once, JOINED: _update_and_anti_join, CONFLICT: _on_conflict}
    with tempfile.TemporaryDirectory() as folder, scratch_database() as url:
        result = BenchmarkResult(
            "upserts", "From staging into the table, the statements alone", unit="s", options=options
        )
        plain = write_plain(Path(folder) / "plain.dbn.zst", options.rows, ["MNQ.c.0"])
        changed = write_plain(Path(folder) / "changed.dbn.zst", options.rows, ["MNQ.c.0"], change_every=10)
        empty_tables()
        ingest(url, plain, symbol=SYMBOL)
        complete, with_holes = copy_out(), copy_out(HOLES)
        scenarios = {
            FRESH: (b"", plain),
            AGAIN: (complete, plain),
            CHANGED: (complete, changed),
            GAPS: (with_holes, plain),
        }
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds} …", file=sys.stderr)
            for scenario, (initial, path) in scenarios.items():
                digests = set()
                for name, way in ways.items():
                    fill_tables(initial) if initial else empty_tables()
                    seconds, bars = _measure(way, path, digest=not number)
                    result.add(name, scenario, seconds)
                    digests.add(bars)
                if len(digests) > 1:
                    raise SystemExit(f"The ways left different bars: {scenario}.")
        for scenario in scenarios:
            for other in (JOINED, CONFLICT):
                result.check_ratio((other, scenario), (COMPARED, scenario))
        result.finish()


def _measure(way: Way, path: Path, *, digest: bool) -> tuple[float, str]:
    """Seconds of the statements and a SHA-256 of the resulting bars; rolled back."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        staged = _stage(cursor, path)
        started = time.perf_counter()
        way(cursor, staged)
        seconds = time.perf_counter() - started
        bars = hashlib.sha256(copy_out()).hexdigest() if digest else ""
        transaction.set_rollback(True)
    return seconds, bars


def _stage(cursor: CursorWrapper, path: Path) -> StagedRange:
    """Stage the file's rows as the loader does."""
    from ingestion.dbn.source import SourceFile
    from ingestion.loading.copy import copy_staged_bars
    from ingestion.loading.staging import create_staging, finish_staging
    from ingestion.loading.upsert import StagedRange
    from ingestion.options import IngestOptions
    from ingestion.reader import FileReader

    with SourceFile(path) as source:
        file = FileReader(source, IngestOptions(symbol=SYMBOL))
        create_staging(cursor)
        for batch in file.preview_batches():
            copy_staged_bars(cursor, batch.possibly_stored)
        finish_staging(cursor, file.symbols)
    return StagedRange(file.check.row_count, file.symbols, *file.check.time_range)


# --- The ways --------------------------------------------------------------------------------------------------------


def _compare_once(cursor: CursorWrapper, staged: StagedRange) -> None:
    from ingestion.loading.upsert import upsert

    upsert(cursor, staged, RUN)


def _update_and_anti_join(cursor: CursorWrapper, staged: StagedRange) -> None:
    _apply_settings(cursor)
    execute(_KEEP)
    execute(_UPDATE)
    execute(_ANTI_JOIN)


def _on_conflict(cursor: CursorWrapper, staged: StagedRange) -> None:
    _apply_settings(cursor)
    execute(_KEEP)
    execute(_ON_CONFLICT)


def _apply_settings(cursor: CursorWrapper) -> None:
    """Apply the loader's settings."""
    from ingestion.loading.upsert import _SETTINGS

    cursor.execute(_SETTINGS)


if __name__ == "__main__":
    main()
