"""Below /api/market-data/. Addresses end without a slash, and with one they are found as well."""

from django.urls import re_path

from marketdata.api.views import SeriesViewSet

SLUG = r"(?P<slug>[-\w]+)"

urlpatterns = [
    re_path(rf"^{SLUG}/ohlcv-1m/stats/?$", SeriesViewSet.as_view({"get": "stats"}), name="series-stats"),
]
