"""A run is undone exactly, by a run of its own, and bars that later runs changed are skipped and listed."""

import contextlib
import re
import signal
from datetime import date

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from config.testing.builders import FRONT, bars, exact, ingest, several, stored, write
from config.testing.processes import Process, backend_in, series_locked, session, until
from config.testing.undo import (
    MINUTES_PER_DAY,
    change_volume,
    list_all_rows,
    list_bars,
    list_intervals,
    preview_and_undo,
    refuse_undo,
    undo,
)
from ingestion.errors import InputError
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file
from ingestion.undo.pipeline import preview_undo, undo_run
from marketdata.models import Bar, BarRevision, IngestRun
from marketdata.runs.locks import UNDO_DIED, close_orphaned_runs

pytestmark = pytest.mark.ordinary_role

# --- What an undo removes, changes back and keeps --------------------------------------------------------------------


def test_inserted_bars_are_removed_with_their_dates_and_can_be_ingested_again(market_db, file):
    first = file(bars(5))
    second = file(bars(4, first=MINUTES_PER_DAY))
    intervals_before, bars_before = list_intervals()[:1], list_bars()[:5]

    assert preview_and_undo(second) == (4, 0, 0, 0)

    assert (list_bars(), list_intervals()) == (bars_before, intervals_before)
    kept = BarRevision.objects.filter(operation="delete", ingestion_run=second)
    assert kept.count() == 4
    again = file(bars(4, first=MINUTES_PER_DAY))
    assert (again.inserted_count, list_intervals()[1][1:]) == (
        4, (FRONT, date(2024, 1, 3), date(2024, 1, 4), again.pk),
    )  # fmt: skip
    assert first.pk == bars_before[0][7]


def test_changed_bars_get_their_old_values_and_run(market_db, file):
    file(bars(10))
    before = list_bars()
    correction = file(change_volume(bars(12), 2, 3))

    assert preview_and_undo(correction) == (2, 2, 0, 0)

    assert list_bars() == before
    undo_id = IngestRun.objects.latest("pk").pk
    kept = BarRevision.objects.filter(revised_by=undo_id).order_by("ts").values_list("operation", "ingestion_run_id")
    assert list(kept) == [("update", correction.pk)] * 2 + [("delete", correction.pk)] * 2


def test_the_undo_is_a_run_of_its_own(market_db, file):
    run = file(bars(10))
    done = undo_run(run_id=run.pk).run

    done.refresh_from_db()
    assert (done.status, done.undoes_id, done.file_name, done.file_path, done.file_sha256) == (
        "success", run.pk, run.file_name, "", "",
    )  # fmt: skip
    assert (done.symbols, done.dataset, done.row_count) == (run.symbols, run.dataset, 10)
    assert (done.min_ts, done.max_ts) == (run.min_ts, run.max_ts)
    assert list(run.undone_by.all()) == [done]


def test_a_preview_has_no_run_and_writes_none(market_db, file):
    run = file(bars(10))
    before = list_all_rows()
    preview = preview_undo(run_id=run.pk)
    assert (preview.undone, preview.counts.removed, preview.skipped.count, preview.notes) == (run, 10, 0, ())
    assert not hasattr(preview, "run")
    assert list_all_rows() == before


def test_only_the_series_of_the_run_change(market_db, tmp_path):
    two = several(tmp_path / "a.dbn", {"A": bars(3, instrument_id=1), "B": bars(3, first=3, instrument_id=2)})
    ingest(two)
    ingest(write(tmp_path / "mnq.dbn", bars(5)))
    undo(1)
    assert (stored("A"), stored("B"), stored()) == ({}, {}, exact(bars(5)))
    assert [interval[0] for interval in list_intervals()] == ["CME_MINI:MNQ1!"]


def test_a_file_whose_run_was_undone_is_not_skipped(market_db, tmp_path):
    path = write(tmp_path / "a.dbn", bars(5))
    ingest(path)
    ingest(path)
    undo(1)
    ingest(write(tmp_path / "b.dbn", bars(9, first=5), mappings={}), symbol="CME_MINI:MNQ1!")
    assert ingest(path, skip_ingested=True, json=True).json["files"][0]["inserted"] == 5
    assert ingest(path, skip_ingested=True, json=True).json["files"][0]["status"] == "skipped"


