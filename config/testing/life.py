"""Recorded mappings, and the life of a series computed a slow and obvious way: from sets of minutes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from config.testing.reference.coverage import DAY, MINUTE, list_minutes
from config.testing.rows import INSTRUMENTS, RUNS, execute_one, insert
from marketdata.coverage.life import Range
from marketdata.models import IngestRun, Series, SeriesInstrument

# Tests insert runs with ids of their own, which the sequence does not know.
_NEXT_ID = """
SELECT setval(sequence, greatest(nextval(sequence), (SELECT coalesce(max(id), 0) + 1 FROM data_ingest_runs)))
FROM pg_get_serial_sequence('data_ingest_runs', 'id') AS sequence
"""
CONTRACTS = ("outright", "spread", "option")


def create_request(start: datetime | None, end: datetime | None, *symbols: str, **changes: object) -> int:
    """A successful run of a file that requests these symbols. Returns its id."""
    run_id = int(str(execute_one(_NEXT_ID)))
    requested = {"requested_start": start, "requested_end": end, "requested_symbols": list(symbols)}
    insert(RUNS, id=run_id, **(requested | changes))
    return run_id


def record_mapping(series: Series, start_date: date, end_date: date, run_id: int, **changes: object) -> None:
    """The run's file maps the series on these dates."""
    columns = {"raw_symbol": "MNQ.c.0", "from_mapping": True} | changes
    insert(INSTRUMENTS, series_id=series.pk, start_date=start_date, end_date=end_date, run_id=run_id, **columns)


def map_range(series: Series, start: datetime, end: datetime, *symbols: str) -> int:
    """A file of [start, end) that maps the series all the time. Returns the id of its run."""
    run_id = create_request(start, end, *symbols)
    record_mapping(series, start.date(), end.date() + DAY, run_id)
    return run_id


def replace_mappings(series: Series, *ranges: Range) -> None:
    """The series is mapped in these ranges only, whatever its files recorded."""
    SeriesInstrument.objects.filter(series=series, from_mapping=True).delete()
    IngestRun.objects.update(requested_start=None, requested_end=None)
    for start, end in ranges:
        map_range(series, start, end)


def compute_life(series: Series, bars: list[datetime], mapped: list[Range], requested: list[Range]) -> list[Range]:
    """What `read_life` should return for bars in time order: `mapped` and `requested` are ranges of full minutes."""
    span = set(list_minutes(bars[0], bars[-1] + MINUTE))
    if not mapped:
        return join_minutes(span)
    if series.kind in CONTRACTS:
        start, end = _bound_slowly(series, bars, mapped)
        return [(min(start, bars[0]), max(end, bars[-1] + MINUTE))]
    in_mapping = {minute for one in mapped for minute in list_minutes(*one)}
    asked = {minute for one in requested for minute in list_minutes(*one)}
    holes = join_minutes((span & asked) - in_mapping)
    outside = {minute for hole in holes if not set(bars) & set(list_minutes(*hole)) for minute in list_minutes(*hole)}
    return join_minutes(in_mapping | (span - outside))


def _bound_slowly(series: Series, bars: list[datetime], mapped: list[Range]) -> Range:
    start, end = min(one for one, _ in mapped), max(other for _, other in mapped)
    first, last = bars[0], bars[-1] + MINUTE
    begin = max(start, _midnight(series.activation_date)) if series.activation_date else first
    if series.expiration_date:
        return begin, min(end, _midnight(series.expiration_date) + DAY)
    is_active = series.last_date is not None and _midnight(series.last_date) + DAY > end
    return begin, end if is_active else last


def join_minutes(minutes: Iterable[datetime]) -> list[Range]:
    """The ranges of minutes that follow one another."""
    ranges: list[Range] = []
    for minute in sorted(minutes):
        if ranges and ranges[-1][1] == minute:
            ranges[-1] = (ranges[-1][0], minute + MINUTE)
        else:
            ranges.append((minute, minute + MINUTE))
    return ranges


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
