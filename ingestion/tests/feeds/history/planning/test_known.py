"""What the planner reads of live bars: the days that history does not cover, whatever else the feed has brought."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.testing.rows import BARS, RUNS, insert
from ingestion.feeds.history.planning.known import read_histories
from marketdata.models import IngestRun, Series

FIRST, DAYS, OPEN_DAYS = date(2024, 1, 1), 14, 2
START = datetime(2024, 1, 1, tzinfo=UTC)
STOP = START + timedelta(days=DAYS)
RUN_COUNT = DAYS * 1440 - 1

# One run a minute, as the live feed has them, with one bar each.
FILL = """
INSERT INTO data_ingest_runs
SELECT (json_populate_record(run, json_build_object(
    'id', run.id + minute, 'kind', 'live', 'feed_session_id', 1, 'file_path', '/live/' || minute,
    'min_ts', at, 'max_ts', at
))).*
FROM data_ingest_runs AS run, generate_series(1, %(count)s) AS minute,
    LATERAL (SELECT %(start)s::timestamptz + minute * interval '1 minute') AS times (at)
WHERE run.id = 1;
INSERT INTO market_bars_ohlcv_1m (symbol, ts, open, high, low, close, volume, ingestion_run_id, ts_ms)
SELECT 'CME_MINI:MNQ1!', min_ts, 10, 12, 9, 11, 5, id, date_part('epoch', min_ts)::bigint * 1000
FROM data_ingest_runs WHERE id > 1;
INSERT INTO market_series_days (series_id, day, covered_until, records, changed, condition, modified, confirmed_at)
SELECT %(series)s, day::date, day + interval '1 day', 1440, 0, 'available', NULL, now()
FROM generate_series(%(start)s::timestamptz, %(covered)s, interval '1 day') AS day;
ANALYZE data_ingest_runs, market_bars_ohlcv_1m, market_series_days;
"""


@pytest.fixture
def mnq(market_db):
    """20,000 runs of the live feed, of which history covers all but the last two days."""
    series = Series.objects.get(slug="mnq")
    insert("market_feed_sessions", id=1, dataset="GLBX.MDP3", started_at=START)
    insert(RUNS)
    covered = STOP - timedelta(days=OPEN_DAYS + 1)
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"count": RUN_COUNT, "start": START, "covered": covered, "series": series.pk})
    return series


@pytest.mark.slow
def test_only_days_that_history_does_not_cover_are_read(mnq):
    with CaptureQueriesContext(connection) as queries:
        history = read_histories([mnq], START, STOP)[mnq.pk]
    assert history.has_live.tolist() == [False] * (DAYS - OPEN_DAYS) + [True] * OPEN_DAYS
    statements = [query["sql"] for query in queries if "data_ingest_runs" in query["sql"]]
    assert len(statements) == 2
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
            assert count_read_rows(cursor.fetchone()[0][0]["Plan"]) <= 4 * OPEN_DAYS


def count_read_rows(plan: dict) -> int:
    """Rows of tables that the plan reads, also those that it filters out."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if "Relation Name" in plan else 0
    return own * plan["Actual Loops"] + sum(map(count_read_rows, plan.get("Plans", [])))


def test_live_bars_are_those_whose_run_is_live_and_that_history_does_not_cover(mnq):
    def read() -> list[bool]:
        return read_histories([mnq], START, STOP)[mnq.pk].has_live.tolist()

    IngestRun.objects.filter(max_ts__gte=STOP - timedelta(days=1)).update(kind="file", feed_session=None)
    assert read() == [False] * (DAYS - OPEN_DAYS) + [True] + [False] * (OPEN_DAYS - 1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE market_series_days SET covered_until = covered_until - interval '1 minute'")
        assert read() == [True] * (DAYS - 1) + [False]
        cursor.execute(
            "DELETE FROM market_bars_ohlcv_1m WHERE ts = (SELECT covered_until FROM market_series_days WHERE day = %s)",
            [FIRST],
        )
    assert read() == [False] + [True] * (DAYS - 2) + [False]


def test_without_a_live_feed_no_bar_is_read(market_db):
    insert(RUNS)
    insert(BARS)
    with CaptureQueriesContext(connection) as queries:
        [history] = read_histories([Series.objects.get(slug="mnq")], START, STOP).values()
    assert history.bars.any()
    assert not history.has_live.any()
    assert not [query for query in queries if "market_bars_ohlcv_1m" in query["sql"]]
