from django.db import models
from django.db.models import Q


class SeriesCount(models.Model):
    """How many minute bars the table holds of a symbol: kept with the hourly ledger, by the same triggers.

    Adding the ledger up would take longer the longer a series is. A symbol that once had bars may stand here with 0.
    """

    symbol = models.CharField(max_length=128, db_collation="C", primary_key=True)
    bar_count = models.BigIntegerField()

    class Meta:
        db_table = "market_series_counts"
        constraints = [models.CheckConstraint(name="series_count_not_negative", condition=Q(bar_count__gte=0))]

    def __str__(self) -> str:
        return f"{self.symbol}: {self.bar_count:,}"
