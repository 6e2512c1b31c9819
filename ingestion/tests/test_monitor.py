"""The progress of running runs, and their cancellation, as other sessions see them: real processes."""

from __future__ import annotations

import time

import numpy as np
import pytest

from config.testing.builders import FRONT, at, bars, ingest, stored, write
from config.testing.processes import Process, backend_in, running, scale_limit, series_locked, until
from ingestion.dbn.samples import random_walk
from marketdata.models import Bar, IngestRun
from marketdata.runs.progress import RunProgress, read_progress

WAITING = "SELECT pg_advisory_xact_lock%"


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    times = np.uint64(at(0)) + np.arange(1_500_000, dtype=np.uint64) * np.uint64(60 * 10**9)
    path = tmp_path_factory.mktemp("big") / "big.dbn"
    return write(path, random_walk(times, instrument_id=FRONT), mappings={}, end=int(times[-1]))


def request_cancel() -> float:
    """As the page does it. Returns the time of the request."""
    IngestRun.objects.filter(status="running").update(cancel_requested_by="alice")
    return time.monotonic()


def test_a_load_shows_its_bytes_rows_and_step_until_it_ends(market_db, big):
    size = big.stat().st_size
    with Process("--input", big, "--replace-instrument") as process:
        seen = [until(lambda: running() and read_progress().get(1))]
        while running():
            seen += [found] if (found := read_progress().get(1)) and found != seen[-1] else []
            time.sleep(0.05)
        assert process.end().code == 0
    assert {one.step for one in seen} >= {"Reading", "Storing"}
    assert {one.bytes_total for one in seen if one.step == "Reading"} == {size}
    assert [one.rows for one in seen] == sorted(one.rows for one in seen)
    halfway = [one for one in seen if 0 < one.bytes_read < size]
    assert halfway and all(0 < one.rows < 1_500_000 and one.percent in range(100) for one in halfway)
    assert seen[-1].rows == 1_500_000
    until(lambda: read_progress() == {})


@pytest.mark.parametrize("step", ["Reading", "Storing"])
def test_a_cancelled_load_stops_within_a_second_and_leaves_nothing(market_db, big, step):
    with Process("--input", big, "--replace-instrument") as process:
        until(lambda: running() and (found := read_progress().get(1)) and found.step == step)
        requested = request_cancel()
        until(lambda: not running())
        seconds = time.monotonic() - requested
        ended = process.end()
    sentence = "Cancelled by alice: nothing of this file was stored. Try it again to load the file."
    assert (ended.code, ended.sentence) == (1, sentence)
    run = IngestRun.objects.get()
    assert (run.status, run.error, run.cancel_requested_by) == ("failed", sentence, "alice")
    assert not Bar.objects.exists()
    assert seconds < scale_limit(1.5)


def test_a_cancelled_load_does_not_wait_for_locks(market_db, tmp_path):
    path = write(tmp_path / "a.dbn", bars(5))
    with series_locked(), Process("--input", path) as process:
        until(lambda: backend_in(WAITING))
        assert until(lambda: read_progress().get(1)).step == "Waiting for other writers of these series"
        request_cancel()
        assert process.end(10).code == 1
    assert not stored()


def test_the_other_files_of_a_batch_are_loaded(market_db, tmp_path):
    first, second = write(tmp_path / "1.dbn", bars(5)), write(tmp_path / "2.dbn", bars(5, first=5))
    with series_locked(), Process("--input", first, second):
        until(lambda: backend_in(WAITING))
        request_cancel()
        until(lambda: IngestRun.objects.filter(pk=2).exists())
    assert IngestRun.objects.get(pk=1).error.startswith("Cancelled by alice")


def test_an_undo_is_cancelled(market_db, tmp_path):
    ingest(write(tmp_path / "a.dbn", bars(5)))
    with series_locked(), Process(1, command="undo_run") as process:
        until(lambda: backend_in(WAITING))
        request_cancel()
        ended = process.end(10)
    assert (ended.code, ended.sentence) == (1, "Cancelled by alice: nothing was changed. Try it again to undo the run.")
    assert len(stored()) == 5


@pytest.mark.parametrize(
    "name",
    ["", "barkeep", "barkeep 1", "barkeep x Reading 1/2 3", "barkeep 1 Reading 1/2", "barkeep 1 Reading 1/2 3 4"],
)
def test_the_names_of_other_sessions_are_no_progress(name):
    from marketdata.runs.progress import parse_name

    assert parse_name(name) is None
    assert parse_name(RunProgress("Reading", 1, 2, 3).format_name(7)) == (7, RunProgress("Reading", 1, 2, 3))
