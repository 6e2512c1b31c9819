"""The library's FOREX calendar: spot currencies, from Sunday 17:00 to Friday 17:00 in New York.

The library also has a session for each Sunday, from Saturday 17:00 to Sunday 17:00, when the market is closed. The
source is the library's own description of this calendar: Sunday 5 p.m. to Friday 5 p.m., closed on Saturdays.
"""

from __future__ import annotations

from marketdata.calendars.overrides.model import Market

MARKETS = (Market(calendars=("FOREX", "FX", "Forex"), base="FOREX", weekdays_closed=(6,)),)
