"""`manage.py ingest_dbn`: load DBN files of minute bars into PostgreSQL."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ingestion.batch.files import find_files
from ingestion.batch.one_file import BatchOptions
from ingestion.batch.run import ingest_files
from ingestion.cancellation import cancel_on_signals
from ingestion.cli.console import Console
from ingestion.cli.output import BatchOutput, replace_unencodable_characters
from ingestion.cli.quality import check_new_bars
from ingestion.options import IngestOptions, find_contradiction, parse_not_empty, parse_whole_number
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  Load one file into the series of its own symbol (an MNQ continuous file: CME_MINI:MNQ1!):
    {manage} ingest_dbn --input data/databento/mnq/ohlcv_1m/raw/mnq.dbn.zst
  Show what a file would change, and write nothing:
    {manage} ingest_dbn --input mnq.dbn.zst --dry-run
  Load a folder of daily files, and skip those already loaded:
    {manage} ingest_dbn --input data/databento/mnq/ohlcv_1m/raw --skip-ingested
  Load a folder of many series, four files at a time:
    {manage} ingest_dbn --input data/databento/equities/raw --jobs 4
  Load a delivery that replaces an earlier one, and remove the bars that it no longer has:
    {manage} ingest_dbn --input mnq-restated.dbn.zst --remove-withdrawn
  Load a contract into a series that you name:
    {manage} ingest_dbn --input es.dbn.zst --symbol 'CME_MINI:ES1!'

Files of a folder are loaded in the order of their names, numbers by value: batch_9 before batch_10. Linked folders are
followed. Hidden names and trash are no deliveries; definition files and partial downloads are skipped with a note.

Each file is stored completely or not at all. Loading it again changes nothing, unless another file has changed its
bars since: the file loaded last counts. Exit code: 0 if no file failed, 1 if one did, 2 if an option is invalid, 130
or 143 if interrupted.
"""


class Command(CommandWithExamples):
    requires_system_checks = ()  # they import every page of the site, which takes longer than loading a small file
    help = "Load Databento DBN files (schema ohlcv-1m, .dbn or .dbn.zst) into market_bars_ohlcv_1m."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--input",
            nargs="+",
            required=True,
            type=_parse_path,
            metavar="PATH",
            help=".dbn or .dbn.zst files, or folders",
        )
        IngestOptions.add_arguments(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="validate the files and count changes, but write nothing"
        )
        parser.add_argument(
            "--skip-ingested",
            action="store_true",
            help="skip files already loaded (same SHA-256) whose bars are unchanged",
        )
        parser.add_argument(
            "--jobs",
            type=parse_whole_number(maximum=256),
            default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            metavar="N",
            help="files loaded at a time, each in a process; files of the same series are loaded one after another "
            "(default: the number of cores, %(default)s)",
        )
        parser.add_argument(
            "--verbose", action="store_true", help="print a line per step, with timings, to standard error"
        )
        parser.add_argument(
            "--json", action="store_true", help="print the summary as one JSON object to standard output"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        replace_unencodable_characters()
        ingest_options = IngestOptions.from_parsed(options)
        if contradiction := find_contradiction(ingest_options):
            raise CommandError(contradiction, returncode=2)
        files = find_files(options["input"])
        batch_options = BatchOptions(
            ingest_options,
            dry_run=options["dry_run"],
            skip_ingested=options["skip_ingested"],
            files=files,
        )
        output = BatchOutput(self.stdout, self.stderr, files=files, dry_run=options["dry_run"], as_json=options["json"])
        with cancel_on_signals() as token:
            console = Console(token=token, verbose=options["verbose"], file_count=len(files.paths))
            outcomes = output.print_outcomes(
                ingest_files(
                    paths=list(files.paths),
                    options=batch_options,
                    create_progress=console.create_progress,
                    jobs=options["jobs"],
                )
            )
            output.print_closing(outcomes)
            if not options["dry_run"]:
                check_new_bars(None if options["json"] else self.stdout.write)
        if failure := output.find_failure(outcomes):
            raise CommandError(failure.message, returncode=failure.exit_code)


def _parse_path(text: str | Path) -> Path:
    return Path(parse_not_empty(str(text)))
