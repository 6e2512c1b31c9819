"""What is known about the history of a series in a range of time, as arrays of UTC days and of minutes since 1970."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from django.db import connection

from marketdata.history.parents import find_parents
from marketdata.models import Series, SeriesDay, VendorDataset, VendorDay
from marketdata.rollup.minute_masks import datetime_to_minute

DAY_MINUTES = 1440
_EPOCH = date(1970, 1, 1)

# The minutes in which the runs that loaded a series mapped it, within the ranges of their files.
_FILE_RANGES = """
SELECT coalesce(array_agg(lower(part)), '{}'), coalesce(array_agg(upper(part)), '{}')
FROM unnest((
    SELECT range_agg(tstzrange(dates.start, dates.stop))
    FROM market_series_instruments AS instruments
    JOIN data_ingest_runs AS runs ON runs.id = instruments.run_id
    CROSS JOIN LATERAL (
        SELECT greatest(instruments.start_date::timestamp AT TIME ZONE 'UTC', runs.requested_start) AS start,
            least(instruments.end_date::timestamp AT TIME ZONE 'UTC', runs.requested_end) AS stop
    ) AS dates
    WHERE instruments.from_mapping AND instruments.series_id = %(series)s AND runs.status = 'success'
        AND runs.row_limit IS NULL AND runs.kind IN ('file', 'history') AND dates.start < dates.stop
        AND NOT EXISTS (
            SELECT 1 FROM data_ingest_runs AS undo
            WHERE undo.undoes_id = runs.id AND undo.status = 'success' AND undo.left_count = 0
        )
)) AS part
"""


# What the sessions of a series, or of the parent of a contract, closed, of the minutes in [start, end). The primary key
# serves this query.
_LIVE_RANGES = """
SELECT sessions.id, parts.low, parts.high,
    ARRAY(SELECT minute FROM unnest(sessions.unproven) AS minute WHERE minute >= parts.low AND minute < parts.high)
FROM market_feed_session_series AS subscribed
JOIN market_feed_sessions AS sessions ON sessions.id = subscribed.session_id
CROSS JOIN LATERAL (
    SELECT greatest(subscribed.start, sessions.replay_from) AS low,
        least(subscribed."end", sessions.closed_until) AS high
) AS parts
WHERE subscribed.series_id = ANY (%(series)s) AND sessions.replay_from IS NOT NULL AND sessions.closed_until IS NOT NULL
    AND parts.low < parts.high AND parts.low < %(end)s AND parts.high > %(start)s
ORDER BY sessions.id, parts.low
"""


@dataclass(frozen=True)
class LiveRange:
    """The minutes of [start, end) that a live session closed, in minutes since 1970: it received all of their bars,
    except perhaps in the minutes of `unproven`."""

    session: int
    start: int
    end: int
    unproven: np.ndarray


@dataclass(frozen=True)
class Availability:
    """From when to when the vendor has history, UTC. `lag` is how far the end was before the time at which it was
    read."""

    start: datetime
    end: datetime
    lag: timedelta

    def find_end(self, now: datetime) -> datetime:
        """The end of the history at the time `now`, which moves on with it."""
        return max(self.end, now - self.lag)


@dataclass(frozen=True)
class HistoryDays:
    """The UTC days from `first` on, one element of each array per day.

    History covers it from `covered_from` to `covered_until`, in minutes since 1970; both 0 for a day that it does not
    cover. `records` is how many bars it delivered. `condition` and `was` are the vendor's condition now, and when the
    day was loaded.
    """

    first: date
    covered_from: np.ndarray
    covered_until: np.ndarray
    records: np.ndarray
    condition: np.ndarray
    was: np.ndarray

    def find_index(self, minutes: np.ndarray) -> np.ndarray:
        """The element of each minute's day."""
        index: np.ndarray = minutes // DAY_MINUTES - to_day_number(self.first)
        return index


def read_availability(dataset: str) -> Availability | None:
    """What the vendor last stated about the dataset; None if it was never asked."""
    found = VendorDataset.objects.filter(dataset=dataset).first()
    if found is None:
        return None
    return Availability(
        found.available_start, found.available_end, max(found.seen_at - found.available_end, timedelta(0))
    )


def read_days(series: Series, first: date, stop: date) -> HistoryDays:
    """What is known about the days from `first` to the day before `stop`."""
    count, start = (stop - first).days, to_day_number(first)
    since, until, records = (np.zeros(count, np.int64) for _ in range(3))
    condition, was = np.full(count, "", "U16"), np.full(count, "", "U16")
    own = SeriesDay.objects.filter(series=series, day__gte=first, day__lt=stop)
    columns = ("day", "covered_from", "covered_until", "records", "condition")
    for day, covered_from, covered_until, delivered, loaded_as in own.values_list(*columns):
        index = to_day_number(day) - start
        since[index] = datetime_to_minute(covered_from or to_midnight(day))
        until[index], records[index], was[index] = datetime_to_minute(covered_until), delivered, loaded_as
    of_vendor = VendorDay.objects.filter(dataset=series.dataset, day__gte=first, day__lt=stop)
    for day, state in of_vendor.values_list("day", "condition"):
        condition[to_day_number(day) - start] = state
    return HistoryDays(first, since, until, records, condition, was)


def read_file_ranges(series: Series) -> np.ndarray:
    """The ranges of time that loaded files cover: starts and ends, in minutes since 1970, disjoint and in order."""
    with connection.cursor() as cursor:
        cursor.execute(_FILE_RANGES, {"series": series.pk})
        edges = [[datetime_to_minute(edge) for edge in column] for column in cursor.fetchone()]
    return np.array(edges, np.int64).reshape(2, -1)


def read_live_ranges(series: Series, start: datetime, end: datetime) -> list[LiveRange]:
    """What live sessions closed of [start, end), in the order of the sessions. Ranges may overlap."""
    subscribed = [series.pk, *find_parents([series]).get(series.pk, [])]
    with connection.cursor() as cursor:
        cursor.execute(_LIVE_RANGES, {"series": subscribed, "start": start, "end": end})
        rows = cursor.fetchall()
    return [
        LiveRange(
            session,
            datetime_to_minute(low),
            datetime_to_minute(high),
            np.array([datetime_to_minute(minute) for minute in unproven], np.int64),
        )
        for session, low, high, unproven in rows
    ]


def to_day_number(day: date) -> int:
    """Days since 1970."""
    return (day - _EPOCH).days


def to_midnight(day: date) -> datetime:
    """The start of a UTC day."""
    return datetime.combine(day, time(), UTC)
