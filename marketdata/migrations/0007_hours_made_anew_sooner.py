"""The hourly ledger makes hours anew in a third of the time, and in the same time whatever PostgreSQL believes.

As migration 0006 has it:

- An hour's open and close come from two sorted lists of all its bars. Here they are looked up by the primary key, once
  the hour's first and last minute are known.
- The new values join the ledger. Where the tables were analysed while their first load was under way, which autovacuum
  may do, PostgreSQL takes them for empty until they are analysed again, and joins every new hour with every hour of the
  ledger: minutes for what takes a second. Here every row is found by its key, since nothing else is left to plan.

The values are the same. What had been a correction spread over a million bars: 127 s, or 5 s; now 1 s.
"""

from django.db import migrations

FUNCTIONS = """
CREATE OR REPLACE FUNCTION market_hours_make_anew(symbols varchar[], hours timestamptz[]) RETURNS void LANGUAGE plpgsql
SET barkeep.keeps_hours = 'on' SET jit = 'off'
SET enable_seqscan = 'off' SET enable_bitmapscan = 'off' SET enable_hashjoin = 'off' SET enable_mergejoin = 'off' AS $$
BEGIN
    -- Locks each hour's row, and makes one where there is none, so that there is something to lock: an hour of one bar
    -- at nothing, which lives until the next statement. DO UPDATE locks also what its WHERE then leaves alone.
    INSERT INTO market_bars_ohlcv_1h AS known (symbol, hour, open, high, low, close, volume, minutes)
    SELECT symbol COLLATE "C", hour, 0, 0, 0, 0, 0, 1
    FROM unnest(symbols, hours) AS touched (symbol, hour)
    ORDER BY 1, 2
    ON CONFLICT (symbol, hour) DO UPDATE SET minutes = known.minutes WHERE false;

    -- Every row is there by now, so all of this is its update. LIMIT leaves no way to a row but its key. Minutes are
    -- counted as in 0006, since ts_ms is negative before 1970.
    WITH anew AS MATERIALIZED (
        SELECT touched.symbol COLLATE "C" AS symbol, touched.hour,
            first.open, bars.high, bars.low, last.close, bars.volume, bars.minutes
        FROM unnest(symbols, hours) AS touched (symbol, hour)
        CROSS JOIN LATERAL (
            SELECT min(ts) AS first_ts, max(ts) AS last_ts, max(high) AS high, min(low) AS low, sum(volume) AS volume,
                bit_or(1::bigint << ((ts_ms + 360000000000000) / 60000 % 60)::int) AS minutes
            FROM market_bars_ohlcv_1m
            WHERE symbol = touched.symbol COLLATE "C" AND ts >= touched.hour AND ts < touched.hour + interval '1 hour'
        ) AS bars
        LEFT JOIN LATERAL (
            SELECT open FROM market_bars_ohlcv_1m
            WHERE symbol = touched.symbol COLLATE "C" AND ts = bars.first_ts LIMIT 1
        ) AS first ON true
        LEFT JOIN LATERAL (
            SELECT close FROM market_bars_ohlcv_1m
            WHERE symbol = touched.symbol COLLATE "C" AND ts = bars.last_ts LIMIT 1
        ) AS last ON true
    ), emptied AS (
        DELETE FROM market_bars_ohlcv_1h
        WHERE ctid = ANY (ARRAY(
            SELECT known.ctid
            FROM anew
            CROSS JOIN LATERAL (
                SELECT ctid FROM market_bars_ohlcv_1h WHERE symbol = anew.symbol AND hour = anew.hour LIMIT 1
            ) AS known
            WHERE anew.minutes IS NULL
        ))
    )
    INSERT INTO market_bars_ohlcv_1h AS known (symbol, hour, open, high, low, close, volume, minutes)
    SELECT symbol, hour, open, high, low, close, volume, minutes FROM anew WHERE minutes IS NOT NULL
    ON CONFLICT (symbol, hour) DO UPDATE
    SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume, minutes = excluded.minutes
    WHERE (known.open, known.high, known.low, known.close, known.volume, known.minutes)
        <> (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.minutes);
END $$;

CREATE OR REPLACE FUNCTION market_counts_add(symbols varchar[], differences bigint[]) RETURNS void LANGUAGE plpgsql
SET barkeep.keeps_hours = 'on' SET enable_seqscan = 'off' SET enable_bitmapscan = 'off' AS $$
BEGIN
    -- Locked first, in order, as the hours are.
    INSERT INTO market_series_counts AS known (symbol, bar_count)
    SELECT symbol COLLATE "C", 0 FROM unnest(symbols) AS changed (symbol)
    ORDER BY 1
    ON CONFLICT (symbol) DO UPDATE SET bar_count = known.bar_count WHERE false;

    -- As a sum, not a difference: a row of less than nothing would be refused before it is found to be an update.
    INSERT INTO market_series_counts AS known (symbol, bar_count)
    SELECT changed.symbol COLLATE "C", held.bar_count + changed.difference
    FROM unnest(symbols, differences) AS changed (symbol, difference)
    CROSS JOIN LATERAL (
        SELECT bar_count FROM market_series_counts WHERE symbol = changed.symbol COLLATE "C" LIMIT 1
    ) AS held
    WHERE changed.difference <> 0
    ON CONFLICT (symbol) DO UPDATE SET bar_count = excluded.bar_count;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("marketdata", "0006_hourly_ledger")]

    # Taken back, the functions stay: they do what those before did, and 0006 drops them.
    operations = [migrations.RunSQL(sql=FUNCTIONS, reverse_sql=migrations.RunSQL.noop)]
