"""Rules of single rows: the time is defined, at the start of a minute, not before the previous row's and inside the
metadata's range; no price is undefined; high and low enclose open and close.

All rules compare the exact integers. Negative prices are valid: spreads have them, and oil had them in April 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ingestion.dbn.batches import RecordBatch
from ingestion.dbn.layout import NANOSECONDS_PER_MINUTE, PRICES, UNDEFINED_PRICE, UNDEFINED_TIME
from ingestion.dbn.metadata import DbnMetadata
from ingestion.dbn.text import to_printable
from ingestion.errors import InvalidBars
from ingestion.validation.describe import format_record_time, format_time, format_values
from marketdata.models.bar import LATEST

# A file is refused for one row. More are counted to show the size of the damage, but not for minutes.
_MAX_COUNT = 1_000
_MAX_COUNTED_ROWS = 1 << 20

_LATEST_NS = int(LATEST.timestamp()) * 10**9


@dataclass(frozen=True)
class Rule:
    """`is_broken(records)` returns a mask of the invalid rows, `describe(records, at)` what is wrong with one."""

    is_broken: Callable[[np.ndarray], np.ndarray]
    describe: Callable[[np.ndarray, int], str]


def check_records(
    batches: Iterator[RecordBatch], *, metadata: DbnMetadata, find_symbol: Callable[[np.void], str | None]
) -> Iterator[RecordBatch]:
    """Yields the batches unchanged while their rows are valid.

    Raises `InvalidBars` for the first invalid row: its number, time, symbol (`find_symbol(record)`) and values, and
    how many rows of the file break the same rule, up to 1,000.
    """
    order = _TimeOrder()
    rules = [*_list_time_rules(metadata, order), *_list_price_rules()]
    for batch in batches:
        broken = [(rule, np.flatnonzero(rule.is_broken(batch.records))) for rule in rules]
        offences = [(int(rows[0]), index) for index, (_, rows) in enumerate(broken) if len(rows)]
        if offences:
            at, index = min(offences)
            rule, rows = broken[index]
            record, fault = batch.records[at], rule.describe(batch.records, at)
            order.advance(batch.records)
            count = _format_count(*_count_broken_rows(rule, len(rows), batches, order))
            row, symbol = int(batch.rows[at]), find_symbol(record)
            name = f"instrument {record['instrument_id']}" if symbol is None else to_printable(symbol)
            where = f"{metadata.path}, row {row:,} ({format_record_time(record)}, {name})"
            message = f"{where}: {fault}; {count}: download the file again."
            raise InvalidBars(message, path=metadata.path, row=row, symbol=symbol)
        order.advance(batch.records)
        yield batch


class _TimeOrder:
    """The time of the previous row, across batches."""

    def __init__(self) -> None:
        self._last = np.uint64(0)

    def advance(self, records: np.ndarray) -> None:
        self._last = records["ts_event"][-1]

    def is_decreasing(self, records: np.ndarray) -> np.ndarray:
        return records["ts_event"] < self.previous_times(records)

    def previous_times(self, records: np.ndarray) -> np.ndarray:
        """For each row the time of the row before it; 0 for the first of the file."""
        return np.concatenate(([self._last], records["ts_event"][:-1]))


def _list_time_rules(metadata: DbnMetadata, order: _TimeOrder) -> list[Rule]:
    start, end = metadata.start or 0, metadata.end or UNDEFINED_TIME
    return [
        Rule(lambda records: records["ts_event"] == UNDEFINED_TIME, lambda records, at: "its time is undefined"),
        Rule(
            lambda records: records["ts_event"] >= _LATEST_NS,
            lambda records, at: f"its time is later than {LATEST.year - 1}, the last year that the table accepts",
        ),
        Rule(
            lambda records: records["ts_event"] % NANOSECONDS_PER_MINUTE != 0,
            lambda records, at: "a minute bar's time must be the start of a minute",
        ),
        Rule(
            order.is_decreasing,
            lambda records, at: (
                f"its time is before that of the previous row, {format_time(int(order.previous_times(records)[at]))}"
            ),
        ),
        # The end is inside the range: in a delivery split into files it is the time of the last record
        # (https://docs.rs/dbn, Metadata::end).
        Rule(
            lambda records: (records["ts_event"] < start) | (records["ts_event"] > end),
            lambda records, at: (
                f"its time is outside the file's range of {format_time(start)} to "
                f"{format_time(end) if metadata.end else 'the end'}"
            ),
        ),
    ]


def _list_price_rules() -> list[Rule]:
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


def _count_broken_rows(rule: Rule, found: int, batches: Iterator[RecordBatch], order: _TimeOrder) -> tuple[int, bool]:
    """How many rows break the rule, `found` so far included, and whether all rows were counted."""
    rest = _MAX_COUNTED_ROWS
    while found < _MAX_COUNT and rest > 0:
        batch = next(batches, None)
        if batch is None:
            return found, True
        found += int(np.count_nonzero(rule.is_broken(batch.records)))
        rest -= len(batch)
        order.advance(batch.records)
    return min(found, _MAX_COUNT), False


def _format_count(total: int, is_complete: bool) -> str:
    if not is_complete:
        return f"at least {total:,} {'row breaks' if total == 1 else 'rows of the file break'} this rule"
    return "no other row breaks this rule" if total == 1 else f"{total:,} rows of the file break this rule"
