"""Streamed downloads of complete ranges: CSV as PostgreSQL writes it, and Parquet converted from the same lines."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.http import StreamingHttpResponse
from rest_framework.request import Request

from marketdata.api.negotiation import CsvRenderer, ParquetRenderer
from marketdata.bars.as_of import export_csv_blocks_as_of
from marketdata.bars.export import EXPORT_COLUMNS, export_csv_blocks
from marketdata.calendars.hours import Hours
from marketdata.candles.aggregate import Candle
from marketdata.candles.query import iterate_candles
from marketdata.models import Series
from marketdata.timestamps import to_iso

if TYPE_CHECKING:
    from typing_extensions import Buffer

CANDLE_COLUMNS = (
    "symbol", "ts", "session_date", "open", "high", "low", "close", "volume", "bar_count", "expected", "forming",
)  # fmt: skip


def export_bars(request: Request, series: Series, parameters: Mapping[str, Any]) -> StreamingHttpResponse:
    """Minute bars of [start, end) as csv or parquet. Prices are exact: decimal text, decimal128(20, 9) in Parquet.

    `parameters` are the validated `start`, `end`, `session`, `as_of` and `format`.
    """
    bounds = {"start": parameters["start"], "end": parameters["end"], "hours": parameters["session"]}
    if parameters["as_of"] is None:
        blocks = export_csv_blocks(series, **bounds)
    else:
        blocks = export_csv_blocks_as_of(series, as_of=parameters["as_of"], **bounds)
    name = _build_name(series, "1m", parameters["session"])
    return _build_download(request, name, parameters["format"], EXPORT_COLUMNS, blocks)


def export_candles(
    request: Request, series: Series, timeframe: str, parameters: Mapping[str, Any]
) -> StreamingHttpResponse:
    """Candles with a timestamp in [start, end), as `export_bars`; volume is decimal128(28, 0) in Parquet."""
    candles = iterate_candles(
        series, timeframe, start=parameters["start"], end=parameters["end"], hours=parameters["session"]
    )
    blocks = _write_candle_blocks(series, candles)
    name = _build_name(series, timeframe, parameters["session"])
    return _build_download(request, name, parameters["format"], CANDLE_COLUMNS, blocks)


def _build_name(series: Series, timeframe: str, hours: Hours) -> str:
    """The file's name without its ending. It states regular hours, since the file's columns do not."""
    return f"{series.slug}-ohlcv-{timeframe}" + ("-regular" if hours is Hours.REGULAR else "")


def _write_candle_blocks(series: Series, candles: Iterator[list[Candle]]) -> Iterator[bytes]:
    for block in candles:
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        for candle in block:
            ts, *values, forming = candle
            writer.writerow([series.symbol, to_iso(ts), *values, str(forming).lower()])
        yield lines.getvalue().encode()


class HeadersOnly(StreamingHttpResponse):
    """The response to HEAD: the headers of the file, also those that the middleware sets, and no body.

    A compressing middleware replaces `streaming_content` and would add bytes to an empty body.
    """

    @property
    def streaming_content(self) -> Iterator[bytes]:
        return iter(())

    @streaming_content.setter
    def streaming_content(self, value: Iterable[object] | AsyncIterable[object]) -> None:
        # Django's own setter, which the stubs omit.
        self._set_streaming_content(())  # type: ignore[attr-defined]  # see above


def _build_download(
    request: Request, name: str, file_format: str, columns: Sequence[str], blocks: Iterator[bytes]
) -> StreamingHttpResponse:
    """The file as a stream of `blocks`, which are read while they are sent; for HEAD they are not read."""
    write, media_type = {
        "csv": (_write_csv, CsvRenderer.media_type),
        "parquet": (_write_parquet, ParquetRenderer.media_type),
    }[file_format]
    response_class = HeadersOnly if request.method == "HEAD" else StreamingHttpResponse
    return response_class(
        write(columns, blocks),
        content_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.{file_format}"'},
    )


def _write_csv(columns: Sequence[str], blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield ",".join(columns).encode() + b"\n"
    yield from blocks


def _write_parquet(columns: Sequence[str], blocks: Iterator[bytes]) -> Iterator[bytes]:
    # pyarrow takes a second to import, which every other request would pay for.
    import pyarrow
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    price = pyarrow.decimal128(20, 9)
    types = dict.fromkeys(("open", "high", "low", "close"), price) | {
        "symbol": pyarrow.string(),
        "ts": pyarrow.timestamp("us", tz="UTC"),
        "session_date": pyarrow.date32(),
        "volume": pyarrow.uint64() if "run_id" in columns else pyarrow.decimal128(28, 0),  # a sum can exceed uint64
        "run_id": pyarrow.int64(),
        "bar_count": pyarrow.int64(),
        "expected": pyarrow.int64(),
        "forming": pyarrow.bool_(),
    }
    schema = pyarrow.schema([(name, types[name]) for name in columns])
    buffer = _Buffer()
    with parquet.ParquetWriter(buffer, schema) as writer:
        for block in blocks:
            table = arrow_csv.read_csv(
                io.BytesIO(block),
                read_options=arrow_csv.ReadOptions(column_names=list(columns)),
                convert_options=arrow_csv.ConvertOptions(column_types=types, strings_can_be_null=False),
            )
            writer.write_table(table.cast(schema))
            yield buffer.drain()
    yield buffer.drain()


class _Buffer(io.RawIOBase):
    """The Parquet writer's output since the last `drain`. Positions count all bytes, so that offsets in the file's
    footer are right."""

    def __init__(self) -> None:
        self._written = bytearray()
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        size = memoryview(data).nbytes
        self._written += data
        self._position += size
        return size

    def tell(self) -> int:
        return self._position

    def drain(self) -> bytes:
        written = bytes(self._written)
        self._written.clear()
        return written
