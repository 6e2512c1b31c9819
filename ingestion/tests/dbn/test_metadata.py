"""Metadata of another schema, or damaged metadata, is refused."""

from datetime import date

import pytest

from config.testing.builders import bars, dbn, exact, header, ingest, refuse, save, stored, together, write, zstd
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError

RECORDS = bars(6)
JANUARY, FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)


@pytest.mark.parametrize("size", [3, 4, 7, 8, 100, len(header().encode()) - 1])
@pytest.mark.parametrize("wrap", [bytes, zstd], ids=["raw", "zstd"])
def test_a_cut_within_the_metadata_is_refused(market_db, tmp_path, size, wrap):
    sentence = refuse(save(tmp_path / "mnq.dbn", wrap(header().encode()[:size])))
    assert "metadata" in sentence


def test_damaged_metadata_is_an_ingest_error_or_readable(tmp_path):
    """Each byte set to three values in turn: never another exception than an `IngestError`."""
    complete = dbn(RECORDS)
    path = tmp_path / "mnq.dbn"
    refused = 0
    for at in range(len(header().encode())):
        for value in (0, 0x41, 0xFF):
            path.write_bytes(complete[:at] + bytes([value]) + complete[at + 1 :])
            try:
                with SourceFile(path) as source:
                    list(RecordReader(source).read_batches())
            except IngestError as error:
                assert str(path) in str(error)
                refused += 1
    assert refused > 100


@pytest.mark.parametrize("schema", ["trades", "ohlcv-1s", "ohlcv-1h", "ohlcv-1d", "mbp-1", "definition"])
def test_another_schema_is_refused(market_db, tmp_path, schema):
    sentence = refuse(write(tmp_path / "mnq.dbn.zst", RECORDS, schema=schema))
    assert f"contains {schema}, not ohlcv-1m" in sentence


def test_a_live_capture_is_refused(market_db, tmp_path):
    assert "is a live capture" in refuse(write(tmp_path / "mnq.dbn", RECORDS, schema=None))


def test_instruments_requested_by_their_ids_are_stored(market_db, tmp_path):
    """With stype_in=instrument_id the metadata maps ids to symbols instead of symbols to ids."""
    first, second = bars(2, instrument_id=5), bars(2, instrument_id=6, base=99)
    mappings = {"5": [(JANUARY, FEBRUARY, "ESZ4")], "6": [(JANUARY, FEBRUARY, "ESH5")]}
    path = write(
        tmp_path / "x.dbn", together(first, second), symbols=("5", "6"), mappings=mappings, stype_in="instrument_id"
    )
    ingest(path)
    assert (stored("ESZ2024"), stored("ESH2025")) == (exact(first), exact(second))


def test_mappings_to_something_else_than_ids_are_refused(market_db, tmp_path):
    path = write(tmp_path / "x.dbn", bars(2), mappings={"MNQ.c.0": [(JANUARY, FEBRUARY, "MNQZ4")]})
    assert "maps MNQ.c.0 to MNQZ4, which is not an instrument_id" in refuse(path)
