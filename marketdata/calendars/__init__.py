"""When exchanges trade: their trading days, the minutes that they are open, and the buckets of intraday candles.

`trading_days` finds trading days and weeks. `buckets` divides days for 5m to 4h candles and counts open minutes.
`exchange` reads pandas_market_calendars, and `overrides` lists where that library is wrong. Nothing here needs Django
or a database. pandas is imported when a calendar is first requested, not before.
"""
