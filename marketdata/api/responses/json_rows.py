"""Rows that are formatted as JSON already: `json.dumps` would need a dict for each of thousands.

Numbers, prices as decimal text, dates and times need no escape. Other texts go through `encode_text`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework.renderers import JSONRenderer

# In quotes, with the escapes of REST framework, which leaves characters beyond ASCII as they are.
encode_text = json.JSONEncoder(ensure_ascii=False).encode

_EMPTY = b'"bars":[]'


class JsonRows:
    """The elements of an array, each a JSON object in the compact form of REST framework."""

    def __init__(self, rows: Iterable[str]) -> None:
        self._text = ",".join(rows)

    def encode(self) -> bytes:
        """The array."""
        # As REST framework: JavaScript once read these characters as ends of lines.
        text = self._text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        return f"[{text}]".encode()

    def to_list(self) -> list[dict[str, Any]]:
        """The array's objects."""
        rows: list[dict[str, Any]] = json.loads(self.encode())
        return rows


class PageRenderer(JSONRenderer):
    """As REST framework's renderer, for `JsonRows`, and for a page with `JsonRows` as its `bars`."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        is_indented = self.get_indent(accepted_media_type or "", renderer_context or {}) is not None
        if isinstance(data, JsonRows):
            return (
                super().render(data.to_list(), accepted_media_type, renderer_context) if is_indented else data.encode()
            )
        rows = data.get("bars") if isinstance(data, dict) else None
        if not isinstance(rows, JsonRows):
            return super().render(data, accepted_media_type, renderer_context)
        if is_indented:
            return super().render(data | {"bars": rows.to_list()}, accepted_media_type, renderer_context)
        page = super().render(data | {"bars": []}, accepted_media_type, renderer_context)
        # A text in the page cannot contain this: JSON escapes its quotes.
        start, end = page.split(_EMPTY)
        return b"".join((start, b'"bars":', rows.encode(), end))
