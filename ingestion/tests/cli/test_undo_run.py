"""The command `undo_run`: its argument, and its exit code when it is interrupted."""

import signal

import pytest
from django.core.management import CommandError, call_command

from config.testing.builders import bars
from config.testing.processes import Process, backend_in, series_locked, until
from config.testing.undo import ingest_records, list_bars, preview_and_undo
from marketdata.models import IngestRun


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.0", str(2**63)])
def test_an_argument_that_is_no_run_number_is_refused(market_db, text):
    with pytest.raises(CommandError, match="is not the number of a run"):
        call_command("undo_run", text)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
def test_an_undo_interrupted_while_it_waits_changes_nothing(market_db, tmp_path, number, code):
    run = ingest_records(tmp_path, bars(5))
    before = list_bars()
    with series_locked(), Process(run.pk, command="undo_run") as process:
        until(lambda: backend_in("SELECT pg_advisory_xact_lock%"))
        process.signal(number)
        ended = process.end(10)
    assert (ended.code, ended.sentence) == (
        code, "interrupted: nothing was changed; run the same command again to undo the run",
    )  # fmt: skip
    assert list_bars() == before
    failed = IngestRun.objects.latest("pk")
    assert (failed.status, failed.undoes_id, failed.error) == ("failed", run.pk, ended.sentence)
    assert preview_and_undo(run) == (5, 0, 0, 0)
