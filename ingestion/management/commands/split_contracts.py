"""`manage.py split_contracts`: give each contract of a raw symbol a series of its own."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ingestion.cancellation import cancel_on_signals
from ingestion.cli.console import Console
from ingestion.cli.output import replace_unencodable_characters
from ingestion.cli.split_report import format_split, serialize_split
from ingestion.errors import IngestError, Interrupted
from ingestion.options import parse_not_empty
from ingestion.split.pipeline import preview_split, split_contracts
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  Show which series hold several contracts, or one under a raw symbol:
    {manage} split_contracts --dry-run
  Split one series:
    {manage} split_contracts --series nqh5
  Split all of them:
    {manage} split_contracts

CME uses a raw symbol such as NQH5 again after ten years. Earlier versions stored both contracts in one series; now each
has its own, NQH2015 and NQH2025. The bars keep their runs and their earlier values. A split is a run: undo_run moves
everything back. Exit code: 0 if it was done or nothing is to split, 1 for an error, 2 if an option is invalid, 130 or
143 if interrupted.
"""


class Command(CommandWithExamples):
    requires_system_checks = ()  # they import every page of the site
    help = "Give each contract of a raw symbol a series of its own."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--series", nargs="+", default=[], type=parse_not_empty, metavar="SLUG", help="only these; default: all"
        )
        parser.add_argument("--dry-run", action="store_true", help="print what would be moved, and write nothing")
        parser.add_argument(
            "--verbose", action="store_true", help="print a line per step, with timings, to standard error"
        )
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        replace_unencodable_characters()
        split = preview_split if options["dry_run"] else split_contracts
        try:
            with cancel_on_signals() as token:
                console = Console(token=token, verbose=options["verbose"], file_count=0)
                result = split(slugs=options["series"], progress=console.create_progress())
        except Interrupted as error:
            raise CommandError(
                "interrupted: nothing was changed; run the same command again to split the series",
                returncode=error.exit_code,
            ) from error
        except IngestError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(serialize_split(result)))
        else:
            self.stdout.write(format_split(result, dry_run=options["dry_run"]))
