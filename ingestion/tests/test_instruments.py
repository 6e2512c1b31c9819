"""What stands behind a series, day by day: one instrument, known, and replaced only on purpose."""

from datetime import date, timedelta

import numpy as np

from ingestion.instruments import Instrument, Spell, _unknown_parts
from ingestion.pipeline import IngestOptions, ingest_file, preview_file
from marketdata.models import BarRevision, SeriesInstrument

from .builders import FRONT, bars, exact, ingest, refuse, stored, write

NEXT = FRONT + 1
DAY = 1440
REPLACE = IngestOptions(replace_instrument=True)


def day(number: int) -> date:
    return date(2024, 1, number)


def minutes(first: int, count: int, *, of: int, instrument_id: int = FRONT):
    """`count` bars from a minute of 2 January on; `of` tells the day's number in January."""
    return bars(count, first=(of - 2) * DAY + first, instrument_id=instrument_id)


def mnq(path, *parts: np.ndarray, rule: str = "c", mappings: list | None = None):
    """A continuous file; `mappings`: first day, day behind the last, instrument."""
    records = np.concatenate(parts)
    symbol = f"MNQ.{rule}.0"
    mappings = mappings or [(day(1), date(2024, 2, 1), int(records["instrument_id"][0]))]
    return write(path, records, symbols=(symbol,), mappings={symbol: mappings})


def spells(symbol: str = "CME_MINI:MNQ1!") -> list[tuple]:
    rows = SeriesInstrument.current.filter(series__symbol=symbol).order_by("start_date", "instrument_id")
    return list(rows.values_list("instrument_id", "start_date", "end_date", "run"))


def behind_each_day() -> list[tuple]:
    return sorted(
        (start + timedelta(days=after), instrument_id)
        for instrument_id, start, end, _ in spells()
        for after in range((end - start).days)
    )


def roll(path, *, on: int, rule: str):
    """Three days, 2 to 4 January, of FRONT, and from the day `on` at midnight of NEXT."""
    parts = [minutes(600, 5, of=number, instrument_id=FRONT if number < on else NEXT) for number in (2, 3, 4)]
    return mnq(path, *parts, rule=rule, mappings=[(day(1), day(on), FRONT), (day(on), date(2024, 2, 1), NEXT)])


def test_daily_files_one_after_another(market_db, tmp_path):
    runs = [ingest_file(path=mnq(tmp_path / f"{number}.dbn", minutes(0, 9, of=number))) for number in (2, 3, 5)]

    assert [run.inserted_count for run in runs] == [9, 9, 9]
    assert spells() == [(FRONT, day(n), day(n + 1), run.pk) for n, run in zip((2, 3, 5), runs, strict=True)]


def test_days_known_before_stay_with_the_run_that_brought_them(market_db, tmp_path):
    first = ingest_file(path=mnq(tmp_path / "a.dbn", minutes(0, 5, of=3)))
    second = ingest_file(path=mnq(tmp_path / "b.dbn", *(minutes(0, 5, of=number) for number in (2, 3, 5))))

    assert spells() == [
        (FRONT, day(2), day(3), second.pk),
        (FRONT, day(3), day(4), first.pk),
        (FRONT, day(4), day(6), second.pk),
    ]


def test_a_roll_at_midnight_again_and_by_daily_files(market_db, tmp_path):
    path = roll(tmp_path / "whole.dbn", on=4, rule="c")
    run = ingest_file(path=path)
    assert spells() == [(FRONT, day(2), day(4), run.pk), (NEXT, day(4), day(5), run.pk)]

    assert ingest_file(path=path).updated_count == 15
    ingest_file(path=mnq(tmp_path / "4.dbn", minutes(600, 5, of=4, instrument_id=NEXT)))
    assert len(spells()) == 2


def test_a_roll_in_the_middle_of_a_day_again(market_db, tmp_path):
    parts = minutes(0, 10, of=2), minutes(10, 10, of=2, instrument_id=NEXT), minutes(0, 5, of=3, instrument_id=NEXT)
    path = write(tmp_path / "spliced.dbn", np.concatenate(parts), mappings={})
    options = IngestOptions(symbol="MINE")

    first, again = ingest_file(path=path, options=options), ingest_file(path=path, options=options)

    assert (first.inserted_count, again.updated_count, again.changed_count) == (25, 25, 0)
    assert spells("MINE") == [(FRONT, day(2), day(3), first.pk), (NEXT, day(2), day(4), first.pk)]


def test_another_rule_of_the_same_instrument_is_fine(market_db, tmp_path):
    ingest(roll(tmp_path / "c.dbn", on=4, rule="c"))
    [result] = ingest(roll(tmp_path / "v.dbn", on=4, rule="v"), json=True).json["files"]
    assert (result["updated"], result["identical"]) == (15, 15)


def test_another_rule_with_another_instrument_on_the_roll_day_is_refused(market_db, tmp_path):
    ingest(roll(tmp_path / "c.dbn", on=4, rule="c"))

    sentence = refuse(roll(tmp_path / "v.dbn", on=3, rule="v"))

    assert f"has instrument {NEXT} of GLBX.MDP3 (publisher 1) behind CME_MINI:MNQ1! on 2024-01-03" in sentence
    assert f"where the table holds bars of instrument {FRONT} of GLBX.MDP3 (publisher 1)" in sentence
    assert "--replace-instrument" in sentence


