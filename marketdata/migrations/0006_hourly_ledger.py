"""The hourly rollup: each hour of each series, updated by the statement that writes its minute bars.

The comments of marketdata/sql/hourly_rollup.sql explain how. 0009_database_functions replaces these functions.
"""

from django.db import migrations, models
from django.db.models.expressions import RawSQL

# The guards refuse a write unless it comes from a trigger: the functions of earlier releases set barkeep.keeps_hours in
# their SET clause instead, which only a superuser may do.
FUNCTIONS = """
CREATE FUNCTION market_bars_enter_hours() RETURNS trigger LANGUAGE plpgsql
SET work_mem = '64MB' SET jit = 'off'
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
        ORDER BY hours.symbol, hours.hour  -- one order of locks for all, which avoids deadlocks
        ON CONFLICT (symbol, hour) DO UPDATE SET
            open = CASE WHEN excluded.first_ts < known.first_ts THEN excluded.open ELSE known.open END,
            high = greatest(known.high, excluded.high),
            low = least(known.low, excluded.low),
            close = CASE WHEN excluded.last_ts > known.last_ts THEN excluded.close ELSE known.close END,
            volume = known.volume + excluded.volume,
            minutes = known.minutes | excluded.minutes
        WHERE known.minutes & excluded.minutes = 0
        RETURNING 1
    ), counted AS (
        INSERT INTO market_series_counts AS known (symbol, bar_count)
        SELECT symbol, sum(bit_count(minutes::bit(64))) FROM hours GROUP BY symbol ORDER BY symbol
        ON CONFLICT (symbol) DO UPDATE SET bar_count = known.bar_count + excluded.bar_count
    )
    SELECT (SELECT count(*) FROM entered) = count(*), min(least), max(greatest)
    INTO all_entered, least_run, greatest_run
    FROM hours;
    IF NOT all_entered THEN
        PERFORM market_hours_make_anew(array_agg(symbol), array_agg(hour))
        FROM (SELECT DISTINCT symbol, date_bin('1 hour', ts, '2000-01-01 00:00+00') AS hour FROM new_rows) AS touched;
    END IF;

    -- The rule of market_runs_must_exist. A second trigger that reads all new rows would add 3 % to the time of a load.
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

CREATE FUNCTION market_bars_change_hours() RETURNS trigger LANGUAGE plpgsql
SET work_mem = '64MB' SET jit = 'off' SET enable_sort = 'off' AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM market_hours_make_anew(array_agg(symbol), array_agg(hour))
        FROM (SELECT DISTINCT symbol, date_bin('1 hour', ts, '2000-01-01 00:00+00') AS hour FROM old_rows) AS touched;
        PERFORM market_counts_add(array_agg(symbol), array_agg(bars))
        FROM (SELECT symbol, -count(*) AS bars FROM old_rows GROUP BY symbol) AS differences;
    ELSE
        PERFORM market_hours_make_anew(array_agg(symbol), array_agg(hour))
        FROM (
            SELECT symbol, date_bin('1 hour', ts, '2000-01-01 00:00+00') AS hour FROM old_rows
            UNION
            SELECT symbol, date_bin('1 hour', ts, '2000-01-01 00:00+00') FROM new_rows
        ) AS touched;
        PERFORM market_counts_add(array_agg(symbol), array_agg(bars))
        FROM (
            SELECT symbol, sum(bars)::bigint AS bars
            FROM (
                SELECT symbol, -count(*) AS bars FROM old_rows GROUP BY symbol
                UNION ALL
                SELECT symbol, count(*) FROM new_rows GROUP BY symbol
            ) AS both_sides
            GROUP BY symbol
            HAVING sum(bars) <> 0
        ) AS differences;
    END IF;
    RETURN NULL;
END $$;

-- verify_candles --repair calls it, too.
CREATE FUNCTION market_hours_make_anew(symbols varchar[], hours timestamptz[]) RETURNS void LANGUAGE plpgsql
SET jit = 'off'
SET enable_seqscan = 'off' SET enable_bitmapscan = 'off' SET enable_hashjoin = 'off' SET enable_mergejoin = 'off' AS $$
BEGIN
    -- Lock the row of each hour. An hour without a row gets a placeholder to lock, which the next statement replaces.
    -- DO UPDATE also locks the rows that its WHERE clause excludes.
    INSERT INTO market_bars_ohlcv_1h AS known (symbol, hour, open, high, low, close, volume, minutes)
    SELECT symbol COLLATE "C", hour, 0, 0, 0, 0, 0, 1
    FROM unnest(symbols, hours) AS touched (symbol, hour)
    ORDER BY 1, 2
    ON CONFLICT (symbol, hour) DO UPDATE SET minutes = known.minutes WHERE false;

    WITH anew AS MATERIALIZED (
        SELECT touched.symbol COLLATE "C" AS symbol, touched.hour, bars.*
        FROM unnest(symbols, hours) AS touched (symbol, hour)
        CROSS JOIN LATERAL (
            SELECT (array_agg(open ORDER BY ts))[1] AS open, max(high) AS high, min(low) AS low,
                (array_agg(close ORDER BY ts DESC))[1] AS close, sum(volume) AS volume,
                bit_or(1::bigint << date_part('minute', ts - touched.hour)::int) AS minutes
            FROM market_bars_ohlcv_1m
            WHERE symbol = touched.symbol COLLATE "C" AND ts >= touched.hour AND ts < touched.hour + interval '1 hour'
        ) AS bars
    ), emptied AS (
        DELETE FROM market_bars_ohlcv_1h AS known USING anew
        WHERE known.symbol = anew.symbol AND known.hour = anew.hour AND anew.minutes IS NULL
    )
    UPDATE market_bars_ohlcv_1h AS known
    SET open = anew.open, high = anew.high, low = anew.low, close = anew.close, volume = anew.volume,
        minutes = anew.minutes
    FROM anew
    WHERE known.symbol = anew.symbol AND known.hour = anew.hour AND anew.minutes IS NOT NULL
        AND (known.open, known.high, known.low, known.close, known.volume, known.minutes)
            <> (anew.open, anew.high, anew.low, anew.close, anew.volume, anew.minutes);
END $$;

CREATE FUNCTION market_counts_add(symbols varchar[], differences bigint[]) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    -- Lock the rows first, in order, as for the hours.
    INSERT INTO market_series_counts AS known (symbol, bar_count)
    SELECT symbol COLLATE "C", 0 FROM unnest(symbols) AS changed (symbol)
    ORDER BY 1
    ON CONFLICT (symbol) DO UPDATE SET bar_count = known.bar_count WHERE false;

    UPDATE market_series_counts AS known
    SET bar_count = known.bar_count + difference
    FROM unnest(symbols, differences) AS changed (symbol, difference)
    WHERE known.symbol = changed.symbol COLLATE "C" AND difference <> 0;
END $$;

-- For verify_candles --repair. The row is locked before the bars are counted.
CREATE FUNCTION market_counts_make_anew(symbols varchar[]) RETURNS void LANGUAGE plpgsql
SET jit = 'off' AS $$
BEGIN
    PERFORM market_counts_add(symbols, array_fill(0::bigint, ARRAY[cardinality(symbols)]));
    UPDATE market_series_counts AS known
    SET bar_count = (SELECT count(*) FROM market_bars_ohlcv_1m AS bars WHERE bars.symbol = known.symbol)
    WHERE known.symbol = ANY (symbols::varchar[] COLLATE "C");
END $$;

CREATE FUNCTION market_bars_empty_hours() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    -- A TRUNCATE that also names one of these tables has already emptied it and still uses it.
    IF EXISTS (SELECT FROM market_bars_ohlcv_1h) THEN
        TRUNCATE market_bars_ohlcv_1h;
    END IF;
    IF EXISTS (SELECT FROM market_series_counts) THEN
        TRUNCATE market_series_counts;
    END IF;
    RETURN NULL;
END $$;
"""

