"""Pages: by cursor for bars, candles and revisions, by `limit` and `offset` for runs.

REST framework's `CursorPagination` is not used: its cursors are positions in encoded text, where these are times that
clients may also choose.
"""

from __future__ import annotations

from collections.abc import Sequence

from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from marketdata.api.params import DEFAULT_RUNS, MAX_RUNS


def build_next_page(request: Request, cursor: str | None) -> dict[str, str | None]:
    """`next_cursor` and `next`, the absolute address of the following page; both None on the last page."""
    address = request.build_absolute_uri()
    return {"next_cursor": cursor, "next": replace_query_param(address, "cursor", cursor) if cursor else None}


class RunsPagination(LimitOffsetPagination):
    """A page of runs, and how many there are. `RunsParameters` must have checked `limit` and `offset`: this class
    ignores wrong values."""

    default_limit = DEFAULT_RUNS
    max_limit = MAX_RUNS

    def get_paginated_response(self, data: Sequence[dict]) -> Response:
        return Response({"count": self.count, "results": data})

    def get_paginated_response_schema(self, schema: dict) -> dict:
        count = {"type": "integer", "format": "int64", "description": "The number of runs on all pages."}
        return {"type": "object", "required": ["count", "results"], "properties": {"count": count, "results": schema}}
