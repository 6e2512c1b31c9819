"""Measures how soon /healthz and the stats of a series are answered while something else happens."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

PAUSE_SECONDS = 0.1


@dataclass
class Probes:
    """Seconds of each answer, by name, and the number of requests without a 200."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: int = 0

    def find_percentile(self, name: str, percent: int) -> float:
        ordered = sorted(self.seconds[name])
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


@contextlib.contextmanager
def probing(port: int, paths: dict[str, str]) -> Iterator[Probes]:
    """Request each path 10 times a second, on a new connection each time, until the block ends."""
    probes, stopped = Probes({name: [] for name in paths}), threading.Event()

    def probe(name: str, path: str) -> None:
        while not stopped.wait(PAUSE_SECONDS):
            started = time.monotonic()
            if not _is_answered(port, path):
                probes.errors += 1
            probes.seconds[name].append(time.monotonic() - started)

    threads = [threading.Thread(target=probe, args=item) for item in paths.items()]
    for thread in threads:
        thread.start()
    try:
        yield probes
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def _is_answered(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return response.status == 200
