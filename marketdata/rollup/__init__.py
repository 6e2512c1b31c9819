"""The hourly rollup, market_bars_ohlcv_1h, which the database's triggers derive from the minute bars.

`minute_masks` reads which minutes have bars. `verify` compares the rollup with the bars and repairs it.
"""
