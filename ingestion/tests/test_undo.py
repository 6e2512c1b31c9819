"""A run is taken back exactly, as a run of its own, and what later runs built on it is left and named."""

import contextlib
import io
import json
import signal
from datetime import date

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingestion.pipeline import IngestOptions, ingest_file
from ingestion.undo import preview_undo, undo_run
from marketdata.live_runs import UNDO_DIED, close_dead_runs, hold_run
from marketdata.models import Bar, BarRevision, IngestRun, SeriesInstrument

from .builders import FRONT, MIDNIGHT, Printed, bars, exact, ingest, several, stored, write
from .processes import Process, backend_in, series_locked, session, until

pytestmark = pytest.mark.ordinary_role

NEXT = FRONT + 1
DAY = 1440
REPLACE = IngestOptions(replace_instrument=True)
COUNTS = ("removed_count", "changed_count", "inserted_count", "left_count")


def undo(run_id: int, **options) -> Printed:
    """Run the command in this process. Raises `CommandError` as the command line would show it."""
    out, err = io.StringIO(), io.StringIO()
    call_command("undo_run", str(run_id), stdout=out, stderr=err, **options)
    return Printed(out.getvalue(), err.getvalue())


def refused(run_id: int, **options) -> str:
    with pytest.raises(CommandError) as refusal:
        undo(run_id, **options)
    assert refusal.value.returncode == 1
    return str(refusal.value)


def counts(run: IngestRun) -> tuple[int, ...]:
    return tuple(getattr(run, name) for name in COUNTS)


def taken_back(run: IngestRun) -> tuple[int, ...]:
    """Preview, undo, and see that the preview wrote nothing and said the same. Returns the counts."""
    before = everything()
    preview = preview_undo(run_id=run.pk)
    assert everything() == before
    done = undo_run(run_id=run.pk)
    assert counts(preview.run) == counts(done.run) == counts(IngestRun.objects.get(pk=done.run.pk))
    assert (preview.left, preview.notes) == (done.left, done.notes)
    return counts(done.run)


def rows() -> list[tuple]:
    """Every bar with its provenance."""
    names = ("symbol", "ts", "open", "high", "low", "close", "volume", "ingestion_run_id", "created_at")
    return sorted(Bar.objects.values_list(*names))


def everything() -> list:
    return [sorted(map(repr, table.objects.values())) for table in (Bar, BarRevision, IngestRun, SeriesInstrument)]


def spells() -> list[tuple]:
    rows = SeriesInstrument.current.order_by("series__symbol", "start_date", "instrument_id")
    return list(rows.values_list("series__symbol", "instrument_id", "start_date", "end_date", "run"))


def changed(records: np.ndarray, *minutes: int, by: int = 7) -> np.ndarray:
    again = records.copy()
    again["volume"][list(minutes)] += by
    return again


@pytest.fixture
def file(tmp_path):
    """Writes the records to a file of their own and ingests it."""
    numbers = iter(range(1000))

    def take(records: np.ndarray, *, options: IngestOptions | None = None) -> IngestRun:
        path = tmp_path / f"{next(numbers)}.dbn"
        instruments = sorted(set(records["instrument_id"].tolist()))
        mappings = {"MNQ.c.0": [(date(2024, 1, 1), date(2024, 2, 1), instruments[0])]} if len(instruments) == 1 else {}
        return ingest_file(path=write(path, records, mappings=mappings), options=options)

    return take


# --- What goes, what returns -----------------------------------------------------------------------------------------


def test_what_a_run_inserted_goes_with_its_days_and_may_come_again(market_db, file):
    first = file(bars(5))
    second = file(bars(4, first=DAY))
    before_spells, before = spells()[:1], rows()[:5]

    assert taken_back(second) == (4, 0, 0, 0)

    assert (rows(), spells()) == (before, before_spells)
    kept = BarRevision.objects.filter(operation="delete", ingestion_run=second)
    assert kept.count() == 4
    again = file(bars(4, first=DAY))
    assert (again.inserted_count, spells()[1][1:]) == (4, (FRONT, date(2024, 1, 3), date(2024, 1, 4), again.pk))
    assert first.pk == before[0][7]


