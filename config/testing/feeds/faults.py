"""Faults of the historical API: which request goes wrong, and how its body then differs.

Before any answer: `status` (status, retry_after, body="json", "text" or "html"), `json` (value), `reset`, `close`,
`hang` (seconds). `lost_answer`: the request is carried out, and the connection ends without the answer.
In a body: `reset_body`, `cut_chunked`, `cut_length`, `cut_close` (after: bytes) end the connection early; `cut_zstd`,
`cut_record` (drop: bytes), `cut_frame`, `metadata_only` send less, with HTTP in order; `slow` (rate: bytes/s), `stall`
(after, seconds), `empty_body`, `html_200`, `garbage`, `warning` (text).
In a batch file: also `corrupt` and `ignore_range`.
"""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field
from typing import Any

import zstandard

BEFORE_ANSWER = {"status", "json", "reset", "close", "hang"}
CUTS = {"reset_body", "cut_chunked", "cut_length", "cut_close", "stall"}


@dataclass
class Fault:
    """The next `times` requests of an endpoint (`*`: of any), after `skip` good ones, go wrong."""

    endpoint: str
    kind: str
    times: int = 1
    skip: int = 0
    options: dict[str, Any] = field(default_factory=dict)


class Faults:
    """Faults that wait for their request, in the order in which they were added."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def next_for(self, endpoint: str) -> Fault | None:
        """The fault of the request that has arrived; None if it is answered as it should be."""
        with self._lock:
            for fault in self._waiting:
                if fault.endpoint not in (endpoint, "*") or fault.times <= 0:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                return fault
        return None


def join_frames(frames: list[bytes], fault: Fault | None) -> bytes:
    """The body of a stream, as its fault leaves it."""
    kind, drop = (fault.kind, fault.options.get("drop")) if fault else ("", None)
    if kind == "cut_frame":
        return b"".join(frames[:-1] if len(frames) > 2 else frames[:1])
    if kind == "metadata_only":
        return frames[0]
    body = b"".join(frames)
    if kind == "cut_record":
        plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body), read_across_frames=True).read()
        return zstandard.compress(plain[: -(drop or 30)])
    if kind == "cut_zstd":
        return body[: -(drop or 100)]
    return {"garbage": b"\x00\x01garbage" * 1000, "empty_body": b""}.get(kind, body)
