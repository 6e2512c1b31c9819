"""Which minutes of a series have bars, and which are missing while the exchange was open.

`days` measures trading days by the minute masks of the hourly rollup. `gaps` finds the minutes missing between bars.
`report` combines both for a range.
"""
