"""Whole ranges as files, streamed: CSV as PostgreSQL writes it, Parquet made of the same lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.http import StreamingHttpResponse

from marketdata.bars.as_of import export_csv_blocks_as_of
from marketdata.bars.export import EXPORT_COLUMNS, export_csv_blocks
from marketdata.candles.query import iterate_candles
from marketdata.models import Series
from marketdata.timestamps import to_iso

CANDLE_COLUMNS = (
    "symbol", "ts", "session_date", "open", "high", "low", "close", "volume", "bar_count", "expected", "forming",
)  # fmt: skip


def export_response(
    series: Series, kind: str, start: datetime | None, end: datetime | None, *, as_of: datetime | None = None
) -> StreamingHttpResponse:
    """A download of `kind` csv or parquet. Prices are exact: decimal text, and decimal128(20, 9) in Parquet."""
    if as_of is None:
        blocks = export_csv_blocks(series, start=start, end=end)
    else:
        blocks = export_csv_blocks_as_of(series, as_of=as_of, start=start, end=end)
    return _download(f"{series.slug}-ohlcv-1m", kind, EXPORT_COLUMNS, blocks)


def export_candles(
    series: Series, timeframe: str, kind: str, start: datetime | None, end: datetime | None
) -> StreamingHttpResponse:
    """The same of candles."""
    blocks = _candle_lines(series, timeframe, start, end)
    return _download(f"{series.slug}-ohlcv-{timeframe}", kind, CANDLE_COLUMNS, blocks)


def _candle_lines(series: Series, timeframe: str, start: datetime | None, end: datetime | None) -> Iterator[bytes]:
    for block in iterate_candles(series, timeframe, start=start, end=end):
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        for candle in block:
            ts, *values, forming = candle
            writer.writerow([series.symbol, to_iso(ts), *values, str(forming).lower()])
        yield lines.getvalue().encode()


def _download(name: str, kind: str, columns: Sequence[str], blocks: Iterator[bytes]) -> StreamingHttpResponse:
    content, media_type = {"csv": (_csv, "text/csv"), "parquet": (_parquet, "application/vnd.apache.parquet")}[kind]
    return StreamingHttpResponse(
        content(columns, blocks),
        content_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"'},
    )


def _csv(columns: Sequence[str], blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield ",".join(columns).encode() + b"\n"
    yield from blocks


def _parquet(columns: Sequence[str], blocks: Iterator[bytes]) -> Iterator[bytes]:
    # Here, not above: a second to import, and nothing else needs it.
    import pyarrow
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    price = pyarrow.decimal128(20, 9)
    kinds = dict.fromkeys(("open", "high", "low", "close"), price) | {
        "symbol": pyarrow.string(),
        "ts": pyarrow.timestamp("us", tz="UTC"),
        "session_date": pyarrow.date32(),
        "volume": pyarrow.uint64() if "run_id" in columns else pyarrow.decimal128(28, 0),  # a sum may need more
        "run_id": pyarrow.int64(),
        "bar_count": pyarrow.int64(),
        "expected": pyarrow.int64(),
        "forming": pyarrow.bool_(),
    }
    schema = pyarrow.schema([(name, kinds[name]) for name in columns])
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema) as writer:
        for block in blocks:
            table = arrow_csv.read_csv(
                io.BytesIO(block),
                read_options=arrow_csv.ReadOptions(column_names=list(columns)),
                convert_options=arrow_csv.ConvertOptions(column_types=kinds, strings_can_be_null=False),
            )
            writer.write_table(table.cast(schema))
            yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """What the Parquet writer writes to: passes bytes on, and remembers only how many there were."""

    def __init__(self) -> None:
        self._written = bytearray()
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        self._written += data
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken
