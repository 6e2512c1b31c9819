"""All live feeds with their series and their last sessions, for the API and the page of feeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Prefetch, Q

from marketdata.live.states import FeedState, describe_dataset
from marketdata.models import FeedSession, FeedSessionSeries, FeedStatus, Series, SeriesDay
from marketdata.runs.commits import read_database_time

SESSIONS = 10  # of each dataset
MAX_CHANGED_DAYS = 20
_CHANGED_WITHIN = timedelta(days=90)


class FollowedSeries(NamedTuple):
    """A series of a feed. `vendor_symbols`: as the current session subscribes to them; none if it does not."""

    series: Series
    vendor_symbols: tuple[str, ...]


@dataclass(frozen=True)
class Feed:
    """The live feed of a dataset. `status` is None if stream_live has not run for it. `changed_days`: days of its
    series on which history differed from stored bars, newest first."""

    dataset: str
    status: FeedStatus | None
    state: FeedState
    series: Sequence[FollowedSeries]
    sessions: Sequence[FeedSession]
    changed_days: Sequence[SeriesDay]


def read_feeds() -> list[Feed]:
    """The feeds of all datasets that stream_live has recorded, or that a live series has; sorted by dataset."""
    now = read_database_time()
    statuses = {status.dataset: status for status in FeedStatus.objects.all()}
    symbols = _read_current_symbols(statuses.values())
    followed = defaultdict(list)
    for series in Series.objects.filter(Q(live=True) | Q(pk__in=list(symbols))).order_by("slug"):
        followed[series.dataset].append(FollowedSeries(series, tuple(symbols.get(series.pk, ()))))
    datasets = sorted({*statuses, *followed})
    return [_build(dataset, statuses.get(dataset), followed.get(dataset, []), now) for dataset in datasets]


def _build(dataset: str, status: FeedStatus | None, series: list[FollowedSeries], now: datetime) -> Feed:
    return Feed(
        dataset,
        status,
        describe_dataset(status, now),
        series,
        read_sessions(dataset),
        _read_changed_days([one.series.pk for one in series], now),
    )


def read_sessions(dataset: str, limit: int = SESSIONS) -> list[FeedSession]:
    """The last sessions of a dataset, newest first, each with its series."""
    subscribed = FeedSessionSeries.objects.select_related("series").order_by("series__slug", "vendor_symbol")
    sessions = FeedSession.objects.filter(dataset=dataset).order_by("-pk")
    return list(sessions.prefetch_related(Prefetch("series", queryset=subscribed))[:limit])


def _read_current_symbols(statuses: Iterable[FeedStatus]) -> dict[int, list[str]]:
    """By the key of each series the symbols that the current sessions subscribe to."""
    sessions = [status.session_id for status in statuses if status.session_id]
    found = defaultdict(list)
    rows = FeedSessionSeries.objects.filter(session__in=sessions).order_by("vendor_symbol")
    for series, symbol in rows.values_list("series", "vendor_symbol"):
        found[series].append(symbol)
    return found


def _read_changed_days(series: list[int], now: datetime) -> list[SeriesDay]:
    days = SeriesDay.objects.filter(series__in=series, day__gte=(now - _CHANGED_WITHIN).date(), changed__gt=0)
    return list(days.select_related("series").order_by("-day", "series__slug")[:MAX_CHANGED_DAYS])
