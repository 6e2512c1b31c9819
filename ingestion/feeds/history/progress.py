"""What a backfill reports while it runs, beside what the pipeline reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingestion.progress import Progress
from marketdata.models import FeedRequest

if TYPE_CHECKING:
    from ingestion.feeds.history.report import BackfillResult, RequestOutcome


class BackfillProgress(Progress):
    """Shows nothing and never stops a run. A command overrides what it needs."""

    def show_plan(self, result: BackfillResult) -> None:
        """The plan is priced; nothing was bought yet."""

    def start_request(self, request: FeedRequest, number: int, count: int) -> None:
        """The next of `count` requests is bought."""

    def end_request(self, outcome: RequestOutcome) -> None:
        """The request is stored, or failed."""
