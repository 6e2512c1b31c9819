"""Step 4: whether the bars can be true, on the exact integers. The first offence is reported, with how many there are.

Rules of single rows: the time is defined, on the minute, not before the row above, inside the metadata's range; no
price is undefined; high and low enclose open and close. Negative prices are legal: spreads, and oil in April 2020.
Rules between rows: a series has one instrument, from one publisher, in any minute, and one set of values for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ingestion.dbn.batches import RecordBatch
from ingestion.dbn.layout import (
    NANOSECONDS_PER_MINUTE,
    PRICES,
    UNDEFINED_PRICE,
    UNDEFINED_TIME,
)
from ingestion.dbn.metadata import DbnMetadata
from ingestion.errors import InvalidBars
from ingestion.validation.describe import format_record_time, format_time, format_values
from marketdata.models.bar import LATEST

_TOO_LATE = int(LATEST.timestamp()) * 10**9


@dataclass(frozen=True)
class Rule:
    """`broken(records)` is a mask of offending rows; `says(records, at)` tells a person what is wrong with one."""

    broken: Callable[[np.ndarray], np.ndarray]
    says: Callable[[np.ndarray, int], str]


def check_records(
    batches: Iterator[RecordBatch], *, metadata: DbnMetadata, symbol_of: Callable[[np.void], str]
) -> Iterator[RecordBatch]:
    """The same chunks, as long as all rows keep the rules of single rows; `InvalidBars` at the first that does not."""
    order = _TimeOrder()
    rules = [*_time_rules(metadata, order), *_price_rules()]
    for batch in batches:
        broken = [(rule, np.flatnonzero(rule.broken(batch.records))) for rule in rules]
        offences = [(int(rows[0]), index) for index, (_, rows) in enumerate(broken) if len(rows)]
        if offences:
            at, index = min(offences)
            rule, rows = broken[index]
            record, offence = batch.records[at], rule.says(batch.records, at)
            order.advance(batch.records)
            count = _rows_break_this(len(rows) + _count(rule, batches, order))
            where = f"{metadata.path}, row {batch.rows[at]:,} ({format_record_time(record)}, {symbol_of(record)})"
            raise InvalidBars(f"{where}: {offence}; {count}: download the file again.")
        order.advance(batch.records)
        yield batch


class _TimeOrder:
    """Remembers the time of the row before, across chunks."""

    def __init__(self) -> None:
        self._last = np.uint64(0)

    def advance(self, records: np.ndarray) -> None:
        self._last = records["ts_event"][-1]

    def runs_back(self, records: np.ndarray) -> np.ndarray:
        return records["ts_event"] < self.before(records)

    def before(self, records: np.ndarray) -> np.ndarray:
        """For each row the time of the one above."""
        return np.concatenate(([self._last], records["ts_event"][:-1]))


def _time_rules(metadata: DbnMetadata, order: _TimeOrder) -> list[Rule]:
    start, end = metadata.start or 0, metadata.end or int(UNDEFINED_TIME)
    return [
        Rule(lambda records: records["ts_event"] == UNDEFINED_TIME, lambda records, at: "its time is undefined"),
        Rule(
            lambda records: records["ts_event"] >= _TOO_LATE,
            lambda records, at: f"its time is later than {LATEST.year - 1}, which no bar can be",
        ),
        Rule(
            lambda records: records["ts_event"] % NANOSECONDS_PER_MINUTE != 0,
            lambda records, at: "a minute bar's time must be the start of a minute",
        ),
        Rule(
            order.runs_back,
            lambda records, at: (
                f"its time is before that of the row above, {format_time(int(order.before(records)[at]))}"
            ),
        ),
        # The end counts as inside: in a delivery split into files the metadata's end is the last record's own time
        # (https://docs.rs/dbn, Metadata::end).
        Rule(
            lambda records: (records["ts_event"] < start) | (records["ts_event"] > end),
            lambda records, at: (
                f"its time is outside the file's range of {format_time(start)} to "
                f"{format_time(end) if metadata.end else 'the end'}"
            ),
        ),
    ]


def _price_rules() -> list[Rule]:
    return [
        Rule(
            lambda records: np.logical_or.reduce([records[name] == UNDEFINED_PRICE for name in PRICES]),
            lambda records, at: f"a price is undefined ({format_values(records[at])})",
        ),
        Rule(
            lambda records: records["high"] < np.maximum(np.maximum(records["open"], records["close"]), records["low"]),
            lambda records, at: f"high is below another of its prices ({format_values(records[at])})",
        ),
        Rule(
            lambda records: records["low"] > np.minimum(records["open"], records["close"]),
            lambda records, at: f"low is above another of its prices ({format_values(records[at])})",
        ),
    ]


def _count(rule: Rule, batches: Iterator[RecordBatch], order: _TimeOrder) -> int:
    total = 0
    for batch in batches:
        total += int(np.count_nonzero(rule.broken(batch.records)))
        order.advance(batch.records)
    return total


def _rows_break_this(total: int) -> str:
    return "no other row breaks this rule" if total == 1 else f"{total:,} rows of the file break this rule"
