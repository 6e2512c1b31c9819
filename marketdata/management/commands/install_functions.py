"""`manage.py install_functions`: create the database functions and triggers again."""

from typing import Any

from django.core.management.base import CommandError
from django.db import ProgrammingError

from marketdata.command_line import manage
from marketdata.database import UnusableDatabase, describe_missing, first_line, usable_database
from marketdata.management.base import CommandWithExamples
from marketdata.sql.install import install_functions
from marketdata.sql.installed import MissingTables

EXAMPLES = """
examples:
  After another command reported that a function or trigger is missing, disabled or differs:
    {manage} install_functions
    {manage} verify_candles --repair

`migrate` installs the functions once, with the migration that brings them. This command is for a database that lost
some of them later, for example because it was restored only in part. A function or trigger that differs is dropped
first, together with what depends on it. Connect as the owner of the tables. Running it again changes nothing.
Exit code: 0 if all are installed, 1 if not, 2 if the command line is wrong.
"""


class Command(CommandWithExamples):
    help = "Create or replace every database function and trigger of this version, in one transaction."
    examples = EXAMPLES

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with usable_database(functions=False):
                _install()
        except UnusableDatabase as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            "Installed the database functions and triggers. Bars may have been written without them: run "
            f"`{manage()} verify_candles --repair` now."
        )


def _install() -> None:
    try:
        install_functions()
    except MissingTables as error:
        raise CommandError(describe_missing(error.names)) from error
    except ProgrammingError as error:
        if getattr(error.__cause__, "pgcode", None) != "42501":  # insufficient_privilege
            raise
        raise CommandError(
            f"The functions cannot be installed ({first_line(error)}): connect as the owner of the tables, "
            "or as a superuser."
        ) from error
