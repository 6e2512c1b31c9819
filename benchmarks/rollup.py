"""(g) What the hourly rollup costs statements that write bars, and how long filling and verifying it take.

    .venv/bin/python -m benchmarks.rollup [--rows 1000000] [--rounds 3] [--bars 10000000]

The same statements run with the rollup's triggers and without, alternating in each round. Key, checks and the triggers
that check run ids stay. A load is COPY in statements of 65,536 rows, as the loader sends them.
"""

from __future__ import annotations

import io
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING

from benchmarks.harness.measure import empty_tables
from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import scratch_database, set_up_django

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

STATEMENT = 65_536  # rows of one COPY
CHANGED = 100_000  # rows of one UPDATE or DELETE
MAX_OVERHEAD = 1.25
WITH_ROLLUP, WITHOUT_ROLLUP = "with", "without"

TRIGGERS = ("bars_rollup_on_insert", "bars_rollup_on_update", "bars_rollup_on_delete")
CHECK_RUNS = """
CREATE TRIGGER bench_check_runs AFTER INSERT ON market_bars_ohlcv_1m
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION market_runs_must_exist()
"""
COLUMNS = "symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id"
BARS = """
SELECT 'S ' || number, to_timestamp(minute * 60), minute * 60000, price, price + 2, price - 2, price + 1, minute %% 997,
    %(run_id)s::bigint
FROM generate_series(15000000::bigint, 15000000 + %(rows)s / %(symbols)s - 1) AS minute
CROSS JOIN generate_series(1, %(symbols)s) AS number
CROSS JOIN LATERAL (SELECT 16000 + minute %% 1000 * 0.25 AS price) AS invented
"""
COPY_OUT = "COPY (SELECT {columns} FROM source WHERE number > {after} AND number <= {last}) TO STDOUT (FORMAT BINARY)"
COPY_IN = f"COPY market_bars_ohlcv_1m ({COLUMNS}) FROM STDIN (FORMAT BINARY)"
SOME = f"symbol = 'S 1' AND ts < to_timestamp((15000000 + {CHANGED}) * 60)"
SPREAD = (
    "symbol = 'S 1' AND (ts_ms / 60000 - 15000000) % {step} = 0"
    f" AND ts < to_timestamp((15000000 + {CHANGED}::bigint * {{step}}) * 60)"
)
CHANGES = {
    f"UPDATE of {CHANGED:,} in a row": f"UPDATE market_bars_ohlcv_1m SET close = close + 0.25 WHERE {SOME}",
    f"UPDATE of {CHANGED:,} in all hours": f"UPDATE market_bars_ohlcv_1m SET close = close + 0.25 WHERE {SPREAD}",
    f"DELETE of {CHANGED:,} in a row": f"DELETE FROM market_bars_ohlcv_1m WHERE {SOME}",
}


def main() -> None:
    options = read_options(about=__doc__, rows=1_000_000, rounds=3, bars=10_000_000)
    if options.rows < CHANGED:
        sys.exit(f"--rows starts at {CHANGED:,}.")
    set_up_django()
    with scratch_database():
        result = BenchmarkResult("rollup", "Writing with the hourly rollup and without", unit="s", options=options)
        for symbols in (1, 500):
            _measure_writes(result, options.rows, options.rounds, symbols)
        _measure_filling(result, options.bars)
        result.finish()


# --- Writing ---------------------------------------------------------------------------------------------------------


