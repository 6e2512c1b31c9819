"""The contracts that a stored series holds, by the instruments that it was mapped to.

Earlier versions stored raw symbols as they were: NQH5 of 2015 and of 2025 in one series.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ingestion.dbn.text import to_printable
from ingestion.errors import MixedInstruments
from ingestion.symbology.intervals import ONE_DAY
from marketdata.command_line import manage
from marketdata.contracts.symbols import is_user_defined, name_by_instrument, parse_raw_symbol
from marketdata.contracts.years import Contract, is_past, resolve_contract
from marketdata.models import Series, SeriesInstrument


@dataclass(frozen=True)
class StoredContract:
    """A contract in a series: its name, and the UTC dates of its first bar and of the day after its last.

    `contract` is None for a text that names no contract.
    """

    name: str
    contract: Contract | None
    start: date
    end: date


def find_stored_contracts(series: Series) -> list[StoredContract]:
    """The contracts of the series by date; none for a series that is not named by a raw symbol."""
    raw = parse_raw_symbol(series.symbol, series.dataset)
    if series.vendor_symbols or (raw is None and not is_user_defined(series.symbol, series.dataset)):
        return []
    rows = SeriesInstrument.objects.filter(series=series, from_mapping=False).order_by("start_date", "instrument_id")
    if any(row.raw_symbol not in ("", series.symbol) for row in rows):
        return []  # the series is named by its contract, or by an operator
    found: dict[str, StoredContract] = {}
    for row, contract in _resolve_rows(series, list(rows)):
        if raw is None:
            name = series.symbol if row.instrument_id == rows[0].instrument_id else _name_row(series, row)
        else:
            name = contract.symbol if contract and contract.is_settled else _name_row(series, row)
        known = found.get(name)
        start, end = (row.start_date, row.end_date) if known is None else (known.start, max(known.end, row.end_date))
        found[name] = StoredContract(name, contract, start, end)
    return sorted(found.values(), key=lambda contract: contract.start)


def refuse_unsplit_series(path: Path, symbols: Iterable[str]) -> None:
    """Raise `MixedInstruments` for a series of these symbols that holds several contracts."""
    for series in Series.objects.filter(symbol__in=list(symbols)).order_by("symbol"):
        contracts = find_stored_contracts(series)
        if len(contracts) > 1:
            names = " and ".join(to_printable(contract.name) for contract in contracts)
            raise MixedInstruments(
                f"{path} has {to_printable(series.symbol)}, and the series {series.slug} holds several contracts of "
                f"that symbol ({names}): run `{manage()} split_contracts --series {series.slug}` first.",
                path=path,
                symbol=series.symbol,
            )


def _resolve_rows(series: Series, rows: list[SeriesInstrument]) -> Iterable[tuple[SeriesInstrument, Contract | None]]:
    """The contract of each row: the first and last bar of its instrument decide, until its contract is over."""
    raw = parse_raw_symbol(series.symbol, series.dataset)
    if raw is None:
        return [(row, None) for row in rows]
    chains: dict[int, list[list[SeriesInstrument]]] = defaultdict(list)
    for row in rows:
        ended = chains[row.instrument_id]
        if ended and not is_past(resolve_contract(raw, first=ended[-1][0].start_date), row.start_date):
            ended[-1].append(row)
        else:
            ended.append([row])
    resolved = []
    for chain in (chain for parts in chains.values() for chain in parts):
        last = max(row.end_date for row in chain) - ONE_DAY
        contract = resolve_contract(raw, first=chain[0].start_date, last=last)
        resolved += [(row, contract) for row in chain]
    return sorted(resolved, key=lambda pair: (pair[0].start_date, pair[0].instrument_id))


def _name_row(series: Series, row: SeriesInstrument) -> str:
    return name_by_instrument(series.symbol, row.instrument_id)
