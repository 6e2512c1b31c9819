"""The list of findings, one of them, and what users do with it."""

from __future__ import annotations

from collections.abc import Callable

from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework.exceptions import NotFound, ParseError, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from marketdata.api.paging import build_next_page
from marketdata.api.params import NoParameters
from marketdata.api.quality.params import AcknowledgeBody, FindingsParameters, NoteBody
from marketdata.api.quality.responses import (
    FindingDetailSerializer,
    FindingsPageSerializer,
    format_detail,
    format_finding,
)
from marketdata.api.responses.errors import describe_responses
from marketdata.api.runs import get_filtered_series
from marketdata.models import QualityFinding
from marketdata.quality.actions import ActionRefused, acknowledge, may_act, reopen, resolve
from marketdata.quality.select import FindingFilters

_ID = OpenApiParameter("id", OpenApiTypes.INT64, OpenApiParameter.PATH, description="The number of the finding.")


class FindingsViewSet(ViewSet):
    """Findings of the quality checks."""

    @extend_schema(
        operation_id="quality_findings_list",
        summary="List findings",
        parameters=[FindingsParameters],
        responses=describe_responses(FindingsPageSerializer, 404),
    )
    def list(self, request: Request) -> Response:
        """Findings in pages, the newest first (by `id`). `start` and `end` select those that overlap the range."""
        given = FindingsParameters.parse(request)
        filters = FindingFilters(
            series=get_filtered_series(given["series"]) if given["series"] is not None else None,
            kind=given["kind"] or "",
            severity=given["severity"] or "",
            state=given["state"] or "",
            start=given["start"],
            end=given["end"],
        )
        found = filters.select().order_by("-pk")
        if given["cursor"] is not None:
            found = found.filter(pk__lt=given["cursor"])
        rows = list(found[: given["limit"] + 1])
        page = rows[: given["limit"]]
        cursor = page[-1].pk if len(rows) > len(page) else None
        next_page = build_next_page(request, None if cursor is None else str(cursor)) | {"next_cursor": cursor}
        return Response({"findings": [format_finding(one) for one in page]} | next_page)

    @extend_schema(
        summary="Get a finding", parameters=[_ID], responses=describe_responses(FindingDetailSerializer, 404)
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """All fields of one finding, and its history."""
        NoParameters.parse(request)
        return Response(format_detail(_get_finding(pk)))

    @extend_schema(
        summary="Acknowledge a finding",
        parameters=[_ID],
        request=AcknowledgeBody,
        responses=describe_responses(FindingDetailSerializer, 403, 404, 415),
    )
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Record that a person knows of it, with a note; with `until`, until then. A resolved one stays as it is.

        Needs an account that may change findings; a token needs the scope read-write.
        """
        try:
            return self._act(request, pk, acknowledge, AcknowledgeBody)
        except ActionRefused as refusal:
            raise ValidationError({"until": [str(refusal)]}) from refusal

    @extend_schema(
        summary="Resolve a finding",
        parameters=[_ID],
        request=NoteBody,
        responses=describe_responses(FindingDetailSerializer, 403, 404, 415),
    )
    def resolve(self, request: Request, pk: str) -> Response:
        """Close it by hand. Checks that find it again leave it closed.

        Needs an account that may change findings; a token needs the scope read-write.
        """
        return self._act(request, pk, resolve, NoteBody)

    @extend_schema(
        summary="Reopen a finding",
        parameters=[_ID],
        request=NoteBody,
        responses=describe_responses(FindingDetailSerializer, 403, 404, 415),
    )
    def reopen(self, request: Request, pk: str) -> Response:
        """Open one that is acknowledged or resolved.

        Needs an account that may change findings; a token needs the scope read-write.
        """
        return self._act(request, pk, reopen, NoteBody)

    def _act(self, request: Request, pk: str, act: Callable[..., int], kind: type[Serializer]) -> Response:
        """The finding after the action, whose options are those of the body."""
        body = self._read(request, kind)
        act([_get_finding(pk).pk], user=request.user.get_username(), **body)
        return Response(format_detail(_get_finding(pk)))

    def _read(self, request: Request, kind: type[Serializer]) -> dict:
        NoParameters.parse(request)
        if not may_act(request.user):
            raise PermissionDenied("This account may not change findings: an administrator can permit it.")
        body = kind(data=_parse_body(request))
        body.is_valid(raise_exception=True)
        values: dict = body.validated_data
        return values


def _parse_body(request: Request) -> object:
    try:
        return request.data
    except ParseError as error:
        raise ValidationError({"non_field_errors": [str(error.detail)]}) from error


def _get_finding(pk: str) -> QualityFinding:
    finding = QualityFinding.objects.select_related("series").filter(pk=pk).first()
    if finding is None:
        raise NotFound(f"There is no finding {pk}.")
    return finding
