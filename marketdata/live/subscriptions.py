"""Which series live feeds have, and which of them each session subscribed to. A feed can have thousands: readers name
which of them they show, and the others are counted in the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from django.db import connection

from marketdata.models import FeedSessionSeries

T = TypeVar("T")

# A series is followed if it is live, or if a current session has it. The first one of each dataset has the count, so it
# is read whichever are listed.
_FOLLOWED = """
SELECT dataset, id, slug, live, feed_symbol, series_count, number > %(offset)s AND %(limit)s > 0
FROM (
    SELECT dataset, id, slug, live, feed_symbol, count(*) OVER (PARTITION BY dataset) AS series_count,
        row_number() OVER (PARTITION BY dataset ORDER BY slug) AS number
    FROM market_series
    WHERE live OR id IN (SELECT series_id FROM market_feed_session_series WHERE session_id = ANY (%(sessions)s))
) AS followed
WHERE number > %(offset)s AND number <= %(offset)s + %(limit)s OR number = 1
ORDER BY dataset, slug
"""
# The index on slugs and the primary key serve the first rows of a session with thousands.
_SUBSCRIBED = """
SELECT sessions.id, found.slug, found.vendor_symbol, found.start
FROM unnest(%(sessions)s::bigint[]) AS sessions (id)
CROSS JOIN LATERAL (
    SELECT series.slug, subscribed.vendor_symbol, subscribed.start
    FROM market_feed_session_series AS subscribed JOIN market_series AS series ON series.id = subscribed.series_id
    WHERE subscribed.session_id = sessions.id
    ORDER BY series.slug, subscribed.vendor_symbol
    LIMIT %(limit)s OFFSET %(offset)s
) AS found
"""
_COUNTS = """
SELECT session_id, count(*) FROM market_feed_session_series WHERE session_id = ANY (%(sessions)s) GROUP BY session_id
"""


class FollowedSeries(NamedTuple):
    """A series of a feed. `vendor_symbols`: as the current session subscribes to them; none if it does not."""

    slug: str
    live: bool
    feed_symbol: str
    vendor_symbols: tuple[str, ...]


class SubscribedSeries(NamedTuple):
    """A series of a session. `start`: the replay that was requested, UTC; None without one."""

    slug: str
    vendor_symbol: str
    start: datetime | None


class Listed(NamedTuple, Generic[T]):
    """Some of the rows in the order of slugs, and how many there are."""

    rows: Sequence[T]
    total: int


class Part(NamedTuple):
    """Which series of a feed and of a session are listed: up to `limit`, after so many others."""

    limit: int
    offset: int = 0


def read_followed(sessions: Sequence[int], part: Part) -> dict[str, Listed[FollowedSeries]]:
    """By dataset the followed series. `sessions` are the keys of the current ones."""
    rows = _query(_FOLLOWED, sessions, part)
    symbols = _read_symbols(sessions, [row[1] for row in rows])
    found: dict[str, list[FollowedSeries]] = defaultdict(list)
    counts = {}
    for dataset, key, slug, live, feed_symbol, count, is_listed in rows:
        counts[dataset] = count
        if is_listed:
            found[dataset].append(FollowedSeries(slug, live, feed_symbol, tuple(symbols.get(key, ()))))
    return {dataset: Listed(found[dataset], count) for dataset, count in counts.items()}


def read_subscribed(sessions: Sequence[int], part: Part) -> dict[int, Listed[SubscribedSeries]]:
    """By session the series that it subscribed to."""
    found: dict[int, list[SubscribedSeries]] = defaultdict(list)
    for session, *row in _query(_SUBSCRIBED, sessions, part):
        found[session].append(SubscribedSeries(*row))
    counts = dict(_query(_COUNTS, sessions, part))
    return {session: Listed(found[session], counts.get(session, 0)) for session in sessions}


def _read_symbols(sessions: Sequence[int], series: Sequence[int]) -> dict[int, list[str]]:
    """By series the symbols that the sessions subscribe to."""
    found = defaultdict(list)
    rows = FeedSessionSeries.objects.filter(session__in=sessions, series__in=series).order_by("vendor_symbol")
    for key, symbol in rows.values_list("series", "vendor_symbol"):
        found[key].append(symbol)
    return found


def _query(sql: str, sessions: Sequence[int], part: Part) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"sessions": list(sessions), **part._asdict()})
        rows: list[tuple] = cursor.fetchall()
    return rows
