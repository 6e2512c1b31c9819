"""/healthz from the event loop is what Django answers."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

from config.web.call import call_django
from config.web.health import HealthAnswers


@pytest.fixture(params=[None, ("HTTP_X_FORWARDED_PROTO", "https")])
def answers(request, settings) -> HealthAnswers:
    settings.SECURE_PROXY_SSL_HEADER = request.param
    settings.SECURE_HSTS_SECONDS = 60
    settings.ALLOWED_HOSTS = [".example.com", "testserver"]
    application = WSGIHandler()  # middleware reads the settings when it is created
    return HealthAnswers(lambda scope: call_django(application, scope, b""))


def build_scope(method: str = "GET", path: str = "/healthz", **headers: str):
    names = {"host": "testserver"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in names.items()],
    }


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_the_answer_is_that_of_django(answers, client, protocol):
    found = answers.find(build_scope(x_forwarded_proto=protocol))
    expected = client.get("/healthz", headers={"x-forwarded-proto": protocol})
    assert (found.status, found.body) == (200, expected.content)
    assert dict(found.headers) == {name.lower().encode(): value.encode() for name, value in expected.headers.items()}
    is_secure = bool(settings.SECURE_PROXY_SSL_HEADER) and protocol == "https"
    assert (b"strict-transport-security" in dict(found.headers)) == is_secure


@pytest.mark.parametrize("host", ["testserver:8000", "a.example.com", "example.com", "EXAMPLE.com"])
def test_allowed_hosts_are_answered(answers, host):
    assert answers.find(build_scope(host=host)).status == 200


@pytest.mark.parametrize(
    "scope",
    [
        build_scope(host="evil.com"),
        build_scope(host=""),
        build_scope(method="POST"),
        build_scope(path="/healthz/"),
        build_scope(content_length="3"),
        build_scope(transfer_encoding="chunked"),
    ],
)
def test_all_else_is_left_to_django(answers, scope):
    assert answers.find(scope) is None
