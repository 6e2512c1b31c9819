"""Tickers that come back: a share's symbol may be given to another company after a pause.

A pause is one in which loaded files asked for the symbol and did not map it. After more than 90 such days the file is
refused until `--continue-symbol` confirms that it is the same share.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import pairwise

from django.db.models import Q

from ingestion.dbn.metadata import DbnMetadata
from ingestion.dbn.text import to_printable
from ingestion.errors import MixedInstruments
from ingestion.symbology.mapped_days import DateSpan, join_spans
from marketdata.contracts.datasets import is_us_equities
from marketdata.models import IngestRun, SeriesInstrument

MAX_PAUSE = 90  # days
_ALL_SYMBOLS = "ALL_SYMBOLS"


def refuse_returning_symbols(
    metadata: DbnMetadata, dates_by_symbol: Mapping[str, list[DateSpan]], raw_symbols: Mapping[str, str]
) -> None:
    """Raise `MixedInstruments` for a ticker of the file that was not mapped for more than `MAX_PAUSE` days before it
    returned, although loaded files, or this one, asked for it. `raw_symbols` has the ticker of each series."""
    if not is_us_equities(metadata.dataset):
        return
    stored = _find_stored_dates(metadata.dataset, dates_by_symbol)
    for symbol, dates in dates_by_symbol.items():
        mapped = join_spans([*dates, *stored[symbol]])
        for before, after in pairwise(mapped):
            pause = before[1], after[0]
            if (pause[1] - pause[0]).days <= MAX_PAUSE or _is_stored(stored[symbol], pause):
                continue
            days = _count_asked_days(metadata, raw_symbols[symbol], pause)
            if days > MAX_PAUSE:
                name = to_printable(symbol)
                raise MixedInstruments(
                    f"{metadata.path} has {name} on dates after {days:,} days on which loaded files asked for it and "
                    f"it was not mapped ({pause[0]} to {pause[1] - timedelta(days=1)}), so it may be another share: "
                    "if it is the same one, give --continue-symbol; otherwise give another name with --symbol.",
                    path=metadata.path,
                    symbol=symbol,
                )


def _find_stored_dates(dataset: str, symbols: Iterable[str]) -> dict[str, list[DateSpan]]:
    rows = SeriesInstrument.objects.filter(
        series__symbol__in=list(symbols), dataset=dataset, replaced_by__isnull=True
    ).values_list("series__symbol", "start_date", "end_date")
    stored = defaultdict(list)
    for symbol, start, end in rows:
        stored[symbol].append((start, end))
    return stored


def _is_stored(stored: list[DateSpan], pause: DateSpan) -> bool:
    """Whether the table has both sides of the pause, which was accepted then."""
    joined = join_spans(stored)
    return any(end == pause[0] for _, end in joined) and any(start == pause[1] for start, _ in joined)


def _count_asked_days(metadata: DbnMetadata, symbol: str, pause: DateSpan) -> int:
    """The days of the pause in the ranges of files that asked for the symbol: loaded ones, and this one."""
    runs = IngestRun.objects.filter(
        Q(requested_symbols__contains=[symbol]) | Q(requested_symbols__contains=[_ALL_SYMBOLS]),
        kind__in=IngestRun.LOADS,
        status=IngestRun.Status.SUCCESS,
        vendor_dataset=metadata.dataset,
        requested_start__isnull=False,
        requested_end__isnull=False,
    ).exclude(undone_by__status=IngestRun.Status.SUCCESS, undone_by__left_count=0)
    requested = runs.values_list("requested_start", "requested_end")
    ranges = [(start.date(), end.date()) for start, end in requested if start and end]
    own_start, own_end = metadata.time_range
    if own_start is not None and own_end is not None:
        ranges.append((own_start.date(), own_end.date()))
    asked = join_spans((max(start, pause[0]), min(end, pause[1])) for start, end in ranges)
    return sum((end - start).days for start, end in asked)
