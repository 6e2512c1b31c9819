"""Logins that also work where the database may only be read: with a role that has only SELECT, or on a replica.

A session is a row of the database. If that cannot be written, the session is a signed text in the visitor's cookie. It
ends after SESSION_COOKIE_AGE, and with the user's password; a logout deletes the cookie only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import update_last_login
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.core import signing
from django.db import DatabaseError
from django.utils import timezone

from marketdata.database import is_write_refused

PREFIX = "signed:"
SALT = "config.sessions"


class SessionStore(db.SessionStore):
    def load(self) -> dict[str, Any]:
        if not _is_signed(self.session_key):
            return super().load()
        try:
            data: dict[str, Any] = signing.loads(
                str(self.session_key).removeprefix(PREFIX),
                salt=SALT,
                serializer=self.serializer,
                max_age=self.get_session_cookie_age(),
            )
        except (signing.BadSignature, ValueError):
            self._session_key = None
            return {}
        return data

    def save(self, must_create: bool = False) -> None:
        if not _is_signed(self.session_key):
            with _refusal_ignored() as refusal:
                super().save(must_create)
            if not refusal:
                return
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # the stubs lack it
        signed = signing.dumps(data, salt=SALT, serializer=self.serializer, compress=True)
        self._session_key = f"{PREFIX}{signed}"

    def delete(self, session_key: str | None = None) -> None:
        if not _is_signed(session_key or self.session_key):
            with _refusal_ignored():
                super().delete(session_key)


def load_sessions(keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What the sessions with these keys hold, by key, in one query. Those that have ended are left out, or empty."""
    wanted = set(keys)
    signed = {key for key in wanted if _is_signed(key)}
    rows = SessionStore.get_model_class().objects.filter(
        session_key__in=wanted - signed, expire_date__gt=timezone.now()
    )
    return {row.session_key: row.get_decoded() for row in rows} | {key: SessionStore(key).load() for key in signed}


def _is_signed(session_key: str | None) -> bool:
    return bool(session_key) and str(session_key).startswith(PREFIX)


@contextmanager
def _refusal_ignored() -> Iterator[list[Exception]]:
    """Ignore that the database may only be read. Yields a list that then holds the error."""
    refusal: list[Exception] = []
    try:
        yield refusal
    except (DatabaseError, UpdateError) as error:
        if not is_write_refused(error):
            raise
        refusal.append(error)


def _update_last_login(**signal: Any) -> None:
    with _refusal_ignored():
        update_last_login(**signal)


# Every login saves a session, so this module is loaded before the signal is sent.
user_logged_in.disconnect(dispatch_uid="update_last_login")
user_logged_in.connect(_update_last_login, dispatch_uid="update_last_login")
