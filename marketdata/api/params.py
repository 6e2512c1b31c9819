"""Query parameters: each endpoint declares its own. Others are rejected with one message per parameter."""

from __future__ import annotations

import re
from datetime import MAXYEAR, datetime, timedelta
from typing import Any

from drf_spectacular.utils import OpenApiTypes, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from marketdata.calendars.hours import Hours
from marketdata.coverage.verdicts.model import Verdict
from marketdata.models import Series
from marketdata.runs.commits import read_database_time
from marketdata.timestamps import parse_timestamp

MAX_LIMIT = 10_000
DEFAULT_LIMIT = 500
MAX_RUNS = 500
DEFAULT_RUNS = 50
MAX_SNAPSHOT = 1_000
DEFAULT_SNAPSHOT = 100


@extend_schema_field(OpenApiTypes.DATETIME)
class TimestampField(serializers.Field):
    """A date or time: 2024-01-02, 2024-01-02T14:30, or with an offset. The default offset is UTC."""

    default_error_messages = {
        "invalid": "'{text}' is not a time: write 2024-01-02 or 2024-01-02T14:30:00+00:00.",
    }

    def to_internal_value(self, data: str) -> datetime:
        timestamp = parse_timestamp(data)
        if timestamp is None:
            self.fail("invalid", text=data)
        return timestamp

    def to_representation(self, value: datetime) -> str:
        return value.isoformat()


class ChoiceField(serializers.ChoiceField):
    """One of several values. The error message lists them."""

    default_error_messages = {"invalid_choice": "'{input}' is not one of {choices}."}

    def to_internal_value(self, data: object) -> str:
        if data not in self.choices:
            self.fail("invalid_choice", input=data, choices=", ".join(self.choices))
        return str(data)


class SessionField(ChoiceField):
    """Which hours count: all, or the regular ones."""

    def __init__(self, **options: Any) -> None:
        super().__init__([hours.value for hours in Hours], **options)

    def to_internal_value(self, data: object) -> Hours:
        return Hours(super().to_internal_value(data))


