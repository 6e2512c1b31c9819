"""(i) Requests by program and page: bars and candles of all timeframes, and the lists of 10,000 series.

    .venv/bin/python -m benchmarks.requests [--bars 10000000] [--series 10000] [--runs 100000] [--rounds 9]

Django's test client sends the requests: with a token to the API, as a logged-in user to the overview. One request of
each kind is sent before and not counted; then the rounds alternate between all of them. "CPU" is the time that the
process and its session of the server computed, which other programs on the machine change less than the elapsed time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.harness.measure import empty_tables, execute, vacuum
from benchmarks.harness.options import read_options
from benchmarks.harness.result import BenchmarkResult
from benchmarks.harness.scratch import scratch_database, set_up_django

REQUEST, CPU, SERVER = "request", "CPU, Python", "CPU, PostgreSQL"
PAGES = (1_000, 5_000)
MAX_MS = {1_000: 30, 5_000: 60}
MAX_LIST_MS = 150
FUTURE, SHARE = "mnq", "spy"
ROOT = "/api/market-data/"

# Five days a week from 23:00 UTC on Sunday, or from 09:00 UTC on Monday, each with so many minutes.
_FILL = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT %(symbol)s, to_timestamp(minute * 60), minute * 60000, price, price + 2, price - 2, price + 1, 100, 1
FROM (
    SELECT %(first)s + day / 5 * 10080 + day %% 5 * 1440 + number %% %(daily)s AS minute,
        16000 + number %% 1000 * 0.25 AS price
    FROM generate_series(%(from)s::bigint, %(to)s::bigint - 1) AS number,
        LATERAL (SELECT number / %(daily)s AS day) AS days
) AS invented
"""
_ROWS_PER_FILL = 1_000_000

# Contracts of 150 products, each with 100 bars and a mapping.
_SERIES = """
INSERT INTO market_series (slug, symbol, name, vendor, dataset, vendor_symbols, calendar, created_at, kind, root,
    contract_month, contract_year, is_settled, last_date)
SELECT 's' || number, 'S' || number, 'Series ' || number, 'databento', 'GLBX.MDP3', ARRAY['S' || number],
    'CME Globex Equity', now(), 'outright', 'P' || number %% 150, 1 + number %% 12, 2024 + number %% 3, true,
    make_date(2024 + number %% 3, 1 + number %% 12, 20)
FROM generate_series(1, %(series)s) AS number
"""
_BARS = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT 'S' || number, to_timestamp(minute * 60), minute * 60000, 10, 12, 8, 11, 100, 1
FROM generate_series(%(from)s::bigint, %(to)s::bigint) AS number,
    generate_series(%(first)s::bigint, %(first)s + 99) AS minute
"""
# Nine of ten runs succeed. A failed file was loaded since if its path is even.
_RUNS = """
INSERT INTO data_ingest_runs (kind, vendor, dataset, vendor_dataset, schema, symbols, file_name, file_path, file_sha256,
    requested_symbol, replace_instrument, status, started_at, finished_at, error, row_count, inserted_count,
    updated_count, changed_count, duplicate_count, removed_count, gap_count, min_ts, max_ts)
SELECT 'file', 'databento', 'series', 'GLBX.MDP3', 'ohlcv-1m', ARRAY['S' || 1 + number %% %(series)s],
    path || '.dbn', path, md5(path) || md5(path), '', false, CASE WHEN fails THEN 'failed' ELSE 'success' END,
    now() - number * interval '1 minute', now() - number * interval '1 minute' + interval '5 s',
    CASE WHEN fails THEN path || '.dbn is cut off.' ELSE '' END, 100, CASE WHEN fails THEN 0 ELSE 100 END, 0, 0, 0, 0,
    0, CASE WHEN fails THEN NULL ELSE now() END, CASE WHEN fails THEN NULL ELSE now() END
FROM (
    SELECT number, number %% 10 = 0 AS fails,
        '/raw/' || CASE WHEN number %% 20 = 11 THEN number - 1 ELSE number END AS path
    FROM generate_series(1, %(runs)s) AS number
) AS invented
"""
_INSTRUMENTS = """
INSERT INTO market_series_instruments (series_id, dataset, publisher_id, instrument_id, start_date, end_date, run_id,
    raw_symbol, from_mapping)
