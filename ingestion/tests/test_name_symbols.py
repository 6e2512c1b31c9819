"""Step 3: contracts never meet in one series, and a file goes where its own metadata says."""

from datetime import date

import numpy as np
import pytest
from django.core.management import CommandError
from hypothesis import given
from hypothesis import strategies as st

from ingestion.name_symbols import _distinct_groups
from ingestion.samples import empty_records
from marketdata.models import Bar, Series, SeriesInstrument

from .builders import FRONT, at, bars, exact, ingest, refuse, several, stored, together, write

JANUARY, FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)
SECOND, THIRD = date(2024, 1, 2), date(2024, 1, 3)  # the builders' first minute is the second's midnight
DAY = 1440


def symbols() -> set[str]:
    return set(Bar.objects.values_list("symbol", flat=True))


# --- Several instruments ---------------------------------------------------------------------------------------------


def test_a_parents_contracts_and_spreads_each_have_their_own_series(market_db, tmp_path):
    parts = {
        "MNQZ4": bars(5, instrument_id=1),
        "MNQH5": bars(5, instrument_id=2, base=17_000),
        "MNQZ4-MNQH5": bars(5, instrument_id=3, base=-200),
        "MNQ:BF  Z4-H5-M5": bars(3, first=1, instrument_id=4, base=-1),
    }
    ingest(several(tmp_path / "parent.dbn.zst", parts))

    assert symbols() == set(parts)
    for symbol, records in parts.items():
        assert stored(symbol) == exact(records)  # the double space arrives as it stands


def test_instruments_in_no_order_within_a_minute(market_db, tmp_path):
    parts = {f"S{number}": bars(4, instrument_id=number, base=number * 100) for number in range(1, 6)}
    joined = together(*parts.values())
    shuffled = joined[np.lexsort((np.random.default_rng(1).random(len(joined)), joined["ts_event"]))]
    mappings = {symbol: [(JANUARY, FEBRUARY, int(symbol[1:]))] for symbol in parts}

    ingest(write(tmp_path / "all.dbn.zst", shuffled, mappings=mappings, symbols=tuple(parts), stype_in="raw_symbol"))

    assert all(stored(symbol) == exact(records) for symbol, records in parts.items())


def test_an_instrument_without_a_mapping_is_refused(market_db, tmp_path):
    mappings = {"A": [(JANUARY, FEBRUARY, 1)], "B": [(JANUARY, SECOND, 2), (THIRD, FEBRUARY, 2)]}
    for name, instrument_id in (("unknown", 3), ("in a hole", 2)):
        records = together(bars(3, instrument_id=1), bars(3, instrument_id=instrument_id))
        sentence = refuse(write(tmp_path / f"{name}.dbn", records, mappings=mappings, symbols=("A", "B")))
        assert f"row 2: instrument {instrument_id} has no symbol on 2024-01-02 in the file's mappings" in sentence


def test_an_unmapped_instrument_in_a_file_of_one_symbol_is_refused(market_db, tmp_path):
    records = np.concatenate((bars(2), bars(1, first=2, instrument_id=7)))
    assert "row 3: instrument 7 has no symbol" in refuse(write(tmp_path / "mnq.dbn", records))


def test_two_symbols_for_one_instrument_and_day_are_refused(market_db, tmp_path):
    mappings = {"A": [(JANUARY, THIRD, 1)], "B": [(SECOND, FEBRUARY, 1)]}
    sentence = refuse(write(tmp_path / "x.dbn", bars(3, instrument_id=1), mappings=mappings, symbols=("A", "B")))
    assert "row 1: instrument 1 is A and also B on 2024-01-02" in sentence


def test_two_instruments_of_one_symbol_in_a_minute_are_refused(market_db, tmp_path):
    mappings = {"MNQ.c.0": [(JANUARY, FEBRUARY, 1), (JANUARY, FEBRUARY, 2)]}
    records = together(bars(3, instrument_id=1), bars(3, instrument_id=2, base=17_000))
    sentence = refuse(write(tmp_path / "x.dbn", records, mappings=mappings))
    assert "maps MNQ.c.0 to instruments 1 and 2 on 2024-01-01, so it is not one series" in sentence
    ingest_as = refuse(tmp_path / "x.dbn", symbol="X")
    assert "row 2 (2024-01-02 00:00:00 UTC, X): instruments 1 (row 1) and 2 (row 2) trade" in ingest_as


