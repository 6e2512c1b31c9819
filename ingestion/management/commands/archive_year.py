"""`manage.py archive_year`: detach the bars of a year that the lake has."""

from typing import Any

from django.core.management.base import CommandParser

from ingestion.archive.archiving import ArchiveResult, archive_year
from ingestion.cli.archive import add_year_argument, print_result, report_errors
from marketdata.formatting import format_count
from marketdata.management.base import CommandWithExamples
from marketdata.partitions.years import partition_name

EXAMPLES = """
examples:
  Export all bars, then archive 2018:
    {manage} export_lake --to var/lake --since-last
    {manage} archive_year 2018 --lake var/lake
  Verify the lake again, and drop the detached table, which frees its space:
    {manage} archive_year 2018 --drop
  Verify only, and change nothing:
    {manage} archive_year 2018 --lake var/lake --dry-run

The lake must have the year exactly: each file with the SHA-256 of the manifest, each bar in all columns as the table
has it. Then the year leaves the table. Its hours, counts, runs and revisions stay; its bars are read from the lake.
With --drop, a year that is not archived yet is archived first, and then verified a second time.
After the lake was moved, archive_year 2018 --lake NEW verifies the files there, and uses them from then on.
restore_year brings a year back.
Exit code: 0 if the year is archived (and dropped), 1 if not, 2 if the command line is wrong, 130 or 143 if interrupted.
"""


class Command(CommandWithExamples):
    help = "Detach the bars of a past year from market_bars_ohlcv_1m, after the lake was compared with them."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        add_year_argument(parser)
        parser.add_argument("--lake", metavar="DIR", help="a folder, or s3://bucket/prefix; default: LAKE_DIR")
        parser.add_argument("--drop", action="store_true", help="verify again, then drop the detached table")
        parser.add_argument("--dry-run", action="store_true", help="verify the lake, but change nothing")
        parser.add_argument("--verbose", action="store_true", help="a line per step, with timings, on standard error")
        parser.add_argument("--json", action="store_true", help="the result as one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        with report_errors("archive the year", verbose=options["verbose"]) as progress:
            result = archive_year(
                year=options["year"],
                lake=options["lake"],
                drop=options["drop"],
                dry_run=options["dry_run"],
                progress=progress,
            )
        print_result(self.stdout, result, options, _format(result, dry_run=options["dry_run"]))


def _format(result: ArchiveResult, *, dry_run: bool) -> str:
    year, bars, lake = result.year, format_count(result.bars, "bar"), result.lake
    table = partition_name(year)
    if dry_run:
        steps = [f"archive {year} ({bars})"] if result.archived else []
        steps += [f"drop {table}, after a second verification"] if result.dropped else []
        if not steps:
            return f"DRY RUN: nothing to do, since {year} is archived in {lake} already ({bars})."
        return f"DRY RUN: {lake} was compared and nothing was changed. The command would {' and '.join(steps)}."
    if result.dropped:
        first = "is archived" if result.archived else "was archived already"
        return f"{year} {first} in {lake}: {bars}, compared twice. {table} is dropped."
    if result.archived:
        return (
            f"{year} is archived in {lake}: {bars}, compared in all columns. {table} is detached, and keeps its space "
            f"until archive_year {year} --drop."
        )
    assert result.record is not None
    dropped = "dropped" if result.record.dropped_at else "detached"
    return f"{year} is archived in {lake} already ({bars}); {table} is {dropped}."
