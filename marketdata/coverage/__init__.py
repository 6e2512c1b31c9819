"""Which minutes of a series have bars, and where they are missing while the exchange was open.

`hours` is what the hourly ledger holds, as arrays; `days` measures trading days by it, `gaps` finds what is missing
between bars, `report` puts them together for a range.
"""
