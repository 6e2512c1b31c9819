"""CBOT's grains and oilseeds, checked from June 2010 to 2027. `livestock` has CME's cattle and hogs.

CME no longer shows its holiday schedules of past years. QuantConnect Lean's market-hours-database.json has their times,
product by product. Farm news and brokers confirm many of them.

Most Monday holidays end at 19:00 with the session of Tuesday. After Independence Day, Thanksgiving, Christmas and New
Year's Day trading begins in the morning, without an overnight session. In 2016 Monday 26 December ended as other
Mondays do, and so did 2 January 2017.

Unknown, or left as in the library:
- The nights before 2012-12-26, 2022-07-05, 2022-12-27 and 2023-12-26: no schedule was found. The night before
  2016-07-05: Lean has no session, but wheatgrowers.com/blog/post/1593 reports its prices.
- Days after 2026: CME publishes a year ahead. The library closes at 12:00 before and after holidays, CME at 12:05.
- 2014-04-08: corn and wheat were halted from about 12:51 to the close, soybeans were not. They share this calendar.
- Mini-sized contracts closed half an hour later until 2015. They have no calendar of their own.
"""

from __future__ import annotations

from datetime import date, time

from marketdata.calendars.overrides.date_lists import close_early, open_late
from marketdata.calendars.overrides.model import DateOverride, Market, RegularHours

_LEAN_2023 = "QuantConnect Lean, market-hours-database.json of 1 June 2023, Future-cbot-KE"
_LEAN_2026 = "QuantConnect Lean, market-hours-database.json of 21 August 2026, Future-cbot-ZC"

_MOURNING = (
    DateOverride(
        date=date(2018, 12, 5),
        opened=True,
        reason="regular hours on the day of mourning for George H. W. Bush",
        source="CME Group, 2 December 2018; prnewswire.com 300758702",
    ),
    DateOverride(
        date=date(2025, 1, 9),
        close=time(12, 15),
        reason="day of mourning for Jimmy Carter",
        source="CME Group, 30 December 2024; mondovisione.com; issue 486 of pandas_market_calendars",
    ),
)

_CLOSES = (
    *close_early(
        time(12),
        "tradingmarkets.com, Futures/Commodity Trading Holiday Schedule for Year's End, 31 December 2010",
        date(2010, 12, 31),
    ),
    *close_early(time(12), "Cannon Trading, newsletter 692, 28 June 2013", date(2013, 7, 3)),
    *close_early(time(12), _LEAN_2023, date(2014, 7, 3), date(2015, 7, 2)),
    *close_early(
        time(12, 5),
        _LEAN_2023,
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
        date(2020, 11, 27),
        date(2020, 12, 24),
    ),
    *close_early(time(12, 5), _LEAN_2026, date(2021, 11, 26), date(2022, 11, 25)),
    *close_early(time(12, 5), "Successful Farming, 22 November 2023", date(2023, 11, 24)),
    *close_early(time(12, 5), "Successful Farming, 29 November 2024; gleaf.in", date(2024, 11, 29)),
    *close_early(time(12, 5), "Reuters, CBOT Trends, 24 December 2024; tradingkey.com 240255255", date(2024, 12, 24)),
    *close_early(time(12, 5), "Pro Farmer, First Thing Today, 28 November 2025", date(2025, 11, 28)),
    *close_early(time(12, 5), "Pro Farmer, After the Bell, 24 December 2025", date(2025, 12, 24)),
    *close_early(time(12, 5), _LEAN_2026, date(2026, 11, 27), date(2026, 12, 24)),
)

