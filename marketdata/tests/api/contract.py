"""Compares responses with the OpenAPI description."""

from __future__ import annotations

import copy
import io
import json
import re
from datetime import date, datetime

from django.core.management import call_command
from django.http.response import HttpResponseBase
from jsonschema import Draft4Validator, FormatChecker

ACTIONS = ("acknowledge", "resolve", "reopen")  # of a finding: the only operations with a body
FORMATS = FormatChecker(())
FORMATS.checks("date", raises=ValueError)(lambda text: not isinstance(text, str) or date.fromisoformat(text))
FORMATS.checks("date-time", raises=ValueError)(
    lambda text: not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None
)
BODILESS = (304, 307)


def read_description() -> dict:
    """The description, which must be valid and complete."""
    out = io.StringIO()
    call_command("spectacular", "--format", "openapi-json", "--validate", "--fail-on-warn", stdout=out)
    return json.loads(out.getvalue())


def list_operations(description: dict, method: str = "get") -> dict[str, dict]:
    """The operations with this method, by their path."""
    return {path: methods[method] for path, methods in description["paths"].items() if method in methods}


class Contract:
    """The description with JSON schemas that also refuse undescribed fields."""

    def __init__(self, description: dict) -> None:
        self._description = to_json_schema(copy.deepcopy(description))
        # Addresses without variables first: ohlcv-1m is no other timeframe.
        self.paths = sorted(description["paths"], key=lambda path: path.count("{"))
        self._patterns = {path: re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + "?") for path in self.paths}

    def find_path(self, address: str) -> str:
        """The described path of an address."""
        return next(path for path, pattern in self._patterns.items() if pattern.fullmatch(address.partition("?")[0]))

    def check(self, address: str, response: HttpResponseBase, method: str = "get") -> None:
        """Fail if status, content type, headers or body of the response differ from the description."""
        path = self.find_path(address)
        described = self._description["paths"][path][method]["responses"]
        assert str(response.status_code) in described, f"{path} does not describe {response.status_code}"
        answer = described[str(response.status_code)]
        assert set(answer.get("headers", ())) <= set(response.headers)
        if response.status_code in BODILESS:
            assert "content" not in answer and response.content == b""
            return
        media_type = response.headers["Content-Type"]
        assert media_type in answer["content"], f"{path} does not describe {media_type} of {response.status_code}"
        if media_type == "application/json":
            schema = answer["content"][media_type]["schema"] | {"components": self._description["components"]}
            Draft4Validator(schema, format_checker=FORMATS).validate(json.loads(response.content))


def to_json_schema(node: object) -> object:
    """OpenAPI 3.0 as JSON Schema: `nullable` becomes a type, and an object has no fields beyond the described."""
    if isinstance(node, list):
        return [to_json_schema(value) for value in node]
    if not isinstance(node, dict):
        return node
    node = {name: to_json_schema(value) for name, value in node.items()}
    if node.get("type") == "object" and "properties" in node:
        node.setdefault("additionalProperties", False)
    nullable = node.pop("nullable", False)
    return {"anyOf": [node, {"type": "null"}]} if nullable is True else node
