"""`manage.py spending`: what was priced, bought and received in a month, and how near the caps are."""

import argparse
import json
import re
from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ingestion.cli.output import replace_unencodable_characters
from ingestion.cli.spending_report import format_spending, serialize_spending
from ingestion.feeds.spending import read_spending
from marketdata.database import UnusableDatabase, usable_database
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  This month, by the database's clock:
    {manage} spending
  Another month, for a script:
    {manage} spending --month 2026-10 --json

A request counts in the month in which it was bought, from before it was sent. What is charged and did not arrive is
paid for nothing: a stream that was cut cannot be downloaded again.

The command only reads. Exit code: 0; 1 on an error; 2 if the command line is wrong.
"""


class Command(CommandWithExamples):
    requires_system_checks = ()
    help = "Show what was priced, bought, received and paid for nothing in a month, and how near the caps are."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", type=_parse_month, metavar="YYYY-MM", help="default: this month, UTC")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        replace_unencodable_characters()
        try:
            with usable_database():
                spending = read_spending(options["month"])
        except UnusableDatabase as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(serialize_spending(spending)) if options["json"] else format_spending(spending))


def _parse_month(text: str) -> date:
    match = re.fullmatch(r"(\d{4})-(\d{2})", text, re.ASCII)
    try:
        return date(int(match[1]), int(match[2]), 1) if match else _refuse(text)
    except ValueError:
        return _refuse(text)


def _refuse(text: str) -> date:
    raise argparse.ArgumentTypeError(f"{text!r} is not a month such as 2026-10")
