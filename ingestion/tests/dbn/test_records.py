"""Only complete ohlcv-1m records are read: from every DBN version, in batches of any size."""

import databento_dbn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.testing.builders import bars, dbn, exact, header, ingest, refuse, save, skippable_frame, stored, write, zstd
from config.testing.processes import run
from ingestion.dbn.layout import OHLCV
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.dbn.writer import empty_records
from marketdata.models import IngestRun

RECORDS = bars(6)


@pytest.fixture
def small_batches(monkeypatch):
    """Batches of two rows, so that six rows need three."""
    monkeypatch.setattr(RecordReader.read_batches, "__defaults__", (2,))


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("name", ["mnq.dbn", "mnq.dbn.zst"])
def test_every_dbn_version_is_read(market_db, tmp_path, version, name):
    path = write(tmp_path / name, RECORDS, version=version)
    with SourceFile(path) as source:
        assert RecordReader(source).metadata.dbn_version == version

    ingest(path)

    assert stored() == exact(RECORDS)


@pytest.mark.parametrize("name", ["mnq.dbn", "mnq.dbn.zst"])
def test_a_file_with_ts_out_is_read(market_db, tmp_path, name):
    records = empty_records(len(RECORDS), ts_out=True)
    for field in OHLCV.names:
        if field != "length":
            records[field] = RECORDS[field]
    records["ts_out"] = 2**64 - 2

    ingest(write(tmp_path / name, records, ts_out=True))

    assert stored() == exact(RECORDS)


def test_batches_of_any_size_give_the_same_bars(market_db, tmp_path, small_batches):
    ingest(write(tmp_path / "mnq.dbn.zst", RECORDS))
    assert stored() == exact(RECORDS)


@pytest.mark.parametrize("name", ["mnq.dbn", "mnq.dbn.zst"])
def test_a_file_without_rows_is_refused(market_db, tmp_path, name):
    assert "has no rows" in refuse(write(tmp_path / name, RECORDS[:0]))


@pytest.mark.parametrize("missing", [1, 30, 55])
@pytest.mark.parametrize("wrap", [bytes, zstd], ids=["raw", "zstd"])
def test_part_of_a_record_at_the_end_is_refused(market_db, tmp_path, missing, wrap):
    sentence = refuse(save(tmp_path / "mnq.dbn", wrap(dbn(RECORDS)[:-missing])))
    assert f"is cut off: row 6 has only {56 - missing} of its 56 bytes" in sentence


@pytest.mark.parametrize("wrap", [bytes, zstd], ids=["raw", "zstd"])
def test_zeros_after_the_last_record_are_refused(market_db, tmp_path, wrap):
    sentence = refuse(save(tmp_path / "mnq.dbn", wrap(dbn(RECORDS) + bytes(64))))
    assert "row 7: the record has 0 bytes and rtype 0x00, but ohlcv-1m records have 56 bytes and rtype 0x21" in sentence
    assert "the file is damaged" in sentence


FIRST, SECOND = dbn(RECORDS), dbn(bars(2, first=1440))
JOINED = {
    "plain": FIRST + SECOND,
    "zstd": zstd(FIRST) + zstd(SECOND),
    "as delivered": zstd(header().encode(), RECORDS.tobytes()) + zstd(header().encode(), RECORDS.tobytes()),
    "joined, then compressed": zstd(FIRST + SECOND),
    "zstd and plain": zstd(FIRST) + SECOND,
    "plain and zstd": FIRST + zstd(SECOND),
    "plain and a short zstd": FIRST + zstd(b""),
    "twice plain after zstd": zstd(FIRST) + SECOND + SECOND,
}


@pytest.mark.parametrize("content", JOINED.values(), ids=JOINED)
def test_joined_files_are_refused_with_the_row_where_the_second_begins(market_db, tmp_path, small_batches, content):
    kind = "zstd" if content.startswith(FIRST) and not content.startswith(FIRST + b"DBN") else "DBN"
    sentence = refuse(save(tmp_path / "mnq.dbn", content))
    assert f"row 7: another {kind} file begins here, so this is several DBN files joined" in sentence
    assert "damaged" not in sentence
    assert sentence.endswith("ingest the files that it was joined from.")


