"""What the table knows of a file's instruments: when they had bars, under which series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q

from marketdata.contracts.symbols import Kind, name_by_instrument, parse_raw_symbol, shorten_years
from marketdata.contracts.years import Contract, resolve_contract, to_month_number
from marketdata.models import Series, SeriesInstrument

_CONTRACT_KINDS = {Kind.OUTRIGHT, Kind.SPREAD, Kind.OPTION}


@dataclass(frozen=True)
class StoredDates:
    """An instrument has bars in the series from `start` to the day before `end` (UTC dates).

    `contract` is that of the series if its year is settled. `is_named_by_contract`: whether the loader named the series
    after the contract or the instrument; an operator's name is kept.
    """

    start: date
    end: date
    series_symbol: str
    contract: Contract | None
    is_named_by_contract: bool


@dataclass
class StoredInstruments:
    """Stored dates by raw symbol and instrument id."""

    dates: dict[tuple[str, int], list[StoredDates]] = field(default_factory=lambda: defaultdict(list))
    _aliases: dict[str, str] = field(default_factory=dict)
    _owners: dict[str, int] = field(default_factory=dict)

    def find_dates(self, raw_symbol: str, instrument_id: int) -> list[StoredDates]:
        """The stored dates of an instrument, by start."""
        return self.dates.get((raw_symbol, instrument_id), [])

    def find_alias(self, name: str) -> str:
        """The symbol of the series that holds this contract: `name`, unless an earlier version stored it under its raw
        symbol."""
        return self._aliases.get(name, name)

    def find_owner(self, raw_symbol: str) -> int | None:
        """The instrument whose series has the raw symbol itself as its name."""
        return self._owners.get(raw_symbol)

    def add(self, row: SeriesInstrument) -> None:
        """Add a stored row, in the order of start dates."""
        series = row.series
        raw_symbol = row.raw_symbol or series.symbol
        if series.symbol == raw_symbol:
            self._owners.setdefault(raw_symbol, row.instrument_id)
            self._add_alias(raw_symbol, row)
        self.dates[raw_symbol, row.instrument_id].append(
            StoredDates(row.start_date, row.end_date, series.symbol, _read_contract(series), _is_named_by_loader(row))
        )

    def _add_alias(self, raw_symbol: str, row: SeriesInstrument) -> None:
        raw = parse_raw_symbol(raw_symbol, row.dataset)
        if raw is not None and not row.series.vendor_symbols:
            contract = resolve_contract(raw, first=row.start_date, last=row.end_date)
            name = contract.symbol if contract.is_settled else name_by_instrument(raw_symbol, row.instrument_id)
            self._aliases.setdefault(name, raw_symbol)


def find_stored_instruments(dataset: str, raw_symbols: Iterable[str]) -> StoredInstruments:
    """What is stored of these raw symbols. The caller holds the locks of their series."""
    symbols = list(raw_symbols)
    rows = SeriesInstrument.current.filter(
        Q(raw_symbol__in=symbols) | Q(raw_symbol="", series__symbol__in=symbols), dataset=dataset
    )
    stored = StoredInstruments()
    for row in rows.select_related("series").order_by("start_date"):
        stored.add(row)
    return stored


def find_possible_series(dataset: str, raw_symbols: Iterable[str]) -> list[str]:
    """The stored series that may hold a contract with one of these raw symbols."""
    codes = {shorten_years(symbol) for symbol in raw_symbols}
    stored = Series.objects.filter(dataset__in=("", dataset)).values_list("symbol", flat=True)
    return [symbol for symbol in stored if shorten_years(symbol) in codes]


def _is_named_by_loader(row: SeriesInstrument) -> bool:
    return bool(row.raw_symbol) and row.series.kind in _CONTRACT_KINDS and not row.series.vendor_symbols


def _read_contract(series: Series) -> Contract | None:
    if series.kind not in _CONTRACT_KINDS or series.contract_year is None or series.contract_month is None:
        return None
    last_month = to_month_number(series.last_date) if series.last_date else None
    kind = Kind(series.kind)
    return Contract(series.symbol, kind, series.root, series.contract_month, series.contract_year, last_month, True)
