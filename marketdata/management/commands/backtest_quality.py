"""`manage.py backtest_quality`: how many findings another threshold would have made."""

import json
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from marketdata.calendars.exchange import UnknownCalendar
from marketdata.database import UnusableDatabase, usable_database
from marketdata.management.arguments import add_range_arguments, add_series_argument
from marketdata.management.backtest_report import format_trials, serialize_trials
from marketdata.management.base import CommandWithExamples
from marketdata.quality.backtest import Trial, backtest
from marketdata.quality.checks import find_checked_series, require_settings
from marketdata.quality.detectors.thresholds import KINDS, UnknownThreshold
from marketdata.quality.registry import BAR_KINDS
from marketdata.series import SeveralContracts, UnknownSeries

EXAMPLES = """
examples:
  How many findings of each kind half, twice … the present thresholds would have made:
    {manage} backtest_quality --series mnq
  Three thresholds of one kind, in one year:
    {manage} backtest_quality --series mnq --kind spike --threshold 8 10 20 --start 2025-01-01 --end 2026-01-01

A series has thresholds of its own in the admin, as an object: {"spike": 20}. The command stores nothing. Exit code:
0; 1 on an error; 2 if the command line is wrong.
"""


class Command(CommandWithExamples):
    help = "Count how many findings other thresholds would have made on the stored bars."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        add_series_argument(parser, default="all that have bars")
        add_range_arguments(parser, start="the first bar", end="the last bar, or now")
        parser.add_argument(
            "--kind",
            nargs="+",
            action="extend",
            default=[],
            choices=[kind for kind in KINDS if kind in BAR_KINDS],
            metavar="KIND",
            help="only these kinds; default: all that are found in bars",
        )
        parser.add_argument(
            "--threshold",
            nargs="+",
            action="extend",
            default=[],
            type=_parse_threshold,
            metavar="X",
            help="thresholds of the one --kind; default: 0.5, 0.75, 1, 1.5 and 2 times the present one",
        )
        parser.add_argument("--json", action="store_true", help="print the counts as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["start"] and options["end"] and options["start"] >= options["end"]:
            raise CommandError("--start is not before --end.", returncode=2)
        if options["threshold"] and len(set(options["kind"])) != 1:
            raise CommandError("--threshold needs the one --kind that it is a threshold of.", returncode=2)
        try:
            with usable_database():
                trials = _run(options)
        except (UnusableDatabase, UnknownSeries, SeveralContracts, UnknownCalendar, UnknownThreshold) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(serialize_trials(trials)) if options["json"] else format_trials(trials))


def _run(options: dict[str, Any]) -> list[Trial]:
    chosen = find_checked_series(options["series"] or ())
    require_settings(chosen)
    now = timezone.now()
    return [
        trial
        for series in chosen
        for trial in backtest(
            series,
            kinds=list(dict.fromkeys(options["kind"])),
            values=options["threshold"],
            start=options["start"],
            end=options["end"],
            now=now,
        )
    ]


def _parse_threshold(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ArgumentTypeError(f"{text!r} is not a positive number")
    return value
