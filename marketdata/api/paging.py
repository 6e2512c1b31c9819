"""Cursor pages: the cursor for clients that build addresses, and the complete address for those that follow it."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param


def build_next_page(request: Request, cursor: str | None) -> dict[str, str | None]:
    """`next_cursor` and `next`, the absolute address of the following page; both None on the last page."""
    address = request.build_absolute_uri()
    return {"next_cursor": cursor, "next": replace_query_param(address, "cursor", cursor) if cursor else None}
