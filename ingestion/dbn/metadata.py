"""The metadata at the start of a DBN file: dataset, symbols, symbol mappings and time range."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import databento_dbn
import numpy as np

from ingestion.dbn.layout import OHLCV, OHLCV_WITH_TS_OUT, SCHEMA, UNDEFINED_TIME
from ingestion.dbn.text import to_printable
from ingestion.errors import IngestError, UnreadableFile, WrongContent, is_failure

_MAX_INSTRUMENT_ID = 2**32 - 1


@dataclass(frozen=True)
class MappedInterval:
    """`symbol` is mapped to `instrument_id` from `start` to the day before `end` (UTC dates, half-open)."""

    symbol: str
    instrument_id: int
    start: date
    end: date


@dataclass(frozen=True)
class DbnMetadata:
    """The decoded metadata of one file.

    `start` and `end`: nanoseconds since 1970 UTC, None if undefined. `record`: the dtype of the file's records.
    `limit`: the request's maximum number of records. `not_found`: requested symbols that the vendor did not find.
    """

    path: Path
    dbn_version: int
    dataset: str
    symbols: tuple[str, ...]
    stype_in: str | None
    mappings: tuple[MappedInterval, ...]
    start: int | None
    end: int | None
    record: np.dtype
    schema: str = SCHEMA
    limit: int | None = None
    not_found: tuple[str, ...] = ()

    @property
    def time_range(self) -> tuple[datetime | None, datetime | None]:
        """`start` and `end` as UTC times with full seconds."""
        return _to_datetime(self.start), _to_datetime(self.end)


def decode_metadata(path: Path, version: int, encoded: bytes, schemas: Sequence[str] = (SCHEMA,)) -> DbnMetadata:
    """Decode `encoded`, the bytes of `path` from "DBN" to the first record, of a file of one of these schemas.

    Raises `UnreadableFile` for damaged metadata, and `WrongContent` for a file of another schema.
    """
    try:
        return _decode(path, version, encoded, schemas)
    except IngestError:
        raise
    except BaseException as error:
        if not is_failure(error):
            raise
        raise UnreadableFile(
            f"{path} is damaged: its metadata cannot be read ({to_printable(str(error))}); download it again.",
            path=path,
        ) from error


def _decode(path: Path, version: int, encoded: bytes, schemas: Sequence[str]) -> DbnMetadata:
    metadata = databento_dbn.Metadata.decode(encoded)
    schema = metadata.schema
    wanted = " or ".join(schemas)
    if schema is None:
        raise WrongContent(
            f"{path} is a live capture, which may mix schemas and states no time range: "
            f"download the historical {wanted} data instead.",
            path=path,
        )
    if str(schema) not in schemas:
        raise WrongContent(f"{path} contains {schema}, not {wanted}: download schema {wanted}.", path=path)
    decoded = DbnMetadata(
        path=path,
        dbn_version=version,
        dataset=metadata.dataset,
        symbols=tuple(metadata.symbols),
        stype_in=str(metadata.stype_in) if metadata.stype_in is not None else None,
        mappings=tuple(_decode_mappings(path, metadata)),
        start=_to_defined_time(metadata.start),
        end=_to_defined_time(metadata.end),
        record=OHLCV_WITH_TS_OUT if metadata.ts_out else OHLCV,
        schema=str(schema),
        limit=metadata.limit,
        not_found=tuple(metadata.not_found),
    )
    _refuse_unprintable(decoded)
    return decoded


def _refuse_unprintable(metadata: DbnMetadata) -> None:
    """No request has such texts, PostgreSQL stores no NUL, and a terminal acts on control characters."""
    for name, texts in (
        ("dataset", [metadata.dataset]),
        ("symbol", [*metadata.symbols, *metadata.not_found]),
        ("mapped symbol", [mapped.symbol for mapped in metadata.mappings]),
    ):
        for text in texts:
            if not text.isprintable():
                raise UnreadableFile(
                    f"{metadata.path} is damaged: its {name} {to_printable(text)} has characters that cannot be "
                    "printed; download it again.",
                    path=metadata.path,
                )


def _decode_mappings(path: Path, metadata: databento_dbn.Metadata) -> Iterator[MappedInterval]:
    for key, intervals in metadata.mappings.items():
        for interval in intervals:
            if not interval["symbol"]:
                continue  # dates on which the symbol was mapped to nothing
            symbol, instrument_id = key, interval["symbol"]
            if str(metadata.stype_in) == "instrument_id":
                symbol, instrument_id = instrument_id, symbol
            if not (instrument_id.isascii() and instrument_id.isdigit()):
                raise UnreadableFile(
                    f"{path} maps {to_printable(symbol)} to {to_printable(instrument_id)}, which is not an "
                    "instrument_id: download it with stype_out=instrument_id.",
                    path=path,
                    symbol=symbol,
                )
            number, start, end = int(instrument_id), interval["start_date"], interval["end_date"]
            if number > _MAX_INSTRUMENT_ID:
                raise UnreadableFile(
                    f"{path} is damaged: it maps {to_printable(symbol)} to instrument {number}, but no id is above "
                    f"{_MAX_INSTRUMENT_ID}; download it again.",
                    path=path,
                    symbol=symbol,
                )
            yield MappedInterval(symbol, number, start, end)


def _to_datetime(nanoseconds: int | None) -> datetime | None:
    return None if nanoseconds is None else datetime.fromtimestamp(nanoseconds // 10**9, UTC)


def _to_defined_time(nanoseconds: int | None) -> int | None:
    return nanoseconds if nanoseconds and nanoseconds != UNDEFINED_TIME else None
