"""Bodies of live feeds, as described."""

from marketdata.api.responses.examples import FEED_EXAMPLE

ADDRESS = "/api/feeds/"


def test_a_feed_is_as_described(check, feed):
    [body] = check(ADDRESS).json()
    assert set(body) == set(FEED_EXAMPLE)
    assert set(body["last_sessions"][0]) == set(FEED_EXAMPLE["last_sessions"][0])
    assert set(body["series"][0]) == set(FEED_EXAMPLE["series"][0])


def test_a_feed_without_a_record_is_as_described(check, feed):
    feed.feed_sessions.all().delete()
    type(feed).objects.filter(pk=feed.pk).update(dataset="XNAS.ITCH")
    try:
        assert [body["state"] for body in check(ADDRESS).json()] == ["live", "none"]
    finally:
        type(feed).objects.filter(pk=feed.pk).update(dataset="GLBX.MDP3")
