"""Streamed downloads of complete ranges: CSV, Parquet, and Arrow's stream format."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.http import StreamingHttpResponse
from rest_framework.request import Request

from marketdata.api.negotiation import ArrowRenderer, CsvRenderer, ParquetRenderer
from marketdata.bars.as_of import export_blocks_as_of
from marketdata.bars.export import export_blocks
from marketdata.bars.tables import PRICES, make_price_type, write_arrow, write_csv, write_parquet
from marketdata.calendars.hours import Hours
from marketdata.candles.aggregate import Candle
from marketdata.candles.periods import HOURLY
from marketdata.candles.query import iterate_candles
from marketdata.models import Series
from marketdata.sources.split import Sources

if TYPE_CHECKING:
    import pyarrow

_WRITERS = {
    "csv": (write_csv, CsvRenderer.media_type),
    "parquet": (write_parquet, ParquetRenderer.media_type),
    "arrow": (write_arrow, ArrowRenderer.media_type),
}

CANDLE_COLUMNS = (
    "symbol", "ts", "session_date", "open", "high", "low", "close", "volume", "bar_count", "expected", "forming",
)  # fmt: skip


def export_bars(request: Request, series: Series, parameters: Mapping[str, Any]) -> StreamingHttpResponse:
    """Minute bars of [start, end) as a file. Prices are exact: decimal text in CSV, else decimal128(20, 9).

    `parameters` are the validated `start`, `end`, `session`, `as_of` and `format`.
    """
    bounds = {"start": parameters["start"], "end": parameters["end"], "hours": parameters["session"]}
    bounds["prices_as_text"] = parameters["format"] == "csv"
    if parameters["as_of"] is None:
        tables = export_blocks(series, **bounds)
    else:
        tables = export_blocks_as_of(series, as_of=parameters["as_of"], **bounds)
    return _build_download(request, _build_name(series, "1m", parameters["session"]), parameters["format"], tables)


def export_candles(
    request: Request, series: Series, timeframe: str, parameters: Mapping[str, Any]
) -> StreamingHttpResponse:
    """Candles with a timestamp in [start, end), as `export_bars`; volume is decimal128(28, 0) except in CSV."""
    if timeframe not in HOURLY:  # from the rollup, except at the edges of sessions
        Sources().require(parameters["start"], parameters["end"])
    candles = iterate_candles(
        series, timeframe, start=parameters["start"], end=parameters["end"], hours=parameters["session"]
    )
    tables = _build_candle_tables(series, candles, prices_as_text=parameters["format"] == "csv")
    name = _build_name(series, timeframe, parameters["session"])
    return _build_download(request, name, parameters["format"], tables)


def _build_name(series: Series, timeframe: str, hours: Hours) -> str:
    """The file's name without its ending. It states regular hours, since the file's columns do not."""
    return f"{series.slug}-ohlcv-{timeframe}" + ("-regular" if hours is Hours.REGULAR else "")


def _build_candle_tables(
    series: Series, candles: Iterator[list[Candle]], *, prices_as_text: bool
) -> Iterator[pyarrow.Table]:
    """A table for each block of candles; an empty one at least."""
    import pyarrow

    types = dict.fromkeys(PRICES, make_price_type(as_text=prices_as_text)) | {
        "symbol": pyarrow.string(),
        "ts": pyarrow.timestamp("us", tz="UTC"),
        "session_date": pyarrow.date32(),
        "volume": pyarrow.decimal128(28, 0),  # a sum can exceed uint64
        "bar_count": pyarrow.int64(),
        "expected": pyarrow.int64(),
        "forming": pyarrow.bool_(),
    }

    def build(block: list[Candle]) -> pyarrow.Table:
        columns = dict(zip(Candle._fields, zip(*block, strict=True), strict=True)) if block else {}
        columns["symbol"] = (series.symbol,) * len(block)
        return pyarrow.table({name: pyarrow.array(columns.get(name, ())).cast(types[name]) for name in CANDLE_COLUMNS})

    first = next(candles, [])
    yield build(first)
    yield from map(build, candles)


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
    request: Request, name: str, file_format: str, tables: Iterator[pyarrow.Table]
) -> StreamingHttpResponse:
    """The file as a stream of `tables`, which are read while they are sent; for HEAD they are not read."""
    write, media_type = _WRITERS[file_format]
    response_class = HeadersOnly if request.method == "HEAD" else StreamingHttpResponse
    return response_class(
        write(tables),
        content_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.{file_format}"'},
    )
