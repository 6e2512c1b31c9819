"""Records of the live gateway other than bars, and the stream that carries them."""

from __future__ import annotations

import asyncio
import time

import databento_dbn as dbn
import zstandard

from ..contracts import get_raw_symbol

ERROR_CODES = {str(code): code for code in dbn.ErrorCode.variants()}


def encode_system(at: int, message: str, code: str) -> bytes:
    return bytes(dbn.SystemMsg(ts_event=at, msg=message, code=dbn.SystemCode.from_str(code)))


def encode_error(at: int, message: str, code: str) -> bytes:
    return bytes(dbn.ErrorMsg(ts_event=at, err=message, code=ERROR_CODES[code], is_last=True))


def encode_mapping(at: int, instrument: int, stype_in: str, symbol: str, start: int, end: int) -> bytes:
    message = dbn.SymbolMappingMsg(
        publisher_id=0,
        instrument_id=instrument,
        ts_event=at,
        stype_in=dbn.SType.from_str(stype_in),
        stype_in_symbol=symbol,
        stype_out=dbn.SType.from_str("raw_symbol"),
        stype_out_symbol=get_raw_symbol(instrument),
        start_ts=start,
        end_ts=end,
    )
    return bytes(message)


class Sender:
    """Writes records. `last` is the monotonic time of the last one."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._compressor: zstandard.ZstdCompressionObj | None = None
        self.last = time.monotonic()

    def compress(self) -> None:
        self._compressor = zstandard.ZstdCompressor().compressobj()

    def __call__(self, data: bytes) -> None:
        if self._compressor:
            flushed = zstandard.COMPRESSOBJ_FLUSH_BLOCK
            data = self._compressor.compress(data) + self._compressor.flush(flushed)
        self._writer.write(data)
        self.last = time.monotonic()
