"""CSV exports, block by block."""

import pytest

from config.testing.rollup import at, bar_row, insert_bars
from marketdata.bars import export
from marketdata.bars.export import export_csv_blocks
from marketdata.models import Series


@pytest.fixture
def series(two_runs) -> Series:
    series = Series.objects.get(slug="mnq")
    insert_bars([bar_row(symbol, at(minute), 3) for symbol in (series.symbol, "another") for minute in (9, 0, 1, 60)])
    return series


def format_line(ts: str) -> bytes:
    return f"CME_MINI:MNQ1!,2024-01-02T{ts}:00+00:00,3,10.25,0,10.25,3,1\n".encode()


@pytest.mark.parametrize(("rows_per_block", "block_count"), [(1, 4), (3, 2), (4, 1), (20_000, 1)])
def test_blocks_contain_each_bar_once_in_time_order(series, monkeypatch, rows_per_block, block_count):
    monkeypatch.setattr(export, "EXPORT_ROWS", rows_per_block)
    blocks = list(export_csv_blocks(series, start=None, end=None))
    assert len(blocks) == block_count
    assert b"".join(blocks) == b"".join(map(format_line, ("14:00", "14:01", "14:09", "15:00")))


def test_a_range_includes_its_start_and_not_its_end(series):
    assert list(export_csv_blocks(series, start=at(1), end=at(9))) == [format_line("14:01")]
    assert list(export_csv_blocks(series, start=at(2), end=at(9))) == []
    assert list(export_csv_blocks(series, start=at(9), end=at(2))) == []
