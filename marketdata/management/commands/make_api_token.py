"""`manage.py make_api_token`: print a token for a program that reads over the API."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from marketdata.api_tokens import InvalidUsername, issue_token
from marketdata.database import UnusableDatabase, usable_database
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  Print a token for a notebook, and read bars with it:
    {manage} make_api_token research-notebook
    curl -H "Authorization: Token …" 'http://localhost:8000/api/market-data/mnq/ohlcv-1m/bars?limit=5'
  The same name prints the same token again. Replace a token that has leaked:
    {manage} make_api_token research-notebook --renew

Exit code: 0 if the token was printed, 1 if not.
"""


class Command(CommandWithExamples):
    help = (
        "Print the API token of a user. A user who does not exist is created without a password. "
        "The API only reads, so a token can change nothing. Use it as: Authorization: Token <token>."
    )
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="name of the user: what the token is for, such as research-notebook")
        parser.add_argument("--renew", action="store_true", help="create a new token; the old one stops working")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with usable_database():
                token = issue_token(username=options["name"], renew=options["renew"])
        except (UnusableDatabase, InvalidUsername) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(token)