def test_symbol_does_not_put_several_contracts_under_one_name(market_db, tmp_path):
    parts = {"ESZ4": bars(3, first=1, instrument_id=1), "ESH5": bars(3, first=2, instrument_id=2, base=17_000)}
    path = several(tmp_path / "es.dbn.zst", parts)

    sentence = refuse(path, symbol="ES")

    assert (
        "row 3 (2024-01-02 00:02:00 UTC, ES): instruments 1 (row 2) and 2 (row 3) trade in the same minute" in sentence
    )
    ingest(path)
    assert symbols() == {"CME_MINI:MNQ1!", "ESZ4", "ESH5"}  # the first is refuse()'s own


def test_the_same_values_of_two_instruments_are_no_duplicates(market_db, tmp_path):
    path = write(tmp_path / "x.dbn", together(bars(1), bars(1, instrument_id=2)))
    assert "trade in the same minute" in refuse(path, symbol="X")


# --- Over time -------------------------------------------------------------------------------------------------------


def test_a_roll_at_midnight_utc_within_a_continuous_file(market_db, tmp_path):
    records = np.concatenate((bars(3, first=DAY - 3), bars(3, first=DAY, instrument_id=FRONT + 1, base=17_000)))
    mappings = {"MNQ.c.0": [(JANUARY, THIRD, FRONT), (THIRD, FEBRUARY, FRONT + 1)]}

    ingest(write(tmp_path / "mnq.dbn.zst", records, mappings=mappings))

    assert stored() == exact(records)
    behind = SeriesInstrument.current.order_by("start_date").values_list("instrument_id", "start_date", "end_date")
    assert list(behind) == [(FRONT, SECOND, THIRD), (FRONT + 1, THIRD, date(2024, 1, 4))]


@pytest.mark.parametrize("minute", [DAY - 1, DAY])
def test_a_roll_one_minute_off_midnight_is_refused(market_db, tmp_path, minute):
    """The mappings change at midnight UTC: before it only the old instrument has a symbol, from it on only the new."""
    instrument_id = FRONT + 1 if minute < DAY else FRONT
    mappings = {"MNQ.c.0": [(JANUARY, THIRD, FRONT), (THIRD, FEBRUARY, FRONT + 1)]}
    path = write(tmp_path / "mnq.dbn", bars(1, first=minute, instrument_id=instrument_id), mappings=mappings)
    assert f"instrument {instrument_id} has no symbol on" in refuse(path)


def test_an_instrument_id_that_belongs_to_two_symbols_over_time(market_db, tmp_path):
    """As NQU8-NQM9 in 2018 and NQM0 in 2020 have it; here the other symbol has the id the day after."""
    mappings = {"OLD": [(JANUARY, THIRD, 1), (THIRD, FEBRUARY, 2)], "NEW": [(JANUARY, THIRD, 2), (THIRD, FEBRUARY, 1)]}
    first, second = bars(2, first=DAY - 2, instrument_id=1), bars(2, first=DAY - 2, instrument_id=2, base=-5)
    third, fourth = bars(2, first=DAY, instrument_id=1, base=-9), bars(2, first=DAY, instrument_id=2, base=9)
    path = write(
        tmp_path / "x.dbn.zst", together(first, second, third, fourth), mappings=mappings, symbols=("OLD", "NEW")
    )
    ingest(path)

    assert stored("OLD") == exact(np.concatenate((first, fourth)))
    assert stored("NEW") == exact(np.concatenate((second, third)))


# --- Publishers ------------------------------------------------------------------------------------------------------


