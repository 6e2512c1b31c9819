"""Mutated files: each is loaded as plain Python reads it, or refused by a rule; none ends or exhausts the process.

`make fuzz` loads 5,000 files of a new seed; FUZZ_FILES and FUZZ_SEED change both. A file with a fault is kept in
var/fuzz/.
"""

import os
import struct
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
import zstandard
from django.conf import settings

from config.testing.builders import bars, header, save, zstd
from config.testing.fuzz.harness import MAX_MEMORY, MAX_SECONDS, UNEXPECTED, Child, Fuzzer
from config.testing.fuzz.mutations import build_samples, make_file
from config.testing.fuzz.plain import Claim, decode_bars

FILES = int(os.environ.get("FUZZ_FILES") or 300)
SEED = int(os.environ.get("FUZZ_SEED") or 20_240_102)


def test_mutated_files_are_loaded_exactly_or_refused(market_db, tmp_path):
    outcome = Fuzzer(SEED, tmp_path, Path(settings.BASE_DIR) / "var" / "fuzz").run(FILES)
    sys.stderr.write(f"{outcome.format(SEED)}\n")
    assert outcome.faults == [], "\n".join(outcome.faults)
    assert outcome.counts[None] > FILES // 10, "too few files are loaded to compare them"
    assert outcome.peak <= MAX_MEMORY
    assert outcome.slowest <= MAX_SECONDS


def repeat_bar(path: Path, megabytes: int, window: int) -> Path:
    """A file that compresses one bar many times, with a window of 2^`window` bytes."""
    parameters = zstandard.ZstdCompressionParameters(window_log=window, enable_ldm=True)
    block = np.repeat(bars(1), (1 << 20) // 56).tobytes()
    with path.open("wb") as file, zstandard.ZstdCompressor(compression_params=parameters).stream_writer(file) as writer:
        writer.write(header().encode())
        for _ in range(megabytes):
            writer.write(block)
    return path


def state_symbols(path: Path, size: int) -> Path:
    """Metadata that a file of a few kilobytes states to have 256 MB of symbols."""
    head = bytearray(header().encode()[:112])
    struct.pack_into("<I", head, 4, (1 << 28) - 8)
    struct.pack_into("<H", head, 53, size)
    return save(path, zstd(bytes(head) + struct.pack("<I", (1 << 28) // size - 8) + b"A" * (1 << 28)))


@pytest.mark.parametrize(
    "build",
    [
        lambda path: repeat_bar(path, 400, window=21),
        lambda path: repeat_bar(path, 400, window=27),
        lambda path: state_symbols(path, 1),
        lambda path: state_symbols(path, 22),
        lambda path: state_symbols(path, 71),
    ],
    ids=["bomb", "bomb of a large window", "symbols of 1", "symbols of 22", "symbols of 71"],
)
def test_a_small_file_needs_little_memory(market_db, tmp_path, build):
    child = Child(tmp_path)
    try:
        answer = child.ask({"path": str(build(tmp_path / "x.dbn.zst")), "symbol": ""})
    finally:
        written = child.end()
    assert answer is not None, written
    assert (answer["error"] is None, answer["refused"]) == (False, True)
    assert answer["error"] not in UNEXPECTED
    assert answer["memory"] <= MAX_MEMORY
    assert answer["seconds"] <= MAX_SECONDS


def test_the_same_seed_gives_the_same_files():
    samples = build_samples()
    first, again = ([make_file(samples, Random(f"1/{number}")) for number in range(50)] for _ in range(2))
    assert first == again
    assert len({name for name, _ in first}) > 10


def test_a_file_with_a_fault_is_kept_with_its_seed(market_db, tmp_path, monkeypatch):
    monkeypatch.setattr("config.testing.fuzz.harness.MAX_SECONDS", -1)
    monkeypatch.setattr(Child, "ask", lambda self, request: {"error": None, "refused": True, "seconds": 0, "memory": 1})
    outcome = Fuzzer(5, tmp_path, tmp_path / "kept").run(2)
    assert outcome.faults[0].startswith("seed 5, file 0 (")
    kept = sorted((tmp_path / "kept").iterdir())
    assert [path.name.startswith(f"seed-5-file-{number}-") for number, path in enumerate(kept)] == [True, True]
    name, content = make_file(build_samples(), Random("5/0"))
    assert (name in kept[0].name, kept[0].read_bytes()) == (True, content)


def test_plain_python_reads_what_the_library_reads(tmp_path):
    """The reference is checked on valid files of all versions."""
    claim = Claim("GLBX.MDP3", "MNQ.c.0", "CME_MINI:MNQ1!")
    for sample in build_samples():
        decoded = decode_bars(sample.content, claim=claim)
        assert len(decoded) in (20, 6, 21, 5, 8, 3_000)
        assert decode_bars(zstd(sample.head) + zstd(sample.records), claim=claim) == decoded
