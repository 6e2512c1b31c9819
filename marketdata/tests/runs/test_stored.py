"""Whether the table still has the bars of a run."""

import pytest

from config.testing.builders import FRONT, bars, ingest, together, undo_run, write
from config.testing.rows import execute
from marketdata.models import IngestRun, Series
from marketdata.runs.stored import StoredState, find_stored_state

UNCHANGED = StoredState(is_unchanged=True, is_accounted_for=True, later_run_ids=frozenset())


@pytest.fixture
def load(market_db, tmp_path):
    def load(*parts, **options) -> None:
        records = together(*parts)
        ingest(write(tmp_path / "mnq.dbn", records, mappings=None), **options)

    return load


def find(run_id: int) -> StoredState:
    return find_stored_state(IngestRun.objects.get(pk=run_id))


def changed_by(*run_ids: int, is_accounted_for: bool = True) -> StoredState:
    return StoredState(is_unchanged=False, is_accounted_for=is_accounted_for, later_run_ids=frozenset(run_ids))


def test_bars_are_unchanged_whichever_run_stored_them_first(load):
    load(bars(4))
    load(bars(6))
    load(bars(3, first=2))
    load(bars(3, first=6))
    assert [find(run_id) for run_id in (1, 2, 3, 4)] == [UNCHANGED] * 4


def test_the_runs_that_changed_bars_are_found(load):
    load(bars(4))
    load(bars(2, base=17_000))
    load(bars(1, first=3, base=17_000))
    assert find(1) == changed_by(2, 3)
    assert find(2) == UNCHANGED
    undo_run(2)  # the bars have their first values again, but only a comparison with the file could show that
    assert find(1) == changed_by(1, 3)


def test_a_change_without_another_run_is_found(load):
    load(bars(4))
    execute("UPDATE market_bars_ohlcv_1m SET close = open WHERE ts = '2024-01-02 00:01Z'")
    assert find(1) == changed_by(1)


def test_removed_bars_are_accounted_for_only_if_a_run_removed_them(load):
    load(bars(4))
    load(bars(2, instrument_id=FRONT + 1, base=17_000), replace_instrument=True)
    assert find(1) == changed_by(2)
    execute("DELETE FROM market_bars_ohlcv_1m WHERE ts = '2024-01-02 00:01Z'")
    assert find(1) == changed_by(2, is_accounted_for=False)
    assert find(2) == changed_by(is_accounted_for=False)


def test_a_deleted_bar_is_missed_beside_one_that_the_file_has_not(load):
    load(bars(6))
    load(bars(2, base=17_000), bars(3, first=3, base=17_000))
    assert find(2) == UNCHANGED
    execute("DELETE FROM market_bars_ohlcv_1m WHERE ts = '2024-01-02 00:04Z'")
    assert not find(2).is_unchanged


def test_an_instrument_that_was_replaced_without_a_change_is_found(load):
    load(bars(4))
    load(bars(4, instrument_id=FRONT + 1), replace_instrument=True)
    assert find(1) == changed_by(2)
    assert find(2) == UNCHANGED


def test_bars_without_their_series_are_not_accounted_for(load):
    load(bars(4), symbol="ABC")
    Series.objects.filter(symbol="ABC").update(symbol="XYZ")
    assert find(1) == changed_by(is_accounted_for=False)
