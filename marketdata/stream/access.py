"""Whether the login or the token with which a stream was opened may still be used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.utils.crypto import constant_time_compare
from rest_framework.request import Request

from config.sessions import load_sessions
from marketdata.access.tokens import describe_refusal
from marketdata.models import ApiToken


class Access(NamedTuple):
    """The account, and its token (number and digest) or session."""

    user_id: int
    token_id: int | None
    secret: str


def read_access(request: Request) -> Access:
    """That of a request of an account."""
    user_id = int(request.user.pk or 0)
    if isinstance(request.auth, ApiToken):
        return Access(user_id, request.auth.pk, request.auth.digest)
    session = getattr(request, "session", None)
    return Access(user_id, None, (session.session_key or "") if session is not None else "")


def find_ended(accesses: Iterable[Access]) -> set[Access]:
    """Those that would be refused now: the token expired, was revoked or replaced, the session ended, or the account is
    not active. A few queries, whatever their number."""
    every = set(accesses)
    tokens = ApiToken.objects.select_related("user").in_bulk({one.token_id for one in every if one.token_id})
    users = get_user_model().objects.in_bulk({one.user_id for one in every if not one.token_id})
    sessions = load_sessions(one.secret for one in every if not one.token_id and one.secret)

    def is_valid(one: Access) -> bool:
        if one.token_id:
            return _is_token_valid(one, tokens.get(one.token_id))
        return _is_session_valid(one, users, sessions)

    return {one for one in every if not is_valid(one)}


def _is_token_valid(access: Access, token: ApiToken | None) -> bool:
    return token is not None and token.digest == access.secret and token.user.is_active and not describe_refusal(token)


def _is_session_valid(access: Access, users: Mapping, sessions: Mapping[str, Mapping]) -> bool:
    """A session without a key is that of a test client, which logged in by force."""
    user = users.get(access.user_id)
    if user is None or not user.is_active:
        return False
    if not access.secret:
        return True
    session = sessions.get(access.secret, {})
    if session.get(SESSION_KEY) != str(user.pk) or BACKEND_SESSION_KEY not in session:
        return False
    return constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
