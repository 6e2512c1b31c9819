from django.db import models
from django.db.models import F, Q


class ArchivedYear(models.Model):
    """A year whose bars are in the lake, and no longer in market_bars_ohlcv_1m.

    The hourly rollup and the counts go on including them. Until `dropped_at`, the detached table of the year remains
    in the database.
    """

    year = models.IntegerField(primary_key=True, help_text="By ts in UTC.")
    lake = models.TextField(help_text="The folder or s3:// address of the lake that has the bars.")
    lake_as_of = models.DateTimeField(help_text="The state of the lake that was verified.")
    bar_count = models.BigIntegerField()
    archived_at = models.DateTimeField()
    dropped_at = models.DateTimeField(null=True, blank=True, help_text="When the detached table was dropped.")

    class Meta:
        db_table = "market_archived_years"
        ordering = ["year"]
        constraints = [
            models.CheckConstraint(name="archived_year_in_calendars", condition=Q(year__gte=1900, year__lt=2200)),
            models.CheckConstraint(name="archived_year_count_not_negative", condition=Q(bar_count__gte=0)),
            models.CheckConstraint(name="archived_year_names_a_lake", condition=~Q(lake="")),
            models.CheckConstraint(
                name="archived_year_dropped_later",
                condition=Q(dropped_at__isnull=True) | Q(dropped_at__gte=F("archived_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.year}: {self.bar_count:,} bars in {self.lake}"
