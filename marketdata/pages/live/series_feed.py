"""What the page of a series needs to follow its feed."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from marketdata.live.query import read_series_state
from marketdata.live.states import SeriesState
from marketdata.models import Series
from marketdata.stream.position import read_position
from marketdata.stream.response import can_stream


@dataclass(frozen=True)
class SeriesFeed:
    """The state of the series' feed, where its state is polled, and where its bars are streamed: empty if this server
    has no streams. `position`: the stream goes on from there, so that nothing is missed while the page loads."""

    state: SeriesState
    poll_url: str
    stream_url: str
    position: str

    @property
    def json(self) -> str:
        return json.dumps(self.state.to_json())


def build_series_feed(request: HttpRequest, series: Series) -> SeriesFeed:
    """The feed of one series, as of now."""
    poll_url = f"{reverse('live-rows')}?{urlencode({'series': series.slug})}"
    if not can_stream(request):
        return SeriesFeed(read_series_state(series), poll_url, "", "")
    position = str(read_position())  # before the state and the bars are read
    stream_url = reverse("series-stream", args=[series.slug])
    return SeriesFeed(read_series_state(series), poll_url, stream_url, position)
