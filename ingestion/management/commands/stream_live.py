"""`manage.py stream_live`: keep series current to the minute with the vendor's live feed."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from ingestion.cancellation import cancel_on_signals
from ingestion.cli.output import replace_unencodable_characters
from ingestion.errors import IngestError
from ingestion.feeds.live.run import run_live
from ingestion.jobs.requests import request_price
from marketdata.management.arguments import add_series_argument
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  Keep all series that are live current, until Ctrl-C or SIGTERM:
    {manage} stream_live
  One series, whether it is live or not:
    {manage} stream_live --series mnq

A series needs a subscription: its dataset, the vendor's symbol and the kind of that symbol. After any interruption, the
gateway's replay of up to 24 hours fills what is lacking; for what is older, the price of history is requested, and
backfill buys it within the caps. Live bars are provisional until history confirms their day.
One process receives for a database. A second one waits, and takes over when the first ends.
Exit code: 0 if ended by a signal; 1 if the vendor refuses the key or the subscription, or on another error; 2 if an
option is invalid.
"""


class Command(CommandWithExamples):
    requires_system_checks = ()  # they import every page of the site
    help = "Keep series current to the minute: receive, store each closed minute, reconnect without holes."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        add_series_argument(parser, default="all that are live")

    def handle(self, *args: Any, **options: Any) -> None:
        replace_unencodable_characters()
        with cancel_on_signals() as token:
            token.acknowledged.set()  # a batch takes some milliseconds, and is not cancelled
            try:
                run_live(slugs=options["series"] or (), token=token, report=self._report, request_price=request_price)
            except IngestError as error:
                raise CommandError(str(error), returncode=1) from error

    def _report(self, sentence: str) -> None:
        self.stdout.write(f"{timezone.now():%Y-%m-%d %H:%M:%S} UTC  {sentence}")
        self.stdout.flush()
