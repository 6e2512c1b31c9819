"""Files between the receiver and the database: closed minutes that are not stored yet, and records that cannot be.

A name has the session's number and start, a number within the session, the dataset and the first minute, so that the
order of names is the order in which files must be loaded. A file with its name is complete: it is written under another
one, and renamed when it is on the disk.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ingestion.dbn.header import PREFIX_SIZE
from ingestion.dbn.layout import OHLCV
from ingestion.dbn.metadata import DbnMetadata, decode_metadata
from ingestion.dbn.writer import Header
from ingestion.errors import IngestError
from ingestion.feeds.folders import make_folder, refuse_folder
from ingestion.feeds.live.targets import FileContent

SUFFIX = ".ohlcv-1m.dbn"
QUARANTINE = "quarantine"

_PART = ".part"
_MAX_METADATA = 1 << 26  # bytes: of all contracts of a parent symbol
_STARTED = "%Y%m%dT%H%M%S%fZ"
_NAME = re.compile(r"(?P<number>\d{8})-(?P<started>\d{8}T\d{12}Z)-(?P<sequence>\d{8})-(?P<dataset>[^-]+)-(?P<rest>.+)")


@dataclass(frozen=True)
class SpooledFile:
    """A file of a session, found on the disk. `key`, `dataset` and `started_at` are those of `SessionStarted`. `reason`
    is a sentence, of a refused record only."""

    path: Path
    key: str
    dataset: str
    started_at: datetime
    reason: str = ""


def make_key(number: int, started_at: datetime) -> str:
    """The session's name in events, which starts the names of its files."""
    return f"{number:08}-{started_at.astimezone(UTC):{_STARTED}}"


def find_next_number(folder: Path) -> int:
    """The number of the next session: above those of all files that are not stored yet."""
    found = [*list_batches(folder), *list_quarantined(folder)]
    return 1 + max((int(one.key.partition("-")[0]) for one in found), default=0)


def list_batches(folder: Path) -> list[SpooledFile]:
    """The closed batches that are not stored yet, in the order in which they must be."""
    paths = [path for path in _list_names(folder) if path.name.endswith(SUFFIX) and path.is_file()]
    return [one for path in paths if (one := _parse(path))]


def list_quarantined(folder: Path) -> list[SpooledFile]:
    """The records that could not be stored."""
    paths = [path for path in _list_names(folder / QUARANTINE) if path.name.endswith(SUFFIX)]
    return [one for path in paths if (one := _parse(path, _read_reason(path)))]


def prepare_spool(folder: Path) -> None:
    """Make the folders, and remove what a process left half written. Raises `FeedRefused`."""
    for each in (folder, folder / QUARANTINE):
        make_folder(each)
        for path in _list_names(each):
            if path.name.endswith(_PART):
                with contextlib.suppress(OSError):
                    path.unlink()


class SessionSpool:
    """Writes the files of one session. Each method raises `FeedRefused` if the folder cannot be written."""

    def __init__(self, folder: Path, dataset: str, key: str) -> None:
        self._folder, self._dataset, self._key = folder, dataset, key
        self._sequence = 0

    def write_batch(self, content: FileContent) -> Path:
        """Write a file of closed minutes, and wait until it is on the disk."""
        minute = datetime.fromtimestamp(int(content.records["ts_event"][0]) // 10**9, UTC)
        return self._write(self._folder, f"{minute:%Y%m%dT%H%M}", content.header.encode() + content.records.tobytes())

    def write_quarantined(self, raw: bytes, reason: str) -> Path:
        """Write a record that cannot be stored, with the reason beside it."""
        folder, header = self._folder / QUARANTINE, Header(symbols=(), dataset=self._dataset, stype_in="raw_symbol")
        self._sequence += 1
        path = self._build_path(folder, "refused")
        _write_whole(path.with_name(f"{path.name}.txt"), f"{reason}\n".encode())
        _write_whole(path, header.encode() + raw)
        return path

    def _write(self, folder: Path, rest: str, content: bytes) -> Path:
        self._sequence += 1
        path = self._build_path(folder, rest)
        _write_whole(path, content)
        return path

    def _build_path(self, folder: Path, rest: str) -> Path:
        dataset = re.sub(r"[^A-Za-z0-9._]|^\.", "_", self._dataset)[:60]
        return folder / f"{self._key}-{self._sequence:08}-{dataset}-{rest}{SUFFIX}"


def read_metadata(path: Path) -> DbnMetadata | None:
    """The metadata of a batch; None if the file is none, or cannot be read."""
    try:
        with path.open("rb") as file:
            prefix = file.read(PREFIX_SIZE)
            if len(prefix) < PREFIX_SIZE:
                return None
            length = int.from_bytes(prefix[4:], "little")
            rest = file.read(min(length, _MAX_METADATA))
    except OSError:
        return None
    if len(rest) < length:
        return None
    try:
        return decode_metadata(path, prefix[3], prefix + rest)
    except IngestError:
        return None


def split_batch(path: Path) -> list[Path]:
    """Divide a batch that was refused into files that sort where it did, and remove it: one for each symbol, or one for
    each year, UTC, if it has one symbol. A batch of one year stays as it is, and so does a file that is none. Raises
    `OSError`, or `FeedRefused` if the folder cannot be written.

    An archived year refuses its bars, which must not keep those of the next year out.
    """
    metadata = read_metadata(path)
    content = path.read_bytes()
    length = PREFIX_SIZE + int.from_bytes(content[4:PREFIX_SIZE], "little")
    if metadata is None or (len(content) - length) % OHLCV.itemsize:
        return [path]
    rows = np.frombuffer(content[length:], OHLCV)
    symbols = sorted({mapped.symbol for mapped in metadata.mappings})
    parts = [_select_symbol(metadata, rows, symbol) for symbol in symbols]
    if len(symbols) < 2:
        years = rows["ts_event"].view("datetime64[ns]").astype("datetime64[Y]")
        parts = [(header, own[years == year]) for header, own in parts for year in np.unique(years)]
        if len(parts) < 2:
            return [path]
    paths = []
    for number, (header, own) in enumerate(parts, start=1):
        if len(own):
            part = path.with_name(f"{path.name.removesuffix(SUFFIX)}-{number}{SUFFIX}")
            _write_whole(part, header.encode() + own.tobytes())
            paths.append(part)
    path.unlink()
    return paths


def _select_symbol(metadata: DbnMetadata, rows: np.ndarray, symbol: str) -> tuple[Header, np.ndarray]:
    mapped = [one for one in metadata.mappings if one.symbol == symbol]
    header = Header(
        symbols=metadata.symbols,
        mappings={symbol: [(one.start, one.end, one.instrument_id) for one in mapped]},
        dataset=metadata.dataset,
        stype_in=metadata.stype_in,
        start=metadata.start or 0,
    )
    return header, rows[np.isin(rows["instrument_id"], [one.instrument_id for one in mapped])]


def _write_whole(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}{_PART}")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise refuse_folder(error, path.parent) from error


def _list_names(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise refuse_folder(error, folder) from error


def _parse(path: Path, reason: str = "") -> SpooledFile | None:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        started_at = datetime.strptime(match["started"], _STARTED).replace(tzinfo=UTC)
    except ValueError:  # not a name that a session gives
        return None
    return SpooledFile(path, f"{match['number']}-{match['started']}", match["dataset"], started_at, reason)


def _read_reason(path: Path) -> str:
    try:
        return path.with_name(f"{path.name}.txt").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return "The record could not be stored."
