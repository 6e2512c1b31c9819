"""One contract, one series: raw symbols over a decade's change, in any order of files."""

from datetime import date, timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.testing.builders import at, exact, ingest, refuse, stored, together, write
from config.testing.contracts import minutes_of, write_definitions
from marketdata.models import Bar, IngestRun, Series, SeriesInstrument

EVER = (date(2010, 6, 6), date(2026, 1, 1))


def file_of(path, parts, mappings=None, **changes):
    """A parent file of 2010 to 2025: `parts` are (raw symbol, instrument, first day, days with five bars each)."""
    records = together(*(minutes_of(number, day, days) for _, number, day, days in parts))
    if mappings is None:
        mappings = {}
        for symbol, number, day, days in parts:
            mappings.setdefault(symbol, []).append((day, day + timedelta(days=days), number))
    fields = {"symbols": ("ALL.FUT",), "stype_in": "parent", "start": at(0, day=EVER[0]), "end": at(0, day=EVER[1])}
    return write(path, records, mappings=mappings, **(fields | changes))


def counts() -> dict[str, int]:
    """The number of bars of each series."""
    found: dict[str, int] = {}
    for symbol in Bar.objects.values_list("symbol", flat=True):
        found[symbol] = found.get(symbol, 0) + 1
    return found


OLD = ("NQH5", 50207, date(2014, 12, 1), 3)
NEW = ("NQH5", 42288528, date(2024, 12, 2), 2)


def test_one_file_of_two_decades_makes_two_series(market_db, tmp_path):
    printed = ingest(file_of(tmp_path / "nq.dbn.zst", [OLD, NEW]), json=True).json

    assert counts() == {"NQH2015": 15, "NQH2025": 10}
    assert printed["files"][0]["symbols"] == ["NQH2015", "NQH2025"]
    assert stored("NQH2015") == exact(minutes_of(*OLD[1:]))
    series = Series.objects.get(symbol="NQH2025")
    assert (series.slug, series.kind, series.root) == ("nqh2025", "outright", "NQ")
    assert (series.contract_month, series.contract_year, series.last_date) == (3, 2025, date(2025, 3, 31))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_files_in_any_order_make_the_same_series(market_db, tmp_path, order):
    parts = [OLD, NEW, ("NQH5", 42288528, date(2025, 3, 3), 2)]
    for number in order:
        ingest(file_of(tmp_path / f"{number}.dbn", [parts[number]]))

    assert counts() == {"NQH2015": 15, "NQH2025": 20}


def test_a_mapping_without_bars_makes_no_contract(market_db, tmp_path):
    mapped = {"NQH5": [(EVER[0], date(2015, 3, 21), 50207), (date(2016, 1, 1), EVER[1], 42288528)]}
    ingest(file_of(tmp_path / "nq.dbn", [NEW], mapped))

    assert list(Series.objects.exclude(slug="mnq").values_list("symbol", flat=True)) == ["NQH2025"]


def test_another_instrument_of_the_same_contract_joins_it(market_db, tmp_path):
    first, second = ("ESZ4", 1, date(2024, 11, 1), 2), ("ESZ4", 2, date(2024, 11, 3), 2)
    ingest(file_of(tmp_path / "a.dbn", [first]))
    ingest(file_of(tmp_path / "b.dbn", [second]))
    ingest(file_of(tmp_path / "both.dbn", [first, second]))

    assert counts() == {"ESZ2024": 20}
    assert IngestRun.objects.latest("pk").inserted_count == 0


def test_an_id_that_changes_hands_within_a_day_joins(market_db, tmp_path):
    day = date(2024, 11, 1)
    first = minutes_of(1, day, 1)
    second = minutes_of(2, day, 1)
    second["ts_event"] += 10 * 60 * 10**9
    for name, records in (("a", first), ("b", second)):
        mappings = {"ESZ4": [(day, day + timedelta(days=1), int(records["instrument_id"][0]))]}
        ingest(write(tmp_path / f"{name}.dbn", records, mappings=mappings, symbols=("ES.FUT",), stype_in="parent",
                     start=at(0, day=day), end=at(0, day=day + timedelta(days=1))))  # fmt: skip

    assert counts() == {"ESZ2024": 10}


