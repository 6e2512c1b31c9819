"""All live feeds with their series and their last sessions, for the API and the page of feeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from marketdata.live.states import FeedState, describe_dataset
from marketdata.live.subscriptions import FollowedSeries, Listed, Part, SubscribedSeries, read_followed, read_subscribed
from marketdata.models import FeedSession, FeedSessionSeries, FeedStatus, Series, SeriesDay
from marketdata.runs.commits import read_database_time

SESSIONS = 10  # of each dataset
MAX_CHANGED_DAYS = 20
_CHANGED_WITHIN = timedelta(days=90)
_NO_SERIES: Listed[FollowedSeries] = Listed((), 0)


class LastSession(NamedTuple):
    """A session of a feed, and its series."""

    session: FeedSession
    series: Listed[SubscribedSeries]


@dataclass(frozen=True)
class Feed:
    """The live feed of a dataset. `status` is None if stream_live has not run for it. `changed_days`: days of its
    series on which history differed from stored bars, newest first."""

    dataset: str
    status: FeedStatus | None
    state: FeedState
    series: Listed[FollowedSeries]
    sessions: Sequence[LastSession]
    changed_days: Sequence[SeriesDay]


def read_feeds(part: Part) -> list[Feed]:
    """The feeds of all datasets that stream_live has recorded, or that a live series has; sorted by dataset.

    `part`: which series of each feed and of each session are listed.
    """
    now = read_database_time()
    statuses = {status.dataset: status for status in FeedStatus.objects.all()}
    current = [status.session_id for status in statuses.values() if status.session_id]
    followed = read_followed(current, part)
    datasets = sorted({*statuses, *followed})
    sessions = {dataset: _read_sessions(dataset) for dataset in datasets}
    subscribed = read_subscribed([one.pk for some in sessions.values() for one in some], part)
    return [
        Feed(
            dataset,
            statuses.get(dataset),
            describe_dataset(statuses.get(dataset), now),
            followed.get(dataset, _NO_SERIES),
            [LastSession(one, subscribed[one.pk]) for one in sessions[dataset]],
            _read_changed_days(dataset, current, now),
        )
        for dataset in datasets
    ]


def _read_sessions(dataset: str) -> list[FeedSession]:
    """The last sessions of a dataset, newest first."""
    return list(FeedSession.objects.filter(dataset=dataset).order_by("-pk")[:SESSIONS])


def _read_changed_days(dataset: str, sessions: Sequence[int], now: datetime) -> list[SeriesDay]:
    subscribed = FeedSessionSeries.objects.filter(session__in=sessions).values("series")
    series = Series.objects.filter(Q(live=True) | Q(pk__in=subscribed), dataset=dataset).values("pk")
    days = SeriesDay.objects.filter(series__in=series, day__gte=(now - _CHANGED_WITHIN).date(), changed__gt=0)
    return list(days.select_related("series").order_by("-day", "series__slug")[:MAX_CHANGED_DAYS])