# --- Later runs ------------------------------------------------------------------------------------------------------


def test_bars_that_a_later_run_changed_are_skipped_and_listed(market_db, file):
    first = file(bars(10))
    second = file(change_volume(bars(10), 4, 5, 6, 7, 8, 9))
    skipped = list_bars()[4:]

    assert preview_and_undo(first) == (4, 0, 0, 6)

    assert list_bars() == skipped
    assert list_intervals() == [("CME_MINI:MNQ1!", FRONT, date(2024, 1, 2), date(2024, 1, 3), first.pk)]
    [note] = [note for note in preview_undo(run_id=second.pk).notes if "undone" in note]
    assert f"Undo run {first.pk} again" in note


def test_skipped_bars_can_be_undone_once_the_later_run_is(market_db, file):
    first, second = file(bars(10)), file(change_volume(bars(10), 4, 5))
    assert preview_and_undo(first) == (8, 0, 0, 2)
    assert refuse_undo(first.pk).startswith(f"Nothing of run {first.pk} can be undone. Skipped, since later runs")
    assert preview_and_undo(second) == (0, 2, 0, 0)
    assert preview_and_undo(first) == (2, 0, 0, 0)
    assert (list_bars(), list_intervals()) == ([], [])
    last = IngestRun.objects.latest("pk").pk
    assert refuse_undo(first.pk) == f"Run {first.pk} was already undone, by run {last}."


def test_runs_are_undone_last_first(market_db, file):
    first = file(bars(10))
    after_first = list_bars()
    second = file(change_volume(bars(12), 2, 3))
    after_second = list_bars()
    third = file(change_volume(bars(14), 3, 4, by=9))
    assert preview_and_undo(third) == (2, 3, 0, 0)
    assert list_bars() == after_second
    assert preview_and_undo(second) == (2, 2, 0, 0)
    assert list_bars() == after_first
    assert preview_and_undo(first) == (10, 0, 0, 0)
    assert list_bars() == list_intervals() == []


# --- Any order, against a slow replay --------------------------------------------------------------------------------


def empty_tables() -> None:
    """Between Hypothesis' examples, which share one fixture."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE market_bars_ohlcv_1m, market_bar_revisions, market_series_instruments, data_ingest_runs"
            " RESTART IDENTITY"
        )


def expect_refusal(run_id: int, undo: IngestRun | None) -> str:
    """How the refusal of a run begins that is no current value's run. `undo` is the last one of the run."""
    run = IngestRun.objects.get(pk=run_id)
    if undo and not undo.left_count:
        return f"Run {run_id} was already undone, by run {undo.pk}."
    if run_id in {owner for *_, owner in list_intervals()}:
        return f"Nothing of run {run_id} can be undone. Skipped, since later runs"
    if undo:
        return f"Run {run_id} was undone by run {undo.pk}, except for {undo.left_count} bars"
    if run.inserted_count or run.changed_count or run.removed_count:
        return f"Run {run_id} has nothing left to undo"
    return f"Run {run_id} changed nothing"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ingest"), st.integers(0, 5), st.integers(1, 6), st.integers(0, 2)),
        st.tuples(st.just("restate"), st.integers(0, 5), st.integers(1, 6), st.integers(0, 2)),
        st.tuples(st.just("undo"), st.integers(0, 5)),
    ),
    min_size=2,
    max_size=8,
)


