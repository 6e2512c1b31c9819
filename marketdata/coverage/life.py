"""The life of a series: the times within which a minute without a bar counts as missing. Outside it, nothing does.

Two rules, by the kind of the series:

- Continuous series, shares and others: a minute is in the life if a loaded file maps the series then. From the first
  bar to the last, other minutes are too, unless a loaded file requested the series then and did not map it: such a file
  shows that there was nothing to load.
- Outrights, spreads and options: a file's mapping begins at the start of the request and may end years after the
  contract, so it only bounds the life. The life begins at the activation, or at the first bar if that is not known. It
  ends with the date of the expiration. If that is not known, it ends where the mapping ends while the contract can
  still trade (`last_date`), or else at the last bar.

Every stored bar is within the life. Without recorded mappings (files loaded by an earlier version), the life is the
time from the first bar to the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
from django.db import connection

from marketdata.models import Series
from marketdata.rollup.minute_masks import datetime_to_minute, minute_to_datetime

Range = tuple[datetime, datetime]

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_CONTRACTS = (Series.Kind.OUTRIGHT, Series.Kind.SPREAD, Series.Kind.OPTION)


@dataclass(frozen=True)
class Life:
    """Half-open ranges of full minutes, UTC, disjoint and in time order; at least one."""

    ranges: tuple[Range, ...]

    @property
    def start(self) -> datetime:
        return self.ranges[0][0]

    @property
    def end(self) -> datetime:
        return self.ranges[-1][1]

    def find_stop(self, last: datetime, now: datetime) -> datetime:
        """The end of the minutes that count at the time `now`, or up to the last bar if that is later.

        The current minute is not over.
        """
        return min(self.end, max(now.replace(second=0, microsecond=0), last + _MINUTE))

    def clip(self, start: datetime, end: datetime) -> np.ndarray:
        """The life within [start, end): an array of starts and one of ends, in minutes since 1970."""
        bounds = [[datetime_to_minute(edge) for edge in one] for one in self.ranges]
        found = np.array(bounds, np.int64).T.clip(datetime_to_minute(start), datetime_to_minute(end))
        clipped: np.ndarray = found[:, found[0] < found[1]]
        return clipped


# The partial index on the runs' undos, the primary key of the runs and that of the bars serve this query. It reads the
# requests of other runs only for a series whose mapping has a hole between the first and the last bar. Those of the
# live feed, one a minute, state no range.
_LIVES = """
WITH mapped AS (
    SELECT instruments.series_id, array_agg(DISTINCT instruments.dataset) AS datasets,
        array_agg(DISTINCT instruments.raw_symbol) AS symbols, range_agg(tstzrange(dates.start, dates.stop)) AS ranges
    FROM market_series_instruments AS instruments
    JOIN data_ingest_runs AS runs ON runs.id = instruments.run_id
    CROSS JOIN LATERAL (
        SELECT greatest(instruments.start_date::timestamp AT TIME ZONE 'UTC', runs.requested_start) AS start,
            least(instruments.end_date::timestamp AT TIME ZONE 'UTC', runs.requested_end) AS stop
    ) AS dates
    WHERE instruments.from_mapping AND instruments.series_id = ANY (%(ids)s::bigint[]) AND dates.start < dates.stop
    GROUP BY instruments.series_id
)
SELECT series.id,
    ARRAY(SELECT lower(part) FROM unnest(life) AS part), ARRAY(SELECT upper(part) FROM unnest(life) AS part)
FROM mapped
JOIN market_series AS series ON series.id = mapped.series_id
JOIN unnest(%(ids)s::bigint[], %(firsts)s::timestamptz[], %(stops)s::timestamptz[]) AS bars (series_id, first, stop)
    ON bars.series_id = series.id
