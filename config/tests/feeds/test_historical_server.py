"""The historical API for tests, and what the vendor's client does in each of its faults. The feeds rely on it: a newer
client that behaves otherwise fails here."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import databento as db
import pytest
import requests
from databento.common.error import BentoDeprecationWarning, BentoWarning

from config.testing.feeds.historical import KEY, FakeHistorical
from config.testing.feeds.times import MINUTE, to_iso

ASK: dict[str, Any] = {
    "dataset": "GLBX.MDP3",
    "symbols": "MNQ.c.0",
    "stype_in": "continuous",
    "schema": "ohlcv-1m",
    "start": "2024-03-11",
    "end": "2024-03-15",
}
ROWS = 5425
# The client leaves the file of a broken download open.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def client(historical: FakeHistorical) -> Iterator[db.Historical]:
    historical.frame_records = 1000
    client = db.Historical(gateway=historical.url)
    for api in (client.metadata, client.timeseries, client.batch, client.symbology):
        api.TIMEOUT = 1
    yield client


def get_range(client: db.Historical, path: Path, **changes: Any) -> db.DBNStore:
    return client.timeseries.get_range(**ASK | changes, path=path)


def count_rows(store: db.DBNStore) -> tuple[int, list[str]]:
    """Rows of a store, and the client's warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = len(store.to_ndarray())
    return rows, [str(warning.message) for warning in caught]


def test_a_range_is_priced_counted_and_delivered(historical, client, tmp_path):
    assert client.metadata.get_record_count(**ASK) == ROWS
    cost = client.metadata.get_cost(**ASK)
    assert cost == pytest.approx(ROWS * 56 / 2**30 * 280)
    store = get_range(client, tmp_path / "bars.dbn.zst")
    want = historical.market.bars(["MNQ.c.0"], "continuous", ASK["start"], ASK["end"])
    assert (store.to_ndarray() == want).all()
    assert store.mappings["MNQ.c.0"][0]["symbol"] == "1202403"
    assert historical.spent == cost
    assert historical.unpriced() == historical.bought_twice() == []
    assert [ask.endpoint for ask in historical.asks] == [
        *("metadata.get_record_count", "metadata.get_cost", "timeseries.get_range"),
    ]


def test_purchases_without_a_price_and_repeated_ones_are_found(historical, client, tmp_path):
    get_range(client, tmp_path / "1.dbn.zst", end="2024-03-12")
    client.metadata.get_cost(**ASK)
    historical.fault("timeseries.get_range", "reset_body")
    with pytest.raises(db.BentoError):
        get_range(client, tmp_path / "2.dbn.zst", start="2024-03-12")
    get_range(client, tmp_path / "3.dbn.zst", start="2024-03-13")
    assert [purchase.ask for purchase in historical.unpriced()] == [1]
    assert historical.bought_twice() == [(3, 4, "MNQ.c.0")]
    assert historical.bought_twice(whole=True) == []
    get_range(client, tmp_path / "4.dbn.zst", start="2024-03-13")
    assert historical.bought_twice(whole=True) == [(4, 5, "MNQ.c.0")]


ERRORS = {401: "auth_", 402: "account_insufficient_funds", 403: "license_", 422: "symbology_", 429: "rate_limit_"}


