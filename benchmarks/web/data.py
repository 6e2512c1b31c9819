"""What the web server of a benchmark serves."""

from __future__ import annotations

from datetime import UTC, datetime

from benchmarks.harness.measure import empty_tables, invent_bars, vacuum

SERIES = "mnq"


def prepare_series(bars: int) -> str:
    """A series with bars; returns a token that reads them."""
    from marketdata.access.tokens import issue_token
    from marketdata.models import Series

    empty_tables()
    invent_bars(Series.objects.get(slug=SERIES).symbol, first=datetime(2015, 1, 1, tzinfo=UTC), bars=bars)
    vacuum()
    return issue_token(name="benchmark")
