"""What a process left open that died, or was stopped, between paying and storing. Buys nothing.

Called at the start of each backfill, under its lock: no other process works on these requests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.feeds.errors import BrokenDownload, FeedError
from ingestion.feeds.folders import history_path, is_kept, part_path
from ingestion.feeds.history.batch_job import find_submitted
from ingestion.feeds.history.buy import arrive, buy, check
from ingestion.feeds.request_states import mark_failed, store_job
from ingestion.progress import Progress
from marketdata.models import FeedRequest
from marketdata.runs.commits import read_database_time

if TYPE_CHECKING:
    from ingestion.feeds.client import Vendor

_NOTHING = (
    "Paid for, and nothing arrived whole: the process died while it was bought. Run the command again to buy it again "
    "within the caps."
)
_FILE_LOST = (
    "Its file is gone, or was changed, before it was stored. Run the command again to buy it again within the caps."
)


@dataclass
class RecoveryReport:
    """`arrived`: to be ingested. `failed`: closed now, with their charge. `open`: batch jobs that can still arrive.

    `messages` has a sentence for each of the last two.
    """

    arrived: list[FeedRequest] = field(default_factory=list)
    failed: list[FeedRequest] = field(default_factory=list)
    open: list[FeedRequest] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def add(self, request: FeedRequest, message: str = "") -> None:
        """Add the request by its state."""
        states = {FeedRequest.State.ARRIVED: self.arrived, FeedRequest.State.FAILED: self.failed}
        states.get(FeedRequest.State(request.state), self.open).append(request)
        if message:
            self.messages.append(f"Request {request.pk}: {message}")


def recover(vendor: Vendor | None, progress: Progress) -> RecoveryReport:
    """Finish what is open. Without a vendor, batch jobs and counts that need it wait for the next run.

    Raises only what stops the run: an interruption, or an error of the database.
    """
    report = RecoveryReport()
    open_states = [FeedRequest.State.BOUGHT, FeedRequest.State.ARRIVED]
    for request in FeedRequest.objects.filter(state__in=open_states).select_related("series").order_by("pk"):
        progress.raise_if_cancelled()
        try:
            report.add(request, _recover(vendor, request, progress))
        except FeedError as error:
            report.add(request, str(error))
    return report


def _recover(vendor: Vendor | None, request: FeedRequest, progress: Progress) -> str:
    if request.state == FeedRequest.State.ARRIVED:
        return "" if is_kept(request) else _reopen(vendor, request, progress)
    if request.mode == FeedRequest.Mode.BATCH:
        return _recover_batch(vendor, request, progress)
    return _recover_file(vendor, request, progress)


def _recover_file(vendor: Vendor | None, request: FeedRequest, progress: Progress) -> str:
    found = _find_file(request)
    if found:
        try:
            checked = check(vendor, request, found, progress)
        except BrokenDownload:
            pass
        else:
            arrive(request, found, checked)
            return ""
    mark_failed(request, _NOTHING, is_charged=True)
    return _NOTHING


def _find_file(request: FeedRequest) -> Path | None:
    return next((path for path in (history_path(request), part_path(request)) if path.is_file()), None)


def _recover_batch(vendor: Vendor | None, request: FeedRequest, progress: Progress) -> str:
    final = history_path(request)
    if final.is_file():
        final.replace(part_path(request))  # checked again, as a download that is complete
    if vendor is None:
        return "its batch job can be downloaded once DATABENTO_API_KEY is set."
    if not request.job_id:
        job_id = find_submitted(vendor, request)
        if not job_id:
            mark_failed(request, _NOTHING, is_charged=True)
            return _NOTHING
        store_job(request, job_id)
    buy(vendor, request, progress)
    return ""


def _reopen(vendor: Vendor | None, request: FeedRequest, progress: Progress) -> str:
    """A file that is gone before it was stored: downloaded again if it is from a batch job, or else lost."""
    is_batch = bool(request.job_id)
    state = FeedRequest.State.BOUGHT if is_batch else FeedRequest.State.FAILED
    closed = {} if is_batch else {"error": _FILE_LOST, "finished_at": read_database_time()}
    FeedRequest.objects.filter(pk=request.pk, state=FeedRequest.State.ARRIVED).update(state=state, **closed)
    request.refresh_from_db()
    return _recover_batch(vendor, request, progress) if is_batch else _FILE_LOST
