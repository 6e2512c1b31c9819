"""The result of a split, or of its preview, as text for a terminal and as JSON for scripts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from ingestion.cli.report import RULE
from ingestion.dbn.text import to_printable
from ingestion.split.pipeline import SplitResult
from ingestion.split.plan import Move, SeriesSplit
from ingestion.symbology.intervals import ONE_DAY
from marketdata.formatting import format_count

MAX_SERIES = 100
NOTHING = "Nothing to split: every series has the name of its contract."


def format_result(result: SplitResult) -> str:
    """The summary of a split, or of a dry run."""
    if not result.splits:
        return "\n".join(_format_nothing(result))
    lines = [
        RULE,
        "✅ CONTRACTS SPLIT" if result.run else "✅ DRY RUN COMPLETE - No database changes made",
        RULE,
        *([f"Run ID: {result.run.pk}"] if result.run else []),
        f"{'Series split' if result.run else 'Would split'}: {_count(result, renamed=False)}",
        f"{'Series renamed' if result.run else 'Would rename'}: {_count(result, renamed=True)}",
        f"{'Bars moved' if result.run else 'Would move'}: {result.bars:,}",
        RULE,
        *_format_series(result),
    ]
    if result.run:
        lines += [f"Took: {result.run.seconds:.1f} s", f"To reverse it, undo run {result.run.pk} with undo_run."]
    return "\n".join(lines)


def format_refusals(result: SplitResult) -> str:
    """The sentence of the error if some series could not be split; empty without one."""
    if not result.refused:
        return ""
    if len(result.refused) == 1:
        return result.refused[0].refusal
    return f"{len(result.refused):,} series cannot be split: {' '.join(split.refusal for split in result.refused)}"


def serialize_result(result: SplitResult, *, dry_run: bool) -> dict:
    """The same for scripts. Counts are integers, dates ISO 8601 in UTC; `end` is the day after the last."""
    return {
        "ok": not result.refused,
        "dry_run": dry_run,
        "run_id": result.run.pk if result.run else None,
        "bars": result.bars,
        "series": [_serialize_series(split) for split in result.splits],
        "unchanged": [series.slug for series in result.unchanged],
        "refused": [{"slug": split.series.slug, "error": split.refusal} for split in result.refused],
        "seconds": result.run.seconds if result.run else None,
    }


def serialize_failure(error: Exception, *, dry_run: bool) -> dict:
    """A split that failed: the message is in `error`."""
    return {"ok": False, "dry_run": dry_run, "run_id": None, "error": str(error)}


def _format_nothing(result: SplitResult) -> Iterator[str]:
    if result.refused:
        return
    for series in result.unchanged:
        yield f"Nothing to split: {series.slug} ({to_printable(series.symbol)}) holds no other contract."
    if not result.unchanged:
        yield NOTHING


def _count(result: SplitResult, *, renamed: bool) -> str:
    return f"{sum((len(split.targets) == 1 and not split.keeps_dates) is renamed for split in result.splits):,}"


def _format_series(result: SplitResult) -> Iterator[str]:
    for split in result.splits[:MAX_SERIES]:
        yield f"{split.series.slug} ({to_printable(split.symbol)}):"
        for target, moves in itertools.groupby(split.moves, lambda move: move.target):
            yield f"  {to_printable(target)}: {_format_dates(list(moves))}"
        if split.keeps_dates:
            yield f"  {to_printable(split.symbol)}: keeps its other bars"
    if len(result.splits) > MAX_SERIES:
        yield f"… and {len(result.splits) - MAX_SERIES:,} more series; --json lists all of them"


def _format_dates(moves: list[Move]) -> str:
    bars = format_count(sum(move.bars for move in moves), "bar")
    return f"{bars}, {moves[0].start} to {moves[-1].end - ONE_DAY}"


def _serialize_series(split: SeriesSplit) -> dict:
    return {
        "slug": split.series.slug,
        "symbol": split.symbol,
        "moves": [
            {
                "from": move.source,
                "to": move.target,
                "start": move.start.isoformat(),
                "end": move.end.isoformat(),
                "bars": move.bars,
            }
            for move in split.moves
        ],
    }