_OPENS = (
    *open_late("-18:00", "09:30", _LEAN_2026, date(2011, 12, 27), date(2012, 1, 3)),
    *open_late(
        "-17:00", "09:30", "International Business Times, Pre-Opening Corn Market Report, 5 July 2012", date(2012, 7, 5)
    ),
    *open_late("-17:00", "09:30", _LEAN_2026, date(2012, 11, 23), date(2013, 1, 2)),
    *open_late("-19:00", "08:30", _LEAN_2026, date(2013, 12, 26)),
    *open_late(
        "-19:00",
        "08:30",
        _LEAN_2023,
        date(2013, 7, 5),
        date(2013, 11, 29),
        date(2014, 1, 2),
        date(2014, 7, 7),
        date(2014, 11, 28),
        date(2014, 12, 26),
        date(2015, 1, 2),
        date(2015, 11, 27),
        date(2016, 11, 25),
        date(2017, 7, 5),
        date(2017, 11, 24),
        date(2017, 12, 26),
        date(2018, 1, 2),
        date(2018, 7, 5),
        date(2018, 11, 23),
        date(2018, 12, 26),
        date(2019, 1, 2),
        date(2019, 7, 5),
        date(2019, 11, 29),
        date(2019, 12, 26),
        date(2020, 1, 2),
        date(2020, 11, 27),
    ),
    *open_late("-19:00", "08:30", "CHS Hedging in Iowa Farmer Today, 2 July 2021; agupdate.com", date(2021, 7, 6)),
    *open_late("-19:00", "08:30", _LEAN_2026, date(2021, 11, 26)),
    *open_late("-19:00", "08:30", "snobelenfarms.com, 22 November 2022 (Eastern time)", date(2022, 11, 25)),
    *open_late("-19:00", "08:30", "Pro Farmer, First Thing Today, 3 January 2023", date(2023, 1, 3)),
    *open_late("-19:00", "08:30", "Pro Farmer, After the Bell, 3 July 2023", date(2023, 7, 5)),
    *open_late("-19:00", "08:30", "Successful Farming, 22 November 2023", date(2023, 11, 24)),
    *open_late("-19:00", "08:30", "CHS Hedging, 28 December 2023; peterson-farms.com", date(2024, 1, 2)),
    *open_late("-19:00", "08:30", "DTN, Fourth of July 2024 Holiday Exchange Schedule", date(2024, 7, 5)),
    *open_late("-19:00", "08:30", "Successful Farming, 29 November 2024; gleaf.in", date(2024, 11, 29)),
    *open_late("-19:00", "08:30", "Reuters, CBOT Trends, 24 December 2024", date(2024, 12, 26)),
    *open_late("-19:00", "08:30", "DTN and getletter.net/143-69, which report no overnight trade", date(2025, 1, 2)),
    *open_late("-19:00", "08:30", "Pro Farmer, First Thing Today, 28 November 2025", date(2025, 11, 28)),
    *open_late("-19:00", "08:30", "DTN's Quick Takes, 26 December 2025", date(2025, 12, 26)),
    *open_late("-19:00", "08:30", _LEAN_2026, date(2026, 1, 2), date(2026, 11, 27)),
)

# From July 2015 on the library is right: until 07:45, and 08:30 to 13:20.
_HOURS = (
    RegularHours(
        first=date(2009, 7, 1),
        last=date(2012, 5, 18),
        hours="-18:00/07:15 09:30/13:15",
        reason="evening and day sessions",
        source="CME Group's change of 1 July 2009; energy.agwired.com, 7 June 2009",
    ),
    RegularHours(
        first=date(2012, 5, 21),
        last=date(2013, 4, 5),
        hours="-17:00/14:00",
        reason="21 hours a day",
        source="CME Group, May 2012; americanagnetwork.com; iqfeed.net, New CBOT/KCBT/MGEX Trading Hours FAQ",
    ),
    RegularHours(
        first=date(2013, 4, 8),
        last=date(2015, 7, 2),
        hours="-19:00/07:45 08:30/13:15",
        reason="the pause before the day session; closed at 13:15",
        source="CME Group, 5 March 2013; Reuters; CBOT submission 13-092. Its end: CME Group's FAQ, June 2015",
    ),
)

MARKETS = (
    Market(
        calendars=(
            "CME_Agriculture",
            "CBOT_Agriculture",
            "COMEX_Agriculture",
            "NYMEX_Agriculture",
            "CMEGlobex_Grains",
            "CMEGlobex_Oilseeds",
        ),
        base="CME_Agriculture",
        hours=_HOURS,
        dates=(*_MOURNING, *_CLOSES, *_OPENS),
    ),
)
