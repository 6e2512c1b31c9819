"""The dates on which a series is mapped to an instrument are stored once, with the run that stored them first."""

import numpy as np

from config.testing.builders import FRONT, write
from config.testing.contracts import NEXT, january, list_intervals, minutes, write_continuous, write_roll
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file
from ingestion.symbology.intervals import Instrument, InstrumentInterval, _subtract_stored


def test_the_intervals_of_daily_files_are_joined(market_db, tmp_path):
    runs = [
        ingest_file(path=write_continuous(tmp_path / f"{number}.dbn", minutes(0, 9, day=number))).run
        for number in (2, 3, 5)
    ]

    assert [run.inserted_count for run in runs] == [9, 9, 9]
    assert list_intervals() == [
        (FRONT, january(n), january(n + 1), run.pk) for n, run in zip((2, 3, 5), runs, strict=True)
    ]


def test_dates_stay_with_the_run_that_stored_them_first(market_db, tmp_path):
    first = ingest_file(path=write_continuous(tmp_path / "a.dbn", minutes(0, 5, day=3))).run
    second = ingest_file(path=write_continuous(tmp_path / "b.dbn", *(minutes(0, 5, day=day) for day in (2, 3, 5)))).run

    assert list_intervals() == [
        (FRONT, january(2), january(3), second.pk),
        (FRONT, january(3), january(4), first.pk),
        (FRONT, january(4), january(6), second.pk),
    ]


def test_a_roll_at_midnight_is_accepted_again_and_as_daily_files(market_db, tmp_path):
    path = write_roll(tmp_path / "complete.dbn", day=4, rule="c")
    run = ingest_file(path=path).run
    assert list_intervals() == [(FRONT, january(2), january(4), run.pk), (NEXT, january(4), january(5), run.pk)]

    assert ingest_file(path=path).run.updated_count == 15
    ingest_file(path=write_continuous(tmp_path / "4.dbn", minutes(600, 5, day=4, instrument_id=NEXT)))
    assert len(list_intervals()) == 2


def test_a_roll_in_the_middle_of_a_day_is_accepted_again(market_db, tmp_path):
    parts = minutes(0, 10, day=2), minutes(10, 10, day=2, instrument_id=NEXT), minutes(0, 5, day=3, instrument_id=NEXT)
    path = write(tmp_path / "spliced.dbn", np.concatenate(parts), mappings={})
    options = IngestOptions(symbol="MINE")

    first, again = ingest_file(path=path, options=options).run, ingest_file(path=path, options=options).run

    assert (first.inserted_count, again.updated_count, again.changed_count) == (25, 25, 0)
    assert list_intervals("MINE") == [
        (FRONT, january(2), january(3), first.pk),
        (NEXT, january(2), january(4), first.pk),
    ]


def test_only_the_dates_not_stored_yet_are_left():
    instrument, other = Instrument("GLBX.MDP3", 1, FRONT), Instrument("GLBX.MDP3", 1, NEXT)
    stored = [
        InstrumentInterval(instrument, january(3), january(5)),
        InstrumentInterval(other, january(5), january(6)),
        InstrumentInterval(instrument, january(8), january(9)),
    ]

    assert _subtract_stored(InstrumentInterval(instrument, january(1), january(12)), stored) == [
        InstrumentInterval(instrument, january(1), january(3)),
        InstrumentInterval(instrument, january(5), january(8)),
        InstrumentInterval(instrument, january(9), january(12)),
    ]
    assert _subtract_stored(InstrumentInterval(instrument, january(3), january(4)), stored) == []
