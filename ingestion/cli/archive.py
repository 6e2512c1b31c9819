"""What archive_year and restore_year share: their arguments, their progress and their output."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from ingestion.archive.checks import FIRST_YEAR, LAST_YEAR
from ingestion.cancellation import CancellationToken, cancel_on_signals
from ingestion.cli.output import print_log_line, print_wait, replace_unencodable_characters
from ingestion.errors import IngestError, Interrupted
from ingestion.options import parse_whole_number
from ingestion.progress import Progress
from marketdata.formatting import format_count
from marketdata.models import ArchivedYear
from marketdata.timestamps import to_iso

_REPORT_SECONDS = 0.5


def add_year_argument(parser: CommandParser) -> None:
    """Add the year, which must be one of the trading calendars."""
    parser.add_argument("year", type=_parse_year, metavar="YEAR", help="by ts in UTC, for example 2018")


@contextlib.contextmanager
def report_errors(what: str, *, verbose: bool) -> Iterator[Progress]:
    """Yield the progress of a command. Errors become `CommandError`. `what` the command does: `archive the year`."""
    replace_unencodable_characters()
    try:
        with cancel_on_signals() as token:
            yield _ArchiveProgress(token, verbose=verbose)
    except Interrupted as error:
        message = f"interrupted: no bar is lost; run the same command again to {what}"
        raise CommandError(message, returncode=error.exit_code) from error
    except IngestError as error:
        raise CommandError(str(error)) from error


def print_result(stdout: OutputWrapper, result: Any, options: dict, text: str) -> None:
    """Print the text, or the fields of the result as JSON."""
    if not options["json"]:
        stdout.write(text)
        return
    fields = {name: value for name, value in vars(result).items() if name != "record"}
    record: ArchivedYear | None = getattr(result, "record", None)
    if record is not None:
        fields |= {
            "lake_as_of": to_iso(record.lake_as_of),
            "archived_at": to_iso(record.archived_at),
            "dropped_at": to_iso(record.dropped_at) if record.dropped_at else None,
        }
    stdout.write(json.dumps({"dry_run": options["dry_run"]} | fields))


class _ArchiveProgress(Progress):
    """Prints the steps if `verbose`, and the count of bars on a terminal, to standard error."""

    def __init__(self, token: CancellationToken, *, verbose: bool) -> None:
        super().__init__()
        self._token, self._verbose = token, verbose
        self._started = time.perf_counter()
        self._reported = 0.0

    def step(self, name: str) -> None:
        if self._verbose:
            print_log_line(name, started=self._started)

    def count_rows(self, count: int) -> None:
        now = time.perf_counter()
        if sys.stderr.isatty() and now - self._reported > _REPORT_SECONDS:
            self._reported = now
            print(f"\r{format_count(count, 'bar')} ", end="", file=sys.stderr, flush=True)  # noqa: T201

    def wait_for(self, holder: str) -> None:
        print_wait(holder)

    def raise_if_cancelled(self) -> None:
        self._token.raise_if_cancelled()


def _parse_year(text: str) -> int:
    try:
        year = parse_whole_number(maximum=LAST_YEAR)(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a year") from error
    if year < FIRST_YEAR:
        raise argparse.ArgumentTypeError(f"{text!r} is not a year of the trading calendars (from {FIRST_YEAR} on)")
    return year
