"""A ticker that comes back after a pause may be another company's."""

from datetime import date, timedelta

import pytest

from config.testing.builders import at, ingest, refuse, undo_run, write
from config.testing.contracts import minutes_of
from marketdata.models import Bar, IngestRun

FIRST = date(2022, 1, 3)


def file_of(path, days, *, start=None, end=None, symbols=("META",), dataset="XNAS.ITCH", ticker="META", **changes):
    """A file with five bars of a ticker on each day; the ticker is mapped on these days only."""
    day, count = days
    end = end or day + timedelta(days=count)
    mappings = {ticker: [(day, day + timedelta(days=count), 7)]}
    fields = {"stype_in": "raw_symbol", "dataset": dataset, "symbols": symbols, "mappings": mappings}
    fields |= {"start": at(0, day=start or day), "end": at(0, day=end)}
    return write(path, minutes_of(7, day, count), **(fields | changes))


def empty_months(path, start, days, **changes):
    """A file that asks for the ticker and maps only another one."""
    return file_of(
        path, (start, 1), end=start + timedelta(days=days), ticker="AAPL", **{"symbols": ("AAPL", "META")} | changes
    )


def test_a_ticker_that_was_asked_for_and_not_mapped_is_refused(market_db, tmp_path):
    ingest(file_of(tmp_path / "first.dbn", (FIRST, 3)))
    pause = FIRST + timedelta(days=3)
    ingest(empty_months(tmp_path / "pause.dbn", pause, 91))
    later = file_of(tmp_path / "later.dbn", (pause + timedelta(days=91), 2))

    sentence = refuse(later)

    assert "has META on dates after 91 days on which loaded files asked for it and it was not mapped" in sentence
    assert "(2022-01-06 to 2022-04-06)" in sentence
    assert "give --continue-symbol" in sentence
    ingest(later, continue_symbol=True)
    assert Bar.objects.filter(symbol="META").count() == 25
    assert IngestRun.objects.latest("pk").continue_symbol
    ingest(later)  # accepted once, the dates are the share's


@pytest.mark.parametrize("days", [90, 91])
def test_ninety_days_are_no_long_pause(market_db, tmp_path, days):
    ingest(file_of(tmp_path / "first.dbn", (FIRST, 3)))
    pause = FIRST + timedelta(days=3)
    ingest(empty_months(tmp_path / "pause.dbn", pause, days, symbols=("ALL_SYMBOLS",)))
    later = file_of(tmp_path / "later.dbn", (pause + timedelta(days=days), 2))
    if days == 91:
        assert "asked for it" in refuse(later)
    else:
        ingest(later)


def test_days_for_which_no_file_was_loaded_do_not_count(market_db, tmp_path):
    ingest(file_of(tmp_path / "first.dbn", (FIRST, 3)))
    ingest(file_of(tmp_path / "later.dbn", (FIRST + timedelta(days=1000), 2)))
    assert Bar.objects.count() == 25


def test_files_that_did_not_ask_for_it_do_not_count(market_db, tmp_path):
    ingest(file_of(tmp_path / "first.dbn", (FIRST, 3)))
    ingest(empty_months(tmp_path / "pause.dbn", FIRST + timedelta(days=3), 200, symbols=("AAPL",)))
    ingest(file_of(tmp_path / "later.dbn", (FIRST + timedelta(days=203), 2)))


def test_an_undone_run_does_not_count(market_db, tmp_path):
    ingest(file_of(tmp_path / "first.dbn", (FIRST, 3)))
    ingest(empty_months(tmp_path / "pause.dbn", FIRST + timedelta(days=3), 200))
    undo_run(IngestRun.objects.latest("pk").pk)
    ingest(file_of(tmp_path / "later.dbn", (FIRST + timedelta(days=203), 2)))


def test_a_pause_within_the_file_is_one_too(market_db, tmp_path):
    last = FIRST + timedelta(days=200)
    mappings = {"META": [(FIRST, FIRST + timedelta(days=3), 7), (last, last + timedelta(days=1), 7)]}
    path = file_of(tmp_path / "x.dbn", (FIRST, 3), end=last + timedelta(days=1), mappings=mappings)
    assert "after 197 days" in refuse(path)
    assert "after 197 days" not in ingest(path, symbol="META 2022").out


def test_an_earlier_file_that_comes_later_meets_the_same_rule(market_db, tmp_path):
    later = FIRST + timedelta(days=203)
    ingest(file_of(tmp_path / "later.dbn", (later, 2)))
    ingest(empty_months(tmp_path / "pause.dbn", FIRST + timedelta(days=3), 200))
    assert "after 200 days" in refuse(file_of(tmp_path / "first.dbn", (FIRST, 3)))


def test_a_future_may_pause(market_db, tmp_path):
    for name, day in (("first", FIRST), ("later", FIRST + timedelta(days=150))):
        path = tmp_path / f"{name}.dbn"
        ingest(file_of(path, (day, 1), start=FIRST, dataset="GLBX.MDP3", ticker="NQZ3", symbols=("NQZ3",)))
    assert Bar.objects.filter(symbol="NQZ2023").count() == 10
