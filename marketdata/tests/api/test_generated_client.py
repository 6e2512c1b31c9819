"""A client that openapi-python-client generates from the description calls every operation on a live server."""

from __future__ import annotations

import importlib
import io
import json
import pkgutil
import subprocess
import sys
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from types import ModuleType

import pytest
from pyarrow import parquet

from config.testing.contract_series import create_nq_contracts
from config.testing.rows import QUALITY, insert
from marketdata.models import Series
from marketdata.tests.api.contract import read_description

pytestmark = pytest.mark.slow

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
CONFIG = {"content_type_overrides": {PARQUET: "application/octet-stream"}, "post_hooks": []}
MARKET, RUNS = "market_data.market_data", "ingest_runs.ingest_runs"
FINDINGS = "quality.quality_findings"
START = datetime(2024, 1, 2, tzinfo=UTC)
# Every operation, with arguments, and the class of its response.
CALLS = [
    (f"{MARKET}_list", {}, list),
    (f"{MARKET}_list", {"product": "nq", "kind": "outright", "active": False}, list),
    (f"{MARKET}_ohlcv_1m_stats_retrieve", {"slug": "mnq"}, "Stats"),
    (f"{MARKET}_ohlcv_1m_stats_retrieve", {"slug": "empty"}, "Stats"),
    (f"{MARKET}_ohlcv_1m_bars_retrieve", {"slug": "MNQ"}, "BarPage"),
    (f"{MARKET}_ohlcv_1m_bars_retrieve", {"slug": "mnq", "start": START, "limit": 3, "order": "desc"}, "BarPage"),
    (f"{MARKET}_ohlcv_1m_bars_retrieve", {"slug": "mnq", "as_of": START}, "BarPage"),
    (f"{MARKET}_ohlcv_1m_bars_retrieve", {"slug": "empty", "format_": "json"}, "BarPage"),
    (f"{MARKET}_ohlcv_1m_revisions_retrieve", {"slug": "mnq", "limit": 2}, "RevisionPage"),
    (f"{MARKET}_ohlcv_1m_revisions_retrieve", {"slug": "mnq", "ts": START}, "RevisionPage"),
    (f"{MARKET}_ohlcv_stats_retrieve", {"slug": "mnq", "timeframe": "1d"}, "Stats"),
    (f"{MARKET}_ohlcv_bars_retrieve", {"slug": "mnq", "timeframe": "5m", "limit": 2}, "CandlePage"),
    (f"{MARKET}_coverage_retrieve", {"slug": "mnq"}, "Coverage"),
    (f"{MARKET}_coverage_retrieve", {"slug": "mnq", "end": datetime(2024, 1, 9, tzinfo=UTC)}, "Coverage"),
    (f"{MARKET}_coverage_retrieve", {"slug": "free"}, "Coverage"),
    (f"{MARKET}_gaps_retrieve", {"slug": "mnq", "limit": 2}, "GapPage"),
    (f"{MARKET}_gaps_retrieve", {"slug": "free"}, "GapPage"),
    (f"{MARKET}_coverage_retrieve", {"slug": "empty"}, "Coverage"),
    (f"{RUNS}_list", {}, "PaginatedIngestRunList"),
    (f"{RUNS}_list", {"status": "failed", "ordering": "-id"}, "PaginatedIngestRunList"),
    (f"{RUNS}_retrieve", {"id": 1}, "IngestRun"),
    (f"{RUNS}_retrieve", {"id": 100}, "IngestRun"),
    ("feeds.feeds_list", {}, list),
    (f"{FINDINGS}_list", {}, "FindingsPage"),
    (f"{FINDINGS}_list", {"series": "mnq", "state": "unresolved", "kind": "spike", "limit": 1}, "FindingsPage"),
    (f"{FINDINGS}_retrieve", {"id": 1}, "FindingDetail"),
]
# Operations with a body, and the name of its class.
ACTIONS = {
    f"{FINDINGS}_acknowledge_create": "AcknowledgeBodyRequest",
    f"{FINDINGS}_resolve_create": "NoteBodyRequest",
    f"{FINDINGS}_reopen_create": "NoteBodyRequest",
}
# Their responses have no end, so that these clients cannot read them.
STREAMS = {f"{MARKET}_ohlcv_1m_stream_retrieve", f"{MARKET}_ohlcv_stream_retrieve"}
FILES = [
    (f"{MARKET}_ohlcv_1m_bars_retrieve", {"slug": "mnq"}, 1320),
    (f"{MARKET}_ohlcv_1m_bars_retrieve", {"slug": "empty"}, 0),
    (f"{MARKET}_ohlcv_bars_retrieve", {"slug": "mnq", "timeframe": "1h"}, 23),
]
ERRORS = [
    (f"{MARKET}_ohlcv_1m_bars_retrieve", {"slug": "nqh5"}, 300, "Choices"),
    (f"{MARKET}_coverage_retrieve", {"slug": "nqm5"}, 307, "NoneType"),
    (f"{MARKET}_ohlcv_1m_bars_retrieve", {"slug": "nope"}, 404, "NotFound"),
    (f"{MARKET}_ohlcv_1m_bars_retrieve", {"slug": "mnq", "limit": 0}, 400, "ParameterErrors"),
    (f"{MARKET}_ohlcv_bars_retrieve", {"slug": "mars", "timeframe": "1h"}, 409, "Error"),
    (f"{MARKET}_coverage_retrieve", {"slug": "mars"}, 409, "Error"),
    (f"{MARKET}_gaps_retrieve", {"slug": "mars"}, 409, "Error"),
    (f"{RUNS}_list", {"series": "nope"}, 404, "NotFound"),
    (f"{RUNS}_retrieve", {"id": 999}, 404, "NotFound"),
    (f"{FINDINGS}_list", {"series": "nope"}, 404, "NotFound"),
    (f"{FINDINGS}_retrieve", {"id": 999}, 404, "NotFound"),
    (f"{RUNS}_retrieve", {"id": 2**63}, 404, "NotFound"),
]


