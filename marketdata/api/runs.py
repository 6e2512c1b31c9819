"""The audit trail over REST."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.params import NoParameters, RunsParameters
from marketdata.api.responses import IngestRunSerializer
from marketdata.api.series import get_series
from marketdata.models import IngestRun
from marketdata.runs.locks import close_orphaned_runs


class IngestRunViewSet(ViewSet):
    """The audit trail: every attempt to load a file."""

    @extend_schema(summary="Ingest runs", parameters=[RunsParameters], responses=IngestRunSerializer(many=True))
    def list(self, request: Request) -> Response:
        """The runs, newest first unless ordered otherwise."""
        wanted = RunsParameters.of(request)
        close_orphaned_runs()
        runs = IngestRun.objects.order_by(wanted["ordering"], "-id").prefetch_related("undone_by")
        for name in ("status", "dataset", "file_sha256"):
            if name in wanted:
                runs = runs.filter(**{name: wanted[name]})
        if "series" in wanted:
            runs = runs.filter(symbols__contains=[get_series(wanted["series"]).symbol])
        page = runs[wanted["offset"] : wanted["offset"] + wanted["limit"]]
        return Response({"count": runs.count(), "results": IngestRunSerializer(page, many=True).data})

    @extend_schema(summary="One ingest run", responses=IngestRunSerializer)
    def retrieve(self, request: Request, pk: int) -> Response:
        """Every field of one run."""
        NoParameters.of(request)
        close_orphaned_runs()
        run = IngestRun.objects.filter(pk=pk).first()
        if run is None:
            raise NotFound(f"There is no ingest run {pk}.")
        return Response(IngestRunSerializer(run).data)
