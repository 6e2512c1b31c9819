-- The hourly rollup: market_bars_ohlcv_1h has one row for each hour of a series that has minute bars.
--
-- Statement triggers on market_bars_ohlcv_1m update it within the statement that writes bars, for COPY, INSERT, UPDATE,
-- DELETE, MERGE and TRUNCATE.
--
-- * New bars are merged into the rows of their hours: the rows of the statement are read once. The order does not
--   matter, so two sessions may fill the same hour.
-- * Where bars get other values, the differences correct their hours.
-- * After every other change, the hours concerned are rebuilt from their bars. Their rows are locked first, so that the
--   next statement sees the bars of every session that held these locks.
-- * INSERT ... ON CONFLICT DO UPDATE and MERGE fire several of these triggers for the same hour. The later trigger
--   finds minutes that the hour already has, and rebuilds the hour.
--
-- Bars before 1970 have a negative ts_ms, and integer division rounds towards zero. Hours are therefore numbered from
-- 100,000,000 hours before 1970, which is earlier than any timestamp of PostgreSQL.
--
-- About the settings of these functions:
--
-- * PostgreSQL plans the statements of a trigger once per session, perhaps for a single row. The same plan must also
--   suit a million rows: it has to aggregate in a hash table and find rows by their primary key. Other kinds of plan
--   are therefore switched off, and so is JIT, since compiling takes longer than running.
-- * search_path is the schema of the tables, then pg_temp. Otherwise a temporary table of the same name, or the empty
--   search_path of pg_dump, would lead a function to the wrong table.
-- * SECURITY DEFINER: a role that may write bars needs no privilege on the rollup.
-- * barkeep.writes_rollup is 'on' while one of these functions writes: the guards of rollup_guards.sql check it. Each
--   function restores the previous value. An error restores it, too, with the rest of its (sub)transaction. It cannot
--   be a SET clause of the function: only a superuser may set a parameter there that no extension defines.


-- Merges new bars into their hours and adds them to the counts.
CREATE OR REPLACE FUNCTION market_rollup_add_bars() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
SET work_mem = '64MB' SET jit = 'off'
SET enable_sort = 'off' SET enable_seqscan = 'off' SET enable_bitmapscan = 'off' AS $$
DECLARE
    previous text := current_setting('barkeep.writes_rollup', true);
    all_merged boolean;
    lowest_run bigint;
    highest_run bigint;
    run_ids bigint[];
    found_count bigint;
