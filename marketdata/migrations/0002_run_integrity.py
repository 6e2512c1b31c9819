"""The rule "a bar names a run that exists", checked by the database once per statement.

A declared foreign key fires a trigger per row. That doubles the time of a load (measured), and the queue of trigger
events grows with the file. These triggers read the rows of each statement once. They raise the SQLSTATE of a foreign
key, 23503.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION market_runs_must_exist() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named bigint[];
    found_count bigint;
BEGIN
    IF TG_TABLE_NAME = 'market_bar_revisions' THEN
        SELECT array_agg(DISTINCT id) INTO named
        FROM (SELECT ingestion_run_id AS id FROM new_rows UNION SELECT revised_by_id FROM new_rows) AS runs;
    ELSE
        SELECT array_agg(DISTINCT ingestion_run_id) INTO named FROM new_rows;
    END IF;
    -- The lock keeps the runs from being deleted until this transaction ends, as a foreign key's would.
    SELECT count(*) INTO found_count
    FROM (SELECT FROM data_ingest_runs WHERE id = ANY (named) FOR KEY SHARE) AS existing;
    IF found_count < cardinality(named) THEN
        RAISE foreign_key_violation USING
            TABLE = TG_TABLE_NAME,
            MESSAGE = format('%s names an ingest run that does not exist', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION data_ingest_run_is_unused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.id = OLD.id THEN
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT FROM market_bars_ohlcv_1m WHERE ingestion_run_id = OLD.id)
        OR EXISTS (SELECT FROM market_bar_revisions WHERE OLD.id IN (ingestion_run_id, revised_by_id))
    THEN
        RAISE foreign_key_violation USING
            TABLE = TG_TABLE_NAME,
            MESSAGE = format('ingest run %s has bars: it cannot be deleted or renumbered', OLD.id);
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE FUNCTION data_ingest_runs_are_unused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM market_bars_ohlcv_1m) OR EXISTS (SELECT FROM market_bar_revisions) THEN
        RAISE foreign_key_violation USING
            TABLE = TG_TABLE_NAME,
            MESSAGE = 'data_ingest_runs cannot be truncated while there are bars';
    END IF;
    RETURN NULL;
END $$;
"""

TRIGGERS = """
CREATE TRIGGER bars_run_exists_on_insert AFTER INSERT ON market_bars_ohlcv_1m
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION market_runs_must_exist();
CREATE TRIGGER bars_run_exists_on_update AFTER UPDATE ON market_bars_ohlcv_1m
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION market_runs_must_exist();
CREATE TRIGGER revisions_run_exists_on_insert AFTER INSERT ON market_bar_revisions
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION market_runs_must_exist();
CREATE TRIGGER revisions_run_exists_on_update AFTER UPDATE ON market_bar_revisions
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION market_runs_must_exist();
CREATE TRIGGER run_unused_on_delete BEFORE DELETE ON data_ingest_runs
    FOR EACH ROW EXECUTE FUNCTION data_ingest_run_is_unused();
CREATE TRIGGER run_unused_on_renumber BEFORE UPDATE OF id ON data_ingest_runs
    FOR EACH ROW EXECUTE FUNCTION data_ingest_run_is_unused();
-- After, so that one TRUNCATE may empty runs and bars together.
CREATE TRIGGER runs_unused_on_truncate AFTER TRUNCATE ON data_ingest_runs
    FOR EACH STATEMENT EXECUTE FUNCTION data_ingest_runs_are_unused();
"""

DROP = """
DROP FUNCTION market_runs_must_exist() CASCADE;
DROP FUNCTION data_ingest_run_is_unused() CASCADE;
DROP FUNCTION data_ingest_runs_are_unused() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("marketdata", "0001_schema")]

    operations = [
        migrations.RunSQL(sql=FUNCTIONS, reverse_sql=DROP),
        migrations.RunSQL(sql=TRIGGERS, reverse_sql=migrations.RunSQL.noop),
    ]
