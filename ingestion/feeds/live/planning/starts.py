"""From when a session asks each series again: an hour before its last stored bar, within the gateway's replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from marketdata.models import FeedSessionSeries, Series

OVERLAP = timedelta(hours=1)
# The gateway replays 24 hours. The margin is for the time until it reads the request.
REPLAY_WINDOW = timedelta(hours=23, minutes=50)
_MINUTE = timedelta(minutes=1)
_LAST_SESSIONS = 50

# The primary key of the rollup, read backwards, serves this query. The rollup also has the bars of archived years.
_LAST_BARS = """
SELECT series.id, last.ts
FROM market_series AS series
CROSS JOIN LATERAL (
    SELECT last_ts AS ts FROM market_bars_ohlcv_1h WHERE symbol = series.symbol ORDER BY hour DESC LIMIT 1
) AS last
WHERE series.id = ANY (%s)
"""


@dataclass(frozen=True)
class Start:
    """The start of a series. `stored_until`: the end of what is stored; None if nothing is. `is_cut`: the gateway
    replays nothing older."""

    series: Series
    start: datetime
    stored_until: datetime | None
    is_cut: bool = False

    @property
    def gap(self) -> tuple[datetime, datetime] | None:
        """What is older than the gateway replays, and later than what is stored; None if there is nothing."""
        if self.stored_until is None or self.stored_until >= self.start:
            return None
        return self.stored_until, self.start


def find_starts(
    series: Sequence[Series], now: datetime, known: Mapping[int, datetime | None] | None = None
) -> list[Start]:
    """The start of each series, by the gateway's time `now`. A series without bars asks for the whole window.

    `known`: the end of what was stored of a series (by its number) before a session left minutes out.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LAST_BARS, [[one.pk for one in series]])
        last = dict(cursor.fetchall())
    starts = []
    for one in series:
        stored = last.get(one.pk)
        if one.feed_stype != Series.Stype.CONTINUOUS:  # its bars can be those of other series
            stored = max((moment for moment in (stored, _find_closed(one)) if moment), default=None)
        if known and one.pk in known:
            until = known[one.pk]
            stored = None if until is None else until - _MINUTE
        elif stored is not None and _is_unfinished(one):
            stored = None
        starts.append(_find_start(one, stored, now))
    return starts


def _find_start(series: Series, last: datetime | None, now: datetime) -> Start:
    oldest = _floor(now - REPLAY_WINDOW)
    if last is None:
        return Start(series, oldest, None, is_cut=True)
    start = _floor(min(last, now) - OVERLAP)
    return Start(series, max(start, oldest), last + _MINUTE, is_cut=start < oldest)


def _is_unfinished(series: Series) -> bool:
    """Whether the series was asked for, and no session has replayed it yet: minutes before those that are stored can
    be lacking, if this machine's clock was ahead of the gateway's."""
    sessions = FeedSessionSeries.objects.filter(series=series, session__accepted_at__isnull=False)
    return sessions.exists() and not sessions.filter(session__replayed_at__isnull=False).exists()


def _find_closed(series: Series) -> datetime | None:
    """The last minute that a session closed, and that is stored."""
    rows = FeedSessionSeries.objects.filter(series=series).order_by("-session_id")
    closed = [until for until in rows.values_list("session__closed_until", flat=True)[:_LAST_SESSIONS] if until]
    return max(closed) - _MINUTE if closed else None


def _floor(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
