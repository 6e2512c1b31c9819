"""The year of a raw symbol, by the date of its first bar: each rule on both sides of its edges."""

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from marketdata.contracts.products import count_months_past
from marketdata.contracts.symbols import parse_raw_symbol, shorten_years
from marketdata.contracts.years import Contract, is_past, resolve_by_expiration, resolve_contract, to_month_number

GLOBEX = "GLBX.MDP3"
CASES = Path(settings.BASE_DIR).parent / "shared" / "cases" / "contracts.tsv"


def resolve(text: str, first: str, last: str | None = None, dataset: str = GLOBEX) -> Contract:
    raw = parse_raw_symbol(text, dataset)
    assert raw is not None, text
    return resolve_contract(raw, first=date.fromisoformat(first), last=date.fromisoformat(last) if last else None)


@pytest.mark.parametrize(
    "text, first, expected",
    [
        ("NQH5", "2014-12-01", "NQH2015"),
        ("NQH5", "2015-03-31", "NQH2015"),
        ("NQH5", "2015-10-01", "NQH2025"),
        ("NQH5", "2025-03-01", "NQH2025"),
        ("NQM0", "2018-06-01", "NQM2020"),
        ("NQH5-NQM5", "2024-12-20", "NQH2025-NQM2025"),
        ("NQZ9-NQH0", "2019-11-01", "NQZ2019-NQH2020"),
        ("CLZ5-CLZ29", "2025-02-01", "CLZ2025-CLZ2029"),
        ("CLF30", "2024-12-02", "CLF2030"),
        ("CLF30", "2029-12-31", "CLF2030"),
        ("CLF09", "1990-01-02", "CLF2009"),
        ("CLF75", "2025-01-02", "CLF2075"),
        ("CLF76", "2025-01-02", "CLF1976"),
        ("SR3H5", "2025-06-30", "SR3H2025"),
        ("SR3H5", "2026-01-02", "SR3H2035"),
        ("DCH5", "2025-04-30", "DCH2025"),
        ("ZQF5", "2024-01-02", "ZQF2025"),
        ("ESH5 C5000", "2024-12-02", "ESH2025 C5000"),
        ("ESZ9  P-5.5", "2029-12-02", "ESZ2029  P-5.5"),
        ("SR3:BF Z6-H7-M7", "2026-07-15", "SR3:BF Z2026-H2027-M2027"),
        ("SR3:SB 4YZ1-4YZ5", "2021-11-01", "SR3:SB 4YZ2021-4YZ2025"),
        ("HO:SA 09M V3", "2022-11-16", "HO:SA 09M V2023"),
        ("YITM25", "2025-03-28", "YITM2025"),
    ],
)
def test_the_first_year_that_fits_names_the_contract(text, first, expected):
    contract = resolve(text, first)

    assert (contract.symbol, contract.is_settled) == (expected, True)


@pytest.mark.parametrize(
    "text, first",
    [
        ("NQH5", "2025-04-01"),  # one month past the last possible one
        ("NQH5", "2025-09-30"),  # six months past it
        ("SR3H5", "2025-07-01"),
        ("DCH5", "2025-05-01"),
        ("NQZ4-NQH5", "2025-01-02"),  # one leg is enough
        ("GEH5", "2015-03-16"),  # the contract that ends, or the next one, which is listed then
        ("GEZ4-GEH5", "2015-03-16"),
        ("YITM5", "2025-03-28"),
    ],
)
def test_a_year_that_the_first_bar_leaves_open_is_not_guessed(text, first):
    contract = resolve(text, first)

    assert (contract.symbol, contract.year, contract.last_date, contract.is_settled) == (text, None, None, False)


@pytest.mark.parametrize(
    "text, first, last, expected",
    [
        ("GEH5", "2015-03-16", "2015-04-01", "GEH2025"),
        ("GEH5", "2015-02-27", "2015-03-16", "GEH2015"),
        ("NQH5", "2025-04-01", "2025-10-01", "NQH2035"),
    ],
)
def test_later_bars_settle_a_year(text, first, last, expected):
    assert resolve(text, first, last).symbol == expected


