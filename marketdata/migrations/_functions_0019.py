"""The database functions and triggers as 0019_partitions leaves them.

This text does not change any more: a later migration brings a text of its own. What the functions do, and why, is
explained in marketdata/sql/*.sql. The name of this module starts with an underscore, so that Django does not load it
as a migration.
"""

# The functions keep the search_path under which they are created: the schema of the tables, then pg_temp.
_BEFORE = """
SELECT set_config('barkeep.search_path', current_setting('search_path'), true);
SELECT set_config('search_path', relnamespace::regnamespace || ', pg_temp', true)
FROM pg_class WHERE oid = 'market_bars_ohlcv_1m'::regclass;
"""
_AFTER = """
SELECT set_config('search_path', current_setting('barkeep.search_path'), true);
"""

_FUNCTIONS = """
-- The number of minute bars of each symbol, in market_series_counts.


-- Adds differences to the counts of symbols. It first locks the row of every symbol, in the order of the symbols: two
-- sessions that change bars of the same symbols then wait for each other instead of running into a deadlock.
--
-- A difference of NULL only locks the row. A difference of 0 also writes it: under REPEATABLE READ, a session with an
-- older snapshot then cannot write the same count (SQLSTATE 40001).
CREATE OR REPLACE FUNCTION market_counts_add(symbols varchar[], differences bigint[]) RETURNS void LANGUAGE plpgsql
SET search_path FROM CURRENT
SET enable_seqscan = 'off' SET enable_bitmapscan = 'off' AS $$
DECLARE
    previous text := current_setting('barkeep.writes_rollup', true);
BEGIN
    PERFORM set_config('barkeep.writes_rollup', 'on', true);

    -- DO UPDATE also locks the rows that its WHERE clause excludes.
    INSERT INTO market_series_counts AS stored (symbol, bar_count)
    SELECT symbol COLLATE "C", 0 FROM unnest(symbols) AS changed (symbol)
    ORDER BY 1
    ON CONFLICT (symbol) DO UPDATE SET bar_count = stored.bar_count WHERE false;

    -- The proposed row holds the sum, not the difference. CHECK constraints see the proposed row before the conflict is
    -- found, and would refuse a negative count.
    INSERT INTO market_series_counts AS stored (symbol, bar_count)
    SELECT changed.symbol COLLATE "C", counts.bar_count + changed.difference
    FROM unnest(symbols, differences) AS changed (symbol, difference)
    CROSS JOIN LATERAL (
        SELECT bar_count FROM market_series_counts WHERE symbol = changed.symbol COLLATE "C" LIMIT 1
    ) AS counts
    WHERE changed.difference IS NOT NULL
    ON CONFLICT (symbol) DO UPDATE SET bar_count = excluded.bar_count;

    PERFORM set_config('barkeep.writes_rollup', coalesce(previous, ''), true);
END $$;


-- Counts the bars of symbols again, and those of archived years by their hours.
-- `manage.py verify_candles --repair` calls it. The rows are locked before the bars
-- are counted, so that bars which another session commits in between are counted once.
CREATE OR REPLACE FUNCTION market_counts_rebuild(symbols varchar[]) RETURNS void LANGUAGE plpgsql
SET search_path FROM CURRENT
SET jit = 'off' AS $$
DECLARE
    previous text := current_setting('barkeep.writes_rollup', true);
BEGIN
    PERFORM market_counts_add(symbols, array_fill(0::bigint, ARRAY[cardinality(symbols)]));

    PERFORM set_config('barkeep.writes_rollup', 'on', true);
    UPDATE market_series_counts AS stored
    SET bar_count = (SELECT count(*) FROM market_bars_ohlcv_1m AS bars WHERE bars.symbol = stored.symbol) + (
        SELECT coalesce(sum(hours.bar_count), 0)
        FROM market_archived_years AS archived
        JOIN market_bars_ohlcv_1h AS hours
            ON hours.symbol = stored.symbol AND hours.hour >= make_timestamptz(archived.year, 1, 1, 0, 0, 0, 'UTC')
            AND hours.hour < make_timestamptz(archived.year + 1, 1, 1, 0, 0, 0, 'UTC')
    )
    WHERE stored.symbol = ANY (symbols::varchar[] COLLATE "C");
    PERFORM set_config('barkeep.writes_rollup', coalesce(previous, ''), true);
END $$;


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


-- Yearly partitions of market_bars_ohlcv_1m, by ts in UTC: market_bars_ohlcv_1m_2024 has the bars of 2024.
--
-- Every statement names market_bars_ohlcv_1m, whose triggers update the hourly rollup. A statement that names a
-- partition would fire none of them, so the partitions refuse it. The one exception is the loader's COPY of new bars:
-- finding the partition of each row costs a sixth of the server's time for a load (measured). So partitions have the
-- trigger for new bars themselves, and let INSERT and COPY pass where barkeep.loads_partition is 'on'.


-- Makes the partitions of these years, where they are missing. Does nothing while the table has no partitions.
--
-- A new table is attached, not created as a partition: that would wait for every reader, and block those that follow.
-- The lock is that of ATTACH PARTITION. It conflicts only with itself, ANALYZE and DDL, so a second session waits here
-- and finds the partitions. SECURITY DEFINER: a role that loads files need not own the table.
CREATE OR REPLACE FUNCTION market_bars_add_partitions(years int[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET client_min_messages = 'warning' SET timezone = 'UTC' AS $$
DECLARE
    missing int[];
    missing_year int;
    partition text;
BEGIN
    missing := market_bars_missing_partitions(years);
    IF cardinality(missing) > 0 THEN
        LOCK TABLE ONLY market_bars_ohlcv_1m IN SHARE UPDATE EXCLUSIVE MODE;
        missing := market_bars_missing_partitions(missing);
    END IF;
    FOREACH missing_year IN ARRAY missing LOOP
        IF missing_year NOT BETWEEN 1900 AND 2199 THEN
            RAISE check_violation USING
                MESSAGE = format('the year %s is outside of the trading calendars (1900 to 2199)', missing_year);
        END IF;
        IF EXISTS (SELECT 1 FROM market_archived_years AS archived WHERE archived.year = missing_year) THEN
            RAISE object_not_in_prerequisite_state USING
                MESSAGE = format('the bars of %s are archived', missing_year),
                HINT = format('manage.py restore_year %s brings them back.', missing_year);
        END IF;
        partition := format('market_bars_ohlcv_1m_%s', missing_year);
        EXECUTE format(
            'CREATE TABLE %I (LIKE market_bars_ohlcv_1m INCLUDING ALL) WITH (fillfactor = 90)', partition
        );
        PERFORM market_bars_equip_partition(partition::regclass);
        EXECUTE format(
            'ALTER TABLE market_bars_ohlcv_1m ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition,
            make_timestamptz(missing_year, 1, 1, 0, 0, 0, 'UTC'), make_timestamptz(missing_year + 1, 1, 1, 0, 0, 0, 'UTC')
        );
    END LOOP;
END $$;


-- Those of the years that need a partition and have none.
CREATE OR REPLACE FUNCTION market_bars_missing_partitions(years int[]) RETURNS int[] LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_class WHERE oid = 'market_bars_ohlcv_1m'::regclass AND relkind = 'p') THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT DISTINCT wanted
        FROM unnest(years) AS requested (wanted)
        WHERE pg_partition_root(to_regclass(format('market_bars_ohlcv_1m_%s', wanted)))
            IS DISTINCT FROM 'market_bars_ohlcv_1m'::regclass
        ORDER BY wanted
    );
END $$;


-- Gives a table that is or will be a partition its triggers, and lets the roles that may insert bars insert them here.
CREATE OR REPLACE FUNCTION market_bars_equip_partition(partition regclass) RETURNS void LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
DECLARE
    role_name text;
BEGIN
    EXECUTE format(
        'CREATE OR REPLACE TRIGGER partition_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION market_bars_guard_partition()', partition
    );
    EXECUTE format(
        'CREATE OR REPLACE TRIGGER partition_rollup AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows '
        'FOR EACH STATEMENT EXECUTE FUNCTION market_rollup_add_bars()', partition
    );
    FOR role_name IN
        SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
        FROM pg_class CROSS JOIN LATERAL aclexplode(relacl)
        WHERE pg_class.oid = 'market_bars_ohlcv_1m'::regclass AND grantee <> relowner AND privilege_type = 'INSERT'
    LOOP
        EXECUTE format('GRANT INSERT ON %s TO %s', partition, role_name);
    END LOOP;
END $$;


-- Refuses a statement that names a partition, except for the loader's COPY. TRUNCATE of the whole table also fires the
-- triggers of its partitions: market_bars_allow_truncate runs before them, and market_rollup_truncate after them.
CREATE OR REPLACE FUNCTION market_bars_guard_partition() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_setting('barkeep.truncates_bars', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' AND current_setting('barkeep.loads_partition', true) = 'on'
        AND pg_partition_root(TG_RELID) = 'market_bars_ohlcv_1m'::regclass
        AND has_table_privilege('market_bars_ohlcv_1m', 'INSERT')
    THEN
        RETURN NULL;
    END IF;
    RAISE restrict_violation USING
        TABLE = TG_TABLE_NAME,
        MESSAGE = format('%s has the bars of one year of market_bars_ohlcv_1m: write to that table', TG_TABLE_NAME),
        HINT = 'Its triggers update the hourly rollup. manage.py archive_year and restore_year move a whole year.';
END $$;


CREATE OR REPLACE FUNCTION market_bars_allow_truncate() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM set_config('barkeep.truncates_bars', 'on', true);
    RETURN NULL;
END $$;


CREATE OR REPLACE TRIGGER bars_allow_truncate BEFORE TRUNCATE ON market_bars_ohlcv_1m
    FOR EACH STATEMENT EXECUTE FUNCTION market_bars_allow_truncate();
DO $$
BEGIN
    PERFORM market_bars_equip_partition(relid) FROM pg_partition_tree('market_bars_ohlcv_1m') WHERE level = 1;
END $$;


-- Guards of the hourly rollup and of the counts. Both follow from the bars: a direct write would make them wrong.


-- Refuses INSERT, UPDATE and DELETE unless a function of hourly_rollup.sql or bar_counts.sql is writing. This protects
-- against mistakes. A role that must not write the rollup at all is simply not granted the privilege.
CREATE OR REPLACE FUNCTION market_rollup_guard_writes() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF current_setting('barkeep.writes_rollup', true) IS DISTINCT FROM 'on' THEN
        RAISE restrict_violation USING
            TABLE = TG_TABLE_NAME,
            MESSAGE = format('%s follows from market_bars_ohlcv_1m: change the bars, not this table', TG_TABLE_NAME),
            HINT = 'manage.py verify_candles --repair rebuilds it from the bars.';
    END IF;
    RETURN NULL;
END $$;


-- Refuses TRUNCATE while there are bars. SECURITY DEFINER: the role may have no privilege to read the bars.
CREATE OR REPLACE FUNCTION market_rollup_guard_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    IF market_table_has_rows('market_bars_ohlcv_1m'::regclass) THEN
        RAISE restrict_violation USING
            TABLE = TG_TABLE_NAME, MESSAGE = format('%s cannot be truncated while there are bars', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;


CREATE OR REPLACE TRIGGER hours_guard_writes BEFORE INSERT OR UPDATE OR DELETE ON market_bars_ohlcv_1h
    FOR EACH STATEMENT EXECUTE FUNCTION market_rollup_guard_writes();
CREATE OR REPLACE TRIGGER counts_guard_writes BEFORE INSERT OR UPDATE OR DELETE ON market_series_counts
    FOR EACH STATEMENT EXECUTE FUNCTION market_rollup_guard_writes();
-- AFTER, so that one TRUNCATE may empty the bars and the rollup together.
CREATE OR REPLACE TRIGGER hours_guard_truncate AFTER TRUNCATE ON market_bars_ohlcv_1h
    FOR EACH STATEMENT EXECUTE FUNCTION market_rollup_guard_truncate();
CREATE OR REPLACE TRIGGER counts_guard_truncate AFTER TRUNCATE ON market_series_counts
    FOR EACH STATEMENT EXECUTE FUNCTION market_rollup_guard_truncate();


-- Bars and revisions name ingest runs that exist.
--
-- A declared foreign key fires a trigger per row. That doubles the time of a load (measured), and the queue of trigger
-- events grows with the file. These triggers read the rows of each statement once. They raise the SQLSTATE of a foreign
-- key, 23503.


-- The rule for everything except new bars: market_rollup_add_bars checks those.
CREATE OR REPLACE FUNCTION market_runs_must_exist() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
DECLARE
    run_ids bigint[];
    found_count bigint;
BEGIN
    IF TG_TABLE_NAME = 'market_bar_revisions' THEN
        SELECT array_agg(DISTINCT id) INTO run_ids
        FROM (SELECT ingestion_run_id AS id FROM new_rows UNION SELECT revised_by_id FROM new_rows) AS runs;
    ELSE
        SELECT array_agg(DISTINCT ingestion_run_id) INTO run_ids FROM new_rows;
    END IF;
    -- The lock prevents the deletion of these runs until this transaction ends, as a foreign key would.
    SELECT count(*) INTO found_count
    FROM (SELECT 1 FROM data_ingest_runs WHERE id = ANY (run_ids) FOR KEY SHARE) AS existing;
    IF found_count < cardinality(run_ids) THEN
        RAISE foreign_key_violation USING
            TABLE = TG_TABLE_NAME,
            MESSAGE = format('%s names an ingest run that does not exist', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;


-- A run that bars or revisions name cannot be deleted or renumbered. Bars of archived years are not here to be read, so
-- the times of the run decide.
CREATE OR REPLACE FUNCTION data_ingest_run_is_unused() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.id = OLD.id THEN
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT 1 FROM market_bars_ohlcv_1m WHERE ingestion_run_id = OLD.id)
        OR EXISTS (SELECT 1 FROM market_bar_revisions WHERE OLD.id IN (ingestion_run_id, revised_by_id))
        OR EXISTS (
            SELECT 1 FROM market_archived_years AS archived
            WHERE OLD.status = 'success'
                AND OLD.max_ts >= make_timestamptz(archived.year, 1, 1, 0, 0, 0, 'UTC')
                AND OLD.min_ts < make_timestamptz(archived.year + 1, 1, 1, 0, 0, 0, 'UTC')
        )
    THEN
        RAISE foreign_key_violation USING
            TABLE = TG_TABLE_NAME,
            MESSAGE = format('ingest run %s has bars: it cannot be deleted or renumbered', OLD.id);
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;


-- TRUNCATE fires no row triggers, so it has a rule of its own.
CREATE OR REPLACE FUNCTION data_ingest_runs_are_unused() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    IF market_table_has_rows('market_bars_ohlcv_1m'::regclass)
        OR market_table_has_rows('market_bar_revisions'::regclass)
        OR market_table_has_rows('market_archived_years'::regclass)
    THEN
        RAISE foreign_key_violation USING
            TABLE = TG_TABLE_NAME,
            MESSAGE = 'data_ingest_runs cannot be truncated while there are bars';
    END IF;
    RETURN NULL;
END $$;


-- Whether a table has rows, including rows that the snapshot of this transaction does not see. After TRUNCATE the file
-- of a table has 0 bytes. A partitioned table has none itself.
CREATE OR REPLACE FUNCTION market_table_has_rows(checked regclass) RETURNS boolean LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
DECLARE
    seen boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', checked) INTO seen;
    -- Under READ COMMITTED the snapshot is new, and a file that only holds deleted rows does not count.
    RETURN seen OR (
        current_setting('transaction_isolation') <> 'read committed'
        AND (
            pg_relation_size(checked) > 0
            OR EXISTS (SELECT 1 FROM pg_partition_tree(checked) WHERE isleaf AND pg_relation_size(relid) > 0)
        )
    );
END $$;


CREATE OR REPLACE TRIGGER bars_run_exists_on_update AFTER UPDATE ON market_bars_ohlcv_1m
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market_runs_must_exist();
CREATE OR REPLACE TRIGGER revisions_run_exists_on_insert AFTER INSERT ON market_bar_revisions
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market_runs_must_exist();
CREATE OR REPLACE TRIGGER revisions_run_exists_on_update AFTER UPDATE ON market_bar_revisions
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market_runs_must_exist();
CREATE OR REPLACE TRIGGER run_unused_on_delete BEFORE DELETE ON data_ingest_runs
    FOR EACH ROW EXECUTE FUNCTION data_ingest_run_is_unused();
CREATE OR REPLACE TRIGGER run_unused_on_renumber BEFORE UPDATE OF id ON data_ingest_runs
    FOR EACH ROW EXECUTE FUNCTION data_ingest_run_is_unused();
-- AFTER, so that one TRUNCATE may empty the runs and the bars together.
CREATE OR REPLACE TRIGGER runs_unused_on_truncate AFTER TRUNCATE ON data_ingest_runs
    FOR EACH STATEMENT EXECUTE FUNCTION data_ingest_runs_are_unused();
"""

INSTALL = _BEFORE + _FUNCTIONS + _AFTER
