"""Which contracts a session subscribes to, and from when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from config.testing.clocks import utc
from config.testing.rollup import bar_row, copy_bars
from ingestion.errors import InputError
from ingestion.feeds.asks import MappedContract
from ingestion.feeds.client import open_vendor
from ingestion.feeds.errors import FeedRefused
from ingestion.feeds.live.messages import PlanRequested
from ingestion.feeds.live.planning.contracts import ContractBook, ask_contracts
from ingestion.feeds.live.planning.gaps import GapRequests
from ingestion.feeds.live.planning.hours import from_ns, list_open_hours, to_ns
from ingestion.feeds.live.planning.plan import plan_session
from ingestion.feeds.live.planning.resolver import Planner
from ingestion.feeds.live.planning.series import find_live_series
from ingestion.feeds.live.planning.starts import REPLAY_WINDOW, find_starts
from ingestion.feeds.live.planning.unproven import find_unproven
from marketdata.models import FeedSession, FeedSessionSeries, IngestRun, Series

NOW = utc("2026-11-25 15:00")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def mnq(live_db):
    Series.objects.filter(slug="mnq").update(live=True, dataset="GLBX.MDP3", calendar="CME Globex Equity")
    return Series.objects.get(slug="mnq")


def make_book(*contracts):
    book = ContractBook("GLBX.MDP3")
    book.update({"MNQ.c.0": [MappedContract(*one) for one in contracts]}, ["MNQ.c.0"], NOW.date())
    return book


def store_bar(series, moment):
    run = IngestRun.objects.create(
        status="success", row_count=1, inserted_count=1, started_at=NOW, finished_at=NOW, min_ts=moment, max_ts=moment,
        file_sha256="0" * 64, file_name="a.dbn", symbols=[series.symbol],
    )  # fmt: skip
    copy_bars([bar_row(series.symbol, moment, 5, run_id=run.pk)])


def test_the_vendor_resolves_a_roll(historical):
    found = open_vendor().resolve("GLBX.MDP3", ["MNQ.v.0", "NOPE.c.0"], date(2024, 3, 9), date(2024, 3, 13))
    assert found == {
        "MNQ.v.0": [
            MappedContract("MNQH4", date(2024, 3, 9), date(2024, 3, 11)),
            MappedContract("MNQM4", date(2024, 3, 11), date(2024, 3, 13)),
        ]
    }
    assert historical.purchases == []


def test_a_day_that_the_vendor_refuses_to_resolve_is_left_out():
    class Vendor:
        def resolve(self, dataset, symbols, first, stop):
            if stop > date(2026, 11, 26):
                raise FeedRefused("The end is later than what is available.")
            return {"MNQ.c.0": [MappedContract("MNQZ6", first, stop)]}

    found = ask_contracts(Vendor(), "GLBX.MDP3", ["MNQ.c.0"], date(2026, 11, 25))
    assert found["MNQ.c.0"][0].stop == date(2026, 11, 26)


def test_a_series_without_bars_asks_for_the_whole_window(mnq):
    planned = plan_session("GLBX.MDP3", [mnq], make_book(("MNQZ6", date(2026, 11, 24), date(2026, 11, 27))), NOW)
    (one,) = planned.plan.subscriptions
    assert from_ns(one.start_ns) == NOW - timedelta(hours=23, minutes=50)
    assert (one.vendor_symbol, one.stype, one.symbol, one.from_ns) == ("MNQZ6", "raw_symbol", mnq.symbol, None)
    assert from_ns(one.end_ns) == from_ns(planned.plan.replan_at_ns) == utc("2026-11-27 00:00")


@pytest.mark.parametrize(
    ("last", "start"),
    [
        (NOW - 5 * HOUR, NOW - 6 * HOUR),
        (NOW + HOUR, NOW - HOUR),
        (NOW - 60 * HOUR, NOW - timedelta(hours=23, minutes=50)),
    ],
    ids=["within", "to come", "too old"],
)
def test_a_start_is_an_hour_before_the_last_bar_within_the_window(mnq, last, start):
    store_bar(mnq, last)
    (found,) = find_starts([mnq], NOW)
    assert found.start == start


@pytest.mark.parametrize(
    ("last", "gateway", "is_renewed"),
    [
        (None, -6 * HOUR, True),
        (-26 * HOUR, -6 * HOUR, True),
        (-2 * HOUR, -MINUTE, False),
        (-3 * HOUR, -HOUR, False),
        (-HOUR, -6 * HOUR, True),
        (None, timedelta(seconds=-5), False),
        (None, 6 * HOUR, False),
    ],
    ids=["whole window", "cut", "within", "within an hour", "start to come", "seconds ahead", "hours late"],
)
def test_a_machine_clock_that_is_ahead_renews_a_plan_that_lacks_minutes(mnq, last, gateway, is_renewed):
    now = datetime.now(UTC)
    if last is not None:
        store_bar(mnq, now.replace(second=0, microsecond=0) + last)
    mnq.feed_symbol, mnq.feed_stype = "MNQ", "raw_symbol"
    planner = Planner({"GLBX.MDP3": [mnq]}, open_vendor=open_vendor, on_plan=print, report=print)
    request = PlanRequested("GLBX.MDP3")
    planner.request(request)
    planner.work()
    plan = request.plan.result(0)
    assert planner.must_renew("first", plan, now + gateway) is is_renewed
    assert not planner.must_renew("first", plan, now + gateway), "once is enough"


def test_a_first_replay_that_was_interrupted_is_asked_again_in_full(mnq):
    store_bar(mnq, NOW - HOUR)
    session = FeedSession.objects.create(dataset="GLBX.MDP3", gateway="", started_at=NOW, accepted_at=NOW)
    FeedSessionSeries.objects.create(series=mnq, session=session, vendor_symbol="MNQZ6", stype_in="raw_symbol")
    assert find_starts([mnq], NOW)[0].start == NOW - REPLAY_WINDOW
    session.replayed_at = NOW
    session.save()
    assert find_starts([mnq], NOW)[0].start == NOW - 2 * HOUR


def test_a_window_that_was_asked_too_late_is_asked_again_until_it_is_replayed(mnq):
    now = datetime.now(UTC)
    mnq.feed_symbol, mnq.feed_stype = "MNQ", "raw_symbol"
    planner = Planner({"GLBX.MDP3": [mnq]}, open_vendor=open_vendor, on_plan=print, report=print)

    def ask(gateway=None):
        request = PlanRequested("GLBX.MDP3", to_ns(gateway) if gateway else None)
        planner.request(request)
        planner.work()
        return request.plan.result(0)

    gateway = now - 6 * HOUR
    assert planner.must_renew("first", ask(), gateway)
    store_bar(mnq, gateway.replace(second=0, microsecond=0))  # the first session brought it
    planner.end_replay("first", "GLBX.MDP3")
    whole = to_ns((gateway - REPLAY_WINDOW).replace(second=0, microsecond=0))
    assert ask(gateway).asked_start_ns == whole
    assert ask(gateway).asked_start_ns == whole, "the second session was interrupted"
    planner.end_replay("third", "GLBX.MDP3")
    assert ask(gateway).asked_start_ns == to_ns((gateway - HOUR).replace(second=0, microsecond=0))


def test_a_roll_within_the_replay_has_both_contracts(mnq):
    book = make_book(
        ("MNQU6", date(2026, 11, 24), date(2026, 11, 25)), ("MNQZ6", date(2026, 11, 25), date(2026, 11, 27))
    )
    old, new = plan_session("GLBX.MDP3", [mnq], book, NOW).plan.subscriptions
    roll = utc("2026-11-25 00:00")
    assert (old.vendor_symbol, from_ns(old.end_ns), old.from_ns) == ("MNQU6", roll, None)
    assert (new.vendor_symbol, from_ns(new.from_ns), from_ns(new.start_ns)) == ("MNQZ6", roll, roll)


def test_a_roll_to_come_ends_the_session_then(mnq):
    book = make_book(
        ("MNQU6", date(2026, 11, 24), date(2026, 11, 26)), ("MNQZ6", date(2026, 11, 26), date(2026, 11, 27))
    )
    planned = plan_session("GLBX.MDP3", [mnq], book, NOW)
    assert [one.vendor_symbol for one in planned.plan.subscriptions] == ["MNQU6"]
    assert from_ns(planned.plan.replan_at_ns) == utc("2026-11-26 00:00")


def test_a_contract_that_is_not_resolved_for_the_day_lasts_a_while(mnq):
    planned = plan_session("GLBX.MDP3", [mnq], make_book(("MNQZ6", date(2026, 11, 24), date(2026, 11, 25))), NOW)
    assert from_ns(planned.plan.replan_at_ns) == NOW + 15 * MINUTE


def test_a_symbol_without_a_contract_is_refused(mnq):
    with pytest.raises(FeedRefused, match=r"No contract of MNQ\.c\.0 trades on 2026-11-25"):
        plan_session("GLBX.MDP3", [mnq], make_book(), NOW)


def test_raw_and_parent_symbols_are_subscribed_as_they_are(mnq):
    fields = {"dataset": "GLBX.MDP3", "live": True}
    Series.objects.create(slug="z", symbol="MNQZ2026", feed_symbol="MNQZ6", feed_stype="raw_symbol", **fields)
    Series.objects.create(slug="p", symbol="MNQ.FUT", feed_symbol="MNQ.FUT", feed_stype="parent", **fields)
    Series.objects.create(
        slug="old",
        symbol="MNQU2026",
        feed_symbol="MNQU6",
        feed_stype="raw_symbol",
        last_date=date(2026, 9, 18),
        **fields,
    )
    series = [*Series.objects.filter(slug__in=["z", "p", "old"]).order_by("slug")]
    planned = plan_session("GLBX.MDP3", series, ContractBook("GLBX.MDP3"), NOW)
    found = [(one.vendor_symbol, one.stype, one.end_ns) for one in planned.plan.subscriptions]
    assert found == [("MNQ.FUT", "parent", None), ("MNQZ6", "raw_symbol", None)]
    assert [one.slug for one in planned.left_out] == ["old"]


def test_a_parent_goes_on_where_its_last_session_ended(mnq):
    parent = Series.objects.create(
        slug="p", symbol="MNQ.FUT", feed_symbol="MNQ.FUT", feed_stype="parent", dataset="GLBX.MDP3"
    )
    session = FeedSession.objects.create(dataset="GLBX.MDP3", started_at=NOW, closed_until=NOW - 2 * HOUR)
    FeedSessionSeries.objects.create(series=parent, session=session, vendor_symbol="MNQ.FUT", stype_in="parent")
    (found,) = find_starts([parent], NOW)
    assert found.start == NOW - 3 * HOUR - MINUTE


def add_session(start, end, unproven=(), **fields):
    """A session that replayed from `start` hours before NOW, and closed until `end` hours before."""
    ago = [None if hours is None else NOW - hours * HOUR for hours in (start, end)]
    return FeedSession.objects.create(
        dataset="GLBX.MDP3", started_at=NOW, accepted_at=NOW, replay_from=ago[0], closed_until=ago[1],
        unproven=[NOW - hours * HOUR for hours in unproven], **fields,
    )  # fmt: skip


def find(hours=23):
    return [(NOW - from_ns(minute)) / HOUR for minute in find_unproven("GLBX.MDP3", NOW - hours * HOUR)]


def test_minutes_that_no_session_proved_are_known_to_the_next_process(mnq):
    assert find() == []
    add_session(30, 10, unproven=(25, 20, 12))
    assert find() == [20, 12]
    add_session(21, 11, unproven=(12,))
    assert find() == [12]
    FeedSession.objects.create(dataset="XNAS.ITCH", started_at=NOW, accepted_at=NOW, replay_from=NOW - 21 * HOUR)
    assert find() == [12]
    add_session(12, 1)
    assert find() == []


def test_a_replay_that_was_interrupted_proves_nothing(mnq):
    add_session(22, None)
    add_session(20, 1)
    assert find() == [22]
    session = add_session(None, None)
    assert find() == [22]
    store_bar(mnq, NOW - 5 * HOUR)
    IngestRun.objects.update(kind="live", feed_session=session)
    assert find() == [22, 5]
    add_session(22, 1)
    assert find() == []
    plan = plan_session("GLBX.MDP3", [mnq], make_book(("MNQZ6", date(2026, 11, 1), date(2026, 12, 1))), NOW).plan
    assert plan.unproven == ()
    add_session(7, None)
    plan = plan_session("GLBX.MDP3", [mnq], make_book(("MNQZ6", date(2026, 11, 1), date(2026, 12, 1))), NOW).plan
    assert plan.unproven == (to_ns(NOW - 7 * HOUR),)


def test_what_is_older_than_the_window_is_priced_once(mnq):
    store_bar(mnq, NOW - 3 * DAY)
    asked = []
    gaps = GapRequests(lambda slugs, **options: asked.append((slugs, options["start"], options["end"])))
    starts = find_starts([mnq], NOW)
    assert len(gaps.request(starts)) == 1
    assert gaps.request(starts) == []
    assert asked == [(["mnq"], NOW - 3 * DAY + MINUTE, NOW - timedelta(hours=23, minutes=50))]


def test_a_closed_weekend_is_no_gap(mnq):
    monday = utc("2026-11-23 00:00")
    store_bar(mnq, utc("2026-11-20 21:59"))
    asked = []
    assert GapRequests(lambda *arguments, **options: asked.append(options)).request(find_starts([mnq], monday)) == []
    assert asked == []


def test_open_hours_are_those_of_the_calendars(mnq):
    hours = list_open_hours([mnq], NOW - DAY, NOW)
    assert all(opened < closed for opened, closed in hours)
    assert all(before[1] < after[0] for before, after in pairwise(hours))
    assert any(opened <= int(NOW.timestamp()) * 10**9 < closed for opened, closed in hours)
    other = Series(slug="x", calendar="")
    assert len(list_open_hours([mnq, other], NOW - DAY, NOW)) == 1


def test_no_live_series_is_a_sentence(live_db):
    with pytest.raises(InputError, match="No series is live"):
        find_live_series()


def test_times_in_nanoseconds_keep_their_microseconds():
    assert from_ns(1_500_000_000_123_456_789) == datetime(2017, 7, 14, 2, 40, 0, 123456, tzinfo=UTC)
