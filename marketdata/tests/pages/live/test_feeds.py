"""The page of live feeds, and what the overview polls."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from config.testing.rows import BARS, RUNS, insert
from config.testing.web.pages import read_page
from marketdata.models import Series


@pytest.fixture
def live(market_db):
    """The subscribed series mnq, switched to live."""
    Series.objects.filter(slug="mnq").update(live=True)
    return Series.objects.get(slug="mnq")


def insert_status(**changes):
    now = timezone.now()
    insert("market_feed_status", **({"seen_at": now, "since": now, "started_at": now} | changes))


def test_the_page_requires_a_login(market_db, client):
    assert client.get("/feeds/").status_code == client.get("/live/").status_code == 302


def test_the_empty_page_explains_what_to_do(page_client):
    text = read_page(page_client, "/feeds/")
    assert "No series is live." in text
    for part in ("DATABENTO_API_KEY", "stream_live", 'href="/downloads/"'):
        assert part in text


def test_other_pages_lead_to_it(page_client):
    for address in ("/", "/downloads/"):
        assert 'href="/feeds/"' in read_page(page_client, address)


def test_a_feed_with_its_sessions(page_client, live):
    insert("market_feed_sessions", id=1, error="The gateway closed the connection after 61 minutes.", late=2)
    insert("market_feed_sessions", id=2, ended_at=None, end="")
    insert("market_feed_session_series", series_id=live.pk, session_id=2, vendor_symbol="MNQZ6")
    insert_status(session_id=2, spool_files=3, lag_ms=31, reconnects=1)
    text = read_page(page_client, "/feeds/")
    for part in ("GLBX.MDP3", ">live<", "31 ms", "3 batches", "MNQZ6", "2 late", "after 61 minutes.", ">open<"):
        assert part in text
    assert "the gateway closed the connection" in text


def test_a_feed_that_is_not_running_names_the_command(page_client, live):
    seen = timezone.now() - timedelta(hours=25)
    insert("market_feed_sessions", id=1, ended_at=None, end="")
    insert_status(seen_at=seen, since=seen, started_at=seen, session_id=1)
    text = read_page(page_client, "/feeds/")
    assert ("open when last seen" in text, ">open<" in text, "Running since" in text) == (True, False, False)
    assert f"stream_live is not running (last seen {seen:%Y-%m-%d %H:%M} UTC)" in text
    assert "manage.py stream_live</code>" in text


def test_a_live_series_before_the_first_start(page_client, live):
    text = read_page(page_client, "/feeds/")
    assert "stream_live has not run yet" in text
    assert "not subscribed yet" in text


def test_hostile_texts_are_escaped(page_client, live):
    insert_status(state="stopped", reason="<b>\u202eevil</b>")
    text = read_page(page_client, "/feeds/")
    assert "&lt;b&gt;\\u202eevil" in text


def test_the_overview_polls_only_what_it_names(page_client, live):
    insert(RUNS)
    insert(BARS)
    body = page_client.get("/live/", {"series": ["mnq", "nope", "\0"]}).json()
    assert list(body["series"]) == ["mnq"]
    found = body["series"]["mnq"]
    assert (found["last_bar"], found["close"], found["state"]) == ("2024-01-02T00:00:00+00:00", "16800.5", "none")
    assert page_client.get("/live/").json()["series"] == {}


def test_the_poll_costs_the_same_for_all_series(page_client, live, django_assert_num_queries):
    page_client.get("/live/", {"series": "mnq"})
    Series.objects.bulk_create(Series(slug=f"s{number}", symbol=f"S{number}") for number in range(20))
    slugs = [f"s{number}" for number in range(20)]
    with django_assert_num_queries(6):  # the login's two, series, stats, feeds, the time
        page_client.get("/live/", {"series": slugs})


COUNT = 10_000


@pytest.fixture
def many(live):
    """10,000 followed series, in ten sessions, each with a day that history covers."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO market_series (
                slug, symbol, name, vendor, dataset, vendor_symbols, calendar, tick_size, created_at
            )
            SELECT 'many-' || lpad(number::text, 5, '0'), 'MANY' || number, '', 'databento', 'GLBX.MDP3', '{}', '',
                0.25, now()
            FROM generate_series(1, %s) AS number
            """,
            [COUNT - 1],
        )
        for number in range(1, 11):
            insert("market_feed_sessions", id=number)
        cursor.execute(
            """
            INSERT INTO market_feed_session_series (series_id, session_id, vendor_symbol, stype_in)
            SELECT series.id, session.id, series.symbol, 'raw_symbol'
            FROM market_series AS series, market_feed_sessions AS session
            """
        )
        cursor.execute("ANALYZE market_series, market_feed_session_series")
    insert_status(session_id=10)


def test_10_000_followed_series_are_counted_in_the_database(page_client, many, monkeypatch):
    read = []

    def count_rows(execute, sql, parameters, is_many, context):
        result = execute(sql, parameters, is_many, context)
        read.append(context["cursor"].rowcount)
        return result

    read_page(page_client, "/feeds/")
    with connection.execute_wrapper(count_rows):
        text = read_page(page_client, "/feeds/")
    assert len(read) <= 14
    assert sum(read) <= 1_500  # of each session and of the feed, 100
    assert "many-00001</a>" in text
    assert f"and {COUNT - 100:,} more" in text
    assert text.count(f"many-00100 MANY100 and {COUNT - 100:,} more") == 10
    assert "many-00101" not in text


def test_the_api_lists_all_followed_series(page_client, many):
    [feed] = page_client.get(f"/api/feeds/?limit={COUNT}").json()
    assert feed["series_count"] == len(feed["series"]) == COUNT
    assert {len(session["series"]) for session in feed["last_sessions"]} == {COUNT}
    assert feed["series"][-1]["slug"] == "mnq"
    assert feed["series"][0]["vendor_symbols"] == ["MANY1"]
