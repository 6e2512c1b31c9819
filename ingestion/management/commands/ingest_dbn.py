"""`manage.py ingest_dbn`: DBN files of minute bars into PostgreSQL."""

import contextlib
import json
import os
import sys
from pathlib import Path

from django.core.management.base import CommandError, CommandParser

from ingestion.batch.files import find_files
from ingestion.batch.one_file import BatchOptions, FileOutcome
from ingestion.batch.run import ingest_files
from ingestion.cancellation import cancel_on_signals
from ingestion.cli import report
from ingestion.cli.console import Console
from ingestion.errors import Interrupted
from ingestion.options import IngestOptions, parse_not_empty, parse_whole_number
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  One file, filed by its own symbol (an MNQ continuous file goes to CME_MINI:MNQ1!):
    {manage} ingest_dbn --input data/databento/mnq/ohlcv_1m/raw/mnq.dbn.zst
  See what a file would do, and change nothing:
    {manage} ingest_dbn --input mnq.dbn.zst --dry-run
  A folder of daily files, passing over those that are in already:
    {manage} ingest_dbn --input data/databento/mnq/ohlcv_1m/raw --skip-ingested
  A folder of many series, four files at a time:
    {manage} ingest_dbn --input data/databento/equities/raw --jobs 4
  A contract into a series of your own:
    {manage} ingest_dbn --input es.dbn.zst --symbol 'CME_MINI:ES1!'

Each file is stored whole or not at all. Ingested again it changes nothing, unless a later file has changed its bars:
the last one counts. Exit code: 0 if every file was taken, 1 if one was refused, 130 or 143 if interrupted.
"""


class Command(CommandWithExamples):
    requires_system_checks = ()  # they import every page of the site, which takes longer than a small file
    help = "Load Databento DBN files (schema ohlcv-1m, .dbn or .dbn.zst) into market_bars_ohlcv_1m."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--input", nargs="+", required=True, type=_path, metavar="PATH", help=".dbn or .dbn.zst files, or folders"
        )
        IngestOptions.add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="check the file and count, but write nothing")
        parser.add_argument(
            "--skip-ingested", action="store_true", help="pass over files that are already in, whole, by sha256"
        )
        parser.add_argument(
            "--jobs",
            type=parse_whole_number(most=256),
            default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            metavar="N",
            help="files at a time, each in a process; files of the same series still follow one another "
            "(default: the number of cores, %(default)s)",
        )
        parser.add_argument("--verbose", action="store_true", help="a line per step, with timings, on standard error")
        parser.add_argument("--json", action="store_true", help="the summary as one JSON object on standard output")

    def handle(self, *args, **options) -> None:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a terminal that cannot show ✅ must not fail a finished run
        paths = find_files(options["input"])
        outcomes = self._take(paths, options)
        if options["json"]:
            place_of = {path: place for place, path in enumerate(paths)}
            outcomes.sort(key=lambda outcome: place_of[outcome.path])
            self.stdout.write(json.dumps(report.as_json(outcomes, dry_run=options["dry_run"])))
        elif len(paths) > 1:
            self.stdout.write(report.closing_line(outcomes, not_reached=len(paths) - len(outcomes)))
        self._fail_if_any_failed(outcomes, alone=len(paths) == 1)

    def _take(self, paths: list[Path], options: dict) -> list[FileOutcome]:
        """Take the files, and say of each what became of it as soon as that is known."""
        batch_options = BatchOptions(
            IngestOptions.from_parsed(options), dry_run=options["dry_run"], skip_ingested=options["skip_ingested"]
        )
        taken: list[FileOutcome] = []
        with cancel_on_signals() as switch:
            console = Console(
                switch=switch,
                verbose=options["verbose"],
                show_progress=sys.stderr.isatty() and not options["verbose"],
                file_count=len(paths),
            )
            work = ingest_files(
                paths=paths, options=batch_options, new_progress=console.new_progress, jobs=options["jobs"]
            )
            with contextlib.closing(work) as outcomes:  # if nobody reads what is told, the work ends with the telling
                for outcome in outcomes:
                    taken.append(outcome)
                    self._tell(outcome, options, alone=len(paths) == 1)
                    self.stdout.flush()
        return taken

    def _tell(self, outcome: FileOutcome, options: dict, *, alone: bool) -> None:
        if outcome.error is not None:
            if not alone and not outcome.ends_batch:  # else it is the command's own error, told at the end
                self.stderr.write(f"❌ {outcome.error}")
        elif options["json"]:
            return
        elif outcome.skipped_for is not None:
            self.stdout.write(f"Skipped: {outcome.path} is in already (run {outcome.skipped_for.pk}).")
        else:
            path = None if alone else outcome.path
            if outcome.preview is not None:
                self.stdout.write(report.dry_run_summary(outcome.preview, outcome.notes, path=path))
            else:
                self.stdout.write(report.summary(outcome.run, outcome.notes, path=path))

    def _fail_if_any_failed(self, outcomes: list[FileOutcome], *, alone: bool) -> None:
        failed = [outcome for outcome in outcomes if outcome.error is not None]
        if not failed:
            return
        last = max(failed, key=lambda outcome: outcome.ends_batch)
        own_error = alone or last.ends_batch
        raise CommandError(
            str(last.error) if own_error else f"{len(failed):,} of {len(outcomes):,} files were not taken.",
            returncode=last.error.exit_code if isinstance(last.error, Interrupted) else 1,
        )


def _path(text: str | Path) -> Path:
    return Path(parse_not_empty(str(text)))
