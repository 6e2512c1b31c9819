"""The admin of findings: read-only, with the actions of the pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from marketdata.access.read_only_admin import ReadOnlyAdmin
from marketdata.formatting import format_count
from marketdata.models import QualityAlert, QualityDelivery, QualityFinding
from marketdata.quality.actions import ActionRefused, acknowledge, may_act, reopen, resolve


@admin.register(QualityFinding)
class FindingAdmin(ReadOnlyAdmin):
    """Findings, the newest first."""

    list_display = ["id", "kind", "severity", "series", "start", "end", "state", "is_baseline", "run"]
    list_filter = ["state", "severity", "kind", "is_baseline"]
    list_select_related = ["series"]
    raw_id_fields = ["series", "run"]
    ordering = ["-pk"]
    actions = ["acknowledge", "resolve", "reopen"]
    sortable_by = ()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_actions(request) if may_act(request.user) else {}

    @admin.action(description="Acknowledge the chosen findings")
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[QualityFinding]) -> None:
        self._act(request, queryset, acknowledge, "acknowledged")

    @admin.action(description="Resolve the chosen findings")
    def resolve(self, request: HttpRequest, queryset: QuerySet[QualityFinding]) -> None:
        self._act(request, queryset, resolve, "resolved")

    @admin.action(description="Reopen the chosen findings")
    def reopen(self, request: HttpRequest, queryset: QuerySet[QualityFinding]) -> None:
        self._act(request, queryset, reopen, "reopened")

    def _act(self, request: HttpRequest, queryset: QuerySet[QualityFinding], act: Any, outcome: str) -> None:
        keys = list(queryset.values_list("pk", flat=True))
        try:
            count = act(keys, user=request.user.get_username())
        except ActionRefused as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
        else:
            self.message_user(request, f"{format_count(count, 'finding')} {outcome}.")


class _Deliveries(admin.TabularInline):
    model = QualityDelivery
    can_delete = False
    extra = 0
    fields = readonly_fields = ("channel", "state", "due_at", "attempts", "delivered_at", "may_repeat", "error")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(QualityAlert)
class AlertAdmin(ReadOnlyAdmin):
    """Alerts and whether they arrived, the newest first."""

    list_display = ["id", "event", "severity", "subject", "created_at"]
    list_filter = ["event", "severity"]
    inlines = [_Deliveries]
    ordering = ["-pk"]
    sortable_by = ()
