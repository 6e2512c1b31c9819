"""Ingest runs over REST: the audit trail."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.params import NoParameters, RunsParameters
from marketdata.api.series import get_series
from marketdata.models import IngestRun
from marketdata.runs.locks import close_orphaned_runs


class IngestRunSerializer(serializers.ModelSerializer):
    """One ingest run with all its fields, and the last successful run that undid it."""

    undone_by = serializers.SerializerMethodField()

    def get_undone_by(self, run: IngestRun) -> int | None:
        return max((undo.pk for undo in run.undone_by.all() if undo.status == IngestRun.Status.SUCCESS), default=None)

    class Meta:
        model = IngestRun
        fields = "__all__"


class IngestRunViewSet(ViewSet):
    """The audit trail: one run for each attempt to load a file, and for each undo."""

    @extend_schema(summary="List ingest runs", parameters=[RunsParameters], responses=IngestRunSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Runs in pages. The newest come first, unless `ordering` requests another order."""
        parameters = RunsParameters.parse(request)
        close_orphaned_runs()
        runs = IngestRun.objects.order_by(parameters["ordering"], "-id").prefetch_related("undone_by")
        for name in ("status", "dataset", "file_sha256"):
            if name in parameters:
                runs = runs.filter(**{name: parameters[name]})
        if "series" in parameters:
            runs = runs.filter(symbols__contains=[get_series(parameters["series"]).symbol])
        page = runs[parameters["offset"] : parameters["offset"] + parameters["limit"]]
        return Response({"count": runs.count(), "results": IngestRunSerializer(page, many=True).data})

    @extend_schema(summary="Get an ingest run", responses=IngestRunSerializer)
    def retrieve(self, request: Request, pk: int) -> Response:
        """All fields of one run."""
        NoParameters.parse(request)
        close_orphaned_runs()
        run = IngestRun.objects.filter(pk=pk).first()
        if run is None:
            raise NotFound(f"There is no ingest run {pk}.")
        return Response(IngestRunSerializer(run).data)
