"""History confirms days that the live feed brought: equal bars stay, others become revisions, and are counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from config.testing.feeds.times import DAY, to_ns
from ingestion.cli import backfill_report
from ingestion.dbn.writer import Header, write_dbn
from ingestion.feeds.history.backfill import run_backfill
from ingestion.feeds.history.report import BackfillOptions
from ingestion.pipeline import ingest_file
from ingestion.runs import RunRequest
from marketdata.models import BarRevision, FeedRequest, FeedSession, IngestRun, Series, SeriesDay
from marketdata.stream.confirmed import find_confirmed, find_confirmed_minutes
from marketdata.stream.position import read_position
from marketdata.stream.query import TooManyChanges

LIVE_DAY = date(2024, 3, 6)
SYMBOL = "CME_MINI:MNQ1!"


@pytest.fixture
def live_day(trial, tmp_path):
    """Stores the live bars of a day, as the market had them or with other closes in some rows."""

    def store(changed=0, instrument=None):
        start = to_ns(LIVE_DAY)
        rows = trial.server.market.bars(["MNQ.c.0"], "continuous", start, start + DAY)
        rows["volume"][:changed] += 5
        if instrument is not None:
            rows["instrument_id"] = instrument
        mapped = [(LIVE_DAY, date(2024, 3, 7), int(rows["instrument_id"][0]))]
        header = Header(
            symbols=[SYMBOL, "MNQ.c.0"], mappings={SYMBOL: mapped}, start=start, end=None, stype_in="continuous"
        )
        path = write_dbn(tmp_path / "live.dbn", header, rows)
        now = datetime.now(UTC)
        session = FeedSession.objects.create(dataset="GLBX.MDP3", started_at=now)
        ingest_file(path=path, request=RunRequest(kind="live", feed_session_id=session.pk))
        return len(np.unique(rows["ts_event"]))

    yield store
    IngestRun.objects.filter(feed_session__isnull=False).update(feed_session=None)
    FeedSession.objects.all().delete()


def test_a_confirmed_day_counts_the_live_bars_that_differed(trial, live_day, page_client):
    count = live_day(changed=3)
    result = run_backfill(options=BackfillOptions(slugs=("mnq",)))
    assert result.error is None
    assert set(FeedRequest.objects.filter(start=LIVE_DAY.isoformat() + "T00:00Z").values_list("reason", flat=True)) == {
        "confirm"
    }
    day = SeriesDay.objects.get(day=LIVE_DAY)
    assert (day.changed, day.records) == (3, count)
    assert "Live bars that differed from history, by day: mnq 2024-03-06 (3)" in backfill_report.format_result(result)
    assert BarRevision.objects.count() == 3
    trial.check_table()
    result.backfill.refresh_from_db()
    changed = {"series": "mnq", "day": "2024-03-06", "changed": 3}
    assert result.backfill.summary["live_days_changed"] == [changed]
    again = trial.fill()
    assert again.json["plan"]["requests"] == 0
    text = page_client.get("/downloads/").content.decode()
    assert "Live days that differed" in text
    assert f"3 of {count:,}" in text


def test_equal_live_bars_are_left_alone(trial, live_day):
    trial.subscribe(feed_daily=True)
    count = live_day()
    before = read_position()
    ended = trial.backfill(daily=True)
    assert ended.json["live_days_changed"] == []
    assert SeriesDay.objects.get(day=LIVE_DAY).changed == 0
    assert not BarRevision.objects.exists()
    trial.check_table()
    days = [day for day in find_confirmed([Series.objects.get(slug="mnq").pk], before) if day.day == LIVE_DAY]
    with pytest.raises(TooManyChanges):  # streams begin again with bars that are no longer provisional
        find_confirmed_minutes(SYMBOL, days)
    half = days[0]._replace(end=days[0].start + timedelta(hours=2))
    assert 100 < len(find_confirmed_minutes(SYMBOL, [half])) <= 120 < count


def test_history_corrects_the_contract_of_a_live_day(trial, live_day):
    """The feed missed a roll, and stored another contract."""
    live_day(changed=5, instrument=999)
    ended = trial.fill()
    assert ended.json["failed"] == []
    assert ended.json["live_days_changed"] == [{"series": "mnq", "day": "2024-03-06", "changed": 5}]
    trial.check_table()
