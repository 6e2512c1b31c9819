"""Compares the lake with its manifest and with the hourly rollup of the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from marketdata.formatting import format_count
from marketdata.lake.contents import count_bars, find_touched, has_covered_runs, read_contents
from marketdata.lake.errors import LakeError
from marketdata.lake.manifest import (
    JOURNAL,
    MANIFEST,
    LakeFile,
    LakeTable,
    Manifest,
    is_intact,
    read_manifest,
    require_manifest,
)
from marketdata.lake.snapshot import Snapshot, is_export_running, open_snapshot
from marketdata.lake.store import Store
from marketdata.lake.verification.hours import HOUR_COLUMNS, compute_hours, read_stored_hours
from marketdata.partitions.archived import list_archived
from marketdata.timestamps import from_seconds

if TYPE_CHECKING:
    import pyarrow

MAX_SHOWN = 5  # hours of a file


@dataclass
class VerifyResult:
    """`damages` are sentences; the lake is right if there is none. `changed`: symbols and years that runs have changed
    since the export; their hours are not compared."""

    manifest: Manifest
    damages: list[str] = field(default_factory=list)
    hour_count: int = 0
    changed: set[tuple[str, int]] = field(default_factory=set)


def verify_lake(store: Store) -> VerifyResult:
    """Read all files of the lake, and compare them. Raises `LakeError` if there is no lake of this database, or if an
    export replaces files meanwhile."""
    manifest = require_manifest(store)
    with open_snapshot() as snapshot:
        if manifest.database != snapshot.database:
            raise LakeError(
                f"{store.name} has the lake of another database (identifier {manifest.database}, and this one is "
                f"{snapshot.database})."
            )
        result = VerifyResult(manifest)
        result.changed = find_touched(snapshot.cursor, manifest)
        result.damages += _check_state(store, manifest, snapshot)
        result.damages += _check_contents(manifest, snapshot, result.changed)
        for table in manifest.tables.values():
            _, damages = read_file(store, table)
            result.damages += damages
        for file in manifest.files:
            content, damages = read_file(store, file)
            result.damages += damages
            if content is not None and not damages:
                result.damages += check_rows(content, file, snapshot, result)
        if not is_intact(store):  # its checksum covers what nothing else shows, such as `as_of`
            result.damages.append(f"{MANIFEST} is damaged: its content is not what the export wrote.")
        if result.damages and (is_export_running(snapshot.cursor) or read_manifest(store) != manifest):
            raise LakeError(f"An export is changing {store.name}, or has changed it meanwhile: verify it again later.")
    return result


def _check_state(store: Store, manifest: Manifest, snapshot: Snapshot) -> Iterator[str]:
    if store.read(JOURNAL) is not None:
        yield "An export was interrupted while it replaced files: run export_lake again, which completes it."
    if not has_covered_runs(snapshot.cursor, manifest):
        yield "The database no longer has the runs of the last export: it was restored from an earlier backup."
    for path in sorted(store.list_files()):
        if path.endswith(".parquet") and path not in manifest.paths:
            yield f"{path} is not in the manifest: remove it."


def _check_contents(manifest: Manifest, snapshot: Snapshot, changed: set[tuple[str, int]]) -> Iterator[str]:
    """Compare how many bars each symbol has in each year, and in which dataset. Files of archived years stay in the
    dataset that they had."""
    files = {(file.year, symbol): file.dataset for file in manifest.files for symbol in file.symbols}
    archived = {year.year for year in list_archived()}
    stored = {
        (files.get((year, symbol), dataset) if year in archived else dataset, year, symbol): part.rows
        for (dataset, year), symbols in read_contents(snapshot.cursor).items()
        for symbol, part in symbols.items()
    }
    lake = {
        (file.dataset, file.year, symbol): part.rows for file in manifest.files for symbol, part in file.symbols.items()
    }
    for key in sorted(stored.keys() | lake.keys(), key=lambda key: (key[0] or "", *key[1:])):
        dataset, year, symbol = key
        if (symbol, year) not in changed and stored.get(key) != lake.get(key):
            yield (
                f"{symbol} has {format_count(lake.get(key, 0), 'bar')} of {year} in the lake (dataset "
                f"{dataset or 'unknown'}), and {stored.get(key, 0):,} in the database."
            )
    if not changed and (count := count_bars(snapshot.cursor)) != manifest.rows:
        yield f"The lake has {format_count(manifest.rows, 'bar')}, and the database {count:,}."


def read_file(store: Store, file: LakeFile | LakeTable) -> tuple[bytes | None, list[str]]:
    """The content of a file, and what is wrong with it."""
    content = store.read(file.path)
    if content is None:
        return None, [f"{file.path} is missing."]
    if len(content) != file.bytes or hashlib.sha256(content).hexdigest() != file.sha256:
        return content, [f"{file.path} is damaged: its SHA-256 is not that of the manifest."]
    return content, []


def check_rows(content: bytes, file: LakeFile, snapshot: Snapshot, result: VerifyResult) -> Iterator[str]:
    """Compare the hours of a file with the rollup, except where bars have changed since the export."""
    import pyarrow
    from pyarrow import compute, parquet

    symbols = [symbol for symbol in file.symbols if (symbol, file.year) not in result.changed]
    stored = read_stored_hours(snapshot.cursor, symbols, file.year)
    computed = compute_hours(parquet.ParquetFile(pyarrow.BufferReader(content)))
    if len(symbols) < len(file.symbols):
        computed = computed.filter(compute.is_in(computed["symbol"], pyarrow.array(symbols, pyarrow.string())))
    result.hour_count += len(stored)
    if computed.equals(stored):
        return
    found, expected = _index(computed), _index(stored)
    differing = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    for symbol, hour in differing[:MAX_SHOWN]:
        yield f"{file.path}: {_describe(symbol, hour, found.get((symbol, hour)), expected.get((symbol, hour)))}"
    if len(differing) > MAX_SHOWN:
        yield f"{file.path}: {format_count(len(differing) - MAX_SHOWN, 'more hour')} differ from the hourly rollup."
    if not differing:
        yield f"{file.path}: its bars are not in the order of symbol and ts."


def _index(hours: pyarrow.Table) -> dict[tuple[str, int], tuple[Any, ...]]:
    rows = zip(*(hours[name].to_pylist() for name in HOUR_COLUMNS), strict=True)
    return {row[:2]: row[2:] for row in rows}


def _describe(symbol: str, hour: int, found: tuple | None, expected: tuple | None) -> str:
    moment = f"{symbol}, {from_seconds(hour * 3600):%Y-%m-%d %H:%M} UTC"
    if found is None:
        return f"{moment} is in the hourly rollup, and not in the lake."
    if expected is None:
        return f"{moment} is in the lake, and not in the hourly rollup."
    differing = [
        f"{name} {one} should be {other}"
        for name, one, other in zip(HOUR_COLUMNS[2:], found, expected, strict=True)
        if one != other
    ]
    return f"{moment}: {', '.join(differing)}."
