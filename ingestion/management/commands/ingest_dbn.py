"""`manage.py ingest_dbn`: DBN files of minute bars into PostgreSQL."""

import argparse
import json
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion import report
from ingestion.batch import FileOutcome, find_files, ingest_files
from ingestion.console import ConsoleObserver
from ingestion.errors import Interrupted
from ingestion.pipeline import IngestOptions
from ingestion.stop import stop_on_signals

EXAMPLES = """
examples:
  One file, filed by its own symbol (an MNQ continuous file goes to CME_MINI:MNQ1!):
    python manage.py ingest_dbn --input data/databento/mnq/ohlcv_1m/raw/mnq.dbn.zst
  See what a file would do, and change nothing:
    python manage.py ingest_dbn --input mnq.dbn.zst --dry-run
  A folder of daily files, passing over those that are in already:
    python manage.py ingest_dbn --input data/databento/mnq/ohlcv_1m/raw --skip-ingested
  A contract into a series of your own:
    python manage.py ingest_dbn --input es.dbn.zst --symbol 'CME_MINI:ES1!'

Each file is stored whole or not at all, and may be ingested again at any time. Exit code: 0 if every file was taken,
1 if one was refused, 130 or 143 if interrupted.
"""


class Command(BaseCommand):
    help = "Load Databento DBN files (schema ohlcv-1m, .dbn or .dbn.zst) into market_bars_ohlcv_1m."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--input", nargs="+", required=True, type=Path, metavar="PATH", help=".dbn or .dbn.zst files, or folders"
        )
        parser.add_argument("--symbol", default="", help="name of the series; default: by the file's own symbols")
        parser.add_argument("--dataset", default="", help="name in the audit trail; default: mnq_ohlcv_1m for MNQ")
        parser.add_argument("--dry-run", action="store_true", help="check the file and count, but write nothing")
        parser.add_argument("--limit", type=_at_least_one, metavar="N", help="only the first N rows")
        parser.add_argument("--publisher", type=_at_least_one, metavar="ID", help="only this publisher's rows")
        parser.add_argument(
            "--replace-instrument",
            action="store_true",
            help="put the file's instrument behind days where the series has another",
        )
        parser.add_argument(
            "--skip-ingested", action="store_true", help="pass over files that are already in, whole, by sha256"
        )
        parser.add_argument("--verbose", action="store_true", help="a line per step, with timings, on standard error")
        parser.add_argument("--json", action="store_true", help="the summary as one JSON object on standard output")

    def handle(self, *args, **options) -> None:
        with stop_on_signals() as switch:
            observer = ConsoleObserver(
                switch=switch,
                verbose=options["verbose"],
                show_progress=sys.stderr.isatty() and not options["verbose"],
            )
            paths, outcomes, notes = find_files(options["input"]), [], {}
            for outcome in ingest_files(
                paths=paths,
                options=_ingest_options(options),
                observer=observer,
                dry_run=options["dry_run"],
                skip_ingested=options["skip_ingested"],
            ):
                observer.end_file()
                outcomes.append(outcome)
                notes[str(outcome.path)] = observer.notes
                self._tell(outcome, observer.notes, options, alone=len(paths) == 1)
        self._close(outcomes, notes, options)

    def _tell(self, outcome: FileOutcome, notes: list[str], options: dict, *, alone: bool) -> None:
        if outcome.error is not None:
            if not alone:  # a single file's error is the command's own, told at the end
                self.stderr.write(f"❌ {outcome.error}")
        elif options["json"]:
            return
        elif outcome.skipped_for is not None:
            self.stdout.write(f"Skipped: {outcome.path} is in already (run {outcome.skipped_for.pk}).")
        else:
            summary = report.dry_run_summary if options["dry_run"] else report.summary
            self.stdout.write(summary(outcome.run, notes))

    def _close(self, outcomes: list[FileOutcome], notes: dict[str, list[str]], options: dict) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(outcomes, notes, dry_run=options["dry_run"])))
        elif len(outcomes) > 1:
            self.stdout.write(report.closing_line(outcomes))
        errors = [outcome.error for outcome in outcomes if outcome.error is not None]
        if errors:
            stopped = next((error for error in errors if isinstance(error, Interrupted)), None)
            raise CommandError(
                str(errors[0]) if len(outcomes) == 1 else f"{len(errors):,} of {len(outcomes):,} files were refused.",
                returncode=stopped.exit_code if stopped else 1,
            )


def _ingest_options(options: dict) -> IngestOptions:
    return IngestOptions(
        symbol=options["symbol"],
        dataset=options["dataset"],
        limit=options["limit"],
        publisher_id=options["publisher"],
        replace_instrument=options["replace_instrument"],
    )


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number
