"""Sample files are DBN that the official client reads, in the minutes in which the exchange is open."""

import re
import warnings
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from config.testing.builders import ingest, refuse
from ingestion.dbn.layout import OHLCV
from ingestion.dbn.samples import CALENDAR, find_open_minutes, random_walk, write_mnq_sample
from ingestion.dbn.writer import Header, empty_records, write_dbn
from marketdata.calendars.trading_days import find_trading_days
from marketdata.coverage.report import read_coverage
from marketdata.models import Bar, IngestRun, Series, SeriesInstrument

MINUTE = 60 * 10**9


def to_datetime(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(int(nanoseconds) // 10**9, UTC)


@pytest.mark.parametrize("name", ["mnq.dbn", "mnq.dbn.zst"])
def test_the_official_client_reads_the_sample(tmp_path, name):
    databento = pytest.importorskip("databento")
    path = write_mnq_sample(tmp_path / name, bars=500)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of damage it only warns
        store = databento.DBNStore.from_bytes(path.read_bytes())
        records = store.to_ndarray()

    assert (store.schema, store.dataset, store.symbols) == ("ohlcv-1m", "GLBX.MDP3", ["MNQ.c.0"])
    assert np.array_equal(records["ts_event"], find_open_minutes(date(2024, 1, 1), 500))
    assert set(records["rtype"]) == {0x21}


def test_the_same_arguments_give_the_same_file(tmp_path):
    first, second, other = (
        write_mnq_sample(tmp_path / f"{number}.dbn.zst", bars=300, seed=seed).read_bytes()
        for number, seed in enumerate((1, 1, 2))
    )
    assert first == second
    assert first != other


def test_a_sample_across_a_quarter_rolls_and_is_ingested_completely(market_db, tmp_path):
    """From the Monday before the third Friday of March 2024, so that the roll falls within the file."""
    path = write_mnq_sample(tmp_path / "mnq.dbn.zst", bars=7_000, first_day=date(2024, 3, 11))

    ingest(path)

    run = IngestRun.objects.get()
    assert (run.row_count, run.duplicate_count, Bar.objects.filter(symbol="CME_MINI:MNQ1!").count()) == (
        7_000,
        0,
        7_000,
    )
    days = SeriesInstrument.current.order_by("start_date").values_list("instrument_id", "start_date", "end_date")
    assert [row[:2] for row in days] == [(42_000_001, date(2024, 3, 11)), (42_000_002, date(2024, 3, 15))]
    assert days[0][2] == date(2024, 3, 15)  # the third Friday


def test_open_minutes_are_those_of_the_calendar():
    minutes = find_open_minutes(date(2024, 1, 1), 500_000)
    days = find_trading_days(CALENDAR, datetime(2024, 1, 1, tzinfo=UTC), to_datetime(minutes[-1]))
    slow = [
        int(opened.timestamp()) * 10**9 + number * MINUTE
        for day in days
        for opened, closed in day.spans
        for number in range((closed - opened) // timedelta(minutes=1))
        if opened + number * timedelta(minutes=1) >= datetime(2024, 1, 1, tzinfo=UTC)
    ]

    assert len(minutes) == 500_000
    assert minutes.tolist() == slow[:500_000]


@pytest.mark.parametrize(
    ("first_day", "first_minute"),
    [
        (date(2024, 1, 1), "2024-01-01 23:00"),  # New Year's Day: the evening's open
        (date(2024, 1, 6), "2024-01-07 23:00"),  # a Saturday in winter
        (date(2024, 7, 6), "2024-07-07 22:00"),  # a Saturday in summer
        (date(2024, 1, 9), "2024-01-09 00:00"),  # midnight UTC lies within the session
    ],
)
def test_a_sample_starts_when_the_exchange_is_open(first_day, first_minute):
    assert f"{to_datetime(find_open_minutes(first_day, 1)[0]):%Y-%m-%d %H:%M}" == first_minute


def test_a_sample_has_no_gap_while_the_exchange_is_open(market_db, tmp_path):
    """From before the change to winter time to after the change to summer time, with Thanksgiving's and Christmas
    Eve's early closes, Christmas, New Year's Day, Presidents' Day and the day of mourning of January 2025."""
    path = write_mnq_sample(tmp_path / "mnq.dbn.zst", bars=130_000, first_day=date(2024, 10, 28))

    ingest(path)

    coverage = read_coverage(Series.objects.get(slug="mnq"), start=None, end=None)
    assert coverage.gaps.open_count == 0
    assert coverage.gaps.count > 90
    assert coverage.end > datetime(2025, 3, 10, tzinfo=UTC)
    assert sum(day.bars for day in coverage.days) == 130_000
    # The first and the last day may be incomplete.
    assert [day.day for day in coverage.days[1:-1] if not day.bars == day.open_bars == day.expected] == []


def test_a_sample_ends_before_the_calendar_does():
    assert len(find_open_minutes(date(2199, 9, 1), 1_000)) == 1_000
    with pytest.raises(ValueError, match="ends in 2199, before 500,000 minutes from 2199-09-01 on"):
        find_open_minutes(date(2199, 9, 1), 500_000)


def test_a_random_walk_keeps_the_rules_of_bars():
    records = random_walk(find_open_minutes(date(2024, 1, 1), 5_000), seed=3, start_price=2.0)

    assert records.dtype == OHLCV
    assert (records["high"] >= np.maximum(records["open"], records["close"])).all()
    assert (records["low"] <= np.minimum(records["open"], records["close"])).all()
    assert (records["open"][1:] == records["close"][:-1]).all()
    assert (records["close"] > 0).all()
    assert (records["close"] % 250_000_000 == 0).all()


def test_a_header_without_rows_makes_a_file_that_is_refused_as_empty(market_db, tmp_path):
    assert "has no rows" in refuse(write_dbn(tmp_path / "empty.dbn.zst", Header(), empty_records(0)))
    assert "has no rows" in refuse(write_dbn(tmp_path / "empty.dbn", Header(), []))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.dbn", "--start", "yesterday"], "argument --start: 'yesterday' is not a date: write it as 2024-01-01"),
        (["x.dbn", "--start", "2024-02-30"], "'2024-02-30' is not a date: write it as 2024-01-01"),
        (["x.dbn", "--start", "1066-10-14"], "1066-10-14 is not between 1970-01-01 and 2199-12-31"),
        (["x.csv"], "'x.csv' does not end in .dbn or .dbn.zst"),
        ([""], "'' does not end in .dbn or .dbn.zst"),
        (["x.zst"], "'x.zst' does not end in .dbn or .dbn.zst"),
    ],
)
def test_the_command_refuses_arguments_that_make_no_sample(arguments, message):
    with pytest.raises(CommandError, match=re.escape(message)):
        call_command("make_sample_dbn", *arguments)