def test_one_minute_from_several_publishers(market_db, tmp_path):
    wanted = bars(3, publisher_id=30)
    path = several(tmp_path / "x.dbn.zst", {"SPY": together(bars(3, publisher_id=22, base=1), wanted)})

    sentence = refuse(path)
    assert "row 2 (2024-01-02 00:00:00 UTC, SPY): instrument" in sentence
    assert "has this minute from several publishers (22, 30; 2 such minutes up to row 4)" in sentence
    assert "--publisher 22" in sentence

    ingest(path, publisher=30)
    assert stored("SPY") == exact(wanted)
    assert "has no rows of publisher 5: check the number" in refuse(path, publisher=5)


# --- Which series claims a file --------------------------------------------------------------------------------------


def single(path, symbol: str, **changes):
    stype = "continuous" if "." in symbol else "raw_symbol"
    mappings = {symbol: [(JANUARY, FEBRUARY, FRONT)]}
    return write(path, bars(2), symbols=(symbol,), mappings=mappings, stype_in=stype, **changes)


@pytest.mark.parametrize("symbol", ["MNQ.c.0", "MNQ.v.0", "MNQ.n.0", "MNQZ4", "MNQU24"])
def test_the_front_and_single_contracts_of_mnq_are_claimed(market_db, tmp_path, symbol):
    printed = ingest(single(tmp_path / "mnq.dbn.zst", symbol))
    assert symbols() == {"CME_MINI:MNQ1!"}
    assert "No series claims" not in printed.out


@pytest.mark.parametrize(
    "symbol", ["MNQ.c.1", "MNQ.v.1", "MNQZ4-MNQH5", "ES.c.0", "MNQ", "MNQA4", "MNQZ4 C18000", "NQZ4"]
)
def test_everything_else_keeps_its_own_name_and_the_summary_says_how_to_claim_it(market_db, tmp_path, symbol):
    printed = ingest(single(tmp_path / "x.dbn.zst", symbol))
    assert symbols() == {symbol}
    assert f"No series claims {symbol}" in printed.out


def test_mnq_of_another_dataset_is_not_claimed(market_db, tmp_path):
    ingest(single(tmp_path / "x.dbn.zst", "MNQ.c.0", dataset="XNAS.ITCH"))
    assert symbols() == {"MNQ.c.0"}


def test_two_series_that_claim_one_symbol_are_refused(market_db, tmp_path):
    Series.objects.create(slug="es", symbol="ES1!", vendor_symbols=["ES.c.*"])
    Series.objects.create(slug="es-2", symbol="ES2!", vendor_symbols=["ES.?.0"])
    path = single(tmp_path / "es.dbn.zst", "ES.c.0")
    assert "ES.c.0 is claimed by ES1!, ES2!" in refuse(path)

    Series.objects.create(slug="es-3", symbol="ES3!", vendor_symbols=["ES.c.0"])  # its plain name goes before patterns
    ingest(path)
    assert "ES3!" in symbols()


def test_symbol_goes_before_every_rule(market_db, tmp_path):
    ingest(single(tmp_path / "mnq.dbn.zst", "MNQ.c.0"), symbol="MY  OWN!")
    assert symbols() == {"MY  OWN!"}


# --- Metadata that says little ---------------------------------------------------------------------------------------


def test_without_mappings_the_only_symbol_is_taken(market_db, tmp_path):
    ingest(write(tmp_path / "es.dbn.zst", bars(2), symbols=("ES.c.0",), mappings=None))
    ingest(write(tmp_path / "mnq.dbn.zst", bars(2), mappings=None))
    assert symbols() == {"ES.c.0", "CME_MINI:MNQ1!"}


def test_a_file_that_names_nothing_goes_to_the_default_series_and_says_so(market_db, tmp_path):
    printed = ingest(write(tmp_path / "x.dbn.zst", bars(2), symbols=(), mappings=None))
    assert symbols() == {"CME_MINI:MNQ1!"}
    assert "names no symbol: filed under the default series CME_MINI:MNQ1!" in printed.out


def test_without_a_default_series_a_file_that_names_nothing_is_refused(market_db, tmp_path, settings):
    settings.DEFAULT_SERIES = "gone"
    assert "the default series 'gone' does not exist" in refuse(
        write(tmp_path / "x.dbn", bars(2), symbols=(), mappings={})
    )


