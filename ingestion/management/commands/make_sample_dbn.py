"""`manage.py make_sample_dbn`: a DBN file with invented MNQ bars, to try the project without a subscription."""

from datetime import date
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion.samples import write_mnq_sample


class Command(BaseCommand):
    help = "Write an MNQ.c.0 file (ohlcv-1m) with invented prices. The same arguments give the same file."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="where to write it: a name ending in .dbn or .dbn.zst")
        parser.add_argument("--bars", type=int, default=50_000, help="how many bars (default 50,000)")
        parser.add_argument("--start", type=date.fromisoformat, default=date(2024, 1, 1), help="first day (2024-01-01)")
        parser.add_argument("--seed", type=int, default=1, help="another number gives other prices")

    def handle(self, *args, **options) -> None:
        path = options["path"]
        if options["bars"] < 1:
            raise CommandError("--bars must be at least 1.")
        if options["seed"] < 0:
            raise CommandError("--seed must not be negative.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_mnq_sample(path, bars=options["bars"], first_day=options["start"], seed=options["seed"])
        except OSError as error:
            raise CommandError(f"{path} cannot be written ({error.strerror}).") from error
        self.stdout.write(f"Wrote {options['bars']:,} invented bars of MNQ.c.0 to {path}.")
