"""What the project's commands have in common."""

import argparse

from django.core.management.base import BaseCommand, CommandParser

from marketdata.command_line import manage


class CommandWithExamples(BaseCommand):
    """A command whose --help ends with `examples`, typed as they are typed here: `{manage}` stands for manage.py."""

    examples = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs) -> CommandParser:
        return super().create_parser(
            prog_name,
            subcommand,
            epilog=self.examples.replace("{manage}", manage()),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **kwargs,
        )
