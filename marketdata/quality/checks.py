"""A check of several series, and of what brings their bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from marketdata.calendars.exchange import UnknownCalendar, is_known_calendar
from marketdata.models import QualityFinding, Series, SeriesCount
from marketdata.quality.actions import end_snoozes
from marketdata.quality.check import ALL, CheckRange, check_series
from marketdata.quality.context import read_thresholds
from marketdata.quality.detectors.thresholds import SEVERITIES
from marketdata.quality.operations.check import check_operations
from marketdata.quality.pending import mark_checked, read_pending
from marketdata.quality.registry import BAR_KINDS
from marketdata.quality.store.reconcile import Changes
from marketdata.quality.store.underway import mark_underway
from marketdata.series import find_named_series


@dataclass(frozen=True)
class Report:
    """The findings that are open or acknowledged after a check, by series and in time order; first those of none."""

    findings: Sequence[tuple[Series | None, QualityFinding]]
    series_count: int
    new_count: int
    resolved_count: int

    def count_open(self, severity: str) -> int:
        """How many findings are open and at least as severe."""
        severe = SEVERITIES[SEVERITIES.index(severity) :]
        return sum(finding.state == "open" and finding.severity in severe for _, finding in self.findings)


def check_quality(
    *,
    slugs: Sequence[str] = (),
    within: CheckRange = ALL,
    now: datetime,
    dry_run: bool = False,
    compared: Sequence[Changes] = (),
) -> Report:
    """Judge the bars of these series, by default of all, and what brings bars unless series are named.

    `compared` is what a comparison with files of the vendor changed before. Raises `UnknownSeries`, `SeveralContracts`,
    `UnknownCalendar` and `UnknownThreshold` before anything is judged.
    """
    chosen = find_checked_series(slugs)
    require_settings(chosen)
    pending = [] if dry_run or slugs or not within.is_whole else read_pending().runs
    if not dry_run:
        end_snoozes(now)
    with mark_underway(dry_run=dry_run):
        changes: list[Changes] = [] if slugs else [check_operations(now, dry_run=dry_run)]
        for series in chosen:
            changes.append(check_series(series, within=within, now=now, dry_run=dry_run))
    mark_checked(pending, now)
    return _report(chosen, [*compared, *changes], within)


def find_checked_series(slugs: Sequence[str]) -> list[Series]:
    """The series of these names; by default all that have bars or findings, by slug."""
    if slugs:
        return list({series.pk: series for series in map(find_named_series, slugs)}.values())
    stored = SeriesCount.objects.filter(bar_count__gt=0).values("symbol")
    found = QualityFinding.objects.filter(series__isnull=False).values("series")
    return list((Series.objects.filter(symbol__in=stored) | Series.objects.filter(pk__in=found)).order_by("slug"))


def require_settings(chosen: Sequence[Series]) -> None:
    """Raise the error of the first series whose thresholds or calendar are not known."""
    for series in chosen:
        read_thresholds(series)
        if series.calendar and not is_known_calendar(series.calendar):
            raise UnknownCalendar(series.calendar)


def _read_others(chosen: Sequence[Series]) -> list[QualityFinding]:
    """The findings of these series that a check of bars does not judge, for example differences from a file."""
    return list(QualityFinding.objects.filter(series__in=chosen).exclude(kind__in=BAR_KINDS))


def _report(chosen: Sequence[Series], changes: Sequence[Changes], within: CheckRange) -> Report:
    known = {series.pk: series for series in chosen}
    # A finding that several checks have read is as the first of them left it.
    findings = {finding.pk: finding for finding in _read_others(chosen)}
    for one in reversed(changes):
        findings |= {finding.pk or id(finding): finding for finding in one.findings}
    unresolved = [one for one in findings.values() if one.state != "resolved" and within.overlaps(one)]
    missing = {finding.series_id for finding in unresolved if finding.series_id} - known.keys()
    known |= Series.objects.in_bulk(missing)
    named = [(known[finding.series_id] if finding.series_id else None, finding) for finding in unresolved]
    named.sort(key=lambda pair: (pair[0].slug if pair[0] else "", pair[1].start, pair[1].kind))
    return Report(named, len(chosen), sum(len(one.new) for one in changes), sum(len(one.gone) for one in changes))
