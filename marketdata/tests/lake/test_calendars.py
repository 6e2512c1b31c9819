"""The small tables beside the bars have the trading days and sessions of this project's calendars."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from marketdata.calendars.trading_days import find_trading_days
from marketdata.lake.calendars import make_tables
from marketdata.lake.errors import LakeError

DAY_MS = 86_400_000
FIRST, LAST = datetime(2024, 2, 26, tzinfo=UTC), datetime(2024, 4, 2, 12, tzinfo=UTC)
CALENDARS = ("CME Globex Equity", "NYSE", "XSAU", "JPX", "")


def make_series(*calendars: str, tick_size: Decimal | None = None) -> list[tuple]:
    return [(f"S{number}", f"s{number}", "", name, tick_size, FIRST, LAST) for number, name in enumerate(calendars)]


@pytest.mark.parametrize("calendar", CALENDARS)
def test_sessions_are_those_of_the_calendar(calendar):
    """Each within one UTC day, and together all open times: of the regular hours, and with the extended ones."""
    rows = make_tables(make_series(calendar))["sessions"].to_pylist()
    assert all(row["utc_day_ms"] <= row["start_ms"] < row["end_ms"] <= row["utc_day_ms"] + DAY_MS for row in rows)
    assert all(row["utc_day_ms"] % DAY_MS == 0 for row in rows)
    days = find_trading_days(calendar, FIRST, LAST)
    for hours, name in (("regular", "spans"), ("all", "all_spans")):
        expected = Counter(
            (day.date, int(start.timestamp()) // 60 + minute)
            for day in days
            for start, end in getattr(day, name)
            for minute in range((end - start).seconds // 60 + (end - start).days * 1440)
        )
        found = Counter(
            (row["session_date"], minute)
            for row in rows
            if row["hours"] == hours and days[0].date <= row["session_date"] <= days[-1].date
            for minute in range(row["start_ms"] // 60_000, row["end_ms"] // 60_000)
        )
        assert found == expected


def test_open_minutes_of_days_are_those_of_their_sessions():
    tables = make_tables(make_series(*CALENDARS))
    minutes: Counter = Counter()
    for row in tables["sessions"].to_pylist():
        if row["hours"] == "regular":
            minutes[row["calendar"], row["session_date"]] += (row["end_ms"] - row["start_ms"]) // 60_000
    days = {(row["calendar"], row["session_date"]): row["open_minutes"] for row in tables["days"].to_pylist()}
    assert {key: count for key, count in days.items() if count} == dict(minutes)
    assert ("NYSE", date(2024, 3, 29)) not in days  # Good Friday


def test_tick_sizes_are_exact_and_may_be_unknown():
    rows = make_series("", tick_size=Decimal("0.000000005")) + make_series("")
    assert make_tables(rows)["series"]["tick_size"].to_pylist() == [Decimal("0.000000005"), None]


def test_no_series_and_an_unknown_calendar():
    assert {name: len(table) for name, table in make_tables([]).items()} == {"series": 0, "days": 0, "sessions": 0}
    with pytest.raises(LakeError, match="unknown calendar Moon"):
        make_tables(make_series("Moon"))
