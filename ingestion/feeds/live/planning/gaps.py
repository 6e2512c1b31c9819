"""What is older than the gateway replays: a priced request of the backfill, once for each gap. Nothing is bought here.

`backfill --daily` finds the same minutes, and buys them within the caps.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

import numpy as np

from ingestion.feeds.live.planning.starts import Start
from marketdata.calendars.buckets import OpenMinutes
from marketdata.calendars.exchange import is_known_calendar
from marketdata.calendars.trading_days import find_trading_days
from marketdata.models import Series
from marketdata.runs.jobs import has_job
from marketdata.timestamps import to_iso

REQUESTED_BY = "stream_live"


class RequestPrice(Protocol):
    """A job that plans and prices what is missing of some series, and buys nothing."""

    def __call__(self, slugs: list[str], *, start: datetime, end: datetime, user: str) -> object: ...


class GapRequests:
    """The gaps that were priced, also by earlier processes."""

    def __init__(self, request_price: RequestPrice) -> None:
        self._request_price = request_price
        self._known: set[tuple[int, datetime]] = set()

    def request(self, starts: Iterable[Start]) -> list[str]:
        """Price the gaps that were not priced before. Returns a sentence for each."""
        sentences = []
        for one in starts:
            if one.gap is None or (one.series.pk, one.gap[0]) in self._known:
                continue
            start, end = one.gap
            arguments = {"series": [one.series.slug], "start": to_iso(start)}
            is_wanted = count_open(one.series, start, end) and not has_job("price_backfill", arguments)
            if is_wanted:
                self._request_price([one.series.slug], start=start, end=end, user=REQUESTED_BY)
            self._known.add((one.series.pk, start))  # not before, since the database may be away meanwhile
            if not is_wanted:
                continue
            sentences.append(
                f"{one.series.slug} lacks {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, which the gateway no "
                "longer replays: its price is requested, and backfill fills it within the caps."
            )
        return sentences


def count_open(series: Series, start: datetime, end: datetime) -> int:
    """How many minutes of [start, end) the exchange is open: all without a known calendar."""
    first, stop = int(start.timestamp()), int(end.timestamp())
    if not series.calendar or not is_known_calendar(series.calendar):
        return (stop - first) // 60
    opened = OpenMinutes(find_trading_days(series.calendar, start, end))
    return int(opened.count_between(np.array([first]), np.array([stop]))[0])
