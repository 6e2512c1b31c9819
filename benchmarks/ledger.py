"""What the hourly ledger costs those who write bars, and what it gives those who read.

    .venv/bin/python benchmarks/ledger.py [--rows 1000000] [--rounds 5] [--bars 10000000] [--series 1000]

Writing: the same statements with the ledger's triggers and without, taking turns in each round, everything else the
same (key, checks, the triggers that look at run ids). Reading: medians of 7 calls of the functions that the API and the
pages use, on a series of ten million bars and on a thousand series.
Works in a scratch database on the server of the settings.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module

from measure import empty_tables
from scratch import ROOT, machine, scratch_database, set_up_django

RESULT = ROOT / "benchmarks" / "results" / "ledger.json"
PUBLISHED_FROM = 1_000_000  # rows: a smaller trial does not replace the result that is kept
STATEMENT = 65_536  # rows of one COPY, as a loader sends them
CHANGED = 100_000  # rows of one UPDATE or DELETE
MOST_OVERHEAD = 0.25

TRIGGERS = ("bars_enter_hours", "bars_change_hours", "bars_leave_hours")
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
CHANGES = {
    "UPDATE": f"UPDATE market_bars_ohlcv_1m SET close = close + 0.25 WHERE {SOME}",
    "DELETE": f"DELETE FROM market_bars_ohlcv_1m WHERE {SOME}",
}


def main() -> None:
    options = _options()
    set_up_django()
    result = {"load_before": round(os.getloadavg()[0], 2)}
    with scratch_database():
        result |= {"machine": machine(), "rows": options.rows, "rounds": options.rounds}
        result |= {"seconds": _measure_writes(options.rows, options.rounds)}
        result |= {"bars": options.bars, "series": options.series}
        result |= {"fill_seconds": _fill(options.bars)}
        result |= {"milliseconds": _measure_reads(options.series)}
    result |= {"load_after": round(os.getloadavg()[0], 2)}
    _print(result)
    _keep(result)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each load")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bars", type=int, default=10_000_000, help="bars of the series that is read")
    parser.add_argument("--series", type=int, default=1000, help="series of the list")
    options = parser.parse_args()
    if options.rows < CHANGED or min(options.rounds, options.bars, options.series) < 1:
        parser.error(f"--rows starts at {CHANGED}, everything else at 1")
    return options


# --- Writing ---------------------------------------------------------------------------------------------------------


def _measure_writes(rows: int, rounds: int) -> dict[str, list[float]]:
    """Seconds per round of each statement, by its name and "with" or "without" the ledger."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for symbols in (1, 500):
        blocks = _blocks(rows, symbols)
        for number in range(rounds):
            print(f"{symbols} symbols, round {number + 1} of {rounds} …", file=sys.stderr)
            for way in ("without", "with"):
                seconds[f"COPY, symbols: {symbols}, {way}"].append(_load(blocks, way))
                for name, sql in CHANGES.items() if symbols == 1 else ():
                    seconds[f"{name} of {CHANGED:,}, {way}"].append(_change(sql))
    _switch("with")
    return seconds


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

    verb = {"with": "ENABLE", "without": "DISABLE"}[way]
    with connection.cursor() as cursor:
        for trigger in TRIGGERS:
            cursor.execute(f"ALTER TABLE market_bars_ohlcv_1m {verb} TRIGGER {trigger}")
        # Before there was a ledger, this one looked whether the runs of new bars exist; the ledger's does that too.
        cursor.execute("DROP TRIGGER IF EXISTS before_the_ledger ON market_bars_ohlcv_1m")
        if way == "without":
            cursor.execute(WITHOUT)


def _make_run() -> int:
    from marketdata.models import IngestRun

    moment = datetime(2024, 1, 1, tzinfo=UTC)
    return IngestRun.objects.create(file_name="invented", file_path="invented", started_at=moment).pk


# --- Reading ---------------------------------------------------------------------------------------------------------


