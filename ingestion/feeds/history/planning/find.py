"""The plan of a backfill, from what is stored and what the vendor last stated. Nothing is asked of the vendor here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import numpy as np

from ingestion.feeds.history.planning.archived import leave_out_archived
from ingestion.feeds.history.planning.kept_files import KeptFiles
from ingestion.feeds.history.planning.known import read_histories, read_vendor_days, to_day
from ingestion.feeds.history.planning.model import Plan, PlannedRequest, SeriesPlan, UnverifiedRange
from ingestion.feeds.history.planning.needs import (
    DAY_MINUTES,
    REASONS,
    REPLACING,
    Needs,
    SeriesHistory,
    VendorDays,
    Window,
    find_needs,
)
from ingestion.feeds.history.planning.vendor_days import Available
from ingestion.feeds.history.planning.windows import SeriesWindow, find_window
from marketdata.models import Series
from marketdata.rollup.minute_masks import datetime_to_minute, minute_to_datetime, read_minute_masks

_SERIES_AT_A_TIME = 8  # the memory of a plan does not grow with the number of series
_EPOCH = np.datetime64("1970-01-01", "D")


def find_plan(
    series: Sequence[Series],
    available: Mapping[str, Available],
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    is_verified: bool = False,
    include_revised: bool = False,
) -> Plan:
    """What is needed of each series from `start` to `end`, UTC.

    `available` has the vendor's range of each dataset; the conditions of the days are those that are stored. Before
    `is_verified`, days with bars of unknown origin are listed to be compared; after it, those that differ are needed.
    """
    plans = []
    for dataset in dict.fromkeys(one.dataset for one in series):
        of_dataset = [one for one in series if one.dataset == dataset]
        windows = {one.pk: find_window(one, available[dataset], start, end) for one in of_dataset}
        opened = [window for window in windows.values() if not window.is_empty]
        if not opened:
            plans += [SeriesPlan(one, *_get_range(windows[one.pk]), notes=windows[one.pk].notes) for one in of_dataset]
            continue
        whole = min(window.start for window in opened), max(window.end for window in opened)
        first = to_day(whole[0])
        vendor = read_vendor_days(dataset, first, to_day(whole[1], up=True) - first)
        for index in range(0, len(of_dataset), _SERIES_AT_A_TIME):
            some = of_dataset[index : index + _SERIES_AT_A_TIME]
            histories = read_histories(some, *whole)
            plans += [
                _plan_series(
                    one,
                    windows[one.pk],
                    histories.pop(one.pk),
                    vendor,
                    available[dataset].end,
                    is_verified=is_verified,
                    include_revised=include_revised,
                )
                for one in some
            ]
    order = {one.pk: number for number, one in enumerate(series)}
    plans = list(map(leave_out_archived, plans))
    return Plan(tuple(sorted(plans, key=lambda plan: order[plan.series.pk])))


def _get_range(window: SeriesWindow) -> tuple[datetime, datetime]:
    return window.start, window.end


def _plan_series(
    series: Series,
    window: SeriesWindow,
    history: SeriesHistory,
    vendor: VendorDays,
    available_end: datetime,
    *,
    is_verified: bool,
    include_revised: bool,
) -> SeriesPlan:
    minutes = Window(*map(datetime_to_minute, (window.start, window.end, available_end)))
    files = KeptFiles(series)
    needs = find_needs(
        history,
        vendor,
        minutes,
        is_kept=files.find_kept_days(history),
        is_verified=is_verified,
        include_revised=include_revised,
    )
    return SeriesPlan(
        series,
        window.start,
        window.end,
        requests=_list_requests(series, needs, vendor),
        reloads=files.list_requests(history, needs.to_reload),
        unverified=() if is_verified else _list_unverified(series, history, needs.to_verify, minutes),
        for_person=_to_dates(needs.for_person),
        pending=_to_dates(needs.pending),
        degraded=_to_dates(_list_degraded(vendor, minutes)),
        notes=window.notes,
    )


def _list_requests(series: Series, needs: Needs, vendor: VendorDays) -> tuple[PlannedRequest, ...]:
    """In the order in which they are bought."""
    requests = [
        PlannedRequest(
            series,
            minute_to_datetime(start),
            minute_to_datetime(end),
            REASONS[reason],
            _find_newest(vendor, start, end),
        )
        for start, end, reason in np.array([needs.start, needs.end, needs.reason]).T.tolist()
    ]
    return tuple(sorted(requests, key=lambda request: (request.reason not in REPLACING, request.start)))


def _find_newest(vendor: VendorDays, start: int, end: int) -> date | None:
    """The newest modification of the days that overlap [start, end)."""
    days = slice(start // DAY_MINUTES - vendor.first, (end - 1) // DAY_MINUTES + 1 - vendor.first)
    newest = int(vendor.modified[days].max(initial=-1))
    return _to_dates(np.array([newest]))[0] if newest >= 0 else None


def _list_degraded(vendor: VendorDays, window: Window) -> np.ndarray:
    days = vendor.first + np.flatnonzero(vendor.is_degraded)
    found: np.ndarray = days[(days * DAY_MINUTES < window.end) & ((days + 1) * DAY_MINUTES > window.start)]
    return found


def _list_unverified(
    series: Series, history: SeriesHistory, days: np.ndarray, window: Window
) -> tuple[UnverifiedRange, ...]:
    """Ranges of days, none across a month's end. Weekend days when the market is closed do not end a range."""
    if not len(days) or series.feed_stype == Series.Stype.PARENT:
        return ()
    month = days.astype("datetime64[D]").astype("datetime64[M]")
    closed_before = np.concatenate([[0], np.cumsum(history.is_closed & ~history.is_covered)])
    between = np.diff(days) - 1
    closed = np.diff(closed_before[days - history.first]) - history.is_closed[days[:-1] - history.first]
    splits = np.flatnonzero((closed < between) | (month[1:] != month[:-1])) + 1
    return tuple(
        _make_unverified(series, history, int(part[0]), int(part[-1]), window) for part in np.split(days, splits)
    )


def _make_unverified(series: Series, history: SeriesHistory, first: int, last: int, window: Window) -> UnverifiedRange:
    bars = history.bars[first - history.first : last + 1 - history.first].copy()
    end = minute_to_datetime(min((last + 1) * DAY_MINUTES, window.available_end))
    if end.hour or end.minute:  # bars that are stored and that the vendor does not have yet do not count
        masks = read_minute_masks(series.symbol, minute_to_datetime(last * DAY_MINUTES), end)
        bars[-1] = np.bitwise_count(masks.minutes).sum()
    return UnverifiedRange(series, minute_to_datetime(first * DAY_MINUTES), end, bars)


def _to_dates(days: np.ndarray) -> tuple[date, ...]:
    return tuple((_EPOCH + days.astype("timedelta64[D]")).astype(object).tolist())
