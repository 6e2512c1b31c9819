"""Faults of the gateway at random, each one that a session can survive."""

from __future__ import annotations

import random
from typing import Any

from config.testing.feeds.live import FakeLive

# Kinds that end no session for ever, with options that keep the trial short. A wrong key stops the program by design.
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("close_at_once", {}),
    ("rst_at_once", {}),
    ("no_greeting", {}),
    ("no_auth_answer", {}),
    ("close_at_auth", {}),
    ("silent_start", {}),
    ("metadata_only", {}),
    ("eof", {}),
    ("rst", {}),
    ("silence", {"seconds": 30}),
    ("no_bars", {"seconds": 12}),
    ("error", {"code": "internal_error", "err": "Internal error"}),
    ("error_no_close", {}),
    ("half_eof", {}),
    ("half_rst", {}),
    ("dup", {}),
    ("dup_changed", {}),
    ("late", {}),
    ("hole", {"bars": 5}),
    ("skipped", {"bars": 5}),
    ("bad_ohlc", {}),
    ("undefined_price", {}),
    ("off_minute", {}),
    ("other_schema", {}),
    ("unmapped", {}),
    ("future", {}),
    ("garbage", {}),
    ("slow_warning", {}),
]


class RandomFaults:
    """Every kind comes once before any comes twice."""

    def __init__(self, gateway: FakeLive, seed: int) -> None:
        self._gateway, self._random = gateway, random.Random(seed)
        self._waiting: list[tuple[str, dict[str, Any]]] = []
        self.counts: dict[str, int] = {}

    def add(self) -> str:
        """Let the current or the next session go wrong once. Returns the kind."""
        if not self._waiting:
            self._waiting = self._random.sample(KINDS, len(KINDS))
        kind, options = self._waiting.pop()
        self._gateway.fault(kind, **options)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return kind

    def pause(self) -> float:
        """Real seconds until the next fault."""
        return self._random.uniform(4, 20)

    def clear(self) -> None:
        """No fault happens from now on."""
        for fault in self._gateway.faults:
            fault.times = 0
