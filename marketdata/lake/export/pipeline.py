"""Exports all bars to the lake: `export_lake` is its table of contents."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from marketdata.lake.calendars import build_tables
from marketdata.lake.columns import parse_bars
from marketdata.lake.contents import Contents, find_touched, has_covered_runs, read_contents
from marketdata.lake.errors import LakeError
from marketdata.lake.export.archived import ArchivedFile, copy_archived, find_archived_files, separate_archived
from marketdata.lake.export.blocks import read_ahead, read_blocks
from marketdata.lake.export.layout import Plan, PlannedFile, make_path, plan_all, plan_changes
from marketdata.lake.export.swap import LOCK, finish_swap, make_staged_path, swap
from marketdata.lake.export.writing import write_bars, write_small
from marketdata.lake.manifest import (
    FOLDER,
    JOURNAL,
    LakeFile,
    LakeTable,
    Manifest,
    is_intact,
    read_manifest,
)
from marketdata.lake.snapshot import Snapshot, open_snapshot
from marketdata.lake.store import Store

# Is called with the number of rows that are written so far, and of all that will be.
Progress = Callable[[int, int], None]
_IGNORED = ("_", ".")  # PyArrow and pandas read all other files of a folder


@dataclass(frozen=True)
class ExportResult:
    """The new state. `written` counts the files and rows that differ from the state before; `notes` are sentences."""

    manifest: Manifest
    written_files: int
    written_rows: int
    notes: list[str]


def export_lake(
    store: Store, *, since_last: bool = False, progress: Progress = lambda done, rows: None
) -> ExportResult:
    """Make the lake equal to the table of bars, with those of archived years.

    `since_last`: write only files of which runs have changed a bar since the last export, or whose hours differ. Raises
    `LakeError`; the lake then has the state before.
    """
    with store.lock(LOCK), open_snapshot(lock=True) as snapshot:
        notes = ["An export that was interrupted is completed first."] if finish_swap(store) else []
        before = read_manifest(store)
        notes += _check_target(store, before, snapshot)
        plan = _plan(store, before, snapshot, notes, since_last=since_last)
        staged: dict[str, str] = {}
        with _discard_on_failure(store):
            tables = _write_tables(store, snapshot, staged)
            written = _write_files(store, snapshot, plan.planned, staged, progress)
            runs, runs_hash = snapshot.read_runs()
            copied = [_copy(store, one, staged) for one in plan.archived if one.source is not None]
            stay = [*plan.kept, *(one.file for one in plan.archived if one.source is None)]
            files = sorted([*stay, *copied, *written], key=_sort_key)
            manifest = Manifest(snapshot.database, snapshot.as_of, runs, runs_hash, files, tables)
            if read_manifest(store) != before:
                raise LakeError(f"Another export has changed {store.name} meanwhile: run the command again.")
            swap(store, manifest, staged, before)
    new = [file for file in [*copied, *written] if before is None or file.path not in before.paths]
    return ExportResult(manifest, len(new), sum(file.rows for file in new), notes)


def _check_target(store: Store, before: Manifest | None, snapshot: Snapshot) -> list[str]:
    """Refuse to write over files that are not this database's. Returns a note about other files."""
    if before is not None and before.database != snapshot.database:
        raise LakeError(
            f"{store.name} has the lake of another database (identifier {before.database}, and this one is "
            f"{snapshot.database}): choose another target."
        )
    known = before.paths if before else set()
    others = [path for path in store.list_files() if path not in known]
    if foreign := [path for path in others if path.endswith(".parquet")]:
        raise LakeError(
            f"{store.name} has Parquet files that are not the lake's ({len(foreign):,}, first: {min(foreign)}): "
            "remove them, or choose another target."
        )
    visible = [path for path in others if not any(part.startswith(_IGNORED) for part in path.split("/"))]
    if not visible:
        return []
    return [
        f"{store.name} has other files ({len(visible):,}, first: {min(visible)}): PyArrow and pandas cannot read the "
        "folder until they are removed."
    ]


