"""What was priced, bought, received, and paid for nothing in a calendar month (UTC), by series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum

from ingestion.feeds.history.budget import Budget, read_budget
from marketdata.models import FeedRequest
from marketdata.runs.commits import read_database_time

_ZERO = Decimal(0)
_STATE = FeedRequest.State


@dataclass(frozen=True)
class Amount:
    """How many requests, and their US dollars."""

    count: int = 0
    usd: Decimal = _ZERO

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.count + other.count, self.usd + other.usd)


@dataclass(frozen=True)
class Spending:
    """The requests of one series, or of all. `bought` is what counts for the caps: what `arrived`, what is `open`, and
    what was paid for `nothing`. `refused` requests were over a cap, or were not sent."""

    slug: str
    priced: Amount = Amount()
    refused: Amount = Amount()
    bought: Amount = Amount()
    arrived: Amount = Amount()
    open: Amount = Amount()
    nothing: Amount = Amount()


@dataclass(frozen=True)
class MonthlySpending:
    """One month, from its first day. `budget` has the caps as they are set now, None for another month than this."""

    month: date
    series: Sequence[Spending]
    total: Spending
    month_cap: Decimal
    budget: Budget | None


def read_spending(month: date | None = None) -> MonthlySpending:
    """The spending of the month that has this day, by default of this month by the database's clock."""
    now = read_database_time().astimezone(UTC).date().replace(day=1)
    first = (month or now).replace(day=1)
    start = datetime(first.year, first.month, 1, tzinfo=UTC)
    end = datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=UTC)
    priced = Q(priced_at__gte=start, priced_at__lt=end)
    bought = Q(bought_at__gte=start, bought_at__lt=end)
    parts = {
        "priced": (priced, "priced_usd"),
        "refused": (priced & Q(state=_STATE.REFUSED), "priced_usd"),
        "bought": (bought, "charged_usd"),
        "arrived": (bought & Q(state__in=[_STATE.ARRIVED, _STATE.STORED]), "charged_usd"),
        "open": (bought & Q(state=_STATE.BOUGHT), "charged_usd"),
        "nothing": (bought & Q(state=_STATE.FAILED, charged_usd__gt=0), "charged_usd"),
    }
    counted = {f"count_{name}": Count("pk", filter=which) for name, (which, _) in parts.items()}
    summed = {f"sum_{name}": Sum(column, filter=which) for name, (which, column) in parts.items()}
    rows = FeedRequest.objects.filter(priced | bought).order_by("series__slug")
    sums = rows.values("series__slug").annotate(**counted, **summed)
    found: Iterable[dict[str, Any]] = sums  # type: ignore[assignment]  # its type has no annotations
    series = [
        Spending(
            row["series__slug"],
            **{name: Amount(row[f"count_{name}"], row[f"sum_{name}"] or _ZERO) for name in parts},
        )
        for row in found
    ]
    total = Spending("", **{name: sum((getattr(one, name) for one in series), Amount()) for name in parts})
    budget = read_budget()
    return MonthlySpending(first, series, total, budget.month_cap, budget if first == now else None)
