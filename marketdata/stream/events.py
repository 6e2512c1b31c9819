"""Server-sent events as text: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

RETRY_MS = 2000
MEDIA_TYPE = "text/event-stream"

# The client waits so long before it connects again.
OPENING = f"retry: {RETRY_MS}\n\n".encode()
COMMENT = b": open\n\n"


class Event(NamedTuple):
    """The name of an event, and its data: JSON in one line."""

    name: str
    data: str


def write_events(events: Sequence[Event], *, before: object, after: object) -> bytes:
    """The events. The last one has the id `after`; the others have `before`, so that a client which gets a part of
    them will get all of them again."""
    last = len(events) - 1
    return "".join(
        f"id: {after if number == last else before}\nevent: {event.name}\ndata: {event.data}\n\n"
        for number, event in enumerate(events)
    ).encode()


def write_json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def build_state(state: Mapping[str, object]) -> Event:
    return Event("state", write_json(state))


def build_resync(reason: str) -> Event:
    return Event("resync", write_json({"reason": reason}))


def build_snapshot(about: Mapping[str, object], rows: Sequence[str], state: Mapping[str, object]) -> Event:
    """`about` names the series, timeframe and session; `rows` are JSON objects."""
    return Event("snapshot", f'{write_json(about)[:-1]},"bars":[{",".join(rows)}],"state":{write_json(state)}}}')


def build_row(row: str, *, is_revision: bool) -> Event:
    return Event("revision" if is_revision else "bar", row)


def build_removed(ts: str | None) -> Event:
    return Event("revision", write_json({"ts": ts, "removed": True}))


def add_provisional(row: str, is_provisional: bool) -> str:
    """A row of the API with the field `provisional`."""
    return f'{row[:-1]},"provisional":{"true" if is_provisional else "false"}}}'