def _fill(bars: int) -> dict[str, float]:
    """One long series, put in without the ledger; then the migration's own statement makes it."""
    from django.db import connection

    print(f"{bars:,} bars …", file=sys.stderr)
    empty_tables()
    migration = import_module("marketdata.migrations.0006_hourly_ledger")
    with connection.cursor() as cursor:
        _switch("without")
        cursor.execute(
            f"INSERT INTO market_bars_ohlcv_1m ({COLUMNS}) {BARS}", {"rows": bars, "symbols": 1, "run_id": _make_run()}
        )
        _switch("with")
        cursor.execute("ANALYZE market_bars_ohlcv_1m")
        cursor.execute("SET barkeep.keeps_hours = 'on'")
        started = time.perf_counter()
        cursor.execute(migration.FILL)
        filled = time.perf_counter() - started
        cursor.execute("RESET barkeep.keeps_hours")
        cursor.execute("VACUUM ANALYZE market_bars_ohlcv_1h")
    return {"the migration fills the ledger": filled, "verify_candles": _verify_seconds()}


def _verify_seconds() -> float:
    from marketdata.ledger import verify_symbol

    started = time.perf_counter()
    if verify_symbol("S 1").difference_count:
        raise SystemExit("The ledger that was filled differs from its bars.")
    return time.perf_counter() - started


def _measure_reads(count: int) -> dict[str, float]:
    from marketdata.api.views import SeriesViewSet
    from marketdata.coverage import series_coverage
    from marketdata.models import Series
    from marketdata.selectors import series_stats

    long = Series.objects.create(slug="long", symbol="S 1")
    everything = datetime(1990, 1, 1, tzinfo=UTC)
    taken = {
        "stats of the long series": _median(lambda: series_stats(long)),
        "its coverage, a year": _median(lambda: series_coverage(long, start=None, end=None)),
        "its coverage, all of it": _median(lambda: series_coverage(long, start=everything, end=None)),
    }
    _make_series(count)
    view = SeriesViewSet()
    return taken | {f"the list of {count:,} series": _median(lambda: view.list(_NoQuery()))}


class _NoQuery:
    """As much of a request as the list of series looks at."""

    class query_params:
        dict = staticmethod(dict)


def _make_series(count: int) -> None:
    """Series with a hundred bars each, and a run for every ten of them."""
    from django.db import connection

    from marketdata.models import IngestRun, Series

    symbols = [f"S {number}" for number in range(2, count + 1)]
    Series.objects.bulk_create(Series(slug=symbol.replace(" ", ""), symbol=symbol) for symbol in symbols)
    for first in range(0, count, 10):
        IngestRun.objects.filter(pk=_make_run()).update(symbols=symbols[first : first + 10])
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO market_bars_ohlcv_1m ({COLUMNS}) SELECT * FROM ({BARS}) AS b (symbol) WHERE symbol <> 'S 1'",
            {"rows": count * 100, "symbols": count, "run_id": _make_run()},
        )


def _median(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(7):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


# --- Telling ---------------------------------------------------------------------------------------------------------


def _print(result: dict) -> None:
    print(", ".join(f"{name} {value}" for name, value in result["machine"].items()))
    print(f"load average {result['load_before']} before, {result['load_after']} after (this benchmark adds 1)")
    print(f"{result['rows']:,} rows, rounds: {result['rounds']}; seconds are medians (least to most)\n")
    for name, without in result["seconds"].items():
        if not name.endswith(", without"):
            continue
        with_ledger = result["seconds"][name.removesuffix("without") + "with"]
        overhead = statistics.median(with_ledger) / statistics.median(without) - 1
        verdict = ""
        if name.startswith("COPY"):
            verdict = f"  {'reaches' if overhead <= MOST_OVERHEAD else 'short of'} <= {MOST_OVERHEAD:+.0%}"
        print(
            f"{name.removesuffix(', without'):>30}: {_spread(without)} without, {_spread(with_ledger)} with the ledger"
        )
        print(f"{'':>30}  {overhead:+.1%}{verdict}")
    print(f"\n{result['bars']:,} bars in one series")
    for name, seconds in result["fill_seconds"].items():
        print(f"{name:>34}: {seconds:8.2f} s")
    for name, milliseconds in result["milliseconds"].items():
        print(f"{name:>34}: {milliseconds:8.2f} ms")


def _spread(taken: list[float]) -> str:
    return f"{statistics.median(taken):.2f} s ({min(taken):.2f} to {max(taken):.2f})"


def _keep(result: dict) -> None:
    if result["rows"] < PUBLISHED_FROM:
        print(f"\nNot written to {RESULT.relative_to(ROOT)}: fewer than {PUBLISHED_FROM:,} rows.")
        return
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\nWritten to {RESULT.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
