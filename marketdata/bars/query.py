"""Every read that more than one place needs. Each is true also after a change by hand.

Counts come from the ledger that the database keeps in step with the bars, everything else from the bars themselves.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import F, Func, QuerySet, TextField
from django.db.models.functions import Cast

from marketdata.models import Bar, Series


def filter_bars(series: Series, start: datetime | None, end: datetime | None) -> QuerySet[Bar]:
    """The series' bars with start ≤ ts < end, unordered."""
    bars = Bar.objects.filter(symbol=series.symbol)
    if start is not None:
        bars = bars.filter(ts__gte=start)
    if end is not None:
        bars = bars.filter(ts__lt=end)
    return bars


class BarRow(NamedTuple):
    """A bar as it is sent: prices as exact decimal text without idle zeros, written by PostgreSQL, which is faster."""

    ts: datetime
    open: str
    high: str
    low: str
    close: str
    volume: Decimal
    run_id: int


def _exact(name: str) -> Cast:
    return Cast(Func(F(name), function="trim_scale"), TextField())


def read_bar_page(
    series: Series,
    *,
    start: datetime | None,
    end: datetime | None,
    after: datetime | None,
    descending: bool,
    limit: int,
) -> tuple[list[BarRow], datetime | None]:
    """Up to `limit` bars behind `after` in the order asked for, and where the next page starts, None at the end.

    Found by the key, not by counting past rows: the thousandth page costs what the first does.
    """
    bars = filter_bars(series, start, end)
    if after is not None:
        bars = bars.filter(ts__lt=after) if descending else bars.filter(ts__gt=after)
    prices = [_exact(name) for name in ("open", "high", "low", "close")]
    rows = bars.order_by("-ts" if descending else "ts").values_list("ts", *prices, "volume", "ingestion_run_id")
    found = [BarRow(*row) for row in rows[: limit + 1]]
    return found[:limit], found[limit - 1].ts if len(found) > limit else None


# --- Whole ranges as files -------------------------------------------------------------------------------------------
