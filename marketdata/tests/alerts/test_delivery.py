"""Each alert reaches each channel once, whatever fails."""

import hashlib
import hmac
import logging
import threading
from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from marketdata.alerts import channels, delivery
from marketdata.alerts.delivery import deliver_due
from marketdata.alerts.raising import raise_alerts, raise_test
from marketdata.alerts.rules import NotifyRules
from marketdata.models import QualityDelivery

from .conftest import SECRET

OLD = datetime(2024, 1, 1, tzinfo=UTC)


def make_due() -> None:
    QualityDelivery.objects.filter(state="waiting").update(due_at=OLD)


def test_the_webhook_gets_a_signed_object(findings, webhook, settings):
    settings.SITE_URL = "https://barkeep.example.com"
    finding = findings.find(run_id=7)
    raise_alerts()
    assert deliver_due() == 2  # the log is a channel too
    ((headers, body),) = webhook.requests
    (received,) = webhook.received
    at, digest = (part.partition("=")[2] for part in headers["X-Barkeep-Signature"].split(","))
    assert digest == hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert received["subject"] == "1 spike in mnq (run 7)"
    assert received["findings"][0] | {"url": None} == {
        "id": finding.pk, "kind": "spike", "severity": "error", "series": "mnq", "state": "open",
        "start": "2024-01-02T10:00:00+00:00", "end": "2024-01-02T10:01:00+00:00", "value": 40.0, "threshold": 12.0,
        "text": "The price left its range.", "url": None,
    }  # fmt: skip
    assert received["may_repeat"] is False
    assert headers["X-Barkeep-Delivery"] == str(received["delivery_id"])
    assert deliver_due() == 0


def test_a_webhook_that_answers_too_late_may_have_got_the_message(findings, webhook, monkeypatch):
    monkeypatch.setattr(channels, "TIMEOUT_SECONDS", 0.2)
    findings.find()
    raise_alerts()
    webhook.pause = 0.6
    deliver_due()
    assert QualityDelivery.objects.get(channel="webhook").error == "The webhook did not answer within 0.2 s."
    webhook.pause = 0.0
    make_due()
    assert deliver_due() == 1
    assert webhook.received[-1]["may_repeat"] is True


@pytest.mark.parametrize("status", [500, 404, 302, 429])
def test_a_refusal_is_tried_again_later(findings, webhook, status, caplog):
    findings.find()
    raise_alerts()
    webhook.answers = [status]
    deliver_due()
    waiting = QualityDelivery.objects.get(channel="webhook")
    assert (waiting.state, waiting.attempts, waiting.delivered_at) == ("waiting", 1, None)
    assert str(status) in waiting.error
    assert waiting.due_at > waiting.claimed_at + timedelta(seconds=25)
    assert deliver_due() == 0
    make_due()
    assert deliver_due() == 1
    assert len(webhook.received) == 1
    assert webhook.received[0]["may_repeat"] is False
    assert SECRET not in caplog.text


def test_after_many_attempts_it_has_failed(findings, webhook):
    findings.find()
    raise_alerts()
    webhook.answers = [500] * 20
    for _ in range(20):
        make_due()
        deliver_due()
    failed = QualityDelivery.objects.get(channel="webhook")
    assert (failed.state, failed.attempts) == ("failed", delivery.MAX_ATTEMPTS)


