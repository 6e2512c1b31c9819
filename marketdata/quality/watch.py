"""What has to be looked at even if no run brought bars: is a series silent, a feed down, the budget spent?"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from django.db.models import Q

from marketdata.bars.stats import list_stats
from marketdata.calendars.exchange import is_known_calendar
from marketdata.models import IngestRun, QualityFinding, Series
from marketdata.quality.actions import end_snoozes
from marketdata.quality.check import CheckRange, check_series
from marketdata.quality.detectors.silence import find_silence
from marketdata.quality.detectors.thresholds import find_fault
from marketdata.quality.expected import find_expected_until
from marketdata.quality.operations.check import check_operations
from marketdata.quality.reading import to_ns
from marketdata.quality.store.underway import mark_underway
from marketdata.sources.errors import ArchivedBarsUnreadable

_MINUTE = timedelta(minutes=1)
_RECENT = timedelta(days=30)
_SILENCE = frozenset(("silence",))


def watch(now: datetime) -> int:
    """Judge runs, feeds and the budget, and the series that should have newer bars. Returns how many findings are new.
    Findings that were acknowledged until now are open again.

    The bars of a series are read only if its newest one is older than expected.
    """
    end_snoozes(now)
    with mark_underway():
        found = len(check_operations(now).new)
        for series, last in _list_late_series(now):
            with contextlib.suppress(ArchivedBarsUnreadable):  # it is logged; the next look judges the series
                changes = check_series(
                    series, within=CheckRange(start=last), now=now, kinds=_SILENCE, detectors=(find_silence,)
                )
                found += len(changes.new)
    return found


def _list_late_series(now: datetime) -> list[tuple[Series, datetime]]:
    """The series with an open silence, and those whose newest bar is older than expected; with when it
    begins."""
    recent = IngestRun.objects.filter(finished_at__gte=now - _RECENT, status="success").values_list(
        "symbols", flat=True
    )
    symbols = {symbol for names in recent for symbol in names}
    silent = QualityFinding.objects.filter(kind="silence").exclude(state="resolved").values("series")
    chosen = Series.objects.filter(Q(live=True) | Q(feed_daily=True) | Q(symbol__in=symbols) | Q(pk__in=silent))
    series = [one for one in chosen.exclude(calendar="").distinct() if _has_settings(one)]
    known = set(silent.values_list("series", flat=True))
    return [
        (one, stats.max_ts)
        for one, stats in zip(series, list_stats(series), strict=True)
        if stats.max_ts
        and (one.pk in known or find_expected_until(one, stats.max_ts, now) > to_ns(stats.max_ts + _MINUTE))
    ]


def _has_settings(series: Series) -> bool:
    return is_known_calendar(series.calendar) and not find_fault(series.quality_thresholds)
