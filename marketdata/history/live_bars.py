"""From when on the live feed can have brought bars."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

# The index on the runs of sessions serves it. No session replays more than a day, so no live bar is much older than
# those of the first session.
_FIRST = """
SELECT min_ts - interval '2 days'
FROM data_ingest_runs
WHERE feed_session_id IS NOT NULL AND status = 'success'
ORDER BY feed_session_id, id
LIMIT 1
"""


def read_live_since() -> datetime | None:
    """A time before all bars of the live feed, UTC; None if it has brought none. It costs one row."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST)
        rows: list[tuple[datetime]] = cursor.fetchall()
    return rows[0][0] if rows else None
