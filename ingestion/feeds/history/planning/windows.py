"""The range of time that is planned for a series: what was requested, within what the vendor has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ingestion.feeds.history.planning.vendor_days import Available
from marketdata.models import Series

# A raw symbol has one digit for the year: ten years earlier it was another contract.
_YEARS_OF_A_SYMBOL = 10
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class SeriesWindow:
    """[start, end), UTC, whole minutes; empty if the start is not before the end. `notes` are sentences about what was
    requested and is not available."""

    start: datetime
    end: datetime
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be planned."""
        return self.start >= self.end


def find_window(series: Series, available: Available, start: datetime | None, end: datetime | None) -> SeriesWindow:
    """What is planned for a series: from `start`, or else from its subscription's, to `end`, or else to what is
    available; of a contract, only its life."""
    notes = []
    if start and start < available.start:
        notes.append(
            f"{series.dataset} begins at {_format(available.start)}: --start {_format(start)} is before it, so the "
            "plan begins there."
        )
    if end and end > available.end and not (start and start >= available.end):
        notes.append(
            f"{series.dataset} is available until {_format(available.end)}: --end {_format(end)} is later, so the plan "
            "ends there."
        )
    if start and start >= available.end:
        notes.append(
            f"{series.dataset} is available until {_format(available.end)}: nothing of the requested range is "
            "available yet."
        )
    first = start or (to_midnight(series.feed_start) if series.feed_start else available.start)
    low = max(first, available.start)
    high = min(end or available.end, available.end)
    if series.feed_stype == Series.Stype.RAW_SYMBOL:
        low, high = _clip_to_contract(series, low, high)
    return SeriesWindow(low, max(low, high), tuple(notes))


def to_midnight(day: date) -> datetime:
    """The start of a UTC day."""
    return datetime.combine(day, time(), UTC)


def _clip_to_contract(series: Series, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    last = series.expiration_date or series.last_date
    if last:
        end = min(end, to_midnight(last + timedelta(days=1)))
        start = max(start, to_midnight(last.replace(year=last.year - _YEARS_OF_A_SYMBOL, day=min(last.day, 28))))
    if series.activation_date:
        start = max(start, to_midnight(series.activation_date))
    return start, end


def _format(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
