"""`manage.py verify_lake`: compare the lake with the database."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from marketdata.database import UnusableDatabase, usable_database
from marketdata.lake.errors import LakeError
from marketdata.lake.store import open_store
from marketdata.lake.verification.verify import verify_lake
from marketdata.management.base import CommandWithExamples
from marketdata.management.lake_report import add_target_argument, find_target, require_no_damages, serialize_manifest

EXAMPLES = """
examples:
  Verify a lake, or that of LAKE_DIR:
    {manage} verify_lake var/lake
    {manage} verify_lake

Reads every file: it must have the SHA-256 of the manifest, and the sums of its bars by hour must be those of the hourly
rollup. Symbols and years that runs have changed since the export are counted, and not compared with the rollup.
The command only reads.
Exit code: 0 if all is right, 1 if not, 2 if the command line is wrong.
"""


class Command(CommandWithExamples):
    help = "Compare all files of the lake with its manifest, and their bars with the hourly rollup."
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", nargs="?", metavar="DIR", help="the same as --to")
        add_target_argument(parser, "--to")
        parser.add_argument("--json", action="store_true", help="print one JSON object to standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["target"] and options["to"]:
            raise CommandError("DIR and --to are the same: give one of them.", returncode=2)
        try:
            store = open_store(find_target(options["target"] or options["to"]))
            with usable_database():
                result = verify_lake(store)
        except (UnusableDatabase, LakeError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            report = {"ok": not result.damages, "damages": result.damages, "hours": result.hour_count}
            report["changed_since"] = [{"symbol": symbol, "year": year} for symbol, year in sorted(result.changed)]
            self.stdout.write(json.dumps(serialize_manifest(result.manifest) | report))
        require_no_damages(store, result, None if options["json"] else self.stdout)
