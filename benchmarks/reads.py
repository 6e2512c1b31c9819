"""(e) Requests to a series of 10 million bars: stats, list of series, pages of bars, coverage, candles.

    .venv/bin/python -m benchmarks.reads [--bars 10000000] [--series 1000] [--rounds 7]

Django's test client sends them as a logged-in user, without a socket. One request of each kind is sent before and not
counted. A page has 1,000 bars. "In the database" is the time spent waiting for statements and their rows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from benchmarks.harness.measure import empty_tables, invent_bars, vacuum
from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import scratch_database, set_up_django

if TYPE_CHECKING:
    from django.test import Client

SYMBOL = "CME_MINI:MNQ1!"
BARS = "/api/market-data/mnq/ohlcv-1m/bars"
STATS = "/api/market-data/mnq/ohlcv-1m/stats"
CANDLES = "/api/market-data/mnq/ohlcv"
PAGE = 1_000
LIST = "list of {series} series"
YEAR_OF_HOURS, YEAR_OF_DAYS, PAGE_OF_5M = "a year of 1h candles", "a year of 1d candles", "5m candles, middle page"
JUST_LOADED, REQUEST, DATABASE = "stats, not vacuumed yet", "request", "in the database"
# Milliseconds: the limits that the project sets itself.
TARGETS = (
    ("stats", REQUEST, 5),
    (LIST, REQUEST, 100),
    (YEAR_OF_HOURS, DATABASE, 15),
    (YEAR_OF_DAYS, DATABASE, 30),
    (PAGE_OF_5M, DATABASE, 15),
)


def main() -> None:
    options = read_options(about=__doc__, bars=10_000_000, series=1_000, rounds=7)
    set_up_django()
    from django.conf import settings
    from django.test import override_settings

    hosts = [*settings.ALLOWED_HOSTS, "testserver"]
    with scratch_database(), override_settings(DEBUG=False, ALLOWED_HOSTS=hosts):
        result = BenchmarkResult("reads", f"Reading from a series of {options.bars:,} bars", unit="ms", options=options)
        print(f"a table of {options.bars:,} bars …", file=sys.stderr)
        empty_tables()
        client = _log_in()
        _get(client, STATS)  # Django's first request loads modules, which the figures must not include
        invent_bars(SYMBOL, first=datetime(2000, 1, 3, tzinfo=UTC), bars=options.bars)
        for _ in range(options.rounds):
            _time(result, client, JUST_LOADED, STATS)
        _make_series(options.series)
        vacuum()
        requests = dict(_list_requests(options.series))
        for address in requests.values():
            _get(client, address)
        for _ in range(options.rounds):
            for name, address in requests.items():
                _time(result, client, name, address)
        pages = [name for name in requests if name.endswith("page")]
        for name in pages[1:]:
            result.check_ratio((name, REQUEST), (pages[0], REQUEST))
        for name, part, limit in TARGETS:
            name = name.format(series=f"{options.series:,}")
            result.check(f"{name} ({part})", result.median(name, part), "<=", limit)
        result.finish()


def _log_in() -> Client:
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


def _make_series(count: int) -> None:
    """Create series up to `count` in all, with a hundred bars each."""
    from marketdata.models import Series

    others = [Series(slug=f"s{number}", symbol=f"S{number}") for number in range(1, count)]
    for series in Series.objects.bulk_create(others):
        invent_bars(series.symbol, first=datetime(2024, 1, 2, tzinfo=UTC), bars=100)


def _list_requests(series: int) -> Iterator[tuple[str, str]]:
    """Name and URL of each request."""
    from marketdata.models import Bar
    from marketdata.timestamps import to_iso

    times = Bar.objects.filter(symbol=SYMBOL).values_list("ts", flat=True)
    first, last = times.earliest("ts"), times.latest("ts")
    middle = first + (last - first) / 2
    start_of_last_page = times.order_by("-ts")[PAGE]
    yield "stats", STATS
    yield LIST.format(series=f"{series:,}"), "/api/market-data/"
    yield "bars, first page", f"{BARS}?limit={PAGE}"
    yield "bars, middle page", f"{BARS}?{urlencode({'limit': PAGE, 'cursor': to_iso(middle)})}"
    yield "bars, last page", f"{BARS}?{urlencode({'limit': PAGE, 'cursor': to_iso(start_of_last_page)})}"
    yield "coverage of the last year", "/api/market-data/mnq/coverage"
    year = {"start": to_iso(middle), "end": to_iso(middle + timedelta(days=365)), "limit": 10_000}
    yield YEAR_OF_HOURS, f"{CANDLES}-1h/bars?{urlencode(year)}"
    yield YEAR_OF_DAYS, f"{CANDLES}-1d/bars?{urlencode(year)}"
    yield PAGE_OF_5M, f"{CANDLES}-5m/bars?{urlencode({'limit': PAGE, 'cursor': to_iso(middle)})}"
    yield "stats of 5m candles", f"{CANDLES}-5m/stats"


def _time(result: BenchmarkResult, client: Client, name: str, address: str) -> None:
    from django.db import connection

    database_time = _DatabaseTime()
    with connection.execute_wrapper(database_time):
        started = time.perf_counter()
        _get(client, address)
        seconds = time.perf_counter() - started
    result.add(name, REQUEST, seconds * 1000)
    result.add(name, DATABASE, database_time.seconds * 1000)


def _get(client: Client, address: str) -> None:
    response = client.get(address)
    if response.status_code != 200:
        raise SystemExit(f"{address} returned {response.status_code}: {response.text[:500]}")


class _DatabaseTime:
    """Adds up the time of all statements. psycopg2 has fetched all rows when a statement returns."""

    seconds = 0.0

    def __call__(self, execute: Any, sql: str, parameters: Any, many: bool, context: dict) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, parameters, many, context)
        finally:
            self.seconds += time.perf_counter() - started


if __name__ == "__main__":
    main()
