from django.db import models
from django.db.models import Q


class VendorDataset(models.Model):
    """From when to when the vendor has history of a dataset, as it was last read (metadata.get_dataset_range)."""

    dataset = models.CharField(max_length=32, primary_key=True)
    available_start = models.DateTimeField()
    available_end = models.DateTimeField(help_text="Not included. What the account's licence allows may end earlier.")
    seen_at = models.DateTimeField(help_text="When it was last read.")

    class Meta:
        db_table = "market_vendor_datasets"
        constraints = [
            models.CheckConstraint(
                name="vendor_dataset_in_order", condition=Q(available_start__lte=models.F("available_end"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} [{self.available_start}, {self.available_end})"


class VendorDay(models.Model):
    """The vendor's condition of one UTC day of a dataset, as it was last read (metadata.get_dataset_condition)."""

    class Condition(models.TextChoices):
        AVAILABLE = "available"
        DEGRADED = "degraded"
        PENDING = "pending"
        MISSING = "missing"

    pk = models.CompositePrimaryKey("dataset", "day")
    dataset = models.CharField(max_length=32)
    day = models.DateField()
    condition = models.CharField(max_length=16, choices=Condition)
    last_modified_date = models.DateField(
        null=True, blank=True, help_text="When any schema of the dataset was last made again for the day."
    )
    was = models.CharField(max_length=16, blank=True, default="", help_text="The condition before.")
    seen_at = models.DateTimeField(help_text="When it was last read.")

    class Meta:
        db_table = "market_vendor_days"
        constraints = [
            models.CheckConstraint(
                name="vendor_day_condition_known",
                condition=Q(condition__in=["available", "degraded", "pending", "missing"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} {self.day}: {self.condition}"


class SeriesDay(models.Model):
    """A UTC day of a series that history covers, up to `covered_until`: it delivered all `records` bars that exist.

    A minute before `covered_until` without a bar had no trade, from `covered_from` on. A day with fewer stored bars
    than `records` has lost some.
    """

    pk = models.CompositePrimaryKey("series", "day")
    series = models.ForeignKey("Series", on_delete=models.CASCADE, db_index=False, related_name="history_days")
    day = models.DateField()
    request = models.ForeignKey(
        "FeedRequest",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="days",
        help_text="The request that delivered the day, the last of several. Empty: the vendor's count was compared.",
    )
    # Without a declared foreign key, as for bars.
    run = models.ForeignKey(
        "IngestRun", on_delete=models.PROTECT, null=True, blank=True, db_constraint=False, db_index=False
    )
    covered_from = models.DateTimeField(
        null=True, blank=True, help_text="History is known from this time on. Empty: from the start of the day."
    )
    covered_until = models.DateTimeField(help_text="History is known up to this time, which can be within the day.")
    records = models.IntegerField(help_text="The bars that history delivered for the day, up to covered_until.")
    changed = models.IntegerField(default=0, help_text="Live bars that differed from history.")
    condition = models.CharField(max_length=16, blank=True, default="", help_text="The vendor's, when it was bought.")
    modified = models.DateField(null=True, blank=True, help_text="The vendor's last_modified_date when it was bought.")
    confirmed_at = models.DateTimeField()

    class Meta:
        db_table = "market_series_days"
        constraints = [
            models.CheckConstraint(name="series_day_counts_not_negative", condition=Q(records__gte=0, changed__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.series_id} {self.day}: {self.records} bars"


class KnownEmpty(models.Model):
    """A range for which the vendor has no data for a series, why, and when to ask again."""

    class Why(models.TextChoices):
        CLOSED = "closed", "the market was closed"
        NOT_LISTED = "not_listed", "the contract was not listed"
        NOT_RESOLVED = "not_resolved", "the vendor does not resolve the symbol"
        NO_RECORDS = "no_records", "the vendor has no records"
        VENDOR_MISSING = "vendor_missing", "the vendor lacks the day"

    series = models.ForeignKey("Series", on_delete=models.CASCADE, related_name="known_empty", db_index=False)
    dataset = models.CharField(max_length=32)
    vendor_symbol = models.CharField(max_length=128)
    start = models.DateTimeField()
    end = models.DateTimeField(help_text="Not included.")
    why = models.CharField(max_length=16, choices=Why)
    evidence = models.TextField(help_text="What the vendor answered.")
    learned_at = models.DateTimeField()
    ask_again_at = models.DateTimeField(null=True, blank=True, help_text="Empty: only if the vendor changes the day.")
    modified = models.DateField(
        null=True, blank=True, help_text="The newest last_modified_date of its days when it was learned."
    )

    class Meta:
        db_table = "market_known_empty"
        ordering = ["series", "start"]
        verbose_name_plural = "known empty ranges"
        indexes = [
            # "Which ranges of this series are known to be empty?" (the plan, the verdicts of gaps)
            models.Index(name="known_empty_range", fields=["series", "start"]),
        ]
        constraints = [
            models.CheckConstraint(name="known_empty_in_order", condition=Q(start__lt=models.F("end"))),
            models.CheckConstraint(
                name="known_empty_why_known",
                condition=Q(why__in=["closed", "not_listed", "not_resolved", "no_records", "vendor_missing"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.vendor_symbol} [{self.start}, {self.end}): {self.why}"


class FeedStore(models.Model):
    """One row: the name of this database's folder below FEED_DIR, so that two databases never share downloads."""

    identifier = models.UUIDField(primary_key=True)

    class Meta:
        db_table = "feed_store"

    def __str__(self) -> str:
        return str(self.identifier)
