"""One file in, and in again: what must hold of every ingest."""

from marketdata.models import IngestRun

from .builders import bars, exact, ingest, stored, write


def test_a_file_is_stored_exactly_and_the_run_says_so(market_db, tmp_path):
    records = bars(5)
    path = write(tmp_path / "mnq.dbn.zst", records)

    printed = ingest(path)

    assert stored() == exact(records)
    run = IngestRun.objects.get()
    assert (run.status, run.row_count, run.inserted_count, run.updated_count) == ("success", 5, 5, 0)
    assert run.dataset == "mnq_ohlcv_1m"
    assert "✅ INGESTION COMPLETE" in printed.out
    assert "Inserted: 5" in printed.out
