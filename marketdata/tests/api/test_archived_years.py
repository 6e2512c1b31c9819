"""Requests that touch archived years are answered as before they were archived, byte for byte."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.throttling import UserRateThrottle

from config.testing.builders import at, bars, ingest, together, undo_run, write
from config.testing.database.archive import archive, detach
from config.testing.history import change_volumes
from config.testing.rows import RUNS, execute, insert
from marketdata.bars.prefetch import share_prefetching
from marketdata.lake.export.pipeline import export_lake
from marketdata.lake.manifest import MANIFEST
from marketdata.lake.store import open_store
from marketdata.models import ArchivedYear, Bar, IngestRun, Series

ROOT = "/api/market-data"
# Bars of all hours, also those in which the exchanges are closed, around three turns of the year and in a summer.
CLUSTERS = ("2017-12-28", "2018-12-27", "2019-12-29", "2020-12-29", "2019-07-01", "2020-07-01")
INVENT = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT %(symbol)s, ts, extract(epoch FROM ts) * 1000, price, price + 1, price - 1.000000001, price + 0.5,
    18446744073709551615 - number, 1
FROM (
    SELECT number, %(start)s::timestamptz + number * interval '1 minute' AS ts,
        number %% 11 - 5 + number %% 97 * 0.000000001 AS price
    FROM generate_series(0, %(minutes)s, %(step)s) AS number
) AS invented
"""
CALENDARS = {"futures": "CME Globex Equity", "shares": "NYSE", "plain": ""}
# Within an archived year, over one border and both, over a year between archived ones, and without bounds.
RANGES = (
    ("2018-12-28T10:07:00Z", "2018-12-30T12:00:30Z"),
    ("2018-12-30", "2019-01-03"),
    ("2017-12-30", "2018-01-02T03:00:00Z"),
    ("2017-12-31T23:58:00Z", "2021-01-01T00:03:00Z"),
    (None, "2018-01-01"),
    ("2020-12-31T20:00:00Z", None),
    ("2018-01-01", "2019-01-01"),
    ("2019-01-01", "2020-01-01"),
    (None, None),
)
TIMEFRAMES = ("5m", "15m", "30m", "1h", "4h", "1d", "1w")


@pytest.fixture
def scene(reader, market_db, monkeypatch):
    """Three series with bars from 2017 to 2021. A test sends more requests than a client may in a minute."""
    monkeypatch.setattr(UserRateThrottle, "allow_request", lambda *arguments: True)
    symbols = [slug.upper() for slug in CALENDARS]
    insert(RUNS, id=1, symbols=symbols, min_ts="2017-12-28", max_ts="2021-01-03")
    execute("SELECT market_bars_add_partitions(ARRAY[2017, 2018, 2019, 2020, 2021])")
    for slug, calendar in CALENDARS.items():
        Series.objects.create(slug=slug, symbol=slug.upper(), calendar=calendar, dataset="GLBX.MDP3")
        for first in CLUSTERS:
            invent(slug.upper(), first, step=7)
    return reader


def invent(symbol: str, start: str, *, minutes: int = 6 * 1440, step: int = 1) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INVENT, {"symbol": symbol, "start": start, "minutes": minutes, "step": step})


def read(client: Client, path: str, **parameters: object) -> bytes:
    response = client.get(path, {name: value for name, value in parameters.items() if value is not None})
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content) if response.streaming else response.content


def read_all_pages(client: Client, path: str, **parameters: object) -> list[bytes]:
    pages = []
    response = client.get(path, {name: value for name, value in parameters.items() if value is not None})
    while len(pages) < 40:
        assert response.status_code == 200, response.content
        pages.append(response.content + response.headers.get("ETag", "").encode())
        if not (address := response.json()["next"]):
            break
        response = client.get(address)
    return pages


def archive_both(tmp_path: Path, *, drop: bool = False) -> None:
    """2018 and 2020, in lakes of their own; 2019 stays."""
    assert Bar.objects.filter(ts__year=2018).exists()
    lakes = {2018: tmp_path / "first lake", 2020: tmp_path / "second lake"}
    states = {year: export_lake(open_store(str(lake))).manifest for year, lake in lakes.items()}
    for year, lake in lakes.items():
        detach(year, lake, states[year], drop=drop)
    assert not Bar.objects.filter(ts__year__in=[2018, 2020]).exists()


