"""Query parameters: each endpoint names what it takes, and everything else is refused with a sentence per field."""

from __future__ import annotations

from datetime import MAXYEAR, datetime, timedelta

from django.utils import timezone
from drf_spectacular.utils import OpenApiTypes, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from marketdata.timestamps import parse_timestamp

MAX_LIMIT = 10_000
DEFAULT_LIMIT = 500


@extend_schema_field(OpenApiTypes.DATETIME)
class Moment(serializers.Field):
    """A time in UTC: 2024-01-02, 2024-01-02T14:30 or with an offset. Without one, UTC is meant."""

    default_error_messages = {
        "invalid": "'{text}' is not a time: write 2024-01-02 or 2024-01-02T14:30:00+00:00.",
    }

    def to_internal_value(self, data: str) -> datetime:
        moment = parse_timestamp(data)
        if moment is None:
            self.fail("invalid", text=data)
        return moment

    def to_representation(self, value: datetime) -> str:
        return value.isoformat()


class Choice(serializers.ChoiceField):
    """One of several words, which the refusal of another names."""

    default_error_messages = {"invalid_choice": "'{input}' is not one of {choices}."}

    def to_internal_value(self, data: str) -> str:
        if data not in self.choices:
            self.fail("invalid_choice", input=data, choices=", ".join(self.choices))
        return data


class KnownParameters(serializers.Serializer):
    """A serializer of query parameters that refuses unknown ones."""

    @classmethod
    def of(cls, request: Request) -> dict:
        """The request's parameters, checked; `ValidationError` (400) otherwise."""
        parameters = cls(data=request.query_params.dict())
        parameters.is_valid(raise_exception=True)
        return parameters.validated_data

    def validate(self, attrs: dict) -> dict:
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            known = f"Known: {', '.join(self.fields)}." if self.fields else "It takes none."
            raise serializers.ValidationError(dict.fromkeys(unknown, f"There is no such parameter. {known}"))
        return attrs


class NoParameters(KnownParameters):
    """For endpoints that take none."""


class RangeParameters(KnownParameters):
    """The half-open range [start, end)."""

    start = Moment(required=False, default=None, help_text="First time that is included, UTC.")
    end = Moment(required=False, default=None, help_text="First time that is not included, UTC.")

    def validate(self, attrs: dict) -> dict:
        attrs = super().validate(attrs)
        if attrs["start"] and attrs["end"] and attrs["start"] >= attrs["end"]:
            raise serializers.ValidationError({"end": "The end must be later than the start."})
        return attrs


class BarsParameters(RangeParameters):
    """Which bars, as known when, in which order, how many at a time, in which form."""

    as_of = Moment(
        required=False,
        default=None,
        help_text="The bars as they were known at this time: by the runs that were finished by then. Default: now.",
    )

    limit = serializers.IntegerField(
        required=False, default=DEFAULT_LIMIT, min_value=1, max_value=MAX_LIMIT, help_text="Bars per page (JSON only)."
    )
    order = Choice(["asc", "desc"], required=False, default="asc", help_text="By time.")
    cursor = Moment(required=False, default=None, help_text="Where the page before ended: its next_cursor.")
    format = Choice(
        ["json", "csv", "parquet"],
        required=False,
        default="json",
        help_text="json: a page. csv, parquet: the whole range as a file.",
    )

    def validate(self, attrs: dict) -> dict:
        attrs = super().validate(attrs)
        if attrs.get("as_of") and attrs["as_of"] > timezone.now():
            raise serializers.ValidationError({"as_of": "What will be known then is not known yet: leave it out."})
        if attrs["format"] != "json":
            ignored = [name for name in ("limit", "cursor", "order") if name in self.initial_data]
            if ignored:
                sentence = f"{attrs['format']} is the whole range in time order: leave this out."
                raise serializers.ValidationError(dict.fromkeys(ignored, sentence))
        return attrs


class CandlesParameters(BarsParameters):
    """The same for candles, which are always of the bars as they are known now."""

    as_of = None


@extend_schema_field(OpenApiTypes.STR)
class RevisionCursor(serializers.Field):
    """Where a page of revisions ended: a minute and the run that replaced its values, 2024-01-02T14:30:00+00:00,17."""

    default_error_messages = {"invalid": "'{text}' is not a cursor: take next_cursor of the page before."}

    def to_internal_value(self, data: str) -> tuple[datetime, int]:
        minute, _, run = data.rpartition(",")
        moment = parse_timestamp(minute)
        if moment is None or not (run.isascii() and run.isdigit() and int(run) < 2**63):
            self.fail("invalid", text=data)
        return moment, int(run)

    def to_representation(self, value: tuple[datetime, int]) -> str:
        return f"{value[0].isoformat()},{value[1]}"


class RevisionsParameters(RangeParameters):
    """Which revisions, in which order, how many at a time."""

    ts = Moment(required=False, default=None, help_text="The bar of this one minute, in place of start and end.")
    limit = serializers.IntegerField(
        required=False, default=DEFAULT_LIMIT, min_value=1, max_value=MAX_LIMIT, help_text="Revisions per page."
    )
    order = Choice(["asc", "desc"], required=False, default="asc", help_text="By the bar's time, then by run.")
    cursor = RevisionCursor(required=False, default=None, help_text="Where the page before ended: its next_cursor.")

    def validate(self, attrs: dict) -> dict:
        attrs = super().validate(attrs)
        if attrs["ts"] is None:
            return attrs
        both = [name for name in ("start", "end") if attrs[name]]
        if both:
            raise serializers.ValidationError(dict.fromkeys(both, "ts is one minute already: leave this out."))
        if attrs["ts"].year == MAXYEAR:
            raise serializers.ValidationError({"ts": "No bar can be of that time."})
        return attrs | {"start": attrs["ts"], "end": attrs["ts"] + timedelta(seconds=1)}


class RunsParameters(KnownParameters):
    """Which runs, in which order."""

    ORDERINGS = ("id", "started_at", "finished_at", "row_count", "inserted_count", "updated_count", "file_name")

    status = Choice(["running", "success", "failed"], required=False)
    series = serializers.SlugField(required=False, help_text="Slug of a series that the run wrote to.")
    dataset = serializers.CharField(required=False)
    file_sha256 = serializers.CharField(required=False)
    ordering = Choice([*ORDERINGS, *(f"-{name}" for name in ORDERINGS)], required=False, default="-id")
    limit = serializers.IntegerField(required=False, default=50, min_value=1, max_value=500)
    offset = serializers.IntegerField(required=False, default=0, min_value=0, max_value=1_000_000)
