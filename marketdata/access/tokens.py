"""The tokens of programs that use the API.

Only the SHA-256 of a token is stored. A slow or salted hash would add nothing: a token is 160 random bits, so that its
digest cannot be reversed by trying tokens, and each request would have to wait for it. An unsalted digest is found by
an index.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from marketdata.database import is_write_refused
from marketdata.models import ApiToken

MAX_NAME = 150  # of Django's User.username
USE_INTERVAL = timedelta(minutes=1)
_RANDOM_BYTES = 20  # 40 hexadecimal digits

# False on a replica, and for a role that may only read: an UPDATE would fail at each request, and be logged.
_CAN_RECORD = """
current_setting('transaction_read_only') = 'off'
    AND has_column_privilege('access_api_tokens', 'last_used_at', 'UPDATE')
"""
# A request does not wait for another one, or for the admin, that is writing the row.
_RECORD_USE = """
UPDATE access_api_tokens
SET last_used_at = %(now)s
WHERE id = (
    SELECT id FROM access_api_tokens
    WHERE id = %(id)s AND (last_used_at IS NULL OR last_used_at <= %(before)s)
    FOR NO KEY UPDATE SKIP LOCKED
)
"""


class TokenError(ValueError):
    """No token can be issued. The message gives the reason and the remedy."""


class InvalidName(TokenError):
    """The name is empty, longer than an account's name can be, or not printable."""


class TokenExists(TokenError):
    """The name has a token already."""


def hash_token(token: str) -> str:
    """The SHA-256 of a token in hexadecimal digits, as the database stores it."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def issue_token(
    *,
    name: str,
    renew: bool = False,
    scope: ApiToken.Scope = ApiToken.Scope.READ,
    expires_at: datetime | None = None,
) -> str:
    """Return a new token of the account `name`, 40 hexadecimal digits. It is not stored and cannot be shown again.

    An account that does not exist is created without a password. `renew` replaces the token that the name has, so that
    the old one stops working. Raises `TokenError`.
    """
    _check_name(name)
    user, created = get_user_model().objects.get_or_create(username=name)
    if created:
        user.set_unusable_password()
        user.save()
    if not user.is_active:
        raise TokenError(f"The account '{name}' is not active: activate it in the admin first.")
    key = secrets.token_hex(_RANDOM_BYTES)
    values = {
        "user": user,
        "digest": hash_token(key),
        "scope": scope,
        "created_at": timezone.now(),
        "expires_at": expires_at,
        "last_used_at": None,
        "revoked_at": None,
    }
    if renew:
        ApiToken.objects.update_or_create(name=name, defaults=values)
    elif not ApiToken.objects.get_or_create(name=name, defaults=values)[1]:
        raise TokenExists(
            f"There is a token '{name}' already, and a token is shown only once: add --renew to replace it. "
            "The old one then stops working."
        )
    return key


def _check_name(name: str) -> None:
    if not 0 < len(name) <= MAX_NAME:
        raise InvalidName(f"The name must have 1 to {MAX_NAME} characters.")
    if not name.isprintable() or name != name.strip():
        raise InvalidName("The name must consist of printable characters, without spaces at its ends.")


def find_token(key: str) -> ApiToken | None:
    """The stored token with its user, whether or not it may still be used; None if there is none."""
    tokens = ApiToken.objects.select_related("user").annotate(
        can_record=RawSQL(_CAN_RECORD, (), output_field=BooleanField())
    )
    return tokens.filter(digest=hash_token(key)).first()


def describe_refusal(token: ApiToken) -> str:
    """Why the token may not be used any more; empty if it may."""
    if token.revoked_at is not None:
        return "The token is revoked."
    if token.expires_at is not None and token.expires_at <= timezone.now():
        return f"The token expired at {token.expires_at:%Y-%m-%dT%H:%M:%SZ}."
    return ""


def record_use(token: ApiToken) -> None:
    """Store the time of this use, at most once a minute. Where it cannot be stored, nothing happens.

    `token` comes from `find_token`.
    """
    now = timezone.now()
    before = now - USE_INTERVAL
    if not getattr(token, "can_record", False) or (token.last_used_at is not None and token.last_used_at > before):
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_RECORD_USE, {"id": token.pk, "now": now, "before": before})
    except Exception as error:
        if not is_write_refused(error):  # the primary became a replica since `find_token`
            raise


def revoke_tokens(tokens: QuerySet[ApiToken]) -> int:
    """Revoke those of the tokens that are not revoked yet, and return how many."""
    return tokens.filter(revoked_at=None).update(revoked_at=timezone.now())
