"""The plan of a backfill and what it did, as text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from ingestion.cli.report import RULE
from ingestion.dbn.text import to_printable
from ingestion.feeds.history.budget import Budget, format_usd
from ingestion.feeds.history.planning.model import PlannedRequest, SeriesPlan
from ingestion.feeds.history.price import PricedRequest
from ingestion.feeds.history.report import BackfillResult
from marketdata.formatting import format_count, format_list

_MAX_LINES = 40  # of one series
_MAX_DAYS = 5  # that a line names
NOT_CONFIRMED = "Nothing was bought: give --yes to buy it."


def format_plan(result: BackfillResult) -> str:
    """What would be bought, and for how much, beside what the caps leave."""
    lines = [RULE, "PLAN", RULE]
    for one in result.plan.series:
        lines += _format_series(result, one)
    if not result.plan.series:
        lines.append("No series is requested." if not result.options.is_daily else "No series is requested every day.")
    lines += [RULE, _format_total(result)]
    if result.budget:
        lines += _format_budget(result.budget)
    return "\n".join(lines)


def format_result(result: BackfillResult) -> str:
    """The summary at the end."""
    return "\n".join([RULE, _format_title(result), RULE, *_list_details(result)])


def format_question(result: BackfillResult) -> str:
    """What a terminal is asked before money is spent."""
    return f"Buy {format_count(len(result.priced), 'request')} for {format_usd(result.usd)}? [y/N] "


def _format_title(result: BackfillResult) -> str:
    if result.options.is_dry_run:
        return f"{'❌ DRY RUN ENDED' if result.exit_code else '✅ DRY RUN COMPLETE'} - Nothing was bought"
    if result.exit_code:
        return "❌ BACKFILL ENDED"
    if result.is_confirmed is False:
        return "✅ PLANNED - Nothing was bought"
    return "✅ BACKFILL COMPLETE" if result.outcomes else "✅ NOTHING TO DO"


def _list_details(result: BackfillResult) -> Iterator[str]:
    stored = [one for one in result.outcomes if one.run]
    if result.backfill:
        yield f"Backfill: {result.backfill.pk}"
    yield f"Bought: {format_count(len(result.bought), 'request')}, {format_usd(result.charged_usd)}"
    yield f"Stored: {format_count(len(stored), 'file')}, " + ", ".join(
        [
            format_count(sum(run.inserted_count for run in result.runs), "new bar"),
            f"{sum(run.changed_count for run in result.runs):,} changed",
        ]
    )
    if withdrawn := sum(run.withdrawn_count for run in result.runs):
        yield f"Withdrawn by the vendor, and kept: {format_count(withdrawn, 'bar')}"
    if result.verified_days:
        yield f"Compared with the vendor's count, and complete: {format_count(result.verified_days, 'day')}"
    if result.live_days:
        shown = [f"{one.series.slug} {one.day} ({one.changed:,})" for one in result.live_days]
        yield f"Live bars that differed from history, by day: {format_list(shown, limit=_MAX_LINES)}"
    for one in result.failed:
        yield f"❌ Request {one.request.pk}: {one.error}"
    for one in stored:
        if one.request.warnings:
            yield f"Request {one.request.pk}: {to_printable(one.request.warnings)}"
    for plan in result.plan.series:
        if plan.degraded:
            yield f"{plan.series.slug}: degraded at the vendor: {_format_days(plan.degraded)}"
        if plan.pending:
            yield f"{plan.series.slug}: not yet available: {_format_days(plan.pending)}"
        if plan.for_person and not result.options.include_revised:
            yield (
                f"{plan.series.slug}: revised by the vendor, and not bought again because they are older than 90 days: "
                f"{_format_days(plan.for_person)}. Give --include-revised to buy them."
            )
    for dataset, available in result.available.items():
        if available.seen_at is None:  # a message names the dataset
            continue
        following = available.find_next_day()
        later = f"; the rest of that day about {_format_time(following)}" if following else ""
        yield f"{dataset} is available until {_format_time(available.end)} UTC{later}."
    yield from result.messages


def _format_series(result: BackfillResult, one: SeriesPlan) -> list[str]:
    series = one.series
    is_known = result.available[series.dataset].seen_at is not None
    planned = "nothing available" if is_known else "not known what is available"
    if one.start < one.end:
        planned = _format_range(one.start, one.end)
    lines = [f"{series.slug} ({series.feed_symbol}, {series.dataset}): {planned}"]
    lines += [f"  {note}" for note in one.notes]
    priced = result.list_priced(one)
    if result.is_priced:
        lines += _limit_lines([_format_priced(each) for each in priced])
    else:
        lines += _limit_lines([_format_request(request) for request in one.requests])
    lines += [
        f"  {_format_range(request.start, request.end)}: lost bars, loaded again from the kept file, USD 0.00"
        for request in one.reloads
    ]
    if one.unverified:
        days = sum(len(part.bars) for part in one.unverified)
        lines.append(f"  {format_count(days, 'day')} of other origin, still to be compared with the vendor's count")
    if len(lines) == 1 + len(one.notes) and is_known:
        lines.append("  nothing to do")
    if len(priced) > 1:
        reasons = Counter(str(each.planned.reason) for each in priced)
        counted = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        usd = sum((each.price.usd for each in priced if each.price), Decimal(0))
        records = sum(each.price.records for each in priced if each.price)
        lines.append(f"  {format_count(len(priced), 'request')} ({counted}), {records:,} records, {format_usd(usd)}")
    return lines


def _limit_lines(lines: Sequence[str]) -> list[str]:
    if len(lines) <= _MAX_LINES:
        return list(lines)
    half = _MAX_LINES // 2
    return [*lines[:half], f"  … {len(lines) - 2 * half:,} more …", *lines[-half:]]


def _format_priced(one: PricedRequest[PlannedRequest]) -> str:
    assert one.price is not None
    return f"{_format_request(one.planned)}, {one.price.records:,} records, {format_usd(one.price.usd)}"


def _format_request(request: PlannedRequest) -> str:
    days = format_count(request.day_count, "day")
    return f"  {_format_range(request.start, request.end)}: {request.reason}, {days}"


def _format_total(result: BackfillResult) -> str:
    if not result.is_priced:
        return f"Total: {format_count(len(result.plan.requests), 'request')}, not priced"
    count = format_count(len(result.priced), "request")
    return f"Total: {count}, {result.records:,} records, {format_usd(result.usd)}"


def _format_budget(budget: Budget) -> list[str]:
    if not budget.run_cap or not budget.month_cap:
        return ["Caps: not set, so nothing is bought (FEED_MAX_USD_PER_RUN, FEED_MAX_USD_PER_MONTH)"]
    return [
        f"Caps: {format_usd(budget.run_left)} left of {format_usd(budget.run_cap)} for this backfill; "
        f"{format_usd(budget.month_left)} left of {format_usd(budget.month_cap)} in {budget.month:%B %Y}"
    ]


def _format_range(start: datetime, end: datetime) -> str:
    return f"{_format_time(start)} to {_format_time(end)}"


def _format_time(moment: datetime) -> str:
    """2026-10-05, with the time unless it is midnight."""
    return f"{moment:%Y-%m-%d}" if (moment.hour, moment.minute) == (0, 0) else f"{moment:%Y-%m-%d %H:%M}"


def _format_days(days: Sequence[date]) -> str:
    return format_list([day.isoformat() for day in days], limit=_MAX_DAYS)
