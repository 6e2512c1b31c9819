"""The REST API. It reads; nothing over REST writes."""

from __future__ import annotations

from django.conf import settings
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.serializers import stats_as_json
from marketdata.models import Series
from marketdata.selectors import known_slugs, series_stats


class SeriesViewSet(ViewSet):
    """Minute bars of one series, found by its slug."""

    def stats(self, request: Request, slug: str) -> Response:
        """How much of the series the table holds now, from when to when, and its latest close."""
        series = _series(slug)
        return Response(stats_as_json(series, series_stats(series)))

    def get_permissions(self) -> list:
        # The stats are public as a health check is, unless the operator closes them; bars never are.
        if self.action == "stats" and settings.PUBLIC_STATS:
            return [AllowAny()]
        return [IsAuthenticated()]


def _series(slug: str) -> Series:
    series = Series.objects.filter(slug=slug).first()
    if series is None:
        known = ", ".join(known_slugs()[:20])
        raise NotFound(f"There is no series '{slug}'. Known: {known}.")
    return series
