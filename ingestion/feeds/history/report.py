"""What a backfill planned and did: one object that the terminal, scripts and the page show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ingestion.errors import IngestError, Interrupted
from ingestion.feeds.history.budget import Budget, shorten_usd
from ingestion.feeds.history.planning.model import Plan, PlannedRequest, SeriesPlan
from ingestion.feeds.history.planning.vendor_days import Available
from ingestion.feeds.history.price import PricedRequest
from marketdata.models import Backfill, FeedRequest, IngestRun, SeriesDay
from marketdata.timestamps import to_iso

REFUSED_EXIT_CODE = 3


@dataclass(frozen=True)
class BackfillOptions:
    """What a backfill is asked for. Times are UTC. `max_usd` can only lower the cap of a run."""

    slugs: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    max_usd: Decimal | None = None
    is_dry_run: bool = False
    is_daily: bool = False
    include_revised: bool = False
    requested_by: str = ""
    job_id: UUID | None = None


@dataclass(frozen=True)
class RequestOutcome:
    """A request after its purchase, or after its kept file was loaded again (`is_reload`). `run` stored its bars;
    `error` is why it did not arrive or was not stored; `is_unanswered`: the vendor failed to answer for now.
    `live_days`: the days of which live bars differed from what it delivered."""

    request: FeedRequest
    run: IngestRun | None = None
    error: str = ""
    is_reload: bool = False
    is_unanswered: bool = False
    live_days: tuple[SeriesDay, ...] = ()


@dataclass
class BackfillResult:
    """What is known so far; complete at the end.

    `refusal`: why nothing, or nothing more, was bought; `error`: why the backfill ended early. `messages` are other
    sentences. `is_confirmed` is None if no confirmation was needed.
    """

    options: BackfillOptions
    backfill: Backfill | None = None
    available: dict[str, Available] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    priced: list[PricedRequest[PlannedRequest]] = field(default_factory=list)
    is_priced: bool = False
    budget: Budget | None = None
    outcomes: list[RequestOutcome] = field(default_factory=list)
    verified_days: int = 0
    messages: list[str] = field(default_factory=list)
    is_confirmed: bool | None = None
    refusal: str = ""
    error: IngestError | None = None

    @property
    def usd(self) -> Decimal:
        """What the whole plan costs."""
        return sum((one.price.usd for one in self.priced if one.price), Decimal(0))

    @property
    def records(self) -> int:
        """How many records the whole plan brings."""
        return sum(one.price.records for one in self.priced if one.price)

    @property
    def charged_usd(self) -> Decimal:
        """What this backfill was charged."""
        return sum((one.request.charged_usd or Decimal(0) for one in self.bought), Decimal(0))

    @property
    def bought(self) -> list[RequestOutcome]:
        """The outcomes of requests that this backfill sent."""
        own = self.backfill.pk if self.backfill else None
        return [one for one in self.outcomes if not one.is_reload and one.request.backfill_id == own]

    @property
    def failed(self) -> list[RequestOutcome]:
        """What did not arrive, or was not stored."""
        return [one for one in self.outcomes if one.error]

    @property
    def runs(self) -> list[IngestRun]:
        """The runs that stored bars."""
        return [one.run for one in self.outcomes if one.run]

    @property
    def live_days(self) -> list[SeriesDay]:
        """The days of which live bars differed from history, each once."""
        days = {(day.series_id, day.day): day for one in self.outcomes for day in one.live_days}
        return sorted(days.values(), key=lambda day: (day.series.slug, day.day))

    @property
    def exit_code(self) -> int:
        """0: done, or nothing to do; 1: an error; 3: over a cap, or caps unset; 130 or 143: interrupted."""
        if isinstance(self.error, Interrupted):
            return self.error.exit_code
        if self.error or self.failed:
            return 1
        return REFUSED_EXIT_CODE if self.refusal else 0

    @property
    def status(self) -> str:
        """The status of the backfill's row."""
        states = Backfill.Status
        if self.exit_code not in (0, REFUSED_EXIT_CODE):
            return states.FAILED
        return states.REFUSED if self.refusal or self.is_confirmed is False else states.SUCCESS

    @property
    def error_text(self) -> str:
        """The sentence with which the backfill ends, empty if it succeeded."""
        if self.error or self.refusal:
            return str(self.error or self.refusal)
        if self.failed:
            return f"{len(self.failed)} of {len(self.outcomes)} requests failed."
        return ""

    def list_priced(self, one: SeriesPlan) -> list[PricedRequest[PlannedRequest]]:
        """The priced requests of a series."""
        return [priced for priced in self.priced if priced.planned.series.pk == one.series.pk]


