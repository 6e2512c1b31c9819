"""The notes name the bars and runs that the user may want to treat next."""

from config.testing.builders import bars, exact, stored
from config.testing.undo import change_volume, undo
from ingestion.undo.messages import format_undone_before


def test_the_note_on_skipped_bars_names_the_first_few_and_the_runs(market_db, file):
    first = file(bars(10))
    second, third = file(change_volume(bars(7), *range(7))), file(change_volume(bars(10), 8))
    printed = undo(first.pk, dry_run=True).out
    assert "Skipped, since later runs have written over these bars or on their dates: 8 bars" in printed
    assert f"8 bars, for run {second.pk} (7), run {third.pk} (1): CME_MINI:MNQ1! 2024-01-02 00:00 UTC" in printed
    assert "00:04 UTC" in printed
    assert "00:05 UTC" not in printed
    assert f"; and 3 more. To undo them too, undo those runs, and then undo run {first.pk} again." in printed


def test_bars_that_later_runs_confirmed_change_too_and_those_runs_are_named(market_db, file):
    first, second, third = file(bars(10)), file(bars(3)), file(bars(3, first=20))
    printed = undo(first.pk).out
    assert f"removes or changes those too: run {second.pk} (1.dbn). Ingest those files again" in printed
    assert f"run {third.pk}" not in printed
    assert stored() == exact(bars(3, first=20))


def test_the_note_on_a_run_undone_before():
    assert format_undone_before(7) == (
        "Bars of run 7 have its values again, although it was undone: its undo skipped them, since this run had "
        "changed them. Undo run 7 again to undo them too."
    )
