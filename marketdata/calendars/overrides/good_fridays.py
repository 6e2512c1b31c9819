"""Good Fridays on which CME closed, and the library has a short session.

Since 2022 the library has a session on each Good Friday. CME has one only if the employment report is due that morning.
CME publishes a year ahead, so the later dates follow this rule.
"""

from __future__ import annotations

from datetime import date

from marketdata.calendars.overrides.model import DateOverride

_BONDS = "the library's CME_Bond calendar, which separates Good Fridays with the report from those without"

CLOSED_GOOD_FRIDAYS = tuple(
    DateOverride(date=day, closed=True, reason="Good Friday, no employment report", source=source)
    for day, source in (
        (date(2024, 3, 29), f"QuantConnect Lean, market-hours-database.json: all of CME; {_BONDS}"),
        (date(2025, 4, 18), f"Barron's, 18 April 2025: CME Globex is closed; {_BONDS}"),
        (date(2027, 3, 26), _BONDS),
        (date(2028, 4, 14), _BONDS),
    )
)
