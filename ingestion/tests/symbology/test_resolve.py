"""Each record belongs to the symbol of its instrument and day; contracts never share a series."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.testing.builders import FRONT, at, bars, exact, ingest, refuse, several, stored, together, write
from ingestion.dbn.writer import empty_records
from ingestion.symbology.resolve import _find_instrument_days
from marketdata.models import Bar, SeriesInstrument

JANUARY, FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)
SECOND, THIRD = date(2024, 1, 2), date(2024, 1, 3)  # the builders' first minute is midnight of the second
DAY = 1440


def symbols() -> set[str]:
    return set(Bar.objects.values_list("symbol", flat=True))


def test_a_parents_contracts_and_spreads_each_have_their_own_series(market_db, tmp_path):
    parts = {
        "MNQZ4": bars(5, instrument_id=1),
        "MNQH5": bars(5, instrument_id=2, base=17_000),
        "MNQZ4-MNQH5": bars(5, instrument_id=3, base=-200),
        "MNQ:BF  Z4-H5-M5": bars(3, first=1, instrument_id=4, base=-1),
    }
    ingest(several(tmp_path / "parent.dbn.zst", parts))

    names = dict(zip(("MNQZ2024", "MNQH2025", "MNQZ2024-MNQH2025", "MNQ:BF  Z2024-H2025-M2025"), parts, strict=True))
    assert symbols() == set(names)  # the double space is kept
    for name, symbol in names.items():
        assert stored(name) == exact(parts[symbol])


def test_instruments_in_any_order_within_a_minute_are_resolved(market_db, tmp_path):
    parts = {f"S{number}": bars(4, instrument_id=number, base=number * 100) for number in range(1, 6)}
    joined = together(*parts.values())
    shuffled = joined[np.lexsort((np.random.default_rng(1).random(len(joined)), joined["ts_event"]))]
    mappings = {symbol: [(JANUARY, FEBRUARY, int(symbol[1:]))] for symbol in parts}

    ingest(write(tmp_path / "all.dbn.zst", shuffled, mappings=mappings, symbols=tuple(parts), stype_in="raw_symbol"))

    assert all(stored(symbol) == exact(records) for symbol, records in parts.items())


def test_an_instrument_without_a_mapping_is_refused(market_db, tmp_path):
    mappings = {"A": [(JANUARY, FEBRUARY, 1)], "B": [(JANUARY, SECOND, 2), (THIRD, FEBRUARY, 2)]}
    for name, instrument_id in (("unknown", 3), ("on an unmapped day", 2)):
        records = together(bars(3, instrument_id=1), bars(3, instrument_id=instrument_id))
        sentence = refuse(write(tmp_path / f"{name}.dbn", records, mappings=mappings, symbols=("A", "B")))
        assert f"row 2: instrument {instrument_id} has no symbol on 2024-01-02 in the file's mappings" in sentence


def test_an_unmapped_instrument_in_a_file_of_one_symbol_is_refused(market_db, tmp_path):
    records = np.concatenate((bars(2), bars(1, first=2, instrument_id=7)))
    assert "row 3: instrument 7 has no symbol" in refuse(write(tmp_path / "mnq.dbn", records))


def test_two_symbols_for_one_instrument_and_day_are_refused(market_db, tmp_path):
    mappings = {"A": [(JANUARY, THIRD, 1)], "B": [(SECOND, FEBRUARY, 1)]}
    sentence = refuse(write(tmp_path / "x.dbn", bars(3, instrument_id=1), mappings=mappings, symbols=("A", "B")))
    assert "row 1: instrument 1 has the symbols A and B on 2024-01-02" in sentence


def test_two_instruments_of_one_symbol_in_a_minute_are_refused(market_db, tmp_path):
    mappings = {"MNQ.c.0": [(JANUARY, FEBRUARY, 1), (JANUARY, FEBRUARY, 2)]}
    records = together(bars(3, instrument_id=1), bars(3, instrument_id=2, base=17_000))
    sentence = refuse(write(tmp_path / "x.dbn", records, mappings=mappings))
    assert "maps MNQ.c.0 to instruments 1 and 2 on 2024-01-01, so it is not one series" in sentence
    ingest_as = refuse(tmp_path / "x.dbn", symbol="X")
    assert "row 2 (2024-01-02 00:00:00 UTC, X): instruments 1 (row 1) and 2 (row 2) trade" in ingest_as


def test_symbol_does_not_store_several_contracts_under_one_name(market_db, tmp_path):
    parts = {"ESZ4": bars(3, first=1, instrument_id=1), "ESH5": bars(3, first=2, instrument_id=2, base=17_000)}
    path = several(tmp_path / "es.dbn.zst", parts)

    sentence = refuse(path, symbol="ES")

    assert (
        "row 3 (2024-01-02 00:02:00 UTC, ES): instruments 1 (row 2) and 2 (row 3) trade in the same minute" in sentence
    )
    ingest(path)
    assert symbols() == {"CME_MINI:MNQ1!", "ESZ2024", "ESH2025"}  # the first is a bar of refuse()


def test_the_same_values_of_two_instruments_are_no_duplicates(market_db, tmp_path):
    path = write(tmp_path / "x.dbn", together(bars(1), bars(1, instrument_id=2)))
    assert "trade in the same minute" in refuse(path, symbol="X")


def test_a_roll_at_midnight_utc_stays_one_series(market_db, tmp_path):
    records = np.concatenate((bars(3, first=DAY - 3), bars(3, first=DAY, instrument_id=FRONT + 1, base=17_000)))
    mappings = {"MNQ.c.0": [(JANUARY, THIRD, FRONT), (THIRD, FEBRUARY, FRONT + 1)]}

    ingest(write(tmp_path / "mnq.dbn.zst", records, mappings=mappings))

    assert stored() == exact(records)
    intervals = SeriesInstrument.current.order_by("start_date").values_list("instrument_id", "start_date", "end_date")
    assert list(intervals) == [(FRONT, SECOND, THIRD), (FRONT + 1, THIRD, date(2024, 1, 4))]


@pytest.mark.parametrize("minute", [DAY - 1, DAY])
def test_a_roll_one_minute_off_midnight_is_refused(market_db, tmp_path, minute):
    """Mappings change at midnight UTC: the old instrument has a symbol only before it, the new one only after it."""
    instrument_id = FRONT + 1 if minute < DAY else FRONT
    mappings = {"MNQ.c.0": [(JANUARY, THIRD, FRONT), (THIRD, FEBRUARY, FRONT + 1)]}
    path = write(tmp_path / "mnq.dbn", bars(1, first=minute, instrument_id=instrument_id), mappings=mappings)
    assert f"instrument {instrument_id} has no symbol on" in refuse(path)


def test_an_instrument_id_is_resolved_by_the_date(market_db, tmp_path):
    """As with NQU8-NQM9 in 2018 and NQM0 in 2020; here the id changes from one day to the next."""
    mappings = {"OLD": [(JANUARY, THIRD, 1), (THIRD, FEBRUARY, 2)], "NEW": [(JANUARY, THIRD, 2), (THIRD, FEBRUARY, 1)]}
    first, second = bars(2, first=DAY - 2, instrument_id=1), bars(2, first=DAY - 2, instrument_id=2, base=-5)
    third, fourth = bars(2, first=DAY, instrument_id=1, base=-9), bars(2, first=DAY, instrument_id=2, base=9)
    path = write(
        tmp_path / "x.dbn.zst", together(first, second, third, fourth), mappings=mappings, symbols=("OLD", "NEW")
    )
    ingest(path)

    assert stored("OLD") == exact(np.concatenate((first, fourth)))
    assert stored("NEW") == exact(np.concatenate((second, third)))


def test_one_minute_from_several_publishers_needs_a_choice(market_db, tmp_path):
    chosen = bars(3, publisher_id=30)
    path = several(tmp_path / "x.dbn.zst", {"SPY": together(bars(3, publisher_id=22, base=1), chosen)})

    sentence = refuse(path)
    assert "row 2 (2024-01-02 00:00:00 UTC, SPY): instrument" in sentence
    assert "has this minute from several publishers (22, 30; 2 such minutes up to row 4)" in sentence
    assert "--publisher 22" in sentence

    ingest(path, publisher=30)
    assert stored("SPY") == exact(chosen)
    assert "has no rows of publisher 5: check the number" in refuse(path, publisher=5)


WIDE = st.sampled_from([0, 1, 2**13, 2**16 - 1])


@given(rows=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2**32 - 1]), WIDE), min_size=1, max_size=30))
def test_resolved_batches_agree_with_a_slow_grouping_in_plain_python(rows):
    rows.sort(key=lambda row: row[0])
    records = empty_records(len(rows))
    records["ts_event"] = [at(day * DAY) for day, _, _ in rows]
    records["instrument_id"] = [instrument for _, instrument, _ in rows]
    records["publisher_id"] = [publisher for _, _, publisher in rows]

    starts, first, day_index = _find_instrument_days(records)

    assert [rows[at] for at in first] == list(dict.fromkeys(rows))
    instrument_days = np.repeat(day_index, np.diff(starts, append=len(rows)))
    assert [rows[first[instrument_day]] for instrument_day in instrument_days] == rows
