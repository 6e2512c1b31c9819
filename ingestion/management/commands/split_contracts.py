"""`manage.py split_contracts`: give each contract of a stored raw symbol a series of its own."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ingestion.cancellation import cancel_on_signals
from ingestion.cli import split_report
from ingestion.cli.output import replace_unencodable_characters
from ingestion.cli.quality import check_new_bars
from ingestion.cli.split_progress import SplitProgress
from ingestion.errors import IngestError, Interrupted
from ingestion.options import parse_not_empty
from ingestion.split.pipeline import SplitResult, preview_split, split_contracts
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  See which series hold several contracts, and change nothing:
    {manage} split_contracts --dry-run
  Split all of them:
    {manage} split_contracts
  Split two series, by the slugs of their addresses:
    {manage} split_contracts --series nqh5 nqm5
  Reverse the split of run 12:
    {manage} undo_run 12

Earlier versions stored all contracts of a raw symbol in one series: NQH5 of 2015 and of 2025. The command moves the
bars of each contract, and their earlier values, to a series of its own: NQH2015 and NQH2025. Bars keep their runs, and
earlier runs can still be undone. Series that you named with --symbol or vendor symbols are not changed.
The split is a run of its own in the audit trail. All of it is stored, or nothing.
Exit code: 0 if all is split or there is nothing to split, 1 if a series cannot be split or the command failed, 2 if the
command line is wrong, 130 or 143 if interrupted.
"""


class Command(CommandWithExamples):
    help = "Split stored series that hold several contracts, such as NQH5, into a series for each contract."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--series",
            metavar="SLUG",
            nargs="+",
            action="extend",
            default=[],
            type=parse_not_empty,
            help="only these series; default: all that hold contracts under a raw symbol",
        )
        parser.add_argument("--dry-run", action="store_true", help="list what would be moved, but write nothing")
        parser.add_argument("--verbose", action="store_true", help="a line per step, with timings, on standard error")
        parser.add_argument("--json", action="store_true", help="the summary as one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        replace_unencodable_characters()
        dry_run = options["dry_run"]
        try:
            result = _run(options)
        except IngestError as error:
            if options["json"]:
                self.stdout.write(json.dumps(split_report.serialize_failure(error, dry_run=dry_run)))
            code = error.exit_code if isinstance(error, Interrupted) else 1
            raise CommandError(str(error), returncode=code) from error
        if options["json"]:
            self.stdout.write(json.dumps(split_report.serialize_result(result, dry_run=dry_run)))
        elif summary := split_report.format_result(result):
            self.stdout.write(summary)
        if not dry_run:
            check_new_bars(None if options["json"] else self.stdout.write)
        if result.refused:
            raise CommandError(split_report.format_refusals(result))


def _run(options: dict) -> SplitResult:
    split = preview_split if options["dry_run"] else split_contracts
    with cancel_on_signals() as token, SplitProgress(token, verbose=options["verbose"]) as progress:
        return split(slugs=options["series"], progress=progress)
