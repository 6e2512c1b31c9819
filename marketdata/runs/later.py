"""Which later runs changed bars of a run's time range: to ingest its file again would overwrite their values."""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection

from marketdata.models import IngestRun

MAX_NAMED = 5

# All revisions of the range count, not only those of values that this run wrote: a bar that the run confirmed is of
# another run, but is in the file too. Runs that have since been completely undone are omitted, and so are their undos.
# LATERAL with LIMIT reads one row by the primary key or by the index of the run; a join could read millions.
_LATER = """
SELECT later.id, later.file_name, later.undoes_id
FROM data_ingest_runs AS later
LEFT JOIN data_ingest_runs AS undone ON undone.id = later.undoes_id
CROSS JOIN LATERAL (
    SELECT 1 FROM market_bar_revisions AS old
    WHERE old.symbol = ANY (%(symbols)s::varchar[])
        AND old.ts BETWEEN greatest(later.min_ts, %(min_ts)s) AND least(later.max_ts, %(max_ts)s)
        AND old.revised_by_id = later.id
    LIMIT 1
) AS changed
WHERE later.status = 'success' AND later.finished_at > %(finished_at)s
    AND later.symbols && %(symbols)s::varchar[] AND later.min_ts <= %(max_ts)s AND later.max_ts >= %(min_ts)s
    AND later.changed_count + later.removed_count > 0 AND later.undoes_id IS DISTINCT FROM %(run_id)s
    AND NOT (later.left_count = 0 AND coalesce(undone.finished_at > %(finished_at)s, false))
    AND NOT EXISTS (
        SELECT 1 FROM data_ingest_runs AS undo
        WHERE undo.undoes_id = later.id AND undo.status = 'success' AND undo.left_count = 0
    )
ORDER BY later.id DESC
LIMIT %(limit)s
"""


class LaterRun(NamedTuple):
    """A run, the name of its file, and the run that it undoes if it is an undo."""

    pk: int
    file_name: str
    undoes: int | None


def find_later_changes(run: IngestRun) -> list[LaterRun]:
    """The successful runs that changed or removed bars of the run's series and time range after it, newest first.

    Undos of the run itself are omitted. Returns up to `MAX_NAMED` + 1 runs: the last one shows that there are more.
    Empty for a run that has not succeeded.
    """
    if run.status != IngestRun.Status.SUCCESS:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _LATER,
            {
                "run_id": run.pk,
                "symbols": run.symbols,
                "min_ts": run.min_ts,
                "max_ts": run.max_ts,
                "finished_at": run.finished_at,
                "limit": MAX_NAMED + 1,
            },
        )
        return [LaterRun(*row) for row in cursor.fetchall()]
