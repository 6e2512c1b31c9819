"""Bars as arrays are those of the table, and each is read once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from config.testing.builders import FRONT, at, bars, exact, ingest, stored, together, write
from config.testing.rows import BARS, insert
from marketdata.models import Bar, IngestRun, Series
from marketdata.quality import reading
from marketdata.quality.detectors.model import DAY, MINUTE
from marketdata.quality.reading import BarReader, join_bars, read_bars, to_datetime, to_ns

MNQ = "CME_MINI:MNQ1!"
SPAN = at(0), at(0) + DAY


@pytest.fixture
def mnq(market_db) -> Series:
    return Series.objects.get(slug="mnq")


def test_the_arrays_are_the_stored_bars(mnq, tmp_path):
    records = bars(30)
    records["open"][3] += 1  # 1e-9
    records["low"][4] = -5
    ingest(write(tmp_path / "mnq.dbn", records))
    read = read_bars(MNQ, *SPAN)
    assert (
        {
            to_datetime(int(read.ts[row])): (
                *(Decimal(int(getattr(read, name)[row])).scaleb(-9) for name in ("open", "high", "low", "close")),
                Decimal(int(read.volume[row])),
            )
            for row in range(len(read))
        }
        == stored()
        == exact(records)
    )


def test_a_range_is_half_open(mnq, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(10)))
    assert read_bars(MNQ, at(2), at(5)).ts.tolist() == [at(2), at(3), at(4)]
    assert len(read_bars(MNQ, at(5), at(5))) == 0
    assert len(read_bars("OTHER", *SPAN)) == 0


def test_prices_and_volumes_of_other_programs_are_limited(mnq, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    run = IngestRun.objects.latest("pk")
    large = dict.fromkeys(("open", "high", "close"), Decimal(10**10)) | {"volume": 2**64 - 1}
    ts = to_datetime(at(5))
    insert(BARS, ts=ts, ts_ms=at(5) // 10**6, low=1, ingestion_run_id=run.pk, **large)
    read = read_bars(MNQ, *SPAN)
    assert len(read) == 4
    assert read.high[-1] == 9 * 10**18
    assert read.volume[-1] == 9 * 10**18
    assert read.close[0] == int(Bar.objects.earliest("ts").close.scaleb(9))


def test_no_bar_is_read_twice(mnq, tmp_path, monkeypatch):
    ingest(write(tmp_path / "mnq.dbn", together(bars(10), bars(10, first=1440), bars(10, first=2880))))
    asked = []

    def read(symbol: str, start: int, end: int):
        asked.append((start, end))
        return read_bars(symbol, start, end)

    monkeypatch.setattr(reading, "read_bars", read)
    reader = BarReader(mnq)
    assert len(reader.read(at(0), at(1450))) == 20
    assert len(reader.read(at(5), at(2885))) == 20
    assert len(reader.read(at(2882), at(2890))) == 8
    assert asked == [(at(0), at(1450)), (at(1450), at(2885)), (at(2885), at(2890))]


def test_bars_have_the_number_of_their_contract(mnq, tmp_path):
    parts = together(bars(3), bars(3, first=1440, instrument_id=FRONT + 1))
    mappings = {
        "MNQ.c.0": [
            (date(2024, 1, 1), date(2024, 1, 3), FRONT),
            (date(2024, 1, 3), date(2024, 2, 1), FRONT + 1),
        ]
    }
    ingest(write(tmp_path / "mnq.dbn", parts, mappings=mappings))
    assert BarReader(mnq).read(at(0), at(2880)).instrument.tolist() == [1, 1, 1, 2, 2, 2]


def test_bars_before_all_and_joined_bars_keep_their_order():
    first, second = _make(3, 0), _make(2, 10)
    joined = join_bars(first, second)
    assert joined.ts.tolist() == [0, MINUTE, 2 * MINUTE, 10 * MINUTE, 11 * MINUTE]
    assert join_bars(first.slice(0, 0), second).ts.tolist() == second.ts.tolist()


def _make(count: int, first: int):
    ts = (np.arange(count) + first) * MINUTE
    return reading.Bars(ts, ts, ts, ts, ts, ts, np.zeros(count, np.int32))


@pytest.mark.parametrize("ns", [0, 1_704_153_600_000_000_000, -60 * 10**9, 1_704_153_600_123_456_000])
def test_times_return(ns):
    assert to_ns(to_datetime(ns)) == ns
