"""How a file of a batch ended, as worker processes report it."""

import pickle
import signal
from pathlib import Path

import pytest

from config.testing.builders import MIDNIGHT, bars, write
from ingestion.batch.one_file import BatchOptions, ingest_one
from ingestion.batch.outcomes import Failed, Loaded, Previewed, Skipped, ends_batch
from ingestion.errors import DatabaseFailure, DatabaseUnavailable, Interrupted, ProcessDied, UnreadableFile
from ingestion.options import IngestOptions
from ingestion.progress import Progress
from ingestion.results import FileResult
from marketdata.models import IngestRun

PATH = Path("mnq.dbn")
RESULT = FileResult(("A",), "a_ohlcv_1m", "0" * 64, 3, 2, 1, 1, 0, 0, 0, MIDNIGHT, MIDNIGHT, ("A note.",))


@pytest.mark.parametrize("outcome", [Loaded(PATH, 7, 0.25, RESULT), Previewed(PATH, RESULT), Skipped(PATH, 7)])
def test_an_outcome_is_the_same_after_pickling(outcome):
    assert pickle.loads(pickle.dumps(outcome)) == outcome
    assert not ends_batch(outcome)


@pytest.mark.parametrize(
    "error, ends",
    [
        (UnreadableFile("x"), False),
        (DatabaseFailure("x"), False),
        (ProcessDied(PATH, -9), False),
        (DatabaseUnavailable("x"), True),
        (Interrupted(signal.SIGTERM), True),
    ],
)
def test_only_what_would_fail_each_file_ends_the_batch(error, ends):
    sent = pickle.loads(pickle.dumps(Failed(PATH, error)))
    assert (sent.path, type(sent.error), str(sent.error)) == (PATH, type(error), str(error))
    assert ends_batch(sent) is ends


def test_a_file_ends_in_one_of_four_ways(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(3))
    ends = [
        ingest_one(path, BatchOptions(IngestOptions(), dry_run=True), Progress()),
        ingest_one(path, BatchOptions(IngestOptions()), Progress()),
        ingest_one(path, BatchOptions(IngestOptions(), skip_ingested=True), Progress()),
        ingest_one(tmp_path / "missing.dbn", BatchOptions(IngestOptions()), Progress()),
    ]
    assert [type(outcome) for outcome in ends] == [Previewed, Loaded, Skipped, Failed]
    run = IngestRun.objects.get(status="success")
    assert (ends[1].run_id, ends[2].run_id, ends[1].seconds) == (run.pk, run.pk, run.seconds)
    assert ends[1].result.inserted_count == run.inserted_count == 3
