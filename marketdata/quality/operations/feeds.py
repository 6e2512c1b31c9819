"""Live feeds that are not live while their exchange is open, and live bars that differ from history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta

import numpy as np

from marketdata.models import FeedStatus, QualityFinding, Series, SeriesDay
from marketdata.quality.detectors.sessions import read_sessions
from marketdata.quality.detectors.thresholds import Thresholds
from marketdata.quality.reading import to_ns
from marketdata.quality.store.found import Found

_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
# stream_live records its status every few seconds.
_MAX_AGE = timedelta(minutes=1)
_QUIET = ("live", "closed")


def find_outages(now: datetime) -> list[Found]:
    """One finding for each dataset whose feed was not live in enough open minutes since it was last live. The next
    outage opens it again."""
    series = Series.objects.filter(live=True)
    by_dataset: dict[str, list[Series]] = {}
    for one in series:
        by_dataset.setdefault(one.dataset, []).append(one)
    known = _read_open_outages()
    found = (
        _judge_feed(status, by_dataset[status.dataset], known, now)
        for status in FeedStatus.objects.filter(dataset__in=by_dataset).order_by("dataset")
    )
    return [outage for outage in found if outage]


def _read_open_outages() -> dict[str, QualityFinding]:
    """The outage of each dataset that is not over."""
    rows = QualityFinding.objects.filter(kind="feed_outage").exclude(state="resolved")
    return {finding.group: finding for finding in rows}


def _judge_feed(
    status: FeedStatus, series: Sequence[Series], known: Mapping[str, QualityFinding], now: datetime
) -> Found | None:
    is_stale = now - status.seen_at > _MAX_AGE
    if status.state in _QUIET and not is_stale:
        return None
    group = f"feed {status.dataset}"
    outage = known.get(group)
    last = status.seen_at if status.state in _QUIET else min(status.since, status.last_bar_ts or status.since)
    start = outage.start if outage else last.replace(second=0, microsecond=0)
    minutes = max((count_open_minutes(one, start, now) for one in series), default=0)
    threshold = Thresholds().feed_outage
    if minutes < threshold and not outage:
        return None
    return Found(
        kind="feed_outage",
        severity="critical",
        start=start,
        end=max(now, start + _MINUTE),
        value=float(max(minutes, 1)),
        threshold=threshold,
        text=_describe(status, start, is_stale=is_stale),
        group=group,
        identity=group,
    )


def _describe(status: FeedStatus, start: datetime, *, is_stale: bool) -> str:
    since = f"The live feed of {status.dataset} is not live since {start:%Y-%m-%d %H:%M} UTC"
    if is_stale and status.state != FeedStatus.State.STOPPED:
        return f"{since}: stream_live does not run."
    reason = status.reason.strip().rstrip(".") or f"it is {status.state}"
    return f"{since}: {reason}."


def count_open_minutes(series: Series, start: datetime, end: datetime) -> int:
    """How many minutes of [start, end) the exchange of the series was open: all without a calendar."""
    first, stop = to_ns(start), to_ns(end)
    if first >= stop:
        return 0
    counts = read_sessions(series.calendar, first, stop).count_open(np.array([first]), np.array([stop]))
    return int(counts[0])


def find_live_differences() -> list[Found]:
    """Days on which live bars differed from history, which replaced them."""
    threshold = Thresholds().cross_check
    rows = SeriesDay.objects.filter(changed__gte=threshold).select_related("series").order_by("series", "day")
    found = []
    for row in rows:
        start = datetime.combine(row.day, time(), UTC)
        found.append(
            Found(
                kind="cross_check",
                severity="warning",
                start=start,
                end=start + _DAY,
                value=float(row.changed),
                threshold=threshold,
                text=f"{row.changed:,} live bars of {row.day} differed from the vendor's history, which replaced them.",
                identity=f"live {row.day}",
                run_id=row.run_id,
                series_id=row.series_id,
            )
        )
    return found
