"""Earlier values of bars over REST, and series as they were known at a moment, against what was seen at that moment."""

import contextlib
import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from config.testing.builders import FRONT, bars, ingest, undo_run, write
from config.testing.processes import Process, backend_in, series_locked, until
from config.testing.rows import BARS, REVISIONS, RUNS, insert
from marketdata.bars.as_of import read_bar_page_as_of
from marketdata.bars.revisions import read_revision_page
from marketdata.models import Bar, BarRevision, IngestRun, Series

ADDRESS = "/api/market-data/mnq/ohlcv-1m/bars"
REVISED = "/api/market-data/mnq/ohlcv-1m/revisions"
DAY = 1440
HOUR = timedelta(hours=1)


@pytest.fixture
def reader(market_db, client):
    """A client that is logged in with an API token, as a program would be."""
    out = io.StringIO()
    call_command("make_api_token", "research", stdout=out)
    client.defaults["HTTP_AUTHORIZATION"] = f"Token {out.getvalue().strip()}"
    yield client
    get_user_model().objects.filter(username="research").delete()


@pytest.fixture
def take(market_db, tmp_path):
    """Ingests the records from a file of their own, and returns the moment behind it."""
    numbers = iter(range(1000))

    def take(records: np.ndarray, **options) -> datetime:
        ingest_one(tmp_path / f"{next(numbers)}.dbn", records, **options)
        return timezone.now()

    return take


def ingest_one(path, records: np.ndarray, **options) -> IngestRun:
    mappings = {"MNQ.c.0": [(date(2024, 1, 1), date(2024, 2, 1), int(records["instrument_id"][0]))]}
    ingest(write(path, records, mappings=mappings), **options)
    return IngestRun.objects.latest("pk")


def changed(records: np.ndarray, *minutes: int, by: int = 7) -> np.ndarray:
    again = records.copy()
    again["volume"][list(minutes)] += by
    return again


def now_in_table() -> list[tuple]:
    """What the table says: times, exact values and run, in time order."""
    rows = Bar.objects.order_by("ts").values_list("ts", "open", "high", "low", "close", "volume", "ingestion_run")
    return [(ts, *map(Decimal, values)) for ts, *values in rows]


def as_of(moment: datetime, *, limit: int = 1000, descending: bool = False) -> list[tuple]:
    """The same as it was known then, page by page."""
    series, rows, after = Series.objects.get(slug="mnq"), [], None
    while True:
        page, after = read_bar_page_as_of(
            series, as_of=moment, start=None, end=None, after=after, descending=descending, limit=limit
        )
        assert len(page) <= limit
        rows += [(row.ts, *map(Decimal, row[1:])) for row in page]
        if after is None:
            return rows


# --- As of, against what was there -----------------------------------------------------------------------------------

MINUTES = st.tuples(st.integers(0, 4), st.integers(1, 5), st.integers(0, 2))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ingest"), MINUTES),
        st.tuples(st.just("replace"), MINUTES, st.integers(0, 2)),
        st.tuples(st.just("undo"), st.integers(0, 5)),
    ),
    min_size=1,
    max_size=8,
)


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
def test_any_history_as_of_any_moment(market_db, tmp_path_factory, steps):
    """Ingest, correct, replace and undo in any order, and look at the table each time; then ask for each look again."""
    empty_tables()
    folder = tmp_path_factory.mktemp("history")
    looks = [(timezone.now(), [])]
    runs: list[int] = []
    for number, (what, *how) in enumerate(steps):
        try:
            if what == "undo":
                undo_run(runs[how[0]] if how[0] < len(runs) else 0)
            else:
                first, count, by = how[0]
                records = bars(count, first=first, instrument_id=FRONT + (how[1] if what == "replace" else 0))
                records["volume"] += by
                runs.append(ingest_one(folder / f"{number}.dbn", records, replace_instrument=what == "replace").pk)
        except CommandError:
            pass  # refused: then it must not have changed anything
        else:
            finished_at = IngestRun.objects.latest("pk").finished_at  # all of it at once, and nothing of it before
            looks += [(finished_at - timedelta(microseconds=1), looks[-1][1]), (finished_at, now_in_table())]
        looks.append((timezone.now(), now_in_table()))
    for moment, seen in looks:
        assert as_of(moment) == seen
        assert as_of(moment, limit=2) == seen
        assert as_of(moment, limit=1, descending=True) == seen[::-1]
    assert as_of(looks[0][0] - HOUR) == []


