"""How 0019_partitions gives an empty table of bars yearly partitions, and how it is reversed.

This text does not change any more. The name of this module starts with an underscore, so that Django does not load it
as a migration. A table that has bars, or that other objects depend on, stays as it is: `manage.py partition_bars`.
"""

# What a new table of that name would lose: views and rules, publications, policies, triggers of others, inheritance.
_NOTHING_ELSE_DEPENDS = """
    NOT EXISTS (
        SELECT 1 FROM pg_depend
        WHERE refclassid = 'pg_class'::regclass AND refobjid = previous AND classid = 'pg_rewrite'::regclass
    )
    AND NOT EXISTS (SELECT 1 FROM pg_publication_rel WHERE prrelid = previous)
    AND NOT EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = previous)
    AND NOT EXISTS (SELECT 1 FROM pg_inherits WHERE previous IN (inhrelid, inhparent))
    AND NOT EXISTS (
        SELECT 1 FROM pg_trigger
        WHERE tgrelid = previous AND NOT tgisinternal AND tgname NOT IN (
            'bars_rollup_on_insert', 'bars_rollup_on_update', 'bars_rollup_on_delete', 'bars_rollup_on_truncate',
            'bars_run_exists_on_update', 'bars_allow_truncate'
        )
    )
"""

_DECLARE = """
DO $$
DECLARE
    previous regclass := 'market_bars_ohlcv_1m'::regclass;
    previous_owner text := (SELECT relowner::regrole FROM pg_class WHERE oid = previous);
    privilege text;
    privileges text[] := ARRAY(
        SELECT format(
            'GRANT %s ON market_bars_ohlcv_1m TO %s%s', privilege_type,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
        )
        FROM pg_class CROSS JOIN LATERAL aclexplode(relacl)
        WHERE pg_class.oid = previous AND grantee <> relowner
    );
BEGIN
    LOCK TABLE market_bars_ohlcv_1m IN ACCESS EXCLUSIVE MODE;
"""
_INDEXES = """
    ALTER TABLE market_bars_ohlcv_1m ADD CONSTRAINT market_bars_ohlcv_1m_pkey PRIMARY KEY (symbol, ts);
    CREATE INDEX bar_ts_brin ON market_bars_ohlcv_1m USING brin (ts) WITH (autosummarize = on);
    CREATE INDEX bar_run_brin ON market_bars_ohlcv_1m USING brin (ingestion_run_id) WITH (autosummarize = on);
    EXECUTE format('ALTER TABLE market_bars_ohlcv_1m OWNER TO %s', previous_owner);
    FOREACH privilege IN ARRAY privileges LOOP
        EXECUTE privilege;
    END LOOP;
END $$
"""

PARTITION_IF_EMPTY = (
    _DECLARE  # noqa: S608  # all parts are constants of this module
    + """
    IF EXISTS (SELECT 1 FROM pg_class WHERE oid = previous AND relkind = 'p')
        OR EXISTS (SELECT 1 FROM market_bars_ohlcv_1m)
        OR NOT ("""
    + _NOTHING_ELSE_DEPENDS
    + """)
    THEN
        RETURN;
    END IF;
    ALTER TABLE market_bars_ohlcv_1m RENAME TO market_bars_ohlcv_1m_whole;
    CREATE TABLE market_bars_ohlcv_1m (LIKE market_bars_ohlcv_1m_whole INCLUDING ALL EXCLUDING INDEXES)
        PARTITION BY RANGE (ts);
    DROP TABLE market_bars_ohlcv_1m_whole;
"""
    + _INDEXES
)

MAKE_WHOLE = (
    _DECLARE  # noqa: S608  # all parts are constants of this module
    + """
    IF EXISTS (SELECT 1 FROM market_archived_years) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'years are archived, and an earlier release cannot read them',
            HINT = 'manage.py restore_year brings each back.';
    END IF;
    IF EXISTS (SELECT 1 FROM pg_class WHERE oid = previous AND relkind <> 'p') THEN
        RETURN;
    END IF;
    ALTER TABLE market_bars_ohlcv_1m RENAME TO market_bars_ohlcv_1m_parts;
    CREATE TABLE market_bars_ohlcv_1m (LIKE market_bars_ohlcv_1m_parts INCLUDING ALL EXCLUDING INDEXES)
        WITH (fillfactor = 90);
    INSERT INTO market_bars_ohlcv_1m SELECT * FROM market_bars_ohlcv_1m_parts;
    DROP TABLE market_bars_ohlcv_1m_parts;
"""
    + _INDEXES
)

# Databento's history of CME Globex begins in 2010. The loader makes the partitions of other years.
ADD_YEARS = """
SELECT market_bars_add_partitions(
    ARRAY(SELECT generate_series(2010, extract(year FROM now() AT TIME ZONE 'UTC')::int + 1))
)
"""

# Roles that load files or write bars have to know which years they cannot write, without a right of their own.
LET_EVERYONE_READ = "GRANT SELECT ON market_archived_years TO PUBLIC"

REMOVE_FUNCTIONS = """
DROP TRIGGER IF EXISTS bars_allow_truncate ON market_bars_ohlcv_1m;
DROP FUNCTION IF EXISTS market_bars_add_partitions(int[]);
DROP FUNCTION IF EXISTS market_bars_missing_partitions(int[]);
DROP FUNCTION IF EXISTS market_bars_equip_partition(regclass);
DROP FUNCTION IF EXISTS market_bars_guard_partition() CASCADE;
DROP FUNCTION IF EXISTS market_bars_allow_truncate() CASCADE;
"""
