"""Candles that close though no bar comes, and series whose calendar changes: clients learn of both."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from config.testing.builders import bars, ingest, write
from marketdata.calendars.hours import Hours
from marketdata.models import IngestRun, Series
from marketdata.stream import channel as channels
from marketdata.stream.access import Access
from marketdata.stream.channel import Channel
from marketdata.stream.events import OPENING
from marketdata.stream.hub import hub
from marketdata.stream.opening import open_stream
from marketdata.stream.position import Position
from marketdata.stream.rows import Topic

FIVE = timedelta(minutes=5)
ACCESS = Access(1, None, "")


@pytest.fixture
def closed_at(market_db, tmp_path):
    """The last five minutes of the clock have begun then; before it a series NOW has two bars, without a calendar."""
    now = datetime.now(UTC)
    end = now - (now - datetime(2024, 1, 1, tzinfo=UTC)) % FIVE
    records = bars(2)
    records["ts_event"] = [int((end - timedelta(minutes=n)).timestamp()) * 10**9 for n in (4, 3)]
    days = {"mappings": {}, "start": int(records["ts_event"][0]), "end": None}
    ingest(write(tmp_path / "now.dbn", records, symbols=("NOW",), **days))
    return end


def build_topic(timeframe: str, session: str = "all") -> Topic:
    return Topic(Series.objects.get(symbol="NOW"), timeframe, Hours(session))


def test_a_candle_that_closed_before_the_first_look_is_sent_once(closed_at, monkeypatch):
    monkeypatch.setattr(channels, "_OPENED_WITHIN", 2 * FIVE)
    channel = Channel(build_topic("5m"))
    assert channel.closes_at == 0
    closed = channel.find_closed()
    assert closed == {closed_at - timedelta(minutes=3): False}
    assert channel.find_closed() == closed  # the database has not responded
    channel.forget_closed(closed)
    assert channel.find_closed() == {}
    assert channel.closes_at is None


def test_a_client_that_comes_back_learns_that_its_candle_closed(closed_at):
    """No run has changed anything since."""
    IngestRun.objects.update(finished_at=closed_at - FIVE, started_at=closed_at - FIVE)
    position = Position(closed_at - timedelta(seconds=20), 1)
    try:
        stream = open_stream(build_topic("5m"), ACCESS, limit=0, last_event_id=str(position))
        text = stream.take().removeprefix(OPENING).decode()
        stream.close()
    finally:
        hub.close()
    state, bar, *_ = (dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n"))
    assert (state["event"], bar["event"]) == ("state", "bar")
    candle = json.loads(bar["data"])
    assert datetime.fromisoformat(candle["ts"]) == closed_at - FIVE
    assert (candle["bar_count"], candle["forming"]) == (2, False)


@pytest.mark.parametrize(
    ("timeframe", "session", "depends"), [("1m", "all", False), ("1m", "regular", True), ("5m", "all", True)]
)
def test_another_calendar_makes_other_rows(closed_at, timeframe, session, depends):
    channel = Channel(build_topic(timeframe, session))
    assert not channel.follow_series(Series.objects.get(symbol="NOW"))
    Series.objects.filter(symbol="NOW").update(calendar="CME Globex Equity", tick_size="0.25")
    assert channel.follow_series(Series.objects.get(symbol="NOW")) == depends
    assert channel.topic.series.calendar == "CME Globex Equity"
    assert not channel.follow_series(Series.objects.get(symbol="NOW"))
