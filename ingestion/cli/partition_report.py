"""The result of partition_bars, or of its dry run, as text for a terminal and as JSON for scripts."""

from __future__ import annotations

from ingestion.archive.partitioning.pipeline import PartitionResult
from ingestion.archive.partitioning.plan import BARS_PER_SECOND, PartitionPlan
from ingestion.cli.report import RULE
from marketdata.formatting import format_count

ALREADY = "Nothing to do: market_bars_ohlcv_1m is partitioned"
ABANDONED = "Abandoned: the copies and triggers are removed, and the table of bars is as before."
NOTHING_TO_ABANDON = "Nothing to abandon: no copies of years are left from an interrupted run."
_MEGABYTE = 1_000_000
_MINUTE = 60


def format_result(result: PartitionResult) -> str:
    """The summary of a run."""
    if result.plan is None:
        return _format_already(result)
    return "\n".join(
        [
            RULE,
            "✅ BARS PARTITIONED",
            RULE,
            f"Bars: {result.bar_count:,}",
            f"Partitions: {len(result.years)} ({result.years[0]} to {result.years[-1]})",
            f"Took: {result.seconds:.1f} s",
        ]
    )


def format_preview(result: PartitionResult) -> str:
    """The summary of a dry run: years with their bars, the disk and the time that are needed."""
    if result.plan is None:
        return _format_already(result)
    plan = result.plan
    width = len(f"{plan.bar_count:,}")
    years = [
        f"  {year}: {count:>{width},}{'  (copied already)' if year in plan.copied else ''}"
        for year, count in plan.bars.items()
    ]
    return "\n".join(
        [
            RULE,
            "✅ DRY RUN COMPLETE - No database changes made",
            RULE,
            f"Would partition: {format_count(plan.bar_count, 'bar')} of {format_count(len(plan.bars), 'year')}",
            *years,
            f"Disk needed on the database's server: {_format_bytes(plan)}, until the table is replaced",
            f"Time: about {_format_seconds(plan.seconds)}, at {BARS_PER_SECOND:,} bars a second",
        ]
    )


def serialize_result(result: PartitionResult, *, dry_run: bool) -> dict:
    """The same for scripts. `bars` by year and `bytes_needed` are null if the table is partitioned already; `seconds`
    is an estimate in a dry run."""
    plan = result.plan
    return {
        "ok": True,
        "dry_run": dry_run,
        "already_partitioned": plan is None,
        "bar_count": result.bar_count if plan else None,
        "bars": {str(year): count for year, count in plan.bars.items()} if plan else None,
        "partitions": list(result.years) if plan is None or not dry_run else [],
        "copied": list(plan.copied) if plan else [],
        "bytes_needed": plan.bytes_needed if plan else None,
        "seconds": round(result.seconds, 3),
    }


def serialize_failure(error: Exception, *, dry_run: bool) -> dict:
    """A run that failed: the message is in `error`."""
    return {"ok": False, "dry_run": dry_run, "error": str(error)}


def _format_already(result: PartitionResult) -> str:
    years = f", from {result.years[0]} to {result.years[-1]}" if result.years else ""
    return f"{ALREADY}{years}."


def _format_bytes(plan: PartitionPlan) -> str:
    return f"{plan.bytes_needed:,} bytes ({plan.bytes_needed / _MEGABYTE:,.0f} MB)"


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{seconds / _MINUTE:.0f} min"
