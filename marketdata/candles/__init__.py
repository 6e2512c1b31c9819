"""Candles of 5 minutes to a week, read from the minute bars and their hourly ledger: nothing of them is stored.

`periods` says which stretches of time candles stand for, `aggregate` what was traded in each, `pages` finds those that
a reader asked for.
"""
