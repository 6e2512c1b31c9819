"""`manage.py make_sample_dbn`: write a DBN file of invented MNQ bars, to try the project without a subscription."""

import argparse
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ingestion.dbn.folders import DBN_SUFFIXES
from ingestion.dbn.samples import write_mnq_sample
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  Write 50,000 minutes from 2024-01-01 on, and load them into a series of their own:
    {manage} make_sample_dbn var/demo/sample.dbn.zst
    {manage} ingest_dbn --input var/demo/sample.dbn.zst --symbol DEMO
  Write the same minutes with other prices:
    {manage} make_sample_dbn var/demo/other.dbn --seed 2
  Write a week in summer:
    {manage} make_sample_dbn week.dbn.zst --start 2024-07-01 --bars 6900

The prices are invented. The minutes are those of the exchange's calendar (CME Globex Equity), with its holidays, early
closes and daylight saving time.
"""
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2199, 12, 31)


class Command(CommandWithExamples):
    help = "Write an MNQ.c.0 file (ohlcv-1m) with invented prices. The same arguments give the same file."
    examples = EXAMPLES
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=_parse_path, help="file to write; its name ends in .dbn or .dbn.zst")
        parser.add_argument("--bars", type=int, default=50_000, help="number of bars (default: 50,000)")
        parser.add_argument(
            "--start",
            type=_parse_date,
            default=date(2024, 1, 1),
            metavar="DATE",
            help="first day (default: 2024-01-01)",
        )
        parser.add_argument("--seed", type=int, default=1, help="another number gives other prices (default: 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["path"]
        if options["bars"] < 1:
            raise CommandError("--bars must be at least 1.")
        if options["seed"] < 0:
            raise CommandError("--seed must not be negative.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_mnq_sample(path, bars=options["bars"], first_day=options["start"], seed=options["seed"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{path} cannot be written ({error.strerror}).") from error
        self.stdout.write(f"Wrote {options['bars']:,} invented bars of MNQ.c.0 to {path}.")


def _parse_path(text: str) -> Path:
    if not text.endswith(DBN_SUFFIXES):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in {' or '.join(DBN_SUFFIXES)}, as a DBN file does")
    return Path(text)


def _parse_date(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date: write it as 2024-01-01") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise argparse.ArgumentTypeError(f"{text} is not between {FIRST_DAY} and {LAST_DAY}")
    return day
