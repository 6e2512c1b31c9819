"""Bars that history delivered and that are no longer stored: the kept files that bring them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ingestion.feeds.folders import is_kept
from ingestion.feeds.history.planning.needs import SeriesHistory
from marketdata.models import FeedRequest, Series, SeriesDay
from marketdata.rollup.minute_masks import datetime_to_minute


@dataclass
class KeptFiles:
    """The stored requests that brought the bars of a series, and which of their files bring lost days again."""

    series: Series
    _checked: dict[int, bool] = field(default_factory=dict)

    def find_kept_days(self, history: SeriesHistory) -> np.ndarray:
        """Which of the history's days with lost bars can be loaded again from kept files."""
        kept = np.zeros(len(history.bars), bool)
        for index in np.flatnonzero(history.has_lost & history.is_covered):
            found = self._find_for_range(int(history.covered_from[index]), int(history.covered_until[index]))
            kept[index] = found is not None
        return kept

    def list_requests(self, history: SeriesHistory, days: np.ndarray) -> tuple[FeedRequest, ...]:
        """The requests whose files bring these days, oldest first, so that the newest values count."""
        found: dict[int, FeedRequest] = {}
        for index in days - history.first:
            of_day = self._find_for_range(int(history.covered_from[index]), int(history.covered_until[index]))
            found |= {request.pk: request for request in of_day or []}
        return tuple(found[key] for key in sorted(found))

    @cached_property
    def _requests(self) -> Sequence[FeedRequest]:
        """The stored requests of the series, and those of the parent symbols that brought its days, newest first."""
        parents = (
            SeriesDay.objects.filter(series=self.series, request__isnull=False).values("request__series").distinct()
        )
        stored = FeedRequest.objects.filter(state=FeedRequest.State.STORED)
        owners = [self.series.pk, *parents.values_list("request__series", flat=True)]
        return list(stored.filter(series__in=owners).order_by("-bought_at", "-pk"))

    def _find_for_range(self, start: int, end: int) -> list[FeedRequest] | None:
        """The newest requests that together cover the range, and the newer ones that overlap theirs, whose values
        would be lost otherwise. None if one of the files is not kept."""
        chosen: list[FeedRequest] = []
        missing = np.ones(end - start, bool)
        for request in self._requests:
            low, high = (datetime_to_minute(edge) - start for edge in (request.start, request.end))
            if high > 0 and low < end - start and missing[max(low, 0) : high].any():
                missing[max(low, 0) : high] = False
                chosen.append(request)
        if missing.any():
            return None
        for newer in reversed(self._requests[: self._requests.index(chosen[-1])]):
            if newer not in chosen and any(newer.start < one.end and one.start < newer.end for one in chosen):
                chosen.append(newer)
        return chosen if all(map(self._is_kept, chosen)) else None

    def _is_kept(self, request: FeedRequest) -> bool:
        if request.pk not in self._checked:
            self._checked[request.pk] = is_kept(request)
        return self._checked[request.pk]