def empty_tables() -> None:
    """Between Hypothesis' examples, which share one fixture."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE market_bars_ohlcv_1m, market_bar_revisions, market_series_instruments, data_ingest_runs"
            " RESTART IDENTITY"
        )


def test_a_run_counts_from_when_it_was_finished_not_from_its_start(take, tmp_path):
    take(bars(3))
    before = now_in_table()
    late = write(tmp_path / "late.dbn", changed(bars(5), 1), end=None)
    with contextlib.ExitStack() as stack:
        with series_locked():
            process = stack.enter_context(Process("--input", late))
            until(lambda: backend_in("SELECT pg_advisory_xact_lock%"))
            meanwhile = timezone.now()
        assert process.end().code == 0
    assert BarRevision.objects.get().revised_at < meanwhile
    assert as_of(meanwhile) == before
    assert as_of(timezone.now()) == now_in_table() != before


def test_the_later_run_is_the_one_that_finished_later(db):
    """Run 2 began last and was finished first: its transaction started behind that of run 3, which waited for it."""
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


def test_years_that_were_filled_in_later_are_not_looked_at(take):
    """Bars of 2 and 30 January were known, those between came later: a page must not wade through them."""
    take(bars(5))
    moment = take(bars(5, first=28 * DAY))
    seen = now_in_table()
    take(bars(10_000, first=3 * DAY))
    with CaptureQueriesContext(connection) as queries:
        assert as_of(moment) == seen
        assert as_of(moment, limit=6) == seen
        assert as_of(moment, limit=6, descending=True) == seen[::-1]
    pages = [query["sql"] for query in queries if "standing" in query["sql"]]
    for page in pages:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {page}")
            assert most_rows(cursor.fetchone()[0][0]["Plan"]) <= 5
    assert len(pages) > 6


def most_rows(plan: dict) -> int:
    own = plan["Actual Rows"] if plan.get("Relation Name") == "market_bars_ohlcv_1m" else 0
    return max([own, *(most_rows(part) for part in plan.get("Plans", []))])


# --- Over REST -------------------------------------------------------------------------------------------------------


def told(bar: dict) -> tuple:
    names = ("open", "high", "low", "close", "volume", "run_id")
    return (datetime.fromisoformat(bar["ts"]), *(Decimal(bar[name]) for name in names))


@pytest.fixture
def corrected(take):
    """Ten bars; a moment; then two of them corrected and two new."""
    moment = take(bars(10))
    seen = now_in_table()
    take(changed(bars(12), 2, 3))
    return moment, seen


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_bars_as_they_were(reader, corrected, order):
    moment, seen = corrected
    body = reader.get(ADDRESS, {"as_of": moment.isoformat(), "limit": 4, "order": order}).json()
    assert body["as_of"] == moment.isoformat()
    rows = body["bars"]
    while body["next"]:
        body = reader.get(body["next"]).json()
        rows += body["bars"]
    assert [told(bar) for bar in rows] == (seen if order == "asc" else seen[::-1])
    assert reader.get(ADDRESS).json()["as_of"] is None
    assert len(reader.get(ADDRESS, {"as_of": timezone.now().isoformat()}).json()["bars"]) == 12


def test_a_range_of_bars_as_they_were(reader, corrected):
    moment, seen = corrected
    span = {"as_of": moment.isoformat(), "start": "2024-01-02T00:02Z", "end": "2024-01-02T00:04Z"}
    assert [told(bar) for bar in reader.get(ADDRESS, span).json()["bars"]] == seen[2:4]


@pytest.mark.parametrize("rows_per_block", [1, 4, 20_000])
def test_files_of_bars_as_they_were(reader, corrected, monkeypatch, rows_per_block):
    monkeypatch.setattr("marketdata.bars.as_of.EXPORT_ROWS", rows_per_block)
    moment, seen = corrected
    parameters = {"as_of": moment.isoformat(), "format": "csv"}
    lines = b"".join(reader.get(ADDRESS, parameters).streaming_content).decode().splitlines()
    assert [told(bar) for bar in csv.DictReader(lines)] == seen
    content = b"".join(reader.get(ADDRESS, parameters | {"format": "parquet"}).streaming_content)
    table = parquet.read_table(io.BytesIO(content)).to_pylist()
    assert [tuple(row.values())[1:] for row in table] == seen


def test_a_file_of_a_series_whose_name_has_a_comma(reader, tmp_path):
    ingest(write(tmp_path / "a.dbn", bars(3)), symbol='A,"B"')
    address = f"/api/market-data/{Series.objects.get(symbol__startswith='A,').slug}/ohlcv-1m/bars"
    response = reader.get(address, {"as_of": timezone.now().isoformat(), "format": "csv"})
    assert b"".join(response.streaming_content) == b"".join(reader.get(address, {"format": "csv"}).streaming_content)


def test_what_will_be_known_is_not_told(reader, corrected):
    response = reader.get(ADDRESS, {"as_of": (timezone.now() + HOUR).isoformat()})
    assert (response.status_code, list(response.json())) == (400, ["as_of"])
    assert reader.get(ADDRESS, {"as_of": "then"}).status_code == 400
    for extreme in ({"as_of": "0001-01-01"}, {"as_of": "2024-06-01", "cursor": "9999-12-31T23:59:59.999999"}):
        assert reader.get(ADDRESS, extreme).json()["bars"] == []


# --- Revisions -------------------------------------------------------------------------------------------------------


def test_revisions_tell_the_old_values_and_the_runs(reader, corrected):
    undo_run(2)
    first, last = IngestRun.objects.get(pk=2).finished_at, IngestRun.objects.get(pk=3).finished_at
    body = reader.get(REVISED).json()
    assert [
        (one["ts"][14:16], one["operation"], one["brought_by"], one["replaced_by"]) for one in body["revisions"]
    ] == [
        ("02", "update", 1, 2),
        ("02", "update", 2, 3),
        ("03", "update", 1, 2),
        ("03", "update", 2, 3),
        ("10", "delete", 2, 3),
        ("11", "delete", 2, 3),
    ]
    assert body["revisions"][0] == {
        "ts": "2024-01-02T00:02:00+00:00",
        "operation": "update",
        "open": "16800.25",
        "high": "16801",
        "low": "16799.75",
        "close": "16800.5",
        "volume": 102,
        "brought_by": 1,
        "replaced_by": 2,
        "replaced_at": first.isoformat(),
    }
    assert body["revisions"][1]["replaced_at"] == last.isoformat()
    assert (body["next"], body["next_cursor"]) == (None, None)


def test_as_of_the_time_that_a_revision_tells_the_new_values_are_known(reader, corrected):
    moment = datetime.fromisoformat(reader.get(REVISED).json()["revisions"][0]["replaced_at"])
    after = {"as_of": moment.isoformat()}
    before = {"as_of": (moment - timedelta(microseconds=1)).isoformat()}
    assert [told(bar) for bar in reader.get(ADDRESS, after).json()["bars"]] == now_in_table()
    assert [told(bar) for bar in reader.get(ADDRESS, before).json()["bars"]] == corrected[1]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_pages_of_revisions_hold_each_once(reader, corrected, order, limit):
    undo_run(2)
    body = reader.get(REVISED, {"limit": limit, "order": order}).json()
    found = body["revisions"]
    while body["next"]:
        body = reader.get(body["next"]).json()
        assert len(body["revisions"]) <= limit
        found += body["revisions"]
    keys = [(one["ts"], one["replaced_by"]) for one in found]
    assert keys == sorted(keys, reverse=order == "desc")
    assert len(set(keys)) == len(keys) == 6


def test_revisions_of_a_stretch_or_of_one_minute(reader, corrected):
    def minutes(**parameters: str) -> list[str]:
        return [one["ts"][14:16] for one in reader.get(REVISED, parameters).json()["revisions"]]

    assert minutes(start="2024-01-02T00:03Z") == ["03"]
    assert minutes(end="2024-01-02T00:03Z") == ["02"]
    assert minutes(ts="2024-01-02T00:02Z") == ["02"]
    assert minutes(ts="2024-01-02T00:04Z") == []


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"ts": "2024-01-02", "start": "2024-01-01"}, "start"),
        ({"start": "2024-01-02", "end": "2024-01-01"}, "end"),
        ({"cursor": "2024-01-02"}, "cursor"),
        ({"cursor": "2024-01-02,x"}, "cursor"),
        ({"cursor": f"2024-01-02,{2**63}"}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"order": "up"}, "order"),
        ({"format": "csv"}, "format"),
        ({"ts": "9999-12-31T23:59:59.999999Z"}, "ts"),
    ],
)
def test_bad_input_is_told_by_field(reader, corrected, parameters, field):
    response = reader.get(REVISED, parameters)
    assert (response.status_code, list(response.json())) == (400, [field])


def test_revisions_need_a_login_or_a_token(market_db, client):
    assert client.get(REVISED).status_code == 401
    assert client.get(ADDRESS, {"as_of": "2024-01-01"}).status_code == 401


def test_a_late_page_of_revisions_is_found_by_the_key(corrected):
    with CaptureQueriesContext(connection) as queries:
        read_revision_page(
            Series.objects.get(slug="mnq"), start=None, end=None, after=(corrected[0], 1), descending=False, limit=2
        )
    assert "OFFSET" not in queries[0]["sql"]


def test_the_audit_trail_tells_what_was_undone(reader, corrected):
    undo_run(2)
    runs = {run["id"]: run for run in reader.get("/api/ingest-runs/").json()["results"]}
    assert [(runs[pk]["undoes"], runs[pk]["undone_by"]) for pk in (1, 2, 3)] == [(None, None), (None, 3), (2, None)]
    assert reader.get("/api/market-data/").json()[0]["last_run"]["id"] == 3