def test_what_a_run_changed_has_its_old_values_and_provenance(market_db, file):
    file(bars(10))
    before = rows()
    correction = file(changed(bars(12), 2, 3))

    assert taken_back(correction) == (2, 2, 0, 0)

    assert rows() == before
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
    assert (run.kind, done.kind) == ("file", "undo")
    assert (done.symbols, done.dataset, done.row_count) == (run.symbols, run.dataset, 10)
    assert (done.min_ts, done.max_ts) == (run.min_ts, run.max_ts)
    assert list(run.undone_by.all()) == [done]


def test_only_the_series_of_the_run_are_touched(market_db, tmp_path):
    two = several(tmp_path / "a.dbn", {"A": bars(3, instrument_id=1), "B": bars(3, first=3, instrument_id=2)})
    ingest(two)
    ingest(write(tmp_path / "mnq.dbn", bars(5)))
    undo(1)
    assert (stored("A"), stored("B"), stored()) == ({}, {}, exact(bars(5)))
    assert [spell[0] for spell in spells()] == ["CME_MINI:MNQ1!"]


# --- Later runs ------------------------------------------------------------------------------------------------------


def test_what_a_later_run_changed_is_left_and_named(market_db, file):
    first = file(bars(10))
    second = file(changed(bars(10), 4, 5, 6, 7, 8, 9))
    left = rows()[4:]

    assert taken_back(first) == (4, 0, 0, 6)

    assert rows() == left
    assert spells() == [("CME_MINI:MNQ1!", FRONT, date(2024, 1, 2), date(2024, 1, 3), first.pk)]
    [note] = [note for note in preview_undo(run_id=second.pk).notes if "undone" in note]
    assert f"Undo run {first.pk} again" in note


def test_the_note_names_the_first_few_and_the_runs(market_db, file):
    first = file(bars(10))
    second, third = file(changed(bars(7), *range(7))), file(changed(bars(10), 8))
    printed = undo(first.pk, dry_run=True).out
    assert f"8 bars, for run {second.pk} (7), run {third.pk} (1): CME_MINI:MNQ1! 2024-01-02 00:00 UTC" in printed
    assert "00:04 UTC" in printed
    assert "00:05 UTC" not in printed
    assert "; and 3 more. To take them back too, undo those runs" in printed


def test_what_was_left_can_be_taken_back_once_the_later_run_is(market_db, file):
    first, second = file(bars(10)), file(changed(bars(10), 4, 5))
    assert taken_back(first) == (8, 0, 0, 2)
    assert "but for 2 bars" not in refused(first.pk)
    assert taken_back(second) == (0, 2, 0, 0)
    assert taken_back(first) == (2, 0, 0, 0)
    assert (rows(), spells()) == ([], [])
    assert refused(first.pk) == f"Run {first.pk} was taken back already, by run {IngestRun.objects.latest('pk').pk}."


def test_runs_are_taken_back_last_first(market_db, file):
    first = file(bars(10))
    after_first = rows()
    second = file(changed(bars(12), 2, 3))
    after_second = rows()
    third = file(changed(bars(14), 3, 4, by=9))
    assert taken_back(third) == (2, 3, 0, 0)
    assert rows() == after_second
    assert taken_back(second) == (2, 2, 0, 0)
    assert rows() == after_first
    assert taken_back(first) == (10, 0, 0, 0)
    assert rows() == spells() == []


def test_bars_that_later_runs_confirmed_go_and_those_runs_are_named(market_db, file):
    first, second, third = file(bars(10)), file(bars(3)), file(bars(3, first=20))
    printed = undo(first.pk).out
    assert f"go too: run {second.pk} (1.dbn). Ingest those files again" in printed
    assert f"run {third.pk}" not in printed
    assert stored() == exact(bars(3, first=20))


# --- A run that replaced another instrument --------------------------------------------------------------------------


