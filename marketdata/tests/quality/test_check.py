"""Checks of one series on stored bars: findings outlive corrections, undos and checks of a part."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from config.testing.builders import at, bars, ingest, undo_run, write
from config.testing.quality.bars import NS, find_high, make_session_bars
from marketdata.models import IngestRun, QualityCheck, QualityEvent, QualityFinding, Series
from marketdata.quality.check import ALL, CheckRange, check_series
from marketdata.quality.reading import to_datetime

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
HIGH = 25_000


@pytest.fixture
def mnq(market_db) -> Series:
    return Series.objects.get(slug="mnq")


def make_bars(*high: int, count: int = 60, first: int = 0) -> np.ndarray:
    """Bars of these minutes after midnight, those of `high` at 25,000."""
    records = bars(count, first=first)
    rows = np.isin(np.arange(first, first + count), high)
    for name in ("open", "high", "low", "close"):
        records[name][rows] = HIGH * NS
    return records


def check(series: Series, within: CheckRange = ALL, **options):
    return check_series(
        series, within=within, now=timezone.now(), kinds=frozenset(("spike",)), detectors=[find_high], **options
    )


def load(path: Path, records: np.ndarray) -> IngestRun:
    ingest(write(path / f"{IngestRun.objects.count()}.dbn", records))
    return IngestRun.objects.latest("pk")


def read_finding() -> QualityFinding:
    return QualityFinding.objects.get()


def test_a_finding_has_its_bars_its_run_and_its_history(mnq, tmp_path):
    run = load(tmp_path, make_bars(10, 11))
    check(mnq)
    finding = read_finding()
    assert (finding.kind, finding.state, finding.run_id, finding.is_baseline) == ("spike", "open", run.pk, True)
    assert (finding.start, finding.end) == (to_datetime(at(10)), to_datetime(at(12)))
    assert [bar["ts"] for bar in finding.evidence] == ["2024-01-02T00:10:00+00:00", "2024-01-02T00:11:00+00:00"]
    assert {bar["close"] for bar in finding.evidence} == {"25000"}
    assert [event.event for event in finding.events.all()] == ["found"]


def test_a_second_check_changes_nothing_but_when_it_was_seen(mnq, tmp_path):
    load(tmp_path, make_bars(10))
    check(mnq)
    before = QualityFinding.objects.values().get()
    changes = check(mnq)
    after = QualityFinding.objects.values().get()
    assert before.pop("last_seen") < after.pop("last_seen")
    assert before == after
    assert (changes.new, changes.gone, QualityEvent.objects.count()) == ([], [], 1)


def test_the_same_file_again_changes_nothing(mnq, tmp_path):
    load(tmp_path, make_bars(10))
    check(mnq)
    load(tmp_path, make_bars(10))
    check(mnq)
    assert (read_finding().state, read_finding().run_id) == ("open", 1)


def test_a_corrected_bar_resolves_its_finding_with_a_sentence(mnq, tmp_path):
    load(tmp_path, make_bars(10))
    check(mnq)
    run = load(tmp_path, make_bars())
    check(mnq)
    finding = read_finding()
    assert (finding.state, finding.resolved_how) == ("resolved", "itself")
    assert finding.resolution == f"Run {run.pk} corrected the bars."
    assert [event.event for event in finding.events.all()] == ["found", "resolved"]


def test_a_partly_corrected_range_is_the_same_finding(mnq, tmp_path):
    load(tmp_path, make_bars(*range(10, 20)))
    check(mnq)
    load(tmp_path, make_bars(*range(12, 18)))
    check(mnq)
    finding = read_finding()
    assert (finding.pk, finding.state) == (1, "open")
    assert (finding.start, finding.end) == (to_datetime(at(12)), to_datetime(at(18)))


def test_an_undo_that_brings_the_fault_back_opens_it_again(mnq, tmp_path):
    load(tmp_path, make_bars(10))
    check(mnq)
    correction = load(tmp_path, make_bars())
    check(mnq)
    undo_run(correction.pk)
    check(mnq)
    finding = read_finding()
    assert (finding.state, finding.is_baseline) == ("open", False)
    assert [event.event for event in finding.events.all()] == ["found", "resolved", "reopened"]


def test_an_undo_that_removes_all_bars_resolves_the_finding(mnq, tmp_path):
    run = load(tmp_path, make_bars(10))
    check(mnq)
    undo_run(run.pk)
    check(mnq)
    assert read_finding().resolution == "Run 2 (an undo) removed the bars."


def test_a_finding_that_other_settings_no_longer_make_is_resolved(mnq, tmp_path):
    load(tmp_path, make_bars(10))
    check(mnq)
    check_series(mnq, now=timezone.now(), kinds=frozenset(("spike",)), detectors=[lambda bars, context: []])
    assert read_finding().resolution == (
        "The bars are unchanged, and a check with the present settings no longer finds it."
    )


def test_a_check_of_a_part_leaves_the_rest_as_it_is(mnq, tmp_path):
    load(tmp_path, make_bars(10, 40))
    check(mnq)
    load(tmp_path, make_bars())
    check(mnq, CheckRange(to_datetime(at(0)), to_datetime(at(20))))
    assert list(QualityFinding.objects.order_by("start").values_list("state", flat=True)) == ["resolved", "open"]


@pytest.mark.parametrize(("start", "end"), [(15, 30), (0, 12), (12, 14), (None, 12), (15, None)])
def test_a_finding_at_the_edge_of_the_range_is_judged_as_a_whole(mnq, tmp_path, start, end):
    load(tmp_path, make_bars(*range(10, 20)))
    check(mnq)
    edges = (None if edge is None else to_datetime(at(edge)) for edge in (start, end))
    check(mnq, CheckRange(*edges))
    finding = read_finding()
    assert (finding.start, finding.end, finding.state) == (to_datetime(at(10)), to_datetime(at(20)), "open")


def test_a_dry_run_stores_nothing(mnq, tmp_path):
    load(tmp_path, make_bars(10))
    changes = check(mnq, dry_run=True)
    assert [finding.state for finding in changes.list_unresolved()] == ["open"]
    assert not QualityFinding.objects.exists()
    assert not QualityEvent.objects.exists()


def test_acknowledging_survives_checks_and_an_end_opens_it_again(mnq, tmp_path):
    load(tmp_path, make_bars(10))
    check(mnq)
    now = timezone.now()
    QualityFinding.objects.update(
        state="acknowledged", acknowledged_by="ann", acknowledged_at=now, note="known", until=now + DAY
    )
    check(mnq)
    assert read_finding().note == "known"
    QualityFinding.objects.update(until=now)
    check(mnq)
    assert (read_finding().state, read_finding().note) == ("open", "")


class TestBaseline:
    """Only history that is loaded for the first time is baseline."""

    @pytest.fixture(autouse=True)
    def _all_kinds(self, monkeypatch):
        # The range that was checked is recorded by a check of all kinds.
        monkeypatch.setattr("marketdata.quality.check.BAR_KINDS", frozenset(("spike",)))

    def read(self) -> list[tuple[int, bool]]:
        rows = QualityFinding.objects.order_by("start").values_list("start", "is_baseline")
        return [((start - datetime(2024, 1, 2, tzinfo=UTC)).days, baseline) for start, baseline in rows]

    def test_the_first_load_is(self, mnq, tmp_path):
        load(tmp_path, make_bars(10))
        check(mnq)
        assert self.read() == [(0, True)]
        checked = QualityCheck.objects.get()
        assert (checked.series, checked.end) == (mnq, to_datetime(at(60)))

    def test_the_next_days_are_not(self, mnq, tmp_path):
        load(tmp_path, make_bars())
        check(mnq)
        load(tmp_path, make_bars(1450, first=1440))
        check(mnq)
        assert self.read() == [(1, False)]

    def test_a_correction_of_what_was_checked_is_not(self, mnq, tmp_path):
        load(tmp_path, make_bars())
        check(mnq)
        load(tmp_path, make_bars(10))
        check(mnq)
        assert self.read() == [(0, False)]

    def test_earlier_history_is(self, mnq, tmp_path):
        load(tmp_path, make_bars(20 * 1440 + 5, first=20 * 1440))
        check(mnq)
        QualityCheck.objects.update(start=to_datetime(at(20 * 1440)))
        load(tmp_path, make_bars(10))
        check(mnq)
        assert self.read() == [(0, True), (20, True)]


@pytest.mark.parametrize("days", [3, 100, 400, 1500])
def test_a_silence_is_found_however_long_it_is(mnq, tmp_path, days):
    records = make_session_bars(date(2024, 1, 2), date(2024, 1, 31))
    load(tmp_path, records)
    Series.objects.filter(pk=mnq.pk).update(feed_daily=True)
    mnq.refresh_from_db()
    last = to_datetime(int(records["ts_event"][-1]))
    found = [
        (one.kind, one.start, one.value > 1000)
        for within in (ALL, CheckRange(start=last), CheckRange(start=last + timedelta(days=2)))
        for one in check_series(mnq, within=within, now=last + timedelta(days=days + 2), dry_run=True).new
        if one.kind == "silence"
    ]
    assert found == [
        ("silence", last + MINUTE, True),
        ("silence", last + MINUTE, True),
        ("silence", last + timedelta(days=2), True),
    ]
