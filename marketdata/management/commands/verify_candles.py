"""`manage.py verify_candles`: compare the hourly rollup with the minute bars."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from marketdata.database import UnusableDatabase, usable_database
from marketdata.management.base import CommandWithExamples
from marketdata.management.verify_report import count_unrepaired, print_results
from marketdata.rollup.verify import verify_candles
from marketdata.series import SeveralContracts, UnknownSeries, find_symbol

EXAMPLES = """
examples:
  Verify all series:
    {manage} verify_candles
  Verify one series, by the slug of its address or the short code of a contract:
    {manage} verify_candles --series mnq
    {manage} verify_candles --series nqh25
  Rebuild the hours that differ, for example after triggers were disabled:
    {manage} verify_candles --repair
  Write the results of every night for a script:
    {manage} verify_candles --json > results.json

Without --repair the command only reads.
Exit code: 0 if nothing differs or all was repaired, 2 if the command line is wrong, 1 otherwise.
"""


class Command(CommandWithExamples):
    help = "Compute every hour from its minute bars and compare it with the hourly rollup (market_bars_ohlcv_1h)."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--series", metavar="SLUG", help="verify only this series; default: all that have bars")
        parser.add_argument("--repair", action="store_true", help="rebuild the hours that differ, series by series")
        parser.add_argument(
            "--json", action="store_true", help="print the results as one JSON object to standard output"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with usable_database():
                symbol = find_symbol(options["series"]) if options["series"] is not None else None
                results = print_results(
                    verify_candles(symbol=symbol, repair=options["repair"]), self.stdout, as_json=options["json"]
                )
        except (UnusableDatabase, UnknownSeries, SeveralContracts) as error:
            raise CommandError(str(error)) from error
        if count := count_unrepaired(results):
            raise CommandError(
                f"{count:,} of {len(results):,} series differ from their bars: run it again with --repair."
            )