def serialize_result(result: BackfillResult) -> dict[str, Any]:
    """The object that --json prints, and that the backfill's row keeps. Money is USD, as text; times are ISO 8601."""
    return {
        "backfill": result.backfill.pk if result.backfill else None,
        "status": "planned" if result.options.is_dry_run and not result.error else result.status,
        "exit_code": result.exit_code,
        "dry_run": result.options.is_dry_run,
        "daily": result.options.is_daily,
        "error": result.error_text,
        "messages": list(result.messages),
        "plan": {
            "requests": len(result.priced) if result.is_priced else len(result.plan.requests),
            "records": result.records if result.is_priced else None,
            "usd": _format_usd(result.usd) if result.is_priced else None,
            "series": [_serialize_series(result, one) for one in result.plan.series],
        },
        "caps": _serialize_budget(result.budget) if result.budget else None,
        "bought": {"requests": len(result.bought), "usd": _format_usd(result.charged_usd)},
        "requests": [_serialize_outcome(one) for one in result.outcomes],
        "inserted": sum(run.inserted_count for run in result.runs),
        "changed": sum(run.changed_count for run in result.runs),
        "verified_days": result.verified_days,
        "live_days_changed": [
            {"series": one.series.slug, "day": one.day.isoformat(), "changed": one.changed} for one in result.live_days
        ],
        "failed": [one.error for one in result.failed],
        "not_yet_available": [
            {"dataset": dataset, "from": to_iso(one.end), "until": to_iso(one.find_next_day())}
            for dataset, one in result.available.items()
        ],
    }


def _serialize_series(result: BackfillResult, one: SeriesPlan) -> dict[str, Any]:
    requests = (
        [_serialize_planned(priced.planned, priced) for priced in result.list_priced(one)]
        if result.is_priced
        else [_serialize_planned(request) for request in one.requests]
    )
    return {
        "series": one.series.slug,
        "dataset": one.series.dataset,
        "symbol": one.series.feed_symbol,
        "stype": one.series.feed_stype,
        "start": to_iso(one.start),
        "end": to_iso(one.end),
        "requests": requests,
        "reloads": [request.pk for request in one.reloads],
        "unverified": [{"start": to_iso(part.start), "end": to_iso(part.end)} for part in one.unverified],
        "degraded_days": _format_days(one.degraded),
        "pending_days": _format_days(one.pending),
        "days_for_person": _format_days(one.for_person),
        "notes": list(one.notes),
    }


def _serialize_planned(request: PlannedRequest, priced: PricedRequest[PlannedRequest] | None = None) -> dict[str, Any]:
    price = priced.price if priced else None
    return {
        "start": to_iso(request.start),
        "end": to_iso(request.end),
        "reason": str(request.reason),
        "days": request.day_count,
        "records": price.records if price else None,
        "usd": _format_usd(price.usd) if price else None,
    }


def _serialize_budget(budget: Budget) -> dict[str, Any]:
    return {
        "run_usd": _format_usd(budget.run_cap),
        "run_left_usd": _format_usd(budget.run_left),
        "month": f"{budget.month:%Y-%m}",
        "month_usd": _format_usd(budget.month_cap),
        "month_charged_usd": _format_usd(budget.month_charged),
        "month_left_usd": _format_usd(budget.month_left),
    }


def _serialize_outcome(one: RequestOutcome) -> dict[str, Any]:
    request, run = one.request, one.run
    return {
        "id": request.pk,
        "series": request.series.slug,
        "start": to_iso(request.start),
        "end": to_iso(request.end),
        "reason": request.reason,
        "state": request.state,
        "reload": one.is_reload,
        "records": request.received_records,
        "usd": _format_usd(request.charged_usd or Decimal(0)),
        "run": run.pk if run else None,
        "inserted": run.inserted_count if run else 0,
        "changed": run.changed_count if run else 0,
        "warnings": request.warnings,
        "error": one.error,
    }


def _format_usd(usd: Decimal) -> str:
    return f"{shorten_usd(usd):f}"


def _format_days(days: tuple[date, ...]) -> list[str]:
    return [day.isoformat() for day in days]
