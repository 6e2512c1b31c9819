"""Bars of a series, filtered by time and read page by page."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import BooleanField, F, Func, QuerySet, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from marketdata.bars.regular_hours import IS_REGULAR, list_regular_edges
from marketdata.bars.stats import get_first_and_last
from marketdata.calendars.hours import Hours
from marketdata.models import Bar, Series
from marketdata.models.bar import EARLIEST, LATEST


def filter_bars(
    series: Series, start: datetime | None, end: datetime | None, hours: Hours = Hours.ALL
) -> QuerySet[Bar]:
    """The series' bars with start ≤ ts < end, unordered; with `Hours.REGULAR` only those in regular hours.

    Raises `UnknownCalendar` if regular hours are requested, and the series' calendar is unknown.
    """
    bars = Bar.objects.filter(symbol=series.symbol)
    if hours is Hours.REGULAR:
        bars = bars.filter(RawSQL(IS_REGULAR, [list_edges(series, start, end)], output_field=BooleanField()))
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


class BarRow(NamedTuple):
    """A bar as the API sends it: `ts` is UTC, and prices are exact decimal text without trailing zeros.

    PostgreSQL formats the prices, which is faster than Python.
    """

    ts: datetime
    open: str
    high: str
    low: str
    close: str
    volume: Decimal
    run_id: int


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
    bars = filter_bars(series, start, end, hours)
    if after is not None:
        bars = bars.filter(ts__lt=after) if descending else bars.filter(ts__gt=after)
    prices = [_price_as_text(name) for name in ("open", "high", "low", "close")]
    rows = bars.order_by("-ts" if descending else "ts").values_list("ts", *prices, "volume", "ingestion_run_id")
    found = list(map(BarRow._make, rows[: limit + 1]))
    return found[:limit], found[limit - 1].ts if len(found) > limit else None


def read_bars_at(series: Series, minutes: Collection[datetime]) -> list[BarRow]:
    """The series' bars of these minutes, UTC, in time order."""
    prices = [_price_as_text(name) for name in ("open", "high", "low", "close")]
    bars = Bar.objects.filter(symbol=series.symbol, ts__in=minutes).order_by("ts")
    return list(map(BarRow._make, bars.values_list("ts", *prices, "volume", "ingestion_run_id")))
