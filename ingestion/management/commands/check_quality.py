"""`manage.py check_quality`: judge the stored bars, and list what is wrong with them."""

import json
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from ingestion.comparison.compare import compare_file
from ingestion.errors import IngestError
from marketdata.calendars import stored
from marketdata.calendars.exchange import UnknownCalendar
from marketdata.database import UnusableDatabase, usable_database
from marketdata.management.arguments import add_range_arguments, add_series_argument
from marketdata.management.base import CommandWithExamples
from marketdata.management.quality_report import format_report, serialize_report
from marketdata.quality.check import CheckRange
from marketdata.quality.checks import Report, check_quality
from marketdata.quality.detectors.thresholds import SEVERITIES, UnknownThreshold
from marketdata.series import SeveralContracts, UnknownSeries

EXAMPLES = """
examples:
  Judge all stored bars by the settings of their series as they are now:
    {manage} check_quality
  What is wrong in October, for a script; nothing is stored:
    {manage} check_quality --series mnq --start 2026-10-01 --end 2026-11-01 --dry-run --json
  Compare the minute bars with the vendor's bars of days:
    {manage} check_quality --series mnq --against mnq.ohlcv-1d.dbn.zst
  Fail a nightly job if an error is open:
    {manage} check_quality --fail-on error

Findings that are open or acknowledged are listed, those of the first load (baseline) too. Runs, feeds and the budget
are judged unless series are named. Exit code: 0, also with findings; 1 on an error, or with --fail-on if an open
finding is at least so severe; 2 if the command line is wrong.
"""


class Command(CommandWithExamples):
    help = "Judge the stored bars and list the findings that are open or acknowledged."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        add_series_argument(parser, default="all that have bars")
        add_range_arguments(parser, start="the first bar", end="the last bar, or now")
        parser.add_argument(
            "--against",
            nargs="+",
            action="extend",
            default=[],
            type=Path,
            metavar="FILE",
            help="also compare the sums of the minute bars with these files of ohlcv-1h or ohlcv-1d",
        )
        parser.add_argument("--dry-run", action="store_true", help="store nothing, and list what would be found")
        parser.add_argument("--json", action="store_true", help="print the findings as one JSON object, nothing else")
        parser.add_argument(
            "--fail-on",
            choices=SEVERITIES,
            metavar="SEVERITY",
            help=f"exit with 1 if an open finding is at least so severe: {', '.join(SEVERITIES)}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        within = CheckRange(options["start"], options["end"])
        if within.start and within.end and within.start >= within.end:
            raise CommandError("--start is not before --end.", returncode=2)
        stored.use_folder(settings.VAR_DIR / "calendars")
        try:
            with usable_database():
                now, dry_run = timezone.now(), options["dry_run"]
                compared = [one for path in options["against"] for one in compare_file(path, now=now, dry_run=dry_run)]
                report = check_quality(
                    slugs=options["series"] or (), within=within, now=now, dry_run=dry_run, compared=compared
                )
        except IngestError as error:
            raise CommandError(str(error)) from error
        except (UnusableDatabase, UnknownSeries, SeveralContracts, UnknownCalendar, UnknownThreshold) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(serialize_report(report)))
        else:
            self.stdout.write(format_report(report, dry_run=options["dry_run"]))
        if options["fail_on"]:
            _fail(report, options["fail_on"], quiet=options["json"])


def _fail(report: Report, severity: str, *, quiet: bool) -> None:
    """End with exit code 1 if there are such findings. With `--json` nothing else is printed."""
    count = report.count_open(severity)
    if count and quiet:
        sys.exit(1)
    if count:
        raise CommandError(f"Open findings with severity {severity} or above: {count:,}.")
