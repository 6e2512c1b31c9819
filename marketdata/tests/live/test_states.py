"""States of feeds as text, from rows of the tables."""

from datetime import UTC, datetime, timedelta

import pytest

from marketdata.live.states import SEEN_WITHIN, describe_dataset, describe_series, format_opening
from marketdata.models import FeedStatus, Series

NOW = datetime(2026, 11, 25, 16, 0, 2, tzinfo=UTC)  # a Wednesday, 10:00 in Chicago
BAR = NOW - timedelta(seconds=62)


def make_status(**changes):
    row = {"dataset": "GLBX.MDP3", "state": "live", "since": NOW - timedelta(minutes=89), "seen_at": NOW}
    return FeedStatus(**(row | changes))


def describe(status, now=NOW, is_followed=True, last_bar=BAR, **series):
    row = {"slug": "mnq", "dataset": "GLBX.MDP3", "calendar": "CME Globex Equity", "live": True}
    return describe_series(Series(**(row | series)), status, is_followed=is_followed, last_bar=last_bar, now=now)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("live", "live"),
        ("closed", "market closed"),
        ("connecting", "connecting since 14:31 UTC"),
        ("reconnecting", "reconnecting since 14:31 UTC"),
        ("replaying", "catching up: the gateway repeats earlier minutes"),
        ("stopped", "stopped since 14:31 UTC"),
    ],
)
def test_each_state_has_a_text(state, text):
    found = describe_dataset(make_status(state=state, reason="The gateway closed the connection."), NOW)
    assert (found.state, found.text, found.reason) == (state, text, "The gateway closed the connection.")


def test_an_old_row_reports_that_stream_live_is_not_running():
    seen = NOW - timedelta(minutes=89)
    found = describe_dataset(make_status(seen_at=seen), NOW)
    assert (found.state, found.text) == ("not_running", "stream_live is not running (last seen 14:31 UTC)")
    assert describe_dataset(make_status(seen_at=NOW - SEEN_WITHIN), NOW).state == "live"
    yesterday = describe_dataset(make_status(seen_at=seen - timedelta(days=1)), NOW)
    assert yesterday.text == "stream_live is not running (last seen 2026-11-24 14:31 UTC)"


def test_a_stopped_feed_is_not_called_dead():
    found = describe_dataset(make_status(state="stopped", seen_at=NOW - timedelta(days=2)), NOW)
    assert (found.state, found.text) == ("stopped", "stopped since 14:31 UTC")


def test_a_dataset_without_a_row():
    assert describe_dataset(None, NOW).text == "stream_live has not run yet"


def test_a_live_series():
    found = describe(make_status(lag_ms=31)).to_json()
    assert (found["state"], found["text"], found["lag_ms"]) == ("live", "live", 31)
    assert (found["last_bar"], found["now"]) == ("2026-11-25T15:59:00+00:00", "2026-11-25T16:00:02+00:00")


def test_a_series_that_is_named_needs_no_switch():
    assert describe(make_status(), live=False).feed.state == "live"
    assert describe(make_status(), live=False, is_followed=False).feed.text == "no live feed: last bar 15:59 UTC"


def test_a_series_that_the_session_lacks_waits():
    assert describe(make_status(), is_followed=False).feed.text == "waiting for the next session of the feed"


def test_a_series_without_bars_and_feed():
    assert describe(None, live=False, is_followed=False, last_bar=None).feed.text == "no live feed"
    assert describe(None).feed.text == "stream_live has not run yet: last bar 15:59 UTC"


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (datetime(2026, 11, 25, 22, 30, tzinfo=UTC), "market closed until 17:00 CT"),  # the daily break
        (datetime(2026, 11, 28, 12, 0, tzinfo=UTC), "market closed until Sun 17:00 CT"),
        (datetime(2026, 11, 25, 21, 59, 59, tzinfo=UTC), "live"),
    ],
)
def test_the_calendar_of_the_series_closes_it(now, text):
    status = make_status(seen_at=now)
    assert describe(status, now=now).feed.text == text


def test_a_feed_that_is_down_is_reported_while_the_exchange_is_closed():
    now = datetime(2026, 11, 25, 22, 30, tzinfo=UTC)
    assert describe(make_status(state="reconnecting", seen_at=now), now=now).feed.state == "reconnecting"


@pytest.mark.parametrize("calendar", ["", "Mars"])
def test_without_a_known_calendar_a_series_is_open(calendar):
    now = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    assert describe(make_status(seen_at=now), now=now, calendar=calendar).feed.state == "live"


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("America/New_York", "18:00 ET"),
        ("Europe/London", "23:00 GMT"),
        ("UTC", "23:00 UTC"),
        ("Asia/Tokyo", "08:00 JST"),
    ],
)
def test_the_opening_is_in_the_exchanges_time(zone, text):
    opens = datetime(2026, 11, 25, 23, 0, tzinfo=UTC)
    assert format_opening(opens, zone, opens - timedelta(hours=1)) == text


def test_an_opening_after_a_week_has_its_date():
    later = NOW + timedelta(days=8)
    assert format_opening(later, "UTC", NOW) == "2026-12-03 16:00 UTC"
