"""Addresses below /api/, with or without a trailing slash. Unknown addresses are answered in JSON."""

from collections.abc import Callable

from csp.decorators import csp_replace
from django.http.response import HttpResponseBase
from django.urls import path, re_path
from django.views.generic import RedirectView
from rest_framework.viewsets import ViewSetMixin

from marketdata.api.bars import BarsViewSet
from marketdata.api.candles import CandleViewSet
from marketdata.api.coverage import CoverageViewSet
from marketdata.api.description.views import DocsView, SchemaView
from marketdata.api.gaps import GapsViewSet
from marketdata.api.live.feeds import FeedsViewSet
from marketdata.api.live.stream import StreamViewSet
from marketdata.api.not_found import NotFoundView
from marketdata.api.quality.views import FindingsViewSet
from marketdata.api.runs import IngestRunViewSet
from marketdata.api.series import SeriesViewSet

# Swagger UI sets inline styles; without this policy the browser blocks them.
_with_inline_styles = csp_replace({"style-src": ["'self'", "'unsafe-inline'"]})

SLUG = r"(?P<slug>.+?)"  # an operator may store any slug, and symbols stand for their series
ID = r"(?P<pk>[0-9]{1,18})"
CANDLES = r"ohlcv-(?P<timeframe>\w+)"


def _get(viewset: type[ViewSetMixin], action: str) -> Callable[..., HttpResponseBase]:
    return viewset.as_view({"get": action})


def _post(viewset: type[ViewSetMixin], action: str) -> Callable[..., HttpResponseBase]:
    return viewset.as_view({"post": action})


urlpatterns = [
    re_path(r"^market-data/?$", _get(SeriesViewSet, "list"), name="series-list"),
    re_path(rf"^market-data/{SLUG}/ohlcv-1m/stats/?$", _get(SeriesViewSet, "stats"), name="series-stats"),
    re_path(rf"^market-data/{SLUG}/ohlcv-1m/bars/?$", _get(BarsViewSet, "bars"), name="series-bars"),
    re_path(
        rf"^market-data/{SLUG}/ohlcv-1m/revisions/?$",
        _get(BarsViewSet, "revisions"),
        name="series-revisions",
    ),
    re_path(rf"^market-data/{SLUG}/{CANDLES}/stats/?$", _get(CandleViewSet, "stats"), name="candle-stats"),
    re_path(rf"^market-data/{SLUG}/{CANDLES}/bars/?$", _get(CandleViewSet, "bars"), name="candle-bars"),
    re_path(rf"^market-data/{SLUG}/ohlcv-1m/stream/?$", _get(StreamViewSet, "bars"), name="series-stream"),
    re_path(rf"^market-data/{SLUG}/{CANDLES}/stream/?$", _get(StreamViewSet, "candles"), name="candle-stream"),
    re_path(rf"^market-data/{SLUG}/coverage/?$", _get(CoverageViewSet, "coverage"), name="series-coverage"),
    re_path(rf"^market-data/{SLUG}/gaps/?$", _get(GapsViewSet, "gaps"), name="series-gaps"),
    re_path(r"^ingest-runs/?$", _get(IngestRunViewSet, "list"), name="run-list"),
    re_path(r"^ingest-runs/(?P<pk>[0-9]{1,18})/?$", _get(IngestRunViewSet, "retrieve"), name="run-detail"),
    re_path(r"^feeds/?$", _get(FeedsViewSet, "list"), name="feed-list"),
    re_path(r"^quality/findings/?$", _get(FindingsViewSet, "list"), name="finding-list"),
    re_path(rf"^quality/findings/{ID}/?$", _get(FindingsViewSet, "retrieve"), name="finding-detail"),
    re_path(rf"^quality/findings/{ID}/acknowledge/?$", _post(FindingsViewSet, "acknowledge"), name="finding-ack"),
    re_path(rf"^quality/findings/{ID}/resolve/?$", _post(FindingsViewSet, "resolve"), name="finding-resolve"),
    re_path(rf"^quality/findings/{ID}/reopen/?$", _post(FindingsViewSet, "reopen"), name="finding-reopen"),
    re_path("^(?:docs)?$", RedirectView.as_view(pattern_name="api-docs")),
    path("schema", RedirectView.as_view(pattern_name="schema")),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", _with_inline_styles(DocsView.as_view()), name="api-docs"),
    re_path("", NotFoundView.as_view()),
]
