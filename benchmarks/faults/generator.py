"""Generated bars with what makes real ones hard to judge: regimes of volatility, the shape of a day, releases, wicks,
thin months, prices around zero, and limit locks. Clean: none of it is a fault.

They are for tests and tuning. Only real bars show how many false findings there are in practice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from marketdata.quality.detectors.model import MINUTE, Bars
from marketdata.quality.detectors.sessions import Sessions, read_sessions

NEW_YORK = ZoneInfo("America/New_York")
STEPS = 12  # price changes within a minute
LOCKED_SHARE = 0.05  # of the trades of other minutes are made while the price is at its limit


@dataclass(frozen=True)
class Market:
    """How a generated series behaves. Prices and ticks in units of 1e-9."""

    calendar: str = "CME Globex Equity"
    start_price: int = 7_000 * 10**9
    tick: int = 250_000_000
    volatility: float = 2.0  # basis points of the start price in a quiet minute
    trades: float = 60.0  # in a quiet minute; below about 1, minutes stay empty
    spread: int = 1  # ticks between bid and ask
    regimes: float = 0.35  # how much the volatility differs from day to day, as a standard deviation of its logarithm
    release_share: float = 0.15  # of the days with a release at 08:30 New York
    lock_share: float = 0.0  # of the days with an hour at the price limit
    tails: float = 4.0  # degrees of freedom of Student's t


FRONT = Market()
STRESSED = Market(volatility=9.0, regimes=0.6, release_share=0.3)
BACK_MONTH = Market(trades=0.02, spread=12, volatility=2.0)
NEAR_BACK_MONTH = Market(trades=0.4, spread=4, volatility=2.0)
CALENDAR_SPREAD = Market(start_price=15 * 10**9, tick=50_000_000, volatility=8.0, trades=0.5, spread=2)
AROUND_ZERO = Market("CMEGlobex_Energy", 2 * 10**9, 10_000_000, volatility=60.0, trades=80.0, regimes=0.6)
LOCKED = Market("CMEGlobex_Grains", 6 * 10**9, 2_500_000, volatility=3.0, trades=20.0, lock_share=0.15)
MARKETS = {
    "front": FRONT,
    "stressed": STRESSED,
    "back month": BACK_MONTH,
    "near back month": NEAR_BACK_MONTH,
    "calendar spread": CALENDAR_SPREAD,
    "around zero": AROUND_ZERO,
    "limit locks": LOCKED,
}


def generate_bars(market: Market, first_day: date, days: int, *, seed: int) -> tuple[Bars, Sessions]:
    """Clean bars of `days` calendar days from `first_day` on, and the sessions around them."""
    rng = np.random.default_rng(seed)
    midnight = datetime(first_day.year, first_day.month, first_day.day, tzinfo=NEW_YORK)
    start, end = (int(each.timestamp()) * 10**9 for each in (midnight, midnight + timedelta(days=days)))
    sessions = read_sessions(market.calendar, start, end)
    ts = sessions.list_open_minutes(start, end)
    level = _make_activity(market, sessions, ts, rng)
    prices = _walk(market, level, rng)
    is_locked = _lock(market, sessions, ts, prices, rng)
    return _to_bars(market, ts, level, prices, is_locked, rng), sessions


def _make_activity(market: Market, sessions: Sessions, ts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How active each minute is: the day's regime, the hour, clusters, and releases. 1 is a quiet minute."""
    day = sessions.find_day(ts)
    regimes = _smooth(rng.normal(size=int(day.max(initial=0)) + 1), 0.9) * market.regimes
    minute = _find_new_york_minute(ts)
    hours = (
        0.5
        + 2.5 * np.exp(-np.maximum(minute - 570, 0) / 60) * (minute >= 570)
        + 1.5 * ((minute >= 570) & (minute < 960))
    )
    hours += 1.5 * np.exp(-np.abs(minute - 958) / 12) + 0.5 * ((minute >= 180) & (minute < 570))
    level = hours * np.exp(regimes[day] + 0.25 * _smooth(rng.normal(size=len(ts)), 0.97))
    for chosen in np.flatnonzero(rng.random(len(regimes)) < market.release_share):
        at = np.flatnonzero((day == chosen) & (minute == 510))
        if len(at):
            after = np.arange(at[0], min(at[0] + 30, len(level)))
            level[after] *= 1 + 6 * rng.gamma(2, 0.5) * np.exp(-np.arange(len(after)) / 4)
    activity: np.ndarray = level
    return activity


