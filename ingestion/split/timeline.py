"""Which contract of a series each UTC date belongs to.

The instruments decide on their dates. Other dates may have bars or earlier values too: those of an undone run, which
removed its dates, or bars that another program wrote. They belong to the contract that the raw symbol is on that
date; if that is not settled, to the contract before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from ingestion.symbology.stored_contracts import StoredContract, StoredSeries
from marketdata.contracts.symbols import parse_raw_symbol
from marketdata.contracts.years import Contract, is_past, resolve_contract


class ContractTimeline:
    """The contracts of a series by date. `contracts` has what is known of each name."""

    def __init__(self, stored: StoredSeries, other_dates: Iterable[date]) -> None:
        self._stored = stored
        self.contracts: dict[str, Contract | None] = {
            one.name: one.contract for one in (*stored.replaced, *stored.contracts)
        }
        self._names: dict[date, str] = {}
        self._add_other_dates(sorted(other_dates))

    def find_name(self, day: date) -> str:
        """The name of the contract on a date of the series."""
        return self._find_by_instrument(day) or self._names[day]

    def find_shared_date(self) -> tuple[date, str, str] | None:
        """A date on which the series is mapped to instruments of two contracts, with both names; None without one."""
        latest: StoredContract | None = None
        for one in self._stored.contracts:
            if latest is not None and one.start < latest.end and one.name != latest.name:
                return one.start, latest.name, one.name
            if latest is None or one.end > latest.end:
                latest = one
        return None

    def _find_by_instrument(self, day: date) -> str | None:
        """The dates of a replaced instrument belong to the contract that has them now."""
        return _find_on(self._stored.contracts, day) or _find_on(self._stored.replaced, day)

    def _add_other_dates(self, dates: list[date]) -> None:
        contract: Contract | None = None
        for day in dates:
            if self._find_by_instrument(day):
                continue
            if contract is None or is_past(contract, day):
                contract = self._resolve(day)
            self._names[day] = self._name_alone(contract, day)

    def _resolve(self, day: date) -> Contract | None:
        raw = parse_raw_symbol(self._stored.raw_symbol, self._stored.dataset)
        contract = resolve_contract(raw, first=day) if raw else None
        return contract if contract and contract.is_settled else None

    def _name_alone(self, contract: Contract | None, day: date) -> str:
        if contract is not None:
            self.contracts.setdefault(contract.symbol, contract)
            return contract.symbol
        return self._find_before(day) or self._find_after(day) or self._stored.series.symbol

    def _find_before(self, day: date) -> str | None:
        earlier = [one for one in (*self._stored.contracts, *self._stored.replaced) if one.start <= day]
        return max(earlier, key=lambda one: one.start).name if earlier else None

    def _find_after(self, day: date) -> str | None:
        later = [one for one in (*self._stored.contracts, *self._stored.replaced) if one.start > day]
        return min(later, key=lambda one: one.start).name if later else None


def _find_on(contracts: Sequence[StoredContract], day: date) -> str | None:
    return next((one.name for one in contracts if one.start <= day < one.end), None)
