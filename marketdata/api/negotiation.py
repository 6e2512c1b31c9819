"""Content negotiation of bars and candles, which are JSON pages or files.

The parameter `format` names the representation, whatever the header Accept has. RFC 9110, section 12.5.1, permits that:
programs send the Accept of their HTTP library. Without `format`, Accept selects: text/csv requests the CSV file, and
*/* the JSON page. If it matches no representation, the response is 406.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.responses.json_rows import PageRenderer


class CsvRenderer(BaseRenderer):
    """Declares the media type. `marketdata.api.exports` writes the file."""

    media_type = "text/csv"
    format = "csv"


class ParquetRenderer(BaseRenderer):
    """Declares the media type. `marketdata.api.exports` writes the file."""

    media_type = "application/vnd.apache.parquet"
    format = "parquet"


class ArrowRenderer(BaseRenderer):
    """Declares the media type. `marketdata.api.exports` writes the file."""

    media_type = "application/vnd.apache.arrow.stream"
    format = "arrow"


class FormatNegotiation(DefaultContentNegotiation):
    """`format` first, then Accept. A wrong `format` is negotiated as JSON, in which its error is reported."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderers = list(renderers)
        name = request.query_params.get("format")
        if name is None:
            return self._select_by_accept(request, renderers)
        named = next((renderer for renderer in renderers if renderer.format == name), renderers[0])
        return named, named.media_type

    def _select_by_accept(self, request: Request, renderers: list[BaseRenderer]) -> tuple[BaseRenderer, str]:
        # REST framework finds out whether any representation is acceptable, but ignores qualities.
        renderer, media_type = super().select_renderer(request, renderers)
        preferred = request.get_preferred_type([renderer.media_type for renderer in renderers])
        if preferred in (None, renderer.media_type):
            return renderer, media_type
        return next(renderer for renderer in renderers if renderer.media_type == preferred), preferred


class JsonErrorsViewSet(ViewSet):
    """A viewset whose errors are JSON, whatever was requested."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        renderer = getattr(request, "accepted_renderer", None)
        if isinstance(response, Response) and (renderer is None or renderer.format != PageRenderer.format):
            request.accepted_renderer, request.accepted_media_type = PageRenderer(), PageRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)


class FilesViewSet(JsonErrorsViewSet):
    """A viewset whose responses are JSON pages or files. Errors are JSON, also if a file was requested."""

    renderer_classes = (PageRenderer, CsvRenderer, ParquetRenderer, ArrowRenderer)
    content_negotiation_class = FormatNegotiation
