"""A file that maps a series to another instrument than the table is refused, unless it replaces the instrument."""

from datetime import timedelta

import numpy as np

from config.testing.builders import FRONT, bars, exact, ingest, refuse, stored, write
from config.testing.contracts import NEXT, january, list_intervals, minutes, write_continuous, write_roll
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file, preview_file
from marketdata.models import BarRevision, SeriesInstrument

REPLACE = IngestOptions(replace_instrument=True)


def list_days() -> list[tuple]:
    """(day, instrument) of each mapped day."""
    return sorted(
        (start + timedelta(days=after), instrument_id)
        for instrument_id, start, end, _ in list_intervals()
        for after in range((end - start).days)
    )


def test_another_rule_with_the_same_instrument_is_accepted(market_db, tmp_path):
    ingest(write_roll(tmp_path / "c.dbn", day=4, rule="c"))
    [result] = ingest(write_roll(tmp_path / "v.dbn", day=4, rule="v"), json=True).json["files"]
    assert (result["updated"], result["identical"]) == (15, 15)


def test_another_rule_with_another_instrument_on_the_roll_day_is_refused(market_db, tmp_path):
    ingest(write_roll(tmp_path / "c.dbn", day=4, rule="c"))

    sentence = refuse(write_roll(tmp_path / "v.dbn", day=3, rule="v"))

    assert f"maps CME_MINI:MNQ1! to instrument {NEXT} of GLBX.MDP3 (publisher 1) on 2024-01-03" in sentence
    assert f"where the table has bars of instrument {FRONT} of GLBX.MDP3 (publisher 1)" in sentence
    assert "--replace-instrument" in sentence
    assert "such date ranges" not in sentence


def test_another_publisher_or_dataset_is_another_instrument(market_db, tmp_path):
    ingest(write_continuous(tmp_path / "a.dbn", minutes(0, 5, day=2)))

    assert "(publisher 2) on 2024-01-02" in refuse(write_continuous(tmp_path / "b.dbn", bars(5, publisher_id=2)))
    other = write(tmp_path / "c.dbn", bars(5), dataset="XNAS.ITCH", mappings={})
    assert f"instrument {FRONT} of XNAS.ITCH" in refuse(other, symbol="CME_MINI:MNQ1!")


def test_other_days_may_have_other_instruments(market_db, tmp_path):
    ingest(write_continuous(tmp_path / "a.dbn", minutes(0, 5, day=2)))
    ingest(write_continuous(tmp_path / "b.dbn", minutes(0, 5, day=3, instrument_id=NEXT)))

    third = write_continuous(
        tmp_path / "c.dbn", minutes(9, 5, day=2, instrument_id=7), minutes(9, 5, day=3, instrument_id=7)
    )
    assert "on 2024-01-02, where" in (sentence := refuse(third))
    assert "(2 such date ranges in the file)" in sentence


def test_replacing_maps_the_days_and_keeps_the_old_values_as_revisions(market_db, tmp_path):
    old = [minutes(0, 10, day=number) for number in (2, 3, 4)]
    new = minutes(5, 10, day=3, instrument_id=NEXT)
    new["volume"] += 1000
    first = ingest_file(path=write_continuous(tmp_path / "old.dbn", *old)).run
    path = write_continuous(tmp_path / "new.dbn", new)
    refuse(path)

    preview = preview_file(path=path, options=REPLACE)
    second = ingest_file(path=path, options=REPLACE).run

    for run in (preview, second):
        assert (run.inserted_count, run.updated_count, run.changed_count, run.removed_count) == (5, 5, 5, 5)
    assert stored() == exact(np.concatenate((old[0], new, old[2])))
    assert list_intervals() == [
        (FRONT, january(2), january(3), first.pk),
        (NEXT, january(3), january(4), second.pk),
        (FRONT, january(4), january(5), first.pk),
    ]
    assert set(SeriesInstrument.objects.values_list("dataset", "publisher_id")) == {("GLBX.MDP3", 1)}
    revisions = BarRevision.objects.order_by("ts")
    values = revisions.values_list("ts", "open", "high", "low", "close", "volume")
    assert {row[0]: row[1:] for row in values} == exact(old[1])
    assert list(revisions.values_list("operation", flat=True)) == ["delete"] * 5 + ["update"] * 5

    again = ingest_file(path=path).run
    assert (again.inserted_count, again.updated_count, again.changed_count, again.removed_count) == (0, 10, 0, 0)
    assert BarRevision.objects.count() == 10


def test_an_instrument_can_be_replaced_back_and_forth(market_db, tmp_path):
    a, b = write_roll(tmp_path / "c.dbn", day=4, rule="c"), write_roll(tmp_path / "v.dbn", day=3, rule="v")
    ingest_file(path=a)
    before = list_days()
    for path in (b, a, b, a):
        ingest_file(path=path, options=REPLACE)
    assert list_days() == before
    ingest(a)
    assert "(publisher 1) on 2024-01-03" in refuse(b)


def test_a_day_with_a_roll_in_it_is_replaced(market_db, tmp_path):
    """The third instrument conflicts with both of the day; each minute is removed and counted once."""
    parts = minutes(0, 10, day=2), minutes(10, 10, day=2, instrument_id=NEXT)
    ingest(write(tmp_path / "spliced.dbn", np.concatenate(parts), mappings={}), symbol="MINE")
    third = write(tmp_path / "third.dbn", minutes(15, 10, day=2, instrument_id=7), mappings={})

    run = ingest_file(path=third, options=IngestOptions(symbol="MINE", replace_instrument=True)).run

    assert (run.inserted_count, run.updated_count, run.removed_count) == (5, 5, 15)
    assert list_intervals("MINE") == [(7, january(2), january(3), run.pk)]


def test_of_a_day_with_a_roll_only_the_other_instrument_is_replaced(market_db, tmp_path):
    parts = minutes(0, 10, day=2), minutes(10, 10, day=2, instrument_id=NEXT)
    first = ingest_file(
        path=write(tmp_path / "spliced.dbn", np.concatenate(parts), mappings={}), options=IngestOptions(symbol="MINE")
    ).run
    path = write(tmp_path / "next.dbn", minutes(5, 10, day=2, instrument_id=NEXT), mappings={})

    run = ingest_file(path=path, options=IngestOptions(symbol="MINE", replace_instrument=True)).run

    assert (run.inserted_count, run.updated_count) == (0, 10)
    assert list_intervals("MINE") == [(NEXT, january(2), january(3), first.pk)]


def test_replacing_without_a_conflict_changes_nothing(market_db, tmp_path):
    run = ingest_file(path=write_continuous(tmp_path / "a.dbn", bars(5)), options=REPLACE).run
    assert (run.inserted_count, run.removed_count, run.replace_instrument) == (5, 0, True)
    assert not BarRevision.objects.exists()


def test_replacing_does_not_change_other_series(market_db, tmp_path):
    path = write(tmp_path / "a.dbn", bars(5))
    ingest(path)
    ingest(path, symbol="COPY")
    ingest_file(path=write_continuous(tmp_path / "b.dbn", bars(3, instrument_id=NEXT)), options=REPLACE)
    assert stored("COPY") == exact(bars(5))
