"""When exchanges trade: their days, what was open of them, and the buckets that candles fill.

`days` has the trading days and weeks, `buckets` cuts them for 5m to 4h candles and counts the minutes that were open.
`library` reads pandas_market_calendars, `corrections` says where it errs. Nothing here needs Django or a database, and
pandas is imported when a calendar is first asked, not before.
"""
