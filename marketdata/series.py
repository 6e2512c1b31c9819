"""Series, found by slug or by text."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from marketdata.models import Series


def list_slugs() -> list[str]:
    """All slugs, sorted."""
    return list(Series.objects.order_by("slug").values_list("slug", flat=True))


def search_series(text: str) -> QuerySet[Series]:
    """Series whose slug, symbol or name contains the text, ignoring case; all series for an empty text."""
    if not text:
        return Series.objects.all()
    return Series.objects.filter(Q(slug__icontains=text) | Q(symbol__icontains=text) | Q(name__icontains=text))


def find_series(slug: str) -> Series | None:
    """The series with this slug; else the only one whose slug differs in letter case; else None.

    Slugs are stored in lower case, unless an operator stored another one.
    """
    exact = Series.objects.filter(slug=slug).first()
    if exact is not None:
        return exact
    similar = Series.objects.filter(slug__iexact=slug)[:2]
    return similar[0] if len(similar) == 1 else None


class UnknownSeries(LookupError):
    """No series has this slug. The message lists the first known slugs."""


def find_symbol(slug: str) -> str:
    """Return the symbol of a series, under which its bars are stored. Raises `UnknownSeries`."""
    series = find_series(slug)
    if series is None:
        raise UnknownSeries(f"There is no series '{slug}'. Known: {', '.join(list_slugs()[:20])}.")
    return series.symbol
