"""The manifest: which files the lake consists of, and which state of the database they have."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from marketdata.lake.errors import LakeError
from marketdata.lake.store import Store
from marketdata.timestamps import parse_timestamp, to_iso

FOLDER = "_lake"  # PyArrow and Spark ignore names that begin with _
MANIFEST = f"{FOLDER}/manifest.json"
JOURNAL = f"{FOLDER}/journal.json"  # what is left to do of an export that replaces files
FORMAT = 1
CHECKSUM = "checksum"
# A path that leaves the lake would have an export delete another file.
_FILE = re.compile(r"dataset=[^/]*/year=\d+/[^/]+\.parquet")
_TABLE = re.compile(rf"{FOLDER}/[^/]+\.pq")
_RANGES = re.compile(r"(\d{1,18}(-\d{1,18})?(,\d{1,18}(-\d{1,18})?)*)?", re.ASCII)


@dataclass(frozen=True)
class SymbolYear:
    """The bars of one symbol in one year UTC: how many, and a hash of their hours in the rollup."""

    rows: int
    hours_hash: str


@dataclass(frozen=True)
class LakeFile:
    """A Parquet file with all bars of some symbols in one year. The symbols of files do not overlap."""

    path: str
    dataset: str | None
    year: int
    rows: int
    bytes: int
    sha256: str
    symbols: dict[str, SymbolYear]


@dataclass(frozen=True)
class LakeTable:
    """A small Parquet file beside the bars; its name does not end in `.parquet`."""

    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """One state of the lake. `runs` are the ids of all successful runs in it, as ranges: 1-5,7."""

    database: str
    as_of: datetime
    runs: str
    runs_hash: str
    files: list[LakeFile] = field(default_factory=list)
    tables: dict[str, LakeTable] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def paths(self) -> set[str]:
        """The paths of all its files."""
        return {file.path for file in self.files} | {table.path for table in self.tables.values()}

    def to_json(self) -> dict[str, Any]:
        content = {"format": FORMAT, "rows": self.rows} | asdict(self) | {"as_of": to_iso(self.as_of)}
        return content | {CHECKSUM: _compute_checksum(content)}


def read_manifest(store: Store) -> Manifest | None:
    """The manifest of the lake; None if there is none. Raises `LakeError` for one that is not understood."""
    content = store.read(MANIFEST)
    return None if content is None else parse_manifest(content, f"{store.name}/{MANIFEST}")


def require_manifest(store: Store) -> Manifest:
    """The manifest of the lake. Raises `LakeError` if there is none."""
    manifest = read_manifest(store)
    if manifest is None:
        raise LakeError(f"{store.name} has no lake ({MANIFEST} is missing): run export_lake first.")
    return manifest


def parse_manifest(content: bytes, name: str) -> Manifest:
    """The manifest of this text, which is called `name` in messages."""
    try:
        found = json.loads(content)
        if found["format"] != FORMAT:
            raise LakeError(f"{name} has format {found['format']}, and this version reads {FORMAT}: update it.")
        return from_json(found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LakeError(
            f"{name} is damaged: restore it, or remove the lake's files and export all of it again."
        ) from error


def from_json(found: dict[str, Any]) -> Manifest:
    files = [
        LakeFile(**one | {"symbols": {name: SymbolYear(**part) for name, part in one["symbols"].items()}})
        for one in found["files"]
    ]
    tables = {name: LakeTable(**one) for name, one in found["tables"].items()}
    as_of = parse_timestamp(found["as_of"])
    if as_of is None or sum(file.rows for file in files) != found["rows"]:
        raise ValueError("as_of or rows")
    if not all(file.symbols and file.rows == sum(part.rows for part in file.symbols.values()) for file in files):
        raise ValueError("rows of symbols")
    if not all(_FILE.fullmatch(file.path) for file in files):
        raise ValueError("paths of files")
    if not all(_TABLE.fullmatch(table.path) for table in tables.values()) or not _are_ranges(found["runs"]):
        raise ValueError("paths of tables, or runs")
    return Manifest(found["database"], as_of, found["runs"], found["runs_hash"], files, tables)


def _are_ranges(text: str) -> bool:
    pairs = [part.partition("-") for part in text.split(",")] if _RANGES.fullmatch(text) else None
    return pairs is not None and all(not last or int(first) <= int(last) for first, _, last in pairs)


def is_intact(store: Store) -> bool:
    """Whether the manifest, if there is one, is as an export wrote it. One of an earlier version has no checksum."""
    found = json.loads(store.read(MANIFEST) or b"{}")
    stated = found.pop(CHECKSUM, None)
    return stated is None or stated == _compute_checksum(found)


def _compute_checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(encode_json(content)).hexdigest()


def encode_json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
