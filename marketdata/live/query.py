"""Read queries of live feeds. Their cost is that of the rows that they return."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from marketdata.bars.stats import SeriesStats, get_stats, list_stats
from marketdata.formatting import format_price
from marketdata.history.parents import find_parents
from marketdata.live.states import SeriesState, describe_series
from marketdata.models import FeedSessionSeries, FeedStatus, Series
from marketdata.runs.commits import read_database_time


def read_series_state(series: Series) -> SeriesState:
    """The state of one series' feed now, by the database's clock."""
    status = FeedStatus.objects.filter(dataset=series.dataset).first()
    return describe_series(
        series,
        status,
        is_followed=bool(_find_followed([series], [status] if status else [])),
        last_bar=get_stats(series).max_ts,
        now=read_database_time(),
    )


def read_series_states(
    series: Sequence[Series], stats: Sequence[SeriesStats] | None = None, now: datetime | None = None
) -> list[SeriesState]:
    """The states of several series at the time `now`, in the same order. `stats` of the series, and `now`, spare their
    queries; two others are made."""
    stats = list_stats(series) if stats is None else stats
    now = now or read_database_time()
    statuses = {status.dataset: status for status in FeedStatus.objects.filter(dataset__in={s.dataset for s in series})}
    followed = _find_followed(series, list(statuses.values()))
    return [
        describe_series(one, statuses.get(one.dataset), is_followed=one.pk in followed, last_bar=bars.max_ts, now=now)
        for one, bars in zip(series, stats, strict=True)
    ]


def _find_followed(series: Sequence[Series], statuses: Sequence[FeedStatus]) -> set[int]:
    """The keys of those series that the current sessions of the datasets subscribe to, themselves or by a parent."""
    sessions = [status.session_id for status in statuses if status.session_id]
    if not sessions:
        return set()
    parents = find_parents(series)
    keys = {one.pk for one in series} | {key for some in parents.values() for key in some}
    rows = FeedSessionSeries.objects.filter(session__in=sessions, series__in=keys)
    subscribed = set(rows.values_list("series", flat=True))
    return subscribed | {key for key, some in parents.items() if not subscribed.isdisjoint(some)}


def read_live_rows(slugs: Sequence[str], now: datetime) -> dict[str, dict[str, object]]:
    """By slug the state of each series at the time `now`, and the latest `close` as exact text."""
    series = list(Series.objects.filter(slug__in=slugs))
    stats = list_stats(series)
    closes = [None if bars.latest_close is None else format_price(bars.latest_close) for bars in stats]
    rows = zip(series, read_series_states(series, stats, now), closes, strict=True)
    return {one.slug: state.to_json() | {"close": close} for one, state, close in rows}
