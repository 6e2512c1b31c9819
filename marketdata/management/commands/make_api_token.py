"""`manage.py make_api_token`: a token for a program that reads over REST."""

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser
from rest_framework.authtoken.models import Token

from marketdata.database import UnusableDatabase, usable_database
from marketdata.management.base import CommandWithExamples

EXAMPLES = """
examples:
  A token for a notebook, and bars read with it:
    {manage} make_api_token research-notebook
    curl -H "Authorization: Token …" 'http://localhost:8000/api/market-data/mnq/ohlcv-1m/bars?limit=5'
  The same name prints the same token again. A new one, since the old one has leaked:
    {manage} make_api_token research-notebook --renew

Exit code: 0 if the token was printed, 1 if not.
"""


class Command(CommandWithExamples):
    help = (
        "Print the API token of a user, who is created without a password if there is none of that name. "
        "The API only reads, so a token can change nothing. Use it as: Authorization: Token <token>."
    )
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the user: what the token is for, such as research-notebook")
        parser.add_argument("--renew", action="store_true", help="make a new token; the old one stops working")

    def handle(self, *args, **options) -> None:
        if not 0 < len(options["name"]) <= 150:
            raise CommandError("The name must have 1 to 150 characters.")
        try:
            with usable_database():
                self.stdout.write(_token(options["name"], renew=options["renew"]))
        except UnusableDatabase as error:
            raise CommandError(str(error)) from error


def _token(name: str, *, renew: bool) -> str:
    user, created = get_user_model().objects.get_or_create(username=name)
    if created:
        user.set_unusable_password()
        user.save()
    if renew:
        Token.objects.filter(user=user).delete()
    return Token.objects.get_or_create(user=user)[0].key