def read_bars(client: Client) -> Iterator[tuple[object, object]]:
    path = f"{ROOT}/{{}}/ohlcv-1m/bars"
    for (start, end), order in product(RANGES, ("asc", "desc")):
        page = {"start": start, "end": end, "order": order}
        for limit, session in ((700, "all"), (500, "regular")):
            key = (page, limit, session)
            yield key, read_all_pages(client, path.format("futures"), limit=limit, session=session, **page)
    for (start, end), session, name in product(RANGES, ("all", "regular"), ("csv", "parquet", "arrow")):
        key = (start, end, session, name)
        yield key, read(client, path.format("shares"), start=start, end=end, session=session, format=name)


def read_candles(client: Client) -> Iterator[tuple[object, object]]:
    for number, (slug, timeframe, (start, end)) in enumerate(pair(CALENDARS, TIMEFRAMES, RANGES)):
        path = f"{ROOT}/{slug}/ohlcv-{timeframe}/bars"
        order, session = (("asc", "all"), ("desc", "regular" if CALENDARS[slug] else "all"))[number % 2]
        page = {"start": start, "end": end, "order": order, "session": session}
        yield (path, page), read_all_pages(client, path, limit=600, **page)
    for slug, timeframe, (start, end), name in pair(CALENDARS, ("5m", "1d"), RANGES[3:], ("csv", "parquet", "arrow")):
        path = f"{ROOT}/{slug}/ohlcv-{timeframe}/bars"
        yield (path, start, end, name), read(client, path, start=start, end=end, format=name)


def pair(*values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """A third of all combinations: any value of one meets any of another."""
    for one in product(*map(enumerate, values)):
        numbers, combination = zip(*one, strict=True)
        if sum(numbers) % 3 == 0:
            yield combination


def read_others(client: Client) -> Iterator[tuple[object, object]]:
    for slug in CALENDARS:
        paths = [f"ohlcv-{timeframe}/stats" for timeframe in ("1m", *TIMEFRAMES)]
        paths += ["coverage?start=2018-12-01&end=2019-01-10", "coverage", "gaps?limit=50"]
        for path in paths:
            response = client.get(f"{ROOT}/{slug}/{path}")
            assert response.status_code == 200, response.content
            yield (slug, path), response.content
    yield "series", [{name: one[name] for name in one if "age" not in name} for one in client.get(ROOT).json()]


@pytest.mark.parametrize(
    "read_answers", [*(pytest.param(one, marks=pytest.mark.slow) for one in (read_bars, read_candles)), read_others]
)
def test_answers_do_not_depend_on_where_the_bars_are(scene, tmp_path, read_answers):
    expected = list(read_answers(scene))
    archive_both(tmp_path)
    for (key, answer), found in zip(expected, read_answers(scene), strict=True):
        assert found == (key, answer)


def test_blocks_of_files_are_the_same(scene, tmp_path, monkeypatch):
    monkeypatch.setattr("marketdata.bars.blocks.EXPORT_ROWS", 97)
    monkeypatch.setattr("marketdata.bars.tables.ROW_GROUP", 300)
    path = f"{ROOT}/plain/ohlcv-1m/bars"
    expected = [read(scene, path, format=name) for name in ("csv", "parquet", "arrow")]
    archive_both(tmp_path, drop=True)
    assert [read(scene, path, format=name) for name in ("csv", "parquet", "arrow")] == expected


def test_conditional_requests_stay_right(scene, tmp_path):
    path = f"{ROOT}/futures/ohlcv-1m/bars"
    page = {"start": "2018-12-30", "end": "2019-01-02"}
    tag = scene.get(path, page).headers["ETag"]
    archive_both(tmp_path)
    assert scene.get(path, page, headers={"If-None-Match": tag}).status_code == 304
    shutil.rmtree(tmp_path / "first lake")
    assert scene.get(path, page, headers={"If-None-Match": tag}).status_code == 503


@pytest.fixture
def history(reader, market_db, tmp_path):
    """Bars around new year 2024, corrected and removed in both years. Returns the moments between the runs."""
    numbers = iter(range(100))

    def load(records) -> datetime:
        mappings = {"MNQ.c.0": [(date(2023, 12, 1), date(2024, 2, 1), int(records["instrument_id"][0]))]}
        path = tmp_path / f"{next(numbers)}.dbn"
        ingest(write(path, records, mappings=mappings, start=at(0, day=date(2023, 12, 1))))
        return timezone.now()

    new_year = -1440
    first = bars(2000, first=new_year - 1200)
    moments = [load(first)]
    moments.append(load(change_volumes(first, *range(5, 1990, 61))))
    moments.append(load(together(bars(30, first=new_year - 1400), bars(20, first=new_year + 1000))))
    undo_run(IngestRun.objects.latest("pk").pk)
    moments.append(timezone.now())
    moments.append(load(change_volumes(first, *range(5, 1990, 122), by=9)))
    return moments


@pytest.mark.slow
def test_earlier_states_are_the_same(reader, history, tmp_path, monkeypatch):
    monkeypatch.setattr("marketdata.bars.blocks.EXPORT_ROWS", 150)
    path = f"{ROOT}/mnq/ohlcv-1m/bars"
    ranges = (
        ("2023-12-31T04:00:00Z", "2023-12-31T05:00:00Z"),
        ("2023-12-31T23:50:00Z", "2024-01-01T00:10:00Z"),
        (None, None),
    )

    def read_states() -> Iterator[object]:
        for moment, (start, end), order, session in product(history, ranges, ("asc", "desc"), ("all", "regular")):
            as_of = moment.isoformat().replace("+00:00", "Z")
            page = {"as_of": as_of, "start": start, "end": end, "order": order, "session": session}
            yield page, read_all_pages(reader, path, limit=370, **page)
            if order == "asc":
                for name in ("csv", "parquet", "arrow"):
                    values = {name: value for name, value in page.items() if name != "order"}
                    yield (values, name), read(reader, path, format=name, **values)
        yield "revisions", read_all_pages(reader, f"{ROOT}/mnq/ohlcv-1m/revisions", limit=1000)

    expected = list(read_states())
    assert len({repr(answer) for _, answer in expected}) > 40
    archive(2023, tmp_path / "lake")
    for one, found in zip(expected, read_states(), strict=True):
        assert found == one


SENTENCE = "The bars of 2018 are archived, and the lake that has them cannot be read: try again later."


def remove(lake: Path) -> None:
    shutil.rmtree(lake)


def remove_bars(lake: Path) -> None:
    for path in lake.rglob("*.parquet"):
        path.unlink()


def damage_bars(lake: Path) -> None:
    for path in lake.rglob("year=2018/*.parquet"):
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 0xFF
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)


