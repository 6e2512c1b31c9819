"""Every read that more than one place needs. Each asks the table itself, so that it is true also after a change by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Max, Min

from marketdata.models import Bar, Series


@dataclass(frozen=True)
class SeriesStats:
    """What the table holds of one series now. Times are UTC starts of minutes; all but the count None when empty."""

    row_count: int
    min_ts: datetime | None
    max_ts: datetime | None
    latest_close: Decimal | None


def series_stats(series: Series) -> SeriesStats:
    """First, last and latest close by the primary key, backwards for the last; the count by an index-only scan."""
    bars = Bar.objects.filter(symbol=series.symbol)
    ends = bars.aggregate(first=Min("ts"), last=Max("ts"))
    if ends["last"] is None:
        return SeriesStats(0, None, None, None)
    latest_close = bars.values_list("close", flat=True).get(ts=ends["last"])
    return SeriesStats(bars.count(), ends["first"], ends["last"], latest_close)


def known_slugs() -> list[str]:
    return list(Series.objects.order_by("slug").values_list("slug", flat=True))