CROSS JOIN LATERAL (SELECT tstzmultirange(tstzrange(bars.first, bars.stop)) AS span) AS spans
CROSS JOIN LATERAL (
    SELECT CASE WHEN span <@ mapped.ranges OR series.kind = ANY (%(contracts)s) THEN '{}'::tstzmultirange ELSE (
        SELECT coalesce(range_agg(tstzrange(runs.requested_start, runs.requested_end)), '{}')
        FROM data_ingest_runs AS runs
        WHERE runs.status = 'success' AND runs.feed_session_id IS NULL
            AND runs.vendor_dataset = ANY (mapped.datasets)
            AND runs.requested_start < runs.requested_end
            AND (
                runs.requested_symbols && (mapped.symbols || series.vendor_symbols || series.symbol)
                OR (series.kind = 'equity' AND 'ALL_SYMBOLS' = ANY (runs.requested_symbols))
                OR EXISTS (
                    SELECT 1 FROM market_series_instruments AS own
                    WHERE own.run_id = runs.id AND own.series_id = series.id AND own.from_mapping
                )
            )
            AND NOT EXISTS (
                SELECT 1 FROM data_ingest_runs AS undo
                WHERE undo.undoes_id = runs.id AND undo.status = 'success' AND undo.left_count = 0
            )
    ) END AS requested
) AS requests
CROSS JOIN LATERAL (
    SELECT mapped.ranges + (span - coalesce(range_agg(hole), '{}')) AS life
    FROM unnest(span * requested - mapped.ranges) AS hole
    WHERE NOT EXISTS (
        SELECT 1 FROM market_bars_ohlcv_1m AS stored
        WHERE stored.symbol = series.symbol AND stored.ts >= lower(hole) AND stored.ts < upper(hole)
    ) AND NOT EXISTS (
        SELECT 1 FROM market_archived_years AS archived
        JOIN market_bars_ohlcv_1h AS hours ON hours.symbol = series.symbol
            AND hours.hour >= make_timestamptz(archived.year, 1, 1, 0, 0, 0, 'UTC')
            AND hours.hour < make_timestamptz(archived.year + 1, 1, 1, 0, 0, 0, 'UTC')
        WHERE hours.hour > lower(hole) - interval '1 hour' AND hours.hour < upper(hole)
            AND (hours.first_ts <@ hole OR hours.last_ts <@ hole)
    )
) AS lives
"""


def read_life(series: Series, first: datetime, last: datetime) -> Life:
    """The life of a series with bars from `first` to `last`."""
    return read_lives([(series, first, last)])[0]


def read_lives(bars: Sequence[tuple[Series, datetime, datetime]]) -> list[Life]:
    """The lives of several series, each with the times of its first and its last bar, by one query."""
    if not bars:
        return []
    spans = [(first, last + _MINUTE) for _, first, last in bars]
    parameters: dict[str, Any] = {
        "ids": [series.pk for series, _, _ in bars],
        "firsts": [first for first, _ in spans],
        "stops": [stop for _, stop in spans],
        "contracts": [str(kind) for kind in _CONTRACTS],
    }
    with connection.cursor() as cursor:
        cursor.execute(_LIVES, parameters)
        mapped = {pk: list(zip(*ranges, strict=True)) for pk, *ranges in cursor.fetchall()}
    return [
        Life(_find_ranges(series, mapped.get(series.pk, []), span))
        for (series, _, _), span in zip(bars, spans, strict=True)
    ]


def _find_ranges(series: Series, mapped: Sequence[Range], bars: Range) -> tuple[Range, ...]:
    """`mapped` includes `bars`, the range from the first bar to the last; it is empty if no mapping is recorded."""
    if not mapped:
        return (bars,)
    if series.kind in _CONTRACTS:
        return _join([_bound_contract(series, (mapped[0][0], mapped[-1][1]), bars)])
    return _join(mapped)


def _bound_contract(series: Series, mapped: Range, bars: Range) -> Range:
    """A file that maps the contract bounds its life: other dates were never requested."""
    (start, stop), (first, end) = mapped, bars
    start = first if series.activation_date is None else max(start, _to_midnight(series.activation_date))
    if series.expiration_date:
        stop = min(stop, _to_next_midnight(series.expiration_date))
    elif series.last_date is None or _to_next_midnight(series.last_date) <= stop:
        stop = end
    return min(start, first), max(stop, end)


def _join(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """The full minutes that start within the ranges, joined where no minute is between them."""
    joined: list[list[int]] = []
    for start, end in ([datetime_to_minute(edge) for edge in one] for one in ranges):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = end
        elif start < end:
            joined.append([start, end])
    return tuple((minute_to_datetime(start), minute_to_datetime(end)) for start, end in joined)


def _to_midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _to_next_midnight(day: date) -> datetime:
    """The end of a UTC date; that of the last date that Python has is a day early."""
    return _to_midnight(min(day, date.max - _DAY) + _DAY)