SELECT id, 'GLBX.MDP3', 1, id, '2020-01-01', '2030-01-01', 1, symbol, true FROM market_series WHERE kind = 'outright'
"""

Get = Callable[[str], Any]


def main() -> None:
    options = read_options(about=__doc__, bars=10_000_000, series=10_000, runs=100_000, rounds=9)
    set_up_django()
    from django.conf import settings
    from django.test import override_settings

    hosts = [*settings.ALLOWED_HOSTS, "testserver"]
    rates = {"DEFAULT_THROTTLE_RATES": {"anon": None, "user": None}}
    rest = settings.REST_FRAMEWORK | rates
    with scratch_database(), override_settings(DEBUG=False, ALLOWED_HOSTS=hosts, REST_FRAMEWORK=rest):
        result = BenchmarkResult("requests", "Complete requests, by page", unit="ms", options=options)
        print("tables …", file=sys.stderr)
        fill_tables(options.bars, options.series, options.runs)
        names = measure(result, options.rounds)
        for name in names:
            result.check(f"{name} ({REQUEST})", result.median(name, REQUEST), "<=", find_limit(name))
        result.finish()


def fill_tables(bars: int, series: int, runs: int) -> None:
    """A future with so many bars, a share with a tenth of them, and other series and runs."""
    from marketdata.models import Series

    empty_tables()
    Series.objects.exclude(slug=FUTURE).delete()
    Series.objects.filter(slug=FUTURE).update(calendar="CME Globex Equity", price_step="0.25")
    Series.objects.create(slug=SHARE, symbol="SPY", calendar="NYSE", kind="equity", price_step="0.25")
    symbol = Series.objects.get(slug=FUTURE).symbol
    _fill(symbol, datetime(2000, 1, 2, 23, tzinfo=UTC), daily=1380, bars=bars)
    _fill("SPY", datetime(2000, 1, 3, 9, tzinfo=UTC), daily=960, bars=bars // 10)
    execute(_SERIES, {"series": series - 2})
    first = int(datetime(2024, 1, 2, tzinfo=UTC).timestamp()) // 60
    for start in range(1, series - 1, 1000):
        execute(_BARS, {"from": start, "to": min(start + 999, series - 2), "first": first})
    execute(_RUNS, {"runs": runs, "series": series - 2})
    execute(_INSTRUMENTS)
    vacuum()
    execute("VACUUM ANALYZE")


def _fill(symbol: str, first: datetime, *, daily: int, bars: int) -> None:
    start = int(first.timestamp()) // 60
    for begin in range(0, bars, _ROWS_PER_FILL):
        rows = {"from": begin, "to": min(begin + _ROWS_PER_FILL, bars)}
        execute(_FILL, {"symbol": symbol, "first": start, "daily": daily} | rows)


def measure(result: BenchmarkResult, rounds: int) -> list[str]:
    """Send each request once, and then in `rounds` rounds, timed. Returns their names."""
    program, visitor = _make_clients()
    requests = [(name, program, address) for name, address in list_api_requests()]
    requests += [(name, visitor, address) for name, address in list_page_requests()]
    for _, get, address in requests:
        _check(get(address), address)
    for _ in range(rounds):
        for name, get, address in requests:
            _time(result, get, name, address)
    return [name for name, _, _ in requests]


def _make_clients() -> tuple[Get, Get]:
    """A program with a token, and a browser with a login."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from marketdata.access.tokens import issue_token

    token = issue_token(name="program")
    program = Client(headers={"authorization": f"Token {token}", "accept-encoding": "gzip"})
    visitor = Client(headers={"accept-encoding": "gzip"})
    visitor.force_login(get_user_model().objects.create_user("visitor"))
    return program.get, visitor.get


def list_api_requests() -> Iterator[tuple[str, str]]:
    """Name and address of each request to the API."""
    from marketdata.candles.periods import TIMEFRAMES
    from marketdata.models import Bar, Series
    from marketdata.timestamps import to_iso

    times = Bar.objects.filter(symbol=Series.objects.get(slug=FUTURE).symbol).values_list("ts", flat=True)
    first, last = times.earliest("ts"), times.latest("ts")
    for timeframe in ("1m", *TIMEFRAMES):
        for limit in PAGES:
            cursor = first + (last - first) / 2
            if timeframe in ("1d", "1w") and limit == max(PAGES):
                cursor = first + timedelta(days=30)
            pages: dict[str, dict[str, str | None]] = {
                "first": {},
                "later": {"cursor": to_iso(cursor)},
                "descending": {"order": "desc"},
            }
            pages["regular"] = {"session": "regular"}
            for page, parameters in pages.items():
                query = urlencode({"limit": limit} | parameters)
                yield f"{limit:,} of {timeframe}, {page}", f"{ROOT}{FUTURE}/ohlcv-{timeframe}/bars?{query}"
            query = urlencode({"limit": limit, "session": "regular"})
            yield f"{limit:,} of {timeframe}, share, regular", f"{ROOT}{SHARE}/ohlcv-{timeframe}/bars?{query}"
    yield "list of series", ROOT
    yield "list of series, a product", f"{ROOT}?product=P7"
    yield "list of series, active", f"{ROOT}?active=true"


def list_page_requests() -> Iterator[tuple[str, str]]:
    yield "overview", "/"
    yield "overview, later page", "/?page=250"
    yield "overview, search", "/?q=s77"
    yield "overview, short code", "/?q=P7H5"
    yield "overview, product and kind", "/?product=P7&kind=outright"
    yield "overview, older runs", "/?before=50000"
    yield "overview, all failures", "/?failures=all"
    yield "overview, state", "/state/"


def find_limit(name: str) -> int:
    limit = name.partition(" ")[0].replace(",", "")
    return MAX_MS[int(limit)] if limit.isdigit() else MAX_LIST_MS


def _time(result: BenchmarkResult, get: Get, name: str, address: str) -> None:
    server = _read_server_seconds()
    started, cpu = time.perf_counter(), time.process_time()
    response = get(address)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    _check(response, address)
    result.add(name, REQUEST, seconds * 1000)
    result.add(name, CPU, cpu * 1000)
    result.add(name, SERVER, (_read_server_seconds() - server) * 1000)


def _read_server_seconds() -> float:
    """The time that the session of this process has computed."""
    from django.db import connection

    nanoseconds = Path(f"/proc/{connection.connection.get_backend_pid()}/schedstat").read_text().split()[0]
    return int(nanoseconds) / 1e9


def _check(response: Any, address: str) -> None:
    if response.status_code != 200:
        raise SystemExit(f"{address} returned {response.status_code}: {response.text[:500]}")


if __name__ == "__main__":
    main()
