"""How the API describes itself at /api/docs/."""

from __future__ import annotations

from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import AllowAny


class Schema(AutoSchema):
    """What is open to all names no way to log in, so that it is shown without a lock."""

    def get_auth(self) -> list[dict]:
        if any(isinstance(permission, AllowAny) for permission in self.view.get_permissions()):
            return []
        return super().get_auth()
