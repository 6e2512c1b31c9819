from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL

from marketdata.models.bar import PRICE

# The place of the highest bit of `minutes`, and of the lowest, counted from the right: 0 to 59.
_LAST_MINUTE = "60 - position(B'1' in minutes::bit(60))"
_FIRST_MINUTE = "60 - position(B'1' in (minutes & -minutes)::bit(60))"


def _minute_of_hour(minute: str) -> RawSQL:
    # By way of UTC's wall clock: only that is immutable, as a generated column must be.
    sql = f"(hour AT TIME ZONE 'UTC' + ({minute}) * interval '1 minute') AT TIME ZONE 'UTC'"
    return RawSQL(sql, ())


class HourlyBar(models.Model):
    """One hour of one series, made of its minute bars: the ledger. An hour without a bar has no row.

    Nobody writes it: triggers on the bars' table (migration 0006) keep it in step within each statement that writes
    bars, and refuse every other change. `minutes` says which of the hour's minutes have a bar, bit n for minute n; the
    columns that follow from it are made of it by the database.
    """

    pk = models.CompositePrimaryKey("symbol", "hour")
    symbol = models.CharField(max_length=128, db_collation="C")
    hour = models.DateTimeField(help_text="The start of the hour, UTC.")
    open = models.DecimalField(**PRICE)
    high = models.DecimalField(**PRICE)
    low = models.DecimalField(**PRICE)
    close = models.DecimalField(**PRICE)
    volume = models.DecimalField(max_digits=22, decimal_places=0)  # sixty times uint64
    minutes = models.BigIntegerField(help_text="Bit n: minute n has a bar.")
    bar_count = models.GeneratedField(
        expression=RawSQL("bit_count(minutes::bit(64))", ()), output_field=models.BigIntegerField(), db_persist=True
    )
    first_ts = models.GeneratedField(
        expression=_minute_of_hour(_FIRST_MINUTE), output_field=models.DateTimeField(), db_persist=True
    )
    last_ts = models.GeneratedField(
        expression=_minute_of_hour(_LAST_MINUTE), output_field=models.DateTimeField(), db_persist=True
    )

    class Meta:
        db_table = "market_bars_ohlcv_1h"
        # No index but the primary key: "this series from hour to hour" is all that anybody asks.
        constraints = [
            models.CheckConstraint(
                name="hour_whole_hour",
                condition=RawSQL(
                    "hour = date_bin('1 hour', hour, '2000-01-01 00:00+00')", (), output_field=models.BooleanField()
                ),
            ),
            models.CheckConstraint(name="hour_minutes_in_hour", condition=Q(minutes__gt=0, minutes__lt=2**60)),
            models.CheckConstraint(
                name="hour_high_low_enclose",
                condition=Q(high__gte=F("open"), low__lte=F("open"))
                & Q(high__gte=F("close"), low__lte=F("close"))
                & Q(high__gte=F("low")),
            ),
            # With the rule above these bounds keep all four finite, as for bars.
            models.CheckConstraint(
                name="hour_prices_finite",
                condition=RawSQL("high < 'Infinity' AND low > '-Infinity'", (), output_field=models.BooleanField()),
            ),
            models.CheckConstraint(
                name="hour_volume_not_negative",
                condition=RawSQL("volume >= 0 AND volume < 'Infinity'", (), output_field=models.BooleanField()),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.hour:%Y-%m-%d %H}h"
