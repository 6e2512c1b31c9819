"""Ctrl-C and SIGTERM end a load within a second, also of files that take minutes to read and store nothing."""

import signal
import struct
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import zstandard

from config.testing.builders import bars, header, save, skippable_frame, write, zstd
from config.testing.contracts import write_definitions
from config.testing.processes import Process, running, until
from ingestion.dbn.batches import MAX_ROWS_PER_MINUTE
from marketdata.models import Bar, IngestRun

MAX_SECONDS = 2  # a second, on a machine that runs other tests too
OTHER_PUBLISHER = ["--publisher", "9"]  # no row is stored, and none is refused


def compress(path: Path, blocks: Iterator[bytes]) -> Path:
    with path.open("wb") as file, zstandard.ZstdCompressor(level=1).stream_writer(file) as writer:
        for block in blocks:
            writer.write(block)
    return path


def make_bomb(folder: Path) -> list[str | Path]:
    """Gigabytes of one row, in a few hundred kilobytes."""
    block = np.repeat(bars(1), 1 << 16).tobytes()
    content = (block if number else header().encode() for number in range(1_200))
    return [compress(folder / "x.dbn.zst", content), *OTHER_PUBLISHER]


def make_sparse(folder: Path) -> list[str | Path]:
    """A file that is refused at its first row, and has gigabytes that belong to its SHA-256."""
    path = save(folder / "x.dbn", header().encode())
    with path.open("r+b") as file:
        file.truncate(1 << 36)
    return [path]


def make_small_frames(folder: Path) -> list[str | Path]:
    return [save(folder / "x.dbn.zst", (zstd(b"") + skippable_frame(b"")) * 3_000_000)]


def make_crowded_minute(folder: Path) -> list[str | Path]:
    """Half a million instruments in one minute, which the rules between rows refuse in the end."""
    records = np.repeat(bars(1), MAX_ROWS_PER_MINUTE)
    records["instrument_id"] = np.arange(1, len(records) + 1)
    return [write(folder / "x.dbn", records, mappings={}), "--symbol", "X"]


def make_many_series(folder: Path) -> list[str | Path]:
    records = np.repeat(bars(1), 10_000)
    records["instrument_id"] = np.arange(1, len(records) + 1)
    january = (date(2024, 1, 1), date(2024, 2, 1))
    mappings = {f"S{number}": [(*january, number)] for number in range(1, 10_001)}
    return [write(folder / "x.dbn", records, symbols=("ALL_SYMBOLS",), mappings=mappings, stype_in="raw_symbol")]


def make_definitions(folder: Path) -> list[str | Path]:
    """A definition file of gigabytes beside a small file of a contract."""
    one = write_definitions(folder / "one.dbn", ("GEH5", 9, date(2005, 3, 14), date(2015, 3, 16)))
    content = one.read_bytes()
    one.unlink()
    end = 8 + struct.unpack_from("<I", content, 4)[0]
    record = content[end:]
    compress(folder / "a.definition.dbn.zst", (record * 4_096 if number else content for number in range(1_000)))
    january = (date(2024, 1, 1), date(2024, 2, 1))
    mappings = {"GEH5": [(*january, 9)]}
    records = bars(3, instrument_id=9)
    return [write(folder / "x.dbn", records, symbols=("GEH5",), mappings=mappings, stype_in="raw_symbol")]


MAKERS: list[Callable[[Path], list[str | Path]]] = [
    make_bomb,
    make_sparse,
    make_small_frames,
    make_crowded_minute,
    make_many_series,
    make_definitions,
]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("make", MAKERS, ids=[make.__name__ for make in MAKERS])
def test_a_signal_ends_the_reading_of_any_file(market_db, tmp_path, make, number):
    path, *options = make(tmp_path)
    with Process("--input", path, *options) as process:
        until(running)
        time.sleep(0.7)
        assert running(), "the file is read too fast for this test"
        started = time.monotonic()
        process.signal(number)
        ended = process.end()
        seconds = time.monotonic() - started
    assert (ended.code, ended.sentence.startswith("interrupted")) == (128 + number, True)
    assert seconds < MAX_SECONDS
    run = IngestRun.objects.get()
    assert (run.status, run.error.startswith("interrupted")) == ("failed", True)
    assert not Bar.objects.exists()
