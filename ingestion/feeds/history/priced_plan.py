"""What to request and what it costs: the plan, compared with the vendor's counts and priced. It buys nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ingestion.feeds.asks import Ask
from ingestion.feeds.errors import NotYetAvailable
from ingestion.feeds.history.planning.empty import store_empty
from ingestion.feeds.history.planning.find import find_plan
from ingestion.feeds.history.planning.model import Plan, PlannedRequest
from ingestion.feeds.history.planning.needs import REPLACING
from ingestion.feeds.history.planning.vendor_days import (
    Available,
    fetch_available,
    fetch_conditions,
    read_stored_available,
    store_available,
)
from ingestion.feeds.history.planning.verify import verify_ranges
from ingestion.feeds.history.planning.windows import to_midnight
from ingestion.feeds.history.price import PricedRequest, price_requests
from ingestion.feeds.history.progress import BackfillProgress
from ingestion.feeds.history.report import BackfillResult
from ingestion.feeds.history.settle import settle_empty
from marketdata.models import Series
from marketdata.runs.commits import read_database_time

if TYPE_CHECKING:
    from ingestion.feeds.client import Vendor


def read_available(vendor: Vendor | None, series: Sequence[Series], result: BackfillResult) -> dict[str, Available]:
    """From when to when each dataset has history: by the vendor, or without one as it last stated."""
    available = {}
    for dataset in dict.fromkeys(one.dataset for one in series):
        found = fetch_available(vendor, dataset) if vendor else read_stored_available(dataset)
        if found is None:
            result.messages.append(f"The vendor was never asked from when to when it has history of {dataset}.")
            now = read_database_time().replace(second=0, microsecond=0)
            found = Available(result.options.start or now, now)
        available[dataset] = found
    return available


def read_conditions(vendor: Vendor | None, series: Sequence[Series], result: BackfillResult) -> None:
    """The vendor's condition of each day that can be planned."""
    if vendor is None:
        return
    for dataset, available in result.available.items():
        starts = [one.feed_start for one in series if one.dataset == dataset]
        earliest = min(to_midnight(day) for day in starts if day) if all(starts) else available.start
        first = max(result.options.start or earliest, available.start)
        fetch_conditions(vendor, dataset, first, min(result.options.end or available.end, available.end))


def plan_and_price(
    vendor: Vendor | None, series: Sequence[Series], result: BackfillResult, progress: BackfillProgress
) -> None:
    """Plan, and ask for prices. An end that a refusal names is used once, and the plan is made again."""
    if vendor is None:
        result.plan = _find_plan(series, result)
        return
    prices: dict[Ask, PricedRequest[PlannedRequest]] = {}
    for is_last in (False, True):
        try:
            result.plan = _find_verified_plan(vendor, series, result, progress)
        except NotYetAvailable as refusal:
            if is_last:
                raise
            _clamp(result, {one.dataset for one in series}, refusal.end)
            continue
        new = [planned for planned in result.plan.requests if planned.ask not in prices]
        progress.step(f"Pricing {len(new)} requests")
        prices |= {priced.planned.ask: priced for priced in price_requests(vendor, new, progress)}
        found = [prices[planned.ask] for planned in result.plan.requests]
        ends = [
            (one.planned.series.dataset, one.refusal.end) for one in found if isinstance(one.refusal, NotYetAvailable)
        ]
        if not ends or is_last:
            break
        for dataset in {dataset for dataset, _ in ends}:
            _clamp(result, {dataset}, min(end for name, end in ends if name == dataset))
    result.priced = [one for one in found if _is_for_sale(one, result)]
    result.is_priced = True


def _find_plan(series: Sequence[Series], result: BackfillResult, *, is_verified: bool = False) -> Plan:
    options = result.options
    return find_plan(
        series,
        result.available,
        start=options.start,
        end=options.end,
        is_verified=is_verified,
        include_revised=options.include_revised,
    )


def _find_verified_plan(
    vendor: Vendor, series: Sequence[Series], result: BackfillResult, progress: BackfillProgress
) -> Plan:
    """The plan after stored bars of unknown origin were compared with the vendor's count."""
    progress.step("Planning")
    plan = _find_plan(series, result)
    unverified = [part for one in plan.series for part in one.unverified]
    if unverified:
        progress.step(f"Comparing {len(unverified)} ranges of stored bars with the vendor's count")
        result.verified_days += verify_ranges(vendor, unverified, lambda part: progress.raise_if_cancelled())
    return _find_plan(series, result, is_verified=True)


def _clamp(result: BackfillResult, datasets: set[str], end: datetime) -> None:
    """The licence allows less than the dataset has: `end` is what a refusal named."""
    for dataset in datasets:
        before = result.available[dataset]
        clamped = Available(
            min(before.start, end), min(before.end, end.replace(second=0, microsecond=0)), before.seen_at
        )
        result.available[dataset] = clamped
        store_available(dataset, clamped)
        result.messages.append(
            f"{dataset} is available until {clamped.end:%Y-%m-%d %H:%M} UTC for this account: the plan ends there."
        )


def _is_for_sale(priced: PricedRequest[PlannedRequest], result: BackfillResult) -> bool:
    """Whether there are records to buy. If not, this is remembered."""
    planned = priced.planned
    if isinstance(priced.refusal, NotYetAvailable):
        result.messages.append(str(priced.refusal))
        return False
    if priced.price and priced.price.records:
        return True
    if planned.reason in REPLACING:
        settle_empty(planned.series, planned.start, planned.end, planned.modified)
    else:
        store_empty(planned, result.available[planned.series.dataset].end, priced.refusal)
    return False
