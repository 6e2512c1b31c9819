"""`manage.py export_lake`: write all bars to the lake."""

import json
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from marketdata.database import UnusableDatabase, usable_database
from marketdata.formatting import format_count
from marketdata.lake.errors import LakeError
from marketdata.lake.export.pipeline import ExportResult, export_lake
from marketdata.lake.store import Store, open_store
from marketdata.lake.verification.verify import verify_lake
from marketdata.management.base import CommandWithExamples
from marketdata.management.lake_report import add_target_argument, find_target, require_no_damages, serialize_manifest

EXAMPLES = """
examples:
  Write all bars as Parquet files, and verify them:
    {manage} export_lake --to var/lake --verify
  After loads, write only what they changed:
    {manage} export_lake --to var/lake --since-last
  To a bucket, with credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY:
    {manage} export_lake --to s3://bucket/lake --since-last

The lake then has exactly the bars of the table: read its *.parquet files, or those that its manifest names. Without
--since-last all files are written, and files that are equal keep their names. marketdata/lake/README.md has queries.
Exit code: 0 if the lake is complete (and verified), 1 if not, 2 if the command line is wrong, 130 if interrupted.
"""


class Command(CommandWithExamples):
    help = "Write all minute bars as Parquet files, by dataset and year, into a folder or an S3 bucket."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        add_target_argument(parser, "--to")
        parser.add_argument("--since-last", action="store_true", help="write only what changed since the last export")
        parser.add_argument("--verify", action="store_true", help="verify the lake afterwards, as verify_lake does")
        parser.add_argument("--json", action="store_true", help="print one JSON object to standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        target = find_target(options["to"])
        try:
            store = open_store(target)
            with usable_database():
                result = export_lake(store, since_last=options["since_last"], progress=self._show_progress)
                if not options["json"]:
                    self._print(store, result)
                verified = verify_lake(store) if options["verify"] else None
        except (UnusableDatabase, LakeError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            damages = None if verified is None else verified.damages
            written = {"written_files": result.written_files, "written_rows": result.written_rows}
            report = serialize_manifest(result.manifest) | written | {"notes": result.notes, "damages": damages}
            self.stdout.write(json.dumps(report))
        if verified is not None:
            require_no_damages(store, verified, None if options["json"] else self.stdout)

    def _print(self, store: Store, result: ExportResult) -> None:
        for note in result.notes:
            self.stdout.write(note)
        manifest = result.manifest
        self.stdout.write(
            f"{store.name} has {format_count(manifest.rows, 'bar')} in {format_count(len(manifest.files), 'file')}, as "
            f"of {manifest.as_of:%Y-%m-%d %H:%M:%S} UTC.\n"
            f"Written: {format_count(result.written_files, 'file')} with {format_count(result.written_rows, 'bar')}."
        )

    def _show_progress(self, done: int, rows: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"{done:,} of {format_count(rows, 'bar')}", lambda text: text)
