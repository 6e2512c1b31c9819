from django.db import models

from marketdata.models.bar import PRICE


class BrowsableBar(models.Model):
    """The bars' table once more, for the admin, which cannot register a model with a composite primary key.

    `symbol` stands in as the key, which it is not: fit for lists of one series, and for nothing else.
    """

    symbol = models.CharField(max_length=128, primary_key=True)
    ts = models.DateTimeField()
    open = models.DecimalField(**PRICE)
    high = models.DecimalField(**PRICE)
    low = models.DecimalField(**PRICE)
    close = models.DecimalField(**PRICE)
    volume = models.DecimalField(max_digits=20, decimal_places=0)
    ingestion_run = models.ForeignKey("IngestRun", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")

    class Meta:
        managed = False
        db_table = "market_bars_ohlcv_1m"
        verbose_name = "bar"

    def __str__(self) -> str:
        return f"{self.symbol} {self.ts:%Y-%m-%d %H:%M}"
