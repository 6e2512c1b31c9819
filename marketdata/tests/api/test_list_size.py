"""The list of series and the overview with many series and runs: a bounded number of statements, and little time."""

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.testing.processes import scale_limit
from config.testing.rows import RUNS, execute, insert

ADDRESSES = (
    "/api/market-data/",
    "/api/market-data/?product=P1",
    "/",
    "/?page=2",
    "/?q=s1",
    "/?product=P1&kind=outright",
)
_SERIES = """
INSERT INTO market_series (slug, symbol, name, vendor, dataset, vendor_symbols, calendar, created_at, kind, root,
    contract_month, contract_year, is_settled, last_date)
SELECT 's' || number, 'S' || number, '', 'databento', 'GLBX.MDP3', ARRAY['S' || number], 'CME Globex Equity', now(),
    'outright', 'P' || number %% 150, 3, 2025, true, '2025-03-21'
FROM generate_series(%s, %s) AS number
"""
_BARS = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT 'S' || number, to_timestamp(minute * 60), minute * 60000, -1.5, 12, -8.000000001, 11, 100, 1
FROM generate_series(%s::bigint, %s::bigint) AS number, generate_series(28401120::bigint, 28401120 + 9) AS minute
"""
_RUNS = """
INSERT INTO data_ingest_runs (kind, vendor, dataset, vendor_dataset, schema, symbols, file_name, file_path, file_sha256,
    requested_symbol, replace_instrument, status, started_at, finished_at, error, row_count, inserted_count,
    updated_count, changed_count, duplicate_count, removed_count, gap_count, min_ts, max_ts)
SELECT 'file', 'databento', 'series', 'GLBX.MDP3', 'ohlcv-1m', ARRAY['S' || number %% 10000], 'f', '/' || number,
    md5(number::text) || md5(number::text), '', false, 'success', now(), now(), '', 10, 10, 0, 0, 0, 0, 0, now(), now()
FROM generate_series(2, %s) AS number
"""


@pytest.fixture
def visitor(db, client, django_user_model):
    insert(RUNS, id=1)
    execute("SELECT setval(pg_get_serial_sequence('data_ingest_runs', 'id'), 1)")
    client.force_login(django_user_model.objects.create_user("visitor"))
    return client


def count_statements(client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


@pytest.mark.parametrize("address", ADDRESSES)
def test_any_number_of_series_takes_the_same_statements(visitor, address):
    counts = []
    for first, last in ((1, 60), (61, 400)):
        execute(_SERIES, first, last)
        execute(_BARS, first, last)
        visitor.get(address)
        counts.append(count_statements(visitor, address))
    assert counts[0] == counts[1]


def test_a_page_of_bars_has_exact_prices(visitor):
    execute(_SERIES, 1, 1)
    execute(_BARS, 1, 1)
    for timeframe in ("1m", "5m", "1h", "1d", "1w"):
        bar = visitor.get(f"/api/market-data/s1/ohlcv-{timeframe}/bars").json()["bars"][0]
        assert [bar[name] for name in ("open", "high", "low", "close")] == ["-1.5", "12", "-8.000000001", "11"]


@pytest.mark.slow
def test_ten_thousand_series_and_a_hundred_thousand_runs_take_little_time(visitor):
    """A generous limit: benchmarks/requests.py measures."""
    execute(_SERIES, 1, 10_000)
    for first in range(1, 10_001, 1000):
        execute(_BARS, first, first + 999)
    execute(_RUNS, 100_000)
    execute("ANALYZE")
    for address in ADDRESSES:
        visitor.get(address)
        started = time.process_time(), time.perf_counter()
        response = visitor.get(address)
        cpu, elapsed = time.process_time() - started[0], time.perf_counter() - started[1]
        assert response.status_code == 200
        assert cpu < 1, (address, cpu)
        assert elapsed < scale_limit(5), (address, elapsed)
