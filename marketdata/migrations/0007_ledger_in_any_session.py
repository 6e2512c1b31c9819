"""The hourly rollup is right in any session, and fast whatever the statistics of the tables say.

What differs from the functions of 0006_hourly_ledger:

- The open and the close of a rebuilt hour are read by the primary key, not from two sorted lists of all its bars.
- Every row is found by its key. A join is planned from statistics, which say that the tables are empty if autovacuum
  analysed them during their first load: rebuilding then took minutes instead of a second.
- The functions have a search_path of their own. With the session's, a temporary table of the same name, or the empty
  path of pg_dump, led them to the wrong table.
- The functions run as their owner. A role that may write bars no longer needs a privilege on the rollup.
- TRUNCATE also checks the size of the file. Under REPEATABLE READ a snapshot may be older than the rows.
- The counts of the symbols are locked first. A statement may fire two of these triggers, which together do not lock the
  hours in order, so that two sessions could run into a deadlock.
- An UPDATE that moves bars writes the count of their symbol even if it stays the same. Under REPEATABLE READ an older
  snapshot then cannot add to an hour whose bars were moved (SQLSTATE 40001).
"""

from django.db import migrations

LEDGER = """
CREATE OR REPLACE FUNCTION market_bars_enter_hours() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET work_mem = '64MB' SET jit = 'off'
SET enable_sort = 'off' SET enable_seqscan = 'off' SET enable_bitmapscan = 'off' AS $$
DECLARE
    all_entered boolean;
    least_run bigint;
    greatest_run bigint;
    named bigint[];
    found_count bigint;
BEGIN
    WITH fresh AS MATERIALIZED (
        SELECT symbol, (ts_ms + 360000000000000) / 3600000 AS hour_number,
            bit_or(1::bigint << ((ts_ms + 360000000000000) / 60000 % 60)::int) AS minutes,
            max(high) AS high, min(low) AS low, sum(volume) AS volume,
            min(ingestion_run_id) AS least, max(ingestion_run_id) AS greatest
        FROM new_rows
        GROUP BY symbol, hour_number
    ), hours AS MATERIALIZED (
        SELECT fresh.*, to_timestamp((hour_number - 100000000) * 3600) AS hour,
            to_timestamp((hour_number - 100000000) * 3600 + 60 * bit_count(((minutes & -minutes) - 1)::bit(64)))
                AS first_ts,
            to_timestamp((hour_number - 100000000) * 3600 + 60 * (60 - position(B'1' IN minutes::bit(60)))) AS last_ts
        FROM fresh
    ), counted AS (
        INSERT INTO market_series_counts AS known (symbol, bar_count)
        SELECT symbol, sum(bit_count(minutes::bit(64))) FROM hours GROUP BY symbol ORDER BY symbol
        ON CONFLICT (symbol) DO UPDATE SET bar_count = known.bar_count + excluded.bar_count
        RETURNING 1
    ), entered AS (
        INSERT INTO market_bars_ohlcv_1h AS known (symbol, hour, open, high, low, close, volume, minutes)
        SELECT hours.symbol, hours.hour, first.open, hours.high, hours.low, last.close, hours.volume, hours.minutes
        FROM hours
        CROSS JOIN LATERAL (
            SELECT open FROM market_bars_ohlcv_1m WHERE symbol = hours.symbol AND ts = hours.first_ts LIMIT 1
        ) AS first
        CROSS JOIN LATERAL (
            SELECT close FROM market_bars_ohlcv_1m WHERE symbol = hours.symbol AND ts = hours.last_ts LIMIT 1
        ) AS last
        WHERE (SELECT count(*) FROM counted) > 0  -- always true: it makes the counts come first
        ORDER BY hours.symbol, hours.hour  -- one order of locks for all, which avoids deadlocks
        ON CONFLICT (symbol, hour) DO UPDATE SET
            open = CASE WHEN excluded.first_ts < known.first_ts THEN excluded.open ELSE known.open END,
            high = greatest(known.high, excluded.high),
            low = least(known.low, excluded.low),
            close = CASE WHEN excluded.last_ts > known.last_ts THEN excluded.close ELSE known.close END,
            volume = known.volume + excluded.volume,
            minutes = known.minutes | excluded.minutes
        WHERE known.minutes & excluded.minutes = 0
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM entered) = count(*), min(least), max(greatest)
    INTO all_entered, least_run, greatest_run
    FROM hours;
    IF NOT all_entered THEN
        PERFORM market_hours_make_anew(array_agg(symbol), array_agg(hour))
        FROM (SELECT DISTINCT symbol, date_bin('1 hour', ts, '2000-01-01 00:00+00') AS hour FROM new_rows) AS touched;
    END IF;

    -- The rule of market_runs_must_exist. A second trigger that reads all new rows would add 3 % to the time of a load.
    IF least_run = greatest_run THEN
        named := ARRAY[least_run];
    ELSE
        SELECT array_agg(DISTINCT ingestion_run_id) INTO named FROM new_rows;
    END IF;
    SELECT count(*) INTO found_count
    FROM (SELECT FROM data_ingest_runs WHERE id = ANY (named) FOR KEY SHARE) AS existing;
    IF found_count < cardinality(named) THEN
        RAISE foreign_key_violation USING
            TABLE = TG_TABLE_NAME,
            MESSAGE = format('%s names an ingest run that does not exist', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION market_bars_change_hours() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET work_mem = '64MB' SET jit = 'off' SET enable_sort = 'off' AS $$
DECLARE
    touched_symbols varchar[];
    touched_hours timestamptz[];
    changes bigint[];  -- in the number of bars of an hour; null if it has bars at the same minutes as before
BEGIN
    IF TG_OP = 'DELETE' THEN
        SELECT array_agg(symbol), array_agg(hour), array_agg(-bars) INTO touched_symbols, touched_hours, changes
        FROM (
            SELECT symbol, date_bin('1 hour', ts, '2000-01-01 00:00+00') AS hour, count(*) AS bars
            FROM old_rows
            GROUP BY 1, 2
        ) AS touched;
    ELSE
        -- Each minute of a symbol occurs at most once on either side, so equal masks mean bars at the same minutes.
        SELECT array_agg(symbol), array_agg(hour), array_agg(
            CASE WHEN before IS DISTINCT FROM behind THEN
                coalesce(bit_count(behind::bit(64)), 0) - coalesce(bit_count(before::bit(64)), 0)
            END
        ) INTO touched_symbols, touched_hours, changes
        FROM (
            SELECT symbol, date_bin('1 hour', ts, '2000-01-01 00:00+00') AS hour,
                bit_or(1::bigint << ((ts_ms + 360000000000000) / 60000 % 60)::int) FILTER (WHERE was) AS before,
                bit_or(1::bigint << ((ts_ms + 360000000000000) / 60000 % 60)::int) FILTER (WHERE NOT was) AS behind
            FROM (
                SELECT symbol, ts, ts_ms, true AS was FROM old_rows
                UNION ALL
                SELECT symbol, ts, ts_ms, false FROM new_rows
            ) AS both_sides
            GROUP BY 1, 2
        ) AS touched;
    END IF;
    PERFORM market_counts_add(array_agg(symbol), array_agg(difference))
    FROM (
        SELECT symbol, sum(change)::bigint AS difference
        FROM unnest(touched_symbols, changes) AS touched (symbol, change)
        GROUP BY symbol
    ) AS differences;
    PERFORM market_hours_make_anew(touched_symbols, touched_hours);
    RETURN NULL;
END $$;

-- verify_candles --repair calls it, too.
CREATE OR REPLACE FUNCTION market_hours_make_anew(symbols varchar[], hours timestamptz[]) RETURNS void LANGUAGE plpgsql
SET jit = 'off'
SET enable_seqscan = 'off' SET enable_bitmapscan = 'off' SET enable_hashjoin = 'off' SET enable_mergejoin = 'off' AS $$
BEGIN
    -- Lock the row of each hour. An hour without a row gets a placeholder to lock, which the next statement replaces.
    -- DO UPDATE also locks the rows that its WHERE clause excludes.
    INSERT INTO market_bars_ohlcv_1h AS known (symbol, hour, open, high, low, close, volume, minutes)
    SELECT symbol COLLATE "C", hour, 0, 0, 0, 0, 0, 1
    FROM unnest(symbols, hours) AS touched (symbol, hour)
    ORDER BY 1, 2
    ON CONFLICT (symbol, hour) DO UPDATE SET minutes = known.minutes WHERE false;

    -- Every hour has a row now, so that this INSERT updates all of them. With LIMIT, the only plan to find a row is by
    -- its primary key. ts_ms is negative before 1970.
    WITH anew AS MATERIALIZED (
        SELECT touched.symbol COLLATE "C" AS symbol, touched.hour,
            first.open, bars.high, bars.low, last.close, bars.volume, bars.minutes
        FROM unnest(symbols, hours) AS touched (symbol, hour)
        CROSS JOIN LATERAL (
            SELECT min(ts) AS first_ts, max(ts) AS last_ts, max(high) AS high, min(low) AS low, sum(volume) AS volume,
                bit_or(1::bigint << ((ts_ms + 360000000000000) / 60000 % 60)::int) AS minutes
            FROM market_bars_ohlcv_1m
            WHERE symbol = touched.symbol COLLATE "C" AND ts >= touched.hour AND ts < touched.hour + interval '1 hour'
        ) AS bars
        LEFT JOIN LATERAL (
            SELECT open FROM market_bars_ohlcv_1m
            WHERE symbol = touched.symbol COLLATE "C" AND ts = bars.first_ts LIMIT 1
        ) AS first ON true
        LEFT JOIN LATERAL (
            SELECT close FROM market_bars_ohlcv_1m
            WHERE symbol = touched.symbol COLLATE "C" AND ts = bars.last_ts LIMIT 1
        ) AS last ON true
    ), emptied AS (
        DELETE FROM market_bars_ohlcv_1h
        WHERE ctid = ANY (ARRAY(
            SELECT known.ctid
            FROM anew
            CROSS JOIN LATERAL (
                SELECT ctid FROM market_bars_ohlcv_1h WHERE symbol = anew.symbol AND hour = anew.hour LIMIT 1
            ) AS known
            WHERE anew.minutes IS NULL
        ))
    )
    INSERT INTO market_bars_ohlcv_1h AS known (symbol, hour, open, high, low, close, volume, minutes)
    SELECT symbol, hour, open, high, low, close, volume, minutes FROM anew WHERE minutes IS NOT NULL
    ON CONFLICT (symbol, hour) DO UPDATE
    SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume, minutes = excluded.minutes
    WHERE (known.open, known.high, known.low, known.close, known.volume, known.minutes)
        <> (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.minutes);
END $$;

-- Locks the counts of these symbols, and writes those whose difference is not null, even if it is 0.
CREATE OR REPLACE FUNCTION market_counts_add(symbols varchar[], differences bigint[]) RETURNS void LANGUAGE plpgsql
SET enable_seqscan = 'off' SET enable_bitmapscan = 'off' AS $$
BEGIN
    INSERT INTO market_series_counts AS known (symbol, bar_count)
    SELECT symbol COLLATE "C", 0 FROM unnest(symbols) AS changed (symbol)
    ORDER BY 1
    ON CONFLICT (symbol) DO UPDATE SET bar_count = known.bar_count WHERE false;

    -- The sum, not the difference: CHECK constraints see the proposed row before the conflict is found.
    INSERT INTO market_series_counts AS known (symbol, bar_count)
    SELECT changed.symbol COLLATE "C", held.bar_count + changed.difference
    FROM unnest(symbols, differences) AS changed (symbol, difference)
    CROSS JOIN LATERAL (
        SELECT bar_count FROM market_series_counts WHERE symbol = changed.symbol COLLATE "C" LIMIT 1
    ) AS held
    WHERE changed.difference IS NOT NULL
    ON CONFLICT (symbol) DO UPDATE SET bar_count = excluded.bar_count;
END $$;
"""

