"""The views of the API's description. Of a request's parameters they use `script` only.

drf-spectacular's own views copy `version` into a header and `lang` into addresses. The API has one version and one
language.
"""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response


class SchemaView(SpectacularAPIView):
    def _get_version_parameter(self, request: Request) -> None:
        """No version, whatever the parameter is."""


class DocsView(SpectacularSwaggerSplitView):
    url_name = "schema"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)
        if "script_url" in response.data:
            response.data["script_url"] = f"{reverse('api-docs')}?script="
        return response

    def _get_schema_url(self, request: Request) -> str:
        return reverse(self.url_name)
