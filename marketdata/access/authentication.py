"""REST framework's authentication by token: `Authorization: Token …`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from marketdata.access.tokens import describe_refusal, find_token, record_use
from marketdata.models import ApiToken

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class ApiTokenAuthentication(TokenAuthentication):
    """As REST framework's own, with hashed tokens that have a scope, an expiry, and can be revoked.

    The scope is checked here, so that no view can forget it.
    """

    model = ApiToken

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user, token = found
        if token.scope == ApiToken.Scope.READ and _writes(request):
            raise PermissionDenied("This token may only read: create one with make_api_token --read-write.")
        return user, token

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        token = find_token(key)
        if token is None:
            raise AuthenticationFailed("Invalid token.")
        if refusal := describe_refusal(token):
            raise AuthenticationFailed(refusal)
        if not token.user.is_active:
            raise AuthenticationFailed("The token's account is not active.")
        record_use(token)
        return token.user, token


def _writes(request: Request) -> bool:
    """Whether the view handles this method, and the method may write. Otherwise the response is 405."""
    view = (request.parser_context or {}).get("view")
    return request.method not in SAFE_METHODS and hasattr(view, str(request.method).lower())
