"""What must be true before a year is archived or restored. Each refusal is a sentence with the way out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import UTC

from django.db.backends.utils import CursorWrapper

from ingestion.archive.statements import find_table, read_identifier
from ingestion.errors import DatabaseFailure, InputError
from marketdata.lake.contents import find_touched, has_covered_runs
from marketdata.lake.errors import LakeError
from marketdata.lake.manifest import JOURNAL, Manifest, read_manifest
from marketdata.lake.store import Store
from marketdata.lake.verification.year import compare_contents, list_year_files
from marketdata.models import ArchivedYear
from marketdata.models.bar import EARLIEST, LATEST
from marketdata.partitions.years import is_partitioned, partition_name
from marketdata.runs.commits import read_database_time

FIRST_YEAR, LAST_YEAR = EARLIEST.year, LATEST.year - 1  # of the trading calendars
_SHOWN = 3


def require_past_year(year: int) -> None:
    """Raise `InputError` unless the year is over, by the database's clock in UTC."""
    current = read_database_time().astimezone(UTC).year
    if year >= current:
        raise InputError(f"{year} is not over yet (it is {current} in UTC): only past years can be archived.")
    if year < FIRST_YEAR:
        raise InputError(f"{year} is outside of the trading calendars ({FIRST_YEAR} to {LAST_YEAR}): it has no bars.")


def find_record(year: int) -> ArchivedYear | None:
    """The record of the year, if it is archived."""
    return ArchivedYear.objects.filter(year=year).first()


def require_partition(cursor: CursorWrapper, year: int) -> None:
    """Raise `InputError` unless the bars of the year are a partition of their own."""
    if not is_partitioned(cursor):
        raise InputError(
            "The table of bars has no yearly partitions, so nothing was archived: run partition_bars first."
        )
    if not find_table(cursor, year):
        raise InputError(f"There are no bars of {year}, so there is nothing to archive.")


def require_lake(cursor: CursorWrapper, store: Store) -> Manifest:
    """The state of the lake. Raises `InputError` unless the lake is complete and of this database."""
    manifest = read_manifest(store)
    interrupted = store.read(JOURNAL) is not None
    if manifest is None:
        raise InputError(f"{store.name} has no lake: run export_lake --to {store.name} first.")
    database = read_identifier(cursor)
    if manifest.database != database:
        raise InputError(
            f"{store.name} has the lake of another database (identifier {manifest.database}, and this one is "
            f"{database}): give the folder of this database's lake."
        )
    if interrupted:
        raise InputError(f"An export to {store.name} was interrupted: run export_lake again, which completes it.")
    return manifest


def require_current(cursor: CursorWrapper, store: Store, manifest: Manifest, year: int) -> None:
    """Raise `InputError` if bars of the year may have changed since the export. Reads no file."""
    if not has_covered_runs(cursor, manifest):
        reason = "the database was restored from an earlier backup since the export"
    elif touched := sorted(symbol for symbol, one in find_touched(cursor, manifest) if one == year):
        reason = f"runs have changed {_name(touched)} since the export"
    elif damages := list(compare_contents(cursor, list_year_files(manifest, year), year)):
        reason = damages[0].rstrip(".")
    else:
        return
    raise InputError(
        f"The lake in {store.name} does not have {year} as the database has it ({reason}), so nothing was archived: "
        "run export_lake --since-last first."
    )


def refuse_damages(store: Store, year: int, damages: Iterable[str], *, outcome: str, remedy: str) -> None:
    """Raise `InputError` with the first of the damages, if there are any."""
    found = list(damages)
    if found:
        more = f" (and {len(found) - _SHOWN:,} more)" if len(found) > _SHOWN else ""
        raise InputError(
            f"The files of {year} in {store.name} are not right, so {outcome}: {remedy}. "
            f"{' '.join(found[:_SHOWN])}{more}"
        )


def require_same_lake(store: Store, manifest: Manifest, year: int) -> None:
    """Raise `DatabaseFailure` if the lake is no longer in the state whose year was verified."""
    same = read_manifest(store) == manifest and store.read(JOURNAL) is None
    present = store.list_files()
    if not same or any(present.get(file.path) != file.bytes for file in list_year_files(manifest, year)):
        raise DatabaseFailure(f"Another program has changed {store.name} meanwhile: run the command again.")


def _name(symbols: list[str]) -> str:
    shown = ", ".join(symbols[:_SHOWN])
    return f"{shown} and {len(symbols) - _SHOWN:,} more" if len(symbols) > _SHOWN else shown


def describe_foreign_table(year: int) -> str:
    """Why a table with the name of a partition is not replaced."""
    return (
        f"A table {partition_name(year)} exists that is not a partition, and {year} is not archived: rename it, and "
        "run the command again."
    )


@contextlib.contextmanager
def translate_lake_errors() -> Iterator[None]:
    """Raise `LakeError` as `InputError`."""
    try:
        yield
    except LakeError as error:
        raise InputError(str(error)) from error
