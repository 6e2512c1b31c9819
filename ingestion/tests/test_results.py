"""A preview and a load have results of one type, and a run's row has the fields of its load's result."""

import pickle
from dataclasses import FrozenInstanceError, replace

import pytest

from config.testing.builders import bars, several, write
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file, preview_file
from marketdata.models import IngestRun

MANY = IngestOptions(dataset="mine")


def test_a_preview_has_the_result_of_the_load(market_db, tmp_path):
    ingest_file(path=write(tmp_path / "old.dbn", bars(3)))
    records = bars(9)[[0, 1, 1, 4, 8]]
    records["volume"][0] += 1
    path = write(tmp_path / "new.dbn", records)

    preview = preview_file(path=path, options=MANY)
    loaded = ingest_file(path=path, options=MANY)

    assert preview == loaded.result
    assert (preview.row_count, preview.inserted_count, preview.changed_count, preview.duplicate_count) == (5, 2, 1, 1)
    assert preview.withdrawn_count == 1
    assert preview.notes[0] == "Longest gap: 3 minutes after the bar of 2024-01-02 00:04 UTC."
    assert preview.notes[1].startswith("Withdrawn: the table has 1 bar in the file's range")


def test_the_run_records_every_field_of_the_result(market_db, tmp_path):
    path = several(tmp_path / "two.dbn", {"A": bars(3, instrument_id=1), "B": bars(2, instrument_id=2)})

    loaded = ingest_file(path=path)

    fields = loaded.result.to_run_fields()
    assert IngestRun.objects.values(*fields).get(pk=loaded.run.pk) == fields
    assert fields["symbols"] == ["A", "B"]
    assert fields["dataset"] == "glbx_mdp3_ohlcv_1m"


def test_a_result_does_not_change_and_pickles(market_db, tmp_path):
    result = preview_file(path=write(tmp_path / "mnq.dbn", bars(3)))
    with pytest.raises(FrozenInstanceError):
        result.row_count = 4
    assert pickle.loads(pickle.dumps(result)) == result
    assert replace(result, row_count=4) != result
