"""Bars in minutes in which the exchange was closed, outside its regular and extended hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from marketdata.calendars.buckets import OpenMinutes
from marketdata.rollup.minute_masks import MinuteMasks, minute_to_datetime

MAX_BARS = 1000


@dataclass(frozen=True)
class OutsideSession:
    """How many bars there are, and the times of the first `MAX_BARS` of them, UTC."""

    count: int
    first: list[datetime]


def find_outside_session(masks: MinuteMasks, open_minutes: OpenMinutes) -> OutsideSession:
    """The bars of `masks` that are not in `open_minutes`, which must cover all days with bars."""
    if not len(masks.start):
        return OutsideSession(0, [])
    starts = np.append(masks.start[0], open_minutes.closed // 60)
    stops = np.append(open_minutes.opened // 60, masks.start[-1] + 60)
    counts = np.maximum(masks.count_before(stops) - masks.count_before(starts), 0)
    first: list[int] = []
    for closed in np.flatnonzero(counts).tolist():
        first += masks.clip(int(starts[closed]), int(stops[closed])).list_minutes(MAX_BARS - len(first))
        if len(first) >= MAX_BARS:
            break
    return OutsideSession(int(counts.sum()), [minute_to_datetime(minute) for minute in first])
