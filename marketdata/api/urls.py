"""Below /api/. A slash at the end may be there or not. What leads nowhere is answered in JSON, too."""

from csp.decorators import csp_replace
from django.urls import path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from marketdata.api.candles import CandleViewSet
from marketdata.api.not_found import Unknown
from marketdata.api.series import IngestRunViewSet, SeriesViewSet

# Swagger's page writes styles into its own elements.
_with_inline_styles = csp_replace({"style-src": ["'self'", "'unsafe-inline'"]})

SLUG = r"(?P<slug>[-\w]+)"
CANDLES = r"ohlcv-(?P<timeframe>\w+)"


def _series(action: str):
    return SeriesViewSet.as_view({"get": action})


def _candles(action: str):
    return CandleViewSet.as_view({"get": action})


urlpatterns = [
    re_path(r"^market-data/?$", _series("list"), name="series-list"),
    re_path(rf"^market-data/{SLUG}/ohlcv-1m/stats/?$", _series("stats"), name="series-stats"),
    re_path(rf"^market-data/{SLUG}/ohlcv-1m/bars/?$", _series("bars"), name="series-bars"),
    re_path(rf"^market-data/{SLUG}/ohlcv-1m/revisions/?$", _series("revisions"), name="series-revisions"),
    re_path(rf"^market-data/{SLUG}/{CANDLES}/stats/?$", _candles("stats"), name="candle-stats"),
    re_path(rf"^market-data/{SLUG}/{CANDLES}/bars/?$", _candles("bars"), name="candle-bars"),
    re_path(rf"^market-data/{SLUG}/coverage/?$", _series("coverage"), name="series-coverage"),
    re_path(r"^ingest-runs/?$", IngestRunViewSet.as_view({"get": "list"}), name="run-list"),
    re_path(r"^ingest-runs/(?P<pk>\d{1,18})/?$", IngestRunViewSet.as_view({"get": "retrieve"}), name="run-detail"),
    re_path("^(?:docs)?$", RedirectView.as_view(pattern_name="api-docs")),
    path("schema", RedirectView.as_view(pattern_name="schema")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", _with_inline_styles(SpectacularSwaggerSplitView.as_view(url_name="schema")), name="api-docs"),
    re_path("", Unknown.as_view()),
]