def days(*numbers: int, instrument_id: int = FRONT, first: int = 0, count: int = 5) -> np.ndarray:
    """`count` bars a day on these days of January."""
    parts = [bars(count, first=(number - 2) * DAY + first, instrument_id=instrument_id) for number in numbers]
    return np.concatenate(parts)


def test_what_was_replaced_stands_again(market_db, file):
    first = file(days(2, 3, 4))
    before, before_spells = stored(), spells()
    second = file(days(3, instrument_id=NEXT, first=3), options=REPLACE)

    assert taken_back(second) == (3, 0, 3, 0)

    assert (stored(), spells()) == (before, before_spells)
    assert not SeriesInstrument.objects.exclude(replaced_by=None).exists()
    again = file(days(2, 3, 4))
    assert (again.updated_count, again.changed_count) == (15, 0)
    assert set(Bar.objects.values_list("ingestion_run", flat=True)) == {first.pk}


def test_bars_with_the_same_values_do_not_hide_that_the_instrument_was_replaced(market_db, file):
    file(days(2, 3))
    before = rows(), spells()
    second = file(days(3, instrument_id=NEXT), options=REPLACE)
    assert second.changed_count == 0
    assert (rows(), spells()) != before
    assert taken_back(second) == (0, 0, 0, 0)
    assert (rows(), spells()) == before


def test_replacing_back_and_forth_is_taken_back_in_turn(market_db, file):
    states, runs = [], []
    for records in (days(2, 3, 4), days(3, 4, instrument_id=NEXT, first=2), days(4, first=1), days(3, instrument_id=7)):
        states.append((stored(), spells()))
        runs.append(file(records, options=REPLACE))
    for run, state in zip(reversed(runs), reversed(states), strict=True):
        undo_run(run_id=run.pk)
        assert (stored(), spells()) == state


def test_days_that_a_later_run_gave_to_another_instrument_are_held(market_db, file):
    """Old values of one contract must not return between the bars of another."""
    file(days(2, 3))
    second = file(changed(days(2, 3), 0, 6))
    replacing = changed(days(2, 3), 0, 6)[5:].copy()
    replacing["instrument_id"] = NEXT
    third = file(replacing, options=REPLACE)
    before = rows()

    assert taken_back(second) == (0, 1, 0, 1)

    assert rows()[5:] == before[5:]
    assert [spell[1:4] for spell in spells()][1:] == [(NEXT, date(2024, 1, 3), date(2024, 1, 4))]
    undo_run(run_id=third.pk)
    assert taken_back(second) == (0, 1, 0, 0)
    assert stored() == exact(days(2, 3))


def test_a_day_that_a_later_run_went_on_with_keeps_its_instrument(market_db, file):
    file(days(2, 3, 4))
    second = file(days(3, 4, instrument_id=NEXT, first=3), options=REPLACE)
    third = file(days(4, instrument_id=NEXT, first=10))

    assert taken_back(second) == (3, 0, 3, 6)

    behind = {(spell[1], spell[2]) for spell in spells()}
    assert (NEXT, date(2024, 1, 4)) in behind
    assert (NEXT, date(2024, 1, 3)) not in behind
    assert {ts.minute for ts in stored() if ts.day == 4} == {3, 4, 5, 6, 7, 10, 11, 12, 13, 14}
    undo_run(run_id=third.pk)
    undo_run(run_id=second.pk)
    assert stored() == exact(days(2, 3, 4))
    assert [spell[1:4] for spell in spells()] == [(FRONT, date(2024, 1, 2), date(2024, 1, 5))]


# --- What cannot be undone -------------------------------------------------------------------------------------------