def _plan(store: Store, before: Manifest | None, snapshot: Snapshot, notes: list[str], *, since_last: bool) -> Plan:
    """The files to write, and those of archived years, which no export can write again."""
    contents, archived = separate_archived(read_contents(snapshot.cursor))
    found = list(find_archived_files(store, before, archived, read_all=not since_last)) if archived else []
    plan = _plan_table(store, before if since_last else None, snapshot, notes, contents)
    return Plan(plan.kept, plan.planned, found)


def _plan_table(
    store: Store, before: Manifest | None, snapshot: Snapshot, notes: list[str], contents: Contents
) -> Plan:
    """The files of the table's bars: all, unless there is a state before that can be continued."""
    if before is None:
        return plan_all(contents)
    if not has_covered_runs(snapshot.cursor, before):
        notes.append("The database no longer has the runs of the last export, so everything is written again.")
        return plan_all(contents)
    if not is_intact(store):
        notes.append("The manifest was changed since the last export, so everything is written again.")
        return plan_all(contents)
    present = store.list_files()
    years = {year for _, year in contents}
    files = [file for file in before.files if file.year in years]
    usable = [file for file in files if present.get(file.path) == file.bytes]
    if len(usable) < len(files):
        notes.append(f"Files that are missing or have another size: {len(files) - len(usable)}.")
    plan = plan_changes(contents, files, find_touched(snapshot.cursor, before))
    damaged = [file for file in plan.kept if file not in usable]
    again = [PlannedFile(file.dataset, file.year, file.symbols) for file in damaged]
    return Plan([file for file in plan.kept if file in usable], [*plan.planned, *again])


def _copy(store: Store, found: ArchivedFile, staged: dict[str, str]) -> LakeFile:
    staged[found.file.path] = copy_archived(store, found)
    return found.file


def _sort_key(file: LakeFile) -> tuple[str, int, str]:
    return file.dataset or "", file.year, min(file.symbols)


def _write_tables(store: Store, snapshot: Snapshot, staged: dict[str, str]) -> dict[str, LakeTable]:
    tables = {}
    for name, table in build_tables(snapshot.cursor).items():
        source = make_staged_path()
        written = write_small(store, source, table)
        path = f"{FOLDER}/{name}-{written.sha256[:20]}.pq"
        staged[path] = source
        tables[name] = LakeTable(path, *written)
    return tables


def _write_files(
    store: Store, snapshot: Snapshot, planned: list[PlannedFile], staged: dict[str, str], progress: Progress
) -> list[LakeFile]:
    done, total = 0, sum(file.rows for file in planned)
    files = []
    with contextlib.closing(read_ahead(read_blocks(snapshot.cursor, planned))) as blocks:
        for number, found in groupby(blocks, key=itemgetter(0)):
            plan, source = planned[number], make_staged_path()
            written = write_bars(store, source, (parse_bars(block) for _, block in found))
            if written.rows != plan.rows:
                raise LakeError(
                    f"The hourly rollup counts {plan.rows:,} bars of {min(plan.symbols)} and others in {plan.year}, "
                    f"and the table has {written.rows:,}: run verify_candles --repair, then this command again."
                )
            path = make_path(plan.dataset, plan.year, written.sha256)
            staged[path] = source
            files.append(LakeFile(path, plan.dataset, plan.year, *written, symbols=plan.symbols))
            done += written.rows
            progress(done, total)
    if done != total:
        raise LakeError(
            f"The hourly rollup counts {total:,} bars to export, and the table has {done:,}: run verify_candles "
            "--repair, then this command again."
        )
    return files


@contextlib.contextmanager
def _discard_on_failure(store: Store) -> Iterator[None]:
    """Delete what was staged if the export fails. Once the journal is written, only the next export may touch it."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(LakeError):
            if store.read(JOURNAL) is None:
                finish_swap(store)
        raise
