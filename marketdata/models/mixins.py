from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL

from marketdata.models.fields import PriceField


class OhlcvColumns(models.Model):
    """The prices and the volume of one bar."""

    open = PriceField()
    high = PriceField()
    low = PriceField()
    close = PriceField()
    # DBN's volume is a uint64, which does not fit into a bigint.
    volume = models.DecimalField(max_digits=20, decimal_places=0)

    class Meta:
        abstract = True


def sql_condition(sql: str) -> RawSQL:
    """A condition that only SQL can express."""
    return RawSQL(sql, (), output_field=models.BooleanField())


def ohlcv_constraints(prefix: str) -> list[models.CheckConstraint]:
    """The rules of `OhlcvColumns`. Their names start with `prefix`."""
    return [
        models.CheckConstraint(
            name=f"{prefix}_high_low_enclose",
            condition=Q(high__gte=F("open"), low__lte=F("open"))
            & Q(high__gte=F("close"), low__lte=F("close"))
            & Q(high__gte=F("low")),
        ),
        # PostgreSQL sorts NaN above Infinity. With the rule above, these two bounds keep all four prices finite.
        models.CheckConstraint(
            name=f"{prefix}_prices_finite", condition=sql_condition("high < 'Infinity' AND low > '-Infinity'")
        ),
        models.CheckConstraint(
            name=f"{prefix}_volume_not_negative", condition=sql_condition("volume >= 0 AND volume < 'Infinity'")
        ),
    ]