def generate(folder: Path, description: dict, name: str) -> ModuleType:
    """The package of a generated client. Warnings of the generator are failures."""
    schema, config = folder / f"{name}.json", folder / "config.json"
    schema.write_text(json.dumps(description))
    config.write_text(json.dumps(CONFIG))
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"),
        *("--path", schema, "--config", config, "--output-path", folder / name),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "warning" not in output.lower(), output
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def packages(tmp_path_factory, django_db_setup):
    """A client for each media type. The generator reads the first media type of a response only."""
    folder = tmp_path_factory.mktemp("clients")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        description = read_description()
        yield {
            JSON: generate(folder, description, "barkeep_json"),
            CSV: generate(folder, put_first(description, CSV), "barkeep_csv"),
            PARQUET: generate(folder, put_first(description, PARQUET), "barkeep_parquet"),
        }


def put_first(description: dict, media_type: str) -> dict:
    """The description with this media type before the others."""
    description = json.loads(json.dumps(description))
    for path in description["paths"].values():
        for operation in path.values():
            content = operation["responses"]["200"]["content"]
            if media_type in content:
                operation["responses"]["200"]["content"] = {media_type: content[media_type]} | content
    return description


@pytest.fixture
def data(history):
    """Also a series with bars and no calendar, one whose calendar does not exist, contracts, and a finding."""
    create_nq_contracts()
    Series.objects.create(slug="free", symbol="FREE")
    Series.objects.create(slug="mars", symbol="MARS", calendar="Mars")
    insert(next(iter(QUALITY)), series_id=Series.objects.get(slug="mnq").pk)


@pytest.fixture
def call(packages, data, address, token):
    def call(operation: str, arguments: dict, *, media_type: str = JSON, anonymous: bool = False, **headers):
        package = packages[media_type]
        credentials = {} if anonymous else {"token": token, "prefix": "Token"}
        make = package.Client if anonymous else package.AuthenticatedClient
        client = make(base_url=address, raise_on_unexpected_status=True, headers=headers, **credentials)
        module = importlib.import_module(f"{package.__name__}.api.{operation}")
        with client:
            return module.sync_detailed(client=client, **{**arguments, **find_enums(module, arguments)})

    return call


def find_enums(module: ModuleType, arguments: dict) -> dict:
    """The arguments whose type is an enumeration, as such."""
    enums = {}
    for name, value in arguments.items():
        endings = tuple(verb + name.strip("_").title() for verb in ("Retrieve", "List"))
        for label, kind in vars(module).items():
            if label.endswith(endings) and isinstance(kind, type):
                enums[name] = kind(value)
    return enums


def test_every_operation_is_called(packages):
    api = importlib.import_module(f"{packages[JSON].__name__}.api")
    modules = {
        f"{package.name}.{module.name}"
        for package in pkgutil.iter_modules(api.__path__)
        for module in pkgutil.iter_modules([str(Path(api.__path__[0]) / package.name)])
    }
    assert modules == {operation for operation, _, _ in CALLS} | STREAMS | set(ACTIONS)


@pytest.mark.parametrize(("operation", "arguments", "kind"), CALLS)
def test_the_client_reads_the_response(call, packages, operation, arguments, kind):
    response = call(operation, arguments)
    assert response.status_code == HTTPStatus.OK
    expected = json.loads(response.content)
    if kind is list:
        assert [normalize(one.to_dict()) for one in response.parsed] == normalize(expected)
    else:
        assert type(response.parsed).__name__ == kind
        assert normalize(response.parsed.to_dict()) == normalize(expected)


def normalize(value: object) -> object:
    """Times are written in two ways: as Z, and as +00:00."""
    if isinstance(value, dict):
        return {name: normalize(one) for name, one in value.items()}
    if isinstance(value, list):
        return [normalize(one) for one in value]
    return value.removesuffix("Z") + "+00:00" if isinstance(value, str) and value.endswith("Z") else value


@pytest.mark.parametrize("media_type", [CSV, PARQUET])
@pytest.mark.parametrize(("operation", "arguments", "rows"), FILES)
def test_the_client_reads_files(call, media_type, operation, arguments, rows):
    name = "csv" if media_type == CSV else "parquet"
    for response in (
        call(operation, arguments | {"format_": name}, media_type=media_type),
        call(operation, arguments, media_type=media_type, Accept=media_type),
    ):
        assert response.status_code == HTTPStatus.OK
        if media_type == CSV:
            assert len(response.content.splitlines()) == rows + 1
            assert response.parsed == response.content.decode()
        else:
            assert parquet.read_table(io.BytesIO(response.parsed.payload.read())).num_rows == rows


@pytest.mark.parametrize(("operation", "arguments", "status", "kind"), ERRORS)
def test_the_client_reads_errors(call, operation, arguments, status, kind):
    response = call(operation, arguments)
    assert (response.status_code, type(response.parsed).__name__) == (status, kind)


@pytest.mark.parametrize("operation", sorted({operation for operation, _, _ in CALLS}))
def test_the_client_reads_a_refused_login_and_format(call, operation):
    arguments = next(arguments for name, arguments, _ in CALLS if name == operation)
    refused = call(operation, arguments, anonymous=True, Authorization="Token wrong")
    assert (refused.status_code, type(refused.parsed).__name__) == (401, "Error")
    if "format_" not in arguments:
        unacceptable = call(operation, arguments, Accept="image/png")
        assert (unacceptable.status_code, type(unacceptable.parsed).__name__) == (406, "Error")
