"""Faults of prices."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.model import ATTEMPTS, PRICES, Editor, Injector
from marketdata.quality.detectors.model import DAY, HOUR

MIN_SPIKE = 0.01
MIN_SWAP = 0.003
MIN_BASIS = 0.006


def add_spike(editor: Editor) -> bool:
    """A price that leaves by 1 to 5 % and comes back: all prices of a bar, or its high, low, or close."""
    if (run := editor.pick_bars(1)) is None:
        return False
    at, values, rng = run[0], editor.values, editor.rng
    share = float(rng.uniform(MIN_SPIKE, 5 * MIN_SPIKE)) * (1 if rng.random() < 0.5 else -1)
    move = _round(editor.measure_price(at) * share, editor.tick)
    shape = rng.choice(["all", "extreme", "close", "open"])
    names = PRICES if shape == "all" else ["high" if share > 0 else "low"] if shape == "extreme" else [str(shape)]
    for name in names:
        base = values[name][at]
        if shape == "extreme":  # measured from the body, so that the spike has its full size
            base = (
                max(values["open"][at], values["close"][at])
                if share > 0
                else min(values["open"][at], values["close"][at])
            )
        values[name][at] = base + move
    editor.enclose(slice(*run))
    return editor.record("spike ≥ 1 %", editor.span(*run), "spike", "scale")


def add_swapped_digits(editor: Editor) -> bool:
    """Two neighbouring digits of one price change places, by 30 basis points or more."""
    for _ in range(ATTEMPTS):
        if (run := editor.pick_bars(1)) is None:
            return False
        at, values = run[0], editor.values
        name = str(editor.rng.choice(PRICES))
        swapped = [price for price in swap_digits(int(values[name][at])) if _is_swap(editor, at, name, price)]
        if swapped:
            values[name][at] = editor.rng.choice(swapped)
            editor.enclose(slice(*run))
            return editor.record("swapped digits ≥ 30 bps", editor.span(*run), "spike", "scale", "off_tick")
    return False


def _is_swap(editor: Editor, at: int, name: str, price: int) -> bool:
    old, values = int(editor.values[name][at]), editor.values
    if abs(price - old) < MIN_SWAP * editor.measure_price(at):
        return False
    if name == "high":
        return price > old
    return price < old if name == "low" else price != values[name][at]


def swap_digits(price: int) -> list[int]:
    """The prices with two neighbouring digits swapped, from cents on. Prices are counts of 1e-9."""
    digits, sign = str(abs(price) // 10**7), 1 if price >= 0 else -1
    swapped = {digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :] for i in range(len(digits) - 1)}
    return sorted(sign * int(each) * 10**7 for each in swapped if each != digits and each[0] != "0")


def add_scale(factor: float, *, most: int = 30) -> Injector:
    """Bars whose prices are multiplied: one bar, or a run of up to `most`."""

    def add(editor: Editor) -> bool:
        count = 1 if editor.rng.random() < 0.5 else int(editor.rng.integers(2, most + 1))
        if (run := editor.pick_bars(count)) is None:
            return False
        where = slice(*run)
        moved = np.abs(editor.values["close"][where]).min() * abs(1 - factor)
        if editor.is_signed and moved < 30 * editor.usual_range:
            return True  # nothing that a reader of the data could see
        names = PRICES if editor.rng.random() < 0.7 or count > 1 else [str(editor.rng.choice(["high", "close"]))]
        names = PRICES if factor < 1 or editor.values["low"][where].min() <= 0 else names
        for name in names:
            scaled = editor.values[name][where] * factor
            editor.values[name][where] = np.rint(scaled).astype(np.int64)
        editor.enclose(where)
        return editor.record(f"prices × {factor:g}", editor.span(*run), "scale")

    return add


def add_off_tick(editor: Editor) -> bool:
    """A price off the tick grid, by less than a tick."""
    if (run := editor.pick_bars(1)) is None or not editor.tick:
        return False
    at = run[0]
    name = str(editor.rng.choice(PRICES))
    parts = max(editor.tick // 10, 1)
    shift = parts * int(editor.rng.integers(1, 10))
    editor.values[name][at] += -shift if name == "low" else shift
    editor.enclose(slice(*run))
    return editor.record("off tick", editor.span(*run), "off_tick")


def add_stale_hour(editor: Editor) -> bool:
    """One bar is repeated for an hour, with its volume."""
    if (run := editor.pick_bars(60)) is None:
        return False
    first, last = run
    for name in (*PRICES, "volume"):
        editor.values[name][first:last] = editor.values[name][first]
    return editor.record("stale hour", editor.span(first, last), "flat", "repeated")


def add_repeated_day(editor: Editor) -> bool:
    """A trading day has the bars of an earlier one."""
    for start, end in editor.pick_days():
        days = int(editor.rng.integers(1, 8))
        earlier, where = editor.find(start - days * DAY, end - days * DAY), editor.find(start, end)
        if earlier.stop - earlier.start < 20 or where.stop - where.start < 20:
            continue
        editor.kept[where] = False
        for at in range(earlier.start, earlier.stop):
            bar = {name: int(values[at]) for name, values in editor.values.items()}
            editor.added.append(bar | {"ts": bar["ts"] + days * DAY})
        return editor.record("repeated day", (start, end), "repeated")
    return False


def add_late_day(editor: Editor) -> bool:
    """The bars of a trading day are stamped an hour late."""
    for start, end in editor.pick_days():
        where = editor.find(start, end)
        if where.stop - where.start < 500:
            continue
        editor.values["ts"][where] += HOUR
        return editor.record("day stamped an hour late", (start, end + HOUR), "repeated", "missing", "outside_session")
    return False


def add_wrong_contract(editor: Editor) -> bool:
    """A run of 10 minutes to 4 hours has the prices and volumes of a contract with another basis."""
    if (run := editor.pick_bars(int(editor.rng.integers(10, 241)))) is None:
        return False
    where, values, rng = slice(*run), editor.values, editor.rng
    share = float(rng.uniform(MIN_BASIS, 2.5 * MIN_BASIS)) * (1 if rng.random() < 0.7 else -1)
    basis = _round(editor.measure_price(run[0]) * share, editor.tick)
    for name in PRICES:
        noise = rng.integers(-1, 2, run[1] - run[0]) * editor.tick
        values[name][where] += basis + noise
    values["volume"][where] = np.maximum(values["volume"][where] // int(rng.integers(2, 200)), 1)
    editor.enclose(where)
    return editor.record("wrong contract, basis ≥ 60 bps", editor.span(*run), "wrong_contract")


def _round(move: float, tick: int) -> int:
    step = tick or 1
    return int(np.sign(move)) * int(-(-abs(move) // step)) * step
