"""Compresses what becomes smaller by it, at a cost that fits it."""

from __future__ import annotations

import gzip
import secrets
import zlib
from collections.abc import Iterable, Iterator
from typing import cast

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware, re_accepts_gzip
from django.utils.cache import patch_vary_headers

# Parquet files are compressed already. To compress Arrow's takes longer than to export them. Streams of events must not
# wait in a compressor.
STREAMED_TYPES = ("text/csv",)
# Level 6, which Django chooses, needs three times as long for a file of bars, and makes it a fifth smaller.
LEVEL = 1
_GZIP = 16 + zlib.MAX_WBITS
# Half of the time of level 6, for bodies that are a tenth larger.
_BODY_LEVEL = 4
_HEADER_BYTES = 10
_MIN_BYTES = 100_000  # shorter bodies take less than a millisecond at any level


class CompressionMiddleware(GZipMiddleware):
    """Django's compression for pages, a faster one for long bodies, and the fastest for files of bars.

    Pages and bodies are padded against BREACH by a file name of random length in the header of the gzip file. Files of
    bars contain no secret.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if isinstance(response, HttpResponse) and len(response.content) >= _MIN_BYTES:
            accepts = re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
            if accepts and not response.has_header("Content-Encoding"):
                return self._compress(response)
        if not isinstance(response, StreamingHttpResponse):
            return super().process_response(request, response)
        if response.is_async or not response.headers.get("Content-Type", "").startswith(STREAMED_TYPES):
            return response
        pieces = cast("Iterator[bytes]", response.streaming_content)
        if super().process_response(request, response).headers.get("Content-Encoding") == "gzip":
            response.streaming_content = compress(pieces)
        return response

    def _compress(self, response: HttpResponse) -> HttpResponse:
        patch_vary_headers(response, ("Accept-Encoding",))
        response.content = compress_body(response.content, self.max_random_bytes)
        response.headers["Content-Length"] = str(len(response.content))
        response.headers["Content-Encoding"] = "gzip"
        etag = response.get("ETag")
        if etag and etag.startswith('"'):  # RFC 9110, section 8.8.1: the compressed body is another representation
            response.headers["ETag"] = "W/" + etag
        return response


def compress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces as a gzip file, as soon as there are bytes of it."""
    compressor = zlib.compressobj(LEVEL, wbits=_GZIP)
    for piece in pieces:
        if compressed := compressor.compress(piece):
            yield compressed
    yield compressor.flush()


def compress_body(body: bytes, max_random_bytes: int) -> bytes:
    """The body as a gzip file with a name of up to `max_random_bytes`."""
    packed = gzip.compress(body, _BODY_LEVEL, mtime=0)
    header = bytearray(packed[:_HEADER_BYTES])
    header[3] = gzip.FNAME
    return b"".join((header, b"a" * secrets.randbelow(max_random_bytes), b"\0", packed[_HEADER_BYTES:]))
