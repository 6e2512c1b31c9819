"""Reads what is stored and known of subscribed series, in a few queries whatever the range."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection

from ingestion.feeds.history.planning.needs import DAY_MINUTES, SeriesHistory, VendorDays
from marketdata.calendars.buckets import OpenMinutes
from marketdata.calendars.exchange import is_known_calendar
from marketdata.calendars.hours import Hours
from marketdata.calendars.trading_days import find_trading_days
from marketdata.history.known_empty import STILL_EMPTY
from marketdata.history.live_bars import read_live_since
from marketdata.models import Series, VendorDay
from marketdata.rollup.minute_masks import minute_to_datetime, read_minute_masks

_FIRST_WEEKDAY = 3  # 1 January 1970 was a Thursday

# Columns of a series as numbers separated by commas: numpy reads them many times faster than psycopg2 reads arrays.
# The rollup's primary key serves the first query: it reads the hours of the series, not their bars.
_BARS = """
SELECT symbol, string_agg(day::text, ','), string_agg(bars::text, ',')
FROM (
    SELECT symbol, date_part('epoch', hour)::bigint / 86400 AS day, sum(bar_count)::int AS bars
    FROM market_bars_ohlcv_1h
    WHERE symbol = ANY (%(symbols)s) AND hour >= %(start)s AND hour < %(end)s
    GROUP BY symbol, day
) AS days
GROUP BY symbol
"""
_COVERED = """
SELECT series_id, string_agg(number::text, ','),
    string_agg(coalesce(date_part('epoch', covered_from)::bigint / 60, number * 1440)::text, ','),
    string_agg((date_part('epoch', covered_until)::bigint / 60)::text, ','), string_agg(records::text, ','),
    string_agg(coalesce(modified - DATE '1970-01-01', -1)::text, ','),
    string_agg((condition = 'degraded')::int::text, ',')
FROM market_series_days CROSS JOIN LATERAL (SELECT day - DATE '1970-01-01') AS numbers (number)
WHERE series_id = ANY (%(series)s) AND day >= %(first)s AND day <= %(last)s
GROUP BY series_id
"""
# Beside what is known to be empty: ranges whose requests are paid for and not stored yet. They are not bought again.
_EMPTY = f"""
SELECT series_id, date_part('epoch', start)::bigint / 60, date_part('epoch', "end")::bigint / 60
FROM market_feed_requests
WHERE state IN ('bought', 'arrived') AND series_id = ANY (%(series)s) AND start < %(end)s AND "end" > %(start)s
UNION ALL
SELECT known.series_id, date_part('epoch', known.start)::bigint / 60, date_part('epoch', known."end")::bigint / 60
FROM market_known_empty AS known
WHERE known.series_id = ANY (%(series)s) AND known.start < %(end)s AND known."end" > %(start)s
    AND {STILL_EMPTY}
ORDER BY 1, 2
"""  # noqa: S608  # a constant
# Which ranges of minutes have a bar of the live feed. It reads the bars of a range until one is found, and the run of
# each by key: there is a run a minute. The planner does not make a join of a subquery that returns a value.
_WITH_LIVE = """
SELECT number - 1 FROM unnest(%(starts)s::bigint[], %(stops)s::bigint[]) WITH ORDINALITY AS ranges (first, stop, number)
CROSS JOIN LATERAL (
    SELECT 1 FROM market_bars_ohlcv_1m AS bars
    WHERE symbol = %(symbol)s AND ts >= to_timestamp(first * 60) AND ts < to_timestamp(stop * 60)
        AND (SELECT kind FROM data_ingest_runs WHERE id = bars.ingestion_run_id) = 'live'
    LIMIT 1
) AS found
"""
# Days whose bars are stored under the series of contracts: those of a parent symbol, or of a raw symbol that is another
# series. Whether one of them has fewer bars than history delivered.
_CONTRACTS = """
SELECT days.day - DATE '1970-01-01', bool_or(stored.bars < days.records)
FROM market_series_days AS days
JOIN market_feed_requests AS request ON request.id = days.request_id
JOIN market_series AS series ON series.id = days.series_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(bar_count), 0) AS bars
    FROM market_bars_ohlcv_1h
    WHERE symbol = series.symbol AND hour >= days.day::timestamp AT TIME ZONE 'UTC'
        AND hour < (days.day + 1)::timestamp AT TIME ZONE 'UTC'
) AS stored
WHERE request.series_id = %(series)s AND days.series_id <> %(series)s AND days.day >= %(first)s AND days.day <= %(last)s
GROUP BY days.day
"""


def read_histories(series: Sequence[Series], start: datetime, end: datetime) -> dict[int, SeriesHistory]:
    """What is stored and known of each series, by its key, on the UTC days that overlap [start, end)."""
    first, stop = to_day(start), to_day(end, up=True)
    bounds = {
        "start": minute_to_datetime(first * DAY_MINUTES),
        "end": minute_to_datetime(stop * DAY_MINUTES),
        "first": start.date(),
        "last": minute_to_datetime(stop * DAY_MINUTES - 1).date(),
        "symbols": [one.symbol for one in series],
        "series": [one.pk for one in series],
    }
    bars = {symbol: columns for symbol, *columns in _query(_BARS, bounds)}
    covered = {key: columns for key, *columns in _query(_COVERED, bounds)}
    empty: dict[int, list[tuple[int, int]]] = {}
    for key, low, high in _query(_EMPTY, bounds):
        empty.setdefault(key, []).append((low, high))
    is_closed = {name: find_closed_days(name, first, stop) for name in {one.calendar for one in series}}
    bounds["first_live"] = _read_first_live()
    return {
        one.pk: _build_history(
            one,
            first,
            bars.pop(one.symbol, None),
            covered.pop(one.pk, None),
            _join_ranges(empty.get(one.pk, [])),
            is_closed[one.calendar],
            bounds,
        )
        for one in series
    }


def read_vendor_days(dataset: str, first: int, count: int) -> VendorDays:
    """The vendor's days from `first` (days since 1970) on, as they were last read."""
    modified = np.full(count, -1, np.int64)
    condition = np.full(count, "", "U16")
    start, stop = (minute_to_datetime(day * DAY_MINUTES).date() for day in (first, first + count))
    rows = VendorDay.objects.filter(dataset=dataset, day__gte=start, day__lt=stop)
    for day, state, moved in rows.values_list("day", "condition", "last_modified_date"):
        condition[(day - start).days] = state
        modified[(day - start).days] = first + (moved - start).days if moved else -1
    states = VendorDay.Condition
    return VendorDays(
        first,
        modified,
        is_missing=condition == states.MISSING,
        is_pending=condition == states.PENDING,
        is_degraded=condition == states.DEGRADED,
    )


