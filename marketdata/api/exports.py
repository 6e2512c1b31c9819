"""Whole ranges as files, streamed: CSV as PostgreSQL writes it, Parquet made of the same lines."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime

from django.http import StreamingHttpResponse

from marketdata.history import export_csv_blocks_as_of
from marketdata.models import Series
from marketdata.selectors import EXPORT_COLUMNS, export_csv_blocks


def export_response(
    series: Series, kind: str, start: datetime | None, end: datetime | None, *, as_of: datetime | None = None
) -> StreamingHttpResponse:
    """A download of `kind` csv or parquet. Prices are exact: decimal text, and decimal128(20, 9) in Parquet."""
    if as_of is None:
        blocks = export_csv_blocks(series, start=start, end=end)
    else:
        blocks = export_csv_blocks_as_of(series, as_of=as_of, start=start, end=end)
    content, media_type = {"csv": (_csv, "text/csv"), "parquet": (_parquet, "application/vnd.apache.parquet")}[kind]
    return StreamingHttpResponse(
        content(blocks),
        content_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{series.slug}-ohlcv-1m.{kind}"'},
    )


def _csv(blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield ",".join(EXPORT_COLUMNS).encode() + b"\n"
    yield from blocks


def _parquet(blocks: Iterator[bytes]) -> Iterator[bytes]:
    # Here, not above: a second to import, and nothing else needs it.
    import pyarrow
    from pyarrow import csv, parquet

    price = pyarrow.decimal128(20, 9)
    kinds = dict.fromkeys(("open", "high", "low", "close"), price) | {
        "symbol": pyarrow.string(),
        "ts": pyarrow.timestamp("us", tz="UTC"),
        "volume": pyarrow.uint64(),
        "run_id": pyarrow.int64(),
    }
    schema = pyarrow.schema([(name, kinds[name]) for name in EXPORT_COLUMNS])
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema) as writer:
        for block in blocks:
            table = csv.read_csv(
                io.BytesIO(block),
                read_options=csv.ReadOptions(column_names=list(EXPORT_COLUMNS)),
                convert_options=csv.ConvertOptions(column_types=kinds, strings_can_be_null=False),
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
