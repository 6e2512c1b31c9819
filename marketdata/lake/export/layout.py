"""Which file has which symbols, and the names of files.

A symbol's year is in one file, and a file has neighbouring symbols of one dataset and year: up to `FILE_ROWS` bars, or
one symbol. So there are few files, a query for a symbol opens one for each year, and an export after a load rewrites
little. Later exports keep the symbols of each file together, so that a new symbol changes one file and not all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from marketdata.lake.contents import Contents, Partition
from marketdata.lake.export.archived import ArchivedFile
from marketdata.lake.manifest import LakeFile, SymbolYear

FILE_ROWS = 1_000_000
# Of bars without a dataset. Hive's name for NULL is none: PyArrow and pandas refuse a folder of only such bars, and
# pandas one that mixes them with others.
UNKNOWN_DATASET = "unknown"
_SAFE = "".join(chr(code) for code in range(33, 127) if chr(code) not in "\"#%'*/:=?\\{}[]^<>|&+`")
_MAX_NAME = 255  # bytes that file systems allow


@dataclass(frozen=True)
class PlannedFile:
    """A file that is to be written."""

    dataset: str | None
    year: int
    symbols: dict[str, SymbolYear]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.symbols.values())


@dataclass(frozen=True)
class Plan:
    """The files of the next state: those that stay, those to write, and those of archived years, which are kept or
    copied."""

    kept: list[LakeFile]
    planned: list[PlannedFile]
    archived: list[ArchivedFile] = field(default_factory=list)


def make_path(dataset: str | None, year: int, sha256: str) -> str:
    """The path of a file in Hive's layout. The same content has the same name, another content another one."""
    return f"{_make_folder(dataset, year)}/bars-{sha256[:20]}.parquet"


def _make_folder(dataset: str | None, year: int) -> str:
    name = UNKNOWN_DATASET if dataset is None else _quote_dataset(dataset)
    return f"dataset={name}/year={year}"


def _quote_dataset(dataset: str) -> str:
    """The dataset in percent-encoding. Other characters than ASCII stay as they are if the name would be too long."""
    quoted = quote(dataset, safe=_SAFE)
    if len(f"dataset={quoted}") <= _MAX_NAME:
        return quoted
    return "".join(one if ord(one) > 127 else quote(one, safe=_SAFE) for one in dataset)


def plan_all(contents: Contents) -> Plan:
    """All files are to be written."""
    return Plan([], [file for partition, symbols in contents.items() for file in _pack(partition, symbols)])


def plan_changes(contents: Contents, files: list[LakeFile], touched: set[tuple[str, int]]) -> Plan:
    """Only files are to be written that differ from `files`, or that have one of the touched symbols and years.

    So are files in another folder than that of their dataset, as an earlier version named it.
    """
    by_partition: dict[Partition, list[LakeFile]] = {}
    for file in files:
        by_partition.setdefault((file.dataset, file.year), []).append(file)
    plan = Plan([], [])
    for partition, symbols in contents.items():
        before = sorted(by_partition.get(partition, []), key=lambda file: min(file.symbols))
        for earlier, current in _assign(before, symbols):
            is_touched = any((symbol, partition[1]) in touched for symbol in current)
            if earlier is not None and not is_touched and earlier.symbols == current and _is_in_place(earlier):
                plan.kept.append(earlier)
            elif current:
                plan.planned.extend(_pack(partition, current))
    return plan


def _is_in_place(file: LakeFile) -> bool:
    return file.path.startswith(f"{_make_folder(file.dataset, file.year)}/")


def _assign(
    files: list[LakeFile], symbols: dict[str, SymbolYear]
) -> Iterator[tuple[LakeFile | None, dict[str, SymbolYear]]]:
    """Each file with the symbols that it now has: those from its first one to that of the next file."""
    firsts = [min(file.symbols) for file in files]
    assigned: list[dict[str, SymbolYear]] = [{} for _ in files] or [{}]
    for symbol, part in symbols.items():
        assigned[max(bisect_right(firsts, symbol) - 1, 0)][symbol] = part
    earlier: list[LakeFile | None] = [*files] or [None]
    yield from zip(earlier, assigned, strict=True)


def _pack(partition: Partition, symbols: dict[str, SymbolYear]) -> Iterator[PlannedFile]:
    """Files of up to `FILE_ROWS` bars, or of one symbol."""
    packed: dict[str, SymbolYear] = {}
    rows = 0
    for symbol, part in symbols.items():
        if packed and rows + part.rows > FILE_ROWS:
            yield PlannedFile(*partition, packed)
            packed, rows = {}, 0
        packed[symbol] = part
        rows += part.rows
    if packed:
        yield PlannedFile(*partition, packed)
