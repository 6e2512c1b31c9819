"""Minutes that a live session closed had no trade so far, until history covers the day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from config.testing.clocks import utc
from config.testing.rows import insert
from marketdata.coverage.verdicts.query import judge_gaps
from marketdata.live.query import read_series_state, read_series_states
from marketdata.models import FeedSession, FeedSessionSeries, Series
from marketdata.tests.coverage.verdicts.test_query import NOW, cover, judge, set_available, store_minutes, subscribed

MINUTE = timedelta(minutes=1)
START, CLOSED = utc("2024-01-09 15:00"), utc("2024-01-09 16:00")

__all__ = ["subscribed"]


@pytest.fixture
def live(subscribed):
    """The series with a bar every other minute of an hour."""
    store_minutes(subscribed, [START + minute * MINUTE for minute in range(0, 60, 2)])
    return subscribed


def add_session(series, *, start=START, replay_from=START, closed_until=CLOSED, unproven=(), end=None):
    session = FeedSession.objects.create(
        dataset="GLBX.MDP3", started_at=START, replay_from=replay_from, closed_until=closed_until,
        unproven=list(unproven),
    )  # fmt: skip
    FeedSessionSeries.objects.create(
        series=series, session=session, vendor_symbol="AH4", stype_in="raw_symbol", start=start, end=end
    )
    return session


def list_proven(series):
    gaps = judge_gaps(series, start=START - 30 * MINUTE, end=CLOSED + 30 * MINUTE, now=NOW)
    minutes = {}
    for gap in gaps:
        for number in range(gap.minutes):
            minutes[gap.start + number * MINUTE] = gap
    return {minute for minute, gap in minutes.items() if "Live session" in gap.evidence}, minutes


def test_closed_minutes_had_no_trade_so_far(live):
    session = add_session(live)
    proven, minutes = list_proven(live)
    assert proven == {START + minute * MINUTE for minute in range(1, 60, 2)}
    gap = minutes[START + MINUTE]
    assert (gap.verdict, gap.until) == ("no_trade", None)
    assert gap.evidence == (f"Live session {session.pk} closed these minutes; history has not confirmed them yet.")
    assert minutes[START - MINUTE].verdict == minutes[CLOSED].verdict == "missing"


def make_contract(series, kind="outright"):
    fields = {"kind": kind, "root": "A", "contract_month": 3, "contract_year": 2024}
    Series.objects.filter(pk=series.pk).update(feed_symbol="", feed_stype="", **fields)
    series.refresh_from_db()


@pytest.mark.parametrize(
    ("feed_symbol", "dataset", "kind", "is_proven"),
    [
        ("A.FUT", "GLBX.MDP3", "outright", True),
        ("B.FUT", "GLBX.MDP3", "outright", False),
        ("A.FUT", "XEUR.EOBI", "outright", False),
        ("A.OPT", "GLBX.MDP3", "outright", False),
    ],
)
def test_a_contract_is_proven_by_the_session_of_its_parent(live, feed_symbol, dataset, kind, is_proven):
    parent = Series.objects.create(
        slug="parent", symbol=feed_symbol, dataset=dataset, feed_symbol=feed_symbol, feed_stype="parent", live=True
    )
    make_contract(live, kind)
    session = add_session(parent)
    now = timezone.now()
    insert("market_feed_status", session_id=session.pk, seen_at=now, since=now, started_at=now)
    assert bool(list_proven(live)[0]) == is_proven
    assert (read_series_state(live).feed.state != "none") == is_proven
    assert [one.feed.state != "none" for one in read_series_states([live])] == [is_proven]


def test_unproven_minutes_are_not_proven(live):
    unproven = [START + 3 * MINUTE, START + 4 * MINUTE, START + 59 * MINUTE]
    add_session(live, unproven=unproven)
    proven, _ = list_proven(live)
    assert proven == {START + minute * MINUTE for minute in range(1, 60, 2)} - set(unproven)


def test_a_later_session_proves_what_an_earlier_one_did_not(live):
    add_session(live, unproven=[START + MINUTE])
    later = add_session(live, start=START, closed_until=START + 2 * MINUTE)
    proven, minutes = list_proven(live)
    assert START + MINUTE in proven
    assert f"session {later.pk} " in minutes[START + MINUTE].evidence


def test_a_series_counts_from_its_own_start_to_its_own_end(live):
    add_session(live, start=START + 20 * MINUTE, end=START + 40 * MINUTE)
    proven, _ = list_proven(live)
    assert proven == {START + minute * MINUTE for minute in range(21, 40, 2)}


def test_a_session_proves_from_where_its_replay_began(live):
    add_session(live, start=START - 60 * MINUTE, replay_from=START + 30 * MINUTE)
    proven, _ = list_proven(live)
    assert proven == {START + minute * MINUTE for minute in range(31, 60, 2)}


def test_nothing_is_proven_before_an_interval_closed(live):
    add_session(live, closed_until=None)
    add_session(live, replay_from=None)
    assert list_proven(live)[0] == set()


def test_history_and_its_end_are_compared_with_the_session(live):
    add_session(live)
    set_available(live, START)
    proven, _ = list_proven(live)
    assert len(proven) == 30  # although history is not available yet
    cover(live, START.date(), records=31)
    assert {verdict for *_, verdict in judge(live, START, CLOSED)} == {"missing"}
    assert list_proven(live)[0] == set()
