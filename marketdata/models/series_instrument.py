from django.db import models
from django.db.models import F, Q


class CurrentManager(models.Manager):
    """Rows of dates with bars that no run has replaced. Replaced rows stay in the table so that an undo can restore
    them."""

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(replaced_by__isnull=True, from_mapping=False)


class SeriesInstrument(models.Model):
    """The instrument that a series is mapped to from `start_date` to the day before `end_date` (UTC dates).

    An instrument_id is only meaningful within a dataset and a day, and a raw symbol is reused each decade. These dated
    rows show whether a file maps the series to the same instrument as the bars that are already stored.

    Rows with `from_mapping` are the dates on which a file mapped the series at all, whether or not it has bars then:
    minutes without bars are missing only on these dates.
    """

    series = models.ForeignKey("Series", on_delete=models.PROTECT, related_name="instruments", db_index=False)
    dataset = models.CharField(max_length=32, help_text="The vendor's dataset, for example GLBX.MDP3.")
    publisher_id = models.IntegerField()
    instrument_id = models.BigIntegerField()
    raw_symbol = models.CharField(
        max_length=128,
        blank=True,
        db_default="",
        db_collation="C",
        help_text="The file's symbol of the instrument, for example NQH5. Empty if the file has none.",
    )
    from_mapping = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The dates are those of the file's mapping. Otherwise they are those of its bars.",
    )
    start_date = models.DateField()
    end_date = models.DateField(help_text="The first date after the interval.")
    # Its index serves "which dates did this run map?" and the rule that such a run cannot be deleted.
    run = models.ForeignKey("IngestRun", on_delete=models.PROTECT, related_name="instruments")
    # Its index serves "which intervals did this run replace?", to restore them.
    replaced_by = models.ForeignKey(
        "IngestRun",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="replaced_instruments",
        help_text="The run that mapped these dates to another instrument. Empty: the interval is current.",
    )

    objects = models.Manager()
    current = CurrentManager()

    class Meta:
        db_table = "market_series_instruments"
        ordering = ["series", "start_date"]
        indexes = [
            # "When had this instrument its first bar?", before a contract is resolved.
            models.Index(name="instrument_raw_symbol", fields=["raw_symbol", "dataset", "instrument_id"]),
            # "On which dates is this series mapped at all?", for the coverage and each strip of the overview.
            models.Index(name="instrument_mapped_dates", fields=["series"], condition=Q(from_mapping=True)),
        ]
        constraints = [
            models.CheckConstraint(name="instrument_dates_in_order", condition=Q(start_date__lt=F("end_date"))),
            models.CheckConstraint(
                name="instrument_replaced_by_another", condition=Q(replaced_by__isnull=True) | ~Q(replaced_by=F("run"))
            ),
            # Serves the query "which instruments are these series mapped to on these dates?" before each upsert.
            models.UniqueConstraint(
                name="instrument_interval_once",
                fields=["series", "start_date", "dataset", "publisher_id", "instrument_id"],
                condition=Q(replaced_by__isnull=True, from_mapping=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} {self.instrument_id} [{self.start_date}, {self.end_date})"
