"""The admin: series can be edited; the audit trail can only be read."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from marketdata.models import IngestRun, Series


class ReadOnlyAdmin(admin.ModelAdmin):
    """Nobody adds, edits or deletes, whatever their permissions."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Series)
class SeriesAdmin(admin.ModelAdmin):
    list_display = ["slug", "symbol", "name", "dataset"]
    search_fields = ["slug", "symbol", "name"]


@admin.register(IngestRun)
class IngestRunAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "coloured_status",
        "file_name",
        "dataset",
        "row_count",
        "inserted_count",
        "updated_count",
        "changed_count",
        "started_at",
        "error_line",
    ]
    list_filter = ["status", "dataset", "started_at"]
    search_fields = ["file_name", "file_sha256"]

    @admin.display(description="status", ordering="status")
    def coloured_status(self, run: IngestRun) -> str:
        colours = {"success": "#1a7f37", "failed": "#cf222e", "running": "#9a6700"}
        return format_html('<strong style="color: {}">{}</strong>', colours[run.status], run.status)

    @admin.display(description="error")
    def error_line(self, run: IngestRun) -> str:
        return run.error if len(run.error) <= 120 else f"{run.error[:120]}…"
