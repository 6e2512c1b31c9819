"""The rows of events: those of the API, with `provisional`."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from config.testing.builders import bars, ingest, together, undo_run, write
from config.testing.rows import insert
from marketdata.calendars.hours import Hours
from marketdata.models import Bar, IngestRun, Series, SeriesDay
from marketdata.stream.query import TooManyChanges
from marketdata.stream.rows import Topic, build_changes, find_close, find_formed, read_last_rows

NOW = datetime(2024, 1, 3, 12, tzinfo=UTC)
DAY = datetime(2024, 1, 2, tzinfo=UTC)
TIMEFRAMES = ("1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w")


@pytest.fixture
def mnq(market_db, tmp_path):
    """Two hours of 2 January, and five minutes of 20 January."""
    ingest(write(tmp_path / "mnq.dbn", together(bars(120), bars(5, first=18 * 1440))))
    return Series.objects.get(slug="mnq")


def add_session(start: datetime) -> None:
    insert("market_feed_sessions", id=1, dataset="GLBX.MDP3", started_at=start, ended_at=start)
    insert("market_feed_session_series", series_id=Series.objects.get(slug="mnq").pk, session_id=1, start=start)


def mark_live() -> None:
    """All runs until now are those of the live feed."""
    add_session(DAY)
    IngestRun.objects.update(kind="live", feed_session_id=1)


@pytest.mark.parametrize("session", ["all", "regular"])
@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_rows_are_those_of_the_api(mnq, admin_client_of, timeframe, session):
    topic = Topic(mnq, timeframe, Hours(session))
    page = admin_client_of(f"/api/market-data/mnq/ohlcv-{timeframe}/bars?limit=1000&session={session}")
    rows = [json.loads(row) for row in read_last_rows(topic, 1000, now=datetime.now(UTC))]
    assert rows == [{**row, "provisional": False} for row in page["bars"]]
    assert [list(row) for row in rows] == [[*row, "provisional"] for row in page["bars"]]
    assert page["provisional"] == []
    assert len(read_last_rows(topic, 1, now=NOW)) == 1
    assert read_last_rows(topic, 0, now=NOW) == []


@pytest.fixture
def admin_client_of(admin_user, client):
    client.force_login(admin_user)
    return lambda address: client.get(address).json()


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_changes_give_each_candle_once(mnq, timeframe):
    topic = Topic(mnq, timeframe, Hours.ALL)
    minutes = [DAY + timedelta(minutes=n) for n in (0, 1, 7, 119)] + [DAY + timedelta(days=18, minutes=3)]
    events = build_changes(topic, dict.fromkeys(minutes, False), now=NOW)
    rows = [json.loads(event.data) for event in events]
    stored = {row["ts"]: row for row in map(json.loads, read_last_rows(topic, 1000, now=NOW))}
    assert len({row["ts"] for row in rows}) == len(rows)
    assert all(stored[row["ts"]] == row for row in rows)
    assert {event.name for event in events} == {"bar"}
    expected = {"1m": 5, "5m": 4, "15m": 3, "30m": 3, "1h": 3}
    assert len(rows) == expected.get(timeframe, 2)


def test_revisions_and_removed_bars_differ(mnq):
    minute = DAY + timedelta(minutes=5)
    for timeframe in ("1m", "5m"):
        [event] = build_changes(Topic(mnq, timeframe, Hours.ALL), {minute: True}, now=NOW)
        assert (event.name, json.loads(event.data)["ts"]) == ("revision", "2024-01-02T00:05:00+00:00")
    undo_run(1)
    for timeframe in TIMEFRAMES:
        [event] = build_changes(Topic(mnq, timeframe, Hours.ALL), {minute: True}, now=NOW)
        assert event.name == "revision"
        assert json.loads(event.data).keys() == {"ts", "removed"}


def test_minutes_outside_regular_hours_have_no_event(market_db, tmp_path):
    ingest(write(tmp_path / "a.dbn", bars(1440)), symbol="SHARE")
    Series.objects.filter(symbol="SHARE").update(calendar="NYSE")
    share = Series.objects.get(symbol="SHARE")
    early, regular = DAY + timedelta(hours=13), DAY + timedelta(hours=15)
    for timeframe in TIMEFRAMES:
        topic = Topic(share, timeframe, Hours.REGULAR)
        assert build_changes(topic, {early: False}, now=NOW) == []
        assert len(build_changes(topic, {early: False, regular: False}, now=NOW)) == 1
        assert len(build_changes(topic._replace(hours=Hours.ALL), {early: False}, now=NOW)) == 1


def test_changes_in_too_many_places(mnq):
    minutes = {DAY + timedelta(days=9 * n): False for n in range(60)}
    with pytest.raises(TooManyChanges):
        build_changes(Topic(mnq, "1h", Hours.ALL), minutes, now=NOW)


def test_when_a_candle_is_no_longer_forming(mnq):
    minute = DAY + timedelta(hours=3, minutes=7)
    assert find_close(Topic(mnq, "5m", Hours.ALL), minute) == (DAY + timedelta(hours=3, minutes=10)).timestamp()
    assert find_close(Topic(mnq, "1h", Hours.ALL), minute) == (DAY + timedelta(hours=4)).timestamp()


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_rows_of_the_live_feed_are_provisional_until_history_covers_them(mnq, admin_client_of, timeframe):
    def read() -> list[bool]:
        return [json.loads(row)["provisional"] for row in read_last_rows(topic, 1000, now=NOW)]

    def read_api() -> list[bool]:
        page = admin_client_of(f"/api/market-data/mnq/ohlcv-{timeframe}/bars?limit=1000")
        ranges = [(one["start"], one["end"]) for one in page["provisional"]]
        return [any(start <= row["ts"] < end for start, end in ranges) for row in page["bars"]]

    topic = Topic(mnq, timeframe, Hours.ALL)
    assert not any(read())
    mark_live()
    assert all(read())
    assert read_api() == read()
    covered = {"day": DAY.date(), "records": 1, "confirmed_at": NOW}
    half = DAY + timedelta(hours=1)
    SeriesDay.objects.create(series=mnq, covered_until=half, **covered)
    expected = [ts >= half for ts in Bar.objects.order_by("ts").values_list("ts", flat=True)]
    if timeframe == "1m":
        assert read() == expected
    assert read_api() == read()
    SeriesDay.objects.update(covered_until=DAY + timedelta(days=1), covered_from=half)
    if timeframe == "1m":
        assert read() == [not one for one in expected[:120]] + [True] * 5
    SeriesDay.objects.update(covered_from=None)
    assert read()[0] is False
    assert read()[-1] is True
    assert read_api() == read()


def test_a_candle_that_closed_since_is_found(mnq):
    """Its last minute before that time; nothing while it is forming, or if it had no bar."""
    hour = Topic(mnq, "1h", Hours.ALL)
    since = DAY + timedelta(hours=1, minutes=30, seconds=10)
    close = DAY + timedelta(hours=2)
    assert find_formed(hour, since, now=close) == {since.replace(second=0): False}
    assert find_formed(hour, since, now=close - timedelta(seconds=1)) == {}
    assert find_formed(hour, close + timedelta(minutes=5), now=NOW) == {}
    assert find_formed(Topic(mnq, "1d", Hours.ALL), close + timedelta(hours=5), now=NOW) == {
        DAY + timedelta(minutes=119): False
    }
    assert find_formed(Topic(mnq, "1m", Hours.ALL), since, now=NOW) == {}
    for timeframe in TIMEFRAMES:
        assert find_formed(Topic(mnq, timeframe, Hours.ALL), datetime(1970, 1, 1, tzinfo=UTC), now=NOW) == {}
