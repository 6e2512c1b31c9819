"""Streams send the bars of archived years as before."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta

import pytest

from config.testing.builders import FRONT, at, bars, ingest, together, write
from config.testing.database.archive import archive
from config.testing.rows import insert
from marketdata.calendars.hours import Hours
from marketdata.models import IngestRun, Series
from marketdata.sources.errors import ArchivedBarsUnreadable
from marketdata.stream.position import find_finished, read_position
from marketdata.stream.query import find_changes
from marketdata.stream.rows import Topic, build_changes, read_last_rows

NOW = datetime(2024, 1, 3, 12, tzinfo=UTC)
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
MNQ = "CME_MINI:MNQ1!"


def load(path, records) -> None:
    mappings = {"MNQ.c.0": [(date(2023, 12, 1), date(2024, 2, 1), FRONT)]}
    ingest(write(path, records, mappings=mappings, start=at(0, day=date(2023, 12, 1))))


@pytest.fixture
def mnq(market_db, tmp_path):
    load(tmp_path / "mnq.dbn", together(bars(700, first=-1440 - 600), bars(60)))
    return Series.objects.get(slug="mnq")


@pytest.mark.parametrize("session", ["all", "regular"])
@pytest.mark.parametrize("timeframe", ["1m", "5m", "1h", "1d"])
def test_rows_and_changes(mnq, tmp_path, timeframe, session):
    topic = Topic(mnq, timeframe, Hours(session))
    minutes = {NEW_YEAR + timedelta(minutes=n): False for n in (-10_000, -599, -598, -1, 0, 5, 1439, 1440)}

    def read_events() -> list:
        changes = [
            vars(event) if hasattr(event, "__dict__") else event for event in build_changes(topic, minutes, now=NOW)
        ]
        return [read_last_rows(topic, 500, now=NOW), list(map(str, changes))]

    expected = read_events()
    archive(2023, tmp_path / "lake")
    assert read_events() == expected


def test_inserted_minutes_are_found_in_the_lake(mnq, tmp_path):
    position = read_position()
    load(tmp_path / "few.dbn", bars(20, first=-1440 - 900))
    runs = find_finished(position, limit=10, symbol=MNQ)
    expected = find_changes(MNQ, runs)
    assert len(expected) == 20
    archive(2023, tmp_path / "lake")
    assert list(find_changes(MNQ, runs).items()) == list(expected.items())
    shutil.rmtree(tmp_path / "lake")
    with pytest.raises(ArchivedBarsUnreadable):
        find_changes(MNQ, runs)


@pytest.mark.parametrize("timeframe", ["1m", "5m", "1d"])
def test_bars_of_the_live_feed_stay_provisional(mnq, tmp_path, timeframe):
    insert("market_feed_sessions", id=1, dataset="GLBX.MDP3", started_at=NEW_YEAR - timedelta(days=1), ended_at=NOW)
    start = NEW_YEAR - timedelta(hours=9)
    insert("market_feed_session_series", series_id=mnq.pk, session_id=1, start=start)
    insert("market_series_days", series_id=mnq.pk, day="2023-12-31", covered_until=NEW_YEAR - timedelta(minutes=30))
    IngestRun.objects.update(kind="live", feed_session_id=1)
    topic = Topic(mnq, timeframe, Hours.ALL)
    expected = read_last_rows(topic, 1000, now=NOW)
    flags = {json.loads(row)["provisional"] for row in expected}
    assert flags == {True, False} if timeframe != "1d" else {True}
    archive(2023, tmp_path / "lake")
    assert read_last_rows(topic, 1000, now=NOW) == expected