def test_later_bars_within_the_doubtful_months_settle_nothing():
    assert not resolve("NQH5", "2025-04-01", "2025-09-30").is_settled
    assert not resolve("GEH5", "2015-03-16", "2015-03-31").is_settled
    assert not resolve("YITM5", "2025-03-28", "2031-03-28").is_settled


@pytest.mark.parametrize(
    "text, expiration, expected",
    [
        ("GEH5", "2015-03-16", "GEH2015"),
        ("GEH5", "2025-03-17", "GEH2025"),
        ("CLF6", "2025-12-19", "CLF2026"),
        ("SR3H5", "2025-06-17", "SR3H2025"),
        ("DCZ4", "2025-01-02", "DCZ2024"),
        ("YITM5", "2025-09-15", "YITM2025"),
        ("CLM5-CLZ1", "2025-05-20", "CLM2025-CLZ2031"),
        ("CLZ5-CLZ29", "2025-11-20", "CLZ2025-CLZ2029"),
    ],
)
def test_a_definition_settles_the_year(text, expiration, expected):
    raw = parse_raw_symbol(text, GLOBEX)

    assert resolve_by_expiration(raw, date.fromisoformat(expiration)).symbol == expected


def test_the_last_date_is_that_of_the_leg_that_ends_first():
    assert resolve("SR3H5", "2024-12-02").last_date == date(2025, 6, 30)
    assert resolve("CLZ5-CLM5", "2024-12-02").last_date == date(2025, 6, 30)
    assert resolve("NQG4", "2023-12-02").last_date == date(2024, 2, 29)


def test_an_instrument_has_another_contract_seven_months_after_the_last_possible_month():
    contract = resolve("NQH5", "2015-01-02")

    assert not is_past(contract, date(2015, 9, 30))
    assert is_past(contract, date(2015, 10, 1))


@pytest.mark.skipif(not CASES.exists(), reason="the cases are not beside this checkout: real symbols are NOT tested")
def test_real_symbols_have_the_names_that_are_known_for_them():
    rows = list(csv.DictReader(CASES.read_text().splitlines(), delimiter="\t"))
    assert len(rows) > 50
    for row in rows:
        raw = parse_raw_symbol(row["raw_symbol"], row["dataset"])
        if row["expected"] in ("opaque", "explicit"):
            assert raw is None, row
            continue
        contract = resolve_contract(raw, first=date.fromisoformat(row["first_bar"]))
        assert (contract.symbol if contract.is_settled else "ambiguous") == row["expected"]
        assert shorten_years(contract.symbol) == shorten_years(row["raw_symbol"])


def name_slowly(root: str, code: str, digit: int, first: date) -> str | None:
    """The rule, one month at a time: None if it is not settled."""
    month = first.year * 12 + first.month - 1
    last_of_code = [year * 12 + "FGHJKMNQUVXZ".index(code) + count_months_past(root) for year in range(1900, 2100)]
    ends = [end for year, end in zip(range(1900, 2100), last_of_code, strict=True) if year % 10 == digit]
    if any(1 <= month - end <= 6 for end in ends):
        return None
    end = min(end for end in ends if end >= month)
    if root == "GE" and end == month:
        return None
    return f"{root}{code}{(end - count_months_past(root)) // 12}"


@given(
    st.sampled_from(["NQ", "SR3", "DC", "GE", "ZQ", "M2K"]),
    st.sampled_from("FGHJKMNQUVXZ"),
    st.integers(0, 9),
    st.dates(date(1990, 1, 1), date(2060, 1, 1)),
)
def test_the_rule_equals_a_slow_one(root, code, digit, first):
    raw = parse_raw_symbol(f"{root}{code}{digit}", GLOBEX)

    contract = resolve_contract(raw, first=first)

    assert (contract.symbol if contract.is_settled else None) == name_slowly(root, code, digit, first)


@given(st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.integers(0, 200))
def test_bars_within_a_contracts_months_never_change_its_name(first, days):
    contract = resolve_contract(parse_raw_symbol("NQH5", GLOBEX), first=first)
    later = first + timedelta(days=days)
    if contract.is_settled and to_month_number(later) <= contract.last_month:
        assert resolve_contract(parse_raw_symbol("NQH5", GLOBEX), first=first, last=later) == contract
