"""`manage.py make_api_token`: a token for a program that reads over REST."""

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.authtoken.models import Token


class Command(BaseCommand):
    help = (
        "Print the API token of a user, who is created without a password if there is none of that name. "
        "The API only reads, so a token can change nothing. Use it as: Authorization: Token <token>."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the user: what the token is for, such as research-notebook")
        parser.add_argument("--renew", action="store_true", help="make a new token; the old one stops working")

    def handle(self, *args, **options) -> None:
        if not 0 < len(options["name"]) <= 150:
            raise CommandError("The name must have 1 to 150 characters.")
        user, created = get_user_model().objects.get_or_create(username=options["name"])
        if created:
            user.set_unusable_password()
            user.save()
        if options["renew"]:
            Token.objects.filter(user=user).delete()
        self.stdout.write(Token.objects.get_or_create(user=user)[0].key)
