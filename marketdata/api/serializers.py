"""What the API says, and in which form."""

from __future__ import annotations

from datetime import UTC, datetime

from marketdata.models import Series
from marketdata.selectors import SeriesStats

EMPTY = "No data ingested yet"


def stats_as_json(series: Series, stats: SeriesStats) -> dict:
    """The stats of one series. `latest_close` is a JSON number, as its readers expect; bars carry exact decimals."""
    body = {
        "row_count": stats.row_count,
        "min_ts": iso(stats.min_ts),
        "max_ts": iso(stats.max_ts),
        "latest_close": None if stats.latest_close is None else float(stats.latest_close),
        "latest_ts": iso(stats.max_ts),
        "symbol": series.symbol,
        "timeframe": "1m",
        "vendor": series.vendor,
    }
    return body if stats.row_count else body | {"message": EMPTY}


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with an explicit offset: 2024-01-01T00:00:00+00:00."""
    return None if moment is None else moment.astimezone(UTC).isoformat()
