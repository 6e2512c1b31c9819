"""The regular hours of an exchange, for a condition of SQL that selects the bars in them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from marketdata.calendars.hours import Hours
from marketdata.calendars.trading_days import find_trading_day, find_trading_days

# Whether a bar is in regular hours, by `list_regular_edges`. PostgreSQL expects a third of the rows to meet a condition
# that is a cast, and only one of two hundred to meet an equation: it would sort all bars of the series for a page.
IS_REGULAR = "(width_bucket(ts_ms / 1000, %s::bigint[]) %% 2)::boolean"


def list_regular_edges(calendar: str, start: datetime, end: datetime) -> str:
    """The starts and ends in turn of all regular hours of [start, end), and of others of these years, UTC.

    They are an array literal of seconds since 1970, since PostgreSQL would parse each of thousands of single numbers
    as an expression. A bar is in regular hours if an odd number of edges is at or before it. Raises `UnknownCalendar`
    for a name that no calendar has.
    """
    first = find_trading_day(calendar, start).start.year
    years = (_list_edges_of_year(calendar, year) for year in range(first, end.year + 1))
    return f"{{{','.join(filter(None, years))}}}"


@lru_cache(maxsize=1024)
def _list_edges_of_year(calendar: str, year: int) -> str:
    """Those of the trading days that begin in a year, separated by commas."""
    days = find_trading_days(calendar, datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    spans = [span for day in days if day.start.year == year for span in day.list_spans(Hours.REGULAR)]
    return ",".join(str(int(edge.timestamp())) for span in spans for edge in span)
