"""Splits stored series into their contracts. `split_contracts` is the table of contents, one line per step.

Earlier versions stored all contracts of a raw symbol in one series: NQH5 of 2015 and of 2025. A split moves the bars of
each contract to a series of its own, NQH2015 and NQH2025. It is a run of its own in the audit trail, and can be undone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from ingestion.database import prepare_transaction, require_database, translate_database_errors
from ingestion.errors import DatabaseFailure, InputError
from ingestion.loading.locks import lock_series
from ingestion.loading.partitions import keep_partitions
from ingestion.progress import Progress
from ingestion.runs import close_on_failure, open_run, succeed_run
from ingestion.sessions.monitor import monitor_run
from ingestion.split.apply import apply_splits, build_run
from ingestion.split.occupied import OccupiedDates
from ingestion.split.plan import SeriesSplit, add_moves, draft_split
from ingestion.symbology.stored_contracts import find_stored_contracts, list_possible_series
from marketdata.models import IngestRun, Series
from marketdata.runs.locks import close_orphaned_runs
from marketdata.series import find_series

logger = logging.getLogger(__name__)

IN_DOUBT = (
    "The connection to the database was lost while the split was committed, so it is not known whether the series were "
    "split: run the command again when the server is back; it reports if there is nothing left to split."
)
_IN_ERRORS = {"what": "changes", "outcome": "nothing was changed"}


@dataclass(frozen=True)
class SplitResult:
    """What a split did, or would do: the series that it changes, and those that it refuses with a reason.

    `unchanged` are series that were requested, and have the right name. `run` is None for a preview, and if there was
    nothing to do.
    """

    splits: Sequence[SeriesSplit]
    refused: Sequence[SeriesSplit] = ()
    unchanged: Sequence[Series] = ()
    run: IngestRun | None = None

    @property
    def bars(self) -> int:
        """How many bars move."""
        return sum(split.bars for split in self.splits)


def split_contracts(*, slugs: Sequence[str] = (), progress: Progress | None = None) -> SplitResult:
    """Split the series with these slugs, or all, into their contracts: all of them in one transaction, or none.

    A series that cannot be split is refused, and the others are split. Raises an `IngestError` whose message is for the
    user. Must not be called within a transaction, which would roll the audit trail back too.
    """
    progress = progress or Progress()
    planned = preview_split(slugs=slugs, progress=progress)
    if not planned.splits:
        return planned
    run = build_run(planned.splits)
    with translate_database_errors(progress, **_IN_ERRORS):
        close_orphaned_runs()
        open_run(run)
    with (
        monitor_run(run, progress) as progress,
        close_on_failure(run, in_doubt=IN_DOUBT),
        translate_database_errors(progress, **_IN_ERRORS),
        transaction.atomic(durable=True),
        connection.cursor() as cursor,
    ):
        prepare_transaction(cursor)
        progress.step("Waiting for other writers of these series")
        lock_series(cursor, _list_symbols(planned.splits))
        keep_partitions(cursor)
        progress.raise_if_cancelled()
        splits = _plan_again(cursor, planned.splits, progress)
        apply_splits(cursor, run, splits, progress)
        progress.raise_if_cancelled()
        succeed_run(run)
    logger.info("Run %s split %s series: %s bars moved", run.pk, len(splits), run.row_count)
    return SplitResult(splits, planned.refused, planned.unchanged, run)


def preview_split(*, slugs: Sequence[str] = (), progress: Progress | None = None) -> SplitResult:
    """Find what `split_contracts` would do, and change nothing. Waits for no lock."""
    progress = progress or Progress()
    with translate_database_errors(progress, **_IN_ERRORS):
        progress.raise_if_cancelled()
        require_database()
        requested = _find_requested(slugs)
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            prepare_transaction(cursor)
            progress.step("Finding the contracts of the stored series")
            planned = _plan(cursor, requested, progress)
    unchanged = _find_unchanged(requested, planned) if slugs else []
    return SplitResult(
        [split for split in planned if split.moves], [split for split in planned if split.refusal], unchanged
    )


def _find_requested(slugs: Sequence[str]) -> list[Series]:
    if not slugs:
        return list(list_possible_series())
    found: dict[int, Series] = {}
    for slug in slugs:
        series = find_series(slug)
        if series is None:
            raise InputError(_describe_unknown(slug))
        found[series.pk] = series
    return sorted(found.values(), key=lambda series: series.symbol)


def _describe_unknown(slug: str) -> str:
    run = IngestRun.objects.filter(
        kind=IngestRun.Kind.SPLIT, status=IngestRun.Status.SUCCESS, moves__contains=[{"series": {"slug": slug.lower()}}]
    ).last()
    if run is not None:
        return f"There is no series {slug} any more: run {run.pk} split it."
    return f"There is no series {slug}: the slugs are listed by /api/market-data/ and on the home page."


def _plan(cursor: CursorWrapper, series: Sequence[Series], progress: Progress) -> list[SeriesSplit]:
    drafts = []
    occupied = OccupiedDates(cursor)
    for stored in find_stored_contracts(series):
        if stored.contracts or stored.replaced:
            drafts.append(draft_split(cursor, stored, occupied))
            progress.raise_if_cancelled()
    return add_moves(drafts, occupied)


def _plan_again(cursor: CursorWrapper, splits: Sequence[SeriesSplit], progress: Progress) -> list[SeriesSplit]:
    """The same plan under the locks. Raises `DatabaseFailure` if it differs."""
    series = list(Series.objects.filter(pk__in=[split.series.pk for split in splits]).order_by("symbol"))
    again = _plan(cursor, series, progress)
    if [(split.symbol, split.targets) for split in again] != [(split.symbol, split.targets) for split in splits]:
        raise DatabaseFailure(
            "Another program changed these series during the wait for their locks, so nothing was changed: run the "
            "command again."
        )
    return again


def _list_symbols(splits: Sequence[SeriesSplit]) -> list[str]:
    return [name for split in splits for name in (split.symbol, *split.targets)]


def _find_unchanged(requested: Sequence[Series], planned: Sequence[SeriesSplit]) -> list[Series]:
    changed = {split.series.pk for split in planned if split.moves or split.refusal}
    return [series for series in requested if series.pk not in changed]
