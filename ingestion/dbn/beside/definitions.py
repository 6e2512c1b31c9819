"""Definition files beside the data (schema `definition`): when contracts begin and end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

import databento_dbn

from ingestion.dbn.folders import DBN_SUFFIXES
from ingestion.dbn.header import check_start
from ingestion.dbn.layout import UNDEFINED_TIME
from ingestion.dbn.schema import DEFINITION, read_schema
from ingestion.dbn.source import SourceFile
from ingestion.dbn.text import to_printable
from ingestion.errors import IngestError, Interrupted, UnreadableFile, is_failure

# A folder with more files than this is a delivery of bars: only names that say "definition" are opened then.
_MAX_OPENED = 50
_BLOCK_SIZE = 1 << 16


_Record = databento_dbn.InstrumentDefMsg | databento_dbn.InstrumentDefMsgV1 | databento_dbn.InstrumentDefMsgV2
_RECORDS = (databento_dbn.InstrumentDefMsg, databento_dbn.InstrumentDefMsgV1, databento_dbn.InstrumentDefMsgV2)


@dataclass(frozen=True)
class Definition:
    """The UTC dates of a contract's first and last trading, None if the file leaves them undefined."""

    activation: date | None
    expiration: date | None


# The definitions of each raw symbol and instrument id, by expiration. An id can have a contract per decade.
Definitions = dict[tuple[str, int], list[Definition]]


def find_definition_files(path: Path) -> list[Path]:
    """The files in the folder of `path` that may have definitions, sorted by name."""
    try:
        siblings = sorted(
            one
            for one in path.parent.iterdir()
            if one.name.lower().endswith(DBN_SUFFIXES) and not one.name.startswith(".") and one.name != path.name
        )
    except OSError:
        return []  # the file was named itself, in a folder that cannot be listed
    named = [one for one in siblings if "definition" in one.name.lower()]
    if named or len(siblings) > _MAX_OPENED:
        return named
    return [one for one in siblings if read_schema(one) == DEFINITION]


def read_definitions_beside(
    path: Path, dataset: str, symbols: Collection[str], check_cancelled: Callable[[], None] = lambda: None
) -> Definitions:
    """The definitions of these raw symbols in all definition files of the dataset in the folder of `path`.

    `check_cancelled` is called before each block that is read. Raises `UnreadableFile` for a file that is named a
    definition file and is damaged.
    """
    wanted = frozenset(symbols)
    parts = []
    for beside in find_definition_files(path):
        try:
            parts.append(_read_definitions(beside, dataset, wanted, _read_state(beside), _Check(check_cancelled)))
        except Interrupted:
            raise
        except IngestError:
            if "definition" in beside.name.lower():
                raise
    return merge_definitions(parts)


@dataclass(frozen=True)
class _Check:
    """Equal to any other, so that it is no part of the key of the cache."""

    call: Callable[[], None] = field(compare=False)


def _read_state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadableFile(
            f"{path} cannot be read ({error.strerror}): make it readable, or move it out of the folder.", path=path
        ) from error
    return status.st_mtime_ns, status.st_size


# The files of one delivery usually have the same symbols, and one definition file beside them.
@lru_cache(maxsize=4)
def _read_definitions(
    path: Path, dataset: str, symbols: frozenset[str], state: tuple[int, int], check: _Check
) -> Definitions:
    return read_definitions(path, dataset, symbols, check.call)


def read_definitions(
    path: Path, dataset: str, symbols: Collection[str], check_cancelled: Callable[[], None] = lambda: None
) -> Definitions:
    """The definitions of these raw symbols in a file; empty for a file of another schema or dataset.

    Raises `UnreadableFile` for a definition file that is damaged.
    """
    found: dict[tuple[str, int], set[Definition]] = defaultdict(set)
    for record in _read_records(path, dataset, check_cancelled):
        if record.raw_symbol in symbols:
            definition = Definition(_to_date(record.activation), _to_date(record.expiration))
            found[record.raw_symbol, record.instrument_id].add(definition)
    return {key: sorted(definitions, key=_sort_by_expiration) for key, definitions in found.items()}


def merge_definitions(parts: Collection[Definitions]) -> Definitions:
    """The definitions of several files together."""
    merged: dict[tuple[str, int], set[Definition]] = defaultdict(set)
    for part in parts:
        for key, definitions in part.items():
            merged[key].update(definitions)
    return {key: sorted(definitions, key=_sort_by_expiration) for key, definitions in merged.items()}


def _read_records(path: Path, dataset: str, check_cancelled: Callable[[], None]) -> Iterator[_Record]:
    """The records of a definition file, in constant memory; nothing of a file of another schema or dataset."""
    decoder = databento_dbn.DBNDecoder()
    is_definition = False
    with SourceFile(path, check_cancelled) as source:
        try:
            for block in _join_blocks(check_start(path, source.read_blocks(), source.size)):
                decoder.write(block)
                for record in decoder.decode():
                    if isinstance(record, databento_dbn.Metadata):
                        is_definition = (str(record.schema), record.dataset) == (DEFINITION, dataset)
                    elif is_definition and isinstance(record, _RECORDS):
                        yield record
                if not is_definition:
                    return
        except IngestError:
            raise
        except BaseException as error:
            if not is_failure(error):
                raise
            raise UnreadableFile(
                f"{path} is damaged: its definitions cannot be read ({to_printable(str(error))}); download it again, "
                "or move it out of the folder.",
                path=path,
            ) from error
        source.finish()
    if decoder.buffer():
        raise UnreadableFile(
            f"{path} is cut off: it ends within a record; download it again, or move it out of the folder.", path=path
        )


def _join_blocks(blocks: Iterator[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for block in blocks:
        buffer += block
        if len(buffer) >= _BLOCK_SIZE:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)


def _to_date(nanoseconds: int) -> date | None:
    if nanoseconds in (0, UNDEFINED_TIME):
        return None
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).date()


def _sort_by_expiration(definition: Definition) -> date:
    return definition.expiration or date.max
