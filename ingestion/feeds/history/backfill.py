"""From subscriptions to stored bars: `run_backfill` is the table of contents, one line per step."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from django.db import connection

from ingestion.database import require_database, require_own_session, translate_database_errors
from ingestion.errors import DatabaseUnavailable, IngestError, Interrupted, RunCancelled
from ingestion.feeds.errors import FeedError, FeedRefused, KeyMissing, OverBudget, TryAgain
from ingestion.feeds.history.budget import check_plan, choose_mode, read_budget, refuse_request
from ingestion.feeds.history.buy import buy
from ingestion.feeds.history.daily import find_subscribed
from ingestion.feeds.history.lock import BackfillLock, hold_backfill_lock
from ingestion.feeds.history.priced_plan import plan_and_price, read_available, read_conditions
from ingestion.feeds.history.progress import BackfillProgress
from ingestion.feeds.history.recover import recover
from ingestion.feeds.history.report import BackfillOptions, BackfillResult, RequestOutcome, serialize_result
from ingestion.feeds.history.settle import list_changed_days
from ingestion.feeds.history.store import reload_request, store_request
from marketdata.models import Backfill, FeedRequest, IngestRun, Series
from marketdata.runs.commits import read_database_time

if TYPE_CHECKING:
    from ingestion.feeds.client import Vendor

logger = logging.getLogger(__name__)

_ENDED = "The backfill ended before this was bought."
# What the vendor refuses to the account, not to the request.
_OF_ACCOUNT = ("auth_", "account_")

Confirm = Callable[[BackfillResult], bool]


def run_backfill(
    *, options: BackfillOptions, progress: BackfillProgress | None = None, confirm: Confirm = lambda result: True
) -> BackfillResult:
    """Bring in what is missing, within the caps, request by request, so that a kill loses one at most.

    `confirm` is asked before money is spent, with the priced plan. Returns what was done; an `IngestError` that ended
    it is `error` of the result. Must not be called within a transaction.
    """
    progress = progress or BackfillProgress()
    result = BackfillResult(options)
    with _collect_error(result, progress):
        require_database()
        series = find_subscribed(options.slugs, daily=options.is_daily)
        with _open_backfill(result, series, progress) as lock:
            vendor = _open_vendor(result, progress)
            _finish_open_requests(vendor, result, progress)
            result.available = read_available(vendor, series, result)
            read_conditions(vendor, series, result)
            plan_and_price(vendor, series, result, progress)
            result.budget = read_budget(options.max_usd, result.backfill)
            progress.show_plan(result)
            _reload_kept_files(result, progress)
            if _may_buy(result, confirm):
                _buy_and_store(vendor, lock, result, progress)
    return result


# --- Steps -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _collect_error(result: BackfillResult, progress: BackfillProgress) -> Iterator[None]:
    try:
        with translate_database_errors(progress, what="requests", outcome="the backfill ended; run it again"):
            yield
    except IngestError as error:
        result.error = result.error or error


@contextlib.contextmanager
def _open_backfill(
    result: BackfillResult, series: Sequence[Series], progress: BackfillProgress
) -> Iterator[BackfillLock | None]:
    """The lock and the row of this backfill. A dry run has neither."""
    options = result.options
    if options.is_dry_run:
        yield None
        return
    require_own_session()  # before anything is bought that could not be stored
    with hold_backfill_lock(progress) as lock:
        _close_unbought()
        result.backfill = Backfill.objects.create(
            daily=options.is_daily,
            series=[one.slug for one in series],
            requested_start=options.start,
            requested_end=options.end,
            max_usd=options.max_usd,
            requested_by=options.requested_by,
            job_id=options.job_id,
            started_at=read_database_time(),
        )
        try:
            with translate_database_errors(progress, what="requests", outcome="the backfill ended; run it again"):
                yield lock
        except IngestError as error:
            result.error = error
        except BaseException as error:
            result.error = IngestError(f"The program failed ({type(error).__name__}).")
            raise
        finally:
            connection.close_if_unusable_or_obsolete()
            _close_backfill(result)


def _close_unbought() -> None:
    """Requests that a process priced, and did not buy before it died."""
    for request in FeedRequest.objects.filter(state=FeedRequest.State.PRICED):
        refuse_request(request, _ENDED)


def _close_backfill(result: BackfillResult) -> None:
    assert result.backfill is not None
    fields = {
        "status": result.status,
        "error": result.error_text if result.status != Backfill.Status.SUCCESS else "",
        "finished_at": max(read_database_time(), result.backfill.started_at),
        "summary": serialize_result(result),
    }
    Backfill.objects.filter(pk=result.backfill.pk).update(**fields)


def _open_vendor(result: BackfillResult, progress: BackfillProgress) -> Vendor | None:
    """None without a key: then the plan follows from what is stored, and the backfill ends with the reason."""
    from ingestion.feeds.client import open_vendor  # the vendor's library takes half a second to import

    try:
        return open_vendor(progress)
    except KeyMissing as error:
        result.error = error
        return None


def _finish_open_requests(vendor: Vendor | None, result: BackfillResult, progress: BackfillProgress) -> None:
    """What an earlier process paid for and did not store."""
    if result.options.is_dry_run:
        return
    report = recover(vendor, progress)
    result.messages += report.messages
    for request in report.arrived:
        _add_outcome(result, request, partial(store_request, request, progress, result.backfill))


def _reload_kept_files(result: BackfillResult, progress: BackfillProgress) -> None:
    """Lost bars whose files are kept: nothing is bought."""
    if result.options.is_dry_run:
        return
    for request in result.plan.reloads:
        progress.raise_if_cancelled()
        _add_outcome(result, request, partial(reload_request, request, progress, result.backfill), is_reload=True)


def _may_buy(result: BackfillResult, confirm: Confirm) -> bool:
    """Whether the plan is within the caps, and confirmed. A plan over a cap is recorded as refused."""
    if not result.priced:
        return False
    assert result.budget is not None
    try:
        check_plan(result.budget, result.usd)
    except OverBudget as refusal:
        if result.options.is_dry_run:
            result.messages.append(f"It would be refused: {refusal}")
            return False
        result.refusal = str(refusal)
        _create_requests(result, FeedRequest.State.REFUSED, error=result.refusal, finished_at=read_database_time())
        return False
    if result.options.is_dry_run:
        return False
    result.is_confirmed = confirm(result)
    return result.is_confirmed


def _create_requests(result: BackfillResult, state: str, **fields: object) -> list[FeedRequest]:
    now = read_database_time()
    requests = [
        FeedRequest(
            backfill=result.backfill,
            series=one.planned.series,
            dataset=one.planned.ask.dataset,
            schema=one.planned.ask.schema,
            stype_in=one.planned.ask.stype,
            vendor_symbol=one.planned.ask.symbol,
            start=one.planned.start,
            end=one.planned.end,
            reason=one.planned.reason,
            mode=choose_mode(one.price.usd),
            state=state,
            priced_at=now,
            priced_usd=one.price.usd,
            priced_records=one.price.records,
            vendor_modified=one.planned.modified,
            **fields,
        )
        for one in result.priced
        if one.price
    ]
    return FeedRequest.objects.bulk_create(requests)


def _buy_and_store(
    vendor: Vendor | None, lock: BackfillLock | None, result: BackfillResult, progress: BackfillProgress
) -> None:
    """One request after another: bought, loaded and settled before the next is sent."""
    assert vendor is not None and lock is not None
    requests = _create_requests(result, FeedRequest.State.PRICED)
    try:
        for number, request in enumerate(requests, start=1):
            progress.raise_if_cancelled()
            lock.require()
            progress.start_request(request, number, len(requests))
            if not _buy(vendor, request, result, progress):
                return
            progress.end_request(result.outcomes[-1])
    finally:
        for request in requests:
            if request.state == FeedRequest.State.PRICED:
                refuse_request(request, result.refusal or _ENDED)


def _buy(vendor: Vendor, request: FeedRequest, result: BackfillResult, progress: BackfillProgress) -> bool:
    """Buy and store one request. False if the next ones would fail in the same way."""
    try:
        buy(vendor, request, progress)
    except OverBudget as refusal:
        result.refusal = str(refusal)
        return False
    except FeedError as error:
        if request.state == FeedRequest.State.PRICED:  # nothing was sent: the folder, or its disk
            raise
        is_repeated = bool(result.outcomes) and result.outcomes[-1].is_unanswered
        outcome = RequestOutcome(request, error=str(error), is_unanswered=isinstance(error, TryAgain))
        result.outcomes.append(outcome)
        if _concerns_all(error) or (is_repeated and outcome.is_unanswered):
            raise
        return True
    _add_outcome(result, request, partial(store_request, request, progress, result.backfill))
    return True


def _concerns_all(error: FeedError) -> bool:
    """Whether the next request would fail in the same way: for the key, the money or the network."""
    if isinstance(error, FeedRefused):
        return isinstance(error, KeyMissing) or error.case.startswith(_OF_ACCOUNT)
    return isinstance(error, TryAgain) and error.status is None


def _add_outcome(
    result: BackfillResult, request: FeedRequest, store: Callable[[], IngestRun], *, is_reload: bool = False
) -> None:
    """Load the file of the request. One that is refused does not stop the others."""
    try:
        run = store()
    except (Interrupted, RunCancelled, DatabaseUnavailable):
        raise
    except IngestError as error:
        logger.info("The file of request %s was not stored: %s", request.pk, error)
        result.outcomes.append(RequestOutcome(request, error=str(error), is_reload=is_reload))
    else:
        live_days = () if is_reload else list_changed_days(request, run)
        result.outcomes.append(RequestOutcome(request, run=run, is_reload=is_reload, live_days=live_days))
