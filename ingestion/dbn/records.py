"""Reads the metadata and the records of a DBN stream, in batches whose memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import databento_dbn
import numpy as np

from ingestion.dbn.batches import RecordBatch
from ingestion.dbn.foreign_formats import SIGNATURE_SIZE
from ingestion.dbn.header import PREFIX_SIZE, check_header, check_length
from ingestion.dbn.layout import OHLCV_RTYPES, RTYPE_NAMES, SCHEMA
from ingestion.dbn.metadata import DbnMetadata, decode_metadata
from ingestion.dbn.signatures import is_dbn, is_zstd, refuse_unless_dbn
from ingestion.dbn.source import SourceFile
from ingestion.errors import UnreadableFile, WrongContent

BATCH_SIZE = 1 << 16  # rows


class RecordReader:
    """Decodes an open file: `metadata` when created, then its records with `read_batches()`, once.

    Raises `UnreadableFile` for a damaged file, and `WrongContent` for a file of another schema.
    """

    def __init__(self, source: SourceFile, schemas: Sequence[str] = (SCHEMA,)) -> None:
        self._path, self._size, self._schemas = source.path, source.size, schemas
        self._blocks = source.read_blocks()
        self._buffer = bytearray()
        self.metadata = self._read_metadata()

    def read_batches(self, size: int = BATCH_SIZE) -> Iterator[RecordBatch]:
        """The file's rows in order, at most `size` to a batch. Every row is a record of the schema; its values may be
        invalid."""
        record_size = self.metadata.record.itemsize
        row = 0
        while self._fill_buffer(size * record_size):
            count = min(len(self._buffer) // record_size, size)
            if not count:
                self._refuse_partial_record(row, record_size)
            content = bytes(memoryview(self._buffer)[: count * record_size])
            del self._buffer[: count * record_size]
            batch = RecordBatch(np.frombuffer(content, dtype=self.metadata.record), np.arange(row + 1, row + count + 1))
            self._refuse_foreign_records(batch)
            row += count
            yield batch

    def _fill_buffer(self, size: int) -> int:
        """Buffer up to `size` bytes, fewer at the end of the file. Returns the number of bytes buffered."""
        while len(self._buffer) < size and (block := next(self._blocks, None)):
            self._buffer += block
        return len(self._buffer)

    def _read_metadata(self) -> DbnMetadata:
        self._fill_buffer(SIGNATURE_SIZE)
        refuse_unless_dbn(bytes(self._buffer[:SIGNATURE_SIZE]), self._path)
        version = self._buffer[3] if len(self._buffer) > 3 else 0
        if version > databento_dbn.DBN_VERSION:
            raise UnreadableFile(
                f"{self._path} is DBN version {version}, newer than the installed databento reads "
                f"(up to {databento_dbn.DBN_VERSION}): install a newer databento, or download an older DBN version.",
                path=self._path,
            )
        if version == 0:
            raise UnreadableFile(
                f"{self._path} is damaged: its metadata cannot be read; download it again.", path=self._path
            )
        if len(self._buffer) < PREFIX_SIZE:
            self._refuse_cut_metadata()
        length = int.from_bytes(self._buffer[4:PREFIX_SIZE], "little")
        check_length(self._path, length, self._size)
        end = PREFIX_SIZE + length
        if self._fill_buffer(end) < end:
            self._refuse_cut_metadata()
        encoded = bytes(memoryview(self._buffer)[:end])
        del self._buffer[:end]
        check_header(self._path, encoded)
        return decode_metadata(self._path, version, encoded, self._schemas)

    def _refuse_cut_metadata(self) -> None:
        raise UnreadableFile(
            f"{self._path} is cut off: it ends within its metadata, before the first record; download it again.",
            path=self._path,
        )

    def _refuse_foreign_records(self, batch: RecordBatch) -> None:
        size, schema = self.metadata.record.itemsize, self.metadata.schema
        own = OHLCV_RTYPES[schema]
        foreign = np.flatnonzero((batch.records["length"] != size // 4) | (batch.records["rtype"] != own))
        if not len(foreign):
            return
        first = batch.records[foreign[0]]
        row = int(batch.rows[foreign[0]])
        where = f"{self._path}, row {row:,}"
        self._refuse_joined_file(first.tobytes(), row)
        rtype = int(first["rtype"])
        if rtype != own and rtype in RTYPE_NAMES and first["length"]:
            raise WrongContent(
                f"{where}: the record is of {RTYPE_NAMES[rtype]} (rtype 0x{rtype:02x}), but the metadata declares "
                f"{schema}: only files of {schema} alone can be ingested; download schema {schema} by itself.",
                path=self._path,
                row=row,
            )
        raise UnreadableFile(
            f"{where}: the record has {int(first['length']) * 4} bytes and rtype 0x{rtype:02x}, but {schema} records "
            f"have {size} bytes and rtype 0x{own:02x}, so the file is damaged; download it again.",
            path=self._path,
            row=row,
        )

    def _refuse_joined_file(self, content: bytes, row: int) -> None:
        """Refuse `content`, the bytes where a row should be, if another file begins there: DBN files cannot be joined,
        since each has metadata of its own."""
        if is_dbn(content) or is_zstd(content):
            kind = "DBN" if is_dbn(content) else "zstd"
            raise UnreadableFile(
                f"{self._path}, row {row:,}: another {kind} file begins here, so this is several DBN files joined, for "
                "example with `cat`: ingest the files that it was joined from.",
                path=self._path,
                row=row,
            )

    def _refuse_partial_record(self, row: int, record_size: int) -> None:
        self._refuse_joined_file(bytes(self._buffer), row + 1)
        raise UnreadableFile(
            f"{self._path} is cut off: row {row + 1:,} has only {len(self._buffer)} of its {record_size} bytes; "
            "download it again.",
            path=self._path,
            row=row + 1,
        )
