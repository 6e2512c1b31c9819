"""The dates on which a file's symbol mappings map its instruments.

An interval is half-open in UTC dates. One whose start is its end maps no day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from ingestion.dbn.metadata import MappedInterval

DateSpan = tuple[date, date]  # half-open


class MappedDays:
    """Looks up the mappings of one file by instrument."""

    def __init__(self, mappings: Iterable[MappedInterval]) -> None:
        self._by_instrument: dict[int, list[MappedInterval]] = defaultdict(list)
        for mapped in mappings:
            if mapped.start < mapped.end:
                self._by_instrument[mapped.instrument_id].append(mapped)

    def find_mappings(self, instrument_id: int) -> list[MappedInterval]:
        """The intervals of the instrument, of any symbol, without empty ones."""
        return self._by_instrument.get(instrument_id, [])

    def find_days_between(self, instrument_id: int, before: DateSpan, after: date) -> list[DateSpan]:
        """The dates between two rows' days on which the instrument has the symbol that it has on `after`.

        `before` are the dates of the earlier rows, `after` the day of the later row. A file that does not map the
        instrument at all states nothing else, so all dates between the two are returned.
        """
        gap = before[1], after
        mappings = self.find_mappings(instrument_id)
        if not mappings:
            return [gap]
        symbols = {mapped.symbol for mapped in mappings if mapped.start <= after < mapped.end}
        spans = [(mapped.start, mapped.end) for mapped in mappings if mapped.symbol in symbols]
        return join_spans(intersect_spans(spans, [gap]))


def join_spans(spans: Iterable[DateSpan]) -> list[DateSpan]:
    """The same dates as few spans, sorted: spans that overlap or touch become one, empty ones are dropped."""
    joined: list[DateSpan] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def intersect_spans(ones: Iterable[DateSpan], others: Iterable[DateSpan]) -> list[DateSpan]:
    """The dates that are in a span of both."""
    others = list(others)
    pairs = ((max(one[0], other[0]), min(one[1], other[1])) for one in ones for other in others)
    return [(start, end) for start, end in pairs if start < end]


def subtract_spans(spans: Iterable[DateSpan], removed: Iterable[DateSpan]) -> list[DateSpan]:
    """The dates of `spans` that are in none of `removed`."""
    left = join_spans(spans)
    for start, end in removed:
        left = [part for one in left for part in ((one[0], min(one[1], start)), (max(one[0], end), one[1]))]
        left = [part for part in left if part[0] < part[1]]
    return left
