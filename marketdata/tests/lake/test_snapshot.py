"""The state of a snapshot is the one as of its time."""

from __future__ import annotations

import pytest
from django.core.management import CommandError

from config.testing.builders import bars
from config.testing.processes import session
from config.testing.rows import RUNNING, RUNS, execute, insert
from config.testing.undo import ingest_records
from marketdata.advisory_locks import COMMIT_CLASS
from marketdata.lake import snapshot
from marketdata.lake.snapshot import format_ranges, open_snapshot, parse_ranges


@pytest.mark.parametrize("text", ["", "1", "1-5", "1-5,7,9-12"])
def test_ranges(text):
    assert format_ranges(parse_ranges(text)) == text


def test_a_clock_that_went_back_is_named(lake, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "_ATTEMPTS", 3)
    ingest_records(tmp_path, bars(5))
    execute("UPDATE data_ingest_runs SET finished_at = clock_timestamp() + interval '1 hour'")
    with pytest.raises(
        CommandError, match=r"The database's clock \(.* UTC\) is before the end of run 1 \(.*\): correct"
    ):
        lake.export()


def test_a_commit_that_does_not_end_is_named(lake, monkeypatch):
    monkeypatch.setattr(snapshot, "_COMMIT_SECONDS", 0.1)
    insert(RUNS, id=1, **RUNNING)
    with session() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, 1)", [COMMIT_CLASS])
        with pytest.raises(CommandError, match=r"Run 1 has been committing"):
            lake.export()
        cursor.execute("SELECT pg_advisory_unlock_all()")
    lake.export()


def test_a_run_committed_just_before_the_snapshot_is_in_it(market_db, tmp_path, monkeypatch):
    """Its end is after the first time that was read, so another time is read."""
    settle, times = snapshot._settle, []

    def commit_after():
        times.append(settle())
        if len(times) == 1:
            ingest_records(tmp_path, bars(5))
        return times[-1]

    monkeypatch.setattr(snapshot, "_settle", commit_after)
    with open_snapshot() as found:
        assert found.as_of == times[1]
        assert found.read_runs()[0] == "1"
    assert len(times) == 2


def test_a_truncate_waits_for_the_export(market_db, tmp_path):
    ingest_records(tmp_path, bars(5))
    with open_snapshot() as found, session() as cursor:
        cursor.execute("SET lock_timeout = 100")
        with pytest.raises(Exception, match="lock timeout"):
            cursor.execute("TRUNCATE market_bars_ohlcv_1m")
        found.cursor.execute("SELECT count(*) FROM market_bars_ohlcv_1m")
        assert found.cursor.fetchone() == (5,)