def test_two_instruments_of_one_contract_with_a_common_minute_are_refused(market_db, tmp_path):
    ingest(file_of(tmp_path / "a.dbn", [("ESZ4", 1, date(2024, 11, 1), 2)]))
    sentence = refuse(file_of(tmp_path / "b.dbn", [("ESZ4", 2, date(2024, 11, 2), 2)]))

    assert "has a bar of ESZ2024 at 2024-11-02 00:00 UTC from instrument 2" in sentence
    assert "the table has one of instrument 1" in sentence


def test_an_instrument_with_contracts_of_two_decades_is_two_series(market_db, tmp_path):
    same_id = {"NQH5": [(EVER[0], EVER[1], 7)]}
    parts = [("NQH5", 7, date(2014, 12, 1), 1), ("NQH5", 7, date(2024, 12, 2), 1)]
    ingest(file_of(tmp_path / "nq.dbn", parts, same_id))

    assert counts() == {"NQH2015": 5, "NQH2025": 5}


def test_bars_soon_after_the_last_possible_month_are_not_settled(market_db, tmp_path):
    printed = ingest(file_of(tmp_path / "nq.dbn", [("NQH5", 8, date(2025, 4, 1), 1)]))

    assert counts() == {"NQH5 #8": 5}
    assert "NQH5 #8: year not settled" in printed.out
    series = Series.objects.get(symbol="NQH5 #8")
    assert (series.slug, series.is_settled, series.contract_year) == ("nqh5-8", False, None)


EURODOLLAR = ("GEH5", 9, date(2015, 3, 17), 2)


def test_a_year_that_the_first_bar_leaves_open_is_settled_by_later_bars_of_the_file(market_db, tmp_path):
    old = ("GEH5", 5, date(2015, 1, 5), 2)
    printed = ingest(file_of(tmp_path / "ge.dbn", [old, EURODOLLAR, ("GEH5", 9, date(2015, 6, 1), 1)]))

    assert counts() == {"GEH2015": 10, "GEH2025": 15}
    assert "not settled" not in printed.out


def test_without_later_bars_it_has_the_instrument_in_its_name(market_db, tmp_path):
    old = ("GEH5", 5, date(2015, 1, 5), 2)
    printed = ingest(file_of(tmp_path / "ge.dbn", [old, EURODOLLAR]))

    assert counts() == {"GEH2015": 10, "GEH5 #9": 10}
    assert "GEH5 #9: year not settled" in printed.out


def test_a_definition_beside_the_data_always_wins(market_db, tmp_path):
    write_definitions(
        tmp_path / "glbx.definition.dbn.zst",
        ("GEH5", 9, date(2015, 3, 16), date(2025, 3, 17)),
        ("NQH5", 8, date(2024, 12, 2), date(2035, 3, 16)),
        ("YITM5", 3, date(2015, 3, 16), date(2025, 6, 16)),
    )
    parts = [EURODOLLAR, ("NQH5", 8, date(2025, 1, 2), 1), ("YITM5", 3, date(2021, 3, 16), 1), OLD]
    printed = ingest(file_of(tmp_path / "x.dbn", parts))

    assert counts() == {"GEH2025": 10, "NQH2035": 5, "YITM2025": 5, "NQH2015": 15}
    assert "not settled" not in printed.out
    series = Series.objects.get(symbol="GEH2025")
    assert (series.activation_date, series.expiration_date) == (date(2015, 3, 16), date(2025, 3, 17))
    assert series.last_date == date(2025, 3, 17)
    assert Series.objects.get(symbol="NQH2015").expiration_date is None


def test_a_definition_adds_the_dates_of_a_stored_contract(market_db, tmp_path):
    path = file_of(tmp_path / "nq.dbn", [NEW])
    ingest(path)
    assert Series.objects.get(symbol="NQH2025").last_date == date(2025, 3, 31)

    write_definitions(tmp_path / "nq.definition.dbn", ("NQH5", NEW[1], date(2020, 3, 20), date(2025, 3, 21)))
    ingest(path)
    (tmp_path / "nq.definition.dbn").unlink()
    ingest(path)

    series = Series.objects.get(symbol="NQH2025")
    assert (series.activation_date, series.last_date) == (date(2020, 3, 20), date(2025, 3, 21))


