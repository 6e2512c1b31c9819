"""Which later runs changed bars of a run's time range."""

import pytest

from config.testing.builders import bars, ingest, together, undo_run, write
from marketdata.models import IngestRun
from marketdata.runs.later import MAX_NAMED, LaterRun, find_later_changes


@pytest.fixture
def load(market_db, tmp_path):
    def load(name: str, *parts) -> None:
        ingest(write(tmp_path / name, together(*parts)))

    return load


def change_bars(count: int, *, first: int = 0, base: int = 17_000):
    """The bars of the same minutes with other values."""
    return bars(count, first=first, base=base)


def find(run_id: int) -> list[LaterRun]:
    return find_later_changes(IngestRun.objects.get(pk=run_id))


def test_a_run_that_changed_bars_is_found_by_every_run_that_loaded_them(load):
    load("first.dbn", bars(3))
    load("same.dbn", bars(4))
    assert find(1) == find(2) == []
    load("fix.dbn", bars(1), change_bars(2, first=1))
    assert find(1) == find(2) == [LaterRun(3, "fix.dbn", None)]
    assert find(3) == []


def test_changes_outside_the_time_range_are_not_found(load):
    load("one.dbn", bars(3))
    load("two.dbn", bars(3, first=3))
    load("fix.dbn", bars(3), change_bars(3, first=3))
    assert find(1) == []
    assert [run.pk for run in find(2)] == [3]


def test_a_change_that_was_undone_is_not_found(load):
    load("first.dbn", bars(3))
    load("fix.dbn", change_bars(3))
    undo_run(2)
    assert find(1) == []


def test_an_undo_of_an_earlier_run_is_found_but_not_by_the_run_it_undoes(load):
    load("one.dbn", bars(3))
    load("same.dbn", bars(5))
    undo_run(1)
    assert find(2) == [LaterRun(3, "one.dbn", 1)]
    assert find(1) == []


def test_the_newest_are_found_and_one_more_than_are_named(load):
    load("first.dbn", bars(1))
    for number in range(MAX_NAMED + 3):
        load(f"{number}.dbn", change_bars(1, base=17_000 + number))
    assert [run.pk for run in find(1)] == [MAX_NAMED + 4 - number for number in range(MAX_NAMED + 1)]


def test_a_run_that_failed_has_no_later_changes(db):
    assert find_later_changes(IngestRun(status="failed")) == []
