"""The rights in marketdata/README.md are enough for a role that runs stream_live."""

from __future__ import annotations

import pytest

from ingestion.tests.feeds.live.scene import wait_until
from ingestion.tests.test_roles import url
from marketdata.models import FeedStatus

__all__ = ["url"]
pytestmark = pytest.mark.slow


def test_a_role_that_loads_files_runs_stream_live(url, make_scene):
    scene = make_scene()
    scene.subscribe()
    with scene.run(DATABASE_URL=url.format(role="file_loader")) as stream:
        stream.wait_for(": live, after")
        until = scene.wait_for_market(1)
        scene.wait_for_bars(until)
        stream.stop()
    scene.check_table(until)
    wait_until(lambda: FeedStatus.objects.get().state == "stopped", 5)
