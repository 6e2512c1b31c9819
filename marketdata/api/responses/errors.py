"""Bodies of errors, and which responses an operation can have."""

from __future__ import annotations

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, OpenApiTypes
from rest_framework import serializers

from marketdata.api.negotiation import ArrowRenderer, CsvRenderer, ParquetRenderer
from marketdata.api.responses.contracts import ChoicesSerializer
from marketdata.api.responses.examples import CHOICES_EXAMPLE


class ErrorSerializer(serializers.Serializer):
    """One sentence about the error."""

    detail = serializers.CharField()


class NotFoundSerializer(ErrorSerializer):
    """One sentence about the error, and the existing addresses if the address itself is unknown."""

    addresses = serializers.ListField(child=serializers.CharField(), required=False)


class ParameterErrorsSerializer(serializers.Serializer):
    """The name of each wrong parameter, with its messages."""


class ParameterErrorsExtension(OpenApiSerializerExtension):
    """Describes an object with any names, which a serializer has no field for."""

    target_class = ParameterErrorsSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, object]:
        return {
            "type": "object",
            "description": self.target.__doc__,
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        }


_JSON = "application/json"
_ERRORS = {
    300: OpenApiResponse(
        ChoicesSerializer,
        "The slug is the short code of several contracts.",
        [OpenApiExample("NQH5 of 2015 and of 2025", CHOICES_EXAMPLE)],
    ),
    400: OpenApiResponse(
        ParameterErrorsSerializer, "A parameter or a field of the body is unknown, repeated or invalid."
    ),
    401: OpenApiResponse(ErrorSerializer, "The login or token is missing or invalid."),
    403: OpenApiResponse(ErrorSerializer, "The account or the token may not do this."),
    404: OpenApiResponse(NotFoundSerializer, "There is no such series, timeframe, run, finding or address."),
    406: OpenApiResponse(ErrorSerializer, "No format of the response matches the header Accept."),
    409: OpenApiResponse(ErrorSerializer, "The series names a trading calendar that does not exist."),
    415: OpenApiResponse(ErrorSerializer, "The body is neither JSON nor a form."),
    429: OpenApiResponse(ErrorSerializer, "The client sent too many requests."),
    503: OpenApiResponse(
        ErrorSerializer, "The database, or the lake that has the bars of an archived year, does not respond."
    ),
}
_EVERYWHERE = (400, 401, 406, 429, 503)


def describe_responses(
    body: serializers.Serializer | type[serializers.Serializer],
    *errors: int,
    example: OpenApiExample | None = None,
    files: bool = False,
) -> dict[tuple[int, str] | int, object]:
    """The responses of an operation: its body, its own errors beside those of every operation, and files.

    With 300 among its errors, the address names a series, and a short code in it is redirected (307). With 415 it has a
    body, so that it has no ETag.
    """
    success = OpenApiResponse(body, "The request succeeded.", [example] if example else None)
    responses: dict[tuple[int, str] | int, object] = {(200, _JSON): success}
    if 415 not in errors:
        responses[304] = OpenApiResponse(None, "The response still has the ETag that the header If-None-Match gives.")
    if files:
        responses[200, CsvRenderer.media_type] = OpenApiTypes.STR
        responses[200, ParquetRenderer.media_type] = OpenApiTypes.BINARY
        responses[200, ArrowRenderer.media_type] = OpenApiTypes.BINARY
    if 300 in errors:
        responses[307] = OpenApiResponse(None, "The slug is the short code of one contract, at the header Location.")
    return responses | {(code, _JSON): _ERRORS[code] for code in sorted({*_EVERYWHERE, *errors})}
