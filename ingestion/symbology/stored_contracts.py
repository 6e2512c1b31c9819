"""Which contracts a stored series holds: earlier versions stored all contracts of a raw symbol in one series.

A contract is known by the dataset, raw symbol and id of its instrument, and by the date of its first bar, as
marketdata/contracts/years.py describes. Series that an operator named are not examined.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from ingestion.dbn.text import to_printable
from ingestion.errors import MixedInstruments
from ingestion.symbology.intervals import ONE_DAY
from marketdata.command_line import manage
from marketdata.contracts.symbols import (
    CBOE_FUTURES,
    GLOBEX,
    RawSymbol,
    is_ambiguous_dataset,
    is_user_defined,
    name_by_instrument,
    parse_raw_symbol,
)
from marketdata.contracts.years import Contract, is_past, resolve_contract
from marketdata.formatting import format_list
from marketdata.models import Bar, IngestRun, Series, SeriesInstrument
from marketdata.partitions.archived_bars import find_first_archived


class Action(StrEnum):
    """What a split of a series does: `NOTHING` if its name is right, `RENAME` for one contract, `SPLIT` for several."""

    NOTHING = "nothing"
    RENAME = "rename"
    SPLIT = "split"


@dataclass(frozen=True)
class StoredContract:
    """Dates on which a row of `SeriesInstrument` has a contract: UTC, from `start` to the day before `end`.

    `name` is the symbol of the contract's series. `contract` is None where the raw symbol names no contract.
    """

    name: str
    contract: Contract | None
    row: SeriesInstrument
    start: date
    end: date


@dataclass(frozen=True)
class StoredSeries:
    """A series with the contracts that it holds, by date. `replaced` are those of replaced instruments."""

    series: Series
    raw_symbol: str
    dataset: str
    contracts: Sequence[StoredContract] = ()
    replaced: Sequence[StoredContract] = ()

    @property
    def names(self) -> list[str]:
        """The names of the contracts that have bars, in the order of their first dates."""
        return list(dict.fromkeys(one.name for one in self.contracts))

    @property
    def action(self) -> Action:
        """What a split of the series does."""
        if len(self.names) > 1:
            return Action.SPLIT
        return Action.NOTHING if self.names in ([], [self.series.symbol]) else Action.RENAME


def list_possible_series() -> QuerySet[Series]:
    """The series that may be named by a raw symbol: no operator gave them vendor symbols, and no contract is known."""
    series = Series.objects.filter(
        contract_year__isnull=True, vendor_symbols=[], dataset__in=("", GLOBEX, CBOE_FUTURES)
    )
    return series.exclude(kind__in=("continuous", "equity")).exclude(slug=settings.DEFAULT_SERIES).order_by("symbol")


def find_stored_contracts(series: Iterable[Series]) -> list[StoredSeries]:
    """The contracts of each of these series. Those that are not named by a raw symbol hold none."""
    return list(_StoredContracts(list(series)).find())


def find_splittable(series: Iterable[Series]) -> list[StoredSeries]:
    """The series that a split changes: its `action` is to rename or to split."""
    return [stored for stored in find_stored_contracts(series) if stored.action != Action.NOTHING]


def holds_several_contracts(series: Series) -> bool:
    """Whether the series is named by a raw symbol, and has bars of several contracts."""
    return bool(_find_unsplit(Series.objects.filter(pk=series.pk)))


def refuse_unsplit(path: Path, symbols: Iterable[str]) -> None:
    """Raise `MixedInstruments` if the series of one of the file's raw symbols holds several contracts."""
    unsplit = _find_unsplit(Series.objects.filter(symbol__in=list(symbols)))
    if not unsplit:
        return
    first = unsplit[0]
    command = f"{manage()} split_contracts"
    more = ""
    if len(unsplit) > 1:
        more = f" {len(unsplit) - 1:,} more series of the file do, too: {command} splits all of them."
    raise MixedInstruments(
        f"{path} has {to_printable(first.raw_symbol)}, and the series {first.series.slug}, which an earlier version "
        f"stored, holds several contracts ({format_list([*map(to_printable, first.names)])}): split it with "
        f"{command} --series {first.series.slug}, and load the file again.{more}",
        path=path,
        symbol=first.series.symbol,
    )


