"""A run that cannot be undone is refused with the reason, and nothing changes."""

import pytest
from django.core.management import CommandError

from config.testing.builders import MIDNIGHT, bars, ingest
from config.testing.processes import session
from config.testing.undo import change_volume, list_bars, list_intervals, preview_and_undo, refuse_undo, undo
from ingestion.undo.pipeline import undo_run
from marketdata.models import IngestRun
from marketdata.runs.locks import lock_run


def test_each_run_without_anything_to_undo_is_refused_with_its_reason(market_db, file, tmp_path):
    assert refuse_undo(99).startswith("There is no run 99")
    first, same = file(bars(5)), file(bars(5))
    assert refuse_undo(same.pk).startswith(f"Run {same.pk} changed nothing")
    with pytest.raises(CommandError, match="does not exist"):
        ingest(tmp_path / "missing.dbn")
    failed = IngestRun.objects.latest("pk")
    assert refuse_undo(failed.pk) == (
        f"Run {failed.pk} failed, so nothing of it was stored and there is nothing to undo."
    )
    undo(first.pk)
    done = IngestRun.objects.latest("pk")
    assert "is an undo itself, of run 1 (0.dbn)" in refuse_undo(done.pk)
    assert refuse_undo(first.pk) == f"Run {first.pk} was already undone, by run {done.pk}."
    assert IngestRun.objects.latest("pk") == done


def test_a_run_whose_bars_later_runs_have_all_changed_is_refused(market_db, file):
    first = file(bars(3))
    second = file(change_volume(bars(3), 0, 1, 2))
    before = list_bars(), list_intervals()
    for dry_run in (True, False):
        sentence = refuse_undo(first.pk, dry_run=dry_run)
        assert f"Nothing of run {first.pk} can be undone. Skipped, since later runs" in sentence
        assert f"for run {second.pk} (3)" in sentence
    assert (list_bars(), list_intervals()) == before
    assert IngestRun.objects.latest("pk").error == sentence


def test_a_run_without_bars_and_intervals_has_nothing_left_to_undo(market_db, file):
    file(bars(2, first=20))  # its interval covers the date
    second = file(bars(3))
    file(change_volume(bars(3), 0, 1, 2))
    assert refuse_undo(second.pk) == (
        f"Run {second.pk} has nothing left to undo: later runs have changed all its bars."
    )


def test_a_run_undone_except_for_bars_of_later_runs_is_refused_until_those_are_undone(market_db, file):
    file(bars(2, first=20))
    second, third = file(bars(10)), file(change_volume(bars(10), 4, 5))
    done = undo_run(run_id=second.pk).run
    assert refuse_undo(second.pk) == (
        f"Run {second.pk} was undone by run {done.pk}, except for 2 bars that later runs have changed: undo those runs "
        "first."
    )
    undo(third.pk)
    assert preview_and_undo(second) == (2, 0, 0, 0)


def test_a_running_run_is_refused(market_db, file):
    running = IngestRun.objects.create(file_name="a.dbn", file_path="/a.dbn", started_at=MIDNIGHT)
    with session() as other:
        lock_run(other, running.pk)
        assert refuse_undo(running.pk).startswith(f"Run {running.pk} is not finished")
