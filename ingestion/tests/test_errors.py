"""Errors have fields that survive pickling, and what may be retried is a type."""

import ast
import pickle
import signal
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from config.testing.builders import FRONT, bars, dbn, save, several, together, write
from ingestion import errors
from ingestion.dbn.source import SourceFile
from ingestion.errors import (
    DatabaseFailure,
    DatabaseUnavailable,
    IngestError,
    InputError,
    Interrupted,
    InvalidBars,
    MixedInstruments,
    PartitioningInterrupted,
    ProcessDied,
    RetryableError,
    RunCancelled,
    SplitInterrupted,
    UndoInterrupted,
    UnexpectedError,
    UnfinishedFile,
    UnreadableFile,
    WrongContent,
)
from ingestion.feeds.errors import (
    BrokenDownload,
    FeedError,
    FeedRefused,
    KeyMissing,
    NothingThere,
    NotYetAvailable,
    OverBudget,
    TryAgain,
)
from ingestion.feeds.history.batch_job import JobLost
from ingestion.feeds.history.buy import CountUnknown
from ingestion.options import IngestOptions
from ingestion.pipeline import preview_file

PATH = Path("mnq.dbn")
INTERRUPTED = {Interrupted, PartitioningInterrupted, SplitInterrupted, UndoInterrupted}
RETRYABLE = {DatabaseFailure, DatabaseUnavailable, ProcessDied, RunCancelled, UnfinishedFile} | INTERRUPTED
FINAL = {InputError, InvalidBars, MixedInstruments, UnexpectedError, UnreadableFile, WrongContent}
WITH_MESSAGE = sorted(
    (RETRYABLE | FINAL | {IngestError, RetryableError}) - {ProcessDied, RunCancelled, UnexpectedError} - INTERRUPTED,
    key=lambda kind: kind.__name__,
)
FOLDERS = ("dbn", "validation", "symbology")


def test_every_error_is_either_retryable_or_final():
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, IngestError)}
    assert kinds == RETRYABLE | FINAL | {IngestError, RetryableError}
    assert {kind for kind in kinds - {RetryableError} if issubclass(kind, RetryableError)} == RETRYABLE


FEED_ERRORS = [
    FeedError("x"),
    FeedRefused("x", case="auth"),
    KeyMissing("x"),
    NotYetAvailable("x", end=datetime(2024, 1, 1, tzinfo=UTC)),
    NothingThere("x"),
    TryAgain("x", after=3.0, may_be_charged=True),
    CountUnknown("x"),
    BrokenDownload("x"),
    JobLost("x"),
    OverBudget("x"),
]


def test_every_error_of_feeds_is_listed():
    def find_kinds(kind):
        return {kind}.union(*map(find_kinds, kind.__subclasses__()))

    assert find_kinds(FeedError) == {type(error) for error in FEED_ERRORS}
    assert {type(error) for error in FEED_ERRORS if isinstance(error, RetryableError)} == {TryAgain, CountUnknown}


@pytest.mark.parametrize("error", FEED_ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_of_feeds_is_the_same_after_pickling(error):
    error.status = 429
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
    assert copy.may_be_charged == error.may_be_charged


@pytest.mark.parametrize("kind", WITH_MESSAGE)
def test_an_error_has_its_fields_after_pickling(kind):
    error = kind("mnq.dbn, row 3: x", path=PATH, row=3, symbol="MNQ.c.0")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.args) == (kind, str(error), error.args)
    assert (copy.path, copy.row, copy.symbol) == (PATH, 3, "MNQ.c.0")


@pytest.mark.parametrize(
    "error",
    [
        Interrupted(signal.SIGINT),
        UndoInterrupted(signal.SIGTERM),
        SplitInterrupted(signal.SIGINT),
        ProcessDied(PATH, -9),
        RunCancelled("trader", "undo"),
        InputError("x"),
    ],
)
def test_an_error_built_from_other_values_is_the_same_after_pickling(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_a_file_written_while_it_is_read_may_be_retried(tmp_path):
    path = save(tmp_path / "mnq.dbn", dbn(bars(3)))
    with SourceFile(path) as source, pytest.raises(UnfinishedFile, match="was being written") as refusal:
        save(path, dbn(bars(4)))
        source.finish()
    assert refusal.value.path == path


def two_sets_of_values(path: Path) -> Path:
    records = bars(4)[[0, 1, 2, 2]]
    records["volume"][3] += 1
    return write(path, records)


def two_publishers(path: Path) -> Path:
    return write(path, together(bars(2), bars(2, first=5, publisher_id=2)))


def without_mapping(path: Path) -> Path:
    mappings = {"A": [(date(2024, 1, 1), date(2024, 2, 1), FRONT)], "B": [(date(2024, 1, 1), date(2024, 2, 1), 5)]}
    records = together(bars(2), bars(1, first=2, instrument_id=6))
    return write(path, records, symbols=("A", "B"), mappings=mappings, stype_in="raw_symbol")


def invalid_row(path: Path) -> Path:
    records = bars(4, instrument_id=7)
    records["high"][2] = 1
    return several(path, {"ESZ4": records, "B": bars(1, first=9, instrument_id=8)})


@pytest.mark.parametrize(
    "build, kind, row, symbol",
    [
        (lambda path: save(path, b"noise"), UnreadableFile, None, None),
        (lambda path: save(path, dbn(bars(3))[:-1]), UnreadableFile, 3, None),
        (lambda path: write(path, bars(3), schema="trades"), WrongContent, None, None),
        (lambda path: write(path, np.repeat(bars(2), [1, 0])[:0]), InvalidBars, None, None),
        (invalid_row, InvalidBars, 3, "ESZ4"),
        (two_sets_of_values, InvalidBars, 4, "CME_MINI:MNQ1!"),
        (two_publishers, MixedInstruments, 3, "CME_MINI:MNQ1!"),
        (without_mapping, MixedInstruments, 3, None),
    ],
)
def test_a_refusal_has_the_place_as_fields(market_db, tmp_path, build, kind, row, symbol):
    path = build(tmp_path / "file.dbn")
    with pytest.raises(kind) as refusal:
        preview_file(path=path)
    error = refusal.value
    assert (error.path, error.row, error.symbol) == (path, row, symbol)
    assert type(error.row) in (int, type(None))
    assert str(path) in str(error)


def test_an_invalid_option_has_the_symbol(market_db, tmp_path):
    with pytest.raises(InputError) as refusal:
        preview_file(path=write(tmp_path / "mnq.dbn", bars(2)), options=IngestOptions(symbol="mnq"))
    assert refusal.value.symbol == "mnq"


def test_every_refusal_in_these_folders_fills_a_field():
    kinds = {kind.__name__ for kind in WITH_MESSAGE}
    room = Path(errors.__file__).parent
    calls = [
        (f"{path.relative_to(room)}:{node.lineno}", {keyword.arg for keyword in node.keywords})
        for folder in FOLDERS
        for path in sorted((room / folder).glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds
    ]
    assert len(calls) > 30
    assert [place for place, fields in calls if not fields & {"path", "symbol"}] == []