class WholeNumberField(serializers.IntegerField):
    """Digits, after a minus sign if negative. Python would also accept 1_000, 5.0 and digits of other scripts."""

    def to_internal_value(self, data: float | int | str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", str(data)):
            self.fail("invalid")
        return super().to_internal_value(data)


class TrueOrFalseField(serializers.BooleanField):
    """`true` or `false`, in any letter case. REST framework's field would also accept 1, on and y."""

    default_error_messages = {"invalid": "'{input}' is not one of true, false."}

    def to_internal_value(self, data: object) -> bool:
        text = str(data).lower()
        if text not in ("true", "false"):
            self.fail("invalid", input=data)
        return text == "true"


@extend_schema_field({"type": "string", "minLength": 1, "example": "NQ"})
class ProductField(serializers.CharField):
    """A product, as it is written: a blank is part of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)


class NegotiatedFormat:
    """The default of `format`: what the header Accept selects."""

    requires_context = True

    def __call__(self, field: serializers.Field) -> str:
        return str(field.context["request"].accepted_renderer.format)


class KnownParameters(serializers.Serializer):
    """Query parameters of one endpoint. Unknown parameters are errors: a mistyped name must not change the result."""

    @classmethod
    def parse(cls, request: Request) -> dict:
        """The validated parameters of the request.

        Raises `ValidationError` (400) if one is unknown, repeated or invalid.
        """
        parameters = cls(data=request.query_params.dict(), context={"request": request})
        counts = {str(name): len(request.query_params.getlist(str(name))) for name in parameters.fields}
        repeated = {
            name: [f"This parameter occurs {count} times: give it once."] for name, count in counts.items() if count > 1
        }
        if repeated:
            raise serializers.ValidationError(repeated)
        parameters.is_valid(raise_exception=True)
        values: dict = parameters.validated_data
        return values

    def validate(self, attrs: dict) -> dict:
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            known = f"Known: {', '.join(self.fields)}." if self.fields else "This endpoint has no parameters."
            raise serializers.ValidationError(dict.fromkeys(unknown, f"There is no such parameter. {known}"))
        return attrs


class NoParameters(KnownParameters):
    """Of endpoints without parameters."""


class SeriesParameters(KnownParameters):
    """Filters of the list of series. They combine."""

    product = ProductField(
        required=False, help_text="Only contracts of this product, for example NQ, in any letter case."
    )
    kind = ChoiceField(Series.Kind.values, required=False, help_text="Only what is of this kind, for example outright.")
    active = TrueOrFalseField(
        required=False,
        help_text="true: only contracts that can still trade, and what does not expire. false: only expired contracts. "
        "A contract whose year is not settled is in neither.",
    )


class RangeParameters(KnownParameters):
    """The half-open range [start, end)."""

    start = TimestampField(required=False, default=None, help_text="Start of the range, inclusive. UTC by default.")
    end = TimestampField(required=False, default=None, help_text="End of the range, exclusive. UTC by default.")

    def validate(self, attrs: dict) -> dict:
        attrs = super().validate(attrs)
        if attrs["start"] and attrs["end"] and attrs["start"] >= attrs["end"]:
            raise serializers.ValidationError({"end": "The end must be later than the start."})
        return attrs


class GapsParameters(RangeParameters):
    """The half-open range [start, end), a verdict, page size and cursor."""

    verdict = ChoiceField(
        [verdict.value for verdict in Verdict],
        required=False,
        default=None,
        allow_null=True,
        help_text="Only gaps with this verdict. Default: all.",
    )
    limit = WholeNumberField(
        required=False,
        default=DEFAULT_LIMIT,
        min_value=1,
        max_value=MAX_LIMIT,
        help_text=f"Gaps per page. Default: {DEFAULT_LIMIT}.",
    )
    cursor = TimestampField(required=False, default=None, help_text="`next_cursor` of the previous page.")


class SessionParameters(RangeParameters):
    """The half-open range [start, end), and which hours of its days count."""

    session = SessionField(
        required=False,
        default=Hours.ALL,
        help_text="regular: only bars in the regular hours of the series' trading calendar, for example 09:30 to 16:00 "
        "in New York. all: also those of extended hours, and any other. Default: all.",
    )


class BarsParameters(SessionParameters):
    """Range, `session`, `as_of`, order, page size and format of bars."""

    as_of = TimestampField(
        required=False,
        default=None,
        help_text="Return the bars as they were stored at this time, by the runs that had finished. Default: now.",
    )

    # Callable defaults are not described. Generated clients send described ones, and files reject both parameters.
    limit = WholeNumberField(
        required=False,
        default=lambda: DEFAULT_LIMIT,
        min_value=1,
        max_value=MAX_LIMIT,
        help_text=f"Bars per page (JSON only). Default: {DEFAULT_LIMIT}.",
    )
    order = ChoiceField(
        ["asc", "desc"], required=False, default=lambda: "asc", help_text="By time (JSON only). Default: asc."
    )
    cursor = TimestampField(required=False, default=None, help_text="`next_cursor` of the previous page.")
    format = ChoiceField(
        ["json", "csv", "parquet", "arrow"],
        required=False,
        default=NegotiatedFormat(),  # type: ignore[arg-type]  # the stubs omit defaults that require the field
        help_text="json: one page. csv, parquet, arrow: the complete range as a file. "
        "Default: by the header Accept, or json.",
    )

    def validate(self, attrs: dict) -> dict:
        attrs = super().validate(attrs)
        if attrs.get("as_of") and attrs["as_of"] > read_database_time():
            raise serializers.ValidationError(
                {"as_of": "This time is in the future: leave it out for the current bars."}
            )
        if attrs["format"] != "json":
            ignored = [name for name in ("limit", "cursor", "order") if name in self.initial_data]
            if ignored:
                message = f"{attrs['format']} returns the complete range in time order: leave this out."
                raise serializers.ValidationError(dict.fromkeys(ignored, message))
        return attrs


class CandlesParameters(BarsParameters):
    """As for bars, without `as_of`: candles are computed from the current bars."""

    as_of = None  # type: ignore[assignment]  # the way in which REST framework removes an inherited field


@extend_schema_field(OpenApiTypes.STR)
class RevisionCursor(serializers.Field):
    """The end of a page of revisions: a minute and the replacing run, as 2024-01-02T14:30:00+00:00,17."""

    default_error_messages = {"invalid": "'{text}' is not a cursor: use next_cursor of the previous page."}

    def to_internal_value(self, data: str) -> tuple[datetime, int]:
        minute, _, run = data.rpartition(",")
        timestamp = parse_timestamp(minute)
        if timestamp is None or not (run.isascii() and run.isdigit() and int(run) < 2**63):
            self.fail("invalid", text=data)
        return timestamp, int(run)

    def to_representation(self, value: tuple[datetime, int]) -> str:
        return f"{value[0].isoformat()},{value[1]}"


class RevisionsParameters(RangeParameters):
    """Range, order and page size of revisions."""

    ts = TimestampField(required=False, default=None, help_text="Only the bar of this minute. Replaces start and end.")
    limit = WholeNumberField(
        required=False, default=DEFAULT_LIMIT, min_value=1, max_value=MAX_LIMIT, help_text="Revisions per page."
    )
    order = ChoiceField(["asc", "desc"], required=False, default="asc", help_text="By the bar's time, then by run.")
    cursor = RevisionCursor(required=False, default=None, help_text="`next_cursor` of the previous page.")

    def validate(self, attrs: dict) -> dict:
        attrs = super().validate(attrs)
        if attrs["ts"] is None:
            return attrs
        redundant = [name for name in ("start", "end") if attrs[name]]
        if redundant:
            raise serializers.ValidationError(dict.fromkeys(redundant, "ts selects a single minute: leave this out."))
        if attrs["ts"].year == MAXYEAR:
            raise serializers.ValidationError({"ts": "Bars cannot have a time in the year 9999."})
        return attrs | {"start": attrs["ts"], "end": attrs["ts"] + timedelta(seconds=1)}


class StreamParameters(KnownParameters):
    """Which hours count, how many rows a snapshot has, and where a stream goes on."""

    session = SessionField(
        required=False,
        default=Hours.ALL,
        help_text="regular: only bars in the regular hours of the series' trading calendar. all: all bars. Default: "
        "all.",
    )
    limit = WholeNumberField(
        required=False,
        default=lambda: DEFAULT_SNAPSHOT,
        min_value=0,
        max_value=MAX_SNAPSHOT,
        help_text=f"Rows of a snapshot. Default: {DEFAULT_SNAPSHOT}.",
    )
    last_event_id = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=200,
        help_text="`id` of the last event that the client has. Default: none, so that the stream begins with a "
        "snapshot.",
    )


class FeedsParameters(KnownParameters):
    """Which series of each feed and session are listed."""

    limit = WholeNumberField(
        required=False,
        default=DEFAULT_LIMIT,
        min_value=0,
        max_value=MAX_LIMIT,
        help_text=f"Series of each feed, and of each of its sessions. Default: {DEFAULT_LIMIT}.",
    )
    offset = WholeNumberField(
        required=False, default=0, min_value=0, max_value=1_000_000, help_text="How many series to skip."
    )


class RunsParameters(KnownParameters):
    """Filters, order and page of runs."""

    ORDERINGS = ("id", "started_at", "finished_at", "row_count", "inserted_count", "updated_count", "file_name")

    status = ChoiceField(["running", "success", "failed"], required=False, help_text="Of the runs.")
    series = serializers.SlugField(required=False, help_text="Slug of a series that the run wrote to.")
    dataset = serializers.CharField(required=False, trim_whitespace=False, help_text="Name in the audit trail.")
    file_sha256 = serializers.CharField(required=False, trim_whitespace=False, help_text="Of the runs' file.")
    ordering = ChoiceField(
        [*ORDERINGS, *(f"-{name}" for name in ORDERINGS)],
        required=False,
        default="-id",
        help_text="The field to order by. A minus sign reverses the order.",
    )
    limit = WholeNumberField(
        required=False, default=DEFAULT_RUNS, min_value=1, max_value=MAX_RUNS, help_text="Runs per page."
    )
    offset = WholeNumberField(
        required=False, default=0, min_value=0, max_value=1_000_000, help_text="How many runs to skip."
    )
