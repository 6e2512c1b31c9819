"""Prices of a whole plan: nothing is sold where nothing is, and an unknown price ends the plan."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from ingestion.feeds.asks import Ask
from ingestion.feeds.errors import FeedRefused, NothingThere, NotYetAvailable
from ingestion.feeds.history.price import price_requests
from ingestion.progress import Progress


@dataclass(frozen=True)
class Planned:
    ask: Ask


def test_each_planned_request_has_a_price_or_a_reason(historical, vendor, ask):
    _, end = vendor.get_available(ask.dataset)
    saturday = datetime(2024, 3, 16, tzinfo=UTC)
    asks = [
        ask,
        replace(ask, start=saturday, end=saturday + timedelta(days=1)),
        replace(ask, symbol="NOPE.c.0"),
        replace(ask, start=end - timedelta(days=1), end=end + timedelta(hours=2)),
    ]
    priced = price_requests(vendor, [Planned(one) for one in asks], Progress())
    assert [found.planned.ask for found in priced] == asks
    assert [found.price and found.price.records > 0 for found in priced] == [True, False, None, None]
    assert [type(found.refusal) for found in priced] == [type(None), type(None), NothingThere, NotYetAvailable]
    assert historical.purchases == []


def test_a_price_that_is_not_known_ends_the_plan(historical, vendor, ask):
    historical.fault("metadata.get_cost", "json", value=None, skip=1)
    with pytest.raises(FeedRefused, match="price"):
        price_requests(vendor, [Planned(ask)] * 3, Progress())
