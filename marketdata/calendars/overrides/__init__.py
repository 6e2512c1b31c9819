"""Where pandas_market_calendars is wrong, and what is right: each line with its source, or "bars only".

`MARKETS` has the calendars that were checked, from June 2010 on, when Databento's history of CME begins. One module for
each market lists its sources and what is unknown. NYSE was checked against the second calendar that comes with
the library (XNYS of exchange_calendars, which agrees on every day since 2007) and against NYSE Group's own calendars to
2028. All other calendars are used as the library has them.

The tables are for one version of the library. Tests fail when the version changes, when an override is no longer
needed, and when an override has no effect: check the tables again for each new version.
"""

from __future__ import annotations

from dataclasses import replace

from marketdata.calendars.overrides import (
    agriculture,
    crypto,
    currencies,
    currencies_spot,
    energy_metals,
    equities,
    equity_index,
    globex,
    interest_rates,
    livestock,
    other_exchanges,
)
from marketdata.calendars.overrides.model import Market

CHECKED_VERSION = "5.5.0"  # of pandas_market_calendars

# Livestock had no session when Globex stopped.
_CME = (
    *agriculture.MARKETS,
    *crypto.MARKETS,
    *currencies.MARKETS,
    *energy_metals.MARKETS,
    *equity_index.MARKETS,
    *interest_rates.MARKETS,
)

MARKETS: tuple[Market, ...] = (
    *(replace(market, dates=(*market.dates, *globex.DATES)) for market in _CME),
    *livestock.MARKETS,
    *currencies_spot.MARKETS,
    *equities.MARKETS,
    *other_exchanges.MARKETS,
)

_MARKET_OF_CALENDAR = {name: market for market in MARKETS for name in market.calendars}


def find_market(calendar: str) -> Market | None:
    """The overrides of a calendar; None if it is used as the library has it."""
    return _MARKET_OF_CALENDAR.get(calendar)
