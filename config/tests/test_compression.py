"""Which responses are compressed, and how."""

import gzip
import zlib

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from config.compression import CompressionMiddleware, compress_body

PIECES = [b"symbol,ts\n", *(b"NQ,%d\n" % number * 500 for number in range(20))]


def send(response, *, accepted: str = "gzip"):
    request = RequestFactory().get("/", headers={"Accept-Encoding": accepted})
    return CompressionMiddleware(lambda request: response)(request)


@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; charset=utf-8"])
def test_a_csv_file_is_compressed_while_it_is_sent(content_type):
    response = send(StreamingHttpResponse(iter(PIECES), content_type=content_type))
    content = b"".join(response.streaming_content)
    assert response["Content-Encoding"] == "gzip"
    assert gzip.decompress(content) == b"".join(PIECES)
    assert len(content) < len(b"".join(PIECES)) / 10


def test_a_large_file_is_not_collected_before_it_is_sent():
    """Each piece can be decompressed, up to what the compressor still holds, before the next is read."""
    read = []
    noise = [zlib.compress(bytes([number]) * 9, 0) * 50_000 for number in range(5)]
    response = send(StreamingHttpResponse((read.append(piece) or piece for piece in noise), content_type="text/csv"))
    next(iter(response.streaming_content))
    assert len(read) < len(noise)


@pytest.mark.parametrize("content_type", ["application/vnd.apache.parquet", "text/event-stream"])
def test_other_streams_pass_piece_by_piece(content_type):
    response = send(StreamingHttpResponse(iter(PIECES), content_type=content_type))
    assert "Content-Encoding" not in response.headers
    assert list(response.streaming_content) == PIECES


def test_a_client_that_does_not_accept_gzip_gets_the_file_as_it_is():
    response = send(StreamingHttpResponse(iter(PIECES), content_type="text/csv"), accepted="identity")
    assert "Content-Encoding" not in response.headers
    assert response["Vary"] == "Accept-Encoding"
    assert list(response.streaming_content) == PIECES


def test_a_file_that_has_an_encoding_keeps_it():
    headers = {"Content-Encoding": "br"}
    response = send(StreamingHttpResponse(iter(PIECES), content_type="text/csv", headers=headers))
    assert list(response.streaming_content) == PIECES


def test_pages_are_compressed_as_by_django():
    page = b"<p>bars</p>" * 100
    response = send(HttpResponse(page))
    assert gzip.decompress(response.content) == page
    assert response["Content-Length"] == str(len(response.content))


# --- Long bodies -----------------------------------------------------------------------------------------------------

BODY = b'{"open":"16800.25"}' * 20_000


def respond(body: bytes, accept: str = "gzip, deflate", **headers: str) -> HttpResponse:
    request = HttpRequest()
    request.META["HTTP_ACCEPT_ENCODING"] = accept
    response = HttpResponse(body, headers=headers)
    return CompressionMiddleware(lambda _: response)(request)


@pytest.mark.parametrize("body", [BODY, BODY[:5000]], ids=["long", "short"])
def test_a_body_is_compressed_as_by_django(body):
    response = respond(body, ETag='"1"')
    assert gzip.decompress(response.content) == body
    assert len(response.content) < len(body) / 5
    assert {name: response[name] for name in ("Content-Encoding", "Vary", "ETag", "Content-Length")} == {
        "Content-Encoding": "gzip",
        "Vary": "Accept-Encoding",
        "ETag": 'W/"1"',
        "Content-Length": str(len(response.content)),
    }


def test_the_length_of_a_body_is_random():
    assert len({len(compress_body(BODY, 100)) for _ in range(50)}) > 10


def test_other_bodies_are_left_to_django():
    assert respond(BODY, accept="br").content == BODY
    assert respond(BODY, **{"Content-Encoding": "identity"}).content == BODY
