"""Which minutes a run has changed, compared with the table before and after it."""

import io

import pytest
from django.core.management import call_command

from config.testing import builders
from config.testing.builders import bars, ingest, together, undo_run, write
from config.testing.earlier_version import build_history
from marketdata.models import Bar, IngestRun
from marketdata.stream import query
from marketdata.stream.position import find_finished, read_position
from marketdata.stream.query import TooManyChanges, find_changes

MNQ = "CME_MINI:MNQ1!"


def read_table() -> dict:
    return {ts: values for ts, *values in Bar.objects.filter(symbol=MNQ).values_list("ts", "volume", "ingestion_run")}


@pytest.fixture
def check(market_db):
    """Do something, and compare what is found with what is different; returns the differences."""

    def check(action, *, is_exact: bool = True) -> dict:
        position, before = read_position(), read_table()
        action()
        runs, after = find_finished(position, limit=100, symbol=MNQ), read_table()
        found = find_changes(MNQ, runs)
        expected = {ts for ts in before.keys() | after.keys() if before.get(ts) != after.get(ts)}
        assert set(found) == expected if is_exact else set(found) >= expected
        assert list(found) == sorted(found)
        assert {ts for ts, is_revision in found.items() if is_revision} >= expected & before.keys()
        return found

    return check


def correct(records, *places: int):
    records = records.copy()
    records["volume"][list(places)] += 1
    return records


def test_new_and_corrected_bars_and_their_undo(check, tmp_path):
    first = bars(20)
    assert len(check(lambda: ingest(write(tmp_path / "a.dbn", first)))) == 20
    assert check(lambda: ingest(write(tmp_path / "a.dbn", first))) == {}
    changed = together(correct(first, 3, 7), bars(2, first=30))
    assert list(check(lambda: ingest(write(tmp_path / "b.dbn", changed))).values()) == [True, True, False, False]
    assert len(check(lambda: undo_run(3))) == 4
    assert len(check(lambda: undo_run(1))) == 20


def test_removed_bars_and_their_undo(check, tmp_path):
    ingest(write(tmp_path / "a.dbn", bars(20)))
    rest = together(bars(5), bars(10, first=10))
    assert len(check(lambda: ingest(write(tmp_path / "b.dbn", rest), remove_withdrawn=True))) == 5
    assert len(check(lambda: undo_run(2))) == 5
    other = bars(6, first=2, instrument_id=42_000_002)
    mappings = {"MNQ.c.0": [(builders.date(2024, 1, 2), builders.date(2024, 1, 3), 42_000_002)]}
    replaced = write(tmp_path / "c.dbn", other, mappings=mappings)
    assert len(check(lambda: ingest(replaced, replace_instrument=True))) == 14
    assert len(check(lambda: undo_run(IngestRun.objects.latest("pk").pk))) == 14


def test_many_runs_at_once(check, tmp_path):
    def load_and_undo():
        for number in range(6):
            ingest(write(tmp_path / f"{number}.dbn", correct(bars(4, first=2 * number), 1)))
        undo_run(3)

    check(load_and_undo, is_exact=False)  # what is undone is as before


def test_too_many_changes(market_db, tmp_path, monkeypatch):
    monkeypatch.setattr(query, "MAX_CHANGES", 9)
    position = read_position()
    ingest(write(tmp_path / "a.dbn", bars(9)))
    assert len(find_changes(MNQ, find_finished(position, limit=9))) == 9
    ingest(write(tmp_path / "b.dbn", bars(1, first=50)))
    with pytest.raises(TooManyChanges):
        find_changes(MNQ, find_finished(position, limit=9))


def test_a_split_and_its_undo_are_not_sent_bar_by_bar(market_db, tmp_path):
    build_history(tmp_path)
    actions = (
        lambda: call_command("split_contracts", stdout=io.StringIO()),
        lambda: undo_run(IngestRun.objects.latest("pk").pk),
    )
    for action in actions:
        position = read_position()
        action()
        runs = find_finished(position, limit=9)
        assert runs
        for symbol in ("NQH5", "NQH2015", "NQH2025"):
            with pytest.raises(TooManyChanges, match="moved"):
                find_changes(symbol, runs)
