"""Candles of 5 minutes to a week, aggregated on each read from the minute bars and their hourly rollup.

`periods` finds the periods of candles, `aggregate` reads the candles of some periods, `query` finds a page or a range
of candles, and `count` counts those of a series.
"""
