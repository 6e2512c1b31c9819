"""Which findings share an alert, and that each event is reported once."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from marketdata.alerts.raising import raise_alerts
from marketdata.models import QualityAlert, QualityAlertEvent, Series
from marketdata.quality.store.underway import mark_underway


def outcomes() -> list[str]:
    return list(QualityAlertEvent.objects.order_by("event_id").values_list("outcome", flat=True))


def test_findings_of_one_run_are_one_alert(findings):
    for hour in range(40):
        findings.find(hours=hour, run_id=7)
    findings.find("flat", hours=50, run_id=8, severity="warning")
    first, second = raise_alerts()
    assert (first.subject, first.severity) == ("40 spike in mnq (run 7)", "error")
    assert first.body.count("The price left its range.") == 20
    assert "… and 20 more." in first.body
    assert second.subject == "1 flat in mnq (run 8)"
    assert raise_alerts() == []


def test_a_finding_is_reported_when_found_and_when_resolved(findings):
    finding = findings.find()
    raise_alerts()
    findings.resolve(finding)
    (alert,) = raise_alerts()
    assert alert.event == "resolved"
    assert "Run 8 corrected the bar." in alert.body
    findings.reopen(finding)
    assert [one.event for one in raise_alerts()] == ["raised"]
    assert outcomes() == ["alerted"] * 3


def test_what_is_over_before_it_is_raised_is_not_reported(findings):
    findings.resolve(findings.find())
    findings.acknowledge(findings.find(hours=1))
    assert raise_alerts() == []
    assert outcomes() == ["over", "not_raised", "over", "no_alert"]


def test_an_acknowledged_finding_is_reported_as_resolved(findings):
    finding = findings.find()
    raise_alerts()
    findings.acknowledge(finding)
    assert raise_alerts() == []
    findings.resolve(finding)
    assert [one.event for one in raise_alerts()] == ["resolved"]


def test_below_the_lowest_severity_nothing_is_reported(findings, settings):
    settings.NOTIFY_MIN_SEVERITY = "error"
    finding = findings.find(severity="warning")
    assert raise_alerts() == []
    findings.resolve(finding)
    assert raise_alerts() == []
    assert outcomes() == ["minor", "not_raised"]


def test_the_first_history_is_one_message(findings):
    for hour in range(200):
        findings.find(hours=hour, run_id=hour, is_baseline=True, kind="missing" if hour % 2 else "spike")
    (alert,) = raise_alerts()
    assert alert.event == "baseline"
    assert alert.subject == "History checked for the first time: 100 spike, 100 missing in mnq"


def test_findings_of_a_check_wait_until_it_ends(findings):
    findings.now = timezone.now()
    findings.find(is_baseline=True)
    findings.find("run_failed", series="", identity="run 3")
    (started, ended), raised = (threading.Event(), threading.Event()), []

    def check() -> None:
        with mark_underway():
            started.set()
            ended.wait(30)
        connection.close()

    thread = threading.Thread(target=check)
    thread.start()
    started.wait(30)
    raised.append([one.event for one in raise_alerts()])
    findings.find(hours=1, is_baseline=True)
    raised.append(raise_alerts())
    ended.set()
    thread.join()
    raised.append([one.subject for one in raise_alerts()])
    assert raised == [["raised"], [], ["History checked for the first time: 2 spike in mnq"]]


def test_a_check_that_does_not_end_holds_nothing_back(findings):
    findings.now = timezone.now() - timedelta(hours=2)
    findings.find()
    with mark_underway():
        raised: list[int] = []
        thread = threading.Thread(target=lambda: (raised.append(len(raise_alerts())), connection.close()))
        thread.start()
        thread.join()
    assert raised == [1]


def test_a_vendor_day_is_one_message(findings):
    Series.objects.create(slug="es", symbol="ES", dataset="GLBX.MDP3")
    findings.find("vendor_condition", run_id=1)
    findings.find("vendor_condition", series="es", run_id=2)
    findings.find("vendor_condition", hours=24, run_id=2)
    assert [one.cause for one in raise_alerts()] == ["GLBX.MDP3 2024-01-02", "GLBX.MDP3 2024-01-03"]


def test_series_that_fall_silent_together_are_one_message(findings):
    Series.objects.create(slug="es", symbol="ES", dataset="GLBX.MDP3")
    findings.find("silence", run_id=1)
    findings.find("silence", series="es", run_id=2)
    assert [one.cause for one in raise_alerts()] == ["silence GLBX.MDP3"]


@pytest.fixture
def live_series(market_db):
    for number in range(40):
        Series.objects.create(
            slug=f"s{number}", symbol=f"S{number}", dataset="GLBX.MDP3", live=True, feed_symbol="X", feed_stype="parent"
        )


def test_a_dead_feed_silences_its_contracts(findings, live_series):
    outage = findings.find("feed_outage", series="", identity="feed GLBX.MDP3", severity="critical")
    silent = [findings.find("silence", series=f"s{number}") for number in range(40)]
    findings.find("silence", series="mnq")  # not live
    assert [one.cause for one in raise_alerts()] == ["feed GLBX.MDP3", "silence GLBX.MDP3"]
    findings.resolve(outage)
    for finding in silent[1:]:
        findings.resolve(finding)
    raised = raise_alerts()
    assert {(one.event, one.cause) for one in raised} == {
        ("resolved", "feed GLBX.MDP3"),
        ("raised", "silence GLBX.MDP3"),
    }
    assert QualityAlert.objects.get(event="raised", pk__in=[one.pk for one in raised]).body.startswith("[error] s0:")


def test_two_processes_raise_each_alert_once(findings):
    for hour in range(20):
        findings.find(hours=hour, run_id=hour)
    raised: list[int] = []

    def work() -> None:
        raised.append(len(raise_alerts()))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(raised) == [0, 0, 0, 20]
