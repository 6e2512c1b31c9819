"""A minute of a series has one instrument, one publisher and one set of values; duplicates and gaps are counted."""

from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError
from hypothesis import given, settings
from hypothesis import strategies as st

from config.testing.builders import at, bars, exact, ingest, refuse, several, stored, write
from ingestion.dbn.batches import RecordBatch, align_to_minutes
from ingestion.dbn.layout import OHLCV, PRICES, UNDEFINED_PRICE, UNDEFINED_TIME
from ingestion.dbn.metadata import DbnMetadata
from ingestion.dbn.writer import empty_records
from ingestion.errors import InvalidBars
from ingestion.symbology.assign import SeriesAssignment
from ingestion.symbology.contracts import ContractResolver
from ingestion.symbology.resolve import SymbolResolver
from ingestion.validation.record_rules import check_records
from ingestion.validation.series_rules import SeriesCheck
from marketdata.models import Bar, IngestRun


def test_one_minute_with_two_sets_of_values_is_refused_and_counted(market_db, tmp_path, batch_size):
    records = bars(6)
    records["ts_event"] = [at(minute) for minute in (0, 1, 1, 2, 2, 3)]
    records[4] = records[3]
    records["volume"][4] += 1

    sentence = refuse(write(tmp_path / "mnq.dbn.zst", records))

    assert "row 3 (2024-01-02 00:01:00 UTC, CME_MINI:MNQ1!): the minute occurs twice with different values" in sentence
    assert "row 2: open 16800, high 16800.75, low 16799.5, close 16800.25, volume 101; row 3: open 16800.25" in sentence
    # Counted up to the end of the batch with the first of them.
    assert ("2 such minutes up to row 5" if batch_size > 2 else "1 such minute up to row 3") in sentence


def test_a_minute_with_three_sets_of_values_counts_once(market_db, tmp_path, batch_size):
    records = bars(7)
    records["ts_event"] = [at(minute) for minute in (0, 1, 1, 2, 2, 2, 3)]
    expected = "2 such minutes up to row 6" if batch_size > 2 else "1 such minute up to row 3"
    assert expected in refuse(write(tmp_path / "mnq.dbn", records))


@pytest.mark.parametrize("field", [*PRICES, "volume"])
def test_any_one_value_that_differs_is_a_conflict(market_db, tmp_path, field):
    records = bars(2)
    records[1] = records[0]
    records[field][1] += -1 if field == "low" else (0 if field == "open" else 1)
    if field == "open":
        records[field][1] -= 1

    sentence = refuse(write(tmp_path / "mnq.dbn.zst", records))

    assert f"(row 1: {field} " in sentence  # only the values that differ
    assert f"; row 2: {field} " in sentence
    assert "1 such minute up to row 2" in sentence


def test_of_the_conflicts_of_two_series_the_first_row_is_reported(market_db, tmp_path):
    """A conflict of the series that comes first in the file, but later than the other's."""
    first, second = bars(5, instrument_id=1)[[0, 1, 2, 3, 3, 4]], bars(5, instrument_id=2)[[0, 1, 1, 2, 3, 4]]
    first["volume"][4] += 1
    second["volume"][2] += 1

    sentence = refuse(several(tmp_path / "x.dbn.zst", {"A": first, "B": second}))

    assert "row 5 (2024-01-02 00:01:00 UTC, B): the minute occurs twice" in sentence
    assert "2 such minutes up to row 10" in sentence


@pytest.mark.parametrize("batch", [2, 1000])
def test_contracts_that_alternate_are_not_one_series(market_db, tmp_path, monkeypatch, batch):
    monkeypatch.setattr("ingestion.dbn.records.RecordReader.read_batches.__defaults__", (batch,))
    alternating = bars(6)
    alternating["instrument_id"] = [1, 1, 2, 2, 1, 1]
    with pytest.raises(CommandError, match=r"row 5 \(.*X\): instruments 2 and 1 alternate within a day"):
        ingest(write(tmp_path / "alternating.dbn", alternating), symbol="X")
    roll = bars(6)
    roll["instrument_id"] = [1, 1, 1, 2, 2, 2]
    ingest(write(tmp_path / "roll.dbn", roll), symbol="X")


