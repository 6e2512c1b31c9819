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
        SELECT 1 FROM {days} AS days
        WHERE days.kind = 'skipped' AND days.symbol = bars.symbol
            AND bars.ts >= days.start_ts AND bars.ts < days.end_ts
    )
""")
# All bars that the run removed, of an instrument that it replaced or because the vendor withdrew them. Without a
# `later_run_id` they are restored. With one they are skipped: the day is skipped, or a later run has stored the bar
# again, or has removed it too. A bar that an earlier undo of this run has restored is left out.
FIND_RESTORED = sql.SQL("""
CREATE TEMPORARY TABLE {restored} ON COMMIT DROP AS
SELECT old.symbol, old.ts, old.open, old.high, old.low, old.close, old.volume, old.ingestion_run_id,
    coalesce(days.later_run_id, present.ingestion_run_id, later.run_id) AS later_run_id
FROM (
    SELECT *, %(finished_at)s AS removed_at
    FROM market_bar_revisions
    WHERE %(has_removed)s AND symbol = ANY (%(symbols)s) AND ts >= %(first_day)s AND ts < %(end_day)s
        AND revised_by_id = %(run_id)s AND operation = 'delete'
) AS old
LEFT JOIN {days} AS days
    ON days.symbol = old.symbol AND old.ts >= days.start_ts AND old.ts < days.end_ts AND days.kind <> 'not_restored'
LEFT JOIN market_bars_ohlcv_1m AS present ON present.symbol = old.symbol AND present.ts = old.ts
LEFT JOIN LATERAL (
    SELECT removed.run_id
    FROM (
        SELECT other.symbol, other.ts, remover.id AS run_id, remover.finished_at AS removed_at
        FROM market_bar_revisions AS other
        JOIN data_ingest_runs AS remover ON remover.id = other.revised_by_id
        WHERE other.symbol = old.symbol AND other.ts = old.ts AND other.operation = 'delete'
            AND remover.undoes_id IS NULL AND remover.finished_at > old.removed_at
    ) AS removed
    WHERE NOT {restored_since_removed}
    ORDER BY removed.removed_at DESC
    LIMIT 1
) AS later ON days.kind IS NULL
WHERE NOT {restored_since_old}
""")
# Whether an undo has restored a bar since `removed_at`: it had a value later that is from before that time.
_RESTORED_SINCE = sql.SQL("""
EXISTS (
    SELECT 1 FROM (
        SELECT state.ingestion_run_id, reviser.finished_at
        FROM market_bar_revisions AS state
        JOIN data_ingest_runs AS reviser ON reviser.id = state.revised_by_id
        WHERE state.symbol = {removed}.symbol AND state.ts = {removed}.ts
        UNION ALL
        SELECT state.ingestion_run_id, 'infinity'
        FROM market_bars_ohlcv_1m AS state
        WHERE state.symbol = {removed}.symbol AND state.ts = {removed}.ts
    ) AS states (run_id, until)
    JOIN data_ingest_runs AS writer ON writer.id = states.run_id
    WHERE states.until > {removed}.removed_at AND writer.finished_at < {removed}.removed_at
)
""")
# Placeholders of the statements, besides the names of the tables.
CONDITIONS = {
    f"restored_since_{alias}": _RESTORED_SINCE.format(removed=sql.Identifier(alias)) for alias in ("old", "removed")
}
ANALYZE_BARS = sql.SQL("ANALYZE {bars}; ANALYZE {restored}")
COUNT_BARS = sql.SQL("""
SELECT count(*) FILTER (WHERE previous_run_id IS NULL), count(*) FILTER (WHERE previous_run_id IS NOT NULL),
    (SELECT count(*) FROM {restored} WHERE later_run_id IS NULL)
FROM {bars}
""")
SELECT_RUNS_UNDONE_BEFORE = sql.SQL("""
SELECT DISTINCT own.run_id
FROM (
    SELECT previous_run_id FROM {bars}
    UNION
    SELECT ingestion_run_id FROM {restored} WHERE later_run_id IS NULL
) AS own (run_id)
JOIN data_ingest_runs AS undo ON undo.undoes_id = own.run_id AND undo.status = 'success'
ORDER BY own.run_id
""")

# --- Skipped bars ----------------------------------------------------------------------------------------------------

# Bars are skipped for three reasons: a later run changed or removed the run's value, and no undo of this run did; the
# bar is on a skipped date; or the run removed it, and cannot restore it because of a later run.
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
SELECT symbol, ts, later_run_id FROM {restored} WHERE later_run_id IS NOT NULL
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
# A restored bar was absent until now, whichever run its values are from. So its created_at is this statement's time: in
# the time of the undo, and under the series' locks. marketdata.bars.as_of counts such a bar from the end of the undo.
RESTORE_BARS = sql.SQL("""
INSERT INTO market_bars_ohlcv_1m
    (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id, created_at)
SELECT symbol, ts, (extract(epoch FROM ts) * 1000)::int8, open, high, low, close, volume, ingestion_run_id,
    statement_timestamp()
FROM {restored}
WHERE later_run_id IS NULL
""")

DROP_TABLES = sql.SQL("DROP TABLE {days}, {bars}, {restored}, {skipped}")
