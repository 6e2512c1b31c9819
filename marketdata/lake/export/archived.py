"""The files of archived years: an export keeps them, or copies them from the lake that the year was archived in.

Their bars are not in the table, so no export can write them again. Each file keeps its path, also where its series has
got another dataset since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from marketdata.lake.contents import Contents
from marketdata.lake.errors import LakeError
from marketdata.lake.export.swap import make_staged_path
from marketdata.lake.manifest import LakeFile, Manifest, SymbolYear, read_manifest
from marketdata.lake.store import Store, open_store
from marketdata.models import ArchivedYear
from marketdata.partitions.archived import list_archived


@dataclass(frozen=True)
class ArchivedFile:
    """A file of an archived year, and the lake to copy it from; None: it is in its place."""

    file: LakeFile
    source: Store | None


def separate_archived(contents: Contents) -> tuple[Contents, dict[int, dict[str, SymbolYear]]]:
    """The years that the table has, and what the archived years have, by symbol."""
    archived: dict[int, dict[str, SymbolYear]] = {year.year: {} for year in list_archived()}
    rest: Contents = {}
    for (dataset, year), symbols in contents.items():
        if year in archived:
            archived[year] |= symbols
        else:
            rest[dataset, year] = symbols
    return rest, archived


def find_archived_files(
    store: Store, before: Manifest | None, archived: dict[int, dict[str, SymbolYear]], *, read_all: bool
) -> Iterator[ArchivedFile]:
    """Where the files of the archived years are. `before` is the manifest of `store`.

    `read_all`: compare the SHA-256 of the files that stay, not only their sizes. Raises `LakeError` about the year
    whose bars no lake has.
    """
    present = store.list_files()
    for year in list_archived():
        if year.year not in archived:
            continue
        symbols = archived[year.year]
        own = _list_files(before, year.year, symbols)
        if own and all(_is_intact(store, file, present, read_all=read_all) for file in own):
            yield from (ArchivedFile(file, None) for file in own)
        elif symbols:
            yield from _find_in_archive(store, year, symbols)


def copy_archived(store: Store, found: ArchivedFile) -> str:
    """Copy the file to a path of its own in the staging folder, and return that. Raises `LakeError` for damage."""
    assert found.source is not None
    content = found.source.read(found.file.path)
    if content is None or not _has_hash(content, found.file):
        raise LakeError(f"{found.source.name}/{found.file.path} is missing or damaged: run verify_lake on that lake.")
    path = make_staged_path()
    with store.create(path) as file:
        file.write(content)
    return path


def _find_in_archive(store: Store, year: ArchivedYear, symbols: dict[str, SymbolYear]) -> Iterator[ArchivedFile]:
    """The year's files in the lake of its record."""
    remedy = (
        f"restore_year {year.year} brings its bars back from the detached table"
        if year.dropped_at is None
        else "restore these files from a backup"
    )
    source = open_store(year.lake)
    files = _list_files(read_manifest(source), year.year, symbols)
    if not files or (source.address == store.address):
        where = f"{store.name} and in " if source.address != store.address else ""
        raise LakeError(
            f"The bars of {year.year} are archived, and their files in {where}{year.lake} are missing or damaged, so "
            f"nothing was exported: {remedy}."
        )
    yield from (ArchivedFile(file, source) for file in files)


def _list_files(manifest: Manifest | None, year: int, symbols: dict[str, SymbolYear]) -> list[LakeFile]:
    """The year's files; none if they do not have exactly these symbols and hours."""
    files = [file for file in manifest.files if file.year == year] if manifest is not None else []
    has = {symbol: part for file in files for symbol, part in file.symbols.items()}
    return files if has == symbols else []


def _is_intact(store: Store, file: LakeFile, present: dict[str, int], *, read_all: bool) -> bool:
    if present.get(file.path) != file.bytes or not read_all:
        return present.get(file.path) == file.bytes
    content = store.read(file.path)
    return content is not None and _has_hash(content, file)


def _has_hash(content: bytes, file: LakeFile) -> bool:
    return len(content) == file.bytes and hashlib.sha256(content).hexdigest() == file.sha256
