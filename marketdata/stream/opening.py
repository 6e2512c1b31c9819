"""Opens a stream: subscribes, and reads what the client gets first."""

from __future__ import annotations

from datetime import UTC, datetime

from marketdata.live.query import read_series_state
from marketdata.stream.access import Access
from marketdata.stream.confirmed import find_all_changes, find_confirmed
from marketdata.stream.events import OPENING, Event, build_resync, build_snapshot, build_state, write_events
from marketdata.stream.hub import hub
from marketdata.stream.news import MAX_RUNS
from marketdata.stream.position import Position, find_finished, is_known, read_position
from marketdata.stream.query import TOO_OLD, TooManyChanges
from marketdata.stream.rows import Topic, build_changes, find_formed, read_last_rows
from marketdata.stream.subscription import Subscription

# It removes the id that the client has: without the events after it the client must begin again.
_NO_POSITION = ""


def open_stream(topic: Topic, access: Access, *, limit: int, last_event_id: str) -> Subscription:
    """A subscription that begins with a snapshot of `limit` rows, or with what changed since the event of this id.

    Raises `TooManyStreams`, and `HubUnavailable`.
    """
    subscription = hub.subscribe(topic, access, limit)
    try:
        # Read after subscribing: what a run changes meanwhile comes twice, but never not at all.
        subscription.start(OPENING + _read_first_events(topic, limit, last_event_id))
    except BaseException:
        subscription.close()
        raise
    return subscription


def _read_first_events(topic: Topic, limit: int, last_event_id: str) -> bytes:
    position = read_position()
    state = read_series_state(topic.series).to_json()
    if not last_event_id:
        return write_events([_read_snapshot(topic, limit, state)], before=_NO_POSITION, after=position)
    start = Position.parse(last_event_id)
    try:
        if start is None or not is_known(start, position):
            raise TooManyChanges(TOO_OLD)
        events = [build_state(state), *_read_changes(topic, start)]
        return write_events(events, before=start, after=position)
    except TooManyChanges as reason:
        events = [build_resync(str(reason)), _read_snapshot(topic, limit, state)]
        return write_events(events, before=_NO_POSITION, after=position)


def _read_snapshot(topic: Topic, limit: int, state: dict[str, object]) -> Event:
    return build_snapshot(topic.describe(), read_last_rows(topic, limit, now=datetime.now(UTC)), state)


def _read_changes(topic: Topic, start: Position) -> list[Event]:
    runs = find_finished(start, limit=MAX_RUNS + 1, symbol=topic.series.symbol)
    if len(runs) > MAX_RUNS:
        raise TooManyChanges(TOO_OLD)
    days, now = find_confirmed([topic.series.pk], start), datetime.now(UTC)
    changes = find_formed(topic, start.horizon, now=now) | find_all_changes(topic.series.symbol, runs, days)
    return build_changes(topic, dict(sorted(changes.items())), now=now)
