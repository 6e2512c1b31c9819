"""Commits in progress, as another session announces them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.testing.history import ADDRESS
from config.testing.processes import session
from config.testing.rows import BARS, RUNNING, RUNS, insert
from marketdata.runs.commits import CommitInProgress, announce_commit, read_database_time, wait_for_commits
from marketdata.tests.bars.conftest import reader  # noqa: F401

SECOND = timedelta(seconds=1)


@pytest.fixture
def committing(market_db, monkeypatch):
    """Run 2 has started a second ago, and its commit does not end. Yields the session that commits."""
    monkeypatch.setattr(wait_for_commits, "__kwdefaults__", {"seconds": 0.1})
    insert(RUNS, id=1)
    insert(BARS, ingestion_run_id=1)
    insert(RUNS, **RUNNING | {"id": 2, "started_at": read_database_time() - SECOND})
    with session() as other:
        other.execute("BEGIN")
        announce_commit(other, 2)
        yield other


def test_a_read_waits_only_for_runs_that_may_have_finished_by_its_time(committing):
    wait_for_commits(read_database_time() - 2 * SECOND)
    with pytest.raises(CommitInProgress) as error:
        wait_for_commits(read_database_time())
    assert error.value.run_id == 2
    committing.execute("ROLLBACK")
    wait_for_commits(read_database_time())


def test_the_api_responds_503_with_the_time_to_wait(committing, reader):  # noqa: F811
    for parameters in ({}, {"format": "csv"}):
        response = reader.get(ADDRESS, {"as_of": read_database_time().isoformat(), **parameters})
        assert (response.status_code, response["Retry-After"]) == (503, "2")
        assert response.json()["detail"].startswith("Run 2 is being committed, so the bars as of this time are not")
    earlier = reader.get(ADDRESS, {"as_of": (read_database_time() - 2 * SECOND).isoformat()})
    assert earlier.status_code == 200
    assert reader.get(ADDRESS).status_code == 200


def test_the_clock_of_the_web_server_does_not_matter(market_db, reader, monkeypatch):  # noqa: F811
    now = read_database_time()
    monkeypatch.setattr("django.utils.timezone.now", lambda: now + timedelta(hours=1))
    response = reader.get(ADDRESS, {"as_of": (now + timedelta(minutes=1)).isoformat()})
    assert (response.status_code, list(response.json())) == (400, ["as_of"])
    monkeypatch.setattr("django.utils.timezone.now", lambda: now - timedelta(hours=1))
    assert reader.get(ADDRESS, {"as_of": now.isoformat()}).status_code == 200
