"""The caps of a backfill and of a month, also with several processes at once."""

import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection

from config.testing.processes import session
from ingestion.feeds.errors import FeedRefused, OverBudget
from ingestion.feeds.history.budget import (
    _find_next_month,
    check_plan,
    choose_mode,
    find_month,
    format_usd,
    read_budget,
    reserve,
)
from marketdata.advisory_locks import BUDGET
from marketdata.models import FeedRequest, Series
from marketdata.runs.commits import read_database_time

START = datetime(2024, 3, 11, tzinfo=UTC)


@pytest.fixture
def request_for(feeds_db):
    """Makes a priced request; each has a minute of its own."""

    def make(usd, **fields):
        number = FeedRequest.objects.count()
        values = {
            "series": Series.objects.get(slug="mnq"),
            "dataset": "GLBX.MDP3",
            "stype_in": "continuous",
            "vendor_symbol": "MNQ.c.0",
            "start": START.replace(hour=number // 60, minute=number % 60),
            "end": START.replace(hour=(number + 1) // 60, minute=(number + 1) % 60),
            "reason": "missing",
            "state": "priced",
            "priced_at": read_database_time(),
            "priced_usd": Decimal(usd),
            "priced_records": 1,
        }
        return FeedRequest.objects.create(**(values | fields))

    return make


@pytest.fixture(autouse=True)
def caps(settings):
    settings.FEED_MAX_USD_PER_RUN, settings.FEED_MAX_USD_PER_MONTH = Decimal(10), Decimal(25)


@pytest.mark.parametrize("run, month", [(None, None), (0, 0), (None, 5), (5, None), (Decimal(0), 5)])
@pytest.mark.parametrize("usd", [0, 1])
def test_nothing_is_bought_without_both_caps(request_for, settings, run, month, usd):
    settings.FEED_MAX_USD_PER_RUN, settings.FEED_MAX_USD_PER_MONTH = run, month
    request = request_for(usd)
    with pytest.raises(OverBudget, match="FEED_MAX_USD_PER_RUN and FEED_MAX_USD_PER_MONTH") as raised:
        reserve(request)
    assert raised.value.exit_code == 3
    request.refresh_from_db()
    assert (request.state, request.error, request.bought_at) == ("refused", str(raised.value), None)


def test_a_price_at_the_cap_is_bought(request_for, running):
    request = request_for(10, backfill=running())
    reserve(request)
    request.refresh_from_db()
    assert (request.state, request.charged_usd) == ("bought", 10)
    assert request.bought_at >= request.priced_at


def test_the_cap_of_a_run_counts_its_own_charges(request_for, running):
    first, other = running(), running()
    reserve(request_for(6, backfill=first))
    reserve(request_for("6", backfill=other))
    with pytest.raises(OverBudget, match=r"USD 4.00 are left of USD 10.00 \(FEED_MAX_USD_PER_RUN\)"):
        reserve(request_for("4.000001", backfill=first))
    reserve(request_for(4, backfill=first))


def test_the_cap_of_a_month_counts_failed_requests(request_for, running):
    paid = request_for(10, backfill=running())
    reserve(paid)
    FeedRequest.objects.filter(pk=paid.pk).update(state="failed", error="x", finished_at=read_database_time())
    reserve(request_for(10, backfill=running()))
    with pytest.raises(OverBudget, match=r"USD 20.00 of USD 25.00 are spent \(FEED_MAX_USD_PER_MONTH\)"):
        reserve(request_for("5.01", backfill=running()))
    reserve(request_for(5, backfill=running()))


def test_another_month_does_not_count(request_for, running):
    paid = request_for(10, backfill=running())
    reserve(paid)
    last = find_month(read_database_time())
    FeedRequest.objects.filter(pk=paid.pk).update(bought_at=last, priced_at=last)
    assert read_budget().month_charged == 10
    before = last.replace(year=last.year - 1)
    FeedRequest.objects.filter(pk=paid.pk).update(bought_at=before, priced_at=before)
    assert read_budget().month_charged == 0


@pytest.mark.parametrize(
    "month, following", [((2024, 1), (2024, 2)), ((2024, 11), (2024, 12)), ((2024, 12), (2025, 1))]
)
def test_the_next_month(month, following):
    assert _find_next_month(datetime(*month, 1, tzinfo=UTC)) == datetime(*following, 1, tzinfo=UTC)


def test_max_cost_only_lowers(request_for, running):
    assert read_budget(Decimal(99)).run_cap == 10
    assert read_budget(Decimal(-1)).run_cap == 0
    with pytest.raises(OverBudget, match="--max-cost"):
        reserve(request_for(3, backfill=running(max_usd=2)))
    with pytest.raises(OverBudget, match="--max-cost 0"):
        reserve(request_for(0, backfill=running(max_usd=0)))
    reserve(request_for(2, backfill=running(max_usd=2)))


def test_a_request_is_reserved_once(request_for, running):
    request = request_for(1, backfill=running())
    stale = FeedRequest.objects.get(pk=request.pk)
    reserve(request)
    with pytest.raises(FeedRefused, match="another process"):
        reserve(stale)
    assert read_budget().month_charged == 1


def test_sessions_at_once_never_exceed_a_cap(request_for, running):
    requests = [request_for(4, backfill=running()) for _ in range(12)]
    refused = []

    def try_to_reserve(request):
        try:
            reserve(request)
        except OverBudget:
            refused.append(request.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=try_to_reserve, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_budget().month_charged == 24
    assert len(refused) == 6


def test_a_purchase_waits_for_one_in_progress(request_for, running):
    """The sums are read after the wait: they include what the other purchase added."""
    waiting, other = request_for(10, backfill=running()), request_for(20, backfill=running())
    outcomes = []

    def try_to_reserve():
        try:
            reserve(waiting)
        except OverBudget as refusal:
            outcomes.append(str(refusal))
        finally:
            connection.close()

    thread = threading.Thread(target=try_to_reserve)
    with session() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", BUDGET)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        now = read_database_time()
        FeedRequest.objects.filter(pk=other.pk).update(state="bought", bought_at=now, charged_usd=20)
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", BUDGET)
    thread.join()
    assert "USD 20.00 of USD 25.00 are spent" in outcomes[0]


def test_the_mode_follows_the_price(settings):
    settings.FEED_BATCH_ABOVE_USD = None
    assert choose_mode(Decimal(99)) == "stream"
    settings.FEED_BATCH_ABOVE_USD = Decimal(5)
    assert (choose_mode(Decimal(5)), choose_mode(Decimal("5.01"))) == ("stream", "batch")


@pytest.mark.parametrize(
    "usd, text", [("0", "USD 0.00"), ("12.3", "USD 12.30"), ("0.004313", "USD 0.004313"), ("1234.5", "USD 1,234.50")]
)
def test_dollars(usd, text):
    assert format_usd(Decimal(usd)) == text


def test_the_plan_is_compared_with_both_caps(feeds_db):
    check_plan(read_budget(), Decimal(10))
    with pytest.raises(OverBudget):
        check_plan(read_budget(), Decimal("10.000001"))
