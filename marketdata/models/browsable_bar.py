from django.db import models

from marketdata.models.mixins import OhlcvColumns


class BrowsableBar(OhlcvColumns):
    """The bars for the admin, which cannot register a model with a composite primary key.

    `symbol` is declared as the key, although it is not unique. Use this model only to list the bars of one series.
    """

    symbol = models.CharField(max_length=128, primary_key=True)
    ts = models.DateTimeField()
    ingestion_run = models.ForeignKey("IngestRun", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")

    class Meta:
        managed = False
        db_table = "market_bars_ohlcv_1m"
        verbose_name = "bar"

    def __str__(self) -> str:
        return f"{self.symbol} {self.ts:%Y-%m-%d %H:%M}"
