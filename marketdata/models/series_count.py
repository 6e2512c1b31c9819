from django.db import models
from django.db.models import Q


class SeriesCount(models.Model):
    """The number of minute bars of one symbol. The triggers of the hourly rollup update it.

    Summing the hourly rollup would take longer for longer series. The row of a symbol without bars may remain, with 0.
    """

    symbol = models.CharField(max_length=128, db_collation="C", primary_key=True)
    bar_count = models.BigIntegerField()

    class Meta:
        db_table = "market_series_counts"
        constraints = [models.CheckConstraint(name="series_count_not_negative", condition=Q(bar_count__gte=0))]

    def __str__(self) -> str:
        return f"{self.symbol}: {self.bar_count:,}"
