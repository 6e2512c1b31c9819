"""Helpers that undo runs, and list what the tables hold before and after."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from config.testing.builders import FRONT, Printed, bars, write
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file
from ingestion.undo.pipeline import preview_undo, undo_run
from marketdata.models import Bar, BarRevision, IngestRun, SeriesInstrument

NEXT = FRONT + 1  # the instrument that replaces FRONT
MINUTES_PER_DAY = 1440
REPLACE = IngestOptions(replace_instrument=True)


def ingest_records(folder: Path, records: np.ndarray, *, options: IngestOptions | None = None) -> IngestRun:
    """Write the records to a file of their own in the folder (0.dbn, 1.dbn, …) and ingest it as MNQ."""
    path = folder / f"{len(list(folder.glob('*.dbn')))}.dbn"
    instruments = sorted(set(records["instrument_id"].tolist()))
    mappings = {"MNQ.c.0": [(date(2024, 1, 1), date(2024, 2, 1), instruments[0])]} if len(instruments) == 1 else {}
    return ingest_file(path=write(path, records, mappings=mappings), options=options).run


def change_volume(records: np.ndarray, *minutes: int, by: int = 7) -> np.ndarray:
    """A copy of the records with another volume in these minutes."""
    changed = records.copy()
    changed["volume"][list(minutes)] += by
    return changed


def daily_bars(*days: int, instrument_id: int = FRONT, first: int = 0, count: int = 5) -> np.ndarray:
    """`count` bars a day on these days of January 2024, from minute `first` on."""
    parts = [bars(count, first=(day - 2) * MINUTES_PER_DAY + first, instrument_id=instrument_id) for day in days]
    return np.concatenate(parts)


def undo(run_id: int, **options: Any) -> Printed:
    """Run the command in this process. Raises `CommandError` as the command line would show it."""
    out, err = io.StringIO(), io.StringIO()
    call_command("undo_run", str(run_id), stdout=out, stderr=err, **options)
    return Printed(out.getvalue(), err.getvalue())


def refuse_undo(run_id: int, **options: Any) -> str:
    """Run the command on a run that it must refuse, and return its message."""
    with pytest.raises(CommandError) as refusal:
        undo(run_id, **options)
    assert refusal.value.returncode == 1
    return str(refusal.value)


def preview_and_undo(run: IngestRun) -> tuple[int, int, int, int]:
    """Undo the run, after checking that a preview writes nothing and has the same result.

    Returns how many bars were removed, changed back, restored and skipped.
    """
    before = list_all_rows()
    preview = preview_undo(run_id=run.pk)
    assert list_all_rows() == before
    result = undo_run(run_id=run.pk)
    assert (preview.counts, preview.skipped, preview.notes) == (result.counts, result.skipped, result.notes)
    counts = result.counts.removed, result.counts.changed_back, result.counts.restored, result.skipped.count
    assert count_bars(result.run) == count_bars(IngestRun.objects.get(pk=result.run.pk)) == counts
    return counts


def count_bars(run: IngestRun) -> tuple[int, int, int, int]:
    """How many bars were removed, changed back, restored and skipped, by the run of an undo."""
    return run.removed_count, run.changed_count, run.inserted_count, run.left_count


def list_bars() -> list[tuple]:
    """Every bar, with its run and the time it was created."""
    names = ("symbol", "ts", "open", "high", "low", "close", "volume", "ingestion_run_id", "created_at")
    return sorted(Bar.objects.values_list(*names))


def list_intervals() -> list[tuple]:
    """The current intervals: symbol, instrument, start date, end date, run."""
    intervals = SeriesInstrument.current.order_by("series__symbol", "start_date", "instrument_id")
    return list(intervals.values_list("series__symbol", "instrument_id", "start_date", "end_date", "run"))


def list_all_rows() -> list:
    """Every row of the tables that an undo may write."""
    return [sorted(map(repr, table.objects.values())) for table in (Bar, BarRevision, IngestRun, SeriesInstrument)]
