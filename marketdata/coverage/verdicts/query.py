"""The gaps of a series with their verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.utils import timezone

from marketdata.bars.stats import get_first_and_last
from marketdata.calendars.intervals import intersect
from marketdata.coverage.gaps import list_empty
from marketdata.coverage.life import read_life
from marketdata.coverage.report import Coverage
from marketdata.coverage.verdicts.evidence import explain
from marketdata.coverage.verdicts.knowledge import Knowledge, read_knowledge
from marketdata.coverage.verdicts.model import VERDICTS, JudgedGap, Verdict
from marketdata.coverage.verdicts.parts import Parts, absorb_closed, join
from marketdata.coverage.verdicts.rules import decide
from marketdata.history.known import read_availability, to_midnight
from marketdata.models import Series
from marketdata.rollup.minute_masks import MinuteMasks, datetime_to_minute, minute_to_datetime, read_minute_masks

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True)
class Judgement:
    """All gaps of a range with their verdicts, in time order. Each is described when it is read."""

    known: Knowledge | None
    parts: Parts
    opened: np.ndarray  # open minutes of each

    def __len__(self) -> int:
        return len(self.parts.gap)

    def __iter__(self) -> Iterator[JudgedGap]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> JudgedGap:
        if self.known is None:
            raise IndexError(index)
        low, high = int(self.parts.low[index]), int(self.parts.high[index])
        verdict, cause = VERDICTS[self.parts.verdicts[index]], int(self.parts.causes[index])
        evidence, until = explain(self.known, verdict, cause, low)
        opened = int(self.opened[index])
        return JudgedGap(minute_to_datetime(low), minute_to_datetime(high), verdict, evidence, opened, until)

    def list_indexes(self, verdict: Verdict | None, start: datetime | None = None) -> list[int]:
        """The indexes of the gaps with this verdict, of all for None, that begin at or after `start`."""
        chosen = np.ones(len(self), bool) if verdict is None else self.parts.verdicts == VERDICTS.index(verdict)
        if start is not None:
            chosen &= self.parts.low >= datetime_to_minute(start)
        indexes: list[int] = np.flatnonzero(chosen).tolist()
        return indexes

    def count_verdicts(self) -> dict[Verdict, tuple[int, int]]:
        """How many gaps have each verdict, and their open minutes (all minutes of closed ones), the most serious
        first."""
        minutes = np.where(
            self.parts.verdicts == VERDICTS.index(Verdict.CLOSED), self.parts.high - self.parts.low, self.opened
        )
        counts = np.bincount(self.parts.verdicts, minlength=len(VERDICTS)).tolist()
        sums = np.bincount(self.parts.verdicts, weights=minutes, minlength=len(VERDICTS)).astype(np.int64).tolist()
        found = zip(VERDICTS, counts, sums, strict=True)
        return {verdict: (count, total) for verdict, count, total in reversed([*found]) if count}

    def find_worst(self, start: datetime, end: datetime) -> JudgedGap | None:
        """The first gap with the most serious verdict of those that overlap [start, end); None if there is none."""
        first = int(np.searchsorted(self.parts.high, datetime_to_minute(start), side="right"))
        stop = int(np.searchsorted(self.parts.low, datetime_to_minute(end), side="left"))
        return self[first + int(self.parts.verdicts[first:stop].argmax())] if first < stop else None


NOTHING = Judgement(None, Parts(*np.empty((5, 0), np.int64)), np.empty(0, np.int64))


def judge_gaps(
    series: Series, *, start: datetime | None = None, end: datetime | None = None, now: datetime | None = None
) -> Judgement:
    """The gaps of [start, end) in time order, up to `now`; by default of all times of which data is expected.

    These are, for a series that backfill requests, all from its first requested day on; for others the life. None for a
    series without bars that nothing is requested for. Times are UTC; bounds are rounded up to the minute.
    """
    now = (now or timezone.now()).replace(second=0, microsecond=0)
    ranges = _find_ranges(series, start, end, now)
    if not ranges.size:
        return NOTHING
    first, stop = minute_to_datetime(int(ranges[0, 0])), minute_to_datetime(int(ranges[1, -1]))
    masks = read_minute_masks(series.symbol, *_widen_to_days(first, stop))
    known = read_knowledge(series, first, stop, masks, now)
    starts, ends = _list_gaps(masks, ranges)
    edges = known.list_edges()
    gap, low, high = intersect(starts, ends, edges[:-1], edges[1:])
    parts = join(absorb_closed(join(Parts(gap, low, high, *decide(known, gap, low, high)))))
    return Judgement(known, parts, known.count_open(parts.low, parts.high))


def judge_coverage(series: Series, coverage: Coverage | None) -> Judgement:
    """The gaps of the days and of the range of a coverage."""
    if coverage is None or not coverage.days:
        return NOTHING
    last = max(coverage.end, coverage.days[-1].end)
    return judge_gaps(series, start=min(coverage.start, coverage.days[0].start), end=last)


def _widen_to_days(first: datetime, stop: datetime) -> tuple[datetime, datetime]:
    """The UTC days that overlap [first, stop): the bars of each are counted up to where history covers it."""
    return to_midnight(first.date()), to_midnight((stop - _MINUTE).date()) + _DAY


def _find_ranges(series: Series, start: datetime | None, end: datetime | None, now: datetime) -> np.ndarray:
    """The times of which data is expected within [start, end): starts and ends, in minutes since 1970."""
    bars = get_first_and_last(series)
    ranges: list[tuple[datetime, datetime]] = [*read_life(series, *bars).ranges] if bars else []
    if series.is_subscribed and (requested := _find_requested(series, bars, now)):
        ranges = [(min(start for start, _ in [*ranges, requested]), max(end for _, end in [*ranges, requested]))]
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
