"""Faults of time: missing bars, and bars while the exchange is closed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from benchmarks.faults.model import ATTEMPTS, Editor
from marketdata.quality.detectors.model import DAY, HOUR, MINUTE

NEW_YORK = ZoneInfo("America/New_York")
MIN_ACTIVE = 0.75  # share of the minutes that have bars: elsewhere nothing shows that bars are missing


def remove_hour(editor: Editor) -> bool:
    """An hour loses its bars. It had bars in most of its minutes."""
    return _remove_span(editor, "missing hour", 60)


def remove_five_minutes(editor: Editor) -> bool:
    """Five minutes between 09:30 and 16:00 New York lose their bars."""
    ts = editor.bars.ts
    for _ in range(ATTEMPTS):
        start = int(ts[editor.rng.integers(0, len(ts))])
        minute = _find_new_york_minute(start)
        if not 9 * 60 + 35 <= minute <= 15 * 60 + 50 or editor.count(start - 30 * MINUTE, start + 35 * MINUTE) < 63:
            continue
        if editor.is_free(start, start + 5 * MINUTE):
            editor.kept[editor.find(start, start + 5 * MINUTE)] = False
            return editor.record("five missing minutes", (start, start + 5 * MINUTE), "missing")
    return False


def remove_session(editor: Editor) -> bool:
    """A trading day loses its bars."""
    for start, end in editor.pick_days():
        if editor.count(start, end) >= 200:
            where = editor.find(start, end)
            span = editor.span(where.start, where.stop)
            editor.kept[where] = False
            return editor.record("missing session", span, "missing")
    return False


def remove_day(editor: Editor) -> bool:
    """A UTC day loses its bars."""
    for start, _ in editor.pick_days():
        day = (start // DAY + 1) * DAY
        if editor.count(day, day + DAY) >= 500 and editor.is_free(day, day + DAY):
            where = editor.find(day, day + DAY)
            editor.kept[where] = False
            return editor.record("missing day", editor.span(where.start, where.stop), "missing")
    return False


def cut_session(editor: Editor) -> bool:
    """A session loses its last 10 to 120 minutes."""
    for start, end in editor.pick_days():
        where = editor.find(start, end)
        minutes = int(editor.rng.integers(10, 121))
        if where.stop - where.start < 500:
            continue
        close = int(editor.bars.ts[where.stop - 1]) + MINUTE
        tail = close - minutes * MINUTE
        if editor.count(tail, close) >= MIN_ACTIVE * minutes:
            editor.kept[editor.find(tail, close)] = False
            return editor.record("session tail ≥ 10 minutes", (tail, close), "missing")
    return False


def add_closed_bars(editor: Editor) -> bool:
    """One to 60 bars on a weekend, or in a break of the session: copies of the bars before the close."""
    sessions = editor.sessions
    closed_starts, closed_ends = sessions.trading_closed[:-1], sessions.trading_opened[1:]
    for gap in editor.rng.permutation(len(closed_starts)):
        start, end = int(closed_starts[gap]), int(closed_ends[gap])
        count = int(editor.rng.integers(1, 61))
        room = (end - start) // MINUTE
        if room < count + 1 or not editor.is_free(start, end) or editor.count(start - HOUR, start) < 30:
            continue
        first = start + int(editor.rng.integers(0, room - count + 1)) * MINUTE
        if editor.count(start, end):
            continue
        last = editor.find(start - HOUR, start).stop
        for step in range(count):
            bar = {name: int(values[last - 1 - step % 30]) for name, values in editor.values.items()}
            editor.added.append(bar | {"ts": first + step * MINUTE})
        return editor.record("bars while closed", (first, first + count * MINUTE), "outside_session")
    return False


def _remove_span(editor: Editor, name: str, minutes: int) -> bool:
    ts = editor.bars.ts
    for _ in range(ATTEMPTS):
        start = int(ts[editor.rng.integers(0, len(ts))])
        end = start + minutes * MINUTE
        if editor.count(start, end) >= MIN_ACTIVE * minutes and editor.is_free(start, end):
            editor.kept[editor.find(start, end)] = False
            return editor.record(name, (start, end), "missing")
    return False


def _find_new_york_minute(ts: int) -> int:
    moment = datetime.fromtimestamp(ts // 10**9, UTC).astimezone(NEW_YORK)
    return moment.hour * 60 + moment.minute
