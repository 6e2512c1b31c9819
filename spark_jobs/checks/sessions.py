"""Checks against the sessions in the lake: what the calendar of a series expects, and what it allows."""

from __future__ import annotations

# Between the first and the last bar of a series. Series without a calendar are open at all times, and expect no bar.
MISSING_MINUTES = """
WITH bounds AS (
    SELECT bars.symbol, series.calendar, min(ts_ms) AS first_ms, max(ts_ms) + 60000 AS stop_ms
    FROM bars
    JOIN series ON series.symbol = bars.symbol AND series.calendar != ''
    GROUP BY bars.symbol, series.calendar
), expected AS (
    SELECT symbol, session_date, min(greatest(start_ms, first_ms)) AS start_ms, max(least(end_ms, stop_ms)) AS end_ms,
        sum(least(end_ms, stop_ms) - greatest(start_ms, first_ms)) DIV 60000 AS minutes
    FROM bounds
    JOIN sessions ON sessions.calendar = bounds.calendar AND hours = 'regular'
        AND start_ms < stop_ms AND end_ms > first_ms
    GROUP BY symbol, session_date
), present AS (
    SELECT bars.symbol, session_date, count(DISTINCT ts_ms) AS bar_count
    FROM bars
    JOIN series ON series.symbol = bars.symbol
    JOIN sessions ON sessions.calendar = series.calendar AND hours = 'regular'
        AND utc_day_ms = ts_ms - pmod(ts_ms, 86400000) AND ts_ms >= start_ms AND ts_ms < end_ms
    GROUP BY bars.symbol, session_date
)
SELECT expected.symbol, 'missing_minutes' AS kind, start_ms, end_ms, coalesce(bar_count, 0) AS bars,
    CAST(minutes - coalesce(bar_count, 0) AS DOUBLE) AS value, CAST(1 AS DOUBLE) AS threshold
FROM expected
LEFT JOIN present ON present.symbol = expected.symbol AND present.session_date = expected.session_date
WHERE minutes > coalesce(bar_count, 0)
"""

# The bars of one closed time are one finding: of all that have the same end of a session before them.
OUTSIDE_SESSION = """
WITH outside AS (
    SELECT bars.symbol, series.calendar, ts_ms
    FROM bars
    JOIN series ON series.symbol = bars.symbol
    LEFT ANTI JOIN sessions ON sessions.calendar = series.calendar AND hours = 'all'
        AND utc_day_ms = ts_ms - pmod(ts_ms, 86400000) AND ts_ms >= start_ms AND ts_ms < end_ms
), placed AS (
    SELECT symbol, ts_ms, end_ms,
        last(end_ms, true) OVER (PARTITION BY symbol ORDER BY at_ms, end_ms NULLS LAST) AS closed_ms
    FROM (
        SELECT symbol, ts_ms, ts_ms AS at_ms, CAST(NULL AS BIGINT) AS end_ms FROM outside
        UNION ALL
        SELECT symbol, NULL, end_ms, end_ms
        FROM (SELECT DISTINCT symbol, calendar FROM outside) AS series_outside
        JOIN sessions ON sessions.calendar = series_outside.calendar AND hours = 'all'
    ) AS both
)
SELECT symbol, 'outside_session' AS kind, min(ts_ms) AS start_ms, max(ts_ms) + 60000 AS end_ms, count(*) AS bars,
    CAST(count(*) AS DOUBLE) AS value, CAST(1 AS DOUBLE) AS threshold
FROM placed
WHERE ts_ms IS NOT NULL
GROUP BY symbol, closed_ms
"""
