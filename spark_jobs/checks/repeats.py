"""Checks for bars that equal others, with the measures of the database's check: a run counts by how rare it is."""

from __future__ import annotations

FLAT_BARS, FLAT_BITS, MIN_SHARE = 5, 40, 0.002
LENGTH, MIN_DISTINCT, REPEATED_BARS, REPEATED_BITS, MIN_APART_MS = 8, 4, 15, 150, 3_600_000

# Bars of one price are not judged: a thin market, or one at its limit, has such runs.
FLAT = f"""
WITH marked AS (
    SELECT symbol, ts_ms, CASE WHEN high > low AND (open, high, low, close, volume) = (
        lag(open) OVER by_time, lag(high) OVER by_time, lag(low) OVER by_time, lag(close) OVER by_time,
        lag(volume) OVER by_time
    ) THEN 1 ELSE 0 END AS is_same, CASE WHEN high > low THEN 1 ELSE 0 END AS has_range
    FROM bars
    WINDOW by_time AS (PARTITION BY symbol ORDER BY ts_ms)
), runs AS (
    SELECT symbol, number, min(ts_ms) AS start_ms, max(ts_ms) + 60000 AS end_ms, sum(is_same) AS same_bars,
        sum(has_range) AS ranged_bars
    FROM (
        SELECT *, sum(1 - is_same) OVER (PARTITION BY symbol ORDER BY ts_ms) AS number FROM marked
    ) AS numbered
    GROUP BY symbol, number
), judged AS (
    SELECT *, -log2(least(greatest(
        sum(least(same_bars, 3)) OVER (PARTITION BY symbol) / sum(ranged_bars) OVER (PARTITION BY symbol), {MIN_SHARE}
    ), 0.99)) AS bits
    FROM runs
)
SELECT symbol, 'flat' AS kind, start_ms, end_ms, same_bars + 1 AS bars, CAST(same_bars AS DOUBLE) AS value,
    CAST({FLAT_BARS} AS DOUBLE) AS threshold
FROM judged
WHERE same_bars >= {FLAT_BARS} AND same_bars * bits >= {FLAT_BITS}
"""


def _make_repeated() -> str:
    """Runs of `LENGTH` bars are compared by a hash with the run before that has the same one."""
    following = [f"lead(shape, {step}) OVER by_time" for step in range(1, LENGTH)]
    changes = [
        f"CASE WHEN {later} = {earlier} THEN 0 ELSE 1 END"
        for earlier, later in zip(["shape", *following], following, strict=False)
    ]
    return f"""
    WITH shapes AS (
        SELECT symbol, ts_ms, row_number() OVER (PARTITION BY symbol ORDER BY ts_ms) AS position,
            xxhash64(high - open, open - low, close - open, volume) AS shape
        FROM bars
    ), grams AS (
        SELECT symbol, ts_ms, position, xxhash64(shape, {", ".join(following)}) AS gram,
            {following[-1]} IS NOT NULL AND {" + ".join(changes)} >= {MIN_DISTINCT} AS is_distinct
        FROM shapes
        WINDOW by_time AS (PARTITION BY symbol ORDER BY ts_ms)
    ), pairs AS (
        SELECT symbol, ts_ms, position, shift
        FROM (
            SELECT *, ts_ms - lag(ts_ms) OVER (PARTITION BY symbol, gram ORDER BY ts_ms) AS shift
            FROM grams WHERE is_distinct
        ) AS shifted
        WHERE shift >= {MIN_APART_MS}
    ), runs AS (
        SELECT symbol, number, min(position) AS first, max(position) + {LENGTH - 1} AS last
        FROM (
            SELECT *, sum(is_new) OVER (PARTITION BY symbol ORDER BY position) AS number
            FROM (
                SELECT *, CASE
                    WHEN position - lag(position) OVER by_position <= {LENGTH} AND shift = lag(shift) OVER by_position
                    THEN 0 ELSE 1
                END AS is_new
                FROM pairs
                WINDOW by_position AS (PARTITION BY symbol ORDER BY position)
            ) AS marked
        ) AS numbered
        GROUP BY symbol, number
        HAVING max(position) + {LENGTH} - min(position) >= {REPEATED_BARS}
    ), run_bars AS (
        SELECT /*+ BROADCAST(runs) */ shapes.symbol, number, ts_ms, shape
        FROM shapes
        JOIN runs ON runs.symbol = shapes.symbol AND position BETWEEN first AND last
    ), counts AS (
        SELECT symbol, shape, count(*) AS shape_count
        FROM shapes LEFT SEMI JOIN run_bars USING (symbol, shape)
        GROUP BY symbol, shape
    )
    SELECT run_bars.symbol, 'repeated' AS kind, min(ts_ms) AS start_ms, max(ts_ms) + 60000 AS end_ms,
        count(*) AS bars, CAST(count(*) AS DOUBLE) AS value, CAST({REPEATED_BARS} AS DOUBLE) AS threshold
    FROM run_bars
    JOIN counts ON counts.symbol = run_bars.symbol AND counts.shape = run_bars.shape
    JOIN (SELECT symbol, count(*) AS bar_count FROM bars GROUP BY symbol) AS totals ON totals.symbol = run_bars.symbol
    GROUP BY run_bars.symbol, number
    HAVING sum(-log2(greatest(shape_count - 1, 1) / greatest(bar_count, 2))) >= {REPEATED_BITS}
    """


REPEATED = _make_repeated()
