"""The tokens of programs that read over the API."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from rest_framework.authtoken.models import Token

MAX_USERNAME = 150  # of Django's User.username


class InvalidUsername(ValueError):
    """The name is empty, or longer than a user's name can be."""


def issue_token(*, username: str, renew: bool = False) -> str:
    """Return the token of a user. A user who does not exist is created without a password.

    `renew` replaces the token, so that the old one stops working. Raises `InvalidUsername`.
    """
    if not 0 < len(username) <= MAX_USERNAME:
        raise InvalidUsername(f"The name must have 1 to {MAX_USERNAME} characters.")
    user, created = get_user_model().objects.get_or_create(username=username)
    if created:
        user.set_unusable_password()
        user.save()
    if renew:
        Token.objects.filter(user=user).delete()
    key: str = Token.objects.get_or_create(user=user)[0].key
    return key
