"""CME Group's agricultural markets. The library's calendars of "agriculture" have the hours of grains."""

from __future__ import annotations

from marketdata.calendars.overrides.grains import GRAINS
from marketdata.calendars.overrides.livestock import LIVESTOCK
from marketdata.calendars.overrides.model import Market

MARKETS: tuple[Market, ...] = (GRAINS, LIVESTOCK)
