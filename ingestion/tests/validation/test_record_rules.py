"""Invalid bars are refused, the first with its row, time, symbol and values; unusual but valid bars are stored."""

import numpy as np
import pytest

from config.testing.builders import at, bars, exact, ingest, refuse, stored, write
from ingestion.dbn.layout import PRICES, UNDEFINED_PRICE, UNDEFINED_TIME

LEAST_INT64 = -(2**63)


def changed(rows: int | list[int], **values) -> np.ndarray:
    """Six valid bars, of which the given rows (from 1) are changed."""
    records = bars(6)
    for name, value in values.items():
        records[name][np.array(rows) - 1] = value
    return records


# The first valid bar: open 16799.75, high 16800.5, low 16799.25, close 16800; each minute is a tick more.
TICK = 250_000_000
INVALID = {
    "open undefined": (changed(3, open=UNDEFINED_PRICE), 3, "a price is undefined (open undefined, high 16801,", 1),
    "high undefined": (changed(3, high=UNDEFINED_PRICE), 3, ", high undefined, low", 1),
    "low undefined": (changed(3, low=UNDEFINED_PRICE), 3, ", low undefined, close", 1),
    "close undefined": (changed([4, 6], close=UNDEFINED_PRICE), 4, ", close undefined, volume", 2),
    "all undefined": (changed(2, **dict.fromkeys(PRICES, UNDEFINED_PRICE)), 2, "(open undefined, high undefined,", 1),
    "high below open": (changed(2, open=17_000 * 10**9), 2, "high is below another of its prices (open 17000,", 1),
    "high below close": (changed([2, 3], close=17_000 * 10**9), 2, "high is below another of its prices", 2),
    "high below low": (changed(1, high=1, open=1, close=1), 1, "high is below another of its prices", 1),
    "low above open": (changed(6, open=16_000 * 10**9), 6, "low is above another of its prices (open 16000,", 1),
    "low above close": (changed([3, 5, 6], close=-1), 3, "low is above another of its prices", 3),
    "by one billionth": (changed(5, low=16_800 * 10**9 + 3 * TICK + 1), 5, "low 16800.750000001", 1),
    "time undefined": (changed(6, ts_event=UNDEFINED_TIME), 6, "its time is undefined", 1),
    "a time of no calendar": (changed(6, ts_event=7_258_118_400 * 10**9), 6, "later than 2199, the last year", 1),
    "time decreases": (changed(5, ts_event=at(1)), 5, "before that of the previous row, 2024-01-02 00:03:00 UTC", 1),
    "time decreases to the batch before": (changed(4, ts_event=at(0)), 4, "of the previous row, 2024-01-02 00:02", 1),
    "time decreases twice": (changed([3, 5], ts_event=at(0)), 3, "of the previous row, 2024-01-02 00:01:00 UTC", 2),
    "off the minute": (changed(4, ts_event=at(3) + 30 * 10**9), 4, "must be the start of a minute", 1),
    "off by a nanosecond": (changed(4, ts_event=at(3) + 1), 4, "2024-01-02 00:03:00.000000001 UTC", 1),
}  # fmt: skip


@pytest.mark.parametrize("records, row, expected, count", INVALID.values(), ids=INVALID)
def test_the_first_invalid_row_is_reported_with_time_symbol_and_values(
    market_db, tmp_path, batch_size, records, row, expected, count
):
    sentence = refuse(write(tmp_path / "mnq.dbn.zst", records))

    assert f", row {row} (" in sentence
    no_day = (
        "time is undefined" in expected or "later than" in expected
    )  # then no symbol either, since mappings have dates
    assert (", instrument 42000001): " if no_day else ", CME_MINI:MNQ1!): ") in sentence
    assert expected in sentence
    counted = "no other row breaks this rule" if count == 1 else f"{count} rows of the file break this rule"
    assert counted in sentence


@pytest.mark.parametrize(
    "count, expected",
    [
        (999, "; 999 rows of the file break this rule: "),
        (1_000, "; at least 1,000 rows of the file break this rule: "),
        (1_001, "; at least 1,000 rows of the file break this rule: "),
        (200_000, "; at least 1,000 rows of the file break this rule: "),
    ],
)
def test_invalid_rows_are_counted_up_to_a_thousand(market_db, tmp_path, count, expected):
    records = bars(max(count, 1_200))
    records["high"][:count] = 1
    assert expected in refuse(write(tmp_path / "mnq.dbn.zst", records, end=None))


def test_counting_ends_after_a_million_rows(market_db, tmp_path):
    records = bars(1_300_000)
    records["high"][[5, 1_299_999]] = 1
    assert "; at least 1 row breaks this rule: " in refuse(write(tmp_path / "mnq.dbn.zst", records, end=None))


@pytest.mark.parametrize(
    "changes, row",
    [({"start": at(1)}, 1), ({"end": at(4)}, 6), ({"start": at(0) + 1}, 1), ({"end": at(5) - 1}, 6)],
)
def test_a_time_outside_the_metadatas_range_is_refused(market_db, tmp_path, changes, row):
    sentence = refuse(write(tmp_path / "mnq.dbn.zst", bars(6), **changes))
    assert f"row {row} (" in sentence
    assert "its time is outside the file's range of 2024-01-" in sentence


def test_of_two_invalid_rows_the_first_is_reported(market_db, tmp_path):
    records = changed(3, high=0)
    records["ts_event"][4] = at(0)
    assert "row 3 (2024-01-02 00:02:00 UTC, CME_MINI:MNQ1!): high is below" in refuse(
        write(tmp_path / "m.dbn", records)
    )


def one_bar(**values) -> np.ndarray:
    """One bar: all prices are `price`, or 0, unless given by name."""
    records = bars(1)
    for name in PRICES:
        records[name] = values.get("price", 0)
    for name in (*PRICES, "volume"):
        if name in values:
            records[name] = values[name]
    return records


UNUSUAL = {
    "negative": one_bar(price=-37_630_000_000, high=-1),
    "zero": one_bar(price=0, volume=0),
    "a billionth off a tick": one_bar(price=16_800_000_000_001, low=16_799_999_999_999),
    "least int64": one_bar(price=LEAST_INT64, high=0),
    "greatest int64": one_bar(price=UNDEFINED_PRICE - 1, volume=2**64 - 1),
    "both": one_bar(open=0, close=-1, low=LEAST_INT64, high=UNDEFINED_PRICE - 1, volume=2**63),
}


@pytest.mark.parametrize("records", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_values_are_stored_exactly(market_db, tmp_path, records):
    ingest(write(tmp_path / "mnq.dbn.zst", records))
    assert stored() == exact(records)


def test_bars_at_both_ends_of_the_metadatas_range_are_stored(market_db, tmp_path):
    ingest(write(tmp_path / "mnq.dbn.zst", bars(6), start=at(0), end=at(5)))
    assert len(stored()) == 6
