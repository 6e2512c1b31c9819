"""The gaps of a series with their verdicts."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from django.utils import timezone

from marketdata.bars.stats import get_first_and_last
from marketdata.calendars.intervals import intersect
from marketdata.coverage.gaps import list_empty
from marketdata.coverage.life import read_life
from marketdata.coverage.verdicts.evidence import explain
from marketdata.coverage.verdicts.knowledge import Knowledge, read_knowledge
from marketdata.coverage.verdicts.model import VERDICTS, JudgedGap
from marketdata.coverage.verdicts.parts import Parts, absorb_closed, join
from marketdata.coverage.verdicts.rules import decide
from marketdata.history.known import read_availability, to_midnight
from marketdata.models import Series
from marketdata.rollup.minute_masks import MinuteMasks, datetime_to_minute, minute_to_datetime, read_minute_masks

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


def judge_gaps(
    series: Series, *, start: datetime | None = None, end: datetime | None = None, now: datetime | None = None
) -> list[JudgedGap]:
    """The gaps of [start, end) in time order, up to `now`; by default of all times of which data is expected.

    These are, for a series that backfill requests, all from its first requested day on; for others the life. None for a
    series without bars that nothing is requested for. Times are UTC; bounds are rounded up to the minute.
    """
    now = (now or timezone.now()).replace(second=0, microsecond=0)
    ranges = _find_ranges(series, start, end, now)
    if not ranges.size:
        return []
    first, stop = minute_to_datetime(int(ranges[0, 0])), minute_to_datetime(int(ranges[1, -1]))
    masks = read_minute_masks(series.symbol, *_widen_to_days(first, stop))
    return _judge(read_knowledge(series, first, stop, masks, now), *_list_gaps(masks, ranges))


def _widen_to_days(first: datetime, stop: datetime) -> tuple[datetime, datetime]:
    """The UTC days that overlap [first, stop): the bars of each are counted up to where history covers it."""
    return to_midnight(first.date()), to_midnight((stop - _MINUTE).date()) + _DAY


def _find_ranges(series: Series, start: datetime | None, end: datetime | None, now: datetime) -> np.ndarray:
    """The times of which data is expected within [start, end): starts and ends, in minutes since 1970."""
    bars = get_first_and_last(series)
    ranges: list[tuple[datetime, datetime]] = [*read_life(series, *bars).ranges] if bars else []
    if series.is_subscribed and (requested := _find_requested(series, bars, now)):
        ranges = [requested]
    edges = np.array([[datetime_to_minute(edge) for edge in one] for one in ranges], np.int64).reshape(-1, 2).T
    low = datetime_to_minute(start) if start else -(2**60)
    high = min(datetime_to_minute(end) if end else 2**60, datetime_to_minute(now))
    clipped = edges.clip(low, high)
    found: np.ndarray = clipped[:, clipped[0] < clipped[1]]
    return found


def _find_requested(
    series: Series, bars: tuple[datetime, datetime] | None, now: datetime
) -> tuple[datetime, datetime] | None:
    """What backfill requests: from the subscription's start, or else the dataset's, to the contract's end."""
    starts = [bars[0]] if bars else []
    if series.feed_start:
        starts.append(to_midnight(series.feed_start))
    elif available := read_availability(series.dataset):
        starts.append(available.start)
    if series.activation_date:
        starts = [max(min(starts, default=to_midnight(series.activation_date)), to_midnight(series.activation_date))]
    if not starts:
        return None
    expiry = series.expiration_date or series.last_date
    end = min(now, to_midnight(expiry) + _DAY) if expiry else now
    return min(starts), max(end, bars[1]) if bars else end


def _list_gaps(masks: MinuteMasks, ranges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of each interval without bars within the ranges, in time order."""
    found = [intersect(*empty, *ranges)[1:] for empty in list_empty(masks)]  # between hours, then within hours
    return np.sort(np.concatenate([starts for starts, _ in found])), np.sort(
        np.concatenate([ends for _, ends in found])
    )


def _judge(known: Knowledge, starts: np.ndarray, ends: np.ndarray) -> list[JudgedGap]:
    """The gaps with these starts and ends, divided where the verdict changes."""
    edges = known.list_edges()
    gap, low, high = intersect(starts, ends, edges[:-1], edges[1:])
    parts = join(absorb_closed(join(Parts(gap, low, high, *decide(known, gap, low, high)))))
    columns = (parts.low, parts.high, parts.verdicts, parts.causes, known.count_open(parts.low, parts.high))
    return [_describe(known, *one) for one in zip(*(column.tolist() for column in columns), strict=True)]


def _describe(known: Knowledge, low: int, high: int, verdict_index: int, cause: int, opened: int) -> JudgedGap:
    verdict = VERDICTS[verdict_index]
    evidence, until = explain(known, verdict, cause, low)
    return JudgedGap(minute_to_datetime(low), minute_to_datetime(high), verdict, evidence, opened, until)
