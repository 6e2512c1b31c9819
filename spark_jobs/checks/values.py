"""Checks of single bars. Faulty bars that are at most five minutes apart are one finding."""

from __future__ import annotations

MAX_APART_MS = 300_000
# As the check of the database: if more bars are off the grid, it is not that of the series.
MAX_OFF_SHARE, MAX_GRID_SHARE, MIN_BARS = 0.03, 0.003, 200
# Times the usual range of a bar. It is chosen high, since nothing else about the bar is compared.
SPIKE_THRESHOLD = 20
_BASES = ("1", "2.5", "5")


def group_neighbours(kind: str, faults: str, *, threshold: float = 1) -> str:
    """One finding for each run of faulty bars. `faults` selects symbol, ts_ms, and score, which may be NULL: the value
    is then the number of bars."""
    return f"""
    SELECT symbol, '{kind}' AS kind, min(ts_ms) AS start_ms, max(ts_ms) + 60000 AS end_ms, count(*) AS bars,
        coalesce(max(score), CAST(count(*) AS DOUBLE)) AS value, CAST({threshold} AS DOUBLE) AS threshold
    FROM (
        SELECT *, sum(is_new) OVER (PARTITION BY symbol ORDER BY ts_ms) AS number
        FROM (
            SELECT *, CASE
                WHEN ts_ms - lag(ts_ms) OVER (PARTITION BY symbol ORDER BY ts_ms) <= {MAX_APART_MS} THEN 0 ELSE 1
            END AS is_new
            FROM ({faults}) AS faults
        ) AS marked
    ) AS numbered
    GROUP BY symbol, number
    """


def list_steps() -> list[str]:
    """Usual tick sizes from 1e-7 to 500, as decimals."""
    decimal = [f"{base}E{power}" for base in _BASES for power in range(-7, 3)]
    return decimal + [str(1 / 2**power) for power in range(1, 9)]


def _make_off_tick() -> str:
    """The grid of a series without tick size is the coarsest step that nearly all prices are on."""
    steps = ", ".join(f"(CAST('{step}' AS DECIMAL(20,9)))" for step in list_steps())
    is_off = " OR ".join(f"bars.{name} % grids.tick_size != 0" for name in ("open", "high", "low", "close"))
    return f"""
    WITH prices AS (
        SELECT symbol, price, count(*) AS price_count
        FROM (SELECT symbol, explode(array(open, high, low, close)) AS price FROM bars) AS listed
        GROUP BY symbol, price
    ), steps AS (
        SELECT prices.symbol, steps.step,
            sum(CASE WHEN price % step != 0 THEN price_count ELSE 0 END) / sum(price_count) AS off_share
        FROM prices
        JOIN series ON series.symbol = prices.symbol AND series.tick_size IS NULL
        CROSS JOIN (VALUES {steps}) AS steps (step)
        GROUP BY prices.symbol, steps.step
        HAVING sum(price_count) >= {4 * MIN_BARS}
    ), grids AS (
        SELECT symbol, tick_size FROM series WHERE tick_size IS NOT NULL
        UNION ALL
        SELECT symbol, max(step) AS tick_size FROM steps WHERE off_share <= {MAX_GRID_SHARE} GROUP BY symbol
    ), off AS (
        SELECT bars.symbol, bars.ts_ms
        FROM bars
        JOIN grids ON grids.symbol = bars.symbol
        WHERE {is_off}
    ), judged AS (
        SELECT counted.symbol
        FROM (SELECT symbol, count(*) AS bar_count FROM bars GROUP BY symbol) AS counted
        JOIN (SELECT symbol, count(*) AS off_count FROM off GROUP BY symbol) AS offs ON offs.symbol = counted.symbol
        WHERE off_count <= 2 OR off_count <= {MAX_OFF_SHARE} * bar_count
    )
    SELECT off.symbol, off.ts_ms, CAST(NULL AS DOUBLE) AS score FROM off LEFT SEMI JOIN judged USING (symbol)
    """


VOLUME_ZERO = group_neighbours(
    "volume_zero", "SELECT symbol, ts_ms, CAST(NULL AS DOUBLE) AS score FROM bars WHERE volume <= 0"
)
OFF_TICK = group_neighbours("off_tick", _make_off_tick())
# Prices outside low to high, and duplicates: the database's constraints refuse both.
HIGH_LOW_ENCLOSE = group_neighbours(
    "high_low_enclose",
    "SELECT symbol, ts_ms, CAST(NULL AS DOUBLE) AS score FROM bars "
    "WHERE high < greatest(open, close, low) OR low > least(open, close, high)",
)
DUPLICATE_KEY = group_neighbours(
    "duplicate_key",
    "SELECT symbol, ts_ms, CAST(NULL AS DOUBLE) AS score FROM bars GROUP BY symbol, ts_ms HAVING count(*) > 1",
)
# The bars beside the judged one do not count for the usual range: they may include the way there and back.
SPIKE = group_neighbours(
    "spike",
    f"""
    SELECT symbol, ts_ms, score
    FROM (
        SELECT symbol, ts_ms,
            CAST(greatest(
                high - greatest(max(high) OVER before, max(high) OVER after),
                least(min(low) OVER before, min(low) OVER after) - low
            ) AS DOUBLE) / nullif(
                (sum(spread) OVER far_before + sum(spread) OVER far_after)
                    / (count(*) OVER far_before + count(*) OVER far_after),
                0
            ) AS score,
            first(ts_ms) OVER before AS first_ms, last(ts_ms) OVER after AS last_ms,
            count(*) OVER before + count(*) OVER after AS neighbours
        FROM (
            SELECT symbol, ts_ms, high, low, CAST(
                greatest(high, lag(close) OVER by_time) - least(low, lag(close) OVER by_time) AS DOUBLE
            ) AS spread
            FROM bars
            WINDOW by_time AS (PARTITION BY symbol ORDER BY ts_ms)
        ) AS spreads
        WINDOW
            before AS (PARTITION BY symbol ORDER BY ts_ms ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING),
            after AS (PARTITION BY symbol ORDER BY ts_ms ROWS BETWEEN 1 FOLLOWING AND 3 FOLLOWING),
            far_before AS (PARTITION BY symbol ORDER BY ts_ms ROWS BETWEEN 30 PRECEDING AND 2 PRECEDING),
            far_after AS (PARTITION BY symbol ORDER BY ts_ms ROWS BETWEEN 2 FOLLOWING AND 30 FOLLOWING)
    ) AS scored
    WHERE neighbours = 6 AND last_ms - first_ms <= 3600000 AND score >= {SPIKE_THRESHOLD}
    """,
    threshold=SPIKE_THRESHOLD,
)
