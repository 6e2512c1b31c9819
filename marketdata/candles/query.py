"""The candles of a request: one page, or all of a range."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from marketdata.bars.stats import get_first_and_last
from marketdata.calendars.hours import Hours
from marketdata.candles.aggregate import read_candles
from marketdata.candles.columns import Candle, Candles
from marketdata.candles.search import Search
from marketdata.models import Series
from marketdata.models.bar import EARLIEST, LATEST
from marketdata.timestamps import from_seconds

_MINUTE = timedelta(minutes=1)
_MAX_REACH = timedelta(days=30)


def read_candle_page(series: Series, timeframe: str, **page: Any) -> tuple[list[Candle], datetime | None]:
    """The candles of `read_candle_columns` as objects."""
    candles, after = read_candle_columns(series, timeframe, **page)
    return candles.to_list(), after


def read_candle_columns(
    series: Series,
    timeframe: str,
    *,
    start: datetime | None,
    end: datetime | None,
    after: datetime | None,
    descending: bool,
    limit: int,
    hours: Hours = Hours.ALL,
    now: datetime | None = None,
) -> tuple[Candles, datetime | None]:
    """Up to `limit` candles whose timestamp is in [start, end), and the `after` of the next page, None at the end.

    They come in time order, or the reverse with `descending`, and follow the candle at `after`. Each candle is
    complete: it includes bars of its period outside the range. With `Hours.REGULAR` only bars in regular hours count.
    All times are UTC; `now` decides which candle is forming. Raises `UnknownCalendar` if the series' calendar is
    unknown. Any page reads about as many bars, or hours, as its candles contain.
    """
    found = Candles.make_empty()
    bounds = get_first_and_last(series)
    if bounds is None:
        return found, None
    lowest, highest, after = _clamp(start), _clamp(end), _clamp(after)
    if after is not None:
        lowest, highest = (lowest, after) if descending else (after + _MINUTE, highest)
    search = Search(
        series, timeframe, hours, first=bounds[0], last=bounds[1], lowest=lowest, highest=highest, descending=descending
    )
    now, wanted, count, read = now or timezone.now(), limit + 1, limit + 1, 0
    while len(found) < wanted and (periods := search.find_next(count)):
        candles = read_candles(series.symbol, periods, now=now).clip(lowest, highest)
        found += candles[::-1] if descending else candles
        read += count
        count = _estimate_count(wanted - len(found), read, len(found))
    return found[:limit], from_seconds(found.ts[limit - 1]) if len(found) > limit else None


def _estimate_count(missing: int, read: int, found: int) -> int:
    """How many periods to read for the missing candles, by the part of the periods so far that had bars.

    At most twice as many as so far: so a long range without bars takes few statements, and a short one few periods.
    """
    return min(2 * read, 8 + missing * read * 5 // (4 * max(found, 1)))


def iterate_candles(
    series: Series,
    timeframe: str,
    *,
    start: datetime | None,
    end: datetime | None,
    hours: Hours = Hours.ALL,
    block: int = 5_000,
) -> Iterator[list[Candle]]:
    """The candles of the range in time order, in blocks, so that memory stays constant for any range."""
    after = None
    while True:
        candles, after = read_candle_page(
            series, timeframe, start=start, end=end, after=after, descending=False, limit=block, hours=hours
        )
        if candles:
            yield candles
        if after is None:
            return


def _clamp(moment: datetime | None) -> datetime | None:
    """The nearest time that a candle can have: adding to a time near the end of Python's dates would overflow."""
    return moment and min(max(moment, EARLIEST - _MAX_REACH), LATEST + _MAX_REACH)
