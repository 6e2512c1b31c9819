"""Findings with events, a webhook that records what it gets, and the settings that name it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from marketdata.models import QualityEvent, QualityFinding, Series

SECRET = "0123456789abcdef-of-tests"
START = datetime(2024, 1, 2, 10, tzinfo=UTC)


class Webhook:
    """A receiver on this machine. `answers` are the statuses of the next requests; 204 after them."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.pause = 0.0  # seconds before it answers
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(webhook.pause)
                webhook.requests.append((dict(self.headers), body))
                status = webhook.answers.pop(0) if webhook.answers else 204
                if status == 204:
                    webhook.received.append(json.loads(body))
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", webhook.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/alerts"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def webhook(settings: Settings) -> Iterator[Webhook]:
    receiver = Webhook()
    settings.NOTIFY_WEBHOOK_URL, settings.NOTIFY_WEBHOOK_SECRET = receiver.url, SECRET
    yield receiver
    receiver.stop()


class Findings:
    """Makes findings and their events, as checks do."""

    def __init__(self) -> None:
        self.now = datetime(2024, 2, 3, 10, tzinfo=UTC)

    def find(self, kind: str = "spike", *, series: str = "mnq", hours: int = 0, **fields: Any) -> QualityFinding:
        start = START + timedelta(hours=hours)
        fields = {"severity": "error", "value": 40.0, "threshold": 12.0, "text": "The price left its range."} | fields
        if series:
            fields["series"] = Series.objects.get(slug=series)
        finding = QualityFinding.objects.create(
            kind=kind, start=start, end=start + timedelta(minutes=1), first_seen=self.now, last_seen=self.now, **fields
        )
        self.add(finding, "found")
        return finding

    def add(self, finding: QualityFinding, event: str) -> None:
        QualityEvent.objects.create(finding=finding, at=self.now, event=event)

    def resolve(self, finding: QualityFinding, *, by: str = "") -> None:
        finding.state, finding.resolved_at = "resolved", self.now
        finding.resolved_how, finding.resolved_by = ("hand", by) if by else ("itself", "")
        finding.resolution = "Run 8 corrected the bar."
        finding.save()
        self.add(finding, "resolved")

    def reopen(self, finding: QualityFinding) -> None:
        finding.state, finding.resolved_at = "open", None
        finding.resolved_how = finding.resolved_by = finding.resolution = ""
        finding.save()
        self.add(finding, "reopened")

    def acknowledge(self, finding: QualityFinding) -> None:
        finding.state, finding.acknowledged_by, finding.acknowledged_at = "acknowledged", "ann", self.now
        finding.save()
        self.add(finding, "acknowledged")


@pytest.fixture
def findings(market_db: None) -> Findings:
    return Findings()
