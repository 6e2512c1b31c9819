"""A plan: what is requested of the vendor, for which series, and what else is to be done or reported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import numpy as np

from ingestion.feeds.asks import Ask
from marketdata.models import FeedRequest, Series


@dataclass(frozen=True)
class PlannedRequest:
    """Bars of a series in [start, end), UTC, whole minutes of one month. `reason` is a `FeedRequest.Reason`; `modified`
    the newest `last_modified_date` of its days."""

    series: Series
    start: datetime
    end: datetime
    reason: str
    modified: date | None = None

    @property
    def ask(self) -> Ask:
        """What is asked of the vendor."""
        one = self.series
        return Ask(one.dataset, one.feed_symbol, one.feed_stype, self.start, self.end)

    @property
    def day_count(self) -> int:
        """How many UTC days it has, also in part."""
        return (self.end - self.start.replace(hour=0, minute=0)).days + (self.end.time() != self.start.min.time())


@dataclass(frozen=True)
class UnverifiedRange:
    """Stored bars of consecutive days that no history is known to have delivered: how many on each day."""

    series: Series
    start: datetime
    end: datetime
    bars: np.ndarray

    @property
    def ask(self) -> Ask:
        """The bars that the vendor has in the same range."""
        one = self.series
        return Ask(one.dataset, one.feed_symbol, one.feed_stype, self.start, self.end)


@dataclass(frozen=True)
class SeriesPlan:
    """What is to be done for one series in [start, end).

    `requests` are priced and bought. `reloads` are requests whose files are loaded again, in this order. `unverified`
    ranges are compared with the vendor's count. `for_person`: days that the vendor revised more than 90 days ago.
    `pending`: days that the vendor does not have yet. `notes` are sentences.
    """

    series: Series
    start: datetime
    end: datetime
    requests: tuple[PlannedRequest, ...] = ()
    reloads: tuple[FeedRequest, ...] = ()
    unverified: tuple[UnverifiedRange, ...] = ()
    for_person: tuple[date, ...] = ()
    pending: tuple[date, ...] = ()
    degraded: tuple[date, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What is to be done for all series."""

    series: tuple[SeriesPlan, ...] = ()

    @cached_property
    def requests(self) -> tuple[PlannedRequest, ...]:
        """All requests, in the order in which they are bought."""
        return tuple(request for one in self.series for request in one.requests)

    @cached_property
    def reloads(self) -> tuple[FeedRequest, ...]:
        """All requests whose files are loaded again, each once."""
        return tuple({request.pk: request for one in self.series for request in one.reloads}.values())
