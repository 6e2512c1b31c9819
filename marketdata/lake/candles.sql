-- Candles of every timeframe from the lake, equal to Barkeep's own. DuckDB and Spark both run this file.
--
-- It reads three views: `bars` (the Parquet files), `series` and `days` (the tables in _lake). Select from it as from a
-- table, and restrict symbol and timeframe there:
--
--     SELECT * FROM (<this file>) AS candles WHERE symbol = 'CME_MINI:MNQ1!' AND timeframe = '1d' ORDER BY ts_ms
--
-- Intraday candles count from the open of the trading day, forwards and backwards, and none crosses its start or end.
-- A day belongs to a calendar's trading date, a week to its first date. ts_ms is the candle's time in milliseconds since
-- 1970, UTC. `%` keeps the sign of its left side in both engines, so it is used twice.
SELECT symbol, timeframe, ts_ms, session_date,
    min_by(open, bar_ms) AS open, max(high) AS high, min(low) AS low, max_by(close, bar_ms) AS close,
    sum(volume) AS volume, count(*) AS bar_count
FROM (
    SELECT bars.symbol, timeframes.timeframe, bars.ts_ms AS bar_ms,
        CASE timeframes.timeframe
            WHEN '1w' THEN days.week_ms
            WHEN '1d' THEN days.day_ms
            ELSE greatest(
                days.start_ms,
                bars.ts_ms - ((bars.ts_ms - days.open_ms) % timeframes.length_ms + timeframes.length_ms)
                    % timeframes.length_ms
            )
        END AS ts_ms,
        CASE timeframes.timeframe WHEN '1w' THEN days.week_date ELSE days.session_date END AS session_date,
        bars.open, bars.high, bars.low, bars.close, bars.volume
    FROM bars
    JOIN series ON series.symbol = bars.symbol
    JOIN days ON days.calendar = series.calendar
        AND days.utc_day_ms = bars.ts_ms - (bars.ts_ms % 86400000 + 86400000) % 86400000
        AND bars.ts_ms >= days.start_ms AND bars.ts_ms < days.end_ms
    CROSS JOIN (
        VALUES ('5m', 300000), ('15m', 900000), ('30m', 1800000), ('1h', 3600000), ('4h', 14400000),
            ('1d', 86400000), ('1w', 86400000)
    ) AS timeframes (timeframe, length_ms)
) AS placed
GROUP BY symbol, timeframe, ts_ms, session_date
