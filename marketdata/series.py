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
