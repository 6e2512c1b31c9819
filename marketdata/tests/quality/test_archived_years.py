"""Checks judge archived years as before: nothing is missing, and no finding is resolved, since bars are in a lake."""

from __future__ import annotations

import io
import shutil
from datetime import date, timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from config.testing.builders import FRONT, at, bars, ingest, together, write
from config.testing.database.archive import archive
from config.testing.rows import BARS, execute, insert
from marketdata.models import IngestRun, QualityCheck, QualityEvent, QualityFinding, Series
from marketdata.quality.backtest import backtest
from marketdata.quality.check import check_series
from marketdata.quality.pending import check_pending
from marketdata.quality.reading import read_bars, to_datetime
from marketdata.quality.store.bar_runs import find_bringers, list_runs
from marketdata.sources.errors import ArchivedBarsUnreadable

MNQ = "CME_MINI:MNQ1!"
DAY = 1440
SPAN = at(-40 * DAY), at(40 * DAY)


def load(path, records) -> IngestRun:
    mappings = {"MNQ.c.0": [(date(2023, 11, 1), date(2024, 2, 1), FRONT)]}
    ingest(write(path, records, mappings=mappings, start=at(0, day=date(2023, 11, 1))))
    return IngestRun.objects.latest("pk")


@pytest.fixture
def mnq(market_db, tmp_path) -> Series:
    """Weeks on both sides of new year 2024, with a gap, a repeated hour and a price that is far away in 2023."""
    records = together(bars(9 * DAY, first=-12 * DAY), bars(12 * DAY, first=-2 * DAY))
    times = records["ts_event"]
    spike = times == at(-9 * DAY + 901)
    for name in ("open", "high", "low", "close"):
        records[name][spike] *= 3
    hour = (times >= at(-8 * DAY)) & (times < at(-8 * DAY + 60))
    before = (times >= at(-8 * DAY - 60)) & (times < at(-8 * DAY))
    for name in ("open", "high", "low", "close", "volume"):
        records[name][hour] = records[name][before]
    load(tmp_path / "mnq.dbn", records)
    return Series.objects.get(slug="mnq")


def forget_checks() -> None:
    QualityFinding.objects.all().delete()
    QualityCheck.objects.all().delete()


def read_findings() -> list[dict]:
    columns = ("kind", "state", "start", "end", "value", "text", "run", "is_baseline")
    return list(QualityFinding.objects.order_by("start", "kind").values(*columns))


def test_the_arrays_are_those_of_the_table(mnq, tmp_path):
    ts = to_datetime(at(-5 * DAY))
    large = {"open": 10**10, "high": 10**10, "low": -(10**10), "close": 1, "volume": 2**64 - 1}
    execute("DELETE FROM market_bars_ohlcv_1m WHERE ts = %s", ts)
    insert(BARS, ts=ts, ts_ms=at(-5 * DAY) // 10**6, **large)
    expected = read_bars(MNQ, *SPAN)
    archive(2023, tmp_path / "lake")
    found = read_bars(MNQ, *SPAN)
    for name in ("ts", "open", "high", "low", "close", "volume", "instrument"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
        assert getattr(found, name).dtype == getattr(expected, name).dtype


def test_a_check_finds_the_same(mnq, tmp_path):
    now = timezone.now()
    check_series(mnq, now=now)
    expected = read_findings()
    assert {"missing", "spike", "repeated"} & {one["kind"] for one in expected}
    trials = backtest(mnq, kinds=["spike", "missing"], now=now)
    archive(2023, tmp_path / "lake")
    changes = check_series(mnq, now=timezone.now())
    assert (changes.new, changes.gone) == ([], [])
    assert read_findings() == expected
    assert not QualityEvent.objects.exclude(event="found").exists()
    assert [trial.count for trial in backtest(mnq, kinds=["spike", "missing"], now=now)] == [
        trial.count for trial in trials
    ]


def test_a_first_check_of_an_archived_year_finds_what_one_before_would(mnq, tmp_path):
    now = timezone.now()
    forget_checks()
    check_series(mnq, now=now)
    expected = read_findings()
    forget_checks()
    archive(2023, tmp_path / "lake", drop=True)
    check_series(mnq, now=now)
    assert read_findings() == expected


def test_the_run_of_a_range_is_found_in_the_lake(mnq, tmp_path):
    late = load(tmp_path / "late.dbn", bars(60, first=-3 * DAY)).pk
    edges = [(-13, -12.5), (-3, -2.9), (-2.5, -2.2), (-1.01, -0.9), (11, 12), (-12, 12)]
    ranges = [(to_datetime(at(round(start * DAY))), to_datetime(at(round(end * DAY)))) for start, end in edges]
    expected = find_bringers(MNQ, ranges), [list_runs(MNQ, *one) for one in ranges]
    assert expected[0] == [1, late, 1, 1, 1, late]
    archive(2023, tmp_path / "lake")
    assert (find_bringers(MNQ, ranges), [list_runs(MNQ, *one) for one in ranges]) == expected


def test_runs_of_an_archived_year_are_checked_later(mnq, tmp_path):
    forget_checks()
    IngestRun.objects.update(quality_checked_at=None)
    archive(2023, tmp_path / "lake")
    assert check_pending(timezone.now()) == 1
    assert QualityFinding.objects.filter(kind="spike", start__year=2023).exists()
    assert not IngestRun.objects.filter(quality_checked_at__isnull=True).exists()


def test_a_lake_that_cannot_be_read_leaves_findings_as_they_are(mnq, tmp_path):
    check_series(mnq, now=timezone.now() - timedelta(days=1))
    expected = read_findings()
    archive(2023, tmp_path / "lake")
    shutil.rmtree(tmp_path / "lake")
    IngestRun.objects.update(quality_checked_at=None)
    with pytest.raises(ArchivedBarsUnreadable):
        check_pending(timezone.now())
    assert IngestRun.objects.filter(quality_checked_at__isnull=True).exists()
    for command in ("backtest_quality", "check_quality"):
        with pytest.raises(
            CommandError, match=r"The bars of 2023 are archived, .*_lake/manifest\.json is missing"
        ) as error:
            call_command(command, "--series", "mnq", stdout=io.StringIO())
        assert error.value.returncode == 1
    assert read_findings() == expected


def test_gaps_do_not_need_the_lake(mnq, tmp_path):
    def list_gaps() -> str:
        out = io.StringIO()
        call_command("gaps", "--series", "mnq", stdout=out)
        return out.getvalue()

    expected = list_gaps()
    archive(2023, tmp_path / "lake")
    shutil.rmtree(tmp_path / "lake")
    assert list_gaps() == expected
