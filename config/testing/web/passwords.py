"""Passwords of the tests' accounts."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class FastHasher(PBKDF2PasswordHasher):
    """Django's own hasher, whose million iterations would take longer than most tests that log in. A web server in
    another process accepts such a password too: the iterations are part of it."""

    iterations = 1
