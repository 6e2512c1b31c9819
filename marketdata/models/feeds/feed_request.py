from django.db import models
from django.db.models import F, Q

from marketdata.models.mixins import sql_condition

MAX_REASON_LENGTH = 12


_NOT_BOUGHT = ["priced", "refused", "empty"]
_BOUGHT = ["bought", "arrived", "stored", "failed"]


class FeedRequest(models.Model):
    """One request to the vendor that can cost money: priced, then refused, or bought. The record of what was spent.

    A request is `bought`, with its charge, before it is sent. Its file is complete (`arrived`) if it has as many
    records as the price stated. It is `stored` when its run is committed. A request whose file did not arrive whole is
    `failed` and keeps its charge. Money is USD.
    """

    class Reason(models.TextChoices):
        MISSING = "missing", "no bars are stored"
        HOLE = "hole", "between stored bars"
        CONFIRM = "confirm", "live bars to confirm"
        REVISED = "revised", "the vendor changed the day"
        DEGRADED = "degraded", "the vendor changed the degraded day"
        FILE_LOST = "file_lost", "the kept file is gone"
        MANUAL = "manual", "requested by a person"

    class Mode(models.TextChoices):
        STREAM = "stream"
        BATCH = "batch"

    class State(models.TextChoices):
        PRICED = "priced"
        REFUSED = "refused"
        BOUGHT = "bought"
        ARRIVED = "arrived"
        STORED = "stored"
        EMPTY = "empty"
        FAILED = "failed"

    backfill = models.ForeignKey("Backfill", on_delete=models.PROTECT, null=True, blank=True, related_name="requests")
    series = models.ForeignKey("Series", on_delete=models.PROTECT, related_name="feed_requests")
    dataset = models.CharField(max_length=32)
    schema = models.CharField(max_length=32, default="ohlcv-1m")
    stype_in = models.CharField(max_length=16)
    vendor_symbol = models.CharField(max_length=128)
    start = models.DateTimeField()
    end = models.DateTimeField(help_text="Not included.")
    reason = models.CharField(max_length=MAX_REASON_LENGTH, choices=Reason)
    mode = models.CharField(max_length=6, choices=Mode, default=Mode.STREAM)
    state = models.CharField(max_length=8, choices=State)

    priced_at = models.DateTimeField()
    priced_usd = models.DecimalField(max_digits=12, decimal_places=6)
    priced_records = models.BigIntegerField()
    vendor_modified = models.DateField(
        null=True, blank=True, help_text="The newest last_modified_date of its days, read before it was bought."
    )
    bought_at = models.DateTimeField(null=True, blank=True)
    charged_usd = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    job_id = models.CharField(max_length=64, blank=True, default="", help_text="The vendor's batch job.")

    file_path = models.TextField(blank=True, default="")
    file_sha256 = models.CharField(max_length=64, blank=True, default="")
    file_size = models.BigIntegerField(null=True, blank=True, help_text="Bytes.")
    received_records = models.BigIntegerField(null=True, blank=True)
    # Without a declared foreign key, as for bars: TRUNCATE of the runs must not need this table.
    run = models.ForeignKey(
        "IngestRun",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="stored_requests",
        help_text="The run that stored its bars.",
    )
    warnings = models.TextField(blank=True, default="", help_text="What the vendor stated beside the data.")
    error = models.TextField(blank=True, default="")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "market_feed_requests"
        ordering = ["-id"]
        indexes = [
            # "What was spent in this month?" (the caps before each purchase, spending, the page of downloads)
            models.Index(name="feed_request_bought", fields=["bought_at"], condition=Q(bought_at__isnull=False)),
            # "Which requests are not finished?" (at the start of each backfill)
            models.Index(name="feed_request_open", fields=["id"], condition=Q(state__in=["bought", "arrived"])),
        ]
        constraints = [
            models.CheckConstraint(name="request_range_in_order", condition=Q(start__lt=F("end"))),
            models.CheckConstraint(
                name="request_full_minutes",
                condition=sql_condition(
                    'mod(extract(epoch FROM start), 60) = 0 AND mod(extract(epoch FROM "end"), 60) = 0'
                ),
            ),
            models.CheckConstraint(
                name="request_state_known",
                condition=Q(state__in=["priced", "refused", "bought", "arrived", "stored", "empty", "failed"]),
            ),
            models.CheckConstraint(
                name="request_reason_known",
                condition=Q(
                    reason__in=["missing", "hole", "confirm", "revised", "degraded", "file_lost", "manual"],
                ),
            ),
            models.CheckConstraint(name="request_mode_known", condition=Q(mode__in=["stream", "batch"])),
            models.CheckConstraint(
                name="request_stype_known", condition=Q(stype_in__in=["continuous", "raw_symbol", "parent"])
            ),
            models.CheckConstraint(
                name="request_money_not_negative",
                condition=Q(priced_usd__gte=0, priced_records__gte=0)
                & (Q(charged_usd__isnull=True) | Q(charged_usd__gte=0)),
            ),
            models.CheckConstraint(
                name="request_priced_before_bought",
                condition=Q(bought_at__isnull=True) | Q(bought_at__gte=F("priced_at")),
            ),
            models.CheckConstraint(
                name="request_charged_iff_bought",
                condition=(
                    Q(bought_at__isnull=True, charged_usd__isnull=True) & ~Q(state__in=_BOUGHT)
                    | Q(bought_at__isnull=False, charged_usd__isnull=False) & ~Q(state__in=_NOT_BOUGHT)
                ),
            ),
            models.CheckConstraint(
                name="request_stored_iff_run",
                condition=Q(state="stored", run__isnull=False) | (~Q(state="stored") & Q(run__isnull=True)),
            ),
            models.CheckConstraint(
                name="request_arrived_whole",
                condition=~Q(state__in=["arrived", "stored"])
                | (Q(received_records=F("priced_records"), file_sha256__regex="^[0-9a-f]{64}$") & ~Q(file_path="")),
            ),
            models.CheckConstraint(
                name="request_error_iff_failed",
                condition=(Q(state__in=["failed", "refused"]) & ~Q(error=""))
                | (~Q(state__in=["failed", "refused"]) & Q(error="")),
            ),
            # request_bought_once, an exclusion constraint: see the migration.
        ]

    def __str__(self) -> str:
        return f"request {self.pk}: {self.vendor_symbol} [{self.start}, {self.end}) {self.state}"
