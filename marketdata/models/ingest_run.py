from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, HashIndex
from django.db import models
from django.db.models import F, Q

from marketdata.formatting import format_list

MAX_USER = 150  # as in Django's table of users
MAX_REASON = 500


class IngestRun(models.Model):
    """One attempt to load one file, or to undo such a run: the audit trail. Rows are inserted, and closed once.

    A run is `success` if and only if its bars are committed: both happen in one transaction.

    An undo has no file. It counts the bars that it deletes as removed, the bars that get their earlier values back as
    changed, and the bars that it restores as inserted. A split has no file either: it moves bars to the series of their
    contracts, and counts them as changed.
    """

    class Kind(models.TextChoices):
        """A run of `LOADS` loads a file: one of a user, one of backfill, or one of the live stream."""

        FILE = "file"
        UNDO = "undo"
        SPLIT = "split"
        HISTORY = "history"
        LIVE = "live"

    # Kinds of runs that load a file. Their rules are the same.
    LOADS = (Kind.FILE, Kind.HISTORY, Kind.LIVE)

    class Status(models.TextChoices):
        RUNNING = "running"
        SUCCESS = "success"
        FAILED = "failed"

    vendor = models.CharField(max_length=32, default="databento")
    dataset = models.CharField(
        max_length=200, blank=True, help_text="The name in the audit trail, for example mnq_ohlcv_1m."
    )
    vendor_dataset = models.CharField(max_length=32, blank=True, help_text="The vendor's name, for example GLBX.MDP3.")
    schema = models.CharField(max_length=32, default="ohlcv-1m")
    symbols = ArrayField(
        models.CharField(max_length=128),
        default=list,
        blank=True,
        help_text="The symbols of the series that the run writes.",
    )

    kind = models.CharField(
        max_length=16, choices=Kind, default=Kind.FILE, db_default=Kind.FILE, help_text="What the run does."
    )
    # No index: runs are few, and queries read a page of them at a time. A migration declares the foreign key
    # run_undoes_a_run, which is checked immediately. Django's would be deferred and block TRUNCATE until the commit.
    undoes = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="undone_by",
        help_text="The run that this one undoes. Empty if it loads a file.",
    )

    file_name = models.CharField(max_length=255, help_text="For an undo, the file of the undone run.")
    file_path = models.TextField(help_text="The path of the file, for retrying a failed run.")
    file_size = models.BigIntegerField(null=True, blank=True, help_text="Bytes.")
    file_sha256 = models.CharField(max_length=64, blank=True)

    requested_symbol = models.CharField(max_length=128, blank=True, help_text="--symbol")
    row_limit = models.BigIntegerField(null=True, blank=True, help_text="--limit")
    publisher_id = models.IntegerField(null=True, blank=True, help_text="--publisher")
    replace_instrument = models.BooleanField(default=False, help_text="--replace-instrument")
    remove_withdrawn = models.BooleanField(default=False, db_default=False, help_text="--remove-withdrawn")
    continue_symbol = models.BooleanField(default=False, db_default=False, help_text="--continue-symbol")

    requested_symbols = ArrayField(
        models.CharField(max_length=128),
        default=list,
        db_default=[],
        blank=True,
        help_text="The symbols that the file's metadata requests, also those that it does not map.",
    )
    requested_start = models.DateTimeField(null=True, blank=True, help_text="The start of the file's range.")
    requested_end = models.DateTimeField(null=True, blank=True, help_text="The end of the file's range, not included.")
    moves = models.JSONField(
        null=True,
        blank=True,
        help_text="What a split moved: a list of objects with the keys from, to, start, end and bars.",
    )

    status = models.CharField(max_length=16, choices=Status, default=Status.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    row_count = models.BigIntegerField(default=0, help_text="Rows of the file that were loaded.")
    inserted_count = models.BigIntegerField(default=0, help_text="Bars that were new.")
    updated_count = models.BigIntegerField(default=0, help_text="Bars that were already stored.")
    changed_count = models.BigIntegerField(default=0, help_text="Stored bars that got new values.")
    duplicate_count = models.BigIntegerField(default=0, help_text="Rows that repeat an earlier row of the file.")
    removed_count = models.BigIntegerField(
        default=0, help_text="Bars deleted because their instrument was replaced, or because the vendor withdrew them."
    )
    withdrawn_count = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="Stored bars of the file's dates and instruments that the file does not have.",
    )
    gap_count = models.BigIntegerField(default=0, help_text="Gaps: places where minutes are missing.")
    left_count = models.BigIntegerField(
        default=0, db_default=0, help_text="Bars that an undo skipped because a later run had changed them."
    )
    min_ts = models.DateTimeField(null=True, blank=True)
    max_ts = models.DateTimeField(null=True, blank=True)

    requested_by = models.CharField(
        max_length=MAX_USER,
        blank=True,
        default="",
        db_default="",
        help_text="The user who requested the run on a page. Empty for a run of the command line.",
    )
    job_id = models.UUIDField(
        null=True, blank=True, help_text="The job that started the run. Empty for a run of the command line."
    )
    cancel_requested_by = models.CharField(
        max_length=MAX_USER,
        blank=True,
        default="",
        db_default="",
        help_text="The user who requested to cancel the run while it was running. Empty if none did.",
    )
    dismissed_at = models.DateTimeField(null=True, blank=True, help_text="When a user dismissed the failure.")
    dismissed_by = models.CharField(
        max_length=MAX_USER, blank=True, default="", db_default="", help_text="The user who dismissed the failure."
    )
    dismissed_reason = models.CharField(
        max_length=MAX_REASON, blank=True, default="", db_default="", help_text="Why the failure needs no attention."
    )

    vendor_conditions = models.JSONField(
        null=True,
        blank=True,
        help_text="Of the condition.json beside the file: start and end of its dates, and the days that are not "
        "available, with their conditions. Empty: there was none.",
    )
    quality_checked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the bars that the run touched were checked. Empty: not yet."
    )

    # A migration declares the foreign key run_feed_request_exists, as for `undoes`.
    feed_request = models.ForeignKey(
        "FeedRequest",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="runs",
        help_text="The request to the vendor that brought the file. Empty for a file of a user.",
    )
    # A migration declares the foreign key run_feed_session_exists, as for `undoes`.
    feed_session = models.ForeignKey(
        "FeedSession",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="runs",
        help_text="The live session that brought the file. Empty for all other files.",
    )

    class Meta:
        db_table = "data_ingest_runs"
        ordering = ["-id"]
        indexes = [
            # "Which runs wrote this series?" (its page, the API's and the admin's filters, the list of series)
            GinIndex(name="run_symbols_gin", fields=["symbols"]),
            # "Which runs loaded this file?" (--skip-ingested, the admin's links between runs of a file)
            models.Index(name="run_file_sha256", fields=["file_sha256"]),
            # "Which runs are running, which failed?" (closing orphaned runs at every start, reviewing failures). It
            # leaves out successful runs, which are nearly all.
            models.Index(name="run_not_success", fields=["status", "-id"], condition=~Q(status="success")),
            # "Was the file of this failed run loaded since?" (unresolved failures). A path can be longer than the rows
            # of a B-tree.
            HashIndex(name="run_file_path", fields=["file_path"]),
            # "Which runs loaded the file of this request?" (recovery, the page of downloads)
            models.Index(name="run_feed_request", fields=["feed_request"], condition=Q(feed_request__isnull=False)),
            # "Which runs did this live session bring?" (the runs' lists, which fold them; the page of feeds)
            models.Index(
                name="run_feed_session", fields=["feed_session", "id"], condition=Q(feed_session__isnull=False)
            ),
            # "Which are the newest other runs?" (the runs' lists: a live session has a run a minute)
            models.Index(name="run_of_no_feed_session", fields=["-id"], condition=Q(feed_session__isnull=True)),
            # "Which runs are still to be checked?" (the worker)
            models.Index(
                name="run_not_checked", fields=["id"], condition=Q(quality_checked_at__isnull=True, status="success")
            ),
            # "Which run did this job start?" (its page, orphaned jobs)
            models.Index(name="run_job", fields=["job_id"], condition=Q(job_id__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                name="run_kind_known", condition=Q(kind__in=["file", "undo", "split", "history", "live"])
            ),
            models.CheckConstraint(
                name="run_kind_undo_iff_undoes",
                condition=Q(kind="undo", undoes__isnull=False) | (~Q(kind="undo") & Q(undoes__isnull=True)),
            ),
            models.CheckConstraint(
                name="run_feed_session_is_live", condition=Q(feed_session__isnull=True) | Q(kind="live")
            ),
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
                    withdrawn_count__gte=0,
                ),
            ),
            models.CheckConstraint(
                name="run_counts_add_up",
                condition=Q(changed_count__lte=F("updated_count"))
                & (
                    Q(
                        ~Q(kind="split"),
                        status="success",
                        undoes__isnull=True,
                        row_count__gt=0,
                        row_count=F("inserted_count") + F("updated_count") + F("duplicate_count"),
                        left_count=0,
                    )
                    # An undo counts only bars that it wrote. There may be none: a run can replace the instrument of
                    # some dates without changing a bar.
                    | Q(
                        status="success",
                        undoes__isnull=False,
                        row_count=F("inserted_count") + F("changed_count") + F("removed_count"),
                        updated_count=F("changed_count"),
                        duplicate_count=0,
                        gap_count=0,
                    )
                    # A split may rename a series that has no bars.
                    | Q(
                        kind="split",
                        status="success",
                        row_count=F("changed_count"),
                        updated_count=F("changed_count"),
                        inserted_count=0,
                        removed_count=0,
                        duplicate_count=0,
                        gap_count=0,
                        left_count=0,
                    )
                    # A run that is not committed has written nothing.
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
                | Q(file_sha256="", kind__in=["undo", "split"])
                | Q(file_sha256__regex="^[0-9a-f]{64}$"),
            ),
            # With a hash or a path, an undo would look like a run that loaded the file.
            models.CheckConstraint(
                name="run_undo_has_no_file",
                condition=Q(undoes__isnull=True) | Q(file_sha256="", file_path="", file_size__isnull=True),
            ),
            models.CheckConstraint(
                name="run_undoes_an_earlier", condition=Q(undoes__isnull=True) | Q(undoes__lt=F("id"))
            ),
            models.CheckConstraint(
                name="run_dismissed_if_failed",
                condition=Q(dismissed_at__isnull=True, dismissed_by="", dismissed_reason="")
                | (Q(status="failed", dismissed_at__isnull=False) & ~Q(dismissed_by="") & ~Q(dismissed_reason="")),
            ),
            # An undo that skipped no bar is final. One that skipped bars may be repeated after the later run that
            # changed those bars is undone.
            models.UniqueConstraint(
                name="run_undone_once",
                fields=["undoes"],
                condition=Q(undoes__isnull=False, status="success", left_count=0),
            ),
        ]

    @property
    def time_range(self) -> tuple[datetime, datetime]:
        """The first and the last time of a successful run, which has both (run_times_in_order)."""
        if self.min_ts is None or self.max_ts is None:
            raise ValueError(f"run {self.pk} is {self.status}: it has no time range")
        return self.min_ts, self.max_ts

    @property
    def seconds(self) -> float:
        """How long a closed run took, to the millisecond."""
        if self.finished_at is None:
            raise ValueError(f"run {self.pk} is not closed")
        return round((self.finished_at - self.started_at).total_seconds(), 3)

    @property
    def title(self) -> str:
        """What the run loaded, undid or split, in a few words: the name of its file, if it has one."""
        if self.undoes_id:
            what = "a split" if self.moves is not None else self.file_name
            return f"undo of run {self.undoes_id}: {what}"
        return self.split_title if self.kind == self.Kind.SPLIT else self.file_name

    @property
    def split_title(self) -> str:
        """split of NQH5, NQM5 and 64 more"""
        moved = dict.fromkeys(move["from"] for move in self.moves or [])
        names = list(moved) or self.symbols
        return f"split of {format_list(names, limit=3)}" if names else "split"

    def __str__(self) -> str:
        return f"run {self.pk}: {self.title} {self.status}"
