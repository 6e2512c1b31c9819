"""The command against the gateway: what is stored is the market's, whatever happens."""

from __future__ import annotations

import signal

from ingestion.tests.feeds.live.scene import list_ends, read_bars
from marketdata.models import FeedSession, FeedStatus


def test_from_an_empty_table_to_a_current_one(make_scene):
    scene = make_scene()
    scene.subscribe()
    with scene.run() as stream:
        stream.wait_for("live")
        until = scene.wait_for_market(4)
        scene.wait_for_bars(until)
        code, seconds = stream.stop()
    assert (code, seconds < 3) == (0, True), stream
    scene.check_table(until)
    scene.check_runs()
    scene.check_gateway()
    session = FeedSession.objects.get()
    assert session.end == "stopped"
    assert session.closed_until >= session.last_bar_ts
    assert session.bars >= len(read_bars())
    assert FeedStatus.objects.get().state == "stopped"
