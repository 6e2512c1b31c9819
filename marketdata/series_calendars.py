"""The calendar that a series should have by its product, why it has the one that it has, and its time zone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from marketdata.calendars.exchange import UnknownCalendar, get_exchange
from marketdata.calendars.products import CalendarProposal, propose_calendar
from marketdata.contracts.roots import list_roots
from marketdata.models import IngestRun, Series, SeriesInstrument

# The time zones of Databento's venues, which are the first part of a dataset's name (GLBX.MDP3).
_VENUES = {
    "America/Chicago": ("GLBX", "XCBF"),
    "America/New_York": (
        *("ARCX", "BATS", "BATY", "DBEQ", "EDGA", "EDGX", "EPRL", "EQUS", "FINN", "FINY", "IEXG", "IFUS"),
        *("MEMX", "OPRA", "XASE", "XBOS", "XCHI", "XCIS", "XNAS", "XNYS", "XPSX"),
    ),
    "Asia/Tokyo": ("XOSE", "XTKS", "XTKT"),
    "Europe/Amsterdam": ("NDEX",),
    "Europe/Berlin": ("XEEE", "XEUR"),
    "Europe/London": ("IFEU", "IFLL"),
}
_ZONE_OF_VENUE = {venue: zone for zone, venues in _VENUES.items() for venue in venues}


def propose_for_symbol(
    symbol: str, dataset: str, file_symbols: Iterable[str] = (), *, root: str = ""
) -> CalendarProposal:
    """The calendar of a series with this symbol. `file_symbols` are those of its files: if they name a product, the
    symbol, which an operator may have chosen, does not count. `root` counts if none of them names one."""
    roots = _list_all_roots(file_symbols, dataset) or list_roots(symbol, dataset) or ([root] if root else [])
    return propose_calendar(dataset=dataset, roots=roots)


def propose_for_series(series: Series) -> CalendarProposal:
    """The calendar of a stored series, by its files. A series of any dataset has that of its files' dataset."""
    rows = SeriesInstrument.current.filter(series=series).order_by()
    pairs = sorted(rows.values_list("dataset", "raw_symbol").distinct())
    datasets = [series.dataset] if series.dataset else list(dict.fromkeys(dataset for dataset, _ in pairs))
    symbols = [raw_symbol for _, raw_symbol in pairs if raw_symbol] or _list_requested_symbols(rows)
    symbols = symbols or series.vendor_symbols
    proposals = [propose_for_symbol(series.symbol, one, symbols, root=series.root) for one in datasets or [""]]
    if len({proposal.calendar for proposal in proposals}) > 1:
        return CalendarProposal("", f"its files are of {' and '.join(datasets)}")
    return proposals[0]


def describe_calendar(series: Series) -> str:
    """The sentence about the calendar of a series: why it has it, or that an operator set it."""
    proposal = propose_for_series(series)
    if series.calendar == proposal.calendar:
        return proposal.reason
    if not proposal.calendar:
        return f"{series.calendar}, set by hand: {proposal.cause}."
    if not series.calendar:
        return f"No calendar is set. Its product has {proposal.reason}"
    return f"{series.calendar}, set by hand. Its product has {proposal.reason}"


def find_time_zone(series: Series) -> str:
    """The IANA name of the exchange's time zone.

    It is that of the series' calendar; without a known calendar that of its dataset; UTC if both are unknown.
    """
    if series.calendar:
        try:
            return get_exchange(series.calendar).zone.key
        except UnknownCalendar:
            pass  # the page opens even so, and reports it
    return _ZONE_OF_VENUE.get(series.dataset.partition(".")[0].upper(), "UTC")


def _list_requested_symbols(rows: QuerySet[SeriesInstrument]) -> list[str]:
    """What the files of a series requested whose symbol was given with --symbol: their own symbols are not stored."""
    requests = IngestRun.objects.filter(pk__in=rows.values("run")).values_list("requested_symbols", flat=True)
    return sorted({symbol for symbols in requests for symbol in symbols})


def _list_all_roots(symbols: Iterable[str], dataset: str) -> Sequence[str]:
    return list(dict.fromkeys(root for symbol in symbols for root in list_roots(symbol, dataset)))
