"""Bars as of an earlier moment, compared with the table as it was read at that moment."""

import contextlib
import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from config.testing.builders import FRONT, bars, ingest, undo_run, write
from config.testing.history import ADDRESS, change_volumes, ingest_records, parse_bar, read_stored
from config.testing.processes import Process, backend_in, series_locked, until
from config.testing.rows import BARS, REVISIONS, RUNS, insert
from marketdata.bars.as_of import read_bar_page_as_of
from marketdata.models import BarRevision, IngestRun, Series

DAY = 1440
HOUR = timedelta(hours=1)


def as_of(moment: datetime, *, limit: int = 1000, descending: bool = False) -> list[tuple]:
    """The bars as of a moment, read page by page, in the form of `read_stored`."""
    series, rows, after = Series.objects.get(slug="mnq"), [], None
    while True:
        page, after = read_bar_page_as_of(
            series, as_of=moment, start=None, end=None, after=after, descending=descending, limit=limit
        )
        assert len(page) <= limit
        rows += [(row.ts, *map(Decimal, row[1:])) for row in page]
        if after is None:
            return rows


# --- Any history ------------------------------------------------------------------------------------------------------

MINUTES = st.tuples(st.integers(0, 4), st.integers(1, 5), st.integers(0, 2))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ingest"), MINUTES),
        st.tuples(st.just("restate"), MINUTES),
        st.tuples(st.just("replace"), MINUTES, st.integers(0, 2)),
        st.tuples(st.just("undo"), st.integers(0, 5)),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.slow
@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(
    steps=[
        ("ingest", (0, 5, 0)),
        ("replace", (2, 2, 1), 1),
        ("undo", 1),
        ("ingest", (0, 5, 2)),
        ("undo", 0),
        ("replace", (0, 1, 0), 2),
        ("undo", 3),
        ("undo", 2),
    ]
)
@example(steps=[("ingest", (0, 5, 0)), ("restate", (1, 2, 1)), ("ingest", (0, 1, 0)), ("undo", 1), ("undo", 0)])
def test_bars_as_of_any_moment_agree_with_any_history(market_db, tmp_path_factory, steps):
    """Ingest, restate, replace and undo in any order, and read the table each time; then read it as of each moment."""
    empty_tables()
    folder = tmp_path_factory.mktemp("history")
    reads = [(timezone.now(), [])]
    runs: list[int] = []
    for number, (step, *arguments) in enumerate(steps):
        try:
            if step == "undo":
                undo_run(runs[arguments[0]] if arguments[0] < len(runs) else 0)
            else:
                first, count, by = arguments[0]
                records = bars(count, first=first, instrument_id=FRONT + (arguments[1] if step == "replace" else 0))
                records["volume"] += by
                options = {"replace_instrument": step == "replace", "remove_withdrawn": step == "restate"}
                runs.append(ingest_records(folder / f"{number}.dbn", records, **options).pk)
        except CommandError:
            pass  # refused, so nothing may have changed
        else:
            finished_at = IngestRun.objects.latest("pk").finished_at  # all changes at once, none before
            reads += [(finished_at - timedelta(microseconds=1), reads[-1][1]), (finished_at, read_stored())]
        reads.append((timezone.now(), read_stored()))
    for moment, seen in reads:
        assert as_of(moment) == seen
        assert as_of(moment, limit=2) == seen
        assert as_of(moment, limit=1, descending=True) == seen[::-1]
    assert as_of(reads[0][0] - HOUR) == []


