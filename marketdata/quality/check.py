"""One check of one series: judge its bars, compare with the stored findings, store what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction

from marketdata.models import QualityCheck, QualityFinding, Series
from marketdata.quality.engine import Judged, judge_series
from marketdata.quality.reading import to_datetime
from marketdata.quality.registry import BAR_KINDS, DETECTORS, Detector
from marketdata.quality.store.explain import Explainer, find_runs
from marketdata.quality.store.found import Found, to_found
from marketdata.quality.store.match import match_found
from marketdata.quality.store.reconcile import Changes, Rules, reconcile
from marketdata.quality.store.write import lock_findings, write_changes

# More new history than this at the end of a series is history that is loaded for the first time.
_MAX_NEW = timedelta(days=31)


@dataclass(frozen=True)
class CheckRange:
    """UTC, half-open; None: from the first bar, to the last."""

    start: datetime | None = None
    end: datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all bars are judged."""
        return self.start is None and self.end is None

    def overlaps(self, finding: QualityFinding) -> bool:
        """Whether the finding has a minute in the range."""
        return (self.start is None or finding.end > self.start) and (self.end is None or finding.start < self.end)


ALL = CheckRange()


def check_series(
    series: Series,
    *,
    within: CheckRange = ALL,
    now: datetime,
    dry_run: bool = False,
    kinds: frozenset[str] = BAR_KINDS,
    detectors: Sequence[Detector] = DETECTORS,
) -> Changes:
    """Judge the bars of a series, and return its findings as they are after the check. A dry run stores nothing.

    `detectors` are those that find `kinds`; findings of other kinds stay as they are.

    Raises `UnknownThreshold`, and `UnknownCalendar` if the calendar of the series is not known.
    """
    with transaction.atomic():
        if not dry_run:
            lock_findings(series.pk)
        stored = list(QualityFinding.objects.filter(series=series, kind__in=kinds))
        asked = _widen(within, stored)
        judged = judge_series(series, start=asked.start, end=asked.end, now=now, detectors=detectors)
        found = [to_found(one, series.pk) for one in judged.found]
        found = _add_runs(series, found, stored)
        checked = QualityCheck.objects.filter(series=series).first()
        changes = reconcile(stored, found, _make_rules(series, asked, judged, checked, now))
        if not dry_run:
            write_changes(changes)
            if kinds == BAR_KINDS:
                _record_check(judged, now)
    return changes


def _widen(within: CheckRange, stored: Sequence[QualityFinding]) -> CheckRange:
    """The range with all of the stored findings that overlap it: a finding is judged as a whole."""
    touched = [finding for finding in stored if not within.is_whole and within.overlaps(finding)]
    start = within.start and min([within.start, *(finding.start for finding in touched)])
    end = within.end and max([within.end, *(finding.end for finding in touched)])
    return CheckRange(start, end)


def _add_runs(series: Series, found: list[Found], stored: Sequence[QualityFinding]) -> list[Found]:
    """The new faults, and those that are back, with the run that brought each."""
    matched = match_found(stored, found)
    wanted = [
        index
        for index, finding in enumerate(matched)
        if finding is None or finding.state == QualityFinding.State.RESOLVED
    ]
    runs = dict(zip(wanted, find_runs(series, [found[index] for index in wanted]), strict=True))
    return [replace(fault, run_id=runs.get(index)) for index, fault in enumerate(found)]


def _make_rules(
    series: Series, asked: CheckRange, judged: Judged, checked: QualityCheck | None, now: datetime
) -> Rules:
    def is_in_scope(finding: QualityFinding) -> bool:
        return asked.is_whole or (
            (asked.start is None or finding.start >= asked.start) and (asked.end is None or finding.start < asked.end)
        )

    return Rules(now, is_in_scope, _Baseline(judged, checked), Explainer(series))


class _Baseline:
    """Whether a fault was found in history that was loaded for the first time."""

    def __init__(self, judged: Judged, checked: QualityCheck | None) -> None:
        self._checked = checked
        stop = judged.judged[1] if judged.judged else 0
        self._is_long = checked is not None and to_datetime(stop) - checked.end > _MAX_NEW

    def __call__(self, fault: Found) -> bool:
        if fault.kind == QualityFinding.Kind.SILENCE:
            return False
        if self._checked is None or fault.start < self._checked.start:
            return True
        return self._is_long and fault.start >= self._checked.end


def _record_check(judged: Judged, now: datetime) -> None:
    """Extend what was checked of the series."""
    if judged.bounds is None or judged.judged is None:
        return
    start, end = to_datetime(judged.judged[0]), to_datetime(min(judged.judged[1], judged.bounds.stop))
    if start >= end:
        return
    check, created = QualityCheck.objects.get_or_create(
        series=judged.series, defaults={"start": start, "end": end, "first_at": now, "last_at": now}
    )
    if not created:
        check.start, check.end = min(check.start, start), max(check.end, end)
        check.last_at = max(now, check.last_at)
        check.save()
