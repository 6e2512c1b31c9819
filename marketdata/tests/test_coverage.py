"""Coverage out of the ledger against the same out of the bars, as SQL over every minute has it: slow and obvious."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketdata import coverage
from marketdata.coverage import DEFAULT_COVERAGE, Coverage, DayCoverage, Gap, series_coverage
from marketdata.models import Series

from .hours import at, bar_row, copy_bars, insert_bars

_DAYS = """
SELECT (ts AT TIME ZONE 'UTC')::date AS day, count(*), min(ts), max(ts),
    count(*) FILTER (WHERE ts - previous > interval '1 minute'
        AND (previous AT TIME ZONE 'UTC')::date = (ts AT TIME ZONE 'UTC')::date)
FROM (
    SELECT ts, lag(ts) OVER (ORDER BY ts) AS previous
    FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s AND ts >= %(start)s AND ts < %(end)s
) AS bars
GROUP BY day
ORDER BY day
"""
_GAPS = """
SELECT previous, ts, count(*) OVER () AS gap_count
FROM (
    SELECT ts, lag(ts) OVER (ORDER BY ts) AS previous
    FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s AND ts >= %(start)s AND ts < %(end)s
) AS bars
WHERE ts - previous > interval '1 minute'
ORDER BY ts - previous DESC, ts
LIMIT %(most)s
"""


def coverage_of_bars(symbol: str, start: datetime, end: datetime) -> Coverage:
    parameters = {"symbol": symbol, "start": start, "end": end, "most": coverage.MAX_GAPS}
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, parameters)
        days = [DayCoverage(*row) for row in cursor.fetchall()]
        cursor.execute(_GAPS, parameters)
        rows = cursor.fetchall()
    gaps = sorted((Gap(after, before) for after, before, _ in rows), key=lambda gap: gap.after)
    return Coverage(start, end, days, rows[0][2] if rows else 0, gaps)


@pytest.fixture
def series(two_runs):
    return Series.objects.get(slug="mnq")


# Dense and sparse stretches over some days around midnights; times of the range at any second.
minutes = st.one_of(st.integers(-3000, 3000), st.integers(-65, 65), st.integers(540, 660))
moments = st.builds(
    lambda minute, second: at(minute) + timedelta(seconds=second), minutes, st.sampled_from([0, 0, 1, 59])
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    single=st.sets(minutes, max_size=60),
    stretches=st.lists(st.tuples(minutes, st.integers(1, 130), st.integers(1, 3)), max_size=4),
    start=st.one_of(st.none(), moments),
    end=st.one_of(st.none(), moments),
    most=st.sampled_from([1, 3, 10, 1000]),
    candidates=st.sampled_from([0, 5, 100_000]),
)
def test_it_is_what_the_bars_say(series, single, stretches, start, end, most, candidates):
    held = single.union(*(range(first, first + length, step) for first, length, step in stretches))
    with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(coverage, "MAX_GAPS", most)
        patch.setattr(coverage, "_MOST_CANDIDATES", candidates)
        copy_bars(bar_row(series.symbol, at(minute), 1) for minute in held)
        copy_bars([bar_row("another", at(minute), 1) for minute in range(-100, 100)])
        found = series_coverage(series, start=start, end=end)
        if not held:
            assert found is None
        else:
            stop = end or at(max(held) + 1)
            begin = start or max(at(min(held)), stop - DEFAULT_COVERAGE)
            assert found == coverage_of_bars(series.symbol, begin, max(begin, stop))
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
        (datetime.max.replace(tzinfo=UTC) - timedelta(seconds=1), datetime.max.replace(tzinfo=UTC)),
        (datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC) + timedelta(seconds=1)),
        (at(3) + timedelta(seconds=1), at(3) + timedelta(seconds=2)),
    ],
)
def test_the_ends_of_time_are_no_error(series, start, end):
    insert_bars([bar_row(series.symbol, at(minute), 1) for minute in (3, 9)])
    assert series_coverage(series, start=start, end=end) == coverage_of_bars(series.symbol, start, end)


def test_the_longest_gaps_are_named_and_all_are_counted(series):
    """Every other minute of three days is missing, and two hours: more gaps than are named."""
    copy_bars(bar_row(series.symbol, at(minute), 1) for minute in range(0, 4320, 2) if not 2000 <= minute < 2120)
    found = series_coverage(series, start=None, end=None)
    assert found == coverage_of_bars(series.symbol, found.start, found.end)
    assert found.gap_count == 2099
    assert len(found.gaps) == 1000
    assert Gap(at(1998), at(2120)) in found.gaps
