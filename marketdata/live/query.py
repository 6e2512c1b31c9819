"""Read queries of live feeds. Their cost is that of the rows that they return."""

from __future__ import annotations

from collections.abc import Sequence

from marketdata.bars.stats import get_stats, list_stats
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


def read_series_states(series: Sequence[Series]) -> list[SeriesState]:
    """The states of several series, in the same order: four queries."""
    statuses = {status.dataset: status for status in FeedStatus.objects.filter(dataset__in={s.dataset for s in series})}
    followed = _find_followed(series, list(statuses.values()))
    now = read_database_time()
    return [
        describe_series(
            one,
            statuses.get(one.dataset),
            is_followed=one.pk in followed,
            last_bar=stats.max_ts,
            now=now,
        )
        for one, stats in zip(series, list_stats(series), strict=True)
    ]


def _find_followed(series: Sequence[Series], statuses: Sequence[FeedStatus]) -> set[int]:
    """The keys of those series that the current sessions of the datasets subscribe to."""
    sessions = [status.session_id for status in statuses if status.session_id]
    if not sessions:
        return set()
    rows = FeedSessionSeries.objects.filter(session__in=sessions, series__in=[one.pk for one in series])
    return set(rows.values_list("series", flat=True))
