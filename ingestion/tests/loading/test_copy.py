"""New rows go directly into the table, possibly stored ones through staging, with the same result."""

import numpy as np
import pytest
from django.core.management import CommandError

from config.testing.builders import at, bars, exact, ingest, several, stored, write
from ingestion import pipeline
from ingestion.dbn import records as records_module
from ingestion.errors import DatabaseFailure, InvalidBars
from ingestion.loading.overlap import StoredRanges
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file
from marketdata.models import Bar, IngestRun


@pytest.fixture
def copied(monkeypatch):
    """How many rows were copied directly and how many were staged: {"new": …, "staged": …}."""
    seen = {"new": 0, "staged": 0}

    def counted(kind, copy):
        def count_and_copy(cursor, rows, *table):
            seen[kind] += rows.count
            copy(cursor, rows, *table)

        return count_and_copy

    monkeypatch.setattr(pipeline, "copy_new_bars", counted("new", pipeline.copy_new_bars))
    monkeypatch.setattr(pipeline, "copy_staged_bars", counted("staged", pipeline.copy_staged_bars))
    return seen


def test_a_range_without_bars_needs_no_staging(market_db, tmp_path, copied):
    run = ingest_file(path=write(tmp_path / "mnq.dbn", bars(9))).run
    assert copied == {"new": 9, "staged": 0}
    assert stored() == exact(bars(9))
    assert (run.inserted_count, run.updated_count) == (9, 0)


@pytest.mark.parametrize("end", [at(5), at(4), None], ids=["exclusive", "last bar's own time", "undefined"])
def test_only_rows_within_the_stored_range_are_staged(market_db, tmp_path, copied, end):
    ingest_file(path=write(tmp_path / "two.dbn", bars(3, first=2)[[0, 2]]))
    copied.update(new=0)
    run = ingest_file(path=write(tmp_path / "all.dbn", bars(5), start=at(0), end=end)).run
    assert copied == {"new": 2, "staged": 3}
    assert (run.inserted_count, run.updated_count, run.changed_count) == (3, 2, 0)
    assert stored() == exact(bars(5))
    assert {bar.ingestion_run_id for bar in Bar.objects.all()} == {run.pk - 1, run.pk}


def test_a_bar_outside_the_files_range_does_not_matter(market_db, tmp_path, copied):
    ingest_file(path=write(tmp_path / "one.dbn", bars(1, first=9)))
    ingest_file(path=write(tmp_path / "all.dbn", bars(5), start=at(0), end=at(8)))
    assert copied["staged"] == 0
    assert Bar.objects.count() == 6


def test_a_row_outside_the_metadatas_range_is_refused(market_db, tmp_path):
    with pytest.raises(CommandError, match="outside the file's range"):
        ingest(write(tmp_path / "outside.dbn", bars(5), start=at(0), end=at(2)))
    assert (Bar.objects.count(), IngestRun.objects.get().status) == (0, "failed")


def test_symbols_of_all_lengths_are_copied(market_db, tmp_path, copied):
    parts = {
        "A": bars(4, instrument_id=1),
        "NQ  SPREAD": bars(3, instrument_id=2, base=-5),
        "MNQZ4-MNQ": bars(5, instrument_id=3),
    }
    ingest_file(path=several(tmp_path / "many.dbn.zst", parts))
    assert copied == {"new": 12, "staged": 0}
    assert {symbol: stored(symbol) for symbol in parts} == {symbol: exact(records) for symbol, records in parts.items()}


def test_repeated_rows_are_copied_once(market_db, tmp_path, copied):
    run = ingest_file(path=write(tmp_path / "mnq.dbn", np.repeat(bars(3), 2))).run
    assert copied == {"new": 3, "staged": 0}
    assert (run.row_count, run.inserted_count, run.duplicate_count) == (6, 3, 3)


def test_a_requested_symbol_may_have_any_letters(market_db, tmp_path, copied):
    ingest_file(path=write(tmp_path / "mnq.dbn", bars(3)), options=IngestOptions(symbol="µ-Ωmega 1!"))
    assert copied == {"new": 3, "staged": 0}
    assert stored("µ-Ωmega 1!") == exact(bars(3))


def test_each_series_has_its_own_stored_range(market_db, tmp_path, copied):
    parts = {"A": bars(6, instrument_id=1), "B": bars(6, instrument_id=2), "C": bars(6, instrument_id=3)}
    ingest_file(path=several(tmp_path / "before.dbn", {"A": parts["A"][:2], "B": parts["B"][3:5]}))
    copied.update(new=0)
    changed = {symbol: records.copy() for symbol, records in parts.items()}
    changed["B"]["volume"][4] += 1
    run = ingest_file(path=several(tmp_path / "all.dbn", changed)).run
    assert copied == {"new": 4 + 4 + 6, "staged": 2 + 2}
    assert (run.inserted_count, run.updated_count, run.changed_count) == (14, 4, 1)
    assert {symbol: stored(symbol) for symbol in parts} == {
        symbol: exact(records) for symbol, records in changed.items()
    }


def test_a_preview_writes_nothing_and_counts_the_same(market_db, tmp_path, copied):
    ingest_file(path=write(tmp_path / "one.dbn", bars(1, first=4)))
    copied.update(new=0)
    path = write(tmp_path / "all.dbn", bars(8))
    preview = pipeline.preview_file(path=path)
    assert copied == {"new": 0, "staged": 8}
    assert (preview.inserted_count, preview.updated_count) == (7, 1)
    assert (Bar.objects.count(), IngestRun.objects.count()) == (1, 1)


def test_a_file_refused_after_rows_were_copied_leaves_none(market_db, tmp_path, copied, monkeypatch):
    monkeypatch.setattr(records_module.RecordReader.read_batches, "__defaults__", (4,))
    records = bars(20)
    records["high"][17] = records["low"][17] - 1
    with pytest.raises(InvalidBars, match="row 18"):
        ingest_file(path=write(tmp_path / "bad.dbn", records))
    assert copied["new"] >= 8
    assert (Bar.objects.count(), IngestRun.objects.get().status) == (0, "failed")


def test_a_program_that_ignores_the_locks_is_reported(market_db, tmp_path, monkeypatch):
    path = write(tmp_path / "mnq.dbn", bars(5))
    ingest_file(path=path)
    # As if that program had stored them after the stored ranges were read.
    monkeypatch.setattr(pipeline, "find_stored_ranges", lambda *_: StoredRanges())
    with pytest.raises(DatabaseFailure, match="stored bars of these series while the file was read"):
        ingest_file(path=path)
    assert IngestRun.objects.get(status="failed").file_sha256
    assert stored() == exact(bars(5))
