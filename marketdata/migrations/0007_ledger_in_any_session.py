"""The hourly ledger holds in any session, and costs what its rows cost whatever PostgreSQL believes of the tables.

What was otherwise in migration 0006:

- An hour made anew got its open and close from two sorted lists of all its bars. They are looked up by the primary key.
- New values were joined with the ledger. Where the tables were analysed while their first load was under way, which
  autovacuum may do, PostgreSQL takes them for empty and joined each hour with each: minutes for what takes a second.
  Every row is found by its key now, since nothing else is left to plan.
- The functions found their tables by the session's search_path, so that a temporary table of the same name, or the
  empty path of pg_dump, led them astray. They have a path of their own.
- A role that may write bars had to be granted the ledger too. What triggers do is done as their owner.
- A TRUNCATE asked its snapshot whether there was anything left, which under REPEATABLE READ may be older than the rows.
- Hours were locked in order by each trigger, but a statement may fire two of them, so that two sessions could wait for
  each other. Whoever changes bars locks the counts of their symbols first.
- Under REPEATABLE READ a session could add to an hour whose bars another one had moved away. An UPDATE that moves bars
  writes the count of their symbol also where it stays the same: an older snapshot cannot write it any more (40001).
"""

from django.db import migrations

LEDGER = """
CREATE OR REPLACE FUNCTION market_bars_enter_hours() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET barkeep.keeps_hours = 'on' SET work_mem = '64MB' SET jit = 'off'
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
        WHERE (SELECT count(*) FROM counted) > 0  -- always: it makes the counts come first
        ORDER BY hours.symbol, hours.hour  -- as everybody locks them, or two sessions could wait for each other
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

    -- What migration 0002 does for every other table and statement: bars name runs that exist. Here, since looking at
    -- the rows once more would cost a load a further 3 %.
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
SET barkeep.keeps_hours = 'on' SET work_mem = '64MB' SET jit = 'off' SET enable_sort = 'off' AS $$
DECLARE
    touched_symbols varchar[];
    touched_hours timestamptz[];
    changes bigint[];  -- of the number of an hour's bars; null where it has bars of the same minutes as before
BEGIN
    IF TG_OP = 'DELETE' THEN
        SELECT array_agg(symbol), array_agg(hour), array_agg(-bars) INTO touched_symbols, touched_hours, changes
        FROM (
            SELECT symbol, date_bin('1 hour', ts, '2000-01-01 00:00+00') AS hour, count(*) AS bars
            FROM old_rows
            GROUP BY 1, 2
        ) AS touched;
    ELSE
        -- A minute of a symbol stands at most once on either side, so equal masks are equal sets of bars.
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

-- Also what verify_candles --repair calls.
CREATE OR REPLACE FUNCTION market_hours_make_anew(symbols varchar[], hours timestamptz[]) RETURNS void LANGUAGE plpgsql
SET barkeep.keeps_hours = 'on' SET jit = 'off'
SET enable_seqscan = 'off' SET enable_bitmapscan = 'off' SET enable_hashjoin = 'off' SET enable_mergejoin = 'off' AS $$
BEGIN
    -- Locks each hour's row, and makes one where there is none, so that there is something to lock: an hour of one bar
    -- at nothing, which lives until the next statement. DO UPDATE locks also what its WHERE then leaves alone.
    INSERT INTO market_bars_ohlcv_1h AS known (symbol, hour, open, high, low, close, volume, minutes)
    SELECT symbol COLLATE "C", hour, 0, 0, 0, 0, 0, 1
    FROM unnest(symbols, hours) AS touched (symbol, hour)
    ORDER BY 1, 2
    ON CONFLICT (symbol, hour) DO UPDATE SET minutes = known.minutes WHERE false;

    -- Every row is there by now, so all of this is its update. LIMIT leaves no way to a row but its key. Minutes are
    -- counted as in 0006, since ts_ms is negative before 1970.
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

-- Locks the counts of these symbols, and changes those whose difference is not null, be it 0.
CREATE OR REPLACE FUNCTION market_counts_add(symbols varchar[], differences bigint[]) RETURNS void LANGUAGE plpgsql
SET barkeep.keeps_hours = 'on' SET enable_seqscan = 'off' SET enable_bitmapscan = 'off' AS $$
BEGIN
    INSERT INTO market_series_counts AS known (symbol, bar_count)
    SELECT symbol COLLATE "C", 0 FROM unnest(symbols) AS changed (symbol)
    ORDER BY 1
    ON CONFLICT (symbol) DO UPDATE SET bar_count = known.bar_count WHERE false;

    -- As a sum, not a difference: a row of less than nothing would be refused before it is found to be an update.
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

# TRUNCATE leaves a file of no bytes, whatever a snapshot says. A file that only holds what was deleted has some still.
TRUNCATED = """
CREATE OR REPLACE FUNCTION market_bars_empty_hours() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET barkeep.keeps_hours = 'on' AS $$
BEGIN
    -- A TRUNCATE that names one of them too has emptied it already, and has it open still.
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
    -- Rows that an older snapshot does not see are rows all the same.
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

# The schema that the tables are in, and temporary tables last, where they stand for nothing.
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

# The other functions stay when this is taken back: they do what those before did, and 0006 drops its own.
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
