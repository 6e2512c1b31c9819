"""`manage.py make_api_token`: print a token for a program that uses the API."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from marketdata.access.expiry import FORMS, parse_expiry
from marketdata.access.tokens import TokenError, issue_token
from marketdata.database import UnusableDatabase, usable_database
from marketdata.management.base import CommandWithExamples
from marketdata.models import ApiToken

EXAMPLES = """
examples:
  Print a token for a notebook, and read bars with it:
    {manage} make_api_token research-notebook
    curl -H "Authorization: Token …" 'http://localhost:8000/api/market-data/mnq/ohlcv-1m/bars?limit=5'
  A token that expires:
    {manage} make_api_token contractor --expires 90d
  Replace a token that has leaked or is lost; scope and expiry are those given now:
    {manage} make_api_token research-notebook --renew

The token is shown only once: the database has its hash. The admin lists tokens with their last use, and revokes them.
Exit code: 0 if the token was printed, 1 if not.
"""


class Command(CommandWithExamples):
    help = (
        "Print a new API token of the account with this name. An account that does not exist is created without a "
        "password. Use the token as: Authorization: Token <token>."
    )
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="name of the account: what the token is for, such as research-notebook")
        parser.add_argument(
            "--renew", action="store_true", help="replace the token of this name; the old one stops working"
        )
        parser.add_argument(
            "--read-write",
            action="store_true",
            help="the token may also change what the account has permission for; without it, a token only reads",
        )
        parser.add_argument("--expires", metavar="D", help=f"{FORMS}; a date is the last day. Without it, never")

    def handle(self, *args: Any, **options: Any) -> None:
        scope = ApiToken.Scope.READ_WRITE if options["read_write"] else ApiToken.Scope.READ
        try:
            expires_at = None if options["expires"] is None else parse_expiry(options["expires"])
            with usable_database():
                token = issue_token(name=options["name"], renew=options["renew"], scope=scope, expires_at=expires_at)
        except (UnusableDatabase, TokenError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(token)