@pytest.mark.parametrize("status", [401, 402, 403, 408, 422, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("endpoint", ["timeseries.get_range", "metadata.get_cost"])
def test_an_error_status_is_an_exception_and_is_not_repeated(historical, client, tmp_path, endpoint, status):
    historical.fault(endpoint, "status", status=status, retry_after=7)
    with pytest.raises(db.BentoServerError if status >= 500 else db.BentoClientError) as caught:
        _call(client, endpoint, tmp_path)
    error = caught.value
    assert error.http_status == status
    assert error.headers["Retry-After"] == "7"
    assert ERRORS.get(status, "") in error.json_body["detail"]["case"]
    assert ERRORS.get(status, "") in str(error)
    assert len(historical.asks) == 1
    assert not (tmp_path / "out").exists()
    assert historical.purchases == []


def _call(client: db.Historical, endpoint: str, folder: Path) -> object:
    return get_range(client, folder / "out") if endpoint == "timeseries.get_range" else client.metadata.get_cost(**ASK)


def test_an_html_error_has_no_message_and_a_text_detail_is_the_message(historical, client, tmp_path):
    historical.fault("timeseries.get_range", "status", status=500, body="html")
    with pytest.raises(db.BentoServerError, match="500 <empty message>"):
        get_range(client, tmp_path / "out")
    historical.fault("timeseries.get_range", "status", status=422, body="text")
    with pytest.raises(db.BentoClientError, match="422 None of the symbols could be resolved"):
        get_range(client, tmp_path / "out")


@pytest.mark.parametrize("key", [None, "  ", "\n"])
def test_a_blank_key_is_refused_before_any_request(historical, client, monkeypatch, key):
    monkeypatch.delenv("DATABENTO_API_KEY")
    with pytest.raises(ValueError, match="invalid API key"):
        db.Historical(key, gateway=historical.url)
    assert historical.asks == []


def test_another_key_is_refused(historical, client):
    with pytest.raises(db.BentoClientError, match="401 auth_authentication_failed"):
        db.Historical("db-wrong", gateway=historical.url).metadata.get_cost(**ASK)


@pytest.mark.parametrize(
    "refusal, status",
    [
        ("dataset_unavailable_range", 422),
        ("data_end_after_available_end", 422),
        ("license_not_found_unauthorized", 403),
    ],
)
@pytest.mark.parametrize("endpoint", ["timeseries.get_range", "metadata.get_cost"])
def test_an_end_after_the_licence_is_refused_also_when_priced(historical, client, tmp_path, endpoint, refusal, status):
    historical.refusal = refusal
    changes = {"start": to_iso(historical.available_end - 60 * MINUTE), "end": to_iso(historical.now())}
    with pytest.raises(db.BentoClientError, match=refusal) as caught:
        if endpoint == "metadata.get_cost":
            client.metadata.get_cost(**ASK | changes)
        else:
            get_range(client, tmp_path / "out", **changes)
    assert caught.value.http_status == status
    end = to_iso(historical.available_end)
    detail = caught.value.json_body["detail"]
    assert end in (detail["payload"]["available_end"] if detail["payload"] else detail["message"])
    assert historical.purchases == []


@pytest.mark.parametrize(
    "changes, case",
    [
        ({"start": "2009-01-01"}, "data_start_before_available_start"),
        ({"start": "2024-03-15"}, "data_time_range_start_on_or_after_end"),
        ({"symbols": "NOPE.c.0"}, "symbology_invalid_request"),
        (
            {"symbols": "MNQM4", "stype_in": "raw_symbol", "start": "2024-03-16", "end": "2024-03-17"},
            "symbology_invalid_request",
        ),
        ({"dataset": "XNAS.ITCH"}, "data_invalid_dataset"),
    ],
)
def test_impossible_queries_are_refused(historical, client, changes, case):
    with pytest.raises(db.BentoClientError, match=f"422 {case}"):
        client.metadata.get_cost(**ASK | changes)


def test_a_closed_day_of_a_continuous_symbol_is_empty(historical, client, tmp_path):
    store = get_range(client, tmp_path / "out", start="2024-03-16", end="2024-03-17")
    assert count_rows(store) == (0, [])


@pytest.mark.parametrize("endpoint", ["timeseries.get_range", "metadata.get_cost"])
@pytest.mark.parametrize("kind", ["reset", "close"])
def test_a_connection_without_an_answer(historical, client, tmp_path, endpoint, kind):
    historical.fault(endpoint, kind)
    with pytest.raises(requests.exceptions.ConnectionError):
        _call(client, endpoint, tmp_path)
    assert historical.purchases == []


@pytest.mark.parametrize("endpoint", ["timeseries.get_range", "metadata.get_cost"])
def test_no_answer_ends_after_the_time_limit(historical, client, tmp_path, endpoint):
    historical.fault(endpoint, "hang", seconds=3)
    with pytest.raises(requests.exceptions.ReadTimeout):
        _call(client, endpoint, tmp_path)


def test_an_unknown_certificate_is_refused(historical, client, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(requests.exceptions.SSLError):
        client.metadata.get_cost(**ASK)


@pytest.mark.parametrize(
    "kind, message",
    [
        ("reset_body", "Response ended prematurely"),
        ("cut_chunked", "Response ended prematurely"),
        ("cut_length", r"IncompleteRead\(20000 bytes read"),
        ("stall", "Read timed out"),
    ],
)
def test_a_body_that_ends_early_is_an_error_and_leaves_a_file(historical, client, tmp_path, kind, message):
    historical.fault("timeseries.get_range", kind, after=20_000, **({"seconds": 3} if kind == "stall" else {}))
    path = tmp_path / "out"
    with pytest.raises(db.BentoError, match=f"Error streaming response: .*{message}"):
        get_range(client, path)
    assert path.stat().st_size <= 20_000
    with pytest.raises(FileExistsError):
        get_range(client, path)
    assert [purchase.whole for purchase in historical.purchases] == [False]


TRUNCATED = ["DBN file is truncated or contains an incomplete record"]


@pytest.mark.parametrize(
    "kind, rows, messages",
    [
        ("cut_close", range(ROWS), []),
        ("cut_zstd", [5000], []),
        ("cut_record", [ROWS - 1], TRUNCATED),
        ("cut_frame", [5000], []),
        ("metadata_only", [0], []),
    ],
)
def test_records_can_be_lacking_without_an_error(historical, client, tmp_path, kind, rows, messages):
    historical.fault("timeseries.get_range", kind)
    found, warned = count_rows(get_range(client, tmp_path / "out"))
    assert found in rows
    assert warned == messages
    assert [(purchase.records, purchase.whole) for purchase in historical.purchases] == [(ROWS, False)]


@pytest.mark.parametrize(
    "kind, error, message",
    [
        ("empty_body", ValueError, "Cannot create data source from empty file"),
        ("html_200", db.BentoError, "Could not determine compression format"),
        ("garbage", db.BentoError, "Could not determine compression format"),
    ],
)
def test_a_body_that_is_no_dbn(historical, client, tmp_path, kind, error, message):
    historical.fault("timeseries.get_range", kind)
    with pytest.raises(error, match=message):
        get_range(client, tmp_path / "out")
    assert len(historical.purchases) == 1


def test_a_slow_body_has_no_time_limit(historical, client, tmp_path):
    historical.fault("timeseries.get_range", "slow", rate=60_000)
    assert count_rows(get_range(client, tmp_path / "out")) == (ROWS, [])


def test_a_warning_header_as_an_error_loses_what_was_bought(historical, client, tmp_path):
    historical.market.degraded.add(date(2024, 3, 13))
    with pytest.raises(BentoWarning, match=r"reduced quality: 2024-03-13 \(degraded\)"):
        get_range(client, tmp_path / "1")
    assert not (tmp_path / "1").exists()
    assert len(historical.purchases) == 1
    historical.fault("timeseries.get_range", "warning", text="DeprecationWarning: this parameter goes")
    with pytest.warns(BentoWarning), pytest.warns(BentoDeprecationWarning, match="this parameter goes"):
        store = get_range(client, tmp_path / "2")
    assert count_rows(store)[0] == ROWS


@pytest.mark.parametrize("value", [None, "0.40", {"a": 1}, "NaN"])
def test_a_price_can_be_any_json(historical, client, value):
    historical.fault("metadata.get_cost", "json", value=value)
    assert client.metadata.get_cost(**ASK) == value


def test_faults_wait_for_their_request(historical, client):
    historical.fault("metadata.get_cost", "status", status=500, skip=1, times=2)
    outcomes = [_outcome(lambda: client.metadata.get_cost(**ASK)) for _ in range(4)]
    assert outcomes == ["ok", "BentoServerError", "BentoServerError", "ok"]
    assert client.metadata.get_record_count(**ASK) == ROWS
    assert [ask.fault for ask in historical.asks] == [None, "status", "status", None, None]


def _outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "ok"


def test_importing_the_client_warns_about_nothing():
    done = subprocess.run([sys.executable, "-W", "error", "-c", "import databento"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_environment_for_other_processes(historical):
    assert historical.env["DATABENTO_API_KEY"] == KEY
    assert historical.env["DATABENTO_HISTORICAL_URL"] == historical.url
    assert Path(historical.env["REQUESTS_CA_BUNDLE"]).is_file()
    assert historical.env["FEED_MAX_USD_PER_RUN"] == "100"