GUARDS = """
CREATE FUNCTION market_hours_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('barkeep.keeps_hours', true) IS DISTINCT FROM 'on' AND pg_trigger_depth() < 2 THEN
        RAISE restrict_violation USING
            TABLE = TG_TABLE_NAME,
            MESSAGE = format('%s follows from market_bars_ohlcv_1m: change the bars, not this table', TG_TABLE_NAME),
            HINT = 'manage.py verify_candles --repair makes it anew from the bars.';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION market_hours_are_unused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM market_bars_ohlcv_1m) THEN
        RAISE restrict_violation USING
            TABLE = TG_TABLE_NAME, MESSAGE = format('%s cannot be truncated while there are bars', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER hours_kept BEFORE INSERT OR UPDATE OR DELETE ON market_bars_ohlcv_1h
    FOR EACH STATEMENT EXECUTE FUNCTION market_hours_are_kept();
CREATE TRIGGER counts_kept BEFORE INSERT OR UPDATE OR DELETE ON market_series_counts
    FOR EACH STATEMENT EXECUTE FUNCTION market_hours_are_kept();
-- AFTER, so that one TRUNCATE may empty bars and hours together.
CREATE TRIGGER hours_unused_on_truncate AFTER TRUNCATE ON market_bars_ohlcv_1h
    FOR EACH STATEMENT EXECUTE FUNCTION market_hours_are_unused();
CREATE TRIGGER counts_unused_on_truncate AFTER TRUNCATE ON market_series_counts
    FOR EACH STATEMENT EXECUTE FUNCTION market_hours_are_unused();
"""

