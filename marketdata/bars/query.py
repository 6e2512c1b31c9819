"""Bars of a series, filtered by time and read page by page."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.db.models import BooleanField, F, Func, QuerySet, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from marketdata.bars.archived import ROW_COLUMNS, BarRow, select_regular, to_bar_rows
from marketdata.bars.regular_hours import IS_REGULAR, list_regular_edges
from marketdata.bars.stats import get_first_and_last
from marketdata.calendars.hours import Hours
from marketdata.models import Bar, Series
from marketdata.models.bar import EARLIEST, LATEST
from marketdata.sources.split import Piece, Sources, read_settled

__all__ = ["BarRow", "filter_bars", "list_edges", "read_bar_page", "read_bars_at", "read_newest_bars"]

if TYPE_CHECKING:
    import pyarrow

_MINUTE = timedelta(minutes=1)


def filter_bars(
    series: Series, start: datetime | None, end: datetime | None, hours: Hours = Hours.ALL
) -> QuerySet[Bar]:
    """The series' bars in the table with start ≤ ts < end, unordered; with `Hours.REGULAR` those in regular hours.

    Raises `UnknownCalendar` if regular hours are requested, and the series' calendar is unknown.
    """
    edges = list_edges(series, start, end) if hours is Hours.REGULAR else None
    return _filter(series.symbol, start, end, edges)


def _filter(symbol: str, start: datetime | None, end: datetime | None, edges: str | None) -> QuerySet[Bar]:
    bars = Bar.objects.filter(symbol=symbol)
    if edges is not None:
        bars = bars.filter(RawSQL(IS_REGULAR, [edges], output_field=BooleanField()))
    if start is not None:
        bars = bars.filter(ts__gte=start)
    if end is not None:
        bars = bars.filter(ts__lt=end)
    return bars


def list_edges(series: Series, start: datetime | None, end: datetime | None) -> str:
    """Those of the range, as far as the series has bars: a calendar has no hours near the ends of time."""
    first, last = get_first_and_last(series) or (LATEST, EARLIEST)
    start, end = max(start or first, first), min(end or last, last)
    return list_regular_edges(series.calendar, start, end) if start <= end else "{}"


def _price_as_text(name: str) -> Cast:
    return Cast(Func(F(name), function="trim_scale"), TextField())


def read_bar_page(
    series: Series,
    *,
    start: datetime | None,
    end: datetime | None,
    after: datetime | None,
    descending: bool,
    limit: int,
    hours: Hours = Hours.ALL,
) -> tuple[list[BarRow], datetime | None]:
    """Up to `limit` bars with start ≤ ts < end, and the `after` of the next page, None at the end.

    They come in time order, or the reverse with `descending`, and follow the bar at `after`. The primary key finds a
    page without an OFFSET: the thousandth page costs what the first does. With `Hours.REGULAR` only bars in regular
    hours count. All times are UTC.
    """
    edges = list_edges(series, start, end) if hours is Hours.REGULAR else None
    if after is not None:
        start, end = (start, min(end or after, after)) if descending else (max(start or after, after), end)
    read = partial(
        _read_rows, series.symbol, start, end, after=after, edges=edges, descending=descending, limit=limit + 1
    )
    found = read_settled(read)
    return found[:limit], found[limit - 1].ts if len(found) > limit else None


def _read_rows(
    symbol: str,
    start: datetime | None,
    end: datetime | None,
    sources: Sources,
    *,
    limit: int,
    descending: bool,
    after: datetime | None = None,
    edges: str | None = None,
) -> list[BarRow]:
    """The first rows of [start, end), or the last with `descending`, except the one at `after`."""
    found: list[BarRow] = []
    for piece in sources.split(start, end, descending=descending):
        missing = limit - len(found)
        if piece.archived:
            found += _read_archived(piece, symbol, missing, descending=descending, after=after, edges=edges)
        else:
            bars = _filter(symbol, piece.start, piece.end, edges)
            if after is not None:
                bars = bars.exclude(ts=after)
            found += map(BarRow._make, _select(bars.order_by("-ts" if descending else "ts"))[:missing])
        if len(found) >= limit:
            break
    return found


def _read_archived(
    piece: Piece, symbol: str, limit: int, *, descending: bool, after: datetime | None, edges: str | None
) -> list[BarRow]:
    found: list[BarRow] = []
    for table in piece.iterate_tables(symbol, ROW_COLUMNS, descending=descending):
        table = select_regular(table, edges)
        first = max(len(table) - limit - 1, 0) if descending else 0  # one more: that at `after` is omitted
        rows = [row for row in to_bar_rows(table.slice(first, limit + 1)) if row.ts != after]
        found += rows[::-1] if descending else rows
        if len(found) >= limit:
            break
    return found[:limit]


def read_bars_at(series: Series, minutes: Collection[datetime]) -> list[BarRow]:
    """The series' bars of these minutes, UTC, in time order."""
    return read_settled(partial(_read_minutes, series.symbol, set(minutes))) if minutes else []


def _read_minutes(symbol: str, minutes: Collection[datetime], sources: Sources) -> list[BarRow]:
    found = list(map(BarRow._make, _select(Bar.objects.filter(symbol=symbol, ts__in=minutes).order_by("ts"))))
    for piece in sources.find_archived(min(minutes), max(minutes) + _MINUTE):
        wanted = [minute for minute in minutes if piece.start <= minute < piece.end]
        if wanted:
            part = Piece(min(wanted), max(wanted) + _MINUTE, piece.archived)
            for table in part.iterate_tables(symbol, ROW_COLUMNS):
                found += to_bar_rows(_select_minutes(table, wanted))
    return sorted(found)


def _select_minutes(table: pyarrow.Table, minutes: Collection[datetime]) -> pyarrow.Table:
    import pyarrow
    from pyarrow import compute

    return table.filter(compute.is_in(table["ts"], pyarrow.array(minutes, table["ts"].type)))


def read_newest_bars(symbol: str, limit: int) -> list[BarRow]:
    """The last bars of a symbol, the newest first."""
    return read_settled(partial(_read_rows, symbol, None, None, limit=limit, descending=True))


def _select(bars: QuerySet[Bar]) -> QuerySet[Bar, tuple]:
    prices = [_price_as_text(name) for name in ("open", "high", "low", "close")]
    return bars.values_list("ts", *prices, "volume", "ingestion_run_id")
