"""The dates on which a file maps its series, whether or not they have bars then.

Minutes without bars are missing only on these dates. So they are stored with the intervals of the bars, marked by
`from_mapping`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ingestion.dbn.metadata import DbnMetadata, MappedInterval
from ingestion.symbology.intervals import ONE_DAY, InstrumentInterval
from ingestion.symbology.mapped_days import DateSpan, join_spans
from marketdata.models import IngestRun, Series, SeriesInstrument


@dataclass(frozen=True)
class MappedSeries:
    """Which mappings of the file are of the series `symbol`: those of `raw_symbol` to `instrument_id`, to any if
    None."""

    symbol: str
    raw_symbol: str
    instrument_id: int | None


def find_mapped_dates(metadata: DbnMetadata, series: Iterable[MappedSeries]) -> dict[str, list[DateSpan]]:
    """The UTC dates on which the file maps each series, within the range that the file requests.

    All dates of that range for a file without mappings; none if the range is undefined, too.
    """
    first, end = _find_requested_dates(metadata)
    by_symbol: dict[str, list[MappedInterval]] = defaultdict(list)
    for interval in metadata.mappings:
        by_symbol[interval.symbol].append(interval)
    dates: dict[str, list[DateSpan]] = defaultdict(list)
    for one in series:
        dates[one.symbol] += [
            (interval.start, interval.end)
            for interval in by_symbol.get(one.raw_symbol, [])
            if one.instrument_id in (None, interval.instrument_id)
        ]
        if not metadata.mappings and metadata.start is not None and metadata.end is not None:
            dates[one.symbol].append((first, end))
    return {
        symbol: join_spans((max(start, first), min(stop, end)) for start, stop in spans)
        for symbol, spans in dates.items()
    }


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


def _find_requested_dates(metadata: DbnMetadata) -> DateSpan:
    """The UTC dates that the file's range touches; all dates where it is undefined."""
    start, end = metadata.time_range
    first = start.date() if start is not None else date.min
    return first, date.max if end is None else (end - timedelta(microseconds=1)).date() + ONE_DAY
