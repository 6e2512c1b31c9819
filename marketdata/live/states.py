"""The state of a live feed, for pages, the API and streams. No queries: the rows are arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from marketdata.calendars.exchange import UnknownCalendar
from marketdata.calendars.opening import find_next_open
from marketdata.models.feeds.sessions import FeedStatus
from marketdata.models.series import Series
from marketdata.series_calendars import find_time_zone
from marketdata.timestamps import to_iso

# stream_live records its state every 2 s; a slow database may delay that.
SEEN_WITHIN = timedelta(seconds=20)
NONE, NOT_RUNNING = "none", "not_running"  # beside those of FeedStatus
STATES = (*FeedStatus.State.values, NOT_RUNNING, NONE)

_SUMMER_OR_WINTER = re.compile(r"^([ECMP])[SD]T$")


@dataclass(frozen=True)
class FeedState:
    """`state` is one of STATES; `text` describes it, for example "reconnecting since 14:31 UTC". `reason`: why, as a
    sentence or empty. `until`: when the exchange opens, while it is closed. Times are UTC."""

    state: str
    text: str
    since: datetime | None = None
    until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class SeriesState:
    """The state of a series' feed at the time `now`, and its newest minute with a bar."""

    feed: FeedState
    last_bar: datetime | None
    lag_ms: int | None
    now: datetime

    def to_json(self) -> dict[str, object]:
        """The state as pages and streams have it. `lag_ms`: from the arrival of the last batch to its commit."""
        return {
            "state": self.feed.state,
            "text": self.feed.text,
            "reason": self.feed.reason,
            "since": to_iso(self.feed.since),
            "until": to_iso(self.feed.until),
            "last_bar": to_iso(self.last_bar),
            "lag_ms": self.lag_ms,
            "now": to_iso(self.now),
        }


def describe_dataset(status: FeedStatus | None, now: datetime) -> FeedState:
    """The state of a dataset's feed. Without a row stream_live never ran for it."""
    if status is None:
        return FeedState(NONE, "stream_live has not run yet")
    if status.state == FeedStatus.State.STOPPED:
        return FeedState(
            status.state, f"stopped since {format_time(status.since, now)}", status.since, None, status.reason
        )
    if now - status.seen_at > SEEN_WITHIN:
        text = f"stream_live is not running (last seen {format_time(status.seen_at, now)})"
        return FeedState(NOT_RUNNING, text, status.seen_at)
    since = format_time(status.since, now)
    texts = {
        FeedStatus.State.LIVE: "live",
        FeedStatus.State.CLOSED: "market closed",
        FeedStatus.State.REPLAYING: "catching up: the gateway repeats earlier minutes",
        FeedStatus.State.CONNECTING: f"connecting since {since}",
        FeedStatus.State.RECONNECTING: f"reconnecting since {since}",
    }
    return FeedState(status.state, texts[FeedStatus.State(status.state)], status.since, None, status.reason)


def describe_series(
    series: Series,
    status: FeedStatus | None,
    *,
    is_followed: bool,
    last_bar: datetime | None,
    now: datetime,
) -> SeriesState:
    """The state of a series. `status` is that of its dataset, `is_followed` whether the current session has the series,
    `last_bar` its newest minute."""
    feed = _describe_series(series, status, is_followed, last_bar, now)
    lag = status.lag_ms if status is not None and feed.state != NONE else None
    return SeriesState(feed, last_bar, lag, now)


def _describe_series(
    series: Series, status: FeedStatus | None, is_followed: bool, last_bar: datetime | None, now: datetime
) -> FeedState:
    if not (series.live or is_followed):
        return FeedState(NONE, f"no live feed{_describe_last(last_bar, now)}")
    if status is None:
        return FeedState(NONE, f"stream_live has not run yet{_describe_last(last_bar, now)}")
    found = describe_dataset(status, now)
    if found.state not in (FeedStatus.State.LIVE, FeedStatus.State.CLOSED):
        return found
    opens = _find_next_open(series.calendar, now)
    if opens != now:
        return _describe_closed(series, opens, now)
    if found.state == FeedStatus.State.LIVE and not is_followed:
        return FeedState(FeedStatus.State.CONNECTING, "waiting for the next session of the feed", found.since)
    return found


def _describe_last(last_bar: datetime | None, now: datetime) -> str:
    return f": last bar {format_time(last_bar, now)}" if last_bar else ""


def _describe_closed(series: Series, opens: datetime | None, now: datetime) -> FeedState:
    until = f" until {format_opening(opens, find_time_zone(series), now)}" if opens else ""
    return FeedState(FeedStatus.State.CLOSED, f"market closed{until}", None, opens)


def _find_next_open(calendar: str, now: datetime) -> datetime | None:
    try:
        return find_next_open(calendar, now)
    except UnknownCalendar:
        return now  # as without a calendar


def format_time(moment: datetime, now: datetime) -> str:
    """14:31 UTC; on another date 2026-11-25 14:31 UTC."""
    moment = moment.astimezone(UTC)
    return f"{moment:%H:%M} UTC" if moment.date() == now.astimezone(UTC).date() else f"{moment:%Y-%m-%d %H:%M} UTC"


def format_opening(moment: datetime, zone: str, now: datetime) -> str:
    """17:00 CT: in the exchange's time zone, on another date as Sun 17:00 CT, after a week as 2026-12-06 17:00 CT."""
    local, today = moment.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    days = (local.date() - today.date()).days
    day = "" if days == 0 else f"{local:%a} " if days < 7 else f"{local:%Y-%m-%d} "
    name = _SUMMER_OR_WINTER.sub(r"\1T", local.tzname() or zone)
    return f"{day}{local:%H:%M} {name}"
