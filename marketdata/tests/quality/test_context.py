"""What is known about a series before its bars are judged."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from config.testing.builders import bars, ingest, write
from marketdata.models import KnownEmpty, Series, VendorDay
from marketdata.quality.context import read_bounds
from marketdata.quality.reading import to_ns

DAY = timedelta(days=1)
START = datetime(2024, 1, 8, tzinfo=UTC)
LEARNED = datetime(2024, 1, 20, 12, tzinfo=UTC)
KNOWN = [(to_ns(START), to_ns(START + DAY))]


@pytest.fixture
def mnq(market_db, tmp_path) -> Series:
    ingest(write(tmp_path / "mnq.dbn", bars(10)))
    return Series.objects.get(slug="mnq")


def read_known_empty(series: Series, **fields: object) -> list[tuple[int, int]]:
    values: dict[str, object] = {
        "series": series,
        "dataset": "GLBX.MDP3",
        "vendor_symbol": "MNQ.c.0",
        "start": START,
        "end": START + DAY,
        "why": "not_listed",
        "evidence": "x",
        "learned_at": LEARNED,
    }
    KnownEmpty.objects.create(**(values | fields))
    bounds = read_bounds(series, timezone.now())
    assert bounds is not None
    return list(bounds.context.known_empty)


@pytest.mark.parametrize(("why", "known"), [("closed", KNOWN), ("vendor_missing", KNOWN), ("no_records", [])])
def test_that_the_vendor_has_no_records_is_no_cause(mnq, why, known):
    assert read_known_empty(mnq, why=why) == known


@pytest.mark.parametrize(("hours", "known"), [(1, KNOWN), (-1, [])])
def test_a_range_is_known_to_be_empty_until_it_is_to_be_asked_for_again(mnq, hours, known):
    assert read_known_empty(mnq, ask_again_at=timezone.now() + timedelta(hours=hours)) == known


@pytest.mark.parametrize(
    ("modified", "changed", "known"),
    [
        (date(2024, 1, 9), date(2024, 1, 9), KNOWN),
        (date(2024, 1, 9), date(2024, 1, 12), []),
        (None, date(2024, 1, 20), KNOWN),  # before it was learned
        (None, date(2024, 1, 21), []),
    ],
)
def test_a_range_is_known_to_be_empty_until_the_vendor_changes_a_day(mnq, modified, changed, known):
    VendorDay.objects.create(
        dataset="GLBX.MDP3", day=START.date(), condition="available", last_modified_date=changed, seen_at=LEARNED
    )
    assert read_known_empty(mnq, modified=modified) == known