def test_identical_duplicates_are_counted_and_stored_once(market_db, tmp_path, batch_size):
    records = bars(6)[[0, 0, 0, 1, 2, 2, 3]]  # with batches of two rows, both repetitions start a batch

    ingest(write(tmp_path / "mnq.dbn.zst", records))

    assert stored() == exact(records)
    run = IngestRun.objects.get()
    assert (run.row_count, run.inserted_count, run.duplicate_count) == (7, 4, 3)


def test_gaps_are_counted_and_accepted(market_db, tmp_path, batch_size):
    records = bars(60)[[0, 1, 5, 6, 59]]

    printed = ingest(write(tmp_path / "mnq.dbn.zst", records))

    assert IngestRun.objects.get().gap_count == 2
    assert "aps" in printed.out
    assert len(stored()) == 5


def test_a_minute_of_more_rows_than_a_batch_is_not_split(market_db, tmp_path, batch_size):
    records = np.concatenate([bars(1)] * 9 + [bars(1, first=1)])
    ingest(write(tmp_path / "mnq.dbn.zst", records))
    assert (Bar.objects.count(), IngestRun.objects.get().duplicate_count) == (2, 8)


METADATA = DbnMetadata(Path("x.dbn"), 3, "D", ("S",), None, (), start=at(0), end=at(6), record=OHLCV)
SMALL = st.integers(-2, 2)
ROWS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 6).map(at), st.sampled_from([at(0) + 1, at(0) - 60 * 10**9, at(7), UNDEFINED_TIME])),
        *[st.one_of(SMALL, st.just(UNDEFINED_PRICE)) for _ in PRICES],
        st.integers(0, 1),
    ),
    max_size=8,
)
# Mostly valid bars: otherwise nearly every example fails at its first row.
VALID = st.lists(
    st.tuples(st.integers(0, 6).map(at), SMALL, st.just(2), st.just(-2), SMALL, st.integers(0, 1)), max_size=9
)


def check_slowly(rows: list[tuple]) -> int | tuple[int, int, int]:
    """The number of the first invalid row; or the numbers of rows, duplicates and gaps."""
    last, seen, duplicates, gaps = 0, {}, 0, 0
    for number, (time, open_, high, low, close, volume) in enumerate(rows, start=1):
        valid = time != UNDEFINED_TIME and time % (60 * 10**9) == 0 and time >= last and at(0) <= time <= at(6)
        valid = valid and UNDEFINED_PRICE not in (open_, high, low, close)
        if not (valid and low <= open_ <= high and low <= close <= high):
            return number
        if time in seen:
            if seen[time] != (open_, high, low, close, volume):
                return number
            duplicates += 1
        elif last and time - last > 60 * 10**9:
            gaps += 1
        seen[time] = (open_, high, low, close, volume)
        last = time
    return len(rows), duplicates, gaps


def check_vectorised(rows: list[tuple], batch_size: int) -> int | tuple[int, int, int]:
    records = empty_records(len(rows))
    for name, values in zip(("ts_event", *PRICES, "volume"), zip(*rows, strict=True), strict=False):
        records[name] = values
    all_rows = RecordBatch(records, np.arange(1, len(rows) + 1))
    batches = (all_rows[start : start + batch_size] for start in range(0, len(rows), batch_size))
    resolver = SymbolResolver(METADATA, SeriesAssignment("S", by_mapping=False), ContractResolver(METADATA))
    check = SeriesCheck(METADATA, resolver)
    try:
        for batch in check_records(
            align_to_minutes(batches, METADATA.path), metadata=METADATA, find_symbol=resolver.find_symbol
        ):
            check.drop_duplicates(resolver.resolve(batch))
    except InvalidBars as error:
        return int(str(error).split("row ")[1].split()[0])
    return check.row_count, check.duplicate_count, check.gap_count


@settings(max_examples=400, deadline=None)
@given(rows=st.one_of(VALID.map(sorted), VALID, ROWS, ROWS.map(sorted)), batch_size=st.integers(1, 5))
def test_the_checks_agree_with_a_slow_validator_in_plain_python(rows, batch_size):
    expected, found = check_slowly(rows), check_vectorised(rows, batch_size)
    if isinstance(expected, int) and isinstance(found, int) and found != expected:
        # In a batch, single rows are checked before rules between rows: the row found is invalid, but a later one.
        assert check_slowly(rows[:expected]) == expected < found
        assert check_slowly([rows[found - 1]]) == 1 or rows[found - 1][0] < rows[found - 2][0]
    else:
        assert found == expected
