"""`manage.py send_test_alert`: send a message to every channel of the settings."""

from typing import Any

from django.core.management.base import CommandError

from marketdata.alerts.channels import UnknownService, require_channels
from marketdata.alerts.delivery import send_now
from marketdata.alerts.raising import raise_test
from marketdata.database import UnusableDatabase, usable_database
from marketdata.management.base import CommandWithExamples
from marketdata.models import QualityDelivery

EXAMPLES = """
examples:
  Send a message to the log, to each address of NOTIFY_URLS, and to NOTIFY_WEBHOOK_URL:
    {manage} send_test_alert

Quiet hours and the digest do not hold for it.
Exit code: 0 if every channel accepted the message, 1 if not.
"""


class Command(CommandWithExamples):
    help = "Send a test message to every channel of alerts, and print the outcome of each."
    examples = EXAMPLES

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            require_channels()
            with usable_database():
                deliveries = send_now(raise_test("the command line"))
        except (UnusableDatabase, UnknownService) as error:
            raise CommandError(str(error)) from error
        for one in deliveries:
            self.stdout.write(f"{one.channel}: {one.state}")
        if len(deliveries) == 1:
            self.stdout.write("No other channel: set NOTIFY_URLS, or NOTIFY_WEBHOOK_URL, to be notified elsewhere.")
        faults = [f"{one.channel}: {one.error}" for one in deliveries if one.state != QualityDelivery.State.DELIVERED]
        if faults:
            raise CommandError(f"Not delivered to {' '.join(faults)}")