def _find_unsplit(series: QuerySet[Series]) -> list[StoredSeries]:
    possible = list_possible_series() & series
    return [stored for stored in find_stored_contracts(possible) if stored.action == Action.SPLIT]


class _StoredContracts:
    """Finds the contracts of many series with few queries."""

    def __init__(self, series: list[Series]) -> None:
        possible = set(list_possible_series().filter(pk__in=[one.pk for one in series]).values_list("pk", flat=True))
        self._series = series
        self._possible = [one for one in series if one.pk in possible]
        self._rows = _list_rows(self._possible)
        self._named_by_operators = _find_requested_symbols(self._possible)
        self._from_mappings = _find_runs_of_many_symbols(self._rows)
        self._others = self._list_other_rows()

    def find(self) -> Iterator[StoredSeries]:
        possible = {one.pk for one in self._possible}
        for one in self._series:
            rows = self._rows[one.pk] if one.pk in possible else []
            yield self._find_contracts(one, rows)

    def _find_contracts(self, series: Series, rows: list[SeriesInstrument]) -> StoredSeries:
        raw_symbol, dataset = _find_raw_symbol(series, rows)
        if not raw_symbol or not self._is_raw_symbol(series, raw_symbol, dataset, rows):
            return StoredSeries(series, raw_symbol, dataset)
        parsed = parse_raw_symbol(raw_symbol, dataset)
        found = [
            contract
            for instrument_id in dict.fromkeys(row.instrument_id for row in rows)
            for contract in self._find_contracts_of_instrument(series, rows, raw_symbol, parsed, instrument_id)
        ]
        found.sort(key=lambda one: (one.start, one.row.instrument_id))
        return StoredSeries(
            series,
            raw_symbol,
            dataset,
            [one for one in found if one.row.replaced_by_id is None],
            [one for one in found if one.row.replaced_by_id is not None],
        )

    def _is_raw_symbol(self, series: Series, raw_symbol: str, dataset: str, rows: list[SeriesInstrument]) -> bool:
        """Whether the file's own symbol named the series, not an operator."""
        if series.symbol in self._named_by_operators or not is_ambiguous_dataset(dataset):
            return False
        if series.symbol != raw_symbol and not series.symbol.startswith(name_by_instrument(raw_symbol, 0)[:-1]):
            return False
        if parse_raw_symbol(raw_symbol, dataset) or is_user_defined(raw_symbol, dataset):
            return True
        return any(row.raw_symbol or row.run_id in self._from_mappings for row in rows)

    def _find_contracts_of_instrument(
        self,
        series: Series,
        rows: list[SeriesInstrument],
        raw_symbol: str,
        parsed: RawSymbol | None,
        instrument_id: int,
    ) -> Iterator[StoredContract]:
        own = [row for row in rows if row.instrument_id == instrument_id]
        if parsed is None:
            name = self._name_opaque(series, rows, raw_symbol, instrument_id)
            yield from (StoredContract(name, None, row, row.start_date, row.end_date) for row in own)
            return
        others = self._others.get((raw_symbol, own[0].dataset, instrument_id), [])
        chain = [*own, *(row for row in others if row.series_id != series.pk)]
        for parts in _divide_chain(parsed, series.symbol, chain):
            first, last = parts[0][1], max(end for _, _, end in parts) - ONE_DAY
            contract = resolve_contract(parsed, first=first, last=last)
            name = contract.symbol if contract.is_settled else name_by_instrument(raw_symbol, instrument_id)
            for row, start, end in parts:
                if row.series_id == series.pk:
                    yield StoredContract(name, contract, row, start, end)

    def _name_opaque(self, series: Series, rows: list[SeriesInstrument], raw_symbol: str, instrument_id: int) -> str:
        """The first instrument of a raw symbol that names no contract has the symbol; others are kept apart."""
        if series.symbol != raw_symbol:
            rows = list(SeriesInstrument.current.filter(series__symbol=raw_symbol).order_by("start_date")[:1])
        owner = next((row.instrument_id for row in rows if row.replaced_by_id is None), None)
        return raw_symbol if owner == instrument_id else name_by_instrument(raw_symbol, instrument_id)

    def _list_other_rows(self) -> dict[tuple[str, str, int], list[SeriesInstrument]]:
        """Rows of the same raw symbols in other series: they may have the first bar of an instrument."""
        raw_symbols = {_find_raw_symbol(one, self._rows[one.pk])[0] for one in self._possible} - {""}
        others = SeriesInstrument.current.filter(raw_symbol__in=raw_symbols)
        found: dict[tuple[str, str, int], list[SeriesInstrument]] = defaultdict(list)
        for row in others.order_by("start_date"):
            found[row.raw_symbol, row.dataset, row.instrument_id].append(row)
        return found


