"""Runs that failed and are not resolved, and runs that changed too much of what was stored."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection

from marketdata.models import IngestRun, Series
from marketdata.quality.detectors.thresholds import Thresholds
from marketdata.quality.store.found import Found
from marketdata.runs.locks import PROCESS_DIED
from marketdata.runs.query import open_failures

_MINUTE, _INSTANT = timedelta(minutes=1), timedelta(microseconds=1)
_MIN_CHANGED = 5  # bars: a small file can consist of corrections
# Undos and splits change bars on purpose, and so does a run that replaces an instrument. A run that was undone
# completely has changed nothing.
_STORMS = """
SELECT runs.id, runs.symbols, runs.file_name, runs.min_ts, runs.max_ts,
    runs.changed_count + runs.removed_count, runs.updated_count + runs.removed_count
FROM data_ingest_runs AS runs
WHERE runs.status = 'success' AND runs.kind IN ('file', 'history', 'live') AND NOT runs.replace_instrument
    AND runs.changed_count + runs.removed_count >= %(least)s
    AND NOT EXISTS (
        SELECT 1 FROM data_ingest_runs AS undo
        WHERE undo.undoes_id = runs.id AND undo.status = 'success' AND undo.left_count = 0
    )
ORDER BY runs.id
"""


def find_failed_runs() -> list[Found]:
    """Each failed run that needs attention: its file was not loaded since, and no user dismissed it."""
    threshold = Thresholds().run_failed
    return [
        Found(
            kind="run_failed",
            severity="error",
            start=run.started_at,
            end=max(run.finished_at or run.started_at, run.started_at + _INSTANT),
            value=1.0,
            threshold=threshold,
            text=_describe(run),
            group=f"file {run.file_path}"[:200],
            identity=f"run {run.pk}",
            run_id=run.pk,
        )
        for run in open_failures().order_by("pk")
    ]


def _describe(run: IngestRun) -> str:
    if run.error == PROCESS_DIED:
        return f"Run {run.pk} ({run.title}) was orphaned: its process died before it was finished."
    return f"Run {run.pk} ({run.title}) failed: {run.error}"


def find_revision_storms() -> list[Found]:
    """Runs that changed or removed more of the bars that were stored already than the threshold of their series."""
    with connection.cursor() as cursor:
        cursor.execute(_STORMS, {"least": _MIN_CHANGED})
        rows = cursor.fetchall()
    names = {symbol for _, symbols, *_ in rows for symbol in symbols}
    series = {one.symbol: one for one in Series.objects.filter(symbol__in=names)}
    found = []
    for pk, symbols, name, first, last, changed, known in rows:
        own = [series[symbol] for symbol in symbols if symbol in series]
        threshold = min((_read_threshold(one) for one in own), default=Thresholds().revision_storm)
        percent = 100 * changed / known
        if percent >= threshold:
            found.append(
                Found(
                    kind="revision_storm",
                    severity="warning",
                    start=first,
                    end=last + _MINUTE,
                    value=round(percent, 3),
                    threshold=threshold,
                    text=f"Run {pk} ({name}) changed {changed:,} of {known:,} stored bars.",
                    identity=f"run {pk}",
                    run_id=pk,
                    series_id=own[0].pk if len(own) == 1 else None,
                )
            )
    return found


def _read_threshold(series: Series) -> float:
    stored = series.quality_thresholds.get("revision_storm")
    return float(stored) if isinstance(stored, (int, float)) else Thresholds().revision_storm
