"""Step 2: the records of a DBN stream, in chunks of DBN's own layout, in memory that does not grow with the file.

Layout: https://databento.com/docs/standards-and-conventions/databento-binary-encoding. An OHLCV record is 56 bytes in
DBN versions 1, 2 and 3, and 64 with a `ts_out` behind it. Prices stay int64 counts of 1e-9.
"""

from __future__ import annotations

from collections.abc import Iterator

import databento_dbn
import numpy as np

from ingestion.dbn.batches import RecordBatch
from ingestion.dbn.layout import RTYPE_NAMES, RTYPE_OHLCV_1M, SCHEMA
from ingestion.dbn.metadata import DbnMetadata, decode_metadata
from ingestion.dbn.source import SourceFile, refuse_unless_dbn
from ingestion.errors import UnreadableFile, WrongContent

BATCH_RECORDS = 1 << 16

PRELUDE = 8  # "DBN", the version, and the length of the metadata that follows
_MAX_METADATA = 1 << 28


class RecordReader:
    """The metadata of an open file, then its records. Faults are `UnreadableFile` or `WrongContent`."""

    def __init__(self, source: SourceFile) -> None:
        self._path = source.path
        self._blocks = source.read_blocks()
        self._buffer = bytearray()
        self.metadata = self._read_metadata()

    def batches(self, records: int = BATCH_RECORDS) -> Iterator[RecordBatch]:
        """The file's rows in order, at most `records` at a time, every one known to be an ohlcv-1m record."""
        size = self.metadata.record.itemsize
        row = 0
        while self._fill(records * size):
            whole = min(len(self._buffer) // size, records)
            if not whole:
                self._refuse_partial_record(row, size)
            content = bytes(memoryview(self._buffer)[: whole * size])
            del self._buffer[: whole * size]
            batch = RecordBatch(np.frombuffer(content, dtype=self.metadata.record), np.arange(row + 1, row + whole + 1))
            self._refuse_foreign_records(batch)
            row += whole
            yield batch

    def _fill(self, size: int) -> int:
        """Buffer up to `size` bytes, or what is left of the file; return how many there are."""
        while len(self._buffer) < size and (block := next(self._blocks, None)):
            self._buffer += block
        return len(self._buffer)

    def _read_metadata(self) -> DbnMetadata:
        self._fill(PRELUDE)
        refuse_unless_dbn(bytes(self._buffer[:PRELUDE]), self._path)
        version = self._buffer[3] if len(self._buffer) > 3 else 0
        if version > databento_dbn.DBN_VERSION:
            raise UnreadableFile(
                f"{self._path} is DBN version {version}, newer than the installed databento reads "
                f"(up to {databento_dbn.DBN_VERSION}): install a newer databento, or download with an older version."
            )
        length = int.from_bytes(self._buffer[4:PRELUDE], "little")
        if version == 0 or length > _MAX_METADATA:
            raise UnreadableFile(f"{self._path} is damaged: its metadata cannot be read; download it again.")
        end = PRELUDE + length
        if self._fill(end) < end:
            raise UnreadableFile(
                f"{self._path} is cut off: it ends within its metadata, before the first record; download it again."
            )
        metadata = decode_metadata(self._path, version, bytes(self._buffer[:end]))
        del self._buffer[:end]
        return metadata

    def _refuse_foreign_records(self, batch: RecordBatch) -> None:
        words = self.metadata.record.itemsize // 4
        wrong = np.flatnonzero((batch.records["length"] != words) | (batch.records["rtype"] != RTYPE_OHLCV_1M))
        if not len(wrong):
            return
        first = batch.records[wrong[0]]
        where = f"{self._path}, row {batch.rows[wrong[0]]:,}"
        rtype = int(first["rtype"])
        if rtype != RTYPE_OHLCV_1M and rtype in RTYPE_NAMES and first["length"]:
            raise WrongContent(
                f"{where}, is a record of {RTYPE_NAMES[rtype]} (rtype 0x{rtype:02x}), though the metadata says "
                f"{SCHEMA}: only files of minute bars alone can be ingested; download schema {SCHEMA} by itself."
            )
        raise UnreadableFile(
            f"{where}, is not a record of {SCHEMA} ({int(first['length']) * 4} bytes of rtype 0x{rtype:02x}, where "
            f"{words * 4} of rtype 0x{RTYPE_OHLCV_1M:02x} are due): the file is damaged; download it again."
        )

    def _refuse_partial_record(self, row: int, size: int) -> None:
        raise UnreadableFile(
            f"{self._path} is cut off: row {row + 1:,} has only {len(self._buffer)} of its {size} bytes; "
            "download it again."
        )