BEGIN
    PERFORM set_config('barkeep.writes_rollup', 'on', true);
    WITH aggregated AS MATERIALIZED (
        SELECT symbol, (ts_ms + 360000000000000) / 3600000 AS hour_number,
            bit_or(1::bigint << ((ts_ms + 360000000000000) / 60000 % 60)::int) AS minutes,
            max(high) AS high, min(low) AS low, sum(volume) AS volume,
            min(ingestion_run_id) AS lowest, max(ingestion_run_id) AS highest
        FROM new_rows
        GROUP BY symbol, hour_number
    ), hours AS MATERIALIZED (
        SELECT aggregated.*, to_timestamp((hour_number - 100000000) * 3600) AS hour,
            to_timestamp((hour_number - 100000000) * 3600 + 60 * bit_count(((minutes & -minutes) - 1)::bit(64)))
                AS first_ts,
            to_timestamp((hour_number - 100000000) * 3600 + 60 * (60 - position(B'1' IN minutes::bit(60)))) AS last_ts
        FROM aggregated
    ), counted AS (
        INSERT INTO market_series_counts AS stored (symbol, bar_count)
        SELECT symbol, sum(bit_count(minutes::bit(64))) FROM hours GROUP BY symbol ORDER BY symbol
        ON CONFLICT (symbol) DO UPDATE SET bar_count = stored.bar_count + excluded.bar_count
        RETURNING 1
    ), merged AS (
        INSERT INTO market_bars_ohlcv_1h AS stored (symbol, hour, open, high, low, close, volume, minutes)
        SELECT hours.symbol, hours.hour, first.open, hours.high, hours.low, last.close, hours.volume, hours.minutes
        FROM hours
        CROSS JOIN LATERAL (
            SELECT open FROM market_bars_ohlcv_1m WHERE symbol = hours.symbol AND ts = hours.first_ts LIMIT 1
        ) AS first
        CROSS JOIN LATERAL (
            SELECT close FROM market_bars_ohlcv_1m WHERE symbol = hours.symbol AND ts = hours.last_ts LIMIT 1
        ) AS last
        WHERE (SELECT count(*) FROM counted) > 0  -- always true: it makes the counts, and their locks, come first
        ORDER BY hours.symbol, hours.hour  -- every function locks hours in this order, which avoids deadlocks
        ON CONFLICT (symbol, hour) DO UPDATE SET
            open = CASE WHEN excluded.first_ts < stored.first_ts THEN excluded.open ELSE stored.open END,
            high = greatest(stored.high, excluded.high),
            low = least(stored.low, excluded.low),
            close = CASE WHEN excluded.last_ts > stored.last_ts THEN excluded.close ELSE stored.close END,
            volume = stored.volume + excluded.volume,
            minutes = stored.minutes | excluded.minutes
        WHERE stored.minutes & excluded.minutes = 0
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM merged) = count(*), min(lowest), max(highest)
    INTO all_merged, lowest_run, highest_run
    FROM hours;
    PERFORM set_config('barkeep.writes_rollup', coalesce(previous, ''), true);

    IF NOT all_merged THEN
        PERFORM market_rollup_rebuild_hours(array_agg(symbol), array_agg(hour))
        FROM (SELECT DISTINCT symbol, date_bin('1 hour', ts, '2000-01-01 00:00+00') AS hour FROM new_rows) AS changed;
    END IF;

    -- The rule of market_runs_must_exist: bars name ingest runs that exist. It is checked here because a second trigger
    -- that reads all new rows would add 3 % to the time of a load (measured).
    IF lowest_run = highest_run THEN
        run_ids := ARRAY[lowest_run];
    ELSE
        SELECT array_agg(DISTINCT ingestion_run_id) INTO run_ids FROM new_rows;
    END IF;
    SELECT count(*) INTO found_count
    FROM (SELECT 1 FROM data_ingest_runs WHERE id = ANY (run_ids) FOR KEY SHARE) AS existing;
    IF found_count < cardinality(run_ids) THEN
        RAISE foreign_key_violation USING
            TABLE = TG_TABLE_NAME,
            MESSAGE = format('%s names an ingest run that does not exist', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;


-- Corrects or rebuilds the hours of bars that were updated or deleted, and corrects the counts.
CREATE OR REPLACE FUNCTION market_rollup_change_bars() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
SET work_mem = '64MB' SET jit = 'off' SET enable_sort = 'off' AS $$
DECLARE
    changed_symbols varchar[];
    changed_hours timestamptz[];
    differences bigint[];  -- in the number of bars of an hour; NULL if the hour has bars at the same minutes as before
    changed_minutes bigint[];
    old_highs numeric[];
    new_highs numeric[];
    old_lows numeric[];
    new_lows numeric[];
    volume_changes numeric[];
BEGIN
    IF TG_OP = 'DELETE' THEN
        SELECT array_agg(symbol), array_agg(hour), array_agg(-bars) INTO changed_symbols, changed_hours, differences
        FROM (
            SELECT symbol, date_bin('1 hour', ts, '2000-01-01 00:00+00') AS hour, count(*) AS bars
            FROM old_rows
            GROUP BY symbol, hour
        ) AS changed;
    ELSE
        -- Each minute of a symbol occurs at most once among the old rows and at most once among the new rows. Equal bit
        -- masks therefore mean that the hour has bars at the same minutes.
        SELECT array_agg(symbol), array_agg(hour), array_agg(
            CASE WHEN old_minutes IS DISTINCT FROM new_minutes THEN
                coalesce(bit_count(new_minutes::bit(64)), 0) - coalesce(bit_count(old_minutes::bit(64)), 0)
            END
        ), array_agg(CASE WHEN old_minutes = new_minutes THEN new_minutes END),
            array_agg(old_high), array_agg(new_high), array_agg(old_low), array_agg(new_low), array_agg(volume_change)
        INTO changed_symbols, changed_hours, differences,
            changed_minutes, old_highs, new_highs, old_lows, new_lows, volume_changes
        FROM (
            SELECT symbol, date_bin('1 hour', ts, '2000-01-01 00:00+00') AS hour,
                bit_or(1::bigint << ((ts_ms + 360000000000000) / 60000 % 60)::int) FILTER (WHERE is_old) AS old_minutes,
                bit_or(1::bigint << ((ts_ms + 360000000000000) / 60000 % 60)::int) FILTER (WHERE NOT is_old)
                    AS new_minutes,
                max(high) FILTER (WHERE is_old) AS old_high, max(high) FILTER (WHERE NOT is_old) AS new_high,
                min(low) FILTER (WHERE is_old) AS old_low, min(low) FILTER (WHERE NOT is_old) AS new_low,
                sum(CASE WHEN is_old THEN -volume ELSE volume END) AS volume_change
            FROM (
                SELECT symbol, ts, ts_ms, high, low, volume, true AS is_old FROM old_rows
                UNION ALL
                SELECT symbol, ts, ts_ms, high, low, volume, false FROM new_rows
            ) AS old_and_new
            GROUP BY symbol, hour
        ) AS changed;
    END IF;
    -- The counts come first because their locks do. A statement can fire two of these triggers, and the hours of the
    -- first trigger may come after those of the second.
    PERFORM market_counts_add(array_agg(symbol), array_agg(difference))
    FROM (
        SELECT symbol, sum(difference)::bigint AS difference
        FROM unnest(changed_symbols, differences) AS changed (symbol, difference)
        GROUP BY symbol
    ) AS by_symbol;
    IF TG_OP = 'UPDATE' THEN
        SELECT rest_symbols, rest_hours INTO changed_symbols, changed_hours
        FROM market_rollup_correct_hours(
            changed_symbols, changed_hours, changed_minutes, old_highs, new_highs, old_lows, new_lows, volume_changes
        );
    END IF;
    PERFORM market_rollup_rebuild_hours(changed_symbols, changed_hours);
    RETURN NULL;
END $$;


-- Corrects hours by the differences between the old and the new values of their changed bars, and returns the rest: the
-- hours to rebuild from all their bars. Reading only the changed bars takes about half of the time.
--
-- An hour belongs to the rest if the highest or lowest price may have been that of a changed bar and is no longer
-- reached, or if bars have moved to other minutes: then `minutes` is NULL.
--
-- A difference may be added only once. A rebuild counts all changes that the client's statement has made so far, also
-- those whose trigger has not fired yet. So after a first change of the rollup, the same statement only rebuilds. The
-- locks on the counts, which the caller holds, keep other sessions from changing these hours.
CREATE OR REPLACE FUNCTION market_rollup_correct_hours(
    symbols varchar[], hours timestamptz[], minutes bigint[],
    old_highs numeric[], new_highs numeric[], old_lows numeric[], new_lows numeric[], volume_changes numeric[],
    OUT rest_symbols varchar[], OUT rest_hours timestamptz[]
) LANGUAGE plpgsql
SET search_path FROM CURRENT
SET jit = 'off'
SET enable_seqscan = 'off' SET enable_bitmapscan = 'off' SET enable_hashjoin = 'off' SET enable_mergejoin = 'off' AS $$
DECLARE
    previous text := current_setting('barkeep.writes_rollup', true);
    statement text := extract(epoch FROM statement_timestamp())::text;
BEGIN
    IF current_setting('barkeep.changed_rollup', true) = statement THEN
        rest_symbols := symbols;
        rest_hours := hours;
        RETURN;
    END IF;
    PERFORM set_config('barkeep.writes_rollup', 'on', true), set_config('barkeep.changed_rollup', statement, true);
    WITH changed AS MATERIALIZED (
        SELECT symbol COLLATE "C" AS symbol, hour, changed_minutes, old_high, new_high, old_low, new_low, volume_change
        FROM unnest(symbols, hours, minutes, old_highs, new_highs, old_lows, new_lows, volume_changes)
            AS changed (symbol, hour, changed_minutes, old_high, new_high, old_low, new_low, volume_change)
        ORDER BY 1, 2
    ), corrected AS (
        UPDATE market_bars_ohlcv_1h AS stored
        SET open = CASE
                WHEN changed_minutes & -changed_minutes <> stored.minutes & -stored.minutes THEN stored.open
                ELSE (SELECT open FROM market_bars_ohlcv_1m WHERE symbol = stored.symbol AND ts = first_ts LIMIT 1)
            END,
            high = greatest(stored.high, new_high),
            low = least(stored.low, new_low),
            close = CASE
                WHEN position(B'1' IN changed_minutes::bit(60)) <> position(B'1' IN stored.minutes::bit(60))
                THEN stored.close
                ELSE (SELECT close FROM market_bars_ohlcv_1m WHERE symbol = stored.symbol AND ts = last_ts LIMIT 1)
            END,
            volume = stored.volume + volume_change
        FROM changed
        CROSS JOIN LATERAL (
            SELECT ctid AS place FROM market_bars_ohlcv_1h
            WHERE symbol = changed.symbol AND hour = changed.hour LIMIT 1
        ) AS found
        WHERE stored.ctid = found.place
            AND changed_minutes & ~stored.minutes = 0
            AND (old_high < stored.high OR new_high >= stored.high)
            AND (old_low > stored.low OR new_low <= stored.low)
        RETURNING stored.symbol, stored.hour
    )
    SELECT array_agg(symbol), array_agg(hour) INTO rest_symbols, rest_hours
    FROM (SELECT symbol, hour FROM changed EXCEPT SELECT symbol, hour FROM corrected) AS rest;
    PERFORM set_config('barkeep.writes_rollup', coalesce(previous, ''), true);
END $$;


-- Empties the rollup together with the bars. It also counts the bars of archived years, which would then be lost.
CREATE OR REPLACE FUNCTION market_rollup_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM set_config('barkeep.truncates_bars', '', true);
    IF market_table_has_rows('market_archived_years'::regclass) THEN
        RAISE restrict_violation USING
            TABLE = TG_TABLE_NAME, MESSAGE = format('%s cannot be truncated while years are archived', TG_TABLE_NAME);
    END IF;
    -- A TRUNCATE that also names one of these tables has already emptied it and still uses it: another TRUNCATE would
    -- fail. The size of the file shows rows that an older snapshot does not see.
    IF pg_relation_size('market_bars_ohlcv_1h') > 0 OR EXISTS (SELECT 1 FROM market_bars_ohlcv_1h) THEN
        TRUNCATE market_bars_ohlcv_1h;
    END IF;
    IF pg_relation_size('market_series_counts') > 0 OR EXISTS (SELECT 1 FROM market_series_counts) THEN
        TRUNCATE market_series_counts;
    END IF;
    RETURN NULL;
END $$;


-- Rebuilds hours from their bars, and deletes those without a bar. `manage.py verify_candles --repair` calls it, too.
CREATE OR REPLACE FUNCTION market_rollup_rebuild_hours(symbols varchar[], hours timestamptz[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET jit = 'off'
SET enable_seqscan = 'off' SET enable_bitmapscan = 'off' SET enable_hashjoin = 'off' SET enable_mergejoin = 'off' AS $$
DECLARE
    previous text := current_setting('barkeep.writes_rollup', true);
BEGIN
    PERFORM set_config('barkeep.writes_rollup', 'on', true);
    -- See market_rollup_correct_hours.
    PERFORM set_config('barkeep.changed_rollup', extract(epoch FROM statement_timestamp())::text, true);

    -- Lock the row of each hour. An hour without a row gets a placeholder to lock, which the next statement replaces.
    -- DO UPDATE also locks the rows that its WHERE clause excludes.
    INSERT INTO market_bars_ohlcv_1h AS stored (symbol, hour, open, high, low, close, volume, minutes)
    SELECT symbol COLLATE "C", hour, 0, 0, 0, 0, 0, 1
    FROM unnest(symbols, hours) AS changed (symbol, hour)
    ORDER BY 1, 2
    ON CONFLICT (symbol, hour) DO UPDATE SET minutes = stored.minutes WHERE false;

    -- Every hour has a row now, so that this INSERT updates all of them. With LIMIT, the only plan to find a row is by
    -- its primary key. A join would be planned from statistics, which can still say that the tables are empty.
    WITH rebuilt AS MATERIALIZED (
        SELECT changed.symbol COLLATE "C" AS symbol, changed.hour,
            first.open, bars.high, bars.low, last.close, bars.volume, bars.minutes
        FROM unnest(symbols, hours) AS changed (symbol, hour)
        CROSS JOIN LATERAL (
            SELECT min(ts) AS first_ts, max(ts) AS last_ts, max(high) AS high, min(low) AS low, sum(volume) AS volume,
                bit_or(1::bigint << ((ts_ms + 360000000000000) / 60000 % 60)::int) AS minutes
            FROM market_bars_ohlcv_1m
            WHERE symbol = changed.symbol COLLATE "C" AND ts >= changed.hour AND ts < changed.hour + interval '1 hour'
        ) AS bars
        LEFT JOIN LATERAL (
            SELECT open FROM market_bars_ohlcv_1m
            WHERE symbol = changed.symbol COLLATE "C" AND ts = bars.first_ts LIMIT 1
        ) AS first ON true
        LEFT JOIN LATERAL (
            SELECT close FROM market_bars_ohlcv_1m
            WHERE symbol = changed.symbol COLLATE "C" AND ts = bars.last_ts LIMIT 1
        ) AS last ON true
    ), deleted AS (
        DELETE FROM market_bars_ohlcv_1h
        WHERE ctid = ANY (ARRAY(
            SELECT stored.ctid
            FROM rebuilt
            CROSS JOIN LATERAL (
                SELECT ctid FROM market_bars_ohlcv_1h WHERE symbol = rebuilt.symbol AND hour = rebuilt.hour LIMIT 1
            ) AS stored
            WHERE rebuilt.minutes IS NULL
        ))
    )
    INSERT INTO market_bars_ohlcv_1h AS stored (symbol, hour, open, high, low, close, volume, minutes)
    SELECT symbol, hour, open, high, low, close, volume, minutes FROM rebuilt WHERE minutes IS NOT NULL
    ON CONFLICT (symbol, hour) DO UPDATE
    SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume, minutes = excluded.minutes
    WHERE (stored.open, stored.high, stored.low, stored.close, stored.volume, stored.minutes)
        <> (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.minutes);

    PERFORM set_config('barkeep.writes_rollup', coalesce(previous, ''), true);
END $$;


CREATE OR REPLACE TRIGGER bars_rollup_on_insert AFTER INSERT ON market_bars_ohlcv_1m
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market_rollup_add_bars();
CREATE OR REPLACE TRIGGER bars_rollup_on_update AFTER UPDATE ON market_bars_ohlcv_1m
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market_rollup_change_bars();
CREATE OR REPLACE TRIGGER bars_rollup_on_delete AFTER DELETE ON market_bars_ohlcv_1m
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market_rollup_change_bars();
CREATE OR REPLACE TRIGGER bars_rollup_on_truncate AFTER TRUNCATE ON market_bars_ohlcv_1m
    FOR EACH STATEMENT EXECUTE FUNCTION market_rollup_truncate();
