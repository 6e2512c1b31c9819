"""`manage.py ingest_dbn`: load DBN files of minute bars into PostgreSQL."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from django.core.management.base import CommandError, CommandParser

from ingestion.batch.files import find_files
from ingestion.batch.one_file import BatchOptions
from ingestion.batch.run import ingest_files
from ingestion.cancellation import cancel_on_signals
from ingestion.cli.console import Console
from ingestion.cli.output import BatchOutput, replace_unencodable_characters
from ingestion.options import IngestOptions
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
  Load a contract into a series that you name:
    {manage} ingest_dbn --input es.dbn.zst --symbol 'CME_MINI:ES1!'

Each file is stored completely or not at all. Loading it again changes nothing, unless another file has changed its
bars since: the file loaded last counts. Exit code: 0 if no file failed, 1 if one did, 2 if an option is invalid, 130
or 143 if interrupted.
"""
MAX_BIGINT = 2**63 - 1


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
        parser.add_argument(
            "--symbol", type=_parse_not_empty, help="name of the series; default: the file's own symbols"
        )
        parser.add_argument("--dataset", default="", help="name in the audit trail; default: mnq_ohlcv_1m for MNQ")
        parser.add_argument(
            "--dry-run", action="store_true", help="validate the files and count changes, but write nothing"
        )
        parser.add_argument(
            "--limit", type=_parse_whole_number(maximum=MAX_BIGINT), metavar="N", help="only the first N rows"
        )
        parser.add_argument(
            "--publisher", type=_parse_whole_number(maximum=2**16 - 1), metavar="ID", help="only this publisher's rows"
        )
        parser.add_argument(
            "--replace-instrument",
            action="store_true",
            help="replace the instrument that the series is mapped to on the file's dates",
        )
        parser.add_argument("--skip-ingested", action="store_true", help="skip files already loaded (same SHA-256)")
        parser.add_argument(
            "--jobs",
            type=_parse_whole_number(maximum=256),
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

    def handle(self, *args, **options) -> None:
        replace_unencodable_characters()
        paths = find_files(options["input"])
        batch_options = BatchOptions(
            _ingest_options(options), dry_run=options["dry_run"], skip_ingested=options["skip_ingested"]
        )
        output = BatchOutput(self.stdout, self.stderr, paths=paths, dry_run=options["dry_run"], as_json=options["json"])
        with cancel_on_signals() as token:
            console = Console(token=token, verbose=options["verbose"], file_count=len(paths))
            outcomes = output.print_outcomes(
                ingest_files(
                    paths=paths,
                    options=batch_options,
                    create_progress=console.create_progress,
                    jobs=options["jobs"],
                )
            )
        output.print_closing(outcomes)
        if failure := output.find_failure(outcomes):
            raise CommandError(failure.message, returncode=failure.exit_code)


def _ingest_options(options: dict) -> IngestOptions:
    return IngestOptions(
        symbol=options["symbol"] or "",
        dataset=options["dataset"],
        limit=options["limit"],
        publisher_id=options["publisher"],
        replace_instrument=options["replace_instrument"],
    )


def _parse_whole_number(*, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        # Twenty digits are more than any maximum has. int() raises ValueError for more than 4,300.
        number = int(text.lstrip("0")[:20] or 0) if text.isdecimal() else 0
        if number < 1:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
        if number > maximum:
            limit = f": at most {maximum:,}" if maximum < MAX_BIGINT else ""
            raise argparse.ArgumentTypeError(f"{text} is too large{limit}")
        return number

    return parse


def _parse_not_empty(text: str) -> str:
    if not text:  # from a shell variable that is not set
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _parse_path(text: str | Path) -> Path:
    return Path(_parse_not_empty(str(text)))
