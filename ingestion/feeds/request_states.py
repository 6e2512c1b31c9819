"""The states of a bought request, each committed before the next step: arrived whole, or failed.

Every change names the state before it, so that a request that another process has closed is not changed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from django.db import connection

from ingestion.feeds.errors import FeedRefused
from ingestion.feeds.folders import history_path, part_path, to_stored
from ingestion.feeds.history.check_download import CheckedFile
from marketdata.database import to_storable
from marketdata.models import FeedRequest
from marketdata.runs.commits import read_database_time


def store_job(request: FeedRequest, job_id: str) -> None:
    """Keep the id of the vendor's batch job."""
    _change(request, job_id=job_id)


def store_count(request: FeedRequest, records: int) -> None:
    """Keep the vendor's new count: it changed since the price."""
    _change(request, priced_records=records)


def store_warnings(request: FeedRequest, warnings: Sequence[str]) -> None:
    """Keep what the vendor stated beside the data."""
    if warnings:
        _change(request, warnings=to_storable("\n".join(warnings)))


def mark_arrived(request: FeedRequest, found: Path, checked: CheckedFile) -> None:
    """Give the checked file its final name, then commit the request as `arrived`."""
    _replace_ended_session()
    final = history_path(request)
    _sync(found)
    if found != final:
        found.replace(final)
    _sync(final.parent)
    _change(
        request,
        state=FeedRequest.State.ARRIVED,
        file_path=to_stored(final),
        file_sha256=checked.sha256,
        file_size=checked.size,
        received_records=checked.records,
    )


def mark_failed(request: FeedRequest, error: str, *, is_charged: bool) -> None:
    """Delete what arrived and commit the request as `failed`. It keeps its charge unless the vendor sent nothing."""
    _replace_ended_session()
    with contextlib.suppress(OSError, FeedRefused):  # a disk that fails must not keep the request open
        for path in (part_path(request), history_path(request)):
            path.unlink(missing_ok=True)
    charged = {} if is_charged else {"charged_usd": Decimal(0)}
    _change(
        request,
        state=FeedRequest.State.FAILED,
        error=to_storable(error) or "failed",
        finished_at=read_database_time(),
        **charged,
    )


def _change(request: FeedRequest, **fields: object) -> None:
    _replace_ended_session()
    changed = FeedRequest.objects.filter(pk=request.pk, state=FeedRequest.State.BOUGHT).update(**fields)
    if not changed:
        raise FeedRefused(f"Request {request.pk} is not open: another process has closed it.")
    for name, value in fields.items():
        setattr(request, name, value)


def _replace_ended_session() -> None:
    """A server, or a pool, ends sessions that are idle, as this one is during a long download."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()


def _sync(path: Path) -> None:
    """Wait until the file, or the names in the folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