def test_user_defined_spreads_are_kept_apart_by_instrument(market_db, tmp_path):
    text = "UD:1V: VT 2533938"
    ingest(file_of(tmp_path / "a.dbn", [(text, 11, date(2024, 1, 2), 1)]))
    ingest(file_of(tmp_path / "b.dbn", [(text, 12, date(2024, 1, 2), 2)]))
    ingest(file_of(tmp_path / "a.dbn", [(text, 11, date(2024, 1, 2), 3)]))

    assert counts() == {text: 15, f"{text} #12": 10}


def test_other_datasets_keep_their_symbols(market_db, tmp_path):
    ingest(file_of(tmp_path / "a.dbn", [("NQH5", 11, date(2024, 1, 2), 1)], dataset="XNAS.ITCH"))
    assert counts() == {"NQH5": 5}


def test_a_preview_counts_what_the_load_does(market_db, tmp_path):
    path = file_of(tmp_path / "nq.dbn", [OLD, NEW, EURODOLLAR])
    preview = ingest(path, json=True, dry_run=True).json["files"][0]
    loaded = ingest(path, json=True).json["files"][0]

    kept = ("symbols", "inserted", "updated", "changed", "gaps", "notes")
    assert {key: preview[key] for key in kept} == {key: loaded[key] for key in kept}


def test_a_single_contract_goes_to_the_series_that_claims_it(market_db, tmp_path):
    path = file_of(
        tmp_path / "mnq.dbn", [("MNQH5", 3, date(2024, 12, 2), 1)], symbols=("MNQH5",), stype_in="raw_symbol"
    )
    ingest(path)
    assert counts() == {"CME_MINI:MNQ1!": 5}


def test_raw_symbols_and_mapped_dates_are_recorded(market_db, tmp_path):
    mapped = {"NQH5": [(date(2010, 1, 1), date(2030, 1, 1), NEW[1])]}
    ingest(file_of(tmp_path / "nq.dbn", [NEW], mapped))

    rows = SeriesInstrument.objects.order_by("from_mapping").values_list(
        "raw_symbol", "instrument_id", "start_date", "end_date", "from_mapping"
    )
    assert list(rows) == [
        ("NQH5", NEW[1], date(2024, 12, 2), date(2024, 12, 4), False),
        ("NQH5", NEW[1], *EVER, True),
    ]


CODES = st.sampled_from(["CLZ5", "CLF30", "ZQF6", "SR3H5", "ESH5 C5000", "NQH5-NQM5", "SR3:BF Z5-H6-M6"])
# The name with its decade left out, and the year's last digit, month and months past it of its first leg.
NAMES = {
    "CLZ5": ("CLZ{}5", 5, 12, 0),
    "CLF30": ("CLF2030", 0, 1, 0),
    "ZQF6": ("ZQF{}6", 6, 1, 0),
    "SR3H5": ("SR3H{}5", 5, 3, 3),
    "ESH5 C5000": ("ESH{}5 C5000", 5, 3, 0),
    "NQH5-NQM5": ("NQH{0}5-NQM{0}5", 5, 3, 0),
    "SR3:BF Z5-H6-M6": ("SR3:BF Z{0}5-H{0}6-M{0}6", 5, 12, 3),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(CODES, st.sampled_from([(201,), (202,), (201, 202)]), min_size=1, max_size=4), st.randoms())
def test_generated_files_have_exact_totals_per_contract(market_db, tmp_path, contracts, random):
    """Each code trades in the last months of one or both decades, each time under an id of its own."""
    Bar.objects.all().delete()
    SeriesInstrument.objects.all().delete()
    Series.objects.exclude(slug="mnq").delete()
    parts, expected = [], {}
    for code, decades in contracts.items():
        name, digit, month, past = NAMES[code]
        for decade in decades if "{" in name else (203,):
            last = date(decade * 10 + digit, month, 20) + timedelta(days=30 * past)
            days = random.randint(1, 3)
            parts.append((code, len(parts) + 1, last - timedelta(days=random.randint(20, 700)), days))
            expected[name.format(decade)] = 5 * days
    ingest(file_of(tmp_path / "all.dbn", parts, start=at(0, day=date(2012, 1, 1)), end=at(0, day=date(2031, 1, 1))))

    assert counts() == expected
