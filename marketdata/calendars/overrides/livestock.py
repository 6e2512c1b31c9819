"""CME's cattle and hogs, checked from June 2010 to 2027. The sources are those of `agriculture`.

Unknown, or left as in the library:
- Evening sessions after the holidays from July 2010 to September 2011, and the close on 2012-04-05: no schedule was
  found, so they have regular hours. From December 2011 on there was no session in the evening of a holiday, except
  Thanksgiving in 2011 and 2012.
- 2010-12-31: 12:15 in Lean, noon in a newsletter. 2016-12-23: 12:15 in Lean's file of 2023, 12:05 in that of 2026.
- 2014-04-08: halted from about 12:51 for "more than 90 minutes" (Bloomberg). The minute of the end is unknown.
- Closes after 2026: CME publishes a year ahead. The library's 12:05 stays next to Thanksgiving and Christmas.
"""

from __future__ import annotations

from datetime import date, time

from marketdata.calendars.overrides.date_lists import close_early, open_late
from marketdata.calendars.overrides.model import DateOverride, Market, RegularHours

_LEAN_2023 = "QuantConnect Lean, market-hours-database.json of 1 June 2023, Future-cme-LE"
_LEAN_2026 = "QuantConnect Lean, market-hours-database.json of 21 August 2026, Future-cme-LE"

_JUNETEENTHS = tuple(
    DateOverride(date=day, closed=True, reason="Juneteenth", source=source)
    for day, source in (
        (date(2022, 6, 20), "kdhlradio.com, Markets Closed Monday For Juneteenth"),
        (date(2023, 6, 19), _LEAN_2026),
        (date(2024, 6, 19), _LEAN_2026),
        (date(2025, 6, 19), _LEAN_2026),
        (date(2026, 6, 19), _LEAN_2026),
        (date(2027, 6, 18), _LEAN_2026),
    )
)

_MOURNING = DateOverride(
    date=date(2025, 1, 9),
    close=time(12, 15),
    reason="day of mourning for Jimmy Carter",
    source="CME Group, 30 December 2024; CMC Markets, 8 January 2025; Pro Farmer, 9 January 2025",
)

_CLOSES = (
    *close_early(time(12), _LEAN_2023, date(2010, 11, 26)),
    *close_early(
        time(12, 15),
        _LEAN_2023,
        date(2010, 12, 31),
        date(2011, 11, 25),
        date(2012, 11, 23),
        date(2012, 12, 24),
        date(2013, 7, 3),
        date(2013, 11, 29),
        date(2013, 12, 24),
        date(2014, 7, 3),
        date(2014, 11, 28),
        date(2014, 12, 24),
        date(2015, 7, 2),
        date(2015, 11, 27),
        date(2015, 12, 24),
        date(2016, 11, 25),
        date(2016, 12, 23),
        date(2017, 7, 3),
        date(2017, 11, 24),
        date(2017, 12, 22),
        date(2018, 7, 3),
        date(2018, 11, 23),
        date(2018, 12, 24),
        date(2019, 7, 3),
        date(2019, 11, 29),
        date(2019, 12, 24),
        date(2020, 7, 2),
    ),
    *close_early(time(12, 15), "Pro Farmer, After the Bell, 24 December 2025", date(2025, 12, 24)),
    *close_early(time(12, 15), _LEAN_2026, date(2026, 12, 24)),
    # The hours of a Friday on the Thursday before a long weekend.
    *close_early(time(13, 55), _LEAN_2023, date(2011, 4, 21), date(2014, 4, 17), date(2015, 4, 2), date(2015, 12, 31)),
    *close_early(time(13, 55), _LEAN_2026, date(2013, 3, 28)),
)

_OPENS = (
    *open_late(
        "-17:00",
        "09:05",
        _LEAN_2023,
        date(2011, 12, 27),
        date(2012, 1, 3),
        date(2012, 1, 17),
        date(2012, 2, 21),
        date(2012, 5, 29),
        date(2012, 7, 5),
        date(2012, 9, 4),
        date(2012, 12, 26),
        date(2013, 1, 2),
        date(2013, 1, 22),
        date(2013, 2, 19),
        date(2013, 5, 28),
        date(2013, 7, 5),
        date(2013, 9, 3),
        date(2013, 11, 29),
        date(2013, 12, 26),
        date(2014, 1, 2),
        date(2014, 1, 21),
        date(2014, 2, 18),
        date(2014, 5, 27),
        date(2014, 9, 2),
    ),
    # A Tuesday after a holiday had the opening of a Monday.
    *open_late(
        "08:00",
        "09:05",
        _LEAN_2023,
        date(2015, 1, 20),
        date(2015, 2, 17),
        date(2015, 5, 26),
        date(2015, 9, 8),
        date(2016, 1, 19),
        date(2016, 2, 16),
    ),
)

# From 29 February 2016 on the library is right: 08:30 to 13:05 (CME's SER-7591).
_HOURS = (
    RegularHours(
        first=date(2010, 6, 7),
        last=date(2014, 10, 24),
        hours="-17:00/16:00",
        weekdays={0: "09:05/16:00", 4: "-17:00/13:55"},
        reason="day and night from Monday morning to Friday",
        source="Reuters, 15 July 2014, usa-livestock-cme; DTN, CME Sets New Livestock Hours, October 2014",
    ),
    RegularHours(
        first=date(2014, 10, 27),
        last=date(2016, 2, 26),
        hours="08:00/16:00",
        weekdays={0: "09:05/16:00", 4: "08:00/13:55"},
        reason="no night sessions",
        source="Reuters, 3 October 2014, usa-livestock-cme-group; its end: CME's SER-7591",
    ),
)

MARKETS = (
    Market(
        calendars=(
            "CMEGlobex_Livestock",
            "CMEGlobex_Live_Cattle",
            "CMEGlobex_Feeder_Cattle",
            "CMEGlobex_Lean_Hog",
            "CMEGlobex_Port_Cutout",
        ),
        base="CMEGlobex_Livestock",
        hours=_HOURS,
        dates=(*_JUNETEENTHS, _MOURNING, *_CLOSES, *_OPENS),
    ),
)
