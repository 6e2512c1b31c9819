"""`manage.py undo_run`: take back what a run did to the table."""

import argparse
import json
import time

from django.core.management.base import CommandError, CommandParser

from ingestion.cancellation import CancellationToken, cancel_on_signals
from ingestion.cli import undo_report
from ingestion.cli.output import print_log_line, replace_unencodable_characters
from ingestion.errors import IngestError, Interrupted, UndoInterrupted
from ingestion.progress import Progress
from ingestion.undo.pipeline import preview_undo, undo_run
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  See what would be taken back, and change nothing:
    {manage} undo_run 12 --dry-run
  Take run 12 back:
    {manage} undo_run 12

Bars that the run inserted are removed, bars that it changed get their old values, and bars that it removed are there
again. Bars that a later run has changed since are named and left. The undo is a run of its own in the audit trail.
Exit code: 0 if the run was taken back, 1 if not, 130 or 143 if interrupted.
"""


class Command(CommandWithExamples):
    help = "Take back what a run did to market_bars_ohlcv_1m."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run_id", type=_run_number, metavar="ID", help="number of the run in the audit trail")
        parser.add_argument("--dry-run", action="store_true", help="count what would be taken back, but write nothing")
        parser.add_argument("--verbose", action="store_true", help="a line per step, with timings, on standard error")
        parser.add_argument("--json", action="store_true", help="the summary as one JSON object on standard output")

    def handle(self, *args, **options) -> None:
        replace_unencodable_characters()
        run_id, dry_run = options["run_id"], options["dry_run"]
        take = preview_undo if dry_run else undo_run
        try:
            with cancel_on_signals() as token:
                undo = take(run_id=run_id, progress=_Watch(token, verbose=options["verbose"]))
        except IngestError as error:
            if options["json"]:
                self.stdout.write(json.dumps(undo_report.refusal_as_json(run_id, error, dry_run=dry_run)))
            code = error.exit_code if isinstance(error, Interrupted) else 1
            raise CommandError(str(error), returncode=code) from error
        if options["json"]:
            self.stdout.write(json.dumps(undo_report.as_json(undo)))
        else:
            self.stdout.write(undo_report.dry_run_summary(undo) if dry_run else undo_report.summary(undo))


class _Watch(Progress):
    def __init__(self, token: CancellationToken, *, verbose: bool) -> None:
        super().__init__()
        self._token = token
        self._verbose = verbose
        self._started = time.perf_counter()

    def step(self, name: str) -> None:
        if self._verbose:
            print_log_line(name, started=self._started)

    def raise_if_cancelled(self) -> None:
        try:
            self._token.raise_if_cancelled()
        except Interrupted as error:
            raise UndoInterrupted(error.exit_code - 128) from error


def _run_number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) < 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a run")
    return int(text)
