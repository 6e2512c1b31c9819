"""The OpenAPI description of the API, served at /api/schema/ and shown at /api/docs/."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import AllowAny

# The bounds of PostgreSQL's integer and bigint.
_STORAGE_BOUNDS = {-(2**63), 2**63 - 1, -(2**31), 2**31 - 1}


_RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    int,
    OpenApiParameter.HEADER,
    response=[429, 503],
    description="Seconds to wait before the next request.",
)
_LOCATION = OpenApiParameter(
    "Location",
    str,
    OpenApiParameter.HEADER,
    response=[307],
    description="The same address with the slug of the contract.",
)
_SLUG = OpenApiParameter(
    "slug",
    str,
    OpenApiParameter.PATH,
    description="The name of the series in addresses, in any letter case, or the short code of a contract, such as "
    "nqh5 or nqh25 for nqh2025.",
)


class Schema(AutoSchema):
    """Public endpoints declare no authentication, so that the docs page shows them without a lock."""

    def get_override_parameters(self) -> list[Any]:
        of_series = [_SLUG, _LOCATION] if "{slug}" in self.path else []
        return [*of_series, *super().get_override_parameters(), _RETRY_AFTER]

    def get_auth(self) -> list[dict]:
        if any(isinstance(permission, AllowAny) for permission in self.view.get_permissions()):
            return []
        return super().get_auth()


def remove_storage_bounds(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Remove `minimum` and `maximum` where they are the bounds of a column type. A drf-spectacular postprocessing hook.

    These bounds describe the storage, not the values: a row count has no such limits.
    """
    _remove_storage_bounds(result)
    return result


def _remove_storage_bounds(node: Any) -> None:
    if isinstance(node, dict):
        for name in ("minimum", "maximum"):
            if isinstance(node.get(name), int) and node[name] in _STORAGE_BOUNDS:
                del node[name]
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        _remove_storage_bounds(child)
