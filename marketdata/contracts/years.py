"""Decides which contract a raw symbol is: the year of each leg, or that it is not settled.

A contract is named by its first year that fits: its month, plus the months that its product trades past it, is not
before the month of the first bar. Months are counted from year 0: a month's number is 12 x year + month - 1.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date

from marketdata.contracts.products import count_months_past, is_listed_ten_years_ahead, is_swap
from marketdata.contracts.symbols import Kind, Leg, RawSymbol

_DECADE = 120  # months
# A bar up to this many months past the last possible month is not explained by the next decade: contracts with the
# same code are rarely listed ten years ahead.
_DOUBTFUL_MONTHS = 6
_CENTURY_REACH = 50  # years


@dataclass(frozen=True)
class Contract:
    """A contract: its name, such as NQH2025, the product, and the month and year of its first leg.

    `last_month` is the number of the last month in which it can trade: that of its first leg to end. Where
    `is_settled` is False, the year is not known: `symbol` is the raw symbol, `year` and `last_month` are None.
    """

    symbol: str
    kind: Kind
    root: str
    month: int
    year: int | None
    last_month: int | None
    is_settled: bool

    @property
    def last_date(self) -> date | None:
        """The last day of the last possible month."""
        if self.last_month is None:
            return None
        year, month = self.last_month // 12, self.last_month % 12 + 1
        return date(year, month, calendar.monthrange(year, month)[1])


def to_month_number(day: date) -> int:
    """The number of the day's month."""
    return day.year * 12 + day.month - 1


def resolve_contract(raw: RawSymbol, *, first: date, last: date | None = None) -> Contract:
    """The contract whose first bar is of the UTC date `first`. `last`, the date of its last known bar, can settle a
    year that `first` leaves open."""
    first_month = to_month_number(first)
    last_month = max(first_month, to_month_number(last or first))
    years = [_find_year(leg, first_month, last_month) for leg in raw.legs]
    return _build_contract(raw, years)


def resolve_by_expiration(raw: RawSymbol, expiration: date) -> Contract:
    """The contract that expires on this UTC date, as a definition file records it.

    A leg's month is the first one that is not more than six months before the expiration: some products trade past
    the month of their name, and the later legs of a spread expire years after the spread.
    """
    month = to_month_number(expiration) - _DOUBTFUL_MONTHS
    years = [_find_two_digit_year(leg, expiration) or _find_first_year(leg, month) for leg in raw.legs]
    return _build_contract(raw, list(years))


def is_past(contract: Contract, day: date) -> bool:
    """Whether a bar of this day cannot be of the contract, so that its instrument id has another contract by then."""
    return contract.last_month is not None and to_month_number(day) > contract.last_month + _DOUBTFUL_MONTHS


def _find_year(leg: Leg, first_month: int, last_month: int) -> int | None:
    """The year of a leg; None if it is not settled."""
    if len(leg.digits) == 2:
        return _find_two_digit_year(leg, date(first_month // 12, 1, 1))
    if is_swap(leg.root):
        return None
    past = count_months_past(leg.root)
    year = _find_first_year(leg, first_month - past)
    month = year * 12 + leg.month - 1 + past
    months_late = first_month - (month - _DECADE)
    if months_late <= _DOUBTFUL_MONTHS:  # perhaps the contract of the decade before, which traded longer than known
        return year if last_month > month - _DECADE + _DOUBTFUL_MONTHS else None
    if is_listed_ten_years_ahead(leg.root) and first_month == month:  # perhaps the contract of the next decade
        return year + 10 if last_month > month else None
    return year


def _find_first_year(leg: Leg, month: int) -> int:
    """The first year with the leg's last digit in which the leg's month is not before `month`."""
    year = month // 12 + (int(leg.digits[-1]) - month // 12) % 10
    return year if year * 12 + leg.month - 1 >= month else year + 10


def _find_two_digit_year(leg: Leg, day: date) -> int | None:
    """The year of two digits that is within 50 years of the day; None for one digit."""
    if len(leg.digits) != 2:
        return None
    start = day.year - _CENTURY_REACH + 1
    return start + (int(leg.digits) - start) % 100


def _build_contract(raw: RawSymbol, years: list[int | None]) -> Contract:
    leg = raw.legs[0]
    known = [year for year in years if year is not None]
    if len(known) < len(years):
        return Contract(raw.text, raw.kind, raw.root, leg.month, None, None, is_settled=False)
    last_months = [
        year * 12 + leg.month - 1 + count_months_past(leg.root)
        for leg, year in zip(raw.legs, known, strict=True)
        if not is_swap(leg.root)
    ]
    last_month = min(last_months, default=None)
    return Contract(raw.fill_in(known), raw.kind, raw.root, leg.month, known[0], last_month, is_settled=True)
