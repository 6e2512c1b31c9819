"""A failed run whose file has become hostile is tried again on a page and in the admin: the worker and the web process
survive, and the run is closed as failed with a sentence."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django_tasks_db.models import DBTaskResult

from config.testing.builders import bars, dbn, save, stored, write
from config.testing.processes import Process
from config.testing.web.pages import create_failed_run, read_page
from marketdata.models import IngestRun
from marketdata.runs.jobs import find_jobs_of_run

ADMIN = "/admin/marketdata/ingestrun/"
AT_METADATA_LENGTH, AT_DATASET = 4, 8


def change(path: Path, at: int, content: bytes) -> None:
    """A valid file with other bytes at this place."""
    original = bytearray(dbn(bars(3)))
    original[at : at + len(content)] = content
    save(path, bytes(original))


def write_year_0(path: Path) -> None:
    content = dbn(bars(3))
    at = content.index(struct.pack("<I", 20240101))
    change(path, at, struct.pack("<I", 101))


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "NUL in the dataset": (lambda path: change(path, AT_DATASET, b"GL\0BX"), "dataset"),
    "NUL in the symbol": (lambda path: write(path, bars(3), symbols=("MN\0Q",), mappings={}), "symbol"),
    "escape in the symbol": (lambda path: write(path, bars(3), symbols=("MN\x1b[2JQ",), mappings={}), "symbol"),
    "decoder's panic": (lambda path: change(path, AT_METADATA_LENGTH, struct.pack("<I", 100)), "metadata"),
    "4 GB of metadata": (lambda path: change(path, AT_METADATA_LENGTH, b"\xff" * 4), "metadata"),
    "year 0": (write_year_0, "year 0"),
    "named pipe": (os.mkfifo, "not a regular file"),
    "endless device": (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
    "empty file": (lambda path: path.touch(), "is empty (0 bytes)"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "link to itself": (lambda path: path.symlink_to(path), "no longer exists"),
    "zeros": (lambda path: save(path, bytes(100_000)), "not a DBN file"),
}


@pytest.mark.parametrize("where", ["page", "admin"])
def test_trying_again_closes_each_run_with_its_sentence(page_client, tmp_path, where):
    failed = []
    for number, (make, _) in enumerate(HOSTILE.values()):
        path = tmp_path / f"{number}.dbn"
        make(path)
        failed.append(create_failed_run(file_name=path.name, file_path=str(path)))
    valid = create_failed_run(file_path=str(write(tmp_path / "valid.dbn", bars(3))))
    request_all(page_client, [*failed, valid], where)
    ended = Process("--batch", "--no-startup-delay", command="db_worker").end(120)
    assert (ended.code, "Traceback" in ended.err, "\x1b" in ended.err) == (0, False, False)
    assert len(stored()) == 3
    for run, (name, (_, part)) in zip(failed, HOSTILE.items(), strict=True):
        (job,) = find_jobs_of_run(run.pk)
        assert (name, job.state, "\0" in job.error) == (name, "failed", False)
        assert part in job.error, name
        if job.started_run:
            assert (job.started_run.status, job.started_run.error) == ("failed", job.error), name
            read_page(page_client, f"/runs/{job.started_run.pk}/")
            read_page(page_client, f"{ADMIN}{job.started_run.pk}/change/")
        assert read_page(page_client, f"/jobs/{job.pk}/")
    assert not IngestRun.objects.filter(status="running").exists()
    for address in ("/", ADMIN, "/api/ingest-runs/"):
        read_page(page_client, address)


def request_all(client: Client, runs: list[IngestRun], where: str) -> None:
    if where == "admin":
        values = {"action": "try_again", "_selected_action": [run.pk for run in runs]}
        assert client.post(ADMIN, values, follow=True).status_code == 200
    else:
        for run in runs:
            assert client.post(f"/runs/{run.pk}/retry/").url.startswith("/jobs/")
    assert DBTaskResult.objects.count() == len(runs)