def test_refusals(market_db, file, tmp_path):
    assert refused(99).startswith("There is no run 99")
    first, same = file(bars(5)), file(bars(5))
    assert refused(same.pk).startswith(f"Run {same.pk} changed nothing")
    with pytest.raises(CommandError):
        ingest(tmp_path / "missing.dbn")
    failed = IngestRun.objects.latest("pk")
    assert refused(failed.pk) == (
        f"Run {failed.pk} failed, so nothing of it was stored and there is nothing to take back."
    )
    undo(first.pk)
    done = IngestRun.objects.latest("pk")
    assert "is an undo itself, of run 1 (0.dbn)" in refused(done.pk)
    assert refused(first.pk) == f"Run {first.pk} was taken back already, by run {done.pk}."
    assert IngestRun.objects.latest("pk") == done


def test_a_run_of_which_nothing_is_left_cannot_be_undone(market_db, file):
    first = file(bars(3))
    second = file(changed(bars(3), 0, 1, 2))
    before = rows(), spells()
    for dry_run in (True, False):
        sentence = refused(first.pk, dry_run=dry_run)
        assert f"Nothing of run {first.pk} can be taken back. Left as they are" in sentence
        assert f"for run {second.pk} (3)" in sentence
    assert (rows(), spells()) == before
    assert IngestRun.objects.latest("pk").error == sentence


def test_a_living_run_cannot_be_undone(market_db, file):
    living = IngestRun.objects.create(file_name="a.dbn", file_path="/a.dbn", started_at=MIDNIGHT)
    with session() as other:
        hold_run(other, living.pk)
        assert refused(living.pk).startswith(f"Run {living.pk} is not finished")


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.0", str(2**63)])
def test_a_number_that_is_none(market_db, text):
    with pytest.raises(CommandError, match="is not the number of a run"):
        call_command("undo_run", text)


# --- The command -----------------------------------------------------------------------------------------------------


def test_what_is_printed(market_db, file):
    file(bars(10))
    run = file(changed(bars(12), 2))
    dry = undo(run.pk, dry_run=True).out
    assert "✅ DRY RUN COMPLETE - No database changes made" in dry
    assert "Would remove: 2\nWould change back: 1\nWould bring back: 0\nWould leave: 0\n" in dry
    out = undo(run.pk).out
    assert f"✅ RUN {run.pk} TAKEN BACK" in out
    assert "Run ID: 3\nRemoved: 2\nChanged back: 1\nThere again: 0\nLeft: 0\n" in out


def test_json(market_db, file):
    first, second = file(bars(3)), file(changed(bars(5), 1))
    told = undo(first.pk, json=True, dry_run=True).json
    assert (told["ok"], told["dry_run"], told["run_id"], told["undoes"]) == (True, True, None, first.pk)
    told = undo(first.pk, json=True).json
    assert (told["run_id"], told["removed"], told["changed_back"], told["left"]) == (3, 2, 0, 1)
    assert told["left_for_runs"] == [{"run_id": second.pk, "bars": 1}]
    assert told["first_left"] == [{"symbol": "CME_MINI:MNQ1!", "ts": "2024-01-02T00:01:00+00:00", "run_id": second.pk}]
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("undo_run", "99", json=True, stdout=out)
    assert json.loads(out.getvalue())["ok"] is False


def test_a_file_whose_run_was_undone_is_not_skipped(market_db, tmp_path):
    path = write(tmp_path / "a.dbn", bars(5))
    ingest(path)
    ingest(path)
    undo(1)
    ingest(write(tmp_path / "b.dbn", bars(9, first=5), mappings={}), symbol="CME_MINI:MNQ1!")
    assert ingest(path, skip_ingested=True, json=True).json["files"][0]["inserted"] == 5
    assert ingest(path, skip_ingested=True, json=True).json["files"][0]["status"] == "skipped"


# --- Any order, against a slow replay --------------------------------------------------------------------------------


