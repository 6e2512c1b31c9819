"""Quarterly futures and the symbols that resolve to them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date, timedelta

ROOTS = {"MNQ": (1, 17_000), "NQ": (2, 17_000), "ES": (3, 4_800), "MES": (4, 4_800)}
"""Number and price level (points) of each product."""
QUARTERS = {3: "H", 6: "M", 9: "U", 12: "Z"}
DATASET_START = date(2010, 6, 6)
SPREAD = 500_000_000
"""Added to the instrument id of the nearer contract of a calendar spread."""

Interval = tuple[date, date, int]
"""First day, day after the last, instrument id."""


@dataclass(frozen=True)
class Contract:
    root: str
    year: int
    month: int

    @property
    def raw_symbol(self) -> str:
        return f"{self.root}{QUARTERS[self.month]}{self.year % 10}"

    @property
    def instrument_id(self) -> int:
        return ROOTS[self.root][0] * 1_000_000 + self.year * 100 + self.month

    @property
    def expiry(self) -> date:
        """The third Friday: the last day on which it trades."""
        first = date(self.year, self.month, 1)
        return first + timedelta(days=(4 - first.weekday()) % 7 + 14)

    def is_listed(self, day: date) -> bool:
        return self.expiry - timedelta(days=450) <= day <= self.expiry


@functools.cache
def list_contracts(root: str, day: date) -> tuple[Contract, ...]:
    """All contracts that are listed on a day, nearest expiry first."""
    found = [Contract(root, year, month) for year in (day.year, day.year + 1, day.year + 2) for month in QUARTERS]
    return tuple(contract for contract in found if contract.is_listed(day))


def get_contract(instrument_id: int) -> Contract:
    """The contract of an instrument id; of a spread, the nearer one."""
    number, rest = divmod(instrument_id % SPREAD, 1_000_000)
    root = next(root for root, (index, _) in ROOTS.items() if index == number)
    return Contract(root, rest // 100, rest % 100)


def get_raw_symbol(instrument_id: int) -> str:
    """`MNQM4`, or `MNQM4-MNQU4` for the calendar spread of two neighbours."""
    near = get_contract(instrument_id)
    if instrument_id < SPREAD:
        return near.raw_symbol
    far = Contract(near.root, near.year + (near.month == 12), near.month % 12 + 3)
    return f"{near.raw_symbol}-{far.raw_symbol}"


def resolve(symbol: str, stype_in: str, first: date, last: date) -> list[Interval]:
    """Dated intervals of a symbol in [first, last), as the vendor's symbology gives them. A Saturday within one
    does not divide it."""
    spans: dict[int, list[list[date]]] = {}
    day = max(first, DATASET_START)
    while day < last:
        next_day = day + timedelta(days=1)
        for instrument in _list_instruments(symbol, stype_in, day):
            known = spans.setdefault(instrument, [])
            gap = (day - known[-1][1]).days if known else -1
            if gap == 0 or (gap == 1 and day.weekday() == 6):
                known[-1][1] = next_day
            else:
                known.append([day, next_day])
        day = next_day
    return sorted((start, end, instrument) for instrument, known in spans.items() for start, end in known)


def _list_instruments(symbol: str, stype_in: str, day: date) -> list[int]:
    if stype_in == "raw_symbol":
        return _list_raw(symbol, day)
    if stype_in == "instrument_id":
        listed = {contract.instrument_id for root in ROOTS for contract in list_contracts(root, day)}
        return [int(symbol)] if int(symbol) in listed else []
    root, _, rule = symbol.partition(".")
    if root not in ROOTS:
        return []
    if stype_in == "parent":
        return _list_children(root, day) if rule == "FUT" else []
    return _list_continuous(root, rule, day) if stype_in == "continuous" else []


def _list_raw(symbol: str, day: date) -> list[int]:
    """A raw symbol resolves to nothing on a Saturday, when no market is open."""
    root = next((root for root in sorted(ROOTS, key=len, reverse=True) if symbol.startswith(root)), None)
    listed = list_contracts(root, day) if root and day.weekday() != 5 else ()
    return [contract.instrument_id for contract in listed if contract.raw_symbol == symbol]


def _list_children(root: str, day: date) -> list[int]:
    """The two nearest contracts, and the calendar spread between them, which is an instrument of its own."""
    near, far = (contract.instrument_id for contract in list_contracts(root, day)[:2])
    return [near, far, near + SPREAD]


def _list_continuous(root: str, rule: str, day: date) -> list[int]:
    """`c.0` rolls after the expiry, `v.0` and `n.0` on the Monday before it."""
    kind, _, rank = rule.partition(".")
    if kind not in ("c", "v", "n") or not rank.isdigit():
        return []
    early = timedelta(days=0 if kind == "c" else 5)
    alive = [contract for contract in list_contracts(root, day) if contract.expiry - early >= day]
    return [alive[int(rank)].instrument_id] if int(rank) < len(alive) else []
