"""After a run, the bars that it touched are checked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.utils import timezone

from config.testing.builders import at, bars, ingest, undo_run, write
from config.testing.processes import Process, session
from ingestion.cli import quality
from ingestion.cli.quality import cost
from ingestion.cli.quality.cost import estimate_checks
from ingestion.jobs.quality_schedule import request_check_if_due
from marketdata.models import IngestRun, QualityCheck, QualityDelivery, QualityFinding, Series
from marketdata.quality import pending
from marketdata.quality.check import ALL, CheckRange
from marketdata.quality.pending import check_pending, read_pending
from marketdata.quality.reading import to_datetime
from marketdata.runs.jobs import find_shown_jobs, lock_worker

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def ranges(market_db, monkeypatch) -> list:
    """The ranges that are checked, by series, in order."""
    checked: list = []
    check_series = pending.check_series

    def check(series, *, within, now):
        checked.append((series.slug, within.start, within.end))
        return check_series(series, within=within, now=now)

    monkeypatch.setattr(pending, "check_series", check)
    return checked


def make_bars(count: int = 30, *, first: int = 0, scaled: int | None = None) -> np.ndarray:
    """Bars, one of them times 100."""
    records = bars(count, first=first)
    if scaled is not None:
        for name in ("open", "high", "low", "close"):
            records[name][scaled] *= 100
    return records


def load(path: Path, records: np.ndarray) -> IngestRun:
    ingest(write(path / f"{IngestRun.objects.count()}.dbn", records))
    return IngestRun.objects.latest("pk")


def find_mnq() -> Series:
    return Series.objects.get(slug="mnq")


def test_a_first_load_is_checked_as_a_whole(ranges, tmp_path):
    run = load(tmp_path, make_bars())
    assert read_pending().runs == [run.pk]
    assert read_pending().bar_count == 30
    assert check_pending(timezone.now()) == 1
    assert ranges == [("mnq", ALL.start, ALL.end)]
    assert read_pending().runs == []
    assert QualityCheck.objects.get().series.slug == "mnq"
    run.refresh_from_db()
    assert run.quality_checked_at is not None


def test_new_bars_are_checked_with_what_is_between_them_and_the_old_ones(ranges, tmp_path):
    load(tmp_path, make_bars())
    check_pending(timezone.now())
    load(tmp_path, make_bars(first=10 * 1440))
    check_pending(timezone.now())
    _, start, end = ranges[-1]
    assert start <= to_datetime(at(29))
    assert end is None


def test_only_the_changed_bars_of_a_file_are_checked(ranges, tmp_path):
    days = np.concatenate([make_bars(first=day * 1440) for day in range(20)])
    load(tmp_path, days)
    check_pending(timezone.now())
    days["volume"][5 * 30 + 7] += 1
    load(tmp_path, days)
    check_pending(timezone.now())
    minute = to_datetime(at(5 * 1440 + 7))
    assert ranges[-1] == ("mnq", minute - DAY, minute + MINUTE + DAY)


def test_a_run_that_changed_nothing_is_not_checked(ranges, tmp_path):
    for _ in range(2):
        load(tmp_path, make_bars())
        check_pending(timezone.now())
    assert len(ranges) == 1
    assert read_pending().runs == []


def test_an_undo_is_checked(ranges, tmp_path):
    run = load(tmp_path, make_bars(scaled=20))
    check_pending(timezone.now())
    assert QualityFinding.objects.filter(kind="scale", state="open").exists()
    undo_run(run.pk)
    assert read_pending().runs == [2]
    check_pending(timezone.now())
    assert not QualityFinding.objects.exclude(state="resolved").exists()


def test_failed_runs_are_not_pending(market_db, tmp_path):
    with pytest.raises(Exception, match="cut off"):
        ingest(tmp_path.joinpath("x.dbn").write_bytes(b"DBN\x03") and tmp_path / "x.dbn")
    assert read_pending().runs == []


def test_a_worker_checks_what_waits(market_db, tmp_path):
    load(tmp_path, make_bars(scaled=20))
    ended = Process("--interval", "0.1", "--no-startup-delay", "--batch", command="db_worker").end()
    assert (ended.code, read_pending().runs) == (0, [])
    assert QualityFinding.objects.get(kind="scale").run_id == 1
    delivery = QualityDelivery.objects.get(alert__event="baseline")
    assert (delivery.channel, delivery.state) == ("log", "delivered"), "it is sent before the worker ends"


def test_the_files_of_a_delivery_are_checked_together(market_db, tmp_path):
    load(tmp_path, make_bars())
    IngestRun.objects.create(kind="file", symbols=["X"], started_at=timezone.now())
    assert not request_check_if_due(live=True), "the next file is being loaded"
    ended = timezone.now() - timedelta(minutes=11)
    IngestRun.objects.filter(pk=1).update(started_at=ended, finished_at=ended)
    assert request_check_if_due(live=True), "it has waited long"


def test_a_run_of_a_live_session_delays_no_check(market_db, tmp_path):
    load(tmp_path, make_bars())
    IngestRun.objects.create(kind="live", symbols=["X"], started_at=timezone.now())
    assert request_check_if_due(live=True)


def test_a_series_that_cannot_be_judged_stops_no_other(market_db, tmp_path):
    load(tmp_path, make_bars(scaled=20))
    ingest(write(tmp_path / "other.dbn", make_bars(scaled=20)), symbol="OTHER")
    Series.objects.filter(slug="mnq").update(quality_thresholds={"spike": "x"})
    worker = Process("--interval", "0.1", "--no-startup-delay", "--batch", command="db_worker").end()
    assert (worker.code, read_pending().runs) == (0, [1])
    assert set(QualityFinding.objects.filter(kind="scale").values_list("series__slug", flat=True)) == {"other"}
    assert "could not be checked: Thresholds of mnq: The threshold of spike is 'x'" in worker.err
    assert "Traceback" not in worker.err
    assert not request_check_if_due(live=True), "it would fail again"
    load(tmp_path, make_bars(first=40))
    assert request_check_if_due(live=True)


def test_a_waiting_check_is_requested_once_and_not_shown(market_db, tmp_path):
    load(tmp_path, make_bars())
    assert request_check_if_due(live=False)
    assert request_check_if_due(live=False)
    assert find_shown_jobs() == []


class TestWithoutWorker:
    """The command checks few new bars itself."""

    @pytest.fixture(autouse=True)
    def _on(self, market_db, monkeypatch):
        monkeypatch.setattr(settings, "QUALITY_WITHOUT_WORKER", True)

    def test_few_bars_are_checked(self, tmp_path, monkeypatch):
        monkeypatch.setattr(quality, "read_processor_time", lambda: 100.0)
        assert "Not checked" not in ingest(write(tmp_path / "new.dbn", make_bars(scaled=20))).out
        assert QualityFinding.objects.filter(kind="scale").exists()

    @pytest.mark.parametrize(("used", "spent"), [(0.3, 0.0), (12.0, 1.6)])
    def test_what_costs_more_than_its_share_waits(self, tmp_path, monkeypatch, used, spent):
        monkeypatch.setattr(quality, "read_processor_time", lambda: used)
        monkeypatch.setattr(quality, "_spent", spent)
        printed = ingest(write(tmp_path / "new.dbn", make_bars()))
        assert read_pending().bar_count == 30
        assert "Not checked yet: 30 bars. A worker checks them (" in printed.out
        assert "Not checked" not in ingest(write(tmp_path / "more.dbn", make_bars(first=40)), json=True).out

    def test_the_estimate_grows_with_the_bars_that_are_read(self, tmp_path):
        load(tmp_path, make_bars(1000))
        short = CheckRange(to_datetime(at(990)))
        assert 0.05 < estimate_checks([(find_mnq(), short)]) < estimate_checks([(find_mnq(), ALL)])
        assert estimate_checks([(find_mnq(), ALL), (find_mnq(), ALL)]) == 2 * estimate_checks([(find_mnq(), ALL)])

    def test_a_calendar_that_must_be_computed_first_costs_much(self, tmp_path, monkeypatch):
        load(tmp_path, make_bars())
        monkeypatch.setattr(cost, "has_years", lambda calendar, first, last: True)
        known = estimate_checks([(find_mnq(), ALL)])
        monkeypatch.setattr(cost, "has_years", lambda calendar, first, last: False)
        assert estimate_checks([(find_mnq(), ALL)]) > known + 1

    def test_a_worker_does_it(self, tmp_path):
        with session() as cursor:
            assert lock_worker(cursor, "a worker")
            load(tmp_path, make_bars())
        assert read_pending().bar_count == 30

    def test_a_fault_of_the_check_is_none_of_the_load(self, tmp_path, monkeypatch, caplog):
        monkeypatch.setattr(quality, "check_pending", lambda now, plan: 1 / 0)
        assert load(tmp_path, make_bars()).status == "success"
        assert "stored, but not checked" in caplog.text

    def test_a_dry_run_checks_nothing(self, tmp_path):
        ingest(write(tmp_path / "mnq.dbn", make_bars()), dry_run=True)
        assert not Series.objects.filter(quality_check__isnull=False).exists()
