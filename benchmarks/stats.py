"""How long the stats of one series take at 0.1, 1 and 10 million bars, before and after the table was vacuumed.

    .venv/bin/python benchmarks/stats.py [--bars 100000 1000000 10000000]

Works in a scratch database of its own on the server of the settings. Prints medians of 7 in milliseconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

from scratch import scratch_database, set_up_django

FILL = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT %(symbol)s, to_timestamp(minute * 60), minute * 60000, price, price + 2, price - 2, price + 1, 100, %(run_id)s
FROM (SELECT minute, 16000 + minute %% 1000 * 0.25 AS price
      FROM generate_series(15000000::bigint, 15000000 + %(bars)s - 1) AS minute) AS invented
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bars", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    sizes = parser.parse_args().bars
    set_up_django()
    from django.db import connection

    with scratch_database():
        print(f"PostgreSQL {connection.pg_version // 10_000}, {os.cpu_count()} cores, medians of 7, ms")
        print(f"{'bars':>12} {'just loaded':>12} {'vacuumed':>12}")
        for bars in sizes:
            print(f"{bars:>12,} {' '.join(f'{milliseconds:>12.2f}' for milliseconds in measure(bars))}")


def measure(bars: int) -> tuple[float, float]:
    """Milliseconds of `series_stats` right after a load, and after a VACUUM."""
    from django.db import connection
    from django.utils import timezone

    from marketdata.models import IngestRun, Series

    series = Series.objects.create(slug=f"s{bars}", symbol=f"S{bars}")
    run = IngestRun.objects.create(file_name="invented", file_path="invented", started_at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"symbol": series.symbol, "bars": bars, "run_id": run.pk})
        loaded = median_milliseconds(series)
        cursor.execute("VACUUM ANALYZE market_bars_ohlcv_1m")
    return loaded, median_milliseconds(series)


def median_milliseconds(series) -> float:
    from marketdata.selectors import series_stats

    taken = []
    for _ in range(7):
        started = time.perf_counter()
        series_stats(series)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
