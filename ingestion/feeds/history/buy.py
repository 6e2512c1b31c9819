"""Buys one request: reserved within the caps, received, checked, and given its final name.

The request is committed as `bought` before it is sent and as `arrived` after its file has its name. Whatever happens
between, `recover` finds out what arrived, and buys nothing a second time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.errors import IngestError
from ingestion.feeds.asks import Ask
from ingestion.feeds.errors import BrokenDownload, FeedError, FeedRefused, TryAgain
from ingestion.feeds.folders import RECORD_BYTES, SPARE_BYTES, describe_os_error, make_folder, part_path, prepare_folder
from ingestion.feeds.history.batch_job import fetch_batch, is_gone
from ingestion.feeds.history.budget import reserve
from ingestion.feeds.history.check_download import CheckedFile, check_download
from ingestion.feeds.request_states import mark_arrived, mark_failed, store_count, store_warnings
from ingestion.feeds.retries import MAX_TRIES, pause
from ingestion.progress import Progress
from marketdata.models import FeedRequest

if TYPE_CHECKING:
    from ingestion.feeds.client import Vendor


class CountUnknown(TryAgain):
    """A whole file has another number of records than was priced, and the vendor cannot be asked again for now. The
    file is kept, and the request stays `bought`."""


def buy(vendor: Vendor, request: FeedRequest, progress: Progress) -> None:
    """Buy a `priced` request, or go on with a `bought` one, until it is `arrived`.

    Raises `OverBudget` or `FeedRefused` for a request that may not be bought: nothing was sent. Raises a `FeedError`
    after the request is `failed`; for a batch job that can still be downloaded, the request stays `bought`.
    """
    if request.state == FeedRequest.State.PRICED:
        prepare_folder(request)
        reserve(request)
    elif request.state != FeedRequest.State.BOUGHT or request.mode != FeedRequest.Mode.BATCH:
        raise FeedRefused(f"Request {request.pk} is {request.state}: it is not sent again.")
    fetch = _fetch_batch if request.mode == FeedRequest.Mode.BATCH else _fetch_stream
    part = part_path(request)
    try:
        checked = fetch(vendor, request, part, progress)
    finally:
        progress.end_file()
    arrive(request, part, checked)


def _fetch_stream(vendor: Vendor, request: FeedRequest, part: Path, progress: Progress) -> CheckedFile:
    try:
        _receive(vendor, request, part, progress)
        # A stream that is paid for is not given up for a signal: checking it is faster than buying it again.
        return check(vendor, request, part, Progress())
    except CountUnknown:
        raise
    except FeedError as error:
        mark_failed(request, str(error), is_charged=error.may_be_charged)
        raise


def _receive(vendor: Vendor, request: FeedRequest, part: Path, progress: Progress) -> None:
    """Send the request until data begins to arrive, at most `MAX_TRIES` times."""
    progress.start_file(part, request.priced_records * RECORD_BYTES)
    progress.step("buy")
    may_be_charged = False
    for number in range(1, MAX_TRIES + 1):
        try:
            store_warnings(request, _send(vendor, request, part))
            return
        except FeedError as error:
            may_be_charged = error.may_be_charged = may_be_charged or error.may_be_charged  # by any of the tries
            if number == MAX_TRIES or not isinstance(error, TryAgain):
                raise
            if not _pause(request, error, number, progress):
                raise


def _send(vendor: Vendor, request: FeedRequest, part: Path) -> list[str]:
    limit = request.priced_records * RECORD_BYTES + SPARE_BYTES
    return vendor.stream(Ask.from_request(request), part, max_bytes=limit)


def _pause(request: FeedRequest, error: TryAgain, number: int, progress: Progress) -> bool:
    try:
        return pause(error, number, progress)
    except IngestError as interrupted:
        mark_failed(request, f"{interrupted} Before that: {error}", is_charged=error.may_be_charged)
        raise


def _fetch_batch(vendor: Vendor, request: FeedRequest, part: Path, progress: Progress) -> CheckedFile:
    make_folder(part.parent)
    try:
        fetch_batch(vendor, request, part, progress)
    except FeedError as error:
        if is_gone(error):
            mark_failed(request, str(error), is_charged=True)
        elif not request.job_id and not error.may_be_charged:
            mark_failed(request, str(error), is_charged=False)
        raise
    try:
        return check(vendor, request, part, progress)
    except BrokenDownload as error:
        mark_failed(request, str(error), is_charged=True)
        raise


def check(vendor: Vendor | None, request: FeedRequest, path: Path, progress: Progress) -> CheckedFile:
    """The file at `path`, if it is whole and has all records. Raises `BrokenDownload` if not."""
    progress.step("check")
    ask = Ask.from_request(request)
    checked = check_download(path, ask, progress)
    if checked.records != request.priced_records:
        _count_again(vendor, request, ask, checked)
    return checked


def arrive(request: FeedRequest, path: Path, checked: CheckedFile) -> None:
    """Give the whole file its final name and commit the request as `arrived`."""
    try:
        mark_arrived(request, path, checked)
    except OSError as error:
        raise FeedRefused(
            f"{path} arrived whole, but could not be renamed ({describe_os_error(error)}): check FEED_DIR and its "
            "disk, then run the command again, which goes on from there and buys nothing twice."
        ) from error


def _count_again(vendor: Vendor | None, request: FeedRequest, ask: Ask, checked: CheckedFile) -> None:
    """The vendor may have changed its data since the price: then its count is now that of the file."""
    if vendor is None:
        raise CountUnknown(f"{_describe_counts(request, ask, checked)}, and its count cannot be asked without a key.")
    try:
        counted = vendor.count_records(ask)
    except FeedError as error:
        raise CountUnknown(
            f"{_describe_counts(request, ask, checked)}, and the vendor's count now is not known ({error}) The file is "
            "kept: run the command again, which checks it and buys nothing twice."
        ) from error
    if counted != checked.records:
        raise BrokenDownload(
            f"{_describe_counts(request, ask, checked)}, so it was not loaded, and may be charged: run the command "
            "again to buy it again within the caps."
        )
    store_count(request, checked.records)


def _describe_counts(request: FeedRequest, ask: Ask, checked: CheckedFile) -> str:
    return (
        f"What arrived for {ask} has {checked.records:,} records, but the vendor counted {request.priced_records:,} "
        "when it was priced"
    )
