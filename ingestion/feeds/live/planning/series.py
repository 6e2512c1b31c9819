"""Which series stream_live receives: those that are live, or those that are named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ingestion.errors import InputError
from ingestion.feeds.history.daily import find_subscribed
from marketdata.models import Series

NO_SERIES = (
    "No series is live: switch “live” on for a series in the admin (Series) or on the page Downloads, or name one with "
    "--series."
)


def find_live_series(slugs: Sequence[str] = ()) -> dict[str, list[Series]]:
    """The series to receive, by dataset. With slugs, these, whether they are live or not.

    Raises `InputError` for an unknown slug, a series without a subscription, and if no series is live.
    """
    if slugs:
        found = find_subscribed(slugs)
    else:
        found = list(Series.objects.filter(live=True).exclude(feed_symbol="").order_by("slug"))
    if not found:
        raise InputError(NO_SERIES)
    by_dataset: dict[str, list[Series]] = {}
    for series in found:
        by_dataset.setdefault(series.dataset, []).append(series)
    return by_dataset


def is_expired(series: Series, day: date) -> bool:
    """Whether the series is one contract that had its last day before this UTC date."""
    last = series.expiration_date or series.last_date
    return series.feed_stype == Series.Stype.RAW_SYMBOL and last is not None and last < day
