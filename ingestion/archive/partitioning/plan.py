"""Which years there are, with their bars, and what partitioning needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.backends.utils import CursorWrapper

from ingestion.archive.partitioning.state import Copy, find_changed_years, is_valid, read_copies
from ingestion.errors import InputError
from marketdata.command_line import manage
from marketdata.partitions.years import year_bounds

FIRST_YEAR = 2010  # as the migrations: Databento's history of CME Globex begins
BARS_PER_SECOND = 120_000  # of two cores of a small server; only the estimate of a dry run

_COUNTS = """
SELECT extract(year FROM hour AT TIME ZONE 'UTC')::int AS year, sum(bar_count)::bigint
FROM market_bars_ohlcv_1h GROUP BY year ORDER BY year
"""
_SIZE = "SELECT pg_total_relation_size('market_bars_ohlcv_1m')"
_OUTSIDE = """
SELECT min(ts) FROM (SELECT ts FROM market_bars_ohlcv_1m WHERE ts < %s OR ts >= %s LIMIT 1) AS outside
"""
_COUNTED = "SELECT coalesce(sum(bar_count), 0)::bigint FROM market_series_counts"


@dataclass(frozen=True)
class PartitionPlan:
    """`bars`: the number of bars of each year that has some, by the hourly rollup. `bytes_needed`: on the server's
    disk, until the old table is dropped. `copied`: the years that an earlier call has copied."""

    bars: dict[int, int]
    bytes_needed: int
    copied: tuple[int, ...]

    @property
    def bar_count(self) -> int:
        return sum(self.bars.values())

    @property
    def seconds(self) -> float:
        """An estimate."""
        left = sum(count for year, count in self.bars.items() if year not in self.copied)
        return 2 + left / BARS_PER_SECOND


def read_plan(cursor: CursorWrapper) -> PartitionPlan:
    """Read the hourly rollup. Nothing is changed."""
    cursor.execute(_COUNTS)
    bars = dict(cursor.fetchall())
    cursor.execute(_SIZE)
    (size,) = cursor.fetchone()
    copies: list[Copy] = read_copies(cursor) if is_valid(cursor) else []
    return PartitionPlan(bars, size, tuple(copy.year for copy in copies))


def list_years(cursor: CursorWrapper, plan: PartitionPlan) -> list[int]:
    """All years to copy, without a year between left out: those with bars, and those of a new installation."""
    years = {*plan.bars, *find_changed_years(cursor), FIRST_YEAR, datetime.now(tz=UTC).year + 1}
    return list(range(min(years), max(years) + 1))


def refuse_bars_outside(cursor: CursorWrapper, years: list[int]) -> None:
    """Raise `InputError` if the table has bars of other years, which the hourly rollup should count."""
    cursor.execute(_OUTSIDE, [year_bounds(years[0])[0], year_bounds(years[-1])[1]])
    (outside,) = cursor.fetchone()
    if outside:
        raise InputError(
            f"The table has bars of {outside.astimezone(UTC).year}, which the hourly rollup does not count: run "
            f"`{manage()} verify_candles --repair`, then this command again."
        )


def refuse_other_count(cursor: CursorWrapper, count: int) -> None:
    """Raise `InputError` unless the counts of all series make so many bars. No other session may write meanwhile."""
    cursor.execute(_COUNTED)
    (counted,) = cursor.fetchone()
    if counted != count:
        raise InputError(
            f"The copies have {count:,} bars, and the series count {counted:,}: run `{manage()} "
            "verify_candles --repair`, then this command again."
        )
