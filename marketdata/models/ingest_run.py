from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q


class IngestRun(models.Model):
    """One attempt to bring one file in, or to take such a run back: the audit trail. Rows are only ever added, and
    closed once.

    A run is `success` if and only if its bars are committed: both happen in one transaction.

    An undo (`undoes` is set) has no file. It counts as removed the bars that the undone run had inserted, as changed
    those that have the values again that they had before, and as inserted those that are back.
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

    # No index of its own: runs are few, and it is asked for a page of them at a time. Migration 0007 declares the
    # foreign key, checked at once: Django's would wait for the commit, and refuse a TRUNCATE until then.
    undoes = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="undone_by",
        help_text="The run that this one takes back; empty for one that brings a file.",
    )

    file_name = models.CharField(max_length=255, help_text="For an undo, that of the undone run.")
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
    left_count = models.BigIntegerField(
        default=0, db_default=0, help_text="Bars that an undo left, since a later run had changed them."
    )
    min_ts = models.DateTimeField(null=True, blank=True)
    max_ts = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "data_ingest_runs"
        ordering = ["-id"]
        indexes = [
            # "Which runs are of this series?" (its page, the API's and the admin's filters, the list of series)
            GinIndex(name="run_symbols_gin", fields=["symbols"]),
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
                    left_count__gte=0,
                ),
            ),
            models.CheckConstraint(
                name="run_counts_add_up",
                condition=Q(changed_count__lte=F("updated_count"))
                & (
                    Q(
                        status="success",
                        undoes__isnull=True,
                        row_count__gt=0,
                        row_count=F("inserted_count") + F("updated_count") + F("duplicate_count"),
                        left_count=0,
                    )
                    # An undo names the bars that it wrote, and no others. It may be of days alone: a run may have put
                    # its instrument in another's place without a bar that differs.
                    | Q(
                        status="success",
                        undoes__isnull=False,
                        row_count=F("inserted_count") + F("changed_count") + F("removed_count"),
                        updated_count=F("changed_count"),
                        duplicate_count=0,
                        gap_count=0,
                    )
                    # What is not committed counts for nothing.
                    | (
                        ~Q(status="success")
                        & Q(inserted_count=0, updated_count=0, changed_count=0, removed_count=0, left_count=0)
                    )
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
                condition=Q(file_sha256="", status__in=["running", "failed"])
                | Q(file_sha256="", undoes__isnull=False)
                | Q(file_sha256__regex="^[0-9a-f]{64}$"),
            ),
            # With a hash or a path, an undo would pass for a run that loaded the file.
            models.CheckConstraint(
                name="run_undo_has_no_file",
                condition=Q(undoes__isnull=True) | Q(file_sha256="", file_path="", file_size__isnull=True),
            ),
            models.CheckConstraint(
                name="run_undoes_an_earlier", condition=Q(undoes__isnull=True) | Q(undoes__lt=F("id"))
            ),
            # One that left nothing leaves nothing for another. One that left bars may be followed by another, once
            # the later run that changed those bars is undone itself.
            models.UniqueConstraint(
                name="run_undone_once",
                fields=["undoes"],
                condition=Q(undoes__isnull=False, status="success", left_count=0),
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}: {self.file_name} {self.status}"