# After TRUNCATE the file of a table has 0 bytes, whatever the snapshot is.
TRUNCATED = """
CREATE OR REPLACE FUNCTION market_bars_empty_hours() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $$
BEGIN
    -- A TRUNCATE that also names one of these tables has already emptied it and still uses it.
    IF pg_relation_size('market_bars_ohlcv_1h') > 0 OR EXISTS (SELECT FROM market_bars_ohlcv_1h) THEN
        TRUNCATE market_bars_ohlcv_1h;
    END IF;
    IF pg_relation_size('market_series_counts') > 0 OR EXISTS (SELECT FROM market_series_counts) THEN
        TRUNCATE market_series_counts;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION market_table_has_rows(checked regclass) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    seen boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', checked) INTO seen;
    -- Rows that an older snapshot does not see count as well.
    RETURN seen OR (current_setting('transaction_isolation') <> 'read committed' AND pg_relation_size(checked) > 0);
END $$;

CREATE OR REPLACE FUNCTION market_hours_are_unused() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF market_table_has_rows('market_bars_ohlcv_1m') THEN
        RAISE restrict_violation USING
            TABLE = TG_TABLE_NAME, MESSAGE = format('%s cannot be truncated while there are bars', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION data_ingest_runs_are_unused() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF market_table_has_rows('market_bars_ohlcv_1m') OR market_table_has_rows('market_bar_revisions') THEN
        RAISE foreign_key_violation USING
            TABLE = TG_TABLE_NAME,
            MESSAGE = 'data_ingest_runs cannot be truncated while there are bars';
    END IF;
    RETURN NULL;
END $$;
"""

