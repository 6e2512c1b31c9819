"""The files that tables are written to."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc, parquet

from marketdata.bars import tables
from marketdata.bars.tables import write_arrow, write_csv, write_parquet

MINUTES = st.integers(0, 300 * 365 * 1440).map(
    lambda minutes: datetime(1900, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def make_table(times: list[datetime], **columns: list) -> pyarrow.Table:
    ts = pyarrow.array(times, pyarrow.timestamp("us", tz="UTC"))
    return pyarrow.table({"symbol": ["NQ"] * len(times), "ts": ts} | columns)


@given(st.lists(st.lists(MINUTES, max_size=5), min_size=1, max_size=3))
def test_csv_writes_each_time_as_python_does(blocks):
    lines = b"".join(write_csv(map(make_table, blocks))).decode().splitlines()
    assert lines == ["symbol,ts", *(f"NQ,{ts.isoformat()}" for block in blocks for ts in block)]


def test_csv_writes_numbers_dates_and_truth_values():
    types = {"volume": pyarrow.decimal128(28, 0), "session_date": pyarrow.date32(), "forming": pyarrow.bool_()}
    values = {"volume": [Decimal(3 * 2**64)], "session_date": [date(1969, 12, 31)], "forming": [False]}
    table = make_table([datetime(1969, 12, 31, 23, 59, tzinfo=UTC)])
    for name, column in values.items():
        table = table.append_column(name, pyarrow.array(column).cast(types[name]))
    content = b"".join(write_csv([table])).decode()
    [row] = csv.DictReader(io.StringIO(content, newline=""))
    assert list(row.values()) == ["NQ", "1969-12-31T23:59:00+00:00", str(3 * 2**64), "1969-12-31", "false"]
    assert content.endswith("false\n")


def test_csv_of_a_slice_has_the_rows_of_the_slice():
    times = [datetime(2024, 1, 2, tzinfo=UTC) + timedelta(minutes=n) for n in range(9)]
    lines = b"".join(write_csv([make_table(times, open=[str(n) for n in range(9)])[3:5]])).decode().splitlines()
    assert lines[1:] == ["NQ,2024-01-02T00:03:00+00:00,3", "NQ,2024-01-02T00:04:00+00:00,4"]


@pytest.mark.parametrize(
    ("blocks", "groups"),
    [([], []), ([0], [0]), ([2, 2, 2], [4, 2]), ([3], [3]), ([9, 1], [9, 1]), ([1] * 7, [3, 3, 1])],
)
def test_parquet_gathers_blocks_into_row_groups(monkeypatch, blocks, groups):
    monkeypatch.setattr(tables, "ROW_GROUP", 3)
    times = [datetime(2024, 1, 2, tzinfo=UTC) + timedelta(minutes=n * n) for n in range(10)]
    table = make_table(times)
    starts = [sum(blocks[:n]) for n in range(len(blocks))]
    content = b"".join(write_parquet(table[start : start + size] for start, size in zip(starts, blocks, strict=True)))
    if not blocks:
        assert content == b""
        return
    file = parquet.ParquetFile(io.BytesIO(content))
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == groups
    assert file.read() == table[: sum(blocks)]


def test_parquet_stores_the_differences_of_times():
    """A minute costs a fraction of a byte instead of eight."""
    times = [datetime(2024, 1, 2, tzinfo=UTC) + timedelta(minutes=n) for n in range(10_000)]
    file = parquet.ParquetFile(io.BytesIO(b"".join(write_parquet([make_table(times)]))))
    ts = file.metadata.row_group(0).column(1)
    assert ts.path_in_schema == "ts"
    assert ts.total_compressed_size < len(times)


def test_an_arrow_stream_has_a_batch_for_each_block():
    table = make_table([datetime(2024, 1, 2, tzinfo=UTC)] * 5)
    batches = list(ipc.open_stream(b"".join(write_arrow([table[:2], table[2:]]))))
    assert [len(batch) for batch in batches] == [2, 3]
