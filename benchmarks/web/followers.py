"""Many clients of a stream in one process, on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time

from benchmarks.web.clients import Target
from benchmarks.web.events import BARS, EventReader

_AT_ONCE = 50


def follow(target: Target, count: int) -> tuple[int, list[tuple[int, float]]]:
    """Open so many streams, and read them until the target's end. Returns how many opened, and when each client got
    each bar: the run's number, and seconds since 1970."""
    return asyncio.run(_follow(target, count))


async def _follow(target: Target, count: int) -> tuple[int, list[tuple[int, float]]]:
    places = asyncio.Semaphore(_AT_ONCE)
    arrived: list[tuple[int, float]] = []
    opened = await asyncio.gather(*(_read(target, places, arrived) for _ in range(count)))
    return sum(opened), arrived


async def _read(target: Target, places: asyncio.Semaphore, arrived: list[tuple[int, float]]) -> bool:
    async with places:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        writer.write(target.build_head("GET", f"/api/market-data/{target.series}/{BARS}?limit=1"))
        with contextlib.suppress(asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        return False
    events = EventReader()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(target.end - time.monotonic()):
            while piece := await reader.read(65536):
                now = time.time()
                arrived += [(event.data["run_id"], now) for event in events.feed(piece) if event.name == "bar"]
    writer.close()
    return True
