"""The lengths and counts of the metadata are checked before the vendor's library decodes it."""

import struct
from datetime import date

import pytest

from config.testing.builders import FRONT, bars, dbn, exact, header, ingest, refuse, save, stored, write, zstd
from ingestion.dbn.header import MAX_SIZE, check_header, check_length
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.errors import UnreadableFile

RECORDS = bars(3)
AT_SYMBOL_SIZE, AT_DEFINITION, AT_SYMBOLS = 53, 108, 112
JANUARY = (date(2024, 1, 1), date(2024, 2, 1))


def change(content: bytes, at: int, layout: str, number: int) -> bytes:
    changed = bytearray(content)
    struct.pack_into(layout, changed, at, number)
    return bytes(changed)


def with_length(head: bytes, length: int) -> bytes:
    """The metadata cut to `length` bytes, which it states."""
    return change(head[: 8 + length], 4, "<I", length)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("length", [0, 1, 99, 100, 101, 103])
def test_a_length_that_makes_the_decoder_panic_is_refused(market_db, tmp_path, capfd, version, length):
    head = with_length(header(version=version).encode(), length)
    message = refuse(save(tmp_path / "mnq.dbn", head + RECORDS.tobytes()))
    assert f"states {length} bytes of metadata, fewer than any file has" in message
    assert "panicked" not in capfd.readouterr().err


@pytest.mark.parametrize("version", [1, 2, 3])
def test_metadata_cut_anywhere_with_a_fitting_length_is_refused(tmp_path, capfd, version):
    head = header(version=version, not_found=("A", "B")).encode()
    refused = 0
    for length in range(len(head) - 8):
        path = save(tmp_path / "mnq.dbn", with_length(head, length))
        with SourceFile(path) as source:
            try:
                RecordReader(source)
            except UnreadableFile:
                refused += 1
    assert refused >= len(head) - 16  # the last bytes may be padding
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("size", [0, 1, 21, 23, 70, 72, 65_535])
def test_a_size_of_symbols_that_no_version_has_is_refused(market_db, tmp_path, version, size):
    content = change(dbn(RECORDS, version=version), AT_SYMBOL_SIZE, "<H", size)
    assert f"symbols have {size:,} bytes, but they have 22 or 71" in refuse(save(tmp_path / "mnq.dbn", content))


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_version_is_loaded(market_db, tmp_path, version):
    ingest(write(tmp_path / "mnq.dbn", RECORDS, version=version, not_found=("GONE",)))
    assert stored() == exact(RECORDS)


@pytest.mark.parametrize("count", [2, 1_000, 100_001, 2**31, 2**32 - 1])
@pytest.mark.parametrize("at", [AT_SYMBOLS, AT_SYMBOLS + 4 + 71, AT_SYMBOLS + 8 + 71, AT_SYMBOLS + 12 + 71])
def test_a_count_without_its_bytes_is_refused(market_db, tmp_path, at, count):
    content = change(dbn(RECORDS, mappings={}), at, "<I", count)
    assert "its metadata cannot be read (it states " in refuse(save(tmp_path / "mnq.dbn", content))


def test_a_schema_definition_is_refused(market_db, tmp_path):
    content = change(dbn(RECORDS), AT_DEFINITION, "<I", 1)
    assert "states 1 bytes of a schema's definition" in refuse(save(tmp_path / "mnq.dbn", content))


def test_a_few_kilobytes_cannot_ask_for_gigabytes(market_db, tmp_path):
    """256 million symbols of one byte would need six gigabytes once decoded."""
    size = 1 << 28
    head = change(change(header().encode()[:AT_SYMBOLS], AT_SYMBOL_SIZE, "<H", 1), 4, "<I", size - 8)
    path = save(tmp_path / "mnq.dbn.zst", zstd(head + struct.pack("<I", size - 200) + b"A" * size))
    assert path.stat().st_size < 30_000
    assert "more than a file of its size can have" in refuse(path)


def test_more_symbols_than_a_request_can_have_are_refused(tmp_path):
    head = header().encode()[:AT_SYMBOLS]
    encoded = head + struct.pack("<I", 100_001) + b"A".ljust(71, b"\0") * 100_001
    with pytest.raises(UnreadableFile, match="100,001 symbols, but no file has more than 100,000"):
        check_header(tmp_path / "mnq.dbn", encoded)


def test_many_mappings_of_a_real_size_are_loaded(market_db, tmp_path):
    """As in a file of all symbols: their metadata compresses well, but not as a hostile file does."""
    mappings = {f"S{number}": [(*JANUARY, 1_000_000 + number)] for number in range(20_000)}
    path = write(
        tmp_path / "all.dbn.zst", RECORDS, symbols=("ALL_SYMBOLS",), mappings=mappings | {"MNQ": [(*JANUARY, FRONT)]},
        stype_in="raw_symbol",
    )  # fmt: skip
    ingest(path)
    assert stored("MNQ") == exact(RECORDS)


def test_the_longest_metadata_depends_on_the_size_of_the_file(tmp_path):
    path = tmp_path / "mnq.dbn"
    check_length(path, 1 << 20, 100)
    check_length(path, MAX_SIZE, MAX_SIZE // 30)
    for length, size in (((1 << 20) + 1, 100), (MAX_SIZE + 1, MAX_SIZE), (2**32 - 1, 2**40)):
        with pytest.raises(UnreadableFile, match="more than a file of its size"):
            check_length(path, length, size)


@pytest.mark.parametrize("number", [0, 101, 20_240_230, 20_241_301, 100_000_101, 2**32 - 1])
def test_a_date_that_does_not_exist_is_refused(market_db, tmp_path, number):
    content = dbn(RECORDS)
    at = content.index(struct.pack("<I", 20_240_101))
    message = refuse(save(tmp_path / "mnq.dbn", change(content, at, "<I", number)))
    assert "is damaged: its metadata cannot be read (" in message


@pytest.mark.parametrize("number", ["4294967296", "9" * 30, "12a", "-5", "+5", " 5"])
def test_an_instrument_that_is_no_id_is_refused(market_db, tmp_path, number):
    content = dbn(RECORDS)
    at = content.rindex(str(FRONT).encode())
    changed = content[:at] + number.encode().ljust(len(content[at : at + 71].rstrip(b"\0")), b"\0")
    changed += content[len(changed) :]
    assert str(tmp_path) in refuse(save(tmp_path / "mnq.dbn", changed))


@pytest.mark.parametrize("symbol", [" MNQ.c.0", "MNQ.c.0 ", "  "])
def test_symbols_with_blanks_at_their_ends_are_refused(market_db, tmp_path, symbol):
    path = write(tmp_path / "mnq.dbn", RECORDS, symbols=(symbol,), mappings={symbol: [(*JANUARY, FRONT)]})
    message = refuse(path)
    assert "has blanks at its ends" in message or "is empty" in message


def test_blanks_inside_a_symbol_are_kept(market_db, tmp_path):
    symbol = "ESH5 C5000"
    path = write(
        tmp_path / "es.dbn", RECORDS, symbols=(symbol,), mappings={symbol: [(*JANUARY, FRONT)]}, stype_in="raw_symbol",
        dataset="OPRA.PILLAR",
    )  # fmt: skip
    ingest(path)
    assert stored(symbol) == exact(RECORDS)
