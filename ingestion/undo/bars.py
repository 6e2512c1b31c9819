"""SQL that finds and writes the bars of an undo.

`UndoPlan` fills in the names of its temporary tables: {days}, {bars}, {restored} and {skipped}.

A bar with the undone run's id has the values that this run wrote. If market_bar_revisions has a value that this run
replaced, the run changed the bar; otherwise it inserted the bar. A bar that a later run changed has the later run's id,
and the undo skips it.

Each statement handles all its bars at once, so that a million bars take seconds. The conditions on symbol and ts lead
PostgreSQL to the primary key, since all bars of a run are between its first and last minute.
"""

from __future__ import annotations

from psycopg2 import sql

# PostgreSQL has no statistics for a table created a moment ago. Compiling a plan costs more than it saves here.
SETTINGS = sql.SQL("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'")

# --- Dates -----------------------------------------------------------------------------------------------------------

CREATE_DAYS = sql.SQL("""
CREATE TEMPORARY TABLE {days} (
    kind text NOT NULL,
    symbol varchar(128) COLLATE "C" NOT NULL,
    start_ts timestamptz NOT NULL,
    end_ts timestamptz NOT NULL,
    later_run_id int8
) ON COMMIT DROP
""")
INSERT_DAYS = sql.SQL("""
INSERT INTO {days}
SELECT %(kind)s, symbol, start_date::timestamp AT TIME ZONE 'UTC', end_date::timestamp AT TIME ZONE 'UTC', later_run_id
FROM unnest(%(symbols)s::varchar[], %(starts)s::date[], %(ends)s::date[], %(later_run_ids)s::int8[])
    AS ranges (symbol, start_date, end_date, later_run_id)
""")
ANALYZE_DAYS = sql.SQL("ANALYZE {days}")

# --- Bars to remove, to change back and to restore -------------------------------------------------------------------

# LIMIT makes PostgreSQL look up the revision of each bar by key. Right after a load its statistics say that a run has
# changed almost no bar, and it would choose a nested loop over a million bars and a million revisions.
FIND_BARS = sql.SQL("""
CREATE TEMPORARY TABLE {bars} ON COMMIT DROP AS
SELECT bars.symbol, bars.ts, previous.*
FROM market_bars_ohlcv_1m AS bars
LEFT JOIN LATERAL (
    SELECT old.ingestion_run_id AS previous_run_id, old.open, old.high, old.low, old.close, old.volume
    FROM market_bar_revisions AS old
    WHERE old.symbol = bars.symbol AND old.ts = bars.ts AND old.revised_by_id = %(run_id)s
    LIMIT 1
) AS previous ON true
WHERE bars.symbol = ANY (%(symbols)s) AND bars.ts BETWEEN %(min_ts)s AND %(max_ts)s
    AND bars.ingestion_run_id = %(run_id)s
    AND NOT EXISTS (
        SELECT FROM {days} AS days
        WHERE days.kind = 'skipped' AND days.symbol = bars.symbol
            AND bars.ts >= days.start_ts AND bars.ts < days.end_ts
    )
""")
# A run removes bars of an instrument that it replaces, and bars that the vendor withdrew. A withdrawn one that a later
# run has stored again, or has removed too, is not restored. The dates of the run are whole days, as those of intervals.
FIND_RESTORED = sql.SQL("""
CREATE TEMPORARY TABLE {restored} ON COMMIT DROP AS
SELECT old.symbol, old.ts, old.open, old.high, old.low, old.close, old.volume, old.ingestion_run_id
FROM market_bar_revisions AS old
WHERE %(has_removed)s AND old.symbol = ANY (%(symbols)s) AND old.ts >= %(first_day)s AND old.ts < %(end_day)s
    AND old.revised_by_id = %(run_id)s AND old.operation = 'delete'
    AND NOT EXISTS (SELECT FROM market_bars_ohlcv_1m AS bars WHERE bars.symbol = old.symbol AND bars.ts = old.ts)
    AND NOT EXISTS (
        SELECT FROM {days} AS days
        WHERE days.kind = 'skipped' AND days.symbol = old.symbol AND old.ts >= days.start_ts AND old.ts < days.end_ts
    )
    AND (
        NOT EXISTS ({later_removals})
        OR EXISTS (
            SELECT FROM {days} AS days
            WHERE days.kind = 'restored' AND days.symbol = old.symbol
                AND old.ts >= days.start_ts AND old.ts < days.end_ts
        )
    )
""")
# Later runs, not undone, that removed the bar `old` too: it had been stored again meanwhile.
LATER_REMOVALS = sql.SQL("""
SELECT later.revised_by_id
FROM market_bar_revisions AS later
JOIN data_ingest_runs AS remover ON remover.id = later.revised_by_id
WHERE later.symbol = old.symbol AND later.ts = old.ts AND later.operation = 'delete'
    AND remover.undoes_id IS NULL AND remover.finished_at > %(finished_at)s
    AND NOT EXISTS (
        SELECT FROM data_ingest_runs AS undo
        WHERE undo.undoes_id = remover.id AND undo.status = 'success'
    )
ORDER BY remover.finished_at DESC
LIMIT 1
""")
ANALYZE_BARS = sql.SQL("ANALYZE {bars}; ANALYZE {restored}")
COUNT_BARS = sql.SQL("""
SELECT count(*) FILTER (WHERE previous_run_id IS NULL), count(*) FILTER (WHERE previous_run_id IS NOT NULL),
    (SELECT count(*) FROM {restored})
FROM {bars}
""")
SELECT_RUNS_UNDONE_BEFORE = sql.SQL("""
SELECT DISTINCT own.run_id
FROM (
    SELECT previous_run_id FROM {bars}
    UNION
    SELECT ingestion_run_id FROM {restored}
) AS own (run_id)
JOIN data_ingest_runs AS undo ON undo.undoes_id = own.run_id AND undo.status = 'success'
ORDER BY own.run_id
""")

