"""Live feeds over REST."""

from datetime import UTC, datetime, timedelta

import pytest

from config.testing.rows import insert
from marketdata.models import Series

ADDRESS = "/api/feeds/"


def test_feeds_require_authentication(market_db, client):
    assert client.get(ADDRESS).status_code == 401


def test_without_feeds_the_list_is_empty(reader):
    assert reader.get(ADDRESS).json() == []


def test_a_feed_has_its_figures_series_and_sessions(reader, feed):
    [found] = reader.get(ADDRESS).json()
    assert (found["dataset"], found["state"], found["text"]) == ("GLBX.MDP3", "live", "live")
    assert (found["reconnects"], found["spool_files"], found["lag_ms"]) == (1, 3, 31)
    assert found["series"] == [{"slug": "mnq", "live": True, "feed_symbol": "MNQ.c.0", "vendor_symbols": ["MNQZ6"]}]
    opened, ended = found["last_sessions"]
    assert (opened["id"], opened["ended_at"], opened["end"]) == (2, None, "")
    assert opened["series"] == [{"slug": "mnq", "vendor_symbol": "MNQZ6", "start": None}]
    assert (ended["end"], ended["error"], ended["late"]) == ("eof", "The gateway closed the connection.", 2)


def test_a_live_series_without_a_record_is_listed(reader, market_db):
    Series.objects.create(
        slug="es", symbol="ES", dataset="GLBX.MDP3", feed_symbol="ES.c.0", feed_stype="continuous", live=True
    )
    [found] = reader.get(ADDRESS).json()
    assert (found["state"], found["text"]) == ("none", "stream_live has not run yet")
    assert (found["seen_at"], found["lag_ms"], found["sessions"]) == (None, None, 0)
    assert [one["vendor_symbols"] for one in found["series"]] == [[]]


def test_thousands_of_series_are_listed_in_parts(reader, feed):
    fields = {"dataset": "GLBX.MDP3", "feed_stype": "raw_symbol", "live": True}
    many = [Series(slug=f"n{n:04}", symbol=f"N{n}", feed_symbol=f"N{n}", **fields) for n in range(1200)]
    for one in Series.objects.bulk_create(many):
        if one.slug < "n0003":
            insert("market_feed_session_series", session_id=2, series_id=one.pk, vendor_symbol=one.symbol)
    [found] = reader.get(ADDRESS).json()
    assert (found["series_count"], len(found["series"])) == (1201, 500)
    slugs = ["mnq", *(one.slug for one in many)]
    parts = [reader.get(f"{ADDRESS}?limit=1000&offset={offset}").json()[0]["series"] for offset in (0, 1000, 2000)]
    assert [one["slug"] for part in parts for one in part] == slugs
    assert [len(part) for part in parts] == [1000, 201, 0]
    [found] = reader.get(f"{ADDRESS}?limit=2&offset=1").json()
    assert [one["slug"] for one in found["series"]] == ["n0000", "n0001"]
    assert [one["vendor_symbols"] for one in found["series"]] == [["N0"], ["N1"]]
    session = found["last_sessions"][0]
    assert (session["series_count"], [one["slug"] for one in session["series"]]) == (4, ["n0000", "n0001"])
    [found] = reader.get(f"{ADDRESS}?limit=0").json()
    assert (found["series_count"], found["series"]) == (1201, [])
    assert reader.get(f"{ADDRESS}?limit=10001").json().keys() == {"limit"}


def test_the_last_sessions_are_listed_newest_first(reader, feed):
    for number in range(3, 20):  # 1 and 2 exist
        insert("market_feed_sessions", id=number)
    sessions = reader.get(ADDRESS).json()[0]["last_sessions"]
    assert [session["id"] for session in sessions] == list(range(19, 9, -1))


def test_days_that_history_changed_are_listed(reader, feed):
    today = datetime.now(UTC).date()
    for days, changed in ((1, 2), (2, 0), (100, 5)):
        day = today - timedelta(days=days)
        insert(
            "market_series_days",
            series_id=feed.pk,
            day=day,
            covered_until=datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1),
            changed=changed,
        )
    [day] = reader.get(ADDRESS).json()[0]["changed_days"]
    assert (day["series"], day["day"], day["changed"]) == ("mnq", str(today - timedelta(days=1)), 2)


@pytest.mark.parametrize("state", ["reconnecting", "stopped"])
def test_a_dead_feed_does_not_change_readyz(client, feed, state):
    before = client.get("/readyz")
    insert("market_feed_status", dataset="XNAS.ITCH", state=state, reason="The key is wrong.")
    after = client.get("/readyz")
    assert (after.status_code, after.content) == (before.status_code, before.content) == (200, before.content)