def cut_bars(lake: Path) -> None:
    for path in lake.rglob("year=2018/*.parquet"):
        path.write_bytes(path.read_bytes()[:-20])


def damage_manifest(lake: Path) -> None:
    (lake / MANIFEST).write_text("{")


def lack_bars(lake: Path) -> None:
    ArchivedYear.objects.filter(year=2018).update(bar_count=1_000_000)


def be_older(lake: Path) -> None:
    ArchivedYear.objects.filter(year=2018).update(lake_as_of=timezone.now() + timedelta(days=1))


def have_no_bucket(lake: Path) -> None:
    ArchivedYear.objects.filter(year=2018).update(lake="s3://nowhere/lake")


@pytest.mark.parametrize(
    "fault", [remove, remove_bars, damage_bars, cut_bars, damage_manifest, lack_bars, be_older, have_no_bucket]
)
def test_a_lake_that_cannot_be_read_is_never_fewer_bars(scene, tmp_path, fault, monkeypatch, settings, caplog):
    settings.LAKE_ENDPOINT_URL = "http://127.0.0.1:9"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    archive_both(tmp_path)
    fault(tmp_path / "first lake")
    range_of_2018 = {"start": "2018-12-30", "end": "2019-01-02"}
    started = timezone.now()
    for path in ("futures/ohlcv-1m/bars", "plain/ohlcv-5m/bars"):
        for parameters in (range_of_2018, {"order": "desc", "end": "2019-01-01T00:10:00Z"}):
            response = scene.get(f"{ROOT}/{path}", parameters)
            assert (response.status_code, response.json()) == (503, {"detail": SENTENCE})
            assert response.headers["Retry-After"] == "10"
    if fault not in (remove_bars, damage_bars, cut_bars):  # those are found while the file is sent
        for path, name in product(("futures/ohlcv-1m/bars", "plain/ohlcv-5m/bars"), ("csv", "parquet", "arrow")):
            response = scene.get(f"{ROOT}/{path}", range_of_2018 | {"format": name})
            assert (response.status_code, response.json()) == (503, {"detail": SENTENCE})
    assert timezone.now() - started < timedelta(seconds=60)
    assert "The archived bars of 2018 cannot be read" in caplog.text
    assert scene.get(f"{ROOT}/futures/ohlcv-1m/bars", {"start": "2019-01-01", "end": "2020-01-01"}).status_code == 200
    assert scene.get(f"{ROOT}/plain/ohlcv-1d/bars").status_code == 200  # whole hours: the rollup has them
    assert scene.get(f"{ROOT}/plain/ohlcv-1m/stats").status_code == 200


