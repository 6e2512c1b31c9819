"""(g) What the hourly ledger costs those who write bars, and how long it takes to fill it and to verify it.

    .venv/bin/python benchmarks/ledger.py [--rows 1000000] [--rounds 3] [--bars 10000000]

The same statements with the ledger's triggers and without, taking turns in each round, everything else the same: key,
checks, the triggers that look at run ids. A load is COPY in statements of 65,536 rows, as the loader sends them.
"""

from __future__ import annotations

import io
import sys
import time
from datetime import UTC, datetime
from importlib import import_module

from measure import empty_tables
from options import read_options
from scratch import scratch_database, set_up_django
from sheet import Sheet

STATEMENT = 65_536  # rows of one COPY, as a loader sends them
CHANGED = 100_000  # rows of one UPDATE or DELETE
MOST_OVERHEAD = 1.25
WITH_LEDGER, NO_LEDGER = "with", "without"

TRIGGERS = ("bars_rollup_on_insert", "bars_rollup_on_update", "bars_rollup_on_delete")
WITHOUT = """
CREATE TRIGGER before_the_ledger AFTER INSERT ON market_bars_ohlcv_1m
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
COPY_OUT = "COPY (SELECT {columns} FROM source WHERE number > {above} AND number <= {most}) TO STDOUT (FORMAT BINARY)"
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
        sheet = Sheet("ledger", "Writing with the ledger and without", unit="s", options=options)
        for symbols in (1, 500):
            _measure_writes(sheet, options.rows, options.rounds, symbols)
        _measure_filling(sheet, options.bars)
        sheet.finish()


# --- Writing ---------------------------------------------------------------------------------------------------------


def _measure_writes(sheet: Sheet, rows: int, rounds: int, symbols: int) -> None:
    load = f"load of {rows:,}, symbols: {symbols}"
    blocks = _blocks(rows, symbols)
    for number in range(rounds):
        print(f"{load}, round {number + 1} of {rounds} …", file=sys.stderr)
        for way in (NO_LEDGER, WITH_LEDGER):
            sheet.add(load, way, _load(blocks, way))
            for name, sql in CHANGES.items() if symbols == 1 else ():
                sheet.add(name, way, _change(sql.format(step=rows // CHANGED)))
    _switch(WITH_LEDGER)
    sheet.hold_ratio((load, WITH_LEDGER), (load, NO_LEDGER), "<=", MOST_OVERHEAD)


def _blocks(rows: int, symbols: int) -> list[bytes]:
    """The rows in the order of a file, by time, as the COPY statements take them."""
    from django.db import connection

    blocks = []
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS source")
        cursor.execute("CREATE TEMPORARY TABLE source AS SELECT * FROM market_bars_ohlcv_1m LIMIT 0")
        cursor.execute("ALTER TABLE source ADD COLUMN number serial")
        cursor.execute(
            f"INSERT INTO source ({COLUMNS}) {BARS} ORDER BY minute", {"rows": rows, "symbols": symbols, "run_id": 1}
        )
        for above in range(0, rows, STATEMENT):
            block = io.BytesIO()
            cursor.copy_expert(COPY_OUT.format(columns=COLUMNS, above=above, most=above + STATEMENT), block)
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
    """Seconds of the statement, which is then undone."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE market_bars_ohlcv_1m")
        with transaction.atomic():
            started = time.perf_counter()
            cursor.execute(sql)
            taken = time.perf_counter() - started
            if cursor.rowcount != CHANGED:
                raise SystemExit(f"{cursor.rowcount} rows were changed: {sql}")
            transaction.set_rollback(True)
    return taken


def _switch(way: str) -> None:
    from django.db import connection

    verb = {WITH_LEDGER: "ENABLE", NO_LEDGER: "DISABLE"}[way]
    with connection.cursor() as cursor:
        for trigger in TRIGGERS:
            cursor.execute(f"ALTER TABLE market_bars_ohlcv_1m {verb} TRIGGER {trigger}")
        # Before there was a ledger, this one looked whether the runs of new bars exist; the ledger's does that too.
        cursor.execute("DROP TRIGGER IF EXISTS before_the_ledger ON market_bars_ohlcv_1m")
        if way == NO_LEDGER:
            cursor.execute(WITHOUT)


def _make_run() -> int:
    from marketdata.models import IngestRun

    moment = datetime(2024, 1, 1, tzinfo=UTC)
    return IngestRun.objects.create(file_name="invented", file_path="invented", started_at=moment).pk


# --- Filling ---------------------------------------------------------------------------------------------------------


def _measure_filling(sheet: Sheet, bars: int) -> None:
    """One long series, put in without the ledger; then the migration's own statement makes it."""
    from django.db import connection

    print(f"{bars:,} bars …", file=sys.stderr)
    empty_tables()
    migration = import_module("marketdata.migrations.0006_hourly_ledger")
    with connection.cursor() as cursor:
        _switch(NO_LEDGER)
        cursor.execute(
            f"INSERT INTO market_bars_ohlcv_1m ({COLUMNS}) {BARS}", {"rows": bars, "symbols": 1, "run_id": _make_run()}
        )
        _switch(WITH_LEDGER)
        cursor.execute("ANALYZE market_bars_ohlcv_1m")
        cursor.execute("SET barkeep.writes_rollup = 'on'")
        started = time.perf_counter()
        cursor.execute(migration.FILL)
        sheet.add(f"the migration, of {bars:,} bars", WITH_LEDGER, time.perf_counter() - started)
        cursor.execute("RESET barkeep.writes_rollup")
        cursor.execute("VACUUM ANALYZE market_bars_ohlcv_1h")
    sheet.add(f"verify_candles, of {bars:,} bars", WITH_LEDGER, _verify_seconds())


def _verify_seconds() -> float:
    from marketdata.ledger import verify_symbol

    started = time.perf_counter()
    if verify_symbol("S 1").difference_count:
        raise SystemExit("The ledger that was filled differs from its bars.")
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
