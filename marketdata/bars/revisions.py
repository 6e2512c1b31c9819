"""Earlier values of bars, each with the run that wrote them and the run that replaced them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from psycopg2 import sql

from marketdata.models import Series


class RevisionRow(NamedTuple):
    """The values of a bar until a run replaced or removed them. Prices are decimal text as in `BarRow`; times are UTC.

    `brought_by` is the run that wrote the values, `replaced_by` the run that replaced or removed them.
    """

    ts: datetime
    operation: str
    open: str
    high: str
    low: str
    close: str
    volume: Decimal
    brought_by: int
    replaced_by: int
    replaced_at: datetime


_REVISIONS = sql.SQL("""
SELECT old.ts, old.operation, trim_scale(old.open)::text, trim_scale(old.high)::text, trim_scale(old.low)::text,
    trim_scale(old.close)::text, old.volume, old.ingestion_run_id, old.revised_by_id,
    GREATEST(old.revised_at, later.finished_at)
FROM market_bar_revisions AS old
JOIN data_ingest_runs AS later ON later.id = old.revised_by_id
WHERE old.symbol = %(symbol)s AND old.ts >= %(start)s AND old.ts < %(end)s
""")
_REVISIONS_FORWARD = _REVISIONS + sql.SQL("""
AND (old.ts, old.revised_by_id) > (%(after_ts)s, %(after_run)s) ORDER BY old.ts, old.revised_by_id LIMIT %(limit)s
""")
_REVISIONS_BACKWARD = _REVISIONS + sql.SQL("""
AND (old.ts, old.revised_by_id) < (%(after_ts)s, %(after_run)s)
ORDER BY old.ts DESC, old.revised_by_id DESC LIMIT %(limit)s
""")


def read_revision_page(
    series: Series,
    *,
    start: datetime | None,
    end: datetime | None,
    after: tuple[datetime, int] | None,
    descending: bool,
    limit: int,
) -> tuple[list[RevisionRow], tuple[datetime, int] | None]:
    """Up to `limit` revisions of minutes in [start, end), and the `after` of the next page, None at the end.

    They are ordered by minute and replacing run, or the reverse with `descending`, and follow the revision at `after`,
    a (minute, run). The primary key finds a page without an OFFSET. All times are UTC.
    """
    after_ts, after_run = after or ("infinity" if descending else "-infinity", 0)
    with connection.cursor() as cursor:
        cursor.execute(
            _REVISIONS_BACKWARD if descending else _REVISIONS_FORWARD,
            {
                "symbol": series.symbol,
                "start": start or "-infinity",
                "end": end or "infinity",
                "after_ts": after_ts,
                "after_run": after_run,
                "limit": limit + 1,
            },
        )
        found = [RevisionRow(*row) for row in cursor.fetchall()]
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], (last.ts, last.replaced_by) if last else None
