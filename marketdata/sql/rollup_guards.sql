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
