"""Whether a file needs no loading: a run stored its content, and the table still has what that run left.

The history of runs names the candidate; the table decides. In doubt the file is loaded again, which changes nothing if
nothing has changed.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError
from ingestion.options import IngestOptions
from ingestion.symbology.assign import assign_series
from marketdata.models import IngestRun, SeriesInstrument

# Bars that the run wrote have its id. Bars that it found unchanged have the id of a run that finished before it.
_COUNT_BARS = """
SELECT count(*) FILTER (WHERE bars.ingestion_run_id = %(run_id)s), count(*)
FROM market_bars_ohlcv_1m AS bars
JOIN data_ingest_runs AS runs ON runs.id = bars.ingestion_run_id
WHERE bars.symbol = ANY (%(symbols)s) AND bars.ts BETWEEN %(min_ts)s AND %(max_ts)s
    AND runs.finished_at <= %(finished_at)s
"""
# Whatever changed or removed a bar, an undo too, kept the earlier value.
_CHANGED_LATER = """
SELECT EXISTS (
    SELECT FROM market_bar_revisions AS old
    JOIN data_ingest_runs AS later ON later.id = old.revised_by_id
    WHERE old.symbol = ANY (%(symbols)s) AND old.ts BETWEEN %(min_ts)s AND %(max_ts)s
        AND later.finished_at > %(finished_at)s
)
"""


def find_run_with_same_content(path: Path, options: IngestOptions) -> IngestRun | None:
    """The last successful run that loaded all rows of this content into the same series, if the table still has its
    bars; None otherwise, also for a file that cannot be read."""
    with contextlib.suppress(IngestError), SourceFile(path) as source:  # ingesting the file reports its error
        assignment = assign_series(
            metadata=RecordReader(source).metadata,
            requested_symbol=options.symbol,
            default_slug=settings.DEFAULT_SERIES,
        )
        source.finish()
        same_series = {"symbols": [assignment.symbol]} if assignment.symbol else {"requested_symbol": ""}
        run = IngestRun.objects.filter(
            file_sha256=source.sha256,
            status=IngestRun.Status.SUCCESS,
            row_limit=None,
            publisher_id=options.publisher_id,
            **same_series,
        ).first()
        return run if run and _has_its_bars(run) else None
    return None


def _has_its_bars(run: IngestRun) -> bool:
    parameters: dict[str, Any] = {
        "run_id": run.pk,
        "symbols": run.symbols,
        "min_ts": run.min_ts,
        "max_ts": run.max_ts,
        "finished_at": run.finished_at,
    }
    first, last = run.time_range
    if SeriesInstrument.objects.filter(
        series__symbol__in=run.symbols,
        replaced_by__finished_at__gt=run.finished_at,
        start_date__lte=last.date(),
        end_date__gt=first.date(),
    ).exists():
        return False
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED_LATER, parameters)
        if cursor.fetchone()[0]:
            return False
        cursor.execute(_COUNT_BARS, parameters)
        own, stored = cursor.fetchone()
    is_complete: bool = own == run.inserted_count + run.changed_count
    return is_complete and stored >= run.inserted_count + run.updated_count
