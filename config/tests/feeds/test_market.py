"""The invented market: hours, rolls, history that changes."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from config.testing.feeds.contracts import get_raw_symbol
from config.testing.feeds.market import Market
from config.testing.feeds.times import MINUTE, to_iso, to_ns

MNQ = (["MNQ.c.0"], "continuous")
NOW = to_ns("2024-06-01")


def test_the_market_is_closed_for_an_hour_a_day_and_at_weekends():
    minutes = Market().open_minutes(to_ns("2024-03-04"), to_ns("2024-03-11"))
    gaps = np.flatnonzero(np.diff(minutes) != MINUTE)
    assert [to_iso(int(minutes[gap]) + MINUTE)[5:16] for gap in gaps] == [
        *("03-04T22:00", "03-05T22:00", "03-06T22:00", "03-07T22:00", "03-08T22:00"),
    ]
    assert to_iso(int(minutes[gaps[-1] + 1]))[5:16] == "03-10T22:00", "an hour earlier in UTC: summer time has begun"


def test_a_holiday_has_no_bars_and_a_short_day_ends_early():
    market = Market(holidays={date(2024, 3, 29)}, early={date(2024, 3, 28): 12})
    bars = market.bars(*MNQ, "2024-03-28", "2024-03-31")
    assert len(bars) > 900
    assert to_iso(int(bars["ts_event"][-1]))[:13] == "2024-03-28T16"


def test_bars_do_not_depend_on_the_range_and_prices_are_possible():
    market = Market()
    whole = market.bars(*MNQ, "2024-03-11", "2024-03-20")
    parts = [market.bars(*MNQ, "2024-03-11", "2024-03-14T11:11"), market.bars(*MNQ, "2024-03-14T11:11", "2024-03-20")]
    assert (np.concatenate(parts) == whole).all()
    assert (whole["low"] <= np.minimum(whole["open"], whole["close"])).all()
    assert (whole["high"] >= np.maximum(whole["open"], whole["close"])).all()
    assert (np.diff(whole["ts_event"].astype(np.int64)) > 0).all()


def test_some_open_minutes_have_no_trade():
    market = Market(quiet=0.1)
    span = to_ns("2024-03-04"), to_ns("2024-03-09")
    assert len(market.bars(*MNQ, *span)) == pytest.approx(0.9 * len(market.open_minutes(*span)), rel=0.02)


def test_a_continuous_symbol_rolls_after_the_expiry():
    resolved = Market().resolve(*MNQ[0], MNQ[1], date(2024, 3, 11), date(2024, 3, 25))
    assert [(str(first), str(last), get_raw_symbol(number)) for first, last, number in resolved] == [
        ("2024-03-11", "2024-03-16", "MNQH4"),
        ("2024-03-16", "2024-03-25", "MNQM4"),
    ]


def test_a_parent_brings_two_contracts_and_their_spread():
    resolved = Market().resolve("MNQ.FUT", "parent", date(2024, 3, 4), date(2024, 3, 5))
    assert [get_raw_symbol(number) for _, _, number in resolved] == ["MNQH4", "MNQM4", "MNQH4-MNQM4"]


def test_lost_minutes_come_back_and_their_day_is_modified():
    market = Market()
    whole = market.bars(*MNQ, "2024-03-11", "2024-03-12")
    market.lose("2024-03-11T10:00", "2024-03-11T11:00", restored="2024-03-20")
    before, after = (
        market.bars(*MNQ, "2024-03-11", "2024-03-12", as_of=to_ns(day)) for day in ("2024-03-19", "2024-03-20")
    )
    assert 50 < len(whole) - len(before) <= 60
    assert (after == whole).all()
    day = date(2024, 3, 11)
    assert market.conditions(day, day, NOW, to_ns("2024-03-19"))[0]["condition"] == "degraded"
    assert market.conditions(day, day, NOW, NOW) == [
        {"date": "2024-03-11", "condition": "available", "last_modified_date": "2024-03-20"}
    ]


def test_revised_values_differ_and_live_keeps_the_first():
    market = Market()
    market.revise("2024-03-11T10:00", "2024-03-11T11:00", at="2024-03-20")
    first = market.bars(*MNQ, "2024-03-11", "2024-03-12")
    revised = market.bars(*MNQ, "2024-03-11", "2024-03-12", as_of=NOW)
    assert len(first) == len(revised)
    assert 50 < int((first != revised).sum()) <= 60
    assert (market.bars(*MNQ, "2024-03-11", "2024-03-12") == first).all()


def test_conditions_name_pending_and_missing_days_and_no_saturday():
    market = Market(missing={date(2024, 3, 7)}, degraded={date(2024, 3, 6)})
    found = market.conditions(date(2024, 3, 6), date(2024, 3, 10), to_ns("2024-03-10T12:00"), NOW)
    assert [(day["date"][8:], day["condition"]) for day in found] == [
        *(("06", "degraded"), ("07", "missing"), ("08", "available"), ("10", "pending")),
    ]
    assert found[1]["last_modified_date"] is None
