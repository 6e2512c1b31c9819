"""The base class of the project's commands."""

import argparse
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper

from config import __version__
from marketdata.command_line import manage
from marketdata.formatting import escape_controls
from marketdata.sources.errors import ArchivedBarsUnreadable


class PrintableOutput(OutputWrapper):
    """Escapes control characters, whatever names and errors a command prints. Django's colours are added later."""

    def write(self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: str | None = None) -> None:  # type: ignore[override]  # as in Django
        super().write(escape_controls(msg), style_func, ending)


class CommandWithExamples(BaseCommand):
    """A command whose `--help` ends with `examples` and whose `--version` prints the project's version.

    In `examples`, `{manage}` stands for manage.py as it is typed on this machine.
    """

    examples = ""

    def get_version(self) -> str:
        return f"barkeep {__version__}"  # Django's own would be printed as if it were the project's

    def execute(self, *args: Any, **options: Any) -> str | None:
        out, err = (options.pop(name, None) or vars(getattr(self, name))["_out"] for name in ("stdout", "stderr"))
        self.stdout, self.stderr = PrintableOutput(out), PrintableOutput(err)
        self.stderr.style_func = self.style.ERROR
        try:
            return super().execute(*args, **options)
        except ArchivedBarsUnreadable as error:
            raise CommandError(error.explanation) from error

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name,
            subcommand,
            epilog=self.examples.replace("{manage}", manage()),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **kwargs,
        )