def empty_tables() -> None:
    """Each of Hypothesis' examples starts with this: they share one fixture."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE market_bars_ohlcv_1m, market_bar_revisions, market_series_instruments, data_ingest_runs"
            " RESTART IDENTITY"
        )


def test_a_run_counts_from_its_end_not_from_its_start(load, tmp_path):
    load(bars(3))
    before = read_stored()
    late = write(tmp_path / "late.dbn", change_volumes(bars(5), 1), end=None)
    with contextlib.ExitStack() as stack:
        with series_locked():
            process = stack.enter_context(Process("--input", late))
            until(lambda: backend_in("SELECT pg_advisory_xact_lock%"))
            meanwhile = timezone.now()
        assert process.end().code == 0
    assert BarRevision.objects.get().revised_at < meanwhile
    assert as_of(meanwhile) == before
    assert as_of(timezone.now()) == read_stored() != before


def test_of_two_runs_the_one_that_finished_later_is_the_later(db):
    """Run 2 finished before run 3, though its transaction started after that of run 3, which waited for it."""
    ended = {number: datetime(2024, 2, number, tzinfo=UTC) for number in (1, 2, 3)}
    for number, end in ended.items():
        insert(RUNS, id=number, started_at=ended[1], finished_at=end)
    insert(BARS, volume=30, ingestion_run_id=3, created_at=ended[1])
    first = {"created_at": ended[1], "open": 1, "high": 3, "low": 1, "close": 2}
    insert(REVISIONS, volume=10, ingestion_run_id=1, revised_by_id=2, revised_at=ended[2] - HOUR, **first)
    insert(REVISIONS, volume=20, ingestion_run_id=2, revised_by_id=3, revised_at=ended[2] - 2 * HOUR, **first)

    volumes = {day: [row[5] for row in as_of(datetime(2024, 2, day, tzinfo=UTC))] for day in (1, 2, 3)}

    assert volumes == {1: [10], 2: [20], 3: [30]}
    assert as_of(ended[1] - HOUR) == []


def test_bars_that_were_loaded_later_are_not_read(load):
    """The bars between 2 and 30 January were loaded after the moment: a page must not read them."""
    load(bars(5))
    moment = load(bars(5, first=28 * DAY))
    seen = read_stored()
    load(bars(10_000, first=3 * DAY))
    with CaptureQueriesContext(connection) as queries:
        assert as_of(moment) == seen
        assert as_of(moment, limit=6) == seen
        assert as_of(moment, limit=6, descending=True) == seen[::-1]
    pages = [query["sql"] for query in queries if "WITH present" in query["sql"]]
    for page in pages:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {page}")
            assert find_max_rows(cursor.fetchone()[0][0]["Plan"]) <= 5
    assert len(pages) > 6


def find_max_rows(plan: dict) -> int:
    own = plan["Actual Rows"] if plan.get("Relation Name") == "market_bars_ohlcv_1m" else 0
    return max([own, *(find_max_rows(part) for part in plan.get("Plans", []))])


# --- Over REST -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_as_of_a_moment_contain_the_values_of_then(reader, corrected, order):
    moment, seen = corrected
    body = reader.get(ADDRESS, {"as_of": moment.isoformat(), "limit": 4, "order": order}).json()
    assert body["as_of"] == moment.isoformat()
    rows = body["bars"]
    while body["next"]:
        body = reader.get(body["next"]).json()
        rows += body["bars"]
    assert [parse_bar(bar) for bar in rows] == (seen if order == "asc" else seen[::-1])
    assert reader.get(ADDRESS).json()["as_of"] is None
    assert len(reader.get(ADDRESS, {"as_of": timezone.now().isoformat()}).json()["bars"]) == 12


def test_a_range_as_of_a_moment_is_half_open(reader, corrected):
    moment, seen = corrected
    span = {"as_of": moment.isoformat(), "start": "2024-01-02T00:02Z", "end": "2024-01-02T00:04Z"}
    assert [parse_bar(bar) for bar in reader.get(ADDRESS, span).json()["bars"]] == seen[2:4]


@pytest.mark.parametrize("rows_per_block", [1, 4, 20_000])
def test_exports_as_of_a_moment_contain_the_values_of_then(reader, corrected, monkeypatch, rows_per_block):
    monkeypatch.setattr("marketdata.bars.blocks.EXPORT_ROWS", rows_per_block)
    moment, seen = corrected
    parameters = {"as_of": moment.isoformat(), "format": "csv"}
    lines = b"".join(reader.get(ADDRESS, parameters).streaming_content).decode().splitlines()
    assert [parse_bar(bar) for bar in csv.DictReader(lines)] == seen
    content = b"".join(reader.get(ADDRESS, parameters | {"format": "parquet"}).streaming_content)
    table = parquet.read_table(io.BytesIO(content)).to_pylist()
    assert [tuple(row.values())[1:] for row in table] == seen


def test_an_export_of_a_series_whose_name_has_a_comma_is_valid_csv(reader, tmp_path):
    ingest(write(tmp_path / "a.dbn", bars(3)), symbol='A,"B"')
    address = f"/api/market-data/{Series.objects.get(symbol__startswith='A,').slug}/ohlcv-1m/bars"
    response = reader.get(address, {"as_of": timezone.now().isoformat(), "format": "csv"})
    assert b"".join(response.streaming_content) == b"".join(reader.get(address, {"format": "csv"}).streaming_content)


def test_a_moment_in_the_future_is_refused(reader, corrected):
    response = reader.get(ADDRESS, {"as_of": (timezone.now() + HOUR).isoformat()})
    assert (response.status_code, list(response.json())) == (400, ["as_of"])
    assert reader.get(ADDRESS, {"as_of": "then"}).status_code == 400
    for extreme in ({"as_of": "0001-01-01"}, {"as_of": "2024-06-01", "cursor": "9999-12-31T23:59:59.999999"}):
        assert reader.get(ADDRESS, extreme).json()["bars"] == []


def test_bars_as_of_a_moment_require_authentication(market_db, client):
    assert client.get(ADDRESS, {"as_of": "2024-01-01"}).status_code == 401
