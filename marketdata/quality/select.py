"""Which findings the API and the pages list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from marketdata.models import QualityFinding, Series
from marketdata.quality.detectors.thresholds import SEVERITIES

UNRESOLVED = "unresolved"
STATES = (*QualityFinding.State.values, UNRESOLVED)
"""The values of a filter: `unresolved` is open or acknowledged."""


@dataclass(frozen=True)
class FindingFilters:
    """Each is empty or None if all match. `start` and `end`: findings that overlap the range."""

    series: Series | None = None
    kind: str = ""
    severity: str = ""
    state: str = ""
    start: datetime | None = None
    end: datetime | None = None

    def select(self) -> QuerySet[QualityFinding]:
        """The findings that match, in no order."""
        found = QualityFinding.objects.select_related("series")
        if self.series is not None:
            found = found.filter(series=self.series)
        for name in ("kind", "severity"):
            if value := getattr(self, name):
                found = found.filter(**{name: value})
        if self.state == UNRESOLVED:
            found = found.exclude(state=QualityFinding.State.RESOLVED)
        elif self.state:
            found = found.filter(state=self.state)
        if self.start is not None:
            found = found.filter(end__gt=self.start)
        return found if self.end is None else found.filter(start__lt=self.end)


def order_for_people(findings: QuerySet[QualityFinding]) -> QuerySet[QualityFinding]:
    """Open ones first, then acknowledged ones, the most severe first, then the newest."""
    states = [State.OPEN, State.ACKNOWLEDGED, State.RESOLVED]
    return findings.annotate(
        state_rank=_rank("state", states), severity_rank=_rank("severity", SEVERITIES[::-1])
    ).order_by("state_rank", "severity_rank", "-start", "-pk")


def count_unresolved(series: Sequence[Series]) -> dict[int, int]:
    """The findings of each series that are open or acknowledged, by its id; series without any are omitted."""
    rows = (
        QualityFinding.objects.filter(~Q(state=State.RESOLVED), series__in=series)
        .order_by()
        .values_list("series")
        .annotate(Count("pk"))
    )
    return dict(rows)


def count_by_state() -> dict[str, int]:
    """All findings, by their state."""
    return dict(QualityFinding.objects.order_by().values_list("state").annotate(Count("pk")))


def _rank(name: str, values: Sequence[str]) -> Case:
    return Case(
        *(When(**{name: value}, then=Value(number)) for number, value in enumerate(values)),
        default=Value(len(values)),
        output_field=IntegerField(),
    )


State = QualityFinding.State
