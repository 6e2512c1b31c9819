"""What a run did, and the command that repeats it."""

from ingestion.pages.next_steps import build_retry_command, describe_outcome
from marketdata.command_line import manage
from marketdata.models import IngestRun


def test_the_command_is_quoted_and_has_all_options():
    run = IngestRun(
        file_path="/data/it's here.dbn", requested_symbol="-X", row_limit=5, publisher_id=2, replace_instrument=True
    )
    assert build_retry_command(run, dry_run=True) == (
        f"{manage()} ingest_dbn --input '/data/it'\"'\"'s here.dbn' "
        "--symbol=-X --limit 5 --publisher 2 --replace-instrument --dry-run"
    )


def test_the_command_of_an_undo_names_the_undone_run():
    undo = IngestRun(undoes_id=7)
    assert build_retry_command(undo) == f"{manage()} undo_run 7"
    assert build_retry_command(undo, dry_run=True) == f"{manage()} undo_run 7 --dry-run"


def test_an_outcome_lists_only_the_counts_that_are_not_zero():
    run = IngestRun(status="success", row_count=9, inserted_count=4, updated_count=5, changed_count=2, removed_count=7)
    assert describe_outcome(run) == (
        "Bars: 4 inserted; 2 corrected; 3 already stored, unchanged; 7 of the replaced instrument removed."
    )
    assert describe_outcome(IngestRun(status="success", inserted_count=4)) == "Bars: 4 inserted."


def test_an_outcome_has_the_withdrawn_bars():
    run = IngestRun(status="success", updated_count=5, withdrawn_count=1)
    assert describe_outcome(run) == (
        "All 5 bars were already stored with the same values. Nothing changed. The table had 1 bar in the file’s range "
        "that the file does not have."
    )
    run = IngestRun(status="success", updated_count=5, withdrawn_count=3, removed_count=3, remove_withdrawn=True)
    assert describe_outcome(run) == (
        "Bars: 5 already stored, unchanged; 3 removed. The table had 3 bars in the file’s range that the file does not "
        "have."
    )


def test_the_outcome_of_an_undo_counts_what_it_restored():
    undo = IngestRun(status="success", undoes_id=1, removed_count=1, changed_count=2, inserted_count=3, left_count=4)
    assert describe_outcome(undo) == (
        "Run 1 is undone. Bars: 1 removed; 2 changed back to their old values; 3 restored; "
        "4 skipped, because later runs changed them."
    )
    assert describe_outcome(IngestRun(status="success", undoes_id=1)) == "Run 1 is undone. Bars: none."


def test_an_unfinished_or_failed_run_has_stored_nothing():
    assert describe_outcome(IngestRun(status="failed")) == (
        "Nothing of this file was stored. The bars are as they were before."
    )
    assert describe_outcome(IngestRun(status="running")) == (
        "Not finished. Nothing of this file is stored until it is."
    )
    assert describe_outcome(IngestRun(status="failed", undoes_id=1)) == (
        "An undo of run 1. It changes nothing unless it succeeds."
    )
