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