@pytest.mark.parametrize("fault", [remove_bars, damage_bars, cut_bars])
def test_a_file_is_not_complete_without_the_lake(scene, tmp_path, fault):
    archive_both(tmp_path)
    fault(tmp_path / "first lake")
    response = scene.get(f"{ROOT}/futures/ohlcv-1m/bars", {"format": "csv"})
    with pytest.raises(Exception, match="The bars of 2018 are archived"):
        b"".join(response.streaming_content)


def test_a_page_costs_two_small_queries_more(scene, tmp_path):
    path = f"{ROOT}/futures/ohlcv-1m/bars"
    page = {"start": "2018-12-28", "limit": 5}
    with CaptureQueriesContext(connection) as before:
        scene.get(path, page)
    assert sum("market_archived_years" in query["sql"] for query in before) == 2
    archive_both(tmp_path)
    with CaptureQueriesContext(connection) as after:
        scene.get(path, page)
    assert len(after) < len(before)  # no statement reads the table
    assert not [query for query in after if 'FROM "market_bars_ohlcv_1m"' in query["sql"]]


def test_a_year_that_is_archived_during_a_request_is_complete(scene, tmp_path, monkeypatch):
    from marketdata.bars import query

    path = f"{ROOT}/futures/ohlcv-1m/bars"
    page = {"start": "2018-12-28", "end": "2019-01-02", "limit": 5000}
    expected = scene.get(path, page).content
    original, done = query._filter, []

    def archive_first(*arguments):
        if not done:
            done.append(True)
            archive(2018, tmp_path / "lake")
        return original(*arguments)

    monkeypatch.setattr(query, "_filter", archive_first)
    assert scene.get(path, page).content == expected
    assert done


def test_a_year_that_is_archived_during_a_download_is_complete(scene, tmp_path, monkeypatch):
    monkeypatch.setattr("marketdata.bars.blocks.EXPORT_ROWS", 97)
    path = f"{ROOT}/futures/ohlcv-1m/bars"
    expected = read(scene, path, format="csv")
    with ThreadPoolExecutor(1) as executor:
        share_prefetching(executor)  # as a web server: with a connection of its own
        try:
            blocks = iter(scene.get(path, {"format": "csv"}).streaming_content)
            received = [next(blocks) for _ in range(3)]
            archive(2018, tmp_path / "lake")
            assert b"".join([*received, *blocks]) == expected
        finally:
            share_prefetching(None)
            executor.submit(connections.close_all).result()


def test_the_tick_size_of_archived_bars(scene, tmp_path, page_client):
    """No run has stored the step of these bars: it is found from the newest ones."""
    invent("FUTURES", "2020-06-01", minutes=3000)
    Bar.objects.filter(ts__year=2021).delete()

    def read_tick_size() -> str | None:
        series = {one["slug"]: one for one in scene.get(ROOT).json()}
        return series["futures"]["tick_size"]

    assert (expected := read_tick_size())
    archive_both(tmp_path)
    assert read_tick_size() == expected
    shutil.rmtree(tmp_path / "second lake")
    assert read_tick_size() is None
    assert page_client.get("/series/futures/").status_code == 200
    assert page_client.get("/").status_code == 200
    change = f"/admin/marketdata/series/{Series.objects.get(slug='futures').pk}/change/"
    assert "The bars of 2020 are archived" in page_client.get(change).content.decode()


def test_the_description_names_the_answer(reader):
    assert "the lake that has the bars of an archived year" in " ".join(
        reader.get("/api/schema/").content.decode().split()
    )


def test_times_are_utc(scene, tmp_path):
    """The year of a bar is that of UTC, whatever time zone a request names."""
    archive_both(tmp_path)
    answer = scene.get(
        f"{ROOT}/futures/ohlcv-1m/bars", {"start": "2018-12-31T20:00:00-05:00", "end": "2018-12-31T20:30:00-05:00"}
    ).json()
    assert datetime.fromisoformat(answer["bars"][0]["ts"]) >= datetime(2019, 1, 1, 1, tzinfo=UTC)
