"""The database functions that 0014_rollup_corrections changes, as it leaves them.

This text does not change any more: a later migration brings a text of its own. What the functions do, and why, is
explained in marketdata/sql/*.sql. The name of this module starts with an underscore, so that Django does not load it
as a migration.
"""

from marketdata.migrations import _functions_0009

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
            GROUP BY 1, 2
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
            GROUP BY 1, 2
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
"""

INSTALL = _BEFORE + _FUNCTIONS + _AFTER

UNINSTALL = (
    _functions_0009.INSTALL
    + """
DROP FUNCTION IF EXISTS market_rollup_correct_hours(
    varchar[], timestamptz[], bigint[], numeric[], numeric[], numeric[], numeric[], numeric[]
);
"""
)
