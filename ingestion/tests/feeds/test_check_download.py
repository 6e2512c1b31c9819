"""A download is read once: its records, its hash, and whether it is what was requested."""

import hashlib
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from config.testing.builders import MIDNIGHT, at, bars, dbn, save, write, zstd
from ingestion.feeds.asks import Ask
from ingestion.feeds.errors import BrokenDownload
from ingestion.feeds.history.check_download import check_download
from ingestion.progress import Progress

JANUARY = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def january():
    return Ask("GLBX.MDP3", "MNQ.c.0", "continuous", JANUARY, datetime(2024, 2, 1, tzinfo=UTC))


def check(path, ask):
    return check_download(path, ask, Progress())


def test_a_whole_file_has_its_records_and_its_hash(tmp_path, january):
    path = write(tmp_path / "a.dbn.zst.part", bars(5))
    found = check(path, january)
    content = path.read_bytes()
    assert (found.records, found.size) == (5, len(content))
    assert found.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"dataset": "XNAS.ITCH"}, "dataset"),
        ({"symbols": ("ES.c.0",)}, "symbols"),
        ({"symbols": ("MNQ.c.0", "ES.c.0")}, "symbols"),
        ({"stype_in": "raw_symbol"}, "stype"),
        ({"schema": "ohlcv-1s"}, "ohlcv-1s"),
        ({"start": at(1)}, "range"),
        ({"end": at(0)}, "range"),
    ],
)
def test_other_metadata_is_refused(tmp_path, january, change, reason):
    path = write(tmp_path / "a.dbn.zst.part", bars(5), **change)
    with pytest.raises(BrokenDownload, match=reason):
        check(path, january)


def test_bars_outside_the_range_are_refused(tmp_path, january):
    path = write(tmp_path / "a.dbn.zst.part", bars(5))
    inside = Ask(january.dataset, january.symbol, january.stype, MIDNIGHT, MIDNIGHT + timedelta(minutes=5))
    assert check(path, inside).records == 5
    for start, end in ((1, 5), (0, 4)):
        ask = Ask(
            january.dataset,
            january.symbol,
            january.stype,
            MIDNIGHT + timedelta(minutes=start),
            MIDNIGHT + timedelta(minutes=end),
        )
        with pytest.raises(BrokenDownload, match="outside the range"):
            check(path, ask)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"<html>",
        zstd(dbn(bars(5)))[:-1],
        zstd(dbn(bars(5))[:-1]),
        zstd(dbn(bars(5))) + b"rest",
        zstd(dbn(bars(5)), dbn(bars(5))),
        dbn(bars(5))[:50],
    ],
)
def test_what_is_not_whole_is_refused(tmp_path, january, content):
    path = save(tmp_path / "a.dbn.zst.part", content)
    with pytest.raises(BrokenDownload, match="not whole") as raised:
        check(path, january)
    assert str(raised.value).endswith(".")


def test_a_file_that_is_gone_is_refused(tmp_path, january):
    with pytest.raises(BrokenDownload):
        check(tmp_path / "a", january)


def test_memory_does_not_grow_with_the_file(tmp_path):
    year = Ask("GLBX.MDP3", "MNQ.c.0", "continuous", JANUARY, datetime(2025, 1, 1, tzinfo=UTC))
    peaks = []
    for count in (200_000, 500_000):
        path = write(tmp_path / f"{count}.dbn.zst", bars(count), end=at(0) + 400 * 86_400 * 10**9)
        tracemalloc.start()
        assert check(path, year).records == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2
