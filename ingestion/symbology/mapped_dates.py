"""The dates on which a file maps its series, whether or not they have bars then.

Minutes without bars are missing only on these dates. So they are stored with the intervals of the bars, marked by
`from_mapping`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ingestion.dbn.metadata import DbnMetadata, MappedInterval
from ingestion.symbology.intervals import ONE_DAY, InstrumentInterval
from ingestion.symbology.mapped_days import DateSpan, join_spans
from marketdata.models import IngestRun, Series, SeriesInstrument


@dataclass(frozen=True)
class MappedSeries:
    """Which mappings of the file are of a series: those of `raw_symbol` to `instrument_ids`, to any if None."""

    raw_symbol: str
    instrument_ids: frozenset[int] | None


def find_mapped_dates(metadata: DbnMetadata, mapped: MappedSeries) -> list[DateSpan]:
    """The UTC dates on which the file maps the series, within the range that the file requests.

    All dates of that range for a file without mappings; none if the range is undefined, too.
    """
    first, end = _find_requested_dates(metadata)
    intervals = [interval for interval in metadata.mappings if _is_of_series(interval, mapped)]
    ranges = [(interval.start, interval.end) for interval in intervals]
    if not metadata.mappings and metadata.start is not None and metadata.end is not None:
        ranges = [(first, end)]
    return join_spans((max(start, first), min(stop, end)) for start, stop in ranges)


def record_mapped_dates(
    run: IngestRun,
    series_by_symbol: Mapping[str, Series],
    intervals_by_symbol: Mapping[str, list[InstrumentInterval]],
    dates_by_symbol: Mapping[str, list[DateSpan]],
    raw_symbols: Mapping[str, str],
) -> None:
    """Store the mapped dates of each series, unless a run with the same range of time stored the same dates.

    `raw_symbols` has the file's symbol of each series.
    """
    known = set(
        SeriesInstrument.objects.filter(
            series__in=[series_by_symbol[symbol] for symbol in dates_by_symbol],
            from_mapping=True,
            run__requested_start=run.requested_start,
            run__requested_end=run.requested_end,
        ).values_list("series", "start_date", "end_date")
    )
    SeriesInstrument.objects.bulk_create(
        SeriesInstrument(
            series=series_by_symbol[symbol],
            dataset=intervals_by_symbol[symbol][0].instrument.dataset,
            publisher_id=intervals_by_symbol[symbol][0].instrument.publisher_id,
            instrument_id=intervals_by_symbol[symbol][0].instrument.instrument_id,
            raw_symbol=raw_symbols.get(symbol, ""),
            start_date=start,
            end_date=end,
            from_mapping=True,
            run=run,
        )
        for symbol, dates in dates_by_symbol.items()
        for start, end in dates
        if (series_by_symbol[symbol].pk, start, end) not in known
    )


def _is_of_series(interval: MappedInterval, mapped: MappedSeries) -> bool:
    return interval.symbol == mapped.raw_symbol and (
        mapped.instrument_ids is None or interval.instrument_id in mapped.instrument_ids
    )


def _find_requested_dates(metadata: DbnMetadata) -> DateSpan:
    """The UTC dates that the file's range touches; all dates where it is undefined."""
    first = to_datetime(metadata.start).date() if metadata.start is not None else date.min
    if metadata.end is None:
        return first, date.max
    return first, (to_datetime(metadata.end) - timedelta(microseconds=1)).date() + ONE_DAY


def to_datetime(nanoseconds: int) -> datetime:
    """A UTC time, without the fraction of its second."""
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC)
