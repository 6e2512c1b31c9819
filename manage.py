#!/usr/bin/env python
"""The command line of the project: `.venv/bin/python manage.py help` lists the commands."""

from __future__ import annotations

import gc
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.core.management.base import BaseCommand


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # numpy's threads for matrix products are never used, and starting them takes a tenth of a second.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        _execute()
        sys.stdout.flush()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C after the end must not print a traceback
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # the reader closed the pipe, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python reports it again at exit
        sys.exit(128 + signal.SIGPIPE)


def _execute() -> None:
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import ManagementUtility
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
        sys.exit(_explain_missing_django())

    if sys.argv[1:2] == ["runserver"]:
        from config.embedded.shutdown import stop_server_at_exit

        stop_server_at_exit()
    from django.db import Error

    class CollectingUtility(ManagementUtility):
        """Enables the garbage collector when the command is imported, for the objects created from then on."""

        def fetch_command(self, subcommand: str) -> BaseCommand:
            command = super().fetch_command(subcommand)
            gc.freeze()
            gc.enable()
            return command

    try:
        CollectingUtility(sys.argv).execute()
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration error: {error}")
    except Error as error:
        if sys.argv[1:2] != ["migrate"]:
            raise
        sys.exit(_explain_migrate_failure(error))


def _explain_migrate_failure(error: Exception) -> str:
    """The message for a role that may not create tables, or a database that cannot be reached."""
    reason = str(error).strip().partition("\n")[0]
    return (
        f"CommandError: The database cannot be migrated ({reason}): check DATABASE_URL, and that its role owns the "
        "tables and may create others in the schema. Migrations that were applied before stay applied."
    )


def _explain_missing_django() -> str:
    """The message for a Python without the project's packages: the command to run instead."""
    python = Path(".venv", "bin", "python")
    venv = Path(__file__).resolve().parent / ".venv"
    if (venv.parent / python).exists() and Path(sys.prefix).resolve() != venv.resolve():
        command = shlex.join(["manage.py", *sys.argv[1:]])
        return f"This Python lacks the project's packages, which the Python in .venv has: run {python} {command}"
    return f"The project's packages are not installed: run `make demo`, then use {python} manage.py."


if __name__ == "__main__":
    # Nearly all objects of the imported modules stay until the end: to look for garbage among them takes a sixth of the
    # start. `CollectingUtility` enables it again.
    gc.disable()
    main()
