"""Which series a backfill requests: those that are named, those of every day, or all that are subscribed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ingestion.errors import InputError
from marketdata.models import Series
from marketdata.series import SeveralContracts, UnknownSeries, find_named_series, list_slugs

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
    try:
        return find_named_series(slug)
    except SeveralContracts as error:
        raise UnknownSlug(str(error)) from error
    except UnknownSeries as error:
        similar = difflib.get_close_matches(slug.lower(), list_slugs(), n=_MAX_SIMILAR, cutoff=0.5)
        if similar:
            raise UnknownSlug(f"There is no series '{slug}'. Similar: {', '.join(similar)}.") from error
        raise UnknownSlug(str(error)) from error
