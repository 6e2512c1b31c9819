"""Requests to a year of 350,000 bars, before and after it is archived in a local lake.

    .venv/bin/python -m benchmarks.archived.pages [--bars 350000] [--rounds 7]

Django's test client sends them as a logged-in user, without a socket. A page has 1,000 rows. The first request of each
kind, which opens the lake, is printed apart.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.harness.measure import empty_tables, execute, invent_bars, vacuum
from benchmarks.harness.options import read_options
from benchmarks.harness.scratch import scratch_database, set_up_django

if TYPE_CHECKING:
    from django.test import Client

SYMBOL, YEAR = "CME_MINI:MNQ1!", 2023
_ROOT = "/api/market-data/mnq/ohlcv"
REQUESTS = {
    "bars, first page": f"{_ROOT}-1m/bars?start=2023-01-01&limit=1000",
    "bars, middle page": f"{_ROOT}-1m/bars?start=2023-06-01&limit=1000",
    "bars, over the border": f"{_ROOT}-1m/bars?start=2022-12-31T16:00Z&limit=1000",
    "bars in regular hours": f"{_ROOT}-1m/bars?start=2023-06-01&limit=1000&session=regular",
    "bars as of now": f"{_ROOT}-1m/bars?start=2023-06-01&limit=1000&as_of={{now}}",
    "5m candles, middle page": f"{_ROOT}-5m/bars?start=2023-06-01&limit=1000",
    "1h candles of a year": f"{_ROOT}-1h/bars?start=2023-01-01&end=2024-01-01&limit=10000",
    "1d candles of a year": f"{_ROOT}-1d/bars?start=2023-01-01&end=2024-01-01&session=regular",
    "year as CSV": f"{_ROOT}-1m/bars?start=2023-01-01&end=2024-01-01&format=csv",
    "year as Parquet": f"{_ROOT}-1m/bars?start=2023-01-01&end=2024-01-01&format=parquet",
}


def main() -> None:
    options = read_options(about=__doc__, bars=350_000, rounds=7)
    set_up_django()
    from django.conf import settings
    from django.test import override_settings

    hosts = [*settings.ALLOWED_HOSTS, "testserver"]
    with scratch_database(), override_settings(DEBUG=False, ALLOWED_HOSTS=hosts), tempfile.TemporaryDirectory() as lake:
        empty_tables()
        execute("SELECT market_bars_add_partitions(ARRAY[2022, 2023, 2024])")
        invent_bars(SYMBOL, first=datetime(2022, 12, 1, tzinfo=UTC), bars=42_700)
        invent_bars(SYMBOL, first=datetime(YEAR, 1, 1, tzinfo=UTC), bars=options.bars)
        vacuum()
        client = _log_in()
        _measure(client, "in the table", options.rounds)
        _archive(lake)
        _measure(client, "in the lake", options.rounds)


def _archive(lake: str) -> None:
    from marketdata.lake.export.pipeline import export_lake
    from marketdata.lake.store import open_store
    from marketdata.models import ArchivedYear
    from marketdata.partitions.years import partition_name

    manifest = export_lake(open_store(lake)).manifest
    rows = sum(file.rows for file in manifest.files if file.year == YEAR)
    execute(f"ALTER TABLE market_bars_ohlcv_1m DETACH PARTITION {partition_name(YEAR)}")
    ArchivedYear.objects.create(
        year=YEAR, lake=lake, lake_as_of=manifest.as_of, bar_count=rows, archived_at=datetime.now(UTC)
    )


def _log_in() -> Client:
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


def _measure(client: Client, place: str, rounds: int) -> None:
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    print(f"{place:28} {'first':>8} {'median':>8} ms")
    for name, address in REQUESTS.items():
        first, *others = (_time(client, address.format(now=now)) for _ in range(rounds + 1))
        print(f"{name:28} {first:8.0f} {statistics.median(others):8.0f}", flush=True)


def _time(client: Client, address: str) -> float:
    started = time.perf_counter()
    response = client.get(address)
    if response.status_code != 200:
        raise SystemExit(f"{address} returned {response.status_code}: {response.text[:500]}")
    b"".join(response) if response.streaming else response.content
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
