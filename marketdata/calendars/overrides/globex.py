"""What stopped all markets of CME Globex: late opens and outages.

Unknown: the minutes of an outage are as the press reported them.
"""

from __future__ import annotations

from datetime import date

from marketdata.calendars.overrides.model import DateOverride, halt

DATES = (
    DateOverride(
        date=date(2014, 8, 25),
        halts=(halt("2014-08-24 17:00", "2014-08-24 21:00"),),
        reason="outage, opened late",
        source="CME Group's bulletins, zerohedge.com/news/2014-08-24",
    ),
    DateOverride(
        date=date(2015, 7, 1),
        halts=(halt("2015-06-30 17:00", "2015-06-30 19:45"),),
        reason="leap second, opened late",
        source="CME Group's memo in community.optimusfutures.com/t/1594; Bloomberg, 1 July 2015",
    ),
    DateOverride(
        date=date(2019, 2, 27),
        halts=(halt("2019-02-26 18:40", "2019-02-26 21:45"),),
        reason="outage",
        source="The Wall Street Journal, 28 February 2019",
    ),
    DateOverride(
        date=date(2025, 11, 28),
        halts=(halt("2025-11-27 20:40", "2025-11-28 07:30"),),
        reason="cooling failed in CME's data centre",
        source="Finextra 46983, Nasdaq/RTTNews, 28 November 2025",
    ),
)
