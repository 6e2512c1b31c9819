"""Requests as Django gets them by way of the front, and responses as the front sends them."""

from __future__ import annotations

import json
import logging

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from rest_framework.response import Response

from config.tests.web.test_health import build_scope
from config.web import call
from config.web.access_log import QueryFilter
from config.web.answers import Answer, build_refusal
from config.web.call import Stream, call_django


def request_by_front(scope, body: bytes = b"") -> WSGIRequest:
    requests = []

    def application(environ, start_response):
        requests.append(WSGIRequest(environ))
        start_response("204 No Content", [("Set-Cookie", " a=b"), ("Set-Cookie", " c=d")])
        return HttpResponse(status=204)

    answer = call_django(application, scope, body)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers == [(b"set-cookie", b"a=b"), (b"set-cookie", b"c=d")]
    return requests[0]


def test_a_request_arrives_complete():
    scope = build_scope("POST", "/a%20b/%C3%A9", content_type="application/x-www-form-urlencoded")
    scope |= {"query_string": b"x=1&y=%C3%A9", "client": ("192.0.2.7", 4711), "server": ("10.0.0.1", 8000)}
    scope["headers"] += [(b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x-forwarded-for", b"1.1.1.1")]
    scope["headers"] += [(b"x-forwarded-for", b"2.2.2.2"), (b"transfer-encoding", b"chunked")]
    request = request_by_front(scope, b"name=value")
    assert (request.method, request.path, request.GET["y"]) == ("POST", "/a b/é", "é")
    assert request.POST.dict() == {"name": "value"}
    assert request.COOKIES == {"a": "1", "b": "2"}
    assert request.META["HTTP_X_FORWARDED_FOR"] == "1.1.1.1,2.2.2.2"
    assert (request.META["REMOTE_ADDR"], request.META["CONTENT_LENGTH"]) == ("192.0.2.7", "10")
    assert request.get_host() == "testserver"


def test_names_with_an_underscore_are_no_headers_of_proxies():
    scope = build_scope()
    scope["headers"] += [(b"x_forwarded_for", b"6.6.6.6"), (b"x_forwarded_proto", b"https"), (b"content_length", b"9")]
    request = request_by_front(scope)
    assert {"HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"} & request.META.keys() == set()
    assert request.META["CONTENT_LENGTH"] == "0"


def test_a_complete_address_and_a_socket_without_address():
    scope = build_scope(path="http://testserver/runs/1/")
    assert request_by_front(scope | {"server": None, "client": None}).path == "/runs/1/"
    assert request_by_front(build_scope(path="http://[/")).path == "/http:/[/"


def call_with(response, method: str = "GET"):
    def application(environ, start_response):
        start_response("200 OK", [(name, value) for name, value in response.items()])
        return response

    return call_django(application, build_scope(method), b"")


def test_a_page_is_complete_and_closed():
    response = Response({"a": 1})
    response.accepted_renderer, response.accepted_media_type, response.renderer_context = None, None, {"view": 1}
    response.content = b"{}"
    response._is_rendered = True
    closed = []
    response.close = lambda: closed.append(True)
    answer = call_with(response)
    assert isinstance(answer, Answer)
    assert (answer.body, closed, response.data, response.renderer_context) == (b"{}", [True], None, None)


def test_a_stream_is_read_in_pieces_of_one_kib_or_more():
    stream = call_with(StreamingHttpResponse([b"head", b"", b"x" * 1020, b"y" * 5000, b"z"]))
    assert isinstance(stream, Stream)
    assert [stream.read_next() for _ in range(4)] == [b"head" + b"x" * 1020, b"y" * 5000, b"z", b""]


def test_a_file_is_read_at_once_or_in_large_pieces(tmp_path, monkeypatch):
    path = tmp_path / "script.js"
    path.write_bytes(b"x" * 300_000)
    monkeypatch.setattr(call, "FILE_BYTES", 100_000)
    stream = call_with(FileResponse(path.open("rb")))
    assert stream.is_file
    sizes = [len(stream.read_next()) for _ in range(4)]
    stream.close()
    assert sum(sizes) == 300_000
    assert min(sizes[:2]) >= 100_000
    monkeypatch.setattr(call, "FILE_BYTES", 300_000)
    assert call_with(FileResponse(path.open("rb"))).body == b"x" * 300_000


@pytest.mark.parametrize("response", [HttpResponse(b"abc"), StreamingHttpResponse([b"abc"])])
def test_head_has_no_body(response):
    answer = call_with(response, "HEAD")
    assert isinstance(answer, Answer)
    assert answer.body == b""


def test_a_refusal_is_json_in_the_api_and_text_elsewhere():
    api = build_refusal(build_scope(path="/api/x"), 503, "Busy.", retry_after=5)
    assert (api.status, json.loads(api.body)) == (503, {"detail": "Busy."})
    assert dict(api.headers)[b"retry-after"] == b"5"
    page = build_refusal(build_scope(path="/"), 408, "Slow.", close=True)
    assert (page.body, dict(page.headers)[b"connection"]) == (b"Slow.\n", b"close")


def test_the_access_log_has_no_query():
    line = ("127.0.0.1:1", "GET", "/api/x?token=secret", "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', line, None)
    assert QueryFilter().filter(record)
    assert record.getMessage() == '127.0.0.1:1 - "GET /api/x HTTP/1.1" 200'