def empty_tables() -> None:
    """Between Hypothesis' examples, which share one fixture."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE market_bars_ohlcv_1m, market_bar_revisions, market_series_instruments, data_ingest_runs"
            " RESTART IDENTITY"
        )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ingest"), st.integers(0, 5), st.integers(1, 6), st.integers(0, 2)),
        st.tuples(st.just("undo"), st.integers(0, 5)),
    ),
    min_size=2,
    max_size=8,
)


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(steps=[("ingest", 0, 3, 0), ("ingest", 0, 2, 1), ("undo", 0), ("undo", 1), ("undo", 0)])
@example(steps=[("ingest", 0, 1, 0), ("ingest", 0, 2, 0), ("undo", 0), ("undo", 1)])
@example(steps=[("ingest", 0, 3, 0), ("ingest", 0, 3, 1), ("ingest", 0, 3, 0), ("undo", 1), ("undo", 2), ("undo", 1)])
def test_any_order_against_a_slow_replay(market_db, tmp_path_factory, steps):
    """Each minute keeps the stack of the (run, value) that stood there; an undo takes a run off where it is on top."""
    empty_tables()
    folder = tmp_path_factory.mktemp("steps")
    stacks: dict = {}
    runs: list[int] = []
    for number, (what, *rest) in enumerate(steps):
        if what == "ingest":
            first, count, add = rest
            records = bars(count, first=first)
            records["volume"] += add
            run = ingest_file(path=write(folder / f"{number}.dbn", records))
            runs.append(run.pk)
            for ts, value in exact(records).items():
                stack = stacks.setdefault(ts, [])
                if not stack or stack[-1][1] != value:
                    stack.append((run.pk, value))
        elif rest[0] < len(runs):
            run_id = runs[rest[0]]
            mine = [stack for stack in stacks.values() if stack and stack[-1][0] == run_id]
            if not mine:
                with pytest.raises(Exception, match=r"run \d+|Run \d+"):
                    undo_run(run_id=run_id)
                continue
            left = sum(any(run == run_id for run, _ in stack[:-1]) for stack in stacks.values())
            done = undo_run(run_id=run_id).run
            assert (done.row_count, done.left_count) == (len(mine), left)
            for stack in mine:
                stack.pop()
        now = {ts: stack[-1] for ts, stack in stacks.items() if stack}
        values = Bar.objects.values_list("ts", "ingestion_run_id", "open", "high", "low", "close", "volume")
        assert {ts: (run, tuple(value)) for ts, run, *value in values} == now
        assert bool(spells()) == bool(now)


# --- Stopped, or at the same time ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
def test_interrupted_while_it_waits(market_db, file, number, code):
    run = file(bars(5))
    before = rows()
    with series_locked(), Process(run.pk, command="undo_run") as process:
        until(lambda: backend_in("SELECT pg_advisory_xact_lock%"))
        process.signal(number)
        ended = process.end(10)
    assert (ended.code, ended.sentence) == (
        code, "interrupted: nothing was changed; run the same command again to take the run back",
    )  # fmt: skip
    assert rows() == before
    failed = IngestRun.objects.latest("pk")
    assert (failed.status, failed.undoes_id, failed.error) == ("failed", run.pk, ended.sentence)
    assert taken_back(run) == (5, 0, 0, 0)


def test_killed_while_it_writes(market_db, file):
    run = file(bars(5))
    before = rows()
    with session() as other:
        other.execute("BEGIN; LOCK TABLE market_bar_revisions IN SHARE MODE")
        with Process(run.pk, command="undo_run") as process:
            backend = until(lambda: backend_in("%INSERT INTO market_bar_revisions%"))
            process.signal(signal.SIGKILL)
            process.end()
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        other.execute("ROLLBACK")
    assert rows() == before
    [dead] = close_dead_runs()
    assert IngestRun.objects.get(pk=dead).error == UNDO_DIED


def test_two_undos_at_the_same_time(market_db, file):
    run = file(bars(5))
    with contextlib.ExitStack() as stack:
        with series_locked():
            both = [stack.enter_context(Process(run.pk, command="undo_run")) for _ in range(2)]
            until(lambda: IngestRun.objects.filter(status="running").count() == 2)
        assert sorted(process.end().code for process in both) == [0, 1]
    assert IngestRun.objects.filter(undoes=run, status="success").count() == 1
    assert "was taken back already" in IngestRun.objects.get(status="failed").error
