"""Faults of a live session.

Connecting: close_at_once, rst_at_once, no_greeting, refuse_auth (error), no_auth_answer, close_at_auth. Starting:
silent_start, metadata_only. At any time: eof, rst, silence (seconds), no_bars (seconds, lose), error (code, err),
error_no_close, clock_jump (seconds). At a bar: half_eof, half_rst, dup, dup_changed, late, hole (bars), skipped (bars),
bad_ohlc, undefined_price, off_minute, other_schema, unmapped, future (minutes), garbage, remap (symbol, instrument_id),
slow_warning.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..market import TICK
from ..times import DAY, MINUTE, SECOND
from .connection import Connection
from .records import encode_error, encode_mapping, encode_system
from .sessions import LiveFault

UNDEFINED_PRICE = 2**63 - 1


def _raise_low(bar: np.ndarray, options: dict[str, Any]) -> None:
    bar["high"] = bar["low"] - TICK


def _undefine_close(bar: np.ndarray, options: dict[str, Any]) -> None:
    bar["close"] = UNDEFINED_PRICE


def _move_second(bar: np.ndarray, options: dict[str, Any]) -> None:
    bar["ts_event"] += np.uint64(SECOND)


def _change_schema(bar: np.ndarray, options: dict[str, Any]) -> None:
    bar["rtype"] = 0x20


def _change_instrument(bar: np.ndarray, options: dict[str, Any]) -> None:
    bar["instrument_id"] = 99


def _move_to_future(bar: np.ndarray, options: dict[str, Any]) -> None:
    bar["ts_event"] += np.uint64(options.get("minutes", 60) * MINUTE)


CHANGES: dict[str, Callable[[np.ndarray, dict[str, Any]], None]] = {
    "bad_ohlc": _raise_low,
    "undefined_price": _undefine_close,
    "off_minute": _move_second,
    "other_schema": _change_schema,
    "unmapped": _change_instrument,
    "future": _move_to_future,
}


async def carry_out(fault: LiveFault, connection: Connection, bar: np.ndarray | None) -> bool:
    """Do it before the next bar or at `bar`. True: the bar is not to be sent now."""
    kind, options = fault.kind, fault.options
    clock = connection.gateway.clock
    if kind in ("eof", "rst"):
        await connection.drop(kind, reset=kind == "rst")
    elif kind == "silence":
        await connection.writer.drain()
        await asyncio.sleep(options.get("seconds", 3600))
    elif kind == "no_bars":
        await _send_only_heartbeats(connection, options)
    elif kind in ("error", "error_no_close"):
        message, code = options.get("err", "Internal error"), options.get("code", "internal_error")
        connection.send(encode_error(clock(), message, code))
        if kind == "error" and options.get("fatal", True):
            await connection.drop("error")
    elif kind == "slow_warning":
        connection.send(encode_system(clock(), "Warning: slow reading", "slow_reader_warning"))
    elif kind == "garbage":
        connection.send(b"\xff" * 64)
        await connection.writer.drain()
    elif kind == "clock_jump":
        clock.jump(options.get("seconds", -3600))
    elif kind == "remap":
        stype_in, until = options.get("stype_in", "raw_symbol"), clock() + DAY
        connection.send(encode_mapping(clock(), options["instrument_id"], stype_in, options["symbol"], clock(), until))
    elif bar is not None:
        return await _carry_out_at_bar(fault, connection, bar)
    return False


async def _carry_out_at_bar(fault: LiveFault, connection: Connection, bar: np.ndarray) -> bool:
    kind = fault.kind
    if kind in ("half_eof", "half_rst"):
        connection.send(bar.tobytes()[:29])
        await connection.drop(kind, reset=kind == "half_rst")
    if kind in ("skipped", "hole"):
        _skip(fault, connection)
        return True
    if kind == "late":
        connection.session.late.append(bar)
        return True
    if kind in ("dup", "dup_changed"):
        connection.send_bar(bar)
        bar["volume"] += kind == "dup_changed"
    if kind in CHANGES:
        CHANGES[kind](bar, fault.options)
    return False


async def _send_only_heartbeats(connection: Connection, options: dict[str, Any]) -> None:
    """No bar, in open hours. What is missed is not sent later, unless `lose` is False."""
    clock, until = connection.gateway.clock, time.monotonic() + options.get("seconds", 60)
    while time.monotonic() < until:
        connection.send(encode_system(clock(), "Heartbeat", "heartbeat"))
        connection.session.heartbeats += 1
        await connection.writer.drain()
        await asyncio.sleep(options.get("every", 1))
    connection.session.lost_until = clock() if options.get("lose", True) else 0


def _skip(fault: LiveFault, connection: Connection) -> None:
    """A bar that never comes. `skipped` sends an error after the last of them, `hole` nothing."""
    left = fault.options["left"] = fault.options.get("left", fault.options.get("bars", 5)) - 1
    if left > 0:
        fault.times += 1
    elif fault.kind == "skipped":
        message, code = "Skipped records after slow reading", "skipped_records_after_slow_reading"
        connection.send(encode_error(connection.gateway.clock(), message, code))
