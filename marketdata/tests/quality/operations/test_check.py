"""Findings of runs, feeds, money and space: each is one row, and is resolved when its cause is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings

from config.testing.builders import bars, ingest, undo_run, write
from config.testing.rows import RUNS, insert
from config.testing.web.pages import create_failed_run, create_successful_run
from marketdata.models import FeedStatus, IngestRun, QualityFinding, Series, SeriesDay
from marketdata.quality.operations import costs
from marketdata.quality.operations.check import check_operations
from marketdata.runs.locks import PROCESS_DIED

REQUESTS, BACKFILLS = "market_feed_requests", "market_backfills"
# A Wednesday, 10:00 in Chicago: the exchange is open.
NOW = datetime(2024, 2, 7, 16, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def mnq(market_db) -> Series:
    FeedStatus.objects.all().delete()
    return Series.objects.get(slug="mnq")


def check(now: datetime = NOW, **options) -> list[tuple[str, str]]:
    """Kind and state of all findings after a check."""
    check_operations(now, **options)
    return list(QualityFinding.objects.order_by("pk").values_list("kind", "state"))


def test_nothing_is_found_in_an_empty_database(mnq):
    assert check() == []


class TestFailedRuns:
    def test_a_failed_run_is_found_until_its_file_is_loaded(self, mnq):
        failed = create_failed_run()
        assert check() == [("run_failed", "open")]
        finding = QualityFinding.objects.get()
        assert (finding.run_id, finding.severity, finding.series) == (failed.pk, "error", None)
        assert failed.error in finding.text
        create_successful_run(file_path=failed.file_path)
        assert check() == [("run_failed", "resolved")]

    def test_a_dismissed_run_is_resolved(self, mnq):
        failed = create_failed_run()
        check()
        IngestRun.objects.filter(pk=failed.pk).update(
            dismissed_at=failed.finished_at, dismissed_by="ann", dismissed_reason="old"
        )
        assert check() == [("run_failed", "resolved")]

    def test_an_orphaned_run_is_closed_and_found(self, mnq):
        insert(
            RUNS,
            **{"id": 5, "status": "running", "finished_at": None, "min_ts": None, "max_ts": None}
            | dict.fromkeys(("row_count", "inserted_count", "updated_count", "changed_count", "duplicate_count"), 0),
        )
        assert check() == [("run_failed", "open")]
        assert IngestRun.objects.get(pk=5).error == PROCESS_DIED
        assert "orphaned" in QualityFinding.objects.get().text

    def test_a_dry_run_stores_nothing(self, mnq):
        create_failed_run()
        changes = check_operations(NOW, dry_run=True)
        assert [finding.kind for finding in changes.list_unresolved()] == ["run_failed"]
        assert not QualityFinding.objects.exists()


class TestDailyBackfills:
    @pytest.fixture(autouse=True)
    def _subscribed(self, mnq):
        Series.objects.filter(pk=mnq.pk).update(feed_daily=True, dataset="GLBX.MDP3")

    def end(self, status: str, day: int, *, daily: bool = True, slugs: str = "{mnq}", **more: object) -> None:
        values = {"error": "" if status == "success" else "The vendor refuses the key.", **more}
        insert(
            BACKFILLS,
            daily=daily,
            series=slugs,
            status=status,
            started_at=f"2024-02-{day:02} 10:00:00+00",
            finished_at=None if status == "running" else f"2024-02-{day:02} 10:01:00+00",
            **values,
        )

    def test_failures_are_one_finding_until_a_backfill_succeeds(self, mnq):
        self.end("success", 1)
        assert check() == []
        self.end("failed", 2)
        self.end("failed", 3)
        assert check() == [("run_failed", "open")]
        finding = QualityFinding.objects.get()
        assert (finding.value, finding.severity, finding.start.day, finding.end.day) == (2.0, "error", 2, 3)
        assert "The vendor refuses the key." in finding.text
        self.end("success", 4)
        assert check() == [("run_failed", "resolved")]
        assert QualityFinding.objects.get().resolution.startswith("A backfill of its series succeeded since")
        self.end("failed", 5)
        assert check() == [("run_failed", "open")]

    def test_a_refused_backfill_is_a_warning(self):
        self.end("refused", 2)
        assert check() == [("run_failed", "open")]
        assert QualityFinding.objects.get().severity == "warning"

    def test_a_backfill_whose_process_died_is_found(self):
        self.end("running", 2)
        assert check() == [("run_failed", "open")]
        assert "its process died" in QualityFinding.objects.get().text

    def test_a_backfill_of_all_that_was_missing_by_hand_resolves_it(self):
        self.end("failed", 2)
        self.end("success", 3, daily=False, requested_start="2024-01-01 00:00:00+00")
        assert check() == [("run_failed", "open")]
        self.end("success", 4, daily=False)
        assert check() == [("run_failed", "resolved")]

    def test_others_are_not_judged(self, mnq):
        self.end("failed", 2, daily=False)
        self.end("failed", 3, slugs="{other}")
        assert check() == []
        self.end("failed", 4)
        Series.objects.filter(pk=mnq.pk).update(feed_daily=False)
        assert check() == []


class TestRevisionStorms:
    def load(self, tmp_path, changed: int) -> None:
        records = bars(100)
        ingest(write(tmp_path / "a.dbn", records))
        records["volume"][:changed] += 1
        ingest(write(tmp_path / "b.dbn", records))

    def test_a_run_that_changes_many_known_bars_is_found_until_it_is_undone(self, mnq, tmp_path):
        self.load(tmp_path, 20)
        assert check() == [("revision_storm", "open")]
        finding = QualityFinding.objects.get()
        assert (finding.value, finding.series, finding.run_id) == (20.0, mnq, 2)
        undo_run(2)
        assert check() == [("revision_storm", "resolved")]

    @pytest.mark.parametrize("changed", [0, 1, 4])
    def test_few_corrections_are_none(self, mnq, tmp_path, changed):
        self.load(tmp_path, changed)
        assert check() == []

    def test_the_threshold_of_the_series_counts(self, mnq, tmp_path):
        Series.objects.update(quality_thresholds={"revision_storm": 30})
        self.load(tmp_path, 20)
        assert check() == []


class TestOutages:
    @pytest.fixture(autouse=True)
    def _live(self, mnq):
        Series.objects.filter(pk=mnq.pk).update(live=True, dataset="GLBX.MDP3")
        yield
        FeedStatus.objects.all().delete()

    def set_feed(self, state: str, minutes: int, *, seen: datetime = NOW, reason: str = "") -> None:
        since = NOW - minutes * MINUTE
        FeedStatus.objects.update_or_create(
            dataset="GLBX.MDP3",
            defaults={"state": state, "since": since, "seen_at": seen, "started_at": since, "reason": reason},
        )

    def test_a_feed_that_reconnects_while_the_exchange_is_open_is_found_until_it_is_live(self):
        self.set_feed("reconnecting", 30, reason="the gateway refused the session.")
        assert check() == [("feed_outage", "open")]
        finding = QualityFinding.objects.get()
        assert (finding.value, finding.start, finding.severity) == (30.0, NOW - 30 * MINUTE, "critical")
        assert finding.text.endswith("UTC: the gateway refused the session.")
        self.set_feed("connecting", 0)  # it tries again
        assert check() == [("feed_outage", "open")]
        assert QualityFinding.objects.get().start == NOW - 30 * MINUTE
        self.set_feed("live", 0)
        assert check() == [("feed_outage", "resolved")]

    def test_a_second_outage_opens_the_finding_again(self):
        self.set_feed("reconnecting", 90)
        check()
        self.set_feed("live", 40)
        check()
        self.set_feed("reconnecting", 20)
        assert check() == [("feed_outage", "open")]
        finding = QualityFinding.objects.get()
        assert (finding.start, finding.identity) == (NOW - 20 * MINUTE, "feed GLBX.MDP3")

    def test_a_short_interruption_is_none(self):
        self.set_feed("reconnecting", 2)
        assert check() == []

    def test_a_closed_exchange_is_no_outage(self):
        sunday = datetime(2024, 2, 4, 16, tzinfo=UTC)
        FeedStatus.objects.create(
            dataset="GLBX.MDP3", state="reconnecting", since=sunday - HOUR, seen_at=sunday, started_at=sunday - HOUR
        )
        assert check(sunday) == []

    def test_a_process_that_no_longer_reports_is_found(self):
        self.set_feed("live", 300, seen=NOW - 20 * MINUTE)
        assert check() == [("feed_outage", "open")]
        assert "stream_live does not run" in QualityFinding.objects.get().text

    def test_a_feed_without_live_series_is_none(self):
        Series.objects.update(live=False)
        self.set_feed("reconnecting", 30)
        assert check() == []


class TestCosts:
    @pytest.fixture(autouse=True)
    def _cap(self, mnq, monkeypatch):
        monkeypatch.setattr(settings, "FEED_MAX_USD_PER_MONTH", Decimal(10))
        insert(RUNS)

    def buy(self, usd: str, **changes) -> None:
        series = Series.objects.get(slug="mnq").pk
        insert(REQUESTS, **{"series_id": series, "charged_usd": Decimal(usd), "priced_usd": Decimal(usd)} | changes)

    @pytest.mark.parametrize(("usd", "severity"), [("8", "warning"), ("9.99", "warning"), ("10", "error")])
    def test_a_month_near_its_cap_is_found_until_it_is_over(self, usd, severity):
        self.buy(usd)
        assert check() == [("budget", "open")]
        assert QualityFinding.objects.get().severity == severity
        assert check(NOW + 40 * DAY) == [("budget", "resolved")]

    def test_less_is_none(self):
        self.buy("7.99")
        assert check() == []

    def test_a_disk_that_fills_is_found(self, monkeypatch):
        monkeypatch.setattr(costs, "_read_free_space", lambda folder: 1_000_000)
        self.buy("1", file_size=450_000, finished_at=NOW - DAY)
        assert check() == [("budget", "open")]
        assert QualityFinding.objects.get().identity == "disk"


def test_live_bars_that_differed_from_history_are_found(mnq):
    SeriesDay.objects.create(
        series=mnq, day=date(2024, 2, 5), covered_until=NOW, records=1380, changed=3, confirmed_at=NOW
    )
    assert check() == [("cross_check", "open")]
    finding = QualityFinding.objects.get()
    assert (finding.value, finding.series, finding.end - finding.start) == (3.0, mnq, DAY)