TRIGGERS = """
DROP TRIGGER bars_run_exists_on_insert ON market_bars_ohlcv_1m;
CREATE TRIGGER bars_enter_hours AFTER INSERT ON market_bars_ohlcv_1m
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION market_bars_enter_hours();
CREATE TRIGGER bars_change_hours AFTER UPDATE ON market_bars_ohlcv_1m
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market_bars_change_hours();
CREATE TRIGGER bars_leave_hours AFTER DELETE ON market_bars_ohlcv_1m
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION market_bars_change_hours();
CREATE TRIGGER bars_empty_hours AFTER TRUNCATE ON market_bars_ohlcv_1m
    FOR EACH STATEMENT EXECUTE FUNCTION market_bars_empty_hours();
"""

# Creating the triggers has locked the bars against other writers until the migration commits.
FILL = """
WITH hours AS MATERIALIZED (
    SELECT symbol, date_bin('1 hour', ts, '2000-01-01 00:00+00') AS hour, min(ts) AS first_ts, max(ts) AS last_ts,
        max(high) AS high, min(low) AS low, sum(volume) AS volume,
        bit_or(1::bigint << date_part('minute', ts AT TIME ZONE 'UTC')::int) AS minutes
    FROM market_bars_ohlcv_1m
    GROUP BY 1, 2
)
INSERT INTO market_bars_ohlcv_1h (symbol, hour, open, high, low, close, volume, minutes)
SELECT hours.symbol, hours.hour, first.open, hours.high, hours.low, last.close, hours.volume, hours.minutes
FROM hours
CROSS JOIN LATERAL (
    SELECT open FROM market_bars_ohlcv_1m WHERE symbol = hours.symbol AND ts = hours.first_ts LIMIT 1
) AS first
CROSS JOIN LATERAL (
    SELECT close FROM market_bars_ohlcv_1m WHERE symbol = hours.symbol AND ts = hours.last_ts LIMIT 1
) AS last
ORDER BY 1, 2;
INSERT INTO market_series_counts (symbol, bar_count)
SELECT symbol, sum(bar_count) FROM market_bars_ohlcv_1h GROUP BY symbol;
"""

