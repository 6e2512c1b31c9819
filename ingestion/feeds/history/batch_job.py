"""Buys by a batch job: submitted once, waited for, and downloaded, again without a charge for 30 days.

The job's id is committed before anything is waited for. Without one, a job that the vendor already has for the request
is used: the process may have died, or the answer may be lost, after the job was submitted.
"""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.feeds.asks import Ask, JobFile
from ingestion.feeds.errors import BrokenDownload, FeedError, FeedRefused, TryAgain
from ingestion.feeds.request_states import store_job
from ingestion.feeds.retries import MAX_TRIES, pause, sleep
from ingestion.progress import Progress
from marketdata.models import FeedRequest

if TYPE_CHECKING:
    from ingestion.feeds.client import Vendor

_FIRST_POLL_SECONDS = 0.5
_MAX_POLL_SECONDS = 30.0
_MAX_WAIT_SECONDS = 3600.0
_LOOK_BACK = timedelta(hours=1)  # the clocks of the database and of the vendor may differ
_DATA = ".dbn.zst"


class JobLost(BrokenDownload):
    """The vendor does not have the job's file any more, or never made it."""


def fetch_batch(vendor: Vendor, request: FeedRequest, part: Path, progress: Progress) -> None:
    """Download the file of the request's job to `part`. Submits the job first, unless there is one.

    Raises `JobLost` if there is nothing to download any more. After any other error the same call goes on.
    """
    if not request.job_id:
        progress.step("submit batch job")
        store_job(request, _find_or_submit(vendor, request, progress))
    try:
        _download(vendor, request.job_id, part, progress)
    except FeedError as error:
        if not is_gone(error):
            raise
        sleep(_FIRST_POLL_SECONDS, progress)  # one answer is not enough to give up what is paid for
        _download(vendor, request.job_id, part, progress)


def _download(vendor: Vendor, job_id: str, part: Path, progress: Progress) -> None:
    progress.step("wait for batch job")
    _wait(vendor, job_id, progress)
    file = _select_file(job_id, vendor.list_files(job_id))
    progress.step("download batch job")
    progress.start_file(part, file.size)
    vendor.download(file, part, progress)


def find_submitted(vendor: Vendor, request: FeedRequest) -> str | None:
    """The id of a job that the vendor has for the request, and that no other request has."""
    assert request.bought_at is not None
    used = set(FeedRequest.objects.exclude(job_id="").values_list("job_id", flat=True))
    return vendor.find_job(Ask.from_request(request), request.bought_at - _LOOK_BACK, exclude=used)


def _find_or_submit(vendor: Vendor, request: FeedRequest, progress: Progress) -> str:
    """The id of the one job. A try without an answer may have submitted it: then the vendor has a job more."""
    if job_id := find_submitted(vendor, request):
        return job_id
    ask = Ask.from_request(request)
    before = vendor.list_jobs(ask)  # of other requests, and of other databases
    may_be_charged = False
    for number in range(1, MAX_TRIES + 1):
        try:
            return vendor.submit_job(ask)
        except TryAgain as error:
            may_be_charged = error.may_be_charged = may_be_charged or error.may_be_charged
            is_last = number == MAX_TRIES or not pause(error, number, progress)
            if added := [job_id for job_id in vendor.list_jobs(ask) if job_id not in before]:
                return added[0]
            if is_last:
                raise
    raise AssertionError("the last try returns or raises")


def _wait(vendor: Vendor, job_id: str, progress: Progress) -> None:
    seconds, until = _FIRST_POLL_SECONDS, time.monotonic() + _MAX_WAIT_SECONDS
    while (state := str(vendor.get_job(job_id).get("state"))) != "done":
        if state == "expired":
            raise _lost(job_id, "has expired")
        if time.monotonic() > until:
            raise TryAgain(
                f"The batch job {job_id} is still {state} after an hour: run the command again later, which goes on "
                "with it without a new charge."
            )
        sleep(seconds, progress)
        seconds = min(seconds * 1.5, _MAX_POLL_SECONDS)


def _select_file(job_id: str, files: list[JobFile]) -> JobFile:
    data = [file for file in files if file.name.endswith(_DATA)]
    if len(data) != 1:
        raise _lost(job_id, f"has {len(data)} data files, not one")
    return data[0]


def _lost(job_id: str, why: str) -> JobLost:
    return JobLost(
        f"The batch job {job_id} {why}, so its data is paid for and lost: run the command again to buy it again within "
        "the caps, or ask Databento about the job."
    )


def is_gone(error: FeedError) -> bool:
    """Whether the vendor itself states that it does not have the job any more; a wrong address is 404 too."""
    is_stated = error.status in (404, 410) and isinstance(error, FeedRefused) and bool(error.case)
    return isinstance(error, JobLost) or (is_stated and "not_ready" not in str(error))
