"""Until when the bars of a series should be here by now, for the finding "silence"."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketdata.models import FeedStatus, IngestRun, Series, VendorDataset
from marketdata.quality.reading import to_ns

# A bar is sent when its minute ends, and stored within seconds.
_LIVE_GRACE = timedelta(minutes=2)
# History of a UTC day is complete some hours after its end; the daily backfill runs once a day.
_DAILY_GRACE = timedelta(hours=36)
# Files that are loaded by hand, or by cron: a series is kept current if these many runs brought bars of the last days.
_CURRENT_RUNS, _CURRENT = 3, timedelta(days=4)


def find_expected_until(series: Series, last: datetime, now: datetime) -> int:
    """Up to when bars are expected, ns; 0 for a series that is not kept current. `last`: its newest bar."""
    if series.last_date and series.last_date < now.date():
        return 0
    grace = _find_grace(series, last)
    return 0 if grace is None else to_ns((now - grace).replace(second=0, microsecond=0))


def _find_grace(series: Series, last: datetime) -> timedelta | None:
    if series.live and FeedStatus.objects.filter(dataset=series.dataset).exclude(state="stopped").exists():
        return _LIVE_GRACE
    if series.feed_daily:
        vendor = VendorDataset.objects.filter(dataset=series.dataset).first()
        lag = max(vendor.seen_at - vendor.available_end, timedelta(0)) if vendor else timedelta(0)
        return _DAILY_GRACE + lag
    return _DAILY_GRACE if _is_kept_current(series, last) else None


def _is_kept_current(series: Series, last: datetime) -> bool:
    """Whether several runs of its last days brought bars that were new then."""
    runs = IngestRun.objects.filter(symbols__contains=[series.symbol], status="success", inserted_count__gt=0)
    times = runs.filter(max_ts__gte=last - _CURRENT).values_list("max_ts", "finished_at")
    current = {stop for stop, finished in times if stop and finished and stop <= finished <= stop + _CURRENT}
    return len(current) >= _CURRENT_RUNS
