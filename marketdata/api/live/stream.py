"""Streams of bars and candles: server-sent events."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, OpenApiTypes, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from marketdata.api.candles import TIMEFRAME, get_candle_series
from marketdata.api.errors import DatabaseUnavailable, check_session
from marketdata.api.negotiation import JsonErrorsViewSet
from marketdata.api.params import StreamParameters
from marketdata.api.responses.errors import ErrorSerializer, describe_responses
from marketdata.api.responses.examples import STREAM_EXAMPLE
from marketdata.api.series import get_series
from marketdata.models import Series
from marketdata.stream.access import read_access
from marketdata.stream.events import MEDIA_TYPE
from marketdata.stream.hub import HubUnavailable, TooManyStreams
from marketdata.stream.opening import open_stream
from marketdata.stream.response import EventStream, can_stream
from marketdata.stream.rows import BARS, Topic

_JSON = "application/json"
_LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID", str, OpenApiParameter.HEADER, description="As `last_event_id`. Browsers send it by themselves."
)


class StreamRenderer(BaseRenderer):
    """Declares the media type. The web front writes the events."""

    media_type = MEDIA_TYPE
    format = "event-stream"


class StreamsBusy(APIException):
    """503: the process or the account has as many streams as it may have."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    wait = 30


class StreamsNotServed(APIException):
    """503: the server is one whose threads streams would occupy."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = (
        "This server does not serve streams, since each would occupy one of its threads: start the server of the "
        "Procfile, or request the bars again from time to time."
    )
    wait = 3600


def _describe(*errors: int) -> dict[tuple[int, str] | int, object]:
    described = describe_responses(ErrorSerializer, *errors)
    del described[200, _JSON], described[304]
    example = OpenApiExample("A stream of minute bars", STREAM_EXAMPLE, media_type=MEDIA_TYPE)
    described[200, MEDIA_TYPE] = OpenApiResponse(OpenApiTypes.STR, "Events, as text.", [example])
    described[503, _JSON] = OpenApiResponse(
        ErrorSerializer,
        "Too many streams are open, this server does not serve streams, or the database or a lake does not respond.",
    )
    return described


class StreamViewSet(JsonErrorsViewSet):
    """The changes of one series' bars or candles, as they are committed."""

    renderer_classes = (StreamRenderer,)

    @extend_schema(
        summary="Stream minute bars", parameters=[StreamParameters, _LAST_EVENT_ID], responses=_describe(300, 404)
    )
    def bars(self, request: Request, slug: str) -> EventStream:
        """Server-sent events: the last bars, and from then on each change as soon as it is committed.

        - `snapshot` comes first: `bars` are the last `limit` bars, `state` is that of the live feed.
        - `bar` is a new bar, `revision` one that a run corrected, or removed: then it has `ts` and `removed` only. Both
          have the fields of a bar of the API and `provisional`: the live feed brought the bar, and history does not
          confirm it yet. Keep the rows by `ts`. A row can come again, and old ones come too.
        - `state` describes the live feed: at each change, and every 15 seconds.
        - `resync` means that more changed than is sent one by one, that the position is unknown, or that the series has
          another trading calendar. A `snapshot` follows. Request older bars again.

        Each event has an `id`. A client that connects again with the last one, in the header Last-Event-ID or as
        `last_event_id`, gets all that has changed since, also after a restart of the server. An event of several that
        belong together has the id of the position before them. A comment comes every 15 seconds. The stream ends with
        the login or token, and when the server stops; a client that does not read is disconnected.
        """
        return self._stream(request, get_series(slug), BARS)

    @extend_schema(
        summary="Stream candles",
        parameters=[TIMEFRAME, StreamParameters, _LAST_EVENT_ID],
        responses=_describe(300, 404, 409),
    )
    def candles(self, request: Request, slug: str, timeframe: str) -> EventStream:
        """Server-sent events as for minute bars. A candle comes again whenever one of its bars changes, and when it is
        no longer `forming`. It is `provisional` while one of its bars is."""
        return self._stream(request, get_candle_series(slug, timeframe), timeframe)

    def _stream(self, request: Request, series: Series, timeframe: str) -> EventStream:
        parameters = StreamParameters.parse(request)
        check_session(series, parameters["session"])
        if not can_stream(request):
            raise StreamsNotServed
        if request.method == "HEAD":
            return EventStream(None)
        last_event_id = request.headers.get("Last-Event-ID", "").strip() or parameters["last_event_id"].strip()
        topic = Topic(series, timeframe, parameters["session"])
        try:
            subscription = open_stream(
                topic, read_access(request), limit=parameters["limit"], last_event_id=last_event_id
            )
        except TooManyStreams as error:
            raise StreamsBusy(str(error)) from error
        except HubUnavailable as error:
            raise DatabaseUnavailable from error
        return EventStream(subscription)
