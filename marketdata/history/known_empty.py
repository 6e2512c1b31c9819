"""Which ranges are known to be empty: one rule for the plan of a backfill and for the verdicts of gaps."""

from __future__ import annotations

from datetime import datetime

from marketdata.models import KnownEmpty, Series

# The rows `known` of market_known_empty that count: until their `ask_again_at`, and until the vendor changes one of
# their days. What was learned without a date counts until a day is changed after it was learned.
STILL_EMPTY = """
(known.ask_again_at IS NULL OR known.ask_again_at > clock_timestamp())
    AND NOT EXISTS (
        SELECT 1 FROM market_vendor_days AS days
        WHERE days.dataset = known.dataset AND days.last_modified_date > greatest(known.modified, days.day + 1)
            AND days.day >= (known.start AT TIME ZONE 'UTC')::date
            AND days.day < known."end" AT TIME ZONE 'UTC'
            AND (known.modified IS NOT NULL OR days.last_modified_date > (known.learned_at AT TIME ZONE 'UTC')::date)
    )
"""
_OF_SERIES = f"""
SELECT * FROM market_known_empty AS known
WHERE known.series_id = %(series)s AND known.start < %(end)s AND known."end" > %(start)s AND {STILL_EMPTY}
ORDER BY known.start, known.id
"""  # noqa: S608  # a constant


def read_known_empty(series: Series, start: datetime, end: datetime) -> list[KnownEmpty]:
    """The ranges that overlap [start, end) and are not to be asked for again yet, in time order."""
    return list(KnownEmpty.objects.raw(_OF_SERIES, {"series": series.pk, "start": start, "end": end}))
