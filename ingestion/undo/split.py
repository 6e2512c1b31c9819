"""Undoes a split: the contracts go back into the series that they come from."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.backends.utils import CursorWrapper

from ingestion.errors import InputError
from ingestion.loading.move import Move, find_shared_minute, move_bars
from marketdata.formatting import format_list
from marketdata.models import IngestRun, Series, SeriesInstrument

_MAX_NAMED = 5


def refuse_if_written_since(split: IngestRun) -> None:
    """Raise `InputError` if a later run has loaded bars into a series that the split made, or has split it again."""
    later = (
        IngestRun.objects.filter(
            status=IngestRun.Status.SUCCESS,
            finished_at__gte=split.finished_at,
            symbols__overlap=[move["to"] for move in split.moves or []],
        )
        .exclude(pk=split.pk)
        .exclude(kind=IngestRun.Kind.UNDO)
        .exclude(undone_by__status=IngestRun.Status.SUCCESS, undone_by__left_count=0)
    )
    numbers = [str(pk) for pk in later.order_by("-pk").values_list("pk", flat=True)]
    if numbers:
        named = format_list(numbers[:_MAX_NAMED])
        raise InputError(
            f"Run {split.pk} cannot be undone, since {len(numbers):,} later run{'s' if len(numbers) > 1 else ''} wrote "
            f"to its series: undo {named} first, the latest first."
        )


def move_back(cursor: CursorWrapper, split: IngestRun) -> int:
    """Move everything back, and return the number of bars. Needs the locks of the split's series."""
    return sum(_move_back(cursor, move) for move in reversed(split.moves or []))


def _move_back(cursor: CursorWrapper, record: dict[str, Any]) -> int:
    source, _ = Series.objects.get_or_create(symbol=record["from"], defaults=record["series"])
    target = Series.objects.filter(symbol=record["to"]).first()
    back = Move(record["to"], record["from"], _parse(record["start"]), _parse(record["end"]), tuple(record["run_ids"]))
    if shared := find_shared_minute(cursor, back):
        raise InputError(
            f"{back.source} and {back.target} both have a bar of {shared:%Y-%m-%d %H:%M} UTC, so the one cannot go "
            "back into the other: undo the run that stored it first."
        )
    moved = move_bars(cursor, back)
    _rename_in_runs(record)
    if target is not None:
        runs = {*record["run_ids"], *record["renamed_run_ids"]}
        SeriesInstrument.objects.filter(series=target, run__in=runs).update(series=source)
        if not SeriesInstrument.objects.filter(series=target).exists():
            target.delete()
    return moved


def _rename_in_runs(record: dict[str, Any]) -> None:
    """Let the runs name the series that has their bars again; also undos of them that were made since."""
    renamed = []
    runs = IngestRun.objects.filter(pk__in=record["renamed_run_ids"]) | IngestRun.objects.filter(
        undoes__in=record["renamed_run_ids"]
    )
    for run in runs.filter(symbols__contains=[record["to"]]).only("symbols"):
        run.symbols = sorted({*run.symbols, record["from"]} - {record["to"]})
        renamed.append(run)
    IngestRun.objects.bulk_update(renamed, ["symbols"], batch_size=500)


def _parse(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
