"""The open intervals of one trading date: half-open, disjoint and in time order, all times UTC."""

from __future__ import annotations

from datetime import datetime

Spans = tuple[tuple[datetime, datetime], ...]


def clip_spans(spans: Spans, start: datetime, end: datetime) -> Spans:
    """The parts of the spans that lie within [start, end)."""
    pieces = ((max(opened, start), min(closed, end)) for opened, closed in spans)
    return tuple(piece for piece in pieces if piece[0] < piece[1])


def remove_interval(spans: Spans, start: datetime, end: datetime) -> Spans:
    """The spans without [start, end)."""
    if start >= end:
        return spans
    pieces = (piece for span in spans for piece in ((span[0], min(span[1], start)), (max(span[0], end), span[1])))
    return tuple(piece for piece in pieces if piece[0] < piece[1])


def join_spans(spans: Spans) -> Spans:
    """The same minutes, with spans that touch made one, and without empty spans."""
    joined: list[tuple[datetime, datetime]] = []
    for opened, closed in spans:
        if joined and joined[-1][1] == opened:
            joined[-1] = (joined[-1][0], closed)
        elif opened < closed:
            joined.append((opened, closed))
    return tuple(joined)
