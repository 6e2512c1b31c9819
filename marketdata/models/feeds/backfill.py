from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class Backfill(models.Model):
    """One run of `manage.py backfill`, or of its page, that could spend money. A dry run leaves no row.

    While it runs, its connection holds the advisory lock of all backfills. A running row whose lock is free belongs to
    a process that died.
    """

    class Status(models.TextChoices):
        RUNNING = "running"
        SUCCESS = "success"
        REFUSED = "refused", "refused: over a cap, or not confirmed"
        FAILED = "failed"

    daily = models.BooleanField(default=False, help_text="Whether it was started with --daily.")
    series = ArrayField(models.CharField(max_length=160), default=list, help_text="The slugs of the requested series.")
    requested_start = models.DateTimeField(null=True, blank=True, help_text="--start")
    requested_end = models.DateTimeField(null=True, blank=True, help_text="--end, not included.")
    max_usd = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True, help_text="--max-cost")
    requested_by = models.CharField(
        max_length=150, blank=True, default="", help_text="The user of the page. Empty for the command line."
    )
    job_id = models.UUIDField(null=True, blank=True, help_text="The job that started it. Empty for the command line.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.RUNNING)
    error = models.TextField(blank=True, default="")
    summary = models.JSONField(default=dict, help_text="What it planned and did: the object that --json prints.")

    class Meta:
        db_table = "market_backfills"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="backfill_status_known", condition=Q(status__in=["running", "success", "refused", "failed"])
            ),
            models.CheckConstraint(
                name="backfill_finished_iff_closed",
                condition=Q(status="running", finished_at__isnull=True)
                | (~Q(status="running") & Q(finished_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="backfill_finished_after_start",
                condition=Q(finished_at__isnull=True) | Q(finished_at__gte=F("started_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"backfill {self.pk}: {self.status}"
