"""The benchmark of quality: the same seed gives the same faults, and what is found is counted once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from benchmarks.faults.files import find_tick, make_series, read_series
from benchmarks.faults.generator import MARKETS, generate_bars
from benchmarks.faults.inject import FAULTS, inject_faults
from benchmarks.faults.model import Fault
from benchmarks.faults.prices import swap_digits
from benchmarks.faults.scoring import compare
from benchmarks.quality import Totals, measure_series
from ingestion.dbn.samples import write_mnq_sample
from marketdata.quality.detectors import DETECTORS
from marketdata.quality.detectors.model import MINUTE, Detected


@pytest.fixture(scope="module")
def series():
    bars, _ = generate_bars(MARKETS["front"], date(2021, 3, 1), 60, seed=3)
    return make_series("front", bars, calendar=MARKETS["front"].calendar)


def test_the_same_seed_gives_the_same_faults(series):
    inject = {"tick": series.context.tick, "share": 0.2}
    first, faults = inject_faults(series.bars, series.sessions, seed=1, **inject)
    again, same = inject_faults(series.bars, series.sessions, seed=1, **inject)
    _, other = inject_faults(series.bars, series.sessions, seed=2, **inject)
    assert faults == same != other
    assert all((getattr(first, name) == getattr(again, name)).all() for name in ("ts", "high", "volume"))
    assert len({fault.name for fault in faults}) >= len(FAULTS) - 2


def test_bars_with_faults_can_be_stored(series):
    bars, _ = inject_faults(series.bars, series.sessions, tick=series.context.tick, seed=1)
    assert (np.diff(bars.ts) > 0).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.volume >= 0).all()


def find(kind: str, start: int, end: int, group: str | None = None) -> Detected:
    return Detected(kind, "error", start * MINUTE, end * MINUTE, 1.0, 1.0, "", group=group)


def test_findings_are_compared_with_faults():
    faults = [
        Fault("a", 10 * MINUTE, 11 * MINUTE, frozenset({"spike"})),
        Fault("b", 50 * MINUTE, 60 * MINUTE, frozenset({"flat"})),
    ]
    findings = [
        find("spike", 10, 11),
        find("flat", 10, 11),  # beside the right one: neither found nor false
        find("spike", 55, 56),  # the wrong kind
        find("jump", 100, 101, "one day"),
        find("jump", 105, 106, "one day"),
        find("volume_zero", 200, 201),
    ]
    score = compare(findings, faults)
    assert (score.found, score.injected) == ({"a": 1}, {"a": 1, "b": 1})
    assert [fault.name for fault in score.missed] == ["b"]
    assert score.false == {"jump": 1, "volume_zero": 1}


def test_detectors_find_most_faults_and_little_else(series):
    total = Totals()
    names = [
        "x100",
        "x10",
        "spike",
        "off tick",
        "zero volume",
        "volume x1e6",
        "stale hour",
        "repeated day",
        "wrong contract",
    ]
    measure_series(series, 1, DETECTORS, total, names=names)
    assert total.found.total() >= 0.98 * total.injected.total() > 0
    assert total.false[True].total() <= 1
    assert "prices × 100" in total.format()


def test_a_dbn_file_is_read(tmp_path):
    (series,) = read_series(write_mnq_sample(tmp_path / "a.dbn.zst", bars=3000))
    assert (series.name, len(series.bars), series.context.tick) == ("MNQ.c.0", 3000, 250_000_000)
    assert series.context.kind == "continuous"


def test_a_csv_file_is_read(tmp_path):
    path = tmp_path / "nq.csv"
    rows = [
        f"2021-03-01 {10 + at // 60}:{at % 60:02},100.25,101.5,99.75,{100 + at % 4 * 0.25},{at + 1}"
        for at in range(120)
    ]
    path.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    (series,) = read_series(path, calendar="CME Globex Equity", min_bars=100)
    assert (series.name, len(series.bars), find_tick(series.bars)) == ("nq", 120, 250_000_000)
    assert series.bars.open[0] == 100_250_000_000
    assert np.datetime64(int(series.bars.ts[0]), "ns") == np.datetime64("2021-03-01T10:00")
    assert replace(series.context, memory={}).is_front is False


def test_digits_are_swapped():
    assert [price // 10**9 for price in swap_digits(7_123 * 10**9)] == [1723, 7120, 7132, 7213]
