"""The list of runs: each live session is one entry."""

from datetime import timedelta

import pytest

from config.testing.clocks import utc
from marketdata.models import FeedSession, IngestRun
from marketdata.runs.folding import SessionRuns, read_entries_page, read_session_page
from marketdata.runs.query import RUNS_PER_PAGE

NOON = utc("2024-01-08 12:00")


def add_session(**fields):
    return FeedSession.objects.create(dataset="GLBX.MDP3", gateway="127.0.0.1:13000", started_at=NOON, **fields)


def add_runs(count, session=None, *, symbols=("A",), status="success"):
    IngestRun.objects.bulk_create(
        IngestRun(
            kind="file" if session is None else "live",
            feed_session=session,
            symbols=list(symbols),
            status=status,
            row_count=int(status == "success"),
            inserted_count=int(status == "success"),
            min_ts=NOON,
            max_ts=NOON,
            file_sha256="0" * 64,
            error="refused" if status == "failed" else "",
            started_at=NOON,
            finished_at=NOON + timedelta(seconds=1),
            file_name="a.dbn",
        )
        for _ in range(count)
    )


def describe(entries):
    return [
        (one.session.pk, one.run_count, one.failed_count) if isinstance(one, SessionRuns) else one.pk for one in entries
    ]


@pytest.mark.django_db
def test_the_runs_of_a_session_are_one_entry():
    early, late = add_session(bars=3, ended_at=NOON, end="eof"), add_session(bars=2)
    add_runs(1)
    add_runs(3, early)
    add_runs(1)
    add_runs(2, late)
    add_runs(1, late, status="failed")
    files = list(IngestRun.objects.filter(feed_session=None).order_by("-pk").values_list("pk", flat=True))
    entries, older = read_entries_page(before=None)
    assert describe(entries) == [(late.pk, 3, 1), files[0], (early.pk, 3, 0), files[1]]
    assert older is None
    assert describe(read_entries_page(before=entries[1].pk)[0]) == [(early.pk, 3, 0), files[1]]
    assert describe(read_entries_page(before=None, symbol="B")[0]) == []
    runs = IngestRun.objects.filter(feed_session=early).order_by("-pk")
    assert read_session_page(early.pk, before=None) == (list(runs), None)


@pytest.mark.django_db
def test_pages_have_every_entry_once():
    for _ in range(20):
        add_runs(2)
        add_runs(3, add_session(ended_at=NOON, end="eof"))
    shown, before, pages = [], None, 0
    while True:
        entries, before = read_entries_page(before=before)
        shown += describe(entries)
        pages += 1
        assert len(entries) <= RUNS_PER_PAGE
        if before is None:
            break
    assert len(shown) == len(set(shown)) == 60
    assert pages == 4


@pytest.mark.django_db
def test_a_thousand_runs_a_day_cost_no_more_queries(django_assert_max_num_queries):
    add_runs(1400, add_session(bars=1400))
    with django_assert_max_num_queries(5):
        entries, _ = read_entries_page(before=None)
    assert [one.run_count for one in entries] == [1400]
