"""Builds DBN files for tests and runs the commands on them."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from django.core.management import CommandError, call_command

from ingestion.dbn.layout import NANOSECONDS_PER_MINUTE
from ingestion.dbn.writer import Header, empty_records, write_dbn
from marketdata.models import Bar, IngestRun, Series, SeriesInstrument

MIDNIGHT = datetime(2024, 1, 2, tzinfo=UTC)
FRONT = 42_000_001  # the instrument that MNQ.c.0 is mapped to by default


def at(minute: int, *, day: date | None = None) -> int:
    """Nanoseconds since 1970 of a minute after midnight UTC of `day` (default 2 January 2024)."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else MIDNIGHT
    return int(midnight.timestamp()) * 10**9 + minute * NANOSECONDS_PER_MINUTE


def bars(
    count: int = 3, *, first: int = 0, instrument_id: int = FRONT, publisher_id: int = 1, base: int = 16_800
) -> np.ndarray:
    """`count` valid bars from minute `first` on. Values depend on the minute only."""
    records = empty_records(count, instrument_id=instrument_id)
    minutes = np.arange(first, first + count)
    close = (base * 4 + minutes % 97) * 250_000_000
    records["publisher_id"] = publisher_id
    records["ts_event"] = [at(int(minute)) for minute in minutes]
    records["open"], records["close"] = close - 250_000_000, close
    records["high"], records["low"] = close + 500_000_000, close - 750_000_000
    records["volume"] = 100 + minutes
    return records


def together(*parts: np.ndarray) -> np.ndarray:
    """All records in time order, as in a file of several instruments."""
    joined = np.concatenate(parts)
    return joined[np.argsort(joined["ts_event"], kind="stable")]


def header(**changes: Any) -> Header:
    """Metadata of a continuous MNQ file of January 2024, with `changes`."""
    fields: dict[str, Any] = {
        "symbols": ("MNQ.c.0",),
        "mappings": {"MNQ.c.0": [(date(2024, 1, 1), date(2024, 2, 1), FRONT)]},
        "start": at(0, day=date(2024, 1, 1)),
        "end": at(0, day=date(2024, 2, 1)),
    }
    return Header(**(fields | changes))


def write(path: Path, records: np.ndarray, **changes: Any) -> Path:
    """A file with `header(**changes)`; compressed if its name ends in .zst."""
    return write_dbn(path, header(**changes), records)


def write_filled(path: Path, records: np.ndarray, **changes: Any) -> Path:
    """A file whose range is that of its bars, so that no minute is missing at its ends."""
    times = records["ts_event"]
    own = {"start": int(times.min()), "end": int(times.max()) + NANOSECONDS_PER_MINUTE}
    return write(path, records, **(own | changes))


def dbn(records: np.ndarray, **changes: Any) -> bytes:
    """The bytes of an uncompressed file, for tests that damage them."""
    return header(**changes).encode() + records.tobytes()


def zstd(*contents: bytes) -> bytes:
    """One zstd frame with a checksum for each content."""
    compressor = zstandard.ZstdCompressor(write_checksum=True)
    return b"".join(compressor.compress(content) for content in contents)


def skippable_frame(content: bytes, magic: int = 0x184D2A53) -> bytes:
    """A zstd frame without data, which readers skip."""
    return struct.pack("<II", magic, len(content)) + content


def save(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def several(path: Path, parts: dict[str, np.ndarray], **changes: Any) -> Path:
    """A file of several symbols, each mapped in January 2024 to the instrument of its records."""
    mappings = {
        symbol: [(date(2024, 1, 1), date(2024, 2, 1), int(records["instrument_id"][0]))]
        for symbol, records in parts.items()
    }
    return write(
        path, together(*parts.values()), symbols=tuple(parts), mappings=mappings, stype_in="raw_symbol", **changes
    )


@dataclass(frozen=True)
class Printed:
    out: str
    err: str

    @property
    def json(self) -> dict:
        printed: dict = json.loads(self.out)
        return printed


def ingest(*paths: Path, **options: Any) -> Printed:
    """Run `ingest_dbn` in this process. Raises the `CommandError` that the command line would show."""
    out, err = io.StringIO(), io.StringIO()
    call_command("ingest_dbn", input=[*paths], stdout=out, stderr=err, **{"jobs": 1, **options})
    return Printed(out.getvalue(), err.getvalue())


def undo_run(run_id: int) -> Printed:
    """Run `undo_run` in this process. Raises `CommandError` as the command line would show it."""
    out = io.StringIO()
    call_command("undo_run", run_id, stdout=out)
    return Printed(out.getvalue(), "")


def refuse(path: Path, **options: Any) -> str:
    """Run `ingest_dbn` on a file that must be refused. Check what all refusals share; return the message."""
    if not Bar.objects.exists():
        _store_bar()
    before = _read_tables()
    with pytest.raises(CommandError) as refusal:
        ingest(path, **options)
    sentence = str(refusal.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    assert sentence.endswith((".", "!"))
    assert refusal.value.returncode == 1
    run = IngestRun.objects.latest("pk")
    assert (run.status, run.error, run.row_count) == ("failed", sentence, 0)
    assert _read_tables() == before
    return sentence


def _store_bar() -> None:
    """A bar at the time of each test's first bar, so that an overwrite by a refused file is visible."""
    run = IngestRun.objects.create(
        file_name="prefill.dbn", file_sha256="0" * 64, status="success", row_count=1, inserted_count=1,
        min_ts=MIDNIGHT, max_ts=MIDNIGHT, started_at=MIDNIGHT, finished_at=MIDNIGHT,
    )  # fmt: skip
    Bar.objects.create(
        symbol="CME_MINI:MNQ1!", ts=MIDNIGHT, ts_ms=at(0) // 10**6, open=1, high=3, low=1, close=2, volume=1,
        ingestion_run=run,
    )  # fmt: skip


def _read_tables() -> list:
    tables = (Bar.objects.order_by("symbol", "ts"), Series.objects.order_by("pk"), SeriesInstrument.objects.all())
    return [list(table.values()) for table in tables]


def stored(symbol: str = "CME_MINI:MNQ1!") -> dict[datetime, tuple[Decimal, ...]]:
    """The stored bars of a series: time to open, high, low, close, volume."""
    rows = Bar.objects.filter(symbol=symbol).values_list("ts", "open", "high", "low", "close", "volume")
    return {row[0]: row[1:] for row in rows}


def exact(records: np.ndarray) -> dict[datetime, tuple[Decimal, ...]]:
    """The same of records, computed slowly: one record at a time, integers times 1e-9 as decimals."""
    expected = {}
    for record in records:
        ts = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(record["ts_event"]) // 1000)
        prices = tuple(Decimal(int(record[name])) * Decimal("1e-9") for name in ("open", "high", "low", "close"))
        expected[ts] = (*prices, Decimal(int(record["volume"])))
    return expected


def day_file(path: Path, number: int, **changes: Any) -> Path:
    return write(path, bars(5, first=1440 * number), **changes)
