"""The series that every installation starts with: Micro E-mini Nasdaq-100 futures, continuous.

0003_mnq_series and the squashed migration add it. The name of this module starts with an underscore, so that Django
does not load it as a migration.
"""

from fnmatch import fnmatchcase
from itertools import product

from django.db.models import Q

MNQ = {
    "slug": "mnq",
    "symbol": "CME_MINI:MNQ1!",
    "name": "Micro E-mini Nasdaq-100 futures, continuous",
    "vendor": "databento",
    "dataset": "GLBX.MDP3",
    # The front contract by calendar, volume and open interest, and single outright contracts (month letter and year).
    # This list does not prevent mixing them: the dated instruments of the series do.
    "vendor_symbols": [
        "MNQ.c.0",
        "MNQ.v.0",
        "MNQ.n.0",
        "MNQ[FGHJKMNQUVXZ][0-9]",
        "MNQ[FGHJKMNQUVXZ][0-9][0-9]",
    ],
    "calendar": "CME Globex Equity",
    "tick_size": "0.25",
}
_YEARS = [*(f"{year}" for year in range(10)), *(f"{year:02}" for year in range(100))]
_VENDOR_SYMBOLS = [
    *MNQ["vendor_symbols"][:3],
    *(f"MNQ{month}{year}" for month, year in product("FGHJKMNQUVXZ", _YEARS)),
]


def add_series(apps, schema_editor):
    """Unless a series has its slug or symbol, or claims one of its vendor symbols: that one is mnq with another name."""
    series = apps.get_model("marketdata", "Series").objects
    named = series.filter(Q(slug=MNQ["slug"]) | Q(symbol=MNQ["symbol"]))
    rivals = series.filter(vendor=MNQ["vendor"], dataset__in=["", MNQ["dataset"]])
    if not named.exists() and not any(_claims(one.vendor_symbols) for one in rivals):
        series.create(**MNQ)


def _claims(patterns: list[str]) -> bool:
    return any(fnmatchcase(symbol, pattern) for pattern in patterns for symbol in _VENDOR_SYMBOLS)
