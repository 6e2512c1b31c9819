"""`manage.py restore_year`: bring an archived year back into the table of bars."""

from typing import Any

from django.core.management.base import CommandParser

from ingestion.archive.restoring import RestoreResult, restore_year
from ingestion.cli.archive import add_year_argument, print_result, report_errors
from marketdata.formatting import format_count
from marketdata.management.base import CommandWithExamples
from marketdata.partitions.years import partition_name

EXAMPLES = """
examples:
  See where the bars of 2018 are, verify them, and change nothing:
    {manage} restore_year 2018 --dry-run
  Bring 2018 back:
    {manage} restore_year 2018

The detached table is attached again. If it was dropped, its bars are loaded from the lake that has the year, with all
columns. Both are compared with the hourly rollup first. The lake keeps its files.
Exit code: 0 if the year is in the table, 1 if not, 2 if the command line is wrong, 130 or 143 if interrupted.
"""


class Command(CommandWithExamples):
    help = "Bring the bars of an archived year back into market_bars_ohlcv_1m."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        add_year_argument(parser)
        parser.add_argument("--dry-run", action="store_true", help="verify the bars, but change nothing")
        parser.add_argument("--verbose", action="store_true", help="a line per step, with timings, on standard error")
        parser.add_argument("--json", action="store_true", help="the result as one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        with report_errors("restore the year", verbose=options["verbose"]) as progress:
            result = restore_year(year=options["year"], dry_run=options["dry_run"], progress=progress)
        print_result(self.stdout, result, options, _format(result, dry_run=options["dry_run"]))


def _format(result: RestoreResult, *, dry_run: bool) -> str:
    year, bars = result.year, format_count(result.bars, "bar")
    if not result.restored:
        return f"{year} is not archived: there is nothing to restore."
    source = f"{bars} from {result.lake}" if result.from_lake else f"{partition_name(year)}, which has {bars}"
    if dry_run:
        verb = "load" if result.from_lake else "attach"
        return f"DRY RUN: the bars were compared and nothing was changed. The command would {verb} {source}."
    return f"{year} is in the table again: {'loaded' if result.from_lake else 'attached'} {source}."
