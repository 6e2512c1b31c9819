"""An event is one finding."""

from __future__ import annotations

import pytest

from benchmarks.faults.scoring import run_detectors
from marketdata.quality.detectors import DETECTORS
from marketdata.quality.detectors.events.merge import merge_events
from marketdata.quality.detectors.missing import find_missing
from marketdata.quality.detectors.model import MINUTE, Detected
from marketdata.tests.quality.detectors.markets import make_market


def find(kind: str, start: int, end: int, before: int | None = None) -> Detected:
    evidence = [] if before is None else [{"ts": before * MINUTE}]
    return Detected(kind, "error", start * MINUTE, end * MINUTE, 1.0, 1.0, "", evidence)


def list_kinds(*found: Detected) -> list[str]:
    return [one.kind for one in merge_events(found)]


def test_a_halt_is_the_missing_bars():
    halt = find("missing", 10, 25)
    assert list_kinds(halt, find("jump", 25, 26, before=9), find("volume_outlier", 26, 27)) == ["missing"]


def test_a_session_that_lacks_bars_up_to_its_break_explains_the_jump_after_the_break():
    assert list_kinds(find("missing", 10, 1000), find("jump", 1060, 1061, before=9)) == ["missing"]


def test_a_jump_elsewhere_remains():
    assert list_kinds(find("missing", 10, 25), find("jump", 300, 301, before=299)) == ["missing", "jump"]


@pytest.mark.parametrize("kind", ["spike", "scale", "wrong_contract", "flat", "off_tick"])
def test_wrong_prices_beside_missing_bars_remain(kind):
    assert list_kinds(find("missing", 10, 25), find(kind, 25, 26)) == ["missing", kind]


def test_a_repeated_day_is_no_other_contract():
    repeated = find("repeated", 100, 1500)
    assert list_kinds(repeated, find("wrong_contract", 100, 1500), find("flat", 200, 260)) == ["repeated", "flat"]


def test_price_limits_have_no_findings():
    bars, context = make_market("limit locks", 120)
    found = run_detectors(bars, context, DETECTORS)
    assert len([one for one in found if one.kind in ("missing", "flat", "wrong_contract")]) <= 1


def test_a_lost_hour_of_that_market_is_found():
    bars, context = make_market("limit locks", 120)
    start = int(bars.ts[len(bars) // 2])
    lost = bars.select((bars.ts < start) | (bars.ts >= start + 60 * MINUTE))
    assert any(one.start_ns < start + 60 * MINUTE and one.end_ns > start for one in find_missing(lost, context))
