"""What a split does to a series: which dates move to which contract, and why a series cannot be split."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time

from django.db.backends.utils import CursorWrapper

from ingestion.dbn.text import to_printable
from ingestion.loading.partitions import describe_archived
from ingestion.split.dates import DateContent, find_dates
from ingestion.split.occupied import OccupiedDates
from ingestion.split.timeline import ContractTimeline
from ingestion.symbology.contracts import describe_contract
from ingestion.symbology.intervals import ONE_DAY
from ingestion.symbology.stored_contracts import StoredSeries
from marketdata.contracts.years import Contract
from marketdata.models import Series, SeriesInstrument
from marketdata.models.contract import ContractColumns

_CONTRACT_COLUMNS = tuple(column.name for column in ContractColumns._meta.get_fields())
_DEFINED_COLUMNS = ("activation_date", "expiration_date")


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


@dataclass(frozen=True)
class Draft:
    """A split without its moves: they depend on the dates of the other splits, which `OccupiedDates` collects.

    `contents` has what the series has of each date, `names` the contract of each date.
    """

    split: SeriesSplit
    contents: Mapping[date, DateContent] = field(default_factory=dict)
    names: Mapping[date, str] = field(default_factory=dict)


def draft_split(cursor: CursorWrapper, stored: StoredSeries, occupied: OccupiedDates) -> Draft:
    """Find what a split of the series does, and add its dates to `occupied`."""
    if reason := describe_archived([stored.series.symbol]):
        return Draft(SeriesSplit(stored.series, stored.raw_symbol, refusal=reason))
    contents = find_dates(cursor, stored.series.symbol)
    timeline = ContractTimeline(stored, contents)
    if shared := timeline.find_shared_date():
        reason = _describe_shared_date(stored, *shared)
        return Draft(SeriesSplit(stored.series, stored.raw_symbol, refusal=reason))
    parts = list(_divide_rows(stored, timeline))
    names = {day: timeline.find_name(day) for day in contents}
    columns = {name: _describe(contract, stored.series) for name, contract in timeline.contracts.items()}
    split = SeriesSplit(stored.series, stored.raw_symbol, [], parts, columns, _have_raw_symbols(parts))
    return _check_targets(Draft(split, contents, _add_row_dates(names, parts)), occupied)


def draft_settlement(
    cursor: CursorWrapper, series: Series, name: str, columns: Mapping[str, object], occupied: OccupiedDates
) -> Draft:
    """All bars of the series move to the series `name`, whose contract these columns describe."""
    if reason := describe_archived([series.symbol]):
        return Draft(SeriesSplit(series, series.symbol, refusal=reason))
    contents = find_dates(cursor, series.symbol)
    rows = list(SeriesInstrument.objects.filter(series=series).order_by("start_date", "pk"))
    parts = [RowPart(row, row.start_date, row.end_date, name) for row in rows]
    raw_symbol = next((row.raw_symbol for row in rows if row.raw_symbol), series.symbol)
    split = SeriesSplit(series, raw_symbol, [], parts, {name: columns}, _have_raw_symbols(parts))
    names = dict.fromkeys(contents, name)
    return _check_targets(Draft(split, contents, _add_row_dates(names, parts)), occupied)


def add_moves(drafts: Sequence[Draft], occupied: OccupiedDates) -> list[SeriesSplit]:
    """The splits with their moves. A series that has the right name moves nothing. One whose bars would move to a
    series that is split itself is refused."""
    splits = [replace(one.split, moves=list(_list_moves(one, occupied))) for one in drafts]
    sources = {split.symbol for split in splits if split.moves}
    return [_refuse_circle(split, sources) for split in splits]


def _describe(contract: Contract | None, series: Series) -> dict[str, object]:
    """The columns of a series of the contract. Without a contract they are those of `series`, and so are the dates that
    only a definition file has."""
    columns = {name: getattr(series, name) for name in _CONTRACT_COLUMNS}
    if contract is None:
        return columns
    return describe_contract(contract) | {name: columns[name] for name in _DEFINED_COLUMNS}


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


def _check_targets(draft: Draft, occupied: OccupiedDates) -> Draft:
    """Refuse a draft whose targets have bars on the same dates; add the others to `occupied`."""
    split = draft.split
    moving = {day: name for day, name in draft.names.items() if name != split.symbol}
    for target in sorted(set(moving.values())):
        days = [day for day, name in moving.items() if name == target]
        if reason := describe_archived([target]) or occupied.find_reason(split.series, target, days):
            return Draft(split.refuse(reason))
    occupied.add(split.series, moving)
    return draft


def _refuse_circle(split: SeriesSplit, sources: set[str]) -> SeriesSplit:
    for target in split.targets:
        if target in sources:
            what = f"{split.series.slug} has bars of {to_printable(target)}"
            return split.refuse(f"{what}, a series that is split itself: run the command again to move them.")
    return split


def _add_row_dates(names: dict[date, str], parts: list[RowPart]) -> dict[date, str]:
    """The first and last dates of rows, too: they are without bars only if those were deleted by hand."""
    known = dict(names)
    for part in parts:
        if not part.row.from_mapping:
            known.setdefault(part.start, part.name)
            known.setdefault(part.end - ONE_DAY, part.name)
    return known


def _list_moves(draft: Draft, occupied: OccupiedDates) -> Iterator[Move]:
    """Dates with one name are joined to a move, but not across dates on which a target has other bars."""
    symbol = draft.split.symbol
    targets = set(draft.names.values()) - {symbol}
    separating = {day for target in targets for day in occupied.find(draft.split.series, target)}
    for name, group in itertools.groupby(sorted({*draft.names, *separating}), draft.names.get):
        days = list(group)
        found = [draft.contents[day] for day in days if day in draft.contents]
        if name is not None and name != symbol:
            yield Move(
                symbol,
                name,
                days[0],
                days[-1] + ONE_DAY,
                bars=sum(content.bars for content in found),
                first=found[0].first if found else _to_midnight(days[0]),
                last=found[-1].last if found else _to_midnight(days[-1]),
            )


def _describe_shared_date(stored: StoredSeries, day: date, one: str, other: str) -> str:
    return (
        f"{stored.series.slug} has bars of both {to_printable(one)} and {to_printable(other)} on {day}, which cannot "
        "be separated: undo the run that stored one of them."
    )


def _have_raw_symbols(parts: list[RowPart]) -> bool:
    return any(part.row.raw_symbol for part in parts)


def _to_midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
