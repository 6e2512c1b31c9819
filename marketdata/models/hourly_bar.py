from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from marketdata.models.mixins import OhlcvColumns, ohlcv_constraints, sql_condition

# The position of the highest and of the lowest bit that is set in `minutes`, counted from the right: 0 to 59.
_LAST_MINUTE = "60 - position(B'1' in minutes::bit(60))"
_FIRST_MINUTE = "60 - position(B'1' in (minutes & -minutes)::bit(60))"


def _minute_of_hour(minute: str) -> RawSQL:
    # A generated column must be immutable. Adding an interval to a timestamptz is not; to a timestamp it is.
    sql = f"(hour AT TIME ZONE 'UTC' + ({minute}) * interval '1 minute') AT TIME ZONE 'UTC'"
    return RawSQL(sql, ())


class HourlyBar(OhlcvColumns):
    """One hour of one series, aggregated from its minute bars: the hourly rollup. An hour without a bar has no row.

    The triggers of sql/hourly_rollup.sql update it in the same statement that writes bars. The triggers of
    sql/rollup_guards.sql refuse every other write. Bit n of `minutes` is set if minute n has a bar. The database
    generates bar_count, first_ts and last_ts from `minutes`.
    """

    pk = models.CompositePrimaryKey("symbol", "hour")
    symbol = models.CharField(max_length=128, db_collation="C")
    hour = models.DateTimeField(help_text="The start of the hour, UTC.")
    volume = models.DecimalField(max_digits=22, decimal_places=0)  # sixty times the volume of a minute
    minutes = models.BigIntegerField(help_text="Bit n is set if minute n has a bar.")
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
        # No index except the primary key: every query reads a range of hours of one series.
        constraints = [
            models.CheckConstraint(
                name="hour_whole_hour",
                condition=sql_condition("hour = date_bin('1 hour', hour, '2000-01-01 00:00+00')"),
            ),
            models.CheckConstraint(name="hour_minutes_in_hour", condition=Q(minutes__gt=0, minutes__lt=2**60)),
            *ohlcv_constraints("hour"),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.hour:%Y-%m-%d %H}h"
