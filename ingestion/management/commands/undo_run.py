"""`manage.py undo_run`: reverse the changes that a run made to the table."""

import argparse
import json
import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ingestion.cancellation import CancellationToken, cancel_on_signals
from ingestion.cli import undo_report
from ingestion.cli.output import print_log_line, print_wait, replace_unencodable_characters
from ingestion.cli.quality import check_new_bars
from ingestion.errors import IngestError, Interrupted, UndoInterrupted
from ingestion.options import parse_whole_number
from ingestion.progress import Progress
from ingestion.undo.pipeline import preview_undo, undo_run
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  See what an undo would change, and change nothing:
    {manage} undo_run 12 --dry-run
  Undo run 12:
    {manage} undo_run 12

The undo removes bars that the run inserted, gives bars that it changed their old values, and restores bars that it
removed. Bars that a later run has changed are skipped and listed. The undo is a run of its own in the audit trail.
Exit code: 0 if the run was undone, 1 if not, 2 if the command line is wrong, 130 or 143 if interrupted.
"""


class Command(CommandWithExamples):
    help = "Undo a run: reverse its changes to market_bars_ohlcv_1m."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run_id", type=_parse_run_id, metavar="ID", help="number of the run in the audit trail")
        parser.add_argument("--dry-run", action="store_true", help="count what would be undone, but write nothing")
        parser.add_argument("--verbose", action="store_true", help="a line per step, with timings, on standard error")
        parser.add_argument("--json", action="store_true", help="the summary as one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        replace_unencodable_characters()
        try:
            summary = _preview(options) if options["dry_run"] else _undo(options)
        except IngestError as error:
            if options["json"]:
                refusal = undo_report.serialize_refusal(options["run_id"], error, dry_run=options["dry_run"])
                self.stdout.write(json.dumps(refusal))
            code = error.exit_code if isinstance(error, Interrupted) else 1
            raise CommandError(str(error), returncode=code) from error
        self.stdout.write(summary)
        if not options["dry_run"]:
            check_new_bars(None if options["json"] else self.stdout.write)


def _undo(options: dict) -> str:
    with cancel_on_signals() as token:
        result = undo_run(run_id=options["run_id"], progress=_UndoProgress(token, verbose=options["verbose"]))
    return json.dumps(undo_report.serialize_result(result)) if options["json"] else undo_report.format_result(result)


def _preview(options: dict) -> str:
    with cancel_on_signals() as token:
        preview = preview_undo(run_id=options["run_id"], progress=_UndoProgress(token, verbose=options["verbose"]))
    return (
        json.dumps(undo_report.serialize_preview(preview)) if options["json"] else undo_report.format_preview(preview)
    )


class _UndoProgress(Progress):
    """Prints the steps to standard error if `verbose`, and stops the undo when the token is set."""

    def __init__(self, token: CancellationToken, *, verbose: bool) -> None:
        super().__init__()
        self._token = token
        self._verbose = verbose
        self._started = time.perf_counter()

    def step(self, name: str) -> None:
        if self._verbose:
            print_log_line(name, started=self._started)

    def wait_for(self, holder: str) -> None:
        print_wait(holder)

    def raise_if_cancelled(self) -> None:
        try:
            self._token.raise_if_cancelled()
        except Interrupted as error:
            raise UndoInterrupted(error.signal_number) from error


def _parse_run_id(text: str) -> int:
    try:
        return parse_whole_number(maximum=2**63 - 1)(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a run") from error
