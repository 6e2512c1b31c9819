"""A started session: metadata, mappings, bars by the market's clock, messages, heartbeats."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from ..dbn_files import encode_live_metadata
from ..market import BAR, DATASET
from ..times import DAY, MINUTE, SECOND, to_day, to_ns
from .connection import Connection
from .faults import carry_out
from .records import encode_error, encode_mapping, encode_system
from .sessions import BETWEEN_BARS


class Stream:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._gateway, self._session, self._send = connection.gateway, connection.session, connection.send
        self._heartbeat = int(self._session.auth.get("heartbeat_interval_s") or 30)
        self._oldest = self._gateway.clock() - int(self._gateway.replay_hours * 3600 * SECOND)
        self._starts: dict[int, int] = {}  # instrument to its first minute

    async def run(self) -> None:
        """Send until the connection ends. Raises SessionEnded."""
        await self._send_metadata()
        for sub in self._session.subs:
            await self._acknowledge(sub)
        await self._connection.writer.drain()
        await self._send_minutes()

    async def _send_metadata(self) -> None:
        auth, now = self._session.auth, self._gateway.clock()
        asked = [start for start in self._session.starts if start is not None]
        if fault := self._connection.take("silent_start"):
            await asyncio.sleep(fault.options.get("seconds", 3600))
        if auth.get("compression") == "zstd":
            self._send.compress()
        begin = min((max(start, self._oldest) for start in asked), default=now)
        self._send(encode_live_metadata(begin, auth.get("dataset", DATASET)))
        if fault := self._connection.take("metadata_only"):
            await self._connection.writer.drain()
            await asyncio.sleep(fault.options.get("seconds", 3600))

    async def _acknowledge(self, sub: dict[str, str]) -> None:
        now = self._gateway.clock()
        message = f"Subscription request {sub.get('id', 0)} for {sub['schema']} data succeeded"
        self._send(encode_system(now, message, "subscription_ack"))
        start = int(sub["start"]) if sub.get("start") else None
        if start and start < self._oldest and self._gateway.aged_out == "error":
            message = "Replay data is no longer available for the requested start time"
            self._send(encode_error(now, message, "replay_data_aged_out"))
            await self._connection.drop("aged out")
        first = now // MINUTE * MINUTE if start is None else max(start, self._oldest)
        for symbol in sub["symbols"].split(","):
            self._map(now, sub["stype_in"], symbol, first)

    def _map(self, now: int, stype_in: str, symbol: str, first: int) -> None:
        """A symbol is resolved when the session starts, and is not mapped again within it."""
        day = to_day(now)
        found = self._gateway.market.resolve(symbol, stype_in, day, to_day(now + DAY))
        if not found:
            message = f"Symbol {symbol} could not be resolved"
            self._send(encode_error(now, message, "symbol_resolution_failed"))
        for start, end, instrument in found:
            self._send(encode_mapping(now, instrument, stype_in, symbol, to_ns(start), to_ns(end)))
            self._starts[instrument] = first

    async def _send_minutes(self) -> None:
        clock = self._gateway.clock
        minute = -(-min(self._starts.values(), default=clock()) // MINUTE) * MINUTE
        is_replay = any(start is not None for start in self._session.starts)
        while True:
            end = minute + MINUTE
            if is_replay and end > clock():
                self._send(encode_system(clock(), "Finished ohlcv-1m replay", "replay_completed"))
                is_replay = False
            if not is_replay:
                await self._wait(end)
            await self._send_minute(minute)
            if is_replay and minute % (60 * MINUTE) == 0:
                await self._connection.writer.drain()
            minute = end

    async def _wait(self, until: int) -> None:
        """Wait for the end of a minute, with heartbeats when nothing else is sent, and faults that need no bar."""
        clock = self._gateway.clock
        while (left := clock.seconds_until(until) + self._gateway.lag_s) > 0:
            due = self._send.last + self._heartbeat - time.monotonic()
            if due <= 0:
                self._send(encode_system(clock(), "Heartbeat", "heartbeat"))
                self._session.heartbeats += 1
                due = self._heartbeat
            await self._connection.writer.drain()
            if fault := self._connection.take(*BETWEEN_BARS):
                await carry_out(fault, self._connection, None)
            if self._gateway.lag_s and clock.seconds_until(until) == 0:
                await asyncio.sleep(self._gateway.lag_s)
                return
            await asyncio.sleep(min(left, due, 0.05))

    async def _send_minute(self, minute: int) -> None:
        session, market = self._session, self._gateway.market
        if minute + MINUTE < session.lost_until:
            return
        started = [instrument for instrument, first in self._starts.items() if first <= minute]
        parts = [market.list_bars(instrument, minute, minute + MINUTE) for instrument in started]
        rows = np.concatenate([np.zeros(0, BAR), *parts])
        for number in range(len(rows)):
            bar = rows[number : number + 1].copy()
            fault = self._connection.take()
            if fault and await carry_out(fault, self._connection, bar):
                continue
            for record in (bar, *session.late):
                self._connection.send_bar(record)
            session.late.clear()
        if self._gateway.intervals_when_closed or len(market.open_minutes(minute, minute + MINUTE)):
            session.closed[minute + MINUTE] = time.time()
            self._send(encode_system(minute + MINUTE, "End of interval for ohlcv-1m", "end_of_interval"))
        await asyncio.sleep(0)