@pytest.mark.parametrize(
    "names, stype", [(("MNQ.FUT",), "parent"), (("ALL_SYMBOLS",), "raw_symbol"), (("A", "B"), "raw_symbol")]
)
def test_many_instruments_without_mappings_are_refused(market_db, tmp_path, names, stype):
    path = write(tmp_path / "x.dbn", bars(2), symbols=names, mappings=None, stype_in=stype)
    assert f"names {', '.join(names)} but maps no instrument to a symbol" in refuse(path)


def test_instruments_asked_for_by_their_numbers(market_db, tmp_path):
    """stype_in=instrument_id: the metadata has the number for the symbol's name, and the symbol as its meaning."""
    first, second = bars(2, instrument_id=5), bars(2, instrument_id=6, base=99)
    mappings = {"5": [(JANUARY, FEBRUARY, "ESZ4")], "6": [(JANUARY, FEBRUARY, "ESH5")]}
    path = write(
        tmp_path / "x.dbn", together(first, second), symbols=("5", "6"), mappings=mappings, stype_in="instrument_id"
    )
    ingest(path)
    assert (stored("ESZ4"), stored("ESH5")) == (exact(first), exact(second))


def test_mappings_to_something_else_than_numbers_are_refused(market_db, tmp_path):
    path = write(tmp_path / "x.dbn", bars(2), mappings={"MNQ.c.0": [(JANUARY, FEBRUARY, "MNQZ4")]})
    assert "maps 'MNQ.c.0' to 'MNQZ4', which is not an instrument_id" in refuse(path)


# --- The grouping, against plain Python ------------------------------------------------------------------------------

WIDE = st.sampled_from([0, 1, 2**13, 2**16 - 1])


@given(rows=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2**32 - 1]), WIDE), min_size=1, max_size=30))
def test_a_slow_and_obvious_grouping_agrees(rows):
    rows.sort(key=lambda row: row[0])
    records = empty_records(len(rows))
    records["ts_event"] = [at(day * DAY) for day, _, _ in rows]
    records["instrument_id"] = [instrument for _, instrument, _ in rows]
    records["publisher_id"] = [publisher for _, _, publisher in rows]

    starts, first, group_of = _distinct_groups(records)

    assert [rows[at] for at in first] == list(dict.fromkeys(rows))
    groups = np.repeat(group_of, np.diff(starts, append=len(rows)))
    assert [rows[first[group]] for group in groups] == rows


def test_one_of_several_requested_contracts_is_not_claimed_though_it_is_the_only_one_mapped(market_db, tmp_path):
    mapped = {"MNQM5": [(date(2024, 1, 1), date(2024, 2, 1), 5)]}
    for name, changes in (
        ("two", {"symbols": ("MNQH5", "MNQM5"), "stype_in": "raw_symbol"}),
        ("parent", {"symbols": ("MNQ.FUT",), "stype_in": "parent"}),
    ):
        ingest(write(tmp_path / f"{name}.dbn", bars(3, instrument_id=5), mappings=mapped, **changes))
    assert stored() == {}
    assert stored("MNQM5") == exact(bars(3, instrument_id=5))


def test_a_symbol_that_is_two_instruments_on_one_day_is_refused(market_db, tmp_path):
    mapped = {"ZZ.FUT": [(date(2024, 1, 1), date(2024, 1, 9), 1), (date(2024, 1, 8), date(2024, 2, 1), 2)]}
    with pytest.raises(CommandError, match=r"maps ZZ\.FUT to instruments 1 and 2 on 2024-01-08"):
        ingest(write(tmp_path / "zz.dbn", bars(3, instrument_id=1), mappings=mapped))


def test_a_slug_is_not_taken_for_a_symbol(market_db, tmp_path):
    with pytest.raises(CommandError, match="is the slug of CME_MINI:MNQ1!"):
        ingest(write(tmp_path / "mnq.dbn", bars(3)), symbol="mnq")
