"""The base class of the project's commands."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config import __version__
from marketdata.command_line import manage


class CommandWithExamples(BaseCommand):
    """A command whose `--help` ends with `examples` and whose `--version` prints the project's version.

    In `examples`, `{manage}` stands for manage.py as it is typed on this machine.
    """

    examples = ""

    def get_version(self) -> str:
        return f"barkeep {__version__}"  # Django's own would be printed as if it were the project's

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name,
            subcommand,
            epilog=self.examples.replace("{manage}", manage()),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **kwargs,
        )
