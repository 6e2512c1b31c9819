"""Which series a backfill requests: those that are named, those of every day, or all that are subscribed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ingestion.errors import InputError
from marketdata.formatting import format_list
from marketdata.models import Series
from marketdata.series import describe_unknown, find_contracts, find_series, list_slugs

_MAX_SIMILAR = 3


class UnknownSlug(InputError):
    """No series has this slug."""


def find_subscribed(slugs: Sequence[str] = (), *, daily: bool = False) -> list[Series]:
    """The series with these slugs, each once; without slugs all subscribed ones, and with `daily` those of every day.

    Raises `InputError` for a slug that no series has, and for a series without a subscription.
    """
    subscribed = Series.objects.exclude(feed_symbol="").order_by("slug")
    if not slugs:
        return list(subscribed.filter(feed_daily=True) if daily else subscribed)
    found = list({series.pk: series for series in map(_find_one, slugs)}.values())
    for series in found:
        if not series.is_subscribed:
            raise InputError(
                f"The series {series.slug} has no subscription: set its dataset, feed symbol and feed stype in the "
                "admin (Series), or on the page Downloads.",
                symbol=series.symbol,
            )
    return [series for series in found if series.feed_daily] if daily else found


def _find_one(slug: str) -> Series:
    series = find_series(slug)
    if series is not None:
        return series
    contracts = find_contracts(slug)
    if len(contracts) == 1:
        return contracts[0]
    if contracts:
        names = format_list(sorted(one.slug for one in contracts))
        raise UnknownSlug(f"'{slug}' is a short code of several contracts: {names}. Name one of them.")
    similar = difflib.get_close_matches(slug.lower(), list_slugs(), n=_MAX_SIMILAR, cutoff=0.5)
    if similar:
        raise UnknownSlug(f"There is no series '{slug}'. Similar: {', '.join(similar)}.")
    raise UnknownSlug(describe_unknown(slug))
