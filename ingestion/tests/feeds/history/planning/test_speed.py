"""Plans of many years and contracts: quick, and in little memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime

import pytest
from django.conf import settings
from django.db import connection, transaction

from config.testing.processes import database_url, scale_limit
from config.testing.rows import RUNS, insert
from ingestion.feeds.history.planning.find import find_plan
from ingestion.feeds.history.planning.vendor_days import Available
from marketdata.models import Series

pytestmark = pytest.mark.slow

CONTRACTS, FIRST, LAST = 40, date(2010, 6, 7), date(2025, 6, 6)
AVAILABLE = Available(datetime(2010, 6, 6, tzinfo=UTC), datetime(2025, 6, 7, 13, 37, tzinfo=UTC))
FILL = """
CREATE TEMPORARY TABLE days ON COMMIT DROP AS
SELECT day::date, day + interval '1 day' AS stop, (date_part('isodow', day) < 6)::int AS bars
FROM generate_series(%(first)s::timestamptz, %(last)s, interval '1 day') AS day;
INSERT INTO market_vendor_days (dataset, day, condition, last_modified_date, was, seen_at)
SELECT 'GLBX.MDP3', day, 'available', day + 1, '', now() FROM days;
INSERT INTO market_bars_ohlcv_1m (symbol, ts, open, high, low, close, volume, ingestion_run_id, ts_ms)
SELECT series.symbol, days.stop - interval '9 hours', 10, 12, 9, 11, 5, run.id,
    date_part('epoch', days.stop - interval '9 hours')::bigint * 1000
FROM market_series AS series, data_ingest_runs AS run, days
WHERE series.slug LIKE 'many-%%' AND days.bars > 0;
INSERT INTO market_series_days (series_id, day, covered_until, records, changed, condition, modified, confirmed_at)
SELECT series.id, day, days.stop, bars, 0, 'available', day + 1, now()
FROM market_series AS series, days
WHERE series.slug LIKE 'many-%%' AND (series.id + (day - DATE '2010-01-01')) %% 97 <> 0;
"""
PROGRAM = """
from datetime import UTC, datetime
import django
django.setup()
from ingestion.feeds.history.planning.find import find_plan
from ingestion.feeds.history.planning.vendor_days import Available
from marketdata.models import Series
available = Available(datetime(2010, 6, 6, tzinfo=UTC), datetime(2025, 6, 7, 13, 37, tzinfo=UTC))
plan = find_plan(list(Series.objects.filter(slug__startswith="many-")), {"GLBX.MDP3": available})
# The system's own maximum (ru_maxrss) counts the process that started this one, too.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(plan.requests), int(peak.split()[1]) // 1024)
"""


@pytest.fixture
def many(market_db):
    """40 series with a bar on each day of 15 years, and one day in 97 that history does not cover."""
    insert(RUNS)
    Series.objects.bulk_create(
        Series(
            slug=f"many-{number}",
            symbol=f"MANY{number}",
            dataset="GLBX.MDP3",
            calendar="CME Globex Equity",
            feed_symbol=f"M{number}.c.0",
            feed_stype="continuous",
        )
        for number in range(CONTRACTS)
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FILL, {"first": FIRST, "last": LAST})
    return list(Series.objects.filter(slug__startswith="many-"))


def test_15_years_of_40_series_are_planned_in_5_seconds(many):
    started = time.perf_counter()
    plan = find_plan(many, {"GLBX.MDP3": AVAILABLE})
    assert time.perf_counter() - started < scale_limit(5)
    assert len(plan.series) == CONTRACTS
    assert sum(len(part.bars) for one in plan.series for part in one.unverified) > 1000


def test_15_years_of_40_series_are_planned_in_200_mib(many):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    requests, mebibytes = map(int, done.stdout.split())
    assert requests > 1000 // 31
    assert mebibytes < 200
