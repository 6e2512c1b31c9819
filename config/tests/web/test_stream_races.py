"""Streams opened, closed and resumed at any moment, while runs load, correct and undo the same bars."""

from __future__ import annotations

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from benchmarks.web.events import apply_event, parse_block
from config.testing import builders
from ingestion.errors import IngestError
from ingestion.pipeline import ingest_file
from ingestion.undo.pipeline import undo_run
from marketdata.calendars.hours import Hours
from marketdata.models import IngestRun, Series
from marketdata.stream.access import Access
from marketdata.stream.hub import hub
from marketdata.stream.opening import open_stream
from marketdata.stream.rows import Topic, read_last_rows
from marketdata.stream.subscription import Subscription

MINUTES = 40
ALL_ROWS = 1000


class Viewer:
    """A client that keys rows by time, and that connects again and again with the last id that it has read."""

    def __init__(self, topic: Topic, access: Access, seed: int) -> None:
        self.topic, self.access, self.random = topic, access, random.Random(seed)
        self.rows: dict[str, dict] = {}
        self.last_id = ""
        self.resumed = self.resynced = 0

    def view(self, stopped: threading.Event) -> None:
        try:
            while not stopped.is_set():
                self._read(self._open(), self.random.uniform(0, 0.4))
                self.resumed += 1
            self._read(self._open(), 6)
        finally:
            connection.close()

    def _open(self) -> Subscription:
        return open_stream(self.topic, self.access, limit=ALL_ROWS, last_event_id=self.last_id)

    def _read(self, subscription: Subscription, seconds: float) -> None:
        """What is read when the connection ends may be any part of what was sent."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            blocks = subscription.take().decode().split("\n\n")[:-1]
            for block in blocks[: self.random.randint(0, len(blocks))] if seconds < 1 else blocks:
                self._apply(block)
            if seconds < 1 and blocks:
                break
            time.sleep(0.01)
        subscription.close()

    def _apply(self, block: str) -> None:
        event = parse_block(block.encode(), self.last_id)
        if event is not None:
            self.resynced += event.name == "resync"
            self.last_id = event.id
            apply_event(self.rows, event)


def write_files(folder: Path, count: int, seed: int) -> list[Path]:
    """Each has some of the same minutes, with values of its own."""
    chance, paths = random.Random(seed), []
    for number in range(count):
        length = chance.randint(1, 6)
        records = builders.bars(length, first=chance.randint(0, MINUTES - length))
        records["volume"] += chance.randint(1, 3)
        paths.append(builders.write(folder / f"{seed}-{number}.dbn", records))
    return paths


def change(paths: list[Path], seed: int) -> None:
    """Load files, and undo every third run again."""
    chance = random.Random(seed)
    try:
        for path in paths:
            try:
                run = ingest_file(path=path).run
                if chance.random() < 0.35:
                    undo_run(run_id=chance.choice([run.pk, max(1, run.pk - chance.randint(0, 5))]))
            except IngestError:
                pass  # undone already, or nothing to undo
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_client_ends_with_what_the_table_has(market_db, tmp_path, seed):
    mnq = Series.objects.get(slug="mnq")
    user = get_user_model().objects.create_user("viewer")
    access = Access(user.pk, None, "")
    builders.ingest(builders.write(tmp_path / "first.dbn", builders.bars(MINUTES // 2)))
    topics = [Topic(mnq, timeframe, Hours.ALL) for timeframe in ("1m", "5m", "1h", "1d")]
    viewers = [Viewer(topic, access, seed * 100 + n) for topic in topics for n in range(3)]
    stopped = threading.Event()
    try:
        with ThreadPoolExecutor(len(viewers) + 3) as threads:
            viewing = [threads.submit(viewer.view, stopped) for viewer in viewers]
            changing = [
                threads.submit(change, write_files(tmp_path, 12, seed * 10 + writer), seed * 10 + writer)
                for writer in range(3)
            ]
            for future in changing:
                future.result(120)
            stopped.set()
            for future in viewing:
                future.result(60)
    finally:
        hub.close()
        user.delete()
    assert IngestRun.objects.filter(kind="undo", status="success").count() > 3
    assert sum(viewer.resumed for viewer in viewers) > 20
    for viewer in viewers:
        rows = [json.loads(row) for row in read_last_rows(viewer.topic, ALL_ROWS, now=datetime.now(UTC))]
        assert viewer.rows == {row["ts"]: row for row in rows}, viewer.topic.timeframe
