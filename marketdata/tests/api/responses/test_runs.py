"""Responses with ingest runs, as described."""

import pytest

from config.testing.rows import RUNNING, RUNS, insert

ADDRESS = "/api/ingest-runs/"


@pytest.mark.parametrize(
    "parameters",
    [{}, {"limit": 1, "offset": 1}, {"offset": 500}, {"status": "failed"}, {"series": "mnq", "ordering": "row_count"}],
)
def test_pages_of_runs_are_as_described(check, history, parameters):
    assert list(check(ADDRESS, parameters).json()) == ["count", "results"]


def test_runs_of_every_kind_and_status_are_as_described(check, history, monkeypatch):
    monkeypatch.setattr("marketdata.api.runs.close_orphaned_runs", lambda: None)
    insert(RUNS, **RUNNING, id=101)
    runs = check(ADDRESS).json()["results"]
    assert {(run["kind"], run["status"]) for run in runs} == {
        ("file", "success"), ("undo", "success"), ("file", "failed"), ("file", "running"),
    }  # fmt: skip
    for run in runs:
        assert check(f"{ADDRESS}{run['id']}/").json() == run
