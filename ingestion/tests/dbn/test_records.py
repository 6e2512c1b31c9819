"""Step 2: only whole ohlcv-1m records get through, of every DBN version, and in any size of chunk."""

from pathlib import Path

import databento_dbn
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.testing.builders import bars, dbn, exact, header, ingest, refuse, save, stored, write, zstd
from config.testing.processes import run
from ingestion.dbn.batches import RecordBatch, align_to_minutes, filter_publisher, limit_rows
from ingestion.dbn.layout import OHLCV
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.dbn.writer import empty_records
from ingestion.errors import IngestError, InvalidBars
from marketdata.models import IngestRun

RECORDS = bars(6)


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of two rows, so that six rows have edges between them."""
    monkeypatch.setattr(RecordReader.batches, "__defaults__", (2,))


# --- Taken -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("name", ["mnq.dbn", "mnq.dbn.zst"])
def test_every_dbn_version_is_read(market_db, tmp_path, version, name):
    path = write(tmp_path / name, RECORDS, version=version)
    assert path.name.endswith(".zst") or path.read_bytes()[3] == version

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


def test_chunks_of_any_size_give_the_same_bars(market_db, tmp_path, small_chunks):
    ingest(write(tmp_path / "mnq.dbn.zst", RECORDS))
    assert stored() == exact(RECORDS)


# --- Refused: not whole ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mnq.dbn", "mnq.dbn.zst"])
def test_a_file_without_rows_is_refused(market_db, tmp_path, name):
    assert "has no rows" in refuse(write(tmp_path / name, RECORDS[:0]))


@pytest.mark.parametrize("missing", [1, 30, 55])
@pytest.mark.parametrize("wrap", [bytes, zstd], ids=["raw", "zstd"])
def test_part_of_a_record_at_the_end_is_refused(market_db, tmp_path, missing, wrap):
    sentence = refuse(save(tmp_path / "mnq.dbn", wrap(dbn(RECORDS)[:-missing])))
    assert f"is cut off: row 6 has only {56 - missing} of its 56 bytes" in sentence


@pytest.mark.parametrize("size", [3, 4, 7, 8, 100, len(header().encode()) - 1])
@pytest.mark.parametrize("wrap", [bytes, zstd], ids=["raw", "zstd"])
def test_a_cut_within_the_metadata_is_refused(market_db, tmp_path, size, wrap):
    sentence = refuse(save(tmp_path / "mnq.dbn", wrap(header().encode()[:size])))
    assert "metadata" in sentence


@pytest.mark.parametrize("wrap", [bytes, zstd], ids=["raw", "zstd"])
def test_zeros_behind_the_last_record_are_refused(market_db, tmp_path, wrap):
    sentence = refuse(save(tmp_path / "mnq.dbn", wrap(dbn(RECORDS) + bytes(64))))
    assert "row 7, is not a record of ohlcv-1m (0 bytes of rtype 0x00, where 56 of rtype 0x21 are due)" in sentence
    assert "the file is damaged" in sentence


def test_the_metadata_survives_no_damage_without_an_error(tmp_path):
    """Each byte of it set to three values in turn: an `IngestError`, or facts. Never another exception."""
    whole = dbn(RECORDS)
    path = tmp_path / "mnq.dbn"
    for at in range(len(header().encode())):
        for value in (0, 0x41, 0xFF):
            path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                with SourceFile(path) as source:
                    list(RecordReader(source).batches())
            except IngestError as error:
                assert str(path) in str(error)


# --- Refused: something else -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", ["trades", "ohlcv-1s", "ohlcv-1h", "ohlcv-1d", "mbp-1", "definition"])
def test_another_schema_is_refused(market_db, tmp_path, schema):
    sentence = refuse(write(tmp_path / "mnq.dbn.zst", RECORDS, schema=schema))
    assert f"holds {schema}, not ohlcv-1m" in sentence


def test_a_live_capture_is_refused(market_db, tmp_path):
    assert "is a live capture" in refuse(write(tmp_path / "mnq.dbn", RECORDS, schema=None))


def test_a_newer_version_than_the_library_reads_is_refused(market_db, tmp_path):
    content = bytearray(dbn(RECORDS))
    content[3] = databento_dbn.DBN_VERSION + 1

    sentence = refuse(save(tmp_path / "mnq.dbn", bytes(content)))

    assert f"is DBN version {databento_dbn.DBN_VERSION + 1}, newer than the installed databento reads" in sentence


BETRAYED_BY = {
    "all are ohlcv-1h": (slice(None), "rtype", 0x22, "row 1, is a record of ohlcv-1h (rtype 0x22)"),
    "one is ohlcv-1s": (4, "rtype", 0x20, "row 5, is a record of ohlcv-1s (rtype 0x20)"),
    "one rtype is unknown": (3, "rtype", 0x61, "row 4, is not a record of ohlcv-1m (56 bytes of rtype 0x61"),
    "one length is too great": (
        5,
        "length",
        16,
        "row 6, is not a record of ohlcv-1m (64 bytes of rtype 0x21",
    ),
    "one length is too small": (
        0,
        "length",
        13,
        "row 1, is not a record of ohlcv-1m (52 bytes of rtype 0x21",
    ),
}


@pytest.mark.parametrize("rows, field, value, words", BETRAYED_BY.values(), ids=BETRAYED_BY)
def test_what_only_the_records_betray_is_refused(market_db, tmp_path, small_chunks, rows, field, value, words):
    records = RECORDS.copy()
    records[field][rows] = value
    assert words in refuse(write(tmp_path / "mnq.dbn.zst", records))


def test_trades_that_call_themselves_ohlcv_1m_are_refused(market_db, tmp_path):
    trade = bytes([12, 0x00]) + bytes(46)  # a trade has 48 bytes
    sentence = refuse(save(tmp_path / "mnq.dbn", header().encode() + trade * 14))
    assert "row 1, is a record of trades (rtype 0x00), though the metadata says ohlcv-1m" in sentence


def test_records_with_ts_out_that_the_metadata_does_not_mention_are_refused(market_db, tmp_path):
    assert "row 1, is not a record" in refuse(write(tmp_path / "mnq.dbn", empty_records(7, ts_out=True)))


def test_the_command_line_shows_one_line_for_a_wrong_record(market_db, tmp_path):
    records = RECORDS.copy()
    records["rtype"][2] = 0x22

    ended = run("--input", write(tmp_path / "mnq.dbn.zst", records))

    assert (ended.code, "Traceback" in ended.err) == (1, False)
    assert "row 3, is a record of ohlcv-1h" in ended.sentence
    assert IngestRun.objects.get().status == "failed"


# --- Chunks, against plain Python ------------------------------------------------------------------------------------

# Few distinct minutes and many rows, so that minutes are longer and shorter than chunks, and chunks end on their edges.
MINUTES = st.lists(st.integers(0, 6), max_size=40).map(sorted)


def chunked(minutes: list[int], size: int) -> list[RecordBatch]:
    records = empty_records(len(minutes))
    records["ts_event"] = minutes
    records["publisher_id"] = np.arange(len(minutes)) % 3
    batch = RecordBatch(records, np.arange(1, len(minutes) + 1))
    return [batch[at : at + size] for at in range(0, len(minutes), size)]


def rows_of(batches) -> list[list[int]]:
    return [batch.rows.tolist() for batch in batches]


@given(minutes=MINUTES, size=st.integers(1, 12))
def test_whole_minutes_keeps_every_row_and_parts_no_minute(minutes, size):
    parts = list(align_to_minutes(iter(chunked(minutes, size)), Path("mnq.dbn")))

    assert [row for part in rows_of(parts) for row in part] == list(range(1, len(minutes) + 1))
    assert all(len(part) for part in parts)
    seen = [set(part.records["ts_event"].tolist()) for part in parts]
    assert sum(map(len, seen)) == len(set(minutes))  # no minute stands in two parts


@given(minutes=st.lists(st.integers(0, 6), max_size=40), size=st.integers(1, 12))
def test_whole_minutes_loses_no_row_where_time_runs_back(minutes, size):
    parts = rows_of(align_to_minutes(iter(chunked(minutes, size)), Path("mnq.dbn")))
    assert [row for part in parts for row in part] == list(range(1, len(minutes) + 1))


def test_a_minute_of_more_rows_than_memory_should_hold_is_refused(monkeypatch):
    monkeypatch.setattr("ingestion.dbn.batches.MAX_ROWS_PER_MINUTE", 5)
    assert sum(map(len, align_to_minutes(iter(chunked([1] * 5 + [2] * 5, 3)), Path("mnq.dbn")))) == 10
    with pytest.raises(InvalidBars, match=r"^mnq\.dbn, row 3: this minute has more than 5 rows"):
        list(align_to_minutes(iter(chunked([0, 1] + [2] * 6, 3)), Path("mnq.dbn")))


@given(minutes=MINUTES, size=st.integers(1, 12), limit=st.integers(1, 45))
def test_first_rows_are_the_first_rows(minutes, size, limit):
    batches = iter(chunked(minutes, size))
    parts = rows_of(limit_rows(batches, limit))

    assert [row for part in parts for row in part] == list(range(1, len(minutes) + 1))[:limit]
    assert list(batches) == []  # what lies behind is decoded all the same, and so known to be whole


@given(minutes=MINUTES, size=st.integers(1, 12), publisher=st.integers(0, 3))
def test_of_publisher_keeps_row_numbers(minutes, size, publisher):
    parts = rows_of(filter_publisher(iter(chunked(minutes, size)), publisher))
    expected = [row for row in range(1, len(minutes) + 1) if (row - 1) % 3 == publisher]
    assert [row for part in parts for row in part] == expected


@given(count=st.integers(1, 30), size=st.integers(1, 12))
def test_a_reader_gives_the_rows_in_order_whatever_the_chunk(tmp_path_factory, count, size):
    path = save(tmp_path_factory.getbasetemp() / "chunks.dbn", dbn(bars(count)))
    with SourceFile(path) as source:
        batches = list(RecordReader(source).batches(records=size))
    assert all(len(batch) <= size for batch in batches)
    assert np.array_equal(np.concatenate([batch.records for batch in batches]), bars(count))
    assert [row for part in rows_of(batches) for row in part] == list(range(1, count + 1))