DROP_TRIGGERS = """
CREATE TRIGGER bars_run_exists_on_insert AFTER INSERT ON market_bars_ohlcv_1m
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION market_runs_must_exist();
"""
DROP_FUNCTIONS = """
DROP FUNCTION market_bars_enter_hours() CASCADE;
DROP FUNCTION market_bars_change_hours() CASCADE;
DROP FUNCTION market_bars_empty_hours() CASCADE;
DROP FUNCTION market_hours_make_anew(varchar[], timestamptz[]);
DROP FUNCTION market_counts_make_anew(varchar[]);
DROP FUNCTION market_counts_add(varchar[], bigint[]);
DROP FUNCTION market_hours_are_kept() CASCADE;
DROP FUNCTION market_hours_are_unused() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0005_undo"),
    ]

    operations = [
        migrations.CreateModel(
            name="HourlyBar",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "symbol", "hour", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("symbol", models.CharField(db_collation="C", max_length=128)),
                ("hour", models.DateTimeField(help_text="The start of the hour, UTC.")),
                ("open", models.DecimalField(decimal_places=9, max_digits=20)),
                ("high", models.DecimalField(decimal_places=9, max_digits=20)),
                ("low", models.DecimalField(decimal_places=9, max_digits=20)),
                ("close", models.DecimalField(decimal_places=9, max_digits=20)),
                ("volume", models.DecimalField(decimal_places=0, max_digits=22)),
                ("minutes", models.BigIntegerField(help_text="Bit n: minute n has a bar.")),
                (
                    "bar_count",
                    models.GeneratedField(
                        db_persist=True,
                        expression=RawSQL("bit_count(minutes::bit(64))", ()),
                        output_field=models.BigIntegerField(),
                    ),
                ),
                (
                    "first_ts",
                    models.GeneratedField(
                        db_persist=True,
                        expression=RawSQL(
                            "(hour AT TIME ZONE 'UTC' + (60 - position(B'1' in (minutes & -minutes)::bit(60))) * interval '1 minute') AT TIME ZONE 'UTC'",
                            (),
                        ),
                        output_field=models.DateTimeField(),
                    ),
                ),
                (
                    "last_ts",
                    models.GeneratedField(
                        db_persist=True,
                        expression=RawSQL(
                            "(hour AT TIME ZONE 'UTC' + (60 - position(B'1' in minutes::bit(60))) * interval '1 minute') AT TIME ZONE 'UTC'",
                            (),
                        ),
                        output_field=models.DateTimeField(),
                    ),
                ),
            ],
            options={
                "db_table": "market_bars_ohlcv_1h",
                "constraints": [
                    models.CheckConstraint(
                        condition=RawSQL(
                            "hour = date_bin('1 hour', hour, '2000-01-01 00:00+00')",
                            (),
                            output_field=models.BooleanField(),
                        ),
                        name="hour_whole_hour",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("minutes__gt", 0), ("minutes__lt", 1152921504606846976)),
                        name="hour_minutes_in_hour",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("high__gte", models.F("open")),
                            ("low__lte", models.F("open")),
                            ("high__gte", models.F("close")),
                            ("low__lte", models.F("close")),
                            ("high__gte", models.F("low")),
                        ),
                        name="hour_high_low_enclose",
                    ),
                    models.CheckConstraint(
                        condition=RawSQL(
                            "high < 'Infinity' AND low > '-Infinity'", (), output_field=models.BooleanField()
                        ),
                        name="hour_prices_finite",
                    ),
                    models.CheckConstraint(
                        condition=RawSQL("volume >= 0 AND volume < 'Infinity'", (), output_field=models.BooleanField()),
                        name="hour_volume_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SeriesCount",
            fields=[
                ("symbol", models.CharField(db_collation="C", max_length=128, primary_key=True, serialize=False)),
                ("bar_count", models.BigIntegerField()),
            ],
            options={
                "db_table": "market_series_counts",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("bar_count__gte", 0)), name="series_count_not_negative")
                ],
            },
        ),
        # Free space in each page for updated rows, so that the index entries need not change. Each statement that ends
        # within an hour updates that hour, and every statement updates a count.
        migrations.RunSQL("ALTER TABLE market_bars_ohlcv_1h SET (fillfactor = 80)", migrations.RunSQL.noop),
        migrations.RunSQL("ALTER TABLE market_series_counts SET (fillfactor = 10)", migrations.RunSQL.noop),
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        migrations.RunSQL(TRIGGERS, DROP_TRIGGERS),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
    ]
