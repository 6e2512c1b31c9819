"""What the pages of findings show, formatted for display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django.urls import reverse

from marketdata.formatting import format_minutes
from marketdata.models import QualityFinding
from marketdata.pages.presenters import Moment, moment
from marketdata.quality.detectors.thresholds import UNITS

_MINUTE = timedelta(minutes=1)
_BEFORE = timedelta(hours=2)  # shown before the finding
_BARS = ("ts", "open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class FindingRow:
    """One finding of a table."""

    finding: QualityFinding

    @property
    def pk(self) -> int:
        return self.finding.pk

    @property
    def kind(self) -> str:
        return str(self.finding.get_kind_display()).lower()

    @property
    def slug(self) -> str:
        return self.finding.series.slug if self.finding.series else ""

    @property
    def start(self) -> Moment:
        return Moment(self.finding.start)

    @property
    def end(self) -> Moment:
        return Moment(self.finding.end)

    @property
    def first_seen(self) -> Moment:
        return Moment(self.finding.first_seen)

    @property
    def last_seen(self) -> Moment:
        return Moment(self.finding.last_seen)

    @property
    def until(self) -> Moment | None:
        return moment(self.finding.until)

    @property
    def length(self) -> str:
        return format_minutes(max(1, (self.finding.end - self.finding.start) // _MINUTE))

    @property
    def measure(self) -> str:
        """40 (from 12 on): times the usual range of a bar …"""
        return f"{self.finding.value:,.4g} (from {self.finding.threshold:,.4g} on): {UNITS[self.finding.kind]}"

    @property
    def chart(self) -> str:
        """The address of the chart at the finding, whose range is marked; empty for what concerns no series."""
        if self.finding.series is None:
            return ""
        query = urlencode({"from": f"{self.finding.start - _BEFORE:%Y-%m-%dT%H:%MZ}", "finding": self.pk})
        return f"{reverse('series-page', args=[self.slug])}?{query}"

    @property
    def state_note(self) -> str:
        """Who acknowledged or resolved it, and why."""
        found = self.finding
        if found.state == QualityFinding.State.RESOLVED:
            return found.resolution
        if found.state == QualityFinding.State.ACKNOWLEDGED:
            until = f" until {self.until.minute} UTC" if self.until else ""
            note = f": {found.note}" if found.note else ""
            return f"by {found.acknowledged_by}{until}{note}"
        return ""

    @property
    def evidence(self) -> Sequence[Sequence[str]]:
        """The bars that show it: a cell for each of `evidence_columns`."""
        return [[str(bar.get(name, "")) for name in self.evidence_columns] for bar in self.finding.evidence]

    @property
    def evidence_columns(self) -> Sequence[str]:
        """The bars' fields, in their usual order, then others."""
        names = {name for bar in self.finding.evidence for name in bar}
        return [*(name for name in _BARS if name in names), *sorted(names - set(_BARS))]
