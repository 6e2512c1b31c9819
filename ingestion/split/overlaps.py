"""Series that cannot join another one, since their bars would come between its bars."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.db.backends.utils import CursorWrapper

from ingestion.dbn.text import to_printable
from ingestion.split.dates import find_run_between
from ingestion.split.plan import SeriesSplit
from ingestion.symbology.intervals import ONE_DAY
from marketdata.models import Series, SeriesInstrument


def refuse_overlaps(cursor: CursorWrapper, splits: list[SeriesSplit]) -> list[SeriesSplit]:
    """The same splits, refused where the dates of a target overlap with those that it has already, or that another
    split adds.

    Equal bars do not matter: an undo finds the bars of a split by their dates.
    """
    sources = {split.symbol for split in splits if split.moves}
    added: dict[str, list[tuple[date, date, str]]] = {}
    checked = []
    for split in splits:
        reason = next(_find_reasons(cursor, split, sources, added), "")
        checked.append(split.refuse(reason) if reason else split)
        if not reason:
            for target, (start, end) in find_hulls(split).items():
                added.setdefault(target, []).append((start, end, split.series.slug))
    return checked


def find_hulls(split: SeriesSplit) -> dict[str, tuple[date, date]]:
    """For each target the first date that moves there, and the day after the last."""
    return {
        target: (
            min(move.start for move in split.moves if move.target == target),
            max(move.end for move in split.moves if move.target == target),
        )
        for target in split.targets
    }


def _find_reasons(
    cursor: CursorWrapper, split: SeriesSplit, sources: set[str], added: dict[str, list[tuple[date, date, str]]]
) -> Iterator[str]:
    for target, (start, end) in find_hulls(split).items():
        what = f"{split.series.slug} has bars of {to_printable(target)} from {start} to {end - ONE_DAY}"
        if target in sources:
            yield f"{what}, a series that is split itself: run the command again to move them."
        for other_start, other_end, slug in added.get(target, []):
            if other_start < end and start < other_end:
                yield f"{what}, and so has {slug}: undo the run that stored one of them, and run the command again."
        series = Series.objects.filter(symbol=target).first()
        if series and series.dataset not in ("", split.series.dataset):
            yield f"{what}, but the series {series.slug} is of {to_printable(series.dataset)}: change its dataset."
        if run_id := _find_run_on(cursor, target, start, end):
            yield (
                f"{what}, and the series {series.slug if series else target} has bars on these dates already "
                f"(run {run_id}): undo run {run_id}, or the run that stored them in {split.series.slug}, and run the "
                "command again."
            )


def _find_run_on(cursor: CursorWrapper, symbol: str, start: date, end: date) -> int | None:
    """A run to which the series owes bars, earlier values or an instrument on these dates."""
    if run_id := find_run_between(cursor, symbol, start, end):
        return run_id
    rows = SeriesInstrument.objects.filter(
        series__symbol=symbol, from_mapping=False, start_date__lt=end, end_date__gt=start
    )
    return rows.values_list("run_id", flat=True).first()
