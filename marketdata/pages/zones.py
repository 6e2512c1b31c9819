"""Where a series trades, as far as its calendar or dataset says: the time zone that charts offer beside UTC."""

from __future__ import annotations

from marketdata.models import Series

CHICAGO, NEW_YORK, UTC = "America/Chicago", "America/New_York", "UTC"

# The first words of calendar names ("CME Globex Equity", "XNYS") and the first parts of Databento's datasets.
_ZONES = {
    CHICAGO: ("CME", "CBOT", "CBOE", "CFE", "GLBX", "XCBF"),
    NEW_YORK: ("NYSE", "NASDAQ", "XNYS", "XNAS", "NYMEX", "COMEX", "BATS", "ARCX", "DBEQ", "EQUS", "OPRA", "IFUS"),
}


def exchange_zone(series: Series) -> str:
    """The IANA name of the exchange's time zone; UTC if nothing says."""
    for name in (series.calendar, series.dataset):
        for zone, prefixes in _ZONES.items():
            if name.upper().startswith(prefixes):
                return zone
    return UTC
