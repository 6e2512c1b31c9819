"""Compares one year of the lake with its manifest, the hourly rollup, and a table that has the bars of the year."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from marketdata.formatting import format_count
from marketdata.lake.contents import read_contents
from marketdata.lake.manifest import LakeFile, Manifest, SymbolYear
from marketdata.lake.snapshot import Snapshot
from marketdata.lake.store import Store
from marketdata.lake.verification.bars import compare_bars
from marketdata.lake.verification.verify import VerifyResult, check_rows, read_file

_COUNT = sql.SQL("SELECT count(*) FROM {table}")


def verify_year(
    store: Store,
    manifest: Manifest,
    snapshot: Snapshot,
    year: int,
    *,
    table: str | None,
    advance: Callable[[int], None] = lambda rows: None,
) -> Iterator[str]:
    """What is wrong with the year's files, one sentence each. All of them are read.

    Each has the SHA-256 of the manifest, the hours of the rollup, and the bars of `table` in all columns, which has no
    others. `table`: None if the database does not have these bars. `advance` is called with rows as they are compared.
    """
    import pyarrow
    from pyarrow import parquet

    files = list_year_files(manifest, year)
    yield from compare_contents(snapshot.cursor, files, year)
    rows = sum(file.rows for file in files)
    if table is not None and (count := _count(snapshot.cursor, table)) != rows:
        yield f"{table} has {format_count(count, 'bar')}, and the lake {rows:,} of {year}."
    for file in files:
        content, damages = read_file(store, file)
        yield from damages
        if content is None or damages:
            continue
        yield from check_rows(content, file, snapshot, VerifyResult(manifest))
        if table is None:
            advance(file.rows)
            continue
        opened = parquet.ParquetFile(pyarrow.BufferReader(content))
        yield from compare_bars(snapshot.cursor, file, opened, table=table, advance=advance)


def list_year_files(manifest: Manifest, year: int) -> list[LakeFile]:
    """The files of a year, in the order of the manifest."""
    return [file for file in manifest.files if file.year == year]


def list_year_symbols(files: list[LakeFile]) -> dict[str, SymbolYear]:
    """What files of one year have of each symbol."""
    return {symbol: part for file in files for symbol, part in file.symbols.items()}


def compare_contents(cursor: CursorWrapper, files: list[LakeFile], year: int) -> Iterator[str]:
    """Compare the symbols of a year, their counts and hours, with the rollup. No file is read.

    The dataset may have got another name in the database since: an archived year keeps its folder.
    """
    stored = {symbol: part for symbols in read_contents(cursor, year=year).values() for symbol, part in symbols.items()}
    lake = list_year_symbols(files)
    for symbol in sorted(stored.keys() | lake.keys()):
        ours, theirs = stored.get(symbol), lake.get(symbol)
        if ours is None or theirs is None or ours.rows != theirs.rows:
            yield (
                f"{symbol} has {format_count(theirs.rows if theirs else 0, 'bar')} of {year} in the lake, and "
                f"{ours.rows if ours else 0:,} in the database."
            )
        elif ours != theirs:
            yield f"{symbol} has other hours of {year} in the database than at the time of the export."


def _count(cursor: CursorWrapper, table: str) -> int:
    cursor.execute(_COUNT.format(table=sql.Identifier(table)))
    count: int = cursor.fetchone()[0]
    return count
