"""Batches are filtered, limited and aligned to minutes as plain Python does it, whatever their size."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.dbn.batches import RecordBatch, align_to_minutes, filter_publisher, limit_rows
from ingestion.dbn.writer import empty_records
from ingestion.errors import InvalidBars

# Few minutes and many rows, so that minutes are longer and shorter than batches, and batches end with minutes.
MINUTES = st.lists(st.integers(0, 6), max_size=40).map(sorted)


def split_rows(minutes: list[int], size: int) -> list[RecordBatch]:
    records = empty_records(len(minutes))
    records["ts_event"] = minutes
    records["publisher_id"] = np.arange(len(minutes)) % 3
    batch = RecordBatch(records, np.arange(1, len(minutes) + 1))
    return [batch[at : at + size] for at in range(0, len(minutes), size)]


def list_rows(batches) -> list[list[int]]:
    return [batch.rows.tolist() for batch in batches]


@given(minutes=MINUTES, size=st.integers(1, 12))
def test_align_to_minutes_keeps_every_row_and_splits_no_minute(minutes, size):
    parts = list(align_to_minutes(iter(split_rows(minutes, size)), Path("mnq.dbn")))

    assert [row for part in list_rows(parts) for row in part] == list(range(1, len(minutes) + 1))
    assert all(len(part) for part in parts)
    seen = [set(part.records["ts_event"].tolist()) for part in parts]
    assert sum(map(len, seen)) == len(set(minutes))  # no minute is in two batches


@given(minutes=st.lists(st.integers(0, 6), max_size=40), size=st.integers(1, 12))
def test_align_to_minutes_keeps_every_row_if_times_decrease(minutes, size):
    parts = list_rows(align_to_minutes(iter(split_rows(minutes, size)), Path("mnq.dbn")))
    assert [row for part in parts for row in part] == list(range(1, len(minutes) + 1))


def test_a_minute_of_too_many_rows_is_refused(monkeypatch):
    monkeypatch.setattr("ingestion.dbn.batches.MAX_ROWS_PER_MINUTE", 5)
    assert sum(map(len, align_to_minutes(iter(split_rows([1] * 5 + [2] * 5, 3)), Path("mnq.dbn")))) == 10
    with pytest.raises(InvalidBars, match=r"^mnq\.dbn, row 3: this minute has more than 5 rows"):
        list(align_to_minutes(iter(split_rows([0, 1] + [2] * 6, 3)), Path("mnq.dbn")))


@given(minutes=MINUTES, size=st.integers(1, 12), limit=st.integers(1, 45))
def test_limit_rows_yields_the_first_rows(minutes, size, limit):
    batches = iter(split_rows(minutes, size))
    parts = list_rows(limit_rows(batches, limit))

    assert [row for part in parts for row in part] == list(range(1, len(minutes) + 1))[:limit]
    assert list(batches) == []  # the rest is decoded too, so that damage is found


@given(minutes=MINUTES, size=st.integers(1, 12), publisher=st.integers(0, 3))
def test_filter_publisher_keeps_row_numbers(minutes, size, publisher):
    parts = list_rows(filter_publisher(iter(split_rows(minutes, size)), publisher))
    expected = [row for row in range(1, len(minutes) + 1) if (row - 1) % 3 == publisher]
    assert [row for part in parts for row in part] == expected