# --- Skipped bars ----------------------------------------------------------------------------------------------------

# Bars are skipped for four reasons: a later run changed or removed the run's value, and no undo of this run did; the
# bar is on a skipped date; the run removed it on such a date; or the run removed it, and a later run stored it again or
# removed it too.
FIND_SKIPPED = sql.SQL("""
CREATE TEMPORARY TABLE {skipped} ON COMMIT DROP AS
SELECT latest.symbol, latest.ts, latest.run_id
FROM (
    SELECT DISTINCT ON (old.symbol, old.ts) old.symbol, old.ts, old.revised_by_id AS run_id, later.undoes_id
    FROM market_bar_revisions AS old
    JOIN data_ingest_runs AS later ON later.id = old.revised_by_id
    WHERE old.symbol = ANY (%(symbols)s) AND old.ts BETWEEN %(min_ts)s AND %(max_ts)s
        AND old.ingestion_run_id = %(run_id)s
    ORDER BY old.symbol, old.ts, later.finished_at DESC
) AS latest
WHERE latest.undoes_id IS DISTINCT FROM %(run_id)s
    AND %(run_id)s IS DISTINCT FROM (
        SELECT bars.ingestion_run_id
        FROM market_bars_ohlcv_1m AS bars
        WHERE bars.symbol = latest.symbol AND bars.ts = latest.ts
    )
UNION ALL
SELECT bars.symbol, bars.ts, days.later_run_id
FROM {days} AS days
JOIN market_bars_ohlcv_1m AS bars
    ON bars.symbol = days.symbol AND bars.ts >= days.start_ts AND bars.ts < days.end_ts
WHERE days.kind = 'skipped' AND bars.ingestion_run_id = %(run_id)s
UNION ALL
SELECT old.symbol, old.ts, days.later_run_id
FROM {days} AS days
JOIN market_bar_revisions AS old
    ON old.symbol = days.symbol AND old.ts >= days.start_ts AND old.ts < days.end_ts
WHERE days.kind = 'skipped' AND old.revised_by_id = %(run_id)s AND old.operation = 'delete'
UNION ALL
SELECT old.symbol, old.ts, coalesce(writer.id, remover.revised_by_id)
FROM market_bar_revisions AS old
LEFT JOIN market_bars_ohlcv_1m AS bars ON bars.symbol = old.symbol AND bars.ts = old.ts
LEFT JOIN data_ingest_runs AS writer ON writer.id = bars.ingestion_run_id AND writer.finished_at > %(finished_at)s
LEFT JOIN LATERAL ({later_removals}) AS remover ON bars.ts IS NULL
WHERE %(has_removed)s AND old.symbol = ANY (%(symbols)s) AND old.ts >= %(first_day)s AND old.ts < %(end_day)s
    AND old.revised_by_id = %(run_id)s AND old.operation = 'delete'
    AND (writer.id IS NOT NULL OR remover.revised_by_id IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM {days} AS days
        WHERE days.kind IN ('skipped', 'restored') AND days.symbol = old.symbol
            AND old.ts >= days.start_ts AND old.ts < days.end_ts
    )
""")
COUNT_SKIPPED_BY_RUN = sql.SQL("SELECT run_id, count(*) FROM {skipped} GROUP BY run_id ORDER BY run_id")
SELECT_FIRST_SKIPPED = sql.SQL("SELECT symbol, ts, run_id FROM {skipped} ORDER BY symbol, ts LIMIT %(limit)s")

# --- Writing ---------------------------------------------------------------------------------------------------------

# What happens to each bar of {bars}, for `keep_values`.
OPERATION = "CASE WHEN affected.previous_run_id IS NULL THEN 'delete' ELSE 'update' END"
REMOVE_BARS = sql.SQL("""
DELETE FROM market_bars_ohlcv_1m AS bars
USING {bars} AS own
WHERE own.previous_run_id IS NULL AND bars.symbol = own.symbol AND bars.ts = own.ts
""")
CHANGE_BARS_BACK = sql.SQL("""
UPDATE market_bars_ohlcv_1m AS bars
SET open = own.open, high = own.high, low = own.low, close = own.close, volume = own.volume,
    ingestion_run_id = own.previous_run_id
FROM {bars} AS own
WHERE own.previous_run_id IS NOT NULL AND bars.symbol = own.symbol AND bars.ts = own.ts
""")
# A restored bar was absent until now, so its created_at is the undo's finished_at, whichever run its values are from.
# With an earlier time, a read as of a moment before the undo would already include the bar.
RESTORE_BARS = sql.SQL("""
INSERT INTO market_bars_ohlcv_1m
    (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id, created_at)
SELECT symbol, ts, (extract(epoch FROM ts) * 1000)::int8, open, high, low, close, volume, ingestion_run_id,
    %(finished_at)s
FROM {restored}
""")

DROP_TABLES = sql.SQL("DROP TABLE {days}, {bars}, {restored}, {skipped}")
