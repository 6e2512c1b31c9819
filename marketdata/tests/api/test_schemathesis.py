"""Schemathesis requests every operation of a live server with generated parameters, valid and invalid."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from config.testing.contract_series import create_nq_contracts
from config.testing.rows import QUALITY, insert
from marketdata.models import Series
from marketdata.tests.api.contract import read_description

pytestmark = pytest.mark.slow

# No 5xx, and status, content type, headers and body as described.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)
SLUGS = ["mnq", "MNQ", "empty", "mars", "nqh5", "NQM5"]
MAX_EXAMPLES = 40
TIMEOUT = 400  # seconds; a quarter of it where the machine is not busy


@pytest.fixture
def data(history):
    """Also a series whose calendar does not exist, contracts, and a finding."""
    create_nq_contracts()
    Series.objects.create(slug="mars", symbol="MARS", calendar="Mars")
    insert(next(iter(QUALITY)), series_id=Series.objects.get(slug="mnq").pk)


@pytest.mark.timeout(TIMEOUT + 60)
def test_no_response_differs_from_the_description(data, address, token, tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps(name_slugs(read_description())))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", schema, "--url", address),
        *("--exclude-path-regex", "/stream"),  # its answers do not end
        *("--phases", "examples,coverage,fuzzing"),
        *("--checks", ",".join(CHECKS), "--header", f"Authorization: Token {token}", "--seed", "1"),
        *("--max-examples", str(MAX_EXAMPLES), "--continue-on-failure", "--no-color", "--warnings", "off"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def name_slugs(description: dict) -> dict:
    """The description with the stored slugs: nearly all other slugs are unknown, and then no parameter is read."""
    for path in description["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "slug":
                    parameter["schema"]["enum"] = SLUGS
    return description
