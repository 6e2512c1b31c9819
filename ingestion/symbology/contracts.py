"""Which contract each instrument of a file is, and so the series of its bars.

CME uses a raw symbol again after ten years, and an instrument id within a day. So an instrument is known by its
dataset, raw symbol and id together, and its contract by the date of its first bar, in the file or stored before. A
mapping without bars makes no contract: mappings begin with the request and outlive contracts by years.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from ingestion.dbn.beside.definitions import Definition, Definitions
from ingestion.dbn.metadata import DbnMetadata
from ingestion.dbn.text import to_printable
from ingestion.symbology.stored_instruments import StoredDates, StoredInstruments
from marketdata.contracts.datasets import is_us_equities
from marketdata.contracts.roots import find_continuous_root
from marketdata.contracts.symbols import Kind, RawSymbol, is_ambiguous_dataset, name_by_instrument, parse_raw_symbol
from marketdata.contracts.years import Contract, is_past, resolve_by_expiration, resolve_contract
from marketdata.formatting import format_list
from marketdata.models.contract import MAX_ROOT

# Requests by these symbols map instruments to raw symbols.
_RAW_STYPES = {None, "raw_symbol", "parent", "instrument_id"}
_ONE_DAY = timedelta(days=1)


@dataclass
class FileInstrument:
    """An instrument of the file with one contract: its raw symbol and id, and the UTC dates of its first and last bar.

    The dates include stored bars. `symbol` is the series; `contract` is None where the raw symbol names no contract.
    """

    raw_symbol: str
    instrument_id: int
    first: date
    last: date
    symbol: str
    contract: Contract | None = None
    definition: Definition | None = None
    stored: list[StoredDates] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        """Whether `symbol` cannot change any more."""
        return self.contract is None or self.contract.is_settled

    @property
    def moved_from(self) -> list[str]:
        """The series that have stored bars of this contract under another name than `symbol`."""
        names = {dates.series_symbol for dates in self.stored if dates.is_named_by_contract}
        return sorted(names - {self.symbol})


def describe_series(instrument: FileInstrument, dataset: str) -> dict[str, object]:
    """The columns of the series that describe its contract."""
    if instrument.contract is None:
        return describe_raw_symbol(instrument.raw_symbol, dataset)
    return describe_contract(instrument.contract, instrument.definition)


def describe_contract(contract: Contract, definition: Definition | None = None) -> dict[str, object]:
    """The same columns for a contract whose definition is known or not."""
    expiration = definition.expiration if definition else None
    return {
        "kind": contract.kind.value,
        "root": contract.root[:MAX_ROOT],
        "contract_month": contract.month,
        "contract_year": contract.year,
        "is_settled": contract.is_settled,
        "activation_date": definition.activation if definition else None,
        "expiration_date": expiration,
        "last_date": expiration or contract.last_date,
    }


def describe_raw_symbol(raw_symbol: str, dataset: str) -> dict[str, object]:
    """The same columns for a series whose raw symbol names no contract."""
    if root := find_continuous_root(raw_symbol):
        return {"kind": Kind.CONTINUOUS.value, "root": root[:MAX_ROOT]}
    return {"kind": (Kind.EQUITY if is_us_equities(dataset) else Kind.OTHER).value}


def describe_unclaimed(raw_symbol: str, symbols: list[str]) -> str:
    """The sentence for the summary of a file whose only symbol no series claims."""
    name, own = to_printable(raw_symbol), format_list([to_printable(symbol) for symbol in symbols])
    stored = "its own symbol" if symbols == [raw_symbol] else own
    return (
        f"No series claims {name}: stored under {stored}. To store it under another series, add {name} to that "
        "series' vendor symbols in the admin."
    )


def describe_unsettled(instruments: list[FileInstrument]) -> Iterator[str]:
    """The sentence for the summary about contracts whose year is not settled."""
    names = [to_printable(one.symbol) for one in instruments if not one.is_settled]
    if names:
        yield (
            f"{format_list(names)}: year not settled, so the raw symbol and the instrument id name the series. A "
            "definition file beside the data, or later bars, will settle it."
        )


class ContractResolver:
    """Names the series of each instrument of one file: call `find_series` for each day in order, then `settle`."""

    def __init__(self, metadata: DbnMetadata) -> None:
        self._dataset = metadata.dataset
        self._applies = is_ambiguous_dataset(metadata.dataset) and metadata.stype_in in _RAW_STYPES
        self._stored = StoredInstruments()
        self._definitions: Definitions = {}
        self._current: dict[tuple[str, int], FileInstrument] = {}
        self._parsed: dict[str, RawSymbol | None] = {}
        self._opaque: dict[str, int] = {}  # raw symbols that name no contract, and the instrument that has the name
        self.instruments: list[FileInstrument] = []

    def is_needed(self, raw_symbol: str) -> bool:
        """Whether the raw symbol may be that of several contracts."""
        return self._applies and not find_continuous_root(raw_symbol)

    def use(self, stored: StoredInstruments, definitions: Definitions) -> None:
        """What is known beyond the file. Call it before the first record is resolved."""
        self._stored, self._definitions = stored, definitions

    def find_series(self, raw_symbol: str, instrument_id: int, day: date) -> FileInstrument:
        """The instrument with the raw symbol and id on a day with a bar. Its name may change in `settle`."""
        key = raw_symbol, instrument_id
        instrument = self._current.get(key)
        if instrument is None or (instrument.contract and is_past(instrument.contract, day)):
            instrument = self._current[key] = self._build_instrument(raw_symbol, instrument_id, day)
            self.instruments.append(instrument)
        instrument.last = max(instrument.last, day)
        return instrument

    def settle(self) -> None:
        """Name the instruments whose year the first bar left open, now that their last bar is known."""
        for instrument in self.instruments:
            raw = self._parse(instrument.raw_symbol)
            if raw is not None and not instrument.is_settled:
                instrument.contract = resolve_contract(raw, first=instrument.first, last=instrument.last)
                if instrument.contract.is_settled:
                    instrument.symbol = self._stored.find_alias(instrument.contract.symbol)

    def _build_instrument(self, raw_symbol: str, instrument_id: int, day: date) -> FileInstrument:
        raw = self._parse(raw_symbol) if self.is_needed(raw_symbol) else None
        if raw is None:
            name = self._name_opaque(raw_symbol, instrument_id) if self.is_needed(raw_symbol) else raw_symbol
            return FileInstrument(raw_symbol, instrument_id, day, day, name)
        definition = self._find_definition(raw_symbol, instrument_id, day)
        stored = self._find_stored(raw, instrument_id, day)
        first = min([day, *(dates.start for dates in stored)])
        last = max([day, *(dates.end - _ONE_DAY for dates in stored)])
        if definition is not None and definition.expiration is not None:
            contract = resolve_by_expiration(raw, definition.expiration)
        else:
            contract = resolve_contract(raw, first=first, last=last)
            if not contract.is_settled:
                contract = next((dates.contract for dates in stored if dates.contract), contract)
        name = contract.symbol if contract.is_settled else name_by_instrument(raw_symbol, instrument_id)
        name = self._stored.find_alias(name)
        return FileInstrument(raw_symbol, instrument_id, first, last, name, contract, definition, stored)

    def _find_stored(self, raw: RawSymbol, instrument_id: int, day: date) -> list[StoredDates]:
        """The stored dates of the contract that the instrument has on this day. The id may have had another before, or
        have another later."""
        return [
            dates
            for dates in self._stored.find_dates(raw.text, instrument_id)
            if not is_past(resolve_contract(raw, first=min(dates.start, day)), max(dates.start, day))
        ]

    def _find_definition(self, raw_symbol: str, instrument_id: int, day: date) -> Definition | None:
        definitions = self._definitions.get((raw_symbol, instrument_id), [])
        return next((one for one in definitions if one.expiration is None or one.expiration >= day), None)

    def _name_opaque(self, raw_symbol: str, instrument_id: int) -> str:
        """The first instrument of a raw symbol that names no contract has the symbol; others are kept apart."""
        owner = self._stored.find_owner(raw_symbol) or self._opaque.setdefault(raw_symbol, instrument_id)
        return raw_symbol if owner == instrument_id else name_by_instrument(raw_symbol, instrument_id)

    def _parse(self, raw_symbol: str) -> RawSymbol | None:
        if raw_symbol not in self._parsed:
            self._parsed[raw_symbol] = parse_raw_symbol(raw_symbol, self._dataset)
        return self._parsed[raw_symbol]
