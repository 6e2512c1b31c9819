"""The runs in the admin. They are read-only, since they are the audit trail; a worker tries failed runs again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from ingestion.errors import IngestError
from ingestion.jobs.requests import may_act, request_retry
from marketdata.admin import ReadOnlyAdmin, SeriesChoice
from marketdata.models import IngestRun
from marketdata.pages.decorators import escape_page
from marketdata.pages.next_steps import build_worker_command
from marketdata.runs.jobs import close_orphaned_jobs, is_worker_running
from marketdata.runs.locks import close_orphaned_runs
from marketdata.runs.query import open_failures, prefetch_undos

if TYPE_CHECKING:
    from django.contrib.admin.filters import _ListFilterChoices


class SeriesOfRunFilter(SeriesChoice):
    """The runs of one series."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(symbols__contains=[self.symbol]) if self.symbol else queryset


class AttentionFilter(admin.SimpleListFilter):
    """The failed runs that the overview counts and lists."""

    title = "attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("unresolved", "Unresolved failures")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(pk__in=open_failures().values("pk")) if self.value() == "unresolved" else queryset


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
    list_filter = ["status", "kind", AttentionFilter, SeriesOfRunFilter, ("dataset", DatasetFilter), "started_at"]
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
        close_orphaned_jobs()
        return prefetch_undos(super().get_queryset(request))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return _escape_once_rendered(super().changelist_view(request, extra_context))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return _escape_once_rendered(super().changeform_view(request, *args, **kwargs))

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
        if run.kind not in IngestRun.LOADS:
            return "—"
        same = {"file_sha256": run.file_sha256} if run.file_sha256 else {"file_path": run.file_path}
        others = IngestRun.objects.filter(**same).exclude(pk=run.pk)
        rows = (
            (_build_run_url(other.pk), other.pk, _format_status(other), f"{other.started_at:%Y-%m-%d %H:%M}")
            for other in prefetch_undos(others)[:20]
        )
        return format_html_join(", ", '<a href="{}">run {}</a> ({}, {})', rows) or "—"

    @admin.action(description="Try again", permissions=["try_again"])
    def try_again(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Requests a job for each run, which a worker does."""
        requested = False
        for run in queryset.order_by("pk"):
            try:
                job = request_retry(run, request.user.get_username())
            except IngestError as error:
                self.message_user(request, f"Run {run.pk}: {error}", messages.ERROR)
            else:
                requested = True
                link = format_html('<a href="{}">Requested</a>', reverse("job-page", args=[job.pk]))
                self.message_user(request, format_html("{}: {}.", link, job.name.lower()), messages.SUCCESS)
        if requested and not is_worker_running():
            notice = f"No worker is running: start one with {build_worker_command()}"
            self.message_user(request, notice, messages.WARNING)

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        return may_act(request.user)


def _escape_once_rendered(response: HttpResponse) -> HttpResponse:
    if isinstance(response, TemplateResponse):
        response.add_post_render_callback(escape_page)
    return response


def _build_run_url(run_id: int) -> str:
    return reverse("admin:marketdata_ingestrun_change", args=[run_id])


def _format_status(run: IngestRun) -> str:
    undos = [undo for undo in run.undone_by.all() if undo.status == IngestRun.Status.SUCCESS]
    return ", ".join([run.status, *(f"undone by run {undo.pk}{_format_skipped(undo)}" for undo in undos)])


def _format_skipped(undo: IngestRun) -> str:
    return f" except {undo.left_count:,} bars" if undo.left_count else ""
