"""`manage.py gaps`: each gap of the stored bars, its verdict and its evidence."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from marketdata.calendars.exchange import UnknownCalendar
from marketdata.coverage.verdicts.query import judge_gaps
from marketdata.database import UnusableDatabase, usable_database
from marketdata.management.arguments import add_range_arguments, add_series_argument
from marketdata.management.base import CommandWithExamples
from marketdata.management.gaps_report import format_gaps, serialize_gaps
from marketdata.models import Series, SeriesCount
from marketdata.series import SeveralContracts, UnknownSeries, find_named_series

EXAMPLES = """
examples:
  The gaps of one series, with those that need no attention only counted:
    {manage} gaps --series mnq
  All gaps of October, for a script:
    {manage} gaps --series mnq --start 2026-10-01 --end 2026-11-01 --json

Verdicts, in the order in which they are tried: closed (by the calendar), no trade (history covers the minutes), known
empty (the vendor has nothing), not yet available, degraded (at the vendor), missing. backfill requests what is missing.

The command only reads, and asks no vendor. Exit code: 0, also with gaps; 1 on an error; 2 if the command line is wrong.
"""


class Command(CommandWithExamples):
    help = "List the gaps of the stored bars, each with one verdict and its evidence."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        add_series_argument(parser, default="all that have bars or are requested by backfill")
        add_range_arguments(parser, start="where data of the series begins", end="now")
        parser.add_argument("--all", action="store_true", help="list the gaps that need no attention too")
        parser.add_argument("--json", action="store_true", help="print all gaps as one JSON object to standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        start, end = options["start"], options["end"]
        if start and end and start >= end:
            raise CommandError("--start is not before --end.", returncode=2)
        try:
            with usable_database():
                found = [
                    (series, judge_gaps(series, start=start, end=end)) for series in _list_series(options["series"])
                ]
        except (UnusableDatabase, UnknownSeries, SeveralContracts, UnknownCalendar) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(serialize_gaps(found)))
            return
        for series, gaps in found:
            self.stdout.write(format_gaps(series, gaps, show_all=options["all"]))
        if not found:
            self.stdout.write("There are no bars, and no series is requested by backfill.")


def _list_series(slugs: list[str] | None) -> list[Series]:
    if slugs:
        return list({series.pk: series for series in map(find_named_series, slugs)}.values())
    stored = SeriesCount.objects.filter(bar_count__gt=0).values("symbol")
    return list(Series.objects.filter(Q(symbol__in=stored) | ~Q(feed_symbol="")))
