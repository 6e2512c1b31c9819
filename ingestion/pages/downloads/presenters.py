"""What the page of downloads shows, formatted for display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Max

from ingestion.feeds.history.budget import format_usd
from ingestion.feeds.spending import MonthlySpending
from ingestion.jobs.schedule import find_next_daily
from marketdata.formatting import format_count
from marketdata.models import Backfill, FeedRequest, Series, SeriesDay
from marketdata.pages.presenters import Moment, moment

REQUESTS_PER_PAGE = 50
MAX_LIVE_DAYS = 30


@dataclass(frozen=True)
class SubscriptionRow:
    """A series that backfill can request."""

    series: Series
    covered_until: Moment | None
    last: Backfill | None
    next_run: Moment | None

    @property
    def start(self) -> str:
        return f"{self.series.feed_start:%Y-%m-%d}" if self.series.feed_start else "the dataset's start"

    @property
    def kind(self) -> str:
        return self.series.feed_stype.replace("_", " ")

    @property
    def daily(self) -> str:
        """When the daily backfill requests it next, by cron, or not at all."""
        if not self.series.feed_daily:
            return "no"
        return f"next {self.next_run.minute}" if self.next_run else "by cron"

    @property
    def last_started(self) -> Moment | None:
        return moment(self.last.started_at) if self.last else None


def list_subscriptions() -> list[SubscriptionRow]:
    """All subscribed series, with their last backfill and the next daily one."""
    subscribed = list(Series.objects.exclude(feed_symbol="").order_by("slug"))
    covered = dict(
        SeriesDay.objects.filter(series__in=subscribed)
        .values("series")
        .annotate(until=Max("covered_until"))
        .values_list("series", "until")
    )
    last: dict[str, Backfill] = {}
    for backfill in Backfill.objects.order_by("-pk")[:200]:
        for slug in backfill.series:
            last.setdefault(slug, backfill)
    next_daily = moment(find_next_daily())
    return [
        SubscriptionRow(one, moment(covered.get(one.pk)), last.get(one.slug), next_daily if one.feed_daily else None)
        for one in subscribed
    ]


@dataclass(frozen=True)
class LiveDayRow:
    """A day of which live bars differed from history."""

    day: SeriesDay

    @property
    def changed(self) -> str:
        return f"{self.day.changed:,} of {self.day.records:,}"

    @property
    def confirmed(self) -> Moment:
        return Moment(self.day.confirmed_at)


def list_live_days() -> list[LiveDayRow]:
    """The newest days of which live bars differed from history."""
    days = SeriesDay.objects.filter(changed__gt=0).select_related("series").order_by("-day", "series__slug")
    return [LiveDayRow(day) for day in days[:MAX_LIVE_DAYS]]


@dataclass(frozen=True)
class Meter:
    """Spend against one cap; without `spent` the cap alone."""

    label: str
    spent: Decimal | None
    cap: Decimal

    @property
    def is_shown(self) -> bool:
        """Whether there is a spend to show against a cap."""
        return bool(self.cap) and self.spent is not None

    @property
    def text(self) -> str:
        """USD 1.20 of USD 25.00"""
        if not self.cap:
            return "not set, so nothing is bought"
        if self.spent is None:
            return format_usd(self.cap)
        return f"{format_usd(self.spent)} of {format_usd(self.cap)}"


def list_meters(spending: MonthlySpending) -> list[Meter]:
    """This month's spend, and the cap of one backfill."""
    run_cap = settings.FEED_MAX_USD_PER_RUN or Decimal(0)
    return [
        Meter(f"Spent in {spending.month:%B %Y} (UTC)", spending.total.bought.usd, spending.month_cap),
        Meter("Cap of one backfill", None, run_cap),
    ]


@dataclass(frozen=True)
class RequestRow:
    """One request to the vendor."""

    request: FeedRequest

    @property
    def range(self) -> str:
        return f"{_format(self.request.start)} to {_format(self.request.end)}"

    @property
    def records(self) -> str:
        return f"{self.request.priced_records:,}"

    @property
    def price(self) -> str:
        return format_usd(self.request.priced_usd)

    @property
    def charged(self) -> str:
        return "—" if self.request.charged_usd is None else format_usd(self.request.charged_usd)

    @property
    def asked(self) -> Moment:
        return Moment(self.request.bought_at or self.request.priced_at)

    @property
    def note(self) -> str:
        """What went wrong, or what the vendor stated beside the data."""
        if self.request.state == FeedRequest.State.FAILED and self.request.charged_usd:
            return f"Paid, and nothing was stored: {self.request.error}"
        return self.request.error or self.request.warnings


def list_requests(before: int | None) -> tuple[list[RequestRow], int | None]:
    """A page of requests, newest first, and the `before` of the next page."""
    requests = FeedRequest.objects.select_related("series").order_by("-pk")
    if before is not None:
        requests = requests.filter(pk__lt=before)
    found = list(requests[: REQUESTS_PER_PAGE + 1])
    older = found[REQUESTS_PER_PAGE - 1].pk if len(found) > REQUESTS_PER_PAGE else None
    return [RequestRow(one) for one in found[:REQUESTS_PER_PAGE]], older


@dataclass(frozen=True)
class PlannedRow:
    """One request of a plan that is not bought yet."""

    series: str
    range: str
    reason: str
    records: str
    price: str


@dataclass(frozen=True)
class PlanSummary:
    """A priced plan, as a job returned it. `usd` is exact; `arguments` are those of the job that priced it."""

    rows: Sequence[PlannedRow]
    count: int
    records: str
    usd: Decimal | None
    notes: Sequence[str]

    @property
    def text(self) -> str:
        """3 requests, 81,000 records, USD 1.23 in total. Nothing was bought."""
        count = format_count(self.count, "request")
        return f"{count}, {self.records} records, {self.price} in total. Nothing was bought."

    @property
    def price(self) -> str:
        return "not priced" if self.usd is None else format_usd(self.usd)

    @property
    def fill_text(self) -> str:
        """Buy 3 requests for USD 1.23"""
        return f"Buy {format_count(self.count, 'request')} for {self.price}"


def describe_plan(result: dict[str, Any]) -> PlanSummary:
    """The plan of `backfill --dry-run --json`."""
    plan = result["plan"]
    rows = [
        PlannedRow(
            one["series"],
            f"{_format(datetime.fromisoformat(request['start']))} to {_format(datetime.fromisoformat(request['end']))}",
            request["reason"].replace("_", " "),
            "—" if request["records"] is None else f"{request['records']:,}",
            "—" if request["usd"] is None else format_usd(Decimal(request["usd"])),
        )
        for one in plan["series"]
        for request in one["requests"]
    ]
    notes = [*result["messages"], *filter(None, [result["error"]])]
    notes += [note for one in plan["series"] for note in one["notes"]]
    for one in plan["series"]:
        if one["reloads"]:
            notes.append(f"{one['series']}: {format_count(len(one['reloads']), 'kept file')} to load again, free.")
        if one["days_for_person"]:
            days = format_count(len(one["days_for_person"]), "day")
            notes.append(
                f"{one['series']}: the vendor revised {days} older than 90 days. backfill --include-revised buys them."
            )
    usd = None if plan["usd"] is None else Decimal(plan["usd"])
    return PlanSummary(rows, plan["requests"], f"{plan['records'] or 0:,}", usd, notes)


def _format(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M}"
