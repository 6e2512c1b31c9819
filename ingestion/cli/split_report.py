"""The result of a split, as text and as JSON."""

from __future__ import annotations

from ingestion.cli.report import RULE
from ingestion.dbn.text import to_printable
from ingestion.split.pipeline import SplitResult
from ingestion.split.plan import PlannedMove

NOTHING = "Nothing to split: every series is named by its contract."


def format_split(result: SplitResult, *, dry_run: bool) -> str:
    """Format what a split moved, or would move."""
    if not result.moves:
        return NOTHING
    title = "✅ DRY RUN COMPLETE - No database changes made" if dry_run else "✅ SPLIT COMPLETE"
    bars = sum(move.bars.count for move in result.moves)
    series = len({move.series.pk for move in result.moves})
    verb = "Would move" if dry_run else "Moved"
    return "\n".join(
        [
            *(RULE, title, RULE),
            *([f"Run ID: {result.run.pk}"] if result.run else []),
            f"{verb}: {bars:,} bars of {series:,} series to {len(result.moves):,} contracts",
            RULE,
            *(_format_move(move) for move in result.moves),
        ]
    )


def serialize_split(result: SplitResult) -> dict[str, object]:
    """The JSON object for scripts; times are ISO 8601 in UTC."""
    return {
        "run_id": result.run.pk if result.run else None,
        "moves": [
            {
                "slug": one.series.slug,
                "from": one.move.source,
                "to": one.move.target,
                "bars": one.bars.count,
                "first": one.bars.first.isoformat() if one.bars.first else None,
                "last": one.bars.last.isoformat() if one.bars.last else None,
            }
            for one in result.moves
        ],
    }


def _format_move(one: PlannedMove) -> str:
    dates = f", {one.bars.first:%Y-%m-%d} to {one.bars.last:%Y-%m-%d}" if one.bars.first and one.bars.last else ""
    return f"{to_printable(one.move.source)} → {to_printable(one.move.target)}: {one.bars.count:,} bars{dates}"
