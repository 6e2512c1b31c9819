"""Whether the table still has the bars of a run's file: by the table itself, since the audit trail does not record what
other programs write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from marketdata.models import IngestRun, Series

# A run writes its bars and its own row in one transaction. A bar whose xmin is younger than that of the run's row was
# therefore written later: by another run, or by a program whose SQL may keep the bar's ingestion_run_id. A restored
# dump or a rewritten table can have younger bars, too: the file is then loaded once more, by a run younger than they.
_BARS = """
SELECT
    count(*),
    count(*) FILTER (WHERE ingestion_run_id = %(run_id)s),
    array_agg(DISTINCT ingestion_run_id) FILTER (
        WHERE age(xmin) < (SELECT age(xmin) FROM data_ingest_runs WHERE id = %(run_id)s)
    )
FROM market_bars_ohlcv_1m
WHERE symbol = ANY (%(symbols)s::varchar[]) AND ts BETWEEN %(min_ts)s AND %(max_ts)s
"""
# The same of archived years, whose bars are not in the table: how many there are, by their hours, and which later runs
# changed some. They have not changed since the year was archived.
_ARCHIVED = """
SELECT
    (
        SELECT coalesce(sum(bit_count((
            hours.minutes
            & CASE WHEN hours.hour < %(min_ts)s THEN -1::bigint << date_part('minute', %(min_ts)s)::int ELSE -1 END
            & CASE WHEN hours.hour + interval '59 minutes' > %(max_ts)s
                THEN (1::bigint << (date_part('minute', %(max_ts)s)::int + 1)) - 1 ELSE -1 END
        )::bit(64))), 0)
        FROM market_bars_ohlcv_1h AS hours
        WHERE hours.symbol = ANY (%(symbols)s::varchar[] COLLATE "C")
            AND hours.hour >= greatest(years.start, %(min_ts)s - interval '59 minutes')
            AND hours.hour < years.stop AND hours.hour <= %(max_ts)s
    ),
    ARRAY(
        SELECT DISTINCT old.revised_by_id
        FROM market_bar_revisions AS old
        JOIN data_ingest_runs AS later ON later.id = old.revised_by_id
        WHERE old.symbol = ANY (%(symbols)s::varchar[]) AND old.ts BETWEEN %(min_ts)s AND %(max_ts)s
            AND old.ts >= years.start AND old.ts < years.stop AND old.operation = 'update'
            AND later.finished_at > %(finished_at)s
    )
FROM (
    SELECT make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC') AS start,
        make_timestamptz(year + 1, 1, 1, 0, 0, 0, 'UTC') AS stop
    FROM market_archived_years
) AS years
WHERE years.start <= %(max_ts)s AND years.stop > %(min_ts)s
"""
# Served by the index revision_deleted.
_REMOVED = """
SELECT later.id, count(*)
FROM market_bar_revisions AS old
JOIN data_ingest_runs AS later ON later.id = old.revised_by_id
WHERE old.symbol = ANY (%(symbols)s::varchar[]) AND old.ts BETWEEN %(min_ts)s AND %(max_ts)s
    AND old.operation = 'delete' AND later.finished_at > %(finished_at)s
GROUP BY later.id
"""
# A run can map the series to another instrument without changing a bar.
_REMAPPED = """
SELECT DISTINCT later.id
FROM market_series_instruments AS instruments
JOIN market_series AS series ON series.id = instruments.series_id
JOIN data_ingest_runs AS later ON later.id = instruments.replaced_by_id
WHERE series.symbol = ANY (%(symbols)s::varchar[]) AND later.finished_at > %(finished_at)s
    AND instruments.start_date <= (%(max_ts)s::timestamptz AT TIME ZONE 'UTC')::date
    AND instruments.end_date > (%(min_ts)s::timestamptz AT TIME ZONE 'UTC')::date
"""


@dataclass(frozen=True)
class StoredState:
    """What became of the bars of a run.

    `is_unchanged`: the table has all bars of the run's file with their values. `is_accounted_for`: no bar is missing,
    except those that the runs `later_run_ids` removed; these runs changed bars of the run's series and time range
    after it, or mapped the series to another instrument. The run itself is among them if another program changed a bar.
    """

    is_unchanged: bool
    is_accounted_for: bool
    later_run_ids: frozenset[int]


def find_stored_state(run: IngestRun) -> StoredState:
    """Compare the table with what a successful run of a file stored. Reads the bars of the run's time range once."""
    parameters: dict[str, Any] = {
        "run_id": run.pk,
        "symbols": run.symbols,
        "min_ts": run.min_ts,
        "max_ts": run.max_ts,
        "finished_at": run.finished_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BARS, parameters)
        bar_count, own_count, changed_by = cursor.fetchone()
        cursor.execute(_ARCHIVED, parameters)
        archived = cursor.fetchall()
        cursor.execute(_REMOVED, parameters)
        removed = dict(cursor.fetchall())
        cursor.execute(_REMAPPED, parameters)
        remapped_by = [run_id for (run_id,) in cursor.fetchall()]
    archived_count = sum(count for count, _ in archived)
    changed_archived = [run_id for _, run_ids in archived for run_id in run_ids]
    later_run_ids = frozenset([*(changed_by or ()), *changed_archived, *removed, *remapped_by])
    has_series = Series.objects.filter(symbol__in=run.symbols).count() == len(run.symbols)
    present = bar_count + archived_count
    is_accounted_for = has_series and present + sum(removed.values()) >= run.inserted_count + run.updated_count
    # Unchanged bars name the run that stored them first, so only the number of the run's own is known exactly: the
    # series may have bars in this range that the file has not.
    # Of archived bars, the runs are in the lake: up to all of them may be the run's.
    expected = run.inserted_count + run.changed_count
    has_own_bars = own_count <= expected <= own_count + archived_count
    return StoredState(is_accounted_for and has_own_bars and not later_run_ids, is_accounted_for, later_run_ids)
