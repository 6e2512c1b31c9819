"""Alerts about findings, and their delivery to each channel."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0017_quality"),
    ]

    operations = [
        migrations.CreateModel(
            name="QualityAlert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("raised", "Raised"),
                            ("resolved", "Resolved"),
                            ("baseline", "baseline: history that was loaded for the first time"),
                            ("test", "Test"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "cause",
                    models.CharField(help_text="What its findings have in common, for example run 7.", max_length=200),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("info", "Info"),
                            ("warning", "Warning"),
                            ("error", "Error"),
                            ("critical", "Critical"),
                        ],
                        help_text="The highest of its findings.",
                        max_length=10,
                    ),
                ),
                ("subject", models.CharField(max_length=200)),
                ("body", models.TextField(help_text="Plain text.")),
                ("created_at", models.DateTimeField()),
                (
                    "requested_by",
                    models.CharField(blank=True, default="", help_text="The user of a test.", max_length=150),
                ),
            ],
            options={
                "db_table": "market_quality_alerts",
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("event__in", ["raised", "resolved", "baseline", "test"])),
                        name="alert_event_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("severity__in", ["info", "warning", "error", "critical"])),
                        name="alert_severity_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("subject", ""), _negated=True), name="alert_subject_not_empty"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QualityAlertEvent",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="alert_event",
                        serialize=False,
                        to="marketdata.qualityevent",
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("alerted", "Alerted"),
                            ("minor", "below NOTIFY_MIN_SEVERITY"),
                            ("over", "resolved, acknowledged or found again before it was raised"),
                            ("not_raised", "resolved, and never raised"),
                            ("no_alert", "an acknowledgement"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "alert",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alert_events",
                        to="marketdata.qualityalert",
                    ),
                ),
            ],
            options={
                "db_table": "market_quality_alert_events",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ["alerted", "minor", "over", "not_raised", "no_alert"])),
                        name="alert_event_outcome_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("alert__isnull", False), ("outcome", "alerted")),
                            models.Q(models.Q(("outcome", "alerted"), _negated=True), ("alert__isnull", True)),
                            _connector="OR",
                        ),
                        name="alert_event_alerted_iff_alert",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QualityDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "channel",
                    models.CharField(help_text="log, webhook, or a service with the hash of its URL.", max_length=80),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sending", "Sending"),
                            ("delivered", "Delivered"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("due_at", models.DateTimeField(help_text="When it is sent, or tried again.")),
                (
                    "is_digest",
                    models.BooleanField(
                        default=False,
                        help_text="Whether it is sent in one message with others of its channel that are due.",
                    ),
                ),
                ("attempts", models.IntegerField(default=0)),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "claimed_by",
                    models.CharField(blank=True, default="", help_text="Host, process and claim.", max_length=255),
                ),
                (
                    "may_repeat",
                    models.BooleanField(
                        default=False, help_text="Whether an earlier sender may have sent it before it died."
                    ),
                ),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True, default="", help_text="Why the last attempt failed.")),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="marketdata.qualityalert",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "quality deliveries",
                "db_table": "market_quality_deliveries",
                "ordering": ["id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["waiting", "sending"])),
                        fields=["due_at"],
                        name="delivery_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("alert", "channel"), name="delivery_once_per_channel"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "sending", "delivered", "failed"])),
                        name="delivery_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("delivered_at__isnull", False), ("state", "delivered")),
                            models.Q(models.Q(("state", "delivered"), _negated=True), ("delivered_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="delivery_delivered_iff_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "waiting"),
                            models.Q(("attempts__gte", 1), ("claimed_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="delivery_claimed_if_sent",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("attempts__gte", 0)), name="delivery_attempts_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "failed"), _negated=True),
                            models.Q(("error", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="delivery_error_if_failed",
                    ),
                ],
            },
        ),
    ]
