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
