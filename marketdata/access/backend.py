"""The authentication backend that is asked first: an attempt that must wait ends before a password is hashed."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from marketdata.access.client_address import find_client_address
from marketdata.access.failed_logins import count_attempt, forget_failures

WAIT_ATTRIBUTE = "login_wait"  # of a request whose login must wait: seconds


class WaitingBackend:
    """Logs no account in, so it has no `get_user`. Django asks the next backend, unless this one raises
    `PermissionDenied`."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> None:
        # Without a request there is no client that could guess.
        if request is None or username is None or password is None:
            return
        if wait := count_attempt(username, find_client_address(request)):
            setattr(request, WAIT_ATTRIBUTE, wait)
            raise PermissionDenied


def get_wait(request: HttpRequest | None) -> int:
    """How many seconds the login of this request must wait; 0 if it need not."""
    return int(getattr(request, WAIT_ATTRIBUTE, 0))


def _forget_failures(request: HttpRequest | None, user: Any, **signal: Any) -> None:
    if request is not None:
        forget_failures(user.get_username(), find_client_address(request))


# A login with a password has asked the backend, so this module is loaded before the signal is sent.
user_logged_in.connect(_forget_failures, dispatch_uid="forget failed logins")
