"""The rows of instruments move with their bars. A row that spans two contracts is cut, and joined again by an undo."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from ingestion.split.plan import RowPart, SeriesSplit
from ingestion.split.returns import Return
from ingestion.symbology.intervals import copy_interval
from marketdata.models import Series, SeriesInstrument

_WRITTEN = ["series", "raw_symbol", "start_date", "end_date"]


def move_rows(split: SeriesSplit, series: Mapping[str, Series]) -> None:
    """Move the rows of a series to the series of their contracts, given by symbol.

    Each keeps its run. It gets the raw symbol, which the name of its series does not show any more.
    """
    new, changed = [], []
    for row, group in itertools.groupby(split.row_parts, lambda part: part.row):
        first, *others = group
        new += [_place(copy_interval(row, part.start, part.end), part, split, series) for part in others]
        row.start_date, row.end_date = first.start, first.end
        changed.append(_place(row, first, split, series))
    SeriesInstrument.objects.bulk_update(changed, _WRITTEN, batch_size=500)
    SeriesInstrument.objects.bulk_create(new)


def return_rows(returns: Iterable[Return], sources: Mapping[str, Series]) -> None:
    """Move the rows on the dates of the returns back to the sources, given by symbol, and join those that were cut."""
    moved: dict[int, tuple[SeriesInstrument, str]] = {}
    for one in returns:
        rows = [row for row in SeriesInstrument.objects.filter(series__symbol=one.target) if one.includes(row)]
        for row in rows:
            row.series = sources[one.source]
            row.raw_symbol = "" if one.without_raw_symbols else row.raw_symbol
            moved[row.pk] = row, one.target
    kept = list(_join_rows(list(moved.values())))
    joined = moved.keys() - {row.pk for row in kept}
    SeriesInstrument.objects.filter(pk__in=joined).delete()
    SeriesInstrument.objects.bulk_update(kept, _WRITTEN, batch_size=500)


def _place(row: SeriesInstrument, part: RowPart, split: SeriesSplit, series: Mapping[str, Series]) -> SeriesInstrument:
    row.series = series[part.name]
    if part.name != split.symbol:
        row.raw_symbol = split.raw_symbol
    return row


def _join_rows(moved: list[tuple[SeriesInstrument, str]]) -> Iterator[SeriesInstrument]:
    """The rows, adjacent ones from different series joined if they are equal otherwise."""
    ordered = sorted(moved, key=lambda one: (_build_key(one[0]), one[0].start_date))
    for _, group in itertools.groupby(ordered, lambda one: _build_key(one[0])):
        (row, target), *others = group
        for other, other_target in others:
            if row.end_date == other.start_date and target != other_target:
                row.end_date = other.end_date
            else:
                yield row
                row = other
            target = other_target
        yield row


def _build_key(row: SeriesInstrument) -> tuple:
    """What the parts of one row have in common."""
    replaced_by = row.replaced_by_id or 0
    instrument = row.dataset, row.publisher_id, row.instrument_id, row.raw_symbol
    return (row.series_id, *instrument, row.run_id, replaced_by, row.from_mapping)