@pytest.mark.slow
@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(steps=[("ingest", 0, 3, 0), ("ingest", 0, 2, 1), ("undo", 0), ("undo", 1), ("undo", 0)])
@example(steps=[("ingest", 0, 1, 0), ("ingest", 0, 2, 0), ("undo", 0), ("undo", 1)])
@example(steps=[("ingest", 0, 3, 0), ("ingest", 0, 3, 1), ("ingest", 0, 3, 0), ("undo", 1), ("undo", 2), ("undo", 1)])
@example(steps=[("ingest", 0, 2, 0), ("restate", 0, 1, 0), ("undo", 0), ("undo", 1), ("undo", 0)])
@example(
    steps=[("ingest", 0, 3, 0), *[("restate", 0, 2, 0), ("ingest", 0, 3, 1)] * 2, ("undo", 3), ("undo", 4), ("undo", 1)]
)
def test_undos_in_any_order_agree_with_a_slow_replay(market_db, tmp_path_factory, steps):
    """Each minute has a stack of (run, value), without a value if the run removed the bar as withdrawn. An undo removes
    the run from each stack that has it on top."""
    empty_tables()
    folder = tmp_path_factory.mktemp("steps")
    stacks: dict = {}
    runs: list[int] = []
    undone: dict[int, IngestRun] = {}
    for number, (what, *rest) in enumerate(steps):
        if what != "undo":
            first, count, add = rest
            records = bars(count, first=first)
            records["volume"] += add
            options = IngestOptions(remove_withdrawn=what == "restate")
            run = ingest_file(path=write(folder / f"{number}.dbn", records), options=options).run
            runs.append(run.pk)
            withdrawn = [ts for ts, stack in stacks.items() if stack and stack[-1][1] and ts not in exact(records)]
            assert run.withdrawn_count == len(withdrawn)
            for ts in withdrawn if what == "restate" else ():
                stacks[ts].append((run.pk, None))
            for ts, value in exact(records).items():
                stack = stacks.setdefault(ts, [])
                if not stack or stack[-1][1] != value:
                    stack.append((run.pk, value))
        elif rest[0] < len(runs):
            run_id = runs[rest[0]]
            own = [stack for stack in stacks.values() if stack and stack[-1][0] == run_id]
            if not own:
                expected = [expect_refusal(run_id, undone.get(run_id))]
                if any(stack[-1][1] is None for stack in stacks.values() if stack):
                    expected.append(f"Nothing of run {run_id} can be undone. Skipped, since later runs")
                with pytest.raises(InputError, match=f"^({'|'.join(map(re.escape, expected))})"):
                    undo_run(run_id=run_id)
                continue
            skipped = sum(any(run == run_id for run, _ in stack[:-1]) for stack in stacks.values())
            done = undone[run_id] = undo_run(run_id=run_id).run
            assert (done.row_count, done.left_count) == (len(own), skipped)
            for stack in own:
                stack.pop()
        now = {ts: stack[-1] for ts, stack in stacks.items() if stack and stack[-1][1]}
        values = Bar.objects.values_list("ts", "ingestion_run_id", "open", "high", "low", "close", "volume")
        assert {ts: (run, tuple(value)) for ts, run, *value in values} == now
        assert bool(list_intervals()) == bool(now) or any(stacks.values())


# --- Killed, or at the same time -------------------------------------------------------------------------------------


def test_an_undo_killed_while_it_writes_changes_nothing(market_db, file):
    run = file(bars(5))
    before = list_bars()
    with session() as other:
        other.execute("BEGIN; LOCK TABLE market_bar_revisions IN SHARE MODE")
        with Process(run.pk, command="undo_run") as process:
            backend = until(lambda: backend_in("%INSERT INTO market_bar_revisions%"))
            process.signal(signal.SIGKILL)
            process.end()
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        other.execute("ROLLBACK")
    assert list_bars() == before
    [orphaned] = close_orphaned_runs()
    assert IngestRun.objects.get(pk=orphaned).error == UNDO_DIED


def test_of_two_undos_at_the_same_time_one_is_refused(market_db, file):
    run = file(bars(5))
    with contextlib.ExitStack() as stack:
        with series_locked():
            both = [stack.enter_context(Process(run.pk, command="undo_run")) for _ in range(2)]
            until(lambda: IngestRun.objects.filter(status="running").count() == 2)
        assert sorted(process.end().code for process in both) == [0, 1]
    assert IngestRun.objects.filter(undoes=run, status="success").count() == 1
    assert "was already undone" in IngestRun.objects.get(status="failed").error
