"""The API tokens in the admin: listed, and revoked. A token is never shown."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from marketdata.access.tokens import describe_refusal, revoke_tokens
from marketdata.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """Tokens are created by make_api_token, which prints them. Deleting an account deletes its tokens."""

    list_display = ["name", "user", "scope", "created_at", "last_used_at", "expires_at", "state"]
    list_filter = ["scope"]
    search_fields = ["name", "user__username"]
    fields = readonly_fields = (
        "name", "user", "scope", "created_at", "last_used_at", "expires_at", "revoked_at", "state",
    )  # fmt: skip
    list_select_related = ["user"]
    actions = ["revoke"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display
    def state(self, token: ApiToken) -> str:
        return describe_refusal(token).removeprefix("The token ").removeprefix("is ").rstrip(".") or "valid"

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        tokens = list(queryset.filter(revoked_at=None))
        count = revoke_tokens(queryset)
        for token in tokens:
            self.log_change(request, token, "Revoked.")
        message = (
            f"{count} token{'' if count == 1 else 's'} revoked: requests with {'it' if count == 1 else 'them'} fail."
        )
        self.message_user(request, message, messages.SUCCESS)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("marketdata.change_apitoken")
