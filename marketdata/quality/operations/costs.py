"""What the month has spent of its cap, and how fast the disk fills."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.db.models import Sum

from marketdata.models import FeedRequest
from marketdata.quality.detectors.thresholds import Thresholds
from marketdata.quality.store.found import Found

_WEEK, _AHEAD = timedelta(days=7), 14  # days


def find_costs(now: datetime) -> list[Found]:
    """The findings of the budget and of the disk."""
    return [found for found in (_find_spending(now), _find_growth(now)) if found]


def _find_spending(now: datetime) -> Found | None:
    cap = settings.FEED_MAX_USD_PER_MONTH
    if not cap:
        return None
    start, end = _find_month(now)
    bought = FeedRequest.objects.filter(bought_at__gte=start, bought_at__lt=end)
    spent = bought.aggregate(total=Sum("charged_usd"))["total"] or Decimal(0)
    percent, threshold = float(100 * spent / cap), Thresholds().budget
    if percent < threshold:
        return None
    return Found(
        kind="budget",
        severity="error" if spent >= cap else "warning",
        start=start,
        end=end,
        value=round(percent, 3),
        threshold=threshold,
        text=f"USD {spent:,.2f} of USD {cap:,.2f} are spent in {start:%B %Y} (FEED_MAX_USD_PER_MONTH).",
        identity=f"month {start:%Y-%m}",
    )


def _find_month(now: datetime) -> tuple[datetime, datetime]:
    start = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start, (start + timedelta(days=32)).replace(day=1)


def _find_growth(now: datetime) -> Found | None:
    """The downloads of two weeks like the last one, compared with the space that is free."""
    recent = FeedRequest.objects.filter(finished_at__gte=now - _WEEK, finished_at__lte=now, file_size__isnull=False)
    week = recent.aggregate(total=Sum("file_size"))["total"] or 0
    free = _read_free_space(settings.FEED_DIR)
    growth = week * _AHEAD / _WEEK.days
    percent, threshold = 100 * growth / max(free, 1), Thresholds().budget
    if not week or percent < threshold:
        return None
    return Found(
        kind="budget",
        severity="error",
        start=now - _WEEK,
        end=now,
        value=round(percent, 3),
        threshold=threshold,
        text=f"FEED_DIR has {free // 10**6:,} MB left, and the downloads of the last week {week // 10**6:,} MB.",
        identity="disk",
    )


def _read_free_space(folder: Path) -> int:
    """Bytes that are free on the disk of the folder, or of the first one above it that exists."""
    exists = next((path for path in (folder, *folder.parents) if path.is_dir()), Path("/"))
    return shutil.disk_usage(exists).free
