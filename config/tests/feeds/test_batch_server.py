"""Batch jobs of the historical API for tests, and what the vendor's client does in each fault of their files."""

from __future__ import annotations

import contextlib
import hashlib
import time
import zipfile
from pathlib import Path
from typing import Any

import databento as db
import pytest
import requests
from databento.common.error import BentoWarning

from config.testing.feeds.historical import FakeHistorical

ASK: dict[str, Any] = {
    "dataset": "GLBX.MDP3",
    "symbols": "MNQ.c.0",
    "stype_in": "continuous",
    "schema": "ohlcv-1m",
    "start": "2024-03-11",
    "end": "2024-03-15",
    "split_duration": "month",
}
NAME = "glbx-mdp3-20240311-20240314.ohlcv-1m.dbn.zst"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def client(historical: FakeHistorical) -> db.Historical:
    historical.batch_seconds = 0.0
    return db.Historical(gateway=historical.url)


@pytest.fixture
def job(client: db.Historical) -> str:
    client.metadata.get_cost(**{name: value for name, value in ASK.items() if name != "split_duration"})
    return str(client.batch.submit_job(**ASK)["id"])


def download(client: db.Historical, job: str, folder: Path, name: str | None = NAME) -> Path:
    """The first downloaded file."""
    return client.batch.download(job, folder, name)[0]


def get_hash(client: db.Historical, job: str, name: str = NAME) -> str:
    return next(file["hash"] for file in client.batch.list_files(job) if file["filename"] == name)


def hash_file(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_job_is_queued_processed_and_done(historical, client):
    historical.batch_seconds = 0.4
    job = client.batch.submit_job(**ASK)
    assert job["state"] == "queued"
    with pytest.raises(db.BentoClientError, match="404 batch_job_not_ready"):
        client.batch.list_files(job["id"])
    states, deadline = [], time.monotonic() + 10
    while "done" not in states and time.monotonic() < deadline:
        states += [found["state"] for found in client.batch.list_jobs()]
    assert list(dict.fromkeys(states)) == ["queued", "processing", "done"]
    assert client.batch.list_jobs("done")[0]["id"] == job["id"]


def test_a_job_is_bought_once_and_its_files_are_free(historical, client, job, tmp_path):
    cost = historical.spent
    assert cost == pytest.approx(5425 * 56 / 2**30 * 280)
    for folder in ("1", "2"):
        path = download(client, job, tmp_path / folder)
        assert hash_file(path) == get_hash(client, job)
    assert db.DBNStore.from_file(path).to_ndarray().shape == (5425,)
    assert historical.spent == cost
    assert historical.unpriced() == historical.bought_twice() == []


def test_a_job_can_be_submitted_without_an_answer(historical, client):
    historical.fault("batch.submit_job", "lost_answer")
    with pytest.raises(requests.exceptions.ConnectionError):
        client.batch.submit_job(**ASK)
    assert len(historical.purchases) == len(client.batch.list_jobs()) == 1


def test_an_expired_job_is_not_listed_and_has_no_files(historical, client, job, tmp_path):
    historical.jobs[job]["expired"] = True
    assert client.batch.list_jobs() == []
    with pytest.raises(db.BentoClientError, match="404"):
        client.batch.list_files(job)


def test_too_many_requests_are_repeated_after_a_number_of_seconds(historical, client, job, tmp_path):
    historical.fault("batch.file", "status", status=429, retry_after=1, times=2)
    began = time.monotonic()
    assert hash_file(download(client, job, tmp_path)) == get_hash(client, job)
    assert time.monotonic() - began > 2
    historical.fault("batch.file", "status", status=429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT")
    with pytest.raises(ValueError, match="invalid literal for int"):
        download(client, job, tmp_path / "other")


def test_a_server_error_is_not_repeated(historical, client, job, tmp_path):
    historical.fault("batch.file", "status", status=500)
    with pytest.raises(db.BentoServerError):
        download(client, job, tmp_path)
    assert len(historical.asked("batch.file")) == 1


@pytest.mark.parametrize("kind", ["reset_body", "cut_length"])
def test_a_file_that_ends_early_is_continued(historical, client, job, tmp_path, kind):
    historical.fault("batch.file", kind, after=5000)
    assert hash_file(download(client, job, tmp_path)) == get_hash(client, job)
    ranges = [ask.note for ask in historical.asked("batch.file")]
    assert ranges[0] == ""
    assert ranges[1].startswith("bytes=")


@pytest.mark.parametrize("kind", ["cut_close", "corrupt"])
def test_a_wrong_file_is_only_a_warning(historical, client, job, tmp_path, kind):
    historical.fault("batch.file", kind, after=5000)
    with pytest.warns(BentoWarning, match="failed checksum validation"):
        path = download(client, job, tmp_path)
    assert path.name == NAME
    assert hash_file(path) != get_hash(client, job)


@pytest.mark.parametrize("kind", ["ignore_range", None])
def test_other_bytes_in_the_folder_are_continued(historical, client, job, tmp_path, kind):
    path = tmp_path / job / NAME
    path.parent.mkdir()
    path.write_bytes(b"z" * 1000)
    if kind:
        historical.fault("batch.file", kind)
    with pytest.warns(BentoWarning, match="failed checksum validation"):
        download(client, job, tmp_path)
    assert hash_file(path) != get_hash(client, job)


def test_an_unknown_file_name_gives_nothing(historical, client, job, tmp_path):
    assert client.batch.download(job, tmp_path, "unknown.dbn.zst") == []


def test_a_zip_has_all_files_and_may_be_cut(historical, client, job, tmp_path):
    names = {path.name for path in client.batch.download(job, tmp_path / "1")}
    assert names == {NAME, "metadata.json", "condition.json", "symbology.json", "manifest.json"}
    historical.fault("batch.download", "cut_close", after=500)
    with pytest.raises(zipfile.BadZipFile):
        client.batch.download(job, tmp_path / "2")


def test_no_answer_has_no_time_limit(historical, client, job, tmp_path):
    client.batch.TIMEOUT = 1
    historical.fault("batch.file", "hang", seconds=2.5)
    began = time.monotonic()
    with contextlib.suppress(requests.exceptions.ConnectionError):
        download(client, job, tmp_path)
    assert time.monotonic() - began > 2
