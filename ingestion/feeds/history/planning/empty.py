"""Remembers ranges for which the vendor has nothing, so that they are not asked for each time."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from ingestion.feeds.errors import NothingThere
from ingestion.feeds.history.planning.model import PlannedRequest
from marketdata.models import KnownEmpty
from marketdata.runs.commits import read_database_time

_RECENT = timedelta(days=7)  # the vendor may still add data of such days
_ASK_AGAIN_AFTER = timedelta(days=1)


def store_empty(planned: PlannedRequest, available_end: datetime, refusal: NothingThere | None = None) -> None:
    """The vendor counts no record in the range of the request, or resolves no symbol (`refusal`).

    A range that ends shortly before `available_end` is asked for again after a day, any other when the vendor changes
    one of its days.
    """
    now = read_database_time()
    is_recent = planned.end > available_end - _RECENT
    with transaction.atomic():
        KnownEmpty.objects.filter(series=planned.series, start__gte=planned.start, end__lte=planned.end).delete()
        KnownEmpty.objects.create(
            series=planned.series,
            dataset=planned.series.dataset,
            vendor_symbol=planned.series.feed_symbol,
            start=planned.start,
            end=planned.end,
            why=KnownEmpty.Why.NOT_RESOLVED if refusal else KnownEmpty.Why.NO_RECORDS,
            evidence=str(refusal) if refusal else "The vendor counts 0 records.",
            learned_at=now,
            ask_again_at=now + _ASK_AGAIN_AFTER if is_recent else None,
            modified=planned.modified,
        )