def test_another_publisher_or_dataset_is_another_instrument(market_db, tmp_path):
    ingest(mnq(tmp_path / "a.dbn", minutes(0, 5, of=2)))

    assert "(publisher 2) behind" in refuse(mnq(tmp_path / "b.dbn", bars(5, publisher_id=2)))
    other = write(tmp_path / "c.dbn", bars(5), dataset="XNAS.ITCH", mappings={})
    assert f"instrument {FRONT} of XNAS.ITCH" in refuse(other, symbol="CME_MINI:MNQ1!")


def test_the_same_number_on_other_days_may_be_anything(market_db, tmp_path):
    ingest(mnq(tmp_path / "a.dbn", minutes(0, 5, of=2)))
    ingest(mnq(tmp_path / "b.dbn", minutes(0, 5, of=3, instrument_id=NEXT)))

    third = mnq(tmp_path / "c.dbn", minutes(9, 5, of=2, instrument_id=7), minutes(9, 5, of=3, instrument_id=7))
    assert "on 2024-01-02, where" in (sentence := refuse(third))
    assert "(2 such stretches in the file)" in sentence


def test_replacing_takes_the_days_and_keeps_what_was_there(market_db, tmp_path):
    old = [minutes(0, 10, of=number) for number in (2, 3, 4)]
    new = minutes(5, 10, of=3, instrument_id=NEXT)
    new["volume"] += 1000
    first = ingest_file(path=mnq(tmp_path / "old.dbn", *old))
    path = mnq(tmp_path / "new.dbn", new)
    refuse(path)

    preview = preview_file(path=path, options=REPLACE)
    second = ingest_file(path=path, options=REPLACE)

    for run in (preview, second):
        assert (run.inserted_count, run.updated_count, run.changed_count, run.removed_count) == (5, 5, 5, 5)
    assert stored() == exact(np.concatenate((old[0], new, old[2])))
    assert spells() == [
        (FRONT, day(2), day(3), first.pk),
        (NEXT, day(3), day(4), second.pk),
        (FRONT, day(4), day(5), first.pk),
    ]
    kept = BarRevision.objects.order_by("ts")
    values = kept.values_list("ts", "open", "high", "low", "close", "volume")
    assert {row[0]: row[1:] for row in values} == exact(old[1])
    assert (
        list(BarRevision.objects.order_by("ts").values_list("operation", flat=True)) == ["delete"] * 5 + ["update"] * 5
    )

    again = ingest_file(path=path)
    assert (again.inserted_count, again.updated_count, again.changed_count, again.removed_count) == (0, 10, 0, 0)
    assert BarRevision.objects.count() == 10


def test_replacing_back_and_forth(market_db, tmp_path):
    a, b = roll(tmp_path / "c.dbn", on=4, rule="c"), roll(tmp_path / "v.dbn", on=3, rule="v")
    ingest_file(path=a)
    before = behind_each_day()
    for path in (b, a, b, a):
        ingest_file(path=path, options=REPLACE)
    assert behind_each_day() == before
    ingest(a)
    assert "behind CME_MINI:MNQ1! on 2024-01-03" in refuse(b)


def test_replacing_a_day_with_a_roll_in_it(market_db, tmp_path):
    """Both instruments of the day are in conflict with the third; each minute is removed, and counted, once."""
    parts = minutes(0, 10, of=2), minutes(10, 10, of=2, instrument_id=NEXT)
    ingest(write(tmp_path / "spliced.dbn", np.concatenate(parts), mappings={}), symbol="MINE")
    third = write(tmp_path / "third.dbn", minutes(15, 10, of=2, instrument_id=7), mappings={})

    run = ingest_file(path=third, options=IngestOptions(symbol="MINE", replace_instrument=True))

    assert (run.inserted_count, run.updated_count, run.removed_count) == (5, 5, 15)
    assert spells("MINE") == [(7, day(2), day(3), run.pk)]


def test_replacing_where_there_is_nothing_to_replace(market_db, tmp_path):
    run = ingest_file(path=mnq(tmp_path / "a.dbn", bars(5)), options=REPLACE)
    assert (run.inserted_count, run.removed_count, run.replace_instrument) == (5, 0, True)
    assert not BarRevision.objects.exists()


def test_other_series_are_not_touched_by_replacing(market_db, tmp_path):
    path = write(tmp_path / "a.dbn", bars(5))
    ingest(path)
    ingest(path, symbol="COPY")
    ingest_file(path=mnq(tmp_path / "b.dbn", bars(3, instrument_id=NEXT)), options=REPLACE)
    assert stored("COPY") == exact(bars(5))


def test_a_stretch_already_known_in_pieces_is_recorded_where_it_is_not():
    instrument, other = Instrument("GLBX.MDP3", 1, FRONT), Instrument("GLBX.MDP3", 1, NEXT)
    known = [Spell(instrument, day(3), day(5)), Spell(other, day(5), day(6)), Spell(instrument, day(8), day(9))]

    assert _unknown_parts(Spell(instrument, day(1), day(12)), known) == [
        Spell(instrument, day(1), day(3)),
        Spell(instrument, day(5), day(8)),
        Spell(instrument, day(9), day(12)),
    ]
    assert _unknown_parts(Spell(instrument, day(3), day(4)), known) == []
