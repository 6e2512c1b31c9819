from django.db import models
from django.db.models import F, Q


class StandingManager(models.Manager):
    """The rows that count: what was replaced is kept only to be given back."""

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(replaced_by__isnull=True)


class SeriesInstrument(models.Model):
    """What stood behind a series from `start_date` to the day before `end_date` (UTC dates, half-open).

    An instrument_id means something only within a dataset and a day, and a raw symbol returns each decade, so it is
    these dated rows that tell whether a file brings the same instrument as the table already holds.
    """

    series = models.ForeignKey("Series", on_delete=models.PROTECT, related_name="instruments", db_index=False)
    dataset = models.CharField(max_length=32, help_text="The vendor's dataset: GLBX.MDP3.")
    publisher_id = models.IntegerField()
    instrument_id = models.BigIntegerField()
    start_date = models.DateField()
    end_date = models.DateField(help_text="The first day that is not part of it.")
    # Its index serves "which days did this run file?" and the rule that such a run cannot be deleted.
    run = models.ForeignKey("IngestRun", on_delete=models.PROTECT, related_name="instruments")
    # Its index serves "which days did this run take from another instrument?", to give them back.
    replaced_by = models.ForeignKey(
        "IngestRun",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="replaced_instruments",
        help_text="The run that put another instrument behind these days since. Empty: it stands.",
    )

    objects = models.Manager()
    standing = StandingManager()

    class Meta:
        db_table = "market_series_instruments"
        ordering = ["series", "start_date"]
        constraints = [
            models.CheckConstraint(name="instrument_dates_in_order", condition=Q(start_date__lt=F("end_date"))),
            models.CheckConstraint(
                name="instrument_replaced_by_another", condition=Q(replaced_by__isnull=True) | ~Q(replaced_by=F("run"))
            ),
            # Serves the look-up "what stands behind these series on these days" before each upsert.
            models.UniqueConstraint(
                name="instrument_interval_once",
                fields=["series", "start_date", "dataset", "publisher_id", "instrument_id"],
                condition=Q(replaced_by__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} {self.instrument_id} [{self.start_date}, {self.end_date})"
