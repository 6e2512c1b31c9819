"""Rows of series and runs."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from config.testing.builders import bars, ingest, write_filled
from config.testing.web.pages import RUN_TIME
from marketdata.models import IngestRun, Series
from marketdata.pages.presenters import Moment, RunRow, build_series_row, build_series_rows, moment


def test_an_empty_series_states_the_reason(market_db, tmp_path, capsys):
    mnq = Series.objects.get(slug="mnq")
    assert build_series_row(mnq).empty_reason == "No data ingested yet"
    ingest(write_filled(tmp_path / "mnq.dbn", bars(3)))
    call_command("undo_run", 1)
    assert build_series_row(mnq).empty_reason == "Empty: run 2 undid run 1"
    ingest(write_filled(tmp_path / "mnq.dbn", bars(3)))
    assert build_series_row(mnq).first.minute == "2024-01-02 00:00"
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM market_bars_ohlcv_1m")
    [row] = build_series_rows([mnq])
    assert (row.empty_reason, row.strip) == ("Empty: its bars were deleted after run 3", None)


def test_a_moment_is_formatted_in_utc():
    shown = Moment(RUN_TIME)
    assert (shown.minute, shown.second) == ("2024-03-01 12:00", "2024-03-01 12:00:00")
    assert shown.iso == "2024-03-01T12:00:00+00:00"
    assert moment(None) is None


@pytest.mark.parametrize(
    ("duration", "text"),
    [(timedelta(seconds=1.25), "1.2 s"), (timedelta(seconds=119), "119.0 s"), (timedelta(minutes=5), "5 min")],
)
def test_a_long_duration_is_shown_in_minutes(duration, text):
    run = IngestRun(started_at=RUN_TIME, finished_at=RUN_TIME + duration)
    assert RunRow(run).duration == text


def test_a_running_run_has_no_duration():
    assert RunRow(IngestRun(started_at=RUN_TIME)).duration == ""


def test_counts_of_an_undo_differ_from_those_of_an_ingest():
    counts = {"removed_count": 1_000, "changed_count": 2, "inserted_count": 3, "left_count": 4}
    assert [count[:2] for count in RunRow(IngestRun(undoes_id=1, **counts)).counts] == [
        ("Removed", "1,000"),
        ("Changed", "2"),
        ("Inserted", "3"),
        ("Skipped", "4"),
    ]
    ingested = RunRow(IngestRun(row_count=9, **counts)).counts
    assert ingested[0] == ("Rows loaded", "9", "from the file")
    assert len(ingested) == 8


def test_removed_bars_are_of_the_replaced_instrument_or_withdrawn():
    def describe(**options):
        counts = RunRow(IngestRun(removed_count=2, withdrawn_count=1, **options)).counts
        assert ("Withdrawn", "1", "stored bars of the file’s range that it does not have") in counts
        return {name: meaning for name, _, meaning in counts}["Removed"]

    assert describe() == describe(replace_instrument=True) == "bars of the replaced instrument"
    assert describe(remove_withdrawn=True) == "withdrawn bars"
    assert (
        describe(remove_withdrawn=True, replace_instrument=True) == "withdrawn bars and bars of the replaced instrument"
    )
