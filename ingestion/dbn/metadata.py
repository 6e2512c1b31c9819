"""The metadata at the head of a DBN file: dataset, symbols, mappings and time range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import databento_dbn
import numpy as np

from ingestion.dbn.layout import OHLCV, OHLCV_WITH_TS_OUT, SCHEMA, UNDEFINED_TIME
from ingestion.errors import UnreadableFile, WrongContent


@dataclass(frozen=True)
class MappedInterval:
    """`symbol` is `instrument_id` from `start` to the day before `end` (UTC dates, half-open)."""

    symbol: str
    instrument_id: int
    start: date
    end: date


@dataclass(frozen=True)
class DbnMetadata:
    """What a file's metadata says of it. `start` and `end` are nanoseconds since 1970 UTC, None where unsaid."""

    path: Path
    dbn_version: int
    dataset: str
    symbols: tuple[str, ...]
    stype_in: str | None
    mappings: tuple[MappedInterval, ...]
    start: int | None
    end: int | None
    record: np.dtype
    limit: int | None = None  # of the request: how many records at most were asked for
    not_found: tuple[str, ...] = ()


def decode_metadata(path: Path, version: int, encoded: bytes) -> DbnMetadata:
    try:
        metadata = databento_dbn.Metadata.decode(encoded)
    except databento_dbn.DBNError as error:
        raise UnreadableFile(f"{path} is damaged: its metadata cannot be read ({error}); download it again.") from error
    schema = metadata.schema
    if schema is None:
        raise WrongContent(
            f"{path} is a live capture, which may mix schemas and says nothing of its range: "
            f"download the historical {SCHEMA} data instead."
        )
    if str(schema) != SCHEMA:
        raise WrongContent(f"{path} holds {schema}, not {SCHEMA}: download schema {SCHEMA}.")
    return DbnMetadata(
        path=path,
        dbn_version=version,
        dataset=metadata.dataset,
        symbols=tuple(metadata.symbols),
        stype_in=str(metadata.stype_in) if metadata.stype_in is not None else None,
        mappings=tuple(_mappings(path, metadata)),
        start=_defined_time(metadata.start),
        end=_defined_time(metadata.end),
        record=OHLCV_WITH_TS_OUT if metadata.ts_out else OHLCV,
        limit=metadata.limit,
        not_found=tuple(metadata.not_found),
    )


def _mappings(path: Path, metadata: databento_dbn.Metadata) -> Iterator[MappedInterval]:
    for key, intervals in metadata.mappings.items():
        for interval in intervals:
            if not interval["symbol"]:
                continue  # a stretch of days in which the symbol meant nothing
            symbol, instrument_id = key, interval["symbol"]
            if str(metadata.stype_in) == "instrument_id":
                symbol, instrument_id = instrument_id, symbol
            if not instrument_id.isdecimal():
                raise UnreadableFile(
                    f"{path} maps {symbol!r} to {instrument_id!r}, which is not an instrument_id: "
                    "download it with stype_out=instrument_id."
                )
            yield MappedInterval(symbol, int(instrument_id), interval["start_date"], interval["end_date"])


def _defined_time(nanoseconds: int | None) -> int | None:
    return nanoseconds if nanoseconds and nanoseconds != int(UNDEFINED_TIME) else None
