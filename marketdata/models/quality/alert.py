from django.db import models
from django.db.models import Q

from marketdata.models.quality.finding import QualityFinding


class QualityAlert(models.Model):
    """One message about findings of one cause: that it was raised. `QualityDelivery` has whether it arrived."""

    class Event(models.TextChoices):
        RAISED = "raised"
        RESOLVED = "resolved"
        BASELINE = "baseline", "baseline: history that was loaded for the first time"
        TEST = "test"

    event = models.CharField(max_length=8, choices=Event)
    cause = models.CharField(max_length=200, help_text="What its findings have in common, for example run 7.")
    severity = models.CharField(
        max_length=10, choices=QualityFinding.Severity, help_text="The highest of its findings."
    )
    subject = models.CharField(max_length=200)
    body = models.TextField(help_text="Plain text.")
    created_at = models.DateTimeField()
    requested_by = models.CharField(max_length=150, blank=True, default="", help_text="The user of a test.")

    class Meta:
        db_table = "market_quality_alerts"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="alert_event_known", condition=Q(event__in=["raised", "resolved", "baseline", "test"])
            ),
            models.CheckConstraint(
                name="alert_severity_known", condition=Q(severity__in=["info", "warning", "error", "critical"])
            ),
            models.CheckConstraint(name="alert_subject_not_empty", condition=~Q(subject="")),
        ]

    def __str__(self) -> str:
        return f"alert {self.pk}: {self.subject}"


class QualityAlertEvent(models.Model):
    """What became of an event of a finding: it is in one alert, or in none for a reason. Its key makes this happen
    once."""

    class Outcome(models.TextChoices):
        ALERTED = "alerted"
        MINOR = "minor", "below NOTIFY_MIN_SEVERITY"
        OVER = "over", "resolved, acknowledged or found again before it was raised"
        NOT_RAISED = "not_raised", "resolved, and never raised"
        NO_ALERT = "no_alert", "an acknowledgement"

    event = models.OneToOneField("QualityEvent", on_delete=models.CASCADE, primary_key=True, related_name="alert_event")
    alert = models.ForeignKey(
        QualityAlert, on_delete=models.CASCADE, null=True, blank=True, related_name="alert_events"
    )
    outcome = models.CharField(max_length=10, choices=Outcome)

    class Meta:
        db_table = "market_quality_alert_events"
        constraints = [
            models.CheckConstraint(
                name="alert_event_outcome_known",
                condition=Q(outcome__in=["alerted", "minor", "over", "not_raised", "no_alert"]),
            ),
            models.CheckConstraint(
                name="alert_event_alerted_iff_alert",
                condition=Q(outcome="alerted", alert__isnull=False) | (~Q(outcome="alerted") & Q(alert__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"event {self.event_id}: {self.outcome}"


class QualityDelivery(models.Model):
    """An alert and one channel: whether it was sent there. A sender claims it by a conditional UPDATE first.

    A claim that is older than the time limit of a sender is claimed again. The alert is then sent a second time if the
    first sender died between sending and recording; `may_repeat` states it.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENDING = "sending"
        DELIVERED = "delivered"
        FAILED = "failed"

    alert = models.ForeignKey(QualityAlert, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=80, help_text="log, webhook, or a service with the hash of its URL.")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    due_at = models.DateTimeField(help_text="When it is sent, or tried again.")
    is_digest = models.BooleanField(
        default=False, help_text="Whether it is sent in one message with others of its channel that are due."
    )
    attempts = models.IntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, blank=True)
    claimed_by = models.CharField(max_length=255, blank=True, default="", help_text="Host, process and claim.")
    may_repeat = models.BooleanField(
        default=False, help_text="Whether an earlier sender may have sent it before it died."
    )
    delivered_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="", help_text="Why the last attempt failed.")

    class Meta:
        db_table = "market_quality_deliveries"
        ordering = ["id"]
        verbose_name_plural = "quality deliveries"
        indexes = [
            # "Which alerts are to be sent now?" (each sender, every few seconds)
            models.Index(name="delivery_due", fields=["due_at"], condition=Q(state__in=["waiting", "sending"])),
        ]
        constraints = [
            models.UniqueConstraint(name="delivery_once_per_channel", fields=["alert", "channel"]),
            models.CheckConstraint(
                name="delivery_state_known", condition=Q(state__in=["waiting", "sending", "delivered", "failed"])
            ),
            models.CheckConstraint(
                name="delivery_delivered_iff_time",
                condition=Q(state="delivered", delivered_at__isnull=False)
                | (~Q(state="delivered") & Q(delivered_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="delivery_claimed_if_sent",
                condition=Q(state="waiting") | Q(attempts__gte=1, claimed_at__isnull=False),
            ),
            models.CheckConstraint(name="delivery_attempts_not_negative", condition=Q(attempts__gte=0)),
            models.CheckConstraint(name="delivery_error_if_failed", condition=~Q(state="failed") | ~Q(error="")),
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} to {self.channel}: {self.state}"
