"""The runs in the admin. They are read-only, since they are the audit trail; failed runs can be tried again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from ingestion.errors import IngestError
from ingestion.retry import retry_run
from marketdata.admin import ReadOnlyAdmin, SeriesChoice
from marketdata.models import IngestRun
from marketdata.runs.locks import close_orphaned_runs

if TYPE_CHECKING:
    from django.contrib.admin.filters import _ListFilterChoices


class SeriesOfRunFilter(SeriesChoice):
    """The runs of one series."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(symbols__contains=[self.symbol]) if self.symbol else queryset


class DatasetFilter(admin.AllValuesFieldListFilter):
    """The stored datasets. A run that failed early has none, and a link needs a text."""

    def choices(self, changelist: ChangeList) -> Iterator[_ListFilterChoices]:
        for choice in super().choices(changelist):
            choice["display"] = choice["display"] or "(none)"
            yield choice


@admin.register(IngestRun)
class IngestRunAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "coloured_status",
        "file",
        "undo",
        "series",
        "rows",
        "inserted",
        "updated",
        "changed",
        "removed",
        "duration",
        "started_at",
    ]
    list_filter = ["status", "kind", SeriesOfRunFilter, ("dataset", DatasetFilter), "started_at"]
    search_fields = ["file_name", "file_sha256"]
    search_help_text = "File name or sha256."
    actions = ["try_again"]

    class Media:
        css = {"all": ["ingestion/admin.css"]}

    def get_fields(self, request: HttpRequest, obj: IngestRun | None = None) -> list:
        return [*(field.name for field in IngestRun._meta.concrete_fields), "undo", "other_runs"]

    def get_readonly_fields(self, request: HttpRequest, obj: IngestRun | None = None) -> list[str]:
        return self.get_fields(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        close_orphaned_runs()
        return super().get_queryset(request).prefetch_related("undone_by")

    @admin.display(description="status", ordering="status")
    def coloured_status(self, run: IngestRun) -> str:
        return format_html('<strong class="run-{}">{}</strong>', run.status, run.status)

    @admin.display
    def undo(self, run: IngestRun) -> str:
        """The run that it undoes, or the run that undid it."""
        if run.undoes_id:
            return format_html('undoes <a href="{}">run {}</a>', _build_run_url(run.undoes_id), run.undoes_id)
        undos = [undo for undo in run.undone_by.all() if undo.status == IngestRun.Status.SUCCESS]
        rows = ((_build_run_url(undo.pk), undo.pk, _format_skipped(undo)) for undo in undos)
        return format_html_join(", ", 'undone by <a href="{}">run {}</a>{}', rows) or "—"

    @admin.display
    def series(self, run: IngestRun) -> str:
        more = f" and {len(run.symbols) - 2:,} more" if len(run.symbols) > 2 else ""
        return ", ".join(run.symbols[:2]) + more or "—"

    @admin.display(ordering="row_count")
    def rows(self, run: IngestRun) -> str:
        return f"{run.row_count:,}"

    @admin.display(ordering="inserted_count")
    def inserted(self, run: IngestRun) -> str:
        return f"{run.inserted_count:,}"

    @admin.display(ordering="updated_count")
    def updated(self, run: IngestRun) -> str:
        return f"{run.updated_count:,}"

    @admin.display(ordering="changed_count")
    def changed(self, run: IngestRun) -> str:
        return f"{run.changed_count:,}"

    @admin.display(ordering="removed_count")
    def removed(self, run: IngestRun) -> str:
        return f"{run.removed_count:,}"

    @admin.display
    def duration(self, run: IngestRun) -> str:
        return f"{(run.finished_at - run.started_at).total_seconds():.1f} s" if run.finished_at else "—"

    @admin.display(ordering="file_name")
    def file(self, run: IngestRun) -> str:
        """The file's name, or what an undo or a split did, and the run's error."""
        return format_html('{}<span class="run-error">{}</span>', run.title, run.error)

    @admin.display(description="other runs of this file")
    def other_runs(self, run: IngestRun) -> str:
        if run.kind != IngestRun.Kind.FILE:
            return "—"
        same = {"file_sha256": run.file_sha256} if run.file_sha256 else {"file_path": run.file_path}
        others = IngestRun.objects.filter(**same).exclude(pk=run.pk)[:20]
        rows = (
            (_build_run_url(other.pk), other.pk, other.status, f"{other.started_at:%Y-%m-%d %H:%M}") for other in others
        )
        return format_html_join(", ", '<a href="{}">run {}</a> ({}, {})', rows) or "—"

    @admin.action(description="Try again", permissions=["try_again"])
    def try_again(self, request: HttpRequest, queryset: QuerySet) -> None:
        for run in queryset.order_by("pk"):
            try:
                retry = retry_run(run).run
            except IngestError as error:
                self.message_user(request, f"Run {run.pk}: {error}", messages.ERROR)
            else:
                sentence = f"Run {run.pk} tried again as run {retry.pk}: {retry.inserted_count:,} bars inserted."
                self.message_user(request, sentence, messages.SUCCESS)

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("marketdata.add_ingestrun")


def _build_run_url(run_id: int) -> str:
    return reverse("admin:marketdata_ingestrun_change", args=[run_id])


def _format_skipped(undo: IngestRun) -> str:
    return f" except {undo.left_count:,} bars" if undo.left_count else ""
