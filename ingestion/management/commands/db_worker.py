"""`manage.py db_worker`: run the jobs that users request on pages."""

import os
import platform
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV, run_with_reloader
from django_tasks_db.management.commands.db_worker import Command as LibraryCommand

from ingestion.database import require_own_session
from ingestion.errors import IngestError
from ingestion.jobs.worker import JobWorker
from marketdata.alerts.channels import UnknownService, require_channels
from marketdata.database import UnusableDatabase, require_database
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  Run jobs until Ctrl-C or SIGTERM:
    {manage} db_worker
  Run the jobs that wait, then end, for cron:
    {manage} db_worker --batch

Exit code: 0 if it was ended by a signal or --batch, 1 if it cannot run.
"""


class Command(CommandWithExamples, LibraryCommand):
    """The command of django-tasks-db with a worker that pages can see, named after its machine and process."""

    help = "Run the jobs that users request on pages: try a failed run again, undo a run."

    examples = EXAMPLES

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(worker_id=f"{platform.node()[:50]}-{os.getpid()}")

    def handle(self, *, verbosity: int, queue_name: str, exclude_queues: str, reload: bool, **options: Any) -> None:
        self.configure_logging(verbosity)
        excluded = exclude_queues.split(",") if exclude_queues else []
        if excluded and "*" not in queue_name.split(","):
            raise CommandError("--exclude-queues can only be used with --queue-name='*'")
        names = ("interval", "batch", "backend_name", "startup_delay", "max_tasks", "worker_id")
        worker = JobWorker(
            queue_names=queue_name.split(","),
            excluded_queue_names=excluded,
            **{name: options[name] for name in names},
        )
        try:
            require_database()
            require_own_session()
            require_channels()
            if not reload or options["batch"]:
                worker.configure_signals()
                worker.run()
                return
            if os.environ.get(DJANGO_AUTORELOAD_ENV) == "true":
                worker.configure_signals()  # only in the child process
            run_with_reloader(worker.run)
        except (UnusableDatabase, IngestError, UnknownService) as error:
            raise CommandError(str(error)) from error