def _list_rows(series: list[Series]) -> dict[int, list[SeriesInstrument]]:
    """The dates with bars of each series, current and replaced, by start."""
    rows: dict[int, list[SeriesInstrument]] = defaultdict(list)
    stored = SeriesInstrument.objects.filter(series__in=series, from_mapping=False)
    for row in stored.order_by("start_date", "pk"):
        rows[row.series_id].append(row)
    return rows


def _find_requested_symbols(series: list[Series]) -> set[str]:
    """Symbols of the series that an operator gave with --symbol."""
    succeeded = IngestRun.objects.filter(status=IngestRun.Status.SUCCESS)
    runs = succeeded.filter(requested_symbol__in=[one.symbol for one in series])
    undone = succeeded.filter(undoes__isnull=False, left_count=0)
    return set(runs.exclude(pk__in=undone.values("undoes")).values_list("requested_symbol", flat=True))


def _find_runs_of_many_symbols(rows: dict[int, list[SeriesInstrument]]) -> set[int]:
    """Runs of files with several symbols: their mappings named the series, no operator did."""
    run_ids = {row.run_id for own in rows.values() for row in own}
    runs = IngestRun.objects.filter(pk__in=run_ids, requested_symbol="", symbols__len__gt=1)
    return set(runs.values_list("pk", flat=True))


def _find_raw_symbol(series: Series, rows: list[SeriesInstrument]) -> tuple[str, str]:
    """The raw symbol and the dataset of all rows; empty where there are several, or none."""
    keys = {(row.raw_symbol or series.symbol, row.dataset) for row in rows}
    return keys.pop() if len(keys) == 1 else ("", "")


_RowDates = tuple[SeriesInstrument, date, date]


def _divide_chain(raw: RawSymbol, symbol: str, chain: list[SeriesInstrument]) -> list[list[_RowDates]]:
    """The dates of one instrument by contract: an id that is used again after years has another contract then."""
    waiting = sorted(((row, row.start_date, row.end_date) for row in chain), key=lambda dates: dates[1], reverse=True)
    contracts: list[list[_RowDates]] = []
    contract: Contract | None = None
    while waiting:
        row, start, end = waiting.pop()
        if contract is None or is_past(contract, start):
            contract = resolve_contract(raw, first=start)
            contracts.append([])
        again = _find_next_use(contract, symbol, start, end)
        if again is not None:
            waiting.append((row, again, end))
        contracts[-1].append((row, start, again or end))
    return contracts


def _find_next_use(contract: Contract, symbol: str, start: date, end: date) -> date | None:
    """The first date with a bar that is past the contract, in an interval that begins within it."""
    if contract.last_date is None or not is_past(contract, end - ONE_DAY):
        return None
    day = max(start, contract.last_date)
    while not is_past(contract, day):
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    bounds = datetime.combine(day, time(), UTC), datetime.combine(end, time(), UTC)
    bars = Bar.objects.filter(symbol=symbol, ts__gte=bounds[0], ts__lt=bounds[1])
    stored = bars.order_by("ts").values_list("ts", flat=True).first(), find_first_archived(symbol, *bounds)
    first = min((ts for ts in stored if ts is not None), default=None)
    return first.astimezone(UTC).date() if first else None
