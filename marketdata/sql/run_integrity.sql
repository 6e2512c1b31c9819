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
