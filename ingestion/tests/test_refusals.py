"""Whatever a file makes the program raise is the refusal of that file: the others are loaded, the process lives."""

import pytest
from django.core.management import CommandError
from django.db import DataError

from config.testing.builders import bars, dbn, exact, ingest, save, stored, write
from config.testing.processes import run
from ingestion.batch.one_file import BatchOptions, ingest_one
from ingestion.errors import IngestError, UnexpectedError, is_failure, refuse_failures
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file, preview_file
from ingestion.progress import Progress
from ingestion.retry import retry_run
from ingestion.runs import fail_run, open_run, release_run_lock
from marketdata.models import IngestRun

PanicException = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
RAISED = [
    ValueError("A string literal cannot contain NUL (0x00) characters."),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    UnicodeEncodeError("utf-8", "\udc80", 0, 1, "surrogates not allowed"),
    OverflowError("date value out of range"),
    RecursionError("maximum recursion depth exceeded"),
    MemoryError(),
    KeyError("x"),
    RuntimeError("two\nlines \x1b[2J"),
    PanicException("range end index 104 out of range for slice of length 100"),
]


@pytest.fixture
def paths(tmp_path):
    """A folder whose second file makes the program raise, and whose others are valid."""
    return [write(tmp_path / f"{number}.dbn", bars(3, first=10 * number)) for number in range(3)]


@pytest.fixture(params=RAISED, ids=lambda error: type(error).__name__)
def raised(request, monkeypatch, paths):
    """Decoding the second file raises this."""
    from ingestion.dbn import records

    original = records.decode_metadata

    def decode(path, *arguments):
        if path == paths[1]:
            raise request.param
        return original(path, *arguments)

    monkeypatch.setattr(records, "decode_metadata", decode)
    return request.param


def test_the_other_files_are_loaded(market_db, paths, raised):
    with pytest.raises(CommandError) as failure:
        ingest(paths[0].parent)
    assert (str(failure.value), failure.value.returncode) == ("1 of 3 files failed.", 1)
    assert stored() == exact(bars(3)) | exact(bars(3, first=20))
    failed = IngestRun.objects.get(status="failed")
    assert failed.file_path == str(paths[1])
    assert failed.error.startswith(f"{paths[1]} could not be loaded, because the program failed on it (")
    assert failed.error.isprintable()
    assert len(failed.file_sha256) == 64
    assert not IngestRun.objects.filter(status="running").exists()


def test_a_dry_run_refuses_the_file(market_db, paths, raised):
    with pytest.raises(UnexpectedError, match=type(raised).__name__):
        preview_file(path=paths[1])


def test_trying_again_refuses_the_file(market_db, paths, raised):
    """In the admin a BaseException would end the web worker."""
    ingest_one(paths[1], BatchOptions(IngestOptions()), Progress())
    with pytest.raises(IngestError):
        retry_run(IngestRun.objects.get())


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit()], ids=repr)
def test_a_request_to_stop_is_no_failure(error, paths):
    assert not is_failure(error)
    with pytest.raises(type(error)), refuse_failures(paths[0]):
        raise error


def test_a_panic_of_the_real_library_is_a_failure(paths):
    """The library itself, without the check of the header, and with whatever it raises."""
    import databento_dbn

    content = bytearray(dbn(bars(1)))
    content[4:8] = (100).to_bytes(4, "little")
    try:
        databento_dbn.Metadata.decode(bytes(content[:108]))
    except BaseException as error:
        assert is_failure(error)
    else:
        pytest.fail("the library reads metadata without lists")


@pytest.mark.parametrize("text", ["A\0B", "\udc80", "x" * 5_000])
def test_a_run_is_closed_whatever_the_file_contains(market_db, text):
    """Its fields are limited to what the columns store."""
    run = IngestRun(file_name="a.dbn", file_path="/a.dbn")
    open_run(run)
    run.vendor_dataset, run.dataset, run.symbols = text, text, [text, "ESZ4"]
    assert fail_run(run, f"{text} is wrong") == "failed"
    release_run_lock(run)
    run.refresh_from_db()
    assert (run.status, run.symbols[1], len(run.vendor_dataset) <= 32) == ("failed", "ESZ4", True)
    assert run.error.endswith(" is wrong")
    assert "\0" not in run.error


def test_a_run_is_closed_without_the_fields_that_the_database_refuses(market_db, paths, monkeypatch):
    from ingestion import runs

    original = runs.close_as_failed

    def close(run, error):
        if run.vendor_dataset:
            raise DataError("invalid input")
        return original(run, error)

    def refuse(cursor, symbols):
        raise ZeroDivisionError

    monkeypatch.setattr(runs, "close_as_failed", close)
    monkeypatch.setattr("ingestion.pipeline.lock_series", refuse)
    with pytest.raises(UnexpectedError):
        ingest_file(path=paths[0])
    failed = IngestRun.objects.get()
    assert (failed.status, failed.vendor_dataset, failed.symbols) == ("failed", "", [])


@pytest.mark.slow
def test_a_terminal_gets_no_escape_sequence_of_a_file_name(market_db, tmp_path):
    folder = tmp_path / "\x1b[31mred\x07"
    folder.mkdir()
    save(folder / "\x1b[2J.dbn", b"noise")
    write(folder / "\x9b31m\u202e.dbn", bars(3))
    for options in (["--verbose"], ["--dry-run"], ["--json"]):
        ended = run("--input", folder, *options, LOG_LEVEL="DEBUG")
        assert ended.code == 1
        for text in (ended.out, ended.err):
            assert not {"\x1b", "\x9b", "\x07", "\u202e", "\r"} & set(text)
        assert "Traceback" not in ended.err or "--verbose" in options
