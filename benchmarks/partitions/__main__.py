"""(k) A partitioned table of bars against a whole one: loading, pages and stats, in the same run.

    .venv/bin/python -m benchmarks.partitions [--rows 1000000 10000000] [--rounds 3]

Two databases have the same bars of one series, a bar in every minute from 2001 on: one with a partition for each year,
one with the whole table that an upgrade leaves. The ways alternate in each round. "A file again" changes nothing, and a
correction changes every tenth bar. A page has 1,000 bars in the middle of the series.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from benchmarks.harness.formatting import format_machine
from benchmarks.harness.measure import empty_tables, execute, ingest, read_counts, vacuum, write_plain
from benchmarks.harness.options import read_options
from benchmarks.harness.result import RESULTS
from benchmarks.harness.scratch import NAME, describe_machine, scratch_database, set_up_django, switch_to

if TYPE_CHECKING:
    from django.test import Client

WHOLE, PARTITIONED = "_whole", "_partitioned"
WAYS = (WHOLE, PARTITIONED)
SYMBOL = "AAA"
REQUESTS = 7  # of each kind and round
CHANGE_EVERY = 10
FRESH, AGAIN, CORRECTED = "fresh load", "a file again", "a correction of every tenth bar"

Figures = dict[str, dict[str, list[float]]]  # seconds, by what is measured and by way


def main() -> None:
    options = read_options(about=__doc__, rows=[1_000_000, 10_000_000], rounds=3)
    set_up_django()
    from django.conf import settings
    from django.test import override_settings

    hosts = [*settings.ALLOWED_HOSTS, "testserver"]
    with (
        override_settings(DEBUG=False, ALLOWED_HOSTS=hosts),
        tempfile.TemporaryDirectory() as folder,
        scratch_database(WHOLE) as whole,
    ):
        _make_whole()
        with scratch_database(PARTITIONED) as partitioned:
            urls = {WHOLE: whole, PARTITIONED: partitioned}
            tables = [_measure(urls, Path(folder), rows, options.rounds) for rows in options.rows]
            text = "\n\n".join([format_machine(describe_machine()), *tables]) + "\n"
    print(text)
    _write(text, options)


def _make_whole() -> None:
    """As migrating a database with bars leaves it."""
    from marketdata.migrations._partitions_0019 import MAKE_WHOLE
    from marketdata.sql.install import install_functions

    execute(MAKE_WHOLE)
    install_functions()


def _measure(urls: dict[str, str], folder: Path, rows: int, rounds: int) -> str:
    """The table of one size."""
    first = write_plain(folder / "first.dbn", rows, [SYMBOL])
    corrected = write_plain(folder / "corrected.dbn", rows, [SYMBOL], change_every=CHANGE_EVERY)
    figures: Figures = {}
    for number in range(rounds):
        for way in WAYS if number % 2 == 0 else WAYS[::-1]:
            print(f"{rows:,} rows, round {number + 1} of {rounds}, {way[1:]} …", file=sys.stderr)
            switch_to(NAME + way)
            empty_tables()
            _load(figures, way, urls[way], FRESH, first, inserted=rows)
            _load(figures, way, urls[way], AGAIN, first)
            _load(figures, way, urls[way], CORRECTED, corrected, changed=-(-rows // CHANGE_EVERY))
            vacuum()
            _read(figures, way)
    return _format(figures, rows)


def _load(figures: Figures, way: str, url: str, what: str, path: Path, *, inserted: int = 0, changed: int = 0) -> None:
    measured = ingest(url, path)
    counts = read_counts(measured)
    if (counts["inserted"], counts["changed"]) != (inserted, changed):
        raise SystemExit(f"{what}: expected {inserted} inserted and {changed} changed bars, found {counts}")
    _add(figures, what, way, measured.seconds)


def _read(figures: Figures, way: str) -> None:
    from django.contrib.auth import get_user_model
    from django.test import Client

    from marketdata.models import Bar, Series

    slug = Series.objects.get(symbol=SYMBOL).slug
    times = Bar.objects.filter(symbol=SYMBOL).values_list("ts", flat=True)
    first, last = times.earliest("ts"), times.latest("ts")
    middle = (first + (last - first) / 2).astimezone(UTC)
    client = Client()
    client.force_login(get_user_model().objects.get_or_create(username="reader")[0])
    for name, address in _list_requests(slug, middle).items():
        _get(client, address)
        for _ in range(REQUESTS):
            started = time.perf_counter()
            _get(client, address)
            _add(figures, name, way, time.perf_counter() - started)


def _list_requests(slug: str, middle: datetime) -> dict[str, str]:
    from marketdata.timestamps import to_iso

    series = f"/api/market-data/{slug}/ohlcv"
    page = urlencode({"limit": 1_000, "cursor": to_iso(middle)})
    year = urlencode({"limit": 10_000, "start": to_iso(middle), "end": to_iso(middle + timedelta(days=365))})
    return {
        "a page of bars": f"{series}-1m/bars?{page}",
        "the latest bars": f"{series}-1m/bars?limit=1000",
        "a page of 5m candles": f"{series}-5m/bars?{page}",
        "a year of 1d candles": f"{series}-1d/bars?{year}",
        "stats": f"{series}-1m/stats",
    }


def _get(client: Client, address: str) -> None:
    response = client.get(address)
    if response.status_code != 200:
        raise SystemExit(f"{address} returned {response.status_code}: {response.text[:500]}")


def _add(figures: Figures, what: str, way: str, seconds: float) -> None:
    figures.setdefault(what, {}).setdefault(way, []).append(seconds)


def _format(figures: Figures, rows: int) -> str:
    """Medians in milliseconds, and the ratio of the partitioned table to the whole one."""
    lines = [f"{f'{rows:,} rows, ms':36}{'whole':>12}{'partitioned':>14}{'ratio':>8}"]
    for what, by_way in figures.items():
        whole, partitioned = (1000 * statistics.median(by_way[way]) for way in WAYS)
        lines.append(f"{what:36}{whole:12,.1f}{partitioned:14,.1f}{partitioned / whole:8.2f}")
    return "\n".join(lines)


def _write(text: str, options: argparse.Namespace) -> None:
    path = (options.to or RESULTS) / "partitions.txt"
    if not (options.full or options.to):
        print(f"Not written to {path.name}: smaller than the published sizes.")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    print(f"Written to {path}.")


if __name__ == "__main__":
    main()
