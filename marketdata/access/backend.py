"""The authentication backend of web requests. A login that must wait ends before a password is hashed, and so does one
for which the process has no slot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.hashers import verify_password
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest

from marketdata.access.client_address import find_client_address
from marketdata.access.failed_logins import count_attempt, forget_failures, release_attempt
from marketdata.access.hash_slots import RETRY_SECONDS, slots
from marketdata.database import is_write_refused

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# Of a request: how many seconds its login must wait, and whether the reason is that too many are checked.
WAIT_ATTRIBUTE, BUSY_ATTRIBUTE = "login_wait", "login_busy"


class WaitingBackend(BaseBackend):
    """Checks the logins of web requests by Django's own backend. Permissions are that backend's, too."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """None where Django asks its own backend: without a request there is no client that could guess."""
        if request is None or username is None or password is None:
            return None
        address = find_client_address(request)
        attempt = count_attempt(username, address)
        if attempt.wait:
            _refuse(request, attempt.wait)
        with slots.hold(preferred=attempt.is_first) as may_check:
            user = _check(request, username, password) if may_check else None
        if not may_check:
            release_attempt(username, address)
            setattr(request, BUSY_ATTRIBUTE, True)
            _refuse(request, RETRY_SECONDS)
        if user is None:
            raise PermissionDenied  # else Django asks its own backend, which hashes the password again
        return user

    def get_user(self, user_id: Any) -> User | None:
        return ModelBackend().get_user(user_id)


def _check(request: HttpRequest, username: str, password: str) -> User | None:
    """The account that this is the password of. Django stores a password again if its hasher has changed since: where
    the database may only be read, the account logs in by the old hash."""
    backend = ModelBackend()
    try:
        return backend.authenticate(request, username, password)
    except DatabaseError as error:
        if not is_write_refused(error):
            raise
    user = get_user_model().objects.get_by_natural_key(username)
    is_correct, _ = verify_password(password, user.password)
    return user if is_correct and backend.user_can_authenticate(user) else None


def _refuse(request: HttpRequest, wait: int) -> None:
    setattr(request, WAIT_ATTRIBUTE, wait)
    raise PermissionDenied


def get_wait(request: HttpRequest | None) -> int:
    """How many seconds the login of this request must wait; 0 if it need not."""
    return int(getattr(request, WAIT_ATTRIBUTE, 0))


def is_busy(request: HttpRequest | None) -> bool:
    """Whether the login of this request was not checked because the process checks too many."""
    return bool(getattr(request, BUSY_ATTRIBUTE, False))


def _forget_failures(request: HttpRequest | None, user: Any, **signal: Any) -> None:
    if request is not None:
        forget_failures(user.get_username(), find_client_address(request))


# A login with a password has asked the backend, so this module is loaded before the signal is sent.
user_logged_in.connect(_forget_failures, dispatch_uid="forget failed logins")
