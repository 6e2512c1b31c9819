from datetime import UTC, datetime

from django.contrib.postgres.functions import TransactionNow
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL

# What calendars know and Python's dates reach with room around them. A bar from elsewhere would break every reader.
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)  # the latter not included

PRICE = {"max_digits": 20, "decimal_places": 9}  # every int64 count of 1e-9, exactly


def _sql_condition(sql: str) -> RawSQL:
    return RawSQL(sql, (), output_field=models.BooleanField())


class Bar(models.Model):
    """One minute of one series: what traded from `ts` (UTC, the start of the minute) until a minute later.

    A minute without a trade has no row. Prices are exact decimals at the vendor's resolution of 1e-9.

    Written only by ingestion, in whole files; the database keeps the rules below whoever writes.
    """

    pk = models.CompositePrimaryKey("symbol", "ts")
    vendor = models.CharField(max_length=32, default="databento", db_default="databento")
    schema = models.CharField(max_length=32, default="ohlcv-1m", db_default="ohlcv-1m")
    # Collation "C" compares bytes: symbols are codes, not words, and the key is cheaper for it.
    symbol = models.CharField(max_length=128, db_collation="C")
    ts = models.DateTimeField()
    ts_ms = models.BigIntegerField(help_text="ts as milliseconds since 1970, for charts.")
    open = models.DecimalField(**PRICE)
    high = models.DecimalField(**PRICE)
    low = models.DecimalField(**PRICE)
    close = models.DecimalField(**PRICE)
    volume = models.DecimalField(max_digits=20, decimal_places=0)  # uint64 in DBN: bigint would not hold it
    # Declared, the foreign key would fire a trigger per row and double the time of a load. Migration 0002 keeps the
    # same rule once per statement, and DO_NOTHING leaves it to the database.
    ingestion_run = models.ForeignKey(
        "IngestRun", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="bars"
    )
    created_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "market_bars_ohlcv_1m"
        indexes = [
            # No index on (symbol, ts DESC): the primary key (symbol, ts) is read backwards for "latest first", and a
            # second copy would cost a fifth more write-ahead log on every load.
            # "Which bars, of whatever series, lie in this stretch of time?" (retention, exports)
            BrinIndex(name="bar_ts_brin", fields=["ts"], autosummarize=True),
            # "Which bars did this run bring?" (audit; the rule that a run with bars cannot be deleted)
            BrinIndex(name="bar_run_brin", fields=["ingestion_run"], autosummarize=True),
        ]
        constraints = [
            models.CheckConstraint(
                name="bar_high_low_enclose",
                condition=Q(
                    high__gte=F("open"),
                    low__lte=F("open"),
                )
                & Q(high__gte=F("close"), low__lte=F("close"))
                & Q(high__gte=F("low")),
            ),
            # PostgreSQL sorts NaN above Infinity, so with the rule above these bounds keep all four prices finite.
            models.CheckConstraint(
                name="bar_prices_finite", condition=_sql_condition("high < 'Infinity' AND low > '-Infinity'")
            ),
            models.CheckConstraint(
                name="bar_volume_not_negative", condition=_sql_condition("volume >= 0 AND volume < 'Infinity'")
            ),
            models.CheckConstraint(name="bar_whole_minute", condition=_sql_condition("ts_ms %% 60000 = 0")),
            models.CheckConstraint(name="bar_ts_in_calendars", condition=Q(ts__gte=EARLIEST, ts__lt=LATEST)),
            # Whole seconds suffice, since the rule above leaves no milliseconds; measured at a fifth of the cost of
            # extract(epoch FROM ts) * 1000.
            models.CheckConstraint(
                name="bar_ts_ms_agrees", condition=_sql_condition("ts = to_timestamp(ts_ms / 1000)")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.ts:%Y-%m-%d %H:%M}"