# The schema of the tables, then temporary tables.
PATHS = """
ALTER FUNCTION market_runs_must_exist() SECURITY DEFINER;
ALTER FUNCTION data_ingest_run_is_unused() SECURITY DEFINER;
DO $$
DECLARE
    own regprocedure;
BEGIN
    FOR own IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace AND proname IN (
            'market_runs_must_exist', 'data_ingest_run_is_unused', 'data_ingest_runs_are_unused',
            'market_bars_enter_hours', 'market_bars_change_hours', 'market_bars_empty_hours',
            'market_hours_make_anew', 'market_counts_add', 'market_counts_make_anew',
            'market_hours_are_kept', 'market_hours_are_unused', 'market_table_has_rows'
        )
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', own, current_schema());
    END LOOP;
END $$;
"""

# Reversing keeps the other functions: they do the same as those before, and reversing 0006_hourly_ledger drops them.
BACK = """
CREATE OR REPLACE FUNCTION market_hours_are_unused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM market_bars_ohlcv_1m) THEN
        RAISE restrict_violation USING
            TABLE = TG_TABLE_NAME, MESSAGE = format('%s cannot be truncated while there are bars', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION data_ingest_runs_are_unused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM market_bars_ohlcv_1m) OR EXISTS (SELECT FROM market_bar_revisions) THEN
        RAISE foreign_key_violation USING
            TABLE = TG_TABLE_NAME,
            MESSAGE = 'data_ingest_runs cannot be truncated while there are bars';
    END IF;
    RETURN NULL;
END $$;

DROP FUNCTION market_table_has_rows(regclass);
"""


class Migration(migrations.Migration):
    dependencies = [("marketdata", "0006_hourly_ledger")]

    operations = [
        migrations.RunSQL(sql=LEDGER, reverse_sql=migrations.RunSQL.noop),
        migrations.RunSQL(sql=TRUNCATED, reverse_sql=BACK),
        migrations.RunSQL(sql=PATHS, reverse_sql=migrations.RunSQL.noop),
    ]