def _walk(market: Market, level: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Prices within each minute, in ticks: shape (minutes, STEPS). The first one is the open."""
    unit = market.volatility / 1e4 * abs(market.start_price) / market.tick / np.sqrt(STEPS)
    moves = rng.standard_t(market.tails, (len(level), STEPS)) * np.sqrt(1 - 2 / market.tails)
    walked = np.cumsum((moves * (unit * level)[:, None]).ravel()).reshape(moves.shape)
    # A weak pull to the start keeps long series positive.
    prices: np.ndarray = market.start_price / market.tick + walked - _drift(walked[:, -1])[:, None]
    return prices


def _drift(walked: np.ndarray) -> np.ndarray:
    weeks = np.arange(len(walked)) / 7000
    whole = np.arange(int(weeks[-1]) + 2)
    pulled: np.ndarray = np.interp(weeks, whole, np.interp(whole, weeks, walked)) * 0.9
    return pulled


def _lock(
    market: Market, sessions: Sessions, ts: np.ndarray, prices: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Hours in which the price is at its limit, which no price of the session exceeds. Returns which minutes."""
    day = sessions.find_day(ts)
    is_locked = np.zeros(len(ts), bool)
    for chosen in np.flatnonzero(rng.random(int(day.max(initial=0)) + 1) < market.lock_share):
        at = np.flatnonzero(day == chosen)
        if len(at) <= 200:
            continue
        first, is_up = int(rng.integers(60, len(at) - 90)), bool(rng.random() < 0.5)
        beyond = market.spread / 2
        limit = np.ceil(prices[at].max() + beyond) if is_up else np.floor(prices[at].min() - beyond)
        # It is locked before it comes back to the market within some minutes.
        share = np.clip((first + 70 - np.arange(first - 10, first + 70)) / 10, 0, 1)[:, None]
        share = np.minimum(share, np.clip((np.arange(80) + 1) / 10, 0, 1)[:, None])
        where = at[first - 10 : first + 70]
        prices[where] = share * limit + (1 - share) * prices[where]
        is_locked[at[first : first + 60]] = True
        prices[at[first : first + 60]] = limit
    return is_locked


def _to_bars(
    market: Market,
    ts: np.ndarray,
    level: np.ndarray,
    prices: np.ndarray,
    is_locked: np.ndarray,
    rng: np.random.Generator,
) -> Bars:
    # Prices move by trades: a minute that moves more than others had more of them.
    moved = np.ptp(prices, axis=1) / (market.volatility / 1e4 * abs(market.start_price) / market.tick)
    moved = np.where(is_locked, LOCKED_SHARE, moved)
    trades = rng.poisson(np.minimum(market.trades * level**0.75 * moved, 1e6) * rng.gamma(4, 0.25, len(ts)))
    sides = rng.integers(0, 2, prices.shape) * market.spread
    sides = np.where(is_locked[:, None], 0, sides - market.spread / 2)
    quoted = np.rint(prices + sides).astype(np.int64)
    # A minute with few trades shows few of its prices.
    shown = rng.random(prices.shape) < np.minimum(trades / STEPS, 1)[:, None]
    shown[np.arange(len(ts)), rng.integers(0, STEPS, len(ts))] = True
    first, last = shown.argmax(axis=1), STEPS - 1 - shown[:, ::-1].argmax(axis=1)
    rows = np.arange(len(ts))
    columns = [
        quoted[rows, first],
        np.where(shown, quoted, np.iinfo(np.int64).min).max(axis=1),
        np.where(shown, quoted, np.iinfo(np.int64).max).min(axis=1),
        quoted[rows, last],
    ]
    volume = np.where(trades > 0, trades + rng.poisson(trades * 0.6), 0)
    has = trades > 0
    opened, high, low, close = (values[has] * market.tick for values in columns)
    return Bars(ts[has], opened, high, low, close, volume[has], np.zeros(int(has.sum()), np.int32))


def _smooth(noise: np.ndarray, memory: float) -> np.ndarray:
    """An autoregressive series with unit variance."""
    result = np.empty(len(noise))
    value, scale = 0.0, np.sqrt(1 - memory**2)
    for at, each in enumerate(noise):
        value = memory * value + scale * each
        result[at] = value
    return result


def _find_new_york_minute(ts: np.ndarray) -> np.ndarray:
    hours, inverse = np.unique(ts // (60 * MINUTE), return_inverse=True)
    moments = [datetime.fromtimestamp(int(hour) * 3600, NEW_YORK) for hour in hours]
    hours_of_day = np.array([moment.hour * 60 + moment.minute for moment in moments], np.int64)
    minutes: np.ndarray = hours_of_day[inverse] + ts // MINUTE % 60
    return minutes
