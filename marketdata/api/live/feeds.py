"""Live feeds over REST: what `stream_live` recorded."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.params import FeedsParameters
from marketdata.api.responses.errors import describe_responses
from marketdata.api.responses.examples import FEED_EXAMPLE
from marketdata.api.responses.feeds import FeedSerializer, serialize_feed
from marketdata.live.feeds import read_feeds
from marketdata.live.subscriptions import Part


class FeedsViewSet(ViewSet):
    """The live feed of each dataset."""

    @extend_schema(
        summary="List live feeds",
        parameters=[FeedsParameters],
        responses=describe_responses(FeedSerializer(many=True), example=OpenApiExample("A live feed", FEED_EXAMPLE)),
    )
    def list(self, request: Request) -> Response:
        """The state of each live feed, what it has received and stored, its series, and its last sessions.

        A feed is that of a dataset. It can have thousands of series: `series_count` counts them, `limit` and `offset`
        select those that are listed. `/readyz` does not depend on it: a dead feed does not restart the web server.
        """
        part = Part(**FeedsParameters.parse(request))
        return Response([serialize_feed(feed) for feed in read_feeds(part)])
