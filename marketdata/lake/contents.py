"""What the table of bars has by dataset, year and symbol, and which of it changed since an export."""

from __future__ import annotations

from django.db.backends.utils import CursorWrapper

from marketdata.lake.manifest import Manifest, SymbolYear
from marketdata.lake.snapshot import parse_ranges
from marketdata.partitions.years import year_bounds

# Dataset and year UTC. The dataset of bars without a series, or of a series without one, is None.
Partition = tuple[str | None, int]
Contents = dict[Partition, dict[str, SymbolYear]]

# The hash shows bars that other programs wrote without a run, as far as the hours differ. It needs a sixtieth of the
# rows.
_CONTENTS = """
SELECT NULLIF(series.dataset, ''), hours.year, hours.symbol, hours.bar_count, hours.hash
FROM (
    SELECT symbol, date_part('year', hour AT TIME ZONE 'UTC')::int AS year, sum(bar_count)::bigint AS bar_count,
        sum(hashtextextended(concat_ws(' ', hour, open, high, low, close, volume, minutes), 0))::text AS hash
    FROM market_bars_ohlcv_1h
    WHERE hour >= coalesce(%(start)s, '-infinity'::timestamptz) AND hour < coalesce(%(end)s, 'infinity'::timestamptz)
    GROUP BY symbol, year
) AS hours
LEFT JOIN market_series AS series ON series.symbol = hours.symbol
ORDER BY 1 NULLS FIRST, 2, 3
"""
# Runs are committed in another order than that of their ids and times: those of the manifest are listed by id. A run's
# revisions may lie outside its time range, where it removed bars.
_TOUCHED = """
WITH new_runs AS MATERIALIZED (
    SELECT id, symbols, min_ts, max_ts FROM data_ingest_runs
    WHERE status = 'success' AND NOT id <@ %s::int8multirange
)
SELECT symbol, year
FROM new_runs
CROSS JOIN unnest(symbols) AS symbol
CROSS JOIN generate_series(
    date_part('year', min_ts AT TIME ZONE 'UTC')::int, date_part('year', max_ts AT TIME ZONE 'UTC')::int
) AS year
UNION
SELECT old.symbol, date_part('year', old.ts AT TIME ZONE 'UTC')::int
FROM market_bar_revisions AS old
WHERE old.revised_by_id IN (SELECT id FROM new_runs)
"""
_COVERED = """
SELECT coalesce(md5(string_agg(concat_ws(' ', id, extract(epoch FROM finished_at)), ',' ORDER BY id)), '')
FROM data_ingest_runs
WHERE status = 'success' AND id <@ %s::int8multirange
"""
_COUNT = """
SELECT (SELECT count(*) FROM market_bars_ohlcv_1m)
    + (SELECT coalesce(sum(bar_count), 0)::bigint FROM market_archived_years)
"""


def read_contents(cursor: CursorWrapper, *, year: int | None = None) -> Contents:
    """All symbols with bars by dataset and year, in the order of the symbols' bytes, from the hourly rollup.

    Archived years are included. `year`: this one only.
    """
    start, end = (None, None) if year is None else year_bounds(year)
    cursor.execute(_CONTENTS, {"start": start, "end": end})
    contents: Contents = {}
    for dataset, year, symbol, rows, hours_hash in cursor:
        contents.setdefault((dataset, year), {})[symbol] = SymbolYear(rows, hours_hash)
    return contents


def count_bars(cursor: CursorWrapper) -> int:
    """How many bars the table has, by reading all of them, and how many of archived years it had."""
    cursor.execute(_COUNT)
    count: int = cursor.fetchone()[0]
    return count


def find_touched(cursor: CursorWrapper, manifest: Manifest) -> set[tuple[str, int]]:
    """The symbols and years that runs may have changed which the manifest does not cover."""
    cursor.execute(_TOUCHED, [parse_ranges(manifest.runs)])
    return set(cursor.fetchall())


def has_covered_runs(cursor: CursorWrapper, manifest: Manifest) -> bool:
    """Whether the database still has the manifest's runs. It does not after a restore of an earlier backup."""
    cursor.execute(_COVERED, [parse_ranges(manifest.runs)])
    found: str = cursor.fetchone()[0]
    return found == manifest.runs_hash
