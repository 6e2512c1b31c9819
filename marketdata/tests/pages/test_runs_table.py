"""The table of runs."""

import pytest

from config.testing.web.pages import create_failed_run, create_successful_run
from marketdata.models import Series
from marketdata.pages.runs_table import build_runs_table
from marketdata.runs.query import RUNS_PER_PAGE

EMPTY = "No file has been ingested yet."


def test_an_empty_table_states_whether_newer_runs_exist(market_db):
    table = build_runs_table(before=None, empty=EMPTY)
    assert (table.rows, table.empty, table.has_pages) == ([], EMPTY, False)
    older = build_runs_table(before=1, empty=EMPTY)
    assert (older.empty, older.has_pages) == ("There are no older runs.", True)


def test_the_next_page_continues_where_the_table_ends(market_db):
    for _ in range(RUNS_PER_PAGE + 1):
        create_successful_run()
    first = build_runs_table(before=None, empty=EMPTY)
    second = build_runs_table(before=first.older, empty=EMPTY)
    assert (first.has_pages, second.has_pages, second.older) == (True, True, None)
    assert second.rows[0].pk == first.rows[-1].pk - 1


@pytest.mark.parametrize("removed", [0, 3])
def test_removed_bars_have_a_column_if_a_run_removed_some(market_db, removed):
    create_successful_run()
    create_successful_run(removed_count=removed, replace_instrument=True)
    table = build_runs_table(before=None, empty=EMPTY)
    assert table.has_removed == bool(removed)
    assert [row.removed_kind for row in table.rows] == ["removed" if removed else "removed none", "removed none"]


def test_a_series_has_only_the_runs_that_wrote_to_it(market_db):
    create_failed_run()
    create_successful_run(symbols=["OTHER"])
    written = create_successful_run()
    table = build_runs_table(before=None, series=Series.objects.get(slug="mnq"), empty=EMPTY)
    assert [row.pk for row in table.rows] == [written.pk]
