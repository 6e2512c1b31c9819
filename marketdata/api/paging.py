"""Where the next page is: for programs that follow addresses, and for those that build their own."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param


def next_page(request: Request, cursor: str | None) -> dict[str, str | None]:
    """The cursor and the whole address of the page behind this one; None at the end."""
    here = request.build_absolute_uri()
    return {"next_cursor": cursor, "next": replace_query_param(here, "cursor", cursor) if cursor else None}
