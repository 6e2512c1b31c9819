"""Written files have Databento's metadata and record layout, compressed if their name ends in .zst."""

from datetime import date

import databento_dbn
import numpy as np
import pytest
import zstandard

from config.testing.builders import bars
from ingestion.dbn.layout import OHLCV, OHLCV_WITH_TS_OUT
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.dbn.writer import Header, empty_records, write_dbn

HEADER = Header(
    symbols=("ES.c.0", "NQ.c.0"),
    mappings={"ES.c.0": [(date(2024, 1, 1), date(2024, 3, 15), 1), (date(2024, 3, 15), date(2024, 4, 1), 2)]},
    dataset="XNAS.ITCH",
    start=5,
    end=9,
    limit=7,
    not_found=("MNQ.c.7",),
)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_library_reads_the_metadata_that_was_given(version):
    metadata = databento_dbn.Metadata.decode(Header(**(vars(HEADER) | {"version": version})).encode())
    assert (metadata.dataset, str(metadata.schema), str(metadata.stype_in)) == ("XNAS.ITCH", "ohlcv-1m", "continuous")
    assert (metadata.start, metadata.end, metadata.limit) == (5, 9, 7)
    assert (metadata.symbols, metadata.not_found) == (["ES.c.0", "NQ.c.0"], ["MNQ.c.7"])
    assert [interval["symbol"] for interval in metadata.mappings["ES.c.0"]] == ["1", "2"]


@pytest.mark.parametrize("name", ["mnq.dbn", "mnq.dbn.zst"])
def test_blocks_are_written_one_after_another(tmp_path, name):
    records = bars(6)
    path = write_dbn(tmp_path / name, HEADER, (records[at : at + 2] for at in (0, 2, 4)))
    with SourceFile(path) as source:
        read = np.concatenate([batch.records for batch in RecordReader(source).read_batches()])
    assert np.array_equal(read, records)


def test_a_zst_has_one_frame_for_the_metadata_and_one_for_the_records(tmp_path):
    content = write_dbn(tmp_path / "mnq.dbn.zst", HEADER, bars(2)).read_bytes()
    frame = zstandard.ZstdDecompressor().decompressobj()
    assert frame.decompress(content) == HEADER.encode()
    assert zstandard.ZstdDecompressor().decompressobj().decompress(frame.unused_data) == bars(2).tobytes()


@pytest.mark.parametrize("ts_out, dtype", [(False, OHLCV), (True, OHLCV_WITH_TS_OUT)])
def test_empty_records_are_well_formed(ts_out, dtype):
    records = empty_records(3, instrument_id=8, ts_out=ts_out)
    assert (records.dtype, len(records)) == (dtype, 3)
    assert set(records["length"] * 4) == {dtype.itemsize}
    assert set(records["instrument_id"]) == {8}
