"""Reads of the audit trail, from runs inserted with plain SQL."""

from copy import copy

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.testing.rows import FAILED, RUNS, UNDO, execute, insert
from marketdata.models import IngestRun
from marketdata.runs.folding import read_entries_page
from marketdata.runs.query import (
    RUNS_PER_PAGE,
    LastRun,
    find_last_runs,
    find_last_successes,
    find_open_failures,
    find_runs_of_same_file,
    open_failures,
)

MNQ = "CME_MINI:MNQ1!"


def list_ids(runs: list[IngestRun]) -> list[int]:
    return [run.pk for run in runs]


def test_the_last_run_of_each_series_is_found_failed_or_not(db, django_assert_num_queries):
    insert(RUNS, id=1, symbols=["A"])
    for number in range(2, 150):  # more than the newest 100
        insert(RUNS, id=number)
    insert(RUNS, id=150, **FAILED)
    with django_assert_num_queries(1):
        found = find_last_runs([MNQ, "A", "none"])
    assert {symbol: (run.pk, run.status) for symbol, run in found.items()} == {
        MNQ: (150, "failed"),
        "A": (1, "success"),
    }


def test_the_last_success_of_each_symbol_is_found(db):
    insert(RUNS, id=1)
    insert(RUNS, id=2, finished_at="2024-02-01 10:00:06+00", **UNDO)
    insert(RUNS, id=3, **FAILED)
    assert find_last_successes([MNQ, "none"]) == {MNQ: LastRun(2, 1)}
    assert find_last_successes([]) == {}


def test_a_failure_is_open_until_its_file_is_loaded(db):
    insert(RUNS, id=1, **FAILED, file_path="/a", file_sha256="a" * 64)
    insert(RUNS, id=2, **FAILED, file_path="/b", file_sha256="b" * 64)
    insert(RUNS, id=3, **FAILED, file_path="/c", file_sha256="")
    assert list_ids(open_failures()) == [3, 2, 1]
    insert(RUNS, id=4, file_path="/elsewhere", file_sha256="a" * 64)
    insert(RUNS, id=5, file_path="/c", file_sha256="d" * 64)
    assert list_ids(open_failures()) == [2]
    insert(RUNS, id=6, **FAILED, file_path="/c", file_sha256="")
    assert list_ids(open_failures()) == find_open_failures() == [6, 2]


def test_a_path_that_an_undo_does_not_have_is_not_loaded_by_it(db):
    insert(RUNS, id=1)
    insert(RUNS, id=2, **FAILED | {"file_path": "", "file_sha256": ""})
    insert(RUNS, id=3, finished_at="2024-02-01 10:00:06+00", **UNDO)
    assert find_open_failures() == [2]


@pytest.fixture
def many_runs(db):
    """Three thousand runs, of which the last one failed."""
    insert(RUNS, id=1)
    run = IngestRun.objects.get(pk=1)
    runs = [copy(run) for _ in range(2, 3000)]
    for number, one in enumerate(runs, start=2):
        one.pk, one.file_path, one.file_sha256 = number, f"/{number}", f"{number:064x}"
    IngestRun.objects.bulk_create(runs)
    insert(RUNS, id=3000, **FAILED, file_path="/last")
    execute("ANALYZE data_ingest_runs")


def explain(queries: CaptureQueriesContext) -> str:
    """The plans of the statements that read runs."""
    statements = [query["sql"] for query in queries if "data_ingest_runs" in query["sql"]]
    with connection.cursor() as cursor:
        lines = []
        for statement in statements:
            cursor.execute(f"EXPLAIN {statement}")
            lines += [line for (line,) in cursor.fetchall()]
    return "\n".join(lines)


def test_open_failures_cost_what_the_failures_are_not_all_runs(many_runs):
    with CaptureQueriesContext(connection) as queries:
        assert find_open_failures() == [3000]
    assert "Seq Scan" not in explain(queries)


def test_a_page_of_runs_costs_what_its_rows_cost(many_runs):
    with CaptureQueriesContext(connection) as queries:
        assert list_ids(read_entries_page(before=2000)[0]) == list(range(1999, 1984, -1))
    assert len(queries) == 3
    assert "Seq Scan" not in explain(queries)


def test_a_dismissed_failure_needs_no_attention(db):
    dismissed = {"dismissed_at": "2024-02-01 10:00:06+00", "dismissed_by": "alice", "dismissed_reason": "a test"}
    insert(RUNS, id=1, **FAILED, file_path="/a")
    insert(RUNS, id=2, **FAILED, file_path="/b", **dismissed)
    assert list_ids(open_failures()) == [1]


def test_a_failed_undo_is_not_an_open_failure(db):
    insert(RUNS, id=1)
    insert(RUNS, id=2, **(UNDO | FAILED | {"removed_count": 0}))
    assert not open_failures().exists()


def test_pages_of_runs_contain_each_once_newest_first(db):
    for number in range(1, 2 * RUNS_PER_PAGE + 2):
        insert(RUNS, id=number)
    first, before = read_entries_page(before=None)
    second, before_third = read_entries_page(before=before)
    third, end = read_entries_page(before=before_third)
    assert list_ids([*first, *second, *third]) == list(range(2 * RUNS_PER_PAGE + 1, 0, -1))
    assert (len(first), len(second), len(third), end) == (RUNS_PER_PAGE, RUNS_PER_PAGE, 1, None)


def test_a_page_of_a_series_has_only_its_successful_runs(db):
    insert(RUNS, id=1)
    insert(RUNS, id=2, symbols=["A", "B"])
    insert(RUNS, id=3, symbols=["B"], **FAILED)
    assert list_ids(read_entries_page(before=None, symbol="B")[0]) == [2]


def test_a_file_is_the_same_by_its_content_or_else_by_its_path(db):
    insert(RUNS, id=1, file_path="/a")
    insert(RUNS, id=2, file_path="/b")
    insert(RUNS, id=3, file_path="/a", **(FAILED | {"file_sha256": ""}))
    insert(RUNS, id=4, finished_at="2024-02-01 10:00:06+00", **UNDO)
    runs = IngestRun.objects.in_bulk()
    assert [list_ids(find_runs_of_same_file(runs[number])) for number in (1, 2, 3, 4)] == [[2], [1], [1], []]