def _measure_writes(result: BenchmarkResult, rows: int, rounds: int, symbols: int) -> None:
    load = f"load of {rows:,}, symbols: {symbols}"
    blocks = _blocks(rows, symbols)
    for number in range(rounds):
        print(f"{load}, round {number + 1} of {rounds} …", file=sys.stderr)
        for way in (WITHOUT_ROLLUP, WITH_ROLLUP):
            result.add(load, way, _load(blocks, way))
            for name, sql in CHANGES.items() if symbols == 1 else ():
                result.add(name, way, _change(sql.format(step=rows // CHANGED)))
    _switch(WITH_ROLLUP)
    result.check_ratio((load, WITH_ROLLUP), (load, WITHOUT_ROLLUP), "<=", MAX_OVERHEAD)


def _blocks(rows: int, symbols: int) -> list[bytes]:
    """The rows in time order, as in a file: one binary COPY input per statement."""
    from django.db import connection

    blocks = []
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS source")
        cursor.execute("CREATE TEMPORARY TABLE source AS SELECT * FROM market_bars_ohlcv_1m LIMIT 0")
        cursor.execute("ALTER TABLE source ADD COLUMN number serial")
        cursor.execute(
            f"INSERT INTO source ({COLUMNS}) {BARS} ORDER BY minute", {"rows": rows, "symbols": symbols, "run_id": 1}
        )
        for after in range(0, rows, STATEMENT):
            block = io.BytesIO()
            cursor.copy_expert(COPY_OUT.format(columns=COLUMNS, after=after, last=after + STATEMENT), block)
            blocks.append(block.getvalue())
    return blocks


def _load(blocks: list[bytes], way: str) -> float:
    from django.db import connection, transaction

    empty_tables()
    _make_run()
    _switch(way)
    started = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        for block in blocks:
            cursor.copy_expert(COPY_IN, io.BytesIO(block), 1 << 20)
    return time.perf_counter() - started


def _change(sql: str) -> float:
    """Seconds of the statement, which is then rolled back."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE market_bars_ohlcv_1m")
        with transaction.atomic():
            started = time.perf_counter()
            cursor.execute(sql)
            seconds = time.perf_counter() - started
            if cursor.rowcount != CHANGED:
                raise SystemExit(f"Expected {CHANGED} changed rows, found {cursor.rowcount}: {sql}")
            transaction.set_rollback(True)
    return seconds


def _switch(way: str) -> None:
    from django.db import connection

    verb = {WITH_ROLLUP: "ENABLE", WITHOUT_ROLLUP: "DISABLE"}[way]
    with connection.cursor() as cursor:
        for trigger in TRIGGERS:
            cursor.execute(f"ALTER TABLE market_bars_ohlcv_1m {verb} TRIGGER {trigger}")
        # The rollup's INSERT trigger also checks that runs exist. Without it, that check must still cost its time.
        cursor.execute("DROP TRIGGER IF EXISTS bench_check_runs ON market_bars_ohlcv_1m")
        if way == WITHOUT_ROLLUP:
            cursor.execute(CHECK_RUNS)


def _make_run() -> int:
    from marketdata.models import IngestRun

    moment = datetime(2024, 1, 1, tzinfo=UTC)
    return IngestRun.objects.create(file_name="invented", file_path="invented", started_at=moment).pk


# --- Filling ---------------------------------------------------------------------------------------------------------


def _measure_filling(result: BenchmarkResult, bars: int) -> None:
    """Insert one long series without the rollup, then fill the rollup with the migration's statement."""
    from django.db import connection

    print(f"{bars:,} bars …", file=sys.stderr)
    empty_tables()
    with connection.cursor() as cursor:
        _switch(WITHOUT_ROLLUP)
        cursor.execute(
            f"INSERT INTO market_bars_ohlcv_1m ({COLUMNS}) {BARS}", {"rows": bars, "symbols": 1, "run_id": _make_run()}
        )
        _switch(WITH_ROLLUP)
        cursor.execute("ANALYZE market_bars_ohlcv_1m")
        result.add(f"the migration, of {bars:,} bars", WITH_ROLLUP, _fill_rollup(cursor))
        cursor.execute("VACUUM ANALYZE market_bars_ohlcv_1h")
    result.add(f"verify_candles, of {bars:,} bars", WITH_ROLLUP, _verify_seconds())


def _fill_rollup(cursor: CursorWrapper) -> float:
    """Fill the empty rollup with the statement of the migration that created it; returns seconds."""
    migration = import_module("marketdata.migrations.0006_hourly_ledger")
    cursor.execute("SET barkeep.writes_rollup = 'on'")
    started = time.perf_counter()
    cursor.execute(migration.FILL)
    seconds = time.perf_counter() - started
    cursor.execute("RESET barkeep.writes_rollup")
    return seconds


def _verify_seconds() -> float:
    from marketdata.rollup.verify import verify_symbol

    started = time.perf_counter()
    if verify_symbol("S 1").difference_count:
        raise SystemExit("The filled rollup differs from the bars.")
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
