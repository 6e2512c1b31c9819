"""Applies the moves of a split: bars, instruments, the symbols of runs, and the series themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.backends.utils import CursorWrapper

from ingestion.loading.move import move_bars
from ingestion.split.plan import PlannedMove
from ingestion.symbology.series import ensure_series
from marketdata.models import IngestRun, Series, SeriesInstrument

# What an undo needs to create a series again as it was.
_KEPT_COLUMNS = (
    *("slug", "symbol", "name", "vendor", "dataset", "calendar", "kind", "root", "contract_month", "contract_year"),
    "is_settled",
)


def apply_moves(cursor: CursorWrapper, moves: list[PlannedMove]) -> list[dict[str, Any]]:
    """Apply the moves of one series, and return them as the run records them. Needs the locks of all series named."""
    series = moves[0].series
    targets = _create_targets(series, {planned.move.target: planned.columns for planned in moves})
    records = []
    for planned in moves:
        move, target = planned.move, targets[planned.move.target]
        moved = move_bars(cursor, move)
        _move_instruments(series, target, planned)
        records.append(
            {
                "from": move.source,
                "to": move.target,
                "start": None if move.start is None else move.start.isoformat(),
                "end": None if move.end is None else move.end.isoformat(),
                "bars": moved,
                "run_ids": list(planned.bars.run_ids),
                "series": {name: getattr(series, name) for name in _KEPT_COLUMNS},
            }
        )
    renamed = _rename_in_runs(series.symbol, moves)
    delete_if_unused(series)
    return [record | {"renamed_run_ids": renamed} for record in records]


def delete_if_unused(series: Series) -> None:
    """Delete a series that has no instrument any more, and so no bar."""
    if not SeriesInstrument.objects.filter(series=series).exists():
        series.delete()


def _create_targets(series: Series, columns: Mapping[str, Mapping[str, object]]) -> dict[str, Series]:
    """The series of the contracts, with the calendar and the tick size of the series that they come from."""
    known = set(Series.objects.filter(symbol__in=list(columns)).values_list("symbol", flat=True))
    targets = ensure_series(columns, series.dataset)
    for symbol, target in targets.items():
        if symbol not in known:
            target.vendor, target.tick_size = series.vendor, series.tick_size
            target.calendar = series.calendar or target.calendar
            target.save(update_fields=["vendor", "tick_size", "calendar"])
    return targets


def _move_instruments(series: Series, target: Series, planned: PlannedMove) -> None:
    rows = SeriesInstrument.objects.filter(series=series)
    if planned.move.start is not None:
        rows = rows.filter(start_date__gte=planned.move.start)
    if planned.move.end is not None:
        rows = rows.filter(start_date__lt=planned.move.end)
    rows.filter(raw_symbol="", from_mapping=False).update(raw_symbol=series.symbol)
    rows.update(series=target)


def _rename_in_runs(symbol: str, moves: list[PlannedMove]) -> list[int]:
    """Let every run name the series that have its bars now, so that it can be undone as before. Returns their ids."""
    renamed = []
    earlier = IngestRun.objects.filter(symbols__contains=[symbol]).exclude(kind=IngestRun.Kind.SPLIT)
    for run in earlier.only("symbols"):
        targets = {planned.move.target for planned in moves if run.pk in planned.bars.run_ids}
        targets = targets or {planned.move.target for planned in moves}
        run.symbols = sorted({*run.symbols, *targets} - {symbol})
        renamed.append(run)
    IngestRun.objects.bulk_update(renamed, ["symbols"], batch_size=500)
    return [run.pk for run in renamed]
