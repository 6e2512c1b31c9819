"""The invented files of the demo are real DBN, as the official client reads it, and the same each time."""

import re
import warnings
from datetime import UTC, date, datetime

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from ingestion.decode import OHLCV
from ingestion.samples import Header, empty_records, globex_minutes, random_walk, write_dbn, write_mnq_sample
from marketdata.models import Bar, IngestRun, SeriesInstrument

from .builders import ingest, refuse

MINUTE = 60 * 10**9


def as_times(minutes: np.ndarray) -> list[datetime]:
    return [datetime.fromtimestamp(int(ns) // 10**9, UTC) for ns in minutes]


@pytest.mark.parametrize("name", ["mnq.dbn", "mnq.dbn.zst"])
def test_the_official_client_reads_the_sample_alike(tmp_path, name):
    databento = pytest.importorskip("databento")
    path = write_mnq_sample(tmp_path / name, bars=500)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it only warns of damage
        store = databento.DBNStore.from_bytes(path.read_bytes())
        records = store.to_ndarray()

    assert (store.schema, store.dataset, store.symbols) == ("ohlcv-1m", "GLBX.MDP3", ["MNQ.c.0"])
    assert np.array_equal(records["ts_event"], globex_minutes(date(2024, 1, 1), 500))
    assert set(records["rtype"]) == {0x21}


def test_the_same_arguments_give_the_same_file(tmp_path):
    first, again, other = (
        write_mnq_sample(tmp_path / f"{number}.dbn.zst", bars=300, seed=seed).read_bytes()
        for number, seed in enumerate((1, 1, 2))
    )
    assert first == again
    assert first != other


def test_a_sample_across_a_quarter_rolls_and_is_ingested_whole(market_db, tmp_path):
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


def test_globex_minutes_leave_out_the_break_and_the_weekend():
    minutes = globex_minutes(date(2024, 1, 1), 10_000)
    times = as_times(minutes)

    assert len(minutes) == 10_000
    assert (np.diff(minutes.astype(np.int64)) >= MINUTE).all()
    for time in times:
        assert time.hour != 22
        assert time.weekday() != 5
        assert time.weekday() != 4 or time.hour < 22
        assert time.weekday() != 6 or time.hour == 23
    assert globex_minutes(date(2024, 1, 6), 1)[0] == np.uint64(datetime(2024, 1, 7, 23, tzinfo=UTC).timestamp() * 10**9)


def test_a_random_walk_keeps_the_rules_of_bars():
    records = random_walk(globex_minutes(date(2024, 1, 1), 5_000), seed=3, start_price=2.0)

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
    ("arguments", "words"),
    [
        (["x.dbn", "--start", "yesterday"], "argument --start: 'yesterday' is not a date: write it as 2024-01-01"),
        (["x.dbn", "--start", "2024-02-30"], "'2024-02-30' is not a date: write it as 2024-01-01"),
        (["x.dbn", "--start", "1066-10-14"], "1066-10-14 is not between 1970-01-01 and 2199-12-31"),
        (["x.csv"], "'x.csv' does not end in .dbn or .dbn.zst"),
        ([""], "'' does not end in .dbn or .dbn.zst"),
        (["x.zst"], "'x.zst' does not end in .dbn or .dbn.zst"),
    ],
)
def test_what_no_sample_can_be_made_of_is_told(arguments, words):
    with pytest.raises(CommandError, match=re.escape(words)):
        call_command("make_sample_dbn", *arguments)