@pytest.mark.parametrize("size", [1, 2, 3])
def test_part_of_a_signature_after_the_last_frame_is_refused(market_db, tmp_path, size):
    assert "is cut off" in refuse(save(tmp_path / "mnq.dbn.zst", zstd(FIRST) + SECOND[:size]))


def test_a_joined_file_is_found_wherever_the_first_ends_in_a_block(tmp_path):
    """Blocks have 512 bytes: the signature of the second may lie in two."""
    for padding in range(500, 516):
        first = zstd(FIRST) + skippable_frame(bytes(padding))
        with SourceFile(save(tmp_path / "x.dbn", first + SECOND)) as source:
            assert b"".join(source.read_blocks()) == FIRST + SECOND


def test_a_newer_version_than_the_library_reads_is_refused(market_db, tmp_path):
    content = bytearray(dbn(RECORDS))
    content[3] = databento_dbn.DBN_VERSION + 1

    sentence = refuse(save(tmp_path / "mnq.dbn", bytes(content)))

    assert f"is DBN version {databento_dbn.DBN_VERSION + 1}, newer than the installed databento reads" in sentence


WRONG_RECORDS = {
    "all are ohlcv-1h": (slice(None), "rtype", 0x22, "row 1: the record is of ohlcv-1h (rtype 0x22)"),
    "one is ohlcv-1s": (4, "rtype", 0x20, "row 5: the record is of ohlcv-1s (rtype 0x20)"),
    "one rtype is unknown": (3, "rtype", 0x61, "row 4: the record has 56 bytes and rtype 0x61"),
    "one length is too great": (5, "length", 16, "row 6: the record has 64 bytes and rtype 0x21"),
    "one length is too small": (0, "length", 13, "row 1: the record has 52 bytes and rtype 0x21"),
}


@pytest.mark.parametrize("rows, field, value, words", WRONG_RECORDS.values(), ids=WRONG_RECORDS)
def test_records_of_another_schema_are_refused(market_db, tmp_path, small_batches, rows, field, value, words):
    records = RECORDS.copy()
    records[field][rows] = value
    assert words in refuse(write(tmp_path / "mnq.dbn.zst", records))


def test_trades_with_metadata_of_ohlcv_1m_are_refused(market_db, tmp_path):
    trade = bytes([12, 0x00]) + bytes(46)  # a trade has 48 bytes
    sentence = refuse(save(tmp_path / "mnq.dbn", header().encode() + trade * 14))
    assert "row 1: the record is of trades (rtype 0x00), but the metadata declares ohlcv-1m" in sentence


def test_records_with_ts_out_are_refused_if_the_metadata_does_not_declare_it(market_db, tmp_path):
    assert "row 1: the record has 64 bytes" in refuse(write(tmp_path / "mnq.dbn", empty_records(7, ts_out=True)))


def test_the_command_line_shows_one_message_for_a_wrong_record(market_db, tmp_path):
    records = RECORDS.copy()
    records["rtype"][2] = 0x22

    ended = run("--input", write(tmp_path / "mnq.dbn.zst", records))

    assert (ended.code, "Traceback" in ended.err) == (1, False)
    assert "row 3: the record is of ohlcv-1h" in ended.sentence
    assert IngestRun.objects.get().status == "failed"


@given(count=st.integers(1, 30), size=st.integers(1, 12))
def test_the_rows_are_in_order_whatever_the_batch_size(tmp_path_factory, count, size):
    path = save(tmp_path_factory.getbasetemp() / "batches.dbn", dbn(bars(count)))
    with SourceFile(path) as source:
        batches = list(RecordReader(source).read_batches(size=size))
    assert all(len(batch) <= size for batch in batches)
    assert np.array_equal(np.concatenate([batch.records for batch in batches]), bars(count))
    assert [row for part in batches for row in part.rows] == list(range(1, count + 1))
