"""What counts bars goes on counting those of archived years."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
from django.core.management import CommandError

from config.testing.builders import ingest
from config.testing.rows import execute
from config.testing.undo import undo
from ingestion.tests.archive.conftest import MNQ, YEAR, ingest_days, read_derived, run_command
from marketdata.bars.stats import get_stats
from marketdata.coverage.life import read_life
from marketdata.models import Bar, IngestRun, Series, SeriesInstrument
from marketdata.rollup.verify import verify_symbol


@pytest.mark.parametrize("mapped", [False, True])
def test_stats_and_life_stay(archive, mapped):
    """Without a mapping, requested dates count as a part of the life if they have bars."""
    if not mapped:
        SeriesInstrument.objects.filter(run__min_ts__year=2024).delete()
    series = Series.objects.get(symbol=MNQ)
    stats = get_stats(series)
    life = read_life(series, stats.min_ts, stats.max_ts)
    archive.run()
    assert get_stats(series) == stats
    assert read_life(series, stats.min_ts, stats.max_ts) == life


def test_verify_candles_counts_the_hours_and_does_not_compare_them(archive):
    archive.run(drop=True)
    derived = read_derived()
    out = run_command("verify_candles").out
    assert f"{MNQ}: 12 hours agree with 720 bars, of which 4 hours of 2024 are archived and not compared" in out
    printed = json.loads(run_command("verify_candles", json=True).out)
    assert (printed["ok"], printed["series"][0]["archived_years"]) == (True, [YEAR])
    assert "agree" in run_command("verify_candles", repair=True).out
    assert read_derived() == derived


def test_a_repair_keeps_archived_hours(archive):
    archive.run(drop=True)
    derived = read_derived()
    execute(
        "SELECT set_config('barkeep.writes_rollup', 'on', false); "
        "UPDATE market_bars_ohlcv_1h SET volume = volume + 1 WHERE hour = '2023-01-03 00:00+00'; "
        "UPDATE market_series_counts SET bar_count = bar_count + 1; "
        "SELECT set_config('barkeep.writes_rollup', '', false)"
    )
    assert verify_symbol(MNQ).difference_count == 2
    assert "repaired" in run_command("verify_candles", repair=True).out
    assert read_derived() == derived


def test_a_step_gets_no_larger_than_archived_bars_allow(archive, tmp_path):
    """Only bars of 2024 have the step of 0.25: the others have prices of full points."""
    for year in (2023, 2025):
        execute(
            "UPDATE market_bars_ohlcv_1m SET open = 100, high = 102, low = 99, close = 101 "
            "WHERE date_part('year', ts AT TIME ZONE 'UTC') = %s",
            year,
        )
    archive.export()
    archive.run(drop=True)
    run = ingest_days(tmp_path, date(2025, 1, 3))  # it changes bars
    assert run.changed_count
    undo(run.pk)
    assert Series.objects.get(symbol=MNQ).price_step == Decimal("0.25")


def test_an_archived_series_without_bars_in_the_table_keeps_its_step(archive, tmp_path):
    for run in IngestRun.objects.exclude(min_ts__year=2024):
        undo(run.pk)
    archive.export()
    archive.run()
    assert not Bar.objects.exists()
    ingest_days(tmp_path, date(2025, 2, 3))
    assert Series.objects.get(symbol=MNQ).price_step == Decimal("0.25")


def test_files_of_archived_years_are_skipped(archive, tmp_path):
    archive.run(drop=True)
    out = ingest(tmp_path / "1.dbn", skip_ingested=True).out
    assert "already loaded" in out


def test_a_later_change_of_an_archived_bar_counts(archive, tmp_path):
    ingest_days(tmp_path, date(2024, 1, 3), base=16_801)
    archive.export(since_last=True)
    archive.run()
    with pytest.raises(CommandError, match="has bars of 2024"):
        ingest(tmp_path / "1.dbn", skip_ingested=True)


def test_an_instrument_keeps_its_dates(archive, tmp_path):
    """An undo of another year's run does not remove the interval that archived bars have."""
    archive.run()
    [run] = IngestRun.objects.filter(min_ts__year=2025)
    undo(run.pk)
    archive.restore()
    assert "agree" in run_command("verify_candles").out
