from datetime import UTC, datetime

from django.contrib.postgres.functions import TransactionNow
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from marketdata.models.mixins import OhlcvColumns, ohlcv_constraints, sql_condition

# Trading calendars cover these years, and Python's dates exceed them. A bar outside would break every reader.
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)  # LATEST is exclusive


class Bar(OhlcvColumns):
    """One minute of one series: the trades from `ts` (UTC, the start of the minute) to the end of that minute.

    A minute without a trade has no row. Prices are exact decimals at the vendor's resolution of 1e-9.

    Only ingestion writes bars, a whole file at a time. The database enforces the rules below for every writer.
    """

    pk = models.CompositePrimaryKey("symbol", "ts")
    vendor = models.CharField(max_length=32, default="databento", db_default="databento")
    schema = models.CharField(max_length=32, default="ohlcv-1m", db_default="ohlcv-1m")
    # Symbols are codes, not words. Collation "C" compares their bytes, which makes the primary key cheaper.
    symbol = models.CharField(max_length=128, db_collation="C")
    ts = models.DateTimeField()
    ts_ms = models.BigIntegerField(help_text="ts in milliseconds since 1970, for charts.")
    # A declared foreign key would fire a trigger per row and double the time of a load. The database functions
    # market_rollup_add_bars and market_runs_must_exist check the same rule once per statement.
    ingestion_run = models.ForeignKey(
        "IngestRun", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="bars"
    )
    created_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        db_table = "market_bars_ohlcv_1m"
        indexes = [
            # No index on (symbol, ts DESC): "latest first" reads the primary key (symbol, ts) backwards. A second
            # index would add a fifth to the write-ahead log of every load.
            # "Which bars of any series are in this time range?" (retention, exports)
            BrinIndex(name="bar_ts_brin", fields=["ts"], autosummarize=True),
            # "Which bars did this run load?" (audit; the rule that a run with bars cannot be deleted)
            BrinIndex(name="bar_run_brin", fields=["ingestion_run"], autosummarize=True),
        ]
        constraints = [
            *ohlcv_constraints("bar"),
            models.CheckConstraint(name="bar_whole_minute", condition=sql_condition("ts_ms %% 60000 = 0")),
            models.CheckConstraint(name="bar_ts_in_calendars", condition=Q(ts__gte=EARLIEST, ts__lt=LATEST)),
            # Seconds are enough, since the rule for whole minutes leaves no milliseconds. extract(epoch FROM ts) * 1000
            # costs five times as much (measured).
            models.CheckConstraint(name="bar_ts_ms_agrees", condition=sql_condition("ts = to_timestamp(ts_ms / 1000)")),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.ts:%Y-%m-%d %H:%M}"
