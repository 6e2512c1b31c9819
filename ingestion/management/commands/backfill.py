"""`manage.py backfill`: bring in what is missing from the vendor's history, within the caps."""

import argparse
import json
import re
import sys
from decimal import Decimal
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ingestion.cancellation import CancellationToken, cancel_on_signals
from ingestion.cli import backfill_report
from ingestion.cli.backfill_progress import TerminalBackfill, ask
from ingestion.cli.output import replace_unencodable_characters
from ingestion.cli.quality import check_new_bars
from ingestion.errors import Interrupted
from ingestion.feeds.history.backfill import run_backfill
from ingestion.feeds.history.report import BackfillOptions, BackfillResult, serialize_result
from marketdata.management.arguments import add_range_arguments, add_series_argument
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  See what is missing and what it costs, and buy nothing:
    {manage} backfill --dry-run
  Fill one series, for 5 dollars at most, after a question:
    {manage} backfill --series mnq --max-cost 5
  Fill October 2026 without a question:
    {manage} backfill --series mnq --start 2026-10-01 --end 2026-11-01 --yes
  Every day, from cron: all series that ask for it, after any time off:
    {manage} backfill --daily

A series is requested once it has a subscription: its dataset, the vendor's symbol and the kind of that symbol. Money is
spent only within FEED_MAX_USD_PER_RUN and FEED_MAX_USD_PER_MONTH, and only after the plan with its price is printed.
Without a terminal, nothing is bought unless --yes or --daily is given. What is paid for is never bought again.
Exit code: 0 if all is done, or nothing is to do; 1 on an error; 2 if an option is invalid; 3 if a cap would be
exceeded, or the caps are not set; 130 or 143 if interrupted.
"""


class Command(CommandWithExamples):
    requires_system_checks = ()  # they import every page of the site
    help = "Bring in what is missing from the vendor's history: plan, price, buy, check, ingest."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        add_series_argument(parser, default="all that have a subscription")
        add_range_arguments(parser, start="the subscription's", end="all that is available")
        parser.add_argument(
            "--max-cost", type=_parse_usd, metavar="USD", help="spend at most this; it can only lower the cap of a run"
        )
        parser.add_argument("--dry-run", action="store_true", help="print the plan with its price, and buy nothing")
        parser.add_argument("--yes", action="store_true", help="buy without a question")
        parser.add_argument(
            "--daily", action="store_true", help="for cron: the series that ask for it, without a question"
        )
        parser.add_argument(
            "--include-revised",
            action="store_true",
            help="also buy days again that the vendor revised and that are older than 90 days",
        )
        parser.add_argument("--verbose", action="store_true", help="a line per step, with timings, on standard error")
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        replace_unencodable_characters()
        if options["start"] and options["end"] and options["start"] >= options["end"]:
            raise CommandError("--start is not before --end.", returncode=2)
        with cancel_on_signals() as token:
            progress = TerminalBackfill(token, verbose=options["verbose"], print_plan=self._print_plan(options))
            try:
                result = run_backfill(
                    options=_read_options(options),
                    progress=progress,
                    confirm=lambda result: _confirm(result, options, token),
                )
            finally:
                progress.close()
        self._print(result, options)
        if not options["dry_run"]:
            check_new_bars(None if options["json"] else self.stdout.write)
        if result.exit_code:
            raise CommandError(_describe_end(result), returncode=result.exit_code)

    def _print_plan(self, options: dict[str, Any]) -> Any:
        def print_plan(result: BackfillResult) -> None:
            if not options["json"]:
                self.stdout.write(backfill_report.format_plan(result))
                self.stdout.flush()

        return print_plan

    def _print(self, result: BackfillResult, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(serialize_result(result)))
            return
        if result.plan.series or result.outcomes:
            self.stdout.write(backfill_report.format_result(result))
        if result.is_confirmed is False:
            self.stdout.write(backfill_report.NOT_CONFIRMED)


def _read_options(options: dict[str, Any]) -> BackfillOptions:
    return BackfillOptions(
        slugs=tuple(options["series"] or ()),
        start=options["start"],
        end=options["end"],
        max_usd=options["max_cost"],
        is_dry_run=options["dry_run"],
        is_daily=options["daily"],
        include_revised=options["include_revised"],
    )


def _confirm(result: BackfillResult, options: dict[str, Any], token: CancellationToken) -> bool:
    if options["yes"] or options["daily"]:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return ask(backfill_report.format_question(result), token)


def _describe_end(result: BackfillResult) -> str:
    if isinstance(result.error, Interrupted):
        return "interrupted: what was stored stays, and the same command goes on with the rest"
    return result.error_text


def _parse_usd(text: str) -> Decimal:
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of US dollars such as 5 or 2.50")
    return Decimal(text)
