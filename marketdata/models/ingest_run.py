from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class IngestRun(models.Model):
    """One attempt to bring one file in: the audit trail. Rows are only ever added, and closed once.

    A run is `success` if and only if its bars are committed: both happen in one transaction.
    """

    class Status(models.TextChoices):
        RUNNING = "running"
        SUCCESS = "success"
        FAILED = "failed"

    vendor = models.CharField(max_length=32, default="databento")
    dataset = models.CharField(max_length=200, blank=True, help_text="Name in the audit trail: mnq_ohlcv_1m.")
    vendor_dataset = models.CharField(max_length=32, blank=True, help_text="The vendor's name: GLBX.MDP3.")
    schema = models.CharField(max_length=32, default="ohlcv-1m")
    symbols = ArrayField(
        models.CharField(max_length=128), default=list, blank=True, help_text="The series that it is for."
    )

    file_name = models.CharField(max_length=255)
    file_path = models.TextField(help_text="Where the file lay, so that a failed run can be tried again.")
    file_size = models.BigIntegerField(null=True, blank=True, help_text="Bytes.")
    file_sha256 = models.CharField(max_length=64, blank=True)

    requested_symbol = models.CharField(max_length=128, blank=True, help_text="--symbol")
    row_limit = models.BigIntegerField(null=True, blank=True, help_text="--limit")
    publisher_id = models.IntegerField(null=True, blank=True, help_text="--publisher")
    replace_instrument = models.BooleanField(default=False, help_text="--replace-instrument")

    status = models.CharField(max_length=16, choices=Status, default=Status.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    row_count = models.BigIntegerField(default=0, help_text="Rows of the file that were taken.")
    inserted_count = models.BigIntegerField(default=0, help_text="Bars that were new.")
    updated_count = models.BigIntegerField(default=0, help_text="Bars that the table already had.")
    changed_count = models.BigIntegerField(default=0, help_text="Those of them that got new values.")
    duplicate_count = models.BigIntegerField(default=0, help_text="Rows that stood in the file before.")
    removed_count = models.BigIntegerField(default=0, help_text="Bars of an instrument that was replaced.")
    gap_count = models.BigIntegerField(default=0, help_text="Places where minutes are missing.")
    min_ts = models.DateTimeField(null=True, blank=True)
    max_ts = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "data_ingest_runs"
        ordering = ["-id"]
        indexes = [
            # "Which runs of this file are there?": --skip-ingested, and the admin's links between runs of a file.
            models.Index(name="run_file_sha256", fields=["file_sha256"]),
            # "Which runs live, which failed?": closing dead runs at every start, reviewing failures. Successful runs,
            # nearly all of them, stay out of it.
            models.Index(name="run_not_success", fields=["status", "-id"], condition=~Q(status="success")),
        ]
        constraints = [
            models.CheckConstraint(name="run_status_known", condition=Q(status__in=["running", "success", "failed"])),
            models.CheckConstraint(
                name="run_finished_iff_closed",
                condition=Q(status="running", finished_at__isnull=True)
                | (~Q(status="running") & Q(finished_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="run_error_iff_failed",
                condition=(Q(status="failed") & ~Q(error="")) | (~Q(status="failed") & Q(error="")),
            ),
            models.CheckConstraint(
                name="run_finished_after_start",
                condition=Q(finished_at__isnull=True) | Q(finished_at__gte=F("started_at")),
            ),
            models.CheckConstraint(
                name="run_counts_not_negative",
                condition=Q(
                    row_count__gte=0,
                    inserted_count__gte=0,
                    updated_count__gte=0,
                    changed_count__gte=0,
                    duplicate_count__gte=0,
                    removed_count__gte=0,
                    gap_count__gte=0,
                ),
            ),
            models.CheckConstraint(
                name="run_counts_add_up",
                condition=Q(changed_count__lte=F("updated_count"))
                & (
                    Q(
                        status="success",
                        row_count__gt=0,
                        row_count=F("inserted_count") + F("updated_count") + F("duplicate_count"),
                    )
                    # What is not committed counts for nothing.
                    | (~Q(status="success") & Q(inserted_count=0, updated_count=0, changed_count=0, removed_count=0))
                ),
            ),
            models.CheckConstraint(
                name="run_times_in_order",
                # Both or neither: a comparison with NULL would satisfy a CHECK.
                condition=(Q(min_ts__isnull=True, max_ts__isnull=True) & ~Q(status="success"))
                | Q(min_ts__isnull=False, max_ts__isnull=False, min_ts__lte=F("max_ts")),
            ),
            models.CheckConstraint(
                name="run_sha256_form",
                condition=Q(file_sha256="", status__in=["running", "failed"]) | Q(file_sha256__regex="^[0-9a-f]{64}$"),
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}: {self.file_name} {self.status}"
