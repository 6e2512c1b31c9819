"""Everything that would write bars of an archived year is refused, and names the year and the way out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError

from config.testing.builders import FRONT, at, write
from config.testing.database.archive import archive as archive_by_statements
from config.testing.earlier_version import build_history
from config.testing.undo import refuse_undo, undo
from ingestion.errors import IngestError
from ingestion.feeds.history.planning.find import find_plan
from ingestion.feeds.history.planning.vendor_days import Available
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file, preview_file
from ingestion.split.pipeline import preview_split
from ingestion.tests.archive.conftest import MNQ, Archive, bars_on, ingest_days, read_all, read_derived, run_command
from marketdata.models import Bar, IngestRun, Series

WAY_OUT = "run restore_year 2024 first"


@pytest.fixture
def archived(archive) -> Archive:
    archive.run()
    return archive


def refuse(action: Callable[[], object]) -> str:
    """The message of an action that must be refused, and change no bar."""
    before, derived = read_all(), read_derived()
    derived.pop("data_ingest_runs")
    with pytest.raises(IngestError) as refused:
        action()
    after = read_derived()
    after.pop("data_ingest_runs")
    assert (read_all(), after) == (before, derived)
    return str(refused.value)


def write_file(folder: Path, *days: date, start: date, end: date, instrument: int = FRONT) -> Path:
    records = np.concatenate([bars_on(day) for day in days])
    records["instrument_id"] = instrument
    mappings = {"MNQ.c.0": [(start, end, instrument)]}
    return write(folder / "other.dbn", records, mappings=mappings, start=at(0, day=start), end=at(0, day=end))


@pytest.mark.parametrize("load", [ingest_file, preview_file])
@pytest.mark.parametrize("day", [date(2024, 1, 3), date(2024, 6, 6), date(2024, 12, 31)])
def test_a_file_with_rows_of_the_year(archived, tmp_path, load, day):
    path = write_file(tmp_path, day, start=date(2024, 1, 1), end=date(2025, 1, 1))
    message = refuse(lambda: load(path=path))
    assert "has bars of 2024, which is archived in the lake" in message
    assert WAY_OUT in message


def test_a_file_beside_the_year(archived, tmp_path):
    assert ingest_days(tmp_path, date(2023, 12, 31), date(2025, 1, 1)).inserted_count == 240


@pytest.mark.parametrize("load", [ingest_file, preview_file])
def test_withdrawn_bars_of_the_year(archived, tmp_path, load):
    path = write_file(tmp_path, date(2023, 1, 3), start=date(2023, 1, 1), end=date(2024, 3, 1))
    message = refuse(lambda: load(path=path, options=IngestOptions(remove_withdrawn=True)))
    assert f"does not have the bars of {MNQ} in 2024" in message
    assert f"{WAY_OUT}, or load it without --remove-withdrawn" in message
    load(path=path)
    assert {row[3].year for row in read_all()} == {2023, 2025}


def test_withdrawn_bars_beside_the_year(archived, tmp_path):
    path = write_file(tmp_path, date(2023, 1, 3), start=date(2023, 1, 1), end=date(2024, 1, 1))
    run = ingest_file(path=path, options=IngestOptions(remove_withdrawn=True)).run
    assert run.removed_count == 120


@pytest.mark.parametrize("load", [ingest_file, preview_file])
def test_another_instrument_on_dates_of_the_year(archived, tmp_path, load):
    path = write_file(tmp_path, date(2023, 11, 5), start=date(2023, 11, 1), end=date(2024, 2, 1), instrument=FRONT + 1)
    options = IngestOptions(replace_instrument=True)
    run = load(path=path, options=options)  # its rows are of 2023 only, and so are the dates that it replaces
    assert run is not None
    both = write_file(tmp_path, date(2024, 1, 3), start=date(2024, 1, 1), end=date(2024, 2, 1), instrument=FRONT + 1)
    assert WAY_OUT in refuse(lambda: load(path=both, options=options))


@pytest.mark.parametrize("drop", [False, True])
def test_an_undo(archived, drop):
    if drop:
        archived.run(drop=True)
    runs = {run.min_ts.year: run for run in IngestRun.objects.all()}
    for dry_run in (True, False):
        message = refuse_undo(runs[2024].pk, dry_run=dry_run)
        assert f"Run {runs[2024].pk} has bars or changes in 2024, which is archived in the lake: {WAY_OUT}." in message
    undo(runs[2023].pk)
    archived.restore()
    undo(runs[2024].pk)
    assert {row[3].year for row in read_all()} == {2025}


def test_an_undo_of_a_run_that_removed_all_bars_of_a_year(archive, tmp_path):
    path = write_file(tmp_path, date(2023, 1, 3), start=date(2023, 1, 1), end=date(2024, 12, 1))
    removing = ingest_file(path=path, options=IngestOptions(remove_withdrawn=True)).run
    assert not Bar.objects.filter(ts__year=2024).exists()
    ingest_days(tmp_path, date(2024, 7, 7))
    archive.export(since_last=True)
    archive.run()
    assert WAY_OUT in refuse_undo(removing.pk)


def test_a_split(market_db, tmp_path):
    build_history(tmp_path)
    archive_by_statements(2014, tmp_path / "lake")
    before = read_all()
    refused = preview_split().refused
    assert {split.series.slug for split in refused} == {"nqh5", "nqm5"}
    assert all("in 2014, which is archived in the lake: run restore_year 2014 first" in one.refusal for one in refused)
    with pytest.raises(CommandError):
        run_command("split_contracts")
    assert read_all() == before


def test_the_undo_of_a_split(market_db, tmp_path):
    build_history(tmp_path)
    run_command("split_contracts")
    archive_by_statements(2014, tmp_path / "lake")
    split = IngestRun.objects.get(kind="split")
    for dry_run in (True, False):
        assert "which is archived in the lake: run restore_year 2014 first" in refuse_undo(split.pk, dry_run=dry_run)


def test_a_backfill_buys_nothing_of_the_year(archived):
    Series.objects.filter(slug="mnq").update(feed_symbol="MNQ.c.0", feed_stype="continuous")
    series = Series.objects.get(slug="mnq")
    available = {series.dataset: Available(datetime(2023, 1, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC))}
    for is_verified in (False, True):
        plan = find_plan([series], available, is_verified=is_verified)
        [one] = plan.series
        years = {moment.year for request in one.requests for moment in (request.start, request.end)}
        assert years - {2024} == {2023, 2025}
        assert not any(request.start.year == 2024 for request in one.requests)
        assert not any(unverified.start.year == 2024 for unverified in one.unverified)
        assert "2024 is archived and counts as present: nothing of it is bought." in one.notes
    archived.restore()
    [one] = find_plan([series], available).series
    assert any(request.start.year == 2024 for request in one.requests)
    assert not any("archived" in note for note in one.notes)
