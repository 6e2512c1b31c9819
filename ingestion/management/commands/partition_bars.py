"""`manage.py partition_bars`: give a table of bars of an earlier release its yearly partitions."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ingestion.archive.partitioning.pipeline import abandon_partitions, partition_bars, preview_partitions
from ingestion.cancellation import cancel_on_signals
from ingestion.cli import partition_report
from ingestion.cli.output import replace_unencodable_characters
from ingestion.cli.partition_progress import PartitionProgress
from ingestion.errors import IngestError, Interrupted
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  See the years, the disk and the time that are needed, and change nothing:
    {manage} partition_bars --dry-run
  Partition the table, or go on after an interruption:
    {manage} partition_bars
  Remove what an interrupted run has copied, and keep the table whole:
    {manage} partition_bars --abandon

A new installation has partitions; a database of an earlier release gets them by this command. Each year is copied, and
at the end the copies replace the table. Readers and loads go on meanwhile; loads wait for a moment at the end. Until
then the table is as before, whatever happens, and what is copied is used by the next run. The server needs free disk of
about the table's size. The role must own the table.
Exit code: 0 if the table is partitioned, 1 if not, 2 if the command line is wrong, 130 or 143 if interrupted.
"""


class Command(CommandWithExamples):
    help = "Partition market_bars_ohlcv_1m by year, as in a new installation."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--dry-run", action="store_true", help="list years, disk and time, but write nothing")
        mode.add_argument("--abandon", action="store_true", help="remove the copies of an interrupted run")
        parser.add_argument("--verbose", action="store_true", help="a line per step, with timings, on standard error")
        parser.add_argument("--json", action="store_true", help="the summary as one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        replace_unencodable_characters()
        try:
            summary = _run(options)
        except IngestError as error:
            if options["json"]:
                self.stdout.write(json.dumps(partition_report.serialize_failure(error, dry_run=options["dry_run"])))
            code = error.exit_code if isinstance(error, Interrupted) else 1
            raise CommandError(str(error), returncode=code) from error
        self.stdout.write(summary)


def _run(options: dict) -> str:
    with cancel_on_signals() as token, PartitionProgress(token, verbose=options["verbose"]) as progress:
        if options["abandon"]:
            found = abandon_partitions(progress=progress)
            text = partition_report.ABANDONED if found else partition_report.NOTHING_TO_ABANDON
            return json.dumps({"ok": True, "abandoned": found}) if options["json"] else text
        if options["dry_run"]:
            result = preview_partitions(progress=progress)
            text = partition_report.format_preview(result)
        else:
            result = partition_bars(progress=progress)
            text = partition_report.format_result(result)
        return (
            json.dumps(partition_report.serialize_result(result, dry_run=options["dry_run"]))
            if options["json"]
            else text
        )