def find_closed_days(calendar: str, first: int, stop: int) -> np.ndarray:
    """Which days of [first, stop) are on a weekend and have no open minute, in extended hours neither. None without a
    known calendar."""
    days = np.arange(first, stop)
    is_weekend = (days + _FIRST_WEEKDAY) % 7 >= 5
    if not calendar or not is_known_calendar(calendar):
        return np.zeros(len(days), bool)
    bounds = (minute_to_datetime(first * DAY_MINUTES), minute_to_datetime(stop * DAY_MINUTES))
    opened = OpenMinutes(find_trading_days(calendar, *bounds), Hours.ALL)
    closed: np.ndarray = is_weekend & (opened.count_between(days * 86_400, (days + 1) * 86_400) == 0)
    return closed


def to_day(moment: datetime, *, up: bool = False) -> int:
    """The UTC day since 1970 that has the moment; with `up`, the first day that starts at or after it."""
    seconds = int(moment.timestamp())
    return -(-seconds // 86_400) if up else seconds // 86_400


def _build_history(
    series: Series,
    first: int,
    bars: Sequence[str] | None,
    covered: Sequence[str] | None,
    empty: np.ndarray,
    is_closed: np.ndarray,
    bounds: dict[str, Any],
) -> SeriesHistory:
    count = len(is_closed)
    day_bars, records, since, until = (np.zeros(count, np.int64) for _ in range(4))
    modified, was_degraded = np.full(count, -1, np.int64), np.zeros(count, bool)
    if bars:
        days, counts = map(_parse, bars)
        day_bars[days - first] = counts
    if covered:
        days, *columns = map(_parse, covered)
        for column, values in zip((since, until, records, modified, was_degraded), columns, strict=True):
            column[days - first] = values
    has_lost = _find_lost(series, first, day_bars, since, until, records)
    if series.feed_stype != Series.Stype.CONTINUOUS:
        has_lost &= series.feed_stype != Series.Stype.PARENT
        for day, contracts_lost in _query(_CONTRACTS, bounds | {"series": series.pk}):
            has_lost[day - first] = contracts_lost
    return SeriesHistory(
        first,
        covered_from=since,
        covered_until=until,
        records=records,
        bars=day_bars,
        modified=modified,
        was_degraded=was_degraded,
        has_live=_find_live(series, first, day_bars, until, bounds["first_live"]),
        has_lost=has_lost,
        is_closed=is_closed & (day_bars == 0),
        empty=empty,
    )


def _find_lost(
    series: Series, first: int, bars: np.ndarray, since: np.ndarray, until: np.ndarray, records: np.ndarray
) -> np.ndarray:
    """Days of which history delivered more bars than are stored in the same minutes."""
    lost: np.ndarray = records > bars
    midnight = (first + np.arange(len(bars))) * DAY_MINUTES
    is_partial = (until > 0) & ((since > midnight) | (until < midnight + DAY_MINUTES)) & ~lost & (bars > 0)
    for index in np.flatnonzero(is_partial):
        masks = read_minute_masks(series.symbol, *(minute_to_datetime(int(edge[index])) for edge in (since, until)))
        lost[index] = records[index] > np.bitwise_count(masks.minutes).sum()
    return lost


def _read_first_live() -> int | None:
    """The minute since 1970 before which the live feed has brought no bar; None if it has brought none."""
    since = read_live_since()
    return None if since is None else int(since.timestamp()) // 60


def _find_live(series: Series, first: int, bars: np.ndarray, until: np.ndarray, first_live: int | None) -> np.ndarray:
    """Days with live bars later than history covers."""
    found = np.zeros(len(until), bool)
    if first_live is None:
        return found
    midnight = (first + np.arange(len(until))) * DAY_MINUTES
    starts, stops = np.maximum(until, midnight), midnight + DAY_MINUTES
    days = np.flatnonzero((bars > 0) & (starts < stops) & (stops > first_live))
    if len(days):
        ranges = {"starts": starts[days].tolist(), "stops": stops[days].tolist()}
        indexes = [index for (index,) in _query(_WITH_LIVE, ranges | {"symbol": series.symbol})]
        found[days[indexes]] = True
    return found


def _join_ranges(ranges: list[tuple[int, int]]) -> np.ndarray:
    """Disjoint, in time order: starts and ends. The ranges are sorted by start, and may overlap."""
    joined: list[list[int]] = []
    for start, end in ranges:
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return np.array(joined, np.int64).reshape(-1, 2).T


def _parse(text: str) -> np.ndarray:
    numbers: np.ndarray = np.fromstring(text, np.int64, sep=",")
    return numbers


def _query(sql: str, parameters: dict[str, Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple] = cursor.fetchall()
    return rows
