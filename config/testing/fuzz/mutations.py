"""Small DBN files, and random changes of them: of bytes, of the metadata's fields, of records and of zstd frames."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random

import numpy as np
import zstandard

from config.testing.builders import bars, dbn, skippable_frame, together, zstd

NUMBERS = (0, 1, 21, 22, 70, 71, 72, 127, 128, 255, 256, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63)
DATES = (0, 101, 10_101, 20_240_100, 20_240_230, 20_241_301, 20_231_231, 20_240_301, 99_991_231, 100_000_101)
TEXTS = (b"\0", b"\x1b[2J", b"\xff\xfe", b" ", b"A\0B", b"\xe2\x80\xae", b"\n", b"x" * 71, b"\xc2\x9b")
_TEXT_START, _FIXED_END = 8, 112


@dataclass(frozen=True)
class Sample:
    """A valid file: its metadata and its records."""

    head: bytes
    records: bytes

    @property
    def content(self) -> bytes:
        return self.head + self.records


def build_samples() -> list[Sample]:
    """Files of one series and of several, with and without mappings, of each DBN version."""
    january = (date(2024, 1, 1), date(2024, 2, 1))
    two = {"AAPL": [(*january, 32)], "MSFT": [(*january, 6819)]}
    stocks = together(bars(9, instrument_id=32, base=180), bars(12, instrument_id=6819, base=370))
    option = {"SPY   240119C00450000": [(*january, 77)]}
    samples = []
    for version in (1, 2, 3):
        samples += [
            _build(bars(20), version=version),
            _build(bars(6, first=30), mappings={}, version=version),
            _build(
                stocks, version=version, symbols=tuple(two), mappings=two, stype_in="raw_symbol", dataset="XNAS.ITCH",
                not_found=("GONE",),
            ),
            _build(
                bars(5, instrument_id=77, base=22), version=version, symbols=tuple(option), mappings=option,
                stype_in="raw_symbol", dataset="OPRA.PILLAR",
            ),
        ]  # fmt: skip
    return [*samples, _build(_add_ts_out(bars(8, first=60)), ts_out=True), _build(bars(3000, first=100))]


def _build(records: np.ndarray, **changes: object) -> Sample:
    head = dbn(records[:0], **changes)
    return Sample(head, records.tobytes())


def _add_ts_out(records: np.ndarray) -> np.ndarray:
    from ingestion.dbn.layout import OHLCV_WITH_TS_OUT

    wider = np.zeros(len(records), OHLCV_WITH_TS_OUT)
    for name in records.dtype.names or ():
        wider[name] = records[name]
    wider["length"] = 16
    return wider


def make_file(samples: list[Sample], random: Random) -> tuple[str, bytes]:
    """The name of a change, and a file with one or more of it. The same state of `random` gives the same file."""
    sample = random.choice(samples)
    name, change = random.choice(sorted(CHANGES.items()))
    content = change(sample, random)
    if name in _OF_THE_FILE:
        return name, content
    wrap = random.choice((bytes, bytes, zstd, _in_frames))
    return name, wrap(content)


# --- Changes of the decompressed content -----------------------------------------------------------------------------


def _change_bytes(sample: Sample, random: Random) -> bytes:
    return _set_bytes(sample.content, random, 0, len(sample.content))


def _change_metadata(sample: Sample, random: Random) -> bytes:
    return _set_bytes(sample.head, random, 0, len(sample.head)) + sample.records


def _change_fixed_part(sample: Sample, random: Random) -> bytes:
    return _set_bytes(sample.head, random, 3, _FIXED_END) + sample.records


def _change_numbers(sample: Sample, random: Random) -> bytes:
    """Set a 4-byte number of the metadata: a length, a count or a date."""
    head = bytearray(sample.head)
    found = [at for at in range(4, len(head) - 4) if 0 < int.from_bytes(head[at : at + 4], "little") < 30_000_000]
    at = random.choice(found or [4])
    number = random.choice(
        (*NUMBERS[:15], *DATES, int.from_bytes(head[at : at + 4], "little") + random.choice((-1, 1)))
    )
    struct.pack_into("<I", head, at, number)
    return bytes(head) + sample.records


def _change_texts(sample: Sample, random: Random) -> bytes:
    head = bytearray(sample.head)
    letters = [at for at in range(_TEXT_START, len(head)) if chr(head[at]).isalnum()]
    at = random.choice(letters)
    text = random.choice((*TEXTS, bytes([random.randrange(33, 127)])))
    head[at : at + len(text)] = text
    return bytes(head) + sample.records


def _change_length(sample: Sample, random: Random) -> bytes:
    """Insert or remove bytes of the metadata, with the length that fits."""
    head, at = sample.head, random.randrange(8, len(sample.head))
    count = random.randrange(1, 80)
    head = head[:at] + (random.randbytes(count) + head[at:] if random.random() < 0.5 else head[at + count :])
    return head[:4] + struct.pack("<I", len(head) - 8) + head[8:] + sample.records


def _change_records(sample: Sample, random: Random) -> bytes:
    return sample.head + _set_bytes(sample.records, random, 0, len(sample.records))


def _change_values(sample: Sample, random: Random) -> bytes:
    """Valid rows: other volumes, and times that are minutes later."""
    size = sample.records[0] * 4
    rows = [bytearray(sample.records[at : at + size]) for at in range(0, len(sample.records), size)]
    later = random.randrange(0, 5_000) * 60 * 10**9
    for row in rows:
        struct.pack_into("<Q", row, 8, struct.unpack_from("<Q", row, 8)[0] + later)
        if random.random() < 0.5:
            struct.pack_into("<Q", row, 48, random.randrange(2**63))
    kept = rows[: random.randrange(1, len(rows) + 1)]
    return sample.head + b"".join(kept)


def _change_order(sample: Sample, random: Random) -> bytes:
    """Repeat, remove or exchange rows."""
    size = sample.records[0] * 4
    rows = [sample.records[at : at + size] for at in range(0, len(sample.records), size)]
    one, other = random.randrange(len(rows)), random.randrange(len(rows))
    action = random.randrange(3)
    if action == 0:
        rows.insert(one, rows[one])
    elif action == 1:
        del rows[one]
    else:
        rows[one], rows[other] = rows[other], rows[one]
    return sample.head + b"".join(rows)


def _cut(sample: Sample, random: Random) -> bytes:
    return sample.content[: random.randrange(len(sample.content) + 1)]


def _append(sample: Sample, random: Random) -> bytes:
    tail = random.choice((random.randbytes(56), sample.head, sample.content, zstd(sample.records), b"\0" * 56))
    return sample.content + tail


def _keep(sample: Sample, random: Random) -> bytes:
    return sample.content


# --- Changes of the file ---------------------------------------------------------------------------------------------


def _change_frames(sample: Sample, random: Random) -> bytes:
    frames = _in_frames(sample.content)
    return _set_bytes(frames, random, 0, len(frames))


def _cut_frames(sample: Sample, random: Random) -> bytes:
    frames = _in_frames(sample.content)
    return frames[: random.randrange(len(frames))]


def _add_frames(sample: Sample, random: Random) -> bytes:
    extra = skippable_frame(random.randbytes(random.randrange(50)))
    huge = struct.pack("<II", 0x184D2A50, 2**32 - 1)
    return b"".join(
        random.choice(
            (
                (extra, zstd(sample.content)),
                (zstd(sample.head), extra, zstd(sample.records)),
                (zstd(sample.content), huge),
                (zstd(b"") * 500, zstd(sample.content)),
            )
        )
    )


def _inflate(sample: Sample, random: Random) -> bytes:
    """A few thousand bytes that expand to many megabytes: of metadata or of records."""
    size = random.choice((1, 4, 16)) << 20
    filler = random.choice((b"\0", b"A", sample.records[:56]))
    if random.random() < 0.5:
        head = sample.head[:4] + struct.pack("<I", len(sample.head) - 8 + size) + sample.head[8:]
        count = random.choice((1, size // 71, size // 22, size))
        at = random.choice((108, 112))
        head = head[:at] + struct.pack("<I", count) + head[at + 4 :]
        return zstd(head + filler * (size // len(filler)))
    return zstd(sample.content + filler * (size // len(filler)))


def _widen_window(sample: Sample, random: Random) -> bytes:
    parameters = zstandard.ZstdCompressionParameters(window_log=random.choice((10, 20, 27, 30)))
    compressor = zstandard.ZstdCompressor(compression_params=parameters)
    stream = compressor.compressobj()
    return stream.compress(sample.content) + stream.flush()


def _set_bytes(content: bytes, random: Random, start: int, end: int) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 8))):
        changed[random.randrange(start, min(end, len(changed)))] = random.choice(
            (0, 1, 0x1B, 0x7F, 0x80, 0xFF, random.randrange(256))
        )
    return bytes(changed)


def _in_frames(content: bytes) -> bytes:
    """Two frames, as Databento delivers: the metadata, and the records."""
    end = 8 + int.from_bytes(content[4:8], "little")
    return zstd(content[:end]) + zstd(content[end:])


CHANGES: dict[str, Callable[[Sample, Random], bytes]] = {
    "append": _append,
    "bytes": _change_bytes,
    "cut": _cut,
    "fixed-part": _change_fixed_part,
    "frames-added": _add_frames,
    "frames-changed": _change_frames,
    "frames-cut": _cut_frames,
    "inflated": _inflate,
    "length": _change_length,
    "metadata": _change_metadata,
    "none": _keep,
    "numbers": _change_numbers,
    "order": _change_order,
    "records": _change_records,
    "texts": _change_texts,
    "values": _change_values,
    "window": _widen_window,
}
_OF_THE_FILE = {"frames-added", "frames-changed", "frames-cut", "inflated", "window"}
