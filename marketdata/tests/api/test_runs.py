"""Ingest runs over REST."""

import pytest
from django.core.management import CommandError
from django.utils import timezone

from config.testing.builders import bars, ingest, write
from config.testing.processes import session
from marketdata.models import IngestRun
from marketdata.runs.locks import lock_run
from marketdata.runs.progress import RunProgress

RUNS = "/api/ingest-runs/"


@pytest.mark.parametrize("address", [RUNS, f"{RUNS}1/"])
def test_runs_require_authentication(market_db, client, address):
    assert client.get(address).status_code == 401


def test_a_run_is_returned_with_all_fields(reader, records, tmp_path):
    bad = tmp_path / "bad.dbn"
    bad.write_bytes(b"rubbish, not market data")
    with pytest.raises(CommandError, match="not a DBN file"):
        ingest(bad)
    body = reader.get(RUNS, {"status": "failed"}).json()
    assert (body["count"], body["results"][0]["file_name"]) == (1, "bad.dbn")
    run = reader.get(f"{RUNS}{body['results'][0]['id']}/").json()
    assert set(run) == {field.name for field in IngestRun._meta.concrete_fields} | {"undone_by", "progress"}
    assert "not a DBN file" in run["error"]
    assert reader.get(f"{RUNS}999/").status_code == 404


def test_a_running_run_has_its_progress(reader, records):
    running = IngestRun.objects.create(file_name="a.dbn", file_path="/a.dbn", started_at=timezone.now())
    address = f"{RUNS}{running.pk}/"
    with session() as other:
        lock_run(other, running.pk)
        assert reader.get(address).json()["progress"] is None
        name = RunProgress("Reading", 30, 60, 7).format_name(running.pk)
        other.execute("SELECT set_config('application_name', %s, false)", [name])
        expected = {"step": "Reading", "bytes_read": 30, "bytes_total": 60, "rows": 7}
        assert reader.get(address).json()["progress"] == expected
        listed = reader.get(RUNS).json()["results"]
        assert [run["progress"] for run in listed] == [expected, None]
    assert reader.get(address).json()["progress"] is None


def test_runs_are_filtered_by_series(reader, records, tmp_path):
    assert reader.get(RUNS, {"series": "mnq", "ordering": "row_count"}).json()["count"] == 1
    assert reader.get(RUNS, {"series": "nope"}).status_code == 404
    cut = write(tmp_path / "cut.dbn", bars(3))
    cut.write_bytes(cut.read_bytes()[:-9])
    with pytest.raises(CommandError, match="cut off"):
        ingest(cut)
    body = reader.get(RUNS, {"series": "mnq", "status": "failed"}).json()
    assert [run["file_name"] for run in body["results"]] == ["cut.dbn"]


def test_runs_are_ordered_only_by_listed_fields(reader, records):
    assert reader.get(RUNS, {"ordering": "password"}).status_code == 400
