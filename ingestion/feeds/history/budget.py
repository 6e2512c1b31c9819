"""The caps: what a backfill, and all backfills of a calendar month, may spend. Nothing is bought beside `reserve`.

A charge counts from before the request is sent, also if nothing arrives. Two processes cannot exceed a cap together,
since both sums are read under one lock of the database, in the transaction that adds the charge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet, Sum

from ingestion.feeds.errors import FeedRefused, OverBudget
from marketdata.advisory_locks import BUDGET
from marketdata.models import Backfill, FeedRequest
from marketdata.runs.commits import read_database_time

# Both halves of the lock's key.

_ZERO = Decimal(0)
_UNSET = (
    "Nothing is bought until both caps are set: set FEED_MAX_USD_PER_RUN and FEED_MAX_USD_PER_MONTH to US dollars "
    "above 0, also for data that costs nothing"
)


@dataclass(frozen=True)
class Budget:
    """The caps and what counts for them, in USD. `month` is its first day, UTC, by the database's clock.

    A cap of 0 is not set. `run_cap` is the smaller one of the setting and `--max-cost`.
    """

    run_cap: Decimal
    month_cap: Decimal
    run_charged: Decimal
    month_charged: Decimal
    month: date
    is_lowered: bool = False  # by --max-cost

    @property
    def run_left(self) -> Decimal:
        """What the backfill may still spend."""
        return max(_ZERO, self.run_cap - self.run_charged)

    @property
    def month_left(self) -> Decimal:
        """What the month may still spend."""
        return max(_ZERO, self.month_cap - self.month_charged)


def read_budget(max_cost: Decimal | None = None, backfill: Backfill | None = None) -> Budget:
    """The caps now. `max_cost` can only lower the cap of the backfill, whose own charges count for it."""
    month = find_month(read_database_time())
    run_cap = settings.FEED_MAX_USD_PER_RUN or _ZERO
    lowered = run_cap if max_cost is None else min(run_cap, max(_ZERO, max_cost))
    charged = FeedRequest.objects.filter(bought_at__isnull=False)
    return Budget(
        run_cap=lowered,
        month_cap=settings.FEED_MAX_USD_PER_MONTH or _ZERO,
        run_charged=_sum(charged.filter(backfill=backfill)) if backfill else _ZERO,
        month_charged=_sum(charged.filter(bought_at__gte=month, bought_at__lt=_find_next_month(month))),
        month=month.date(),
        is_lowered=lowered < run_cap,
    )


def find_month(moment: datetime) -> datetime:
    """The first moment of the UTC month."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _find_next_month(month: datetime) -> datetime:
    years, index = divmod(month.month, 12)
    return month.replace(year=month.year + years, month=index + 1)


def _sum(requests: QuerySet[FeedRequest]) -> Decimal:
    return requests.aggregate(charged=Sum("charged_usd"))["charged"] or _ZERO


def check_plan(budget: Budget, planned_usd: Decimal) -> None:
    """Raise `OverBudget`, with the figures, unless the whole plan is within both caps."""
    if not (settings.FEED_MAX_USD_PER_RUN and settings.FEED_MAX_USD_PER_MONTH):
        raise OverBudget(f"{_UNSET}.")
    if budget.is_lowered and not budget.run_cap:
        raise OverBudget("Nothing is bought with --max-cost 0: give the dollars that this backfill may spend.")
    if planned_usd > budget.run_left:
        name = "--max-cost" if budget.is_lowered else "FEED_MAX_USD_PER_RUN"
        raise OverBudget(
            f"{format_usd(planned_usd)} are more than this backfill may spend: {format_usd(budget.run_left)} are left "
            f"of {format_usd(budget.run_cap)} ({name}). Raise it, or request less with --series, --start and --end."
        )
    if planned_usd > budget.month_left:
        raise OverBudget(
            f"{format_usd(planned_usd)} are more than {budget.month:%B %Y} may still spend: "
            f"{format_usd(budget.month_charged)} of {format_usd(budget.month_cap)} are spent (FEED_MAX_USD_PER_MONTH). "
            "Raise it, request less, or wait for the next month."
        )


def format_usd(usd: Decimal) -> str:
    """Dollars with cents, and with all decimals where those are not exact: "USD 12.30", "USD 0.004313"."""
    return f"USD {shorten_usd(usd):,f}"


def shorten_usd(usd: Decimal) -> Decimal:
    """Exact, with two decimals at least: 0.00, 0.004313."""
    exact = usd.quantize(Decimal("0.000001"))
    cents = exact.quantize(Decimal("0.01"))
    return cents if cents == exact else exact.normalize()


def choose_mode(usd: Decimal) -> FeedRequest.Mode:
    """Whether a request of this price is streamed, or a batch job, which can be downloaded again."""
    above = settings.FEED_BATCH_ABOVE_USD
    return FeedRequest.Mode.STREAM if above is None or usd <= above else FeedRequest.Mode.BATCH


def reserve(request: FeedRequest) -> None:
    """Commit the priced request as `bought` with its charge, if both caps still allow it. Only then may it be sent.

    Otherwise the request is committed as `refused`, and `OverBudget` raised; or `FeedRefused` if another request bought
    the same minutes.
    """
    try:
        with transaction.atomic(durable=True):
            _lock_budget()
            check_plan(_read_budget_for(request), request.priced_usd)
            _mark_bought(request)
    except OverBudget as refusal:
        refuse_request(request, str(refusal))
        raise
    except IntegrityError as error:
        if "request_bought_once" not in str(error):
            raise
        owned = FeedRefused(
            f"Another request has bought minutes of {request.vendor_symbol} in this range, so nothing was bought: run "
            "the command again, which plans only what is missing."
        )
        refuse_request(request, str(owned))
        raise owned from None


def _read_budget_for(request: FeedRequest) -> Budget:
    backfill = request.backfill
    return read_budget(backfill.max_usd if backfill else None, backfill)


def _lock_budget() -> None:
    """Hold the lock of all purchases until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", BUDGET)


def _mark_bought(request: FeedRequest) -> None:
    bought_at = max(read_database_time(), request.priced_at)
    updated = FeedRequest.objects.filter(pk=request.pk, state=FeedRequest.State.PRICED).update(
        state=FeedRequest.State.BOUGHT, bought_at=bought_at, charged_usd=request.priced_usd, mode=request.mode
    )
    if not updated:
        raise FeedRefused(f"Request {request.pk} is not waiting to be bought: another process has changed it.")
    request.state, request.bought_at, request.charged_usd = FeedRequest.State.BOUGHT, bought_at, request.priced_usd


def refuse_request(request: FeedRequest, error: str) -> None:
    """Close a priced request that is not bought."""
    now = read_database_time()
    FeedRequest.objects.filter(pk=request.pk, state=FeedRequest.State.PRICED).update(
        state=FeedRequest.State.REFUSED, error=error, finished_at=now
    )
    request.refresh_from_db()
