"""Ingest runs over REST: the audit trail."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from marketdata.api.contracts import ShortCode
from marketdata.api.paging import RunsPagination
from marketdata.api.params import NoParameters, RunsParameters
from marketdata.api.responses.errors import describe_responses
from marketdata.api.responses.runs import IngestRunSerializer
from marketdata.api.series import get_series
from marketdata.models import IngestRun, Series
from marketdata.runs.locks import close_orphaned_runs
from marketdata.runs.query import prefetch_undos
from marketdata.series import describe_contracts

_ID = OpenApiParameter("id", OpenApiTypes.INT64, OpenApiParameter.PATH, description="The number of the run.")


class IngestRunViewSet(GenericViewSet):
    """The audit trail: one run for each attempt to load a file, and for each undo.

    Filters and order are applied here. Filter backends ignore unknown names and values, which are errors.
    """

    queryset = prefetch_undos(IngestRun.objects.all())
    serializer_class = IngestRunSerializer
    pagination_class = RunsPagination

    @extend_schema(
        summary="List ingest runs",
        parameters=[RunsParameters],
        responses=describe_responses(IngestRunSerializer(many=True), 404),
    )
    def list(self, request: Request) -> Response:
        """Runs in pages. The newest come first, unless `ordering` requests another order."""
        parameters = RunsParameters.parse(request)
        close_orphaned_runs()
        runs = self.get_queryset().order_by(parameters["ordering"], "-id")
        for name in ("status", "dataset", "file_sha256"):
            if name in parameters:
                runs = runs.filter(**{name: parameters[name]})
        if "series" in parameters:
            runs = runs.filter(symbols__contains=[get_filtered_series(parameters["series"]).symbol])
        page = self.paginate_queryset(runs)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        summary="Get an ingest run", parameters=[_ID], responses=describe_responses(IngestRunSerializer, 404)
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """All fields of one run."""
        NoParameters.parse(request)
        close_orphaned_runs()
        run = self.get_queryset().filter(pk=pk).first()
        if run is None:
            raise NotFound(f"There is no ingest run {pk}.")
        return Response(self.get_serializer(run).data)


def get_filtered_series(slug: str) -> Series:
    """The series of the parameter. A short code of one contract is that contract, of several a wrong value (400)."""
    try:
        return get_series(slug)
    except ShortCode as error:
        if len(error.contracts) > 1:
            raise ValidationError({"series": [describe_contracts(slug, error.contracts)]}) from error
        return error.contracts[0]