def test_a_sender_that_died_is_repeated_once_and_states_it(findings, webhook, monkeypatch):
    findings.find()
    raise_alerts()

    def die(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(QualityDelivery, "alert", property(die))
        with pytest.raises(KeyboardInterrupt):
            for _ in range(2):
                deliver_due()
    assert QualityDelivery.objects.filter(state="sending").count() == 1
    deliver_due()
    QualityDelivery.objects.filter(state="sending").update(claimed_at=OLD)
    make_due()
    deliver_due()
    assert [one["may_repeat"] for one in webhook.received].count(True) <= 1
    assert set(QualityDelivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_four_senders_send_each_message_once(findings, webhook):
    for hour in range(12):
        findings.find(hours=hour, run_id=hour)
    raise_alerts()

    def work() -> None:
        deliver_due()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one["cause"] for one in webhook.received) == sorted(f"run {hour}" for hour in range(12))


def test_a_digest_is_one_message(findings, webhook, settings):
    settings.NOTIFY_DIGEST_AT = time(8)
    for hour in range(3):
        findings.find(hours=hour, run_id=hour, severity="warning")
    findings.find(hours=5, run_id=9, severity="error")
    raise_alerts()
    deliver_due()
    assert [one["cause"] for one in webhook.received] == ["run 9"]
    make_due()
    deliver_due()
    digest = webhook.received[1]
    assert (digest["event"], [one["cause"] for one in digest["alerts"]]) == ("digest", ["run 0", "run 1", "run 2"])


def test_apprise_sends_to_its_services(findings, webhook, settings):
    settings.NOTIFY_WEBHOOK_URL = ""
    settings.NOTIFY_URLS = [webhook.url.replace("http://", "json://")]
    findings.find(run_id=7)
    raise_alerts()
    deliver_due()
    (received,) = webhook.received
    assert received["title"] == "1 spike in mnq (run 7)"
    channel = QualityDelivery.objects.exclude(channel="log").get().channel
    assert channel.startswith("json-")
    assert "127.0.0.1" not in channel


@pytest.mark.parametrize("url", ["nothing://secret", "mailto://user:secret@", "slack://a/secret"])
def test_an_address_that_apprise_does_not_understand_is_refused_at_the_start(market_db, settings, url, caplog, capfd):
    settings.NOTIFY_URLS = ["json://127.0.0.1", url]
    for command in ("send_test_alert", "db_worker"):
        with pytest.raises(CommandError, match="NOTIFY_URLS has an address at place 2 that apprise") as refusal:
            call_command(command)
        assert "secret" not in str(refusal.value)
    assert "secret" not in caplog.text + "".join(capfd.readouterr())
    assert not QualityDelivery.objects.exists()


def test_a_channel_that_is_gone_has_failed(findings, webhook, settings):
    findings.find()
    raise_alerts()
    settings.NOTIFY_WEBHOOK_URL = ""
    deliver_due()
    assert QualityDelivery.objects.get(channel="webhook").error == "The settings have no such channel any more."


def test_the_command_reports_each_channel(findings, webhook, capsys, caplog):
    caplog.set_level(logging.INFO)
    call_command("send_test_alert")
    assert capsys.readouterr().out == "log: delivered\nwebhook: delivered\n"
    assert webhook.received[0]["event"] == "test"
    webhook.answers = [503]
    with pytest.raises(CommandError, match="Not delivered to webhook: The webhook answered 503"):
        call_command("send_test_alert")


def test_a_test_does_not_wait_for_quiet_hours(findings, webhook, settings):
    settings.NOTIFY_QUIET_HOURS = (time(0), time(23, 59))
    raise_test("ann")
    assert deliver_due() == 2


CHICAGO = NotifyRules(quiet=(time(22), time(7)), zone=__import__("zoneinfo").ZoneInfo("America/Chicago"))


@pytest.mark.parametrize(
    ("now", "severity", "due"),
    [
        ("2024-01-02T12:00+00:00", "error", "2024-01-02T13:00+00:00"),
        ("2024-01-02T12:59+00:00", "warning", "2024-01-02T13:00+00:00"),
        ("2024-01-02T13:00+00:00", "error", "2024-01-02T13:00+00:00"),
        ("2024-01-02T12:00+00:00", "critical", "2024-01-02T12:00+00:00"),
        ("2024-03-10T05:00+00:00", "error", "2024-03-10T12:00+00:00"),  # clocks change in this night
    ],
)
def test_quiet_hours_are_those_of_the_zone(now, severity, due):
    found, _ = CHICAGO.find_due(severity, datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(due)


def test_a_signature_is_of_body_and_time():
    assert channels.sign(b"{}", SECRET, 1) != channels.sign(b"{}", SECRET, 2) != channels.sign(b"[]", SECRET, 2)
