"""Writes DBN files: metadata with Databento's own encoder, records in the layout of `layout.OHLCV`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import databento_dbn
import numpy as np
import zstandard

from ingestion.dbn.layout import OHLCV, OHLCV_WITH_TS_OUT, RTYPE_OHLCV_1M

# symbol -> (first day, day after the last, instrument_id) of each interval, UTC dates
Mappings = Mapping[str, Sequence[tuple[date, date, int]]]


@dataclass(frozen=True)
class Header:
    """The metadata of a file to write. `start` and `end`: nanoseconds since 1970 UTC. `schema` None: a live capture."""

    symbols: Sequence[str] = ("MNQ.c.0",)
    mappings: Mappings | None = None
    dataset: str = "GLBX.MDP3"
    schema: str | None = "ohlcv-1m"
    stype_in: str | None = "continuous"
    start: int = 0
    end: int | None = None
    limit: int | None = None
    not_found: Sequence[str] = ()
    ts_out: bool = False
    version: int = 3

    def encode(self) -> bytes:
        """The bytes of the metadata, from "DBN" to the first record."""
        return bytes(
            databento_dbn.Metadata(
                dataset=self.dataset,
                start=self.start,
                end=self.end,
                stype_in=databento_dbn.SType.from_str(self.stype_in) if self.stype_in else None,
                stype_out=databento_dbn.SType.from_str("instrument_id"),
                schema=databento_dbn.Schema.from_str(self.schema) if self.schema else None,
                symbols=list(self.symbols),
                limit=self.limit,
                not_found=list(self.not_found),
                mappings=[_to_mapping(symbol, intervals) for symbol, intervals in (self.mappings or {}).items()],
                ts_out=self.ts_out,
                version=self.version,
            )
        )


def write_dbn(path: Path, header: Header, records: np.ndarray | Iterable[np.ndarray]) -> Path:
    """Write a .dbn file; for a name in .zst, two zstd frames (metadata, records) as Databento delivers."""
    blocks = [records] if isinstance(records, np.ndarray) else records
    with path.open("wb") as file:
        if path.name.endswith(".zst"):
            compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
            file.write(compressor.compress(header.encode()))
            with compressor.stream_writer(file, closefd=False) as writer:
                for block in blocks:
                    writer.write(block.tobytes())
        else:
            file.write(header.encode())
            for block in blocks:
                file.write(block.tobytes())
    return path


def empty_records(count: int, *, instrument_id: int = 1, ts_out: bool = False) -> np.ndarray:
    """`count` well-formed ohlcv-1m records of one instrument, all values zero."""
    records = np.zeros(count, dtype=OHLCV_WITH_TS_OUT if ts_out else OHLCV)
    records["length"] = records.dtype.itemsize // 4
    records["rtype"] = RTYPE_OHLCV_1M
    records["publisher_id"] = 1
    records["instrument_id"] = instrument_id
    return records


def _to_mapping(symbol: str, intervals: Sequence[tuple[date, date, int]]) -> SimpleNamespace:
    return SimpleNamespace(
        raw_symbol=symbol,
        intervals=[
            SimpleNamespace(start_date=start, end_date=end, symbol=str(instrument_id))
            for start, end, instrument_id in intervals
        ],
    )
