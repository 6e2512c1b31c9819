"""What a split does to a series: which dates move to which contract, and why a series cannot be split."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from django.db.backends.utils import CursorWrapper

from ingestion.dbn.text import to_printable
from ingestion.split.dates import DateContent, find_dates
from ingestion.split.timeline import ContractTimeline
from ingestion.symbology.intervals import ONE_DAY
from ingestion.symbology.stored_contracts import StoredSeries
from marketdata.contracts.years import Contract
from marketdata.models import Series, SeriesInstrument
from marketdata.models.contract import ContractColumns

_CONTRACT_COLUMNS = tuple(column.name for column in ContractColumns._meta.get_fields())


@dataclass(frozen=True)
class Move:
    """Bars of the series `source` that get the symbol `target`: `bars` of them, from `start` to the day before `end`
    (UTC dates). `first` and `last` are the first and last minute of a bar or of an earlier value.
    """

    source: str
    target: str
    start: date
    end: date
    bars: int
    first: datetime
    last: datetime


@dataclass(frozen=True)
class RowPart:
    """The dates of a row of instruments that belong to the contract `name`."""

    row: SeriesInstrument
    start: date
    end: date
    name: str


@dataclass(frozen=True)
class SeriesSplit:
    """What a split does to one series. `columns` describe the contract of each target.

    `has_raw_symbols`: whether its rows of instruments have the raw symbol, as later versions store it. `refusal` is the
    sentence for the user where the series cannot be split; it then has no moves.
    """

    series: Series
    raw_symbol: str
    moves: list[Move] = field(default_factory=list)
    row_parts: list[RowPart] = field(default_factory=list)
    columns: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    has_raw_symbols: bool = False
    refusal: str = ""

    @property
    def symbol(self) -> str:
        """The symbol that the series has before the split."""
        return self.series.symbol

    @property
    def targets(self) -> list[str]:
        """The series to which bars move, in the order of their dates."""
        return list(dict.fromkeys(move.target for move in self.moves))

    @property
    def bars(self) -> int:
        """How many bars move."""
        return sum(move.bars for move in self.moves)

    @property
    def keeps_dates(self) -> bool:
        """Whether some dates stay in the series, so that it is not emptied."""
        return any(part.name == self.symbol for part in self.row_parts)

    def refuse(self, reason: str) -> SeriesSplit:
        """The same series with this sentence instead of moves."""
        return SeriesSplit(self.series, self.raw_symbol, refusal=reason)


def plan_split(cursor: CursorWrapper, stored: StoredSeries) -> SeriesSplit:
    """Find what a split of the series does. It moves nothing if the name of the series is right."""
    dates = find_dates(cursor, stored.series.symbol)
    timeline = ContractTimeline(stored, dates)
    if shared := timeline.find_shared_date():
        day, one, other = shared
        reason = (
            f"{stored.series.slug} has bars of both {to_printable(one)} and {to_printable(other)} on {day}, which "
            "cannot be told apart: undo the run that stored one of them."
        )
        return SeriesSplit(stored.series, stored.raw_symbol, refusal=reason)
    parts = list(_divide_rows(stored, timeline))
    names = {day: timeline.find_name(day) for day in dates}
    moves = list(_list_moves(stored.series.symbol, dates, names, parts))
    columns = {move.target: describe_contract(timeline.contracts[move.target], stored.series) for move in moves}
    return SeriesSplit(stored.series, stored.raw_symbol, moves, parts, columns, _have_raw_symbols(parts))


def plan_settlement(cursor: CursorWrapper, series: Series, name: str, columns: Mapping[str, object]) -> SeriesSplit:
    """All bars of the series move to the series `name`, whose contract these columns describe."""
    dates = find_dates(cursor, series.symbol)
    rows = list(SeriesInstrument.objects.filter(series=series).order_by("start_date", "pk"))
    parts = [RowPart(row, row.start_date, row.end_date, name) for row in rows]
    moves = list(_list_moves(series.symbol, dates, dict.fromkeys(dates, name), parts))
    raw_symbol = next((row.raw_symbol for row in rows if row.raw_symbol), series.symbol)
    return SeriesSplit(series, raw_symbol, moves, parts, {name: columns}, _have_raw_symbols(parts))


def describe_contract(contract: Contract | None, series: Series) -> dict[str, object]:
    """The columns of a series of the contract. Without a contract they are those of `series`."""
    columns = {name: getattr(series, name) for name in _CONTRACT_COLUMNS}
    if contract is None:
        return columns
    return columns | {
        "kind": contract.kind.value,
        "contract_month": contract.month,
        "contract_year": contract.year,
        "is_settled": contract.is_settled,
        "last_date": contract.last_date,
        "root": contract.root[: Series._meta.get_field("root").max_length],
    }


def _divide_rows(stored: StoredSeries, timeline: ContractTimeline) -> Iterator[RowPart]:
    """The dates of each row by contract."""
    for one in stored.contracts:
        yield RowPart(one.row, one.start, one.end, one.name)
    for one in stored.replaced:
        days = [one.start + ONE_DAY * number for number in range((one.end - one.start).days)]
        for name, group in itertools.groupby(days, timeline.find_name):
            dates = list(group)
            yield RowPart(one.row, dates[0], dates[-1] + ONE_DAY, name)
    names = {one.row.instrument_id: one.name for one in (*stored.replaced, *stored.contracts)}
    for row in SeriesInstrument.objects.filter(series=stored.series, from_mapping=True).order_by("start_date", "pk"):
        name = names.get(row.instrument_id) or next(iter(names.values()), stored.series.symbol)
        yield RowPart(row, row.start_date, row.end_date, name)


def _list_moves(
    symbol: str, dates: Mapping[date, DateContent], names: Mapping[date, str], parts: list[RowPart]
) -> Iterator[Move]:
    """The dates with bars, with earlier values, or with an instrument, joined where the name is the same."""
    known = dict(names)
    for part in parts:
        if not part.row.from_mapping:
            known.setdefault(part.start, part.name)
            known.setdefault(part.end - ONE_DAY, part.name)
    for name, group in itertools.groupby(sorted(known), known.__getitem__):
        days = list(group)
        contents = [dates[day] for day in days if day in dates]
        if name != symbol:
            yield Move(
                symbol,
                name,
                days[0],
                days[-1] + ONE_DAY,
                bars=sum(content.bars for content in contents),
                first=contents[0].first if contents else _to_midnight(days[0]),
                last=contents[-1].last if contents else _to_midnight(days[-1]),
            )


def _have_raw_symbols(parts: list[RowPart]) -> bool:
    return any(part.row.raw_symbol for part in parts)


def _to_midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
