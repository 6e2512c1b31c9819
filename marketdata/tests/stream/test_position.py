"""Positions among commits in any order: what is visible later was visible before, or is found after the position."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.testing.processes import session
from marketdata.models import IngestRun
from marketdata.runs.commits import announce_commit
from marketdata.runs.locks import lock_run, unlock_run
from marketdata.stream.news import News
from marketdata.stream.position import Position, find_finished, is_known, read_position

STEPS = ("open", "announce", "finish", "commit", "roll back", "look")
SUCCEED = """
UPDATE data_ingest_runs
SET status = 'success', finished_at = greatest(started_at, clock_timestamp()), row_count = 1, inserted_count = 1,
    min_ts = '2024-01-02', max_ts = '2024-01-02', file_sha256 = repeat('0', 64)
WHERE id = %s
"""


class Writer:
    """A run in a session of its own, one step after the other."""

    def __init__(self) -> None:
        self.id, self.step = 0, 0
        self._stack = contextlib.ExitStack()
        self._cursor = self._stack.enter_context(session())

    def go_on(self, *, roll_back: bool) -> None:
        (self._open, self._announce, self._finish, lambda: self._end(roll_back=roll_back))[self.step]()
        self.step += 1

    def _open(self) -> None:
        run = IngestRun.objects.create(file_name="invented", started_at=datetime.now(UTC), symbols=["A"])
        self.id = run.pk
        lock_run(self._cursor, self.id)
        self._cursor.execute("BEGIN")

    def _announce(self) -> None:
        announce_commit(self._cursor, self.id)

    def _finish(self) -> None:
        self._cursor.execute(SUCCEED, [self.id])

    def _end(self, *, roll_back: bool) -> None:
        self._cursor.execute("ROLLBACK" if roll_back else "COMMIT")
        unlock_run(self._cursor, self.id)

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def writers(market_db) -> Iterator[list[Writer]]:
    made = [Writer() for _ in range(4)]
    yield made
    for one in made:
        one.close()


def read_committed() -> set[int]:
    return set(IngestRun.objects.filter(status="success").values_list("pk", flat=True))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=40))
def test_nothing_is_lost_in_any_order_of_commits(writers, steps):
    for one in writers:
        one.step = 0
    IngestRun.objects.all().delete()
    looks: list[tuple[Position, set[int]]] = []
    news, delivered = News(), []
    for number, roll_back in steps:
        if number < len(writers):
            if writers[number].step < 4:
                writers[number].go_on(roll_back=roll_back)
            continue
        looks.append((read_position(), read_committed()))
        runs, position, _ = news.read([])
        delivered += [run.id for run in runs]
        news.accept(runs, position)
    for one in writers:
        while 0 < one.step < 4:
            one.go_on(roll_back=False)
    delivered += [run.id for run in news.read([])[0]]
    committed = read_committed()
    assert sorted(delivered) == sorted(committed), "each run once"
    for position, seen in looks:
        found = {run.id for run in find_finished(Position.parse(str(position)), limit=100, symbol="A")}
        assert committed == seen | found


def test_a_commit_in_progress_holds_the_horizon(writers):
    before = read_position()
    writers[0].go_on(roll_back=False)
    assert read_position().horizon > before.horizon
    writers[0].go_on(roll_back=False)
    held = read_position()
    assert held.horizon < IngestRun.objects.get(pk=writers[0].id).started_at
    assert held.lowest_run <= writers[0].id
    writers[0].go_on(roll_back=False)
    writers[0].go_on(roll_back=False)
    assert read_position().horizon > held.horizon
    assert [run.id for run in find_finished(held, limit=9)] == [writers[0].id]
    assert find_finished(read_position(), limit=9) == []


def test_a_run_of_a_process_that_died_holds_nothing(market_db):
    IngestRun.objects.create(file_name="invented", started_at=datetime.now(UTC) - timedelta(days=9))
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('data_ingest_runs_id_seq', 50000)")
    IngestRun.objects.create(
        file_name="invented", started_at=datetime.now(UTC), finished_at=datetime.now(UTC), status="failed", error="x"
    )
    assert read_position().lowest_run > 10_000


@pytest.mark.parametrize("text", ["", "x", "1", "1.", ".1", "-1.1", "1.1.1", "٣.1", "1" * 18 + ".1", "1.1\n2"])
def test_other_texts_are_no_positions(text):
    assert Position.parse(text) is None


def test_positions_of_other_databases_are_not_known(market_db):
    now = read_position()
    assert is_known(now, now)
    assert not is_known(Position(now.horizon + timedelta(hours=1), 1), now)
    assert not is_known(Position(now.horizon, now.lowest_run + 10_000), now)
